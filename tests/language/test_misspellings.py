"""Plausible misspellings of every command: each is one sentence that says what would be right, and nothing runs."""

import re
from collections.abc import Iterator

import pytest
from support.language import held, mistake, ran, refused

from raftplay.commands.setup import Setup
from raftplay.language.conditions import FORMS, OPERATORS
from raftplay.language.table import TABLE
from raftplay.run.runner import Status
from raftplay.run.script import ScriptRefused, parse_script

# ---- the whole table


def misspellings(word: str) -> Iterator[str]:
    """What fingers make of a word: a letter left out, doubled, swapped with the next, or another case."""
    for at in range(len(word)):
        yield word[:at] + word[at + 1 :]
        yield word[: at + 1] + word[at:]
        yield word[:at] + word[at + 1 : at + 2] + word[at] + word[at + 2 :]
    yield from (word.upper(), word.capitalize(), f"{word}s", f"'{word}'", f"{word},")


def lines_of_the_table() -> Iterator[str]:
    """An example of every command, and of every condition in every command that takes one."""
    conditions = [
        re.sub("VALUE", "x", re.sub("NODES?", "1", form.replace("OP N", ">= 2").replace("on N", "on 3")))
        for form, _ in FORMS
    ]
    for row in TABLE.values():
        yield row.example
    for condition in conditions:
        for state in condition.split("|")[1:] or [""]:
            text = condition if not state else f"1 is {state}"
            yield f"expect {text}"
            yield f"wait {text} within 2s"
            yield f"never {text} for 1s"


def wrong_lines(line: str) -> Iterator[str]:
    words = line.split()
    for at, word in enumerate(words):
        for wrong in misspellings(word):
            yield " ".join((*words[:at], wrong, *words[at + 1 :]))
        yield " ".join(words[:at] + words[at + 1 :])
        yield " ".join((*words[: at + 1], *words[at:]))
        for extra in ("==", "=", "the", "5", "to", "within", "for", "|", "->", "$x", ";", '""', "-1"):
            yield " ".join((*words[:at], extra, *words[at:]))


def complaint(line: str) -> list[str]:
    """What is wrong with a line; nothing where it can be read."""
    try:
        parse_script("script", f"let old = 1\n{line}", Setup(nodes=5))
    except ScriptRefused as refusal:
        for found in refusal.mistakes:
            assert found.line == 2, line
            assert 1 <= found.column <= len(line) + 2, line
        return [found.message for found in refusal.mistakes]
    return []


@pytest.mark.parametrize("line", sorted(set(lines_of_the_table())))
def test_a_misspelled_line_is_read_or_refused_in_sentences_that_contradict_nothing(line: str) -> None:
    count = 0
    for wrong in wrong_lines(line):
        said = complaint(wrong)
        count += bool(said)
        assert len(said) <= wrong.count(";") + 1, wrong
        for message in said:
            assert message.strip(), wrong
            meant = re.search(r"^'(.*?)'.*did you mean '(.*?)'\?", message)
            assert meant is None or meant[1] != meant[2], (wrong, message)
            unknown = re.search(r"unknown operator '(.*?)'; use (\S+)", message)
            assert unknown is None or unknown[1] != unknown[2], (wrong, message)
    assert count > 5


def keywords() -> Iterator[tuple[str, str]]:
    """Lines, and a word of theirs that belongs to the language."""
    for row in TABLE.values():
        if not row.setup:
            yield row.example, row.name
        leads = {parameter.kind.lead for parameter in row.parameters if len(parameter.kind.lead) > 3}
        for word in leads & set(row.example.split()):
            yield row.example, word
    for word in ("committed", "leader", "agree"):
        yield f"expect {'committed x' if word == 'committed' else word}", word
    for state in ("follower", "candidate"):
        yield f"expect 1 is {state}", state
    for selector in ("leader", "follower", "followers", "alive", "crashed"):
        yield f"crash {selector}", selector


@pytest.mark.parametrize(("line", "word"), sorted(set(keywords())))
def test_a_slip_in_a_word_of_the_language_is_answered_with_the_word(line: str, word: str) -> None:
    """Of words of five letters and more, whatever letter is left out or swapped inside; short ones often enough."""
    hits = tries = 0
    known = {*TABLE, "leader", "follower", "followers", "all", "alive", "crashed", "within", "for", "to", "after"}
    for at in range(1, len(word) - 1):
        for wrong in (word[:at] + word[at + 1 :], word[:at] + word[at + 1] + word[at] + word[at + 2 :]):
            if wrong in known or wrong == word:
                continue
            said = complaint(re.sub(rf"\b{word}\b", wrong, line, count=1))
            tries += 1
            hits += any(
                f"did you mean '{word}'?" in message or f"should be '{word}'" in message for message in said
            )
    assert hits >= tries - 1 or len(word) < 6, f"{hits} of {tries}"
    assert hits > 0 or tries == 0 or len(word) < 4


# ---- operators


@pytest.mark.parametrize("subject", ["term", "term of 0", "commit of leader", "log of $a"])
@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("==", "="), ("===", "="), (":=", "="), ("is", "="), ("equals", "="), ("<>", "!="), ("!==", "!="), ("~=", "!="),
        ("≠", "!="), ("=>", ">="), ("≥", ">="), ("=<", "<="), ("≤", "<="),
    ],
)  # fmt: skip
def test_an_operator_of_another_language_is_answered_with_the_one_that_is_meant(
    subject: str, written: str, meant: str
) -> None:
    line = f"let a = 1; wait {subject} {written} 3"
    assert mistake(line) == (line.index(f" {written} ") + 2, f"unknown operator '{written}'; use {meant}")
    if not written.isalpha():
        glued = f"let a = 1; wait {subject}{written}3"
        column = glued.rindex(written) + 1
        assert mistake(glued) == (column, f"unknown operator '{written}'; use {meant}")


@pytest.mark.parametrize("sign", ["<<", ">>", "!", "=!=", "~", "<=>"])
def test_an_operator_of_no_language_is_answered_with_all_there_are(sign: str) -> None:
    assert mistake(f"wait term {sign} 3") == (11, f"unknown operator '{sign}'; use one of {' '.join(OPERATORS)}")


@pytest.mark.parametrize(
    ("line", "column", "message"),
    [
        ("wait leader == 2", 13, "unknown operator '=='; use 'is'"),
        ("wait leader = 2", 13, "unknown operator '='; use 'is'"),
        ("wait leader=2", 12, "unknown operator '='; use 'is'"),
        ("wait leader != 2", 13, "unknown operator '!='; use 'is not'"),
        ("wait leader <> 2", 13, "unknown operator '<>'; use 'is not'"),
        ("wait 0,1 == follower", 10, "unknown operator '=='; use 'is'"),
        ("wait followers are dead", 16, "unknown operator 'are'; use 'is'"),
        ("let a == 3", 7, "unknown operator '=='; use ="),
        ("let a==3", 6, "unknown operator '=='; use ="),
        ("let a := 3", 7, "unknown operator ':='; use ="),
        ("let a:=leader", 6, "unknown operator ':='; use ="),
        ("let a => 3", 7, "unknown operator '=>'; use ="),
    ],
)
def test_what_is_no_operator_elsewhere_is_answered_too(line: str, column: int, message: str) -> None:
    assert mistake(line) == (column, message)


# ---- words that stand there already


@pytest.mark.parametrize(
    ("line", "column", "message"),
    [
        ("wait leader within 2s within 3s", 23, "'within' stands twice; usage: wait CONDITION [within D]"),
        ("submit 1 to 2 to 3", 15, "'to' stands twice; usage: submit VALUE [to NODE]"),
        ("drop 1 after 2 after 3", 16, "'after' stands twice; usage: drop NODE after N"),
        (
            "wait leader 'within' 2s",
            13,
            "'within' should stand without quotes; usage: wait CONDITION [within D]",
        ),
        ("never leader for 1s for 2s", 21, "'for' stands twice; usage: never CONDITION for D"),
        ("let a = 3 = 4", 11, "'=' stands twice; usage: let NAME = leader|follower|term|index|NUMBER"),
    ],
)
def test_a_word_is_never_answered_with_itself(line: str, column: int, message: str) -> None:
    assert mistake(line) == (column, message)


# ---- numbers and nodes that cannot be


def test_more_nodes_than_there_are_cannot_have_committed_anything() -> None:
    for command, tail in (("wait", " within 9s"), ("expect", ""), ("never", " for 9s")):
        said = mistake(f"{command} committed x on 7{tail}", nodes=3)[1]
        assert said == "invalid number of nodes '7': it must be a whole number from 0 to 3"
        parse_script("script", f"{command} committed x on 3{tail}", Setup(nodes=3))
        parse_script("script", f"{command} committed x on 0{tail}", Setup(nodes=3))
    assert refused("nodes 3\nnow\nwait committed x on 4")[0].line == 3


@pytest.mark.parametrize("backend", ["sim", "tcp"])
def test_a_variable_that_is_more_than_there_are_is_found_when_its_line_runs(backend: str) -> None:
    run = ran("nodes 3\nlet n = 7\nwait committed x on $n", backend=backend)
    assert (run.status, run.last["line"]) == (Status.MISUSED, 3)
    assert run.last["reason"] == "$n is 7; it must be a whole number from 0 to 3 here"


@pytest.mark.parametrize(
    "condition",
    [
        "log of 9 = 1", "term of 5 = 1", "commit of n5 = 0", "leader is 5", "leader is not 5", "5 is dead", "0,5 is dead",
        "committed x on 6", "committed x on -1", "term = -1", "log of 0 = -1", "commit of 0 = -2",
    ],
)  # fmt: skip
@pytest.mark.parametrize("command", ["expect {}", "wait {}", "wait {} within 1s", "never {} for 1s"])
def test_what_can_never_be_is_refused_before_anything_runs(condition: str, command: str) -> None:
    mistake(command.format(condition), nodes=5)


@pytest.mark.parametrize(
    "line",
    [
        "submit 1 to 5", "crash 5", "restart 0,5", "tear 5 after 1", "wipe 5", "disconnect 5", "reconnect 5", "cut 0->5",
        "partition 0,5 | 1", "join 5->0", "link 5->0 clear", "drop 5 after 1", "undrop 5", "freeze 5", "thaw 5", "timeout 5",
        "deliver 0->5", "lose 5->0", "duplicate 0<->5", "hold 5->all", "release 5->0", "log 5", "why 5", "why 5 rejected",
        "let a = 0; cut $a->5",
    ],
)  # fmt: skip
def test_every_command_refuses_a_node_that_there_is_not(line: str) -> None:
    assert mistake(line, nodes=5)[1].removesuffix("; for the value 5 write: why value 5") == (
        "there is no node 5; the nodes are 0 to 4"
    )


# ---- a variable is not known before it is set


def test_a_variable_cannot_be_set_to_itself_before_it_was_set() -> None:
    assert mistake("let a = $a") == (9, "$a was not set before; set it with: let a = …")
    assert held("let a = 1; let a = $a; let b = $a").answers == ["$a = 1", "$a = 1", "$b = 1"]
    assert [found.message for found in refused("let a = $a; crash $a; submit $a")] == [
        "$a was not set before; set it with: let a = …"
    ]


# ---- groups


@pytest.mark.parametrize(
    ("line", "column", "message"),
    [
        ("partition 0,1 2,3", 15, "| is missing between '0,1' and '2,3'"),
        ("partition 0,1 2", 15, "| is missing between '0,1' and '2'"),
        ("partition 0 1,2", 13, "| is missing between '0' and '1,2'"),
        ("partition 0,1 | 2,3 4", 21, "| is missing between '2,3' and '4'"),
        ("partition leader followers", 18, "| is missing between 'leader' and 'followers'"),
        ("partition 0,1 / 2,3", 15, "| is missing between '0,1' and '/'"),
    ],
)
def test_lists_side_by_side_are_not_one_group(line: str, column: int, message: str) -> None:
    assert mistake(line) == (column, message)


# ---- nobody


def test_the_log_of_nobody_is_no_log() -> None:
    run = held("timeout 0; wait leader is 0; submit 1; log crashed; crash 1; log crashed; log alive")
    assert run.answers[3] == "no node"
    assert run.answers[5] == "every log is empty\non disk: node 1"
    assert "1:1" in run.answers[6]
