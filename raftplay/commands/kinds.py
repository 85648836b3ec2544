"""The kinds of parameters that commands take; a kind is written once and used by any command."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from raftplay.cluster.harness import MAX_SPEED, MIN_SPEED
from raftplay.commands import values
from raftplay.commands.conditions import Condition, number_or_variable, parse_condition
from raftplay.commands.cursor import Cursor
from raftplay.commands.lexer import Word
from raftplay.commands.selectors import Selector, check_variable, leader, parse_node, parse_nodes, selector
from raftplay.commands.table import Kind, Resolve, constant
from raftplay.raft.messages import UsageError

if TYPE_CHECKING:
    from raftplay.commands.session import Session

Links = list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class LinkChange:
    """What `link` changes: None stays as it is; `clear` makes the link whole."""

    clear: bool = False
    loss: float | None = None
    delay: tuple[float, float] | None = None
    dup: float | None = None


def _node(cursor: Cursor) -> Resolve:
    return parse_node(cursor).resolve_one


def _nodes(cursor: Cursor) -> Resolve:
    return parse_nodes(cursor).resolve


def _value(cursor: Cursor) -> Resolve:
    word = cursor.next("VALUE")
    if word.text.startswith("$") and not word.quoted:
        check_variable(cursor, word, word.text)
        return lambda session: session.variable(word.text[1:])
    return constant(values.submittable(cursor, word))


def _duration(cursor: Cursor) -> Resolve:
    return constant(values.duration(cursor, cursor.next("a DURATION")))


def _condition(cursor: Cursor) -> Resolve:
    return constant(parse_condition(cursor))


def _count(low: int, high: int) -> Callable[[Cursor], Resolve]:
    def read(cursor: Cursor) -> Resolve:
        return constant(values.whole(cursor, cursor.next("N"), "number", low, high))

    return read


def _speed(cursor: Cursor) -> Resolve:
    word = cursor.next("X")
    try:
        speed = float(word.text)
    except ValueError:
        speed = 0.0
    if not MIN_SPEED <= speed <= MAX_SPEED:
        raise cursor.mistake(f"{word.text!r} is no speed; it lies between {MIN_SPEED:g} and {MAX_SPEED:g}", word)
    return constant(speed)


def _groups(cursor: Cursor) -> Resolve:
    words = cursor.rest()
    groups: list[list[Selector]] = [[]]
    seen: set[int | str] = set()
    for word in words:
        for at, piece in enumerate(word.text.split("|")):
            if at:
                groups.append([])
            if not piece:
                continue
            found = selector(cursor, Word(piece.strip(","), word.column, word.length))
            for part in found.parts:
                if part in seen:
                    raise cursor.mistake(f"{part} stands in two groups", word)
                seen.add(part)
            groups[-1].append(found)
    if not all(groups):
        raise cursor.mistake("groups are missing; write partition 0,1 | 2,3,4", words[-1] if words else None)
    return lambda session: [[id for part in group for id in part.resolve(session)] for group in groups]


def _links(cursor: Cursor) -> Resolve:
    word = cursor.next("a LINK")
    if word.text == "all":
        return lambda session: [
            (a, b) for a in range(session.harness.n) for b in range(session.harness.n) if a != b
        ]
    both = "<->" in word.text
    left, arrow, right = word.text.partition("<->" if both else "->")
    if not arrow or not left or not right:
        raise cursor.mistake(f"{word.text!r} is no link; write 1->3, 1<->3 or all", word)
    src = selector(cursor, Word(left, word.column, len(left)))
    dst = selector(cursor, Word(right, word.column + len(left) + len(arrow), len(right)))
    if src == dst and len(src.parts) == 1:
        raise cursor.mistake("a node has no link to itself", word)

    def resolve(session: "Session") -> Links:
        pairs = [(a, b) for a in src.resolve(session) for b in dst.resolve(session) if a != b]
        if not pairs:
            raise UsageError(f"{word.text} is no link between two nodes")
        return pairs + [(b, a) for a, b in pairs] if both else pairs

    return resolve


def _messages(cursor: Cursor) -> Resolve:
    word = cursor.next("an ID or a LINK")
    if word.text != "all" and "->" not in word.text:
        ids = [values.whole(cursor, word, "message; an ID as in `messages`, or a LINK such as 1->3", 1)]
        return constant(ids)
    cursor.at -= 1
    links = _links(cursor)
    return lambda session: [
        flight.id for link in links(session) for flight in session.harness.flights.on_link(*link)
    ]


def _link_change(cursor: Cursor) -> Resolve:
    if cursor.take("clear"):
        return constant(LinkChange(clear=True))
    change = LinkChange()
    words = cursor.rest()
    if not words:
        raise cursor.mistake("what to change is missing: loss=20% delay=50..80ms dup=5%, or clear")
    for word in words:
        name, _, text = word.text.partition("=")
        place = Word(text, word.column + len(name) + 1, len(text))
        match name:
            case "loss":
                change = LinkChange(False, values.chance(cursor, place, text), change.delay, change.dup)
            case "delay":
                change = LinkChange(False, change.loss, values.duration_range(cursor, place, text), change.dup)
            case "dup":
                change = LinkChange(False, change.loss, change.delay, values.chance(cursor, place, text))
            case _:
                raise cursor.mistake(f"{word.text!r} is no fault of a link; loss=20% delay=50..80ms dup=5%", word)
    return constant(change)


def _new_name(cursor: Cursor) -> Resolve:
    word = cursor.next("NAME")
    name, glued, rest = word.text.partition("=")
    if not values.is_name(name):
        raise cursor.mistake(f"{name!r} is no name; letters, digits and _, such as old", word)
    if glued:  # `let old=leader` reads as `let old = leader`
        pieces = [Word("=", word.column + len(name), 1)]
        if rest:
            pieces.append(Word(rest, word.column + len(name) + 1, len(rest)))
        cursor.words = (*cursor.words[: cursor.at], *pieces, *cursor.words[cursor.at :])
    cursor.scope.variables.add(name)
    return constant(name)


def _kept(cursor: Cursor) -> Resolve:
    word = cursor.next("leader, follower, term, index or a number")
    match word.text:
        case "leader" | "follower":
            cursor.at -= 1
            return parse_node(cursor).resolve_one
        case "term":
            return _highest_term
    return number_or_variable(cursor, word)


def _highest_term(session: "Session") -> int:
    found = leader(session.harness)
    ids = [found] if found is not None else range(session.harness.n)
    return max(session.harness.cluster[id].cm.current_term for id in ids)


def _word(cursor: Cursor) -> Resolve:
    return constant(cursor.next("a word").text)


def _words(cursor: Cursor) -> Resolve:
    return constant(cursor.rest())


NODE = Kind("NODE", _node)
NODES = Kind("NODES", _nodes)
VALUE = Kind("VALUE", _value)
TO_NODE = Kind("NODE", _node, lead="to")
AFTER_N = Kind("N", _count(0, 1_000_000), lead="after")
COUNT = Kind("N", _count(1, 10_000))
SLEEP = Kind("D", _duration)
CONDITION = Kind("CONDITION", _condition)
CONDITION_WITHIN = Kind("CONDITION", _condition, stop="within")
WITHIN = Kind("D", _duration, lead="within")
CONDITION_FOR = Kind("CONDITION", _condition, stop="for")
FOR = Kind("D", _duration, lead="for")
SPEED = Kind("X", _speed)
GROUPS = Kind("0,1 | 2,3,4", _groups)
LINK = Kind("LINK", _links)
MESSAGES = Kind("ID|LINK", _messages)
LINK_CHANGE = Kind("loss=20% delay=50..80ms dup=5% | clear", _link_change)
NAME = Kind("NAME", _new_name)
KEPT = Kind("leader|follower|term|index|NUMBER", _kept, lead="=")
WORD = Kind("COMMAND", _word)
WORDS = Kind("…", _words)

Messages = Annotated[list[int], MESSAGES]
Node = Annotated[int, NODE]
Nodes = Annotated[list[int], NODES]
Conditions = Condition
