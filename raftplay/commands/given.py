"""Reading the set-up line `given`: what the disk of a node holds before the start."""

from raftplay.cluster.config import MAX_NODES
from raftplay.cluster.given import Given
from raftplay.language import offers
from raftplay.language.cursor import Cursor
from raftplay.language.lexer import Word
from raftplay.language.table import Resolve, constant
from raftplay.language.values import submittable, whole
from raftplay.raft.messages import MAX_NUMBER, NONE, LogEntry
from raftplay.session.shown import quoted


def read_disk(cursor: Cursor) -> Resolve:
    """Read the node, its term, and its vote, log and `unchecked` where they stand. Raises `Mistake`."""
    node = _node(cursor)
    cursor.expect("term")
    term = whole(cursor, cursor.next("a TERM"), "term", 0, MAX_NUMBER)
    voted = _node(cursor) if cursor.take("voted") else NONE
    entries: list[LogEntry] = []
    if cursor.take("log"):
        while (word := cursor.peek()) is not None and word.text != "unchecked":
            entries.append(_entry(cursor, cursor.next("an entry")))
        if not entries:
            raise cursor.mistake("the entries are missing: log 1:a 1:b 4:c")
    unchecked = cursor.take("unchecked")
    return constant(Given(node, term, voted, tuple(entries), not unchecked))


def _node(cursor: Cursor) -> int:
    word = cursor.next("NODE", offers.words(*map(str, range(cursor.scope.nodes))))
    text = word.text.removeprefix("n")
    return whole(cursor, Word(text, word.column, word.length), "node", 0, MAX_NODES - 1)


def _entry(cursor: Cursor, word: Word) -> LogEntry:
    term, colon, value = word.text.partition(":")
    if not colon or not term.isascii() or not term.isdecimal():
        raise cursor.mistake(f"invalid entry {quoted(word.text)}: write TERM:VALUE, such as 1:x", word)
    of_term = whole(cursor, Word(term, word.column, len(term)), "term", 0, MAX_NUMBER)
    place = Word(value, word.column + len(term) + 1, max(len(value), 1), word.quoted)
    return LogEntry(submittable(cursor, place), of_term)
