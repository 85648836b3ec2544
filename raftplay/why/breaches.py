"""Why an invariant broke: what it states, the two facts, the event, and the bugs that are known to break it."""

from dataclasses import dataclass

from raftplay.raft.bugs import BUGS
from raftplay.watch.invariants import INVARIANTS, Breach
from raftplay.why.index import EventIndex

SECTIONS = {
    "Election Safety": "§5.2, Figure 3",
    "Leader Append-Only": "§5.3, Figure 3",
    "Log Matching": "§5.3, Figure 3",
    "Leader Completeness": "§5.4, Figure 3",
    "State Machine Safety": "§5.4.3, Figure 3",
    "One Vote Per Term": "§5.2",
    "Monotonic Term": "§5.1",
    "Monotonic Commit": "Figure 2",
    "Quorum Log": "§5.3",
    "Current-Term Commit": "§5.4.2",
    "Vote Quorum": "§5.2",
    "Persist Before Send": "Figure 2, persistent state",
    "Match Truth": "§5.3",
    "Match Monotonic": "Figure 2, volatile state on leaders",
    "No Committed Truncation": "§5.3, §5.4.3",
    "Ordered Apply": "§5.3",
    "Dead Is Dead": "§5.1",
    "Well-Formed": "§5.3, Figure 2",
}
"""Where the paper states, or relies on, each invariant."""


@dataclass(frozen=True, slots=True)
class BreachFacts:
    """An invariant that broke: its statement, and where the paper has it.

    `bugs`: those that are switched on and known to break it.
    """

    breach: Breach
    statement: str
    section: str
    bugs: tuple[str, ...]


def breach_facts(trail: EventIndex, breach: Breach) -> BreachFacts:
    """What broke and why."""
    statement = next(known.statement for known in INVARIANTS if known.name == breach.invariant)
    bugs = tuple(
        name
        for name in trail.snapshot.bugs
        if name in BUGS and (breach.invariant in BUGS[name].falls or breach.invariant in BUGS[name].sooner)
    )
    return BreachFacts(breach, statement, SECTIONS[breach.invariant], bugs)
