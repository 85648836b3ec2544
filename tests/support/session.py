"""What the tests of sessions share: a session over a cluster of its own, and commands typed into it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import raftplay.commands  # noqa: F401 - they fill the table, whichever test file is run alone
from raftplay import Config, UsageError
from raftplay.cluster.waits import Interrupted
from raftplay.language.table import bind
from raftplay.past.history import History
from raftplay.run.live import Live
from raftplay.session.branches import Blueprint
from raftplay.session.errors import Failed
from raftplay.session.outcome import Outcome
from raftplay.session.session import Session
from raftplay.watch.stream import Reader


def blueprint(
    nodes: int = 3,
    *,
    backend: str = "sim",
    seed: int = 7,
    bugs: tuple[str, ...] = (),
    config: Config | None = None,
) -> Blueprint:
    """What a cluster for a test is made from."""
    return Blueprint(nodes, backend, seed, (config or Config(bugs=bugs)).settled())


def session_of(plan: Blueprint, readers: tuple[Reader, ...] = (), limit: int | None = None) -> Session:
    """A session over a new cluster; time passes only when a command says so (sim)."""
    history = History() if limit is None else History(limit)
    return Session(plan.build((history, *readers)), history, blueprint=plan)


@contextmanager
def live(nodes: int = 3, *, speed: float = 20.0, **choices: object) -> Iterator[Live]:
    """A session whose time goes by."""
    session = session_of(blueprint(nodes, **choices))  # type: ignore[arg-type]
    session.harness.set_speed(speed)
    lively = Live(session)
    try:
        yield lively
    finally:
        lively.close()


def do(lively: Live, line: str) -> Outcome:
    """Type a line; the last outcome, within a time that no working machine needs."""
    return lively.run(line).result(60)[-1]


def held(lively: Live, line: str) -> str:
    """Type a line that must hold; its last answer."""
    outcome = do(lively, line)
    assert outcome.held, outcome
    return outcome.answer


def perform(session: Session, *lines: str) -> list[str]:
    """Do the commands of some lines; the answer of each, or why there is none."""
    answers = []
    for line in lines:
        for bound in bind(line, session):
            try:
                answers.append(session.perform(bound).result())
            except (Failed, UsageError, Interrupted) as error:
                answers.append(f"{type(error).__name__}: {error}")
    return answers


def until(holds: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait until `holds()`; far longer than it ever takes."""
    give_up = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < give_up, "it never came about"
        time.sleep(0.002)
