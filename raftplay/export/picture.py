"""Pictures of one pane of the screen, at the end of a run or before: SVG files that load nothing.

`nodes` has what the pane of a node says, of all nodes one below the other.
"""

from rich.segment import Segment

from raftplay.errors import UsageError
from raftplay.export.recording import Recording
from raftplay.export.replay import without_keys
from raftplay.past.view import View
from raftplay.tui import svg
from raftplay.tui.model.context import Context
from raftplay.tui.model.diagram import MessagesPane
from raftplay.tui.model.lines import EMPTY, Piece, Pieces
from raftplay.tui.model.matrix import LogPane
from raftplay.tui.model.node import NodePane
from raftplay.tui.model.pane import Pane
from raftplay.tui.stage.scene import scene_of
from raftplay.tui.stage.sentence import lines as sentence_lines
from raftplay.tui.stage.sentence import sentence
from raftplay.tui.stage.stage import paint
from raftplay.tui.theme import DARK, LIGHT, style_of

WIDTH = 96
"""The columns of a picture."""

STAGE, TALLEST = 26, 60
"""The rows of the stage, and the most rows of another pane."""

DRAWN: dict[str, type[Pane]] = {"log": LogPane, "messages": MessagesPane}
"""The panes that are drawn as they are."""


def written(
    recording: Recording, only: str | None = None, at: float | None = None, *, light: bool = True
) -> bytes:
    """Return the picture of a pane, by default the stage, at cluster time `at`, by default the end of the run.

    Raises `UsageError` if that moment is not kept, or the run ends before it.
    """
    theme = (LIGHT if light else DARK).name
    rows = [_row(line, theme) for line in lines_of(view_at(recording, at), only or "stage")]
    title = f"{recording.name or 'raftplay'}: {only or 'stage'}{'' if at is None else f' at {at:.3f} s'}"
    return svg.still(rows, title).encode("utf-8", "backslashreplace")


def view_at(recording: Recording, at: float | None = None) -> View:
    """Return the view of a moment. Raises `UsageError` if it is not kept, or the run ends before it."""
    history, now = recording.history, recording.now
    if at is None:
        return history.view(history.last_seq, now, breach=recording.breach)
    end = max(now.time, history.last_time)
    if at > end:
        raise UsageError(f"the run ends at {end:.3f} s, before {at:.3f} s")
    return history.view(history.seq_at(at), now, at, breach=recording.breach)


def lines_of(view: View, pane: str) -> list[Pieces]:
    """Return the lines of a pane."""
    if pane == "stage":
        scene = scene_of(view, -1)
        said = sentence(scene)
        told = said._replace(next=without_keys(said.next))
        return [*paint(scene, WIDTH, STAGE), EMPTY, *sentence_lines(told, WIDTH, 3)]
    if pane == "nodes":
        return [
            line for id in range(len(view.snapshot.nodes)) for line in (*_window(NodePane(), view, id), EMPTY)
        ][:-1]
    return _window(DRAWN[pane](), view, -1)


def _window(pane: Pane, view: View, node: int) -> list[Pieces]:
    """Return what a pane shows where it has all the room that it wants."""
    window = pane.window(view, Context(WIDTH, TALLEST, selected=node, is_whole=True))
    lines = [line for line in window.lines if not any(piece.style.startswith("key") for piece in line)]
    while lines and not _has_text(lines[-1]):
        lines.pop()
    return lines


def _has_text(line: Pieces) -> bool:
    return any(piece.text.strip() for piece in line)


def _row(line: Pieces, theme: str) -> svg.SegmentRow:
    wide = sum(len(piece.text) for piece in line)
    padded = (*line, Piece(" " * max(0, WIDTH - wide)))
    return tuple(Segment(piece.text, style_of(piece.style, theme, True)) for piece in padded)
