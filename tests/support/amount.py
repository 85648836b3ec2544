"""Say how much is tried of what is drawn at random: a part of it in every run, all of it when asked for.

The rule of this module: a run of the suite has time for a part. `RAFTPLAY_THOROUGH=1 pytest` tries everything; the
seeds of the part are the first of the whole, so that what a run finds, a thorough one finds too.
"""

import os
from collections.abc import Iterable
from typing import TypeVar

What = TypeVar("What")

THOROUGH = os.environ.get("RAFTPLAY_THOROUGH", "") not in ("", "0")

PART = 4
"""A run tries one of so many."""


def several(whole: int, *, least: int = 1) -> int:
    """Return `whole` in a thorough run, else a part of it, at least `least`."""
    return whole if THOROUGH else max(least, whole // PART)


def some(whole: Iterable[What]) -> list[What]:
    """Return all of `whole` in a thorough run, else every fourth from the first on."""
    return list(whole) if THOROUGH else list(whole)[::PART]
