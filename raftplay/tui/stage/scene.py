"""The content of the stage at one moment: a view, the messages that move, and what is pointed out.

A playhead makes the moving messages with their progress on the wall; `moving_of` makes them from a view alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal, TypeAlias

from raftplay.cluster.holding import Holding
from raftplay.past.view import InFlight, View
from raftplay.raft.messages import NONE, AppendEntriesArgs, Args, Reply, RPCRequest
from raftplay.watch import facts
from raftplay.watch.facts import Record

MessageKey: TypeAlias = tuple[int, bool]
"""A message: the number of its RPC, and whether it is the response."""

LOOK_BACK = 4000
"""The most records that are searched for the sending of a message."""

LOST_FOR = 0.015
"""The seconds of cluster time for which `moving_of` shows a loss."""


@dataclass(frozen=True, slots=True)
class Moving:
    """A message on the stage; `way` is the part of its way that it has come, from 0 to 1.

    `end` says how its way ends: "lost" is drawn as such when `way` is 1, and then with its `reason`; "held" stands
    still. `index` is the last index that a success confirms, -1 for none. `id` is its number in flight, else -1.
    """

    key: MessageKey
    src: int
    dst: int
    message: Args | Reply
    way: float = 0.5
    end: Literal["flying", "lost", "held", "arrived"] = "flying"
    reason: str = ""
    index: int = NONE
    id: int = NONE

    @property
    def target(self) -> tuple[str, int]:
        """Return what a click on it selects: the same as in the diagram of messages."""
        return ("message", self.key[0] * 2 + self.key[1])

    @property
    def is_lost(self) -> bool:
        """Return whether the message has come to where it is lost."""
        return self.end == "lost" and self.way >= 1


@dataclass(frozen=True, slots=True)
class Scene:
    """A moment on the stage.

    `pulse`: the leaders of which a round of unchanged heartbeats is passing. `flash`: the nodes whose term has
    just changed. `skip`: idle time is being skipped. `spotlight`: the node beside which all others are dimmed.
    `differs`: for each node in what it differs from the one of another branch, "" in nothing; none: not compared.
    """

    view: View
    moving: tuple[Moving, ...] = ()
    selected: int = 0
    pulse: tuple[int, ...] = ()
    flash: frozenset[int] = frozenset()
    skip: bool = False
    spotlight: int = NONE
    differs: tuple[str, ...] = ()


def scene_of(view: View, selected: int = 0) -> Scene:
    """Return the scene that a view alone shows: the pace is that of the cluster's clock, or the view is past."""
    return Scene(view, moving_of(view), selected)


def without_motion(scene: Scene) -> Scene:
    """Return `scene` with each message in the middle of its way, for a line that is too slow for motion."""
    moving = tuple(replace(message, way=0.5) if not message.is_lost else message for message in scene.moving)
    return replace(scene, moving=moving, pulse=())


def moving_of(view: View) -> tuple[Moving, ...]:
    """Return the messages in flight, as far as they have come, and those that were lost just now."""
    sendings = _sendings({key_of(message) for message in view.messages}, view.records)
    return (*(_moving(message, view, sendings) for message in view.messages), *_lost(view))


def confirmed(message: Args | Reply, request: Args | None) -> int:
    """Return the last index that `message`, a successful response to `request`, confirms; -1 if it is none."""
    if not isinstance(request, AppendEntriesArgs) or not request.entries or not getattr(message, "success", False):
        return NONE
    return request.prev_log_index + len(request.entries)


def key_of(message: InFlight) -> MessageKey:
    """Return the key of a message in flight."""
    return message.call_id, not isinstance(message.message, RPCRequest)


Sendings: TypeAlias = Mapping[MessageKey, Record]
"""The records of sending: by the keys of the messages, and of the requests of responses."""


def _sendings(wanted: set[MessageKey], records: Sequence[Record]) -> dict[MessageKey, Record]:
    """Return the last sending of each message in `wanted`, and of the requests of those that are responses.

    A message that is held one by one is found by that event instead.
    """
    missing = wanted | {(call_id, False) for call_id, _ in wanted}
    found: dict[MessageKey, Record] = {}
    for record in islice(reversed(records), LOOK_BACK):
        if not missing:
            break
        event: object = record.event
        match event:
            case facts.CallSent(call_id=call_id):
                key = call_id, False
            case facts.ReplySent(call_id=call_id):
                key = call_id, True
            case facts.MessageHeld(call_id=call_id, message=message):
                key = call_id, not isinstance(message, RPCRequest)
            case _:
                continue
        if key in missing:
            missing.discard(key)
            found[key] = record
    return found


def _moving(flight: InFlight, view: View, sendings: Sendings) -> Moving:
    key = key_of(flight)
    sent = sendings.get(key)
    way = 0.5
    if flight.due is not None and sent is not None:
        way = max(0.0, min(1.0, (view.snapshot.time - sent.time) / max(1e-9, flight.due - sent.time)))
        way *= 0.8 if flight.on_link else 1.0  # its receiver may delay it after its link
    index = confirmed(flight.message, _request(key, sendings))
    end: Literal["flying", "held"] = "held" if _is_held(flight, view, sent) else "flying"
    return Moving(key, flight.src, flight.dst, flight.message, way, end, index=index, id=flight.id)


def _is_held(flight: InFlight, view: View, sent: Record | None) -> bool:
    """Return whether a message is held; in the past, one that has not arrived since need not be."""
    if flight.due is not None or not view.rewound:
        return flight.due is None
    is_held = sent is not None and isinstance(sent.event, facts.MessageHeld)
    held = Holding.of(view.snapshot.held_links, view.snapshot.held_kinds)
    return is_held or held.holds(flight.src, flight.dst, flight.message)


def _request(key: MessageKey, sendings: Sendings) -> Args | None:
    record = sendings.get((key[0], False))
    return record.event.args if record is not None and isinstance(record.event, facts.CallSent) else None


def _lost(view: View) -> list[Moving]:
    """Return the messages that were lost within the last `LOST_FOR` seconds."""
    found = []
    for record in islice(reversed(view.records), LOOK_BACK):
        if record.time < view.snapshot.time - LOST_FOR:
            break
        event: object = record.event
        match event:
            case facts.CallLost(call_id, src, dst, message, reason):
                found.append(Moving((call_id, False), src, dst, message, 1.0, "lost", reason))
            case facts.ReplyLost(call_id, src, dst, reply, reason):
                found.append(Moving((call_id, True), src, dst, reply, 1.0, "lost", reason))
    return found
