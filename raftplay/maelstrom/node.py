"""One node under Maelstrom: Raft with the key-value store on top, for its workload lin-kv.

The rule of this module: no I/O. `handle` takes one message and `wake` the time; both return the messages to send.
A message is a JSON object with `src`, `dest` and `body`, as Maelstrom documents its protocol.

Every request goes through the log, reads too. A node that does not lead passes it on to the leader. An answer is
definite only if it is certain: a request that may be in a log is answered with the code 13, which says so.
"""

import math
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from raftplay.kv.commands import Cas, Get, KeyRequest, Put, Result, written
from raftplay.kv.machine import KeyValueStore
from raftplay.raft.commands import CommandRefused
from raftplay.raft.config import RaftConfig
from raftplay.raft.consensus import ConsensusModule
from raftplay.raft.messages import NONE, AppendEntriesArgs, Args, Reply, RequestVoteArgs
from raftplay.raft.storage import MapStorage, Storage

PATIENCE = 1.0
"""The seconds that a request waits for a leader to be known, and an RPC for its reply."""

NOT_SUPPORTED, UNAVAILABLE, MALFORMED, UNCERTAIN, NO_KEY, MISMATCH = 10, 11, 12, 13, 20, 22
"""The codes of Maelstrom's errors; of these only UNCERTAIN leaves open whether the request took effect."""

SLOWER = RaftConfig(election_min=0.3, election_max=0.6, heartbeat=0.1)
"""Timings for processes that share a machine with Maelstrom and its log."""

Body = dict[str, Any]
JsonMessage = dict[str, Any]
Storages = Callable[[str], Storage]
"""Returns the disk of the node with that name."""


class ErrorReply(Exception):
    """The error that answers a message: a code of Maelstrom's, and a sentence."""

    def __init__(self, text: str, code: int = MALFORMED) -> None:
        super().__init__(text)
        self.code = code

    def __reduce__(self) -> tuple[type["ErrorReply"], tuple[str, int]]:
        return type(self), (str(self), self.code)


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """A request on its way: who asked and under which number, and since when it waits."""

    src: str
    msg_id: int | None
    request: KeyRequest
    since: float


class MaelstromNode:
    """A node before and after `init`; `storages` gives its disk, `config` its timings."""

    def __init__(
        self, *, storages: Storages | None = None, config: RaftConfig | None = None, seed: int | None = None
    ) -> None:
        self._storages = storages or (lambda _: MapStorage())
        self._config = config or SLOWER
        self._rng = random.Random(seed)
        self._store = KeyValueStore()
        self._names: list[str] = []
        self._me = ""
        self._number = 0
        self._out: list[JsonMessage] = []
        self._calls: dict[int, tuple[int, Args, float]] = {}
        self._waiting: list[OpenRequest] = []
        self._passed: dict[int, OpenRequest] = {}
        self._submitted: dict[int, tuple[int, OpenRequest]] = {}
        self.cm: ConsensusModule | None = None
        """The node's consensus module; None before `init`."""

    @property
    def deadline(self) -> float:
        """Return the time at which `wake` must be called, in seconds; infinite before `init`."""
        times = [asked.since + PATIENCE for asked in self._waiting]
        times += [since + PATIENCE for _, _, since in self._calls.values()]
        return min(times, default=math.inf) if self.cm is None else min([*times, self.cm.deadline])

    def handle(self, message: object, now: float) -> list[JsonMessage]:
        """Take one message; return those to send. What is no message at all is ignored."""
        if not isinstance(message, dict) or not isinstance(message.get("body"), dict):
            return []
        src, body = str(message.get("src")), message["body"]
        try:
            self._take(src, body, now)
        except ErrorReply as refused:
            self._reply(src, body.get("msg_id"), _error(refused.code, str(refused)))
        return self._settled(now)

    def wake(self, now: float) -> list[JsonMessage]:
        """Advance time to `now`; return the messages to send."""
        if self.cm is not None:
            self.cm.wake(now)
            for number, (peer, args, since) in list(self._calls.items()):
                if now >= since + PATIENCE:
                    del self._calls[number]
                    self.cm.call_failed(peer, args, now)
        for asked in [asked for asked in self._waiting if now >= asked.since + PATIENCE]:
            self._waiting.remove(asked)
            self._reply(asked.src, asked.msg_id, _error(UNAVAILABLE, "no leader is known"))
        return self._settled(now)

    # ---- messages

    def _take(self, src: str, body: Body, now: float) -> None:
        match body.get("type"):
            case "init":
                self._init(body, now)
                self._reply(src, body.get("msg_id"), {"type": "init_ok"})
            case "raft":
                self._called(src, body, now)
            case "raft_ok":
                self._answered(src, body, now)
            case "pass":
                asked = OpenRequest(src, body.get("msg_id"), _request(body.get("request")), now)
                if not self._submit(asked, now):
                    raise ErrorReply("this node does not lead", UNAVAILABLE)
            case "pass_ok" | "error":
                passed = self._passed.pop(body.get("in_reply_to", NONE), None)
                if passed is not None:
                    answer = body.get("answer", body)
                    self._reply(passed.src, passed.msg_id, answer if isinstance(answer, dict) else body)
            case "read" | "write" | "cas":
                asked = OpenRequest(src, body.get("msg_id"), _request(body), now)
                if not self._submit(asked, now):
                    self._waiting.append(asked)
            case kind:
                raise ErrorReply(f"there is no request {kind!r}; lin-kv has read, write and cas", NOT_SUPPORTED)

    def _init(self, body: Body, now: float) -> None:
        me, names = body.get("node_id"), body.get("node_ids")
        if not isinstance(names, list) or me not in names or len(set(map(str, names))) != len(names):
            raise ErrorReply("init names node_id and node_ids, of which it is one")
        if self.cm is not None:
            raise ErrorReply("init comes once")
        self._me, self._names = str(me), sorted(map(str, names))
        ids = range(len(self._names))
        my_id = self._names.index(self._me)
        peers = [id for id in ids if id != my_id]
        disk = self._storages(self._me)
        self.cm = ConsensusModule(my_id, peers, disk, config=self._config, rng=self._rng)
        self.cm.start(now)

    def _called(self, src: str, body: Body, now: float) -> None:
        """Answer a request of Raft."""
        cm, args = self._module(), _converted(body.get("args"), Args)
        reply: Reply
        if isinstance(args, RequestVoteArgs):
            reply = cm.request_vote(args, now)
        else:
            assert isinstance(args, AppendEntriesArgs)
            reply = cm.append_entries(args, now)
        cm.persist(now)  # before the reply leaves
        self._reply(src, body.get("msg_id"), {"type": "raft_ok", "reply": msgspec.to_builtins(reply)})

    def _answered(self, src: str, body: Body, now: float) -> None:
        cm, call = self._module(), self._calls.pop(body.get("in_reply_to", NONE), None)
        if call is not None and self._names[call[0]] == src:
            cm.reply_received(call[0], call[1], _converted(body.get("reply"), Reply), now)

    def _module(self) -> ConsensusModule:
        if self.cm is None:
            raise ErrorReply("init has not come yet", UNAVAILABLE)
        return self.cm

    # ---- requests of clients

    def _submit(self, asked: OpenRequest, now: float) -> bool:
        """Put a request into the log; return whether this node leads."""
        cm = self._module()
        try:
            index = cm.submit(written(asked.request), now)
        except CommandRefused as refused:
            raise ErrorReply(str(refused)) from None
        if index == NONE:
            return False
        self._submitted[index] = (cm.current_term, asked)
        return True

    def _settled(self, now: float) -> list[JsonMessage]:
        """Write what changed, then do what follows from it, until nothing does; return the messages to send."""
        cm = self.cm
        while cm is not None:
            cm.persist(now)
            for entry in cm.take_commits():
                result = self._store.apply(entry)
                _, asked = self._submitted.pop(entry.index, (0, None))
                if asked is not None and isinstance(result, Result):
                    self._tell(asked, result)
            self._send_calls(cm, now)
            self._give_up(cm)
            if not self._pass_on(cm, now):
                break
        out, self._out = self._out, []
        return out

    def _give_up(self, cm: ConsensusModule) -> None:
        """Answer the requests that only an earlier leadership could have answered: they may still be committed."""
        term = cm.current_term if cm.report().is_leader else NONE
        for index in [index for index, (in_term, _) in self._submitted.items() if in_term != term]:
            _, asked = self._submitted.pop(index)
            self._tell(asked, None)

    def _pass_on(self, cm: ConsensusModule, now: float) -> bool:
        """Pass waiting requests on to the leader, if one is known; return whether any went into the own log."""
        if not self._waiting or cm.leader_id == NONE:
            return False
        waiting, self._waiting = self._waiting, []
        is_own = False
        for asked in waiting:
            if self._submit(asked, now):
                is_own = True
            elif cm.leader_id == cm.id:
                self._waiting.append(asked)
            else:
                number = self._send(self._names[cm.leader_id], {"type": "pass", "request": written(asked.request)})
                self._passed[number] = asked
        return is_own

    def _tell(self, asked: OpenRequest, result: Result | None) -> None:
        """Answer a client, or the node that passed its request on."""
        body = (
            _error(UNCERTAIN, "the leader lost its office") if result is None else _answer(asked.request, result)
        )
        if asked.src in self._names:
            body = {"type": "pass_ok", "answer": body}
        self._reply(asked.src, asked.msg_id, body)

    # ---- sending

    def _send_calls(self, cm: ConsensusModule, now: float) -> None:
        for peer, args in cm.take_calls():
            number = self._send(self._names[peer], {"type": "raft", "args": msgspec.to_builtins(args)})
            self._calls[number] = (peer, args, now)

    def _send(self, dest: str, body: Body) -> int:
        self._number += 1
        self._out.append({"src": self._me, "dest": dest, "body": {**body, "msg_id": self._number}})
        return self._number

    def _reply(self, dest: str, msg_id: object, body: Body) -> None:
        if isinstance(msg_id, int):
            self._send(dest, {**body, "in_reply_to": msg_id})


def _error(code: int, text: str) -> Body:
    return {"type": "error", "code": code, "text": text}


def _request(body: object) -> KeyRequest:
    """Return the request of a client, or one that was passed on. Raises `ErrorReply`."""
    if not isinstance(body, Mapping):
        raise ErrorReply("there is no request in it")
    if "kv" in body:
        request: KeyRequest = _converted(body, KeyRequest)
        return request
    key = msgspec.json.encode(body.get("key"), order="sorted").decode()
    match body.get("type"):
        case "read" if "key" in body:
            return Get(key)
        case "write" if {"key", "value"} <= body.keys():
            return Put(key, value=body["value"])
        case "cas" if {"key", "from", "to"} <= body.keys():
            return Cas(key, expected=body["from"], value=body["to"])
    raise ErrorReply("read has a key; write has a key and a value; cas has a key, from and to")


def _answer(request: KeyRequest, result: Result) -> Body:
    """Return the answer to a client."""
    match request:
        case Get() if not result.found:
            return _error(NO_KEY, "the key does not exist")
        case Get():
            return {"type": "read_ok", "value": result.value}
        case Cas() if not result.found:
            return _error(NO_KEY, "the key does not exist")
        case Cas() if result.outcome != "ok":
            return _error(MISMATCH, f"its value is {msgspec.json.encode(result.value).decode()[:100]}")
        case Cas():
            return {"type": "cas_ok"}
    return {"type": "write_ok"}


def _converted(value: object, type_: Any) -> Any:
    """Return `value` as that type. Raises `ErrorReply`."""
    try:
        return msgspec.convert(value, type_)
    except (msgspec.ValidationError, RecursionError) as error:
        raise ErrorReply(str(error)) from None


def lines_of(messages: list[JsonMessage]) -> Iterator[str]:
    """Return each message as a line of JSON."""
    for message in messages:
        yield msgspec.json.encode(message).decode()
