"""The status line: the cluster in one line, what matters most kept longest where there is little room."""

from raftplay.commands.looking import fault_words
from raftplay.past.view import View
from raftplay.raft.messages import CMState
from raftplay.tui.model.context import Context
from raftplay.tui.model.lines import Line, Piece, fit, width_of
from raftplay.watch.text import count, or_dash, visible


def state_of(view: View, context: Context) -> Piece:
    """RUNNING, PAUSED, REWOUND to a time, or BROKEN: what one must know before believing the rest."""
    snapshot, glyphs = view.snapshot, context.glyphs
    if view.rewound:
        return Piece(f" {glyphs.past} REWOUND to {snapshot.time:.3f} s ", "past badge")
    if view.breach is not None:
        return Piece(f" {glyphs.bad} BROKEN ", "bad badge")
    if snapshot.paused:
        return Piece(f" {glyphs.paused} PAUSED ", "paused badge")
    return Piece(f" {glyphs.running} RUNNING ", "running badge")


def status_line(view: View, context: Context) -> Line:
    """The whole line. Each part has a rank; the lowest ranks leave where there is no room."""
    snapshot, glyphs = view.snapshot, context.glyphs
    parts: list[tuple[int, Line]] = [(9, (state_of(view, context),))]
    if not view.rewound:
        parts.append((8, (Piece(f"{snapshot.time:.3f} s", "text bold"),)))
    parts.append((4, (Piece(f"speed {snapshot.speed:g}", "dim"),)))
    if view.branch:
        parts.append((5, (Piece(f"branch {visible(view.branch)}", "warn"),)))
    leader = snapshot.leader
    leads = sum(1 for n in snapshot.nodes if n.alive and n.connected and n.state is CMState.LEADER)
    if leader is None:
        term = max((n.current_term for n in snapshot.nodes if n.alive), default=0)
        parts.append((7, (Piece(f"no leader, term {term}", "candidate bold"),)))
    else:
        more = f" ({leads} lead)" if leads > 1 else ""
        text = f"{glyphs.leader} n{leader.id} leads term {leader.current_term}{more}"
        parts.append((7, (Piece(text, "leader bold"),)))
    commit = max((n.commit_index for n in snapshot.nodes), default=-1)
    parts.append((6, (Piece("commit ", "dim"), Piece(or_dash(commit), "text"))))
    faults = fault_words(snapshot)
    if faults:
        text = faults[0] if len(faults) == 1 else f"{len(faults)} faults"
        parts.append((5, (Piece(text, "warn"),)))
    if snapshot.bugs:
        text = f"bug {snapshot.bugs[0]}" if len(snapshot.bugs) == 1 else f"{len(snapshot.bugs)} bugs"
        parts.append((6, (Piece(text, "bad"),)))
    if snapshot.node:
        parts.append((6, (Piece(f"node: {visible(snapshot.node)}", "warn"),)))
    parts.append((3, (Piece(count(len(snapshot.nodes), "node"), "dim"),)))
    parts.append((2, (Piece(f"{snapshot.backend} seed {snapshot.seed}", "dim"),)))
    parts.append((7 if view.breach else 4, (_invariants(view, context),)))
    return _assembled(parts, context.width)


def _invariants(view: View, context: Context) -> Piece:
    if view.breach is not None:
        return Piece(f"{context.glyphs.bad} {view.breach.invariant}", "bad bold")
    if not context.watched:
        return Piece("nothing watched", "dim")
    return Piece(f"{context.glyphs.ok} {len(context.watched)} ok", "ok")


def _assembled(parts: list[tuple[int, Line]], width: int) -> Line:
    while len(parts) > 1 and sum(width_of(line) + 2 for _, line in parts) > width:
        parts.remove(min(parts, key=lambda part: part[0]))
    out: list[Piece] = []
    for at, (_, line) in enumerate(parts):
        out += [Piece("  ", "bar")] if at else []
        out += line
    return tuple(p._replace(style=f"{p.style} bar") for p in fit(out, width, "bar"))
