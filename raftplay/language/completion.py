"""Completions and usage hints for a line that is being typed in a shell or on a screen.

The rule of this module: the parser reads the words before the cursor, and the code that misses a word at the end
has noted what it may be. So completion offers exactly what the parser accepts.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from raftplay.cluster.config import MAX_NODES
from raftplay.language.cursor import Offered, Place, Scope
from raftplay.language.lexer import Mistake, PartialLine, Statement, split_line, split_typed
from raftplay.language.offers import word_of
from raftplay.language.table import TABLE, Command, follow, parse, refusal
from raftplay.session.session import Session
from raftplay.session.shown import did_you_mean, quoted
from raftplay.watch.text import visible

LONGEST = 1_000
"""The maximum length of a line with hints, in characters, as each key parses the whole line."""

NO_EXTRA: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Completion:
    """A completion: `text` replaces the line from `start` to the cursor.

    `display` and `help` are safe to show; `text` may not be, as it can come from a log or a disk.
    """

    text: str
    start: int
    display: str
    help: str


@dataclass(frozen=True, slots=True)
class Hint:
    """A hint on the command being typed: its usage parts, the index of the next one, help, and the mistake so far.

    `about` says what may be written for the next part.
    """

    parts: tuple[str, ...]
    at: int | None
    help: str
    about: str = ""
    mistake: str = ""


def complete(
    line: str, cursor: int, session: Session | None = None, extra: Mapping[str, str] = NO_EXTRA
) -> list[Completion]:
    """Return what may stand at the cursor, a number of characters from the line's beginning.

    `extra` holds commands that only the caller has, with their help. Without a `session`, the line is a script's.
    """
    typed = None if len(line) > LONGEST else split_typed(line[:cursor])
    return [] if typed is None else _complete(line[:cursor], typed, session, extra)


def hint_of(
    line: str, cursor: int, session: Session | None = None, extra: Mapping[str, str] = NO_EXTRA
) -> Hint | None:
    """Return the hint for the command at the cursor; None if there is none."""
    if len(line) > LONGEST:
        return None
    typed = split_typed(line[:cursor])
    if typed is None:
        return _unreadable(line)
    if not typed.words:
        return _beginning(line[:cursor], typed, session, extra)
    name = typed.words[0].text
    if name in extra and name not in TABLE:
        return Hint((name,), None, extra[name])
    try:
        followed = follow(Statement(typed.words, 1, line), _scope(typed, session))
    except Mistake as mistake:
        return Hint((), None, "", mistake=visible(mistake.message))
    wrong = followed.mistake
    if wrong is None and typed.text and not typed.quote and not _complete(line[:cursor], typed, session, extra):
        statement = split_line(line[:cursor])[0][-1]
        wrong = follow(statement, _scope(typed, session)).mistake
    return _hint(followed.command, followed.at, wrong)


def _complete(
    before: str, typed: PartialLine, session: Session | None, extra: Mapping[str, str]
) -> list[Completion]:
    scope = _scope(typed, session)
    place = Place(typed.words, typed.text, typed.column, scope, session)
    found: dict[str, Completion] = {}
    for offered in _offered(before, place, extra):
        start = max(0, typed.column - 1 + offered.at)
        given = typed.text if offered.is_text else before[start:]
        if (typed.is_quoted and not offered.is_text) or not offered.text.casefold().startswith(given.casefold()):
            continue
        text = word_of(offered.text) if offered.is_text else offered.text
        found.setdefault(text, Completion(text, start, visible(text), visible(offered.help)))
    if len(found) == 1 and before.endswith(next(iter(found))):
        return []
    return list(found.values())


def _offered(before: str, place: Place, extra: Mapping[str, str]) -> list[Offered]:
    if not place.words:
        rows = {row.name: row.help for row in TABLE.values() if _may_stand(row, place)}
        return [Offered(name, help) for name, help in sorted({**rows, **extra}.items())]
    try:
        followed = follow(Statement(place.words, 1, before), place.scope)
    except Mistake:
        return []
    wanted = followed.wanted
    if place.words[0].text == "let" and "=" in place.typed:  # let old=leader
        return _glued(before, place)
    return [found for offer in wanted for found in ([Offered(offer)] if isinstance(offer, str) else offer(place))]


def _may_stand(row: Command, place: Place) -> bool:
    return (place.session is None or row.in_session) and row.touches not in place.scope.barred


def _glued(before: str, place: Place) -> list[Offered]:
    """Return the offers after a ``=`` without spaces."""
    at = place.typed.index("=") + 1
    statement = split_line(before[: place.column - 1 + at])[0][-1]
    inner = Place(statement.words, place.typed[at:], place.column + at, place.scope, place.session)
    followed = follow(statement, place.scope)
    found = [found for offer in followed.wanted if not isinstance(offer, str) for found in offer(inner)]
    return [Offered(o.text, o.help, o.at + at, o.is_text) for o in found]


def _beginning(before: str, typed: PartialLine, session: Session | None, extra: Mapping[str, str]) -> Hint | None:
    """Return the hint while a command's name is being typed; None if there is none."""
    name = typed.text
    if (row := TABLE.get(name)) is not None:
        refused = "" if session is None else refusal(name, row.touches, session.barred)
        return Hint((), None, "", mistake=refused) if refused else _hint(row, None, None)
    if name in extra:
        return Hint((name,), None, extra[name])
    if not name or typed.quote or _complete(before, typed, session, extra):
        return None
    known = did_you_mean(name, (*TABLE, *extra)) or "; help lists the commands"
    return Hint((), None, "", mistake=f"there is no command {quoted(name)}{known}")


def _hint(row: Command, at: int | None, mistake: Mistake | None) -> Hint:
    about = "" if at is None else row.parameters[at].kind.about
    parts = (row.name, *(parameter.usage for parameter in row.parameters))
    wrong = "" if mistake is None else visible(mistake.message)
    return Hint(parts, None if at is None else at + 1, row.help, about, wrong)


def _unreadable(line: str) -> Hint | None:
    try:
        split_line(line)
    except Mistake as mistake:
        return Hint((), None, "", mistake=visible(mistake.message))
    return None


def _scope(typed: PartialLine, session: Session | None) -> Scope:
    """Return the scope at the cursor: with the variables that the session and the line before it set."""
    scope = Scope(MAX_NODES) if session is None else Scope.of(session)
    for statement in typed.before:
        with suppress(Mistake):
            parse(statement, scope)
    return scope
