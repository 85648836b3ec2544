"""What there is to see of a cluster at one moment, now or in the past, as one immutable value."""

from collections.abc import Sequence
from dataclasses import dataclass

from raftplay.cluster.snapshot import Snapshot
from raftplay.raft.messages import Args, Reply
from raftplay.watch.facts import Record
from raftplay.watch.invariants import Breach


@dataclass(frozen=True, slots=True)
class InFlight:
    """A call or a reply on its way. `due`: when it arrives, in cluster time; None while it is held.

    In the past, `due` is when it did arrive, or was lost; None if neither has happened since.
    `id` is the number that `deliver`, `lose` and `duplicate` take, -1 where it is not known (in the past).
    `call_id` is the number of the call, which its reply shares. `on_link`: `due` is only when it leaves its link.
    """

    id: int
    call_id: int
    src: int
    dst: int
    message: Args | Reply
    due: float | None
    on_link: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """A cluster at one moment, and how it came there.

    `records` are the events up to the moment, oldest first; `forgotten` earlier ones are not kept any more.
    `rewound`: the moment is past, and nothing that is shown is so now. `branch` names the future that is played,
    where there are several. `breach` is the first invariant that broke, if one did by then.
    """

    snapshot: Snapshot
    records: Sequence[Record]
    forgotten: int = 0
    messages: tuple[InFlight, ...] = ()
    rewound: bool = False
    branch: str = ""
    breach: Breach | None = None
