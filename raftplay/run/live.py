"""A live session: a person acts on it while its time passes.

The rule of this module: one thread runs the commands, one after another, and, in virtual time, lets time pass at
the chosen speed in between. So a screen or a prompt never waits for a command, nor a command for them. In the
middle of a wait that thread also does what need not wait for its end: looks, clock changes, and keys that act.
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
from typing import Any, TypeVar

from raftplay.cluster.waits import Interrupted
from raftplay.errors import UsageError
from raftplay.language.lexer import Mistake
from raftplay.language.table import Bound, bind
from raftplay.past.view import View
from raftplay.session.branches import Shown
from raftplay.session.outcome import FAILURES, Outcome, outcome_of
from raftplay.session.session import Session
from raftplay.session.status import Status

T = TypeVar("T")

LOOK_EVERY = 0.05
"""The interval of checks for a violation while no command runs, in seconds."""

BRIEF = 0.15
"""The minimum time after which a line is shown as waiting, in seconds."""

LONG = 3600.0
"""The longest uninterrupted stretch of virtual time, in seconds of virtual time."""

CLOSE_LIMIT = 10.0


def perform_line(line: str, session: Session, perform: Callable[[Bound], Outcome]) -> list[Outcome]:
    """Perform the commands of a line, up to the first that fails; return their outcomes. A mistake is one, too."""
    try:
        commands = bind(line, session)
    except Mistake as mistake:
        return [outcome_of(mistake, line, session.harness.now)]
    outcomes: list[Outcome] = []
    for bound in commands:
        outcomes.append(perform(bound))
        if not outcomes[-1].held:
            break
    return outcomes


@dataclass(frozen=True, slots=True)
class _Task:
    """A line or a `function` to run; `since` is when it came, in seconds of the wall clock."""

    line: str
    future: Future[Any]
    is_script: bool = False
    by_key: bool = False
    shown: Shown | None = None
    function: Callable[[], object] | None = None
    since: float = field(default_factory=time.monotonic)


class Live:
    """Runs the lines that a person types into `session`, and closes it at the end.

    `on_news` is called from the session's thread with a violation or failure that came while no command ran.
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
        """True if virtual time passes only within commands, not between them."""

        self._tasks: SimpleQueue[_Task | None] = SimpleQueue()
        self._behind: deque[_Task] = deque()  # tasks that came while a command ran, and follow it
        self._waiting: dict[int, _Task] = {}  # tasks that have not begun, in order, by identity
        self._failure: BaseException | None = None
        self._lock = threading.Lock()
        self._busy: str | None = None
        self._cancelled = False
        self._closed = False
        self._thread = threading.Thread(target=self._main, name="raftplay-session", daemon=True)
        self._thread.start()

    # ---- for the user interface

    @property
    def busy(self) -> str | None:
        """Return the line whose commands are running, if any."""
        return self._busy

    @property
    def waiting(self) -> tuple[str, ...]:
        """Return the lines that wait for the running one, once they have waited for `BRIEF` seconds."""
        now = time.monotonic()
        with self._lock:
            return tuple(task.line for task in self._waiting.values() if task.line and now - task.since > BRIEF)

    def run(
        self, line: str, *, is_script: bool = False, by_key: bool = False, shown: Shown | None = None
    ) -> Future[list[Outcome]]:
        """Run the commands of a line after earlier lines; return their outcomes, up to the first that fails.

        A mistake in the line is an outcome, not an exception. A line of a script begins exactly at the present
        moment; lines that are each given when the previous future is done run without time in between. Other lines
        run in the middle of a running wait if they only look or change the clock; with `by_key`, also if they act
        on the cluster. `shown` is what a screen showed when the line was typed, if that was behind the present.
        """
        future: Future[list[Outcome]] = Future()
        if not self._take(_Task(line, future, is_script, by_key, shown)):
            future.set_result([Outcome(line, 0.0, "the session is closed", Status.FAILED)])
        return future

    def call(self, function: Callable[[], T], about: str = "") -> Future[T]:
        """Run `function` in the session's thread, after earlier lines; return a future of its result.

        A call can be cancelled if it is `about` something; `busy` shows that text while it runs.
        """
        future: Future[T] = Future()
        if not self._take(_Task(about, future, function=function)):
            future.set_exception(Interrupted())
        return future

    def cancel(self) -> bool:
        """Interrupt the running line and drop all lines after it; return whether one was running."""
        with self._lock:
            if self._busy is None:
                return False
            self._cancelled = True
            self._waiting.clear()
            self.session.interrupt()
            return True

    def view(self) -> View:
        """Return the cluster at the selected moment. Raises the failure that ended the thread, if any."""
        if self._failure is not None:
            raise self._failure
        return self.session.view()

    def close(self) -> None:
        """End the session and its clusters: interrupt the running line and drop those that wait."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._tasks.put(None)  # the last task
        self.session.interrupt()
        self._thread.join(CLOSE_LIMIT)
        if self._thread.is_alive():
            raise TimeoutError(f"the session did not end within {CLOSE_LIMIT:g} s: a command does not return")
        self.session.close()

    # ---- the thread

    def _take(self, task: _Task) -> bool:
        """Queue a task for the thread; return False if the session is closed."""
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
        except BaseException as failure:  # letting time pass failed, between two commands
            self._failure = failure
            task = self._tasks.get()
        while task is not None:  # tell those that still wait
            self._turn_away(task)
            task = self._behind.popleft() if self._behind else self._tasks.get()

    def _begin(self, task: _Task) -> None:
        """Run a task, and show it as busy until it is done."""
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
        """Remove a task from those that wait; return False if it was dropped before."""
        with self._lock:
            is_wanted = self._waiting.pop(id(task), None) is not None
        if not is_wanted:
            self._turn_away(task)
        return is_wanted

    def _turn_away(self, task: _Task) -> None:
        """Complete the future of a task that will not run."""
        if not task.future.set_running_or_notify_cancel():
            return
        if self._failure is not None:
            task.future.set_exception(self._failure)
        elif task.function is not None:
            task.future.set_exception(Interrupted())
        elif self._closed:
            task.future.set_result([])
        else:
            answer = "not done: Ctrl+C dropped it"
            task.future.set_result([Outcome(task.line, self.session.harness.now, answer, Status.INTERRUPTED)])

    def _answer(self, task: _Task) -> None:
        """Do a task, unless whoever waited for its future has cancelled that."""
        if not task.future.set_running_or_notify_cancel():
            return
        try:
            result = self._do(task) if task.function is None else task.function()
        except BaseException as error:
            task.future.set_exception(error)
        else:
            task.future.set_result(result)

    def _next(self) -> _Task | None:
        """Return the next task, and let time pass until it comes; None at the end."""
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
            except Interrupted:  # of a line that has ended meanwhile
                pass
            except FAILURES as failure:
                if not (isinstance(failure, UsageError) and harness.paused):  # else it was halted meanwhile
                    self._on_news(outcome_of(failure).answer)

    # ---- in the middle of a wait

    @contextmanager
    def _hearing(self, task: _Task) -> Iterator[None]:
        """Run new tasks in the middle of waits; a function that is about nothing does not wait."""
        harness = self.session.harness
        harness.between = self._between if task.line else None
        try:
            yield
        finally:
            harness.between = None

    def _between(self) -> None:
        """Run tasks that need not follow the running wait, and return once time may pass.

        Raises `Interrupted` when the wait must end.
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
                self._tasks.put(None)  # the session is closed
            elif not self._interposes(task):
                self._behind.append(task)
            elif self._is_wanted(task):
                self._answer(task)
        raise Interrupted

    def _interposes(self, task: _Task) -> bool:
        """Return whether a task runs in the middle of the running wait; a line with a mistake does."""
        if task.function is not None or task.is_script:
            return False
        try:
            commands = bind(task.line, self.session)
        except Mistake:
            return True
        return all(self.session.may_interpose(bound, acts=task.by_key) for bound in commands)

    def _do(self, task: _Task) -> list[Outcome]:
        has_moment = task.is_script

        def perform(bound: Bound) -> Outcome:
            nonlocal has_moment
            try:
                if self._cancelled:
                    raise Interrupted
                if not has_moment and bound.effect != "looks":
                    self._round_time()
                    has_moment = True
            except FAILURES as failure:
                return outcome_of(failure, bound.text, self.session.harness.now)
            return self.session.perform(bound)

        session = self.session
        before, session.shown = session.shown, task.shown
        try:
            return perform_line(task.line, session, perform)
        finally:
            session.shown = before

    def _round_time(self) -> None:
        """Advance virtual time to a number with few digits, so that a script can name the moment of the command.

        This takes no time of the wall clock: a screen may hold the clock of the cluster.
        """
        harness = self.session.harness
        if harness.backend == "sim" and not harness.paused and self.session.moment is None:
            step = 10.0 ** math.floor(math.log10(min(harness.speed, 1.0)) - 3)
            digits = round(-math.log10(step))
            when = round(math.ceil(harness.now / step) * step, digits)
            between, harness.between = harness.between, None  # other tasks wait meanwhile
            harness.keep_pace(keeps=False)
            try:
                if when > harness.now:
                    harness.pass_to(when)
            finally:
                harness.keep_pace()
                harness.between = between
