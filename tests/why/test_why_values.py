"""What became of a value: committed, pending, replaced, never submitted; and which words ask for it."""

import random
from contextlib import suppress
from itertools import product

import pytest
from support.churn import Churn
from support.language import held, mistake
from support.why_stories import LED, lines_of, view_after

from raftplay import Config, Harness
from raftplay.cluster.checks import InvariantBroken
from raftplay.past.history import History
from raftplay.past.world import World
from raftplay.raft.commands import holds_command
from raftplay.session.session import Session
from raftplay.why import why_value
from raftplay.why.facts.values import ValueFacts

REPLACED = (
    LED + "submit first; wait committed first on 3; disconnect 0; submit lost to 0; sleep 9ms; timeout 2\n"
    "wait leader is 2; submit kept; wait committed kept on 2; "
)


def told(script: str, value: object, *, nodes: int = 3) -> list[str]:
    return lines_of(why_value(view_after(script, nodes=nodes), value))


def facts_of(script: str, value: object, *, nodes: int = 3) -> ValueFacts:
    facts = why_value(view_after(script, nodes=nodes), value).facts
    assert isinstance(facts, ValueFacts)
    return facts


# ---- what became of it


def test_what_replaced_a_lost_value_is_told_and_that_it_never_was_on_a_majority() -> None:
    assert told(REPLACED + "reconnect 0; wait agree", "lost") == [
        "lost was at index 1 of node 0, term 1; node 2's entry replaced it at 0.074 s; it never was on a majority",
        "node 0, the leader of term 1, took it at 0.011 s",
        "what replaced it is kept, of term 2: a follower drops what conflicts with its leader's log (§5.3)",
    ]


def test_a_committed_value_is_told_with_its_majority_and_its_commit() -> None:
    assert told(REPLACED, "first") == [
        "first is committed at index 0, term 1, on nodes 0 1 2",
        "node 0, the leader of term 1, took it at 0.007 s",
        "it was on a majority from 0.009 s on: nodes 0 1",
        (
            "node 0 committed it at 0.009 s: a majority has the entry, and it is of the leader's own term "
            "(§5.3, §5.4.2); it counted nodes 0 1 for index 0, term 1"
        ),
        "3 of 3 nodes have the entry (first, of term 1): nodes 0 1 2",
        "node 0 believes that it leads too, in term 1, cut off from all others",
    ]


def test_a_pending_value_is_told_with_what_its_place_waits_for() -> None:
    first, *lines = told(REPLACED, "lost")
    assert first == "lost is not committed: it is at index 1 of node 0, term 1"
    assert lines[1] == "it is on no majority so far"
    assert lines[2] == "index 1 is committed on nodes 1 2 (kept, of term 2), so it will be replaced (§5.4.3)"
    assert told(LED + "cut 0<->1; cut 0<->2; submit x; sleep 3ms", "x")[3].startswith(
        "index 0 is not committed: 1 of 3 nodes has it, and 2 are needed"
    )


def test_a_value_on_the_disk_of_a_crashed_node_is_told() -> None:
    assert told(REPLACED + "crash 0", "lost")[0] == (
        "lost is not committed: it is at index 1, term 1, only on the disk of node 0, down"
    )


def test_a_value_that_a_crash_lost_before_it_was_written_is_told() -> None:
    script = LED + "disk 0 stall; cut 0<->1; cut 0<->2; submit gone; sleep 5ms; crash 0"
    assert told(script, "gone")[0] == (
        "gone was at index 0 of node 0, term 1; node 0 crashed, and it was not on its disk, at 0.012 s; "
        "it never was on a majority"
    )


def test_an_entry_of_an_older_term_on_a_majority_is_told_with_the_rule_that_keeps_it() -> None:
    answer = held(
        "nodes 3\ngiven 0 term 2 log 1:a 2:b\ngiven 1 term 2 log 1:a 2:b\ntiming election=20s..40s delay=2ms\n"
        "timeout 0; wait leader is 0; sleep 9ms; why b"
    ).answers[-1]
    assert answer.startswith("b is not committed: it is at index 1 of nodes 0 1 2, term 2\n")
    assert "it was on a majority from 0.000 s on: nodes 0 1\n" in answer
    assert "by counting replicas it commits only entries of its own term (§5.4.2)" in " ".join(answer.split())


def test_a_value_that_was_submitted_twice_is_told_twice() -> None:
    lines = told(REPLACED + "submit lost; wait committed lost on 2", "lost")
    assert lines[0] == "lost is committed at index 2, term 2, on nodes 1 2"
    assert lines[-1] == "another entry with it is not committed: it is at index 1 of node 0, term 1"


@pytest.mark.parametrize(
    ("script", "value", "answer"),
    [
        ("", "x", "x is in no log: nobody submitted it"),
        (
            "submit x to 1",
            "x",
            "x is in no log: node 1 was given it at 0.007 s and did not lead: only a leader takes commands (§5.1)",
        ),
        (
            "hold 0->2; transfer to 2; submit x",
            "x",
            "x is in no log: node 0 was given it at 0.007 s and was handing its leadership over to node 2 "
            "(thesis §3.10)",
        ),
        ("submit 2", "2", "the text 2 is in no log: nobody submitted it; the number 2 is another value"),
        ("submit '2'", 2, "2 is in no log: nobody submitted it; the text 2 is another value"),
    ],
)
def test_a_value_that_no_log_has_is_told_with_what_is_known(script: str, value: object, answer: str) -> None:
    assert told(LED + script, value) == [answer]


def test_a_value_that_only_a_snapshot_has_is_committed_there() -> None:
    script = LED + "submit a; submit b; wait committed b on 3; snapshot all; sleep 20ms"
    assert told(script, "a")[0] == "a is committed at index 0, term 1, on nodes 0 1 2"
    facts = why_value(view_after(script, history=History(20)), "a").facts
    assert isinstance(facts, ValueFacts)
    assert (facts.fate, facts.entries[0].holders) == ("committed", (0, 1, 2))


# ---- how one asks


@pytest.mark.parametrize(
    ("question", "begins"),
    [
        ("why x", "x is in no log"),
        ("why 'two words'", '"two words" is in no log'),
        ("why value 99", "99 is in no log"),
        ("why -3", "-3 is in no log"),
        ("why value 2", "2 is in no log"),
        ("why '2'", "2 is in no log"),
        ("why value leader", "leader is in no log"),
        ("why 'leader'", "leader is in no log"),
        ("why 'no leader'", '"no leader" is in no log'),
        ("why value no", "no is in no log"),
        ("why value value", "value is in no log"),
        ("why 'value'", "value is in no log"),
        ("let v = 7; why value $v", "7 is in no log"),
        ("why ''", '"" is in no log'),
        ("why 2", "node 2 is follower"),
        ("why 'no' leader", "there is a leader"),
        ("submit lead; why value lead", "lead is not committed"),
    ],
)
def test_what_reads_as_another_question_needs_a_word_before_it(question: str, begins: str) -> None:
    assert held(LED + question).answers[-1].startswith(begins)


@pytest.mark.parametrize(
    ("line", "column", "message"),
    [
        ("why two words", 5, "unknown question 'two'; a value with spaces needs quotes: why 'two words'"),
        ("why value two words", 15, "unexpected argument 'words'; usage: why [NODE | NODE rejected | no leader | not committed INDEX | VALUE | put KEY | CLIENT]"),
        ("why value", 10, "a VALUE is missing"),
        ("why folower", 5, "unknown question 'folower'; did you mean 'follower'?"),
        ("why value $v", 11, "$v was not set before; set it with: let v = …"),
    ],
)  # fmt: skip
def test_what_is_no_question_is_told_in_its_place(line: str, column: int, message: str) -> None:
    assert mistake(line) == (column, message)


# ---- held against the folded past


class Places:
    """Which nodes had which command where, after each event, by the folded past."""

    def __init__(self, n: int) -> None:
        self.world = World()
        self.now: list[dict[tuple[int, int], object]] = [{} for _ in range(n)]
        self.most: dict[tuple[object, int, int], int] = {}
        self.ever: dict[tuple[object, int, int], set[int]] = {}

    def __call__(self, record) -> None:  # type: ignore[no-untyped-def]
        self.world(record)
        if record.node < 0 or record.event.group == "wire" or record.node >= len(self.world._nodes):
            return
        node = self.world._nodes[record.node]
        log = (node.log if node.alive else node.disk).frozen()
        self.now[record.node] = {
            (at, entry.term): entry.command for at, entry in enumerate(log) if entry.kind == "command"
        }
        for (at, term), command in self.now[record.node].items():
            key = command, at, term
            self.ever.setdefault(key, set()).add(record.node)
            self.most[key] = max(self.most.get(key, 0), sum((at, term) in held for held in self.now))


@pytest.mark.parametrize(("seed", "mix"), list(product(range(2), range(len(Churn.MIXES)))))
def test_what_is_told_of_every_value_is_what_the_folded_past_says(seed: int, mix: int) -> None:
    rng = random.Random(f"values {seed} {mix}")
    n = rng.choice((3, 4, 5))
    history, places = History(1_000_000), Places(n)
    h = Harness(n, backend="sim", seed=seed, config=Config(), watch=False, readers=[history, places])
    with suppress(InvariantBroken), h:
        Churn(h, seed, Churn.MIXES[mix]).run(1.5)
        check_values(Session(h, history).view(), places)


def check_values(view, places: Places) -> None:  # type: ignore[no-untyped-def]
    by_value: dict[object, list[tuple[int, int]]] = {}
    for command, at, term in places.most:
        by_value.setdefault(command, []).append((at, term))
    assert by_value
    for command, where in list(by_value.items())[:12]:
        facts = why_value(view, command).facts
        assert isinstance(facts, ValueFacts)
        assert {(entry.index, entry.term) for entry in facts.entries} == set(where)
        for entry in facts.entries:
            key = command, entry.index, entry.term
            assert entry.most == places.most[key]
            assert (entry.majority is not None) == (entry.most >= facts.needed)
            now = {
                node.id
                for node in view.snapshot.nodes
                if entry.index < len(node.log)
                and node.log[entry.index].term == entry.term
                and holds_command(node.log[entry.index], command)
            }
            assert set(entry.holders) == now
            assert {lost.node for lost in entry.lost} >= places.ever[key] - now


def test_of_a_value_that_was_submitted_often_the_last_entries_are_told_and_the_others_counted() -> None:
    lines = told(LED + "submit x; " * 20 + "wait commit of 0 = 19", "x")
    assert lines[0] == "x is committed at index 19, term 1, on node 0"
    others = [line for line in lines if line.startswith("another entry with it ")]
    assert [line.split(",")[0].rsplit(" ", 1)[1] for line in others] == ["18", "17", "16", "15", "14"]
    assert lines[-1] == "14 more entries with it"
