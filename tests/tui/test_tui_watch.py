"""Pace `watch`: whatever matters is seen for long enough, measured from what is painted."""

import time
from collections import defaultdict
from collections.abc import Callable
from typing import Self

import pytest
from support.tui import session_of

from raftplay.cluster.harness import Harness
from raftplay.language.table import bind
from raftplay.past.history import History
from raftplay.past.view import View
from raftplay.raft.messages import CMState, RequestVoteArgs, RequestVoteReply
from raftplay.run.live import Live
from raftplay.session.session import Session
from raftplay.tui.playhead import FLIGHT, Playhead
from raftplay.tui.stage.scene import Scene
from raftplay.tui.stage.stage import paint

SEEN = 0.7
"""The seconds for which each part of an election is seen at least."""

FASTER = 4.0
"""The tests watch so many times faster; paints come as much more often."""

PAINTS = 12

PARTS = ("candidate", "requests", "votes", "leader")


def parts_of(scene: Scene) -> set[str]:
    """What can be seen of an election."""
    nodes = scene.view.snapshot.nodes
    seen = {"candidate"} if any(n.state is CMState.CANDIDATE for n in nodes) else set()
    seen |= {"leader"} if any(n.state is CMState.LEADER for n in nodes) else set()
    for moving in scene.moving:
        seen |= {"requests"} if isinstance(moving.message, RequestVoteArgs) else set()
        seen |= {"votes"} if isinstance(moving.message, RequestVoteReply) else set()
    return seen


def watched(session: Session, until: Callable[[float, dict[str, float]], bool], faster: float) -> dict[str, float]:
    """The seconds at the usual pace for which each part was seen while a start was watched."""
    live = Live(session)
    playhead = Playhead(session.branch, FLIGHT)
    found: dict[str, float] = defaultdict(float)
    begin = time.monotonic()
    before = 0.0
    try:
        while not until(before, found):
            time.sleep(1 / PAINTS / faster)
            now = (time.monotonic() - begin) * faster
            scene = playhead.tick(now, live.view())
            for part in parts_of(scene):
                assert part != "candidate" or "CANDID" in "".join(p.text for line in painted(scene) for p in line)
                found[part] += now - before
            before = now
    finally:
        playhead.close()
        live.close()
    return found


def session_on(backend: str, seed: int = 3) -> Session:
    """A session of five nodes, at speed 1 on sockets too."""
    if backend == "sim":
        return session_of(seed=seed)
    history = History()
    harness = Harness(5, backend="tcp", seed=seed, readers=(history,))
    harness.set_speed(1.0)
    return Session(harness, history)


def painted(scene: Scene) -> tuple[tuple, ...]:
    return paint(scene, 80, 13)


def is_over(now: float, found: dict[str, float]) -> bool:
    return found["leader"] > 1.5 or now > 40


@pytest.mark.parametrize("seed", range(20))
def test_a_candidate_its_requests_the_votes_and_the_leader_are_seen(seed: int) -> None:
    found = watched(session_of(seed=seed), is_over, FASTER)
    assert {part: round(found[part], 2) for part in PARTS if found[part] < SEEN} == {}


@pytest.mark.parametrize("seed", range(2))
def test_an_election_over_sockets_is_seen(seed: int) -> None:
    found = watched(session_on("tcp", seed), is_over, 1.0)
    assert {part: round(found[part], 2) for part in PARTS if found[part] < SEEN} == {}


def test_a_paused_playhead_stands_still_in_the_middle_of_a_flight_and_steps_go_on() -> None:
    session = session_of(seed=3)
    live = Live(session)
    playhead = Playhead(session.branch, FLIGHT)
    clock = [0.0]

    def tick(seconds: float = 0.05) -> tuple[View, Scene]:
        clock[0] += seconds
        time.sleep(0.005)
        view = live.view()
        return view, playhead.tick(clock[0], view)

    try:
        while not any(0.3 < moving.way < 0.8 for moving in tick()[1].moving):
            assert clock[0] < 200
        playhead.stop()
        _, still = tick()
        assert still.moving
        for _ in range(40):
            view, scene = tick()
            assert view.snapshot.paused
            assert scene.moving == still.moving
        seq = playhead.seq
        if not playhead.is_behind:
            live.run("step").result(10)
        playhead.step()
        while playhead.seq == seq:
            tick()
            assert clock[0] < 400
        assert playhead.held or not playhead.is_behind
    finally:
        playhead.close()
        live.close()


class Watched:
    """A session that is watched: `tick` paints once; the wall clock of the playhead goes `FASTER`."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.live = Live(session)
        self.playhead = Playhead(session.branch, FLIGHT)
        self._wall = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.playhead.close()
        self.live.close()

    def tick(self) -> View:
        self._wall += 1 / PAINTS
        time.sleep(1 / PAINTS / FASTER)
        view = self.live.view()
        self.playhead.tick(self._wall, view)
        return view

    def until(self, holds: Callable[[View], bool]) -> View:
        give_up = self._wall + 120
        while not holds(view := self.tick()):
            assert self._wall < give_up, "waited in vain"
        return view

    def run(self, line: str) -> None:
        done = self.live.run(line)
        self.until(lambda _: done.done())
        assert all(outcome.held for outcome in done.result())

    def goes_on(self, seconds: float = 0.5) -> None:
        """Wait until that much cluster time has passed."""
        now = self.session.harness.now
        self.until(lambda view: view.snapshot.time > now + seconds)


def has_leader(view: View) -> bool:
    return any(node.state is CMState.LEADER for node in view.snapshot.nodes)


@pytest.mark.parametrize("backend", ["sim", "tcp"])
def test_no_event_holds_the_clock_for_ever(backend: str) -> None:
    with Watched(session_on(backend)) as watched:
        watched.until(has_leader)
        watched.goes_on()
        for line in ("freeze 2", "thaw 2", "disconnect 1", "reconnect 1", "crash all", "restart all"):
            watched.run(line)
            watched.goes_on(0.2)


@pytest.mark.parametrize("backend", ["sim", "tcp"])
def test_a_closed_playhead_leaves_the_clock_alone_even_if_an_event_held_it_just_before(backend: str) -> None:
    session = session_on(backend)
    with Watched(session) as watched:
        watched.until(has_leader)
        watched.until(lambda _: watched.playhead.skips)
        session.harness.freeze_peer(2)  # holds the clock
        watched.playhead.close()
        now = session.harness.now
        give_up = time.monotonic() + 20
        while session.harness.now < now + 0.5:
            assert time.monotonic() < give_up
            time.sleep(0.01)


def test_a_command_does_not_wait_for_a_clock_that_is_held() -> None:
    with Watched(session_of(seed=3)) as watched:
        watched.until(lambda _: watched.playhead.is_behind)
        assert watched.live.run("submit x").result(10)  # nothing ticks meanwhile


def test_unchanged_heartbeats_to_a_frozen_node_do_not_hold_the_clock() -> None:
    session = session_of(seed=3)
    with Watched(session) as watched:
        watched.until(has_leader)
        watched.run("freeze follower")
        watched.until(lambda _: watched.playhead.skips)
        kept: list[float] = []
        for _ in range(40):
            watched.tick()
            kept.append(watched.playhead.skips)
        assert all(kept)


def test_the_playhead_itself_is_never_slower_than_a_person_bears() -> None:
    session = session_of(seed=3)
    with Watched(session) as watched:
        watched.until(has_leader)
        watched.run("speed 0.001")
        watched.run("submit x; submit y")
        watched.until(lambda view: not watched.playhead.is_behind and view.snapshot.nodes[0].last_index >= 1)


class Paced:
    """A session whose time passes as its playhead steers it, on a wall clock that is only counted."""

    def __init__(self, session: Session, *, awaits: bool) -> None:
        self.session = session
        self.playhead = Playhead(session.branch, FLIGHT)
        self.playhead.awaits = awaits
        self.wall = 0.0
        self.pace = 1.0
        session.harness.steer = self._steer  # type: ignore[method-assign]

    def _steer(self, pace: float) -> None:
        self.pace = pace

    def until(self, holds: Callable[[View], bool]) -> float:
        """Return the seconds of the wall that pass until something holds on the screen."""
        begin = self.wall
        while not holds(self.playhead.tick(self.wall, self.session.view()).view):
            self.wall += 1 / PAINTS
            assert self.wall < begin + 300, "waited in vain"
            left = 1 / PAINTS
            while self.pace > 0 and left > 0:
                self.session.harness.pass_to(self.session.harness.now + 0.001 * self.pace)
                left -= 0.001
        return self.wall - begin


SLOW_TIMERS = "timing election=2s..4s\ntiming heartbeat=50ms"


@pytest.mark.parametrize(("awaits", "least", "most"), [(True, 0.0, 10.0), (False, 15.0, 60.0)])
def test_a_script_that_waits_for_slow_timers_is_not_watched_for_long(
    awaits: bool, least: float, most: float
) -> None:
    with session_of(setup=SLOW_TIMERS) as session:
        paced = Paced(session, awaits=awaits)
        assert least <= paced.until(has_leader) < most


def test_ten_seconds_of_idle_time_pass_in_a_few_while_a_command_waits() -> None:
    with session_of() as session:
        paced = Paced(session, awaits=True)
        paced.until(lambda view: has_leader(view) and paced.playhead.skips)
        now = session.harness.now
        assert 1.0 < paced.until(lambda view: view.snapshot.time > now + 10) < 8.0


def test_the_third_election_of_a_script_takes_less_time_than_the_first() -> None:
    with session_of() as session:
        paced = Paced(session, awaits=True)
        took: list[float] = []
        for _ in range(3):
            took.append(paced.until(has_leader))
            paced.until(lambda _: not paced.playhead.is_behind)
            session.perform(bind("crash leader", session)[0])
            session.perform(bind("restart crashed", session)[0])
            paced.until(lambda view: not has_leader(view))
        assert took[2] < took[0]


def test_two_leaders_do_not_make_news_of_each_others_heartbeats() -> None:
    with session_of() as session:
        for line in ("timeout 0", "wait 0 is leader", "partition 0,1 | 2,3,4", "timeout 2", "wait 2 is leader"):
            session.perform(bind(line, session)[0])
        paced = Paced(session, awaits=True)
        now = session.harness.now
        assert paced.until(lambda view: view.snapshot.time > now + 1.0) < 12.0


def test_an_entry_that_is_lost_again_and_again_is_shown_once() -> None:
    with session_of() as session:
        for line in ("timeout 0", "wait 0 is leader", "sleep 100ms", "disconnect 4", "submit x"):
            session.perform(bind(line, session)[0])
        paced = Paced(session, awaits=True)
        now = session.harness.now
        assert paced.until(lambda view: view.snapshot.time > now + 1.0) < 15.0
        session.perform(bind("reconnect 4", session)[0])
        seen: set[tuple[int, int]] = set()

        def has_entry(view: View) -> bool:
            seen.update((f.moving.src, f.moving.dst) for f in paced.playhead._flights.values() if f.matters)
            return view.snapshot.nodes[4].last_index == 0

        paced.until(has_entry)
        assert (0, 4) in seen


def test_a_replay_shows_what_followed_up_to_where_it_is_to_end() -> None:
    with session_of() as session:
        paced = Paced(session, awaits=True)
        paced.until(has_leader)
        session.harness.pause()
        paced.until(lambda _: not paced.playhead.is_behind)
        last = session.history.last_seq
        paced.playhead.replay(0, last - 5)
        assert not paced.playhead.is_current
        candidates = paced.until(lambda view: any(n.state is CMState.CANDIDATE for n in view.snapshot.nodes))
        assert candidates < paced.until(has_leader) + 30
        for _ in range(60):
            paced.playhead.tick(paced.wall, session.view())
            paced.wall += 0.1
        assert paced.playhead.seq == last - 5
        paced.playhead.go_on()
        paced.until(lambda _: paced.playhead.is_current)
