"""The screen on which two branches are compared: its keys move both, and leaving it returns to where one was."""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, ClassVar, cast

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from raftplay.session.branches import Branch, Mark
from raftplay.session.session import Session
from raftplay.tui.boxes import Box, box_of
from raftplay.tui.keys import COMPARE_KEYS
from raftplay.tui.model.glyphs import Glyphs, plain
from raftplay.tui.model.help import compare_help
from raftplay.tui.model.lines import Piece, Pieces, fit
from raftplay.tui.sheet import ClosesOnce, HoldsTime, Sheet, answer_sheet
from raftplay.tui.stage.comparison import paint_pair, shows_both
from raftplay.tui.stage.pair import Pair, Side
from raftplay.tui.stage.tape import tape_of
from raftplay.watch.text import visible

if TYPE_CHECKING:
    from raftplay.tui.app import RaftApp

Names = tuple[str, str]
"""The names of the two branches."""


def pairs_of(session: Session) -> list[Names]:
    """Return the pairs of branches that can be compared: the current one and another, its parent first."""
    here, order = session.branch, list(session.branches)

    def nearness(branch: Branch) -> tuple[bool, bool, int]:
        return branch.name != here.parent, branch.parent != here.name, -order.index(branch.name)

    others = [b for b in session.branches.values() if b is not here and b.harness.n == here.harness.n]
    others.sort(key=nearness)
    both = [(here.name, other.name) for other in others]
    return [(one, other) if order.index(one) < order.index(other) else (other, one) for one, other in both]


def named_in(line: str, session: Session) -> Names | None:
    """Return the branches that the line `diff main b1` or `diff b1` compares; None if it is another, or wrong."""
    command, *names = line.split() or [""]
    if command != "diff" or not 1 <= len(names) <= 2:
        return None
    one, other = (session.branch.name, *names)[-2:]
    branches: Mapping[str, Branch] = session.branches
    if one == other or not {one, other} <= branches.keys():
        return None
    return (one, other) if branches[one].harness.n == branches[other].harness.n else None


def compare(app: "RaftApp", names: Names) -> None:
    """Compare two branches of the app's session; time stands still until that is left."""
    app.driver.session.harness.steer(0.0)  # what is compared is read after that
    app.push_screen(Comparing(app.driver.session, names, app.deck.glyphs, app.deck.selected))
    app.stillness.keep(app)


class StillSheet(Sheet, HoldsTime):
    """A sheet over the comparison; time stands still while it is read."""


class Comparing(ModalScreen[None], ClosesOnce, HoldsTime):
    """Two branches at one moment, and what differs."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(key.key, key.action, show=False) for key in COMPARE_KEYS),
        Binding("q,ctrl+c", "dismiss", show=False),
        Binding("ctrl+s", "app.picture", show=False),
        *(Binding(str(digit), f"select({digit})", show=False) for digit in range(10)),
    ]

    def __init__(self, session: Session, names: Names, glyphs: Glyphs, selected: int) -> None:
        super().__init__()
        self.glyphs = glyphs
        self.session = session
        self._selected = selected
        self._front = 1
        self._names = names
        self._causes: list[str] = []
        self.pair = self._pair(names)

    def _pair(self, names: Names) -> Pair:
        branches = [self.session.named(name) for name in names]
        self._causes = [f"in {b.name}, {visible(text)}" for b in branches if (text := first_deed(b))]
        one, other = (side_of(self.session, branch) for branch in branches)
        roots = {root_of(self.session, branch) for branch in branches}
        return Pair(one, other, are_related=len(roots) == 1)

    def compose(self) -> ComposeResult:
        """The one box."""
        yield Box("comparison")

    def on_mount(self) -> None:
        """Show the moment to begin with."""
        self.paint()

    def on_resize(self, event: events.Resize) -> None:
        """Everything moves to its new place."""
        self.paint()

    def paint(self) -> None:
        """Show the moment."""
        width, height = self.app.size
        box = box_of(self)
        if box is None:
            return
        box.place((0, 0, width, height))
        lines = paint_pair(
            self.pair,
            width,
            height - 1,
            self.glyphs,
            selected=self._selected,
            front=self._front,
            cause="; ".join(self._causes),
        )
        shown = (*lines, self._keys(width))
        if self.glyphs.ascii:
            shown = tuple(tuple(piece._replace(text=plain(piece.text)) for piece in line) for line in shown)
        box.put(shown)

    def _keys(self, width: int) -> Pieces:
        """Return the keys worth knowing, as many as there is room for; each can be clicked."""
        idle = {"tab"} if shows_both(width, self.app.size.height - 1) else set()
        idle |= {"D"} if len(pairs_of(self.session)) < 2 else set()
        pieces: list[Piece] = []
        for at, key in sorted(enumerate(COMPARE_KEYS), key=lambda found: found[1].rank):
            if key.rank == 9 or key.key in idle:
                continue
            target = ("key", at)
            pieces += [Piece(f" [{key.shown}]", "key bold bar", target), Piece(f" {key.word} ", "dim bar", target)]
            if sum(len(piece.text) for piece in pieces) > width:
                del pieces[-2:]
                break
        return fit(pieces, width, "bar")

    def on_box_clicked(self, event: Box.Clicked) -> None:
        """A moment, a node, a branch's name or a key was clicked."""
        event.stop()
        match event.target:
            case ("moment", step):
                self.pair.go(step)
            case ("node", id):
                self._selected = id
            case ("side", side):
                self._front = side
            case ("key", at):
                self.call_later(self.run_action, COMPARE_KEYS[at].action)
        self.paint()

    def on_box_scrolled(self, event: Box.Scrolled) -> None:
        """The wheel moves in time."""
        event.stop()
        self.action_move(1 if event.lines > 0 else -1)

    def action_move(self, by: int) -> None:
        """Go on by some events of either branch, or back."""
        self.pair.move(by)
        self.paint()

    def action_mark(self, by: int) -> None:
        """Go to the next mark on either tape, or to the one before."""
        self.pair.mark(by)
        self.paint()

    def action_part(self) -> None:
        """Go to where the two part."""
        self.pair.part()
        self.paint()

    def action_end(self) -> None:
        """Go to the end of the longer branch."""
        self.pair.go(len(self.pair.steps) - 1)
        self.paint()

    def action_turn(self) -> None:
        """Show the other branch's stage, where there is room for one."""
        self._front = 1 - self._front
        self.paint()

    def action_select(self, node: int) -> None:
        """Select a node in both branches."""
        self._selected = min(node, self.session.harness.n - 1)
        self.paint()

    def action_next(self) -> None:
        """Compare with the next branch."""
        pairs = pairs_of(self.session)
        if pairs:
            at = pairs.index(self._names) if self._names in pairs else -1
            self._names = pairs[(at + 1) % len(pairs)]
            self.pair = self._pair(self._names)
            self.paint()

    def action_text(self) -> None:
        """Show the answer of `diff`."""
        self.run_worker(self._tell(), exclusive=True)

    async def _tell(self) -> None:
        line = f"diff {' '.join(self._names)}"
        outcomes = await asyncio.wrap_future(cast("RaftApp", self.app).driver.run(line))
        if outcomes and self.is_current:
            answer = outcomes[-1].answer
            self.app.push_screen(StillSheet(partial(answer_sheet, answer), answer, line))

    def action_help(self) -> None:
        """The keys."""
        self.app.push_screen(
            StillSheet(lambda width: compare_help(width, self.glyphs), title="comparing branches")
        )

    def on_sheet_copied(self, event: Sheet.Copied) -> None:
        """Copy all of a sheet."""
        cast("RaftApp", self.app).copy(event.text)


def side_of(session: Session, branch: Branch) -> Side:
    """Return a branch as one side of a comparison, as far as it has come."""
    with branch.harness.lock:
        records, end, breach = branch.history.records(), branch.harness.now, branch.harness.breach
    return Side(
        branch.name,
        records,
        end,
        tape_of(records, breach),
        lambda seq, time: session.view_of(branch, Mark(seq, time)),
    )


def root_of(session: Session, branch: Branch) -> str:
    """Return the name of the branch with which the cluster of `branch` began."""
    while branch.parent in session.branches:
        branch = session.branches[branch.parent]
    return branch.parent or branch.name


def first_deed(branch: Branch) -> str:
    """Return the first command that acted in a branch after it began, "" if it is the first branch or none did."""
    if not branch.parent:
        return ""
    deeds = (
        entry.bound.text
        for entry in branch.journal
        if entry.bound is not None and entry.bound.effect == "acts" and entry.start.seq >= branch.since.seq
    )
    return next(deeds, "")
