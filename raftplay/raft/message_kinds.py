"""Kinds of messages, as commands name them: one table, a row for each kind."""

from collections.abc import Callable

from raftplay.raft.messages import (
    AppendEntriesArgs,
    Args,
    InstallSnapshotArgs,
    Reply,
    RequestVoteArgs,
    RPCReply,
    TimeoutNowArgs,
)

MESSAGE_KINDS: dict[str, Callable[[Args | Reply], bool]] = {
    "votes": lambda message: isinstance(message, RequestVoteArgs),
    "appends": lambda message: isinstance(message, AppendEntriesArgs) and bool(message.entries),
    "heartbeats": lambda message: isinstance(message, AppendEntriesArgs) and not message.entries,
    "snapshots": lambda message: isinstance(message, InstallSnapshotArgs),
    "transfers": lambda message: isinstance(message, TimeoutNowArgs),
    "replies": lambda message: isinstance(message, RPCReply),
}
"""Each kind with the test of a message: requests for votes and pre-votes, AppendEntries with entries and without,
InstallSnapshot, TimeoutNow, and responses of every kind."""
