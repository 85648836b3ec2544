"""The pace of scripts: what a command waits for is not watched for long, and what was seen is not shown again."""

import pytest
from support.tui import done, session_of
from support.wall import Watched

from raftplay.raft.decisions import VoteDecided
from raftplay.raft.messages import CMState
from raftplay.tui.stage.scene import Scene

SLOW_TIMERS = "timing election=2s..4s\ntiming heartbeat=50ms"


def has_leader(scene: Scene) -> bool:
    return any(node.state is CMState.LEADER for node in scene.view.snapshot.nodes)


def awaited(setup: str = "", *lines: str, awaits: bool = True) -> Watched:
    """A watched session after some lines, in which a command waits for what comes."""
    watched = Watched(session_of(setup=setup))
    for line in lines:
        done(watched, line)
    watched.playhead.awaits = awaits
    return watched


def took(watched: Watched, seconds: float) -> float:
    """The time on the wall in which that much cluster time passes."""
    now, begin = watched.session.harness.now, watched.wall
    watched.until(lambda scene: scene.view.snapshot.time > now + seconds)
    return watched.wall - begin


@pytest.mark.parametrize(("awaits", "least", "most"), [(True, 1.0, 10.0), (False, 15.0, 60.0)])
def test_a_script_that_waits_for_slow_timers_is_not_watched_for_long(
    awaits: bool, least: float, most: float
) -> None:
    with awaited(SLOW_TIMERS, awaits=awaits) as watched:
        watched.until(has_leader)
        assert least <= watched.wall < most


def test_ten_seconds_of_idle_time_pass_in_a_few_while_a_command_waits() -> None:
    with awaited() as watched:
        watched.until(lambda scene: has_leader(scene) and watched.playhead.skips)
        assert 1.0 < took(watched, 10.0) < 8.0


def test_the_third_election_of_a_script_takes_less_time_than_the_first() -> None:
    def of_an_election(watched: Watched) -> float:
        watched.until(lambda scene: any(n.state is CMState.CANDIDATE for n in scene.view.snapshot.nodes))
        begin = watched.wall
        watched.until(has_leader)
        return watched.wall - begin

    with awaited() as watched:
        times: list[float] = []
        for at in range(3):
            watched.playhead._elections = at
            times.append(of_an_election(watched))
            watched.until(lambda _: not watched.playhead.is_behind)
            done(watched, "crash leader")
            done(watched, "restart crashed")
            watched.until(lambda scene: not has_leader(scene))
        assert times[2] < 0.7 * times[0]


def test_two_leaders_do_not_make_news_of_each_others_heartbeats() -> None:
    two_leaders = ("timeout 0", "wait 0 is leader", "partition 0,1 | 2,3,4", "timeout 2", "wait 2 is leader")
    with awaited("", *two_leaders) as watched:
        took(watched, 0.3)  # what the commands did is shown
        assert took(watched, 1.0) < 3.0


def test_an_entry_that_is_lost_again_and_again_is_shown_once_and_again_when_it_gets_through() -> None:
    def is_sent(scene: Scene) -> bool:
        return any((m.src, m.dst) == (0, 4) and getattr(m.message, "entries", ()) for m in scene.moving)

    setup = "set prevote on"  # a node that hears nothing starts no elections
    with awaited(setup, "timeout 0", "wait 0 is leader", "sleep 100ms", "partition 0,1,2,3 | 4") as watched:
        watched.until(lambda _: watched.playhead.skips)
        done(watched, "submit x")
        watched.until(is_sent)
        watched.until(lambda scene: not is_sent(scene))
        now = watched.session.harness.now
        while watched.session.harness.now < now + 0.5:
            assert not is_sent(watched.tick())
        done(watched, "heal")
        watched.until(is_sent)
        watched.until(lambda scene: scene.view.snapshot.nodes[4].last_index == 0)


def test_a_replay_shows_what_followed_up_to_where_it_is_to_end() -> None:
    with awaited() as watched:
        watched.until(has_leader)
        watched.session.harness.pause()
        watched.until(lambda _: not watched.playhead.is_behind)
        playhead, last = watched.playhead, watched.session.history.last_seq
        playhead.replay(0, last - 5)
        assert not playhead.is_current
        watched.until(lambda scene: any(n.state is CMState.CANDIDATE for n in scene.view.snapshot.nodes))
        watched.until(has_leader)
        for _ in range(60):
            watched.tick()
        assert playhead.seq == last - 5
        playhead.go_on()
        watched.until(lambda _: playhead.is_current)


def test_a_script_that_is_held_stands_still_with_its_cluster() -> None:
    with awaited() as watched:
        watched.until(lambda scene: scene.moving)
        watched.playhead.hold(True)
        still = watched.tick()
        now = watched.session.harness.now
        for _ in range(30):
            scene = watched.tick()
        assert scene.moving == still.moving
        assert watched.session.harness.now == now
        watched.playhead.hold(False)
        watched.until(has_leader)


def test_nodes_that_restart_together_are_seen_to_restart_together() -> None:
    with awaited("", *(f"crash {node}" for node in range(5))) as watched:
        watched.until(lambda _: watched.playhead.is_current)
        done(watched, "restart all")
        begin = watched.wall
        watched.until(lambda scene: all(node.alive for node in scene.view.snapshot.nodes))
        assert watched.wall - begin < 1.0


@pytest.mark.parametrize("line", ["crash", "restart"])
def test_nodes_that_are_hit_together_are_read_of_together(line: str) -> None:
    lines = [f"crash {node}" for node in range(5)]
    with awaited("", *(lines if line == "restart" else []), awaits=False) as watched:
        watched.until(lambda _: watched.playhead.is_current)
        for node in range(5):
            done(watched, f"{line} {node}")
        begin = watched.wall
        watched.until(lambda _: watched.playhead.is_current)
        assert watched.wall - begin < 1.5


def test_a_wait_shows_an_election_faster_after_one_that_elected_nobody() -> None:
    def of_an_election(tries: int) -> float:
        with Watched(session_of(5, 1)) as watched:
            watched.playhead.awaits = True
            watched.playhead._tries = tries
            watched.until(lambda scene: any(n.state is CMState.CANDIDATE for n in scene.view.snapshot.nodes))
            begin = watched.wall
            watched.until(has_leader)
            return watched.wall - begin

    assert of_an_election(1) < 0.7 * of_an_election(0)


def test_a_wait_shows_one_refusal_of_an_election_on_its_way() -> None:
    ahead = ("timeout 0", "wait 0 is leader", "disconnect 4", "submit x", "wait committed x", "reconnect 4")
    with awaited("", *ahead) as watched:
        done(watched, "timeout 4")
        refusals: set[int] = set()
        read = watched.playhead._votes_read
        watched.until(lambda scene: refusals.update(refused_by(scene)) or read[VoteDecided, False] >= 3)
        assert len(refusals) == 1


def refused_by(scene: Scene) -> set[int]:
    """The nodes whose refusals of a vote are on their way on the screen."""
    return {m.src for m in scene.moving if getattr(m.message, "vote_granted", True) is False and m.way > 0.2}
