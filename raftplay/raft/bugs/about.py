"""What is known of a bug switch: its name, what it does, what falls by it, and who had it."""

from dataclasses import dataclass

from raftplay.docstrings import docstring
from raftplay.raft.consensus import ConsensusModule

LIVENESS = "liveness"
"""Stands in `Bug.falls` for a cluster that does nothing wrong and gets nowhere."""


@dataclass(frozen=True)
class Bug:
    """One named deviation of the algorithm; its explanation is the docstring of the class that has it.

    `falls` names the invariants that it breaks, or is ("liveness",). `sooner` names those that a strict
    watcher sees broken on the way there. `section` is the paper's. `seen_in` names the issues,
    pull requests, commits or reports by which it was seen in implementations of Raft.
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
        """What goes wrong, step by step, in one paragraph."""
        return " ".join(docstring(self.module).split())
