"""What clients are told: why an operation waits, why its outcome is unknown, and what became of it."""

import pytest
from support.language import mistake
from support.why_stories import LED, lines_of, view_after

from raftplay.commands.setup import Setup
from raftplay.past.view import View
from raftplay.raft import decisions
from raftplay.run.runner import opened
from raftplay.run.script import parse_script
from raftplay.session.session import Session
from raftplay.why import Asks, why_call
from raftplay.why.facts.clients import CallFacts

ISOLATED = LED + "put x 1 as alice; disconnect 0; put x 2 as alice to 0; "


def told(script: str, asks: Asks, *, nodes: int = 3) -> list[str]:
    return lines_of(why_call(view_after(script, nodes=nodes), asks))


def facts_of(view: View, asks: Asks) -> CallFacts:
    facts = why_call(view, asks).facts
    assert isinstance(facts, CallFacts)
    return facts


def before(view: View, seq: int) -> View:
    """The same records up to an event."""
    return View(view.snapshot, [record for record in view.records if record.seq <= seq])


def test_an_unknown_outcome_is_told_with_its_cause_and_that_it_may_still_be_done() -> None:
    lines = told(ISOLATED, Asks("put", "x"))
    assert lines[0].startswith("put x 2 of client alice is unknown since ")
    assert lines[0].endswith(": no answer within 2 s")
    assert lines[1].startswith("the client asked node 0 for it at ")
    assert lines[1].endswith(" (entry 2)")
    assert lines[2] == "put x 2 is not committed: it is at index 2 of node 0, term 1"
    assert "so it may still be done: an entry that is in a log may be committed later (§5.4.2)" in lines
    assert lines[-1] == "1 earlier operation fits the question too; see: history"


def test_a_replaced_copy_was_not_done() -> None:
    script = ISOLATED + "timeout 1; wait leader is not 0; put y 1 as bob; reconnect 0; wait agree"
    lines = told(script, Asks("put", "x", values=(2,)))
    assert lines[2].startswith("put x 2 was at index 2 of node 0, term 1; node 1's entry replaced it at ")
    assert lines[-1] == "so it has not been done: no log has it any more"


def test_an_unknown_outcome_that_was_done_later_is_told_so() -> None:
    script = LED + "put x 1 as alice; cut others->0; put x 2 as alice to 0; heal; wait agree; sleep 100ms"
    view = view_after(script)
    assert facts_of(view, Asks("put", "x")).call.ending == "unknown"
    lines = lines_of(why_call(view, Asks("put", "x")))
    assert lines[-2] == "so it was done, though its client was not told"


def test_a_request_that_is_in_the_log_twice_is_done_once_and_answered_from_memory() -> None:
    slow = "link 1->0 delay=600ms..600ms; link 2->0 delay=600ms..600ms; "
    script = LED + "put x start as alice; " + slow + "append x -a as alice; wait commit of 0 = 3"
    lines = told(script, Asks("append", "x", "alice"))
    assert "(entry 2), node 1 for it at" in lines[1]
    assert lines[1].endswith("(entry 3)")
    assert any("apply entry 2" in line and line.endswith("the request") for line in lines)
    assert any("apply entry 3" in line and "from memory" in line for line in lines)
    assert any(line.startswith("another entry with it is committed at index 2") for line in lines)


def test_a_refused_request_is_in_no_log() -> None:
    lines = told(LED + "put x 1 as alice; put y 1 as alice to 2", Asks("put", "y"))
    assert lines[0].endswith(": node 2 does not lead, and it is in no log")
    assert lines[1].endswith("(refused: not the leader (§5.1))")


def test_an_answered_read_names_its_entry_and_a_local_one_has_none() -> None:
    lines = told(LED + "put x 1 as alice; get x as bob", Asks(client="bob"))
    assert lines[0].startswith("get x of client bob was answered at ")
    assert lines[0].endswith(": 1")
    local = told("set reads local\n" + LED + "put x 1 as alice; get x as bob to 0", Asks("get", "x"))
    assert local[1] == "a store was read; it is in no log"


def test_what_is_under_way_says_what_it_waits_for() -> None:
    view = view_after(ISOLATED)
    facts = facts_of(view, Asks("put", "x"))
    asked = facts.call.entries[0][0].seq
    waits = why_call(before(view, asked), Asks("put", "x")).head
    assert waits.startswith("put x 2 of client alice waits for ")
    assert waits.endswith(": it is entry 2 of node 0, which node 0 has not applied")
    called = why_call(before(view, facts.call.called.seq), Asks("put", "x")).head
    assert called.endswith(": no node leads")
    first = next(record.seq for record in view.records if getattr(record.event, "client", "") == "alice")
    opening = why_call(before(view, first + 2), Asks(client="alice")).head
    assert "its session is entry 0 of node 0" in opening or "no node leads" in opening


BY_INDEX = "set reads index\n" + LED + "put x 1 as alice; "


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (
            "get x as bob",
            ["node 0 answered from its own store, after entry 1, at", "a majority has answered a round"],
        ),
        ("get x as bob to 2", ["node 2 answered from its own store, after entry 1, at"]),
        ("cut others->0; get x as bob to 0", ["no replies of a majority to round 1", "n1, n2 confirmed it"]),
        ("cut 2->0; get x as bob to 2", ["node 2 has asked node 0 for an index to read at, and has no answer"]),
        ("disconnect 0; get x as bob to 0", ["to round 1", "no node has confirmed it"]),
        (
            "wait agree; timeout 1; wait leader is 1; cut 1->others; get x as bob to 1",
            ["node 1 has committed no entry of its own term yet"],
        ),
        ("disconnect 0; get x as bob to 0; reconnect 0; timeout 1; sleep 1s", ["node 0 could not answer, at"]),
    ],
)
def test_a_read_without_the_log_says_who_answered_or_what_it_waits_for(script: str, said: list[str]) -> None:
    lines = told(BY_INDEX + script, Asks("get", "x"))
    for words in said:
        assert words in lines[1], lines


def test_a_read_by_index_that_is_under_way_says_what_it_waits_for() -> None:
    view = view_after(BY_INDEX + "get x as bob to 2; cut others->0; get x as bob to 0")
    begun = [record.seq for record in view.records if isinstance(record.event, decisions.ReadStarted)]
    asks = Asks("get", "x")
    assert "node 2 has asked node 0 for an index" in why_call(before(view, begun[0]), asks).head
    assert "node 0 is about to ask the others" in why_call(before(view, begun[1]), asks).head
    given = [record.seq for record in view.records if isinstance(record.event, decisions.ReadIndexDecided)]
    assert "node 0 has no replies of a majority to round 1" in why_call(before(view, given[0]), asks).head
    rounds = [record.seq for record in view.records if isinstance(record.event, decisions.RoundConfirmed)]
    assert "node 2 has not yet applied, or not yet heard" in why_call(before(view, rounds[0]), asks).head
    waits = why_call(before(view, given[0]), asks)
    assert not [reason for reason in waits.reasons if waits.head.endswith(reason)], "it is said once"


@pytest.mark.parametrize(
    ("asks", "said"),
    [
        (Asks("get", "x"), "no client has called get x"),
        (Asks("cas", "x", "bob", (1, 2)), "client bob has not called cas x 1 2"),
        (Asks(client="bob"), "client bob has called nothing"),
    ],
)
def test_a_question_that_fits_nothing_is_answered(asks: Asks, said: str) -> None:
    assert told(LED, asks) == [said]


def asked(*questions: str) -> list[str]:
    script = parse_script("story", LED + "put x 1 as alice; get x as bob", Setup(backend="sim", nodes=3, seed=7))
    with opened(script.setup) as session:
        for step in script.steps:
            step.bound.run(session)
        return [ask(session, question) for question in questions]


def ask(session: Session, question: str) -> str:
    (step,) = parse_script("question", question, Setup(backend="sim", nodes=3, seed=7)).steps
    return step.bound.run(session).splitlines()[0]


def test_the_words_of_the_question() -> None:
    by_key, by_value, by_client, by_name, other, value, quoted = asked(
        "why put x", "why put x 1", "why get x as bob", "why bob", "why put x 2", "why value alice", "why 'alice'"
    )
    assert by_key == by_value
    assert by_key.startswith("put x 1 of client alice was answered")
    assert by_client == by_name
    assert by_client.startswith("get x of client bob was answered")
    assert other == "no client has called put x 2"
    assert value == quoted == "alice is in no log: nobody submitted it"
    kind, no_such, of_a_load = asked("why put", "why cas", "why c1")
    assert kind == by_key
    assert no_such == "cas is in no log: nobody submitted it"
    assert of_a_load == "c1 is in no log: nobody submitted it"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("why put x 1 2", "unexpected argument '2'"),
        ("why get x as", "the name of a CLIENT is missing"),
        ("why get x as a-b", "invalid name 'a-b'"),
    ],
)
def test_a_wrong_question_is_refused_with_its_place(line: str, said: str) -> None:
    assert said in mistake(line)[1]
