"""Splitting lines into statements and words, each with its place, as a POSIX shell splits them.

Spaces and tabs separate words and `;` separates statements, `#` at the start of a word begins a comment, quotes
keep spaces. A mistake has its line and column, so that a caret can show it under the text.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from raftplay.errors import UsageError
from raftplay.session.shown import columns
from raftplay.watch.text import visible

MAX_LINE_BYTES = 64 * 1024
MAX_SCRIPT_BYTES = 1024 * 1024

BLANKS = " \t"
EXCERPT = 100
"""The number of characters of a long line that are shown around a mistake."""


class Mistake(UsageError):
    """A mistake in a command line, with its place (line and column from 1; length in characters)."""

    def __init__(self, message: str, line: int, column: int, length: int = 1, source: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column
        self.length = max(length, 1)
        self.source = source

    def __reduce__(self) -> tuple[type["Mistake"], tuple[str, int, int, int, str]]:
        return type(self), (self.message, self.line, self.column, self.length, self.source)

    def __str__(self) -> str:
        return self.message

    def render(self, name: str) -> str:
        """Return ``name:7:12: error: …`` with the line and a caret under it."""
        head = f"{visible(name)}:{self.line}:{self.column}: error: {visible(self.message)}"
        if not self.source.strip():
            return "\n".join((head, *self.lines))
        at = self.column - 1
        start = max(0, at - EXCERPT // 2) if len(self.source) > EXCERPT else 0
        end = start + EXCERPT
        before = ("…" if start else "") + _excerpt(self.source[start:at])
        marked = _excerpt(self.source[at : min(at + self.length, end)])
        after = _excerpt(self.source[at + self.length : end]) + ("…" if end < len(self.source) else "")
        caret = " " * columns(before) + "^" + "~" * (columns(marked) - 1)
        return "\n".join((head, f"  {before}{marked}{after}", f"  {caret}", *self.lines))


def _excerpt(text: str) -> str:
    return visible(text.replace("\t", "    "))


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a line: its text without quotes, its column from 1, its length as written."""

    text: str
    column: int
    length: int
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Statement:
    """One command as it was written."""

    words: tuple[Word, ...]
    line: int
    source: str

    @property
    def text(self) -> str:
        """Return the statement as it stands in its line."""
        first, last = self.words[0], self.words[-1]
        return self.source[first.column - 1 : last.column - 1 + last.length]

    def replaced(self, texts: Mapping[Word, str]) -> str:
        """Return the statement as it stands in its line, with other texts in place of some words."""
        text, start = self.text, self.words[0].column
        for word in sorted(texts, key=lambda word: -word.column):
            at = word.column - start
            text = text[:at] + texts[word] + text[at + word.length :]
        return text

    def mistake(self, message: str, word: Word | None = None) -> Mistake:
        """Return a mistake at `word`, or just after the statement."""
        if word is not None:
            return Mistake(message, self.line, word.column, word.length, self.source)
        last = self.words[-1]
        return Mistake(message, self.line, last.column + last.length, 1, self.source)


def split_line(source: str, line: int = 1) -> tuple[list[Statement], str | None]:
    """Return the statements of a line, and its comment (without the ``#``), if any. Raises `Mistake`."""
    size = len(source.encode("utf-8", "surrogatepass"))
    if size > MAX_LINE_BYTES:
        raise Mistake(f"the line has {size} bytes; at most {MAX_LINE_BYTES} are read", line, 1)
    return _Splitter(source, line).split()


@dataclass(frozen=True, slots=True)
class PartialLine:
    """A line up to the cursor: statements, the words of the last one, and the word at the cursor.

    `before` holds the complete statements. `text` is the word without its quotes ("" at the beginning of a word),
    `column` (from 1) its place, `quote` its open quotation mark, and `is_quoted` whether it has quotes.
    """

    before: tuple[Statement, ...]
    words: tuple[Word, ...]
    text: str
    column: int
    quote: str = ""
    is_quoted: bool = False


def split_typed(source: str) -> PartialLine | None:
    """Split a line that is still being typed; return None in a comment, and if the line cannot be parsed."""
    for quote in ("", "'", '"'):
        splitter = _Splitter(source + quote, 1)
        try:
            comment = splitter.go_through()
        except Mistake:
            continue
        if comment is not None or len(source) > MAX_LINE_BYTES:
            return None
        before, words = tuple(splitter.statements), splitter.words
        last = words[-1] if words else None
        if last is None or last.column - 1 + last.length < len(splitter.source):
            return PartialLine(before, tuple(words), "", len(source) + 1)
        return PartialLine(before, tuple(words[:-1]), last.text, last.column, quote, last.quoted)
    return None


class _Splitter:
    """A reader of one line, character by character."""

    def __init__(self, source: str, line: int) -> None:
        self.source = source
        self.line = line
        self.at = 0
        self.statements: list[Statement] = []
        self.words: list[Word] = []

    def split(self) -> tuple[list[Statement], str | None]:
        """Return the statements and the comment of the line."""
        comment = self.go_through()
        self.end_statement()
        return self.statements, comment

    def go_through(self) -> str | None:
        """Read to the end, leave the last statement open, and return the comment, if any."""
        source = self.source
        while self.at < len(source):
            char = source[self.at]
            if char in BLANKS:
                self.at += 1
            elif char == ";":
                self.at += 1
                self.end_statement()
            elif char == "#":
                return source[self.at + 1 :].removeprefix(" ").rstrip()
            else:
                self.words.append(self.word())
        return None

    def end_statement(self) -> None:
        if self.words:
            self.statements.append(Statement(tuple(self.words), self.line, self.source))
            self.words = []

    def word(self) -> Word:
        start = self.at
        text: list[str] = []
        quoted = False
        while self.at < len(self.source):
            char = self.source[self.at]
            if char in BLANKS or char == ";":
                break
            if char.isspace():
                message = f"U+{ord(char):04X} does not separate words; write a space, or quote it to keep it"
                raise Mistake(message, self.line, self.at + 1, 1, self.source)
            if char in "'\"":
                quoted = True
                text.append(self.quotation(char))
            elif char == "\\":
                quoted = True
                text.append(self.escaped())
            else:
                text.append(char)
                self.at += 1
        return Word("".join(text), start + 1, self.at - start, quoted)

    def quotation(self, quote: str) -> str:
        start = self.at
        self.at += 1
        text: list[str] = []
        while self.at < len(self.source):
            char = self.source[self.at]
            if char == quote:
                self.at += 1
                return "".join(text)
            if char == "\\" and quote == '"' and self.source[self.at + 1 : self.at + 2] in ('"', "\\", "$"):
                self.at += 1
                char = self.source[self.at]
            text.append(char)
            self.at += 1
        raise Mistake(
            f"the quotation that begins here has no closing {quote}", self.line, start + 1, 1, self.source
        )

    def escaped(self) -> str:
        if self.at + 1 >= len(self.source):
            raise Mistake(
                "a backslash at the end of a line has no meaning", self.line, self.at + 1, 1, self.source
            )
        self.at += 2
        return self.source[self.at - 1]
