"""Words that events, answers and screens share: the role of a node."""

from raftplay.raft.messages import CMState


def role_text(state: CMState) -> str:
    """Return the role of a node as a word: "leader"; "down" for a crashed one."""
    return "down" if state is CMState.DEAD else str(state).lower()
