"""Scripts: parsing text into commands, with every mistake found before anything runs."""

import codecs
import os
from dataclasses import dataclass, field

from raftplay.cluster.config import MAX_NODES
from raftplay.cluster.given import check_given
from raftplay.cluster.own_node import loaded
from raftplay.commands.setup import Setup
from raftplay.errors import UsageError
from raftplay.language.cursor import Scope
from raftplay.language.lexer import MAX_SCRIPT_BYTES, Mistake, Statement, split_line
from raftplay.language.repeats import Repeats
from raftplay.language.table import TABLE, Bound, Command, parse, repeated
from raftplay.raft.config import LEASE_NEEDS
from raftplay.run.answers import RULE, ExpectedLines, is_rule, read_block
from raftplay.session.shown import quoted

MAX_MISTAKES = 100
"""The number of mistakes after which parsing of a script stops."""

DEFAULT_NODES = 5
DEFAULT_BACKEND = "tcp"


class ScriptRefused(UsageError):
    """The error of a script with mistakes: all of them, in order."""

    def __init__(self, name: str, mistakes: list[Mistake]) -> None:
        self.name = name
        self.mistakes = mistakes
        super().__init__("\n".join(mistake.render(name) for mistake in mistakes))

    def __reduce__(self) -> tuple[type["ScriptRefused"], tuple[str, list[Mistake]]]:
        return type(self), (self.name, self.mistakes)


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment on a separate line, or `behind` commands."""

    text: str
    line: int
    behind: bool = False

    is_note: bool = False
    """True for a note to the speaker, ``#! …``, and for the interpreter that line 1 may name."""

    is_chapter: bool = False
    """True if it begins a chapter: ``## TITLE``."""

    is_round: bool = False
    """True if it only counts the rounds of a repeat."""


def comment_of(text: str, line: int, source: str, *, behind: bool) -> Comment:
    """Return the comment `text` of the line `source`; a space after its ``#`` makes it an ordinary one."""
    is_marked = source.rstrip().endswith(f"#{text}")
    is_note = is_marked and text.startswith("!")
    is_chapter = is_marked and not behind and text.startswith("#") and bool(text.strip("# "))
    return Comment(text, line, behind, is_note, is_chapter)


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a script."""

    bound: Bound
    line: int


@dataclass(slots=True)
class Script:
    """A script that can run: its set-up, then comments and steps in order."""

    name: str
    setup: Setup
    overrides: Setup = field(default_factory=Setup)
    """The settings of the command line, which override those of the script."""

    items: list[Comment | Step] = field(default_factory=list)
    blocks: dict[int, ExpectedLines] = field(default_factory=dict)
    """The expected answers, by the number of the line above them."""

    @property
    def steps(self) -> list[Step]:
        """Return the commands that will run."""
        return [item for item in self.items if isinstance(item, Step)]


def decode(name: str, data: bytes) -> str:
    """Return the text of a script. Raises `ScriptRefused` if it is too long or not UTF-8."""
    if len(data) > MAX_SCRIPT_BYTES:
        text = f"the script has more than {MAX_SCRIPT_BYTES} bytes; no more are read"
        raise ScriptRefused(name, [Mistake(text, 1, 1)])
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        start = data.rfind(b"\n", 0, error.start) + 1
        line = data.count(b"\n", 0, start) + 1
        before = data[start : error.start].decode()
        source = before + data[error.start :].split(b"\n", 1)[0].decode(errors="backslashreplace")
        text = f"byte {data[error.start]:#04x} is not UTF-8 text"
        raise ScriptRefused(name, [Mistake(text, line, len(before) + 1, len(r"\x00"), source)]) from None


def parse_script(name: str, text: str, overrides: Setup | None = None) -> Script:
    """Parse the script in `text`; `overrides` override its set-up lines. Raises `ScriptRefused`."""
    return ScriptParser(name, overrides or Setup()).parse(text)


def override(setup: Setup, option: str, line: str) -> None:
    """Apply the set-up line `line`, given as an `option`, to `setup`. Raises `UsageError`."""
    try:
        statements, comment = split_line(line)
        if len(statements) != 1 or comment is not None:
            raise UsageError(f"{quoted(line)} is not one set-up line")
        bound = parse(statements[0], Scope(DEFAULT_NODES))
        bound.choose(setup)
    except UsageError as error:
        raise UsageError(f"{option}: {error}") from None


class ScriptParser:
    """Reads a script line by line and collects mistakes."""

    def __init__(self, name: str, overrides: Setup) -> None:
        self.script = Script(name, Setup(folder=os.path.dirname(name)), overrides)
        self.overrides = overrides
        self.mistakes: list[Mistake] = []
        self.node_line: Statement | None = None
        self.reads_line: Statement | None = None
        self.scope: Scope | None = None  # known from the first command after the set-up on
        self.repeats = Repeats(self.script.items, _one_round)
        self.can_answer = -1  # the number of the last line below which an answer may stand

    def parse(self, text: str) -> Script:
        """Parse the whole script. Raises `ScriptRefused`."""
        lines = text.split("\n")
        at = 0
        while at < len(lines):
            if is_rule(lines[at]):
                at = self.read_answer(lines, at)
            else:
                at += 1
                self.read_line(lines[at - 1].removesuffix("\r"), at)
            if len(self.mistakes) >= MAX_MISTAKES:
                self.mistakes.append(Mistake("too many mistakes; the rest was not read", at + 1, 1))
                break
        self.begin()
        self.check_config()
        self.mistakes += self.repeats.unclosed()
        if self.mistakes:
            raise ScriptRefused(self.script.name, self.mistakes)
        return self.script

    def read_answer(self, lines: list[str], at: int) -> int:
        """Read the block that begins at index `at`; return the index after it."""
        try:
            block = read_block(lines, at)
            if self.can_answer != at:
                message = f"{RULE} must follow a line of commands directly; it begins their answers"
                self.note(Mistake(message, at + 1, 1, len(RULE), lines[at].rstrip()))
        except Mistake as mistake:
            self.note(mistake)
            return len(lines)
        self.script.blocks[at] = block
        return block.stop

    def read_line(self, source: str, number: int) -> None:
        """Parse one line: its commands, its comment, its mistakes."""
        try:
            statements, comment = split_line(source, number)
        except Mistake as mistake:
            self.note(mistake)
            return
        if comment is not None and not statements:
            self.script.items.append(comment_of(comment, number, source, behind=False))
        for statement in statements:
            try:
                self.read_statement(statement)
            except Mistake as mistake:
                self.note(mistake)
        if comment and statements:
            self.script.items.append(comment_of(comment, number, source, behind=True))

    def note(self, mistake: Mistake) -> None:
        """Keep a mistake; an answer may follow its line, as one mistake a line is enough."""
        self.mistakes.append(mistake)
        self.can_answer = mistake.line
        self.repeats.is_spoilt = True

    def read_statement(self, statement: Statement) -> None:
        """Parse one command. Raises `Mistake`."""
        name = statement.words[0]
        if name.text.startswith("--") and not name.text.strip("-"):
            raise statement.mistake(f"to begin an answer, write {RULE} alone at the beginning of a line", name)
        row = TABLE.get(name.text)
        if row is None:
            parse(statement, Scope(DEFAULT_NODES))  # raises; set-up lines may still follow
            return
        if row.is_setup(statement, begun=self.scope is not None):
            self.read_setup(row, statement)
            return
        scope = self.begin()
        try:
            bound = parse(statement, scope)
            if repeated(self.repeats, bound):
                return
            self.script.items.append(Step(bound, statement.line))
        finally:
            if row.name == "let" and len(statement.words) > 1:
                # a variable counts as set even where its own line has a mistake: one mistake is enough
                scope.variables.add(statement.words[1].text.partition("=")[0])
        self.can_answer = statement.line

    def read_setup(self, row: Command, statement: Statement) -> None:
        """Parse one set-up line. Raises `Mistake`."""
        name = statement.words[0]
        if self.scope is not None:
            raise statement.mistake(f"{name.text} must stand before the first other command", name)
        try:
            bound = parse(statement, Scope(DEFAULT_NODES))
        except Mistake:
            if row.name == "nodes" and self.script.setup.nodes is None:
                self.script.setup.nodes = MAX_NODES  # one mistake is enough: every node may be named
            raise
        try:
            bound.choose(self.script.setup)
        except UsageError as error:
            raise statement.mistake(str(error), name) from None
        if row.name == "node":
            self.node_line = statement
        if row.name == "set" and statement.words[1].text == "reads":
            self.reads_line = statement

    def begin(self) -> Scope:
        """End the set-up, apply the options of the command line, and return the scope of commands."""
        if self.scope is None:
            chosen, over = self.script.setup, self.overrides
            if over.node is None:
                self.load_node(chosen)
            setup = chosen.overridden_by(over)
            setup.nodes = DEFAULT_NODES if setup.nodes is None else setup.nodes
            setup.backend = setup.backend or DEFAULT_BACKEND
            self.script.setup, self.scope = setup, Scope(setup.nodes)
        return self.scope

    def load_node(self, chosen: Setup) -> None:
        """Load the class of the nodes that a set-up line names; note a mistake there if that fails."""
        try:
            loaded(chosen.node)
        except UsageError as error:
            assert self.node_line is not None
            mistake = self.node_line.mistake(str(error), self.node_line.words[1])
            mistake.lines = error.lines
            self.mistakes.append(mistake)
            chosen.node = None

    def check_config(self) -> None:
        """Note a mistake if the chosen settings contradict each other."""
        try:
            self.script.setup.config()
            check_given(self.script.setup.given, self.script.setup.nodes or DEFAULT_NODES)
        except UsageError as error:
            reads, text = self.reads_line, str(error)
            if reads is not None and text == LEASE_NEEDS:
                self.mistakes.append(reads.mistake(text, reads.words[1]))
            else:
                self.mistakes.append(Mistake(text, 1, 1))


def _one_round(body: list[Comment | Step], round: int, count: int, line: int) -> list[Comment | Step]:
    """Return one round of a repeat; only the first one has the comments of the script."""
    items = [item for item in body if round == 1 or isinstance(item, Step)]
    return [Comment(f"round {round} of {count}", line, is_round=True), *items]
