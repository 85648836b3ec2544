"""Each reader of every event has a function for every class of event, or ignores it by name."""

from typing import get_args

import pytest

from raftplay.past.node import DECISIONS
from raftplay.past.world import FACTS
from raftplay.raft.decisions import Decision, HeartbeatDue
from raftplay.watch.event_table import EventTable
from raftplay.watch.facts import Event, Fact, Submitted
from raftplay.watch.invariants.watcher import CHECKS


@pytest.mark.parametrize(("table", "union"), [(CHECKS, Event), (FACTS, Fact), (DECISIONS, Decision)])
def test_a_table_names_every_class_of_its_union(table: EventTable, union: object) -> None:
    assert table.classes == set(get_args(union))


def test_a_table_calls_a_function_with_the_event_unless_the_class_is_ignored() -> None:
    heard: list[tuple[str, HeartbeatDue]] = []
    table = EventTable[str]()
    table.add(HeartbeatDue, lambda name, event: heard.append((name, event)))
    table.ignore(Submitted)
    function = table.get(HeartbeatDue)
    assert function is not None
    function("n1", HeartbeatDue())
    assert heard == [("n1", HeartbeatDue())]
    assert table.get(Submitted) is None
