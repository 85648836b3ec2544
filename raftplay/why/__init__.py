"""Explanations from a cluster's events and state, with rule, operands and section.

`why`, `why_node`, `why_value`, `why_call`, `why_not_committed`, `why_no_leader`, `why_rejected` and `why_broken`
take a `View` and return an `Explanation`: its `facts`, and words for them.
"""

from raftplay.why.answers import (
    has_client,
    why,
    why_broken,
    why_call,
    why_no_leader,
    why_node,
    why_not_committed,
    why_rejected,
    why_value,
)
from raftplay.why.facts.clients import Asks
from raftplay.why.words.text import Explanation

__all__ = [
    "Asks",
    "Explanation",
    "has_client",
    "why",
    "why_broken",
    "why_call",
    "why_no_leader",
    "why_node",
    "why_not_committed",
    "why_rejected",
    "why_value",
]
