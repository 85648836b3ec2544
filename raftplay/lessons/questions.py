"""Questions whose answers are computed from the cluster, and the answers that a reader may give.

The rule of this module: a lesson contains no written answers. They are read off the cluster when their time comes,
so a lesson is correct with every seed, or `raftplay lesson --check` says where it is not.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from raftplay.cluster import checks
from raftplay.errors import UsageError
from raftplay.language.conditions import (
    Condition,
    holders_text,
    leaders_text,
    parse_condition,
)
from raftplay.language.cursor import Cursor
from raftplay.language.lexer import Word
from raftplay.language.measures import MEASURES, Measure, read_measure
from raftplay.language.selectors import check_variable, parse_node
from raftplay.language.values import submittable
from raftplay.lessons.reasons import why_not_that_node
from raftplay.raft.commands import holds_command
from raftplay.raft.messages import CMState
from raftplay.session.errors import Failed
from raftplay.session.shown import did_you_mean, quoted
from raftplay.watch.text import command_text

if TYPE_CHECKING:
    from raftplay.session.session import Session

KINDS = ("node", "number", "yes", "choice")
COUNTS = ("copies", "committed")
CANDIDATE = "candidate"

MOST = 10**9
"""The highest number that a lesson may ask for."""


class NoAnswer(Exception):
    """The typed text does not answer a question of this kind; the message says what would."""


@dataclass(frozen=True, slots=True)
class Truth:
    """The correct answer as one would type it, and the facts of the cluster behind it."""

    answer: str
    facts: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several answers, and the condition under which it is correct."""

    text: str
    condition: Condition


@dataclass(frozen=True, slots=True)
class Question:
    """A question: `kind` is one of `KINDS`, `text` its words, `truth` reads the answer off a session."""

    kind: str
    text: str
    truth: Callable[["Session"], Truth]
    choices: tuple[Choice, ...] = ()

    def hint_for(self, nodes: int) -> str:
        """Return how to answer, in a cluster of `nodes` nodes."""
        match self.kind:
            case "node":
                return f"a node, 0 to {nodes - 1}"
            case "number":
                return "a number"
            case "yes":
                return "yes or no"
        return f"1 to {len(self.choices)}"

    def read(self, text: str, nodes: int) -> str:
        """Return what was typed as an answer, in the form of `Truth.answer`. Raises `NoAnswer`."""
        word = text.strip().lower()
        match self.kind:
            case "node":
                number = word.removeprefix("node").strip().removeprefix("n")
                if number.isascii() and number.isdecimal() and len(number) < 4 and int(number) < nodes:
                    return str(int(number))
                raise NoAnswer(f"answer with a node, from 0 to {nodes - 1}")
            case "number":
                digits = word.removeprefix("-")
                if digits.isascii() and digits.isdecimal() and len(digits) < 10:
                    return str(int(word))
                raise NoAnswer("answer with a whole number")
            case "yes":
                if word in ("y", "yes", "n", "no"):
                    return "yes" if word[0] == "y" else "no"
                raise NoAnswer("answer with yes or no")
        if word.isascii() and word.isdecimal() and len(word) < 3 and 1 <= int(word) <= len(self.choices):
            return str(int(word))
        raise NoAnswer(f"answer with a number from 1 to {len(self.choices)}")

    def against(self, session: "Session", given: str, truth: Truth) -> str:
        """Return why the prediction `given` is wrong, besides the facts of `truth`; "" for no more."""
        match self.kind:
            case "node":
                return why_not_that_node(session, int(given), int(truth.answer))
            case "choice":
                seen = self.choices[int(given) - 1].condition.seen(session)
                return "" if seen == truth.facts else f"Answer {given} does not hold: {seen}."
        return ""

    def others(self, truth: str, nodes: int) -> list[str]:
        """Return some wrong answers, for `raftplay lesson --check`."""
        match self.kind:
            case "node":
                return [str(node) for node in range(nodes) if str(node) != truth]
            case "number":
                return [str(int(truth) + 1)]
            case "yes":
                return ["no" if truth == "yes" else "yes"]
        return [str(number) for number in range(1, len(self.choices) + 1) if str(number) != truth]


def parse_question(kind: str, text: str, cursor: Cursor) -> Question:
    """Return the question `text`, whose answer the words of `cursor` name. Raises `Mistake`."""
    match kind:
        case "node":
            return Question(kind, text, _node_truth(cursor))
        case "number":
            return Question(kind, text, _number_truth(cursor))
        case _:
            return Question("yes", text, _yes_truth(parse_condition(cursor)))


def choose(text: str, choices: tuple[Choice, ...]) -> Question:
    """Return the question `text` with several answers; the first whose condition holds is correct."""

    def truth(session: "Session") -> Truth:
        for number, choice in enumerate(choices, start=1):
            if choice.condition.holds(session):
                return Truth(str(number), choice.condition.seen(session))
        raise Failed(f"none of the answers to {quoted(text)} is right")

    return Question("choice", text, truth, choices)


def parse_number(cursor: Cursor) -> Measure:
    """Parse a number to read off a cluster: ``term``, ``log of 2``, ``copies x``, ``$old``. Raises `Mistake`."""
    word = cursor.next("a number to ask for, such as: term, commit of 2, copies x")
    if word.text in MEASURES:
        usage = MEASURES[word.text].usage
        if usage.startswith("of") and not cursor.sees("of"):
            raise cursor.mistake(f"{word.text} needs a node; write: {word.text} {usage}", word)
        return read_measure(cursor, word.text)
    if word.text in COUNTS:
        return _count_of(word.text, cursor)
    if word.text.startswith("$"):
        return _variable(cursor, word)
    hint = did_you_mean(word.text, (*MEASURES, *COUNTS)) or f"; it is one of {', '.join((*MEASURES, *COUNTS))}"
    raise cursor.mistake(f"unknown number {quoted(word.text)}{hint}", word)


def _variable(cursor: Cursor, word: Word) -> Measure:
    check_variable(cursor, word, word.text)
    name = word.text[1:]
    return Measure(lambda session: session.variable(name), lambda session: f"it is {session.variable(name)}")


def _count_of(what: str, cursor: Cursor) -> Measure:
    value = submittable(cursor, cursor.next("a VALUE"))
    if what == "committed":
        return Measure(
            lambda session: len(checks.holders(session.harness, value)),
            lambda session: holders_text(session, value),
        )

    def copies(session: "Session") -> list[int]:
        snapshot = session.harness.snapshot()
        return [n.id for n in snapshot.nodes if any(holds_command(e, value) for e in n.log)]

    def seen(session: "Session") -> str:
        found = copies(session)
        where = (
            f"nodes {' '.join(map(str, found))}" if len(found) > 1 else f"node {found[0]}" if found else "no node"
        )
        return f"{command_text(value, 40)} stands in the log of {where}"

    return Measure(lambda session: len(copies(session)), seen)


def _node_truth(cursor: Cursor) -> Callable[["Session"], Truth]:
    if cursor.take(CANDIDATE):
        return _candidate_truth
    selector = parse_node(cursor)

    def truth(session: "Session") -> Truth:
        try:
            return Truth(str(selector.resolve_one(session)), leaders_text(session))
        except UsageError as error:
            raise Failed(str(error)) from None

    return truth


def _candidate_truth(session: "Session") -> Truth:
    """Return the only candidate among connected live nodes. Raises `Failed` where there is not exactly one."""
    cluster = session.harness.cluster
    found = [id for id in checks.connected(session.harness) if cluster[id].cm.state is CMState.CANDIDATE]
    if len(found) != 1:
        raise Failed(f"exactly one candidate is expected here, not {len(found)}")
    return Truth(str(found[0]), f"node {found[0]} is candidate in term {cluster[found[0]].cm.current_term}")


def _number_truth(cursor: Cursor) -> Callable[["Session"], Truth]:
    measure = parse_number(cursor)

    def truth(session: "Session") -> Truth:
        number = measure.value(session)
        if number is None:
            raise Failed(measure.seen(session))
        return Truth(str(number), measure.seen(session))

    return truth


def _yes_truth(condition: Condition) -> Callable[["Session"], Truth]:
    def truth(session: "Session") -> Truth:
        return Truth("yes" if condition.holds(session) else "no", condition.seen(session))

    return truth
