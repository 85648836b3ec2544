"""The scenarios of the key-value service of the Go reference (its parts 4 and 5), by their names in snake_case."""

import random
from collections.abc import Iterator

import pytest

from raftplay import Harness
from raftplay.cluster.client import Client, OperationEnd
from raftplay.kv.clients import OperationCall
from raftplay.kv.commands import Append, Cas, Get, KeyRequest, Put

BACKENDS = ("sim", "tcp")


@pytest.fixture(params=BACKENDS)
def h(request: pytest.FixtureRequest) -> Iterator[Harness]:
    """A cluster of three nodes; at the end what all clients were told must have an order."""
    with Harness(3, backend=request.param, seed=11) as harness:
        yield harness
        assert harness.clients.verdict().outcome == "linearizable"


def leader_of(h: Harness) -> int:
    """Wait for one leader that is connected, and return it."""
    found: list[int] = []

    def one_leads() -> bool:
        found[:] = [id for id in range(h.n) if h.connected[id] and h.alive[id] and h.cluster[id].is_leader()]
        return len(found) == 1

    h.check_until(one_leads)
    return found[0]


def new_client(h: Harness) -> Client:
    return h.client(f"client{len(h.clients.calls)}")


def check_get(client: Client, key: str, value: str, to: int | None = None) -> None:
    assert client.get(key, to=to) == OperationEnd("ok", value, True)


def put_some(h: Harness, count: int) -> None:
    for number in range(count):
        assert new_client(h).put(f"key{number}", f"value{number}") == OperationEnd("ok")


def check_some(h: Harness, count: int) -> None:
    for number in range(count):
        check_get(new_client(h), f"key{number}", f"value{number}")


def finished(h: Harness, requests: dict[str, KeyRequest]) -> list[OperationCall]:
    """Make one request of each client at the same time, and wait for all of them."""
    calls = [h.begin(client, request) for client, request in requests.items()]
    h.check_until(lambda: all(call.is_over for call in calls))
    return calls


def test_client_request_before_consensus(h: Harness) -> None:
    assert new_client(h).put("llave", "cosa") == OperationEnd("ok")


def test_basic_put_get_single_client(h: Harness) -> None:
    leader_of(h)
    client = new_client(h)
    client.put("llave", "cosa")
    check_get(client, "llave", "cosa")


def test_put_prev_value(h: Harness) -> None:
    leader_of(h)
    client = new_client(h)
    assert client.put("llave", "cosa") == OperationEnd("ok")
    assert client.put("llave", "frodo") == OperationEnd("ok", "cosa", True)
    assert client.put("mafteah", "davar") == OperationEnd("ok")


@pytest.mark.parametrize("same", [True, False])
def test_basic_append(h: Harness, same: bool) -> None:
    """`TestBasicAppendSameClient` and `TestBasicAppendDifferentClients`."""
    leader_of(h)
    one = new_client(h)
    one.put("foo", "bar")
    other = one if same else new_client(h)
    assert other.append("foo", "baz") == OperationEnd("ok", "bar", True)
    check_get(one, "foo", "barbaz")
    assert other.append("mix", "match") == OperationEnd("ok")
    check_get(one, "mix", "match")


def test_basic_put_get_different_clients(h: Harness) -> None:
    leader_of(h)
    new_client(h).put("k", "v")
    check_get(new_client(h), "k", "v")


def test_cas_basic(h: Harness) -> None:
    leader_of(h)
    client = new_client(h)
    client.put("k", "v")
    assert client.cas("k", "v", "newv") == OperationEnd("ok", "v", True)
    check_get(client, "k", "newv")


def test_cas_concurrent(h: Harness) -> None:
    leader_of(h)
    client = new_client(h)
    client.put("foo", "mexico")
    guesses = [h.begin("guesser", Cas("foo", expected="bar", value="bomba")) for _ in range(20)]
    h.check_until(lambda: guesses[2].is_over)
    client.put("foo", "bar")
    h.check_until(lambda: all(guess.is_over for guess in guesses))
    assert {guess.ending for guess in guesses} == {"ok", "no"}
    check_get(client, "foo", "bomba")


@pytest.mark.parametrize(("nodes", "backend"), [(nodes, backend) for nodes in (3, 5) for backend in BACKENDS])
def test_concurrent_clients_puts_and_gets(nodes: int, backend: str) -> None:
    """`TestConcurrentClientsPutsAndGets` and `Test5ServerConcurrentClientsPutsAndGets`."""
    with Harness(nodes, backend=backend, seed=11) as h:
        leader_of(h)
        puts = finished(h, {f"p{n}": Put(f"key{n}", value=f"value{n}") for n in range(9)})
        assert all(call.ending == "ok" and call.result is not None and not call.result.found for call in puts)
        gets = finished(h, {f"g{n}": Get(f"key{n}") for n in range(9)})
        assert [call.result and call.result.value for call in gets] == [f"value{n}" for n in range(9)]
        assert h.clients.verdict().outcome == "linearizable"


def test_disconnect_leader_after_puts(h: Harness) -> None:
    old = leader_of(h)
    put_some(h, 4)
    h.disconnect_peer(old)
    assert leader_of(h) != old
    assert new_client(h).get("key1", to=old).outcome in ("unknown", "refused")
    check_some(h, 4)
    h.reconnect_peer(old)
    check_some(h, 4)


def test_disconnect_leader_and_follower(h: Harness) -> None:
    old = leader_of(h)
    put_some(h, 4)
    other = (old + 1) % 3
    h.disconnect_peer(old)
    h.disconnect_peer(other)
    assert new_client(h).get("key0").outcome in ("unknown", "refused")
    h.reconnect_peer(other)
    leader_of(h)
    check_some(h, 4)
    h.reconnect_peer(old)
    check_some(h, 4)


def test_crash_follower(h: Harness) -> None:
    leader = leader_of(h)
    put_some(h, 3)
    h.crash_peer((leader + 1) % 3)
    for number in range(3):
        check_get(new_client(h), f"key{number}", f"value{number}", to=leader)
    check_some(h, 3)


def test_crash_leader(h: Harness) -> None:
    old = leader_of(h)
    put_some(h, 3)
    h.crash_peer(old)
    leader_of(h)
    check_some(h, 3)


def test_crash_then_restart_leader(h: Harness) -> None:
    old = leader_of(h)
    put_some(h, 3)
    h.crash_peer(old)
    leader_of(h)
    check_some(h, 3)
    h.restart_peer(old)
    for seed in range(3):
        for number in random.Random(seed).sample(range(3), 3):
            check_get(new_client(h), f"key{number}", f"value{number}")


def test_append_linearizable_after_delay(h: Harness) -> None:
    """The answer comes too late, so the client asks again: the request is in the log twice, and done once."""
    leader = leader_of(h)
    client = new_client(h)
    client.put("foo", "bar")
    client.append("foo", "baz")
    for id in range(3):
        if id != leader:
            h.cut(id, leader)
    call = h.begin(client.name, Append("foo", value="mira"))
    h.check_until(lambda: call.tried >= 2)
    h.heal()
    h.check_until(lambda: call.is_over)
    assert call.ending == "ok"
    check_get(new_client(h), "foo", "barbazmira")


def test_append_linearizable_after_crash(h: Harness) -> None:
    """The leader crashes before it answers: the client asks the next one, and the request is done once."""
    leader = leader_of(h)
    client = new_client(h)
    client.append("foo", "bar")
    h.freeze_peer(leader)
    call = h.begin(client.name, Append("foo", value="mira"))
    h.sleep_ms(50)
    h.crash_peer(leader)
    h.check_until(lambda: call.is_over)
    assert call.ending == "ok"
    check_get(new_client(h), "foo", "barmira")
