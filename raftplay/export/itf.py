"""ITF, the Informal Trace Format: the states of a run as Apalache and Quint write theirs.

A state follows each event that changes one of the variables of Figure 2; each variable maps nodes to values. What
is none, such as a vote before any, is -1, and indices count from 0.
"""

import json

from raftplay.cluster.snapshot import NodeSnapshot
from raftplay.export.recording import Recording
from raftplay.watch.narrator import describe
from raftplay.watch.text import command_text
from raftplay.watch.words import role_text

LONGEST_COMMAND = 200
"""The most characters of a command."""

VARIABLES = ("state", "currentTerm", "votedFor", "log", "commitIndex", "nextIndex", "matchIndex", "votesGranted")
ADDED = ("event", "time")
"""The variables beside those of Figure 2: what happened last, and when, in microseconds of cluster time."""

Value = object


def written(recording: Recording) -> bytes:
    """Return the file of a recording."""
    states: list[dict[str, Value]] = []
    world, now = recording.world(), recording.now
    before: dict[str, Value] = {}
    for record in recording.records:
        world(record)
        if record.event.group in ("wire", "routine"):
            continue
        values = _values(world.snapshot(now).nodes)
        if values == before:
            continue
        before = values
        words = f"n{record.node} {describe(record)}" if record.node >= 0 else describe(record)
        meta = {"index": len(states)}
        states.append({"#meta": meta, **values, "event": words, "time": _integer(round(record.time * 1e6))})
    trace = {
        "#meta": {
            "format": "ITF",
            "format-description": "https://apalache-mc.org/docs/adr/015adr-trace.html",
            "description": f"a run of raftplay: {recording.size} nodes, seed {now.seed}",
        },
        "vars": [*VARIABLES, *ADDED],
        "states": states,
    }
    return json.dumps(trace, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")


def _values(nodes: tuple[NodeSnapshot, ...]) -> dict[str, Value]:
    of_each: dict[str, list[Value]] = {
        "state": [role_text(node.state) if node.alive else "down" for node in nodes],
        "currentTerm": [_integer(node.current_term) for node in nodes],
        "votedFor": [_integer(node.voted_for) for node in nodes],
        "log": [[_entry(entry.command, entry.term) for entry in node.log] for node in nodes],
        "commitIndex": [_integer(node.commit_index) for node in nodes],
        "nextIndex": [_map(node.next_index) for node in nodes],
        "matchIndex": [_map(node.match_index) for node in nodes],
        "votesGranted": [{"#set": [_integer(vote) for vote in sorted(node.votes)]} for node in nodes],
    }
    return {
        name: {"#map": [[_integer(id), value] for id, value in enumerate(values)]}
        for name, values in of_each.items()
    }


def _entry(command: object, term: int) -> dict[str, Value]:
    return {"term": _integer(term), "value": command_text(command, LONGEST_COMMAND)}


def _map(pairs: tuple[tuple[int, int], ...]) -> Value:
    return {"#map": [[_integer(peer), _integer(index)] for peer, index in sorted(pairs)]}


def _integer(number: int) -> Value:
    return {"#bigint": str(number)}
