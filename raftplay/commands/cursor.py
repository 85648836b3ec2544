"""Reading the words of one statement in order, and what a statement may refer to."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from raftplay.commands.lexer import Mistake, Statement, Word
from raftplay.commands.shown import LONGEST_SHOWN, quoted

if TYPE_CHECKING:
    from raftplay.commands.offers import Offer


@dataclass(slots=True)
class Scope:
    """What is known before a statement runs: how many nodes there are, and which variables will be set."""

    nodes: int
    variables: set[str] = field(default_factory=set)


class Cursor:
    """Goes through the words of a statement."""

    def __init__(self, statement: Statement, scope: Scope) -> None:
        self.statement = statement
        self.scope = scope
        self.words = statement.words
        self.at = 1  # behind the command's name
        self.stops: tuple[str, ...] = ()
        """Words that end a parameter of several words, such as `within` behind a condition."""

        self.new_variable = ""
        """The variable that the statement sets: it is set for what follows, not for the statement itself."""

        self.wanted: list[Offer | str] = []
        """What was looked for behind the last word: offers, and words of the language."""

    def peek(self) -> Word | None:
        """The next word; None at the end, or at a word that stops."""
        if self.at >= len(self.words):
            return None
        word = self.words[self.at]
        return None if word.text in self.stops and not word.quoted else word

    @property
    def is_at_end(self) -> bool:
        """Whether all words are taken."""
        return self.at >= len(self.words)

    def next(self, what: str, offer: "Offer | None" = None) -> Word:
        """The next word, taken; `offer` says what it may be. Raises `Mistake` where `what` is missing."""
        self.want(offer)
        word = self.peek()
        if word is None:
            behind = None if self.is_at_end else self.words[self.at]
            raise self.statement.mistake(f"{what} is missing", behind)
        self.at += 1
        return word

    def take(self, *texts: str) -> bool:
        """Take the next words if they are these."""
        self.want(texts[0])
        words = self.words[self.at : self.at + len(texts)]
        if len(words) == len(texts) and all(
            w.text == t and not w.quoted for w, t in zip(words, texts, strict=True)
        ):
            self.at += len(texts)
            return True
        return False

    def sees(self, text: str) -> bool:
        """Whether the next word is `text`, which stays."""
        self.want(text)
        word = self.peek()
        return word is not None and word.text == text and not word.quoted

    def want(self, offer: "Offer | str | None") -> None:
        """Note what may stand here, if this is behind the last word."""
        if offer is not None and self.is_at_end:
            self.wanted.append(offer)

    def rest(self, offer: "Offer | None" = None) -> list[Word]:
        """The remaining words up to a stop, taken; `offer` says what they may be."""
        words = []
        while (word := self.peek()) is not None:
            words.append(word)
            self.at += 1
        self.want(offer)
        return words

    def mistake(self, message: str, word: Word | None = None) -> Mistake:
        """A mistake at `word`, or behind the statement."""
        return self.statement.mistake(message, word)


def did_you_mean(text: str, known: Iterable[str]) -> str:
    """`"; did you mean …?"` where something known is close to `text`, else nothing."""
    by_letters = {name.lower(): name for name in known}
    close = difflib.get_close_matches(text[:LONGEST_SHOWN].lower(), list(by_letters), n=1, cutoff=0.6)
    return f"; did you mean {quoted(by_letters[close[0]])}?" if close else ""
