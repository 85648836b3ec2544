"""The history keeps the last events, and no more than it says."""

import pytest

from raftplay import Harness
from raftplay.past.history import LIMIT, History
from raftplay.raft import events as dec
from raftplay.watch.events import Record


def _record(seq: int) -> Record:
    return Record(seq, 0.001 * seq, 0, 0, dec.PreVoteStarted(seq))


def test_a_history_keeps_the_last_records_and_counts_the_others() -> None:
    history = History(limit=3)
    for seq in range(1, 6):
        history(_record(seq))
    assert [record.seq for record in history.records()] == [3, 4, 5]
    assert (len(history), history.limit, history.seen, history.forgotten) == (3, 3, 5, 2)


@pytest.mark.parametrize(("n", "seqs"), [(0, []), (-1, []), (1, [4]), (2, [3, 4]), (9, [1, 2, 3, 4])])
def test_the_last_n_come_oldest_first(n: int, seqs: list[int]) -> None:
    history = History()
    for seq in range(1, 5):
        history(_record(seq))
    assert [record.seq for record in history.last(n)] == seqs


def test_what_was_taken_from_a_history_does_not_change_with_it() -> None:
    history = History()
    history(_record(1))
    taken = history.records()
    history(_record(2))
    assert len(taken) == 1


def test_a_history_keeps_something() -> None:
    assert History().limit == LIMIT
    with pytest.raises(ValueError, match="at least one record, not 0"):
        History(limit=0)


def test_a_history_reads_a_cluster() -> None:
    with Harness(3, backend="sim", seed=1) as h:
        history = History(limit=100)
        h.stream.attach(history)
        h.sleep_ms(2000)
        seqs = [record.seq for record in history.records()]
        assert len(seqs) == 100
        assert seqs == list(range(seqs[0], seqs[0] + 100))
