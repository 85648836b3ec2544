"""A screen that nobody touches: after a while the demo begins by itself, and ends when a key is pressed.

The rule of this module: it decides when the demo begins, goes on after a stop, and ends. A person who has pressed
a key is never overtaken.
"""

import math
from typing import TYPE_CHECKING

from textual import events

from raftplay.tui.demo import ENDING_KEYS, Demo
from raftplay.tui.first import COMMAND, Card
from raftplay.tui.model.lines import Piece, Pieces, fit
from raftplay.tui.placed import Main
from raftplay.tui.stage.scene import Scene

if TYPE_CHECKING:
    from raftplay.tui.app import RaftApp

PATIENCE = 8.0
"""The time for which nothing is to be seen, and nobody touches a key, before the demo begins, in seconds."""

WARNING = 5.0
"""The last part of that time, which is counted down on the screen, in seconds."""

READING = 4.0
"""The time for which a stop of the demo can be read, in seconds."""

LEAST_NODES = 3
"""The least nodes of a demo: it crashes the leader, and the others elect another one."""


class Unattended:
    """Begins and ends the demo of `app`. `may_begin`: it begins by itself while nobody touches a key."""

    def __init__(self, app: "RaftApp") -> None:
        self.app = app
        self.may_begin = False
        self.line: Pieces = ()
        """The line that counts down, or tells of the demo; empty if there is nothing to say."""

        self._still_since: float | None = None
        self._hid_card = False

    def takes(self, event: events.Event, *, is_new: bool) -> bool:
        """Note what a person does; return whether it only ends the demo. `is_new`: it is a key or the like."""
        if isinstance(event, events.MouseEvent):
            self._still_since = None
        if not is_new:
            return False
        self.may_begin = False
        app = self.app
        if app.demo is None:
            return False
        app.demo = None
        if isinstance(event, events.Key) and event.key in ENDING_KEYS:
            return False
        app.toast("the demo has ended; the cluster is yours: ? lists the keys")
        if self._hid_card:
            self._hid_card = False
            app.first.show_card()
        elif app.playhead is not None and app.playhead.held:
            app.say("", "the demo has ended; space goes on")
        return True

    def look(self, now: float, scene: Scene) -> None:
        """Do what is due at a paint. `now` is the wall clock, in seconds."""
        demo = self.app.demo
        stands = self._stands(scene) if demo is None else self._is_stopped
        if not stands:
            self._still_since = None
        elif self._still_since is None:
            self._still_since = now
        still = 0.0 if self._still_since is None else now - self._still_since
        if demo is not None:
            self._go_on(demo, still, now, scene)
        elif still >= PATIENCE:
            self._begin()
        self.line = self._line(PATIENCE - still)

    def _stands(self, scene: Scene) -> bool:
        """Return whether nobody has touched a key, and nothing new is to be seen until one does."""
        app = self.app
        if not (self.may_begin and app.settings.demo and app.watches) or app.is_busy or scene.view.rewound:
            return False
        enough = len(scene.view.snapshot.nodes) >= LEAST_NODES and scene.view.breach is None
        is_main = isinstance(app.screen, Main) and not app.deck.is_typing
        return enough and (isinstance(app.screen, Card) or (is_main and (self._is_stopped or scene.skip)))

    @property
    def _is_stopped(self) -> bool:
        """Return whether the screen stands still at what was seen for the first time."""
        return self.app.playhead is not None and self.app.playhead.held

    def _begin(self) -> None:
        app, self._still_since = self.app, None
        if isinstance(app.screen, Card):
            self._hid_card = True
            app.first.greets = False
            app.screen.dismiss()
        app.demo = Demo("as nobody is here, raftplay plays by itself")
        app.do("resume")

    def _go_on(self, demo: Demo, still: float, now: float, scene: Scene) -> None:
        """Give the command of the demo that is due; go on after a stop that was read."""
        app = self.app
        is_free = not app.is_busy and not app.awaits_answers and isinstance(app.screen, Main)
        if self._is_stopped:
            if still >= READING and is_free:
                app.do("resume")
        elif line := demo.due(now, scene, is_free=is_free):
            app.do(line)

    def _line(self, left: float) -> Pieces:
        app = self.app
        width, glyphs = app.deck.width - COMMAND, app.deck.glyphs
        if not app.deck.fits:
            return ()
        if app.demo is not None:
            return app.demo.line(width, glyphs)
        if left > WARNING:
            return ()
        seconds = max(1, math.ceil(left))
        text = f"nobody here? raftplay plays by itself in {seconds} s; any key stops it"
        return fit((Piece(f" {glyphs.marker} ", "key bold bar"), Piece(text, "text bar")), width, "bar")
