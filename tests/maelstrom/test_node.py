"""Nodes under a network as Maelstrom's, in virtual time: elections, its workload lin-kv, and wrong messages."""

import heapq
import itertools
import math
import random
from collections.abc import Callable
from typing import Any

import pytest
from support.amount import several

from raftplay.linearizability.operations import ClientAnswer, Operation
from raftplay.linearizability.readers import json_text
from raftplay.linearizability.search import check
from raftplay.maelstrom.node import MaelstromNode
from raftplay.raft.storage import MapStorage

Lost = Callable[[str, str], bool]


class Net:
    """A network of nodes: each message takes 1 to `slowest` seconds/1000, unless `lost` says that it is lost."""

    def __init__(self, count: int, seed: int, lost: Lost = lambda *_: False) -> None:
        self.rng = random.Random(seed)
        self.lost = lost
        self.now = 0.0
        self.queue: list[tuple[float, int, str, dict[str, Any]]] = []
        self.numbers = itertools.count()
        self.disks = {f"n{id}": MapStorage() for id in range(1, count + 1)}
        self.nodes: dict[str, MaelstromNode] = {}
        self.replies: dict[str, list[dict[str, Any]]] = {}
        for name in self.disks:
            self.start(name)

    def start(self, name: str) -> None:
        """Start a node over its disk, as Maelstrom does after it killed it."""
        self.nodes[name] = MaelstromNode(storages=self.disks.__getitem__, seed=self.rng.randrange(1 << 30))
        init = {"type": "init", "msg_id": 1, "node_id": name, "node_ids": list(self.disks)}
        self.send(self.nodes[name].handle({"src": "c0", "dest": name, "body": init}, self.now))

    def send(self, messages: list[dict[str, Any]]) -> None:
        for message in messages:
            if not self.lost(message["src"], message["dest"]):
                at = self.now + self.rng.uniform(0.001, 0.02)
                heapq.heappush(self.queue, (at, next(self.numbers), message["dest"], message))

    def run(self, until: float) -> None:
        while True:
            wakes = {name: node.deadline for name, node in self.nodes.items()}
            name = min(wakes, key=wakes.__getitem__)
            arrival = self.queue[0][0] if self.queue else math.inf
            at = min(arrival, wakes[name])
            if at > until:
                self.now = until
                return
            self.now = max(self.now, at)
            if arrival <= wakes[name]:
                _, _, dest, message = heapq.heappop(self.queue)
                if dest in self.nodes:
                    self.send(self.nodes[dest].handle(message, self.now))
                else:
                    self.replies.setdefault(dest, []).append(message["body"])
            else:
                self.send(self.nodes[name].wake(self.now))

    def ask(self, client: str, dest: str, **body: Any) -> int:
        number = next(self.numbers)
        self.send([{"src": client, "dest": dest, "body": {**body, "msg_id": number}}])
        return number

    def answer(self, client: str, number: int) -> dict[str, Any] | None:
        found = [body for body in self.replies.get(client, []) if body.get("in_reply_to") == number]
        assert len(found) <= 1
        return found[0] if found else None


@pytest.mark.parametrize("node", ["n1", "n2", "n3"])
def test_every_node_answers_reads_writes_and_cas(node: str) -> None:
    net = Net(3, 1)
    net.run(2.0)
    asked: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"type": "read", "key": 1}, {"type": "error", "code": 20}),
        ({"type": "cas", "key": 1, "from": 1, "to": 2}, {"type": "error", "code": 20}),
        ({"type": "write", "key": 1, "value": 3}, {"type": "write_ok"}),
        ({"type": "cas", "key": 1, "from": 4, "to": 5}, {"type": "error", "code": 22}),
        ({"type": "cas", "key": 1, "from": 3, "to": 5}, {"type": "cas_ok"}),
        ({"type": "read", "key": 1}, {"type": "read_ok", "value": 5}),
        ({"type": "read", "key": "1"}, {"type": "error", "code": 20}),
        ({"type": "echo"}, {"type": "error", "code": 10}),
        ({"type": "write", "key": 1}, {"type": "error", "code": 12}),
    ]
    for body, expected in asked:
        number = net.ask("c1", node, **body)
        net.run(net.now + 0.5)
        answer = net.answer("c1", number)
        assert answer is not None, body
        assert expected.items() <= answer.items(), answer


def test_a_request_before_the_first_election_waits_for_the_leader() -> None:
    net = Net(3, 2)
    number = net.ask("c1", "n1", type="write", key=1, value=1)
    net.run(2.0)
    assert net.answer("c1", number) == {
        "type": "write_ok",
        "in_reply_to": number,
        "msg_id": pytest.approx(0, abs=1e9),
    }


def test_a_request_without_a_majority_is_not_answered_as_if_it_had_failed() -> None:
    net = Net(3, 3)
    net.run(2.0)
    leader = next(name for name, node in net.nodes.items() if node.cm is not None and node.cm.report().is_leader)
    net.lost = lambda src, dest: (src == leader) != (dest == leader) and not (src + dest).count("c")
    number = net.ask("c1", leader, type="write", key=1, value=1)
    net.run(6.0)
    assert net.answer("c1", number) is None  # it leads on, cut off: nobody knows
    net.lost = lambda *_: False
    net.run(9.0)
    answer = net.answer("c1", number)
    assert answer is not None
    assert answer["code"] == 13
    other = net.ask("c1", leader, type="read", key=1)
    net.run(11.0)
    read = net.answer("c1", other)
    assert read is not None
    assert read["code"] == 20  # its entry was replaced


@pytest.mark.parametrize("seed", range(several(12)))
def test_what_clients_see_is_linearizable_through_partitions_and_kills(seed: int) -> None:
    rng = random.Random(seed)
    parts: list[set[str]] = [set()]
    net = Net(5, seed, lambda src, dest: src[0] == dest[0] == "n" and (src in parts[0]) != (dest in parts[0]))
    net.run(1.5)
    history: list[Operation] = []
    under_way: dict[str, tuple[int, Operation, float]] = {}
    end, next_fault, down = net.now + 20, net.now + 1, ""
    while net.now < end:
        for client in [c for c in under_way if net.answer(c, under_way[c][0]) or net.now > under_way[c][2] + 1]:
            number, operation, _ = under_way.pop(client)
            history += _ended(operation, net.answer(client, number), net.now)
        for client in map(str, range(4)):
            if f"c{client}" not in under_way and rng.random() < 0.3:
                under_way[f"c{client}"] = _begin(net, rng, f"c{client}")
        if net.now > next_fault:
            next_fault = net.now + rng.uniform(0.5, 2)
            parts[0] = set(rng.sample(list(net.disks), 2)) if rng.random() < 0.6 else set()
            if rng.random() < 0.5:
                down = rng.choice(list(net.disks))
                net.queue = [item for item in net.queue if item[2] != down]
                heapq.heapify(net.queue)
                net.start(down)
        net.run(net.now + 0.01)
    history += [operation for _, operation, _ in under_way.values()]
    verdict = check(history)
    assert verdict.outcome == "linearizable"
    assert sum(o.is_known for o in history) > 50
    assert any(o.kind == "get" and o.answer and o.answer.value is not None for o in history)


def _begin(net: Net, rng: random.Random, client: str) -> tuple[int, Operation, float]:
    kind = rng.choice(("get", "put", "cas"))
    key, value, expected = rng.randrange(2), rng.randrange(5), rng.randrange(5)
    body = {
        "get": {"type": "read", "key": key},
        "put": {"type": "write", "key": key, "value": value},
        "cas": {"type": "cas", "key": key, "from": expected, "to": value},
    }[kind]
    number = net.ask(client, rng.choice(list(net.disks)), **body)
    argument = None if kind == "get" else json_text(value)
    old = json_text(expected) if kind == "cas" else None
    return number, Operation(client, str(key), kind, argument, old, net.now), net.now  # type: ignore[arg-type]


def _ended(operation: Operation, answer: dict[str, Any] | None, now: float) -> list[Operation]:
    """Return the operation with its outcome; nothing if it certainly never took effect."""
    code = (answer or {}).get("code")
    if answer is None or code == 13:
        return [operation]
    if code == 11:
        return []
    done = code is None
    value = json_text(answer.get("value")) if operation.kind == "get" and done else None
    known = ClientAnswer(value, done if operation.kind == "cas" else True)
    return [
        Operation(
            operation.client,
            operation.key,
            operation.kind,
            operation.argument,
            operation.expected,
            operation.call,
            now,
            known,
        )
    ]


@pytest.mark.parametrize(
    "message",
    [
        None, 3, {}, {"src": "c1"}, {"src": "c1", "body": 3}, {"src": "n2", "body": {"type": "raft", "msg_id": 1}},
        {"src": "n2", "body": {"type": "raft", "args": ["RequestVote"], "msg_id": 1}},
        {"src": "n2", "body": {"type": "raft_ok", "in_reply_to": 99, "reply": []}},
        {"src": "n2", "body": {"type": "pass_ok", "in_reply_to": 99}},
        {"src": "c1", "body": {"type": "init", "node_id": "n1", "node_ids": ["n1"], "msg_id": 1}},
        {"src": "c1", "body": {"type": "init", "node_id": "x", "node_ids": 3, "msg_id": 1}},
        {"src": "c1", "body": {"type": "pass", "request": {"kv": "put"}, "msg_id": 1}},
    ],
)  # fmt: skip
def test_wrong_messages_get_an_error_or_nothing(message: Any) -> None:
    net = Net(3, 4)
    net.run(2.0)
    for body in (answer["body"] for answer in net.nodes["n1"].handle(message, net.now)):
        assert body["type"] in ("error", "raft"), body
