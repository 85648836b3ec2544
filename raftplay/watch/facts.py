"""What happened to a cluster besides its nodes' decisions: on the wire, and by the hand of a user.

Each fact is published once, by the part that owns it. `Record` gives it its place in the total order.
"""

import msgspec

from raftplay.raft.decisions import Decision, NodeState
from raftplay.raft.messages import Args, LogEntry, Reply


class Fact(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """Base of all that is no decision of a node."""


NOT_SENT = "connection broken"
"""Why a call is lost that its node knows not to have left: the connection broke, or takes no more."""


class CallSent(Fact, frozen=True, gc=False):
    """A call left its node; `call_id` is its own in the whole cluster. `by_user`: made by `Server.call`.

    `copies`: how many of it are under way, as a link may double what it carries.
    """

    call_id: int
    src: int
    dst: int
    args: Args
    by_user: bool = False
    copies: int = 1


class CallDelivered(Fact, frozen=True, gc=False):
    """A call was handed to the node that it is for; a duplicate is delivered twice."""

    call_id: int
    src: int
    dst: int
    args: Args


class CallLost(Fact, frozen=True, gc=False):
    """A call will not be delivered, for the `reason` given."""

    call_id: int
    src: int
    dst: int
    args: Args
    reason: str


class ReplySent(Fact, frozen=True, gc=False):
    """The answer to a call left, or `copies` of it; `src` is who answers."""

    call_id: int
    src: int
    dst: int
    reply: Reply
    copies: int = 1


class ReplyDelivered(Fact, frozen=True, gc=False):
    """The answer was handed to the caller."""

    call_id: int
    src: int
    dst: int
    reply: Reply


class ReplyLost(Fact, frozen=True, gc=False):
    """The answer will not be delivered, for the `reason` given."""

    call_id: int
    src: int
    dst: int
    reply: Reply
    reason: str


class Duplicated(Fact, frozen=True, gc=False):
    """A copy of a call or reply in flight was made by hand, and goes on ahead of it."""

    call_id: int
    src: int
    dst: int
    message: Args | Reply


class KeptWaiting(Fact, frozen=True, gc=False):
    """A call or reply came to a node that is frozen, which handles it when it goes on."""

    call_id: int
    src: int
    dst: int
    message: Args | Reply


class Submitted(Fact, frozen=True, gc=False):
    """A command was submitted to a node; `index` is -1 where the node did not lead."""

    command: object
    index: int


ITS_CODE = "its code "
"""How the cause of a crash begins where the node's own code failed; else its disk did."""


class Crashed(Fact, frozen=True, gc=False, omit_defaults=True):
    """A node was stopped; its storage stays. `cause`: how its disk or code failed, if that is why."""

    cause: str = ""


class Restarted(Fact, frozen=True, gc=False):
    """A new server runs over the node's old storage."""


class OnDisk(Fact, frozen=True, gc=False):
    """What storage would give back at the next restart of a node, told where `Persisted` does not say it.

    That is so after a torn write, and after a write of a process that had crashed (bug zombie).
    """

    current_term: int
    voted_for: int
    entries: tuple[LogEntry, ...]


class Tearing(Fact, frozen=True, gc=False):
    """A node will crash in the middle of its next write, after `sets` of its parts."""

    sets: int


class Wiped(Fact, frozen=True, gc=False):
    """A node lost what was on its disk. `empty`: there was nothing on it, so the node may come back."""

    empty: bool = False


class Disconnected(Fact, frozen=True, gc=False):
    """A node was cut from all others, both ways."""


class Reconnected(Fact, frozen=True, gc=False):
    """A node was connected to the others again."""


class Frozen(Fact, frozen=True, gc=False):
    """A node's process stalls."""


class Thawed(Fact, frozen=True, gc=False):
    """A node's process goes on."""


class TimedOut(Fact, frozen=True, gc=False):
    """A node's election timer was made to fire."""


class Dropping(Fact, frozen=True, gc=False):
    """A node's proxy drops calls after the next `after`; -1 for not any more."""

    after: int


class Partitioned(Fact, frozen=True, gc=False):
    """The nodes were split into groups that cannot talk to each other."""

    groups: tuple[tuple[int, ...], ...]


class Healed(Fact, frozen=True, gc=False):
    """All links are whole again."""


class LinkChanged(Fact, frozen=True, gc=False):
    """The faults of one direction of a link are now these (delays in seconds)."""

    src: int
    dst: int
    cut: bool
    loss: float
    delay: tuple[float, float]
    dup: float


class LinkHeld(Fact, frozen=True, gc=False):
    """What leaves in one direction of a link stays in flight from now on, or does no more."""

    src: int
    dst: int
    held: bool


class MessageHeld(Fact, frozen=True, gc=False):
    """A call or reply in flight stays there until it is released, delivered or lost by hand."""

    call_id: int
    src: int
    dst: int
    message: Args | Reply


class Record(msgspec.Struct, frozen=True, gc=False):
    """One event in the total order: number, cluster time, whose it is (-1 = the cluster's), the state after.

    `incarnation` counts the restarts of the node; `after` is set for decisions.
    """

    seq: int
    time: float
    node: int
    incarnation: int
    event: Decision | Fact
    after: NodeState | None = None
