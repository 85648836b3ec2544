"""Presenter mode: the stage, one pane and the caption for an audience, driven by the keys that clickers send."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen, Screen

from raftplay.raft.messages import NONE
from raftplay.tui.boxes import Box
from raftplay.tui.model.large import large_lines
from raftplay.tui.model.layout import Region
from raftplay.tui.model.lines import Piece, Pieces, fit, spread, wrapped
from raftplay.tui.model.panes import PANES
from raftplay.tui.model.status import leaders_line
from raftplay.tui.sheet import HoldsTime, Sheet
from raftplay.tui.stage.scene import Scene
from raftplay.tui.stage.sentence import sentence
from raftplay.tui.stage.stage import paint
from raftplay.watch.text import visible

if TYPE_CHECKING:
    from raftplay.tui.app import RaftApp

LEAST_BAND = 3
"""The least lines of the caption's band."""

BESIDE = 100
"""The columns from which on a pane stands beside the stage."""

NEXT = "pagedown,right,down,enter"
BEFORE = "pageup,left,up,backspace"
BLACK = "b,full_stop"
"""The keys that clickers send: forward, back, and the black screen."""


class BoxPlaces(NamedTuple):
    """The places of the boxes; a box without lines is not shown."""

    head: Region
    stage: Region
    side: Region
    title: Region
    pane: Region
    rule: Region
    band: Region


def places_of(width: int, height: int, band: int, *, zoomed: bool) -> BoxPlaces:
    """Return the places on a screen of that size; the caption takes `band` lines, and `zoomed` a pane the rest."""
    top, bottom = 1, height - band - 1
    rows = bottom - top
    nothing = Region(0, 0, 0, 0)
    head, rule = Region(0, 0, width, 1), Region(0, bottom, width, 1)
    below = Region(0, bottom + 1, width, band)
    if zoomed:
        return BoxPlaces(
            head, nothing, nothing, Region(0, 0, width, 1), Region(0, 1, width, height - 1), nothing, nothing
        )
    if width < BESIDE:
        return BoxPlaces(head, Region(0, top, width, rows), nothing, nothing, nothing, rule, below)
    right = max(34, width * 34 // 100)
    x = width - right
    return BoxPlaces(
        head,
        Region(0, top, x - 1, rows),
        Region(x - 1, top, 1, rows),
        Region(x, top, right, 1),
        Region(x, top + 1, right, rows - 1),
        rule,
        below,
    )


class Black(ModalScreen[None], HoldsTime):
    """A black screen, so that an audience looks at the speaker; time stands still. Any key leaves it."""

    CSS = "Black { background: black; }"

    def on_key(self, event: events.Key) -> None:
        """Come back."""
        event.stop()
        event.prevent_default()
        self.dismiss()

    def on_click(self) -> None:
        """Come back."""
        self.dismiss()


class Presentation(Screen[None], inherit_bindings=False):
    """The screen of presenter mode; keys that it does not bind act on the cluster as usual."""

    AUTO_FOCUS = ""
    CSS = """
    Presentation { layout: vertical; overflow: hidden; }
    Presentation Box { position: absolute; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(NEXT, "forward", show=False),
        Binding(BEFORE, "back", show=False),
        Binding(BLACK, "black", show=False),
        Binding("f5,escape", "leave", show=False),
        Binding("space", "stop", show=False),
        Binding("z", "zoom", show=False),
        Binding("j", "light(1)", show=False),
        Binding("k", "light(-1)", show=False),
        Binding("0", "dark", show=False),
        *(Binding(str(number), f"chapter({number})", show=False) for number in range(1, 10)),
        *(Binding(pane.key, f"show('{pane.name}')", show=False) for pane in PANES),
    ]

    def __init__(self, app: "RaftApp") -> None:
        super().__init__()
        self._raft = app
        self._stops = app.stops
        self._boxes = {name: Box(name) for name in BoxPlaces._fields}
        self._pane = "log"
        self._is_lit = False
        self._is_zoomed = False
        self._band = LEAST_BAND

    def compose(self) -> ComposeResult:
        """Every box."""
        yield from self._boxes.values()

    def on_mount(self) -> None:
        """Captions are waited for from now on; the screen does not stop by itself."""
        self._raft.stops = False
        self._raft.start_presenting()
        self._raft.paint()

    def on_resize(self, _: events.Resize) -> None:
        """Everything moves to its new place."""
        self._raft.paint()

    # ---- painting

    def show(self, scene: Scene) -> None:
        """Show a moment."""
        app, deck = self._raft, self._raft.deck
        width, height = self.size
        deck.nodes = len(scene.view.snapshot.nodes)
        if width < 20 or height < 8:
            return
        reel = app.reel
        shown = reel.captions[reel.at].paragraphs if reel.captions else (sentence(scene).now,)
        if app.player is not None and not reel.is_past and app.player.tells_effects:
            shown = app.player.comments
        most = max(LEAST_BAND, height // 3)
        text = large_lines(shown, width, most, deck.glyphs)
        self._band = max(self._band, LEAST_BAND, len(text)) if reel.captions else LEAST_BAND
        self._band = min(self._band, most)
        where = places_of(width, height, self._band, zoomed=self._is_zoomed)
        lit = deck.selected if self._is_lit else NONE
        seen = replace(scene, selected=lit, spotlight=lit)
        lines: dict[str, tuple[Pieces, ...]] = {"head": (self._head(scene, width),), "band": tuple(text)}
        if where.stage.height:
            lines["stage"] = paint(seen, where.stage.width, where.stage.height, deck.glyphs)
        lines["rule"] = ((Piece(deck.glyphs.rule * width, "line"),),)
        lines["side"] = ((Piece(deck.glyphs.bar, "line"),),) * where.side.height
        if where.pane.height:
            context = deck.context(self._pane, where.pane)
            lines["pane"] = deck.panes[self._pane].window(scene.view, context).lines
            title = (Piece(f" {self._pane.upper()} ", "title bold"),)
            lines["title"] = (fit((Piece(deck.glyphs.rule, "line"), *title), where.title.width),)
        for name, box in self._boxes.items():
            box.place(getattr(where, name))
            box.put(lines.get(name, ()))

    def _head(self, scene: Scene, width: int) -> Pieces:
        """Return the chapter and the number of captions, without a script who leads; and what stands still."""
        glyphs, reel = self._raft.deck.glyphs, self._raft.reel
        chapter = reel.captions[reel.at].chapter if reel.captions else ""
        left: Pieces = (Piece(f" {visible(chapter)}", "title bold"),)
        if not reel.captions:
            left = leaders_line(scene.view, width - 8, glyphs)
        if scene.view.breach is not None:
            left = (Piece(f" {glyphs.bad} {scene.view.breach.invariant} is violated ", "bad badge"),)
        signs = []
        if scene.view.rewound or reel.is_past:
            signs.append(Piece(f" {glyphs.past} ", "past bold"))
        if self.is_held:
            signs.append(Piece(f" {glyphs.paused} ", "paused badge"))
        count = f" {reel.at + 1}/{len(reel.captions)} " if reel.captions else ""
        return spread(left, (*signs, Piece(count, "dim")), width)

    @property
    def is_held(self) -> bool:
        """Return whether the speaker stopped time."""
        playhead, view = self._raft.playhead, self._raft.seen
        is_paused = view.snapshot.paused and self._raft.player is None and not view.rewound
        return is_paused or (playhead is not None and playhead.held)

    # ---- keys

    def action_forward(self) -> None:
        """Show the next caption."""
        self._raft.reel.forward()
        self._raft.paint()

    def action_back(self) -> None:
        """Show the caption before, at its moment."""
        self._raft.reel.back()
        self._raft.paint()

    def action_chapter(self, number: int) -> None:
        """Go to a chapter."""
        self._raft.reel.go_to_chapter(number)
        self._raft.paint()

    def action_stop(self) -> None:
        """Stop time in the middle of whatever is under way, or let it go on."""
        app, playhead = self._raft, self._raft.playhead
        if app.player is not None and not app.player.ended and playhead is not None and not app.seen.rewound:
            playhead.hold(not playhead.held)
        else:
            app.action_key("space")
        app.paint()

    def action_black(self) -> None:
        """Show nothing."""
        self.app.push_screen(Black())

    def action_leave(self) -> None:
        """Go back to the ordinary screen, at the same moment."""
        self._raft.stops = self._stops
        self._raft.stop_presenting()
        self.dismiss()
        self._raft.call_later(self._raft.repaint, None)

    def action_zoom(self) -> None:
        """Give the pane the whole screen, or give it back."""
        self._is_zoomed = not self._is_zoomed
        self._raft.paint()

    def action_show(self, pane: str) -> None:
        """Show another pane beside the stage."""
        self._pane = pane
        self._is_zoomed = self._is_zoomed or self.size.width < BESIDE
        self._raft.paint()

    def action_light(self, by: int) -> None:
        """Light the next node, or the one before; the others are dimmed."""
        deck = self._raft.deck
        if self._is_lit:
            deck.select((deck.selected + by) % deck.nodes)
        self._is_lit = True
        self._raft.paint()

    def action_dark(self) -> None:
        """Show all nodes alike."""
        self._is_lit = False
        self._raft.paint()

    def on_box_clicked(self, event: Box.Clicked) -> None:
        """Light the node that was clicked; a click elsewhere shows all alike."""
        event.stop()
        deck, target = self._raft.deck, event.target
        is_node = target is not None and target[0] == "node"
        if is_node and target is not None and not (self._is_lit and deck.selected == target[1]):
            deck.select(target[1])
            self._is_lit = True
        else:
            self._is_lit = False
        self._raft.paint()

    def on_box_scrolled(self, event: Box.Scrolled) -> None:
        """Nothing is scrolled here."""
        event.stop()


def chapter_sheet(app: "RaftApp") -> Sheet:
    """Return the list of chapters; a digit goes to one."""
    reel = app.reel

    def lines(width: int) -> list[Pieces]:
        found: list[Pieces] = [(Piece("Chapters", "title bold"),), ()]
        here = max((at for at, one in enumerate(reel.chapters) if one.caption <= reel.at), default=NONE)
        for at, chapter in enumerate(reel.chapters):
            sign = app.deck.glyphs.marker if at == here else " "
            for row in wrapped(visible(chapter.title), width - 6):
                found.append((Piece(f"{sign} {at + 1:>2}  ", "key bold"), Piece(row, "text")))
        return found

    return ChapterSheet(app, lines)


class ChapterSheet(Sheet):
    """The chapters of the script that is played."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(str(number), f"go({number})", show=False) for number in range(1, 10)),
    ]

    def __init__(self, app: "RaftApp", make: Callable[[int], list[Pieces]]) -> None:
        super().__init__(make)
        self._raft = app

    def action_go(self, number: int) -> None:
        """Go to a chapter."""
        self.dismiss()
        self._raft.reel.go_to_chapter(number)
