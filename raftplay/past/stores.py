"""The changes that the log of a node would make to its store: the entries that it has not applied yet."""

from raftplay.cluster.snapshot import NodeSnapshot
from raftplay.kv.commands import Append, Cas, Put, read_command
from raftplay.watch.text import command_text

MOST = 200
"""The most entries at the end of a log that are looked at."""


def pending_of(node: NodeSnapshot) -> dict[str, str]:
    """Return by key what entries that the node has not applied would do to it: "2", "+a" for text at its end."""
    found: dict[str, str] = {}
    if not node.alive:
        return found
    for index in range(max(node.last_applied + 1, node.base_index + 1, len(node.log) - MOST), len(node.log)):
        entry = node.log[index]
        command = read_command(entry.command) if entry.kind == "command" else None
        match command:
            case Put(key=key, value=value) | Cas(key=key, value=value):
                found[key] = command_text(value, 20)
            case Append(key=key, value=value):
                found[key] = f"{found.get(key, '')}+{command_text(value, 20)}"
            case _:
                pass
    return found
