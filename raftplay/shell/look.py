"""The lines below the prompt: the nodes, a hint about the command being typed, and the cluster's status.

The rule of this module: pure functions from a view to styled text, measured in columns. User text passes through
`visible` or `command_text`.
"""

from collections.abc import Iterable

from raftplay.cluster.snapshot import NodeSnapshot, Snapshot
from raftplay.commands.looking import fault_words
from raftplay.language.completion import Hint
from raftplay.past.view import View
from raftplay.raft.messages import NONE
from raftplay.session.shown import columns
from raftplay.watch.text import command_text, count, or_dash, visible

Text = list[tuple[str, str]]
"""Styled text: (style, text) pairs, as prompt_toolkit takes them."""

TERMS = ("#f78c6c", "#5ccfe6", "#a5d46a", "#ffd166", "#f07ab4", "#c792ea", "#82aaff")
"""Seven hues, for terms modulo 7: those of the screen."""

STYLE = {
    "status": "reverse",
    "running": "bold",
    "paused": "bold",
    "past": "bold",
    "bad": "bold fg:#ffffff bg:#b3261e",
    "alarm": "bold noreverse fg:#ffffff bg:#b3261e",
    "warn": "fg:#000000 bg:#e6b450",
    "dim": "",
    "now": "bold underline",
    "prompt": "bold",
    "leader": "bold",
    "candidate": "bold",
    "follower": "",
    "dead": "",
    "committed": "bold",
    "completion-menu": "noreverse bg:#3a4656 fg:#ffffff",
    "completion-menu.completion.current": "noreverse bold bg:#d5dbe5 fg:#000000",
    "completion-menu.meta.completion": "noreverse bg:#222b36 fg:#ffffff",
    "completion-menu.meta.completion.current": "noreverse bold bg:#222b36 fg:#ffffff",
    "node": "bold",
    **{f"term{at}": f"fg:#000000 bg:{hue}" for at, hue in enumerate(TERMS)},
}
"""The style of each element. Hues mean terms, as on the screen; red and amber mean what is broken, and faults.

The terminal's background is unknown: a colour of ours has a background of ours.
"""

WITHOUT_COLOURS = {
    "completion-menu": "reverse",
    "completion-menu.completion.current": "noreverse bold underline",
    "completion-menu.meta.completion": "reverse",
    "completion-menu.meta.completion.current": "noreverse bold underline",
}
"""Styles that replace those above without colours; bold, underlined and reversed text remain elsewhere."""

SHORTEST = 16
"""Columns below which a node is shown as its number and the first letter of its role."""

MOST_ENTRIES = 12
"""The highest number of entries shown from a log's end."""


def cut(line: Iterable[tuple[str, str]], width: int) -> Text:
    """Cut `line` to at most `width` columns; an ellipsis marks the cut."""
    pieces = list(line)
    if sum(columns(text) for _, text in pieces) <= width:
        return pieces
    room = max(width - 1, 0)
    kept: Text = []
    for style, text in pieces:
        for end, char in enumerate(text):
            room -= columns(char)
            if room < 0:
                return [*kept, (style, text[:end]), (style, "…" if width > 0 else "")]
        kept.append((style, text))
    return kept


def term_style(term: int) -> str:
    """Return the style of a term's number, and of an entry of it."""
    return f"class:term{term % len(TERMS)}"


# ---- the status of the cluster


def status_line(view: View, watched: int, width: int) -> Text:
    """Return the status; if space is short, the least important parts are dropped first."""
    snapshot = view.snapshot
    commit = max((node.commit_index for node in snapshot.nodes), default=-1)
    parts: list[tuple[int, str, str]] = [
        _clock(view),
        (7, "class:status", _leader_text(snapshot)),
        (6, "class:status", f"commit {or_dash(commit)}"),
        _invariants(view, watched),
        (5, "class:status", f"branch {visible(view.branch)}" if view.branch else ""),
        (4, "class:status", f"x{snapshot.speed:g}"),
        (3, "class:status", f"{snapshot.backend} seed {snapshot.seed}"),
        (2, "class:status", count(len(snapshot.nodes), "node")),
    ]
    parts = [part for part in parts if part[2]]
    while len(parts) > 1 and sum(columns(text) + 3 for _, _, text in parts) > width:
        parts.remove(min(parts))
    line: Text = []
    for at, (_, style, text) in enumerate(parts):
        line += [("class:status", " | " if at else " "), (style, text)]
    line = cut(line, width)
    return [*line, ("class:status", " " * (width - sum(columns(text) for _, text in line)))]


def _clock(view: View) -> tuple[int, str, str]:
    time = view.snapshot.time
    if view.rewound:
        return 9, "class:status class:past", f"REWOUND to {time:.3f} s"
    if view.snapshot.paused:
        return 9, "class:status class:paused", f"PAUSED {time:.3f} s"
    digits = 1 if view.snapshot.speed > 0.05 else 3
    return 9, "class:status class:running", f"RUNNING {time:.{digits}f} s"


def _leader_text(snapshot: Snapshot) -> str:
    leader = snapshot.leader
    if leader is not None:
        return f"n{leader.id} leads term {leader.current_term}"
    term = max((node.current_term for node in snapshot.nodes if node.alive), default=0)
    return f"no leader, term {term}"


def _invariants(view: View, watched: int) -> tuple[int, str, str]:
    if view.breach is not None:
        return 8, "class:alarm", f"{view.breach.invariant} BROKEN"
    return 5, "class:status", f"{watched} ok"


def fault_line(view: View, width: int) -> Text:
    """Return the faults in force, the bugs switched on and the class of the nodes; empty if there are none."""
    words = fault_words(view.snapshot)
    line: Text = [("class:warn", " faults: " + ", ".join(words))] if words else []
    if view.snapshot.node:
        line.insert(0, ("class:warn", f" node: {visible(view.snapshot.node)} "))
    if view.snapshot.bugs:
        line.insert(0, ("class:bad", f" bugs on: {', '.join(map(visible, view.snapshot.bugs))} "))
    return cut(line, width)


# ---- the command being typed


def hint_line(hint: Hint | None, idle: str, width: int) -> Text:
    """Return the usage of the typed command, its next part marked, and help; or the mistake; or `idle`."""
    if hint is None:
        return cut([("class:dim", f" {idle}")], width)
    if hint.mistake:
        return cut([("class:bad", f" {hint.mistake}")], width)
    line: Text = []
    for at, part in enumerate(hint.parts):
        line += [("", " "), ("class:now" if at == hint.at else "", part)]
    return cut([*line, ("class:dim", f"  {hint.about or hint.help}")], width)


# ---- the nodes


def node_lines(view: View, rows: int, width: int) -> list[Text]:
    """Return the nodes in at most `rows` lines, in as many columns as needed."""
    nodes = view.snapshot.nodes
    if rows <= 0:
        return []
    across = -(-len(nodes) // rows)
    down = -(-len(nodes) // across)
    share = width // across
    lines = []
    for row in range(down):
        line: Text = []
        for node in nodes[row::down]:
            cell = cut(_node(node, share, is_short=across > 1), share - 1)
            line += [*cell, ("", " " * (share - sum(columns(text) for _, text in cell)))]
        lines.append(line)
    return lines


def _node(node: NodeSnapshot, width: int, *, is_short: bool) -> Text:
    role = f"class:{str(node.state).lower()}" if node.alive else "class:dead"
    name = "Down" if not node.alive else str(node.state)
    marks = node.marks if node.alive else ["on disk"]
    if is_short and width < SHORTEST:
        return [("class:node", f" {node.id}"), (role, name[0])]
    if is_short:
        return [
            ("class:node", f" n{node.id} "),
            (role, name),
            ("", " "),
            (term_style(node.current_term), f"t{node.current_term}"),
            ("", f" {len(node.log)}/{or_dash(node.commit_index)}"),
            ("class:warn", " ".join(["", *marks])),
        ]
    line: Text = [
        ("class:node", f" n{node.id:<3}"),
        (role, f"{name:<10}"),
        ("", "term "),
        (term_style(node.current_term), f"{node.current_term}"),
        ("", " " * (4 - len(f"{node.current_term}")) + f" log {len(node.log):<4}"),
        ("", f" commit {or_dash(node.commit_index):<4}"),
    ]
    line += [("class:warn", f"{', '.join(marks)} ")] if marks else []
    return line + _tail(node, width - sum(columns(text) for _, text in line) - 2)


def _tail(node: NodeSnapshot, room: int) -> Text:
    """Return the end of the log as term:command; a star marks committed entries, `[..7]` what is compacted."""
    cells: Text = []
    first, base = len(node.log), node.base_index
    for index in range(len(node.log) - 1, max(base, len(node.log) - 1 - MOST_ENTRIES), -1):
        entry = node.log[index]
        is_committed = index <= node.commit_index
        text = f"{entry.term}:{command_text(entry.command, 12)}{'*' if is_committed else ''} "
        room -= columns(text)
        if room < 0:
            break
        looks = f"{term_style(entry.term)}{' class:committed' if is_committed else ''}"
        cells[:0] = [(looks, text.rstrip(" ")), ("", " ")]
        first = index
    if first == base + 1 and base != NONE and columns(compacted := f"[..{base}] ") <= room:
        return [("class:dim", compacted), *cells]
    return [("class:dim", "… "), *cells] if cells and first else cells
