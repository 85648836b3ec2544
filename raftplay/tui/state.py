"""The deck: what is selected, scrolled and shown where; and from that and a view, the lines of every box.

No textual here: the app hands events in and places what comes out.
"""

from dataclasses import dataclass, field, replace

from raftplay.language.completion import Hint
from raftplay.output import forced
from raftplay.past.view import View
from raftplay.session.outcome import Outcome
from raftplay.tui.model import foot, nodes, status
from raftplay.tui.model.context import KINDS, Context, Filter
from raftplay.tui.model.glyphs import UNICODE, Glyphs
from raftplay.tui.model.layout import Layout, Region, Slot, is_too_small, layout
from raftplay.tui.model.lines import Line, Target, Window
from raftplay.tui.model.pane import Pane, RowAction
from raftplay.tui.model.panes import NAMES, PANES

MOST_CAPTION = 6


@dataclass(slots=True)
class ScreenState:
    """The state of the screen besides the cluster."""

    width: int = 80
    height: int = 24
    glyphs: Glyphs = UNICODE
    watched: tuple[str, ...] = ()
    nodes: int = 5
    selected: int = 0
    pane: str = "events"
    zoomed: bool = False
    filter: Filter = field(default_factory=Filter)
    outcome: Outcome | None = None
    busy: str | None = None
    waiting: tuple[str, ...] = ()
    """The lines that come behind the one under way."""

    is_answered: bool = False
    """True if `outcome` came while the same line was under way."""

    is_typing: bool = False
    hint: tuple[Hint | None, tuple[str, ...]] = (None, ())
    """The explanation of what is being typed, and what may come next."""

    comments: tuple[str, ...] = ()
    place: str = ""
    plays: bool = False
    """True while a script is played, which space pauses and `g` moves on."""

    shown: dict[tuple[str, ...], str] = field(default_factory=dict)
    scrolls: dict[str, int] = field(default_factory=dict)
    rows: dict[str, Target] = field(default_factory=dict)
    tops: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    """(first line, lines seen, lines in all) of each pane as it was last shown."""

    panes: dict[str, Pane] = field(default_factory=lambda: {pane.name: pane() for pane in PANES})

    # ---- where things are

    @property
    def fits(self) -> bool:
        """Return whether there is room for anything."""
        return not is_too_small(self.width, self.height)

    def layout(self) -> Layout:
        """Return the layout of now."""
        caption = 0
        if self.place:
            caption = min(MOST_CAPTION, foot.caption_height(self.comments, self.place, self.width))
        return layout(
            self.width, self.height, self.nodes, caption=caption, zoomed=self.pane if self.zoomed else None
        )

    def shown_in(self, slot: Slot) -> str:
        """The pane that is seen in a slot."""
        if self.zoomed:
            return self.pane
        if self.pane in slot.panes:
            self.shown[slot.panes] = self.pane
        return self.shown.get(slot.panes, slot.panes[0])

    def body(self, slot: Slot) -> Region:
        """Return where the lines of a slot's pane are: below its names."""
        x, y, width, height = slot.region
        return Region(x, y + 1, width, height - 1)

    def places(self) -> dict[str, Region]:
        """Return where each visible pane is."""
        return {self.shown_in(slot): self.body(slot) for slot in self.layout().slots}

    def boxes(self, columns: int) -> dict[str, Region]:
        """Return where each box is, by its name: panes by theirs, "title0" … for the names above them.

        `columns`: those of the terminal.
        """
        where = self.layout()
        places = {
            "status": where.status,
            "nodes": where.nodes_region,
            "caption": where.caption,
            "answer": where.answer,
            "keys": where.keys,
        }
        for at, slot in enumerate(where.slots):
            x, y, width, height = slot.region
            width += int(x + width < columns)  # the column between two slots is the left one's to fill
            places[f"title{at}"] = Region(x, y, width, 1)
            places[self.shown_in(slot)] = Region(x, y + 1, width, height - 1)
        return places

    # ---- what a person does

    def show(self, pane: str) -> None:
        """Bring a pane to the front, and let keys act on it."""
        if pane in NAMES:
            self.pane = pane

    def next_pane(self, by: int) -> None:
        """Give the keys to the next visible pane or, after the last one, to a hidden one."""
        self.pane = NAMES[(NAMES.index(self.pane) + by) % len(NAMES)]

    def select(self, node: int) -> None:
        """Select a node, if there is one of that number."""
        if 0 <= node < self.nodes:
            self.selected = node

    def scroll(self, pane: str, lines: int) -> None:
        """Scroll a pane; towards its end if `lines` is positive."""
        _, height, total = self.tops.get(pane, (0, 0, 0))
        most = max(0, total - height)
        if self.panes[pane].follows_end:
            lines = -lines
        self.scrolls[pane] = max(0, min(most, self.scrolls.get(pane, 0) + lines))

    def move(self, view: View, by: int) -> None:
        """Select the row above or below; where rows cannot be selected, scroll."""
        context = self.context(self.pane)
        row = self.panes[self.pane].neighbour(view, context, by if context.row else 0)
        if row is None:
            self.scroll(self.pane, by)
            return
        self.rows[self.pane] = row.target
        if row.below is not None:
            height = max(1, self.tops.get(self.pane, (0, 10, 0))[1])
            self.scrolls[self.pane] = min(max(context.scroll, row.below - height + 1), row.below)

    def click(self, view: View, target: Target) -> RowAction:
        """Select a row, in whichever pane has rows of its kind; return what else is to be done."""
        for name, pane in self.panes.items():
            if target is not None and target[0] == pane.row:
                again = self.rows.get(name) == target
                self.rows[name] = target
                return pane.clicked(view, target, again=again)
        return None

    def open(self, view: View) -> RowAction:
        """Return what Enter does on the selected row."""
        return self.panes[self.pane].opened(view, self.context(self.pane))

    def leave(self) -> bool:
        """Give up what is selected or scrolled in the pane; whether there was anything."""
        if self.rows.get(self.pane) is not None or self.scrolls.get(self.pane):
            self.rows[self.pane] = None
            self.scrolls[self.pane] = 0
            return True
        if self.zoomed:
            self.zoomed = False
            return True
        return False

    def filter_kind(self) -> None:
        """List the next kind of events."""
        kinds = list(KINDS)
        kind = kinds[(kinds.index(self.filter.kind) + 1) % len(kinds)]
        self.filter = replace(self.filter, kind=kind)
        self.scrolls["events"] = 0

    def filter_node(self) -> None:
        """List events of the selected node only, or of all."""
        self.filter = replace(self.filter, node=None if self.filter.node is not None else self.selected)
        self.scrolls["events"] = 0

    # ---- what is seen

    def context(self, pane: str, region: Region | None = None) -> Context:
        """Return the context of a pane."""
        region = region or self.places().get(pane, Region(0, 0, self.width, 10))
        return Context(
            region.width,
            region.height,
            selected=min(self.selected, self.nodes - 1),
            row=self.rows.get(pane),
            scroll=self.scrolls.get(pane, 0),
            glyphs=self.glyphs,
            filter=self.filter,
            watched=self.watched,
            focused=pane == self.pane,
        )

    def frame(self, view: View) -> dict[str, tuple[Line, ...]]:
        """The lines of every box, by its name: panes by theirs, "title0" … for the names above them."""
        self.nodes = len(view.snapshot.nodes)
        if not self.fits:
            return {"status": (foot.too_small(self.width, self.height),)}
        where = self.layout()
        out: dict[str, tuple[Line, ...]] = {}
        out["status"] = (status.status_line(view, self.context("", where.status)),)
        show = {"panels": nodes.panels, "rows": nodes.rows, "chips": nodes.chips}[where.nodes]
        out["nodes"] = show(view, self.context("", where.nodes_region)).lines
        for at, slot in enumerate(where.slots):
            pane = self.shown_in(slot)
            region = self.body(slot)
            window = self.panes[pane].window(view, self.context(pane, region))
            out[pane] = window.lines
            self.tops[pane] = (window.top, max(1, region.height - self.panes[pane].heading), window.total)
            title = self.context(pane, Region(0, 0, slot.region.width, 1))
            out[f"title{at}"] = (
                foot.title_line(slot.panes, pane, self.pane, self._note(pane, window), view, title),
            )
        if where.caption.height:
            out["caption"] = tuple(foot.caption_lines(self.comments, self.place, self.context("", where.caption)))
        answer = self.context("", where.answer)
        if self.is_typing and (hint := foot.hint_lines(*self.hint, answer)):
            out["answer"] = tuple(hint)
        else:
            told = self.outcome if self.busy is None or self.is_answered else None
            out["answer"] = tuple(foot.answer_lines(told, self.busy, answer, self.waiting))
        out["keys"] = (
            foot.keys_line(view, self.context("", where.keys), plays=self.plays, is_typing=self.is_typing),
        )
        if self.glyphs.ascii:
            return {name: tuple(_in_ascii(line) for line in lines) for name, lines in out.items()}
        return out

    def copied_text(self, view: View) -> str:
        """Return the text of the pane's selected row, or else of all that the pane shows."""
        return self.panes[self.pane].copied(view, self.context(self.pane))

    def _note(self, pane: str, window: Window) -> str:
        """Return the right end of the line of names: a filter, and how far the pane is scrolled."""
        notes = self.panes[pane].notes(self.context(pane))
        if self.scrolls.get(pane):
            notes.append(f"from {window.top} of {window.total}")
        elif not self.panes[pane].follows_end and window.total > len(window.lines):
            notes.append(f"{len(window.lines)} of {window.total}")
        return ", ".join(notes)


def _in_ascii(line: Line) -> Line:
    return tuple(piece._replace(text=forced(piece.text)) for piece in line)
