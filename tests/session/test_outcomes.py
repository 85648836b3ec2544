"""One place says what became of a command: its status, and its answer or why there is none."""

import pytest
from support.session import blueprint, session_of

from raftplay.cluster.checks import InvariantBroken
from raftplay.cluster.harness import Harness
from raftplay.cluster.waits import Interrupted
from raftplay.errors import UsageError
from raftplay.language.table import bind
from raftplay.raft.storage import StorageError
from raftplay.session.errors import Failed
from raftplay.session.outcome import FAILURES, Outcome, outcome_of
from raftplay.session.session import Session
from raftplay.session.status import Status


@pytest.mark.parametrize(
    ("failure", "status", "text"),
    [
        (Failed("no leader"), Status.FAILED, "no leader"),
        (Interrupted(), Status.INTERRUPTED, "interrupted"),
        (UsageError("there is no branch 'x'"), Status.MISUSED, "there is no branch 'x'"),
        (StorageError("the disk is full"), Status.MISUSED, "the disk is full"),
    ],
)
def test_the_exception_of_a_command_gives_its_status_and_its_text(failure: Exception, status: Status, text: str):
    assert isinstance(failure, FAILURES)
    outcome = outcome_of(failure, "x", 1.5)
    assert outcome == Outcome("x", 1.5, text, status)
    assert (outcome.held, outcome.breach) == (False, None)
    with pytest.raises(type(failure)):
        outcome.result()


def performed(session: Session, line: str) -> Outcome:
    return session.perform(bind(line, session)[0])


def test_a_command_gives_its_outcome_and_raises_nothing():
    with session_of(blueprint(3)) as session:
        assert performed(session, "sleep 20ms") == Outcome("sleep 20ms", 0.02, "")
        assert performed(session, "now").result() == performed(session, "now").answer != ""
        failed = performed(session, "expect leader")
        assert (failed.status, type(failed.failure), failed.breach) == (Status.FAILED, Failed, None)
        wrong = performed(session, "restart 0")
        assert (wrong.status, wrong.answer) == (Status.MISUSED, str(wrong.failure))
        assert [entry.bound.text for entry in session.branch.journal if entry.bound] == [
            "sleep 20ms",
            "expect leader",
        ]
        session.interrupt()
        ended = performed(session, "sleep 1s")
        assert ended.status is Status.INTERRUPTED
        with pytest.raises(Interrupted):
            ended.uninterrupted()


def test_a_broken_invariant_is_a_failure_with_its_breach():
    session = session_of(blueprint(2, bugs=("forget-vote",)))
    broken = performed(session, "sleep 1s")
    assert isinstance(broken.failure, InvariantBroken)
    assert (broken.status, broken.breach) == (Status.FAILED, broken.failure.breach)
    assert broken.answer == str(broken.breach)
    assert broken.uninterrupted() is broken


def test_what_is_no_end_of_a_command_is_raised(monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    with session_of(blueprint(3)) as session:
        monkeypatch.setattr(Harness, "sleep_ms", fail)
        with pytest.raises(ZeroDivisionError):
            performed(session, "sleep 1s")


def test_exit_statuses_are_said_in_one_place():
    assert {status.name: int(status) for status in Status} == {
        "HELD": 0,
        "FAILED": 1,
        "MISUSED": 2,
        "INTERRUPTED": 130,
    }
