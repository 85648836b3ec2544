"""The demo: what the screen does for a person who only watches, one command after another, until a key is pressed.

The rule of this module: it chooses the next command, as a person would give it by a key, and nothing else.
"""

from typing import NamedTuple

from raftplay.past.view import View
from raftplay.tui.keys import KEY, line_of
from raftplay.tui.model.glyphs import Glyphs
from raftplay.tui.model.lines import Piece, Pieces, fit
from raftplay.tui.stage.scene import Scene

REST = 2.0
"""The time for which only heartbeats pass before the next command, in seconds of the wall clock."""

ENDING_KEYS = ("q", "ctrl+c", "ctrl+z")
"""The keys that do during the demo what they always do; another one only ends it."""


class Act(NamedTuple):
    """A command of the demo: what is told of it, and the key that gives it, or the command itself."""

    told: str
    key: str = ""
    command: str = ""


ACTS = (
    Act("submits a command", key="s"),
    Act("crashes the leader", key="C"),
    Act("submits a command", key="s"),
    Act("restarts the crashed node", command="restart {down}"),
    Act("splits the network", key="p"),
    Act("submits a command", key="s"),
    Act("heals the network", key="h"),
)
"""The commands, in their order; then they begin again."""


class Demo:
    """Where the demo is. `beginning` is told before the first command; `due` is called at each paint."""

    def __init__(self, beginning: str = "it goes on by itself") -> None:
        self._beginning = beginning
        self._at = 0
        self._rests_since: float | None = None

    def due(self, now: float, scene: Scene, *, is_free: bool) -> str:
        """Return the command to give now, "" for none. `now` is in seconds; `is_free`: no command is under way."""
        view = scene.view
        if not is_free or not scene.skip or view.breach is not None or view.snapshot.leader is None:
            self._rests_since = None
        elif self._rests_since is None:
            self._rests_since = now
        elif now - self._rests_since >= REST:
            self._rests_since = None
            self._at += 1
            return self._command(ACTS[(self._at - 1) % len(ACTS)], view)
        return ""

    def _command(self, act: Act, view: View) -> str:
        down = next((node.id for node in view.snapshot.nodes if not node.alive), 0)
        return act.command.format(down=down) or line_of(KEY[act.key], view, 0)

    def line(self, width: int, glyphs: Glyphs) -> Pieces:
        """Return the line that says who does what is seen."""
        told = self._beginning
        if self._at:
            told = f"raftplay {ACTS[(self._at - 1) % len(ACTS)].told}"
        head = Piece(f" {glyphs.marker} demo: ", "key bold bar")
        return fit((head, Piece(f"{told}   any key ends it", "text bar")), width, "bar")
