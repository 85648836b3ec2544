"""Each event belongs to one group, which screens and feeds read instead of lists of events."""

from typing import get_args

import pytest

from raftplay.raft import decisions
from raftplay.watch import client_facts, facts
from raftplay.watch.fact_base import FactBase, FaultBase
from raftplay.watch.trace import EVENTS


@pytest.mark.parametrize("kind", EVENTS.values(), ids=EVENTS)
def test_every_event_has_a_group(kind: type) -> None:
    assert kind.group in ("node", "election", "log", "routine", "wire", "fault", "client")
    assert (kind.group == "wire") == (kind in get_args(facts.WireFact))


@pytest.mark.parametrize(
    ("union", "group"),
    [
        (decisions.ElectionDecision, "election"),
        (decisions.LogDecision, "log"),
        (decisions.RoutineDecision, "routine"),
        (decisions.NodeDecision, "node"),
        (facts.WireFact, "wire"),
        (facts.NodeFault, "fault"),
        (facts.LinkFault, "fault"),
        (client_facts.ClientEvent, "client"),
    ],
)
def test_a_union_names_the_events_of_its_group(union: object, group: str) -> None:
    assert {kind.group for kind in get_args(union)} == {group}


def test_the_unions_are_all_events() -> None:
    assert set(get_args(decisions.Decision)) == set(decisions.DecisionBase.__subclasses__())
    assert set(get_args(facts.Fact)) | {FaultBase, client_facts.ClientFact} == {
        *FactBase.__subclasses__(),
        *FaultBase.__subclasses__(),
        *client_facts.ClientFact.__subclasses__(),
    }


@pytest.mark.parametrize("kind", FaultBase.__subclasses__(), ids=lambda kind: kind.__name__)
def test_every_fault_says_itself_what_happened(kind: type[FaultBase]) -> None:
    assert kind.words is not FaultBase.words
