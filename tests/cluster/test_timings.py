"""Timings with which elections cannot work are accepted with one warning, and `why no leader` names them (§5.6)."""

import warnings
from pathlib import Path

import pytest
from support.command_line import raftplay
from support.language import held, transcript
from support.why_stories import lines_of, view_after

from raftplay import Config, Harness, RaftConfig, TimingWarning
from raftplay.cluster.timings import Timings, doubt_about
from raftplay.why import why, why_no_leader

HEARTBEAT = (
    "heartbeats every 50 ms, timeouts from 40 ms: a follower's election timer can fire before the next heartbeat "
    "(§5.6); choose a heartbeat well below 40 ms"
)
ROUND_TRIP = (
    "round trips of up to 300 ms, timeouts from 150 ms: a candidate can start its next election before its votes "
    "arrive (§5.6); choose timeouts well above 300 ms"
)
SPREAD = (
    "round trips of up to 40 ms, timeouts that differ by 10 ms at most: several nodes start elections at once, and "
    "the votes are split (§5.6); choose timeouts that differ by more than 40 ms"
)
NO_SPREAD = (
    "every timeout of 150 ms: several nodes start elections at once, and the votes are split (§5.6); choose a range "
    "of timeouts, such as 150 ms to 300 ms"
)

DOUBTFUL = {
    "election=40..60ms": HEARTBEAT,
    "delay=200..300ms": ROUND_TRIP,
    "election=150..160ms delay=20..40ms": SPREAD,
    "election=150ms": NO_SPREAD,
}


def test_each_limit_is_drawn_where_it_belongs() -> None:
    def doubted(election_min: float, election_max: float, heartbeat: float, round_trip: float) -> bool:
        return doubt_about(Timings(election_min, election_max, heartbeat, round_trip)) is not None

    assert not doubted(0.15, 0.3, 0.05, 0.005)
    assert not doubted(0.15, 0.3, 0.149, 0.149)
    assert doubted(0.15, 0.3, 0.15, 0.005)
    assert doubted(0.15, 0.4, 0.05, 0.15)
    assert doubted(0.15, 0.16, 0.05, 0.0101)
    assert not doubted(0.15, 0.16, 0.05, 0.009)
    assert doubted(0.15, 0.15, 0.05, 0.0)
    assert not doubted(20.0, 40.0, 0.05, 0.005)
    assert not doubted(0.15, 0.2, 0.1, 0.0)


@pytest.mark.parametrize(("timing", "warning"), DOUBTFUL.items())
def test_a_run_warns_once_at_its_start(timing: str, warning: str) -> None:
    lines = transcript(f"nodes 3\ntiming {timing}\nsleep 1s")
    assert lines[1] == f"warning: {warning}"
    assert sum("warning" in line for line in lines) == 1
    begin = held(f"nodes 3\ntiming {timing}\nnow").objects[0]
    assert begin["warning"] == warning


@pytest.mark.parametrize("timing", ["election=150..300ms", "election=20s..40s delay=1s", "heartbeat=140ms"])
def test_timings_that_work_warn_of_nothing(timing: str) -> None:
    lines = transcript(f"nodes 3\ntiming {timing}\nsleep 1s")
    assert not any("warning" in line for line in lines)
    assert "warning" not in held(f"nodes 3\ntiming {timing}\nnow").objects[0]


def test_a_single_node_waits_for_nobody() -> None:
    assert not any(
        "warning" in line for line in transcript("nodes 1\ntiming election=40ms\nwait leader\nwhy no leader")
    )


def test_an_api_user_is_warned_at_the_line_that_makes_the_cluster() -> None:
    config = Config(RaftConfig(election_min=0.04, election_max=0.06))
    with pytest.warns(TimingWarning) as caught, Harness(3, backend="sim", seed=1, config=config):
        pass
    assert [str(warning.message) for warning in caught] == [HEARTBEAT]
    assert Path(caught[0].filename) == Path(__file__)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Harness(1, backend="sim", config=config).shutdown()
        Harness(3, backend="sim").shutdown()


def test_a_cluster_that_is_played_again_warns_nobody_twice() -> None:
    """Branches are clusters of their own with the same timings; warnings are errors in this test."""
    run = held("nodes 3\ntiming election=40..60ms\nsleep 100ms\nback 5\nsleep 10ms\nbranches")
    assert "b1" in run.answer("branches")


@pytest.mark.parametrize("command", ["run", "shell"])
def test_on_the_command_line_it_is_a_line_of_the_output(command: str) -> None:
    args = ["run", "-"] if command == "run" else ["shell"]
    ended = raftplay(*args, "--backend", "sim", "--seed", "1", "--timing", "election=40..60ms", stdin="now\n")
    assert (ended.status, ended.err) == (0, "")
    assert ended.out.split("\n")[1] == f"warning: {HEARTBEAT}"


# ---- why no leader


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("timing", DOUBTFUL)
def test_why_no_leader_counts_the_elections_and_names_the_timings(timing: str, seed: int) -> None:
    view = view_after(f"timing {timing}\nsleep 3s", seed=seed)
    elections = sum(type(record.event).__name__ == "ElectionStarted" for record in view.records)
    lines = lines_of(why_no_leader(view))
    what = DOUBTFUL[timing].split(";")[0]
    expected = f"{elections} elections in 3 s: {what}"
    assert (expected in lines) == (elections >= 3)
    assert elections >= 3 or timing == "election=150ms"
    if view.snapshot.leader is None:
        assert lines_of(why(view)) == lines


def test_only_the_last_seconds_are_counted() -> None:
    view = view_after("timing election=40..60ms\nsleep 20s")
    recent = sum(type(r.event).__name__ == "ElectionStarted" and r.time >= 15.0 for r in view.records)
    assert any(line.startswith(f"{recent} elections in 5 s: heartbeats") for line in lines_of(why_no_leader(view)))


def test_pre_votes_are_counted_too() -> None:
    view = view_after("set prevote on\ntiming election=40..60ms\nsleep 3s")
    (line,) = (line for line in lines_of(why_no_leader(view)) if "heartbeats every 50 ms" in line)
    kinds = [type(record.event).__name__ for record in view.records]
    counts = f"{kinds.count('ElectionStarted')} elections and {kinds.count('PreVoteStarted')} pre-votes in 3 s: "
    assert line.startswith(counts)


def test_slow_links_make_round_trips_longer() -> None:
    view = view_after("wait leader; link all delay=150..200ms; sleep 4s")
    assert any(
        "round trips of up to 405 ms, timeouts from 150 ms" in line for line in lines_of(why_no_leader(view))
    )
    view = view_after("wait leader; link 0->1 delay=150..200ms; crash leader; sleep 3s")
    assert not any("round trips" in line for line in lines_of(why_no_leader(view)))


def test_a_calm_cluster_is_not_told_of_its_timings() -> None:
    """Few elections are no pattern, and many that the timings do not explain are not put down to them."""
    calm = view_after("timing election=150..160ms delay=20..40ms\nsleep 1ms")
    assert not any("§5.6" in line for line in lines_of(why_no_leader(calm)))
    cut_off = view_after("wait leader; disconnect all; sleep 4s")
    assert not any("§5.6" in line for line in lines_of(why_no_leader(cut_off)))
