"""Reading the words of one statement in order, and the names that it may use."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property

from raftplay.cluster.snapshot import NodeSnapshot
from raftplay.language.lexer import Mistake, Statement, Word
from raftplay.past.view import View
from raftplay.session.session import Session
from raftplay.session.shown import quoted


@dataclass(slots=True)
class Scope:
    """The names known before a statement runs: the number of nodes, the variables and the marks."""

    nodes: int
    variables: set[str] = field(default_factory=set)
    marks: set[str] = field(default_factory=set)
    """The names of moments, in any branch."""

    barred: frozenset[str] = frozenset()
    """The things that commands must not touch here."""

    @classmethod
    def of(cls, session: Session) -> "Scope":
        """Return the nodes, variables and marks that a line typed into `session` may name now."""
        marks = {name for branch in session.branches.values() for name in branch.marks}
        return cls(session.harness.n, set(session.variables), marks, session.barred)


@dataclass(frozen=True, slots=True)
class Offered:
    """A text that may be typed in place of the word from its character `at` on.

    `at` may be negative if the text spans several words. `is_text`: the text comes from users and is quoted.
    """

    text: str
    help: str = ""
    at: int = 0
    is_text: bool = False


@dataclass(frozen=True)
class Place:
    """A place in a line: the `words` before it in its statement, and the `typed` part of the word there.

    `column` is the beginning of that word (from 1). `session` is None if there is no cluster.
    """

    words: tuple[Word, ...]
    typed: str
    column: int
    scope: Scope
    session: Session | None = None

    @cached_property
    def view(self) -> View | None:
        """Return the session's view; None without a session."""
        return None if self.session is None else self.session.view()

    @property
    def nodes(self) -> tuple[NodeSnapshot, ...]:
        """Return the nodes of the view."""
        return () if self.view is None else self.view.snapshot.nodes


Offer = Callable[[Place], Iterable[Offered]]


class Cursor:
    """Goes through the words of a statement."""

    def __init__(self, statement: Statement, scope: Scope) -> None:
        self.statement = statement
        self.scope = scope
        self.words = statement.words
        self.at = 1  # behind the command's name
        self.stops: tuple[str, ...] = ()
        """The words that end a parameter of several words, such as `within` after a condition."""

        self.new_variable = ""
        """The variable that the statement sets: it is set for later statements, not for this one."""

        self.new_mark = ""
        """The moment that the statement names, for later statements."""

        self.nodes: dict[Word, tuple[int | str, ...]] = {}
        """The places that name nodes: ids, and words such as ``leader``."""

        self.wanted: list[Offer | str] = []
        """The offers and words of the language that may follow the last word."""

    def peek(self) -> Word | None:
        """Return the next word; None at the end, or at a word of `stops`."""
        if self.at >= len(self.words):
            return None
        word = self.words[self.at]
        return None if word.text in self.stops and not word.quoted else word

    @property
    def is_at_end(self) -> bool:
        """Return whether all words are taken."""
        return self.at >= len(self.words)

    def next(self, what: str, offer: Offer | None = None) -> Word:
        """Take and return the next word; `offer` says what it may be. Raises `Mistake` if `what` is missing."""
        self.want(offer)
        word = self.peek()
        if word is None:
            behind = None if self.is_at_end else self.words[self.at]
            raise self.statement.mistake(f"{what} is missing", behind)
        self.at += 1
        return word

    def take(self, *texts: str) -> bool:
        """Take the next words if they are `texts`; return whether they are."""
        self.want(texts[0])
        words = self.words[self.at : self.at + len(texts)]
        if len(words) == len(texts) and all(
            w.text == t and not w.quoted for w, t in zip(words, texts, strict=True)
        ):
            self.at += len(texts)
            return True
        return False

    def sees(self, text: str) -> bool:
        """Return whether the next word is `text`, without taking it."""
        self.want(text)
        word = self.peek()
        return word is not None and word.text == text and not word.quoted

    def expect(self, text: str) -> None:
        """Take the next word, which must be `text`. Raises `Mistake`."""
        self.want(text)
        word = self.next(f"'{text}'")
        if word.text != text:
            raise self.mistake(f"{quoted(word.text)} should be '{text}' here", word)

    def want(self, offer: Offer | str | None) -> None:
        """Note that `offer` may stand here, if this is after the last word."""
        if offer is not None and self.is_at_end:
            self.wanted.append(offer)

    def rest(self, offer: Offer | None = None) -> list[Word]:
        """Take and return the remaining words up to a stop; `offer` says what they may be."""
        words = []
        while (word := self.peek()) is not None:
            words.append(word)
            self.at += 1
        self.want(offer)
        return words

    def mistake(self, message: str, word: Word | None = None) -> Mistake:
        """Return a mistake at `word`, or after the statement."""
        return self.statement.mistake(message, word)
