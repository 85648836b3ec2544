"""The context of a pane: the selection, its size, and the signs that it may use."""

from collections.abc import Callable
from dataclasses import dataclass, field

from raftplay.raft import decisions
from raftplay.raft.rule_names import Rule
from raftplay.tui.model.glyphs import UNICODE, Glyphs
from raftplay.watch import facts
from raftplay.watch.fact_base import FactBase
from raftplay.watch.facts import Record


@dataclass(frozen=True, slots=True)
class Filter:
    """A choice of the events that are listed: of one node or all, of one kind or all."""

    kind: str = "decisions"
    node: int | None = None

    def passes(self, record: Record) -> bool:
        """Return whether `record` is listed."""
        return (self.node is None or record.node == self.node) and KINDS[self.kind](record)


_TOLD_BY_OTHERS = (
    decisions.MatchAdvanced,
    decisions.Applied,
    decisions.PeersReset,
    decisions.Stopped,
    facts.TimedOut,
)
"""The events that follow from others which are listed."""


def _is_important(record: Record) -> bool:
    event: object = record.event
    match event:
        case decisions.AppendDecided(success=success):
            return not success
        case decisions.ReplyIgnored(rule=rule):
            return rule not in (Rule.OUTDATED, Rule.PROBED)
    return record.event.group not in ("wire", "routine") and not isinstance(record.event, _TOLD_BY_OTHERS)


def _is_act(record: Record) -> bool:
    return isinstance(record.event, FactBase) and record.event.group not in ("wire", "client")


KINDS: dict[str, Callable[[Record], bool]] = {
    "decisions": _is_important,
    "elections": lambda record: record.event.group == "election",
    "log": lambda record: record.event.group == "log",
    "faults": _is_act,
    "clients": lambda record: record.event.group == "client",
    "wire": lambda record: record.event.group == "wire",
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
    is_whole: bool = False
    """True if the pane has the whole screen."""

    entry: int | None = None
    """The index of the selected entry, which the answers are about; None if they are about the node."""

    event: int | None = None
    """The selected event, which the diagram marks."""
