"""The context of a pane: the selection, its size, and the signs that it may use."""

from collections.abc import Callable
from dataclasses import dataclass, field

from raftplay.raft import decisions
from raftplay.raft.decisions import Rule
from raftplay.tui.model.glyphs import UNICODE, Glyphs
from raftplay.watch import facts
from raftplay.watch.facts import Record


@dataclass(frozen=True, slots=True)
class Filter:
    """A choice of the events that are listed: of one node or all, of one kind or all."""

    kind: str = "decisions"
    node: int | None = None

    def passes(self, record: Record) -> bool:
        """Return whether `record` is listed."""
        return (self.node is None or record.node == self.node) and KINDS[self.kind](record)


def _is_important(record: Record) -> bool:
    event = record.event
    if isinstance(event, _ROUTINE):
        return False
    if isinstance(event, decisions.AppendDecided):
        return not event.success
    if isinstance(event, decisions.ReplyIgnored):
        return event.rule not in (Rule.OUTDATED, Rule.PROBED)
    return True


_WIRE = (
    facts.CallSent,
    facts.CallDelivered,
    facts.CallLost,
    facts.ReplySent,
    facts.ReplyDelivered,
    facts.ReplyLost,
)
_ROUTINE = (
    *_WIRE,
    decisions.HeartbeatDue,
    decisions.Persisted,
    decisions.MatchAdvanced,
    decisions.Applied,
    decisions.PeersReset,
    decisions.Stopped,
    facts.TimedOut,
)
_ELECTIONS = (
    decisions.PreVoteStarted,
    decisions.ElectionStarted,
    decisions.VoteDecided,
    decisions.VoteCounted,
    decisions.BecameLeader,
    decisions.BecameFollower,
    facts.TimedOut,
)
_LOG = (
    decisions.EntryAppended,
    decisions.AppendDecided,
    decisions.LogTruncated,
    decisions.EntriesStored,
    decisions.MatchAdvanced,
    decisions.BackedUp,
    decisions.CommitAdvanced,
    decisions.CommitHeld,
    decisions.Applied,
    facts.Submitted,
)


def _is_act(record: Record) -> bool:
    return isinstance(record.event, facts.Fact) and not isinstance(record.event, _WIRE)


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
