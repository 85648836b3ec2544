"""Nodes of one's own in place of the algorithm's, where only the name of a bug can choose them."""

import pytest

from raftplay import ConsensusModule
from raftplay.raft import bugs
from raftplay.raft.bugs import BUGS, Bug

OWN = "own"
"""The bug that `take` switches in."""


def take(module: type[ConsensusModule], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `bug own` mean nodes of the class `module`, in this process, until the test ends."""
    monkeypatch.setitem(BUGS, OWN, Bug(OWN, "a node of one's own", module, "§5", (), ()))
    bugs._composed.cache_clear()
