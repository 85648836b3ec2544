"""Checks of what a node's code returns, before it leaves the node; each raises `TypeError`."""

from raftplay.raft.decisions import NodeState
from raftplay.raft.messages import MAX_NUMBER, NONE, Reply
from raftplay.raft.rpcs import OF

FOUR_NUMBERS = (int, int, int, int)


def check_reply(reply: Reply, kind: type[Reply]) -> None:
    """Raise `TypeError` unless a reply is of that `kind`, and every field of it is what the wire carries."""
    if not isinstance(reply, kind):
        raise TypeError(f"{reply!r} was returned, not a {kind.__name__}")
    answers = (OF[kind].answer, "done")
    for answer in answers:
        if type(getattr(reply, answer, True)) is not bool:
            raise TypeError(f"{reply!r} was returned, whose {answer} is neither True nor False")
    for name in reply.__struct_fields__:
        number, least = getattr(reply, name), 0 if name in ("term", "received") else NONE
        if name not in answers and (type(number) is not int or not least <= number <= MAX_NUMBER):
            raise TypeError(f"{reply!r} was returned, whose {name} is no integer from {least} to 2**62")


def checked_index(index: object) -> int:
    """Return `index`, the result of submitting a command, if it is a log index or -1. Raises `TypeError`."""
    if type(index) is not int or not NONE <= index <= MAX_NUMBER:
        raise TypeError(f"{index!r} was returned, not a log index or -1")
    return index


def checked_state(state: NodeState) -> NodeState:
    """Return `state`, if its numbers are integers. Raises `TypeError`."""
    kinds = type(state.current_term), type(state.voted_for), type(state.commit_index), type(state.last_applied)
    if kinds != FOUR_NUMBERS:
        raise TypeError(f"its term, its vote and its indices are integers, -1 for none; here: {state}")
    return state
