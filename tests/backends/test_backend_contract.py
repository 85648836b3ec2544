"""What servers may rely on, whatever lies below: endpoints in virtual time and on real sockets."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.backends import KINDS, Recorder, ask, backend_of, nothing_left_over, vote

from raftplay import AppendEntriesArgs, CallFailed, LogEntry
from raftplay.backends.base import Backend, Endpoint

LIMIT = 5.0
"""Seconds of cluster time within which what is under way arrives; on one machine it takes milliseconds."""


@pytest.fixture(params=KINDS)
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Backend]:
    with nothing_left_over():
        backend = backend_of(request.param, monkeypatch)
        yield backend
        backend.close()


class Pair:
    """Two endpoints, node 0 and node 1, each connected to the other."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.receivers = [Recorder(backend), Recorder(backend)]
        self.ends: list[Endpoint] = [self.open(0), self.open(1)]
        self.connect(0, 1)
        self.connect(1, 0)

    def open(self, id: int) -> Endpoint:
        return self.backend.run(lambda: self.backend.open_endpoint(id, self.receivers[id]))

    def connect(self, src: int, dst: int) -> None:
        self.backend.run(lambda: self.ends[src].connect(dst, self.ends[dst].listen_addr))

    def disconnect(self, src: int, dst: int) -> None:
        self.backend.run(lambda: self.ends[src].disconnect(dst))

    def send(self, src: int, dst: int, term: int) -> None:
        """A call whose number is its term."""
        self.backend.run(lambda: self.ends[src].send(dst, term, ask(term, src)))

    def answer(self, id: int, term: int) -> None:
        self.backend.run(lambda: self.receivers[id].answers[0](vote(term)))

    def close(self, id: int) -> None:
        self.backend.run(self.ends[id].close)

    def wait(self, holds: Callable[[], Any]) -> None:
        assert self.backend.wait_until(lambda: bool(holds()), LIMIT)

    def echo(self, src: int, dst: int, term: int) -> None:
        """A call goes there and its reply comes back; what was sent before has arrived or is lost."""
        self.send(src, dst, term)
        self.wait(lambda: (dst, term, vote(term)) in self.receivers[src].replies)


@pytest.fixture
def pair(backend: Backend) -> Pair:
    return Pair(backend)


# ---- calls and replies


def test_calls_and_replies_arrive_in_the_order_of_sending(pair: Pair) -> None:
    for term in range(200):
        pair.send(0, 1, term)
    pair.wait(lambda: len(pair.receivers[0].replies) == 200)
    assert pair.receivers[1].calls == [(0, term, ask(term)) for term in range(200)]
    assert pair.receivers[0].replies == [(1, term, vote(term)) for term in range(200)]


def test_calls_sent_in_one_moment_arrive_in_their_order_too(pair: Pair) -> None:
    def send_all() -> None:
        for term in range(200):
            pair.ends[0].send(1, term, ask(term))

    pair.backend.run(send_all)
    pair.wait(lambda: len(pair.receivers[0].replies) == 200)
    assert [term for _, term, _ in pair.receivers[0].replies] == list(range(200))


def test_both_ends_may_call_at_once(pair: Pair) -> None:
    for term in range(50):
        pair.send(0, 1, term)
        pair.send(1, 0, 1000 + term)
    pair.wait(lambda: len(pair.receivers[0].replies) == 50 and len(pair.receivers[1].replies) == 50)
    assert {peer for peer, _, _ in pair.receivers[0].calls} == {1}
    assert {peer for peer, _, _ in pair.receivers[1].calls} == {0}


def test_a_call_of_a_megabyte_arrives_whole(pair: Pair) -> None:
    entries = tuple(LogEntry("x" * 60_000, 1) for _ in range(18))
    args = AppendEntriesArgs(1, 0, -1, -1, entries, -1)
    pair.backend.run(lambda: pair.ends[0].send(1, 7, args))
    pair.wait(lambda: pair.receivers[0].replies)
    assert pair.receivers[1].calls == [(0, 7, args)]


def test_a_call_to_a_peer_that_was_never_connected_fails_at_once(backend: Backend) -> None:
    end = backend.run(lambda: backend.open_endpoint(0, Recorder(backend)))
    assert not end.is_connected(1)
    with pytest.raises(CallFailed, match="node 0 is not connected to node 1"):
        backend.run(lambda: end.send(1, 1, ask(1)))


def test_a_call_after_a_disconnect_fails_at_once(pair: Pair) -> None:
    pair.disconnect(0, 1)
    assert not pair.ends[0].is_connected(1)
    with pytest.raises(CallFailed):
        pair.send(0, 1, 1)


def test_a_disconnect_of_a_peer_that_is_not_connected_changes_nothing(pair: Pair) -> None:
    pair.disconnect(0, 2)
    pair.disconnect(0, 1)
    pair.disconnect(0, 1)
    pair.echo(1, 0, 1)


def test_a_disconnect_cuts_one_direction_of_calls(pair: Pair) -> None:
    pair.disconnect(0, 1)
    pair.echo(1, 0, 1)


def test_a_disconnect_loses_replies_under_way(pair: Pair) -> None:
    pair.receivers[1].holds = True
    pair.send(0, 1, 1)
    pair.wait(lambda: pair.receivers[1].answers)
    pair.disconnect(0, 1)
    pair.answer(1, 1)
    pair.receivers[1].holds = False
    pair.connect(0, 1)
    pair.echo(0, 1, 2)
    assert pair.receivers[0].replies == [(1, 2, vote(2))]


def test_a_reply_does_not_change_over_to_a_newer_connection(pair: Pair) -> None:
    pair.receivers[1].holds = True
    pair.send(0, 1, 1)
    pair.wait(lambda: pair.receivers[1].answers)
    pair.connect(0, 1)
    pair.receivers[1].holds = False
    pair.echo(0, 1, 2)
    pair.answer(1, 1)
    pair.echo(0, 1, 3)
    assert [term for _, term, _ in pair.receivers[0].replies] == [2, 3]


def test_a_reply_may_take_its_time(pair: Pair) -> None:
    pair.receivers[1].holds = True
    pair.send(0, 1, 1)
    pair.wait(lambda: pair.receivers[1].answers)
    pair.backend.pass_time(0.3)
    assert pair.receivers[0].replies == []
    pair.answer(1, 1)
    pair.wait(lambda: pair.receivers[0].replies == [(1, 1, vote(1))])


def test_calls_pass_again_after_a_reconnect(pair: Pair) -> None:
    pair.disconnect(0, 1)
    pair.connect(0, 1)
    pair.echo(0, 1, 1)


def test_a_closed_endpoint_is_silent(pair: Pair) -> None:
    pair.receivers[1].holds = True
    pair.send(0, 1, 1)
    pair.wait(lambda: pair.receivers[1].answers)
    pair.close(1)
    pair.answer(1, 1)
    with contextlib.suppress(CallFailed):  # once the other end has noticed
        pair.send(0, 1, 2)
    pair.backend.pass_time(0.1)
    assert pair.receivers[0].replies == []
    assert len(pair.receivers[1].calls) == 1
    with pytest.raises(CallFailed):
        pair.send(1, 0, 3)


def test_a_closed_endpoint_hears_no_reply(pair: Pair) -> None:
    pair.receivers[1].holds = True
    pair.send(0, 1, 1)
    pair.wait(lambda: pair.receivers[1].answers)
    pair.close(0)
    pair.answer(1, 1)
    pair.backend.pass_time(0.1)
    assert pair.receivers[0].replies == []


def test_an_endpoint_closes_twice_and_connects_no_more(pair: Pair) -> None:
    pair.close(1)
    pair.close(1)
    pair.connect(1, 0)
    assert not pair.ends[1].is_connected(0)


def test_a_successor_at_a_new_address_takes_over(pair: Pair) -> None:
    pair.close(1)
    pair.ends[1] = pair.open(1)
    pair.connect(0, 1)
    pair.echo(0, 1, 1)
