"""A Harness whose acts are kept in the journal of a session, beside the commands of the language.

The rule of this module: what a test does by methods can be looked back at, played again and saved as what it does
by commands.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial, wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from raftplay.backends.base import NodeFailed
from raftplay.cluster import arguments, checks, harness
from raftplay.cluster.checks import InvariantBroken
from raftplay.cluster.running import Running
from raftplay.cluster.snapshot import Snapshot
from raftplay.errors import UsageError
from raftplay.python import words
from raftplay.session.branches import Effect
from raftplay.session.session import Session

__tracebackhide__ = checks.__tracebackhide__

P = ParamSpec("P")
T = TypeVar("T")

CommandWords = Callable[..., str | None]
Plain = harness.Harness
"""A Harness without a session: that of one branch."""


@dataclass(eq=False)
class PythonDeed:
    """One call of a method, as a command that a session can run again on another cluster."""

    act: Callable[[Session], object]
    effect: Effect
    words: Callable[[], str | None]
    call: str
    group: str = "Python"
    result: Any = field(default=None, repr=False)

    @cached_property
    def text(self) -> str:
        """Return the command of the language that does the same; a comment, if there is none."""
        return self.words() or f"# {self.call}"

    @property
    def name(self) -> str:
        """Return the name of the command."""
        return self.text.split()[0]

    def run(self, session: Session) -> str:
        """Do it on the cluster of the session's current branch."""
        self.result = self.act(session)
        return ""


def recorded(
    method: Callable[Concatenate[Plain, P], T], text: CommandWords, effect: Effect = "acts"
) -> Callable[Concatenate[Plain, P], T]:
    """Return the method of `Recorded` that does what `method` does, and journals it as the command `text`."""

    @wraps(method)
    def outside(self: Plain, /, *args: P.args, **kwargs: P.kwargs) -> T:
        assert isinstance(self, Recorded)
        call = words.call_text(method.__name__, args, kwargs)
        deed = PythonDeed(
            lambda session: method(session.harness, *args, **kwargs), effect, lambda: text(*args, **kwargs), call
        )
        result: T = self._do(deed)
        return result

    return outside


def passing(method: Callable[Concatenate[Plain, P], T]) -> Callable[Concatenate[Plain, P], T]:
    """Return the method of `Recorded` that waits as `method` does; in the past, it first begins a branch there."""

    @wraps(method)
    def outside(self: Plain, /, *args: P.args, **kwargs: P.kwargs) -> T:
        assert isinstance(self, Recorded)
        if self.session.moment is not None:
            self._do(PythonDeed(_nothing, "passes", lambda: "sleep 0ms", ""))
        return method(self.session.harness, *args, **kwargs)

    return outside


def checking(method: Callable[Concatenate[Plain, P], T]) -> Callable[Concatenate[Plain, P], T]:
    """Return the method of `Recorded` that checks the present as `method` does; in the past, it refuses."""

    @wraps(method)
    def outside(self: Plain, /, *args: P.args, **kwargs: P.kwargs) -> T:
        assert isinstance(self, Recorded)
        if self.session.moment is not None:
            raise UsageError(
                f"{method.__name__} looks at the present, and this is the past; live() brings you back"
            )
        return method(self.session.harness, *args, **kwargs)

    return outside


def _nothing(_: Session) -> None:
    """Do nothing: a deed that only begins a branch."""


def _on(name: str) -> CommandWords:
    """Return the words of a command whose one argument is a node or a message."""
    return lambda id: f"{name} {id}"


def _along(name: str) -> CommandWords:
    """Return the words of a command whose argument is a link."""
    return lambda src, dst: f"{name} {src}->{dst}"


class Recorded(Plain):
    """A Harness that acts on the current branch of `session`, and keeps what it did in that branch's journal."""

    session: Session
    _told: deque[Any]

    @property
    def _running(self) -> Running:
        return self.session.harness._running

    def _do(self, deed: PythonDeed) -> Any:
        """Do a deed now, or, in the past, in a new branch that begins there; return what its method returned."""
        session = self.session
        if session.moment is not None:
            session.perform(deed).result()
            self._told.append((session.harness.now, deed))
            return deed.result
        start = session.branch.mark()
        try:
            deed.run(session)
        except (InvariantBroken, NodeFailed) as failure:
            session.note(deed, start, failure)
            raise
        end = session.note(deed, start)
        self._told.append((end.time, deed))
        return deed.result

    # ---- what is journalled

    def submit_to_server(self, id: int, command: object) -> int:
        """Submit `command` to node `id`; return its log index if the node leads, else -1. Never blocks."""

        def act(session: Session) -> int:
            index = session.harness.submit_to_server(id, command)
            if index >= 0:
                session.note_index(index)
            return index

        call = words.call_text("submit_to_server", (id, command), {})
        index: int = self._do(PythonDeed(act, "acts", lambda: words.submit(id, command), call))
        return index

    def submit_many(self, id: int, commands: Sequence[object]) -> list[int]:
        """Submit several commands to node `id`, in order; return the log index of each, or -1."""
        listed = arguments.elements(commands, "commands must be a list")
        return _submit_many(self, id, listed)

    ask = recorded(Plain.ask, words.ask)
    begin = recorded(Plain.begin, lambda *_: None)
    begin_many = recorded(Plain.begin_many, lambda *_: None)
    load = recorded(Plain.load, lambda _: None)
    crash_peer = recorded(Plain.crash_peer, _on("crash"))
    restart_peer = recorded(Plain.restart_peer, words.restart)
    disconnect_peer = recorded(Plain.disconnect_peer, _on("disconnect"))
    reconnect_peer = recorded(Plain.reconnect_peer, _on("reconnect"))
    peer_drop_calls_after_n = recorded(Plain.peer_drop_calls_after_n, words.drop)
    peer_dont_drop_calls = recorded(Plain.peer_dont_drop_calls, _on("undrop"))
    freeze_peer = recorded(Plain.freeze_peer, _on("freeze"))
    thaw_peer = recorded(Plain.thaw_peer, _on("thaw"))
    time_out_peer = recorded(Plain.time_out_peer, _on("timeout"))
    compact_peer = recorded(Plain.compact_peer, _on("snapshot"))
    transfer_leadership = recorded(Plain.transfer_leadership, words.transfer)
    align_timers = recorded(Plain.align_timers, partial(words.timers, "align"))
    spread_timers = recorded(Plain.spread_timers, partial(words.timers, "spread"))
    tear_peer = recorded(Plain.tear_peer, lambda id, sets: f"tear {id} after {sets}")
    wipe_peer = recorded(Plain.wipe_peer, _on("wipe"))
    set_disk = recorded(Plain.set_disk, words.disk)
    clear_disk = recorded(Plain.clear_disk, words.disk)
    set_clock = recorded(Plain.set_clock, lambda id, rate: f"clock {id} rate={rate}")
    set_option = recorded(Plain.set_option, words.option)
    set_client_options = recorded(Plain.set_client_options, words.client_options)
    set_timing = recorded(Plain.set_timing, words.timing)

    def partition(self, *groups: Iterable[int]) -> None:
        """Split the nodes into groups that cannot reach each other; nodes not named form the last group."""
        _partition(self, *arguments.groups(groups))

    heal = recorded(Plain.heal, lambda: "heal")
    cut = recorded(Plain.cut, _along("cut"))
    join = recorded(Plain.join, _along("join"))
    set_link = recorded(Plain.set_link, words.link)
    clear_link = recorded(Plain.clear_link, lambda src, dst: f"link {src}->{dst} clear")
    hold = recorded(Plain.hold, _along("hold"))
    hold_message = recorded(Plain.hold_message, _on("hold"))
    release_message = recorded(Plain.release_message, _on("release"))
    release = recorded(Plain.release, _along("release"))
    release_links = recorded(Plain.release_links, words.release_links)
    deliver = recorded(Plain.deliver, _on("deliver"))
    lose = recorded(Plain.lose, _on("lose"))
    duplicate = recorded(Plain.duplicate, _on("duplicate"))
    settle = recorded(Plain.settle, lambda: "now")
    pause = recorded(Plain.pause, lambda: "pause", "clock")
    resume = recorded(Plain.resume, lambda: "resume", "clock")
    step = recorded(Plain.step, lambda: "step 1", "passes")

    # ---- what lets time pass: the time between two entries of the journal

    sleep_ms = passing(Plain.sleep_ms)
    wait_until = passing(Plain.wait_until)
    check_until = passing(Plain.check_until)
    pass_to = passing(Plain.pass_to)

    # ---- what judges the present

    check_single_leader = checking(Plain.check_single_leader)
    check_no_leader = checking(Plain.check_no_leader)
    check_committed = checking(Plain.check_committed)
    check_committed_n = checking(Plain.check_committed_n)
    check_not_committed = checking(Plain.check_not_committed)

    def snapshot(self) -> Snapshot:
        """Return everything that a screen shows of the cluster, now or at the moment in the past, as one value."""
        return super().snapshot() if self.session.moment is None else self.session.view().snapshot

    def shutdown(self) -> None:
        """Stop all servers, those of other branches too, and close everything; safe to call twice.

        Raises what failed inside the cluster and was not raised yet, a violated invariant included.
        """
        self.session.close()


_submit_many = recorded(Plain.submit_many, words.submit_many)
_partition = recorded(Plain.partition, words.partition)
