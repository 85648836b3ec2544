"""The nodes: a panel each where they fit, a row each where not, a chip each where there are many."""

import math

from raftplay.cluster.snapshot import NodeSnapshot
from raftplay.past.view import View
from raftplay.raft.messages import CMState
from raftplay.tui.model.context import Context
from raftplay.tui.model.glyphs import Glyphs, Role, mark_of, role_of
from raftplay.tui.model.lines import Line, Piece, Target, Window, beside, fit, pad
from raftplay.watch.text import or_dash

ASKING = (CMState.CANDIDATE, CMState.PRE_CANDIDATE)
"""The roles in which a node counts votes."""

PANEL_HEIGHT = 10
"""Lines of a panel, its frame included."""

PANEL_WIDTH = 22
"""The narrowest panel."""

ON_DISK = "on disk"
"""Stands by a node that is down, of which the term, the vote and the log of its disk are shown."""

LONGEST_TIMEOUT = 0.3
"""The wait that a full timer bar stands for, in seconds of cluster time, unless a longer one was seen."""


def panels(view: View, context: Context) -> Window:
    """All nodes as panels side by side."""
    nodes = view.snapshot.nodes
    widths = _shares(context.width, len(nodes))
    columns = [_panel(view, node, width, context) for node, width in zip(nodes, widths, strict=True)]
    lines = tuple(fit(beside(column[row] for column in columns), context.width) for row in range(context.height))
    return Window(lines, 0, len(lines))


def rows(view: View, context: Context) -> Window:
    """All nodes as rows under a heading."""
    nodes, width = view.snapshot.nodes, context.width
    timer = max(6, min(16, width // 10))
    wide = width >= 100
    index = _index_columns(view, width)
    head = f"  {'node':<5}{'role':<{_role_columns(width)}}{'term':>4} {'vote':<5}{_index_head(index)}  "
    head += pad("timer", timer + 8)
    if wide:
        head += pad(_peers_head(), _peers_room(view, width)) + " "
    lines = [fit((Piece(head + "log (digit: term)", "dim"),), width)]
    lines += [_row(view, node, context, timer, index) for node in nodes]
    return _kept_in_sight(lines, context)


def chips(view: View, context: Context) -> Window:
    """All nodes as chips of one line, in columns: who it is, its role, its term, its commit and last index."""
    nodes = view.snapshot.nodes
    wide = max(18, *(16 + 2 * len(str(len(n.log))) for n in nodes))
    across = max(1, context.width // wide)
    down = math.ceil(len(nodes) / across)
    share = context.width // across
    lines = []
    for row in range(down):
        at = [row + down * column for column in range(across)]
        lines.append(fit(beside(_chip(nodes[i], share, context) for i in at if i < len(nodes)), context.width))
    if len(lines) < context.height:
        head = f"  node, role, term, commit/last ({context.glyphs.down}: {ON_DISK})"
        lines.insert(0, fit((Piece(head, "dim"),), context.width))
    return _kept_in_sight(lines, context)


def log_tail(node: NodeSnapshot, width: int) -> Line:
    """The end of a node's log: the last digit of each entry's term, solid up to its commit index."""
    first = max(0, len(node.log) - width)
    pieces: list[Piece] = []
    commit = node.commit_index
    for index in range(first, len(node.log)):
        term = node.log[index].term
        style = f"t{term % 7} {'solid' if index <= commit else 'hollow'}"
        target: Target = ("entry", index)
        if pieces and pieces[-1].style == style and pieces[-1].target == target:
            pieces[-1] = pieces[-1]._replace(text=pieces[-1].text + str(term % 10))
        else:
            pieces.append(Piece(str(term % 10), style, target))
    return tuple(pieces)


def timer_bar(node: NodeSnapshot, now: float, width: int, glyphs: Glyphs, full: float = LONGEST_TIMEOUT) -> Line:
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


def votes_line(view: View, node: NodeSnapshot, glyphs: Glyphs) -> Line:
    """A candidate's votes as they come in."""
    needed = len(view.snapshot.nodes) // 2 + 1
    got = len(node.votes)
    return (
        Piece(glyphs.voted * got, "candidate bold"),
        Piece(glyphs.open * max(0, needed - got), "dim"),
        Piece(f" {got} of {needed}", "text"),
    )


def peer_lines(node: NodeSnapshot, width: int) -> list[Line]:
    """A leader's next_index and match_index, a column per peer; relative to its last index where long."""
    peers = [peer for peer, _ in node.next_index]
    next_of, match_of, last = dict(node.next_index), dict(node.match_index), len(node.log) - 1
    if not peers:
        return [(Piece("no peers", "dim"),)]
    room = (width - 6) // len(peers)
    columns = [(f"n{p}", str(next_of[p]), or_dash(match_of.get(p, -1))) for p in peers]
    names = ("peer", "next", "match")
    if max(len(text) for column in columns for text in column) >= room:
        columns = [
            (f"n{p}"[-max(1, room - 1) :], f"{next_of[p] - last:+d}", _behind(last - match_of.get(p, -1)))
            for p in peers
        ]
        names = ("peer", "next±", "lag")
    wide = max(len(text) for column in columns for text in column) + 1
    if wide > room:  # many peers: how far each is, one after another
        text = " ".join(or_dash(match_of.get(p, -1)) for p in peers)
        return [(Piece("match ", "dim"), Piece(text, "text"))]
    lines: list[Line] = []
    for at, name in enumerate(names):
        style = "dim" if at == 0 else "text"
        cells = [
            Piece(f"{column[at]:>{wide}}", style if at < 2 or match_of.get(p, -1) < last else "ok", ("node", p))
            for p, column in zip(peers, columns, strict=True)
        ]
        lines.append((Piece(f"{name:<5}", "dim"), *cells))
    return lines


# ---- panels


def _panel(view: View, node: NodeSnapshot, width: int, context: Context) -> list[Line]:
    glyphs, role = context.glyphs, role_of(node, context.glyphs)
    inner = width - 4
    body = _panel_body(view, node, inner, context)
    body = (body + [()] * context.height)[: context.height - 2]
    is_selected = node.id == context.selected
    frame = _frame(role, is_selected)
    target: Target = ("node", node.id)
    side = glyphs.thick_bar if is_selected else glyphs.bar
    lines = [_panel_top(node, width, role, is_selected, context)]
    lines += [
        (
            Piece(f"{side} ", frame, target),
            *(p if p.target else p._replace(target=target) for p in fit(line, inner)),
            Piece(f" {side}", frame, target),
        )
        for line in body
    ]
    lines.append(_panel_bottom(node, width, frame, is_selected, glyphs))
    return lines


def _panel_top(node: NodeSnapshot, width: int, role: Role, is_selected: bool, context: Context) -> Line:
    glyphs = context.glyphs
    left = glyphs.thick_corners[0] if is_selected else glyphs.top_left
    right = glyphs.thick_corners[1] if is_selected else glyphs.top_right
    rule = glyphs.thick if is_selected else glyphs.rule
    frame = _frame(role, is_selected)
    target: Target = ("node", node.id)
    title = [
        Piece(f" n{node.id} ", f"{role.style} bold"),
        Piece(f"{role.glyph} {role.word} ", f"{role.style} bold"),
    ]
    middle = fit(title, min(width - 3, sum(len(p.text) for p in title)))
    filled = width - 3 - sum(len(p.text) for p in middle)
    return (
        Piece(left + rule, frame, target),
        *(p._replace(target=target) for p in middle),
        Piece(rule * max(0, filled) + right, frame, target),
    )


def _frame(role: Role, is_selected: bool) -> str:
    """Return the style of a frame: followers and nodes that are down stay in the background."""
    if is_selected:
        return f"{role.style} bold"
    return role.style if role.word in ("leader", "candidate", "pre-candidate") else "line"


def _panel_bottom(node: NodeSnapshot, width: int, frame: str, is_selected: bool, glyphs: Glyphs) -> Line:
    corners = glyphs.thick_corners[2:] if is_selected else glyphs.bottom_left + glyphs.bottom_right
    rule = glyphs.thick if is_selected else glyphs.rule
    port = node.listen_addr[1]
    address = f" :{port} " if port > 1024 else ""
    lives = f" life {node.incarnation + 1} " if node.incarnation else ""
    sign, words = mark_of(node, glyphs)
    mark = f" {sign} {words} " if words else ""
    if len(mark) + len(lives) + len(address) + 4 > width:
        lives = ""
    rest = rule * (width - 4 - len(mark) - len(address) - len(lives)) + lives + address + rule
    target: Target = ("node", node.id)
    return (
        Piece(corners[0] + rule, frame, target),
        Piece(mark, "cut bold", target),
        Piece(rest + corners[1], frame, target),
    )


def _panel_body(view: View, node: NodeSnapshot, width: int, context: Context) -> list[Line]:
    glyphs, now = context.glyphs, view.snapshot.time
    last = len(node.log) - 1
    lines: list[Line] = [
        (
            Piece("term ", "dim"),
            Piece(f"{node.current_term:<4}", f"t{node.current_term % 7} bold"),
            Piece("voted for " if width >= 22 else "voted ", "dim"),
            Piece(_node_or_dash(node.voted_for), "text"),
        ),
        _commit_line(node, width),
        (Piece("last   ", "dim"), Piece(_last_entry(node, last), "text")),
        _timer_line(view, node, width, glyphs, now),
        (Piece("log ", "dim"), *log_tail(node, width - 4)),
    ]
    if not node.alive:
        lines.append((Piece(ON_DISK, "dim"),))
    elif node.state in ASKING:
        lines.append((Piece("votes ", "dim"), *votes_line(view, node, glyphs)))
        lines.append((Piece("from ", "dim"), Piece(" ".join(f"n{v}" for v in sorted(node.votes)), "text")))
    elif node.state is CMState.LEADER:
        lines += peer_lines(node, width)
    else:
        lines.append((Piece("leader ", "dim"), Piece(_node_or_dash(node.leader_id), "text")))
    return lines


def _commit_line(node: NodeSnapshot, width: int) -> Line:
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


def _timer_line(view: View, node: NodeSnapshot, width: int, glyphs: Glyphs, now: float) -> Line:
    word = "beat  " if node.alive and node.state is CMState.LEADER else "timer "
    full = 0.05 if word == "beat  " else longest_timeout(view)
    return (Piece(word, "dim"), *timer_bar(node, now, max(3, width - 14), glyphs, full))


# ---- rows and chips


def _row(view: View, node: NodeSnapshot, context: Context, timer: int, index: tuple[int, ...]) -> Line:
    glyphs, role, width = context.glyphs, role_of(node, context.glyphs), context.width
    sign, words = mark_of(node, glyphs)
    is_selected = node.id == context.selected
    word = f"{role.glyph} {role.word}" if not words else f"{role.glyph}{sign} {words}"
    if not node.alive:
        word = f"{role.glyph} {ON_DISK}" if width < 72 else f"{role.glyph} down {ON_DISK}"
    numbers = [or_dash(number) for number in (node.commit_index, node.last_applied)]
    numbers.append(or_dash(len(node.log) - 1))
    if len(index) == 2:
        del numbers[1]
    pieces = [
        Piece(f"{glyphs.marker if is_selected else ' '} ", "select"),
        Piece(pad(f"n{node.id}", 5), f"{role.style} bold"),
        Piece(pad(word, _role_columns(width)), f"{'cut' if words else role.style} bold"),
        Piece(f"{node.current_term:>4} ", f"t{node.current_term % 7} bold"),
        Piece(pad(_node_or_dash(node.voted_for), 5), "text"),
        Piece("".join(f"{n:>{wide}}" for n, wide in zip(numbers, index, strict=True)), "text"),
        Piece("  "),
    ]
    wide = width >= 100
    if node.alive and node.state in ASKING and not wide:
        pieces += fit(votes_line(view, node, glyphs), timer + 7)
    else:
        full = 0.05 if node.state is CMState.LEADER else longest_timeout(view)
        pieces += fit(timer_bar(node, view.snapshot.time, timer, glyphs, full), timer + 7)
    pieces.append(Piece(" "))
    if wide:
        pieces += fit(_row_peers(view, node, glyphs), _peers_room(view, width))
        pieces.append(Piece(" "))
    taken = sum(len(p.text) for p in pieces)
    pieces += log_tail(node, max(0, width - taken - 1))
    target: Target = ("node", node.id)
    return fit((p if p.target else p._replace(target=target) for p in pieces), width)


def _role_columns(width: int) -> int:
    return 15 if width >= 72 else 12


def _index_columns(view: View, width: int) -> tuple[int, ...]:
    """Columns for commit index, last applied (where there is room) and last index."""
    digits = max(len(str(len(node.log))) for node in view.snapshot.nodes)
    rest = max(5, digits + 1)
    return (max(6, digits), rest, rest) if width >= 72 else (max(6, digits), rest)


def _index_head(columns: tuple[int, ...]) -> str:
    names = ("commit", "appl", "last") if len(columns) == 3 else ("commit", "last")
    return "".join(f"{name:>{wide}}" for name, wide in zip(names, columns, strict=True))


def _peers_head() -> str:
    return "votes, or next/match of peers"


def _peers_room(view: View, width: int) -> int:
    """Columns for next/match of every peer of a leader, where there is one."""
    digits = max(len(str(len(node.log))) for node in view.snapshot.nodes)
    return max(28, min(width // 3, (2 * digits + 2) * (len(view.snapshot.nodes) - 1)))


def _row_peers(view: View, node: NodeSnapshot, glyphs: Glyphs) -> Line:
    if not node.alive:
        return ()
    if node.state in ASKING:
        return votes_line(view, node, glyphs)
    if node.state is CMState.LEADER:
        match_of = dict(node.match_index)
        return tuple(
            Piece(f"{next}/{or_dash(match_of.get(peer, -1))} ", "text", ("node", peer))
            for peer, next in node.next_index
        )
    return (Piece(f"follows n{node.leader_id}" if node.leader_id >= 0 else "knows no leader", "dim"),)


def _chip(node: NodeSnapshot, width: int, context: Context) -> Line:
    glyphs, role = context.glyphs, role_of(node, context.glyphs)
    sign, _ = mark_of(node, glyphs)
    last = or_dash(len(node.log) - 1)
    pieces = (
        Piece(glyphs.marker if node.id == context.selected else " ", "select"),
        Piece(f"n{node.id:<2} ", f"{role.style} bold"),
        Piece(role.glyph + (sign or " "), f"{role.style} bold"),
        Piece(f" T{node.current_term} ", f"t{node.current_term % 7} bold"),
        Piece(f"{or_dash(node.commit_index)}/{last}", "text"),
    )
    return tuple(p._replace(target=("node", node.id)) for p in fit(pieces, width))


def _kept_in_sight(lines: list[Line], context: Context) -> Window:
    """The lines that fit, moved down so far that the selected node is among them."""
    top = 0
    if len(lines) > context.height:
        at = next((i for i, line in enumerate(lines) if _marks(line, context)), 0)
        top = max(0, min(at - context.height + 1, len(lines) - context.height))
    return Window(tuple(lines[top : top + context.height]), top, len(lines))


def _marks(line: Line, context: Context) -> bool:
    return any(p.style == "select" and p.text.startswith(context.glyphs.marker) for p in line)


def _shares(width: int, n: int) -> list[int]:
    each, rest = divmod(width, n)
    return [each + (1 if at < rest else 0) for at in range(n)]


def _node_or_dash(id: int) -> str:
    return f"n{id}" if id >= 0 else "-"


def _behind(lag: int) -> str:
    return f"-{lag}" if lag > 0 else "0"


def _last_entry(node: NodeSnapshot, last: int) -> str:
    return f"{last} (term {node.log[last].term})" if last >= 0 else "-"
