"""The options of a cluster; the defaults are the timings of the Go reference."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from raftplay.cluster.own_node import checked_class, name_of
from raftplay.errors import UsageError
from raftplay.kv.clients import ClientOptions
from raftplay.raft.bugs import NodeOrRules, module_with
from raftplay.raft.config import SWITCHES, RaftConfig, check_count, check_range, check_switch
from raftplay.raft.consensus import ConsensusModule

UNRELIABLE = "RAFT_UNRELIABLE_RPC"
MORE_REELECTION = "RAFT_FORCE_MORE_REELECTION"

OFF = ("", "0", "false", "no", "off")
"""Values with which an environment variable counts as not set, in any case of letters."""

MAX_NODES = 25


@dataclass(frozen=True, slots=True)
class Config:
    """Timings and options of a cluster. Times are seconds of cluster time.

    `delay_min` … `delay_max`: delay of every incoming request before the node sees it.
    `unreliable`: one incoming request in ten is lost, one in ten takes 75 ms. None: the environment decides
    (RAFT_UNRELIABLE_RPC; likewise RAFT_FORCE_MORE_REELECTION for `raft.force_more_reelection`; a variable that is
    empty, 0, false, no or off counts as not set).
    `bugs`: names of bug switches to turn on, keys of `raftplay.raft.bugs.BUGS`.
    `clients`: whether clients have sessions, and how they read.
    `keep_commits`: how many of the last commits that a snapshot covers stay in a node's list of commits; others
    have the value `FORGOTTEN` there, and are not in the snapshot. None: all.
    `node`: the class of the nodes, `ConsensusModule` or your subclass of it or of `Rules`.
    """

    raft: RaftConfig = field(default_factory=RaftConfig)
    delay_min: float = 0.001
    delay_max: float = 0.005
    unreliable: bool | None = None
    bugs: tuple[str, ...] = ()
    node: NodeOrRules = ConsensusModule
    clients: ClientOptions = field(default_factory=ClientOptions)
    keep_commits: int | None = None

    def __post_init__(self) -> None:
        checked_class(self.node)
        bugs: object = self.bugs
        if not isinstance(bugs, Iterable) or isinstance(bugs, str | bytes):
            raise UsageError(f'bugs must be a list of names, such as ("forget-vote",), not {bugs!r}')
        try:
            module_with(self.bugs, self.node)  # raises UsageError for an unknown name
        except TypeError as error:
            raise UsageError(f"{self.node_name} cannot have the bugs {', '.join(self.bugs)}: {error}") from None
        if not isinstance(self.raft, RaftConfig):
            raise UsageError(f"raft must be a RaftConfig, not {self.raft!r}")
        if not isinstance(self.clients, ClientOptions):
            raise UsageError(f"clients must be ClientOptions, not {self.clients!r}")
        if self.clients.reads == "lease":
            replace(self.raft, lease=True)  # raises UsageError if that needs other options
        if self.unreliable is not None:
            check_switch("unreliable", self.unreliable)
        check_range("delay_min", self.delay_min, "delay_max", self.delay_max)
        if self.keep_commits is not None:
            check_count("keep_commits", self.keep_commits)

    @property
    def switches(self) -> dict[str, bool]:
        """Return its options that are on or off, by the names of the command `set`."""
        of_raft = {name: bool(getattr(self.raft, field)) for name, field in SWITCHES.items()}
        return {**of_raft, "unreliable": bool(self.unreliable)}

    def switched(self, name: str, on: bool | int) -> "Config":
        """Return this configuration with one of its `switches` on or off, or another number (`snapshot`, `drift`).

        Raises `UsageError`.
        """
        if name == "drift":
            return replace(self, raft=replace(self.raft, drift=on))
        if name == "snapshot":
            return replace(self, raft=replace(self.raft, snapshot=on))
        check_switch(name, on)
        if name not in self.switches:
            raise UsageError(
                f"there is no option {name!r}; the options are {', '.join(self.switches)}, snapshot, drift"
            )
        if name == "unreliable":
            return replace(self, unreliable=bool(on))
        return replace(self, raft=replace(self.raft, **{SWITCHES[name]: bool(on)}))

    @property
    def node_name(self) -> str:
        """Return the name of the nodes' class, as the user wrote it: "my.py:MyCM"; "" for `ConsensusModule`."""
        return name_of(self.node)

    def settled(self, environ: Mapping[str, str] = os.environ) -> "Config":
        """Return this configuration with the options that are None taken from the environment."""
        unreliable = is_on(environ, UNRELIABLE) if self.unreliable is None else self.unreliable
        raft = self.raft
        if raft.lease is not (self.clients.reads == "lease"):
            raft = replace(raft, lease=not raft.lease)
        if is_on(environ, MORE_REELECTION) and not raft.force_more_reelection:
            raft = replace(raft, force_more_reelection=True)
        is_settled = raft is self.raft and unreliable is self.unreliable
        return self if is_settled else replace(self, raft=raft, unreliable=unreliable)


def is_on(environ: Mapping[str, str], name: str) -> bool:
    """Tell whether a variable is set to anything but one of `OFF`."""
    return environ.get(name, "").strip().lower() not in OFF
