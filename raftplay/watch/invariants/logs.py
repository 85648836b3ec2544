"""The watcher's model of logs: terms in runs, and running hashes of a window of entries.

By Log Matching, an index and a term identify a whole log, so a log is kept as the terms of its entries. Running
hashes, kept once for all nodes, show whether the entries agree too.
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterable

import msgspec

from raftplay.raft.messages import NONE, CommitEntry, Entry

UNKNOWN = -2
"""The term of an entry before the ones that are kept."""

EMPTY_LOG = 0
"""The running hash of a log without entries."""

MAX_RUNS = 4096
"""The number of term changes that are kept for one log."""

_encoder = msgspec.json.Encoder()


def fingerprint(entry: Entry | CommitEntry) -> int:
    """Return a hash of the kind and command of `entry`; two different ones practically never share one."""
    command = hash(_encoder.encode(entry.command))
    return command if entry.kind == "command" else hash((entry.kind, command))


def running_hash(entries: Iterable[Entry]) -> int:
    """Return the running hash of a whole log: it starts at `EMPTY_LOG` and adds each entry in turn."""
    running = EMPTY_LOG
    for entry in entries:
        running = hash((running, entry.term, fingerprint(entry)))
    return running


def same_term(one: int, other: int) -> bool:
    """Return whether two terms are equal; `UNKNOWN` equals every term."""
    return one == other or UNKNOWN in (one, other)


class Terms:
    """The terms of a log's entries, in runs of equal terms; beyond `MAX_RUNS` the first are forgotten."""

    __slots__ = ("_starts", "_terms", "last_term", "length")

    def __init__(self, terms: Iterable[int] = ()) -> None:
        self._starts: list[int] = []
        self._terms: list[int] = []
        self.length = 0
        self.last_term = NONE
        for term in terms:
            self.append(term)

    def term_at(self, index: int) -> int:
        """Return the term of the entry at `index`; -1 when there is none, `UNKNOWN` when it is forgotten."""
        if not 0 <= index < self.length:
            return NONE
        starts = self._starts
        if index >= starts[-1]:
            return self._terms[-1]
        at = bisect_right(starts, index) - 1
        return self._terms[at] if at >= 0 else UNKNOWN

    def copy(self) -> "Terms":
        """Return an independent copy."""
        other = Terms()
        other._starts, other._terms = self._starts.copy(), self._terms.copy()
        other.length, other.last_term = self.length, self.last_term
        return other

    def install(self, index: int, term: int) -> None:
        """Replace all by a snapshot that ends with the entry at `index`, of `term`; earlier terms are unknown."""
        self._starts, self._terms = ([0, index], [UNKNOWN, term]) if index else ([0], [term])
        self.length, self.last_term = index + 1, term

    def append(self, term: int) -> None:
        """Append an entry of `term`."""
        if term != self.last_term:
            self.last_term = term
            self._starts.append(self.length)
            self._terms.append(term)
            if len(self._starts) > 2 * MAX_RUNS:
                del self._starts[:MAX_RUNS], self._terms[:MAX_RUNS]
        self.length += 1

    def truncate(self, index: int) -> None:
        """Delete the entries from `index` on."""
        if index >= self.length:
            return
        self.length = max(index, 0)
        while self._starts and self._starts[-1] >= self.length:
            self._starts.pop()
            self._terms.pop()
        if self.length and not self._starts:  # the kept runs are all deleted
            self._starts.append(self.length - 1)
            self._terms.append(UNKNOWN)
        self.last_term = self._terms[-1] if self._terms else NONE

    def replace_from(self, index: int, entries: Iterable[Entry]) -> None:
        """Replace the entries from `index` on by `entries`."""
        self.truncate(index)
        for entry in entries:
            self.append(entry.term)


class _Segment:
    """The consecutive entries of one term, which its only leader appended."""

    __slots__ = ("first", "hashes", "origin", "previous_term")

    def __init__(self, index: int, previous_term: int) -> None:
        self.origin = index  # first index of the term, in every log that has it
        self.previous_term = previous_term
        self.first = index  # index of the first hash
        self.hashes = array("q")


class Prefixes:
    """The running hash at each (index, term) of any log; beyond `window` the lowest terms are forgotten."""

    __slots__ = ("_count", "_segments", "_window")

    def __init__(self, window: int) -> None:
        self._window = window
        self._segments: dict[int, _Segment] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def known(self, index: int, term: int) -> int | None:
        """Return the running hash of the log that has `term` at `index`; None if it is not kept."""
        segment = self._segments.get(term)
        if segment is None:
            return None
        at = index - segment.first
        return segment.hashes[at] if 0 <= at < len(segment.hashes) else None

    def note(self, index: int, term: int, running: int, previous_term: int) -> bool:
        """Record a log's running hash at (`index`, `term`); return False if another log has a different one."""
        segment = self._segments.get(term)
        if segment is None:
            segment = self._segments[term] = _Segment(index, previous_term)
        at = index - segment.first
        if at == len(segment.hashes):
            segment.hashes.append(running)
            self._count += 1
            if self._count > 2 * self._window:
                self._prune()
            return True
        return not 0 <= at < len(segment.hashes) or segment.hashes[at] == running

    def term_at(self, last_index: int, last_term: int, index: int) -> int:
        """Return the term at `index` in the log that ends with (`last_index`, `last_term`)."""
        if index > last_index:
            return NONE
        term = last_term
        while (segment := self._segments.get(term)) is not None:
            if segment.origin <= index:
                return term
            term = segment.previous_term
        return UNKNOWN

    def _prune(self) -> None:
        for term in sorted(self._segments):
            segment = self._segments[term]
            surplus = self._count - self._window
            if surplus < len(segment.hashes):
                del segment.hashes[:surplus]
                segment.first += surplus
                self._count -= surplus
                return
            self._count -= len(segment.hashes)
            del self._segments[term]


class Chain:
    """The running hash of applied commands at each index, for at least the last `window` indices."""

    __slots__ = ("_base", "_hashes", "_window")

    def __init__(self, window: int) -> None:
        self._window = window
        self._base = 0
        self._hashes = array("q")

    def __len__(self) -> int:
        return len(self._hashes)

    def known(self, index: int) -> int | None:
        """Return the running hash at `index`; None if no node applied it yet, or it is no longer kept."""
        at = index - self._base
        return self._hashes[at] if 0 <= at < len(self._hashes) else None

    def is_beyond(self, index: int) -> bool:
        """Return whether no node has applied `index` yet, as far as is known."""
        return index >= self._base + len(self._hashes)

    def note(self, index: int, running: int) -> None:
        """Record the running hash at `index`, which a node applied first."""
        if index == self._base + len(self._hashes):
            self._hashes.append(running)
            if len(self._hashes) > 2 * self._window:
                del self._hashes[: self._window]
                self._base += self._window
