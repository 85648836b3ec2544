"""Checks the invariants of Raft on every event of a cluster; the watcher sees only events.

`Invariants` is the watcher, `INVARIANTS` lists what it checks, a `Breach` is a violation that it found.
"""

from raftplay.watch.invariants.names import INVARIANTS, Breach, Invariant
from raftplay.watch.invariants.watcher import Invariants

__all__ = ["INVARIANTS", "Breach", "Invariant", "Invariants"]
