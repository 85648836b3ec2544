"""Two branches on one screen: their stages side by side, one above the other or one at a time, and one tape."""

from dataclasses import replace

from raftplay.past.view import View
from raftplay.tui.model.glyphs import Glyphs
from raftplay.tui.model.lines import Piece, Pieces, beside, columns, cut, fit, spread, wrapped
from raftplay.tui.stage.differing import leaders_text, node_words, sentence_of
from raftplay.tui.stage.pair import Pair
from raftplay.tui.stage.pair_tape import ROWS, draw_pair
from raftplay.tui.stage.roles import term_style
from raftplay.tui.stage.scene import Scene, scene_of
from raftplay.tui.stage.sentence import sentence
from raftplay.tui.stage.stage import paint

WIDE, TALL = 120, 40
"""The columns from which on two stages stand side by side, and the lines from which on one above the other."""


def shows_both(width: int, height: int) -> bool:
    """Return whether a screen has room for both stages."""
    return width >= WIDE or height >= TALL


def paint_pair(
    pair: Pair, width: int, height: int, glyphs: Glyphs, *, selected: int = 0, front: int = 0, cause: str = ""
) -> tuple[Pieces, ...]:
    """Return `height` lines of `width` columns. `cause` says how the two parted.

    `front` is the side that is shown where there is room for one only.
    """
    views = pair.views()
    one, other = (view.snapshot for view in views)
    differs = node_words(one, other)
    scenes = [replace(scene_of(view, selected), differs=differs) for view in views]
    words = 1 if height < 20 else 2 if height < TALL else 3
    tape = ROWS if height >= 20 else ROWS - 1
    room = height - 2 - words - tape
    lines: list[Pieces] = [_title(pair, width, glyphs, cause)]
    if width >= WIDE:
        left = (width - 1) // 2
        bar = (Piece(glyphs.bar, "line"),)
        halves = (
            _side(pair, 0, scenes, (left, room), glyphs),
            _side(pair, 1, scenes, (width - 1 - left, room), glyphs),
        )
        lines += [beside((a, bar, b)) for a, b in zip(*halves, strict=True)]
    elif height >= TALL:
        for side, high in ((0, room - room // 2), (1, room // 2)):
            lines += _side(pair, side, scenes, (width, high), glyphs)
    else:
        lines += _side(pair, front, scenes, (width, room), glyphs, in_turn=True)
    rule = (Piece(glyphs.rule * width, "line"),)
    said = wrapped(_difference(pair, views, differs), width - 2)
    shown = [*said[: words - 1], cut(" ".join(said[words - 1 :]), width - 2, glyphs.more)] + [""] * words
    lines += [rule, *(fit((Piece(f" {text}", "text bold"),), width) for text in shown[:words])]
    return (*lines, *draw_pair(pair, width, glyphs)[:tape])


def _title(pair: Pair, width: int, glyphs: Glyphs, cause: str) -> Pieces:
    """Return what is compared, the moment, and where the two parted."""
    names = " and ".join(side.name for side in pair.sides)
    time = pair.step.time
    left: Pieces = (Piece(f" {glyphs.past} {names} ", "past badge"), Piece(f" {time:.3f} s ", "text bold bar"))
    if pair.parting is None:
        right = "nothing that happened differs"
    elif pair.parting == 0:
        right = "two clusters, which share no past"
    else:
        right = f"parted at {pair.steps[pair.parting].time:.3f} s"
        right += f": {cause}" if cause else ""
    room = width - sum(columns(piece.text) for piece in left) - 2
    return spread(left, (Piece(f"{cut(right, room, glyphs.more)} ", "dim bar"),), width, "bar")


def _difference(pair: Pair, views: tuple[View, View], differs: tuple[str, ...]) -> str:
    """Return in one sentence what differs at the moment."""
    one, other = (side.name for side in pair.sides)
    found = sentence_of(views[0].snapshot, views[1].snapshot, (one, other))
    if found:
        return found
    if any(differs):
        nodes = ", ".join(f"n{node} ({what})" for node, what in enumerate(differs) if what)
        return f"{one} and {other} differ in {nodes}."
    if pair.is_common and pair.parting is not None:
        return f"Nothing differs yet: {one} and {other} share this past."
    return f"Nothing differs between {one} and {other} at this moment."


def _side(
    pair: Pair, side: int, scenes: list[Scene], size: tuple[int, int], glyphs: Glyphs, *, in_turn: bool = False
) -> list[Pieces]:
    """Return the lines of one side, `size` columns and lines: its name and leader, what happened, its stage."""
    width, height = size
    scene, name = scenes[side], pair.sides[side].name
    snapshot = scene.view.snapshot
    term = max((node.current_term for node in snapshot.nodes), default=0)
    head: list[Piece] = []
    for at, shown in enumerate(pair.sides) if in_turn else ((side, pair.sides[side]),):
        text = f" {shown.name} " if not in_turn else f"{glyphs.marker if at == side else ' '}{shown.name} "
        head.append(Piece(text, "title badge" if at == side else "dim", ("side", at)))
    head.append(Piece(f" {leaders_text(snapshot)}", f"{term_style(term)} bold"))
    ended = pair.has_ended(side)
    note = f"{name} ends at {pair.sides[side].end:.3f} s " if ended else f"event {pair.step.seqs[side]} "
    lines = [spread(tuple(head), (Piece(note, "warn" if ended else "dim"),), width)]
    rows = 1 if width >= WIDE or height < 20 else 2
    said = wrapped(sentence(scene).now, width - 2)
    said = [*said[: rows - 1], cut(" ".join(said[rows - 1 :]), width - 2, glyphs.more), ""][:rows]
    lines += [fit((Piece(f" {text}", "text"),), width) for text in said]
    return [*lines, *paint(scene, width, height - len(lines), glyphs)]
