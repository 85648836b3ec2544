"""The command `why`, and the forms of its question."""

import re
from collections.abc import Callable, Iterator
from typing import Annotated

from raftplay import why as asking
from raftplay.cluster.snapshot import Snapshot
from raftplay.errors import UsageError
from raftplay.language import kinds, offers
from raftplay.language.conditions import NUMBERS, VALUES, number_or_variable
from raftplay.language.cursor import Cursor, Offered, Place
from raftplay.language.lexer import Mistake, Word
from raftplay.language.selectors import SEVERAL, SINGLE, Selector, check_variable, parse_node
from raftplay.language.table import Kind, Resolve, command, constant
from raftplay.language.values import is_integer, submittable, whole
from raftplay.past.view import View
from raftplay.raft.messages import CMState
from raftplay.session.session import Session
from raftplay.session.shown import did_you_mean, quoted, short
from raftplay.why.words.text import Explanation

WhyQuestion = Callable[[View], Explanation]

NARROWEST = 40
"""The minimum width at which answers are folded, in columns."""

FORMS = "NODE | NODE rejected | no leader | not committed INDEX | VALUE | put KEY | CLIENT"

REQUESTS = {"get": 0, "put": 1, "append": 1, "cas": 2}
"""The requests of clients that are asked about, each with the most values that may follow its key."""

LOADS = re.compile("c[0-9]+")
"""A client of `load`, by its name."""

ABOUT = (
    "why 2: why it is in its state; why 2 rejected: what it rejected last, or which of its requests was rejected; "
    "why not committed index: about the last submit; why x, why 'two words': what became of a value, and value "
    "before it where it reads as a node, why value 2; why get x, why put x 1, why "
    "append x as alice: what the last such request of a client waits for, or what became of it; why alice: the "
    "last one of a client; why alone: the most useful question now"
)


def _question(cursor: Cursor) -> Resolve:
    cursor.want(offers.words("no leader", "not committed", "get", "put"))
    word = cursor.peek()
    if word is not None and _is_value(cursor, word):
        return _about_value(cursor)
    if word is not None and word.text in REQUESTS and not word.quoted:
        return _about_request(cursor)
    match None if word is None else word.text:
        case "no":
            cursor.next("no")
            _expect(cursor, "leader")
            return lambda _: asking.why_no_leader
        case "not":
            cursor.next("not")
            _expect(cursor, "committed")
            return _about_index(cursor)
    return _about_node(cursor)


def _expect(cursor: Cursor, text: str) -> None:
    word = cursor.next(f"'{text}'", offers.word(text))
    if word.text != text:
        raise cursor.mistake(f"{quoted(word.text)} should be '{text}' here", word)


def _is_value(cursor: Cursor, word: Word) -> bool:
    """Return whether the question is a value: a word in quotes alone, or one that begins no other question."""
    follows = cursor.words[cursor.at + 1 :]
    if word.text == "value" and not word.quoted:
        cursor.next("value")
        return True
    if follows:
        return False
    if word.quoted:
        return True
    if is_integer(word.text):
        return word.text.startswith("-")
    return _reads_as_value(word.text)


def _reads_as_value(text: str) -> bool:
    """Return whether a word without quotes is neither a node nor like a word of another question."""
    return not _may_be_node(text) and not did_you_mean(text, ("no", "not", *SINGLE))


def _texts(place: Place) -> Iterator[Offered]:
    """Offer the texts in the logs that are questions as they are."""
    for found in offers.values(place):
        if found.is_text and (offers.word_of(found.text) != found.text or _reads_as_value(found.text)):
            yield found


def _about_value(cursor: Cursor) -> Resolve:
    is_marked = _is_marked(cursor)
    word = cursor.next("a VALUE", VALUES)
    if word.text.startswith("$") and not word.quoted:
        check_variable(cursor, word, word.text)
        return lambda session: lambda view: asking.why_value(view, session.variable(word.text[1:]))
    value = submittable(cursor, word)
    if word.quoted or not isinstance(value, str) or is_marked:
        return lambda session: lambda view: asking.why_value(view, value)
    return lambda session: lambda view: _of_client_or_value(view, value)


def _is_marked(cursor: Cursor) -> bool:
    """Return whether `value` stands before the next word."""
    before = cursor.words[cursor.at - 1] if cursor.at else None
    return before is not None and before.text == "value" and not before.quoted


def _of_client_or_value(view: View, name: str) -> Explanation:
    """Answer about the client `name`, if there is one, or the last `put` or the like; else about the value."""
    kind = (asking.Asks(name),) if name in REQUESTS else ()
    for asks in (asking.Asks(client=name), *kind):
        if asking.has_call(view, asks):
            return asking.why_call(view, asks)
    return asking.why_value(view, name)


def _about_request(cursor: Cursor) -> Resolve:
    """Read `put KEY [VALUE] [as CLIENT]` and the like."""
    kind = cursor.next("a request").text
    key = kinds.KEY.read(cursor)
    values: list[Resolve] = []
    while len(values) < REQUESTS[kind] and not _is_next(cursor, "as") and cursor.peek() is not None:
        values.append(kinds.VALUE.read(cursor))
    client = kinds.CLIENT.read(cursor) if cursor.take("as") else constant(None)
    return lambda session: (
        lambda view: asking.why_call(
            view, asking.Asks(kind, key(session), client(session), tuple(value(session) for value in values))
        )
    )


def _is_next(cursor: Cursor, text: str) -> bool:
    word = cursor.peek()
    return word is not None and word.text == text and not word.quoted


def _about_index(cursor: Cursor) -> Resolve:
    word = cursor.next("an INDEX", offers.either(NUMBERS, offers.uncommitted))
    if word.text != "index" and not word.text.startswith("$"):
        index = whole(cursor, word, "log index")
        return lambda session: lambda view: asking.why_not_committed(view, index)
    number = number_or_variable(cursor, word)
    return lambda session: lambda view: asking.why_not_committed(view, number(session))


def _about_node(cursor: Cursor) -> Resolve:
    word = cursor.peek()
    if word is not None and not _may_be_node(word.text):
        hint = did_you_mean(word.text, ("no", "not", *SINGLE)) or f"; usage: why [{FORMS}]"
        if "usage" in hint and all(one.text.isalpha() for one in cursor.words):
            text = " ".join(one.text for one in cursor.words[1:])
            hint = f"; a value with spaces needs quotes: why '{text}'"
        raise cursor.mistake(f"unknown question {quoted(word.text)}{hint}", word)
    try:
        node = parse_node(cursor)
    except Mistake as mistake:
        cursor.want(offers.either(offers.word("value"), _texts))
        if word is not None and word.text.isdecimal() and word is cursor.words[-1]:
            mistake.message += f"; for the value {short(word.text)} write: why value {short(word.text)}"
        raise
    cursor.want("rejected")
    behind = cursor.peek()
    if behind is None:
        return lambda session: lambda view: _of_node(view, session, node, asking.why_node)
    if behind.text != "rejected":
        hint = did_you_mean(behind.text, ("rejected",)) or f"; usage: why [{FORMS}]"
        raise cursor.mistake(f"unexpected argument {quoted(behind.text)}{hint}", behind)
    cursor.next("rejected")
    return lambda session: lambda view: _of_node(view, session, node, asking.why_rejected)


def _may_be_node(text: str) -> bool:
    if LOADS.fullmatch(text):
        return False
    return text.startswith("$") or text in (*SINGLE, *SEVERAL) or any(map(str.isdigit, text))


def _of_node(view: View, session: Session, node: Selector, ask: Callable[[View, int], Explanation]) -> Explanation:
    """Answer `ask` about a node, or why there is no leader where `leader` names no node at the view's moment."""
    id = _find(view.snapshot, node, session)
    return asking.why_no_leader(view) if id is None else ask(view, id)


def _find(snapshot: Snapshot, node: Selector, session: Session) -> int | None:
    """Return the id of `node` at the moment of the snapshot; None for `leader` while there is none."""
    match node.parts[0]:
        case "leader":
            return snapshot.leader.id if snapshot.leader is not None else None
        case "follower":
            followers = (n.id for n in snapshot.nodes if n.alive and n.connected and n.state is CMState.FOLLOWER)
            id = next(followers, None)
            if id is None:
                raise UsageError("there is no follower among the connected live nodes")
            return id
    return node.resolve_one(session)


QUESTION = Kind(
    FORMS,
    _question,
    about=ABOUT,
    examples=(
        "0",
        "leader",
        "2 rejected",
        "no leader",
        "not committed 0",
        "not committed index",
        "x",
        "'two words'",
        "value 2",
        "put x 1",
        "get x as alice",
    ),
)


@command("Looking", "why not committed 4")
def why(session: Session, question: Annotated[WhyQuestion | None, QUESTION] = None) -> str:
    """Explain the state of a node, an entry that is not committed, a lack of a leader, a rejection, or what became
    of a value or of a client's request.
    """
    view = session.view()
    return (asking.why(view) if question is None else question(view)).folded(max(session.width, NARROWEST))
