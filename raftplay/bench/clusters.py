"""The clusters that are measured: over sockets, without delay, their storage in memory."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from raftplay.cluster.config import Config
from raftplay.cluster.harness import Harness

NO_DELAY = Config(delay_min=0.0, delay_max=0.0)
"""Calls are handled as they arrive; elections and heartbeats keep the reference's timings."""

PATIENCE = 60.0
"""Seconds after which a cluster that makes no progress ends the measurement."""


ATTEMPTS = 5
SETTLING = 2.0
"""How often, and for how many seconds, a new cluster may try to commit its first command."""


class Stalled(Exception):
    """What was to be measured came to no end; the text says why, and what every node looked like."""


@contextmanager
def leading(nodes: int, *, config: Config = NO_DELAY, watch: bool = False) -> Iterator[tuple[Harness, int]]:
    """A cluster over sockets and its leader; every node has committed something, None."""
    with Harness(nodes, config=config, watch=watch) as harness:
        harness.time_out_peer(0)
        for _ in range(ATTEMPTS):
            leader, _ = harness.check_single_leader()
            taken = harness.submit_to_server(leader, None) >= 0
            if taken and harness.wait_until(lambda: all(harness.commits), SETTLING):
                break
        else:
            raise Stalled(f"a cluster found no leader that lasts\n{harness.snapshot()}")
        yield harness, leader


def until(harness: Harness, predicate: Callable[[], bool]) -> None:
    """Wait until `predicate` holds. Raises `Stalled` when it takes too long."""
    if not harness.wait_until(predicate, PATIENCE):
        raise Stalled(f"a cluster made no progress within {PATIENCE:g} s\n{harness.snapshot()}")


def check_taken(harness: Harness, indices: Collection[int]) -> None:
    """All that was submitted got an index. Raises `Stalled` when the leader was deposed in between."""
    if min(indices) < 0:
        raise Stalled(f"a leader was deposed while it was measured: the machine is too busy\n{harness.snapshot()}")
