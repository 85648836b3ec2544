"""Pace `watch`: whatever matters is seen for long enough, measured from what is painted."""

import re
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Self

import pytest
from support.tui import session_of
from support.watching import PAINTS, Watching

from raftplay.cluster.harness import Harness
from raftplay.past.history import History
from raftplay.past.view import View
from raftplay.raft.messages import CMState, RequestVoteArgs, RequestVoteReply
from raftplay.run.live import Live
from raftplay.session.session import Session
from raftplay.tui.model.lines import text_of
from raftplay.tui.playhead import FLIGHT, Playhead
from raftplay.tui.stage.scene import Scene
from raftplay.tui.stage.sentence import lines, sentence
from raftplay.tui.stage.stage import paint

SEEN = 0.7
"""The seconds for which each part of an election is seen at least."""

FASTER = 4.0
"""The tests watch so many times faster; paints come as much more often."""

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


@pytest.mark.parametrize("size", [(60, 6), (80, 13), (120, 28)], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("seed", range(20))
def test_a_candidate_its_requests_the_votes_and_the_leader_are_seen(seed: int, size: tuple[int, int]) -> None:
    seen = dict.fromkeys(WORDS, 0.0)
    with Watching(session_of(seed=seed)) as watching:
        while watching.wall < 40 and seen["leader"] < 1.5:
            stage = "\n".join(map(text_of, paint(watching.tick(), *size)))
            for part, words in WORDS.items():
                seen[part] += any(word in stage for word in words) / PAINTS
    assert {part: round(time, 2) for part, time in seen.items() if time < SEEN} == {}


WORDS = {"candidate": ("CANDID",), "requests": ("vote?",), "votes": ('"yes"',), "leader": ("LEADER",)}
"""What is painted of each part of an election."""

STORY = {22.0: "submit x", 42.0: "crash leader", 75.0: "restart 0-4"}
"""Commands, by the second of watching in which they are given."""


def read_aloud(seed: int, seconds: float, commands: dict[float, str], nodes: int = 5) -> list[tuple[str, float]]:
    """The first and the second line below the stage as they were painted one after another, each with its seconds.

    Lines that differ in numbers alone are one: a number that goes up is read at a glance.
    """
    read: list[tuple[str, float]] = []
    left = dict(commands)
    with Watching(session_of(seed=seed, nodes=nodes)) as watching:
        while watching.wall < seconds:
            for when in [when for when in left if when <= watching.wall]:
                watching.do(left.pop(when))
            now, why, _ = map(text_of, lines(sentence(watching.tick()), 200, 3))
            text = f"{now.strip()} {why.strip()}"
            known, shown = read[-1] if read else ("", 0.0)
            if without_numbers(known) != without_numbers(text):
                read.append((text, 1 / PAINTS))
            else:
                read[-1] = (text, shown + 1 / PAINTS)
    return read


def without_numbers(text: str) -> str:
    return re.sub(r"(?<!n)\b\d+\b", "#", text)


@pytest.mark.parametrize("seed", range(10))
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


def test_the_idle_time_of_a_split_brain_is_skipped_and_its_end_is_seen() -> None:
    commands = {20.0: "submit x", 35.0: "partition 0,1 | 2,3,4", 60.0: "submit y", 90.0: "heal"}
    skipped, told = 0.0, set()
    with Watching(session_of(seed=7)) as watching:
        while watching.wall < 115:
            for when in [when for when in commands if when <= watching.wall]:
                watching.do(commands.pop(when))
            scene = watching.tick()
            skipped += (75 < watching.wall < 90 and scene.skip) / PAINTS
            told.add(sentence(scene).now)
    assert skipped > 12
    assert any(re.fullmatch(r"n0 steps down: it hears of term \d\.", now) for now in told)
