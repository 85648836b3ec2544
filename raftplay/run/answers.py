"""The answers that a script expects, in blocks under ``----``: read, compared, and filled in.

A block stands directly below a line of commands. The lines after its ``----`` are the answers of the commands of
that line, in order, as a terminal shows them. The first blank line (part of the block) or the end of the script
ends it. Answers that contain blank lines are framed: two lines ``----`` before them, two after them.
A block contains neither commands nor comments; white space at the end of a line is ignored.
"""

import difflib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from raftplay.language.lexer import Mistake
from raftplay.session.errors import Failed
from raftplay.watch.text import visible

RULE = "----"
"""The line that begins a block; two of them begin and end a frame."""

NO_RULE = "\\x2d---"
"""The form in a block of an answer's line that equals `RULE`."""

FAILED, ERROR = "failed:", "error:"
"""The beginnings of a block's line that expects a command to fail: its expectation does not hold, or an error."""

MAX_SHOWN = 60
"""The maximum number of lines of a difference that are shown."""

MAX_COMPARED = 1000
"""The maximum number of lines compared from the first difference on; later ones would not be shown."""

HELP = """\
A line ---- directly below a line of commands begins the answers that are expected of them:

  wait leader
  ----
  node 0 leads term 1

  submit 1; sleep 10ms; now
  ----
  index 0 of node 0, term 1
  0.167 s

The answers, in order, end at the first blank line (part of the block) or at the end of the script.
A command such as sleep has an empty answer, which adds no line: ---- and a blank line expect an
empty answer. Answers that contain blank lines are framed: two lines ---- before them, two after
them. White space at the end of a line is ignored. A block contains neither commands nor comments.
Set-up lines have no answers.

A line of a block that begins with "failed:" or "error:" says that a command is expected to fail:
its expectation does not hold (failed), or it cannot be done (error). The run then continues.
A violated invariant always ends the run; a block cannot expect one.

raftplay run FILE            ignores the blocks. A failure ends the run, even if its block expects it.
raftplay run --verify FILE   shows where answers differ and continues; exits with status 1 if any do.
                             Lines without a block are not compared.
raftplay run --rewrite FILE  writes the answers into the file: it adds missing blocks and replaces
                             those that differ. Nothing else changes. The file is unchanged unless all
                             commands held; a command may fail only where its block already says so.

--verify and --rewrite need repeatable runs: `backend sim` and `seed 7` in the script, or as options."""


@dataclass(frozen=True, slots=True)
class ExpectedLines:
    """The answer expected of the line above it.

    `above` is the number of that line, from 1, and so the index of the block's first line; `stop` is the index of
    the first line after the block.
    """

    above: int
    stop: int
    lines: tuple[str, ...]

    @property
    def expects_failure(self) -> bool:
        """Return whether a command is expected to fail."""
        return any(line.startswith((FAILED, ERROR)) for line in self.lines)


@dataclass(frozen=True, slots=True)
class Comparison:
    """The expected and the actual answer of the commands of a line."""

    line: int
    commands: str
    expected: tuple[str, ...]
    got: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """Return whether the answers differ."""
        return self.expected != self.got


class Changes(NamedTuple):
    """The numbers of blocks that filling in a script adds and updates."""

    added: int
    updated: int

    def __bool__(self) -> bool:
        return any(self)


class Answers:
    """The answers of the commands of a run, by line, and the `blocks` with the expected answers.

    Unless it `compares`, the blocks only say which commands are expected to fail.
    """

    def __init__(self, blocks: dict[int, ExpectedLines], *, compares: bool = True) -> None:
        self.blocks = blocks
        self.compares = compares
        self.given: dict[int, list[str]] = {}
        self._commands: dict[int, list[str]] = {}

    def expects_failure(self, line: int) -> bool:
        """Return whether a command on this line is expected to fail."""
        return line in self.blocks and self.blocks[line].expects_failure

    def note(self, line: int, command: str, answer: str) -> None:
        """Keep the answer of a command on this line."""
        self.given.setdefault(line, []).extend(written(answer))
        self._commands.setdefault(line, []).append(command)

    def comparison(self, line: int) -> Comparison | None:
        """Return the comparison of a line whose commands have all answered; None without a block to compare."""
        block = self.blocks.get(line)
        if block is None or not self.compares:
            return None
        return Comparison(line, "; ".join(self._commands[line]), block.lines, tuple(self.given[line]))

    def changes(self) -> Changes:
        """Return the numbers of blocks that `filled_in` adds and updates."""
        added = [line for line in self.given if line not in self.blocks]
        updated = [line for line, block in self.blocks.items() if block.lines != tuple(self.given[line])]
        return Changes(len(added), len(updated))


# ---- reading


def is_rule(source: str) -> bool:
    """Return whether a line of a script is ``----``."""
    return _stripped(source) == RULE


def read_block(lines: Sequence[str], at: int) -> ExpectedLines:
    """Read the block that begins at index `at` of a script's lines. Raises `Mistake` for an unclosed frame."""
    start = at + 1
    if start < len(lines) and is_rule(lines[start]):
        return _read_frame(lines, at)
    stop = start
    while stop < len(lines) and _stripped(lines[stop]):
        stop += 1
    return ExpectedLines(at, stop if _is_end(lines, stop) else stop + 1, _texts(lines[start:stop]))


def _read_frame(lines: Sequence[str], at: int) -> ExpectedLines:
    for stop in range(at + 3, len(lines)):
        if is_rule(lines[stop - 1]) and is_rule(lines[stop]):
            return ExpectedLines(at, stop + 1, _texts(lines[at + 2 : stop - 1]))
    message = f"the frame that begins here has no two lines {RULE} that end it"
    raise Mistake(message, at + 1, 1, len(RULE), _stripped(lines[at]))


def _is_end(lines: Sequence[str], at: int) -> bool:
    """Return whether the text ends before index `at`; an empty string after the last line feed is not a line."""
    return at >= len(lines) or (at == len(lines) - 1 and not lines[at])


def _texts(lines: Sequence[str]) -> tuple[str, ...]:
    return tuple(map(_stripped, lines))


def _stripped(source: str) -> str:
    return source.rstrip(" \t\r")


# ---- writing


def failure_text(failure: Exception) -> str:
    """Return a failure as the answer of a command that is expected to fail."""
    return f"{FAILED if isinstance(failure, Failed) else ERROR} {failure}"


def written(answer: str) -> list[str]:
    """Return the lines of an answer as they stand in a block; an empty list for an empty answer."""
    lines = [visible(line).rstrip(" ") for line in answer.split("\n")] if answer else []
    return [NO_RULE if line == RULE else line for line in lines]


def filled_in(text: str, answers: Answers) -> str:
    """Return the script with a block below each line that answered; correct blocks are unchanged."""
    lines = text.split("\n")
    filled: list[str] = []
    at = 0
    while at < len(lines):
        filled.append(lines[at])
        at += 1
        if at in answers.given:  # the number of the line, from 1
            block, given = answers.blocks.get(at), tuple(answers.given[at])
            stop = at if block is None else block.stop
            if block is None or block.lines != given:
                filled[-1:] = _with_block(lines, at, stop, given)
            else:
                filled += lines[at:stop]
            at = stop
    return "\n".join(filled)


def _with_block(lines: list[str], above: int, stop: int, given: tuple[str, ...]) -> list[str]:
    """Return line number `above` and its new block, up to index `stop`, with the line endings of that line."""
    source = lines[above - 1]
    model = source if above < len(lines) or above == 1 else lines[above - 2]  # the last line may have no end
    end = "\r" if model.endswith("\r") else ""
    if "" in given:
        block = [RULE, RULE, *given, RULE, RULE]
    else:
        block = [RULE, *given, *([] if _is_end(lines, stop) else [""])]
    made = [f"{source.removesuffix(end)}{end}", *(f"{line}{end}" for line in block)]
    if stop == len(lines):
        made[-1] = made[-1].removesuffix(end)
    return made


# ---- comparing


def difference_text(comparison: Comparison) -> list[str]:
    """Return a diff: expected lines after ``-``, actual ones after ``+``, and two lines around them."""
    pair = _around_first(comparison.expected, comparison.got)
    expected, got = ([*map(visible, lines)] for lines in pair)
    if _plain(expected) == _plain(got):  # a reader would not see what differs
        expected, got = ([*map(_escaped, lines)] for lines in pair)
    changes = difflib.unified_diff(expected, got, lineterm="", n=2)
    shown = ["…" if line.startswith("@@") else f"{line[:1]} {line[1:]}".rstrip() for line in changes][3:]
    return shown if len(shown) <= MAX_SHOWN else [*shown[:MAX_SHOWN], "… and more"]


def _around_first(expected: Sequence[str], got: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """Return both from two lines before the first difference on, at most `MAX_COMPARED` lines."""
    same = next((at for at, (one, other) in enumerate(zip(expected, got, strict=False)) if one != other), None)
    start = max(0, (min(len(expected), len(got)) if same is None else same) - 2)
    return expected[start : start + MAX_COMPARED], got[start : start + MAX_COMPARED]


def _plain(lines: list[str]) -> list[str]:
    return [unicodedata.normalize("NFKC", line) for line in lines]


def _escaped(line: str) -> str:
    return line.encode("unicode_escape").decode()
