"""Commands that look and change nothing."""

from typing import TYPE_CHECKING, Annotated

from raftplay.cluster.snapshot import NodeSnapshot, Snapshot
from raftplay.commands import kinds
from raftplay.commands.conditions import FORMS
from raftplay.commands.cursor import did_you_mean
from raftplay.commands.table import GROUPS, TABLE, command
from raftplay.raft.messages import UsageError
from raftplay.watch.narrator import describe
from raftplay.watch.text import command_text

if TYPE_CHECKING:
    from raftplay.commands.session import Session

DEFAULT_EVENTS = 20


@command("Looking", "status")
def status(session: "Session") -> str:
    """Show every node: state, term, vote, log, commit index, faults."""
    return status_text(session.harness.snapshot())


@command("Looking", "log 0,2")
def log(session: "Session", nodes: Annotated[list[int] | None, kinds.NODES] = None) -> str:
    """Show the logs side by side: term:command for each index; what is committed carries a star."""
    snapshot = session.harness.snapshot()
    ids = list(range(session.harness.n)) if nodes is None else nodes
    return log_text([snapshot.nodes[id] for id in ids])


@command("Looking", "events 20")
def events(session: "Session", count: Annotated[int, kinds.COUNT] = DEFAULT_EVENTS) -> str:
    """Show the last events, 20 unless said otherwise."""
    lines = [
        f"{record.time:9.3f}  {f'n{record.node}' if record.node >= 0 else '':<4}{describe(record)}"
        for record in session.history.last(count)
    ]
    return "\n".join(lines) or "nothing has happened yet"


@command("Looking", "help wait")
def help_(session: "Session", name: Annotated[str | None, kinds.WORD] = None) -> str:
    """Show all commands, one of them, or the conditions (help conditions)."""
    return help_text(name)


def help_text(name: str | None = None) -> str:
    """What `help` answers. Raises `UsageError` for what is no command."""
    if name == "conditions":
        return _columns(list(FORMS))
    if name is None:
        parts = []
        for group in GROUPS:
            rows = [(row.usage, row.help) for row in TABLE.values() if row.group == group]
            parts.append(f"{group}\n{_columns(rows)}")
        return "\n".join(parts)
    row = TABLE.get(name)
    if row is None:
        raise UsageError(f"there is no command {name!r}{did_you_mean(name, TABLE)}")
    return f"{row.usage}\n{row.help}\nExample: {row.example}"


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
            _or_none(node.commit_index),
            _or_none(node.last_applied),
            ", ".join(_marks(node)),
        )
        for node in snapshot.nodes
    ]
    widths = [max(len(row[at]) for row in rows) for at in range(8)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    if snapshot.groups:
        lines.append("partition: " + " | ".join(" ".join(map(str, group)) for group in snapshot.groups))
    for (src, dst), faults in snapshot.faulty_links:
        words = [
            word for word, holds in (("cut", faults.cut), ("loss", faults.loss), ("dup", faults.dup)) if holds
        ]
        if faults.delay[1]:
            words.append("delay")
        lines.append(f"link {src}->{dst}: {', '.join(words)}")
    return "\n".join(lines)


def log_text(nodes: list[NodeSnapshot]) -> str:
    """Logs side by side, a row for each index."""
    length = max((len(node.log) for node in nodes), default=0)
    if not length:
        return "every log is empty"
    columns = [[f"node {node.id}", *(_log_cell(node, at) for at in range(length))] for node in nodes]
    widths = [max(map(len, column)) for column in columns]
    heads = ["index", *map(str, range(length))]
    return "\n".join(
        f"{heads[row]:>5}  " + "  ".join(c[row].ljust(w) for c, w in zip(columns, widths, strict=True)).rstrip()
        for row in range(length + 1)
    )


def _log_cell(node: NodeSnapshot, index: int) -> str:
    if index >= len(node.log):
        return "·"
    entry = node.log[index]
    return f"{entry.term}:{command_text(entry.command, 16)}{'*' if index <= node.commit_index else ''}"


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


def _columns(rows: list[tuple[str, str]]) -> str:
    width = max(len(left) for left, _ in rows if len(left) <= 44)
    return "\n".join(f"  {left:<{width}}  {right}" for left, right in rows)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
