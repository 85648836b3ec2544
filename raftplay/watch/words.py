"""Words that events, answers and screens share: nodes, their roles and faults, and numbers of things."""

from collections.abc import Iterable

from raftplay.raft.messages import CMState


def role_text(state: CMState) -> str:
    """Return the role of a node as a word: "leader"; "down" for a crashed one."""
    return "down" if state is CMState.DEAD else str(state).lower()


def nodes_text(ids: Iterable[int], separator: str = " ") -> str:
    """Return some nodes in words: "node 3", "nodes 0 1 2", "no node"."""
    known = [str(id) for id in ids]
    if not known:
        return "no node"
    return f"node{'' if len(known) == 1 else 's'} {separator.join(known)}"


def verb(number: int, one: str, several: str) -> str:
    """Return the form of a verb for `number` things."""
    return one if number == 1 else several
