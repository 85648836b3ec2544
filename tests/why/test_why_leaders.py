"""Why nobody leads, who was refused what, and what is most worth asking."""

import pytest
from support.why_stories import LED, STILL, lines_of, view_after

from raftplay import scenarios
from raftplay.past.history import History
from raftplay.past.rpcs import fold_rpcs
from raftplay.raft.bugs import BUGS, LIVENESS
from raftplay.watch.invariants import INVARIANTS, Breach
from raftplay.why import why, why_no_leader, why_node, why_rejected
from raftplay.why.facts.quorums import QuorumFacts
from raftplay.why.facts.rejections import RejectionFacts


def told(script: str, *, nodes: int = 5) -> list[str]:
    return lines_of(why_no_leader(view_after(script, nodes=nodes)))


def reason(script: str, *, nodes: int = 5) -> str:
    facts = why_no_leader(view_after(script, nodes=nodes)).facts
    assert isinstance(facts, QuorumFacts)
    return facts.reason


# ---- nobody leads


CUT_OFF = "timing delay=2ms\nsleep 5s; partition 0 | 1 | 2,3,4; sleep 3s"


def test_the_requests_of_an_election_are_looked_for_since_it_began(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []

    def count(records):
        read.append(len(records))
        return fold_rpcs(records)

    monkeypatch.setattr("raftplay.past.index.fold_rpcs", count)
    view = view_after(CUT_OFF, nodes=5)
    facts = why_no_leader(view).facts
    assert isinstance(facts, QuorumFacts)
    assert facts.candidacies
    assert len(read) == len(facts.candidacies)
    assert sum(read) < len(view.records) / 4


def test_a_request_is_told_alike_whatever_came_before_it() -> None:
    records = view_after(CUT_OFF, nodes=5).records
    everything = fold_rpcs(records)
    for at in range(0, len(records), 97):
        first = records[at].seq
        since = {link: [rpc for rpc in rpcs if rpc.sent.seq >= first] for link, rpcs in everything.items()}
        assert fold_rpcs(records[at:]) == {link: rpcs for link, rpcs in since.items() if rpcs}


def test_before_the_first_timer_fires_one_waits() -> None:
    assert told("timing delay=2ms\nsleep 100ms", nodes=3) == [
        "no leader: no node has started an election yet; the next election timer is that of node 1, at 0.155 s, in 55 ms (§5.2)",
        "nobody has led so far",
    ]


def test_too_few_live_nodes_elect_nobody() -> None:
    assert told(LED + "crash 0,1,3") == [
        "no leader: 2 of 5 nodes are alive, and 3 are needed (§5.2)",
        "down: nodes 0 1 3",
        "node 0 led last, in term 1, until it crashed at 0.007 s",
        "the next election timer is that of node 2, at 23.199 s, in 23.19 s",
    ]
    assert told(LED + "crash all")[0] == "no leader: 0 of 5 nodes are alive, and 3 are needed (§5.2)"


def test_nodes_that_do_not_meet_elect_nobody() -> None:
    assert told(LED + "disconnect 0; partition 0,1 | 2,3 | 4; sleep 5ms") == [
        "no leader: no node can reach and hear enough others: 3 of 5 are needed, itself counted (§5.2)",
        "node 0 believes that it leads term 1, but is cut off from all others",
        "node 0 meets nobody (1 of 5 with itself); not nodes 1 2 3 4: node 0 is cut off",
        (
            "node 1 meets nobody (1 of 5 with itself); not node 0: node 0 is cut off; not nodes 2 3 4: on "
            "another side of the partition"
        ),
        (
            "node 2 meets node 3 (2 of 5 with itself); not node 0: node 0 is cut off; not nodes 1 4: on another "
            "side of the partition"
        ),
        (
            "node 3 meets node 2 (2 of 5 with itself); not node 0: node 0 is cut off; not nodes 1 4: on another "
            "side of the partition"
        ),
        (
            "node 4 meets nobody (1 of 5 with itself); not node 0: node 0 is cut off; not nodes 1 2 3: on "
            "another side of the partition"
        ),
        "node 0 led last, in term 1, until it was cut off at 0.007 s",
        "the next election timer is that of node 2, at 23.199 s, in 23.19 s",
    ]
    assert told(LED + "crash 0; cut 1->2; cut 2->1; hold 3->1; freeze 4; drop 3 after 0") == [
        "no leader: no node can reach and hear enough others: 3 of 5 are needed, itself counted (§5.2)",
        "down: node 0",
        (
            "node 1 meets nobody (1 of 5 with itself); not node 0: node 0 is down; not node 2: the link 1->2 is "
            "cut; not node 3: what goes over 3->1 is held; not node 4: node 4 is frozen"
        ),
        (
            "node 2 meets node 3 (2 of 5 with itself); not node 0: node 0 is down; not node 1: the link 2->1 is "
            "cut; not node 4: node 4 is frozen"
        ),
        (
            "node 3 meets nobody (1 of 5 with itself); not node 0: node 0 is down; not nodes 1 2: the proxy of "
            "node 3 drops its requests; not node 4: node 4 is frozen"
        ),
        "node 4 meets nobody (1 of 5 with itself); not node 0: node 0 is down; not nodes 1 2 3: node 4 is frozen",
        "node 0 led last, in term 1, until it crashed at 0.007 s",
        "the next election timer is that of node 2, at 23.199 s, in 23.19 s",
    ]


def test_an_election_that_is_under_way_is_told() -> None:
    assert told(LED + "crash 0; timeout 1; sleep 1ms", nodes=3) == [
        "no leader: an election is under way: node 1 is candidate in term 2 with 1 of the 2 votes needed (§5.2)",
        "down: node 0",
        "node 1 is candidate in term 2; votes counted: node 1 (see: why 1)",
        "no response from node 0: the request never left: node 0 was down",
        "no response from node 2: the request is on its way, due at 0.009 s",
        "node 0 led last, in term 1, until it crashed at 0.007 s",
        "the next election timer is that of node 2, at 23.199 s, in 23.19 s",
    ]


def test_a_split_vote_tells_who_voted_for_whom() -> None:
    assert told(LED + "crash 0; cut 1<->2; cut 1<->4; cut 2<->3; timeout 1; timeout 2; sleep 10ms") == [
        "no leader: the votes of term 2 are split, and no candidate can get 3 any more (§5.2)",
        "down: node 0",
        "in term 2, nodes 1 3 voted for node 1",
        "in term 2, nodes 2 4 voted for node 2",
        "node 1 is candidate in term 2; votes counted: nodes 1 3 (see: why 1)",
        "no response from node 0: the request never left: node 0 was down",
        "no response from nodes 2 4: the request was lost (cut)",
        "node 2 is candidate in term 2; votes counted: nodes 2 4 (see: why 2)",
        "no response from node 0: the request never left: node 0 was down",
        "no response from nodes 1 3: the request was lost (cut)",
        "node 0 led last, in term 1, until it crashed at 0.007 s",
        "the next election timer is that of node 1, at 23.674 s, in 23.66 s",
    ]


def test_an_election_that_cannot_be_won_any_more_is_told() -> None:
    assert told(
        LED
        + "submit a; wait committed a on 3; cut 0->1; submit b; wait committed b on 2; crash 0; timeout 1; sleep 5ms",
        nodes=3,
    ) == [
        (
            "no leader: node 1 is candidate in term 2 with 1 of the 2 votes needed, and cannot win that term "
            "any more (§5.2)"
        ),
        "down: node 0",
        "node 1 is candidate in term 2; votes counted: node 1 (see: why 1)",
        (
            "node 2 denied its vote: the candidate's log is shorter, its last term the same: it ends at index "
            "0, that of node 2 at 1, both with term 1 (§5.4.1)"
        ),
        "no response from node 0: the request never left: node 0 was down",
        "node 0 led last, in term 1, until it crashed at 0.015 s",
        "the next election timer is that of node 2, at 20.165 s, in 20.14 s",
    ]


def test_a_vote_may_still_come_by_another_copy_of_the_request() -> None:
    script = (
        LED
        + "crash 0; cut 2->1; link 1->2 delay=50ms; timeout 1; sleep 1ms; duplicate 1->2; sleep 3ms; join 2->1\n"
    )
    assert told(script, nodes=3)[2:4] == [
        "node 1 is candidate in term 2; votes counted: node 1 (see: why 1)",
        (
            "node 2 granted its vote: not yet voted for another in this term, and the candidate's log is up to "
            "date: both logs are empty (§5.2); the response was lost (cut); another copy of the request is on its "
            "way"
        ),
    ]
    assert reason(script, nodes=3) == "election under way"
    assert reason(script + "sleep 60ms", nodes=3) == "there is one"


def test_a_vote_cannot_come_from_a_node_in_a_newer_term() -> None:
    script = (
        LED + "crash 2; partition 0 | 1; timeout 1; timeout 1; timeout 1; sleep 60ms; crash 0; restart 0; heal\n"
    )
    assert reason(script + "timeout 0; sleep 1ms", nodes=3) == "election lost"


def test_logs_that_are_refused_keep_everyone_from_leading() -> None:
    script = (
        LED + "submit a; wait committed a on 5; cut 0->1; cut 0->2; submit b; wait committed b on 3\n"
        "disconnect 0; cut 3<->1; cut 3<->2; cut 4<->2; cut 4<->3; sleep 5ms"
    )
    assert told(script) == [
        (
            "no leader: every node that reaches a majority has a log that too many there reject as out of date "
            "(§5.4.1)"
        ),
        "node 0 believes that it leads term 1, but is cut off from all others",
        "node 0 meets nobody; its log ends at index 1 with term 1",
        "node 1 meets nodes 2 4; its log ends at index 0 with term 1, and node 4 would reject it for that",
        "node 2 meets node 1; its log ends at index 0 with term 1",
        "node 3 meets nobody; its log ends at index 1 with term 1",
        "node 4 meets node 1; its log ends at index 1 with term 1",
        "node 0 led last, in term 1, until it was cut off at 0.015 s",
        "the next election timer is that of node 2, at 22.218 s, in 22.20 s",
    ]


def test_who_asks_first_is_told_with_the_refusals() -> None:
    assert told("set prevote on\n" + LED + "crash 0; timeout 2; sleep 3ms", nodes=3) == [
        "no leader: before any election, pre-votes ask whether node 2 could win term 2 (thesis §9.6)",
        "down: node 0",
        "node 2 asks for pre-votes in term 2; pre-votes counted: node 2 (see: why 2)",
        (
            "node 1 denied its pre-vote: a leader was heard of within the shortest election timeout: node 1 "
            "heard of node 0 5 ms before (thesis §9.6)"
        ),
        "no response from node 0: the request never left: node 0 was down",
        "node 0 led last, in term 1, until it crashed at 0.009 s",
        "the next election timer is that of node 1, at 31.654 s, in 31.64 s",
    ]


def test_a_leader_that_there_is_is_named_with_what_is_wrong_with_it() -> None:
    assert told(LED) == [
        "there is a leader: node 0 leads term 1",
    ]
    assert told(LED + "freeze 0") == [
        "there is a leader: node 0 leads term 1",
        "it is frozen: it sends nothing, and commits nothing",
    ]
    assert told(LED + "cut 0->1; cut 2->0; cut 3->0") == [
        "there is a leader: node 0 leads term 1",
        "it hears from too few to commit: with itself 2, and 3 are needed (§5.3)",
    ]
    assert told(LED + "partition 0,1 | 2,3,4; timeout 2; wait leader is 2") == [
        "there is a leader: node 2 leads term 2",
        "node 0 believes that it leads term 1, and has not heard of the higher term (§5.1)",
    ]


def test_how_the_last_leadership_ended_is_told() -> None:
    assert told(LED + "disconnect 0", nodes=3)[-2:] == [
        "node 0 believes that it leads term 1, but is cut off from all others",
        "node 0 led last, in term 1, until it was cut off at 0.007 s",
    ]
    assert told(LED + "hold 0->1; hold 2->1; timeout 1; sleep 3ms", nodes=3)[-2:] == [
        (
            "node 0 led last, in term 1, until it stepped down at 0.009 s: a message carried a higher term "
            "(§5.1): node 1's vote request for term 2"
        ),
        "the next election timer is that of node 1, at 23.674 s, in 23.66 s",
    ]


def test_of_a_leader_that_is_forgotten_it_is_said_so() -> None:
    view = view_after(LED + "crash 0; sleep 500ms; timeout 1; hold 2->1; sleep 5ms", history=History(3))
    assert lines_of(why_no_leader(view)) == [
        "no leader: no node can reach and hear enough others: 2 of 3 are needed, itself counted (§5.2)",
        "down: node 0",
        (
            "node 1 meets nobody (1 of 3 with itself); not node 0: node 0 is down; not node 2: what goes over "
            "2->1 is held"
        ),
        (
            "node 2 meets nobody (1 of 3 with itself); not node 0: node 0 is down; not node 1: what goes over "
            "2->1 is held"
        ),
        "node 1 is candidate in term 2; votes counted: node 1 (see: why 1)",
        "who led last: the history no longer has it",
        "the next election timer is that of node 1, at 24.174 s, in 23.66 s",
    ]


# ---- refusals


def test_both_directions_of_a_refusal_are_told_the_newer_one_as_such() -> None:
    script = STILL + "hold 0->1; timeout 0; timeout 1; timeout 1; wait leader is 1; deliver 0->1; sleep 1ms"
    assert lines_of(why_rejected(view_after(script), 1)) == [
        "node 1 rejected node 0's heartbeat of term 1 at 0.002 s: the request has a lower term: 1 < 2 (§5.1)",
        (
            "before that, node 2 rejected node 1's vote request for term 1 at 0.002 s: already voted for another "
            "candidate in this term: node 2 voted for node 0 in term 1 (§5.2)"
        ),
    ]
    assert lines_of(why_rejected(view_after(script), 0)) == [
        (
            "node 0 rejected node 1's vote request for term 1 at 0.002 s: already voted for another candidate in "
            "this term: node 0 voted for itself in term 1, and leads it (§5.2)"
        ),
        (
            "since then, node 1 rejected node 0's heartbeat of term 1 at 0.002 s: the request has a lower "
            "term: 1 < 2 (§5.1)"
        ),
    ]


def test_who_refused_nothing_hears_what_of_its_own_was_refused() -> None:
    assert lines_of(
        why_rejected(view_after(LED + "partition 0 | 1,2; timeout 1; wait leader is 1; heal; sleep 52ms"), 0)
    ) == [
        (
            "node 0 has rejected nothing; but node 2 rejected node 0's heartbeat of term 1 at 0.054 s: the "
            "request has a lower term: 1 < 2 (§5.1)"
        ),
    ]


def test_a_refusal_that_is_forgotten_is_told_as_that() -> None:
    script = STILL + "hold 1->2; timeout 0; timeout 1; wait leader is 0; deliver 1->2; sleep 500ms"
    answer = why_rejected(view_after(script, history=History(30)), 2)
    assert isinstance(answer.facts, RejectionFacts)
    assert (answer.facts.by, answer.facts.of) == (None, None)
    assert lines_of(answer) == [
        "node 2 has rejected nothing since 0.354 s, and none of its requests was rejected",
        "the history no longer has what was before 0.354 s: 121 events",
    ]


# ---- what is most worth asking


def test_bare_it_asks_about_the_leader_or_that_there_is_none() -> None:
    view = view_after(LED)
    assert why(view) == why_node(view, 0)
    view = view_after(LED + "crash 0")
    assert why(view) == why_no_leader(view)


@pytest.mark.parametrize("bug", [name for name, bug in BUGS.items() if bug.violates != (LIVENESS,)])
def test_bare_it_asks_about_a_breach_and_names_the_bug_that_is_known_for_it(bug: str) -> None:
    view = view_after(scenarios.text_of(f"bugs/{bug}"), nodes=nodes_of(bug))
    answer = why(view)
    breach = answer.facts
    assert isinstance(breach, Breach)
    assert breach == view.breach
    broken = next(one for one in INVARIANTS if one.name == breach.invariant)
    assert f"the bug {bug}, which is on, is known to break it" in answer.reasons
    assert answer.head.startswith(f"{breach.invariant} broke at ")
    assert answer.reasons[0] == f"{breach.invariant}: {broken.statement} ({broken.section})"
    assert answer.reasons[2] == f"the bug {bug}, which is on, is known to break it"


def nodes_of(bug: str) -> int:
    text = scenarios.text_of(f"bugs/{bug}")
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("nodes "))


def test_a_breach_is_told_with_statement_facts_and_event() -> None:
    assert lines_of(why(view_after(scenarios.text_of("bugs/double-count-vote"), nodes=5))) == [
        "Vote Quorum broke at 0.002 s: n0 becomes leader of term 1 with 2 votes, but a majority of 5 nodes is 3",
        "Vote Quorum: a leader holds the votes of a majority of distinct nodes, each of them durable (§5.2)",
        "it broke with event 32: n0 becomes leader of term 1 (votes n0 n1 n1)",
        "the bug double-count-vote, which is on, is known to break it",
        "bug on: double-count-vote (a vote that arrives twice counts twice; §5.2)",
    ]
