"""The table of commands, from which parsing, help, completion and the table in docs/language.md are made.

A command is declared once: a function with a docstring, its parameters annotated with their kinds.
"""

import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

from raftplay.docs import PAGES
from raftplay.docstrings import docstring
from raftplay.errors import UsageError
from raftplay.language.cursor import Cursor, Offer, Scope
from raftplay.language.lexer import Mistake, Statement, Word, split_line
from raftplay.language.repeats import END, REPEAT, Repeats
from raftplay.session.branches import Effect
from raftplay.session.session import Session
from raftplay.session.shown import did_you_mean, quoted
from raftplay.watch.text import count

Resolve = Callable[[Session], Any]
Function = Callable[..., str | None]
F = TypeVar("F", bound=Function)
T = TypeVar("T")

CONDITIONS, TRACE = "conditions", "trace"
TOPICS = (*PAGES, CONDITIONS, TRACE)
"""The topics that `help` explains besides the commands."""

GROUPS: dict[str, Effect] = {
    "Setting up": "looks",
    "Acting on the cluster": "acts",
    "Clients": "acts",
    "Time": "passes",
    "Looking back": "looks",
    "Looking": "looks",
    "Checking": "passes",
    "Keeping": "looks",
}
"""The groups of commands, and the default effect of the commands of each."""


TOUCHES = {
    "files": "files",
    "sockets": "real sockets",
    "terminal": "a terminal",
}
"""The things besides the cluster that a command or a key may touch, in words (see `Session.barred`)."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of parameter: how it is shown, how it is read, and the word that introduces it (`lead`), if any.

    `read` takes words from a cursor and returns a function that gives the value when the command runs. `stop` is
    a word of a later parameter that ends this one. `about` is its help text. `examples` are texts that it reads,
    where there are three nodes and a variable x.
    """

    shown: str
    read: Callable[[Cursor], Resolve]
    lead: str = ""
    stop: str = ""
    about: str = ""
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a command."""

    name: str
    kind: Kind
    optional: bool

    @property
    def usage(self) -> str:
        """Return the parameter as it is shown in the usage line."""
        text = f"{self.kind.lead} {self.kind.shown}".strip()
        return f"[{text}]" if self.optional else text


@dataclass(frozen=True, slots=True)
class Command:
    """One row of the table."""

    name: str
    group: str
    function: Function
    parameters: tuple[Parameter, ...]
    help: str
    example: str
    effect: Effect
    setup: bool = False
    in_session: bool = True
    """True if it may be typed while its cluster runs."""

    may_act: Callable[[str], bool] | None = None
    """Returns whether a set-up line with this first argument, which names nodes, is a command."""

    touches: str = ""
    """The thing besides the cluster that it touches: one of `TOUCHES`, or nothing."""

    @property
    def is_setup_only(self) -> bool:
        """Return whether a script may have it before its first other command only."""
        return self.setup and self.effect != "acts"

    @property
    def settles_first(self) -> bool:
        """Return whether submitted values are sent before the command's arguments are resolved.

        Every other act would send them anyway; several submits, with `let` between them, are one write.
        """
        return self.effect == "acts" and self.name not in ("submit", "let")

    def is_setup(self, statement: Statement, *, begun: bool) -> bool:
        """Return whether `statement`, which begins with this name, is a set-up line, and not a command.

        `begun`: commands stand before it. A set-up line with the effect of an act is a command there.
        """
        if begun and self.may_act is None and self.effect == "acts":
            return False
        acts = self.may_act is not None and len(statement.words) > 1 and self.may_act(statement.words[1].text)
        return self.setup and not acts

    @property
    def usage(self) -> str:
        """Return the name and the parameters as a user writes them."""
        return " ".join((self.name, *(p.usage for p in self.parameters)))


class Argument(NamedTuple):
    """An argument: the name of its parameter, the function that gives its value, and the words that it is."""

    name: str
    resolve: Resolve
    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Bound:
    """A command with its arguments, ready to run. `nodes` are the places in it that name nodes."""

    command: Command
    statement: Statement
    arguments: tuple[Argument, ...]
    nodes: Mapping[Word, tuple[int | str, ...]]

    @property
    def name(self) -> str:
        """Return the name of the command."""
        return self.command.name

    @property
    def group(self) -> str:
        """Return the group of the command."""
        return self.command.group

    @property
    def effect(self) -> Effect:
        """Return the effect of the command."""
        return self.command.effect

    @property
    def text(self) -> str:
        """Return the command as it was written."""
        return self.statement.text

    def run(self, session: Session) -> str:
        """Run the command and return its answer. Raises `Failed` and `UsageError`."""
        if self.command.setup and not self.command.in_session:
            raise too_late(self.name, session)
        if self.command.settles_first:
            session.harness.settle()
        values = {name: resolve(session) for name, resolve, _ in self.arguments}
        return self.command.function(session, **values) or ""

    def choose(self, setup: object) -> None:
        """Keep what a set-up line chooses in `setup`. Raises `UsageError` if it was chosen before."""
        self.command.function(setup, **{name: self.constant(name) for name, *_ in self.arguments})

    def constant(self, name: str) -> Any:
        """Return the value of an argument that depends on no session; None if it is not given."""
        resolve = next((argument.resolve for argument in self.arguments if argument.name == name), None)
        return resolve(None) if resolve is not None else None  # type: ignore[arg-type]

    def words(self, name: str) -> tuple[Word, ...]:
        """Return the words of an argument."""
        return next(argument.words for argument in self.arguments if argument.name == name)

    def replaced(self, name: str, text: str) -> str:
        """Return the command with another text for an argument."""
        words = self.words(name)
        length = words[-1].column + words[-1].length - words[0].column
        return self.statement.replaced({replace(words[0], length=length): text})

    def renamed(self, new: Callable[[int], int | None]) -> str | None:
        """Return the command with new ids for nodes; None for an id leaves it out, or the whole command."""
        texts = {}
        for word, parts in self.nodes.items():
            ids = (part if isinstance(part, str) else new(part) for part in parts)
            texts[word] = ",".join(str(id) for id in ids if id is not None)
        return self.statement.replaced(texts) if all(texts.values()) else None


TABLE: dict[str, Command] = {}


def setup_line(
    example: str,
    *,
    in_session: bool = False,
    effect: Effect | None = None,
    may_act: Callable[[str], bool] | None = None,
    touches: str = "",
) -> Callable[[F], F]:
    """Declare a set-up line as `command` does; its function gets the set-up of a script, not a session.

    It cannot be typed into a session unless it is `in_session`: then its function gets the session, too. It
    is a command where `may_act` holds for its first argument, in scripts too.
    """
    in_session = in_session or may_act is not None
    declare = command("Setting up", example, effect=effect, setup=True, in_session=in_session, touches=touches)
    if may_act is None:
        return declare

    def declare_both(function: F) -> F:
        declared = declare(function)
        name = function.__name__.rstrip("_")
        TABLE[name] = replace(TABLE[name], may_act=may_act, effect="acts")
        return declared

    return declare_both


def command(
    group: str,
    example: str,
    *,
    effect: Effect | None = None,
    setup: bool = False,
    in_session: bool = True,
    touches: str = "",
) -> Callable[[F], F]:
    """Declare a command: the function's name (without a closing ``_``), parameters and docstring make its row."""
    assert group in GROUPS
    assert not touches or touches in TOUCHES

    def declare(function: F) -> F:
        name = function.__name__.rstrip("_")
        about = " ".join(docstring(function).split())
        assert about, name
        assert name not in TABLE, name
        does = effect or GROUPS[group]
        TABLE[name] = Command(
            name, group, function, _parameters(function), about, example, does, setup, in_session, None, touches
        )
        return function

    return declare


def parse(statement: Statement, scope: Scope) -> Bound:
    """Parse the statement as a command of the table. Raises `Mistake`."""
    row = _row(statement, scope)
    cursor = Cursor(statement, scope)
    arguments: list[Argument] = []
    for parameter in row.parameters:
        start = cursor.at + bool(parameter.kind.lead)
        resolve = _argument(cursor, parameter)
        if resolve is not None:
            arguments.append(Argument(parameter.name, resolve, cursor.words[start : cursor.at]))
    _check_end(cursor, row)
    if cursor.new_variable:
        scope.variables.add(cursor.new_variable)
    if cursor.new_mark:
        scope.marks.add(cursor.new_mark)
    return Bound(row, statement, tuple(arguments), cursor.nodes)


@dataclass(frozen=True, slots=True)
class Followed:
    """A statement that is still being typed: the number `at` of the next parameter, and what may be typed.

    `at` is None when no argument may follow. `mistake` is the mistake in what was typed, if any.
    """

    command: Command
    at: int | None
    wanted: tuple[Offer | str, ...]
    mistake: Mistake | None = None


def follow(statement: Statement, scope: Scope) -> Followed:
    """Return what may follow the words of a statement. Raises `Mistake` if they begin no command."""
    row = _row(statement, scope)
    cursor = Cursor(statement, scope)
    at: int | None = None
    for number, parameter in enumerate(row.parameters):
        noted, begun = len(cursor.wanted), cursor.at
        try:
            if parameter.optional and cursor.is_at_end and not parameter.kind.lead:
                parameter.kind.read(cursor)
            _argument(cursor, parameter)
        except Mistake as mistake:
            if not _is_behind(mistake, statement):
                return Followed(row, number, (), mistake)
            at = number if at is None else at
            if not parameter.optional or cursor.at > begun:  # "transfer from": only its node may follow
                break
        if at is None and len(cursor.wanted) > noted:
            at = number
    try:
        _check_end(cursor, row)
    except Mistake as mistake:
        return Followed(row, at, (), mistake)
    return Followed(row, at, tuple(cursor.wanted))


def _is_behind(mistake: Mistake, statement: Statement) -> bool:
    """Return whether a mistake is a missing word at the end, which may still be typed."""
    last = statement.words[-1]
    return mistake.column >= last.column + last.length


def refusal(name: str, touches: str, barred: Collection[str]) -> str:
    """Return in a sentence why visitors have no `name`, which `touches` what is `barred`; "" if they have it."""
    return f"{name} needs {TOUCHES[touches]}, which visitors do not have" if touches in barred else ""


def _row(statement: Statement, scope: Scope) -> Command:
    name = statement.words[0]
    row = TABLE.get(name.text)
    if row is None:
        hint = did_you_mean(name.text, TABLE) or "; see: raftplay help"
        raise statement.mistake(f"there is no command {quoted(name.text)}{hint}", name)
    if refused := refusal(row.name, row.touches, scope.barred):
        raise statement.mistake(refused, name)
    return row


def _check_end(cursor: Cursor, row: Command) -> None:
    if not cursor.is_at_end:
        extra = cursor.words[cursor.at]
        leads = [p.kind.lead for p in row.parameters if p.kind.lead]
        if extra.text in leads:
            wrong = "should stand without quotes" if extra.quoted else "stands twice"
            raise cursor.mistake(f"{quoted(extra.text)} {wrong}; usage: {row.usage}", extra)
        hint = did_you_mean(extra.text, leads) or f"; usage: {row.usage}"
        raise cursor.mistake(f"unexpected argument {quoted(extra.text)}{hint}", extra)


def _argument(cursor: Cursor, parameter: Parameter) -> Resolve | None:
    kind = parameter.kind
    cursor.stops = (kind.stop,) if kind.stop else ()
    if kind.lead:
        if not cursor.take(kind.lead):
            if parameter.optional:
                return None
            word = cursor.peek()
            missing = (
                f"'{kind.lead}' is missing" if word is None else f"{quoted(word.text)} should be '{kind.lead}'"
            )
            raise cursor.mistake(f"{missing}; usage: {TABLE[cursor.words[0].text].usage}", word)
    elif parameter.optional and cursor.peek() is None:
        return None
    return kind.read(cursor)


def _parameters(function: Function) -> tuple[Parameter, ...]:
    hints = get_type_hints(function, include_extras=True)
    found = []
    for name, parameter in inspect.signature(function).parameters.items():
        hint = hints[name]
        if get_origin(hint) is not Annotated:
            continue
        kind = next(m for m in get_args(hint)[1:] if isinstance(m, Kind))
        found.append(Parameter(name, kind, parameter.default is not inspect.Parameter.empty))
    return tuple(found)


def too_late(name: str, session: Session) -> UsageError:
    """Return the error of a set-up line in a session."""
    return UsageError(f"{name} can be chosen only before the cluster of {count(session.harness.n, 'node')} runs")


def constant(value: object) -> Resolve:
    """Return a `Resolve` that gives `value` without a session."""
    return partial(_give, value)


def _give(value: object, _: Session) -> object:
    return value


def repeated(repeats: Repeats[T], bound: Bound) -> bool:
    """Begin or end a repeat, if that is what the command does. Raises `Mistake`."""
    if bound.name == REPEAT:
        repeats.begin(bound.statement, bound.constant("count"))
    elif bound.name == END:
        repeats.end(bound.statement)
    else:
        return False
    return True


def bind(line: str, session: Session) -> list[Bound]:
    """Parse the commands of a line typed into `session`. Raises `Mistake`."""
    scope = Scope.of(session)
    try:
        repeats = Repeats[Bound]([])
        for statement in split_line(line)[0]:
            bound = parse(statement, scope)
            if not repeated(repeats, bound):
                repeats.items.append(bound)
        for mistake in repeats.unclosed():
            raise mistake
        return repeats.items
    except Mistake as mistake:  # in a session, help is a command
        mistake.message = mistake.message.replace("see: raftplay help", "help lists the commands")
        raise
