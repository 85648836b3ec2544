"""A reader of the stream that raises is named and detached; the cluster goes on, and the test hears of it."""

import pytest

from raftplay import Harness
from raftplay.watch.facts import Record
from raftplay.watch.stream import ReaderFailed


def clumsy(_: Record) -> None:
    raise ZeroDivisionError("clumsy")


@pytest.mark.parametrize("backend", ["sim", "tcp"])
def test_a_reader_that_raises_is_named_and_detached_and_the_cluster_goes_on(backend: str):
    with Harness(3, backend=backend, seed=1) as h:
        h.check_single_leader()
        with h.lock:
            h.stream.attach(clumsy)
        with pytest.raises(ReaderFailed, match=r"the reader clumsy .*clumsy") as caught:
            h.sleep_ms(200)
        assert isinstance(caught.value.__cause__, ZeroDivisionError)
        assert not h.stream.reads(clumsy)
        leader, _ = h.check_single_leader()
        assert h.submit_to_server(leader, "on") >= 0
        assert h.wait_until(lambda: all(h.commits[id] for id in range(3)))


def test_a_reader_that_fails_as_the_cluster_ends_is_heard_of_all_the_same():
    h = Harness(1, backend="sim", seed=1)
    h.stream.attach(clumsy)
    with pytest.raises(ReaderFailed):
        h.shutdown()
