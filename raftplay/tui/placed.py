"""The boxes of the screen, and where they are."""

from typing import TYPE_CHECKING

from textual import events
from textual.app import ComposeResult
from textual.screen import Screen

from raftplay.tui.boxes import Box
from raftplay.tui.first import COMMAND
from raftplay.tui.model.panes import NAMES
from raftplay.tui.prompt import Prompt
from raftplay.tui.settings import Settings
from raftplay.tui.state import ScreenState
from raftplay.tui.terminal import TerminalApp
from raftplay.tui.theme import theme_name

if TYPE_CHECKING:
    from raftplay.tui.first import FirstRun

MOST_SLOTS = 6


class Main(Screen[None], inherit_bindings=False):
    """The one screen on which everything stands; it has no keys of its own."""

    AUTO_FOCUS = ""


class PlacedApp(TerminalApp, inherit_bindings=False):
    """An app with the boxes of the screen; `paint` puts lines into them."""

    CSS = """
    Main { layout: vertical; overflow: hidden; }
    Box { position: absolute; }
    #prompt { position: absolute; border: none; height: 1; padding: 0 1; background: $surface; }
    CommandPalette SearchIcon { display: none; }
    Sheet { align: center middle; background: $background 60%; }
    Sheet Box { position: relative; border: round $primary; background: $background; padding: 0 1; }
    """

    deck: ScreenState
    settings: Settings
    first: "FirstRun"
    prompt: Prompt

    def __init__(self) -> None:
        super().__init__()
        self._boxes: dict[str, Box] = {}

    def paint(self) -> None:
        """Show the cluster as it is now."""
        raise NotImplementedError

    def get_default_screen(self) -> Screen[None]:
        """The screen with all the boxes."""
        return Main()

    def compose(self) -> ComposeResult:
        """Every box there can be; `arrange` shows those that have a place."""
        titles = (f"title{at}" for at in range(MOST_SLOTS))
        drawers = ("side0", "side1", *titles, *NAMES)
        names = (
            "status",
            "rule0",
            "stage",
            "rule1",
            "sentence",
            "tape",
            *drawers,
            "caption",
            "answer",
            "keys",
            "coach",
        )
        fills = ("status", "keys", "caption", "coach")
        self._boxes = {name: Box(name, fills="bar" if name in fills else "") for name in names}
        yield from self._boxes.values()
        yield self.prompt

    def put_colours(self) -> None:
        """Take the colours that were chosen, as far as the terminal has them."""
        few = self.console.color_system == "standard" and not self.is_headless
        self.theme = theme_name(light=self.settings.light, few=few)

    def on_resize(self, event: events.Resize) -> None:
        """Everything moves to its new place."""
        self.fit(*event.size)
        self.arrange()
        self.paint()

    def fit(self, width: int, height: int) -> None:
        """Give the deck its room on a screen of that size: all of it."""
        self.deck.width, self.deck.height = width, height

    def arrange(self) -> None:
        """Give every box its place."""
        deck = self.deck
        prompt = self.prompt
        prompt.display = deck.fits
        if not deck.fits:
            for name, box in self._boxes.items():
                box.place((0, 0, self.size.width, 1 if name == "status" else 0))
            return
        places, where = deck.boxes(), deck.layout().prompt
        for name, box in self._boxes.items():
            box.place(places.get(name, (0, 0, 0, 0)))
        prompt.styles.offset = (where.x, where.y)
        prompt.styles.width = where.width
        if self.first.line:
            prompt.styles.width = COMMAND
            self._boxes["coach"].place((where.x + COMMAND, where.y, where.width - COMMAND, 1))

    def box(self, name: str) -> Box:
        """Return a box by its name."""
        return self._boxes[name]
