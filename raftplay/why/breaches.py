"""Why an invariant is violated: its statement, the two facts, the event, and the bugs known to violate it."""

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
"""The sections of the paper that state each invariant, or rely on it."""


@dataclass(frozen=True, slots=True)
class BreachFacts:
    """A violated invariant: its statement, and the section of the paper.

    `bugs`: those that are switched on and known to violate it.
    """

    breach: Breach
    statement: str
    section: str
    bugs: tuple[str, ...]


def breach_facts(trail: EventIndex, breach: Breach) -> BreachFacts:
    """Return the facts about the violation `breach`."""
    statement = next(known.statement for known in INVARIANTS if known.name == breach.invariant)
    bugs = tuple(
        name
        for name in trail.snapshot.bugs
        if name in BUGS and (breach.invariant in BUGS[name].falls or breach.invariant in BUGS[name].sooner)
    )
    return BreachFacts(breach, statement, SECTIONS[breach.invariant], bugs)
