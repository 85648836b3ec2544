"""A cluster at one moment, now or in the past, as one immutable value."""

from collections.abc import Sequence
from dataclasses import dataclass

from raftplay.cluster.snapshot import Snapshot
from raftplay.raft.messages import Args, Reply
from raftplay.watch.facts import Record
from raftplay.watch.invariants import Breach


@dataclass(frozen=True, slots=True)
class InFlight:
    """A request or response in flight. `due`: when it arrives, in cluster time; None while it is held.

    In the past, `due` is when it did arrive or was lost; None if neither has happened since. `id` is the number
    that `deliver`, `lose` and `duplicate` take, -1 where it is not known (in the past). `call_id` is the number of
    the RPC, which request and response share. `on_link`: at `due` it only leaves its link.
    `held`: it was held at that moment of the past; a held message of the present has no `due`.
    """

    id: int
    call_id: int
    src: int
    dst: int
    message: Args | Reply
    due: float | None
    on_link: bool = False
    held: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """A cluster at one moment, and the events that led to it.

    `records` are the events up to the moment, oldest first; `forgotten` earlier ones are not kept any more.
    `rewound`: the moment is past, and the view does not show the present. `branch` names the future that is
    played, where there are several. `breach` is the first violation of an invariant, if there was one by then.
    """

    snapshot: Snapshot
    records: Sequence[Record]
    forgotten: int = 0
    messages: tuple[InFlight, ...] = ()
    rewound: bool = False
    branch: str = ""
    breach: Breach | None = None
