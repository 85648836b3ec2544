"""A line of a lesson, with the places of its parts, so that a mistake is told where it stands."""

from dataclasses import dataclass, replace

from raftplay.language.lexer import Mistake, Statement, split_line

ARROW = "=>"
"""Stands between a question and what is read off the cluster to answer it."""


@dataclass(frozen=True, slots=True)
class LessonLine:
    """A line of a lesson: `rest` is what follows its first word, from about `column` on."""

    source: str
    number: int
    column: int
    rest: str

    def mistake(self, message: str, part: str = "") -> Mistake:
        """Return a mistake in this line: in `part` of it, else behind its first word, else in that word."""
        if part:
            return Mistake(message, self.number, self.source.index(part) + 1, len(part), self.source)
        if not self.rest:
            begin = len(self.source) - len(self.source.lstrip())
            return Mistake(message, self.number, begin + 1, self.column - begin - 1, self.source)
        return Mistake(message, self.number, self.column + 1, len(self.rest), self.source)

    def as_statement(self, command: str) -> Statement:
        """Return the line as a statement of another command. Raises `Mistake`."""
        statements, comment = split_line(self.source, self.number)
        if len(statements) != 1 or comment is not None:
            raise self.mistake("write one thing a line, and comments on lines of their own")
        first, *words = statements[0].words
        return Statement((replace(first, text=command), *words), self.number, self.source)

    def split(self) -> tuple[str, Statement | None]:
        """Return (text, the statement behind the arrow). Raises `Mistake`."""
        text, arrow, _ = self.rest.rpartition(ARROW)
        if not arrow:
            return self.rest, None
        start = self.source.rfind(ARROW) + len(ARROW)
        statements, comment = split_line(" " * start + self.source[start:], self.number)
        if len(statements) != 1 or comment is not None:
            raise self.mistake(f"write one thing behind {ARROW}, to be read off the cluster")
        return text.strip(), Statement(statements[0].words, self.number, self.source)
