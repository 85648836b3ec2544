"""Words that events, answers and screens share: nodes, their roles and faults, and numbers of things."""

from collections.abc import Iterable
from typing import Protocol

from raftplay.raft.decisions import Configured
from raftplay.raft.messages import CMState
from raftplay.watch.text import command_text, count, or_dash


def role_text(state: CMState) -> str:
    """Return the role of a node as a word: "leader"; "down" for a crashed one."""
    return "down" if state is CMState.DEAD else str(state).lower()


def nodes_text(ids: Iterable[int], separator: str = " ") -> str:
    """Return some nodes in words: "node 3", "nodes 0 1 2", "no node"."""
    known = [str(id) for id in ids]
    if not known:
        return "no node"
    return f"node{'' if len(known) == 1 else 's'} {separator.join(known)}"


def verb(number: int, one: str, several: str) -> str:
    """Return the form of a verb for `number` things."""
    return one if number == 1 else several


def disk_text(current_term: int, voted_for: int, length: int) -> str:
    """Return the state on a disk as text."""
    return f"has on disk: term {current_term}, vote {or_dash(voted_for)}, {count(length, 'entry')}"


def options_text(options: Configured) -> str:
    """Return the options of a node that concern elections: "prevote on, checkquorum off, sticky on"."""
    switches = (("prevote", options.prevote), ("checkquorum", options.checkquorum), ("sticky", options.sticky))
    return ", ".join(f"{name} {'on' if on else 'off'}" for name, on in switches)


class ToldOfRequest(Protocol):
    """The answer that a client was told at the end of its request."""

    @property
    def request(self) -> object:
        """Return the command."""

    @property
    def ending(self) -> str:
        """Return "ok", "no", "unknown" or "refused"."""

    @property
    def why(self) -> str:
        """Return why it is unknown or refused."""

    @property
    def value(self) -> object:
        """Return the value that was read, or was there before."""

    @property
    def found(self) -> bool:
        """Return whether there was a value."""


def told_text(told: ToldOfRequest) -> str:
    """Return what a client was told in words: "ok", a value, "no: it is 2", "unknown: no answer within 2 s"."""
    if told.ending in ("unknown", "refused"):
        return f"{told.ending}: {told.why}"
    value = command_text(told.value, 40) if told.found else "nothing"
    if isinstance(told.request, dict) and told.request.get("kv") == "get":
        return value
    return "ok" if told.ending == "ok" else f"no: it is {value}"


class LinkTrouble(Protocol):
    """The faults of one direction of a link: probabilities from 0 to 1, delays in seconds."""

    @property
    def cut(self) -> bool:
        """Return whether the link loses every message."""

    @property
    def loss(self) -> float:
        """Return the probability that a message is lost, from 0 to 1."""

    @property
    def delay(self) -> tuple[float, float]:
        """Return the shortest and the longest delay in seconds."""

    @property
    def dup(self) -> float:
        """Return the probability that a message arrives twice, from 0 to 1."""


def span_text(low: float, high: float) -> str:
    """Return a range of seconds as text: "50..80ms", "0.4..3600s"; "80ms" if both are the same."""
    scale, unit = (1000, "ms") if high < 1000 else (1, "s")
    return f"{low * scale:g}..{high * scale:g}{unit}" if low != high else f"{high * scale:g}{unit}"


def disk_trouble_text(delay: tuple[float, float], *, stalls: bool, fails: bool) -> str:
    """Return what is wrong with a disk as text: "writes take 200ms"; "" if nothing is."""
    if fails:
        return "next write fails"
    if stalls:
        return "disk stalled"
    return f"writes take {span_text(*delay)}" if delay[1] > 0 else ""


def write_text(start: int, entries: int, *, vote: bool) -> str:
    """Return what a write holds as text: "term and vote, entries 5..7"."""
    last = start + entries - 1
    words = ["term and vote"] if vote else []
    words += [f"entry {start}" if last == start else f"entries {start}..{last}"] if entries > 0 else []
    return ", ".join(words) or "its log"


def clock_text(rate: float) -> str:
    """Return the speed of a node's clock as text: "clock at 1.5 times the speed"; "" if it is right."""
    return "" if rate == 1 else f"clock at {rate:g} times the speed"


def timing_text(election: tuple[float, float] | None, heartbeat: float | None) -> str:
    """Return the timings that a node alone has as text: "election=50..60ms heartbeat=20ms"; "" if none."""
    words = [f"election={span_text(*election)}"] if election else []
    words += [f"heartbeat={span_text(heartbeat, heartbeat)}"] if heartbeat is not None else []
    return " ".join(words)


def link_text(link: LinkTrouble) -> str:
    """Return the faults of a link as text: "cut, loss 20%, delay 50..80ms"."""
    words = [
        word
        for word, holds in (
            ("cut", link.cut),
            (f"loss {link.loss * 100:g}%", link.loss > 0),
            (f"delay {span_text(*link.delay)}", link.delay[1] > 0),
            (f"dup {link.dup * 100:g}%", link.dup > 0),
        )
        if holds
    ]
    return ", ".join(words) or "whole"
