"""Explanations from a cluster's events and state, with rule, operands and section.

`why`, `why_node`, `why_value`, `why_call`, `why_not_committed`, `why_no_leader`, `why_rejected` and `why_broken`
take a `View` and return an `Explanation`: its `facts`, and words for them. They are imported when they are first
used: the screen shows its first frame without them.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from raftplay.why.answers import (
        has_call,
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
    "has_call",
    "why",
    "why_broken",
    "why_call",
    "why_no_leader",
    "why_node",
    "why_not_committed",
    "why_rejected",
    "why_value",
]

_ELSEWHERE = {"Asks": "raftplay.why.facts.clients", "Explanation": "raftplay.why.words.text"}

if not TYPE_CHECKING:  # a type checker sees the imports above, and no other name

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module 'raftplay.why' has no attribute {name!r}")
        value = getattr(import_module(_ELSEWHERE.get(name, "raftplay.why.answers")), name)
        globals()[name] = value
        return value
