"""The branch and the moment of a session are one value: every thread that reads them has two that belong together."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from support.session import blueprint, live, perform, session_of, until
from support.tui import app_of, played

from raftplay.cluster.harness import Harness
from raftplay.cluster.storage.disk import MemoryDisk
from raftplay.past.view import View
from raftplay.run.live import Live
from raftplay.session.branches import Blueprint
from raftplay.session.session import Session
from raftplay.session.status import Status
from raftplay.shell.feed import ShellFeed
from raftplay.watch.facts import Record
from raftplay.watch.stream import Reader


class Gate:
    """Stops the first replay when its time has begun to pass, until it is opened."""

    def __init__(self) -> None:
        self.is_wanted = False
        self.reached = threading.Event()
        self.opened = threading.Event()

    def __call__(self, record: Record) -> None:
        if record.time > 0 and not self.reached.is_set():
            self.reached.set()
            assert self.opened.wait(10)


@dataclass(frozen=True, slots=True)
class Gated(Blueprint):
    """Clusters of which those that are built once the gate is wanted are as slow as a test wants them."""

    gate: Gate | None = None

    def build(self, readers: Iterable[Reader], disks: Sequence[MemoryDisk] | None = None) -> Harness:
        """A new cluster."""
        assert self.gate is not None
        return Blueprint.build(self, (*readers, self.gate) if self.gate.is_wanted else readers, disks)


def gated_session(gate: Gate, seed: int = 7) -> Session:
    """A session in which much was submitted."""
    plan = blueprint(3, seed=seed)
    session = session_of(Gated(plan.nodes, plan.backend, plan.seed, plan.config, gate=gate))
    perform(session, "wait leader", *(f"submit {at}" for at in range(150)), "sleep 200ms")
    gate.is_wanted = True
    return session


@contextmanager
def replaying(gate: Gate, act: Callable[[], object]) -> Iterator[None]:
    """Within it `act` is in the middle of a replay, in another thread."""
    thread = threading.Thread(target=act)
    thread.start()
    assert gate.reached.wait(60)
    try:
        yield
    finally:
        gate.opened.set()
        thread.join(60)


REPLAYS: dict[str, Callable[[Session], object]] = {
    "act in the past": lambda session: perform(session, "back 20", "crash 1"),
    "fork": lambda session: session.fork("copy"),
    "diff": lambda session: (session.fork("copy"), perform(session, "diff main copy")),
}


@pytest.mark.parametrize("act", REPLAYS.values(), ids=REPLAYS)
def test_nobody_sees_a_replay(act: Callable[[Session], object]) -> None:
    gate = Gate()
    session = gated_session(gate)
    feed = ShellFeed(session, lambda: 1e9)
    feed.skip()
    before = session.branch
    with replaying(gate, lambda: act(session)):
        view = session.view()
        assert view.rewound == (session.moment is not None)
        assert session.branch is before
        assert len(view.records) > 100
        assert list(feed.lines()) == []
    assert session.branch is not before
    assert session.moment is None
    session.close()


def test_what_happens_in_a_new_future_is_told_and_what_happened_before_it_is_not() -> None:
    gate = Gate()
    session = gated_session(gate)
    gate.opened.set()
    perform(session, "watch on")
    feed = ShellFeed(session, lambda: 1e9)
    feed.skip()
    perform(session, "back 20", "crash 1")
    told = ["".join(text for _, text in line) for line in feed.lines()]
    assert told
    assert all("n1" in line for line in told), told  # its crash, and nothing of the replay
    perform(session, "switch main")
    assert list(feed.lines()) == []
    session.close()


def test_acting_in_the_past_of_a_long_session_keeps_the_screen_painting() -> None:
    gate = Gate()
    lively = Live(gated_session(gate))
    app = app_of(lively)  # type: ignore[arg-type]
    seen: list[View] = []

    async def act(_: object) -> None:
        lively.run("pause; back 20").result(60)
        future = lively.run("crash 1")
        until(gate.reached.is_set)
        for _ in range(20):
            app.paint()
            seen.append(app.seen)
        gate.opened.set()
        outcome = future.result(60)[-1]
        assert outcome.held, outcome
        app.paint()

    try:
        played(app, act)
    finally:
        gate.opened.set()
        lively.close()
    assert all(view.rewound for view in seen)
    assert (app.seen.rewound, app.seen.branch) == (False, "b1")
    assert app.failure is None


def test_a_replay_is_interrupted_and_the_past_is_still_looked_at() -> None:
    gate = Gate()
    lively = Live(gated_session(gate))
    try:
        lively.run("pause; back 20").result(60)
        future = lively.run("crash 1")
        until(gate.reached.is_set)
        threading.Timer(0.01, gate.opened.set).start()  # `cancel` waits until the replay looks
        assert lively.cancel()
        assert future.result(60)[-1].status is Status.INTERRUPTED
        assert lively.view().rewound
        assert list(lively.session.branches) == ["main"]
    finally:
        lively.close()


def test_every_position_that_is_ever_read_belongs_together() -> None:
    is_over = threading.Event()
    wrong: list[object] = []
    reads = 0

    def read(session: Session) -> None:
        nonlocal reads
        while not is_over.is_set():
            try:
                position = session.position
                moment = position.moment
                assert moment is None or moment.seq <= position.branch.history.last_seq
                assert position.branches[position.branch.name] is position.branch
                session.view()
                list(feed.lines())
                reads += 1
            except Exception as error:
                wrong.append(error)
                return

    with live(3, speed=100.0) as lively:
        session = lively.session
        feed = ShellFeed(session, lambda: 1e9)
        threads = [threading.Thread(target=read, args=(session,)) for _ in range(1)]
        for thread in threads:
            thread.start()
        lively.run("wait leader; submit 1; sleep 100ms").result(60)
        for _ in range(10):
            lively.run("back 30; crash 1; sleep 10ms; switch main; back 5; forward 3; live").result(60)
            lively.run("diff main b1").result(60)
            lively.call(lambda: session.fork("copy")).result(60)
            lively.call(lambda: session.discard(session.named("main"))).result(60)
            lively.call(lambda: session.anew(lambda first: first)).result(60)
            lively.run("wait leader").result(60)
        is_over.set()
        for thread in threads:
            thread.join(60)
    assert wrong == []
    assert reads > 10
