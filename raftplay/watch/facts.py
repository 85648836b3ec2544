"""The events of a cluster besides its nodes' decisions: messages on the network, and acts of the user.

Each fact is published once, by the part that owns it. `Record` holds its place in the total order. A fault says
itself, in `words`, what happened, and in `effect` what follows; narrator.py has the words for messages.
client_facts.py has the events of clients, which are facts, too.
"""

from typing import TypeAlias, get_args

import msgspec

from raftplay.raft.decisions import Decision, NodeState
from raftplay.raft.messages import NONE, Args, CommitEntry, Entry, Reply
from raftplay.watch.client_facts import ClientEvent
from raftplay.watch.fact_base import FactBase, FaultBase
from raftplay.watch.text import count
from raftplay.watch.words import disk_text, link_text, span_text, timing_text, write_text

NOT_SENT = "connection broken"
"""The reason of a lost request that its node knows to be unsent: the connection is broken or full."""


class CallSent(FactBase, frozen=True, gc=False):
    """A node sent a request; `call_id` is unique in the cluster. `by_user`: made by `Server.call`.

    `copies` is the number of copies in flight, as a link may duplicate a message.
    """

    call_id: int
    src: int
    dst: int
    args: Args
    by_user: bool = False
    copies: int = 1


class CallDelivered(FactBase, frozen=True, gc=False):
    """A request was delivered to its destination; a duplicate is delivered twice."""

    call_id: int
    src: int
    dst: int
    args: Args


class CallLost(FactBase, frozen=True, gc=False):
    """A request will not be delivered, for this `reason`."""

    call_id: int
    src: int
    dst: int
    args: Args
    reason: str


class ReplySent(FactBase, frozen=True, gc=False):
    """Node `src` sent the reply to a request, or `copies` of it."""

    call_id: int
    src: int
    dst: int
    reply: Reply
    copies: int = 1


class ReplyDelivered(FactBase, frozen=True, gc=False):
    """A reply was delivered to the node that sent the request."""

    call_id: int
    src: int
    dst: int
    reply: Reply


class ReplyLost(FactBase, frozen=True, gc=False):
    """A reply will not be delivered, for this `reason`."""

    call_id: int
    src: int
    dst: int
    reply: Reply
    reason: str


class Duplicated(FactBase, frozen=True, gc=False):
    """The user duplicated a request or reply in flight; the copy travels ahead of it."""

    call_id: int
    src: int
    dst: int
    message: Args | Reply


class KeptWaiting(FactBase, frozen=True, gc=False):
    """A request or reply arrived at a frozen node, which handles it when its process resumes."""

    call_id: int
    src: int
    dst: int
    message: Args | Reply


class Submitted(FactBase, frozen=True, gc=False, omit_defaults=True):
    """A command was submitted to a node; `index` is -1 if the node did not lead, or handed its leadership over.

    `successor`: the node to which it handed over, if it refused for that; else -1.
    """

    command: object
    index: int
    successor: int = -1


ITS_CODE = "its code "
"""The beginning of a crash's cause if the node's code failed; otherwise its disk failed."""


class Crashed(FaultBase, frozen=True, gc=False, omit_defaults=True):
    """A node crashed; its storage stays. `cause` is the failure of its disk or code, if that was the reason."""

    cause: str = ""

    @property
    def words(self) -> str:
        """Return what happened, without the node: "crashes"."""
        return f"crashes: {self.cause}" if self.cause else "crashes"


class Restarted(FaultBase, frozen=True, gc=False, omit_defaults=True):
    """A new server started with the node's old storage. `empty`: its disk came back blank."""

    empty: bool = False

    @property
    def words(self) -> str:
        """Return what happened, without the node: "restarts"."""
        return "restarts with a blank disk: Raft promises nothing from now on" if self.empty else "restarts"


class StateRestored(FaultBase, frozen=True, gc=False, omit_defaults=True):
    """The node's state machine was restored from a snapshot up to `index`: to what these commits lead to.

    `digest` is a hash of the user's state machine after that, "" if there is none.
    """

    index: int
    commits: tuple[CommitEntry, ...]
    digest: str = ""

    effect = "Its log begins after that entry: the snapshot stands for all entries before (§7)."

    @property
    def words(self) -> str:
        """Return what happened, without the node: "restores the state after entry 41"."""
        return f"restores the state after entry {self.index}"


class StateImaged(FaultBase, frozen=True, gc=False):
    """The node made an image of its state machine after entry `index`, for a snapshot; `digest` is its hash."""

    index: int
    digest: str

    @property
    def words(self) -> str:
        """Return what happened, without the node: "makes an image of the state after entry 41"."""
        return f"makes an image of its state after entry {self.index}"


class OnDisk(FaultBase, frozen=True, gc=False, omit_defaults=True):
    """The state that a node would read from storage at its next restart, if no `Persisted` told it.

    This happens after a torn write, and after a write of a process that goes on after its crash.
    """

    current_term: int
    voted_for: int
    entries: tuple[Entry, ...]
    base_index: int = NONE
    base_term: int = NONE

    @property
    def words(self) -> str:
        """Return what happened, without the node: "has on disk: term 2, vote 1, 3 entries"."""
        return disk_text(self.current_term, self.voted_for, self.base_index + 1 + len(self.entries))


class Tearing(FaultBase, frozen=True, gc=False):
    """A node will crash in the middle of its next write (torn write), after `sets` of its parts."""

    sets: int

    @property
    def words(self) -> str:
        """Return what happened, without the node: "will crash in its next write, after 1 part of it"."""
        return f"will crash in its next write, after {count(self.sets, 'part')} of it"


class DiskChanged(FaultBase, frozen=True, gc=False):
    """The disk of a node changed: each write takes `delay` (s), none ends (`stalls`), or the next one `fails`."""

    delay: tuple[float, float]
    stalls: bool
    fails: bool

    @property
    def words(self) -> str:
        """Return what happened, without the node: "has a slow disk: each write takes 200ms"."""
        if self.fails:
            return "will fail in its next write"
        if self.stalls:
            return "has a disk that stalls: no write ends"
        return (
            f"has a slow disk: each write takes {span_text(*self.delay)}" if self.delay[1] else "has a good disk"
        )


class WriteWaits(FaultBase, frozen=True, gc=False):
    """A write of a node waits for its slow disk, or (not `waits`) has waited long enough.

    It holds the entries from index `start` on, `entries` of them, and with `vote` term and vote.
    """

    waits: bool
    start: int
    entries: int
    vote: bool

    @property
    def words(self) -> str:
        """Return what happened, without the node: "waits for its disk to write entry 5"."""
        if not self.waits:
            return "can write to its disk now"
        return f"waits for its disk to write {write_text(self.start, self.entries, vote=self.vote)}"


class ClockChanged(FaultBase, frozen=True, gc=False):
    """The clock of a node runs at another `rate`: so many seconds per second of cluster time."""

    rate: float

    @property
    def words(self) -> str:
        """Return what happened, without the node: "has a clock that runs at 1.5 times the speed"."""
        return f"has a clock that runs at {self.rate:g} times the speed" if self.rate != 1 else "has a right clock"


class TimingChanged(FaultBase, frozen=True, gc=False):
    """A node got timings of its own, in seconds of its clock; None for those of the cluster."""

    election: tuple[float, float] | None
    heartbeat: float | None

    @property
    def words(self) -> str:
        """Return what happened, without the node: "has its own timing: election=50..60ms"."""
        own = timing_text(self.election, self.heartbeat)
        return f"has its own timing: {own}" if own else "has the timing of the cluster"


class Wiped(FaultBase, frozen=True, gc=False):
    """A node's disk was wiped. `empty`: there was nothing on it, so the node may come back."""

    empty: bool = False

    words = "has lost its disk"


class Disconnected(FaultBase, frozen=True, gc=False):
    """A node was disconnected from all others, in both directions."""

    words = "is disconnected"


class Reconnected(FaultBase, frozen=True, gc=False):
    """A node was reconnected to the others."""

    words = "is no longer disconnected"
    effect = "It hears of the current term, and follows its leader (§5.1)."


class Frozen(FaultBase, frozen=True, gc=False):
    """A node's process was paused."""

    words = "freezes"


class Thawed(FaultBase, frozen=True, gc=False):
    """A node's process resumed."""

    words = "thaws"
    effect = "It does not know that time has passed: its term and role may be old (§5.1)."


class TimedOut(FaultBase, frozen=True, gc=False):
    """A node's election timer was fired by hand."""

    words = "has its election timer fired by hand"


class Dropping(FaultBase, frozen=True, gc=False):
    """A node's proxy drops requests after the next `after`; -1 means that it drops none."""

    after: int

    @property
    def words(self) -> str:
        """Return what happened, without the node: "drops RPCs after 2 more"."""
        return f"drops RPCs after {self.after} more" if self.after >= 0 else "drops RPCs no more"


class Partitioned(FaultBase, frozen=True, gc=False):
    """The nodes were partitioned into groups that cannot reach each other."""

    groups: tuple[tuple[int, ...], ...]

    @property
    def words(self) -> str:
        """Return what happened, without the node: "partition: 0 1 | 2"."""
        return f"partition: {' | '.join(' '.join(map(str, g)) for g in self.groups)}"


class Healed(FaultBase, frozen=True, gc=False):
    """All links were restored."""

    words = "all links are whole"


class LinkChanged(FaultBase, frozen=True, gc=False):
    """The faults of one direction of a link changed to these (`delay` in seconds)."""

    src: int
    dst: int
    cut: bool
    loss: float
    delay: tuple[float, float]
    dup: float

    @property
    def words(self) -> str:
        """Return what happened, without the node: "link 0→1: cut"."""
        return f"link {self.src}→{self.dst}: {link_text(self)}"


class LinkHeld(FaultBase, frozen=True, gc=False, omit_defaults=True):
    """One direction of a link began to hold its messages in flight, or (not `held`) stopped.

    `kind`: only messages of this kind, such as votes; "" for all.
    """

    src: int
    dst: int
    held: bool
    kind: str = ""

    @property
    def words(self) -> str:
        """Return what happened, without the node: "link 0→1: held"."""
        kind = f"{self.kind} " if self.kind else ""
        return f"link {self.src}→{self.dst}: {kind}{'held' if self.held else 'released'}"


class OptionChanged(FaultBase, frozen=True, gc=False):
    """An option of all nodes was switched, by its name in the command `set`, or has another number."""

    name: str
    on: bool | int

    @property
    def setting(self) -> str:
        """Return the option's value as `set` reads it: "on", "off", or a number other than 0."""
        is_number = (self.on or self.name == "drift") and not isinstance(self.on, bool)
        return str(self.on) if is_number else "on" if self.on else "off"

    @property
    def words(self) -> str:
        """Return what happened: "setting: prevote on"."""
        return f"setting: {self.name} {self.setting}"


class MessageHeld(FactBase, frozen=True, gc=False):
    """A request or reply in flight is held until the user releases, delivers or drops it."""

    call_id: int
    src: int
    dst: int
    message: Args | Reply


WireFact: TypeAlias = CallSent | CallDelivered | CallLost | ReplySent | ReplyDelivered | ReplyLost
NodeFault: TypeAlias = (
    Crashed
    | Restarted
    | OnDisk
    | StateRestored
    | StateImaged
    | Tearing
    | DiskChanged
    | WriteWaits
    | ClockChanged
    | TimingChanged
    | Wiped
    | Disconnected
    | Reconnected
    | Frozen
    | Thawed
    | Dropping
)
LinkFault: TypeAlias = Partitioned | Healed | LinkChanged | LinkHeld | MessageHeld | Duplicated | KeptWaiting

Fact: TypeAlias = WireFact | NodeFault | LinkFault | OptionChanged | TimedOut | Submitted | ClientEvent
"""All events that are not decisions; see `Decision`."""
Event: TypeAlias = Decision | Fact
"""All events. A reader of a few kinds takes one as an `object`: mypy need not weigh all others then."""

for kind in get_args(WireFact):
    kind.group = "wire"
TimedOut.group = "election"
Submitted.group = "log"


class Record(msgspec.Struct, frozen=True, gc=False):
    """One event in the total order: number, cluster time (s), node (-1 = the cluster), state after it.

    `incarnation` counts the restarts of the node; `after` is set for decisions.
    """

    seq: int
    time: float
    node: int
    incarnation: int
    event: Event
    after: NodeState | None = None
