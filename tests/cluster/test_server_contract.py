"""What a Server does between its node and the network, on both backends: calls, faults, freezing, stopping."""

import random
from collections.abc import Callable, Iterator

import pytest
from support.backends import KINDS, ask, backend_of, eventually, nothing_left_over

from raftplay import (
    AppendEntriesArgs,
    AppendEntriesReply,
    CallFailed,
    Config,
    LinkFaults,
    LogEntry,
    MapStorage,
    RequestVoteArgs,
    RequestVoteReply,
    Server,
)
from raftplay.backends.base import Backend
from raftplay.cluster import calls as calls_module
from raftplay.cluster import inbox as inbox_module
from raftplay.cluster.network import Network
from raftplay.raft.messages import Reply
from raftplay.watch import facts
from raftplay.watch.stream import Stream

LIMIT = 5.0


def ignore(_: Reply) -> None:
    """What a caller does who wants no reply."""


class Trio:
    """Three servers whose nodes stay dormant: they answer calls, and start nothing by themselves."""

    def __init__(self, backend: Backend, delay: float = 0.001) -> None:
        self.backend = backend
        self.network = Network(range(3), random.Random(1))
        self.stream = Stream(backend.now)
        self.records: list[facts.Record] = []
        self.storage = [MapStorage() for _ in range(3)]
        self.servers: list[Server] = backend.run(lambda: [self._server(id, delay) for id in range(3)])
        for server in self.servers:
            for peer in self.servers:
                if peer is not server:
                    server.connect_to_peer(peer.id, peer.listen_addr)

    def _server(self, id: int, delay: float) -> Server:
        return Server(
            id,
            tuple(peer for peer in range(3) if peer != id),
            self.storage[id],
            backend=self.backend,
            network=self.network,
            stream=self.stream,
            config=Config(delay_min=delay, delay_max=delay),
        )

    def link(self, src: int, dst: int, **faults: object) -> None:
        self.backend.run(lambda: self.network.set_faults(src, dst, LinkFaults(**faults)))  # type: ignore[arg-type]

    def watch(self) -> None:
        self.backend.run(lambda: self.stream.attach(self.records.append))

    def seen(self, kind: type[facts.Fact]) -> list[facts.Record]:
        return [record for record in self.records if isinstance(record.event, kind)]

    def term(self, id: int) -> int:
        return self.servers[id].cm.current_term

    def wait(self, holds: Callable[[], bool]) -> None:
        assert self.backend.wait_until(holds, LIMIT)


@pytest.fixture(params=KINDS)
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Backend]:
    with nothing_left_over():
        backend = backend_of(request.param, monkeypatch)
        yield backend
        backend.close()


@pytest.fixture
def trio(backend: Backend) -> Trio:
    return Trio(backend)


# ---- calls of a user


def test_a_call_without_a_callback_gives_the_reply(trio: Trio) -> None:
    assert trio.servers[0].call(1, ask(3)) == RequestVoteReply(3, True)
    assert trio.term(1) == 3
    assert trio.servers[2].call(1, ask(3, 2)) == RequestVoteReply(3, False)
    heartbeat = AppendEntriesArgs(4, 0, -1, -1, (LogEntry("x", 4),), 0)
    assert trio.servers[0].call(1, heartbeat) == AppendEntriesReply(4, True)
    assert trio.servers[1].cm.log[0].command == "x"


def test_a_call_with_a_callback_gives_none_at_once_and_the_reply_later(trio: Trio) -> None:
    replies: list[Reply] = []
    assert trio.servers[0].call(1, ask(3), replies.append) is None
    trio.wait(lambda: replies == [RequestVoteReply(3, True)])


def test_a_call_to_a_peer_that_is_not_connected_fails_at_once(trio: Trio) -> None:
    trio.servers[0].disconnect_peer(1)
    assert not trio.servers[0].is_connected_to(1)
    before = trio.backend.run(trio.backend.now)
    for on_reply in (None, ignore):
        with pytest.raises(CallFailed):
            trio.servers[0].call(1, ask(3), on_reply)
    assert trio.backend.run(trio.backend.now) - before < 1
    assert trio.servers[0].call(2, ask(3)) == RequestVoteReply(3, True)
    trio.servers[0].disconnect_all()
    with pytest.raises(CallFailed):
        trio.servers[0].call(2, ask(3))


def test_a_call_that_is_never_answered_ends_in_a_timeout(trio: Trio) -> None:
    trio.link(1, 0, cut=True)
    trio.backend.set_speed(50)
    with pytest.raises(TimeoutError, match="node 1 did not respond to node 0 within 5 s"):
        trio.servers[0].call(1, ask(3))


def test_an_error_of_the_callback_is_raised_outside(trio: Trio) -> None:
    def fail(reply: Reply) -> None:
        raise ZeroDivisionError(str(reply.term))

    trio.servers[0].call(1, ask(3), fail)
    with pytest.raises(ZeroDivisionError, match="3"):
        trio.backend.pass_time(LIMIT)
    assert trio.servers[0].call(1, ask(4)) == RequestVoteReply(4, True)


def test_a_late_reply_is_delivered_late(trio: Trio) -> None:
    trio.link(1, 0, delay=(0.4, 0.4))
    replies: list[Reply] = []
    trio.servers[0].call(1, ask(3), replies.append)
    trio.wait(lambda: trio.term(1) == 3)
    trio.backend.pass_time(0.3)
    assert replies == []
    trio.wait(lambda: replies == [RequestVoteReply(3, True)])


def test_the_reply_to_a_call_given_up_is_ignored(trio: Trio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls_module, "MAX_OPEN_CALLS", 4)
    trio.link(1, 0, delay=(0.1, 0.1))
    answered: list[int] = []
    for number in range(6):
        trio.servers[0].call(1, ask(number), lambda _, number=number: answered.append(number))
    trio.wait(lambda: len(answered) == 4)
    trio.backend.pass_time(0.2)
    assert sorted(answered) == [2, 3, 4, 5]


def test_a_second_reply_to_a_call_of_a_user_is_ignored(trio: Trio) -> None:
    trio.link(1, 0, dup=1.0)
    replies: list[Reply] = []
    trio.servers[0].call(1, ask(3), replies.append)
    trio.wait(lambda: bool(replies))
    trio.backend.pass_time(0.05)
    assert len(replies) == 1


# ---- faults of links


def test_a_cut_direction_loses_calls_and_the_other_their_replies(trio: Trio) -> None:
    trio.link(0, 1, cut=True)
    replies: list[Reply] = []
    trio.servers[0].call(1, ask(3), replies.append)  # the call is lost
    trio.servers[1].call(0, ask(5, 1), replies.append)  # its reply is
    trio.wait(lambda: trio.term(0) == 5)
    trio.backend.pass_time(0.1)
    assert trio.term(1) == 0
    assert replies == []


def test_a_cut_stops_what_a_link_still_delays(trio: Trio) -> None:
    trio.link(0, 1, delay=(0.1, 0.1))
    trio.servers[0].call(1, ask(3), ignore)
    trio.link(0, 1, cut=True)
    trio.backend.pass_time(0.2)
    assert trio.term(1) == 0


def test_what_the_proxy_of_the_receiver_holds_is_handled_though_the_sender_is_cut(backend: Backend) -> None:
    trio = Trio(backend, delay=0.1)
    trio.watch()
    replies: list[Reply] = []
    trio.servers[0].call(1, ask(3), replies.append)
    assert eventually(lambda: len(backend.run(trio.servers[1]._links._flights.everything)) == 1)
    assert trio.term(1) == 0
    trio.servers[0].disconnect_all()
    trio.servers[1].disconnect_all()
    trio.wait(lambda: trio.term(1) == 3)
    backend.pass_time(0.2)
    assert replies == []


def test_a_doubled_call_arrives_twice(trio: Trio) -> None:
    trio.watch()
    trio.link(0, 1, dup=1.0)
    assert trio.servers[0].call(1, ask(3)) == RequestVoteReply(3, True)
    trio.wait(lambda: len(trio.seen(facts.CallDelivered)) == 2)


def test_a_lossy_link_loses_about_its_share(trio: Trio) -> None:
    trio.watch()
    trio.link(0, 1, loss=0.5)
    for term in range(200):
        trio.servers[0].call(1, ask(term), ignore)
    trio.wait(lambda: len(trio.seen(facts.CallDelivered)) + len(trio.seen(facts.CallLost)) == 200)
    assert 60 < len(trio.seen(facts.CallLost)) < 140
    assert {record.event.reason for record in trio.seen(facts.CallLost)} == {"loss"}  # type: ignore[union-attr]


def test_a_slow_link_delays_by_its_range(trio: Trio) -> None:
    trio.link(0, 1, delay=(0.1, 0.2))
    trio.link(1, 0, delay=(0.05, 0.05))
    before = trio.backend.run(trio.backend.now)
    trio.servers[0].call(1, ask(3))
    took = trio.backend.run(trio.backend.now) - before
    assert took >= 0.15
    if trio.backend.name == "sim":
        assert took <= 0.251 + 1e-9


# ---- the proxy


@pytest.mark.parametrize("n", [0, 1, 3])
def test_the_proxy_lets_exactly_n_calls_pass(trio: Trio, n: int) -> None:
    trio.servers[0].proxy.drop_calls_after_n(n)
    for term in range(1, n + 1):
        assert trio.servers[0].call(1, ask(term)) == RequestVoteReply(term, True)
    assert trio.servers[0].proxy.calls_left == 0
    for _ in range(2):
        with pytest.raises(CallFailed, match="the proxy of node 0 drops RPCs"):
            trio.servers[0].call(1, ask(10))
    trio.servers[0].proxy.dont_drop_calls()
    assert trio.servers[0].proxy.calls_left == -1
    assert trio.servers[0].call(1, ask(10)) == RequestVoteReply(10, True)


def test_a_proxy_that_drops_calls_still_answers(trio: Trio) -> None:
    trio.servers[0].proxy.drop_calls_after_n(0)
    assert trio.servers[1].call(0, ask(3, 1)) == RequestVoteReply(3, True)


def test_a_negative_count_drops_nothing(trio: Trio) -> None:
    trio.servers[0].proxy.drop_calls_after_n(-7)
    assert trio.servers[0].proxy.calls_left == -1
    assert trio.servers[0].call(1, ask(3)) == RequestVoteReply(3, True)


# ---- frozen


def freeze(trio: Trio, id: int) -> None:
    trio.backend.run(trio.servers[id].freeze)


def thaw(trio: Trio, id: int) -> None:
    trio.backend.run(trio.servers[id].thaw)


def test_a_frozen_node_does_nothing_and_catches_up_on_the_thaw(trio: Trio) -> None:
    freeze(trio, 1)
    order: list[int] = []
    for term in (1, 2, 3):
        trio.servers[0].call(1, ask(term), lambda _, term=term: order.append(term))
        trio.backend.pass_time(0.05)
    assert (trio.term(1), order) == (0, [])
    assert trio.servers[1].submit("x") == -1
    thaw(trio, 1)
    trio.wait(lambda: order == [1, 2, 3])
    assert trio.term(1) == 3


def test_replies_wait_for_the_thaw_too(trio: Trio) -> None:
    replies: list[Reply] = []

    def call_and_freeze() -> None:
        trio.servers[0].call(1, ask(3), replies.append)
        trio.servers[0].freeze()

    trio.backend.run(call_and_freeze)
    trio.wait(lambda: trio.term(1) == 3)
    trio.backend.pass_time(0.05)
    assert eventually(lambda: len(trio.servers[0]._inbox) == 1)
    assert replies == []
    thaw(trio, 0)
    assert trio.backend.run(lambda: list(replies)) == [RequestVoteReply(3, True)]


def test_what_a_frozen_node_cannot_hold_is_lost_the_first_messages_stay(
    trio: Trio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox_module, "MAX_WAITING", 3)
    answered: list[list[int]] = [[], []]
    for order in answered:  # the bound holds after a thaw as well
        freeze(trio, 1)
        for number in range(6):
            trio.servers[0].call(1, ask(number), lambda _, number=number, order=order: order.append(number))
            trio.backend.pass_time(0.02)
        thaw(trio, 1)
        trio.backend.pass_time(0.05)
    assert answered == [[0, 1, 2], [0, 1, 2]]


def test_a_frozen_timer_fires_on_the_thaw(trio: Trio) -> None:
    freeze(trio, 0)
    trio.servers[0].serve()  # a frozen node does not even start
    assert trio.servers[0].cm.deadline == float("inf")
    thaw(trio, 0)
    trio.servers[0].serve()
    freeze(trio, 0)
    trio.backend.pass_time(0.5)
    assert trio.term(0) == 0
    thaw(trio, 0)
    trio.wait(lambda: trio.term(0) >= 1)


# ---- dormant


def test_a_server_that_does_not_serve_yet_answers_and_starts_nothing(trio: Trio) -> None:
    assert trio.servers[0].call(1, ask(3)) == RequestVoteReply(3, True)
    heartbeat = AppendEntriesArgs(3, 0, -1, -1, (), -1)
    assert trio.servers[0].call(1, heartbeat) == AppendEntriesReply(3, True)
    trio.backend.pass_time(0.5)
    assert (trio.term(1), str(trio.servers[1].state)) == (3, "Follower")
    trio.servers[1].serve()
    trio.wait(lambda: trio.term(1) > 3)


# ---- stopped


def test_a_stopped_server_is_silent_and_stays_so(trio: Trio) -> None:
    trio.link(1, 0, delay=(0.1, 0.1))
    trio.servers[0].serve()
    trio.wait(lambda: trio.term(0) == 1)  # it asks for votes; the replies are under way
    trio.servers[0].shutdown()
    held = dict(trio.storage[0]._values)
    for act in (
        lambda: trio.servers[1].call(0, ask(9, 1), ignore),
        lambda: trio.servers[0].call(1, ask(9)),
    ):
        try:
            act()
        except (CallFailed, TimeoutError):
            continue
    trio.backend.pass_time(0.5)
    assert str(trio.servers[0].state) == "Dead"
    assert trio.term(0) == 1
    assert trio.storage[0]._values == held
    assert trio.servers[0].submit("x") == -1
    trio.servers[0].shutdown()


def test_what_waited_in_a_frozen_node_dies_with_it(trio: Trio) -> None:
    freeze(trio, 1)
    trio.servers[0].call(1, RequestVoteArgs(7, 0, -1, -1), ignore)
    trio.backend.pass_time(0.05)
    trio.servers[1].shutdown()
    thaw(trio, 1)
    trio.backend.pass_time(0.05)
    assert trio.term(1) == 0
    assert not trio.storage[1].has_data()
