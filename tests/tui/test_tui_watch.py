"""Pace `watch`: whatever matters is seen for long enough, measured from what is painted."""

import re
import time
from collections import defaultdict
from concurrent.futures import Future

import pytest
from support.amount import several
from support.tui import done, session_of
from support.wall import PAINTS, Watched

from raftplay.cluster.harness import Harness
from raftplay.past.history import History
from raftplay.past.view import View
from raftplay.raft.messages import CMState, RequestVoteArgs, RequestVoteReply
from raftplay.run.live import Live
from raftplay.session.outcome import Outcome
from raftplay.session.session import Session
from raftplay.tui.model.lines import text_of
from raftplay.tui.stage.scene import Scene
from raftplay.tui.stage.sentence import lines, sentence
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


WORDS = {"candidate": "CANDID", "requests": "vote?", "votes": '"yes"', "leader": "LEADER"}
"""What is painted of each part of an election."""


@pytest.mark.parametrize("size", [(60, 6), (80, 13), (120, 28)], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("seed", range(several(20)))
def test_a_candidate_its_requests_the_votes_and_the_leader_are_seen(seed: int, size: tuple[int, int]) -> None:
    seen = dict.fromkeys(WORDS, 0.0)
    with Watched(session_of(seed=seed)) as watched:
        while watched.wall < 40 and seen["leader"] < 1.5:
            stage = "\n".join(map(text_of, paint(watched.tick(), *size)))
            for part, word in WORDS.items():
                seen[part] += (word in stage) / PAINTS
    assert {part: round(time, 2) for part, time in seen.items() if time < SEEN} == {}


STORY = {22.0: "submit x", 42.0: "crash leader"}
"""Commands, by the second of watching in which they are given."""


def read_aloud(seed: int, seconds: float, commands: dict[float, str], nodes: int = 5) -> list[tuple[str, float]]:
    """The first and the second line below the stage as they were painted one after another, each with its seconds.

    Lines that differ in numbers alone are one: a number that goes up is read at a glance.
    """
    read: list[tuple[str, float]] = []
    left = dict(commands)
    with Watched(session_of(seed=seed, nodes=nodes)) as watched:
        while watched.wall < seconds:
            for when in [when for when in left if when <= watched.wall]:
                watched.do(left.pop(when))
            now, why, _ = map(text_of, lines(sentence(watched.tick()), 200, 3))
            text = f"{now.strip()} {why.strip()}"
            known, shown = read[-1] if read else ("", 0.0)
            if without_numbers(known) != without_numbers(text):
                read.append((text, 1 / PAINTS))
            else:
                read[-1] = (text, shown + 1 / PAINTS)
    return read


def without_numbers(text: str) -> str:
    return re.sub(r"(?<!n)\b\d+\b", "#", text)


@pytest.mark.parametrize("seed", range(several(10, least=3)))
def test_no_line_flits_by_and_all_is_explained(seed: int) -> None:
    read = read_aloud(seed, 62, STORY)
    assert [(text, round(time, 2)) for text, time in read[:-1] if time < 0.68] == []
    told = "\n".join(text for text, _ in read)
    for words in (
        "timer ran out", "asks for votes in term 1", "votes for n", "it leads term 1", "appends x to its log",
        "has stored x", "x is committed: 3 of 5 nodes have it", "Followers learn that x is committed",
        "crashed: 4 of 5 nodes are left, still a majority", "Its heartbeats stop", "asks for votes in term 2",
    ):  # fmt: skip
        assert words in told


def test_what_was_told_gives_way_to_the_state_once_only_heartbeats_pass() -> None:
    last, seconds = read_aloud(1, 30, {})[-1]
    assert last.startswith("NOW  n3 leads term 1. Only heartbeats pass.")
    assert seconds > 5


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


def test_the_idle_time_of_a_split_brain_is_skipped_and_its_end_is_seen() -> None:
    commands = {20.0: "submit x", 35.0: "partition 0,1 | 2,3,4", 60.0: "submit y", 90.0: "heal"}
    skipped, told = 0.0, set()
    with Watched(session_of(seed=7)) as watched:
        while watched.wall < 115:
            for when in [when for when in commands if when <= watched.wall]:
                watched.do(commands.pop(when))
            scene = watched.tick()
            skipped += (75 < watched.wall < 90 and scene.skip) / PAINTS
            told.add(sentence(scene).now)
    assert skipped > 12
    assert any(re.fullmatch(r"n0 steps down: it hears of term \d\.", now) for now in told)
