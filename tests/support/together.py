"""Play stories on sockets side by side: they wait for timers most of the time, and hardly disturb each other.

The rule of this module: nothing else runs in the process meanwhile. A test that computes would keep the clusters from
their timers.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest

Result = TypeVar("Result")

AT_ONCE = 4
"""The number of clusters that run at a time."""


def together(play: Callable[[str], Result], names: Iterable[str]) -> dict[str, Result]:
    """Play every story, some of them at a time; the first that raises ends it."""
    names = list(names)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(names, pool.map(play, names), strict=True))


def named_in(request: pytest.FixtureRequest, ending: str) -> list[str]:
    """Return the first parameter of every test to run in this file whose name has that ending."""
    return [
        next(iter(item.callspec.params.values()))
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.path == request.path and item.originalname.endswith(ending)
    ]
