"""Explanations from a cluster's events and state, with rule, operands and section.

`why`, `why_node`, `why_value`, `why_call`, `why_not_committed`, `why_no_leader`, `why_rejected` and `why_broken`
take a `View` and return an `Explanation`: its `facts`, and words for them. They are imported when they are first
used: the screen shows its first frame without them.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a type checker sees the names of the answers, and no other name
    from raftplay.why.answers import *  # noqa: F403
else:

    def __getattr__(name: str) -> object:
        return getattr(import_module("raftplay.why.answers"), name)
