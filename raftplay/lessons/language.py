"""The language of lessons: the command language, and a few lines more.

``step TITLE``                  begins a step; its title is text (a number would be the command `step`)
``say TEXT``                    shows words to the reader; lines that follow one another are one paragraph, which
                                an empty one ends
``ask TEXT => node NODE``       asks for a node. The answer is read off the cluster at the line `answer`; NODE may
                                also be `candidate`: the only candidate at that moment
``ask TEXT => number NUMBER``   asks for a number: term, term of NODE, commit of NODE, log of NODE, elections,
                                leaders, next of NODE at NODE, match of NODE at NODE, copies VALUE (how many logs
                                have it), committed VALUE (how many nodes committed it), $name
``ask TEXT => CONDITION``       asks for yes or no
``ask TEXT => bug``             asks which bug is on, of those that `mystery` names
``ask TEXT``                    asks for one of several answers: lines ``choice TEXT => CONDITION`` follow
``wrong TEXT``                  follows a question: shown after a wrong prediction, besides the facts
``answer``                      compares the prediction with the facts, which the commands since `ask` have made
``play TEXT``                   offers free play on a copy of the cluster, up to `next`; ``=> breach`` or
                                ``=> CONDITION`` is a goal
``anew [NAME …]``               replaces the cluster by another one, that of the set-up, with only these bugs on;
                                other settings stand as for `new`: ``anew nodes=3 prevote=on bug=NAME``
``unseen COMMANDS``             performs commands without showing them: what a step needs to begin with
``beside COMMAND``              shows the answer of a command that looks beside its previous answer
``mystery NAME NAME …``         set-up: one of these bugs is on, and the seed says which

In TEXT, ``{leader}``, ``{term}``, ``{log of 2}``, ``{$old}`` … are replaced by their values when it is shown.
Every other line is a command; its answer is shown. Comments are for the author of the lesson.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from raftplay.commands.setup import Setup
from raftplay.errors import UsageError
from raftplay.language.conditions import Condition, parse_condition
from raftplay.language.cursor import Cursor
from raftplay.language.lexer import Mistake, Statement, split_line
from raftplay.language.selectors import SINGLE, parse_node
from raftplay.language.table import Command as Row
from raftplay.language.table import parse
from raftplay.lessons.lines import LessonLine
from raftplay.lessons.questions import Choice, Question, Truth, choose, parse_number, parse_question
from raftplay.lessons.steps import (
    BREACH,
    Anew,
    Ask,
    Beside,
    ExpectedAnswer,
    FilledText,
    Lesson,
    LessonItem,
    LessonStep,
    Play,
    Say,
    Unseen,
)
from raftplay.raft.bugs import BUGS
from raftplay.run.script import Comment, ScriptParser, ScriptRefused
from raftplay.run.script import Step as Command
from raftplay.session.errors import Failed
from raftplay.session.session import Session
from raftplay.session.shown import did_you_mean, quoted
from raftplay.watch.text import visible

UNSEEN, BESIDE = "unseen", "beside"

WORDS = ("step", "say", "ask", "choice", "wrong", "answer", "play", "anew", "mystery")
BUG = "bug"

_HOLE = re.compile(r"\{([^{}]*)\}")


def parse_lesson(name: str, text: str, overrides: Setup | None = None) -> Lesson:
    """Return the lesson in `text`. Raises `ScriptRefused` with every mistake, each with its place."""
    parser = _LessonParser(name, overrides or Setup())
    script = parser.parse(text)
    parser.check_end()
    if parser.mistakes:
        raise ScriptRefused(name, sorted(parser.mistakes, key=lambda mistake: mistake.line))
    steps = tuple(LessonStep(s.title, tuple(s.items), s.line) for s in parser.steps)
    return Lesson(name, _title(text), script, steps, tuple(parser.mystery))


def _title(text: str) -> str:
    return visible(text.split("\n", 1)[0].lstrip("# ").strip())


@dataclass(slots=True)
class _Open:
    """A step that is being parsed."""

    title: str
    line: int
    items: list[LessonItem] = field(default_factory=list)


class _LessonParser(ScriptParser):
    """Reads the lines of lessons itself and leaves the others to the parser of scripts."""

    def __init__(self, name: str, overrides: Setup) -> None:
        super().__init__(name, overrides)
        self.steps: list[_Open] = []
        self.mystery: list[str] = []
        self._said: list[LessonLine] = []
        self._is_spoilt = False  # a question has a mistake, and one is reported
        self._asked: tuple[Ask, list[Choice]] | None = None
        self._predicted: Ask | None = None

    def read_line(self, source: str, number: int) -> None:
        """Read one line of a lesson or a script."""
        stripped = source.strip()
        word, _, rest = stripped.partition(" ")
        line = LessonLine(source, number, len(source) - len(source.lstrip()) + len(word) + 1, rest.strip())
        if word == "say":
            self._said.append(line) if line.rest else self._end_paragraph()
            return
        self._end_paragraph()
        if word in (UNSEEN, BESIDE):
            self._read_behind(word, source, number)
            return
        if word not in WORDS or (word == "step" and (not line.rest or line.rest.isdecimal())):
            self._read_command(source, number)
            return
        try:
            self._read_own(word, line)
        except Mistake as mistake:
            self.mistakes.append(mistake)
            self._is_spoilt = self._is_spoilt or word in ("ask", "choice")

    def check_end(self) -> None:
        """Report what is missing at the end of the lesson."""
        self._end_paragraph()
        self._end_question()
        self._expect_answered()
        if not self.steps and not self.mistakes:
            self.mistakes.append(Mistake("a lesson needs a step; begin one with: step TITLE", 1, 1))

    def _read_command(self, source: str, number: int, word: str = "") -> None:
        count = len(self.script.items)
        super().read_line(source, number)
        for mistake in self.repeats.unclosed():  # its items are those of one line
            mistake.message = "in a lesson, a repeat stands in one line: repeat 3; submit x; end"
            self.mistakes.append(mistake)
        new = [item for item in self.script.items[count:] if not isinstance(item, Comment)]
        if new:
            self._end_question()
        for item in new:
            self._check_command(item, word)
            match word:
                case "unseen":
                    self._add(Unseen(item.bound, item.line))
                case "beside":
                    self._add(Beside(item.bound, item.line))
                case _:
                    self._add(item)

    def read_setup(self, row: Row, statement: Statement) -> None:
        """Read one set-up line. Raises `Mistake`."""
        super().read_setup(row, statement)
        if row.name == "backend" and self.script.setup.backend != "sim":
            raise statement.mistake("a lesson is played in virtual time: backend sim", statement.words[1])

    def _read_behind(self, word: str, source: str, number: int) -> None:
        """Read the commands behind `unseen` or `beside`, which keep their columns."""
        known = len(self.mistakes)
        self._read_command(source.replace(word, " " * len(word), 1), number, word)
        for mistake in self.mistakes[known:]:
            mistake.source = source

    def _check_command(self, item: Command, word: str) -> None:
        """Report a command that writes files, as a lesson may come from anywhere, or a wrong `beside`."""
        statement = item.bound.statement
        if word == BESIDE and item.bound.effect != "looks":
            text = f"beside needs a command that only looks, and {statement.words[0].text} acts"
            self.mistakes.append(statement.mistake(text, statement.words[0]))
        if item.bound.group == "Keeping":
            self.mistakes.append(statement.mistake("a lesson writes no files", statement.words[0]))

    def _read_own(self, word: str, line: LessonLine) -> None:
        if word not in ("choice", "wrong"):
            self._end_question()
        match word:
            case "step":
                self._expect_answered()
                self.begin()
                self.steps.append(_Open(visible(line.rest), line.number))
            case "ask":
                self._read_ask(line)
            case "choice" | "wrong":
                self._read_behind_question(word, line)
            case "answer":
                self._read_answer(line)
            case "play":
                self._expect_answered()
                self._read_play(line)
            case "anew":
                self._expect_answered()
                self._read_anew(line)
            case "mystery":
                self._read_mystery(line)

    def _read_ask(self, line: LessonLine) -> None:
        self._expect_answered()
        self._is_spoilt = False
        text, statement = line.split()
        if not text:
            raise line.mistake("the question is missing")
        reading = self._reading(text, line)
        if statement is None:
            question = Question("choice", text, _unasked)
        else:
            kind = statement.words[0].text
            cursor = Cursor(statement, self.begin())
            cursor.at = 1 if kind in ("node", "number") else 0
            if kind == BUG and len(statement.words) == 1:
                question = Question("choice", text, _unasked, tuple(map(_bug_choice, self.mystery)))
                if not self.mystery:
                    raise line.mistake("no bug is hidden here; name some with: mystery NAME NAME …")
            else:
                question = parse_question(kind, text, cursor)
                self._expect_end(cursor)
        self._asked = (Ask(question, reading, None, line.number), list(question.choices))

    def _read_behind_question(self, word: str, line: LessonLine) -> None:
        if self._asked is None and self._is_spoilt:
            return
        if self._asked is None:
            raise line.mistake(f"{word} must follow a question (ask)")
        ask, choices = self._asked
        if word == "wrong":
            self._asked = (Ask(ask.question, ask.text, self._reading(line.rest, line), ask.line), choices)
            return
        text, statement = line.split()
        if ask.question.kind != "choice" or ask.question.choices or statement is None or not text:
            raise line.mistake("usage: ask TEXT, then: choice TEXT => CONDITION")
        cursor = Cursor(statement, self.begin())
        cursor.at = 0
        condition = parse_condition(cursor)
        self._expect_end(cursor)
        choices.append(Choice(visible(text), condition))

    def _end_question(self) -> None:
        """End the lines that belong to a question."""
        if self._asked is None:
            return
        (ask, choices), self._asked = self._asked, None
        question = ask.question
        if question.kind == "choice":
            if len(choices) < 2 and not self._is_spoilt:
                self.mistakes.append(Mistake("a question with choices needs at least two", ask.line, 1))
            question = choose(question.text, tuple(choices))
        self._predicted = Ask(question, ask.text, ask.wrong, ask.line)
        self._add(self._predicted)

    def _read_answer(self, line: LessonLine) -> None:
        if line.rest:
            raise line.mistake("answer takes no argument: the answer is read off the cluster")
        if self._predicted is None and self._is_spoilt:
            self._is_spoilt = False
            return
        if self._predicted is None:
            raise line.mistake("there is no question to answer")
        self._add(ExpectedAnswer(self._predicted, line.number))
        self._predicted = None

    def _read_play(self, line: LessonLine) -> None:
        text, statement = line.split()
        goal: Condition | str | None = None
        if statement is not None:
            if statement.words[0].text == BREACH and len(statement.words) == 1:
                goal = BREACH
            else:
                cursor = Cursor(statement, self.begin())
                cursor.at = 0
                goal = parse_condition(cursor)
                self._expect_end(cursor)
        self._add(Play(self._reading(text, line), goal, line.number))

    def _read_mystery(self, line: LessonLine) -> None:
        if self.steps:
            raise line.mistake("mystery must stand before the first step")
        self.mystery += self._bug_names(line)
        if not self.mystery:
            raise line.mistake("the names of bugs are missing")

    def _read_anew(self, line: LessonLine) -> None:
        """Read the names of bugs, or settings as `new` takes them; commands after it are for that many nodes."""
        scope = self.begin()
        if "=" in line.rest:
            changes: Setup = parse(line.as_statement("new"), scope).constant("changes")
            if changes.backend not in (None, "sim"):
                raise line.mistake("a lesson is played in virtual time: backend=sim")
            if changes.node is not None:
                raise line.mistake("a class of nodes stands in the set-up of a lesson: node FILE.py:CLASS")
            try:
                changes.config(self.script.setup.config())
            except UsageError as error:
                raise line.mistake(str(error)) from None
        else:
            changes = Setup(bugs=list(self._bug_names(line)))
        scope.nodes = changes.nodes or self.script.setup.nodes or scope.nodes
        self._add(Anew(changes, line.number))

    def _bug_names(self, line: LessonLine) -> tuple[str, ...]:
        names = tuple(line.rest.replace(",", " ").split())
        for name in names:
            if name not in BUGS:
                raise line.mistake(f"there is no bug {quoted(name)}{did_you_mean(name, BUGS)}; see: raftplay bugs")
        return names

    def _end_paragraph(self) -> None:
        if not self._said:
            return
        said, self._said = self._said, []
        try:
            self._end_question()
            texts = [self._reading(line.rest, line) for line in said]
            self._add(Say(lambda session: " ".join(text(session) for text in texts), said[0].number))
        except Mistake as mistake:
            self.mistakes.append(mistake)

    def _expect_answered(self) -> None:
        if self._predicted is not None:
            text = "this question is never answered; write answer where the facts are known"
            self.mistakes.append(Mistake(text, self._predicted.line, 1))
            self._predicted = None

    def _expect_end(self, cursor: Cursor) -> None:
        if cursor.at < len(cursor.words):
            extra = cursor.words[cursor.at]
            raise cursor.mistake(f"unexpected argument {quoted(extra.text)}", extra)

    def _add(self, item: LessonItem) -> None:
        if not self.steps:
            if isinstance(item, Command | Unseen | Beside):
                self.mistakes.append(
                    item.bound.statement.mistake(
                        "a step must begin first: step TITLE", item.bound.statement.words[0]
                    )
                )
            else:
                self.mistakes.append(Mistake("a step must begin first: step TITLE", item.line, 1))
            self.steps.append(_Open("", item.line))
        self.steps[-1].items.append(item)

    def _reading(self, text: str, line: LessonLine) -> FilledText:
        """Return `text` with its holes. Raises `Mistake` for a hole that cannot be filled in."""
        pieces: list[str | FilledText] = []
        at = 0
        for hole in _HOLE.finditer(text):
            pieces += [visible(text[at : hole.start()]), self._hole(hole[1], line)]
            at = hole.end()
        pieces.append(visible(text[at:]))
        return lambda session: "".join(p if isinstance(p, str) else p(session) for p in pieces)

    def _hole(self, text: str, line: LessonLine) -> FilledText:
        statements, comment = split_line(text, line.number)
        if len(statements) != 1 or comment is not None:
            message = f"unknown value {{{visible(text)}}}; write {{leader}}, {{term}}, {{log of 2}} …"
            raise line.mistake(message, f"{{{text}}}")
        statement = statements[0]
        cursor = Cursor(Statement(statement.words, line.number, line.source), self.begin())
        cursor.at = 0
        try:
            if statement.words[0].text in SINGLE:
                node = parse_node(cursor)
                self._expect_end(cursor)
                return lambda session: _or_nobody(lambda: str(node.resolve_one(session)))
            measure = parse_number(cursor)
            self._expect_end(cursor)
        except Mistake as mistake:
            raise line.mistake(f"in {{{visible(text)}}}: {mistake.message}", f"{{{text}}}") from None
        return lambda session: _or_nobody(lambda: str(measure.value(session)))


def _or_nobody(read: Callable[[], str]) -> str:
    try:
        return read()
    except (Failed, UsageError):
        return "(nobody)"


def _unasked(_: Session) -> Truth:
    raise AssertionError("a question is asked once its choices are read")


def _bug_choice(name: str) -> Choice:
    return Choice(
        name,
        Condition(lambda s: name in s.harness.config.bugs, lambda s: f"{', '.join(s.harness.config.bugs)} is on"),
    )
