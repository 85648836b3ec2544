"""The correct algorithm under every fault mix: no invariant is violated, and every cluster comes back."""

import os

import pytest
from support.amount import THOROUGH

from raftplay.explore.search.mixes import MIXES
from raftplay.explore.search.sweep import Search, SearchReport, sweep

SEEDS = 250 if THOROUGH else 41
SECONDS = 20.0


@pytest.fixture(scope="module")
def report() -> SearchReport:
    search = Search(
        range(1, 8), seconds=SECONDS, seeds=SEEDS, jobs=min(2, os.cpu_count() or 1), stops_at_finding=False
    )
    return sweep(search)


@pytest.mark.timeout(400)
def test_seeds_of_20_simulated_seconds_break_nothing(report: SearchReport):
    assert report.trials == SEEDS
    assert [(result.plan, result.finding) for result in report.findings] == []


def test_every_mix_and_every_kind_of_fault_was_met(report: SearchReport):
    assert set(report.mixes) == set(MIXES)
    acts = (
        "crash restart disconnect reconnect partition heal cut join link hold release duplicate freeze thaw drop"
    )
    for verb in [*acts.split(), "undrop", "tear", "wipe", "timeout", "submit"]:
        assert report.faults[verb] > 5, verb


def test_the_rules_that_only_faults_bring_out_decided_again_and_again(report: SearchReport):
    for rule in (
        "VoteDecided voted-for-other",
        "VoteDecided log-older-term",
        "VoteDecided log-shorter",
        "AppendDecided stale-term",
        "AppendDecided term-conflict",
        "AppendDecided log-too-short",
        "CommitHeld older-entry",
        "ReplyIgnored old-call",
        "LogTruncated",
    ):
        assert report.rules[rule] > 5, rule


def test_after_the_last_fault_a_leader_stands_within_ten_election_timeouts_and_commits(report: SearchReport):
    assert len(report.liveness["leader"]) == SEEDS
    assert max(report.liveness["leader"]) <= 10 * 0.600  # the longest that is drawn
    unreliable, mute = report.options["unreliable"], report.options["minority mute"]
    assert len(report.liveness["commit"]) == SEEDS - unreliable
    assert len(report.liveness["agreement"]) >= SEEDS - unreliable - mute > SEEDS / 2
