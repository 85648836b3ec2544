"""The kinds of parameters that commands take; each is written once and used by any command."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from raftplay.cluster.snapshot import NodeSnapshot
from raftplay.cluster.waits import MAX_SPEED, MIN_SPEED
from raftplay.errors import UsageError
from raftplay.files import check_output_name, expanded
from raftplay.kv.load import LOADS
from raftplay.language import offers, values
from raftplay.language.conditions import NUMBERS, VALUES, Condition, number_or_variable, parse_condition
from raftplay.language.cursor import Cursor, Offered, Place
from raftplay.language.lexer import Word
from raftplay.language.selectors import (
    ONE,
    SEVERAL,
    SINGLE,
    check_variable,
    highest_term,
    parse_node,
    parse_nodes,
)
from raftplay.language.table import CONDITIONS, TABLE, TOPICS, TRACE, Kind, Resolve, constant
from raftplay.raft.messages import CMState
from raftplay.session.branches import Mark
from raftplay.session.errors import Failed
from raftplay.session.session import Session
from raftplay.session.shown import did_you_mean, quoted, short


def _anything(_: NodeSnapshot) -> bool:
    return True


def _is_down(node: NodeSnapshot) -> bool:
    return not node.alive


def _is_up(node: NodeSnapshot) -> bool:
    return node.alive


def _is_cut_off(node: NodeSnapshot) -> bool:
    return node.alive and not node.connected


def _is_joined(node: NodeSnapshot) -> bool:
    return node.alive and node.connected


def _is_frozen(node: NodeSnapshot) -> bool:
    return node.frozen


def _is_awake(node: NodeSnapshot) -> bool:
    return node.alive and not node.frozen


def _drops(node: NodeSnapshot) -> bool:
    return node.calls_left >= 0


def _waits(node: NodeSnapshot) -> bool:
    return node.alive and not node.frozen and node.state is not CMState.LEADER


def one_node(fits: offers.Fits = _anything, lead: str = "") -> Kind:
    """Return the kind of exactly one node; completion offers those that `fits`."""
    offer = offers.nodes(SINGLE, fits)
    examples = ("0", "1", "2", "n0", "n2", "leader", "follower", "$x")
    return Kind("NODE", lambda cursor: parse_node(cursor, offer).resolve_one, lead, "", ABOUT_NODE, examples)


def some_nodes(fits: offers.Fits = _anything, more: str = "") -> Kind:
    """Return the kind of one or more nodes; completion offers those that `fits`. `more` is added to the help."""
    offer = offers.nodes((*SINGLE, *SEVERAL), fits, several=True)
    about = ABOUT_NODES + more
    examples = ("0", "1", "2", "0,1", "leader", "followers", "all", "alive", "crashed", "0,leader", "$x")
    return Kind("NODES", lambda cursor: parse_nodes(cursor, offer).resolve, about=about, examples=examples)


def _value(cursor: Cursor) -> Resolve:
    word = cursor.next("VALUE", VALUES)
    if word.text.startswith("$") and not word.quoted:
        check_variable(cursor, word, word.text)
        return lambda session: session.variable(word.text[1:])
    return constant(values.submittable(cursor, word))


def _key(cursor: Cursor) -> Resolve:
    word = cursor.next("a KEY", offers.words("x", "y"))
    if not 1 <= len(word.text) <= 200:
        raise cursor.mistake("a key is a text of 1 to 200 characters", word)
    return constant(word.text)


def _client(cursor: Cursor) -> Resolve:
    word = cursor.next("the name of a CLIENT", offers.words("main", "alice", "bob"))
    if not values.is_name(word.text):
        raise cursor.mistake(f"invalid name {quoted(word.text)}: use letters, digits and _, such as alice", word)
    return constant(word.text)


def _load(cursor: Cursor) -> Resolve:
    settings = {}
    for word in cursor.rest(offers.assignments(("clients", "4"), ("rate", "50/s"), ("keys", "3"))):
        name, glued, text = word.text.partition("=")
        if name not in LOADS:
            hint = did_you_mean(name, LOADS) or f"; use {', '.join(LOADS)}"
            raise cursor.mistake(f"unknown setting {quoted(name)}{hint}", word)
        number = text.removesuffix("/s") if name == "rate" else text
        low, high = LOADS[name]
        if not glued or not number.isdecimal() or not low <= int(number[:9]) <= high:
            raise cursor.mistake(f"{name} is a number from {low} to {high}, such as {name}={low}", word)
        settings[name] = int(number)
    return constant(settings)


def _duration(cursor: Cursor) -> Resolve:
    return constant(values.duration(cursor, cursor.next("a DURATION", offers.durations)))


def _aligned(cursor: Cursor) -> Resolve:
    word = cursor.next("align or spread", offers.words("align", "spread"))
    return constant(values.one_of(cursor, word, ("align", "spread"), "way to set timers") == "align")


def _empty(cursor: Cursor) -> Resolve:
    word = cursor.next("empty", offers.words("empty"))
    return constant(values.one_of(cursor, word, ("empty",), "way to restart") == "empty")


def _branch(cursor: Cursor) -> Resolve:
    return constant(cursor.next("the NAME of a branch", offers.branches).text)


def _file(cursor: Cursor) -> Resolve:
    word = cursor.next("a FILE", offers.files)
    try:
        check_output_name(word.text)
    except UsageError as error:
        raise cursor.mistake(str(error), word) from None
    return constant(Path(expanded(word.text)))


def _condition(cursor: Cursor) -> Resolve:
    return constant(parse_condition(cursor))


def _count(low: int, high: int) -> Callable[[Cursor], Resolve]:
    def read(cursor: Cursor) -> Resolve:
        return constant(values.whole(cursor, cursor.next("N"), "number", low, high))

    return read


def _speed(cursor: Cursor) -> Resolve:
    return constant(
        values.decimal(
            cursor, cursor.next("X", offers.words("1", "0.1", "0.01", "10")), "speed", MIN_SPEED, MAX_SPEED
        )
    )


_SIGNS = re.compile("[=<>!:~≠≤≥]+")


def _new_name(cursor: Cursor) -> Resolve:
    word = cursor.next("NAME")
    signs = _SIGNS.search(word.text)
    name = word.text if signs is None else word.text[: signs.start()]
    if not values.is_name(name):
        raise cursor.mistake(f"invalid name {quoted(name)}: use letters, digits and _, such as old", word)
    if signs is not None:
        cursor.words = (*cursor.words[: cursor.at], *_unglued(cursor, word, signs), *cursor.words[cursor.at :])
    elif (behind := cursor.peek()) is not None and (signs := _SIGNS.match(behind.text)) is not None:
        pieces = _unglued(cursor, behind, signs)
        cursor.words = (*cursor.words[: cursor.at], *pieces, *cursor.words[cursor.at + 1 :])
    cursor.new_variable = name
    return constant(name)


def _unglued(cursor: Cursor, word: Word, signs: re.Match[str]) -> list[Word]:
    """Cut a word at its ``=``: ``let old=leader`` reads as ``let old = leader``. Raises `Mistake`."""
    sign = Word(signs[0], word.column + signs.start(), len(signs[0]))
    if sign.text != "=":
        raise cursor.mistake(f"unknown operator {quoted(sign.text)}; use =", sign)
    rest = word.text[signs.end() :]
    return [sign, Word(rest, word.column + signs.end(), len(rest))] if rest else [sign]


def _new_mark(cursor: Cursor) -> Resolve:
    word = cursor.next("NAME", offers.marks)
    if not values.is_name(word.text):
        raise cursor.mistake(f"invalid name {quoted(word.text)}: use letters, digits and _, such as before", word)
    cursor.new_mark = word.text
    return constant(word.text)


def _moment(cursor: Cursor) -> Resolve:
    """Read a time, or the name of a moment that was marked before."""
    word = cursor.next("a TIME or the NAME of a mark", offers.either(offers.marks, offers.durations))
    if not values.is_name(word.text):
        return constant(values.duration(cursor, word))
    if word.text not in cursor.scope.marks:
        hint = did_you_mean(word.text, cursor.scope.marks)
        hint = hint or f"; write a time such as 250ms, or first: mark {short(word.text)}"
        raise cursor.mistake(f"there is no mark {quoted(word.text)}{hint}", word)

    def resolve(session: Session) -> Mark:
        if word.text not in session.branch.marks:
            raise UsageError(f"branch {session.branch.name} has no mark {quoted(word.text)}")
        return session.branch.marks[word.text]

    return resolve


def _kept(cursor: Cursor) -> Resolve:
    word = cursor.next("leader, follower, term, index or a number", offers.either(ONE, KEPT_WORDS, NUMBERS))
    match word.text:
        case "leader" | "follower":
            cursor.at -= 1
            return parse_node(cursor).resolve_one
        case "term":
            return _highest_term
    return number_or_variable(cursor, word)


def _highest_term(session: Session) -> int:
    term = highest_term(session.harness)
    if term is None:
        raise Failed("no node is connected, so there is no term")
    return term


def _topics(_: Place) -> Iterator[Offered]:
    yield from (Offered(name, TABLE[name].help) for name in sorted(TABLE))
    yield from map(Offered, TOPICS)


def _topic(cursor: Cursor) -> Resolve:
    word = cursor.next("a command", _topics)
    if word.text not in (*TABLE, *TOPICS):
        raise cursor.mistake(no_help_text(word.text), word)
    return constant(word.text)


def no_help_text(name: str) -> str:
    """Return what to say of a name that `help` does not know."""
    is_option = name in TABLE["set"].parameters[0].kind.about.replace(",", "").replace(" or ", " ").split()
    hint = "; it is an option: help set" if is_option else did_you_mean(name, (*TABLE, *TOPICS))
    return f"there is no command {quoted(name)}{hint}"


KEPT_WORDS = offers.word("term", "the highest term of connected live nodes")

ABOUT_NODE = "2 or n2, leader, follower, or a variable such as $old"
ABOUT_NODES = "2 or n2, leader, follower, followers, all, alive, crashed, a variable such as $old, or several: 0,2"
ABOUT_DURATION = "250ms, 1.5s or 2m, at most 1440m"
ABOUT_CONDITION = "no leader, leader is 2, term >= 3, committed x on 3, agree … (see: help conditions)"

NODE = one_node()
NODES = some_nodes()
NODES_FROM = replace(NODES, stop="from")
VALUE = Kind(
    "VALUE",
    _value,
    about="an integer such as 42, or text; quotes keep spaces and make 42 text: '42'",
    examples=("1", "42", "x", "'two words'", "-7", "$x", "'\\x1b[31m'", '"漢字"', "'\u202eevil'", "''"),
)
OLD_VALUE = replace(VALUE, shown="OLD")
NEW_VALUE = replace(VALUE, shown="NEW")
KEY = Kind("KEY", _key, about="a key of the store, such as x", examples=("x", "y", "k1"))
CLIENT = Kind("CLIENT", _client, about="a client by its name, such as alice", examples=("alice", "main"))
LOAD = Kind(
    "clients=N rate=N/s keys=N",
    _load,
    stop="for",
    about="a number of clients, requests a second of all of them, and a number of keys",
    examples=("clients=4 rate=50/s keys=3", "clients=1", "rate=10/s keys=1"),
)
AS_CLIENT = replace(CLIENT, lead="as", about="the client that acts; main if none is named")
TO_NODE = one_node(lead="to")
FROM_NODE = one_node(lead="from")
AFTER_N = Kind("N", _count(0, 1_000_000), lead="after", examples=("0", "1", "5", "20"))
COUNT = Kind("N", _count(1, 10_000), examples=("1", "2", "3", "5", "20"))
FROM_INDEX = Kind("INDEX", _count(0, 1_000_000_000), lead="from", examples=("0", "2"))
SLEEP = Kind(
    "D", _duration, about=ABOUT_DURATION, examples=("0ms", "1ms", "7.5ms", "20ms", "120ms", "300ms", "0.4s")
)
CONDITION = Kind("CONDITION", _condition, about=ABOUT_CONDITION, examples=(
    "leader", "one leader", "no leader", "leader is 0", "leader is not $x", "0 is follower", "all is leader",
    "0,1 is dead", "term = 1", "term >= 1", "term of 0 > 0", "commit of 0 = 0", "log of 1 <= 3", "committed 42",
    "committed x on 2", "not committed 42", "not committed '\x1b'", "agree", "term of leader != $x",
))  # fmt: skip
CONDITION_WITHIN = replace(CONDITION, stop="within")
WITHIN = replace(SLEEP, lead="within")
CONDITION_FOR = replace(CONDITION, stop="for")
FOR = replace(SLEEP, lead="for")
SPEED = Kind("X", _speed, about=f"from {MIN_SPEED:g} to {MAX_SPEED:g}", examples=("1", "0.5", "100", "0.001"))
NEW_MARK = Kind("NAME", _new_mark, about="letters, digits and _", examples=("here", "x"))
MOMENT = Kind(
    "TIME|NAME",
    _moment,
    about="cluster time since the start: 250ms, 1.5s or 2m; or a moment that `mark` named",
    examples=("0ms", "10ms", "0.2s"),
)
BRANCH = Kind("NAME", _branch, about="as `branches` lists them: main, b1, b2 …", examples=("main", "b1", "x"))
ALIGNED = Kind("align|spread", _aligned, examples=("align", "spread"))
EMPTY = Kind("empty", _empty, about="its disk comes back blank, as a new one", examples=("empty",))
AT = replace(SLEEP, lead="at", about=f"from now: {ABOUT_DURATION}")
FILE = Kind("FILE", _file, about="the name of a new file", examples=("file.txt",))
NAME = Kind("NAME", _new_name, examples=("x", "y", "main"))
KEPT = Kind(
    "leader|follower|term|index|NUMBER",
    _kept,
    lead="=",
    examples=("leader", "follower", "term", "index", "0", "2", "99"),
)
TOPIC = Kind("COMMAND", _topic, examples=("submit", "wait", CONDITIONS, TRACE))

Node = Annotated[int, NODE]
Nodes = Annotated[list[int], NODES]
DroppingNode = Annotated[int, one_node(_drops)]
WaitingNode = Annotated[int, one_node(_waits)]
Up = Annotated[list[int], some_nodes(_is_up)]
Down = Annotated[list[int], some_nodes(_is_down, "; one after the other, and each restart lets 20 ms pass")]
Joined = Annotated[list[int], some_nodes(_is_joined)]
CutOff = Annotated[list[int], some_nodes(_is_cut_off)]
Awake = Annotated[list[int], some_nodes(_is_awake)]
AwakeOrNone = Annotated[list[int] | None, some_nodes(_is_awake)]
Asleep = Annotated[list[int], some_nodes(_is_frozen)]
Conditions = Condition
