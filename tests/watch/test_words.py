"""The words that events, answers and screens share."""

from raftplay.raft.messages import CMState
from raftplay.watch.words import nodes_text, role_text, span_text, verb


def test_nodes_in_words() -> None:
    assert [nodes_text(ids) for ids in ((), (3,), (0, 2))] == ["no node", "node 3", "nodes 0 2"]
    assert nodes_text([0, 1, 2], ", ") == "nodes 0, 1, 2"


def test_a_role_is_a_word_and_a_crashed_node_is_down() -> None:
    assert {state: role_text(state) for state in CMState}[CMState.LEADER] == "leader"
    assert role_text(CMState.DEAD) == "down"


def test_a_verb_agrees_with_its_number() -> None:
    assert [verb(count, "has", "have") for count in (0, 1, 2)] == ["have", "has", "have"]


def test_a_span_is_written_out() -> None:
    assert [span_text(0.05, 0.08), span_text(0.08, 0.08), span_text(0.4, 3600)] == [
        "50..80ms",
        "80ms",
        "0.4..3600s",
    ]
