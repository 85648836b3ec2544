"""What a pane shows besides the cluster: what is selected, how big it is, which signs it may use."""

from collections.abc import Callable
from dataclasses import dataclass, field

from raftplay.raft import events as dec
from raftplay.tui.model.glyphs import UNICODE, Glyphs
from raftplay.watch import events as ev
from raftplay.watch.events import Record


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events are listed: of one node or of all, of one kind or of all."""

    kind: str = "decisions"
    node: int | None = None

    def passes(self, record: Record) -> bool:
        """Whether `record` is listed."""
        return (self.node is None or record.node == self.node) and KINDS[self.kind](record)


def _is_important(record: Record) -> bool:
    event = record.event
    if isinstance(event, _ROUTINE):
        return False
    if isinstance(event, dec.AppendDecided):
        return not event.success
    if isinstance(event, dec.ReplyIgnored):
        return event.rule not in ("outdated", "probed")
    return True


_WIRE = (ev.CallSent, ev.CallDelivered, ev.CallLost, ev.ReplySent, ev.ReplyDelivered, ev.ReplyLost)
_ROUTINE = (
    *_WIRE,
    dec.HeartbeatDue,
    dec.Persisted,
    dec.MatchAdvanced,
    dec.Applied,
    dec.PeersReset,
    dec.Stopped,
    ev.TimedOut,
)
_ELECTIONS = (
    dec.PreVoteStarted,
    dec.ElectionStarted,
    dec.VoteDecided,
    dec.VoteCounted,
    dec.BecameLeader,
    dec.BecameFollower,
    ev.TimedOut,
)
_LOG = (
    dec.EntryAppended,
    dec.AppendDecided,
    dec.LogTruncated,
    dec.EntriesStored,
    dec.MatchAdvanced,
    dec.BackedUp,
    dec.CommitAdvanced,
    dec.CommitHeld,
    dec.Applied,
    ev.Submitted,
)


def _is_act(record: Record) -> bool:
    return isinstance(record.event, ev.Fact) and not isinstance(record.event, _WIRE)


KINDS: dict[str, Callable[[Record], bool]] = {
    "decisions": _is_important,
    "elections": lambda record: isinstance(record.event, _ELECTIONS),
    "log": lambda record: isinstance(record.event, _LOG),
    "faults": _is_act,
    "wire": lambda record: isinstance(record.event, _WIRE),
    "all": lambda _: True,
}
"""The kinds of events that the events pane lists, in the order in which `f` goes through them."""


@dataclass(frozen=True, slots=True)
class Context:
    """`selected`: the selected node. `row`: the target of the pane's selected row. `watched`: names of invariants.

    `scroll`: how many lines the pane is scrolled away from its resting place.
    """

    width: int
    height: int
    selected: int = 0
    row: tuple[str, int] | None = None
    scroll: int = 0
    glyphs: Glyphs = UNICODE
    filter: Filter = field(default_factory=Filter)
    watched: tuple[str, ...] = ()
    focused: bool = False
