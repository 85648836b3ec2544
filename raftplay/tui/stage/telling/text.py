"""A text for an event, and what the texts of several kinds of events share."""

from typing import NamedTuple

from raftplay.raft.rule_names import rule_words
from raftplay.tui.stage.moment import Moment, upper
from raftplay.watch.facts import Record

CROWD = 7
"""The most nodes of which each vote and each copy of an entry is told; of more it is told as it is counted."""


class Told(NamedTuple):
    """A text for an event, and the rule behind it."""

    now: str
    why: str


def rule_text(rule: str) -> str:
    """Return a rule as a sentence with its section."""
    section, words = rule_words(rule)
    return f"{upper(words)} ({section})."


def own_step(record: Record, moment: Moment) -> list[Record]:
    """Return the events of the same node at the same time before `record`, the last one first."""
    return [r for r in moment.before(record, 6) if r.node == record.node and r.time == record.time]
