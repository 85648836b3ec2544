"""Why a prediction is wrong, by the facts of the cluster.

The rule of this module: every statement is read off the cluster, with `raftplay.why` where a node was predicted.
"""

import math
from typing import TYPE_CHECKING

from raftplay import why
from raftplay.past.story import Firing
from raftplay.past.view import View
from raftplay.raft import decisions
from raftplay.why.facts.nodes import CandidateFacts, FollowerFacts, LeaderFacts
from raftplay.why.words.text import at

if TYPE_CHECKING:
    from raftplay.session.session import Session


def why_not_that_node(session: "Session", given: int, right: int) -> str:
    """Return why it is not node `given`, and why it is node `right`."""
    view = session.view()
    sentences = [f"Why not node {given}: {_head(view, given)}."]
    sentences += [f"{words}." for words in (_timers(session, view, given, right), _vote(view, given)) if words]
    return " ".join([*sentences, f"Why node {right}: {_head(view, right)}."])


def _head(view: View, node: int) -> str:
    return why.why_node(view, node).head.removesuffix(".")


def _timers(session: "Session", view: View, given: int, right: int) -> str:
    """Return when the timer of `given` would have fired, if an election timer of `right` fired; else ""."""
    firing, history = _firing(view, right), session.history
    if firing is None or firing.by_hand:
        return ""
    began = next(
        record
        for record in reversed(view.records)
        if record.node == right and isinstance(record.event, decisions.ElectionStarted)
    )
    if began.seq <= history.first_seq:
        return ""
    before = history.view(began.seq - 1, view.snapshot).snapshot.nodes[given]
    if not before.alive or before.deadline == math.inf:
        return ""
    return f"Its timer was set to fire at {at(before.deadline)}; that of node {right} fired at {at(began.time)}"


def _firing(view: View, node: int) -> Firing | None:
    """Return the firing of the timer that began the election of a leader or candidate, where it is known."""
    match why.why_node(view, node).facts:
        case LeaderFacts() as facts:
            return facts.firing
        case CandidateFacts() as facts:
            return facts.candidacy.firing
    return None


def _vote(view: View, node: int) -> str:
    """Return whom `node` voted for, if it is a follower; else ""."""
    facts = why.why_node(view, node).facts
    if not isinstance(facts, FollowerFacts) or facts.vote is None or facts.vote.time is None:
        return ""
    return f"In term {facts.vote.term} it gave its vote to node {facts.vote.candidate}"
