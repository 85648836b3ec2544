"""Minimizes the steps of a walk that violates an invariant, so that a person can read them.

A message keeps no number when steps before it go, so it is known by its content: link, terms and indices. A step
that has become impossible is left out.
"""

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import NamedTuple

from msgspec.structs import replace as changed

from raftplay.cluster.raised import FAILURES
from raftplay.cluster.stuck import watchdog
from raftplay.explore.walks.bare import BareCluster, BareMessage
from raftplay.explore.walks.verdicts import NO_RETURN, failure_of
from raftplay.explore.walks.walk import DRAWN, WalkPlan, WalkResult, WalkStep
from raftplay.raft.messages import LEADER, AppendEntriesArgs, Args, Reply
from raftplay.raft.values import named_args

FEWEST_NODES = 2


class Content(NamedTuple):
    """A message without its number and commands: what it is known by."""

    src: int
    dst: int
    args: Args
    terms: tuple[int, ...]
    reply: Reply | None

    @classmethod
    def of(cls, message: BareMessage) -> "Content":
        """Return the content of a message."""
        args = message.args
        terms: tuple[int, ...] = ()
        if isinstance(args, AppendEntriesArgs):
            terms = tuple(entry.term for entry in args.entries)
            args = changed(args, entries=())
        return cls(message.src, message.dst, args, terms, message.reply)


@dataclass(frozen=True, slots=True)
class Known:
    """A step whose message, if it has one, is known by its content."""

    kind: str
    node: int = 0
    content: Content | None = None


def shrink_walk(found: WalkResult, limit: float = 60.0) -> WalkResult:
    """Return the smallest walk found, within `limit` seconds of wall time, that violates the same invariant."""
    assert found.broken is not None
    until = time.monotonic() + limit
    name, best = found.broken[0], found
    if name.startswith(NO_RETURN):
        return found  # each try would wait for the watchdog
    try:
        known = _known(found)
    except FAILURES:  # its code raises before the first step
        known = []

    def takes(plan: WalkPlan, steps: list[Known]) -> bool:
        nonlocal best, known
        result, taken = replayed(plan, steps)
        if result.broken is None or result.broken[0] != name:
            return False
        best, known = result, taken
        return True

    before = None
    while before != (best.plan.nodes, len(known)) and time.monotonic() < until:
        before = best.plan.nodes, len(known)
        for option in DRAWN:
            if getattr(best.plan.raft, option):
                takes(replace(best.plan, raft=replace(best.plan.raft, **{option: False})), known)
        for gone in reversed(range(best.plan.nodes)):
            if best.plan.nodes > FEWEST_NODES:
                takes(replace(best.plan, nodes=best.plan.nodes - 1), _without_node(known, gone))
        for at, step in enumerate(known):
            if step.kind == "duplicate" and at < len(known):
                takes(best.plan, [*known[:at], replace(step, kind="deliver"), *known[at + 1 :]])
        _fewer_steps(lambda: known, lambda steps: takes(best.plan, steps), until)
    return best


def _fewer_steps(steps: Callable[[], list[Known]], takes: Callable[[list[Known]], bool], until: float) -> None:
    """Leave out runs of steps, shorter and shorter ones, as long as the violation stays."""
    size = max(1, len(steps()) // 2)
    while size >= 1:
        at = len(steps()) - size
        while at > -size and time.monotonic() < until:
            here = steps()
            start = max(at, 0)
            takes([*here[:start], *here[start + size :]])
            at = min(at, len(steps())) - size
        size //= 2


def _known(result: WalkResult) -> list[Known]:
    """Return the steps of a walk with the contents of their messages."""
    cluster, known = result.plan.cluster(), []
    for kind, what in result.steps:
        message = _numbered(cluster, what) if kind in MESSAGE_STEPS else None
        known.append(Known(kind, what) if message is None else Known(kind, content=Content.of(message)))
        with suppress(Exception):  # the last step may raise
            take(cluster, kind, what, message)
    return known


def replayed(plan: WalkPlan, steps: Iterable[Known]) -> tuple[WalkResult, list[Known]]:
    """Take the steps that are possible, up to a violation; return the walk, and the steps taken."""
    taken: list[Known] = []
    numbers: list[WalkStep] = []
    try:
        with watchdog(lambda: len(taken)):
            broken = _replay(plan, steps, taken, numbers)
    except FAILURES as error:
        broken = failure_of(error)
    return WalkResult(plan, tuple(numbers), broken), taken


def _replay(
    plan: WalkPlan, steps: Iterable[Known], taken: list[Known], numbers: list[WalkStep]
) -> tuple[str, str] | None:
    """Take the steps that are possible, and append them; return the violation, or None."""
    cluster = plan.cluster()
    for step in steps:
        if cluster.verdicts.broken is not None:
            break
        message, what = None, step.node
        if step.content is not None:
            message = _like(cluster, step.content)
            if message is None:
                continue
            what = message.id
            taken.append(Known(step.kind, content=Content.of(message)))
        elif _possible(cluster, step):
            taken.append(step)
        else:
            continue
        numbers.append((step.kind, what))
        take(cluster, step.kind, what, message)
    return cluster.verdicts.broken


MESSAGE_STEPS = ("deliver", "duplicate", "lose")


def take(cluster: BareCluster, kind: str, what: int, message: BareMessage | None) -> None:
    """Take one step."""
    match kind, message:
        case "deliver", BareMessage():
            cluster.bag.remove(message)
            cluster.arrive(message)
        case "duplicate", BareMessage():
            cluster.arrive(message)
        case "lose", BareMessage():
            cluster.lose(message)
        case "timeout", _:
            cluster.time_out(what)
        case "submit", _:
            cluster.submit(what)
        case "transfer", _:
            cluster.transfer(what)
        case "snapshot", _:
            cluster.snapshot(what)
        case "sleep", _:
            cluster.sleep()
        case "crash", _:
            cluster.crash(what)
        case "restart", _:
            cluster.restart(what)


def _possible(cluster: BareCluster, step: Known) -> bool:
    if step.kind == "sleep":
        return True
    node = cluster.nodes[step.node]
    match step.kind:
        case "timeout":
            return node.up and node.cm.state is not LEADER
        case "submit":
            return node.cm.state is LEADER
        case "transfer":
            return bool(cluster.leaders)
        case "crash" | "snapshot":
            return node.up
    return not node.up


def _numbered(cluster: BareCluster, id: int) -> BareMessage | None:
    cluster.settle()
    return next((message for message in cluster.bag if message.id == id), None)


def _like(cluster: BareCluster, content: Content) -> BareMessage | None:
    """Return the message of this content, else the last one of its kind on its link."""
    cluster.settle()  # the message may be one that a submit sends
    close = None
    for message in cluster.bag:
        if message.src == content.src and message.dst == content.dst:
            if Content.of(message) == content:
                return message
            alike = type(message.args) is type(content.args) and (message.reply is None) == (content.reply is None)
            close = message if alike else close
    return close


def _without_node(steps: Iterable[Known], gone: int) -> list[Known]:
    """Return the steps that do not concern node `gone`; nodes above it are numbered one less."""

    def now(id: int) -> int:
        return id - (id > gone)

    left = []
    for step in steps:
        content = step.content
        if content is None:
            if step.kind == "sleep" or step.node != gone:
                left.append(replace(step, node=now(step.node)))
        elif gone not in (content.src, content.dst):
            args = content.args
            args = named_args(args, now)
            left.append(
                replace(step, content=content._replace(src=now(content.src), dst=now(content.dst), args=args))
            )
    return left
