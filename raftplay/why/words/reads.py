"""The words for reads without the log: who answered, who could not, and what one waits for (thesis §6.4)."""

from collections.abc import Sequence

from raftplay.watch.narrator import rule_text
from raftplay.why.facts.reads import ReadFacts
from raftplay.why.facts.verdicts import NodeVerdict
from raftplay.why.words.text import at, span
from raftplay.why.words.verdicts import verdict_text

MOST = 4
"""The most reads that are told one by one."""


def read_lines(reads: Sequence[ReadFacts]) -> list[str]:
    """Return what became of each read of an operation, the last ones in order."""
    lines = []
    for read in reads[-MOST:]:
        lines.append(waiting_words(read) if read.ended is None else _ended(read))
        if read.said is not None:
            lines.append(_said(read.said))
    return lines


def _said(said: NodeVerdict) -> str:
    """Return what the leader replied to a follower that asked it for an index."""
    let = f"let node {said.asker} read" if said.yes else f"did not let node {said.asker} read"
    return f"node {said.node} {let}, at {at(said.time)}: {verdict_text(said)}"


def _ended(read: ReadFacts) -> str:
    assert read.ended is not None
    took = f"{at(read.ended)}, after {span(read.ended - read.began)}"
    why = rule_text(read.rule)
    if read.index is not None:
        return f"node {read.node} answered from its own store, after entry {read.index}, at {took}: {why}"
    return f"node {read.node} could not answer, at {took}: {why}"


def waiting_words(read: ReadFacts) -> str:
    """Return what a read that nobody has answered waits for."""
    match read.waits:
        case "own entry":
            return (
                f"node {read.node} has committed no entry of its own term yet: only then does it know what is "
                "committed (thesis §6.4)"
            )
        case "index":
            return f"node {read.node} has asked node {read.leader} for an index to read at, and has no answer"
        case "round" if read.round == 0:
            return f"node {read.leader} is about to ask the others whether it still leads (thesis §6.4)"
        case "round":
            others = [f"n{id}" for id in read.by if id != read.leader]
            some = f"{', '.join(others)} confirmed" if others else "no node has confirmed"
            return (
                f"node {read.leader} has no replies of a majority to round {read.round}, by which it learns "
                f"whether it still leads: {some} it (thesis §6.4)"
            )
        case _:
            return f"node {read.node} has not yet applied, or not yet heard, what it must (thesis §6.4)"
