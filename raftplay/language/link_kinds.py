"""The kinds of parameters that name links, groups of nodes, and messages in flight."""

from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, pairwise
from typing import Annotated

from raftplay.cluster.holding import fits
from raftplay.errors import UsageError
from raftplay.language import offers, values
from raftplay.language.cursor import Cursor
from raftplay.language.lexer import Word
from raftplay.language.selectors import OTHERS, SEVERAL, Selector, group_selector, resolve_groups
from raftplay.language.table import Kind, Resolve, constant
from raftplay.raft.message_kinds import MESSAGE_KINDS
from raftplay.session.session import Session
from raftplay.session.shown import did_you_mean, quoted, short

LinkList = list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class LinkChange:
    """A change of `link`: None leaves a fault unchanged; `clear` removes all faults."""

    clear: bool = False
    loss: float | None = None
    delay: tuple[float, float] | None = None
    dup: float | None = None


@dataclass(frozen=True, slots=True)
class Picked:
    """Messages in flight by their numbers. Those of `links` may arrive before the command acts on them."""

    ids: tuple[int, ...]
    by_id: bool = False
    links: tuple[tuple[int, int], ...] = ()
    of_kind: bool = False
    """True if only messages of one kind were meant."""


@dataclass(frozen=True, slots=True)
class LinksOfKind:
    """Links, and the kind of their messages that is meant; "" for all."""

    links: tuple[tuple[int, int], ...]
    kind: str = ""


def _groups(cursor: Cursor) -> Resolve:
    words = cursor.rest(offers.groups)
    groups: list[list[Selector]] = [[]]
    seen: set[int | str] = set()
    _check_bars(cursor, words)
    for word in words:
        column = word.column
        for at, piece in enumerate(word.text.split("|")):
            if at:
                groups.append([])
                column += 1
            place = Word(piece.strip(","), column, max(len(piece), 1))
            column += len(piece)
            if not piece:
                continue
            found = group_selector(cursor, place)
            for part in found.parts:
                if part in seen:
                    raise cursor.mistake(f"{part} stands in two groups", place)
                seen.add(part)
            groups[-1].append(found)
        if len(groups[-1]) > 1 and any(OTHERS in part.parts for part in groups[-1]):
            raise cursor.mistake("others stands alone in its group", word)
    if not all(groups):
        raise cursor.mistake("groups are missing; write partition 0,1 | 2,3,4", words[-1] if groups[-1] else None)
    named = [Selector(tuple(chain.from_iterable(part.parts for part in group))) for group in groups]
    return lambda session: resolve_groups(named, session)


def _check_bars(cursor: Cursor, words: list[Word]) -> None:
    """Raise `Mistake` if a `|` is missing: a group lists its nodes with commas or spaces, but not with both."""
    for one, other in pairwise(words):
        glued = one.text.endswith((",", "|")) or other.text.startswith((",", "|"))
        lists = any("," in word.text.strip(",") or word.text in SEVERAL for word in (one, other))
        if lists and not glued:
            raise cursor.mistake(f"| is missing between {quoted(one.text)} and {quoted(other.text)}", other)


def _links(cursor: Cursor, kind: str = "") -> Resolve:
    word = cursor.next("a LINK", offers.links(kind))
    if word.text == "all":
        return _all_links
    both = "<->" in word.text
    left, arrow, right = word.text.partition("<->" if both else "->")
    if not arrow or not left or not right:
        raise cursor.mistake(f"invalid link {quoted(word.text)}: write 1->3, 1<->3 or all", word)
    src = group_selector(cursor, Word(left, word.column, len(left)))
    dst = group_selector(cursor, Word(right, word.column + len(left) + len(arrow), len(right)))
    if src == dst and len(src.parts) == 1:
        raise cursor.mistake("a node has no link to itself", word)

    def resolve(session: Session) -> LinkList:
        sources, targets = resolve_groups([src, dst], session)
        pairs = [(a, b) for a in sources for b in targets if a != b]
        if not pairs:
            raise UsageError(f"{short(word.text)} is not a link between two nodes")
        return list(dict.fromkeys(pairs + [(b, a) for a, b in pairs] if both else pairs))

    return resolve


def _all_links(session: Session) -> LinkList:
    ids = range(session.harness.n)
    pairs = [(a, b) for a in ids for b in ids if a != b]
    if not pairs:
        raise UsageError("a single node has no links")
    return pairs


def _messages(cursor: Cursor) -> Resolve:
    word = cursor.next("an ID or a LINK", offers.either(offers.messages, offers.links()))
    if word.text != "all" and "->" not in word.text:
        if not values.is_integer(word.text):
            hint = "write an ID as in `messages`, or a LINK such as 1->3"
            raise cursor.mistake(f"{quoted(word.text)} is no message and no link; {hint}", word)
        id = values.whole(cursor, word, "ID of a message", 1)
        return constant(Picked((id,), by_id=True))
    cursor.at -= 1
    links, kind = _links(cursor), _message_kind(cursor)

    def resolve(session: Session) -> Picked:
        meant = tuple(links(session))
        on_them = (f for f in session.harness.messages() if (f.src, f.dst) in meant)
        return Picked(tuple(f.id for f in on_them if fits(kind, f.message)), links=meant, of_kind=bool(kind))

    return resolve


def _message_kind(cursor: Cursor) -> str:
    """Read the kind of messages behind a link; "" if there is none. Raises `Mistake`."""
    cursor.want(offers.words(*MESSAGE_KINDS))
    word = cursor.peek()
    if word is None:
        return ""
    if word.text not in MESSAGE_KINDS:
        hint = did_you_mean(word.text, MESSAGE_KINDS) or f"; use {', '.join(MESSAGE_KINDS)}"
        raise cursor.mistake(f"unknown kind of messages {quoted(word.text)}{hint}", word)
    return cursor.next("a kind of messages").text


def _message_or_links(cursor: Cursor, kind: str = "") -> Resolve:
    """Read one message by its ID, or links and a kind of messages."""
    messages = offers.held_messages if kind == "held" else offers.messages
    word = cursor.next("an ID or a LINK", offers.either(messages, offers.links(kind)))
    cursor.at -= 1
    if word.text != "all" and "->" not in word.text:
        return _messages(cursor)
    links, of_kind = _links(cursor, kind), _message_kind(cursor)
    return lambda session: LinksOfKind(tuple(links(session)), of_kind)


def _link_change(cursor: Cursor) -> Resolve:
    if cursor.take("clear"):
        return constant(LinkChange(clear=True))
    change = LinkChange()
    words = cursor.rest(offers.assignments(("loss", "20%"), ("delay", "50..80ms"), ("dup", "5%")))
    if not words:
        raise cursor.mistake("what to change is missing: loss=20% delay=50..80ms dup=5%, or clear")
    for word in words:
        name, glued, text = word.text.partition("=")
        place = Word(text, word.column + len(name) + 1, len(text))
        match name if glued else None:
            case "loss":
                change = LinkChange(False, values.chance(cursor, place, text), change.delay, change.dup)
            case "delay":
                change = LinkChange(False, change.loss, values.duration_range(cursor, place, text), change.dup)
            case "dup":
                change = LinkChange(False, change.loss, change.delay, values.chance(cursor, place, text))
            case _:
                text = f"unknown link fault {quoted(word.text)}"
                raise cursor.mistake(f"{text}; write loss=20% delay=50..80ms dup=5%, or clear", word)
    return constant(change)


ABOUT_LINK = "1->3 (one direction) or 1<->3 (both); with any NODES, leader->followers, others->2; or all"
GROUPS = Kind(
    "0,1 | 2,3,4", _groups, examples=("0 | 1", "0,1 | 2", "0|1|2", "leader | followers", "0", "$x | others")
)
LINK = Kind(
    "LINK", _links, about=ABOUT_LINK, examples=("0->1", "1->0", "0<->2", "leader->followers", "all", "2->all")
)
CUT_LINK = replace(LINK, read=partial(_links, kind="cut"))
ABOUT_MESSAGES = f"the number that `messages` shows; or a link: {ABOUT_LINK}"
MESSAGES = Kind(
    f"ID|LINK [{'|'.join(MESSAGE_KINDS)}]",
    _messages,
    about=f"{ABOUT_MESSAGES}, and only messages of that kind",
    examples=("1", "3", "12", "0->1", "1->0", "all", "0->1 votes", "all replies"),
)
TO_HOLD = Kind(
    MESSAGES.shown,
    _message_or_links,
    about=MESSAGES.about,
    examples=("1", "3", "12", "0->1", "1->0", "all", "0->1 appends", "all votes"),
)
HELD = replace(TO_HOLD, read=partial(_message_or_links, kind="held"))
LINK_CHANGE = Kind("loss=20% delay=50..80ms dup=5% | clear", _link_change, examples=(
    "loss=20%", "loss=1", "dup=50%", "delay=5..20ms", "delay=0ms", "clear", "loss=20% delay=5..20ms",
))  # fmt: skip

Messages = Annotated[Picked, MESSAGES]
