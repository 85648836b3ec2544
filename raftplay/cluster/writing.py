"""Writing: a node's write that waits for its slow disk.

The rule of this module: nothing of the write is on disk before it has waited, and the node handles nothing else
meanwhile, as one that waits in fsync (hashicorp/raft, and etcd without asynchronous storage writes): what
arrives waits in its order, and no timer fires. Only the heartbeats of a leader go on, as from a thread for them.
"""

import random
from collections.abc import Callable, Iterator
from typing import NamedTuple

from raftplay.backends.base import Backend, Handle
from raftplay.cluster.hardware import USUAL, Hardware
from raftplay.cluster.rpc import Events
from raftplay.cluster.storage.disk import Disk
from raftplay.raft.consensus import ConsensusModule
from raftplay.raft.messages import LEADER, AppendEntriesArgs, InstallSnapshotArgs
from raftplay.watch import facts


class WriteEnds(NamedTuple):
    """The result of a step in which a node's write has waited long enough."""

    node: int


class Writing:
    """The write of one node that waits, if any. When it has waited, it calls the function given to `begin`."""

    def __init__(self, backend: Backend, disk: Disk, events: Events, dice: Callable[[], random.Random]) -> None:
        self._backend = backend
        self._disk = disk
        self._events = events
        self._dice = dice
        self._hardware = USUAL
        self._handle: Handle | None = None
        self._go_on: Callable[[], None] | None = None
        self.waits = False
        """Tells whether a write waits."""
        self._write = (-1, 0, False)
        self._since = 0.0

    @property
    def since(self) -> float | None:
        """Return the cluster time since which a write waits; None if none does."""
        return self._since if self.waits else None

    def changed(self, hardware: Hardware) -> None:
        """Adopt a disk that behaves otherwise: a write that waits ends as it would have with this one."""
        self._hardware = hardware
        self._disk.behaves(takes_time=hardware.is_slow, fails=hardware.fails)
        if self.waits:
            self._wait()

    def begin(self, cm: ConsensusModule, go_on: Callable[[], None]) -> None:
        """Let what `cm` has to write wait, and then call `go_on`."""
        self._go_on, self._since, self.waits = go_on, self._backend.now(), True
        start = cm.log.changed_from
        vote = cm.durable_vote
        is_vote = (cm.current_term, cm.voted_for) != (vote.current_term, vote.voted_for)
        first = len(cm.log) if start is None else start
        self._write = first, len(cm.log) - first, is_vote
        self._tell(waits=True)
        self._wait()

    def cancel(self) -> None:
        """Forget the write: the node has crashed, and nothing of it is on disk."""
        self._go_on, self.waits = None, False
        self._stop_clock()

    def _wait(self) -> None:
        """Set when the write has waited: never on a disk that stalls."""
        self._stop_clock()
        hardware = self._hardware
        if hardware.stalls and not hardware.fails:
            return
        low, high = (0.0, 0.0) if hardware.fails else hardware.delay
        delay = low if low == high else self._dice().uniform(low, high)
        when = max(self._since + delay, self._backend.now())
        self._handle = self._backend.call_at(when, self._end, WriteEnds(self._events.node))

    def _end(self) -> None:
        self._handle = None
        go_on, self._go_on, self.waits = self._go_on, None, False
        if go_on is not None:
            self._tell(waits=False)
            with self._disk.opened():
                go_on()

    def _stop_clock(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _tell(self, *, waits: bool) -> None:
        if self._events.stream.active:
            start, entries, vote = self._write
            self._events.publish(facts.WriteWaits(waits, start, entries, vote))


def heartbeats_of(cm: ConsensusModule) -> Iterator[tuple[int, AppendEntriesArgs | InstallSnapshotArgs]]:
    """Return the heartbeats of a leader whose write waits: they tell nothing that is not on its disk.

    All entries before `next_index` are on its disk, as it sends none before. A peer that lacks what the log no
    longer has is asked how much of the snapshot it has: that names a committed entry, and holds no data.
    """
    if cm.state is not LEADER or cm.durable_vote.current_term != cm.current_term:
        return
    for peer_id, next_index in cm.next_index.items():
        previous = next_index - 1
        if previous < cm.log.base_index:
            yield peer_id, cm.asking_chunk(peer_id)
            continue
        term = cm.log.term_at(previous)
        yield peer_id, AppendEntriesArgs(cm.current_term, cm.id, previous, term, (), cm.commit_index)
