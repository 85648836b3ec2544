"""The settings of a cluster, as set-up lines, the command line and `new` choose them, and the names of options."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from raftplay.cluster.config import Config
from raftplay.cluster.given import Given
from raftplay.cluster.own_node import OwnNode, loaded
from raftplay.kv.clients import READS, ClientOptions
from raftplay.raft.config import SWITCHES as RAFT_SWITCHES
from raftplay.session.units import range_text

BACKENDS = ("sim", "tcp")
SWITCHES = (*RAFT_SWITCHES, "unreliable", "snapshot", "drift")
"""The options of the algorithm, and of proxies."""

CLIENT_OPTIONS = {"sessions": ("on", "off"), "reads": READS}
"""The options of clients, with their values; the first is usual."""

TIMINGS = ("election", "heartbeat", "delay")
MAX_SEED = (1 << 63) - 1


@dataclass
class Setup:
    """The settings that were chosen; None for those that were not."""

    nodes: int | None = None
    seed: int | None = None
    backend: str | None = None
    timings: dict[str, tuple[float, float]] = field(default_factory=dict)
    switches: dict[str, int] = field(default_factory=dict)
    clients: dict[str, str] = field(default_factory=dict)
    """The options of clients, by name."""

    keep_commits: int | None = None
    """The number of commits covered by a snapshot that stay in the lists of nodes; None: all."""

    bugs: list[str] = field(default_factory=list)
    node: OwnNode | None = None
    folder: str = ""
    """The folder of the script, to which the path of `node` is relative."""

    watched: list[str] = field(default_factory=list)
    given: list[Given] = field(default_factory=list)
    without_bugs: bool = False
    """Overrides the script: switches off all its bugs."""

    def options(self) -> list[str]:
        """Return the timings, switches and `without_bugs` as options of `raftplay run`."""
        words = [f"--timing={name}={range_text(*both)}" for name, both in self.timings.items()]
        words += [f"--set={name}={setting_text(value)}" for name, value in self.switches.items()]
        words += [f"--set={name}={value}" for name, value in self.clients.items()]
        return words + (["--without-bugs"] if self.without_bugs else [])

    def overridden_by(self, over: "Setup") -> "Setup":
        """Return the settings of a script under `over`, those of the command line, which are in force instead."""
        return Setup(
            nodes=_first(over.nodes, self.nodes),
            seed=_first(over.seed, self.seed),
            backend=_first(over.backend, self.backend),
            timings=self.timings | over.timings,
            switches=self.switches | over.switches,
            clients=self.clients | over.clients,
            watched=self.watched,
            given=self.given,
            keep_commits=_first(over.keep_commits, self.keep_commits),
            node=_first(over.node, self.node),
            bugs=[] if over.without_bugs else list(dict.fromkeys([*self.bugs, *over.bugs])),
        )

    def config(self, usual: Config | None = None) -> Config:
        """Return the configuration of a cluster: `usual` with what was chosen. Raises `UsageError`."""
        usual = usual or Config()
        bugs = () if self.without_bugs else tuple(self.bugs) or usual.bugs
        clients = client_options(usual.clients, self.clients)
        node = usual.node if self.node is None else loaded(self.node)
        config = replace(usual, bugs=bugs, node=node)
        changes: dict[str, Any] = {**self.switches, "lease": False}  # how clients read decides that
        if (unreliable := changes.pop("unreliable", None)) is not None:
            config = replace(config, unreliable=unreliable)
        if (more := changes.pop("more-reelection", None)) is not None:
            changes["force_more_reelection"] = more
        if "election" in self.timings:
            changes["election_min"], changes["election_max"] = self.timings["election"]
        if "heartbeat" in self.timings:
            changes["heartbeat"] = self.timings["heartbeat"][0]
        raft = replace(config.raft, **changes)
        config = replace(config, raft=raft, clients=clients)
        if "delay" in self.timings:
            low, high = self.timings["delay"]
            config = replace(config, delay_min=low, delay_max=high)
        if self.keep_commits is not None:
            config = replace(config, keep_commits=self.keep_commits)
        return config


T = TypeVar("T")


def _first(one: T | None, other: T | None) -> T | None:
    return other if one is None else one


def setting_text(value: int) -> str:
    """Return the value of an option as `set` reads it: "on", "off", or a number."""
    return str(value) if type(value) is int else "on" if value else "off"


def client_options(usual: ClientOptions, chosen: Mapping[str, str]) -> ClientOptions:
    """Return `usual` with what was chosen."""
    sessions = chosen.get("sessions", "on" if usual.sessions else "off") == "on"
    return ClientOptions(sessions, chosen.get("reads", usual.reads))
