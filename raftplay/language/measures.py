"""Numbers that are read off a cluster: one table for conditions, for waits and for the predictions of lessons."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from raftplay.cluster.snapshot import NOT_KEPT
from raftplay.errors import UsageError
from raftplay.language.cursor import Cursor
from raftplay.language.selectors import Selector, highest_term, parse_node, resolved
from raftplay.session.session import Session
from raftplay.watch.text import count

Of = Literal["cluster", "node", "either", "peer"]
"""The owner of a number: the cluster, a node, either of them, or a peer of a leader (`of NODE at NODE`)."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A number of a cluster: `value` reads it (None if there is none); `seen` returns it in words."""

    value: Callable[[Session], int | None]
    seen: Callable[[Session], str]


@dataclass(frozen=True, slots=True)
class MeasureRow:
    """A row of the table of measures: the words for the number, its lowest value, its owner, and its `forms`.

    Each form is what stands before the operator in a condition, with its meaning.
    """

    words: str
    lowest: int
    of: Of
    forms: tuple[tuple[str, str], ...]

    @property
    def usage(self) -> str:
        """Return the words that follow the name: "of NODE"."""
        return {"cluster": "", "node": "of NODE", "either": "[of NODE]", "peer": "of NODE at NODE"}[self.of]


MEASURES = {
    "term": MeasureRow("term", 0, "either", (
        ("term", "the highest term among connected live nodes; OP is = != < <= > >="),
        ("term of NODE", "that node's term; of a node that is down, the term on its disk"),
    )),
    "commit": MeasureRow("commit index", -1, "node", (
        ("commit of NODE", "that node's commit index; -1 for none, and while it is down (not kept on disk)"),
    )),
    "log": MeasureRow("log length", 0, "node", (
        ("log of NODE", "the length of that node's log; of a node that is down, of the log on its disk"),
    )),
    "elections": MeasureRow("elections so far", 0, "cluster", (
        ("elections", "so many elections were started so far: each start of a candidacy counts"),
    )),
    "leaders": MeasureRow("leaders so far", 0, "cluster", (
        ("leaders", "so many leaders were elected so far: each term that a node won counts"),
    )),
    "next": MeasureRow("next index", 0, "peer", (
        ("next of NODE at NODE", "nextIndex that the leader NODE behind `at` keeps for its peer"),
    )),
    "match": MeasureRow("match index", -1, "peer", (
        ("match of NODE at NODE", "matchIndex that it keeps; -1 while it knows of no entry"),
    )),
}  # fmt: skip
"""The measures by name; -1 means that there is no such index."""


def read_measure(cursor: Cursor, what: str) -> Measure:
    """Read the rest of the measure `what`, a name of `MEASURES`. Raises `Mistake`."""
    row = MEASURES[what]
    if row.of == "cluster":
        return _of_history(what)
    if row.of == "either" and not cursor.sees("of"):
        return _highest_term()
    cursor.expect("of")
    node = parse_node(cursor)
    if row.of != "peer":
        return _of_node(what, node)
    cursor.expect("at")
    return _of_peer(what, node, parse_node(cursor))


def _highest_term() -> Measure:
    def seen(session: Session) -> str:
        term = highest_term(session.harness)
        return "no node is connected" if term is None else f"the term is {term}"

    return Measure(lambda session: highest_term(session.harness), seen)


def _of_history(what: str) -> Measure:
    def value(session: Session) -> int:
        return session.history.elections if what == "elections" else session.history.leaders

    def seen(session: Session) -> str:
        number = value(session)
        return f"{count(number, what[:-1])} so far" if number else f"no {what[:-1]} so far"

    return Measure(value, seen)


def _of_node(what: str, node: Selector) -> Measure:
    def value(session: Session) -> int | None:
        ids = resolved(node, session)
        if not ids:
            return None
        harness = session.harness
        if not harness.alive[ids[0]]:
            kept = harness.snapshot().nodes[ids[0]]
            return {"term": kept.current_term, "commit": kept.commit_index, "log": len(kept.log)}[what]
        cm = harness.cluster[ids[0]].cm
        return {"term": cm.current_term, "commit": cm.commit_index, "log": len(cm.log)}[what]

    def seen(session: Session) -> str:
        number = value(session)
        if number is None:
            return "there is no such node"
        id = resolved(node, session)[0]
        text = f"the {MEASURES[what].words} of node {id} is {number}"
        if session.harness.alive[id]:
            return text
        return f"{text} (it is down: {NOT_KEPT})" if what == "commit" else f"{text} on disk (it is down)"

    return Measure(value, seen)


def _of_peer(what: str, peer: Selector, leader: Selector) -> Measure:
    """Return the measure of what a leader keeps for each peer (Figure 2, volatile state on leaders)."""

    def value(session: Session) -> int | None:
        ids = _both(session)
        if ids is None or not session.harness.alive[ids[1]]:
            return None
        cm = session.harness.cluster[ids[1]].cm
        return (cm.next_index if what == "next" else cm.match_index).get(ids[0])

    def seen(session: Session) -> str:
        ids = _both(session)
        if ids is None:
            return "there is no such node"
        number, words = value(session), MEASURES[what].words
        if number is None:
            return f"node {ids[1]} keeps no {words} of node {ids[0]}, as it does not lead"
        return f"the {words} of node {ids[0]} at node {ids[1]} is {number}"

    def _both(session: Session) -> tuple[int, int] | None:
        peers, leaders = resolved(peer, session), resolved(leader, session)
        if not peers or not leaders:
            return None
        if peers[0] == leaders[0]:
            raise UsageError(f"node {peers[0]} keeps no {MEASURES[what].words} of itself; name one of its peers")
        return peers[0], leaders[0]

    return Measure(value, seen)
