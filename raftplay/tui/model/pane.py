"""A pane of the screen: what it says of itself, what it shows of a view, and what its rows can do.

The rule of this module: a pane knows a view and its own context, and nothing of other panes or of the screen.
"""

from typing import ClassVar, NamedTuple, TypeAlias

from raftplay.past.view import View
from raftplay.tui.model.context import Context
from raftplay.tui.model.lines import ClickTarget, Window, text_of


class Shows(NamedTuple):
    """The pane that a row opens."""

    pane: str


RowAction: TypeAlias = int | str | Shows | None
"""An event to go to, by its number; a command to run; or a pane to open."""


class Row(NamedTuple):
    """A row to select. `below`: how many rows are below it; None if it is in sight wherever it is."""

    target: ClickTarget
    below: int | None = None


class Pane:
    """A pane; each screen makes its own, which may keep what it computed. The least that it needs is a `window`.

    `key` shows it, and is explained by `help`. `follows_end`: it rests at its end, not at its beginning.
    `heading`: lines above its rows. `row`: the kind of the targets that are its rows, "" if it selects none.
    """

    name: ClassVar[str]
    key: ClassVar[str]
    help: ClassVar[str]
    follows_end: ClassVar[bool] = False
    heading: ClassVar[int] = 0
    row: ClassVar[str] = ""

    def window(self, view: View, context: Context) -> Window:
        """Return the lines that are seen."""
        raise NotImplementedError

    def notes(self, context: Context) -> list[str]:
        """Return what stands at the right end of the line with its name."""
        return []

    def neighbour(self, view: View, context: Context, by: int) -> Row | None:
        """Return the row `by` places below the selected one (above, if negative); None if there are no rows."""
        return None

    def foot(self, view: View, context: Context) -> int:
        """Return how many lines at the end of the pane are about the selected row."""
        return 0

    def clicked(self, view: View, target: ClickTarget, *, again: bool) -> RowAction:
        """Return what a click on a row does besides selecting it; `again`: it was selected before."""
        return None

    def opened(self, view: View, context: Context) -> RowAction:
        """Return what Enter does on the selected row."""
        return None

    def copied(self, view: View, context: Context) -> str:
        """Return the text of the selected row, or else of all that the pane shows."""
        return "\n".join(text_of(line).rstrip() for line in self.window(view, context).lines).rstrip()
