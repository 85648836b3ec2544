"""The answers that a script expects, in blocks under ``----``: read, compared, and filled in.

A block stands right below a line of commands. The lines behind its ``----`` are what the commands of that line
answer, one after another, as a terminal shows them; the first blank line ends it and belongs to it, or the end of
the script does. Answers that have blank lines themselves are framed: two lines ``----`` before them, two behind.
In a block nothing is a command or a comment, and white space at the end of a line does not count.
"""

import difflib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from raftplay.commands.errors import Failed
from raftplay.commands.lexer import Mistake
from raftplay.watch.text import visible

if TYPE_CHECKING:
    from raftplay.commands.script import Step

RULE = "----"
"""The line that begins a block; twice it begins and ends a frame."""

NO_RULE = "\\x2d---"
"""How a line of an answer stands in a block that would read as `RULE` there."""

FAILED, ERROR = "failed:", "error:"
"""How a block says that a command is meant to go wrong: what it expects does not hold, or it cannot be done."""

MAX_SHOWN = 60
"""So many lines of a difference are shown."""

MAX_COMPARED = 1000
"""So many lines from the first one that differs are looked at for it: what comes later would not be shown."""

HELP = """\
A line ---- right below a line of commands begins the answer that is expected of them:

  wait leader
  ----
  node 0 leads term 1

  submit 1; sleep 10ms; now
  ----
  index 0 of node 0, term 1
  0.167 s

The lines up to the first blank one, or to the end of the script, are the answers, one after
another; that blank line belongs to the block. A command such as sleep answers nothing and adds no
line, so ---- and a blank line expect no answer at all. Answers that have blank lines in them stand
in a frame: two lines ---- before them, two behind. White space at the end of a line does not count.
In a block nothing is a command or a comment. Set-up lines have no answers.

A line of a block that begins with "failed:" or "error:" says that a command is meant to go wrong:
what it expects does not hold (failed), or what it asks cannot be done (error). The run then goes on
behind it. A broken invariant always ends the run; no block can expect one.

raftplay run FILE            passes over the blocks. What fails ends the run, whatever its block says.
raftplay run --verify FILE   shows where answers differ and goes on; ends with status 1 if any do.
                             Lines without a block are not compared.
raftplay run --rewrite FILE  writes the answers into the file: a block where there is none, another
                             where it differs. Nothing else changes. The file stays as it is unless
                             all held; a command may go wrong only where its block says so already.

Both need a run that is the same each time: `backend sim` and `seed 7` in the script, or as options."""


@dataclass(frozen=True, slots=True)
class Block:
    """The answer expected of the line above it.

    `above` is the number of that line, from 1, and so the index of the block's own first line; `stop` is the index
    of the first line behind the block.
    """

    above: int
    stop: int
    lines: tuple[str, ...]

    @property
    def expects_failure(self) -> bool:
        """Whether a command is meant to go wrong."""
        return any(line.startswith((FAILED, ERROR)) for line in self.lines)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the commands of a line were expected to answer, and did."""

    line: int
    commands: str
    expected: tuple[str, ...]
    got: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """Whether it is not the same."""
        return self.expected != self.got


class Changes(NamedTuple):
    """What filling in the blocks of a script changes: how many are new, how many are others than before."""

    added: int
    updated: int

    def __bool__(self) -> bool:
        return any(self)


class Answers:
    """What the commands of a run answered, line by line, beside the `blocks` that say what they should.

    Unless it `compares`, the blocks only say which commands are meant to go wrong.
    """

    def __init__(self, blocks: dict[int, Block], *, compares: bool = True) -> None:
        self.blocks = blocks
        self.compares = compares
        self.given: dict[int, list[str]] = {}
        self._commands: dict[int, list[str]] = {}

    def expects_failure(self, step: "Step") -> bool:
        """Whether a command on the line of `step` is meant to go wrong."""
        return step.line in self.blocks and self.blocks[step.line].expects_failure

    def note(self, step: "Step", answer: str) -> None:
        """Keep what a command answered."""
        self.given.setdefault(step.line, []).extend(written(answer))
        self._commands.setdefault(step.line, []).append(step.bound.statement.text)

    def comparison(self, line: int) -> Comparison | None:
        """Of a line whose commands have all answered; None where nothing is to be compared."""
        block = self.blocks.get(line)
        if block is None or not self.compares:
            return None
        return Comparison(line, "; ".join(self._commands[line]), block.lines, tuple(self.given[line]))

    def changes(self) -> Changes:
        """What `filled_in` does to the script."""
        added = [line for line in self.given if line not in self.blocks]
        updated = [line for line, block in self.blocks.items() if block.lines != tuple(self.given[line])]
        return Changes(len(added), len(updated))


# ---- reading


def is_rule(source: str) -> bool:
    """Whether a line of a script is ``----``."""
    return _stripped(source) == RULE


def read_block(lines: Sequence[str], at: int) -> Block:
    """The block that begins at index `at` of a script's lines. Raises `Mistake` for a frame without an end."""
    start = at + 1
    if start < len(lines) and is_rule(lines[start]):
        return _read_frame(lines, at)
    stop = start
    while stop < len(lines) and _stripped(lines[stop]):
        stop += 1
    return Block(at, stop if _is_end(lines, stop) else stop + 1, _texts(lines[start:stop]))


def _read_frame(lines: Sequence[str], at: int) -> Block:
    for stop in range(at + 3, len(lines)):
        if is_rule(lines[stop - 1]) and is_rule(lines[stop]):
            return Block(at, stop + 1, _texts(lines[at + 2 : stop - 1]))
    message = f"the two lines {RULE} that begin here have no two that end them"
    raise Mistake(message, at + 1, 1, len(RULE), _stripped(lines[at]))


def _is_end(lines: Sequence[str], at: int) -> bool:
    """Whether the text ends before index `at`: what follows its last line feed is no line."""
    return at >= len(lines) or (at == len(lines) - 1 and not lines[at])


def _texts(lines: Sequence[str]) -> tuple[str, ...]:
    return tuple(map(_stripped, lines))


def _stripped(source: str) -> str:
    return source.rstrip(" \t\r")


# ---- writing


def failure_text(failure: Exception) -> str:
    """A failure as the answer of a command that is meant to go wrong."""
    return f"{FAILED if isinstance(failure, Failed) else ERROR} {failure}"


def written(answer: str) -> list[str]:
    """The lines of an answer as they stand in a block; none for no text."""
    lines = [visible(line).rstrip(" ") for line in answer.split("\n")] if answer else []
    return [NO_RULE if line == RULE else line for line in lines]


def filled_in(text: str, answers: Answers) -> str:
    """The script with a block below each line that answered; a block that is right already stays as it stands."""
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
    """Line number `above` and its new block, in front of index `stop`, with the ends of lines of that line."""
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
    """Expected lines behind ``-``, others that came behind ``+``, and two lines around them."""
    pair = _around_first(comparison.expected, comparison.got)
    expected, got = ([*map(visible, lines)] for lines in pair)
    if _plain(expected) == _plain(got):  # a reader would not see what differs
        expected, got = ([*map(_escaped, lines)] for lines in pair)
    changes = difflib.unified_diff(expected, got, lineterm="", n=2)
    shown = ["…" if line.startswith("@@") else f"{line[:1]} {line[1:]}".rstrip() for line in changes][3:]
    return shown if len(shown) <= MAX_SHOWN else [*shown[:MAX_SHOWN], "… and more"]


def _around_first(expected: Sequence[str], got: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """Both from two lines before the first that differs on, and not too long to be compared."""
    same = next((at for at, (one, other) in enumerate(zip(expected, got, strict=False)) if one != other), None)
    start = max(0, (min(len(expected), len(got)) if same is None else same) - 2)
    return expected[start : start + MAX_COMPARED], got[start : start + MAX_COMPARED]


def _plain(lines: list[str]) -> list[str]:
    return [unicodedata.normalize("NFKC", line) for line in lines]


def _escaped(line: str) -> str:
    return line.encode("unicode_escape").decode()
