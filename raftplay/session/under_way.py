"""The running command, which other commands divide if it only lets time pass."""

from dataclasses import dataclass

from raftplay.session.branches import Deed, JournalEntry, Mark
from raftplay.session.outcome import Outcome

WENT_ON = "it went on while other commands came"
"""The journal's note on a part of a wait during which another command ran."""


@dataclass(slots=True)
class RunningCommand:
    """The running command: since when, and where in the journal it will stand."""

    bound: Deed
    start: Mark
    at: int
    is_parted: bool = False

    @property
    def passes(self) -> bool:
        """Return whether it only lets time pass, so that its journal entry can be divided."""
        return self.bound.effect == "passes"

    def part(self, now: Mark, journal: list[JournalEntry]) -> None:
        """Divide it at `now`, as another command runs: journal its part so far as a separate entry."""
        if self.passes:
            if now != self.start:
                journal.insert(self.at, JournalEntry(self.bound, self.start, now, WENT_ON))
            self.is_parted = True

    def resume(self, now: Mark, journal: list[JournalEntry]) -> None:
        """Continue it at `now`, behind what the other command left in the journal."""
        if self.passes:
            self.start, self.at = now, len(journal)

    def end(self, now: Mark, ended: Outcome, journal: list[JournalEntry]) -> None:
        """Journal it, or its last part, as it has `ended` at `now`."""
        goes_on = self.is_parted and ended.held and self.bound.name != "wait"
        reason = WENT_ON if goes_on else ended.answer  # a replay would take the whole time once more
        journal.insert(self.at, JournalEntry(self.bound, self.start, now, reason, ended.breach is not None))
