"""A load of clients: random requests on some keys, at a rate, until a time, all decided by a seed."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from raftplay.errors import UsageError
from raftplay.kv.clients import Clients, OperationCall
from raftplay.kv.commands import Append, Cas, Get, KeyRequest, Put

LOADS = {"clients": (1, 32), "rate": (1, 2000), "keys": (1, 100)}
"""The settings of a load, each with its lowest and highest value; `rate` is requests a second of all clients."""

VALUES = 10
"""The number of values that `cas` guesses among: the last ones that were put."""


@dataclass(frozen=True, slots=True)
class Load:
    """The settings of a load of `seconds` seconds of cluster time. Raises `UsageError` for one out of range."""

    clients: int = 4
    rate: int = 50
    keys: int = 3
    seconds: float = 2.0

    def __post_init__(self) -> None:
        for name, (low, high) in LOADS.items():
            if not low <= getattr(self, name) <= high:
                raise UsageError(f"{name} must be between {low} and {high}, not {getattr(self, name)}")

    def begin(self, clients: Clients, seed: object) -> float:
        """Begin it; return the cluster time at which it ends. A client makes one request at a time."""
        port, end = clients.port, clients.port.now() + self.seconds
        for number in range(self.clients):
            user = _User(self, clients, f"c{number}", random.Random(f"{seed} load {number}"), end)
            port.later(user.pause(), user.act)
        return end


class _User:
    """One client of a load."""

    def __init__(self, load: Load, clients: Clients, name: str, rng: random.Random, end: float) -> None:
        self._load, self._clients, self._port, self._end = load, clients, clients.port, end
        self._name, self._rng = name, rng
        self._call: OperationCall | None = None
        self._number = 0

    def pause(self) -> float:
        """Return the seconds until its next request."""
        return self._rng.expovariate(self._load.rate / self._load.clients)

    def act(self) -> None:
        """Make a request, if the last one is over, and plan the next."""
        if self._port.now() >= self._end:
            return
        if self._call is None or self._call.is_over:
            self._call = self._clients.call(self._name, self._request())
        self._port.later(self.pause(), self.act)

    def _request(self) -> KeyRequest:
        rng, key = self._rng, f"k{self._rng.randrange(self._load.keys)}"
        self._number += 1
        value = f"{self._name}.{self._number}"
        kind = rng.choice(("get", "get", "put", "append", "cas"))
        if kind == "put":
            return Put(key, value=value)
        if kind == "append":
            return Append(key, value=f" {value}")
        if kind == "cas":
            return Cas(key, expected=f"{self._name}.{max(1, self._number - rng.randrange(VALUES))}", value=value)
        return Get(key)


class Timed(Protocol):
    """An operation of a client, as far as a summary needs it."""

    @property
    def is_over(self) -> bool:
        """Return whether it has ended."""

    @property
    def ending(self) -> str | None:
        """Return how it ended."""

    @property
    def began(self) -> float:
        """Return when it began."""

    @property
    def ended(self) -> float:
        """Return when it ended."""


def summary(calls: Sequence[Timed], now: float) -> str:
    """Return how clients fared: requests a second, latencies in seconds, and what was not answered."""
    over = [call for call in calls if call.is_over]
    answered = sorted(call.ended - call.began for call in over if call.ending in ("ok", "no"))
    endings = Counter(call.ending for call in over)
    words = ["1 request" if len(calls) == 1 else f"{len(calls):,} requests"]
    if answered:
        span = max(now - calls[0].began, 1e-9)
        last = sum(call.ended > now - 1.0 for call in over if call.ending in ("ok", "no"))
        lately = f" ({last:,} now)" if span > 1.0 else ""
        words.append(f"{len(answered) / span:.0f} answered a second{lately}")
        words.append(f"p50 {_at(answered, 0.5):.3f} s, p99 {_at(answered, 0.99):.3f} s")
    words += [f"{endings[name]:,} {name}" for name in ("unknown", "refused") if endings[name]]
    if under_way := len(calls) - len(over):
        words.append(f"{under_way} under way")
    return ", ".join(words)


def _at(values: Sequence[float], part: float) -> float:
    return values[min(int(len(values) * part), len(values) - 1)]
