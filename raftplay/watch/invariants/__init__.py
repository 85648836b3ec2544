"""The invariants of Raft, checked on every event of a cluster by a watcher that sees events only.

`Invariants` is the watcher, `INVARIANTS` what it watches, a `Breach` what it finds.
"""

from raftplay.watch.invariants.names import INVARIANTS, Breach, Invariant
from raftplay.watch.invariants.watcher import Invariants

__all__ = ["INVARIANTS", "Breach", "Invariant", "Invariants"]
