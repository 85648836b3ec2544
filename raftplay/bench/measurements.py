"""All measurements of `raftplay bench`, a row for each: its name, its title in the report, and its steps."""

from collections.abc import Callable
from typing import NamedTuple

from raftplay.bench import (
    catch_up,
    elections,
    floor,
    idle,
    latency,
    memory,
    pipelined,
    requests,
    searching,
    simulated,
)
from raftplay.bench.figures import BenchStep, Options


class Measurement(NamedTuple):
    """A measurement: its title, and a function that returns its steps."""

    title: str
    steps: Callable[[Options], list[BenchStep]]


MEASUREMENTS: dict[str, Measurement] = {
    "floor": Measurement(
        "the floor: on one event loop, two endpoints for each peer exchange the same bytes, unparsed", floor.steps
    ),
    "pipelined": Measurement("commands submitted in a row, until the leader has committed all", pipelined.steps),
    "latency": Measurement("one command at a time, until the leader has committed it", latency.steps),
    "requests": Measurement("requests of clients of the key-value store", requests.steps),
    "elections": Measurement("elections in virtual time, the Go reference's timings", elections.steps),
    "idle": Measurement("heartbeats alone, the Go reference's timings and delays", idle.steps),
    "simulated": Measurement("virtual time in a second of wall time", simulated.steps),
    "search": Measurement("a search in a second of CPU, every invariant watched", searching.steps),
    "memory": Measurement("memory", memory.steps),
    "catch-up": Measurement("a follower comes back", catch_up.steps),
}
"""The measurements by the names that `--only` takes, in the order of the report."""
