"""Pace `watch`: whatever matters is seen for long enough, measured from what is painted."""

import time
from collections import defaultdict
from concurrent.futures import Future

import pytest
from support.tui import done, session_of
from support.wall import Watched

from raftplay.cluster.harness import Harness
from raftplay.past.history import History
from raftplay.past.view import View
from raftplay.raft.messages import CMState, RequestVoteArgs, RequestVoteReply
from raftplay.run.live import Live
from raftplay.session.outcome import Outcome
from raftplay.session.session import Session
from raftplay.tui.stage.scene import Scene
from raftplay.tui.stage.stage import paint

SEEN = 0.7
"""The seconds for which each part of an election is seen at least."""

FASTER = 4.0
"""The tests in real time watch so many times faster; paints come as much more often."""

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


def seconds_of_parts(watched: Watched) -> dict[str, float]:
    """The seconds of the wall for which each part was seen while a start was watched."""
    found: dict[str, float] = defaultdict(float)
    before = 0.0
    while not (found["leader"] > 1.5 or before > 40):
        scene = watched.tick()
        for part in parts_of(scene):
            assert part != "candidate" or "CANDID" in "".join(p.text for line in painted(scene) for p in line)
            found[part] += watched.wall - before
        before = watched.wall
    return found


class WatchedLive(Watched):
    """A session that lives, in real time, while the wall clock of its playhead goes `faster`."""

    def __init__(self, session: Session, faster: float = FASTER) -> None:
        super().__init__(session)
        self.faster = faster
        self.live = Live(session)

    def run(self, line: str, *, by_key: bool = False) -> Future[list[Outcome]]:
        done = self.live.run(line, by_key=by_key)
        self.until(lambda _: done.done())
        return done

    def view(self) -> View:
        return self.live.view()

    def pass_time(self, seconds: float) -> None:
        begin = time.monotonic()
        time.sleep(seconds / self.faster)
        self.wall += (time.monotonic() - begin) * self.faster

    def close(self) -> None:
        self.live.close()


def session_on(backend: str, seed: int = 3, speed: float = 1.0) -> Session:
    """A session of five nodes, at that speed on sockets too."""
    if backend == "sim":
        return session_of(seed=seed)
    history = History()
    harness = Harness(5, backend="tcp", seed=seed, readers=(history,))
    harness.set_speed(speed)
    return Session(harness, history)


def painted(scene: Scene) -> tuple[tuple, ...]:
    return paint(scene, 80, 13)


@pytest.mark.parametrize("seed", range(20))
def test_a_candidate_its_requests_the_votes_and_the_leader_are_seen(seed: int) -> None:
    with Watched(session_of(seed=seed)) as watched:
        found = seconds_of_parts(watched)
    assert {part: round(found[part], 2) for part in PARTS if found[part] < SEEN} == {}


@pytest.mark.parametrize(("backend", "faster"), [("sim", FASTER), ("tcp", 1.0)])
def test_an_election_in_real_time_is_seen(backend: str, faster: float) -> None:
    with WatchedLive(session_on(backend), faster) as watched:
        found = seconds_of_parts(watched)
    assert {part: round(found[part], 2) for part in PARTS if found[part] < SEEN} == {}


def test_a_paused_playhead_stands_still_in_the_middle_of_a_flight_and_steps_go_on() -> None:
    with Watched(session_of(seed=3)) as watched:
        playhead = watched.playhead
        watched.until(lambda scene: any(0.3 < moving.way < 0.8 for moving in scene.moving))
        playhead.stop()
        still = watched.tick()
        assert still.moving
        for _ in range(40):
            scene = watched.tick()
            assert watched.view().snapshot.paused
            assert scene.moving == still.moving
        seq = playhead.seq
        if not playhead.is_behind:
            done(watched, "step")
        playhead.step()
        watched.until(lambda _: playhead.seq != seq)
        assert playhead.held or not playhead.is_behind


def goes_on(watched: Watched, seconds: float = 0.5) -> None:
    """Watch until that much cluster time has passed."""
    now = watched.session.harness.now
    watched.until(lambda _: watched.view().snapshot.time > now + seconds)


def has_leader(scene: Scene) -> bool:
    return any(node.state is CMState.LEADER for node in scene.view.snapshot.nodes)


def watched_on(backend: str, speed: float = 1.0) -> Watched:
    """A session on a backend; over sockets in real time, at that speed."""
    return Watched(session_on(backend)) if backend == "sim" else WatchedLive(session_on(backend, speed=speed))


@pytest.mark.parametrize("backend", ["sim", "tcp"])
def test_no_event_holds_the_clock_for_ever(backend: str) -> None:
    with watched_on(backend, speed=4.0) as watched:
        watched.until(has_leader)
        goes_on(watched)
        for line in ("freeze 2", "thaw 2", "disconnect 1", "reconnect 1", "crash all", "restart all"):
            done(watched, line)
            goes_on(watched, 0.2)


@pytest.mark.parametrize("backend", ["sim", "tcp"])
def test_a_closed_playhead_leaves_the_clock_alone_even_if_an_event_held_it_just_before(backend: str) -> None:
    with watched_on(backend) as watched:
        watched.until(has_leader)
        watched.until(lambda _: watched.playhead.skips)
        harness = watched.session.harness
        harness.freeze_peer(2)  # holds the clock
        watched.playhead.close()
        now, give_up = harness.now, watched.wall + 80
        while harness.now < now + 0.5:
            assert watched.wall < give_up
            watched.pass_time(0.1)


def test_a_command_does_not_wait_for_a_clock_that_is_held() -> None:
    with WatchedLive(session_of(seed=3)) as watched:
        watched.until(lambda _: watched.playhead.is_behind)
        assert watched.live.run("submit x").result(10)  # nothing ticks meanwhile


def test_unchanged_heartbeats_to_a_frozen_node_do_not_hold_the_clock() -> None:
    with Watched(session_of(seed=3)) as watched:
        watched.until(has_leader)
        done(watched, "freeze follower")
        watched.until(lambda _: watched.playhead.skips)
        kept: list[float] = []
        for _ in range(40):
            watched.tick()
            kept.append(watched.playhead.skips)
        assert all(kept)


def test_the_playhead_itself_is_never_slower_than_a_person_bears() -> None:
    with Watched(session_of(seed=3)) as watched:
        watched.until(has_leader)
        done(watched, "speed 0.001")
        done(watched, "submit x; submit y")
        watched.until(
            lambda scene: not watched.playhead.is_behind and scene.view.snapshot.nodes[0].last_index >= 1
        )
