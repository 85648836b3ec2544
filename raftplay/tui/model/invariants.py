"""The invariants: what is watched, and the one that broke."""

from raftplay.past.view import View
from raftplay.tui.model.context import Context
from raftplay.tui.model.glyphs import plain
from raftplay.tui.model.lines import Piece, Pieces, Window, fit, pad, windowed, wrapped
from raftplay.tui.model.pane import Pane
from raftplay.watch.invariants import INVARIANTS
from raftplay.watch.text import visible


def invariants(view: View, context: Context) -> Window:
    """Every invariant with whether it holds; two columns of names where statements do not fit."""
    lines: list[Pieces] = []
    if view.breach is not None:
        lines += breach_lines(view, context.width, context)
    if len(lines) + len(INVARIANTS) > context.height and context.width >= 48:
        half = (len(INVARIANTS) + 1) // 2
        share = context.width // 2
        for at in range(half):
            pair = [INVARIANTS[i].name for i in (at, at + half) if i < len(INVARIANTS)]
            cells = [p for name in pair for p in fit(_name(view, name, share, context), share)]
            lines.append(fit(cells, context.width))
    else:
        wide = max(len(i.name) for i in INVARIANTS) + 3
        for invariant in INVARIANTS:
            statement = plain(invariant.statement) if context.glyphs.ascii else invariant.statement
            line = (*_name(view, invariant.name, wide, context), Piece(f" {statement}", "dim"))
            lines.append(fit(line, context.width) if context.width > wide + 20 else fit(line[:2], context.width))
    return windowed(lines, context.height, context.scroll)


def breach_lines(view: View, width: int, context: Context) -> list[Pieces]:
    """Describe a violation: its name, the two facts that contradict each other, the event."""
    breach = view.breach
    assert breach is not None
    one, other = breach.facts
    where = f"at {breach.time:.3f} s, event {breach.seq}: {breach.who}{breach.event}"
    lines = [fit((Piece(f"{context.glyphs.bad} {breach.invariant} is broken", "bad bold"),), width)]
    statement = next((i.statement for i in INVARIANTS if i.name == breach.invariant), "")
    for text, style in ((statement, "dim"), (one, "text"), (f"but {other}", "text"), (where, "warn")):
        for row in wrapped(visible(plain(text) if context.glyphs.ascii else text), width - 2):
            lines.append(fit((Piece(f"  {row}", style),), width))
    return lines


def _name(view: View, name: str, width: int, context: Context) -> Pieces:
    if view.breach is not None and view.breach.invariant == name:
        return (Piece(f"{context.glyphs.bad} ", "bad bold"), Piece(pad(name, width - 2), "bad bold"))
    if name not in context.watched:
        return (Piece("  ", "dim"), Piece(pad(f"{name} (not watched)", width - 2), "faint"))
    return (Piece(f"{context.glyphs.ok} ", "ok"), Piece(pad(name, width - 2), "text"))


class InvariantsPane(Pane):
    """The invariants, and the one that broke."""

    name = "invariants"
    key = "i"
    help = "show the invariants"

    def window(self, view: View, context: Context) -> Window:
        """Return the invariants in sight."""
        return invariants(view, context)
