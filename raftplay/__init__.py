"""raftplay: a playground in which a person holds a Raft cluster in their hands."""

from raftplay.backends.base import CallFailed, NodeFailed
from raftplay.cluster.checks import CheckFailed, InvariantBroken
from raftplay.cluster.config import Config
from raftplay.cluster.harness import Harness
from raftplay.cluster.network import LinkFaults
from raftplay.cluster.proxy import RPCProxy
from raftplay.cluster.server import Server
from raftplay.cluster.snapshot import NodeSnapshot, Snapshot
from raftplay.cluster.sqlite_storage import SqliteStorage
from raftplay.raft.config import RaftConfig
from raftplay.raft.consensus import ConsensusModule
from raftplay.raft.messages import (
    AppendEntriesArgs,
    AppendEntriesReply,
    CMState,
    CommandRefused,
    CommitEntry,
    LogEntry,
    Report,
    RequestVoteArgs,
    RequestVoteReply,
    UsageError,
)
from raftplay.raft.storage import MapStorage, Storage, StorageError
from raftplay.version import __version__ as __version__

DEBUG_CM = 1
"""1 writes one line per decision to the logger `raftplay`, at level DEBUG; 0 writes none."""

__all__ = [
    "DEBUG_CM",
    "AppendEntriesArgs",
    "AppendEntriesReply",
    "CMState",
    "CallFailed",
    "CheckFailed",
    "CommandRefused",
    "CommitEntry",
    "Config",
    "ConsensusModule",
    "Harness",
    "InvariantBroken",
    "LinkFaults",
    "LogEntry",
    "MapStorage",
    "NodeFailed",
    "NodeSnapshot",
    "RPCProxy",
    "RaftConfig",
    "Report",
    "RequestVoteArgs",
    "RequestVoteReply",
    "Server",
    "Snapshot",
    "SqliteStorage",
    "Storage",
    "StorageError",
    "UsageError",
]
