"""Reads by index and by lease, as clients see them, on both backends (thesis §6.4, thesis §6.4.1)."""

import pytest

from raftplay import Config, Harness, RaftConfig
from raftplay.kv.clients import ClientOptions
from raftplay.kv.commands import Get

RAFT = RaftConfig(0.3, 0.6, checkquorum=True, sticky=True)


@pytest.mark.parametrize("backend", ["sim", "tcp"])
@pytest.mark.parametrize("reads", ["index", "lease"])
def test_no_read_is_too_old_whoever_is_asked_and_whoever_was_replaced(backend: str, reads: str) -> None:
    config = Config(RAFT, clients=ClientOptions(reads=reads))
    with Harness(3, backend=backend, seed=5, config=config) as h:
        assert h.wait_until(lambda: any(server.is_leader() for server in h.cluster), 10.0)
        client = h.client("a")
        assert client.put("x", 1).outcome == "ok"
        assert [client.get("x", to=node).value for node in range(3)] == [1] * 3
        (old,) = (server.id for server in h.cluster if server.is_leader())
        h.disconnect_peer(old)
        told = client.get("x", to=old)
        assert told.outcome == "refused" or told.value == 1  # its lease may hold for a moment
        assert client.put("x", 2).outcome == "ok"
        told = client.get("x", to=old)
        assert (told.outcome, told.value) == ("refused", None)
        assert client.get("x").value == 2
        h.reconnect_peer(old)
        assert h.clients.verdict().outcome == "linearizable"


def test_the_options_of_clients_change_while_the_cluster_runs() -> None:
    with Harness(3, backend="sim", seed=5, config=Config(RAFT)) as h:
        client = h.client("a")
        client.put("x", 1)
        last = h.snapshot().nodes[0].last_index
        h.set_client_options(ClientOptions(reads="lease"))
        assert h.config.raft.lease
        h.sleep_ms(500)
        began = h.now
        assert client.get("x").value == 1
        assert (h.now, h.snapshot().nodes[0].last_index) == (began, last)
        h.set_client_options(ClientOptions())
        assert not h.config.raft.lease
        assert client.get("x").value == 1
        assert h.snapshot().nodes[0].last_index > last


def test_a_late_answer_of_a_node_that_was_asked_before_changes_nothing() -> None:
    """A paused node keeps the read, its client asks another, and the first one answers after all."""
    with Harness(3, backend="sim", seed=5, config=Config(RAFT, clients=ClientOptions(reads="index"))) as h:
        client = h.client("a")
        client.put("x", 1)
        leader, _ = h.check_single_leader()
        follower = h.clients._leader = (leader + 1) % 3
        h.freeze_peer(follower)
        read = h.begin("b", Get("x"))
        assert h.wait_until(lambda: read.is_over, 3.0)
        assert (read.ending, read.result.value if read.result else None) == ("ok", 1)
        client.put("x", 2)
        h.thaw_peer(follower)
        h.sleep_ms(500)
        assert read.result is not None
        assert read.result.value == 1
        assert h.clients.verdict().outcome == "linearizable"
