"""Commands that look and change nothing."""

import textwrap
from typing import Annotated

from raftplay.cluster.snapshot import NodeSnapshot, Snapshot, network_lines
from raftplay.docs import PAGES, page
from raftplay.errors import UsageError
from raftplay.kv.load import summary
from raftplay.language import kinds
from raftplay.language.conditions import FORMS
from raftplay.language.listed import LISTED, Listed
from raftplay.language.table import CONDITIONS, GROUPS, TABLE, TOPICS, TRACE, command
from raftplay.past.view import View
from raftplay.raft.decisions import Configured
from raftplay.raft.messages import CMState
from raftplay.session import shown
from raftplay.session.session import Session
from raftplay.session.shown import pad
from raftplay.watch.narrator import describe
from raftplay.watch.text import command_text, count, or_dash
from raftplay.watch.words import link_text, nodes_text, verb
from raftplay.why.words.text import ago, span

LOG_ROWS = 100
"""The maximum number of log rows in one answer."""

NONE_HELP = "No node, term or index is written - in answers and on screens, -1 in conditions, JSON and Python."

WIDTH, WIDEST_LEFT = 100, 28
"""The widths of help in columns: of a line, and of its left part."""


@command("Looking", "status")
def status(session: Session) -> str:
    """Show every node (state, term, vote, log, commit index) and what is wrong with the links."""
    view = session.view()
    text = "\n".join([status_text(view.snapshot), *lease_lines(view)])
    calls = session.harness.clients.calls
    return f"{text}\nclients: {summary(calls, session.harness.now)}" if calls else text


@command("Looking", "log 0,2")
def log(
    session: Session,
    nodes: Annotated[list[int] | None, kinds.NODES_FROM] = None,
    start: Annotated[int | None, kinds.FROM_INDEX] = None,
) -> str:
    """Show the logs side by side: term:command for each index, with a star on committed entries.

    An answer has at most 100 rows: the last ones, or those from INDEX on.
    """
    snapshot = session.view().snapshot
    ids = list(range(session.harness.n)) if nodes is None else nodes
    if not ids:
        return "no node"
    return log_text([snapshot.nodes[id] for id in ids], start)


@command("Looking", "events elections of 2 20")
def events(session: Session, wanted: Annotated[Listed | None, LISTED] = None) -> str:
    """Show the last N events (default: 20), of one kind or of one node if you name it."""
    wanted = wanted or Listed()
    records = [record for record in session.view().records if wanted.passes(record)]
    lines = [
        f"{record.time:9.3f}  {f'n{record.node}' if record.node >= 0 else '':<4}{describe(record)}"
        for record in records[-wanted.count :]
    ]
    return "\n".join(lines) or ("no such event" if session.view().records else "nothing has happened yet")


@command("Looking", "help wait")
def help_(session: Session, name: Annotated[str | None, kinds.TOPIC] = None) -> str:
    """Show all commands, one of them, or a topic (help names the topics)."""
    return help_text(name, session.width)


def help_text(name: str | None = None, width: int = WIDTH) -> str:
    """Return the answer of `help`, in `width` columns. Raises `UsageError` for an unknown command."""
    if name == CONDITIONS:
        return f"{_columns(list(FORMS), width)}\n\n{textwrap.fill(NONE_HELP, width)}"
    if name in PAGES:
        return page(name, width)
    if name == TRACE:
        from raftplay.watch.trace_schema import schema_text  # noqa: PLC0415 - only this needs it

        return schema_text(width)
    if name is None:
        parts = []
        for group in GROUPS:
            rows = [(row.usage, row.help) for row in TABLE.values() if row.group == group]
            parts.append(f"{group}\n{_columns(rows, width)}")
        more = f"More: help COMMAND; help TOPIC, with TOPIC one of {', '.join(TOPICS)}."
        return "\n\n".join([*parts, textwrap.fill(more, width)])
    row = TABLE.get(name)
    if row is None:
        raise UsageError(kinds.no_help_text(name))
    about = {p.kind.shown: p.kind.about for p in row.parameters if p.kind.about}
    about_row = textwrap.fill(row.help, width)
    parts = [row.usage, about_row, _columns(list(about.items()), width), f"Example: {row.example}"]
    return "\n".join(filter(None, parts))


def markdown_table() -> str:
    """Return the table of commands in Markdown, as docs/language.md shows it."""
    lines = []
    for group in GROUPS:
        lines += [f"**{group}**", "", "| command | does | example |", "|---|---|---|"]
        for row in TABLE.values():
            if row.group == group:
                lines.append(f"| `{_cell(row.usage)}` | {_cell(row.help)} | `{_cell(row.example)}` |")
        lines.append("")
    lines += ["**Conditions**", "", "| condition | holds when |", "|---|---|"]
    lines += [f"| `{_cell(form)}` | {_cell(meaning)} |" for form, meaning in FORMS]
    return "\n".join(lines)


def status_text(snapshot: Snapshot) -> str:
    """Return a line for each node of a snapshot, then the faults of the network."""
    rows = [("node", "state", "term", "vote", "log", "commit", "applied", "")]
    rows += [
        (
            str(node.id),
            str(node.state),
            str(node.current_term),
            or_dash(node.voted_for),
            str(len(node.log)) + (f" [..{node.base_index}]" if node.base_index >= 0 else ""),
            or_dash(node.commit_index),
            or_dash(node.last_applied),
            ", ".join(node.marks) + ("" if node.alive else "; term, vote and log are as on disk"),
        )
        for node in snapshot.nodes
    ]
    widths = [max(len(row[at]) for row in rows) for at in range(8)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    return "\n".join(lines + network_lines(snapshot))


def lease_lines(view: View) -> list[str]:
    """Return lines about the silences that leaders and followers count; none while no node has such options."""
    from raftplay.past.index import EventIndex  # noqa: PLC0415 - the screen does not need it
    from raftplay.past.leases import leases  # noqa: PLC0415

    index, now = EventIndex(view), view.snapshot.time
    if not index.of_kind(Configured):
        return []
    lines, loyal = [], dict[str, list[int]]()
    for lease in leases(index):
        if lease.leads:
            after = _by_clock(lease.until - lease.heard, lease.rate)
            heard = f"node {lease.node} heard from a majority {ago(now - lease.heard)}"
            lines.append(f"checkquorum: {heard}; it steps down after {after} without one (thesis §6.2)")
        else:
            loyal.setdefault(_by_clock(lease.until - now, lease.rate), []).append(lease.node)
    for node in view.snapshot.nodes:
        options = index.story(node.id).options
        if node.alive and node.state is CMState.LEADER and options is not None and options.promise:
            lines.append(f"lease: {_read_lease(node, now)} (thesis §6.4.1)")
    for time, nodes in loyal.items():
        does = verb(len(nodes), "ignores", "ignore")
        lines.append(f"sticky: {nodes_text(nodes)} {does} vote requests for another {time} (thesis §4.2.3)")
    return lines


def _read_lease(node: NodeSnapshot, now: float) -> str:
    """Return how long a leader may answer reads by its lease."""
    left = node.lease_until - now
    if left > 0:
        return f"node {node.id} answers reads by its lease for another {_by_clock(left, node.hardware.rate)}"
    if node.lease_until > 0:
        return f"that of node {node.id} ended {ago(-left)}; reads need a new round"
    if node.transferring_to >= 0:
        return f"node {node.id} has none while it hands its leadership over"
    return f"node {node.id} has none; reads need a round"


def _by_clock(seconds: float, rate: float) -> str:
    """Return a span of cluster time, and what it is by the node's own clock if that is fast or slow."""
    return span(seconds) if rate == 1 else f"{span(seconds)} ({span(seconds * rate)} by its own clock)"


def fault_words(snapshot: Snapshot) -> list[str]:
    """Return the faults in the cluster, each in few words: nodes first, then links."""
    words = [f"n{node.id} {mark}" for node in snapshot.nodes for mark in node.marks]
    if snapshot.groups:
        words.append("partition " + " | ".join(" ".join(map(str, group)) for group in snapshot.groups))
    words += [f"{src}->{dst} {link_text(faults)}" for (src, dst), faults in snapshot.faulty_links]
    words += [f"{src}->{dst} held" for src, dst in snapshot.held_links]
    return words + [f"{src}->{dst} {kind} held" for src, dst, kind in snapshot.held_kinds]


def log_text(nodes: list[NodeSnapshot], start: int | None = None) -> str:
    """Return logs side by side, a row for each index: `LOG_ROWS` rows from `start` (None: the last ones)."""
    length = max((len(node.log) for node in nodes), default=0)
    if not length:
        return "\n".join(["every log is empty", *_on_disk(nodes)])
    first = max(0, length - LOG_ROWS) if start is None else start
    if first >= length:
        return f"no log has an entry at index {first}; the last index is {length - 1}"
    rows = range(first, min(length, first + LOG_ROWS))
    columns = [[f"node {node.id}", *(log_cell(node, at) for at in rows)] for node in nodes]
    widths = [max(map(shown.columns, column)) for column in columns]
    heads = ["index", *map(str, rows)]
    wide = max(map(len, heads))
    lines = [
        f"{head:>{wide}}  " + "  ".join(pad(c[row], w) for c, w in zip(columns, widths, strict=True)).rstrip()
        for row, head in enumerate(heads)
    ] + _on_disk(nodes)
    left_out = length - len(rows) if start is None else length - rows.stop  # a given start asks for no rows before
    if left_out:
        lines.append(f"{count(left_out, 'row')} left out; to see them: log from INDEX")
    return "\n".join(lines)


def _on_disk(nodes: list[NodeSnapshot]) -> list[str]:
    """Return a line that names the nodes whose logs are those on disk, if there are any."""
    down = [node.id for node in nodes if not node.alive]
    return [f"on disk: {nodes_text(down)}"] if down else []


def log_cell(node: NodeSnapshot, index: int) -> str:
    """Return the entry of a node at an index as `log` shows it: `1:x*`."""
    if index >= len(node.log):
        return "·"
    if index <= node.base_index:
        return f"[..{index}]" if index == node.base_index else "[..]"
    entry = node.log[index]
    is_committed = index <= node.commit_index
    return f"{entry.term}:{command_text(entry.command, 16)}{'*' if is_committed else ''}"


def _columns(rows: list[tuple[str, str]], columns: int) -> str:
    """Return rows of two cells as lines; a left cell that is too wide gets a separate line."""
    width = max((len(left) for left, _ in rows if len(left) <= WIDEST_LEFT), default=WIDEST_LEFT)
    lines = []
    for left, right in rows:
        first, *more = textwrap.wrap(right, max(columns - width - 4, 20))
        if len(left) > width:
            lines.append(f"  {left}")
            left = ""  # noqa: PLW2901 - it has a separate line
        lines.append(f"  {left:<{width}}  {first}")
        lines += [f"{'':{width + 4}}{line}" for line in more]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
