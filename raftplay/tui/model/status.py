"""The status line: the cluster in one line, what matters most kept longest where there is little room."""

from raftplay.cluster.snapshot import NodeSnapshot
from raftplay.commands.looking import fault_words
from raftplay.past.links import Reachability
from raftplay.past.view import View
from raftplay.raft.messages import CMState
from raftplay.tui.model.context import Context
from raftplay.tui.model.glyphs import Glyphs
from raftplay.tui.model.lines import Piece, Pieces, fit, width_of
from raftplay.tui.stage.roles import role_of, term_style
from raftplay.tui.stage.signs import signs_of
from raftplay.watch.text import count, or_dash, visible


def state_of(view: View, context: Context, playing: str = "", *, is_picture: bool = False) -> Pieces:
    """Return the state of time: it passes, stands still, is past, or ended with a broken invariant.

    `playing` says how far a script is, which stands still between its steps. In a picture no time passes, so there
    it is not said to.
    """
    snapshot, glyphs = view.snapshot, context.glyphs
    if view.rewound:
        return (Piece(f" {glyphs.past} REWOUND to {snapshot.time:.3f} s ", "past badge"),)
    time = Piece(f" {snapshot.time:.3f} s", "text bold")
    if view.breach is not None:
        return (Piece(f" {glyphs.bad} BROKEN ", "bad badge"), time)
    if playing:
        waits = playing.startswith("WAITING")
        sign, style = (glyphs.paused, "paused badge") if waits else (glyphs.running, "running badge")
        return (Piece(f" {sign} {playing} ", style), time)
    if snapshot.paused:
        return (Piece(f" {glyphs.paused} PAUSED ", "paused badge"), time)
    return (time,) if is_picture else (Piece(f" {glyphs.running} ", "running badge"), time)


def status_line(
    view: View, context: Context, pace: str = "", note: str = "", playing: str = "", *, is_picture: bool = False
) -> Pieces:
    """The whole line. Each part has a rank; the lowest ranks leave where there is no room.

    `pace` says how fast the screen goes, "" for as fast as the cluster, and `note` more about that; `playing`
    how far a script is.
    """
    snapshot, glyphs = view.snapshot, context.glyphs
    parts: list[tuple[int, Pieces]] = [(9, state_of(view, context, playing, is_picture=is_picture))]
    if not view.rewound:
        if pace:
            parts.append((5, (Piece(pace, "dim"),)))
        if note:
            parts.append((3, (Piece(note, "dim"),)))
        if not pace or snapshot.speed != 1:
            parts.append((4, (Piece(f"speed {snapshot.speed:g}", "dim"),)))
    if view.branch:
        parts.append((5, (Piece(f"branch {visible(view.branch)}", "warn"),)))
    parts.append((7, (_term(view),)))
    parts += [(8 - 2 * at, line) for at, line in enumerate(_leaders(view, glyphs))]
    faults = fault_words(snapshot)
    if faults:
        text = faults[0] if len(faults) == 1 else f"{len(faults)} faults"
        parts.append((5, (Piece(text, "warn"),)))
    if snapshot.bugs:
        text = f"bug {snapshot.bugs[0]}" if len(snapshot.bugs) == 1 else f"{len(snapshot.bugs)} bugs"
        parts.append((6, (Piece(text, "bad"),)))
    if snapshot.node:
        parts.append((6, (Piece(f"node: {visible(snapshot.node)}", "warn"),)))
    commit = max((n.commit_index for n in snapshot.nodes), default=-1)
    parts.append((3, (Piece("commit ", "dim"), Piece(or_dash(commit), "text"))))
    parts.append((2, (Piece(count(len(snapshot.nodes), "node"), "dim"),)))
    backend = f"sim seed {snapshot.seed}" if snapshot.backend == "sim" else snapshot.backend
    parts.append((1, (Piece(backend, "dim"),)))
    parts.append((7 if view.breach else 5, (_invariants(view, context),)))
    return _assembled(parts, context.width)


def leaders_line(view: View, width: int, glyphs: Glyphs) -> Pieces:
    """Return the highest term, and who leads or asks for votes in it, in at most `width` columns."""
    line: Pieces = (Piece(" "), _term(view))
    for leader in _leaders(view, glyphs):
        if width_of((*line, *leader)) + 2 <= width:
            line = (*line, Piece("  "), *leader)
    return line


def _term(view: View) -> Piece:
    term = max((n.current_term for n in view.snapshot.nodes if n.alive), default=0)
    return Piece(f"TERM {term}", f"{term_style(term)} bold")


def _leaders(view: View, glyphs: Glyphs) -> list[Pieces]:
    """Return who leads, who asks for votes, and who was deposed, the most important first."""
    snapshot, links = view.snapshot, Reachability(view.snapshot)
    needed = snapshot.majority
    leading: list[NodeSnapshot] = []
    deposed: list[NodeSnapshot] = []
    for node in snapshot.nodes:
        if node.alive and node.state is CMState.LEADER:
            (deposed if role_of(node, snapshot, links, glyphs).weak else leading).append(node)
    lines: list[Pieces] = []
    for node in leading:
        style = f"{term_style(node.current_term)} bold"
        lines.append((Piece(f"{glyphs.leader} n{node.id} leads", style, ("node", node.id)),))
    asking = [n for n in snapshot.nodes if n.alive and n.votes and n.state.name.endswith("CANDIDATE")]
    if asking:
        lines.append(_asking(sorted(asking, key=lambda n: -n.current_term), needed, glyphs))
    for node in deposed:
        text = f"{signs_of(glyphs).weak} n{node.id} leads nobody"
        if any(other.current_term > node.current_term for other in leading):
            text = f"{signs_of(glyphs).weak} n{node.id} is deposed, does not know it"
        lines.append((Piece(text, f"{term_style(node.current_term)} bold", ("node", node.id)),))
    return lines[:3] or [(Piece("no leader", "candidate bold"),)]


def _asking(nodes: list[NodeSnapshot], needed: int, glyphs: Glyphs) -> Pieces:
    """Return who asks for votes, and how many each of them has."""

    def pips(node: NodeSnapshot) -> str:
        got = len(node.votes)
        return glyphs.voted * got + glyphs.open * max(0, needed - got) if needed < 8 else f"{got}/{needed}"

    def styled(node: NodeSnapshot, text: str) -> Piece:
        return Piece(text, f"{term_style(node.current_term)} bold", ("node", node.id))

    first = nodes[0]
    what = "votes" if first.state is CMState.CANDIDATE else "pre-votes"
    if len(nodes) == 1:
        return (styled(first, f"n{first.id} asks for {what}: {pips(first)} {len(first.votes)} of {needed}"),)
    names = tuple(styled(node, f"n{node.id} {pips(node)} ") for node in nodes[:4])
    return (*names, Piece(f"{'…' if len(nodes) > 4 else ''}ask for {what}", "text bold"))


def _invariants(view: View, context: Context) -> Piece:
    if view.breach is not None:
        return Piece(f"{context.glyphs.bad} {view.breach.invariant}", "bad bold")
    if not context.watched:
        return Piece("nothing watched", "dim")
    return Piece(f"{context.glyphs.ok} safe", "ok")


def _assembled(parts: list[tuple[int, Pieces]], width: int) -> Pieces:
    while len(parts) > 1 and sum(width_of(line) + 2 for _, line in parts) > width:
        parts.remove(min(parts, key=lambda part: part[0]))
    out: list[Piece] = []
    for at, (_, line) in enumerate(parts):
        out += [Piece("  ", "bar")] if at else []
        out += line
    return tuple(p._replace(style=f"{p.style} bar") for p in fit(out, width, "bar"))
