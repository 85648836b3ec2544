"""Why an entry is not committed: who has it and who not, whose word is missing, and what the leader may count."""

from support.why_stories import LED, lines_of, view_after

from raftplay import Harness, scenarios
from raftplay.past.history import History
from raftplay.session.session import Session
from raftplay.why import why_not_committed
from raftplay.why.facts.entries import IndexFacts
from raftplay.why.facts.rpcs import CallStage


def told(script: str, index: int, *, nodes: int = 5) -> list[str]:
    return lines_of(why_not_committed(view_after(script, nodes=nodes), index))


def facts_of(script: str, index: int, *, nodes: int = 5) -> IndexFacts:
    facts = why_not_committed(view_after(script, nodes=nodes), index).facts
    assert isinstance(facts, IndexFacts)
    return facts


COMMITTED = LED + "submit a; wait committed a on 5\n"


# ---- committed


def test_what_is_committed_is_told_with_who_counted_whom() -> None:
    assert told(COMMITTED, 0) == [
        "index 0 is committed on nodes 0 1 2 3 4 (a, of term 1)",
        (
            "node 0 committed it at 0.009 s: a majority has the entry, and it is of the leader's own term "
            "(§5.3, §5.4.2); it counted nodes 0 1 2 for index 0, term 1"
        ),
        "5 of 5 nodes have the entry (a, of term 1): nodes 0 1 2 3 4",
    ]


def test_who_does_not_know_yet_that_an_entry_is_committed_is_told() -> None:
    assert told(COMMITTED + "cut 0->4; submit b; sleep 3ms; disconnect 3", 1) == [
        "index 1 is committed on node 0 (b, of term 1)",
        (
            "node 0 committed it at 0.013 s: a majority has the entry, and it is of the leader's own term "
            "(§5.3, §5.4.2); it counted nodes 0 1 2 for index 1, term 1"
        ),
        "4 of 5 nodes have the entry (b, of term 1): nodes 0 1 2 3",
        "nodes 1 2 have it, and do not know yet that it is committed: a leader tells with AppendEntries (§5.3)",
        (
            "node 3 has it, and does not know yet that it is committed: a leader tells with AppendEntries "
            "(§5.3); now node 3 is cut off"
        ),
        "node 4 lacks it: the link 0->4 is cut; its log ends at index 0",
    ]


def test_what_was_committed_is_told_when_nobody_knows_it_any_more() -> None:
    assert told(COMMITTED + "crash all; restart all; sleep 1ms", 0) == [
        "index 0 was committed, and no live node knows that now: a commit index is not kept on disk (Figure 2)",
        (
            "node 0 committed it at 0.009 s: a majority has the entry, and it is of the leader's own term "
            "(§5.3, §5.4.2); it counted nodes 0 1 2 for index 0, term 1"
        ),
        "5 of 5 nodes have the entry (a, of term 1): nodes 0 1 2 3 4",
    ]


# ---- too few


def test_who_lacks_an_entry_is_told_with_each_reason() -> None:
    script = (
        LED + "submit base; wait committed base on 5\n"
        "partition 4 | 0,1,2,3; timeout 4; sleep 3ms; partition 4,3,2 | 0,1; timeout 4; wait 4 is leader\n"
        "cut 4->3; cut 4->2; submit x to 4; submit y to 4; partition 4 | 0,1,2,3; timeout 1; timeout 1; timeout 1\n"
        "wait 1 is leader; heal; disconnect 3; hold 1->4; cut 1->0; submit z to 1; sleep 3ms"
    )
    assert told(script, 1) == [
        "index 1 is not committed: 2 of 5 nodes have it, and 3 are needed (§5.3)",
        "2 of 5 nodes have the entry (z, of term 4): nodes 1 2",
        "node 4 has another entry there: x, of term 3",
        "node 0 lacks it: the link 1->0 is cut; its log ends at index 0",
        "node 2 has it, and the leader knows",
        "node 3 lacks it: node 3 is cut off; its log ends at index 0",
        (
            "node 4 lacks it: its log conflicts at 1: its entry is of term 3, the leader's of term 4 (§5.3); "
            "the AppendEntries of term 4 with entry 1 is held on 1->4"
        ),
        "node 4 believes that it leads too, in term 3",
    ]


def test_an_entry_that_is_under_way_held_or_lost_is_told_so() -> None:
    assert told(
        LED + "link 0->1 delay=20ms; hold 0->2; link 0->3 loss=100%; freeze 4; submit a; sleep 3ms", 0
    ) == [
        "index 0 is not committed: 1 of 5 nodes has it, and 3 are needed (§5.3)",
        "1 of 5 nodes has the entry (a, of term 1): node 0",
        (
            "node 1 lacks it: its log is empty; the AppendEntries of term 1 with entry 0 is on its way, on its "
            "link until 0.027 s"
        ),
        "node 2 lacks it: its log is empty; the AppendEntries of term 1 with entry 0 is held on 0->2",
        "node 3 lacks it: the link 0->3 loses every message; its log is empty",
        "node 4 lacks it: node 4 is frozen; its log is empty",
    ]


def test_an_entry_that_was_just_taken_is_not_written_yet() -> None:
    history = History()
    with Harness(3, backend="sim", seed=7, readers=[history]) as h:
        leader, _ = h.check_single_leader()
        h.submit_to_server(leader, "a")
        answer = why_not_committed(Session(h, history).view(), 0)
    assert lines_of(answer) == [
        f"index 0 is not committed: node {leader}, the leader, took it just now, and is about to write and send it",
        f"1 of 3 nodes has the entry (a, of term 1): node {leader}",
        "nodes 1 2 lack it: their logs are empty; it has not been sent there yet",
    ]


def test_an_entry_that_waits_for_the_leaders_disk_was_not_taken_just_now() -> None:
    assert told(LED + "disk 0 stall; submit a to 0; sleep 300ms", 0)[0] == (
        "index 0 is not committed: node 0, the leader, took it, and its disk write has been waiting since 0.007 s: "
        "the entry does not leave before"
    )


# ---- not acknowledged


def test_an_acknowledgement_that_does_not_come_is_told() -> None:
    assert told(LED + "hold 1->0; cut 2->0; hold 3->0; freeze 4; submit a; sleep 4ms; freeze 0", 0) == [
        (
            "index 0 is not committed: 4 of 5 nodes have it, but node 0, the leader, knows of 1 only, and 3 are "
            "needed (§5.3)"
        ),
        "4 of 5 nodes have the entry (a, of term 1): nodes 0 1 2 3",
        (
            "node 1 has it, and the leader does not know: its response to the AppendEntries of term 1 with entry "
            "0 is held on 1->0; node 0 is frozen"
        ),
        "node 2 has it, and the leader does not know: node 0 is frozen",
        (
            "node 3 has it, and the leader does not know: its response to the AppendEntries of term 1 with entry "
            "0 is held on 3->0; node 0 is frozen"
        ),
        "node 4 lacks it: node 4 is frozen; its log is empty",
    ]


# ---- older terms

OLD_ENTRY = (
    LED
    + "submit base; wait committed base on 5; partition 0,1 | 2,3,4; submit x to 0; wait log of 1 = 2; crash 0\n"
    "heal; timeout 1; wait leader is 1; wait log of 4 = 2; sleep 5ms\n"
)


def test_an_entry_of_an_older_term_is_not_committed_by_counting() -> None:
    assert told(OLD_ENTRY, 1) == [
        (
            "index 1 is not committed: its entry is of term 1, the leader, node 1, is in term 2, and by "
            "counting replicas it commits only entries of its own term (§5.4.2)"
        ),
        "5 of 5 nodes have the entry (x, of term 1): nodes 0 1 2 3 4 (node 0 on disk only, being down)",
        "a majority has the entry, but it has a lower term (§5.4.2)",
        "it can be committed only with a later entry, of the leader's own term: submit one",
    ]


def test_an_entry_of_an_older_term_is_committed_with_one_of_the_leaders_own() -> None:
    assert told(OLD_ENTRY + "submit y; sleep 1ms", 1) == [
        (
            "index 1 is not committed: its entry is of term 1, the leader is in term 2, so it is committed with "
            "index 2, the first of the leader's own term (§5.4.2); 1 of 5 nodes has index 2, and 3 are needed "
            "(§5.3)"
        ),
        "5 of 5 nodes have the entry (x, of term 1): nodes 0 1 2 3 4 (node 0 on disk only, being down)",
        "node 0 lacks index 2: node 0 is down; its log ends at index 1",
        (
            "nodes 2 3 4 lack index 2: their logs end at index 1; the AppendEntries of term 2 with entry 2 is "
            "on its way, due at 0.026 s"
        ),
    ]
    assert told(OLD_ENTRY + "submit y; sleep 10ms", 1)[:2] == [
        "index 1 is committed on nodes 1 2 3 4 (x, of term 1)",
        (
            "node 1 committed it at 0.026 s: a majority has the entry, and it is of the leader's own term "
            "(§5.3, §5.4.2); it counted nodes 1 2 3 for index 2, term 2"
        ),
    ]


# ---- nobody, or somebody else


def test_without_a_leader_nothing_is_committed() -> None:
    assert told(LED + "disconnect 0; submit a to 0; sleep 1ms", 0, nodes=3) == [
        (
            "index 0 is not committed: no connected node leads, and only a leader commits (§5.3); no node has "
            "started an election yet; the next election timer is that of node 2, at 23.199 s, in 23.19 s (§5.2)"
        ),
        "1 of 3 nodes has the entry (a, of term 1): node 0",
        "nodes 1 2 lack it: the log there is empty",
        "node 0 believes that it leads, in term 1, cut off from all others",
    ]


def test_an_entry_that_stands_in_the_log_of_a_deposed_leader_only_is_not_the_leaders() -> None:
    assert told(COMMITTED + "partition 0 | 1,2,3,4; submit b to 0; timeout 1; wait leader is 1; sleep 3ms", 1) == [
        "index 1 is not committed: node 1, the leader of term 2, has no entry there; its log ends at index 0",
        "1 of 5 nodes has the entry (b, of term 1): node 0",
        "an entry that the leader puts there replaces what other logs have there, wherever it arrives (§5.3)",
        "nodes 1 2 3 4 lack it: the log there ends at index 0",
        "node 0 believes that it leads too, in term 1",
    ]


def test_an_entry_on_the_disk_of_a_node_that_is_down_is_told() -> None:
    assert told(
        COMMITTED + "partition 0 | 1,2,3,4; submit b to 0; sleep 1ms; crash 0; timeout 1; wait leader is 1", 1
    ) == [
        "index 1 is not committed: node 1, the leader of term 2, has no entry there; its log ends at index 0",
        "1 of 5 nodes has the entry (b, of term 1): node 0 (node 0 on disk only, being down)",
        "an entry that the leader puts there replaces what other logs have there, wherever it arrives (§5.3)",
        "nodes 1 2 3 4 lack it: the log there ends at index 0",
    ]


def test_an_index_in_no_log_is_told_with_the_longest() -> None:
    assert told(COMMITTED, 7) == [
        "index 7 is not committed: no log has it, as the longest, that of node 0, ends at index 0",
    ]
    assert told("now", 0) == [
        "index 0 is not committed: no log has it, as every log is empty",
    ]


def test_what_a_torn_write_lost_is_not_counted() -> None:
    assert told(LED + "tear 1 after 1; submit a; sleep 3ms", 0, nodes=3) == [
        "index 0 is committed on node 0 (a, of term 1)",
        (
            "node 0 committed it at 0.009 s: a majority has the entry, and it is of the leader's own term "
            "(§5.3, §5.4.2); it counted nodes 0 2 for index 0, term 1"
        ),
        "2 of 3 nodes have the entry (a, of term 1): nodes 0 2",
        "node 1 lacks it: node 1 is down; its log is empty",
        "node 2 has it, and does not know yet that it is committed: a leader tells with AppendEntries (§5.3)",
    ]


# ---- bugs


def test_with_a_bug_two_commands_are_committed_at_one_index() -> None:
    view = view_after(scenarios.text_of("bugs/commit-old-term"), nodes=5)
    answer = why_not_committed(view, 1)
    assert isinstance(answer.facts, IndexFacts)
    assert answer.facts.disagree
    assert lines_of(answer) == [
        "index 1 is committed on nodes 1 2 4, but not the same entry: State Machine Safety is violated (§5.4.3)",
        (
            "node 0 committed it at 0.048 s: it counted nodes 0 1 2 for index 1, of term 2, in term 4; the "
            "correct algorithm waits here: a majority has the entry, but it has a lower term (§5.4.2); what it committed "
            "there was x"
        ),
        "3 of 5 nodes have the entry (y, of term 3): nodes 2 3 4",
        "node 0 has another entry there: x, of term 2",
        "node 1 has another entry there: x, of term 2, and has committed it",
        (
            "node 0 lacks it: node 0 is down; its log conflicts at 1: its entry is of term 2, the leader's of "
            "term 3 (§5.3)"
        ),
        (
            "node 1 lacks it: its log conflicts at 1: its entry is of term 2, the leader's of term 3 (§5.3); "
            "the AppendEntries of term 5 with entries 1..2 is on its way, due at 0.229 s"
        ),
        "node 3 has it, and does not know yet that it is committed: a leader tells with AppendEntries (§5.3)",
        (
            "bug on: commit-old-term (an entry of a lower term is committed by counting replicas (Figure 8); "
            "§5.4.2, Figure 8)"
        ),
    ]


def test_what_is_committed_is_not_what_the_leader_has() -> None:
    story = scenarios.text_of("bugs/commit-old-term").split("submit z")[0]
    lines = told(story, 1)
    assert lines[0] == "index 1 is committed on nodes 1 2 (x, of term 2)"
    assert not [line for line in lines if "lack" in line]


# ---- the past


def test_what_was_under_way_before_its_link_was_held_was_not_held() -> None:
    history = History()
    before = "submit a; sleep 1ms; hold 0->1; submit b; sleep 0ms"
    view_after(LED + before + "; crash 2; sleep 1s", history=history)
    view = view_after(LED + before)
    past = history.view(len(view.records), view.snapshot, view.snapshot.time)
    for index, stage in ((0, CallStage.CALL_UNDER_WAY), (1, CallStage.CALL_HELD)):
        facts = why_not_committed(past, index).facts
        assert isinstance(facts, IndexFacts)
        share = next(share for share in facts.shares if share.node == 1)
        assert share.journey is not None
        assert share.journey.stage is stage


def test_with_a_bug_the_term_of_an_entry_behind_a_snapshot_is_told_after_a_restart() -> None:
    script = (
        "bug commit-old-term\n"
        + LED
        + "submit a; submit b; wait committed b; snapshot 0; cut 0->1; cut 0->2; submit c"
    )
    script += "; sleep 5ms; crash 0; restart 0; heal; timeout 0; wait leader is 0; sleep 200ms"
    _, how, *_ = lines_of(why_not_committed(view_after(script), 2))
    assert "of term 1, in term 2; the correct algorithm waits here" in how
