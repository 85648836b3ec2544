"""raftplay: an interactive playground for the Raft consensus algorithm.

A name is imported when it is first used: the command line starts sooner, and hears Ctrl-C from its start on.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from raftplay.version import __version__ as __version__

if TYPE_CHECKING:
    from raftplay.backends.base import CallFailed, NodeFailed
    from raftplay.cluster.checks import CheckFailed, InvariantBroken
    from raftplay.cluster.config import Config
    from raftplay.cluster.harness import Harness
    from raftplay.cluster.network import LinkFaults
    from raftplay.cluster.proxy import RPCProxy
    from raftplay.cluster.server import Server
    from raftplay.cluster.snapshot import NodeSnapshot, Snapshot
    from raftplay.cluster.sqlite_storage import SqliteStorage
    from raftplay.cluster.timings import TimingWarning
    from raftplay.errors import UsageError
    from raftplay.raft.commands import CommandRefused
    from raftplay.raft.config import RaftConfig
    from raftplay.raft.consensus import ConsensusModule
    from raftplay.raft.messages import (
        AppendEntriesArgs,
        AppendEntriesReply,
        CMState,
        CommitEntry,
        LogEntry,
        Report,
        RequestVoteArgs,
        RequestVoteReply,
    )
    from raftplay.raft.storage import MapStorage, Storage, StorageError
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
    "TimingWarning",
    "UsageError",
]

_MODULES = {
    "raftplay.backends.base": "CallFailed NodeFailed",
    "raftplay.cluster.checks": "CheckFailed InvariantBroken",
    "raftplay.cluster.config": "Config",
    "raftplay.cluster.harness": "Harness",
    "raftplay.cluster.network": "LinkFaults",
    "raftplay.cluster.proxy": "RPCProxy",
    "raftplay.cluster.server": "Server",
    "raftplay.cluster.snapshot": "NodeSnapshot Snapshot",
    "raftplay.cluster.sqlite_storage": "SqliteStorage",
    "raftplay.cluster.timings": "TimingWarning",
    "raftplay.errors": "UsageError",
    "raftplay.raft.commands": "CommandRefused",
    "raftplay.raft.config": "RaftConfig",
    "raftplay.raft.consensus": "ConsensusModule",
    "raftplay.raft.messages": (
        "AppendEntriesArgs AppendEntriesReply CMState CommitEntry LogEntry Report RequestVoteArgs RequestVoteReply"
    ),
    "raftplay.raft.storage": "MapStorage Storage StorageError",
}
_HOME = {name: module for module, names in _MODULES.items() for name in names.split()}

if not TYPE_CHECKING:  # a type checker sees the imports above, and no other name

    def __getattr__(name: str) -> object:
        if name not in _HOME:
            raise AttributeError(f"module 'raftplay' has no attribute {name!r}")
        value = getattr(import_module(_HOME[name]), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
