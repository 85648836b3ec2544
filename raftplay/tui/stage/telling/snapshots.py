"""Snapshots for newcomers: who takes one, who gets one, and what it replaces."""

from typing import assert_never

from raftplay.raft import decisions
from raftplay.tui.stage.moment import name
from raftplay.tui.stage.telling.text import Told, rule_text
from raftplay.watch.facts import Record


def snapshot(event: decisions.SnapshotDecision, record: Record) -> Told | None:
    """Tell of a step with a snapshot; None for one that others tell of."""
    n = name(record.node)
    match event:
        case decisions.SnapshotTaken(index=index):
            why = f"The state replaces the entries that led to it: those up to {index} are no longer needed (§7)."
            return Told(f"{n} takes a snapshot of its state after entry {index}.", why)
        case decisions.SnapshotSent(peer=peer, next_index=next_index, index=index):
            why = f"{name(peer)} needs entry {next_index}, which {n}'s log no longer has (§7)."
            return Told(f"{n} sends {name(peer)} its snapshot up to entry {index}.", why)
        case decisions.SnapshotInstalled(index=index, keeps=True):
            why = "Its log has the last entry that the snapshot covers, so what follows stays (§7)."
            return Told(f"{n} installs the snapshot up to entry {index}, and keeps its later entries.", why)
        case decisions.SnapshotInstalled(index=index):
            why = "The snapshot replaces its state and its whole log (§7)."
            return Told(f"{n} installs the snapshot: it has the state after entry {index}.", why)
        case decisions.SnapshotIgnored(leader=leader, rule=rule):
            return Told(f"{n} ignores {name(leader)}'s snapshot.", rule_text(rule))
        case decisions.ChunkReceived() | decisions.LogCompacted():
            return None
        case _:
            assert_never(event)
