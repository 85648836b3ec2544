"""The questions that can be asked, and their answers: facts found in a view, then put into words.

An answer depends on the view alone, of the present or of a past moment. With a bug switched on an answer tells
what happened and names the bug; what the correct algorithm would do is marked as such.
"""

from raftplay.errors import UsageError
from raftplay.past.view import View
from raftplay.raft.bugs import BUGS
from raftplay.watch.text import visible
from raftplay.why.breaches import breach_facts
from raftplay.why.entries import index_facts
from raftplay.why.index import EventIndex
from raftplay.why.index_words import index_words
from raftplay.why.leaders import leader_facts
from raftplay.why.node_words import node_words
from raftplay.why.nodes import node_facts
from raftplay.why.pace import pace_lines
from raftplay.why.quorum_words import quorum_head, quorum_words, reach_lines
from raftplay.why.quorums import quorum_facts
from raftplay.why.refusal_words import refusal_words
from raftplay.why.refusals import refusal_facts
from raftplay.why.words import Explanation, at


def why(view: View) -> Explanation:
    """Explain what matters most: a violated invariant, the lack of a leader, or why the leader leads."""
    if view.breach is not None:
        return why_broken(view)
    leader = view.snapshot.leader
    return why_no_leader(view) if leader is None else why_node(view, leader.id)


def why_node(view: View, node: int) -> Explanation:
    """Explain the state of `node`: whose vote, which timer, which request. The facts are `NodeFacts`."""
    trail = EventIndex(view)
    _check_node(view, node)
    facts = node_facts(trail, view.snapshot.nodes[node])
    return _answer(view, facts, *node_words(facts, view.snapshot))


def why_not_committed(view: View, index: int) -> Explanation:
    """Explain why the entry at `index` is not committed, or how it was. The facts are `IndexFacts`."""
    if index < 0:
        raise UsageError(f"a log index counts from 0; there is no index {index}")
    trail = EventIndex(view)
    facts = index_facts(trail, index)
    nobody_leads = "" if facts.leader is not None else quorum_head(quorum_facts(trail), view.snapshot)
    return _answer(view, facts, *index_words(facts, view.snapshot, nobody_leads))


def why_no_leader(view: View) -> Explanation:
    """Explain why there is no leader, or who leads. The facts are `QuorumFacts`."""
    trail = EventIndex(view)
    facts = quorum_facts(trail)
    head, lines = quorum_words(facts, view.snapshot)
    if facts.leader is not None:
        lines = reach_lines(leader_facts(trail, view.snapshot.nodes[facts.leader[0]])) + lines
    return _answer(view, facts, head, pace_lines(trail) + lines)


def why_rejected(view: View, node: int) -> Explanation:
    """Explain the last rejection by `node`, and that of its own requests. The facts are `RefusalFacts`."""
    _check_node(view, node)
    facts = refusal_facts(EventIndex(view), node)
    return _answer(view, facts, *refusal_words(facts, view.forgotten))


def why_broken(view: View) -> Explanation:
    """Explain why an invariant is violated; `view.breach` must be set. The facts are `BreachFacts`."""
    assert view.breach is not None
    facts = breach_facts(EventIndex(view), view.breach)
    breach = facts.breach
    one, other = breach.facts
    lines = [
        f"{breach.invariant}: {facts.statement} ({facts.section})",
        f"it broke with event {breach.seq}: n{breach.node} {breach.event}",
    ]
    lines += [f"the bug {name}, which is on, is known to break it" for name in facts.bugs]
    return _answer(view, facts, f"{breach.invariant} broke at {at(breach.time)}: {one}, but {other}", lines)


def _check_node(view: View, node: int) -> None:
    count = len(view.snapshot.nodes)
    if not 0 <= node < count:
        raise UsageError(f"there is no node {node}; the nodes are 0 to {count - 1}")


def _bug_note(name: str) -> str:
    bug = BUGS.get(name)
    return (
        f"bug on: {name} ({bug.mechanism}; {bug.section})" if bug is not None else "a bug is on, yet to be found"
    )


def _answer(view: View, facts: object, head: str, lines: list[str]) -> Explanation:
    """Return the answer with its notes: the bugs that are on, and that the moment is past."""
    notes = [_bug_note(name) for name in view.snapshot.bugs]
    if view.snapshot.node:
        notes.append(f"its nodes are of the class {visible(view.snapshot.node)}, which may have its own rules")
    if view.rewound:
        notes.append(f"so it was at {at(view.snapshot.time)}")
    return Explanation(facts, head, (*lines, *notes))
