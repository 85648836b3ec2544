"""Tells newcomers what became of messages: those that are lost, held, doubled, or wait."""

from typing import assert_never

from raftplay.raft import decisions
from raftplay.raft.messages import (
    AppendEntriesArgs,
    AppendEntriesReply,
    Args,
    Reply,
    RequestVoteArgs,
    RequestVoteReply,
    RPCRequest,
)
from raftplay.raft.rpcs import OF
from raftplay.tui.stage.moment import Moment, entries_text, name, names, upper
from raftplay.tui.stage.telling.text import Told
from raftplay.watch import facts
from raftplay.watch.facts import Record
from raftplay.watch.text import visible

RECENT = 0.02
"""The seconds of cluster time within which a loss belongs to what was just sent."""


def message_fault(event: facts.MessageHeld | facts.Duplicated | facts.KeptWaiting) -> Told | None:
    """Tell what was done to a message; None where nobody would miss it."""
    if isinstance(event, facts.KeptWaiting) and _kind_text(event.message) in QUIET:
        return None
    what = message_text(event.src, event.dst, event.message)
    match event:
        case facts.MessageHeld():
            why = "It stays on its way until it is released, delivered or lost by hand."
            return Told(f"{what} is held.", why)
        case facts.Duplicated():
            return Told(f"{what} is doubled.", "A message may arrive twice: Raft must not mind (§5.5).")
        case facts.KeptWaiting():
            return Told(f"{what} waits: {name(event.dst)} is frozen.", "It is handled after the pause.")
        case _:
            assert_never(event)


def message_text(src: int, dst: int, message: Args | Reply) -> str:
    """Return a message in words: "n2's vote request to n0"."""
    return f"{name(src)}'s {_kind_text(message)} to {name(dst)}"


def _kind_text(message: Args | Reply) -> str:
    match message:
        case RequestVoteArgs(pre_vote=pre_vote):
            return "pre-vote request" if pre_vote else "vote request"
        case AppendEntriesArgs(entries=()):
            return "heartbeat"
        case AppendEntriesArgs(entries=entries):
            return f"message with {entries_text(entries)}"
        case RequestVoteReply(vote_granted=granted):
            return '"yes"' if granted else '"no"'
        case AppendEntriesReply(success=success):
            return '"ok"' if success else "rejection"
        case RPCRequest():
            return OF[type(message)].noun
        case _:
            return f"answer to the {OF[type(message)].noun}"


QUIET = ("heartbeat", '"ok"')
"""Messages of which a loss or a wait is not told."""


LOSSES = {
    "partition": "The partition is between them",
    "cut": "The link is cut",
    "loss": "The link loses messages",
    "disconnected": "One of the two is cut off",
    "crash": "One of the two is down",
    "frozen": "The process of one of the two stands still",
    "unreliable": "The network is set to be unreliable",
    "by hand": "It was lost by hand",
    facts.NOT_SENT: "The connection is broken",
}
"""The reasons why a message is lost, as sentences."""


def lost(src: int, dst: int, message: Args | Reply, reason: str, record: Record, moment: Moment) -> Told | None:
    """Tell of a loss; those of the same node at about the same time are told as one."""
    kind = _kind_text(message)
    if kind in (*QUIET, '"no"') or reason == "not awaited":
        return None
    if isinstance(message, AppendEntriesArgs) and not _is_first_try(src, message, record, moment):
        return None
    to = {dst}
    for earlier in moment.before(record):
        event: object = earlier.event
        match event:
            case facts.CallLost(src=other, dst=peer, args=same) | facts.ReplyLost(src=other, dst=peer, reply=same):
                if other == src and _kind_text(same) == kind:
                    to.add(peer)
    why = f"{LOSSES.get(reason, upper(visible(reason)))}."
    are = f"{kind} to {name(dst)} is" if len(to) == 1 else f"{_plural(kind)} to {names(sorted(to))} are"
    return Told(f"{name(src)}'s {are} lost.", f"{why} {_after_loss(message)}")


def _plural(kind: str) -> str:
    """Return the words for several messages of a kind."""
    first, space, rest = kind.partition(" with ")
    return f"{first}s{space}{rest}" if first.endswith(("message", "request")) else kind


def _is_first_try(src: int, message: AppendEntriesArgs, record: Record, moment: Moment) -> bool:
    """Return whether `src` has just appended an entry of `message`: later losses of it are no news."""
    for earlier in moment.before(record):
        if earlier.time < record.time - RECENT:
            return False
        event: object = earlier.event
        match event:
            case decisions.EntryAppended(index=index) if earlier.node == src:
                return index > message.prev_log_index
    return False


def _after_loss(message: Args | Reply) -> str:
    rpc = OF[type(message)]
    return rpc.loss if isinstance(message, RPCRequest) else rpc.reply_loss
