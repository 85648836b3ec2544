"""Tells newcomers what was done to a node's disk, clock and timings."""

from typing import assert_never

from raftplay.tui.stage.moment import name
from raftplay.tui.stage.telling.text import Told
from raftplay.watch import facts
from raftplay.watch.facts import Record
from raftplay.watch.words import span_text, timing_text, write_text

HardwareFact = facts.DiskChanged | facts.WriteWaits | facts.ClockChanged | facts.TimingChanged


def hardware(event: HardwareFact, record: Record) -> Told | None:
    """Tell what became of a node's disk, clock or timings; None for a write that has waited."""
    n = name(record.node)
    match event:
        case facts.DiskChanged():
            return _disk(event, n)
        case facts.WriteWaits(waits, start, entries, vote):
            if not waits:
                return None
            why = "Nothing that depends on it leaves before: no vote, no confirmation (Figure 2). Messages wait."
            return Told(f"{n} waits for its disk to write {write_text(start, entries, vote=vote)}.", why)
        case facts.ClockChanged(rate):
            if rate == 1:
                return Told(f"{n}'s clock is right again.", "Its timeouts are as long as those of the others.")
            why = "Raft needs no equal clocks to be safe; a fast one starts elections before the others (§5.6)."
            return Told(f"{n}'s clock runs at {rate:g} times the speed.", why)
        case facts.TimingChanged(election, heartbeat):
            why = "The node with the shortest election timeout starts an election first (§5.2)."
            return Told(f"{n} has a timing of its own: {timing_text(election, heartbeat)}.", why)
        case _:
            assert_never(event)


def _disk(event: facts.DiskChanged, n: str) -> Told:
    if event.fails:
        return Told(f"{n}'s next write to its disk will fail.", "A node that cannot write must crash (Figure 2).")
    if event.stalls:
        why = "Its writes wait without end, and what depends on them; a leader's heartbeats go on."
        return Told(f"{n}'s disk stalls.", why)
    if event.delay[1] > 0:
        why = "Votes and confirmations leave only after the write (Figure 2)."
        return Told(f"{n}'s disk is slow: each write takes {span_text(*event.delay)}.", why)
    return Told(f"{n}'s disk is good again.", "What waited for a write goes on.")
