"""The selected node: all that is known of it, and what can be done to it."""

import math

from raftplay.cluster.snapshot import NodeSnapshot, Snapshot
from raftplay.past.view import View
from raftplay.raft.messages import CMState
from raftplay.tui.model.context import Context
from raftplay.tui.model.glyphs import Glyphs, mark_of, plain
from raftplay.tui.model.lines import ClickTarget, Piece, Pieces, Window, columns, fit, spread, windowed, wrapped
from raftplay.tui.model.pane import Pane
from raftplay.tui.stage.roles import drawer_roles
from raftplay.watch.text import brief_text, count, or_dash

ON_DISK = "on disk"
"""Stands by a node that is down, of which the term, the vote and the log of its disk are shown."""

LONGEST_TIMEOUT = 0.3
"""The wait that a full timer bar stands for, in seconds of cluster time, unless a longer one was seen."""

ACTIONS = (("c crash", "d cut off", "z freeze"), ("t time out", "S submit", "w why"))
"""The keys that act on the selected node, in rows; `r` stands for `c` where it is down."""


def inspector(view: View, context: Context) -> Window:
    """All that is known of the selected node."""
    node = view.snapshot.nodes[context.selected]
    lines = [_head(view.snapshot, node, context), *_body(view, node, context.width - 2, context), ()]
    lines += [_actions(node, row) for row in ACTIONS]
    target: ClickTarget = ("node", node.id)
    lines = [
        (Piece(" "), *(p if p.target else p._replace(target=target) for p in fit(line, context.width - 1)))
        for line in lines
    ]
    return windowed(lines, context.height, context.scroll)


def _head(snapshot: Snapshot, node: NodeSnapshot, context: Context) -> Pieces:
    """Return who the node is, its role and what was done to it; at the end how often it was restarted."""
    role, (sign, words) = drawer_roles(snapshot, context.glyphs)[node.id], mark_of(node, context.glyphs)
    left = [Piece(f"n{node.id} {role.glyph} {role.word}", f"{role.style} bold")]
    if words:
        left.append(Piece(f"  {sign} {words}", "cut bold"))
    if not node.alive:
        left.append(Piece(f" {ON_DISK}", "dim"))
    right = f"restarted {count(node.incarnation, 'time')}" if node.incarnation else ""
    return spread(tuple(left), (Piece(right, "faint"),), context.width - 2)


def _body(view: View, node: NodeSnapshot, width: int, context: Context) -> list[Pieces]:
    glyphs, last = context.glyphs, len(node.log) - 1
    lines: list[Pieces] = [
        (
            Piece("term ", "dim"),
            Piece(f"{node.current_term:<4}", f"t{node.current_term % 7} bold"),
            Piece("voted for ", "dim"),
            Piece(_node_or_dash(node.voted_for), "text"),
        ),
        _commit_line(node, width),
        (Piece("last entry ", "dim"), Piece(_last_entry(node, last), "text")),
        (Piece("log ", "dim"), *log_tail(node, width - 4, glyphs)),
    ]
    if not node.alive:
        return lines
    is_leader = node.state is CMState.LEADER
    full = 0.05 if is_leader else longest_timeout(view)
    bar = timer_bar(node, view.snapshot.time, max(3, min(24, width - 16)), glyphs, full)
    lines.append((Piece("heartbeat " if is_leader else "timer ", "dim"), *bar))
    if is_leader and node.lease_until > 0:
        lines.append(_lease_line(node, view.snapshot.time))
    if is_leader:
        lines += peer_lines(node, width)
    elif node.votes:
        lines.append((Piece("votes ", "dim"), *votes_line(view, node, glyphs)))
        lines.append((Piece("from ", "dim"), Piece(" ".join(f"n{v}" for v in sorted(node.votes)), "text")))
    else:
        lines.append((Piece("leader ", "dim"), Piece(_node_or_dash(node.leader_id), "text")))
    return lines


def _lease_line(node: NodeSnapshot, now: float) -> Pieces:
    """Return how long a leader may answer reads by its lease, in cluster time (thesis §6.4.1)."""
    left = node.lease_until - now
    words = f"for {left * 1000:.0f} ms more" if left > 0 else "ended: reads need a new round"
    return (Piece("reads by lease ", "dim"), Piece(words, "text" if left > 0 else "warn"))


def _actions(node: NodeSnapshot, row: tuple[str, ...]) -> Pieces:
    """Return the keys of a row, with those that take back what was done to the node."""
    turned = {
        "c crash": "r restart" if not node.alive else "",
        "d cut off": "d connect" if not node.connected else "",
        "z freeze": "z thaw" if node.frozen else "",
    }
    pieces: list[Piece] = []
    for action in row:
        key, _, word = (turned.get(action) or action).partition(" ")
        pieces += [
            Piece(f"{key} ", "key bold", ("letter", ord(key))),
            Piece(f"{word:<11}", "dim", ("letter", ord(key))),
        ]
    return tuple(pieces)


def _commit_line(node: NodeSnapshot, width: int) -> Pieces:
    """commit_index and last_applied, their names as long as there is room for."""
    commit = or_dash(node.commit_index)
    applied = or_dash(node.last_applied)
    for one, other in (("commit", "applied"), ("cmt", "appl"), ("c", "a")):
        if len(one) + len(other) + len(commit) + len(applied) + 3 <= width:
            break
    return (
        Piece(f"{one} ", "dim"),
        Piece(commit, "text bold"),
        Piece(f" {other} ", "dim"),
        Piece(applied, "text"),
    )


def log_tail(node: NodeSnapshot, width: int, glyphs: Glyphs) -> Pieces:
    """Return the end of a node's log, each entry as term:command, solid up to its commit index; `[..7]` stands for
    what is compacted.
    """
    if not node.log:
        return (Piece(f"{glyphs.absent} empty", "dim"),)
    pieces: list[Piece] = []
    room = width
    base = node.base_index
    for index in range(len(node.log) - 1, max(base, 0) - 1, -1):
        entry = node.log[index]
        words = brief_text(entry.command, 12)
        text = f"[..{base}]" if index == base else f"{entry.term}:{plain(words) if glyphs.ascii else words}"
        room -= columns(text) + 1
        if room < (2 if index > max(base, 0) else -1) and pieces:
            pieces += [Piece(f"{glyphs.more} ", "dim")]
            break
        looks = f"t{entry.term % 7} {'solid' if index <= node.commit_index else 'hollow'}"
        pieces += [Piece(" "), Piece(text, "dim" if index == base else looks, ("entry", index))]
    return tuple(reversed(pieces))


def timer_bar(node: NodeSnapshot, now: float, width: int, glyphs: Glyphs, full: float = LONGEST_TIMEOUT) -> Pieces:
    """The time left until the node's timer fires: a bar of `width` columns and milliseconds."""
    if not node.alive or node.frozen:
        return (Piece(glyphs.empty * width, "faint"), Piece(" frozen" if node.alive else "", "dim"))
    left = max(0.0, node.deadline - now)
    if math.isinf(left):
        return (Piece(glyphs.empty * width, "faint"),)
    filled = min(width, math.ceil(width * left / full))
    style = "leader" if node.state is CMState.LEADER else "warn" if left < 0.04 else "timer"
    shown = f"{left * 1000:4.0f} ms" if left < 0.9995 else f"{left:5.1f} s"
    return (
        Piece(glyphs.full * filled, style),
        Piece(glyphs.empty * (width - filled), "faint"),
        Piece(shown, "dim"),
    )


def longest_timeout(view: View) -> float:
    """Return what a full bar stands for: the longest wait of any node now, at least 300 ms."""
    now = view.snapshot.time
    waits = [n.deadline - now for n in view.snapshot.nodes if n.alive and n.deadline < math.inf]
    longest = max(waits, default=0.0)
    return LONGEST_TIMEOUT if longest <= LONGEST_TIMEOUT else 2.0 ** math.ceil(math.log2(longest))


def votes_line(view: View, node: NodeSnapshot, glyphs: Glyphs) -> Pieces:
    """A candidate's votes as they come in."""
    needed = view.snapshot.majority
    got = len(node.votes)
    return (
        Piece(glyphs.voted * got, "candidate bold"),
        Piece(glyphs.open * max(0, needed - got), "dim"),
        Piece(f" {got} of {needed}", "text"),
    )


def peer_lines(node: NodeSnapshot, width: int) -> list[Pieces]:
    """Return a leader's next_index and match_index, a column per peer; where there is no room, who lags behind."""
    next_of, match_of, last = dict(node.next_index), dict(node.match_index), len(node.log) - 1
    peers = list(next_of)
    if not peers:
        return [(Piece("no peers", "dim"),)]
    cells = [(f"n{p}", str(next_of[p]), or_dash(match_of.get(p, -1))) for p in peers]
    wide = max(len(text) for column in cells for text in column) + 1
    if 5 + wide * len(peers) > width:
        return _lag_lines({p: last - match_of.get(p, -1) for p in peers}, width)
    lines: list[Pieces] = []
    for at, name in enumerate(("peer", "next", "match")):
        style = "dim" if at == 0 else "text"
        row = [
            Piece(f"{column[at]:>{wide}}", style if at < 2 or match_of.get(p, -1) < last else "ok", ("node", p))
            for p, column in zip(peers, cells, strict=True)
        ]
        lines.append((Piece(f"{name:<5}", "dim"), *row))
    return lines


def _lag_lines(lags: dict[int, int], width: int) -> list[Pieces]:
    """Return how many peers have all entries of the leader, and how many entries each of the others lacks."""
    behind = sorted((peer for peer, lag in lags.items() if lag), key=lambda peer: -lags[peer])
    lines: list[Pieces] = [
        (Piece("in step ", "dim"), Piece(f"{len(lags) - len(behind)} of {count(len(lags), 'peer')}", "text"))
    ]
    if behind:
        words = ", ".join(f"n{peer} by {lags[peer]}" for peer in behind)
        lines += [
            (Piece("behind  " if at == 0 else " " * 8, "dim"), Piece(row, "text"))
            for at, row in enumerate(wrapped(words, width - 8))
        ]
    return lines


def _node_or_dash(id: int) -> str:
    return f"n{id}" if id >= 0 else "-"


def _last_entry(node: NodeSnapshot, last: int) -> str:
    return f"{last} (term {node.log[last].term})" if last >= 0 else "-"


class NodePane(Pane):
    """The selected node: all that is known of it."""

    name = "node"
    key = "n"
    help = "show all that is known of the selected node"

    def window(self, view: View, context: Context) -> Window:
        """Return the lines in sight."""
        return inspector(view, context)

    def notes(self, context: Context) -> list[str]:
        """Return the node's name."""
        return [f"n{context.selected}"]
