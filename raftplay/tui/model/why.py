"""Why: the selected node explained, from its last decisions and the rules that decided them."""

from itertools import islice

from raftplay.past.view import View
from raftplay.raft import events as dec
from raftplay.raft.messages import CMState
from raftplay.tui.model.context import Context
from raftplay.tui.model.glyphs import plain, role_of
from raftplay.tui.model.invariants import breach_lines
from raftplay.tui.model.lines import Line, Piece, Window, fit, windowed, wrapped
from raftplay.watch.events import Record
from raftplay.watch.narrator import describe


def why(view: View, context: Context) -> Window:
    """What the selected node is, since when, and what made it so; a breach first where there is one."""
    node = view.snapshot.nodes[context.selected]
    role = role_of(node, context.glyphs)
    lines: list[Line] = []
    if view.breach is not None:
        lines += breach_lines(view, context.width, context)
    lines.append(
        fit((Piece(f"n{node.id} is {role.word}, term {node.current_term}", f"{role.style} bold"),), context.width)
    )
    for record in _causes(view, node.id):
        lines += _wrapped(f"{record.time:.3f} {describe(record)}", context, "text")
    if node.alive and node.state is CMState.LEADER:
        behind = [f"n{p}" for p, match in node.match_index if match < len(node.log) - 1]
        text = (
            f"not yet at its last index {len(node.log) - 1}: {' '.join(behind)}"
            if behind
            else "all peers have its log"
        )
        lines += _wrapped(text, context, "dim")
    return windowed(lines, context.height, context.scroll)


def _causes(view: View, node: int) -> list[Record]:
    kinds = (
        dec.BecameLeader,
        dec.ElectionStarted,
        dec.BecameFollower,
        dec.VoteDecided,
        dec.CommitAdvanced,
        dec.CommitHeld,
        dec.LogTruncated,
    )
    found: dict[type, Record] = {}
    for record in islice(reversed(view.records), 5000):
        if record.node == node and isinstance(record.event, kinds) and type(record.event) not in found:
            found[type(record.event)] = record
        if len(found) == len(kinds):
            break
    return sorted(found.values(), key=lambda record: record.seq)


def _wrapped(text: str, context: Context, style: str) -> list[Line]:
    text = plain(text) if context.glyphs.ascii else text
    return [fit((Piece(f" {row}", style),), context.width) for row in wrapped(text, context.width - 2)]
