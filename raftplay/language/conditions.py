"""Conditions, which `expect` checks once, `wait` waits for, and `never` forbids.

A condition says whether it holds, and in words what is seen now. The commands decide how to wait.
"""

import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import takewhile

from raftplay.cluster import checks
from raftplay.cluster.snapshot import RULES
from raftplay.errors import UsageError
from raftplay.kv.machine import KeyValueStore
from raftplay.language import offers
from raftplay.language.cursor import Cursor, Offered, Place
from raftplay.language.lexer import Mistake, Word
from raftplay.language.measures import MEASURES, read_measure
from raftplay.language.selectors import SOME, Selector, check_variable, leader, parse_node, resolved, selector
from raftplay.language.values import ENDLESS, limits_text, submittable, whole
from raftplay.linearizability.operations import json_of
from raftplay.linearizability.report import report
from raftplay.linearizability.timeline import value_text
from raftplay.raft.messages import NONE, CMState
from raftplay.session.session import Session
from raftplay.session.shown import did_you_mean, quoted, short
from raftplay.watch.text import command_text, count
from raftplay.watch.words import nodes_text

OPERATORS: dict[str, Callable[[int, int], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_MEANT = {
    "==": "=", "===": "=", ":=": "=", "is": "=", "equals": "=", "=>": ">=", "≥": ">=", "=<": "<=", "≤": "<=",
    "<>": "!=", "!==": "!=", "=!": "!=", "~=": "!=", "≠": "!=",
}  # fmt: skip
"""Operators of other languages, each with the meant one of `OPERATORS`."""

_OPERATOR = re.compile("([<>=!~:≠≤≥]+)")
_STATES = {str(state).lower(): state for state in CMState}


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition: `holds` checks it, `seen` returns in words what is seen."""

    holds: Callable[[Session], bool]
    seen: Callable[[Session], str]


FORMS = (
    ("leader", "some connected live node leads, alone in its term"),
    ("one leader", "exactly one connected live node leads"),
    ("no leader", "no connected live node leads"),
    ("transfer", "some running node hands its leadership over"),
    ("no transfer", "no running node hands its leadership over"),
    ("leader is NODE", "the leader of the highest term is that node"),
    ("leader is not NODE", "there is a leader, and it is another node"),
    ("NODE or NODE leads", "the leader of the highest term is one of them; any number of nodes may stand there"),
    (
        "NODES is follower|pre-candidate|candidate|leader|dead",
        "each of them is that; a pre-candidate is a follower too",
    ),
    *((f"{usage} OP N", meaning) for row in MEASURES.values() for usage, meaning in row.forms),
    ("committed VALUE", "every connected live node has committed it, at the same index, after the same commands"),
    ("committed VALUE on N", "exactly N of them have committed it"),
    ("not committed VALUE", "no connected live node has committed it"),
    ("value of KEY = VALUE", "in the store of each connected live node, the key has that value"),
    ("value of KEY = VALUE on N", "in the stores of exactly N of them"),
    ("linearizable", "what clients called and were told has an order that explains it"),
    ("not linearizable", "it has none"),
    ("agree", "all connected live nodes have committed the same sequence, of the same length"),
)
"""The forms of conditions, and when each holds, for help and docs/language.md."""


NUMBERS = offers.either(offers.word("index", "the log index of the last submit"), offers.variables)
VALUES = offers.either(offers.values, offers.variables)


def _beginnings(_: Place) -> Iterator[Offered]:
    """Offer the words that begin a condition, up to its first variable part."""
    for form, meaning in FORMS:
        words = list(takewhile(str.islower, form.split()))
        if words:
            yield Offered(" ".join(words), meaning)


def parse_condition(cursor: Cursor) -> Condition:
    """Parse the words up to a stop as a condition. Raises `Mistake`."""
    if (word := cursor.peek()) is not None and _OPERATOR.split(word.text)[0] in (*MEASURES, "leader"):
        _unglue(cursor)
    first = cursor.next("a CONDITION", offers.either(_beginnings, SOME))
    _check_verb(cursor, first)
    match first.text:
        case "leader" if not cursor.sees("is"):
            return _leader()
        case "transfer":
            return Condition(lambda s: bool(_transfers(s)), _transfers_text)
        case "no" if cursor.take("transfer"):
            return Condition(lambda s: not _transfers(s), _transfers_text)
        case "one" | "no" as count:
            cursor.expect("leader")
            return _one_leader() if count == "one" else _no_leader()
        case "linearizable":
            return Condition(_is_linearizable, _verdict_text)
        case "value":
            return _value_of(cursor)
        case "agree":
            return Condition(lambda s: checks.agree(s.harness), _commit_lengths)
        case "not" if cursor.take("linearizable"):
            return Condition(_is_not_linearizable, _verdict_text)
        case "not":
            cursor.expect("committed")
            return _not_committed(_value(cursor))
        case "committed":
            return _committed(cursor)
        case what if what in MEASURES:
            return _measure(cursor, what)
    return _about_nodes(cursor, first)


def _check_verb(cursor: Cursor, first: Word) -> None:
    """Raise `Mistake` if an operator follows nodes, where `is` should stand."""
    word = cursor.peek()
    if word is None or word.quoted or not (_OPERATOR.fullmatch(word.text) or word.text == "are"):
        return
    if first.text not in MEASURES and _names_nodes(cursor, first):
        verb = "is not" if _MEANT.get(word.text, word.text) == "!=" and first.text == "leader" else "is"
        raise cursor.mistake(f"unknown operator {quoted(word.text)}; use '{verb}'", word)


def _about_nodes(cursor: Cursor, first: Word) -> Condition:
    if cursor.sees("or") or cursor.sees("leads"):
        return _one_of_them_leads(cursor, first)
    if not cursor.sees("is"):
        if cursor.is_at_end and first.text not in MEASURES and _names_nodes(cursor, first):
            raise cursor.mistake(
                f"'is' is missing: {first.text} is follower, pre-candidate, candidate, leader or dead"
            )
        words = [form.split()[0] for form, _ in FORMS if form[0].islower()]
        hint = did_you_mean(first.text, words) or "; see help conditions"
        raise cursor.mistake(f"unknown condition {quoted(first.text)}{hint}", first)
    subject = selector(cursor, first)
    cursor.take("is")
    if first.text == "leader":
        cursor.want(offers.words(*_STATES))
        word = cursor.peek()
        if word is None or word.text not in _STATES:
            negated = cursor.take("not")
            return _leader_is(parse_node(cursor), negated)
    word = cursor.next("follower, pre-candidate, candidate, leader or dead", offers.words(*_STATES))
    if word.text not in _STATES:
        hint = did_you_mean(word.text, _STATES) or "; use follower, pre-candidate, candidate, leader or dead"
        raise cursor.mistake(f"unknown state {quoted(word.text)}{hint}", word)
    state = _STATES[word.text]

    def holds(session: Session) -> bool:
        ids = resolved(subject, session)
        return bool(ids) and all(session.harness.cluster[id].cm.state.fits(state) for id in ids)

    def seen(session: Session) -> str:
        ids = resolved(subject, session)
        states = (f"node {id} is {session.harness.cluster[id].cm.state}" for id in ids)
        return ", ".join(states) or "there is no such node"

    return Condition(holds, seen)


def _one_of_them_leads(cursor: Cursor, first: Word) -> Condition:
    parts = [*selector(cursor, first).parts]
    while cursor.take("or"):
        parts += selector(cursor, cursor.next("NODE", SOME)).parts
    cursor.expect("leads")
    subject = Selector(tuple(parts))
    return Condition(lambda s: leader(s.harness) in resolved(subject, s), leaders_text)


def _names_nodes(cursor: Cursor, word: Word) -> bool:
    try:
        selector(cursor, word)
    except Mistake:
        return False
    return True


def _leader() -> Condition:
    def holds(session: Session) -> bool:
        found = checks.leaders(session.harness)
        terms = [session.harness.cluster[id].cm.current_term for id in found]
        return bool(found) and terms.count(terms[0]) == 1

    return Condition(holds, leaders_text)


def _one_leader() -> Condition:
    return Condition(lambda s: len(checks.leaders(s.harness)) == 1, leaders_text)


def _no_leader() -> Condition:
    return Condition(lambda s: not checks.leaders(s.harness), leaders_text)


def _transfers(session: Session) -> list[tuple[int, int]]:
    """Return who hands its leadership over to whom."""
    harness = session.harness
    targets = ((server.id, server.cm.transferring_to) for server in harness.cluster if harness.alive[server.id])
    return [(id, target) for id, target in targets if target != NONE]


def _transfers_text(session: Session) -> str:
    texts = (f"node {id} hands its leadership over to node {target}" for id, target in _transfers(session))
    return ", ".join(texts) or "no node hands its leadership over"


def _leader_is(node: Selector, negated: bool) -> Condition:
    def holds(session: Session) -> bool:
        now = leader(session.harness)
        ids = resolved(node, session)
        return now is not None and bool(ids) and (now != ids[0]) is negated

    return Condition(holds, leaders_text)


def _measure(cursor: Cursor, what: str) -> Condition:
    measure = read_measure(cursor, what)
    sign, number = _comparison(cursor, what)
    compare = OPERATORS[sign]

    def holds(session: Session) -> bool:
        value = measure.value(session)
        return value is not None and compare(value, number(session))

    return Condition(holds, measure.seen)


def _comparison(cursor: Cursor, what: str) -> tuple[str, Callable[[Session], int]]:
    word = cursor.next("a comparison such as >= 3", offers.words(*OPERATORS))
    if word.text not in OPERATORS:
        raise cursor.mistake(_no_operator(word.text), word)
    return word.text, number_or_variable(cursor, cursor.next("a number", NUMBERS), low=MEASURES[what].lowest)


def _no_operator(text: str) -> str:
    """Return the error message for `text` in place of an operator."""
    if text in _MEANT:
        return f"unknown operator {quoted(text)}; use {_MEANT[text]}"
    if _OPERATOR.fullmatch(text):
        return f"unknown operator {quoted(text)}; use one of {' '.join(OPERATORS)}"
    return f"{quoted(text)} is not an operator; use one of {' '.join(OPERATORS)}"


def number_or_variable(
    cursor: Cursor, word: Word, what: str = "number", low: int = -1, high: int = ENDLESS
) -> Callable[[Session], int]:
    """Read a number from `low` to `high`, ``$name``, or ``index`` (of the last submit). Raises `Mistake`.

    A variable that is out of these limits is a `UsageError` when the command runs.
    """

    def within(number: int) -> int:
        if not low <= number <= high:
            raise UsageError(f"{short(word.text)} is {number}; it must be {limits_text(low, high)} here")
        return number

    if word.text.startswith("$"):
        check_variable(cursor, word, word.text)
        return lambda session: within(session.variable(word.text[1:]))
    if word.text == "index":
        return lambda session: within(session.last_index())
    number = whole(cursor, word, what, low, high)
    return lambda _: number


def _committed(cursor: Cursor) -> Condition:
    value = _value(cursor)
    if cursor.take("on"):
        word = cursor.next("a number of nodes", _counts)
        count = number_or_variable(cursor, word, "number of nodes", 0, cursor.scope.nodes)
        return Condition(lambda s: _committed_on(s, value(s), count(s)), lambda s: holders_text(s, value(s)))

    def holds(session: Session) -> bool:
        return _committed_on(session, value(session), max(1, len(checks.connected(session.harness))))

    return Condition(holds, lambda s: holders_text(s, value(s)))


def _committed_on(session: Session, value: object, count: int) -> bool:
    found = checks.holders(session.harness, value)
    return len(found) == count and checks.disagreement(session.harness, found) is None


def _counts(place: Place) -> Iterator[Offered]:
    total = place.scope.nodes
    majority = RULES.quorum(range(total)).needed if place.view is None else place.view.snapshot.majority
    for number in range(total, 0, -1):
        help = "all" if number == total else "a majority" if number == majority else ""
        yield Offered(str(number), f"{help} of {count(total, 'node')}" if help else "")
    yield from NUMBERS(place)


def _not_committed(value: Callable[[Session], object]) -> Condition:
    return Condition(lambda s: not checks.holders(s.harness, value(s)), lambda s: holders_text(s, value(s)))


def _value(cursor: Cursor) -> Callable[[Session], object]:
    word = cursor.next("a VALUE", VALUES)
    if word.text.startswith("$") and not word.quoted:
        check_variable(cursor, word, word.text)
        return lambda session: session.variable(word.text[1:])
    value = submittable(cursor, word)
    return lambda _: value


def _is_linearizable(session: Session) -> bool:
    session.harness.clients.note_check()
    return session.harness.clients.verdict().outcome == "linearizable"


def _is_not_linearizable(session: Session) -> bool:
    is_violated = session.harness.clients.verdict().outcome == "violated"
    session.harness.clients.note_check(expects_violation=is_violated)
    return is_violated


def _verdict_text(session: Session) -> str:
    clients = session.harness.clients
    return "\n".join(report(clients.history(), clients.verdict()))


def _value_of(cursor: Cursor) -> Condition:
    """Parse `of KEY = VALUE [on N]`, which asks the stores of connected nodes."""
    cursor.expect("of")
    key = cursor.next("a KEY").text
    cursor.expect("=")
    value, number = _value(cursor), None
    if cursor.take("on"):
        word = cursor.next("a number of nodes", _counts)
        number = number_or_variable(cursor, word, "number of nodes", 0, cursor.scope.nodes)

    def stores(session: Session) -> list[tuple[int, str]]:
        connected = checks.connected(session.harness)
        return [(id, _stored(session.harness.cluster[id].machine, key)) for id in connected]

    def holds(session: Session) -> bool:
        wanted = value(session)
        text = "nothing" if wanted == "nothing" else value_text(json_of(wanted))
        has = [stored for _, stored in stores(session)]
        return has.count(text) == (max(1, len(has)) if number is None else number(session))

    def seen(session: Session) -> str:
        by_value: dict[str, list[int]] = {}
        for id, text in stores(session):
            by_value.setdefault(text, []).append(id)
        found = ", ".join(f"{text} on {nodes_text(ids)}" for text, ids in by_value.items())
        return f"{key} is {found}" if found else "no node is connected"

    return Condition(holds, seen)


def _stored(machine: object, key: str) -> str:
    """Return the value of a key in a node's store, in words."""
    values = machine.values if isinstance(machine, KeyValueStore) else {}
    return value_text(json_of(values[key])) if key in values else "nothing"


def leaders_text(session: Session) -> str:
    """Return the connected leaders and their terms in words."""
    harness = session.harness
    found = checks.leaders(harness)
    if not found:
        return "no connected node leads"
    return ", ".join(f"node {id} leads term {harness.cluster[id].cm.current_term}" for id in found)


def holders_text(session: Session, value: object) -> str:
    """Return in words which connected nodes have committed `value`."""
    found = checks.holders(session.harness, value)
    total = len(checks.connected(session.harness))
    shown = command_text(value, 40)
    if not found:
        return f"{shown} is committed on none of the {total} connected nodes"
    if text := checks.disagreement(session.harness, found):
        return f"{shown}: {text}"
    nodes = " ".join(str(id) for id, _ in found)
    return f"{shown} is committed at index {found[0][1]} on {len(found)} of {total} connected nodes ({nodes})"


def _commit_lengths(session: Session) -> str:
    harness = session.harness
    ids = checks.connected(harness)
    if not ids:
        return "no node is connected"
    lengths = {id: len(harness.commits[id]) for id in ids}
    if len(set(lengths.values())) == 1:
        has, each = ("has", "") if len(ids) == 1 else ("have", " each")
        entries = count(next(iter(lengths.values())), "entry")
        return f"{count(len(ids), 'connected node')} {has} committed {entries}{each}"
    return "committed entries: " + ", ".join(f"node {id} has {length}" for id, length in lengths.items())


def _unglue(cursor: Cursor) -> None:
    """Split words at operators, so that ``term>=3`` reads as ``term >= 3``."""
    pieces: list[Word] = []
    for word in cursor.words[cursor.at :]:
        if word.quoted:
            pieces.append(word)
            continue
        column = word.column
        for text in _OPERATOR.split(word.text):
            if text:
                pieces.append(Word(text, column, len(text)))
            column += len(text)
    cursor.words = (*cursor.words[: cursor.at], *pieces)
