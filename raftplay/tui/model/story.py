"""What has just happened, why, and what is next: the lines between the stage and the foot of the screen."""

from itertools import islice

from raftplay.past.view import View
from raftplay.tui.model.context import KINDS, Context
from raftplay.tui.model.glyphs import plain
from raftplay.tui.model.lines import Line, Piece, cut, fit
from raftplay.tui.stage.scene import Scene
from raftplay.watch.narrator import describe

LOOK_BACK = 2000
"""The most records that are searched for something to tell."""


def sentence_lines(scene: Scene, context: Context) -> list[Line]:
    """Return NOW, WHY and NEXT, one line each."""
    said = [("NOW", _now(scene.view)), ("WHY", ""), ("NEXT", _next(scene.view))]
    if context.height < len(said):
        del said[1]
    return [_line(name, text, context) for name, text in said[: context.height]]


def _line(name: str, text: str, context: Context) -> Line:
    room = context.width - 8
    text = cut(plain(text) if context.glyphs.ascii else text, room, context.glyphs.more)
    return fit((Piece(f" {name:<6} ", "key bold"), Piece(text, "text")), context.width)


def _now(view: View) -> str:
    for record in islice(reversed(view.records), LOOK_BACK):
        if KINDS["decisions"](record):
            who = f"n{record.node} " if record.node >= 0 else ""
            return f"{who}{describe(record)}"
    return "all nodes have just started as followers; nobody leads yet"


def _next(view: View) -> str:
    now = view.snapshot.time
    waits = [(node.deadline, node) for node in view.snapshot.nodes if node.alive and not node.frozen]
    if not waits:
        return ""
    when, node = min(waits, key=lambda wait: wait[0])
    what = "sends its heartbeats" if node.state.name == "LEADER" else "stands for election when its timer runs out"
    return f"n{node.id} {what}, in {max(0.0, when - now) * 1000:.0f} ms" if when < now + 3600 else ""
