"""Writing: a node's write that waits for its slow disk.

The rule of this module: nothing of the write is on disk before it has waited, and the node handles nothing else
meanwhile, as one that waits in fsync (hashicorp/raft, and etcd without asynchronous storage writes): what
arrives waits in its order, and no timer fires. Only the heartbeats of a leader go on, as from a thread for them.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import NamedTuple

from raftplay.backends.base import Backend, CallFailed, Handle
from raftplay.cluster.alarm import Alarm
from raftplay.cluster.calls import Calls
from raftplay.cluster.hardware import USUAL, Hardware
from raftplay.cluster.inbox import Inbox
from raftplay.cluster.rpc import NodeEvents
from raftplay.cluster.storage.disk import Disk
from raftplay.cluster.tuning import Tuning
from raftplay.raft.consensus import ConsensusModule
from raftplay.raft.messages import LEADER, AppendEntriesArgs, InstallSnapshotArgs
from raftplay.watch import facts


class WriteEnds(NamedTuple):
    """The result of a step in which a node's write has waited long enough."""

    node: int


class PendingWrite:
    """The write of one node that waits, if any, and what waits for it: arrivals in `inbox`, and its timer."""

    def __init__(self, backend: Backend, disk: Disk, events: NodeEvents, inbox: Inbox, tuning: Tuning) -> None:
        self._backend = backend
        self._disk = disk
        self._events = events
        self._inbox = inbox
        self._tuning = tuning
        self._hardware = USUAL
        self._handle: Handle | None = None
        self._settle: Callable[[], None] | None = None
        self._afterwards: Callable[[], None] | None = None
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

    def begin(self, cm: ConsensusModule, settle: Callable[[], None]) -> None:
        """Delay what `cm` has to write. Then call `settle`, which writes it, and handle what has arrived."""
        self._settle, self._since, self.waits = settle, self._backend.now(), True
        self._inbox.busy = True
        start = cm.log.changed_from
        vote = cm.durable_vote
        is_vote = (cm.current_term, cm.voted_for) != (vote.current_term, vote.voted_for)
        first = len(cm.log) if start is None else start
        self._write = first, len(cm.log) - first, is_vote
        self._tell(waits=True)
        self._wait()

    def afterwards(self, fire: Callable[[], None]) -> None:
        """Call `fire` now, or as soon as the write has waited and is done."""
        if self.waits:
            self._afterwards = fire
        else:
            fire()

    def cancel(self) -> None:
        """Forget the write: the node has crashed, and nothing of it is on disk."""
        self._settle = self._afterwards = None
        self.waits = False
        self._stop_clock()

    def thaw(self) -> None:
        """Write what has waited long enough while the process was paused."""
        if self._settle is not None and not self.waits:
            self._go_on(self._settle)

    def _wait(self) -> None:
        """Set when the write has waited: never on a disk that stalls."""
        self._stop_clock()
        hardware = self._hardware
        if hardware.stalls and not hardware.fails:
            return
        low, high = (0.0, 0.0) if hardware.fails else hardware.delay
        delay = low if low == high else self._tuning.dice.uniform(low, high)
        when = max(self._since + delay, self._backend.now())
        self._handle = self._backend.call_at(when, self._end, WriteEnds(self._events.node))

    def _end(self) -> None:
        self._handle = None
        self.waits = False
        if self._settle is not None:
            self._tell(waits=False)
            if not self._inbox.frozen:
                self._go_on(self._settle)

    def _go_on(self, settle: Callable[[], None]) -> None:
        self._settle = None
        self._inbox.busy = False
        with self._disk.opened():
            settle()
        if self._afterwards is not None and not self.waits:
            fire, self._afterwards = self._afterwards, None
            fire()
        self._inbox.resume()

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


def keep_leading(cm: ConsensusModule, calls: Calls, alarm: Alarm, now: float) -> None:
    """Send the heartbeats that are due while a write of the leader waits, and set when to send the next ones."""
    for peer_id, args in heartbeats_of(cm):
        with suppress(CallFailed):
            calls.call(peer_id, args)
    if cm.state is LEADER:
        alarm.set(now + cm.config.heartbeat)
