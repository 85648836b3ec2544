"""A session that lives: a person acts on it while its time goes by.

The rule of this module: one thread runs the commands, one after another, and, in virtual time, lets time pass at
the chosen speed in between. So a screen or a prompt never waits for a command, and a command never for them. In
the middle of a wait that thread also does what need not come behind it: looks, changes of the clock, and keys that
act.
"""

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any, Literal, TypeVar

from raftplay.backends.base import NodeFailed
from raftplay.cluster.checks import InvariantBroken
from raftplay.cluster.harness import Interrupted
from raftplay.commands.errors import Failed
from raftplay.commands.lexer import Mistake
from raftplay.commands.session import Session
from raftplay.commands.table import Bound
from raftplay.errors import UsageError
from raftplay.past.view import View
from raftplay.raft.storage import StorageError
from raftplay.watch.stream import ReaderFailed

T = TypeVar("T")

LOOK_EVERY = 0.05
"""How often it looks, in seconds, whether something broke while no command is under way."""

BRIEF = 0.15
"""A line that waits for less is not shown as waiting, in seconds."""

LONG = 3600.0
"""How long it lets virtual time pass at a stretch, in seconds of it."""

CLOSE_LIMIT = 10.0

OutcomeStatus = Literal["held", "failed", "broken", "mistake", "interrupted"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one command: its text, cluster time when it ended, and its answer, or why there is none.

    `mistake` knows the place in the line, where the line could not be read.
    """

    text: str
    time: float
    answer: str
    status: OutcomeStatus = "held"
    mistake: Mistake | None = None

    @property
    def held(self) -> bool:
        """Whether the command did what it should."""
        return self.status == "held"


@dataclass(frozen=True, slots=True)
class _Task:
    """A line, or a `function`, that is to be done; `since` is when it came, in seconds of the wall clock."""

    line: str
    future: Future[Any]
    is_script: bool = False
    by_key: bool = False
    function: Callable[[], object] | None = None
    since: float = field(default_factory=time.monotonic)


class Live:
    """Runs what a person types into `session`, which is closed with it.

    `on_news` is called from the thread within with what broke while no command was under way.
    """

    def __init__(
        self, session: Session, on_news: Callable[[str], None] = lambda _: None, *, stands_still: bool = False
    ) -> None:
        self.session = session
        session.is_live = True
        session.harness.keep_pace()
        session.harness.pauses_at_breach = True
        self._on_news = on_news
        self.stands_still = stands_still
        """Whether virtual time passes within commands only, and not between them."""

        self._tasks: SimpleQueue[_Task | None] = SimpleQueue()
        self._behind: deque[_Task] = deque()  # those that came while a command was under way, and come behind it
        self._waiting: dict[int, _Task] = {}  # all that are not begun, in order, by identity
        self._failure: BaseException | None = None
        self._lock = threading.Lock()
        self._busy: str | None = None
        self._cancelled = False
        self._closed = False
        self._thread = threading.Thread(target=self._main, name="raftplay-session", daemon=True)
        self._thread.start()

    # ---- for whoever shows it

    @property
    def busy(self) -> str | None:
        """The line whose commands are under way, if any."""
        return self._busy

    @property
    def waiting(self) -> tuple[str, ...]:
        """The lines that come behind the one under way."""
        now = time.monotonic()
        with self._lock:
            return tuple(task.line for task in self._waiting.values() if task.line and now - task.since > BRIEF)

    def run(self, line: str, *, is_script: bool = False, by_key: bool = False) -> Future[list[Outcome]]:
        """Run the commands of a line behind those before it: what became of each, up to one that did not hold.

        Never raises what is wrong with the line: that is an outcome. A line of a script begins at the very moment;
        one that is given when the future of the one before it is done, with no time in between. Other lines are
        done in the middle of a wait that is under way if they only look or change the clock; `by_key`, also if
        they act on the cluster.
        """
        future: Future[list[Outcome]] = Future()
        if not self._take(_Task(line, future, is_script, by_key)):
            future.set_result([Outcome(line, 0.0, "the session is closed", "failed")])
        return future

    def call(self, function: Callable[[], T], about: str = "") -> Future[T]:
        """Run `function` in the thread of the session, behind the lines before it; what it gives or raises.

        It can be cancelled if it is `about` something, which is then what is under way.
        """
        future: Future[T] = Future()
        if not self._take(_Task(about, future, function=function)):
            future.set_exception(Interrupted())
        return future

    def cancel(self) -> bool:
        """End the wait under way, leave out the rest of its line and all that comes behind it; whether anything
        was under way.
        """
        with self._lock:
            if self._busy is None:
                return False
            self._cancelled = True
            self._waiting.clear()
            self.session.interrupt()
            return True

    def view(self) -> View:
        """The cluster at the moment that is looked at. Raises what ended the session's thread, if anything did."""
        if self._failure is not None:
            raise self._failure
        return self.session.view()

    def close(self) -> None:
        """End the session and its clusters; what is under way is interrupted, what waits is not begun."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._tasks.put(None)  # nothing comes behind it
        self.session.interrupt()
        self._thread.join(CLOSE_LIMIT)
        if self._thread.is_alive():
            raise TimeoutError(f"the session did not end within {CLOSE_LIMIT:g} s: a command does not return")
        self.session.close()

    # ---- the thread

    def _take(self, task: _Task) -> bool:
        """Have the thread do a task; whether it still does any."""
        with self._lock:
            if self._closed:
                return False
            self._waiting[id(task)] = task
            self._tasks.put(task)
        self.session.harness.give_way()
        return True

    def _main(self) -> None:
        try:
            while (task := self._next()) is not None and not self._closed:
                if self._is_wanted(task):
                    self._begin(task)
        except BaseException as failure:  # time itself failed, between two commands
            self._failure = failure
            task = self._tasks.get()
        while task is not None:  # whoever still waits is told
            self._turn_away(task)
            task = self._behind.popleft() if self._behind else self._tasks.get()

    def _begin(self, task: _Task) -> None:
        """Do a task; until it is done it is under way."""
        with self._lock:
            self._busy, self._cancelled = task.line or None, False
        try:
            with self._hearing(task):
                self._answer(task)
        finally:
            with self._lock:
                self._busy = None
                if not self._closed:
                    self.session.forget_interrupt()

    def _is_wanted(self, task: _Task) -> bool:
        """Whether a task was not dropped while it waited; from now on it waits no more."""
        with self._lock:
            is_wanted = self._waiting.pop(id(task), None) is not None
        if not is_wanted:
            self._turn_away(task)
        return is_wanted

    def _turn_away(self, task: _Task) -> None:
        """Tell whoever waits for a task that it is not done."""
        if self._failure is not None:
            task.future.set_exception(self._failure)
        elif task.function is not None:
            task.future.set_exception(Interrupted())
        elif self._closed:
            task.future.set_result([])
        else:
            answer = "not done: Ctrl+C dropped it"
            task.future.set_result([Outcome(task.line, self.session.harness.now, answer, "interrupted")])

    def _answer(self, task: _Task) -> None:
        try:
            result = self._do(task) if task.function is None else task.function()
        except BaseException as error:
            task.future.set_exception(error)
        else:
            task.future.set_result(result)

    def _next(self) -> _Task | None:
        """The next line, when one comes; time goes by until then."""
        if self._behind:
            return self._behind.popleft()
        while True:
            try:
                return self._tasks.get_nowait()
            except Empty:
                pass
            harness = self.session.harness
            try:
                if harness.backend == "sim" and not harness.paused and not self.stands_still:
                    harness.wait_until(lambda: self.stands_still or not self._tasks.empty(), LONG)
                else:
                    harness.check()
                    return self._tasks.get(timeout=LOOK_EVERY)
            except Empty:
                pass
            except InvariantBroken as broken:
                self._on_news(str(broken.breach))
            except (NodeFailed, ReaderFailed, StorageError, UsageError) as error:
                self._on_news(str(error))
            except Interrupted:
                pass

    # ---- in the middle of a wait

    @contextmanager
    def _hearing(self, task: _Task) -> Iterator[None]:
        """Within it, waits give way to what comes meanwhile; a function that is about nothing does not wait."""
        harness = self.session.harness
        harness.between = self._between if task.line else None
        try:
            yield
        finally:
            harness.between = None

    def _between(self) -> None:
        """Do what came and need not come behind the wait under way, which goes on when time does.

        Raises `Interrupted` when it must not go on.
        """
        session = self.session
        while not (self._cancelled or self._closed):
            stands_still = session.harness.paused or session.moment is not None
            try:
                task = self._tasks.get(timeout=LOOK_EVERY) if stands_still else self._tasks.get_nowait()
            except Empty:
                if not stands_still:
                    return
                continue
            if task is None:
                self._tasks.put(None)  # it is closed
            elif not self._interposes(task):
                self._behind.append(task)
            elif self._is_wanted(task):
                self._answer(task)
        raise Interrupted

    def _interposes(self, task: _Task) -> bool:
        """Whether a task is done in the middle of the wait under way; mistakes are told there, too."""
        if task.function is not None or task.is_script:
            return False
        try:
            commands = self.session.bind(task.line)
        except Mistake:
            return True
        return all(self.session.may_interpose(bound, acts=task.by_key) for bound in commands)

    def _do(self, task: _Task) -> list[Outcome]:
        try:
            commands = self.session.bind(task.line)
        except Mistake as mistake:
            return [Outcome(task.line, self.session.harness.now, mistake.message, "mistake", mistake)]
        outcomes: list[Outcome] = []
        for at, bound in enumerate(commands):
            outcomes.append(self._perform(bound, rounds_time=at == 0 and not task.is_script))
            if not outcomes[-1].held:
                break
        return outcomes

    def _perform(self, bound: Bound, *, rounds_time: bool) -> Outcome:
        session, text = self.session, bound.statement.text
        status: OutcomeStatus = "held"
        try:
            if self._cancelled:
                raise Interrupted
            if rounds_time and bound.command.effect != "looks":
                self._round_time()
            answer = session.perform(bound)
        except (Failed, NodeFailed) as failed:
            answer, status = str(failed), "failed"
        except InvariantBroken as broken:
            answer, status = str(broken.breach), "broken"
        except Interrupted:
            answer, status = "interrupted", "interrupted"
        except (UsageError, ReaderFailed, StorageError) as error:
            answer, status = str(error), "mistake"
        return Outcome(text, session.harness.now, answer, status)

    def _round_time(self) -> None:
        """Let virtual time come to a number with few digits, so that what is done then can be written down.

        It takes about a millisecond of the wall clock.
        """
        harness = self.session.harness
        if harness.backend == "sim" and not harness.paused and self.session.moment is None:
            step = 10.0 ** math.floor(math.log10(min(harness.speed, 1.0)) - 3)
            digits = round(-math.log10(step))
            when = round(math.ceil(harness.now / step) * step, digits)
            between, harness.between = harness.between, None  # one thing after another
            try:
                if when > harness.now:
                    harness.pass_to(when)
            finally:
                harness.between = between
