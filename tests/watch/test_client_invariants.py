"""The invariants of what clients are told and of their sessions: each is violated when it should be, and never else."""

from typing import Any

import pytest
from support.stories import Story

from raftplay.watch import client_facts, facts

PUT = {"kv": "put", "key": "x", "value": 1, "session": 0, "seq": 1, "acked": 1}


def done(story: Story, node: int, index: int, command: object = PUT, **more: Any) -> None:
    story.tell(node, client_facts.RequestApplied(index, command, **({"outcome": "ok"} | more)))


def told(story: Story, ending: str, command: object = PUT, **more: Any) -> None:
    story.tell(-1, client_facts.ClientTold(1, "alice", command, ending, **more))


def test_requests_that_are_done_once_and_answered_alike_break_nothing() -> None:
    story = Story()
    for node in (0, 1, 2):
        done(story, node, 1)
        done(story, node, 2, again=True)
        done(story, node, 3, PUT | {"seq": 2}, value=1, found=True)
        done(story, node, 4, outcome="expired")
    told(story, "ok")
    told(story, "ok", PUT | {"seq": 2}, value=1, found=True)
    told(story, "unknown", PUT | {"seq": 3}, why="no answer within 2 s")
    told(story, "refused", PUT | {"seq": 4}, why="node 0 is down")
    assert story.broken == []


@pytest.mark.parametrize(("again", "broken"), [(False, ["Exactly Once"]), (True, [])])
def test_exactly_once_is_violated_when_a_request_is_done_as_a_second_entry(again: bool, broken: list[str]) -> None:
    story = Story()
    done(story, 0, 1)
    done(story, 1, 2, again=again)
    assert story.broken == broken
    if broken:
        assert story.watcher.breaches[0].facts == (
            "n1 applies put x 1 (session 0, request 1) as entry 2",
            "n0 applied it as entry 1",
        )


@pytest.mark.parametrize(("value", "broken"), [(7, ["Same Answer", "Session Determinism"]), (5, [])])
def test_same_answer_is_violated_when_two_stores_answer_a_request_differently(
    value: int, broken: list[str]
) -> None:
    story = Story()
    done(story, 0, 1, value=5, found=True)
    done(story, 1, 1, value=value, found=True)
    assert story.broken == broken


@pytest.mark.parametrize(("value", "broken"), [(7, ["Same Answer"]), (5, [])])
def test_same_answer_is_violated_when_a_client_is_told_another_answer(value: int, broken: list[str]) -> None:
    story = Story()
    done(story, 0, 1, value=5, found=True)
    told(story, "ok", value=value, found=True)
    assert story.broken == broken
    if broken:
        breach = story.watcher.breaches[0]
        assert breach.facts[0] == "client alice is answered ok (7) for its put x 1"
        assert "n-1" not in str(breach)


@pytest.mark.parametrize(("outcome", "broken"), [("expired", ["Session Determinism"]), ("ok", [])])
def test_session_determinism_is_violated_when_one_store_has_forgotten_a_session(
    outcome: str, broken: list[str]
) -> None:
    story = Story()
    done(story, 0, 1)
    done(story, 1, 1, outcome=outcome)
    assert story.broken == broken


@pytest.mark.parametrize(("ending", "broken"), [("refused", ["Unknown Is Unknown"]), ("unknown", [])])
def test_unknown_is_unknown_is_violated_when_what_was_denied_is_done(ending: str, broken: list[str]) -> None:
    before, after = Story(), Story()
    done(before, 0, 1)
    told(before, ending)
    told(after, ending, why="node 0 says that it no longer leads")
    done(after, 0, 1)
    assert before.broken == after.broken == broken


@pytest.mark.parametrize("ending", ["ok", "no"])
def test_acked_is_kept_is_violated_when_no_node_has_applied_what_was_answered(ending: str) -> None:
    story = Story()
    told(story, "unknown")
    assert story.broken == []
    told(story, ending)
    assert story.broken == ["Acked Is Kept"]


def test_a_read_may_be_answered_by_a_node_that_applied_nothing_and_requests_without_a_session_are_not_checked() -> (
    None
):
    story = Story()
    told(story, "ok", {"kv": "get", "key": "x", "session": 0, "seq": 1})
    bare = {"kv": "put", "key": "x", "value": 1}
    told(story, "ok", bare)
    told(story, "refused", bare)
    done(story, 0, 1, bare)
    done(story, 0, 2, bare)
    done(story, 0, 3, "no command of a store")
    assert story.broken == []


def test_what_is_known_of_requests_is_bounded() -> None:
    story = Story()
    for index in range(5000):
        command = PUT | {"seq": index}
        story.watcher(facts.Record(index, 0.0, 0, 0, client_facts.RequestApplied(index, command, "ok")))
    known = story.watcher._cluster.requests
    assert len(known.done) == len(known.by_index) == 4096
