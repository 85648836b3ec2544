"""Lines of a ``repeat`` that are typed one after another, until its ``end`` comes."""

from raftplay.language.lexer import Mistake, split_line
from raftplay.language.repeats import END, REPEAT
from raftplay.shell.own import EXTRA

PROMPT = "repeat> "
"""The prompt for a further line of a repeat."""


class Block:
    """Collects lines while a repeat is open. A line that cannot be read closes it: its mistake is told then."""

    def __init__(self) -> None:
        self._statements: list[str] = []
        self._depth = 0

    @property
    def is_open(self) -> bool:
        """Return whether a repeat waits for its `end`."""
        return self._depth > 0

    def add(self, line: str) -> str | None:
        """Return the line to run: `line` itself, or all collected lines as one; None while a repeat is open."""
        try:
            statements, _ = split_line(line)
        except Mistake:
            self.clear()
            return line
        if any(statement.text in EXTRA for statement in statements):
            self.clear()  # one who leaves does not wait for an end
            return line
        if not self.is_open and all(statement.words[0].text != REPEAT for statement in statements):
            return line
        for statement in statements:
            self._statements.append(statement.text)
            word = statement.words[0].text
            self._depth += {REPEAT: 1, END: -1}.get(word, 0)
        return None if self.is_open else self.take()

    def take(self) -> str:
        """Return all collected lines as one, and forget them."""
        whole = "; ".join(self._statements)
        self.clear()
        return whole

    def clear(self) -> None:
        """Forget what was collected."""
        self._statements, self._depth = [], 0
