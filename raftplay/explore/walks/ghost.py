"""The inputs that a node must ignore: those of another time, and the rejection of another request than its probe.

A driver stops a node for good, wakes it when its timer is due, and reports a failed request at once. The algorithm
must not depend on that: when a node crashes, copies of it get what comes too early, too late, or after its end.
"""

import math
import random
from collections.abc import Callable, Iterable
from functools import partial
from itertools import islice

from raftplay.explore.walks import duties
from raftplay.explore.walks.duties import Broken
from raftplay.raft import decisions
from raftplay.raft.consensus import ConsensusModule
from raftplay.raft.messages import (
    LEADER,
    NONE,
    AppendEntriesArgs,
    AppendEntriesReply,
    Args,
    CMState,
    Reply,
    RequestVoteArgs,
    RequestVoteReply,
)
from raftplay.raft.progress import Mode
from raftplay.raft.rpcs import OF
from raftplay.raft.rule_names import Rule
from raftplay.raft.storage import MapStorage
from raftplay.watch.invariants import names

Sent = tuple[int, Args, Reply | None]
"""A message: the other node, the request, and its reply if this is one."""

ONE_PROBE = "one probe"
"""The name of a violation: a leader that probes a peer's log sends the next probe before it needs one."""

LOST = "not sent again"
"""The name of a violation: a leader forgets entries that it could not send."""

UNTOLD = "untold"
"""The name of a violation: a node tells no decision on a message."""

LONG = 5.0
"""Seconds between two messages, for a look at the timer."""

STANDS = (CMState.CANDIDATE, CMState.PRE_CANDIDATE)
"""The states of a node that waits for votes."""

MOST_TRIED = 6
"""The number of messages that are tried."""


class NoDice(random.Random):
    """Draws the shortest timeouts, and nothing from the dice of the walk."""

    def random(self) -> float:
        """Return 0."""
        return 0.0


def ghost_of(cm: ConsensusModule, storage: MapStorage) -> ConsensusModule:
    """Return a copy of a node over a copy of its storage."""
    ghost = cm.clone(storage.clone())
    ghost._rng = NoDice()
    return ghost


def judged(
    cm: ConsensusModule, storage: MapStorage, sent: Iterable[Sent], received: Iterable[Sent], now: float
) -> Broken | None:
    """Return the first input that copies of a node do not treat as they must, at its time and after its end.

    `sent` are requests of its own that are in flight, `received` are messages to it.
    """
    sent, received = list(islice(sent, MOST_TRIED)), list(islice(received, MOST_TRIED))
    ghost = ghost_of(cm, storage)
    told: list[decisions.Decision] = []
    ghost.observe = told.append
    return (
        duties.alone(cm)
        or _too_early(ghost, told, sent, now)
        or _at_another_time(ghost, told, received, now)
        or _after_the_end(ghost_of(cm, storage), sent, received, now)
    )


def _too_early(
    ghost: ConsensusModule, told: list[decisions.Decision], sent: Iterable[Sent], now: float
) -> Broken | None:
    for peer, args, _ in sent:
        if _is_of_the_past(ghost, args):
            if _acts(ghost, told, partial(ghost.call_failed, peer, args, now)):
                return names.REPLY_OF_ITS_TERM, f"n{ghost.id} heeds that a request of the past failed: {args}"
        elif isinstance(args, AppendEntriesArgs) and not _resends(ghost, peer, args, now):
            return LOST, f"n{ghost.id} does not send again what it could not send to n{peer}: {args}"
    if now < ghost.deadline and _acts(ghost, told, partial(ghost.wake, now)):
        return names.TIMER_RULES, f"n{ghost.id} acts when it is woken before its timer is due"
    if ghost.state is LEADER and _acts(ghost, told, partial(_fires, ghost, now)):
        return names.TIMER_RULES, f"n{ghost.id} leads, and has an election timer"
    return None


def _resends(ghost: ConsensusModule, peer: int, args: AppendEntriesArgs, now: float) -> bool:
    """Return whether a leader that could not send a request will send its entries again."""
    ghost.call_failed(peer, args, now)
    assert ghost._leadership is not None
    progress = ghost._leadership.progress[peer]
    return progress.next <= max(progress.match, args.prev_log_index) + 1


def _fires(ghost: ConsensusModule, now: float) -> None:
    ghost.time_out(now)
    ghost.set_timer(now, now)


def _at_another_time(
    ghost: ConsensusModule, told: list[decisions.Decision], received: Iterable[Sent], now: float
) -> Broken | None:
    """Judge the timer, and what is told, if each message arrives long after the one before."""
    for peer, args, reply in received:
        now += LONG
        deadline, stands = ghost.deadline, ghost.state in STANDS
        told.clear()
        if reply is not None:
            ghost.reply_received(peer, args, reply, now)
        else:
            ghost.request_received(args, now)
        least = ghost.config.heartbeat if ghost.state is LEADER else ghost.config.election_min
        if ghost.deadline != deadline and ghost.deadline < now + least:
            return names.TIMER_RULES, f"n{ghost.id} sets its timer to {ghost.deadline:.4f} s at {now:.4f} s"
        if not told and (reply is None or _must_tell(reply, stands=stands)):
            return UNTOLD, f"n{ghost.id} tells no decision on {args if reply is None else reply}"
        if any(_is_misjudged(ghost, decision) for decision in told):
            return UNTOLD, f"n{ghost.id} tells as outdated what it had to heed: {args}"
    now += LONG
    told.clear()
    if ghost.state is LEADER:
        ghost.wake(max(now, ghost.deadline))
        return None if told else (UNTOLD, f"n{ghost.id} tells nothing when its heartbeats are due")
    ghost.set_timer(now - 1.0, now - LONG)
    was_set = ghost.deadline == now - 1.0
    told.clear()
    ghost.time_out(now)
    if not was_set or not told or ghost.deadline < now:
        return names.TIMER_RULES, f"n{ghost.id} does not heed its election timer"
    return None


def _must_tell(reply: Reply, *, stands: bool) -> bool:
    """Return whether a node tells a decision on a reply in any case; `stands`: it was a candidate."""
    if isinstance(reply, RequestVoteReply):
        return not stands
    return isinstance(reply, AppendEntriesReply) and not reply.success


def _is_misjudged(ghost: ConsensusModule, decision: decisions.Decision) -> bool:
    """Return whether a leader calls a rejection outdated that tells it something of the peer's log."""
    if not isinstance(decision, decisions.ReplyIgnored) or decision.rule != Rule.OUTDATED:
        return False
    known = -1 if ghost._leadership is None else ghost._leadership.progress[decision.peer].match
    return isinstance(decision.args, AppendEntriesArgs) and decision.args.prev_log_index > known


def _after_the_end(
    ghost: ConsensusModule, sent: Iterable[Sent], received: Iterable[Sent], now: float
) -> Broken | None:
    if ghost.state is LEADER:
        ghost.submit(0)
    else:
        ghost.time_out(now)
        ghost.persist(now)
    told: list[decisions.Decision] = []
    ghost.observe = told.append
    ghost.stop()
    if [type(decision) for decision in told] != [decisions.Stopped] or ghost.deadline < math.inf:
        return names.DEAD_IS_DEAD, f"n{ghost.id} stops, tells {told}, and wakes at {ghost.deadline}"
    told.clear()
    before = ghost.fingerprint()
    for name, call in _late(ghost, sent, received, now):
        if call() or told:
            return names.DEAD_IS_DEAD, f"n{ghost.id} has stopped, and acts on {name}"
    if before != ghost.fingerprint() or ghost.deadline < math.inf:
        return names.DEAD_IS_DEAD, f"n{ghost.id} has stopped, and its state changes"
    return None


def waits_for_another(cm: ConsensusModule, peer: int, args: Args, reply: Reply) -> bool:
    """Return whether a leader that probes the log of `peer` gets the rejection of another request."""
    leadership = cm._leadership
    if leadership is None or reply.term != cm.current_term or not isinstance(reply, AppendEntriesReply):
        return False
    progress = leadership.progress[peer]
    probes = progress.mode is Mode.PROBE and progress.probe is not args and args.term == cm.current_term
    return probes and not reply.success and peer not in leadership.due


def retries(cm: ConsensusModule, peer: int) -> bool:
    """Return whether a leader is about to send a request to `peer`."""
    return cm._leadership is not None and peer in cm._leadership.due


def _is_of_the_past(ghost: ConsensusModule, args: Args) -> bool:
    return ghost.state is not LEADER or isinstance(args, RequestVoteArgs) or args.term != ghost.current_term


def _late(
    ghost: ConsensusModule, sent: Iterable[Sent], received: Iterable[Sent], now: float
) -> Iterable[tuple[str, Callable[[], object]]]:
    """Give everything that may come after the end of a node, with its name."""
    yield "stop", ghost.stop
    yield "persist", partial(ghost.persist, now)
    yield "take_commits", ghost.take_commits
    yield "take_calls", ghost.take_calls
    yield "wake", partial(ghost.wake, now + 1e6)
    yield "time_out", partial(ghost.time_out, now)
    yield "set_timer", partial(ghost.set_timer, now, now)
    yield "submit", lambda: ghost.submit(0, now) != NONE
    yield "start", partial(ghost.start, now)
    for peer, args, _ in sent:
        yield "a failed request", partial(ghost.call_failed, peer, args, now)
    for peer, args, reply in received:
        if reply is not None:
            yield "a reply", partial(ghost.reply_received, peer, args, reply, now)
        else:
            yield OF[type(args)].name, partial(_term_of, partial(ghost.request_received, args, now))


def _term_of(ask: Callable[[], Reply]) -> int:
    """Return the term of the reply to a request; that of a stopped node is 0."""
    return ask().term


def _acts(ghost: ConsensusModule, told: list[decisions.Decision], call: Callable[[], object]) -> bool:
    """Return whether a call changes the node, tells anything, or returns anything."""
    told.clear()
    before = ghost.deadline, ghost.fingerprint()
    returned = call()
    return bool(returned or told) or before != (ghost.deadline, ghost.fingerprint())
