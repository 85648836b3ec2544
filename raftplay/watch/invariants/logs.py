"""What the watcher keeps of logs: terms in runs, and running hashes of a window of entries.

By Log Matching an index and a term name a whole log, so a log is kept as the terms of its entries; whether
the entries agree too is a comparison of running hashes, kept once for all nodes.
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterable

import msgspec

from raftplay.raft.messages import NONE, LogEntry

UNKNOWN = -2
"""The term of an entry that lies before all that is kept."""

EMPTY_LOG = 0
"""The running hash of a log without entries."""

MAX_RUNS = 4096
"""How many changes of term are kept of one log."""

_encoder = msgspec.json.Encoder()


def fingerprint(command: object) -> int:
    """A hash of `command`; that two different commands share one is as good as impossible."""
    return hash(_encoder.encode(command))


def running_hash(entries: Iterable[LogEntry]) -> int:
    """The running hash of a whole log: `EMPTY_LOG`, and each entry in turn."""
    encode, running = _encoder.encode, EMPTY_LOG
    for entry in entries:
        running = hash((running, entry.term, hash(encode(entry.command))))
    return running


def same_term(one: int, other: int) -> bool:
    """Whether two terms are equal, as far as is known."""
    return one == other or UNKNOWN in (one, other)


class Terms:
    """The terms of a log's entries, in runs of equal ones; of more than `MAX_RUNS` the first are forgotten."""

    __slots__ = ("_starts", "_terms", "last_term", "length")

    def __init__(self, terms: Iterable[int] = ()) -> None:
        self._starts: list[int] = []
        self._terms: list[int] = []
        self.length = 0
        self.last_term = NONE
        for term in terms:
            self.append(term)

    def term_at(self, index: int) -> int:
        """Term of the entry at `index`; -1 when there is none, `UNKNOWN` when it is forgotten."""
        if not 0 <= index < self.length:
            return NONE
        starts = self._starts
        if index >= starts[-1]:
            return self._terms[-1]
        at = bisect_right(starts, index) - 1
        return self._terms[at] if at >= 0 else UNKNOWN

    def copy(self) -> "Terms":
        """The same terms, to be changed apart."""
        other = Terms()
        other._starts, other._terms = self._starts.copy(), self._terms.copy()
        other.length, other.last_term = self.length, self.last_term
        return other

    def append(self, term: int) -> None:
        """One more entry."""
        if term != self.last_term:
            self.last_term = term
            self._starts.append(self.length)
            self._terms.append(term)
            if len(self._starts) > 2 * MAX_RUNS:
                del self._starts[:MAX_RUNS], self._terms[:MAX_RUNS]
        self.length += 1

    def truncate(self, index: int) -> None:
        """The entries from `index` on are gone."""
        if index >= self.length:
            return
        self.length = max(index, 0)
        while self._starts and self._starts[-1] >= self.length:
            self._starts.pop()
            self._terms.pop()
        if self.length and not self._starts:  # all that was kept is gone
            self._starts.append(self.length - 1)
            self._terms.append(UNKNOWN)
        self.last_term = self._terms[-1] if self._terms else NONE

    def replace_from(self, index: int, entries: Iterable[LogEntry]) -> None:
        """The log is now what it was before `index`, and then `entries`."""
        self.truncate(index)
        for entry in entries:
            self.append(entry.term)


class _Segment:
    """The entries of one term, which its one leader appended one after the other."""

    __slots__ = ("first", "hashes", "origin", "previous_term")

    def __init__(self, index: int, previous_term: int) -> None:
        self.origin = index  # where the term begins, in every log that has it
        self.previous_term = previous_term
        self.first = index  # of the hashes
        self.hashes = array("q")


class Prefixes:
    """The running hash at each (index, term) that any log ever had; of more than `window` the oldest terms go."""

    __slots__ = ("_count", "_segments", "_window")

    def __init__(self, window: int) -> None:
        self._window = window
        self._segments: dict[int, _Segment] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def known(self, index: int, term: int) -> int | None:
        """The running hash of the log that has `term` at `index`; None when that is not kept."""
        segment = self._segments.get(term)
        if segment is None:
            return None
        at = index - segment.first
        return segment.hashes[at] if 0 <= at < len(segment.hashes) else None

    def note(self, index: int, term: int, running: int, previous_term: int) -> bool:
        """A log has `term` at `index`, and this running hash: False when another log has another one."""
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
        """The term at `index` in the log that ends with (`last_index`, `last_term`)."""
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
    """The running hash of applied commands at each index, of the last `window` indices at least."""

    __slots__ = ("_base", "_hashes", "_window")

    def __init__(self, window: int) -> None:
        self._window = window
        self._base = 0
        self._hashes = array("q")

    def __len__(self) -> int:
        return len(self._hashes)

    def known(self, index: int) -> int | None:
        """The running hash at `index`; None when nobody applied that far, or it is not kept any more."""
        at = index - self._base
        return self._hashes[at] if 0 <= at < len(self._hashes) else None

    def note(self, index: int, running: int) -> None:
        """Some node applied `index`, which none had before."""
        if index == self._base + len(self._hashes):
            self._hashes.append(running)
            if len(self._hashes) > 2 * self._window:
                del self._hashes[: self._window]
                self._base += self._window
