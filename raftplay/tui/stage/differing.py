"""The differences between two moments of clusters of one size: a few words for each node, and one sentence.

The rule of this module: every topic in which the two differ has a text for each side; neither has to be guessed.
"""

from collections.abc import Callable, Sequence
from itertools import zip_longest

from raftplay.cluster.snapshot import NodeSnapshot, Snapshot
from raftplay.raft.messages import CMState, Entry
from raftplay.tui.stage.moment import entry_text, name, names

TextPair = tuple[str, str]
"""The text for one side, and for the other."""


def node_words(one: Snapshot, other: Snapshot) -> tuple[str, ...]:
    """Return for each node in what its two states differ: "role, term"; "" where they do not."""
    return tuple(", ".join(_words(a, b)) for a, b in zip(one.nodes, other.nodes, strict=True))


def _words(one: NodeSnapshot, other: NodeSnapshot) -> list[str]:
    both_up = one.alive and other.alive
    found = (
        ("up or down", one.alive != other.alive),
        ("role", both_up and one.state is not other.state),
        ("term", one.current_term != other.current_term),
        ("log", one.log != other.log),
        ("commit", both_up and one.commit_index != other.commit_index),
        ("cut off", both_up and one.connected != other.connected),
        ("frozen", both_up and one.frozen != other.frozen),
    )
    return [word for word, differs in found if differs]


def sentence_of(one: Snapshot, other: Snapshot, names_of: TextPair) -> str:
    """Return what differs, first on one side, then on the other; "" if nothing does."""
    topics = [pair for topic in (_conditions, _leading, _split, _commits, _logs) for pair in topic(one, other)]
    if not topics:
        return ""
    sides = zip(names_of, zip(*topics, strict=True), strict=True)
    return "; ".join(f"{side}: {', '.join(filter(None, texts))}" for side, texts in sides)


def _conditions(one: Snapshot, other: Snapshot) -> list[TextPair]:
    """Return which nodes are down, frozen or cut off on one side only."""
    found: dict[TextPair, list[int]] = {}
    for a, b in zip(one.nodes, other.nodes, strict=True):
        pair = _condition(a), _condition(b)
        if pair[0] != pair[1]:
            found.setdefault(pair, []).append(a.id)
    return [(_are(nodes, pair[0], one), _are(nodes, pair[1], other)) for pair, nodes in found.items()]


def _condition(node: NodeSnapshot) -> str:
    if not node.alive:
        return "down"
    return "frozen" if node.frozen else "up" if node.connected else "cut off"


def _are(nodes: Sequence[int], condition: str, snapshot: Snapshot) -> str:
    """Return "n0 and n1 are down"; nothing for a leader that is up, as its leading says so."""
    if condition == "up":
        nodes = [id for id in nodes if snapshot.nodes[id].state is not CMState.LEADER]
    return f"{names(nodes)} {'is' if len(nodes) == 1 else 'are'} {condition}" if nodes else ""


def _leading(one: Snapshot, other: Snapshot) -> list[TextPair]:
    return _told(leaders_text, one, other) or _told(_term, one, other)


def leaders_text(snapshot: Snapshot) -> str:
    """Return who leads, and who asks for votes."""
    live = sorted((node for node in snapshot.nodes if node.alive), key=lambda node: -node.current_term)
    leading = [f"{name(n.id)} leads term {n.current_term}" for n in live if n.state is CMState.LEADER]
    asking = [
        f"{name(n.id)} asks for votes in term {n.current_term}" for n in live if n.state is CMState.CANDIDATE
    ]
    return ", ".join((*(leading or ["no node leads"]), *asking))


def _term(snapshot: Snapshot) -> str:
    return f"the highest term is {max((n.current_term for n in snapshot.nodes), default=0)}"


def _split(one: Snapshot, other: Snapshot) -> list[TextPair]:
    return _told(_groups, one, other)


def _groups(snapshot: Snapshot) -> str:
    if not snapshot.groups:
        return "no partition"
    return "partition " + " | ".join(" ".join(map(str, group)) for group in snapshot.groups)


def _commits(one: Snapshot, other: Snapshot) -> list[TextPair]:
    return _told(_committed, one, other)


def _committed(snapshot: Snapshot) -> str:
    index = max((node.commit_index for node in snapshot.nodes), default=-1)
    return f"committed up to {index}" if index >= 0 else "nothing is committed"


def _logs(one: Snapshot, other: Snapshot) -> list[TextPair]:
    """Return the place from which on logs differ first, and what the two have there."""
    apart = {
        a.id: next(at for at, pair in enumerate(zip_longest(a.log, b.log)) if pair[0] != pair[1])
        for a, b in zip(one.nodes, other.nodes, strict=True)
        if a.log != b.log
    }
    if not apart:
        return []
    first = min(apart.values())
    nodes = [id for id, at in apart.items() if at == first]
    what = tuple({_at(snapshot.nodes[id].log, first) for id in nodes} for snapshot in (one, other))
    if any(len(found) != 1 for found in what):
        nodes = nodes[:1]
        what = tuple({_at(snapshot.nodes[nodes[0]].log, first)} for snapshot in (one, other))
    on = "on " + " ".join(map(name, nodes))
    return [(f"{what[0].pop()} {on}", f"{what[1].pop()} {on}")]


def _at(log: Sequence[Entry], index: int) -> str:
    if index >= len(log):
        return f"no entry {index}"
    return f"entry {index} is {entry_text(log[index])} of term {log[index].term}"


def _told(text: Callable[[Snapshot], str], one: Snapshot, other: Snapshot) -> list[TextPair]:
    pair = text(one), text(other)
    return [pair] if pair[0] != pair[1] else []
