"""The description of a bug switch: its name, its effect, what it violates, and who had it."""

from dataclasses import dataclass

from raftplay.docstrings import docstring
from raftplay.raft.consensus import ConsensusModule

LIVENESS = "liveness"
"""The value in `Bug.falls` for a cluster that violates no invariant but makes no progress."""


@dataclass(frozen=True)
class Bug:
    """A named deviation from the algorithm; its explanation is the docstring of its class, `module`.

    `falls` names the invariants that it violates, or is ("liveness",). `sooner` names those that a strict
    watcher sees violated before that. `section` is the paper's. `seen_in` names the issues, pull requests,
    commits or reports that found it in implementations of Raft.
    """

    name: str
    mechanism: str
    module: type[ConsensusModule]
    section: str
    falls: tuple[str, ...]
    seen_in: tuple[str, ...]
    sooner: tuple[str, ...] = ()

    @property
    def explanation(self) -> str:
        """Explain the bug step by step, in one paragraph."""
        return " ".join(docstring(self.module).split())
