"""A log as it was at one moment: its entries after a base, and the base."""

from collections.abc import Iterable, Sequence

from raftplay.past.growing import Growing
from raftplay.raft.messages import Entry
from raftplay.raft.prefix import base_of, kept_of, log_view


class PastLog:
    """A log that is changed as the events of its node tell; indices count the compacted entries too."""

    __slots__ = ("_kept", "base_index", "base_term")

    def __init__(self, log: Sequence[Entry] = ()) -> None:
        self.base_index, self.base_term = base_of(log)
        self._kept = Growing(kept_of(log))

    @classmethod
    def after(cls, entries: Iterable[Entry], base_index: int, base_term: int) -> "PastLog":
        """Return the log that has `entries` after a base."""
        log = cls()
        log.base_index, log.base_term, log._kept = base_index, base_term, Growing(entries)
        return log

    def __len__(self) -> int:
        return self.base_index + 1 + len(self._kept)

    @property
    def last_term(self) -> int:
        """Return the term of the last entry; -1 if there is none."""
        return self._kept.frozen()[-1].term if len(self._kept) else self.base_term

    def copy(self) -> "PastLog":
        """Return an independent copy."""
        other = PastLog()
        other.base_index, other.base_term, other._kept = self.base_index, self.base_term, self._kept.copy()
        return other

    def append(self, entry: Entry) -> None:
        """Add `entry` at the end."""
        self._kept.append(entry)

    def put(self, index: int, entries: Iterable[Entry]) -> None:
        """Overwrite the entries from `index` on with `entries`; those behind them stay."""
        self._kept.put(index - self.base_index - 1, entries)

    def truncate(self, index: int) -> None:
        """Drop the entry at `index` and all that follow it."""
        self._kept.truncate(max(index - self.base_index - 1, 0))

    def compact(self, index: int, term: int, *, keeps: bool) -> None:
        """Drop the entries up to the one at `index`, of `term`, or (not `keeps`) all of them."""
        kept = self._kept.frozen()[max(index - self.base_index, 0) :] if keeps else ()
        self._kept = Growing(kept)
        self.base_index, self.base_term = index, term

    def frozen(self) -> Sequence[Entry]:
        """Return the log as it is now."""
        return log_view(self._kept.frozen(), self.base_index, self.base_term)
