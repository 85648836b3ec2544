"""Shows coach marks: what a newcomer may try after the first election, one after another, in one line."""

from dataclasses import dataclass
from typing import NamedTuple

from raftplay.tui.keys import KEY, KEYS
from raftplay.tui.model.glyphs import Glyphs
from raftplay.tui.model.lines import Piece, Pieces, fit, width_of


class Tip(NamedTuple):
    """A thing to try: its key, what it does, and the command that the key runs."""

    key: str
    text: str
    command: str


MARKS = (
    Tip("C", "crash the leader", "crash"),
    Tip("s", "give it a command", "submit"),
    Tip("p", "split the network", "partition"),
)
"""The marks, in their order."""

LAST_STEP = "leader"
"""The milestone that ends the tour."""


@dataclass(slots=True)
class Coach:
    """The state of the tour through the first election, and of the marks after it.

    `done` counts the marks that were done or dismissed; `is_touring` is true during the tour; `stop` is the moment
    at which the tour stands still, "" while it moves; `asks_why` is true from a mark's end until `why` is open.
    """

    done: int = 0
    is_touring: bool = False
    stop: str = ""
    steps: int = 0
    asks_why: bool = False

    def begin_tour(self) -> None:
        """Begin the tour."""
        self.is_touring, self.stop, self.steps = True, "", 0

    def stand(self, what: str) -> None:
        """Stand still at a moment of the tour."""
        self.stop = what
        self.steps += 1

    def go_on(self) -> None:
        """Leave the moment at which the tour stands still; the tour ends behind the last one."""
        self.is_touring = self.is_touring and self.stop != LAST_STEP
        self.stop = ""

    def note(self, command: str) -> bool:
        """Note that a command was done; return whether it was that of the present mark."""
        if self.is_touring or self.mark is None or command.split(" ", 1)[0] != self.mark.command:
            return False
        self.done += 1
        self.asks_why = True
        return True

    def dismiss(self) -> None:
        """End the tour, or else give up all marks, for good."""
        if self.is_touring:
            self.is_touring, self.stop = False, ""
        else:
            self.done, self.asks_why = len(MARKS), False

    @property
    def mark(self) -> Tip | None:
        """Return the present mark; None after the last."""
        return MARKS[max(0, self.done)] if self.done < len(MARKS) else None

    def line(self, width: int, glyphs: Glyphs, *, has_leader: bool) -> Pieces:
        """Return the line that is shown now, empty if there is nothing to say."""
        parts: list[Pieces] = []
        leave = "no more hints"
        if self.is_touring:
            leave = "end"
            parts.append(_tour(self.stop, self.steps))
        else:
            if self.asks_why:
                parts.append(_part("w", "why?"))
            if self.mark is not None and (self.mark.command == "partition" or has_leader):
                parts.append(_part(self.mark.key, self.mark.text))
            elif self.mark is not None and self.asks_why:
                parts.append((Piece("the next election begins", "text"),))
        if not parts:
            return ()
        for last in (leave, "off"):  # where there is little room, in a word
            pieces: list[Piece] = [Piece(f" {glyphs.marker} ", "key bold bar")]
            for part in (*parts, _part("escape", last)):
                pieces += [*(piece._replace(style=f"{piece.style} bar") for piece in part), Piece("   ", "bar")]
            if width_of(tuple(pieces[:-1])) <= width:
                break
        return fit(pieces, width, "bar")


def _tour(stop: str, steps: int) -> Pieces:
    if not stop:
        return (Piece("the first election, step by step", "text"),)
    onward = "go on" if stop == LAST_STEP else "next step"
    return (*_part("enter", onward), Piece(f"   (step {steps} of the first election)", "dim"))


def _part(key: str, text: str) -> Pieces:
    """Return a key with its text; a click on it presses the key."""
    target = ("key", KEYS.index(KEY[key]))
    return (Piece(KEY[key].shown, "key bold", target), Piece(f": {text}", "text", target))
