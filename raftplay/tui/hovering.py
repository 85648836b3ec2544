"""Tells in one line what the mouse is over: a node, a message, an entry, a moment on the tape, a link, a key."""

from dataclasses import replace

from raftplay.past.view import View
from raftplay.tui.keys import KEYS
from raftplay.tui.model import diagram, matrix
from raftplay.tui.model.context import Context
from raftplay.tui.model.lines import ClickTarget, link_of
from raftplay.tui.stage.roles import drawer_roles
from raftplay.watch.narrator import describe


def hover_words(target: ClickTarget, view: View, context: Context) -> str:
    """Return what `target` is, in one line; "" if there is nothing to say of it."""
    nodes = view.snapshot.nodes
    match target:
        case ("node", id) if id < len(nodes):
            role = drawer_roles(view.snapshot, context.glyphs)[id]
            return f"n{id}: {role.word}, term {nodes[id].current_term}; right click: its menu"
        case ("message", _):
            arrow = diagram.selected_arrow(view, replace(context, row=target))
            return "" if arrow is None else diagram.message_words(arrow)
        case ("entry", index):
            return matrix.entry_text(view, index)[0]
        case ("tape" | "event", seq):
            at = next((record for record in view.records if record.seq == seq), None)
            who = f"n{at.node} " if at is not None and at.node >= 0 else ""
            return "" if at is None else f"{at.time:.3f} s: {who}{describe(at)}"
        case ("key", at):
            return KEYS[at].help
        case ("link", at):
            src, dst = link_of(("link", at))
            return f"link n{src} to n{dst}; click: its menu"
    return ""
