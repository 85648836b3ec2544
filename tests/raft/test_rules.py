"""The rules of Figure 2: each answers from its operands alone, and the algorithm asks every one of them."""

import inspect
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.churn import Churn
from support.paper import Terms, append_call, diverging_logs, entries, thorough

from raftplay import Config, ConsensusModule, Harness, RaftConfig
from raftplay.kv.clients import ClientOptions
from raftplay.raft.log import RaftLog
from raftplay.raft.messages import NONE, AppendEntriesArgs, AppendEntriesReply, RequestVoteArgs
from raftplay.raft.rules import Rules

RULES = {name: rule for name, rule in vars(Rules).items() if inspect.isfunction(rule)}

pytestmark = pytest.mark.filterwarnings("ignore::raftplay.TimingWarning")

sound = Rules()


def log_of(*terms: int) -> RaftLog:
    return RaftLog(entries(terms))


def test_the_algorithm_asks_every_rule() -> None:
    asked: set[str] = set()

    def noted(name: str) -> Any:
        def rule(self: Rules, *args: Any) -> Any:
            asked.add(name)
            return RULES[name](self, *args)

        return rule

    noting = type("Noting", (Rules,), {name: noted(name) for name in RULES})
    for seed in range(4):
        odd, late = seed % 2 == 1, seed > 1  # nodes are often candidates at the same time
        raft = RaftConfig(0.15, 0.16, prevote=odd, checkquorum=late, sticky=late)
        config = Config(raft, delay_min=0.02, delay_max=0.04, node=noting)
        with Harness(5, backend="sim", seed=seed, config=config) as h:
            Churn(h, seed, Churn.MIXES[-1]).run(3.0)
    with Harness(3, backend="sim", config=Config(node=noting)) as h:
        leader, _ = h.check_single_leader()
        h.disconnect_peer((leader + 1) % 3)
        h.transfer_leadership(leader, (leader + 1) % 3)
        h.sleep_ms(300)
        h.transfer_leadership(leader)
        h.sleep_ms(300)
        h.reconnect_peer((leader + 1) % 3)
    with Harness(3, backend="sim", config=Config(RaftConfig(snapshot=1), node=noting)) as h:
        leader, _ = h.check_single_leader()
        h.crash_peer((leader + 1) % 3)
        h.submit_to_server(leader, "x")
        h.sleep_ms(100)
        h.restart_peer((leader + 1) % 3)
        h.sleep_ms(500)
    leases = RaftConfig(checkquorum=True, sticky=True)
    with Harness(3, backend="sim", config=Config(leases, node=noting, clients=ClientOptions(reads="lease"))) as h:
        h.client().get("x")
    with Harness(3, backend="sim", config=Config(noting_no_majority(), node=noting)) as h:
        h.check_single_leader()
        h.client().put("x", 1)
        leader, _ = h.check_single_leader()
        for other in {0, 1, 2} - {leader}:
            h.cut(other, leader)
        h.client().put("x", 2)
        h.compact_peer(leader)
    assert asked == set(RULES)


def noting_no_majority() -> RaftConfig:
    """A leader that nobody answers steps down soon."""
    return RaftConfig(0.1, 0.2, heartbeat=0.03, checkquorum=True)


def test_nodes_with_rules_that_change_nothing_run_alike() -> None:
    def story(node: type[ConsensusModule] | type[Rules]) -> list[object]:
        seen: list[object] = []
        with Harness(3, backend="sim", seed=4, config=Config(node=node), readers=[seen.append]) as h:
            leader, _ = h.check_single_leader()
            h.submit_to_server(leader, "a")
            h.sleep_ms(500)
        return seen

    assert story(ConsensusModule) == story(type("Own", (Rules,), {}))


IN_OWN_WORDS = (
    "may_read",
    "acknowledged_round",
    "confirmed_round",
    "is_confirmed",
    "may_read_at",
    "lease_start",
    "lease_end",
    "holds_lease",
    "ends_lease",
)
"""The rules of reads: the thesis says in whole paragraphs what they say."""


@pytest.mark.parametrize("name", RULES)
def test_a_rule_says_what_it_returns_and_quotes_its_sentence(name: str) -> None:
    text = inspect.getdoc(RULES[name]) or ""
    assert text.startswith("Return ")
    assert inspect.signature(RULES[name]).return_annotation is not inspect.Signature.empty
    if "pre_vote" not in name and name not in (
        "leader_is_alive",
        "is_new_vote",
        "answers_leadership",
        "answers_snapshot",
        *IN_OWN_WORDS,
        "is_session_over",
    ):
        assert '"' in text
        assert "§" in text or "Figure 2" in text or "leaderCommit" in text


@pytest.mark.parametrize(
    ("mine", "theirs", "expected"),
    [
        ((), (), True),
        ((), (1,), False),
        ((1,), (), True),
        ((1, 1), (1, 1), True),
        ((1, 1), (1,), True),
        ((1,), (1, 1), False),
        ((2,), (1, 1, 1), True),
        ((1, 1, 1), (2,), False),
    ],
)
def test_up_to_date_is_the_later_last_term_and_then_the_longer_log_5_4_1(
    mine: Terms, theirs: Terms, expected: bool
) -> None:
    log = log_of(*mine)
    args = RequestVoteArgs(9, 1, log.last_index, log.last_term)
    assert sound.is_up_to_date(args, log_of(*theirs)) is expected


@thorough
@given(diverging_logs(), st.data())
def test_the_log_matches_where_both_have_the_same_entry(
    logs: tuple[Terms, Terms, int], data: st.DataObject
) -> None:
    leaders, followers, agreed = logs
    after = data.draw(st.integers(-1, len(leaders) - 1))
    args, log = append_call(9, leaders, after=after), log_of(*followers)
    assert sound.log_matches(args, log) is (after < agreed)
    if after < agreed:
        conflict = sound.first_conflict(args, log)
        disagree = [i for i in range(after + 1, min(len(leaders), len(followers))) if leaders[i] != followers[i]]
        assert conflict == min(disagree, default=NONE)
    else:
        index, term = sound.conflict_hint(args, log)
        assert term == (followers[after] if after < len(followers) else NONE)
        assert index == (list(followers).index(term) if term != NONE else len(followers))


@thorough
@given(diverging_logs(), st.data())
def test_a_rejection_always_leads_further_back(logs: tuple[Terms, Terms, int], data: st.DataObject) -> None:
    leaders, followers, _ = logs
    tries = data.draw(st.integers(-1, len(leaders) - 1))
    log, other = log_of(*leaders), log_of(*followers)
    while not sound.log_matches(args := append_call(9, leaders, after=tries), other):
        reply = AppendEntriesReply(9, False, *sound.conflict_hint(args, other))
        following = sound.next_index_after(args, reply, log)
        assert 0 <= following <= tries
        tries = following - 1
    assert terms_of_prefix(log, tries) == terms_of_prefix(other, tries)


def terms_of_prefix(log: RaftLog, last: int) -> tuple[int, ...]:
    return tuple(entry.term for entry in log)[: last + 1]


@pytest.mark.parametrize(
    ("commit", "after", "count", "expected"),
    [(5, 1, 2, 3), (2, 1, 2, 2), (5, -1, 0, -1), (-1, 3, 0, -1), (5, 3, 0, 3)],
)
def test_a_follower_commits_up_to_the_last_new_entry(commit: int, after: int, count: int, expected: int) -> None:
    args = AppendEntriesArgs(1, 0, after, 1 if after >= 0 else NONE, entries((1,) * count, after + 1), commit)
    assert sound.follower_commit(args, log_of(1, 1, 1, 1, 1, 1, 1)) == expected
    assert sound.acknowledged_index(args, AppendEntriesReply(1, True)) == after + count
