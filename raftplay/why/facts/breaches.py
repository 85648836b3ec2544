"""Why an invariant is violated: its statement, the two facts and the event."""

from dataclasses import dataclass

from raftplay.watch.invariants import INVARIANTS, Breach
from raftplay.watch.invariants.names import SECTIONS


@dataclass(frozen=True, slots=True)
class BreachFacts:
    """A violated invariant: its statement, and the section of the paper."""

    breach: Breach
    statement: str
    section: str


def breach_facts(breach: Breach) -> BreachFacts:
    """Return the facts about the violation `breach`."""
    statement = next(known.statement for known in INVARIANTS if known.name == breach.invariant)
    return BreachFacts(breach, statement, SECTIONS[breach.invariant])
