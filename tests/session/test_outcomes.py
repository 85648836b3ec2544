"""One place says what became of a command that did not end well."""

import pytest

from raftplay.cluster.waits import Interrupted
from raftplay.errors import UsageError
from raftplay.raft.storage import StorageError
from raftplay.session.errors import FAILURES, Failed, outcome_of


@pytest.mark.parametrize(
    ("failure", "status", "text"),
    [
        (Failed("no leader"), "failed", "no leader"),
        (Interrupted(), "interrupted", "interrupted"),
        (UsageError("there is no branch 'x'"), "mistake", "there is no branch 'x'"),
        (StorageError("the disk is full"), "mistake", "the disk is full"),
    ],
)
def test_the_exception_of_a_command_gives_its_status_and_its_text(failure: Exception, status: str, text: str):
    assert isinstance(failure, FAILURES)
    assert outcome_of(failure) == (status, text)
