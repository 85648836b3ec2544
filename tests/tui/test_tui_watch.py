"""Pace `watch`: whatever matters is seen for long enough, measured from what is painted."""

import time
from collections import defaultdict
from collections.abc import Callable

import pytest
from support.tui import session_of

from raftplay.cluster.harness import Harness
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
    history = History()
    harness = Harness(5, backend="tcp", seed=seed, readers=(history,))
    harness.set_speed(1.0)
    found = watched(Session(harness, history), is_over, 1.0)
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
