"""Answers as they are printed: what a command said, or why it did not hold, with its place in the line."""

import textwrap

from raftplay.commands.lexer import Mistake
from raftplay.commands.live import Outcome
from raftplay.commands.shown import columns, short
from raftplay.shell.look import Text
from raftplay.watch.text import visible

TIME = 11
"""Columns that the time takes before an answer; longer answers go on below it."""


def outcome_lines(outcome: Outcome, indent: int, width: int, *, is_alone: bool) -> list[Text]:
    """What became of a command. `indent`: the column in which the line began that was typed, of `width`.

    Where a line has several commands, each one's text stands above its answer.
    """
    if outcome.mistake is not None:
        return mistake_lines(outcome.mistake, indent, width)
    style = {"held": "", "failed": "class:bad", "broken": "class:bad"}.get(outcome.status, "class:warn")
    words = {"failed": "does not hold: ", "broken": "BROKEN: "}.get(outcome.status, "")
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
    """`text` in lines of `width` columns, broken between words."""
    if columns(text) > len(text):
        width //= 2  # characters that take two columns
    return textwrap.wrap(text, max(width, 20), break_on_hyphens=False)


def mistake_lines(mistake: Mistake, indent: int, width: int) -> list[Text]:
    """A caret under the line that was typed, and what is wrong there."""
    before = visible(mistake.source[: mistake.column - 1])
    marked = visible(mistake.source[mistake.column - 1 : mistake.column - 1 + mistake.length])
    at = indent + columns(before)
    caret = "^" + "~" * (columns(marked) - 1)
    if at + len(caret) <= width:
        return [[("", " " * at), ("class:bad", caret)], [("class:bad", visible(mistake.message))]]
    return [[("class:bad", line)] for line in mistake.render("line").split("\n")]
