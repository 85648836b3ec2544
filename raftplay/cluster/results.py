"""Checks of what a node's code returns, before it leaves the node; each raises `TypeError`."""

import math
from collections.abc import Container, Iterable
from functools import cache
from typing import Any, get_type_hints

import msgspec

from raftplay.raft.consensus import ConsensusModule
from raftplay.raft.decisions import NodeState
from raftplay.raft.log import RaftLog
from raftplay.raft.messages import (
    MAX_NUMBER,
    NONE,
    Args,
    CMState,
    CommitEntry,
    InternalEntry,
    LogEntry,
    Reply,
    RPCRequest,
)
from raftplay.raft.rpcs import OF
from raftplay.raft.state import FIELDS

NUMBERS = ("current_term", "voted_for", "commit_index", "last_applied")
"""The numbers of a node's state that its code may set."""


def check_reply(reply: Reply, kind: type[Reply]) -> None:
    """Raise `TypeError` unless a reply is of that `kind`, and every field of it is what the wire carries."""
    if not isinstance(reply, kind):
        raise TypeError(f"{reply!r} was returned, not {with_article(kind.__name__)}")
    answers = (OF[kind].answer, "done")
    for answer in answers:
        if type(getattr(reply, answer, True)) is not bool:
            raise TypeError(f"{reply!r} was returned, whose {answer} is neither True nor False")
    for name in reply.__struct_fields__:
        number, least = getattr(reply, name), 0 if name in ("term", "received") else NONE
        if name not in answers and (type(number) is not int or not least <= number <= MAX_NUMBER):
            raise TypeError(f"{reply!r} was returned, whose {name} is no integer from {least} to 2**62")


def checked_index(index: object, last: int) -> int:
    """Return `index`, the result of submitting, if it is an index up to `last` or -1. Raises `TypeError`."""
    if type(index) is not int or not NONE <= index <= MAX_NUMBER:
        raise TypeError(f"{index!r} was returned, not a log index or -1")
    if index > last:
        raise TypeError(f"{index} was returned, but the last index of its log is {last}")
    return index


def checked_calls(calls: object, peers: Container[int]) -> list[tuple[int, Args]]:
    """Return the requests to send, if each is one that a peer can receive. Raises `TypeError`."""
    found: list[tuple[int, Args]] = []
    for call in _listed(calls, "(peer_id, args)"):
        if not (isinstance(call, tuple) and len(call) == 2):
            raise TypeError(f"{call!r} is in the list that was returned, and is not (peer_id, args)")
        peer, args = call
        if type(peer) is not int or peer not in peers:
            raise TypeError(f"{call!r} is in the list that was returned, but no peer has the id {peer!r}")
        if not isinstance(args, RPCRequest) or type(args) not in OF:
            raise TypeError(f"{args!r} was returned for peer {peer}, not a request, such as RequestVoteArgs")
        _check_fields(args)
        found.append(call)
    return found


def checked_commits(commits: object, after: int | None = None) -> list[CommitEntry]:
    """Return what is committed, if it is the entries that follow index `after` (None: any). Raises `TypeError`."""
    entries = _listed(commits, "CommitEntry values")
    for entry in entries:
        if not isinstance(entry, CommitEntry):
            raise TypeError(f"{entry!r} is in the list that was returned, and is not a CommitEntry")
        if type(entry.index) is not int or type(entry.term) is not int:
            raise TypeError(f"{entry!r} was returned, whose index or term is no integer")
        if after is not None and entry.index != after + 1:
            raise TypeError(
                f"{entry!r} was returned after the entry at index {after}; each is returned once, in order"
            )
        after = entry.index
    return entries


def checked_reads(reads: object) -> list[tuple[int, int]]:
    """Return the reads that are over, if each is a number and an index. Raises `TypeError`."""
    found = _listed(reads, "(number, index)")
    for read in found:
        if not (isinstance(read, tuple) and len(read) == 2 and all(type(part) is int for part in read)):
            raise TypeError(f"{read!r} is in the list that was returned, and is not (number, index)")
    return found


def checked_number(number: object) -> int:
    """Return `number`, the result of beginning a read, if it is a number or -1. Raises `TypeError`."""
    if type(number) is not int:
        raise TypeError(f"{number!r} was returned, not the number of the read or -1")
    return number


def checked_deadline(deadline: object) -> float:
    """Return `deadline`, if it is a time. Raises `TypeError`."""
    if not isinstance(deadline, int | float) or isinstance(deadline, bool) or math.isnan(deadline):
        raise TypeError(f"its deadline is a time in seconds, math.inf for never; here: {deadline!r}")
    return deadline


def with_article(noun: str) -> str:
    """Return a noun with "a", or "an" before a vowel."""
    return f"{'an' if noun[0] in 'AEIOUaeiou' else 'a'} {noun}"


def _listed(values: object, of: str) -> list[Any]:
    if not isinstance(values, Iterable) or isinstance(values, str | bytes | dict):
        raise TypeError(f"{values!r} was returned, not a list of {of}")
    return list(values)


def _check_fields(args: RPCRequest) -> None:
    """Raise `TypeError` unless every field of a request is what the wire carries."""
    for name, kind in _field_types(type(args)).items():
        value = getattr(args, name)
        if name == "entries":
            entries = value if isinstance(value, tuple) else None
            if entries is None or not all(map(_is_entry, entries)):
                raise TypeError(f"{args!r} was returned, whose entries are no tuple of LogEntry values")
            continue
        try:
            msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            raise TypeError(f"{args!r} was returned, whose {name} is wrong: {error}") from None


def _is_entry(entry: object) -> bool:
    return isinstance(entry, LogEntry | InternalEntry) and type(entry.term) is int and entry.term >= 0


@cache
def _field_types(kind: type[RPCRequest]) -> dict[str, type[object]]:
    hints = get_type_hints(kind, include_extras=True)
    return {name: hints[name] for name in kind.__struct_fields__}


def checked_state(state: NodeState) -> NodeState:
    """Return `state`, if its role is a role, and its numbers are integers. Raises `TypeError`."""
    if type(state.state) is not CMState:
        raise TypeError(f"its state is a CMState, such as CMState.FOLLOWER; here: {state.state!r}")
    for name in NUMBERS:
        if type(number := getattr(state, name)) is not int:
            raise TypeError(f"its {name} is an integer, -1 for none; here: {number!r}")
    return state


def check_created(cm: ConsensusModule) -> None:
    """Raise `TypeError` unless the constructor of `ConsensusModule` has run."""
    if not vars(cm).keys() & FIELDS:
        raise TypeError(
            "__init__ does not call super().__init__(id, peer_ids, storage, config=config, rng=rng) before it ends"
        )


def check_state(cm: ConsensusModule) -> None:
    """Raise `TypeError` unless the state that an input has left is one that a node can be in."""
    if not isinstance(cm.log, RaftLog):
        raise TypeError(f"its log is a RaftLog; here: {cm.log!r}")
    checked_state(cm.node_state())
    checked_deadline(cm.deadline)
