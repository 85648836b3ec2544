"""The foot of the screen: captions of a script and answers; and the lines that name panes."""

from collections.abc import Sequence
from dataclasses import replace

from raftplay.language.completion import Hint
from raftplay.past.view import View
from raftplay.session.outcome import Outcome
from raftplay.session.shown import columns
from raftplay.tui.model.context import Context
from raftplay.tui.model.glyphs import plain
from raftplay.tui.model.lines import Piece, Pieces, cut, fit, width_of, wrapped
from raftplay.tui.model.panes import NAMES
from raftplay.watch.text import visible


def title_line(panes: Sequence[str], shown: str, note: str, view: View, context: Context) -> Pieces:
    """Return the names of the panes of a slot, as many as fit beside the one that is shown; at the end `note`."""
    glyphs = context.glyphs
    pieces: list[Piece] = [Piece(glyphs.rule, "line")]
    before = panes[: panes.index(shown)]
    while before and sum(len(name) + 3 for name in (*before, shown)) >= context.width:
        before = before[1:]
    for name in (*before, *panes[panes.index(shown) :]):
        target = ("pane", NAMES.index(name))
        if name == shown:
            style = "key badge" if context.focused else "title bold"
            pieces.append(Piece(f" {name} ", style, target))
        else:
            pieces.append(Piece(f" {name} ", "dim", target))
        pieces.append(Piece(glyphs.rule, "line"))
    right: list[Piece] = []
    if view.rewound:
        right.append(Piece(f" {glyphs.past} past ", "past badge"))
    if note:
        right.append(Piece(f" {note} ", "dim"))
    left = width_of(tuple(pieces))
    if left + width_of(tuple(right)) + 1 > context.width:
        right = right[:1] if view.rewound else []
    filled = context.width - left - width_of(tuple(right))
    return fit((*pieces, Piece(glyphs.rule * max(0, filled), "line"), *right), context.width)


def answer_lines(
    outcome: Outcome | None, busy: str | None, context: Context, waiting: Sequence[str] = ()
) -> list[Pieces]:
    """The last command and its answer, in as many lines as there are; the whole of it is a key away.

    While a line is `busy`, that and what comes behind it; an `outcome` is one that came meanwhile.
    """
    glyphs = context.glyphs
    if busy is not None:
        under_way = _busy_line(busy, waiting, context)
        if outcome is None or (waiting and context.height == 1):
            return [under_way]
        answer = answer_lines(outcome, None, replace(context, height=max(1, context.height - 1)))
        if context.height > 1:
            return [under_way, *answer]
        tail = Piece(f"  {cut(visible(_ascii(busy, context)), context.width // 3)}: Ctrl+C ends it", "dim")
        return [(*fit(answer[0], context.width - width_of((tail,))), tail)]
    if outcome is None:
        return []
    style = "text" if outcome.held else "bad"
    text = cut(visible(_ascii(outcome.text, context)), context.width // 3)
    command = Piece(f" {glyphs.marker} {text}" if text else "", "dim")
    said = [row for text in outcome.answer.split("\n") for row in [visible(_ascii(text, context))]]
    width = context.width - width_of((command,)) - 3
    first, *rest = wrapped(said[0], max(10, width))
    lines: list[Pieces] = [(command, Piece("  "), Piece(first, style))]
    rest += [row for text in said[1:] for row in wrapped(text, context.width - 4)]
    lines += [(Piece("   "), Piece(row, style)) for row in rest]
    if len(lines) > context.height:
        kept = lines[: context.height]
        more = (Piece(" a: all of it ", "key"),)
        kept[-1] = (*fit(kept[-1], context.width - width_of(more)), *more)
        return kept
    return lines


def _busy_line(busy: str, waiting: Sequence[str], context: Context) -> Pieces:
    """The line under way; or those that come behind it, and behind what."""
    marker = context.glyphs.marker
    if not waiting:
        text = cut(visible(_ascii(busy, context)), context.width - 30)
        return (Piece(f" {marker} {text}", "text"), Piece("  under way, Ctrl+C ends it", "dim"))
    wait = cut(visible(_ascii(busy, context)), context.width // 3)
    behind = f"  behind `{wait}` (Ctrl+C ends it)"
    text = cut(visible(_ascii(", ".join(waiting), context)), context.width - columns(behind) - 4)
    return (Piece(f" {marker} {text}", "text"), Piece(behind, "warn"))


def hint_lines(hint: Hint | None, offers: Sequence[str], context: Context) -> list[Pieces]:
    """Explain what is being typed: its usage with the next part highlighted, its help, what may come next."""
    if hint is None and not offers:
        return []
    head: list[Piece] = [Piece(" ")]
    if hint is not None:
        for at, part in enumerate(hint.parts):
            head.append(Piece(f"{_ascii(part, context)} ", "key bold" if at == hint.at else "text"))
        about = hint.mistake or hint.about or hint.help
        head.append(Piece(f" {_ascii(about, context)}", "bad" if hint.mistake else "dim"))
    below = (Piece(f" {_ascii('  '.join(offers[:40]), context)}", "key"),) if offers else ()
    if context.height == 1:
        return [fit((*head, *below) if hint is not None else below, context.width)]
    return [fit(head, context.width), fit(below, context.width)]


def caption_lines(comments: Sequence[str], place: str, context: Context) -> list[Pieces]:
    """The comments of a script that belong to the step to come, and where in the script that is."""
    room = context.width - 2
    rows = [row for text in comments for row in wrapped(visible(_ascii(text, context)), room)]
    if len(rows) > context.height:
        rows = [*rows[: context.height - 1], context.glyphs.more]
    rows += [""] * (context.height - len(rows))
    lines: list[Pieces] = [fit((Piece(f" {row}", "text bar"),), context.width, "bar") for row in rows]
    if lines:
        tail = Piece(f" {cut(visible(place), room)} ", "dim bar")
        last = Piece(f" {rows[-1]}", "text bar")
        lines[-1] = (*fit((last,), context.width - width_of((tail,)), "bar"), tail)
    return lines


def caption_height(comments: Sequence[str], place: str, width: int) -> int:
    """Return how many lines a caption needs."""
    rows = [row for text in comments for row in wrapped(visible(text), width - 2)]
    last = columns(rows[-1]) if rows else 0
    return max(1, len(rows) + (last + columns(visible(place)) + 4 > width))


def too_small(width: int, height: int) -> Pieces:
    """The one line of a screen that has no room."""
    return fit((Piece(f"{width}x{height}: raftplay needs 60x16", "warn"),), width)


def _ascii(text: str, context: Context) -> str:
    return plain(text) if context.glyphs.ascii else text
