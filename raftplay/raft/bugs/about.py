"""The description of a bug switch: its name, its effect, what it violates, and who had it."""

from dataclasses import dataclass
from typing import TypeAlias

from raftplay.docstrings import docstring
from raftplay.raft.consensus import ConsensusModule
from raftplay.raft.rules import Rules

NodeOrRules: TypeAlias = type[ConsensusModule] | type[Rules]
"""A class of nodes: with its own `ConsensusModule`, or with its own `Rules`."""

LIVENESS = "liveness"
"""The value in `Bug.violates` for a cluster that violates no invariant but makes no progress."""


@dataclass(frozen=True)
class Bug:
    """A named deviation from the algorithm; its explanation is the docstring of its class, `node`.

    `violates` names the invariants that it violates, or is ("liveness",). `sooner` names those that a strict
    watcher sees violated before that. `section` is the paper's. `seen_in` names the issues, pull requests,
    commits or reports that found it in implementations of Raft. A search for it has `options` on, without which
    nothing of it shows.
    """

    name: str
    mechanism: str
    node: NodeOrRules
    section: str
    violates: tuple[str, ...]
    seen_in: tuple[str, ...]
    sooner: tuple[str, ...] = ()
    options: tuple[str, ...] = ()

    @property
    def explanation(self) -> str:
        """Explain the bug step by step, in one paragraph."""
        return " ".join(docstring(self.node).split())
