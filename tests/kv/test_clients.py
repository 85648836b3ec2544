"""Clients of the store in clusters: what they are told, through every fault, is linearizable."""

import random
from collections import Counter
from itertools import count
from typing import Any

import pytest
from support.amount import several

from raftplay import Config, Harness, RaftConfig, UsageError
from raftplay.cluster.client import OperationEnd
from raftplay.kv.clients import ClientOptions, Clients, OperationCall
from raftplay.kv.commands import Append, Cas, Get, KeyRequest, Put


@pytest.mark.parametrize("backend", ["sim", "tcp"])
def test_a_client_gets_what_it_put_through_a_crash_of_the_leader(backend: str) -> None:
    with Harness(3, backend=backend, seed=1) as h:
        a, b = h.client("a"), h.client("b")
        assert a.put("x", 1) == OperationEnd("ok")
        assert b.get("x") == OperationEnd("ok", 1, True)
        assert b.cas("x", 1, [2]) == OperationEnd("ok", 1, True)
        assert a.cas("x", 1, 3) == OperationEnd("no", [2], True)
        assert a.append("x", {"k": None}) == OperationEnd("ok", [2], True)
        h.crash_peer(next(id for id in range(3) if h.cluster[id].is_leader()))
        assert b.get("x") == OperationEnd("ok", [2, {"k": None}], True)
        assert h.clients.verdict().outcome == "linearizable"


def test_a_request_that_may_be_done_is_unknown_and_one_that_was_not_is_refused() -> None:
    with Harness(3, backend="sim", seed=1) as h:
        a = h.client("a")
        a.put("x", 1)
        leader = next(id for id in range(3) if h.cluster[id].is_leader())
        others = [id for id in range(3) if id != leader]
        assert a.put("x", 2, to=others[0]) == OperationEnd("refused", why=f"node {others[0]} does not lead")
        h.disconnect_peer(leader)
        assert a.put("x", 3, to=leader) == OperationEnd("unknown", why="no answer within 2 s")
        assert a.get("x") == OperationEnd("ok", 1, True)
        for id in others:
            h.crash_peer(id)
        h.crash_peer(leader)
        assert a.put("x", 4, to=leader) == OperationEnd("refused", why=f"node {leader} is down")
        assert a.put("x", 4) == OperationEnd("refused", why="no node put it into a log")
        assert [operation.kind for operation in h.clients.history()] == ["put", "put", "get"]


@pytest.mark.parametrize("reads", ["log", "index", "lease", "local"])
def test_a_client_that_has_its_answer_leaves_no_timer_behind(reads: str) -> None:
    """Else the timers of thousands of calls that are long over would fall due one after another, for nothing."""
    raft = RaftConfig(checkquorum=True, sticky=True)
    with Harness(3, backend="sim", seed=1, config=Config(raft=raft, clients=ClientOptions(reads=reads))) as h:
        a = h.client("a")
        assert a.put("x", 1) == OperationEnd("ok")
        before = len(h._backend._timers)
        for _ in range(200):
            assert a.get("x") == OperationEnd("ok", 1, True)
        assert len(h._backend._timers) < before + 20


def test_wrong_keys_and_values_and_paused_time_are_refused() -> None:
    with Harness(3, backend="sim", seed=1) as h:
        a = h.client()
        for key in ("", "k" * 201, 3):
            with pytest.raises(UsageError, match="a key is a text of 1 to 200 characters"):
                a.get(key)  # type: ignore[arg-type]
        with pytest.raises(UsageError):
            a.put("x", object())
        with pytest.raises(UsageError, match="there is no node 3"):
            a.get("x", to=3)
        h.pause()
        with pytest.raises(UsageError, match="time is paused"):
            a.get("x")
        h.resume()
        assert h.clients.calls == []
        assert a.get("x").outcome == "ok"


def test_a_local_read_at_a_leader_that_was_cut_off_is_too_old_and_is_found_out() -> None:
    config = Config(clients=ClientOptions(reads="local"))
    with Harness(3, backend="sim", seed=1, config=config) as h:
        a, b = h.client("a"), h.client("b")
        a.put("x", 1)
        h.wait_until(lambda: all(len(commits) == 2 for commits in h.commits))
        leader = next(id for id in range(3) if h.cluster[id].is_leader())
        h.disconnect_peer(leader)
        a.put("x", 2)
        assert b.get("x", to=leader) == OperationEnd("ok", 1, True)
        assert h.clients.verdict().outcome == "violated"
        h.crash_peer(leader)
        assert b.get("x", to=leader) == OperationEnd("refused", why=f"node {leader} is down")
        assert b.get("x").value in (1, 2)
        h.freeze_peer((leader + 1) % 3)
        assert b.get("x", to=(leader + 1) % 3).outcome == "refused"


@pytest.mark.parametrize("wrong", [{"reads": "quorum"}, {"sessions": 1}])
def test_options_of_clients_are_checked(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="must be"):
        ClientOptions(**wrong)


class Load:
    """Random requests of four clients on two keys, among random faults of a cluster in virtual time."""

    def __init__(self, h: Harness, seed: int) -> None:
        self.h, self.rng, self.numbers = h, random.Random(seed), count()
        self.under_way: dict[str, OperationCall] = {}

    def request(self) -> KeyRequest:
        key, rng = self.rng.choice("xy"), self.rng
        value = str(next(self.numbers))
        return rng.choice(
            [Get(key), Get(key), Put(key, value=value), Append(key, value=f"+{value}"),
             Cas(key, expected=str(rng.randrange(20)), value=value)]
        )  # fmt: skip

    def run(self, seconds: float) -> None:
        h, rng = self.h, self.rng
        end = h.now + seconds
        while h.now < end:
            for name in "abcd":
                if name not in self.under_way or self.under_way[name].is_over:
                    self.under_way[name] = h.begin(name, self.request())
            if rng.random() < 0.1:
                self.fault()
            h.sleep_ms(rng.choice((5, 20, 60)))

    def fault(self) -> None:
        h, rng = self.h, self.rng
        id = rng.randrange(h.n)
        if not h.alive[id]:
            h.restart_peer(id)
            return
        match rng.randrange(6):
            case 0 if sum(h.alive) > 3:
                h.crash_peer(id)
            case 1:
                h.disconnect_peer(id)
            case 2:
                h.freeze_peer(id)
            case 3:
                h.partition(rng.sample(range(h.n), 2))
            case _:
                h.heal()
                for other in range(h.n):
                    if h.alive[other]:
                        h.thaw_peer(other)
                        h.reconnect_peer(other)


@pytest.mark.parametrize("seed", range(several(25)))
def test_what_clients_are_told_is_linearizable_through_every_fault(seed: int) -> None:
    with Harness(5, backend="sim", seed=seed) as h:
        Load(h, seed).run(6.0)
        verdict = h.clients.verdict()
        endings = Counter(call.ending for call in h.clients.calls)
        assert verdict.outcome == "linearizable"
        assert endings["ok"] > 20


def test_without_sessions_a_request_that_is_tried_again_may_be_done_twice() -> None:
    def outcome(sessions: bool) -> set[str]:
        found = set()
        for seed in range(40):
            with Harness(5, backend="sim", seed=seed) as h:
                h.clients.options = ClientOptions(sessions)
                Load(h, seed).run(3.0)
                found.add(h.clients.verdict().outcome)
            if len(found) > 1:
                break
        return found

    assert outcome(sessions=False) == {"linearizable", "violated"}


def test_a_session_that_expired_leaves_what_it_asked_unknown() -> None:
    with Harness(3, backend="sim", seed=2) as h:
        a = h.client("a")
        a.put("x", 1)
        h.sleep_ms(200)  # now every store has applied it
        for server in h.cluster:
            machine = server.machine
            machine.sessions.clear()  # type: ignore[union-attr]
        assert a.put("x", 2) == OperationEnd("unknown", why="its session has expired")
        assert a.put("x", 3).outcome == "ok"  # with a new session
        assert isinstance(h.clients, Clients)
