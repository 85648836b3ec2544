"""The measured clusters: over sockets, without delay, with storage in memory."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from raftplay.cluster.config import Config
from raftplay.cluster.harness import Harness

NO_DELAY = Config(delay_min=0.0, delay_max=0.0)
"""RPCs are handled when they arrive; elections and heartbeats use the Go reference's timings."""

PATIENCE = 60.0
"""Seconds without progress after which a cluster ends the measurement."""


ATTEMPTS = 5
SETTLING = 2.0
"""Attempts, and seconds of each, for a new cluster to commit its first command."""


class Stalled(Exception):
    """A measurement did not end; the text says why, and the state of every node."""


@contextmanager
def leading(nodes: int, *, config: Config = NO_DELAY, watch: bool = False) -> Iterator[tuple[Harness, int]]:
    """Yield a cluster over sockets and its leader; every node has committed the command None."""
    with Harness(nodes, config=config, watch=watch) as harness:
        harness.time_out_peer(0)
        for _ in range(ATTEMPTS):
            leader, _ = harness.check_single_leader()
            taken = harness.submit_to_server(leader, None) >= 0
            if taken and harness.wait_until(lambda: all(harness.commits), SETTLING):
                break
        else:
            raise Stalled(f"a cluster elected no stable leader\n{harness.snapshot()}")
        yield harness, leader


def until(harness: Harness, predicate: Callable[[], bool]) -> None:
    """Wait until `predicate` holds. Raises `Stalled` when it takes too long."""
    if not harness.wait_until(predicate, PATIENCE):
        raise Stalled(f"a cluster made no progress within {PATIENCE:g} s\n{harness.snapshot()}")


def check_taken(harness: Harness, indices: Collection[int]) -> None:
    """Check that every submitted command got an index. Raises `Stalled` if the leader was deposed meanwhile."""
    if min(indices) < 0:
        raise Stalled(f"a leader was deposed while it was measured: the machine is too busy\n{harness.snapshot()}")
