"""Who may talk to a node over its socket, and what becomes of everyone else: their connection closes, no more."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.amount import several
from support.backends import SOCKET_KINDS, elect, eventually, nothing_left_over, open_files, take_loop
from support.strangers import Client, secret_of
from test_wire import FRAMES, REFUSED, framed, nested

from raftplay import AppendEntriesArgs, CallFailed, Harness, LogEntry, RequestVoteArgs, RequestVoteReply
from raftplay.backends import sockets, wire
from raftplay.raft.messages import CMState

VOTE = wire.Call(1, RequestVoteArgs(99, 1, 99, 99))
APPEND = wire.Call(1, AppendEntriesArgs(99, 1, -1, -1, (LogEntry("forged", 99),), 0))


class Impostor:
    """A listener that a node is told to be its peer's."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(10)
        self.addr: tuple[str, int] = self.listener.getsockname()

    def __enter__(self) -> "Impostor":
        return self

    def __exit__(self, *error: object) -> None:
        self.listener.close()

    def accept(self) -> Client:
        client = Client.__new__(Client)
        client.socket, _ = self.listener.accept()
        client.socket.settimeout(10)
        return client


def terms(h: Harness) -> list[int]:
    return [server.cm.current_term for server in h.cluster]


def goes_on(h: Harness, command: object) -> None:
    """The cluster has a leader and commits."""
    leader, _ = h.check_single_leader()
    assert h.submit_to_server(leader, command) >= 0
    assert h.wait_until(lambda: all(log and log[-1].command == command for log in h.commits))
    h.check_committed_n(command, h.n)


@pytest.fixture(params=SOCKET_KINDS)
def h(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Harness]:
    take_loop(request.param, monkeypatch)
    with nothing_left_over(), Harness(3) as harness:
        elect(harness)  # so the connections of nodes 1 and 2 can be played with and nobody misses them
        yield harness
        goes_on(harness, "after it all")


@pytest.fixture
def target(h: Harness) -> Iterator[tuple[str, int]]:
    """Node 0's address; nothing that strangers say there may change any node's term."""
    before = terms(h)
    yield h.cluster[0].listen_addr
    assert terms(h) == before
    assert "forged" not in [entry.command for server in h.cluster for entry in server.cm.log]


# ---- who may come


def test_nodes_listen_on_the_loopback_address_alone(h: Harness) -> None:
    for server in h.cluster:
        host, port = server.listen_addr
        assert host == "127.0.0.1"
        with pytest.raises(ConnectionRefusedError):  # a listener on all interfaces would answer here too
            socket.create_connection(("127.0.0.2", port), timeout=5)


@pytest.mark.parametrize("frame", [VOTE, APPEND], ids=["vote", "append"])
def test_a_stranger_who_sends_calls_at_once_is_not_heard(target: tuple[str, int], frame: wire.Frame) -> None:
    with Client(target) as stranger:
        assert len(stranger.read(wire.CHALLENGE_BYTES)) == wire.CHALLENGE_BYTES
        stranger.send(wire.encode(frame) * 4)
        assert stranger.is_closed()


@pytest.mark.parametrize("frame", [VOTE, APPEND], ids=["vote", "append"])
def test_a_wrong_secret_opens_nothing(target: tuple[str, int], frame: wire.Frame) -> None:
    with Client(target) as stranger:
        challenge = stranger.read(wire.CHALLENGE_BYTES)
        answer, _ = wire.response(b"?" * wire.SECRET_BYTES, challenge, 1, 0)
        stranger.send(answer + wire.encode(frame))
        assert stranger.is_closed()


def test_a_response_from_another_connection_opens_nothing(h: Harness, target: tuple[str, int]) -> None:
    with Client(target) as peer, Client(target) as stranger:
        answer, _ = wire.response(secret_of(h), peer.read(wire.CHALLENGE_BYTES), 1, 0)
        stranger.read(wire.CHALLENGE_BYTES)
        stranger.send(answer + wire.encode(VOTE))
        assert stranger.is_closed()


def test_a_response_that_was_used_opens_nothing_a_second_time(h: Harness, target: tuple[str, int]) -> None:
    with Client(target) as peer:
        peer.challenge = peer.read(wire.CHALLENGE_BYTES)
        answer, _ = wire.response(secret_of(h), peer.challenge, 1, 0)
        peer.send(answer)
        assert len(peer.read(wire.PROOF_BYTES)) == wire.PROOF_BYTES
        with Client(target) as stranger:
            stranger.read(wire.CHALLENGE_BYTES)
            stranger.send(answer + wire.encode(VOTE))
            assert stranger.is_closed()


@pytest.mark.usefixtures("target")
def test_what_a_node_itself_says_can_not_be_turned_against_it(h: Harness) -> None:
    """A stranger lets a node dial it, hands on the challenge of another, and carries the answer there."""
    with Impostor() as impostor, Client(h.cluster[0].listen_addr) as stranger:
        challenge = stranger.read(wire.CHALLENGE_BYTES)
        h.cluster[1].connect_to_peer(2, impostor.addr)
        with impostor.accept() as dialer:
            dialer.send(challenge)
            answer = dialer.read(wire.RESPONSE_BYTES)  # meant for node 2
            assert len(answer) == wire.RESPONSE_BYTES
            dialer.send(answer[-wire.PROOF_BYTES :])  # its own proof, reflected
            assert dialer.is_closed()
        stranger.send(answer + wire.encode(VOTE))
        assert stranger.is_closed()
        h.cluster[1].connect_to_peer(2, h.cluster[2].listen_addr)


@pytest.mark.usefixtures("target")
def test_an_impostor_who_listens_hears_no_call(h: Harness) -> None:
    with Impostor() as impostor:
        h.cluster[1].connect_to_peer(2, impostor.addr)
        h.cluster[1].call(2, RequestVoteArgs(0, 1, -1, -1), lambda _: None)
        with impostor.accept() as dialer:
            dialer.send(wire.MAGIC + wire.new_nonce())
            assert len(dialer.read(wire.RESPONSE_BYTES)) == wire.RESPONSE_BYTES
            dialer.send(wire.new_nonce())
            assert dialer.is_closed()
        with impostor.accept() as dialer:  # it is tried again, in vain
            dialer.send(b"HTTP/1.1 200 OK\r\n" + bytes(100))
            assert dialer.is_closed()
        h.cluster[1].connect_to_peer(2, h.cluster[2].listen_addr)


@pytest.mark.parametrize("me", [0, 3, 7, 0xFFFF])
def test_only_peers_may_come_even_with_the_secret(h: Harness, target: tuple[str, int], me: int) -> None:
    with Client(target) as stranger:
        assert not stranger.prove(secret_of(h), me, 0)
        assert stranger.is_closed()


def test_a_proof_for_one_node_opens_no_other(h: Harness, target: tuple[str, int]) -> None:
    with Client(target) as stranger:
        assert not stranger.prove(secret_of(h), 1, 2)


# ---- what proven peers may say


def test_a_proven_peer_is_heard(h: Harness, target: tuple[str, int]) -> None:
    with Client(target) as peer:
        assert peer.prove(secret_of(h), 1, 0)
        peer.send(wire.encode(wire.Call(7, RequestVoteArgs(0, 1, -1, -1))))
        assert peer.reply() == wire.Answered(7, RequestVoteReply(terms(h)[0], False))


@pytest.mark.parametrize("frame", [VOTE, APPEND], ids=["vote", "append"])
def test_no_node_speaks_in_the_name_of_another(h: Harness, target: tuple[str, int], frame: wire.Frame) -> None:
    with Client(target) as peer:
        assert peer.prove(secret_of(h), 2, 0)  # the frames say that they are of node 1
        peer.send(wire.encode(frame))
        assert peer.is_closed()


def test_a_reply_does_not_come_over_a_connection_for_calls(h: Harness, target: tuple[str, int]) -> None:
    with Client(target) as peer:
        assert peer.prove(secret_of(h), 1, 0)
        peer.send(wire.encode(wire.Answered(1, RequestVoteReply(99, True))))
        assert peer.is_closed()


@pytest.mark.usefixtures("target")
def test_a_call_does_not_come_over_a_connection_for_replies(h: Harness) -> None:
    with Impostor() as impostor:
        h.cluster[1].connect_to_peer(2, impostor.addr)
        with impostor.accept() as dialer:
            challenge = wire.MAGIC + wire.new_nonce()
            dialer.send(challenge)
            checked = wire.check_response(secret_of(h), challenge, dialer.read(wire.RESPONSE_BYTES), 2)
            assert checked is not None
            dialer.send(checked[1] + wire.encode(VOTE))
            assert dialer.is_closed()
        h.cluster[1].connect_to_peer(2, h.cluster[2].listen_addr)


BAD_FRAMES = {
    **{what: framed(body) for what, body in REFUSED.items()},
    "too long": (wire.MAX_FRAME_BYTES + 1).to_bytes(4, "big"),
    "much too long": b"\xff\xff\xff\xff" + b"x" * 100,
    "nested too deeply": framed(nested(400)),
    "nested much too deeply": framed(nested(500_000)),
}


@pytest.mark.parametrize("what", BAD_FRAMES)
def test_a_bad_frame_closes_its_connection_and_nothing_else(what: str) -> None:
    with nothing_left_over(), Harness(3) as h:
        elect(h)
        before = terms(h)
        with Client(h.cluster[0].listen_addr) as bad, Client(h.cluster[0].listen_addr) as good:
            assert bad.prove(secret_of(h), 1, 0)
            assert good.prove(secret_of(h), 1, 0)
            bad.send(BAD_FRAMES[what])
            assert bad.is_closed()
            good.send(wire.encode(wire.Call(7, RequestVoteArgs(0, 1, -1, -1))))
            assert isinstance(good.reply(), wire.Answered)
        goes_on(h, what)
        assert terms(h) == before


@pytest.mark.parametrize("length", [0, 1, 3, 4, 20])
def test_a_frame_that_never_ends_is_waited_for_and_harms_nobody(
    h: Harness, target: tuple[str, int], length: int
) -> None:
    with Client(target) as peer:
        assert peer.prove(secret_of(h), 1, 0)
        peer.send(wire.encode(VOTE)[:length])
        goes_on(h, length)


# ---- many, and slow ones


def test_whoever_does_not_prove_itself_in_time_is_closed(
    target: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "HANDSHAKE_LIMIT", 0.1)
    with Client(target) as silent, Client(target) as slow:
        slow.read(wire.CHALLENGE_BYTES)
        slow.send(b"\x00\x01")  # and so on, a byte now and then
        silent.read(wire.CHALLENGE_BYTES)
        assert slow.is_closed()
        assert silent.is_closed()


def test_a_proven_peer_may_be_silent_for_longer(
    h: Harness, target: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "HANDSHAKE_LIMIT", 0.1)
    with Client(target) as peer:
        assert peer.prove(secret_of(h), 1, 0)
        h.sleep_ms(300)
        peer.send(wire.encode(wire.Call(7, RequestVoteArgs(0, 1, -1, -1))))
        assert isinstance(peer.reply(), wire.Answered)


def unproven(h: Harness, id: int) -> int:
    return len(h.cluster[id]._endpoint._strangers)  # type: ignore[attr-defined]


def test_idle_strangers_are_bounded_and_do_not_keep_peers_out(h: Harness) -> None:
    with contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(Client(h.cluster[0].listen_addr)) for _ in range(3 * sockets.MAX_STRANGERS)]
        assert eventually(lambda: unproven(h, 0) == sockets.MAX_STRANGERS)
        for id in (0, 1, 2):  # every connection is dialed anew while they sit there
            h.disconnect_peer(id)
            h.reconnect_peer(id)
        goes_on(h, "in a crowd")
        assert unproven(h, 0) <= sockets.MAX_STRANGERS
        assert crowd[0].read(wire.CHALLENGE_BYTES + 1)[: len(wire.MAGIC)] in (wire.MAGIC, b"")
        assert crowd[0].is_closed()  # the oldest had to go
    assert eventually(lambda: unproven(h, 0) == 0)


def test_strangers_who_keep_coming_do_not_keep_peers_out(h: Harness) -> None:
    over = threading.Event()

    def crowd() -> None:
        waiting: list[socket.socket] = []
        while not over.is_set():
            with contextlib.suppress(OSError):
                waiting.append(socket.create_connection(h.cluster[0].listen_addr, timeout=5))
            if len(waiting) > 100:
                waiting.pop(0).close()
            over.wait(0.001)
        for one in waiting:
            one.close()

    thread = threading.Thread(target=crowd)
    thread.start()
    try:
        assert eventually(lambda: unproven(h, 0) == sockets.MAX_STRANGERS)
        for round in range(3):
            h.crash_peer(0)
            h.restart_peer(0)
            goes_on(h, round)
    finally:
        over.set()
        thread.join()


def test_strangers_come_and_go_at_any_point_of_the_handshake(h: Harness, target: tuple[str, int]) -> None:
    for length in range(0, wire.RESPONSE_BYTES + 1, 3):
        with Client(target) as stranger:
            answer, _ = wire.response(secret_of(h), stranger.read(wire.CHALLENGE_BYTES), 1, 0)
            stranger.send(answer[:length])
    for _ in range(20):
        with Client(target) as rude:  # closes with a reset, not with an end
            rude.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    assert eventually(lambda: unproven(h, 0) == 0)


def test_a_connection_that_broke_fails_calls_until_it_stands_again(h: Harness) -> None:
    before = terms(h)

    def break_it() -> None:
        endpoint = h.cluster[1]._endpoint
        endpoint._dialed[2].abort()  # type: ignore[attr-defined]

    def call() -> bool:
        with contextlib.suppress(CallFailed):
            return h.cluster[1].call(2, RequestVoteArgs(0, 1, -1, -1), lambda _: None) is None
        return False

    h._backend.run(break_it)
    assert not call()
    assert h.cluster[1].is_connected_to(2)
    assert eventually(call)
    assert h.cluster[1].call(2, RequestVoteArgs(0, 1, -1, -1)) == RequestVoteReply(before[0], False)
    assert terms(h) == before


# ---- anything at all

junk = st.one_of(
    st.binary(max_size=200),
    st.binary(max_size=200).map(framed),
    st.sampled_from(sorted(BAD_FRAMES.values(), key=len)[:-4]),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["call", "RequestVote"]),
        lambda inner: st.lists(inner, max_size=6),
        max_leaves=8,
    ).map(lambda value: framed(msgspec.json.encode(value))),
    st.tuples(st.sampled_from(FRAMES), st.integers(0, 200), st.integers(0, 255)).map(
        lambda drawn: framed(_damaged(msgspec.json.encode(drawn[0]), drawn[1], drawn[2]))
    ),
)


def _damaged(body: bytes, at: int, byte: int) -> bytes:
    at %= len(body)
    return body[:at] + bytes((byte,)) + body[at + 1 :]


def _is_valid(data: bytes) -> bool:
    try:
        return bool(wire.FrameReader().feed(data))
    except wire.BadFrame:
        return False


def test_whatever_bytes_come_the_node_goes_on() -> None:
    with nothing_left_over(), Harness(3) as h:
        elect(h)
        before = terms(h)
        target, secret = h.cluster[0].listen_addr, secret_of(h)
        files, threads = open_files(), set(threading.enumerate())
        sent = [0]
        clients: list[Client] = []

        def proven() -> Client:
            if not clients:
                clients.append(Client(target))
                assert clients[0].prove(secret, 1, 0)
            return clients[0]

        @settings(max_examples=several(2000), derandomize=True, database=None)
        @given(junk, st.booleans())
        def send(data: bytes, proves: bool) -> None:
            sent[0] += 1
            if not proves:
                with Client(target) as stranger:
                    stranger.send(data)
            elif not _is_valid(data):  # what is valid is not junk
                client = proven()
                client.send(data)
                client.send(b"\xff\xff\xff\xff")  # no frame can go on like this, unless a long one has begun
                with contextlib.suppress(OSError):  # the node may have closed already
                    client.socket.shutdown(socket.SHUT_WR)
                assert client.is_closed()
                clients.pop().socket.close()

        send()
        assert sent[0] >= several(2000)
        for client in clients:
            client.socket.close()
        goes_on(h, "after it all")
        assert terms(h) == before
        assert all(server.cm.state is not CMState.DEAD for server in h.cluster)
        assert eventually(lambda: open_files() <= files)
        assert set(threading.enumerate()) == threads
