"""The leader's view of one peer: what the peer has, what is sent to it next, and how fast.

The rule of this module: it decides what fits into the next AppendEntries, and never whether an entry is safe.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from enum import Enum

from raftplay.raft.image import Image
from raftplay.raft.log import RaftLog
from raftplay.raft.messages import NONE, AppendEntriesArgs, Entry, InstallSnapshotArgs, size_of
from raftplay.raft.values import Named, named_args

MAX_CALL_BYTES = 1 << 20
"""The most bytes of entries in one AppendEntries, approximately; a single longer entry is sent alone."""

MAX_CALL_ENTRIES = 1024
"""The most entries in one AppendEntries; more would keep its receiver busy for long."""

SURELY_FIT = 15
"""The number of entries that always fit one AppendEntries, whatever their commands."""

PROBE_ENTRIES = 64
"""The most entries in an AppendEntries to a peer whose last request was lost."""

MAX_IN_FLIGHT = 8
"""The most AppendEntries with entries in flight to one peer between two heartbeats."""


class Mode(Enum):
    """The way in which a leader sends entries to a peer."""

    PROBE = "probe"
    """One request at a time, to find where the two logs agree: the peer rejected the last one."""

    REPLICATE = "replicate"
    """Many requests, ahead of the replies."""

    SNAPSHOT = "snapshot"
    """No entries: the leader's log no longer has those that the peer lacks (§7)."""


PROBE, REPLICATE, SNAPSHOT = Mode.PROBE, Mode.REPLICATE, Mode.SNAPSHOT


@dataclass(slots=True, eq=False)
class Progress:
    """The state of one peer in one leadership (Figure 2: nextIndex and matchIndex).

    `next` runs ahead of the replies, so that entries are sent at once; a rejection moves it back. `in_flight`
    counts the requests with entries since the last heartbeat; `probe` is the one request in flight in mode PROBE.
    `unreached`: the last request was lost. `heard`: when the peer last replied, or the leadership began.
    In mode SNAPSHOT, `image` is sent to the peer, which has `offset` bytes of it; `awaits_chunk`: a chunk is in
    flight, `asks`: the next one only asks what the peer has.
    """

    next: int
    match: int = NONE
    mode: Mode = REPLICATE
    in_flight: int = 0
    probe: AppendEntriesArgs | None = None
    unreached: bool = False
    heard: float = 0.0
    image: Image | None = None
    offset: int = 0
    awaits_chunk: bool = False
    asks: bool = False

    @property
    def waits(self) -> bool:
        """Return whether no request is sent to the peer before its next reply, or the next heartbeat."""
        return self.in_flight >= MAX_IN_FLIGHT or self.probe is not None or self.awaits_chunk

    @property
    def most_entries(self) -> int:
        """Return the most entries in the next request to the peer."""
        return PROBE_ENTRIES if self.unreached else MAX_CALL_ENTRIES

    def next_append(self, term: int, leader_id: int, log: RaftLog, commit_index: int) -> AppendEntriesArgs:
        """Return the next AppendEntries for the peer, and move on: its entries are on their way.

        "If last log index ≥ nextIndex for a follower: send AppendEntries … starting at nextIndex" (§5.3)
        """
        previous = self.next - 1
        entries = batch(log, self.next, self.most_entries) if previous < log.last_index else ()
        args = AppendEntriesArgs(term, leader_id, previous, log.term_at(previous), entries, commit_index)
        if entries:
            self.in_flight += 1
            self.next += len(entries)
        if self.mode is PROBE:
            self.probe = args
        return args

    def answered(self, args: AppendEntriesArgs, now: float) -> None:
        """Note a reply to `args`, whether a success or a rejection."""
        self.unreached, self.heard = False, now
        if args.entries and self.in_flight > 0:
            self.in_flight -= 1

    def lost(self, args: AppendEntriesArgs) -> None:
        """Move back after a request that could not be sent; its entries are sent again, in a short request."""
        self.unreached = True
        self.next = max(self.match + 1, min(self.next, args.prev_log_index + 1))

    def replicated(self, args: AppendEntriesArgs, index: int) -> bool:
        """Note that the peer has the log up to `index`; return whether that is news."""
        if self.probe is args:
            self.restart()
        self.next = max(self.next, index + 1)
        if index <= self.match:
            return False
        self.match = index
        return True

    def back_to(self, next: int) -> None:
        """Probe from `next` on, after a rejection."""
        self.next, self.mode, self.probe = next, PROBE, None

    def restart(self) -> None:
        """End the probing."""
        self.mode, self.probe = REPLICATE, None

    def heartbeat(self) -> None:
        """Make room for a request, whatever was lost since the last heartbeat."""
        self.in_flight = 0
        self.asks, self.awaits_chunk = self.awaits_chunk, False
        if self.mode is not SNAPSHOT:
            self.restart()

    def next_chunk(self, image: Image, most: int) -> tuple[int, int]:
        """Return where the next chunk of `image` begins and its length, at most `most`; it is on its way now.

        If a chunk was not answered since the last heartbeat, its length is 0: it asks what the peer has.
        """
        if self.image is not image:
            self.image, self.offset, self.asks = image, 0, False
        size = 0 if self.asks else min(most, len(image.data) - self.offset)
        self.mode, self.probe, self.asks, self.awaits_chunk = SNAPSHOT, None, False, True
        return self.offset, size

    def chunk_received(self, args: InstallSnapshotArgs, received: int) -> bool:
        """Note that the peer has the first `received` bytes; return False if the reply is to an older chunk."""
        image = self.image
        chunk = args.last_index, args.last_term, args.offset
        if image is None or chunk != (image.index, image.term, self.offset):
            return False
        self.offset, self.asks, self.awaits_chunk = min(received, len(image.data)), False, False
        return True

    def installed(self, index: int) -> None:
        """Send entries again: the peer has a snapshot up to `index`."""
        if self.image is None or self.image.index <= index:
            self.image, self.offset, self.asks, self.awaits_chunk = None, 0, False, False
            self.restart()
        self.next = max(self.next, index + 1)

    def fingerprint(self, named: Named) -> tuple[Hashable, ...]:
        """Return the values of its fields but `heard`, a time, with another id for each node."""
        probe = None if self.probe is None else named_args(self.probe, named)
        sent = self.image and (self.image, self.offset, self.awaits_chunk, self.asks)
        return self.next, self.match, self.mode.value, self.in_flight, probe, self.unreached, sent


def batch(log: RaftLog, start: int, most: int) -> tuple[Entry, ...]:
    """Return the entries of `log` from `start` on that fit one AppendEntries, at most `most`."""
    entries = log[start : start + most]
    if len(entries) <= SURELY_FIT:
        return tuple(entries)
    room, fit = MAX_CALL_BYTES, 0
    while fit < len(entries) and (size := size_of(entries[fit : fit + SURELY_FIT])) <= room:
        room -= size
        fit += SURELY_FIT
    return tuple(entries[:fit])
