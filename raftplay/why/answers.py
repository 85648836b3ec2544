"""The questions that can be asked, and their answers: facts found in a view, then put into words.

An answer depends on the view alone, of the present or of a past moment. With a bug switched on an answer tells
what happened and names the bug; what the correct algorithm would do is marked as such.
"""

from raftplay.errors import UsageError
from raftplay.past.index import EventIndex
from raftplay.past.view import View
from raftplay.watch.text import visible
from raftplay.why.facts.clients import Asks as Asks  # noqa: PLC0414 - raftplay.why has it, too
from raftplay.why.facts.clients import call_facts
from raftplay.why.facts.entries import IndexFacts, index_facts
from raftplay.why.facts.nodes import leader_facts, node_facts
from raftplay.why.facts.pace import pace_of
from raftplay.why.facts.quorums import quorum_facts
from raftplay.why.facts.rejections import rejection_facts
from raftplay.why.facts.values import ValueFacts, value_facts
from raftplay.why.words.breaches import breach_words, bug_note
from raftplay.why.words.clients import call_words, nothing_words
from raftplay.why.words.entries import index_words
from raftplay.why.words.nodes import node_words
from raftplay.why.words.pace import pace_lines
from raftplay.why.words.quorums import quorum_head, quorum_words, reach_lines
from raftplay.why.words.rejections import rejection_words
from raftplay.why.words.text import Explanation as Explanation  # noqa: PLC0414
from raftplay.why.words.text import at
from raftplay.why.words.values import value_words


def why(view: View) -> Explanation:
    """Explain what matters most: a violated invariant, the lack of a leader, or why the leader leads."""
    if view.breach is not None:
        return why_broken(view)
    leader = view.snapshot.leader
    return why_no_leader(view) if leader is None else why_node(view, leader.id)


def why_node(view: View, node: int) -> Explanation:
    """Explain the state of `node`: whose vote, which timer, which request. The facts are `NodeFacts`."""
    _check_node(view, node)
    facts = node_facts(EventIndex(view), view.snapshot.nodes[node])
    return _answer(view, facts, *node_words(facts, view.snapshot))


def why_not_committed(view: View, index: int) -> Explanation:
    """Explain why the entry at `index` is not committed, or how it was. The facts are `IndexFacts`."""
    if index < 0:
        raise UsageError(f"a log index counts from 0; there is no index {index}")
    events = EventIndex(view)
    facts = index_facts(events, index)
    return _answer(view, facts, *_of_index(events, facts))


def _of_index(events: EventIndex, facts: IndexFacts) -> tuple[str, list[str]]:
    """Return the words for `facts`, with the reason where there is no leader."""
    nobody_leads = "" if events.snapshot.leader is not None else quorum_head(quorum_facts(events), events.snapshot)
    return index_words(facts, events.snapshot, nobody_leads)


def why_value(view: View, value: object) -> Explanation:
    """Explain what became of `value`, which was submitted or not. The facts are `ValueFacts`."""
    events = EventIndex(view)
    facts = value_facts(events, value)
    return _answer(view, facts, *_of_value(events, facts))


def _of_value(events: EventIndex, facts: ValueFacts) -> tuple[str, list[str]]:
    return value_words(facts, None if facts.index is None else _of_index(events, facts.index))


def why_call(view: View, asks: Asks) -> Explanation:
    """Explain what an operation of a client waits for, or what became of it. The facts are `CallFacts` or None."""
    events = EventIndex(view)
    facts = call_facts(events, asks)
    if facts is None:
        return _answer(view, None, nothing_words(asks), [])
    fate = None if facts.fate is None else _of_value(events, facts.fate)
    return _answer(view, facts, *call_words(facts, fate))


def has_call(view: View, asks: Asks) -> bool:
    """Return whether a client has called something that the question fits."""
    return call_facts(EventIndex(view), asks) is not None


def why_no_leader(view: View) -> Explanation:
    """Explain why there is no leader, or who leads. The facts are `QuorumFacts`."""
    events = EventIndex(view)
    facts = quorum_facts(events)
    head, lines = quorum_words(facts, view.snapshot)
    if facts.leader is not None:
        lines = reach_lines(leader_facts(events, view.snapshot.nodes[facts.leader[0]])) + lines
    return _answer(view, facts, head, pace_lines(pace_of(events)) + lines)


def why_rejected(view: View, node: int) -> Explanation:
    """Explain the last rejection by `node`, and that of its own requests. The facts are `RejectionFacts`."""
    _check_node(view, node)
    facts = rejection_facts(EventIndex(view), node)
    return _answer(view, facts, *rejection_words(facts, view.forgotten))


def why_broken(view: View) -> Explanation:
    """Explain why an invariant is violated; `view.breach` must be set. The facts are the `Breach`."""
    assert view.breach is not None
    return _answer(view, view.breach, *breach_words(view.breach, view.snapshot.bugs))


def _check_node(view: View, node: int) -> None:
    count = len(view.snapshot.nodes)
    if not 0 <= node < count:
        raise UsageError(f"there is no node {node}; the nodes are 0 to {count - 1}")


def _answer(view: View, facts: object, head: str, lines: list[str]) -> Explanation:
    """Return the answer with its notes: the bugs that are on, and that the moment is past."""
    notes = [bug_note(name) for name in view.snapshot.bugs]
    if view.snapshot.node:
        notes.append(f"its nodes are of the class {visible(view.snapshot.node)}, which may have its own rules")
    if view.rewound:
        notes.append(f"so it was at {at(view.snapshot.time)}")
    return Explanation(facts, head, (*lines, *notes))
