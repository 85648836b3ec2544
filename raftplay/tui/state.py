"""The deck: what is selected, scrolled and shown where; and from that and a view, the lines of every box.

No textual here: the app hands events in and places what comes out.
"""

from dataclasses import dataclass, field, replace

from raftplay.language.completion import Hint
from raftplay.output import forced
from raftplay.past.view import View
from raftplay.session.outcome import Outcome
from raftplay.session.session import Session
from raftplay.tui.model import foot, footer, status
from raftplay.tui.model.context import KINDS, Context, Filter
from raftplay.tui.model.events import record_at
from raftplay.tui.model.glyphs import UNICODE, Glyphs
from raftplay.tui.model.layout import Layout, Region, Slot, has_room_beside, is_too_small, layout
from raftplay.tui.model.lines import ClickTarget, Piece, Pieces, Window, text_of
from raftplay.tui.model.menu import acting_node
from raftplay.tui.model.pane import Pane, RowAction
from raftplay.tui.model.panes import NAMES, PANES
from raftplay.tui.stage import tape
from raftplay.tui.stage.scene import Scene, scene_of
from raftplay.tui.stage.sentence import lines as sentence_lines
from raftplay.tui.stage.sentence import sentence
from raftplay.tui.stage.stage import paint
from raftplay.tui.stage.tape import Tape

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
    has_chosen: bool = False
    """True if a person selected a node; else Enter is about the one that acts."""

    is_menu: bool = False
    """True while a menu is open."""

    pane: str = "events"
    drawers: bool | None = None
    """True if drawers are open, None if that follows from the size."""

    has_focus: bool = False
    """True if keys act on `pane`, else on the stage."""

    zoomed: bool = False
    filter: Filter = field(default_factory=Filter)
    outcome: Outcome | None = None
    busy: str | None = None
    waiting: tuple[str, ...] = ()
    """The lines that come behind the one under way."""

    is_answered: bool = False
    """True if `outcome` came while the same line was under way."""

    pace: str = ""
    pace_note: str = ""
    """The pace in words, "" for that of the cluster, and more about it."""

    tapes: dict[str, Tape] = field(default_factory=dict)
    """The tape of each branch, by its name, "" for the only one."""

    branches: dict[str, int] = field(default_factory=dict)
    """The branches by name, each with the event after which it began."""

    earliest: int = 0
    """The first event that is still kept."""

    is_picture: bool = False
    """True while a picture of the screen is made."""

    is_typing: bool = False
    hint: tuple[Hint | None, tuple[str, ...]] = (None, ())
    """The explanation of what is being typed, and what may come next."""

    comments: tuple[str, ...] = ()
    place: str = ""
    plays: bool = False
    """True while a script is played, which space pauses and `g` moves on."""

    chapters: dict[int, str] = field(default_factory=dict)
    """The numbers of a script's chapters, by the event before each."""

    marks: dict[int, str] = field(default_factory=dict)
    """The names of moments that `mark` named in the branch that is played, by the event of each."""

    playing: str = ""
    """The state of a script in a word, and how far it is; "" if none is played."""

    entry: int | None = None
    """The index of the entry that was selected last, unless a node or something else was since."""

    shown: dict[tuple[str, ...], str] = field(default_factory=dict)
    scrolls: dict[str, int] = field(default_factory=dict)
    rows: dict[str, ClickTarget] = field(default_factory=dict)
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
        zoomed = self.pane if self.zoomed else None
        return layout(
            self.width,
            self.height,
            self.nodes,
            is_open=self.is_open,
            caption=caption,
            tape=2 + max(0, len(self.branches) - 1),
            zoomed=zoomed,
        )

    @property
    def is_active(self) -> bool:
        """Return whether keys act on a pane that can be seen, not on the stage."""
        return self.zoomed or (self.is_open and self.has_focus)

    @property
    def is_open(self) -> bool:
        """Return whether drawers are open."""
        return has_room_beside(self.width, self.height) if self.drawers is None else self.drawers

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

    def boxes(self) -> dict[str, Region]:
        """Return where each box is, by its name: panes by theirs, "title0" … for the names above them."""
        where = self.layout()
        places = {
            "status": where.status,
            "stage": where.stage,
            "sentence": where.sentence,
            "tape": where.tape,
            "caption": where.caption,
            "answer": where.answer,
            "keys": where.keys,
        }
        places |= {f"rule{at}": rule for at, rule in enumerate(where.rules)}
        places |= {f"side{at}": side for at, side in enumerate(where.sides)}
        for at, slot in enumerate(where.slots):
            x, y, width, height = slot.region
            places[f"title{at}"] = Region(x, y, width, 1)
            places[self.shown_in(slot)] = Region(x, y + 1, width, height - 1)
        return places

    # ---- what a person does

    def show(self, pane: str) -> None:
        """Open a pane, and let keys act on it."""
        if pane in NAMES:
            self.pane, self.has_focus = pane, True
            self.drawers = self.drawers if self.is_open else True

    def toggle(self, pane: str) -> None:
        """Open a pane; close the drawers if it is open and the keys act on it."""
        if self.is_active and self.pane == pane and not self.zoomed:
            self.drawers = self.has_focus = False
        else:
            self.show(pane)

    def next_pane(self, by: int) -> None:
        """Give the keys to the next pane, or to the pane before."""
        self.show(NAMES[(NAMES.index(self.pane) + by) % len(NAMES)])

    def select(self, node: int) -> None:
        """Select a node, if there is one of that number."""
        if 0 <= node < self.nodes:
            self.selected, self.has_chosen, self.entry = node, True, None

    def scroll(self, pane: str, lines: int) -> None:
        """Scroll a pane; towards its end if `lines` is positive."""
        _, height, total = self.tops.get(pane, (0, 0, 0))
        most = max(0, total - height)
        if self.panes[pane].follows_end:
            lines = -lines
        self.scrolls[pane] = max(0, min(most, self.scrolls.get(pane, 0) + lines))

    def move(self, view: View, by: int) -> None:
        """Select the row above or below; where rows cannot be selected, scroll; without drawers, select a node."""
        if not self.is_active:
            self.select((self.selected + by) % self.nodes)
            return
        context = self.context(self.pane)
        row = self.panes[self.pane].neighbour(view, context, by if context.row else 0)
        if row is None:
            self.scroll(self.pane, by)
            return
        self._choose(self.pane, row.target, view)
        if row.below is not None:
            foot = self.panes[self.pane].foot(view, self.context(self.pane))
            height = max(1, self.tops.get(self.pane, (0, 10, 0))[1] - foot)
            self.scrolls[self.pane] = min(max(context.scroll, row.below - height + 1), row.below)

    def _choose(self, pane: str, target: ClickTarget, view: View) -> None:
        """Select a row of a pane; with an event its node, which the stage marks."""
        self.rows[pane] = target
        self.entry = target[1] if target is not None and target[0] == "entry" else None
        record = record_at(view, target)
        if record is not None:
            self.select(record.node)

    def click(self, view: View, target: ClickTarget) -> RowAction:
        """Select a row, in whichever pane has rows of its kind; return what else is to be done."""
        for name, pane in self.panes.items():
            if target is not None and target[0] == pane.row:
                again = self.rows.get(name) == target
                self._choose(name, target, view)
                return pane.clicked(view, target, again=again)
        return None

    @property
    def has_row(self) -> bool:
        """Return whether Enter is about the selected row of a pane; else it opens a menu."""
        return self.is_active and self.rows.get(self.pane) is not None

    def open(self, view: View) -> RowAction:
        """Return what Enter does on the selected row."""
        return self.panes[self.pane].opened(view, self.context(self.pane))

    def leave(self) -> bool:
        """Give up what is selected or scrolled in the pane, or close it; whether there was anything."""
        if self.entry is not None:
            self.entry = self.rows["log"] = None
            return True
        if self.rows.get(self.pane) is not None or self.scrolls.get(self.pane):
            self.rows[self.pane] = None
            self.scrolls[self.pane] = 0
            return True
        if self.zoomed:
            self.zoomed = False
            return True
        if self.is_open and not has_room_beside(self.width, self.height):
            self.drawers = self.has_focus = False
            return True
        had_focus, self.has_focus = self.has_focus, False
        return had_focus

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

    def situation(self, view: View) -> footer.Situation:
        """Return what the footer depends on."""
        node = self.selected if self.has_chosen else acting_node(view, self.selected)
        pane = self.pane if self.is_active else ""
        about = "message" if not pane and self.rows.get("messages") else f"n{node}"
        waits = self.playing.startswith("WAITING")
        return footer.Situation(about, pane, self.has_row, self.plays, waits, self.is_typing, self.is_menu)

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
            focused=self.is_active and pane == self.pane,
            is_whole=self.zoomed,
            entry=self.entry,
            event=row[1] if (row := self.rows.get("events")) is not None else None,
        )

    def frame(self, scene: Scene | View) -> dict[str, tuple[Pieces, ...]]:
        """Return the lines of every box that can be seen."""
        if isinstance(scene, View):
            scene = scene_of(scene, self.selected)
        self.nodes = len(scene.view.snapshot.nodes)
        self.selected = min(self.selected, self.nodes - 1)  # another cluster may have fewer
        if not self.fits:
            return {"status": (foot.too_small(self.width, self.height),)}
        view, where, glyphs = scene.view, self.layout(), self.glyphs
        head = self.context("", where.status)
        bar = status.status_line(view, head, self.pace, self.pace_note, self.playing, is_picture=self.is_picture)
        out: dict[str, tuple[Pieces, ...]] = {"status": (bar,)}
        if where.stage.height:
            out["stage"] = paint(scene, where.stage.width, where.stage.height, glyphs)
        out["sentence"] = sentence_lines(sentence(scene), where.sentence.width, where.sentence.height, glyphs)
        out["tape"] = self._tape(view, where.tape)
        for at, rule in enumerate(where.rules):
            joints = {side.x for side in where.sides}
            joint = glyphs.joints[at]
            text = "".join(joint if x in joints else glyphs.rule for x in range(rule.width))
            out[f"rule{at}"] = ((Piece(text, "line"),),)
        for at, side in enumerate(where.sides):
            out[f"side{at}"] = ((Piece(glyphs.bar, "line"),),) * side.height
        for at, slot in enumerate(where.slots):
            pane, region = self.shown_in(slot), self.body(slot)
            window = self.panes[pane].window(view, self.context(pane, region))
            out[pane] = window.lines
            seen = window.rows or max(1, region.height - self.panes[pane].heading)
            self.tops[pane] = (window.top, seen, window.total)
            title = self.context(pane, Region(0, 0, slot.region.width, 1))
            out[f"title{at}"] = (foot.title_line(slot.panes, pane, self._note(pane, window), view, title),)
        if where.caption.height:
            out["caption"] = tuple(foot.caption_lines(self.comments, self.place, self.context("", where.caption)))
        answer = self.context("", where.answer)
        if self.is_typing and (hint := foot.hint_lines(*self.hint, answer)):
            out["answer"] = tuple(hint)
        else:
            told = self.outcome if self.busy is None or self.is_answered else None
            out["answer"] = tuple(foot.answer_lines(told, self.busy, answer, self.waiting))
        out["keys"] = (footer.footer(view, self.context("", where.keys), self.situation(view)),)
        if self.glyphs.ascii:
            return {name: tuple(_in_ascii(line) for line in lines) for name, lines in out.items()}
        return out

    def _tape(self, view: View, region: Region) -> tuple[Pieces, ...]:
        """Return the history of the branch that is played, and of the others."""
        main = self.tape(view.branch)
        if not view.rewound:
            main.read(view.records, view.breach)
        others = [
            tape.TapeRow(name, self.tape(name), since)
            for name, since in self.branches.items()
            if name != view.branch
        ]
        return tape.draw(
            [tape.TapeRow(view.branch, main), *others],
            region.width,
            region.height,
            self.glyphs,
            at=view.records[-1].seq if view.rewound and view.records else None,
            time=view.snapshot.time,
            earliest=self.earliest,
            labels={**{seq: f"#{number}" for seq, number in self.chapters.items()}, **self.marks},
        )

    def tape(self, branch: str) -> Tape:
        """Return the tape of a branch; the only one gets its name when there is another."""
        if branch not in self.tapes:
            self.tapes[branch] = self.tapes.pop("", Tape())
        return self.tapes[branch]

    def read_tapes(self, session: Session, view: View) -> None:
        """Name the branches of a session; read on those tapes that another look does not read."""
        self.earliest = session.history.earliest
        self.marks = {moment.seq: f"@{name}" for name, moment in session.branch.marks.items()}
        self.branches = {b.name: b.since.seq for b in session.branches.values()} if view.branch else {}
        for name, branch in session.branches.items() if view.rewound or view.branch else ():
            if (name if view.branch else "") != view.branch or view.rewound:
                tape = self.tape(name if view.branch else "")
                if tape.last_seq < branch.history.last_seq:
                    with branch.harness.lock:
                        tape.read(branch.history.records())

    def copied_text(self, view: View) -> str:
        """Return the text of the pane's selected row, or else of all that the pane, or the stage, shows."""
        if not self.is_active:
            frame = self.frame(view)
            lines = (line for name in ("status", "stage", "sentence") for line in frame.get(name, ()))
            return "\n".join(text_of(line).rstrip() for line in lines)
        return self.panes[self.pane].copied(view, self.context(self.pane))

    def _note(self, pane: str, window: Window) -> str:
        """Return the right end of the line of names: a filter, and how far the pane is scrolled."""
        notes = self.panes[pane].notes(self.context(pane))
        if self.scrolls.get(pane):
            notes.append(f"from {window.top} of {window.total}")
        elif not self.panes[pane].follows_end and window.total > len(window.lines):
            notes.append(f"{len(window.lines)} of {window.total}")
        return ", ".join(notes)


def _in_ascii(line: Pieces) -> Pieces:
    return tuple(piece._replace(text=forced(piece.text)) for piece in line)
