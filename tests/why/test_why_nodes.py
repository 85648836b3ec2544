"""Why a node is in its state: whose votes, which timer, which message, and what is wrong with it."""

from dataclasses import replace

import pytest
from support.why_stories import LED, STILL, lines_of, view_after

from raftplay.past.history import History
from raftplay.raft.decisions import Stopped
from raftplay.why import why, why_node, why_rejected
from raftplay.why.facts.nodes import DownFacts, FollowerFacts, LeaderFacts


def told(script: str, node: int, *, nodes: int = 3) -> list[str]:
    return lines_of(why_node(view_after(script, nodes=nodes), node))


# ---- leaders


def test_a_leader_has_votes_a_timer_and_a_majority_that_it_reaches() -> None:
    answer = why_node(
        view_after("timing delay=2ms\ntimeout 0; wait leader is 0; crash 0; wait leader; sleep 5ms"), 2
    )
    assert (
        answer.text
        == """node 2 is leader of term 2 since 0.180 s: it counted the votes of nodes 2 1; of 3 nodes, 2 are
    needed (§5.2)
  its election timer fired at 0.178 s: the election timeout passed without word from a leader
      (§5.2); 174 ms before, it had heard of node 0, the leader of term 1
  node 1 voted for it at 0.180 s: not yet voted for another in this term, and the candidate's log is
      up to date: both logs are empty (§5.2)
  it reaches node 1 and hears from it: with itself 2 of 3, which is a majority
  not node 0: node 0 is down"""
    )


def test_a_leader_that_is_cut_off_cannot_commit_and_does_not_know_of_its_successor() -> None:
    view = view_after(LED + "partition 0,1 | 2,3,4; timeout 2; wait leader is 2; sleep 5ms; cut 0->1", nodes=5)
    answer = why_node(view, 0)
    facts = answer.facts
    assert isinstance(facts, LeaderFacts)
    assert (facts.reached, facts.has_majority, facts.rival) == ((), False, (2, 2))
    assert lines_of(answer) == [
        (
            "node 0 is leader of term 1 since 0.002 s: it counted the votes of nodes 0 1 2; of 5 nodes, 3 are "
            "needed (§5.2); now it reaches no majority"
        ),
        "at 0.000 s its election timer was fired by hand (§5.2)",
        (
            "node 1 voted for it at 0.002 s: not yet voted for another in this term, and the candidate's log is "
            "up to date: both logs are empty (§5.2)"
        ),
        (
            "node 2 voted for it at 0.002 s: not yet voted for another in this term, and the candidate's log is "
            "up to date: both logs are empty (§5.2)"
        ),
        "the partition leaves it with node 1",
        "it reaches no other node both ways, and 3 of 5 are needed",
        "not node 1: the link 0->1 is cut",
        "not nodes 2 3 4: on another side of the partition",
        "while that lasts no majority responds to it, and without one it cannot commit (§5.3)",
        "it goes on as leader all the same, until it hears of a higher term (§5.1)",
        (
            "node 2 leads the higher term 2: a leader that hears of a higher term steps down (§5.1), and node 0 "
            "has not heard of it"
        ),
        (
            "at 0.002 s it ignored the response of node 4 to its vote request for term 1: the reply is to a "
            "request of another term or role (§5.2)"
        ),
    ]


def test_a_leader_that_hears_from_half_of_four_nodes_has_no_majority() -> None:
    answer = why_node(view_after(LED + "cut 2->0; drop 1 after 0; link 0->3 loss=100%", nodes=4), 0)
    assert lines_of(answer)[-8:] == [
        (
            "node 1 voted for it at 0.002 s: not yet voted for another in this term, and the candidate's log is "
            "up to date: both logs are empty (§5.2)"
        ),
        (
            "node 2 voted for it at 0.002 s: not yet voted for another in this term, and the candidate's log is "
            "up to date: both logs are empty (§5.2)"
        ),
        "it reaches node 1 and hears from it: with itself 2 of 4, and 3 are needed",
        "not node 2: the link 2->0 is cut",
        "not node 3: the link 0->3 loses every message",
        "while that lasts no majority responds to it, and without one it cannot commit (§5.3)",
        "it goes on as leader all the same, until it hears of a higher term (§5.1)",
        (
            "at 0.002 s it ignored the response of node 3 to its vote request for term 1: the reply is to a "
            "request of another term or role (§5.2)"
        ),
    ]


def test_a_frozen_leader_sends_nothing() -> None:
    assert told(LED + "freeze 0", 0)[3:] == [
        "it is frozen since 0.007 s: it answers nothing, and no timer of it fires",
        "while it is frozen it sends nothing, so the others may elect another leader (§5.2)",
        (
            "at 0.002 s it ignored the response of node 2 to its vote request for term 1: the reply is to a "
            "request of another term or role (§5.2)"
        ),
    ]


def test_a_leader_alone_in_its_cluster_is_a_majority() -> None:
    assert told(STILL + "timeout 0", 0, nodes=1) == [
        "node 0 is leader of term 1 since 0.000 s: it counted the votes of node 0; of 1 node, 1 is needed (§5.2)",
        "at 0.000 s its election timer was fired by hand (§5.2)",
        "it is alone in its cluster, and a majority by itself",
    ]


def test_a_leader_by_pre_vote_asked_first() -> None:
    assert (
        told("set prevote on\n" + LED, 0)[1]
        == "at 0.000 s its election timer was fired by hand (§5.2); nodes 0 1 said first that it could win (thesis §9.6)"
    )


# ---- candidates


def test_a_candidate_tells_what_became_of_every_request() -> None:
    view = view_after(
        LED + "submit a; wait committed a on 9; cut 0->8; submit b; sleep 5ms; crash 1; disconnect 2\n"
        "cut 8->3; freeze 4; hold 8->5; hold 6->8; timeout 8; sleep 3ms; freeze 4; cut 7->8; sleep 3ms",
        nodes=9,
    )
    answer = why_node(view, 8)
    assert lines_of(answer) == [
        "node 8 is candidate in term 2 since 0.016 s: it has 1 of the 5 votes needed (§5.2)",
        "at 0.016 s its election timer was fired by hand (§5.2)",
        "votes counted: node 8",
        (
            "node 0 denied its vote: the candidate's log is shorter, its last term the same: it ends at index "
            "0, that of node 0 at 1, both with term 1 (§5.4.1); the response was lost (cut)"
        ),
        "node 1 has not responded: the request never left: node 1 was down",
        "node 2 has not responded: the request never left: node 2 was cut off",
        "node 3 has not responded: the request was lost (cut)",
        "node 4 has not responded: the request waits until node 4 is thawed",
        "node 5 has not responded: the request is held on 8->5",
        (
            "node 6 denied its vote: the candidate's log is shorter, its last term the same: it ends at index "
            "0, that of node 6 at 1, both with term 1 (§5.4.1); the response is held on 6->8"
        ),
        (
            "node 7 denied its vote: the candidate's log is shorter, its last term the same: it ends at index "
            "0, that of node 7 at 1, both with term 1 (§5.4.1)"
        ),
        "its election timer fires at 35.518 s, in 35.50 s: then it starts an election in a higher term (§5.2)",
    ]


def test_who_asks_again_tells_of_the_timer_that_fired_last() -> None:
    script = "set prevote on\n" + STILL + "partition 0,1 | 2,3,4; drop 1 after 0; timeout 0; sleep 41s"
    facts = why_node(view_after(script, nodes=5), 0).facts
    assert isinstance(facts, FollowerFacts)
    assert facts.asking is not None
    assert facts.asking.votes == (0, 1)
    firing = facts.asking.firing
    assert firing is not None
    assert (firing.time, firing.by_hand, firing.pre_votes) == (facts.asking.since, False, ())
    assert firing.since is not None
    assert (firing.since.kind, firing.since.time) == ("asked", 0.0)


# ---- followers


def test_a_follower_follows_a_leader_by_a_vote_and_a_log() -> None:
    assert told(LED + "submit a; wait committed a on 3; sleep 60ms", 1) == [
        "node 1 is follower in term 1: it follows node 0, the leader of this term since 0.004 s (§5.2)",
        "it started at 0.000 s, as a follower: every node begins as one (§5.2)",
        (
            "it came from term 0 to 1 at 0.002 s: a message carried a higher term (§5.1), 0 < 1: node 0's vote "
            "request for term 1"
        ),
        (
            "in term 1 it voted for node 0 at 0.002 s: not yet voted for another in this term, and the "
            "candidate's log is up to date: both logs are empty (§5.2)"
        ),
        (
            "it last heard of node 0 at 0.054 s, 17 ms ago, and accepted its heartbeat of term 1: the log has "
            "the entry before the new ones, with the same term: index 0, term 1 (§5.3)"
        ),
        "its log ends at index 0 with term 1, as that of node 0 does; committed up to 0",
        (
            "its election timer fires at 34.790 s, in 34.72 s: then it starts an election, unless it hears of "
            "a leader or votes before (§5.2)"
        ),
    ]


def test_a_follower_that_led_tells_what_deposed_it_and_where_its_log_conflicts() -> None:
    assert told(
        LED + "submit a; wait committed a on 3; partition 0 | 1,2; submit b to 0; submit c to 0\n"
        "timeout 1; wait leader is 1; submit d; wait committed d on 2; heal; hold 1->0; sleep 51ms; hold 0->1\n"
        "release 1->0; sleep 3ms",
        0,
    ) == [
        "node 0 is follower in term 2: it follows node 1, the leader of this term since 0.068 s (§5.2)",
        (
            "it was leader until 0.054 s: a message carried a higher term (§5.1), 1 < 2: the response of node 2 to "
            "its heartbeat of term 1"
        ),
        "it has voted for nobody in term 2",
        (
            "it last heard of node 1 at 0.068 s, 3 ms ago, and rejected its heartbeat of term 2: the entry "
            "before the new ones is of another term: at index 1 it is of term 1, the leader's of 2 (§5.3)"
        ),
        (
            "its log ends at index 2 with term 1, and conflicts with that of node 1 at index 1: term 1 there, 2 "
            "with the leader; committed up to 0"
        ),
        (
            "its election timer fires at 32.780 s, in 32.71 s: then it starts an election, unless it hears of "
            "a leader or votes before (§5.2)"
        ),
    ]


def test_a_call_of_an_older_leader_does_not_end_the_following_of_a_newer_one() -> None:
    view = view_after(LED + "partition 0 | 1,2; timeout 1; wait leader is 1; sleep 5ms; heal; sleep 60ms")
    facts = why_node(view, 2).facts
    assert isinstance(facts, FollowerFacts)
    assert facts.now.leader_id == 1
    assert facts.followed_since == pytest.approx(0.011)
    assert facts.heard is not None
    assert facts.heard.time > 0.05


def test_a_follower_whose_leader_is_gone_says_what_became_of_it() -> None:
    assert told(LED + "crash 0", 1)[0] == (
        "node 1 is follower in term 1: it follows node 0 since 0.004 s, which is down by now; no other leader "
        "was heard of (§5.2)"
    )
    assert (
        told(LED + "disconnect 0; timeout 2; wait leader is 2", 1)[0]
        == "node 1 is follower in term 2: it has heard of no leader of this term (§5.2)"
    )


def test_a_restarted_node_knows_its_vote_from_its_disk() -> None:
    assert told(LED + "crash 1; restart 1", 1) == [
        "node 1 is follower in term 1: it has heard of no leader of this term (§5.2)",
        "it restarted at 0.007 s, as a follower: every node begins as one (§5.2)",
        (
            "in term 1 it voted for node 0 at 0.002 s: not yet voted for another in this term, and the "
            "candidate's log is up to date: both logs are empty (§5.2); it knows that from its disk"
        ),
        "its log is empty",
        (
            "its election timer fires at 29.237 s, in 29.21 s: then it starts an election, unless it hears of "
            "a leader or votes before (§5.2)"
        ),
    ]


# ---- what was done to it


def test_what_was_done_to_a_node_is_told() -> None:
    lines = told(LED + "freeze 1; disconnect 1; drop 1 after 3; tear 1 after 0", 1)
    assert lines[-4:] == [
        "it is frozen since 0.007 s: it answers nothing, and no timer of it fires",
        "it is cut off from all others since 0.007 s",
        "its proxy lets 3 more requests pass, and drops what follows",
        "its next write will be torn: it crashes in the middle of it (tear)",
    ]
    assert told(LED + "drop 1 after 0", 1)[-1] == "its proxy drops every request that it sends; its responses pass"


def test_a_node_that_is_down_has_a_disk() -> None:
    assert told(LED + "submit a; wait committed a on 3; crash 0", 0) == [
        "node 0 is down: it crashed at 0.011 s, as leader in term 1",
        (
            "its disk holds term 1, its vote for node 0 and a log up to index 0, term 1: a restart brings back "
            "these, and no commit index (Figure 2)"
        ),
    ]
    assert told(LED + "wipe 1", 1) == [
        "node 1 is down: it crashed at 0.007 s, as follower in term 1",
        (
            "its disk is empty, as it was wiped: the votes and entries that it answered for are gone, so it "
            "must not come back (Figure 2, persistent state)"
        ),
    ]
    assert told("wipe 2", 2) == told("crash 2", 2)
    assert told("crash 2", 2) == [
        "node 2 is down: it crashed at 0.000 s, as follower in term 0",
        (
            "its disk holds term 0, no vote and an empty log: a restart brings back these, and no commit index "
            "(Figure 2)"
        ),
    ]


def test_a_disk_holds_what_was_written_over_what_was_there() -> None:
    view = view_after(
        LED + "hold 0->1; submit a; sleep 5ms; partition 0,1 | 2,3,4; submit b to 0; lose 0->1; release 0->1\n"
        "wait log of 1 = 2; timeout 2; wait leader is 2; submit c to 2; heal; wait committed c on 5; crash 1",
        nodes=5,
    )
    facts = why_node(view, 1).facts
    assert isinstance(facts, DownFacts)
    assert [entry.command for entry in facts.disk.log] == ["a", "c"]


def test_a_node_is_down_from_the_event_on_with_which_it_is_dead() -> None:
    for script in ("crash 1", "tear 1 after 0; submit a; sleep 5ms", "wipe 1"):
        history = History()
        now = view_after(LED + script, history=history).snapshot
        stopped = next(r for r in history.records() if isinstance(r.event, Stopped) and r.node == 1)
        first = lines_of(why_node(history.view(stopped.seq, now), 1))[0]
        assert first == f"node 1 is down: it crashed at {stopped.time:.3f} s, as follower in term 1"


def test_a_write_that_tore_is_told() -> None:
    view = view_after(LED + "tear 1 after 0; submit a; sleep 5ms")
    answer = why_node(view, 1)
    assert isinstance(answer.facts, DownFacts)
    assert answer.facts.torn
    assert answer.facts.disk.log == ()
    assert lines_of(answer) == [
        "node 1 is down: it crashed at 0.009 s, as follower in term 1",
        (
            "its disk holds term 1, its vote for node 0 and an empty log: a restart brings back these, and no "
            "commit index (Figure 2)"
        ),
        "its last write was torn: the disk has only what reached it before the crash",
    ]


# ---- what the history no longer has


def test_what_is_forgotten_is_told_from_the_state() -> None:
    view = view_after(LED + "submit a; wait committed a on 3; sleep 500ms", history=History(10))
    assert lines_of(why_node(view, 0)) == [
        "node 0 is leader of term 1: it counted the votes of nodes 0 1; of 3 nodes, 2 are needed (§5.2)",
        "how its election began: the history no longer has it",
        "how node 1 came to vote for it: the history no longer has it",
        "it reaches nodes 1 2 and hears from them: with itself 3 of 3, which is a majority",
    ]
    assert lines_of(why_node(view, 1)) == [
        "node 1 is follower in term 1: it follows node 0, the leader of this term (§5.2)",
        "how it became a follower: the history no longer has it",
        "its vote in term 1 is for node 0; why: the history no longer has it",
        (
            "it last heard of node 0 at 0.504 s, 7 ms ago, and accepted its heartbeat of term 1: the log has "
            "the entry before the new ones, with the same term: index 0, term 1 (§5.3)"
        ),
        "its log ends at index 0 with term 1, as that of node 0 does; committed up to 0",
        (
            "its election timer fires at 36.946 s, in 36.43 s: then it starts an election, unless it hears of "
            "a leader or votes before (§5.2)"
        ),
    ]
    assert lines_of(why_rejected(view, 1)) == [
        "node 1 has rejected nothing since 0.502 s, and none of its requests was rejected",
        "the history no longer has what was before 0.502 s: 171 events",
    ]


def test_a_candidate_whose_beginning_is_forgotten_is_told_from_the_state() -> None:
    view = view_after(LED + "crash 2; hold 0->1; hold 1->0; timeout 1; sleep 200ms", history=History(5))
    assert lines_of(why_node(view, 1)) == [
        "node 1 is candidate in term 2: it has 1 of the 2 votes needed (§5.2)",
        "how its election began: the history no longer has it",
        "votes counted: node 1",
        "node 0: the history no longer has the request to it; now what goes over 1->0 is held",
        "node 2: the history no longer has the request to it; now node 2 is down",
        "its election timer fires at 23.674 s, in 23.47 s: then it starts an election in a higher term (§5.2)",
    ]


# ---- bugs


ZOMBIE = (
    "bug zombie\n"
    + LED
    + "cut 0->2; hold 1->0; submit a to 0; wait log of 1 = 1; sleep 1ms; crash 0; {}release 1->0"
)


def test_a_process_that_acts_after_it_crashed_is_told() -> None:
    restarted = told(ZOMBIE.format("restart 0; "), 0)
    assert restarted[0].startswith("node 0 is follower in term 1")
    assert (
        restarted[-2]
        == "an earlier process of it, which had crashed, still acts (at 0.030 s): a crashed process must do nothing"
    )
    assert told(ZOMBIE.format(""), 0) == [
        "node 0 is down: it crashed at 0.010 s, as leader in term 1",
        (
            "its disk holds term 1, its vote for node 0 and a log up to index 0, term 1: a restart brings back "
            "these, and no commit index (Figure 2)"
        ),
        "its process acted after it had crashed (at 0.010 s), and must do nothing",
        "bug on: zombie (a crashed incarnation still handles replies; Figure 2, persistent state)",
    ]


def test_a_bug_that_is_to_be_found_is_not_named() -> None:
    view = view_after("bug double-count-vote\n" + LED)
    hidden = replace(view, snapshot=replace(view.snapshot, bugs=("unnamed",)))
    assert lines_of(why(hidden))[-1] == "a bug is on, yet to be found"
    assert "double" not in why(hidden).text
