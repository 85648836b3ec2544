"""The command `why`, and the forms of its question."""

from collections.abc import Callable
from typing import Annotated

from raftplay import why as asking
from raftplay.cluster.snapshot import Snapshot
from raftplay.errors import UsageError
from raftplay.language import offers
from raftplay.language.conditions import NUMBERS, number_or_variable
from raftplay.language.cursor import Cursor
from raftplay.language.lexer import Word
from raftplay.language.selectors import SEVERAL, SINGLE, Selector, parse_node
from raftplay.language.table import Kind, Resolve, command, constant
from raftplay.language.values import whole
from raftplay.past.view import View
from raftplay.raft.messages import CMState
from raftplay.session.session import Session
from raftplay.session.shown import did_you_mean, quoted
from raftplay.why import Explanation

WhyQuestion = Callable[[View], Explanation]

NARROWEST = 40
"""The minimum width at which answers are folded, in columns."""

FORMS = "NODE | NODE rejected | no leader | not committed INDEX"

ABOUT = (
    "why 2: why it is in its state; why 2 rejected: what it rejected last, or which of its requests was rejected; "
    "why not committed index: about the last submit; why alone: the most useful question now"
)


def _question(cursor: Cursor) -> Resolve:
    cursor.want(offers.words("no leader", "not committed"))
    word = cursor.peek()
    match None if word is None else word.text:
        case "no":
            cursor.next("no")
            _expect(cursor, "leader")
            return constant(asking.why_no_leader)
        case "not":
            cursor.next("not")
            _expect(cursor, "committed")
            return _about_index(cursor)
    return _about_node(cursor)


def _expect(cursor: Cursor, text: str) -> None:
    word = cursor.next(f"'{text}'", offers.word(text))
    if word.text != text:
        raise cursor.mistake(f"{quoted(word.text)} should be '{text}' here", word)


def _about_index(cursor: Cursor) -> Resolve:
    word = cursor.next("an INDEX", offers.either(NUMBERS, offers.uncommitted))
    if word.text != "index" and not word.text.startswith("$"):
        index = whole(cursor, word, "log index")
        return lambda session: lambda view: asking.why_not_committed(view, index)
    number = number_or_variable(cursor, word)
    return lambda session: lambda view: asking.why_not_committed(view, number(session))


def _about_node(cursor: Cursor) -> Resolve:
    word = cursor.peek()
    if word is not None and not _may_be_node(word):
        hint = did_you_mean(word.text, ("no", "not", *SINGLE)) or f"; usage: why [{FORMS}]"
        raise cursor.mistake(f"unknown question {quoted(word.text)}{hint}", word)
    node = parse_node(cursor)
    cursor.want("rejected")
    behind = cursor.peek()
    if behind is None:
        return lambda session: lambda view: _of_node(view, session, node, asking.why_node)
    if behind.text != "rejected":
        hint = did_you_mean(behind.text, ("rejected",)) or f"; usage: why [{FORMS}]"
        raise cursor.mistake(f"unexpected argument {quoted(behind.text)}{hint}", behind)
    cursor.next("rejected")
    return lambda session: lambda view: _of_node(view, session, node, asking.why_rejected)


def _may_be_node(word: Word) -> bool:
    return word.text.startswith("$") or word.text in (*SINGLE, *SEVERAL) or any(map(str.isdigit, word.text))


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
    examples=("0", "leader", "2 rejected", "no leader", "not committed 0", "not committed index"),
)


@command("Looking", "why not committed 4")
def why(session: Session, question: Annotated[WhyQuestion | None, QUESTION] = None) -> str:
    """Explain why a node is in its state, an entry is not committed, no node leads, or an RPC was rejected."""
    view = session.view()
    return (asking.why(view) if question is None else question(view)).folded(max(session.width, NARROWEST))
