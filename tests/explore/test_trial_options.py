"""The options that a trial draws, its recovery without a minority, and the watchdogs of both engines."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from support.command_line import raftplay

from raftplay.backends.base import TimeStandsStill
from raftplay.cluster import stuck
from raftplay.cluster.harness import Harness
from raftplay.cluster.stuck import TookTooLong, watchdog
from raftplay.explore.search import coverage
from raftplay.explore.search.chunk import run_chunk, tally_of
from raftplay.explore.search.command import case_of
from raftplay.explore.search.counterexample import script_of
from raftplay.explore.search.options import OPTIONS, Setting, draw_setting
from raftplay.explore.search.recovery import measure
from raftplay.explore.search.sweep import Search, sweep
from raftplay.explore.search.trial import REASON, TrialPlan, TrialRun, draw, rerun, run_trial
from raftplay.explore.search.walked import run_seed
from raftplay.explore.walks.bare import MOST_AT_ONCE
from raftplay.explore.walks.walk import draw_walk
from raftplay.raft.decisions import HeartbeatDue, VoteDecided
from raftplay.raft.messages import RequestVoteArgs
from raftplay.raft.rule_names import Rule
from raftplay.session.session import Session
from raftplay.watch.facts import Record


def test_a_reason_that_only_an_own_class_can_have_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("raftplay.raft.reasons.of_new_term", lambda *_: Rule.OWN_RULE)
    found = run_trial(draw(1, range(3, 4), seconds=0.5, options=False)).finding
    assert found is not None
    assert (found.name, "BecameFollower own-rule" in found.text) == (REASON, True)


def test_every_option_is_drawn_as_often_as_the_table_says_and_a_seed_draws_the_same_again() -> None:
    drawn = Counter(name for seed in range(2000) for name in draw_setting(seed).drawn)
    for name, (chance, _) in OPTIONS.items():
        assert drawn[name] == pytest.approx(2000 * chance, rel=0.2), name
    assert draw_setting(7) == draw_setting(7)
    assert draw(7, range(3, 8), seconds=1.0, options=False).setting == Setting()


def test_a_leader_that_nobody_hears_may_lead_on_until_it_hears_of_the_next_one() -> None:
    plan = TrialPlan(1, 3, setting=Setting(minority="mute"))
    with Harness(3, backend="sim", seed=1, config=plan.config) as harness:
        run = TrialRun(Session(harness))
        for command in (
            "timing 1 election=500..510ms",  # longer than the rest after the last fault
            "timing 2 election=900..950ms",
            "timeout 0",
            "wait leader is 0",
            "link 1->0 delay=80ms",
            "cut 0->all",
        ):
            run.do(command)
        liveness: dict[str, float] = {}
        measure(run, harness, plan, [1, 2], liveness)
    assert "expect one leader" in run.commands
    assert 0.5 + 0.08 < liveness["leader"] < 1.0


def test_decisions_are_counted_by_rule_however_many_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = run_trial(TrialPlan(4, 3, "churn", 1.0)).rules
    monkeypatch.setattr(coverage, "MOST_KEPT", 10)
    assert run_trial(TrialPlan(4, 3, "churn", 1.0)).rules == counted
    assert min(counted["BecameLeader"], counted["VoteDecided granted"], counted["HeartbeatDue"]) > 1
    kept = coverage.Coverage()
    for decision in (
        HeartbeatDue(),
        VoteDecided(RequestVoteArgs(1, 0, -1, 0), True, Rule.GRANTED),
        HeartbeatDue(),
    ):
        kept(Record(1, 0.0, 0, 0, decision, None))
        kept.count_if_many()
    assert kept.counts == {"HeartbeatDue": 2, "VoteDecided granted": 1}


@pytest.mark.parametrize("minority", ["down", "mute"])
def test_a_minority_that_does_not_come_back_does_not_keep_the_rest_from_getting_on(minority: str) -> None:
    for seed in range(6):
        result = run_trial(TrialPlan(seed, 5, "churn", 0.5, setting=Setting(minority=minority)))
        assert result.finding is None
        end = result.commands[result.disturbing :]
        assert [text for text in end if text.startswith("wait committed last on 5")] == []
        assert any(text.startswith("cut ") for text in end) is (minority == "mute")


def test_a_node_that_cannot_win_and_asks_all_the_time_does_not_keep_others_from_being_elected() -> None:
    plan = TrialPlan(3, 5, "calm", 0.5, setting=Setting(asks=True))
    result = run_trial(plan)
    assert result.finding is None
    assert result.commands[-1] == "wait leader within 100ms"
    again = rerun(plan, result.commands, measured=False)
    assert (again.finding, again.commands[-1]) == (None, "wait leader within 100ms")


def test_what_was_drawn_is_in_the_report_and_in_the_script(tmp_path: Path) -> None:
    search = Search(range(3, 6), bugs=("forget-vote",), seeds=400, seconds=0.5, stops_at_finding=False)
    report = sweep(search)
    drawn = {"more-reelection", "unreliable", "timings", "prevote"}
    found = next(r for r in report.findings if len(drawn & set(r.plan.setting.drawn)) >= 2)
    assert report.options.keys() == OPTIONS.keys()
    text = script_of(case_of(found))
    for name in drawn & set(found.plan.setting.drawn):
        assert f"\nset {name} on\n" in text or (name == "timings" and "\ntiming " in text)
    assert f", options {' + '.join(found.plan.setting.drawn)}," in text
    (tmp_path / "found.txt").write_text(text, "utf-8")
    done = raftplay("run", str(tmp_path / "found.txt"))
    assert done.status == 1
    assert found.finding is not None
    assert f"{found.finding.name} broke" in done.out


# ---- watchdogs


def test_bare_nodes_whose_timers_fire_again_and_again_at_one_instant_are_a_livelock() -> None:
    cluster = draw_walk(1, 3).cluster()
    node = cluster.nodes[0].cm
    node.wake = lambda now: setattr(node, "deadline", now)  # type: ignore[method-assign]
    cluster.nodes[0].alarm = node.deadline = 0.001
    with pytest.raises(TimeStandsStill, match=r"events at 0\.001 s, and more are due"):
        cluster.sleep(1.0)
    assert MOST_AT_ONCE == 3_000


def test_a_trial_that_takes_too_long_by_the_wall_clock_ends_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stuck, "LOOK_EVERY", 0.01)
    looked = iter(range(1_000_000))

    def runs() -> None:
        with watchdog(lambda: next(looked), most=0.05):
            while True:
                pass

    with pytest.raises(TookTooLong, match="by wall time"):
        runs()


def test_a_chosen_option_is_on_or_off_for_every_seed_of_both_engines() -> None:
    chosen = (("prevote", True), ("noop", False), ("unreliable", True))
    for seed in range(30):
        plan = draw(seed, range(3, 8), seconds=1.0, switches=chosen)
        assert (plan.config.raft.prevote, plan.config.raft.noop, plan.config.unreliable) == (True, False, True)
        plain = draw(seed, range(3, 8), seconds=1.0)
        assert replace(plan.setting, raft=plain.setting.raft, unreliable=plain.setting.unreliable) == plain.setting
        found = run_seed(replace(plan, bugs=("no-log-check",)), "walks")
        assert (found.plan.setting.raft.prevote, found.plan.setting.raft.noop) == (True, False)
    search = Search(range(3, 8), switches=chosen, engine="both")
    assert tally_of(run_chunk(search.chunk(range(2)).text)).trials == 2
    words = "--set=prevote=on --set=noop=off --set=unreliable=on"
    assert search.again(7) == f"raftplay explore {words} --first-seed 7 --seeds 1"
