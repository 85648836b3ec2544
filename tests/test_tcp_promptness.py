"""Over real sockets, what leaves a node is on its way at once."""

import socket
from collections.abc import Iterator

import pytest
from backends_support import SOCKET_KINDS, elect, nothing_left_over, take_loop

from raftplay import Harness


@pytest.fixture(params=SOCKET_KINDS, autouse=True)
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    take_loop(request.param, monkeypatch)
    with nothing_left_over():
        yield request.param


def test_no_byte_waits_for_the_one_before_it_to_be_acknowledged() -> None:
    with Harness(3) as h:
        elect(h)
        ends = [end for server in h.cluster for end in server._endpoint.connections]
        assert len(ends) == 12  # one to each peer, one from each, at three nodes
        sockets = [end.transport.get_extra_info("socket") for end in ends]
        assert all(one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for one in sockets)
