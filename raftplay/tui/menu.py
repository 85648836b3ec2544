"""The menu over the stage: opened by Enter, by the right mouse button or a second click; time is held meanwhile.

`tui/model/menu.py` says what a menu offers; here it is shown beside what it is about, chosen from, and closed.
"""

from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen

from raftplay.cluster.harness import Harness
from raftplay.tui.boxes import Box, box_of
from raftplay.tui.keys import MENU_KEYS
from raftplay.tui.model import diagram
from raftplay.tui.model.lines import ClickTarget, Piece, Pieces, columns, cut, fit, link_of
from raftplay.tui.model.menu import (
    Item,
    Menu,
    acting_node,
    cut_menu,
    dragged_line,
    link_menu,
    message_menu,
    node_menu,
    place_of,
)
from raftplay.tui.model.timeline import Arrow
from raftplay.tui.sheet import ClosesOnce, HoldsTime
from raftplay.tui.stage.places import Area
from raftplay.tui.stage.scene import Moving
from raftplay.watch.text import visible

if TYPE_CHECKING:
    from raftplay.tui.app import RaftApp

WIDEST = 56
"""The most columns of a menu."""

RIGHT = 3
"""The number of the right mouse button."""


class MenuScreen(ModalScreen[None], ClosesOnce, HoldsTime):
    """Shows a menu beside `area`; what is chosen is sent to the app as `ItemChosen`."""

    CSS = """
    MenuScreen { align: left top; background: $background 0%; }
    MenuScreen Box { position: absolute; border: round $primary; background: $background; }
    """
    BINDINGS: ClassVar = [
        Binding("up", "move(-1)", show=False),
        Binding("down", "move(1)", show=False),
        Binding("home", "move(-1000)", show=False),
        Binding("end", "move(1000)", show=False),
        Binding("enter", "choose", show=False),
        Binding("escape,q,ctrl+c", "dismiss", show=False),
    ]

    class ItemChosen(Message):
        """An item was chosen."""

        def __init__(self, item: Item) -> None:
            super().__init__()
            self.item = item

    def __init__(self, menu: Menu, area: Area, footer: Box, marker: str) -> None:
        super().__init__()
        self.menu = menu
        self.at = 0
        self._area = area
        self._footer = footer
        self._marker = marker

    def compose(self) -> ComposeResult:
        """Compose the one box."""
        yield Box("menu")

    def on_mount(self) -> None:
        """Show the menu."""
        self.paint()

    def on_resize(self, event: events.Resize) -> None:
        """Keep the menu on the screen."""
        self.paint()

    def action_move(self, by: int) -> None:
        """Select an item above or below; past the end by one: the one at the other end."""
        last = len(self.menu.items) - 1
        at = self.at + by
        self.at = max(0, min(last, at)) if abs(by) > 1 else at % (last + 1)
        self.paint()

    def action_choose(self) -> None:
        """Do what the selected item says."""
        self._choose(self.menu.items[self.at])

    def on_key(self, event: events.Key) -> None:
        """Choose the item of a key."""
        for item in self.menu.items:
            if event.character == item.key:
                event.stop()
                self._choose(item)
                return

    def on_box_clicked(self, event: Box.Clicked) -> None:
        """Choose the item that was clicked."""
        event.stop()
        if event.target is not None:
            self._choose(self.menu.items[event.target[1]])

    def on_click(self, event: events.Click) -> None:
        """Close it at a click beside it; one on the footer is on the key there."""
        x, y, *_ = self._footer.region
        target = self._footer.target_at(event.screen_x - x, event.screen_y - y)
        match target:
            case ("menu key", at) if MENU_KEYS[at].key == "enter":
                self.action_choose()
            case ("menu key", at) if MENU_KEYS[at].key in ("up", "down"):
                self.action_move(-1 if MENU_KEYS[at].key == "up" else 1)
            case _:
                self.dismiss()

    def _choose(self, item: Item) -> None:
        if self.is_current:
            self.dismiss()
            self.app.post_message(self.ItemChosen(item))

    def paint(self) -> None:
        """Show the items, the selected one marked."""
        box = box_of(self)
        if box is None:
            return
        menu = self.menu
        texts = [f" {item.key}  {item.words} " for item in menu.items]
        most = min(WIDEST, self.size.width) - 2
        width = min(most, max(columns(text) + 2 for text in (*texts, menu.title, menu.note)))
        lines: list[Pieces] = []
        for at, (item, text) in enumerate(zip(menu.items, texts, strict=True)):
            ground = " selected" if at == self.at else ""
            mark = self._marker if at == self.at else " "
            key = Piece(f"{mark}{text[:3]}", f"key bold{ground}", ("item", at))
            words = Piece(cut(text[3:], width - 4), f"text{ground}", ("item", at))
            lines.append(fit((key, words), width, ground.strip()))
            assert item.key == text[1]
        if menu.note:
            lines.append(fit((Piece(f"  {cut(menu.note, width - 2)}", "dim"),), width))
        size = width + 2, min(len(lines) + 2, self.size.height)
        x, y = place_of(self._area, size, (self.size.width, self.size.height))
        box.styles.offset = (x, y)
        box.styles.width, box.styles.height = size
        box.border_title = Content(cut(visible(menu.title), width - 4))
        box.put(lines)
        box.refresh()


class Stillness:
    """Lets the time of the cluster stand still for as long as it is wanted, and go on as before."""

    def __init__(self) -> None:
        self._held: Harness | None = None
        self.is_wanted = False

    def keep(self, app: "RaftApp") -> None:
        """Hold the clock, or let it go, as the screen on top wants it."""
        self.is_wanted = isinstance(app.screen, HoldsTime)
        if app.playhead is not None:
            app.playhead.is_still = self.is_wanted
        harness = app.driver.session.harness if self.is_wanted else None
        if self._held is not None and self._held is not harness and app.playhead is None:
            self._held.steer(1.0)
        if harness is not None:
            harness.steer(0.0)
        self._held = harness


def open_by_key(app: "RaftApp") -> None:
    """Open the menu of the selected link or message, or else of the selected node, or of the one that acts."""
    deck, view = app.deck, app.seen
    link = deck.rows.get("network") if deck.is_active and deck.pane == "network" else None
    if link is not None:
        _open(app, link_menu(view, *link_of(link), can_act=can_act(app)), _area_of(app, link, "network"))
        return
    if deck.rows.get("messages") is not None and (message := _message(app, deck.rows["messages"])) is not None:
        _open(app, message_menu(message, view, can_act=can_act(app)), _area_of(app, message.target))
        return
    node = deck.selected if deck.has_chosen else acting_node(view, deck.selected)
    _open_node(app, node, _area_of(app, ("node", node)))


def opened_by_mouse(app: "RaftApp", event: Box.Clicked) -> bool:
    """Open the menu of what was clicked with the right button, or once more; return whether there is one."""
    target = event.target
    if event.dragged_from is not None and event.node is not None:
        app.do(dragged_line(app.seen, event.dragged_from, event.node))
        return True
    is_right = event.button == RIGHT
    if is_right and event.node is not None and (target is None or target[0] == "entry"):
        target = ("node", event.node)
    area = (event.at[0] + 1, event.at[1], 0, 1)
    match target:
        case ("node", id) if is_right or (event.on_stage and app.deck.has_chosen and app.deck.selected == id):
            _open_node(app, id, area if is_right else _area_of(app, target))
        case ("message", _) if is_right or (event.on_stage and app.deck.rows.get("messages") == target):
            app.deck.rows["messages"] = target
            message = _message(app, target)
            if message is None:
                return False
            _open(app, message_menu(message, app.seen, can_act=can_act(app)), area)
        case ("link", _):
            _open(app, link_menu(app.seen, *link_of(target), can_act=can_act(app)), area)
        case ("cut", _):
            _open(app, cut_menu(app.seen, app.deck.selected, can_act=can_act(app)), area)
        case _:
            return is_right
    return True


def can_act(app: "RaftApp") -> bool:
    """Return whether commands may act on what is seen: the past of sockets can only be looked at."""
    return not app.seen.rewound or app.driver.session.harness.backend == "sim"


def _open_node(app: "RaftApp", node: int, area: Area) -> None:
    app.deck.selected = min(node, app.deck.nodes - 1)
    _open(app, node_menu(app.seen, node, app.deck.glyphs, can_act=can_act(app)), area)


def _open(app: "RaftApp", menu: Menu, area: Area) -> None:
    if isinstance(app.screen, MenuScreen):
        return
    app.push_screen(MenuScreen(menu, area, app.box("keys"), app.deck.glyphs.marker))
    app.paint()


def _message(app: "RaftApp", target: ClickTarget) -> Arrow | Moving | None:
    """Return the message that is on the stage, or in the diagram."""
    moving = next((message for message in app.shown.moving if message.target == target), None)
    if moving is not None:
        return moving
    return diagram.selected_arrow(app.seen, app.deck.context("messages"))


def _area_of(app: "RaftApp", target: ClickTarget, box: str = "stage") -> Area:
    """Return where `target` is in a box; the middle of the screen if it is not there."""
    where = app.box(box)
    found = where.area_of(target) if where.display else None
    if found is None:
        return app.size.width // 2 - 20, app.size.height // 3, 0, 0
    x, y, *size = found
    return where.region.x + x, where.region.y + y, size[0], size[1]
