"""Formats answers: the text of a command's result, or why it failed and where in the line."""

import textwrap

from raftplay.language.lexer import Mistake
from raftplay.session.outcome import Outcome
from raftplay.session.shown import columns, short
from raftplay.session.status import Status
from raftplay.shell.look import Text
from raftplay.watch.text import visible

TIME = 11
"""Columns of the time before an answer; its next lines are indented by as much."""


def outcome_lines(outcome: Outcome, indent: int, width: int, *, is_alone: bool) -> list[Text]:
    """Format the result of a command. `indent`: the column where the typed line began; `width`: of the terminal.

    If a line has several commands, the text of each stands above its answer.
    """
    if isinstance(outcome.failure, Mistake):
        return mistake_lines(outcome.failure, indent, width)
    failed = outcome.status is Status.FAILED
    style = "class:bad" if failed else "" if outcome.held else "class:warn"
    words = "BROKEN: " if outcome.breach is not None else "does not hold: " if failed else ""
    text = words + outcome.answer
    is_table = "\n" in text
    lines = text.split("\n") if is_table else _wrapped(visible(text), width - TIME)
    answer: list[Text] = [
        [("" if is_table else "class:dim", "" if is_table else " " * TIME), (style, visible(line))]
        for line in lines
    ]
    time = f"{outcome.time:9.3f}  "
    if not is_alone:
        return [[("class:dim", time + short(outcome.text, width - TIME - 1))], *answer]
    if answer and not is_table:
        answer[0][0] = ("class:dim", time)
    return answer


def _wrapped(text: str, width: int) -> list[str]:
    """Wrap `text` between words into lines of `width` columns."""
    if columns(text) > len(text):
        width //= 2  # wide characters take two columns
    return textwrap.wrap(text, max(width, 20), break_on_hyphens=False)


def mistake_lines(mistake: Mistake, indent: int, width: int) -> list[Text]:
    """Return a caret line under the typed line, and the message below it."""
    before = visible(mistake.source[: mistake.column - 1])
    marked = visible(mistake.source[mistake.column - 1 : mistake.column - 1 + mistake.length])
    at = indent + columns(before)
    caret = "^" + "~" * (columns(marked) - 1)
    if at + len(caret) <= width:
        return [[("", " " * at), ("class:bad", caret)], [("class:bad", visible(mistake.message))]]
    return [[("class:bad", line)] for line in mistake.render("line").split("\n")]
