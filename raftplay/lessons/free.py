"""Free play: commands on a copy of the cluster, which is discarded at the end, so the lesson is not changed."""

from functools import partial
from typing import Self

from raftplay.cluster.waits import Interrupted
from raftplay.language.conditions import Condition
from raftplay.language.lexer import Mistake
from raftplay.language.table import GROUPS, TABLE, Bound, bind
from raftplay.lessons.console import Teller
from raftplay.lessons.stage import Stage
from raftplay.lessons.steps import BREACH
from raftplay.session.branches import FIRST
from raftplay.watch.text import count

NEXT, AGAIN, PREVIOUS, QUIT, HELP = "next", "again", "previous", "quit", "help"

WORDS = {
    NEXT: "Go on with the lesson.",
    AGAIN: "Start this step again.",
    PREVIOUS: "Go back to the previous step.",
    QUIT: "Leave the lesson.",
}
"""The words that may be typed besides commands, and what they do."""

PROMPT = "play > "
COPY = "play"

MOST_COMMANDS = 10_000

HELP_ASKED = """\
Answer the question, or look around before you do: status, log, messages, events, why NODE.
again     start this step again
previous  go to the previous step
quit      leave the lesson
help      show this"""

HELP_FREE = """\
next      go on with the lesson
again     start this step again
previous  go to the previous step
quit      leave the lesson
Everything else acts on a copy of the cluster. Time passes in: sleep 200ms, wait leader.
help COMMAND explains one of:"""


class Quit(Exception):
    """The reader leaves the lesson."""


class Jump(Exception):
    """The reader asks for a step from its beginning: this one (`AGAIN`) or the one before (`PREVIOUS`)."""


class FreePlay:
    """The input of a reader besides answers: words that lead through the lesson, and commands."""

    def __init__(self, stage: Stage, teller: Teller) -> None:
        self.stage = stage
        self.teller = teller
        self.done = 0
        self._shown = ""

    def play(self, goal: Condition | str | None = None, *, ends_at_enter: bool = False) -> int | None:
        """Perform commands on a copy, up to `next` or the goal; return how many reached it, None if it was not.

        Raises `Quit`, `Jump` and EOFError.
        """
        self.done, self._shown = 0, ""
        with _Copy(self.stage) as copy:
            while True:
                typed = self.teller.read(PROMPT, self.stage.session)
                line, broke = (typed or "").strip(), False
                if line == NEXT or (typed is not None and not line and ends_at_enter):
                    return None
                if line and not self.obey(line, HELP_FREE + commands_text()):
                    copy.make()
                    broke = self._type(typed or "")
                if self._is_reached(goal, broke):
                    return self.done

    def look(self, typed: str) -> bool:
        """Return whether commands were typed instead of an answer; perform those that only look."""
        first = typed.replace(";", " ").split()[:1]
        if not first or first[0] not in TABLE:
            return False
        commands = self._bound(typed)
        if any(bound.effect != "looks" for bound in commands):
            self.teller.words("Answer first; between the steps you can play as you like.", "dim")
        elif commands:
            with _Copy(self.stage) as copy:
                copy.make()
                self._perform(commands)
        return True

    def obey(self, line: str, help: str) -> bool:
        """Return whether `line` asks for help, and answer it; other words raise `Quit` and `Jump`."""
        match line:
            case "quit" | "exit":
                raise Quit
            case "again" | "previous":
                raise Jump(line)
            case "help" | "h" | "?":
                self.teller.answer(help)
                return True
        return False

    def _type(self, line: str) -> bool:
        """Perform commands that were typed; return whether an invariant was violated."""
        if self.done >= MOST_COMMANDS:
            self.teller.words("This copy takes no more commands; type next to go on.", "dim")
            return False
        return self._perform(self._bound(line))

    def _perform(self, commands: list[Bound]) -> bool:
        copy = self.stage.session.branch.name
        try:
            for bound in commands:
                self.done += 1
                done = self.teller.perform(self.stage, bound)
                if not done.held:
                    return done.breach is not None
                if self.stage.session.branch.name == FIRST:
                    self.stage.call(partial(self.stage.session.switch, copy))
                    self.teller.words("The lesson's own cluster stays as it is; you are on a copy.", "dim")
        except (Interrupted, KeyboardInterrupt):
            self.teller.words("Interrupted.", "dim")
        return False

    def _bound(self, line: str) -> list[Bound]:
        """Return the commands of a line; none where it has a mistake, which is shown."""
        try:
            commands = self.stage.look(lambda session: bind(line, session))
        except Mistake as mistake:
            self.teller.mistake(mistake)
            return []
        if any(bound.name == "new" for bound in commands):
            self.teller.words("A lesson keeps its own cluster; raftplay shell and raftplay tui take new.", "dim")
            return []
        return commands

    def _is_reached(self, goal: Condition | str | None, broke: bool) -> bool:
        """Return whether the goal is reached; if not, show how far it is when that has changed."""
        if goal is None:
            return False
        if goal == BREACH:
            is_reached = broke or self.stage.look(lambda session: session.harness.breach is not None)
            seen = "no invariant is violated"
        else:
            assert isinstance(goal, Condition)
            is_reached = self.stage.look(goal.holds)
            seen = self.stage.look(goal.seen)
        commands = count(self.done, "command")
        if is_reached:
            self.teller.words(f"You did it, with {commands}.", "right", sign=self.teller.sign("✓"))
        elif self.done and seen != self._shown:
            self._shown = seen
            self.teller.words(f"Not there yet: {seen}.", "dim")
        return is_reached


class _Copy:
    """A copy of the cluster, made when it is first needed, and discarded at the end of its `with` block."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._home = stage.session.branch
        self._is_made = False

    def make(self) -> None:
        """Make the copy, if there is none yet, and play on in it."""
        if not self._is_made:
            self._stage.call(partial(self._stage.session.fork, COPY))
            self._is_made = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stage.rest()
        if self._is_made:
            self._stage.call(self._leave)

    def _leave(self) -> None:
        """Return to the lesson's own cluster, and discard the copy and its branches."""
        session = self._stage.session
        for name in [name for name, branch in session.branches.items() if branch is not self._home]:
            session.switch(name)
            session.discard(self._home)


def commands_text() -> str:
    """Return the names of all commands, group by group."""
    return "".join(
        f"\n  {', '.join(row.name for row in TABLE.values() if row.group == group and row.in_session)}"
        for group in GROUPS
        if any(row.group == group and row.in_session for row in TABLE.values())
    )
