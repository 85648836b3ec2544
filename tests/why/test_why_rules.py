"""For each rule by which nodes decide there is a situation in which an answer names it, with what decided."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import msgspec
import pytest
from support.why_stories import LED, STILL, Ask, lines_of, view_after

from raftplay.past.history import History
from raftplay.past.view import View
from raftplay.raft import decisions
from raftplay.raft.rule_names import Rule
from raftplay.why import Asks, Explanation, why_call, why_node, why_not_committed, why_rejected


def of_node(node: int) -> Ask:
    return lambda view: why_node(view, node)


def rejected(node: int) -> Ask:
    return lambda view: why_rejected(view, node)


def not_committed(index: int) -> Ask:
    return lambda view: why_not_committed(view, index)


def last_get(view: View) -> Explanation:
    return why_call(view, Asks("get", "x"))


Story = Callable[[], View]

PICKY = Path(__file__).parent.parent / "language" / "transcripts" / "own.py:Picky"
"""A class of nodes that never vote for node 0."""

TOLD = (
    "at 0.017 s the leader told it to start an election at once (thesis §3.10): it obeyed node 0, since the leader of "
    "this term hands its leadership over (thesis §3.10)"
)

OLD_ENTRY = (
    LED
    + "submit base; wait committed base on 5; partition 0,1 | 2,3,4; submit x to 0; wait log of 1 = 2; crash 0\n"
    "heal; timeout 1; wait leader is 1; wait log of 4 = 2; sleep 5ms\n"
)
"""Node 1 leads term 2, and all have x, which is of term 1."""


READS = "set reads index\n" + LED + "put x 1 as alice; "
"""Node 0 leads, and reads ask it for an index."""

NEW_LEADER = READS + "wait agree; timeout 1; wait leader is 1; sleep 5ms; "
"""Node 1 leads term 2, and no entry is of that."""


def forgetful() -> View:
    """Only what happened last is kept: node 1 learns of a commit; how it came to that is forgotten."""
    return view_after(
        LED + "submit a; sleep 4ms; hold 0->2; hold 0->1; sleep 3ms; release 0->1; sleep 3ms", history=History(12)
    )


def leader_asked() -> View:
    """A leader refuses a vote because it leads: sound nodes say that they have voted for themselves."""
    view = view_after(STILL + "hold 1->2; timeout 0; timeout 1; wait leader is 0; sleep 3ms")
    changed = [
        msgspec.structs.replace(record, event=msgspec.structs.replace(record.event, rule="leads"))
        if isinstance(record.event, decisions.VoteDecided) and record.node == 0
        else record
        for record in view.records
    ]
    return replace(view, records=changed)


def story(script: str, nodes: int = 3) -> Story:
    return partial(view_after, script, nodes=nodes)


SITUATIONS: dict[str, tuple[Story, Ask, str]] = {
    "granted": (
        story(LED),
        of_node(0),
        "node 1 voted for it at 0.002 s: not yet voted for another in this term, and the candidate's log is up to "
        "date: both logs are empty (§5.2)",
    ),
    "pre-granted": (
        story("set prevote on\n" + STILL + "hold 1->0; cut 2->0; timeout 0; sleep 5ms"),
        of_node(0),
        "node 1 granted its pre-vote: no leader heard of lately, and the candidate's log is up to date: both logs "
        "are empty (thesis §9.6); the response is held on 1->0",
    ),
    "stale-term": (
        story(STILL + "hold 0->1; timeout 0; timeout 1; timeout 1; wait leader is 1; deliver 0->1; sleep 1ms"),
        rejected(1),
        "node 1 rejected node 0's heartbeat of term 1 at 0.002 s: the request has a lower term: 1 < 2 (§5.1)",
    ),
    "term-begun": (
        story(
            "set prevote on\n"
            + STILL
            + "timeout 0; wait leader is 0; disconnect 2; transfer to 1; wait leader is 1; "
            "reconnect 2; timeout 2; sleep 3ms"
        ),
        rejected(0),
        "node 0 rejected node 2's pre-vote request for term 2 at 0.010 s: the request is about a term that has begun "
        "already: it asks about term 2, and node 0 is in term 2 (§5.1, thesis §9.6)",
    ),
    "voted-for-other": (
        story(STILL + "hold 1->2; timeout 0; timeout 1; wait leader is 0; deliver 1->2; sleep 5ms"),
        rejected(2),
        "node 2 rejected node 1's vote request for term 1 at 0.002 s: already voted for another candidate in this "
        "term: node 2 voted for node 0 in term 1 (§5.2)",
    ),
    "leads": (
        leader_asked,
        rejected(0),
        "node 0 rejected node 1's vote request for term 1 at 0.002 s: leads this term itself: term 1 (§5.2)",
    ),
    "log-older-term": (
        story(
            LED + "submit a; wait committed a on 3; partition 0 | 1,2; submit b to 0; submit c to 0; timeout 1\n"
            "wait leader is 1; submit d; wait committed d on 2; crash 1; crash 0; restart 0; heal\n"
            "timeout 0; timeout 0; sleep 5ms"
        ),
        of_node(0),
        "node 2 denied its vote: the candidate's last entry has a lower term: 1 < 2 (§5.4.1)",
    ),
    "log-shorter": (
        story(
            LED
            + "submit a; wait committed a on 3; cut 0->1; submit b; wait committed b on 2; crash 0; timeout 1; sleep 5ms"
        ),
        of_node(1),
        "node 2 denied its vote: the candidate's log is shorter, its last term the same: it ends at index 0, that "
        "of node 2 at 1, both with term 1 (§5.4.1)",
    ),
    "leader-alive": (
        story("set prevote on\n" + LED + "timeout 1; sleep 3ms"),
        rejected(2),
        "node 2 rejected node 1's pre-vote request for term 2 at 0.011 s: a leader was heard of within the shortest "
        "election timeout: node 2 heard of node 0 5 ms before (thesis §9.6)",
    ),
    "in-lease": (
        story("set sticky on\n" + LED + "timeout 1; sleep 3ms"),
        rejected(2),
        "node 2 ignored node 1's vote request for term 2 at 0.009 s: a leader was heard of within the shortest "
        "election timeout, so it does not reply: node 2 heard of node 0 5 ms before (thesis §4.2.3)",
    ),
    "no-quorum": (
        story("set checkquorum on\n" + LED + "cut 1->0; cut 2->0; sleep 20.1s"),
        of_node(0),
        "it was leader until 20.052 s: no majority has replied within the shortest election timeout (thesis §6.2)",
    ),
    "matches": (
        story(LED + "submit a; wait committed a on 3; sleep 10ms"),
        of_node(1),
        "it last heard of node 0 at 0.011 s, 10 ms ago, and accepted its heartbeat of term 1: the log has the entry "
        "before the new ones, with the same term: index 0, term 1 (§5.3)",
    ),
    "log-too-short": (
        story(LED + "cut 0->1; submit a; submit b; wait committed b on 2; timeout 2; wait leader is 2; sleep 3ms"),
        rejected(1),
        "node 1 rejected node 2's heartbeat of term 2 at 0.015 s: the log ends before the entry that should precede "
        "the new ones: it is empty, and the entry before the new ones is at index 1 (§5.3)",
    ),
    "term-conflict": (
        story(
            LED
            + "submit a; wait committed a on 3; partition 0 | 1,2; submit b to 0; timeout 1; wait leader is 1\n"
            "submit c; wait committed c on 2; heal; sleep 51ms"
        ),
        rejected(0),
        "node 0 rejected node 1's heartbeat of term 2 at 0.065 s: the entry before the new ones is of another term: at "
        "index 1 it is of term 1, the leader's of 2 (§5.3)",
    ),
    "newer-term": (
        story(LED + "timeout 1; sleep 3ms"),
        of_node(0),
        "it was leader until 0.009 s: a message carried a higher term (§5.1), 1 < 2: node 1's vote request for term 2",
    ),
    "leader-heard": (
        story(STILL + "timeout 0; timeout 1; sleep 5ms"),
        of_node(1),
        "it was candidate until 0.004 s: the leader of this term was heard of (§5.2): node 0's heartbeat of term 1",
    ),
    "old-call": (
        story(LED),
        of_node(0),
        "at 0.002 s it ignored the response of node 2 to its vote request for term 1: the reply is to a request of another "
        "term or role (§5.2)",
    ),
    "outdated": (
        story(
            LED + "cut 0->1; submit a; wait committed a on 2; join 0->1; link 1->0 delay=120ms; sleep 50ms\n"
            "link 1->0 clear; sleep 120ms"
        ),
        of_node(0),
        "at 0.174 s it ignored the response of node 1 to its heartbeat of term 1: the rejection is older than a later "
        "success (§5.3)",
    ),
    "probed": (
        story(
            LED
            + "submit a; wait committed a on 3; partition 0 | 1,2; submit b to 0; timeout 1; wait leader is 1\n"
            "submit c; wait committed c on 2; heal; hold 1->0; sleep 51ms; submit d; sleep 5ms; release 1->0; sleep 3ms"
        ),
        of_node(1),
        "at 0.073 s it ignored the response of node 0 to its heartbeat of term 2: a request that tries further back is already "
        "in flight (§5.3)",
    ),
    "majority": (
        story(LED + "submit a; wait committed a on 3"),
        not_committed(0),
        "node 0 committed it at 0.009 s: a majority has the entry, and it is of the leader's own term (§5.3, §5.4.2); it "
        "counted nodes 0 1 for index 0, term 1",
    ),
    "told": (
        forgetful,
        not_committed(0),
        "node 1 committed it at 0.011 s: the leader has committed that far (§5.3)",
    ),
    "older-entry": (
        story(OLD_ENTRY, 5),
        not_committed(1),
        "a majority has the entry, but it has a lower term (§5.4.2)",
    ),
    "timeout": (
        story("timing delay=2ms\nwait leader"),
        of_node(0),
        "its election timer fired at 0.156 s: the election timeout passed without word from a leader (§5.2); 156 ms "
        "before, it had started",
    ),
    "told-to": (
        story(LED + "submit a; sleep 8ms; transfer to 2; sleep 7ms"),
        of_node(2),
        TOLD,
    ),
    "obeyed": (
        story(LED + "submit a; sleep 8ms; transfer to 2; sleep 7ms"),
        of_node(2),
        TOLD,
    ),
    "other-term": (
        story(LED + "hold 0->2; transfer to 2; timeout 1; sleep 5ms; release 0->2; sleep 3ms"),
        rejected(2),
        "node 2 refused node 0's TimeoutNow of term 1 at 0.012 s: the request is of another term (thesis §3.10), 1 and not 2",
    ),
    "not-follower": (
        story("set prevote on\n" + LED + "hold 0,1->2; transfer to 2; timeout 2; release 0->2; sleep 3ms"),
        rejected(2),
        "node 2 refused node 0's TimeoutNow of term 1 at 0.009 s: the node is no follower (thesis §3.10)",
    ),
    "too-late": (
        story(LED + "disconnect 2; transfer to 2; wait no transfer within 21s"),
        of_node(0),
        "at 20.007 s it gave up handing over to node 2: the target has not taken over within an election timeout "
        "(thesis §3.10)",
    ),
    "replaced": (
        story(LED + "disconnect 2; submit a; transfer to 2; transfer to 1"),
        of_node(0),
        "before that, it was to hand over to node 2: another target was named (thesis §3.10)",
    ),
    "covered": (
        story(
            LED
            + "disconnect 2; submit x; wait committed x on 2; snapshot 0; link 0->2 delay=30s..30s; reconnect 2; "
            "sleep 300ms; link 0->2 clear; duplicate 0->2; wait committed x on 3; deliver 0->2; sleep 5ms"
        ),
        rejected(2),
        "node 2 ignored node 0's snapshot up to entry 0 at 0.311 s: the node has committed all that the snapshot "
        "covers (§7)",
    ),
    "follows": (
        story(READS + "get x as bob"),
        of_node(1),
        "it last heard of node 0 at 0.013 s, just now, and accepted its Confirm of term 1: it follows the leader of this "
        "term: node 0, term 1 (thesis §6.4)",
    ),
    "at-commit": (
        story(READS + "get x as bob to 2"),
        last_get,
        "node 0 let node 2 read, at 0.013 s: it leads, and has committed an entry of its own term: up to index 1 "
        "(thesis §6.4)",
    ),
    "no-own-commit": (
        story(NEW_LEADER + "get x as bob to 2"),
        rejected(1),
        "node 1 rejected node 2's ReadIndex of term 2 at 0.022 s: it has committed no entry of its own term yet: node 1 "
        "leads term 2 (thesis §6.4)",
    ),
    "leader-refused": (
        story(NEW_LEADER + "get x as bob to 2"),
        last_get,
        "node 2 could not answer, at 0.022 s, after 2 ms: the leader gave no index to read at (thesis §6.4)",
    ),
    "no-leader": (
        story(READS + "disconnect 0; get x as bob to 0; reconnect 0; timeout 1; sleep 3ms"),
        last_get,
        "node 0 could not answer, at 2.013 s, after 2.00 s: the node that was to vouch for it does not lead this term "
        "(thesis §6.4)",
    ),
    "no-answer": (
        story(READS + "cut 2->0; get x as bob to 2; sleep 40s"),
        last_get,
        "node 2 could not answer, at 40.054 s, after 40.04 s: the leader has not confirmed it within an election timeout "
        "(thesis §6.4)",
    ),
    "round": (
        story(READS + "get x as bob"),
        last_get,
        "node 0 answered from its own store, after entry 1, at 0.013 s, after 2 ms: a majority has answered a round that "
        "began after the read (thesis §6.4)",
    ),
    "lease": (
        story(
            "set checkquorum on\nset sticky on\nset reads lease\ntiming delay=2ms\n"
            "wait leader; put x 1 as alice; get x as bob"
        ),
        last_get,
        "node 1 answered from its own store, after entry 1, at 0.211 s, after 0 ms: the leader had a lease when the read "
        "began (thesis §6.4.1)",
    ),
    "own-rule": (
        story(f"node {PICKY}\n{STILL}timeout 0; sleep 5ms"),
        rejected(1),
        "node 1 rejected node 0's vote request for term 1 at 0.002 s: its own rule says so (not in Figure 2); "
        "the correct algorithm says yes",
    ),
    "by-hand": (
        story("timeout 0; wait leader"),
        of_node(0),
        "at 0.000 s its election timer was fired by hand (§5.2)",
    ),
}


def test_there_is_a_situation_for_every_rule() -> None:
    assert set(SITUATIONS) == set(Rule)


@pytest.mark.parametrize("rule", Rule)
def test_an_answer_names_the_rule_with_its_operands_and_section(rule: Rule) -> None:
    told, ask, line = SITUATIONS[rule]
    lines = lines_of(ask(told()))
    assert line in lines, "\n".join(lines)
    assert rule.words in line or rule is Rule.LEADS
    assert rule.section in line
