"""Commands that look and change nothing."""

import textwrap
from typing import TYPE_CHECKING, Annotated

from raftplay.cluster.network import LinkFaults
from raftplay.cluster.snapshot import NodeSnapshot, Snapshot
from raftplay.commands import about_lessons, answers, kinds, shown
from raftplay.commands.conditions import FORMS
from raftplay.commands.cursor import did_you_mean
from raftplay.commands.shown import pad, quoted
from raftplay.commands.table import CONDITIONS, GROUPS, LESSONS, TABLE, TOPICS, TRACE, TRANSCRIPTS, command
from raftplay.raft.messages import UsageError
from raftplay.watch.narrator import describe, link_text
from raftplay.watch.text import command_text
from raftplay.watch.trace_schema import schema_text

if TYPE_CHECKING:
    from raftplay.commands.session import Session

DEFAULT_EVENTS = 20

WIDTH, WIDEST_LEFT = 100, 28
"""Columns of help: of a line, and of what stands left."""


@command("Looking", "status")
def status(session: "Session") -> str:
    """Show every node (state, term, vote, log, commit index) and what is wrong with the links."""
    return status_text(session.view().snapshot)


@command("Looking", "log 0,2")
def log(session: "Session", nodes: Annotated[list[int] | None, kinds.NODES] = None) -> str:
    """Show the logs side by side: term:command for each index; what is committed carries a star."""
    snapshot = session.view().snapshot
    ids = list(range(session.harness.n)) if nodes is None else nodes
    return log_text([snapshot.nodes[id] for id in ids])


@command("Looking", "events 20")
def events(session: "Session", count: Annotated[int, kinds.COUNT] = DEFAULT_EVENTS) -> str:
    """Show the last events, 20 unless said otherwise."""
    lines = [
        f"{record.time:9.3f}  {f'n{record.node}' if record.node >= 0 else '':<4}{describe(record)}"
        for record in session.view().records[-count:]
    ]
    return "\n".join(lines) or "nothing has happened yet"


@command("Looking", "help wait")
def help_(session: "Session", name: Annotated[str | None, kinds.TOPIC] = None) -> str:
    """Show all commands, one of them, or a topic (help conditions, help transcripts, help lessons, help trace)."""
    return help_text(name, session.width)


def help_text(name: str | None = None, width: int = WIDTH) -> str:
    """What `help` answers, in `width` columns. Raises `UsageError` for what is no command."""
    if name == CONDITIONS:
        return _columns(list(FORMS), width)
    if name == TRANSCRIPTS:
        return answers.HELP
    if name == LESSONS:
        return about_lessons.HELP
    if name == TRACE:
        return schema_text(width)
    if name is None:
        parts = []
        for group in GROUPS:
            rows = [(row.usage, row.help) for row in TABLE.values() if row.group == group]
            parts.append(f"{group}\n{_columns(rows, width)}")
        return "\n\n".join([*parts, f"More: help COMMAND, {', '.join(f'help {topic}' for topic in TOPICS)}"])
    row = TABLE.get(name)
    if row is None:
        hint = did_you_mean(name, (*TABLE, *TOPICS))
        raise UsageError(f"there is no command {quoted(name)}{hint}")
    about = {p.kind.shown: p.kind.about for p in row.parameters if p.kind.about}
    about_row = textwrap.fill(row.help, width)
    parts = [row.usage, about_row, _columns(list(about.items()), width), f"Example: {row.example}"]
    return "\n".join(filter(None, parts))


def markdown_table() -> str:
    """The table of commands as the README shows it."""
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
    """The nodes of a snapshot, a line each, then the faults of the network."""
    rows = [("node", "state", "term", "vote", "log", "commit", "applied", "")]
    rows += [
        (
            str(node.id),
            str(node.state),
            str(node.current_term),
            _or_none(node.voted_for),
            str(len(node.log)),
            _or_none(node.commit_index if node.alive else -1),
            _or_none(node.last_applied if node.alive else -1),
            ", ".join(_marks(node)),
        )
        for node in snapshot.nodes
    ]
    widths = [max(len(row[at]) for row in rows) for at in range(8)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    return "\n".join(lines + network_lines(snapshot))


def network_lines(snapshot: Snapshot) -> list[str]:
    """What is wrong between the nodes: the partition in force, and the links that have the same faults."""
    lines = []
    if snapshot.groups:
        lines.append("partition: " + " | ".join(" ".join(map(str, group)) for group in snapshot.groups))
    by_faults: dict[LinkFaults, list[str]] = {}
    for (src, dst), faults in snapshot.faulty_links:
        by_faults.setdefault(faults, []).append(f"{src}->{dst}")
    for faults, links in by_faults.items():
        every = len(links) == len(snapshot.nodes) * (len(snapshot.nodes) - 1)
        lines.append(f"{'every link' if every else 'link ' + ' '.join(links)}: {link_text(faults)}")
    return lines


def fault_words(snapshot: Snapshot) -> list[str]:
    """What is wrong in the cluster, in few words each: nodes first, then links."""
    words = [f"n{node.id} {mark}" for node in snapshot.nodes for mark in _marks(node)]
    if snapshot.groups:
        words.append("partition " + " | ".join(" ".join(map(str, group)) for group in snapshot.groups))
    words += [f"{src}->{dst} {link_text(faults)}" for (src, dst), faults in snapshot.faulty_links]
    return words + [f"{src}->{dst} held" for src, dst in snapshot.held_links]


def log_text(nodes: list[NodeSnapshot]) -> str:
    """Logs side by side, a row for each index."""
    length = max((len(node.log) for node in nodes), default=0)
    if not length:
        return "every log is empty"
    columns = [[f"node {node.id}", *(_log_cell(node, at) for at in range(length))] for node in nodes]
    widths = [max(map(shown.columns, column)) for column in columns]
    heads = ["index", *map(str, range(length))]
    return "\n".join(
        f"{heads[row]:>5}  " + "  ".join(pad(c[row], w) for c, w in zip(columns, widths, strict=True)).rstrip()
        for row in range(length + 1)
    )


def _log_cell(node: NodeSnapshot, index: int) -> str:
    if index >= len(node.log):
        return "·"
    entry = node.log[index]
    is_committed = node.alive and index <= node.commit_index
    return f"{entry.term}:{command_text(entry.command, 16)}{'*' if is_committed else ''}"


def _marks(node: NodeSnapshot) -> list[str]:
    marks = (
        ("down", not node.alive),
        ("cut off", node.alive and not node.connected),
        ("frozen", node.frozen),
        (f"drops calls after {node.calls_left}", node.calls_left >= 0),
    )
    return [word for word, holds in marks if holds]


def _or_none(number: int) -> str:
    return str(number) if number >= 0 else "-"


def _columns(rows: list[tuple[str, str]], columns: int) -> str:
    """Rows of two cells; what does not fit beside goes below."""
    width = max((len(left) for left, _ in rows if len(left) <= WIDEST_LEFT), default=WIDEST_LEFT)
    lines = []
    for left, right in rows:
        first, *more = textwrap.wrap(right, max(columns - width - 4, 20))
        if len(left) > width:
            lines.append(f"  {left}")
            left = ""  # noqa: PLW2901 - it has a line of its own
        lines.append(f"  {left:<{width}}  {first}")
        lines += [f"{'':{width + 4}}{line}" for line in more]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
