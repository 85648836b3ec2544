"""The key-value store as a state machine: equal logs give equal stores, sessions and answers included.

Sessions make requests exactly-once (thesis §6.3): a request that is in the log twice is applied once, and answered
twice alike. Everything here is decided by the log: which session expires is the one that was least recently used
by entries, never by a clock. The sentences that it follows are among the `Rules` of a node.
"""

from collections.abc import Callable, Sequence
from typing import assert_never

import msgspec
from msgspec import structs

from raftplay.kv.commands import (
    NO_SESSION,
    Append,
    Cas,
    Get,
    KeyRequest,
    Open,
    Put,
    Result,
    StoreCommand,
    read_command,
)
from raftplay.raft.messages import CommitEntry
from raftplay.raft.rules import Rules

SESSIONS = 1000
"""The number of sessions that are kept; one more makes the least recently used one expire."""

RULES = Rules()
"""The rules of the correct algorithm."""

_EXPIRED = Result("expired")


class ClientSession(msgspec.Struct):
    """One client's session: its name, and the answers that it may still ask for again, by request number."""

    client: str
    answers: dict[int, Result] = msgspec.field(default_factory=dict)
    acked: int = 0
    used: float = 0.0
    """When it was last used, by the clock of the node; no snapshot holds it."""


class StoreImage(msgspec.Struct, frozen=True):
    """The whole state of a store, as a snapshot holds it; sessions are in the order of their last use."""

    values: list[tuple[str, object]]
    sessions: list[tuple[int, str, int, list[tuple[int, Result]]]]
    """Number, client, lowest request without an answer, and answers by request, of each session."""


class KeyValueStore:
    """A `StateMachine`: values by key, and the sessions of clients. `clock` is that of its node."""

    def __init__(
        self, sessions: int = SESSIONS, *, rules: Rules = RULES, clock: Callable[[], float] = lambda: 0.0
    ) -> None:
        self.values: dict[str, object] = {}
        """The value of each key: any JSON value."""

        self.sessions: dict[int, ClientSession] = {}
        """The sessions by number; the least recently used one is the first."""

        self._most = sessions
        self._rules = rules
        self._clock = clock

    def apply(self, entry: CommitEntry) -> object:
        """Apply `entry`; return its `Result`, or the number of the session that it opened; None for others."""
        command = read_command(entry.command) if entry.kind == "command" else None
        return None if command is None else self.do(command, entry.index)

    def do(self, command: StoreCommand, index: int) -> Result | int:
        """Apply a command of the store that is at `index` of the log."""
        if isinstance(command, Open):
            self.sessions[index] = ClientSession(command.client, used=self._clock())
            if len(self.sessions) > self._most:
                del self.sessions[next(iter(self.sessions))]
            return index
        if command.session == NO_SESSION:
            return self._changed(command)
        session = self.sessions.pop(command.session, None)
        now = self._clock()
        if session is None or self._rules.is_session_over(now - session.used):
            return _EXPIRED
        self.sessions[command.session] = session  # now the most recently used one
        idle, session.used = now - session.used, now
        return self._answered(session, command, idle)

    def _answered(self, session: ClientSession, request: KeyRequest, idle: float) -> Result:
        """Return the answer to a request of a session that was `idle`; apply it if it is new."""
        rules = self._rules
        session.acked = max(session.acked, request.acked)
        for seq in [seq for seq in session.answers if not rules.keeps_answer(seq, session.acked, idle)]:
            del session.answers[seq]
        if rules.is_repeated(request.seq, session.answers.keys()):
            return structs.replace(session.answers[request.seq], again=True)
        if request.seq < session.acked:
            return _EXPIRED
        result = session.answers[request.seq] = self._changed(request)
        return result

    def _changed(self, request: KeyRequest) -> Result:
        """Apply a request to its key."""
        result = self.would_be(request)
        if result.outcome == "ok":
            change(self.values, request)
        return result

    def would_be(self, request: KeyRequest) -> Result:
        """Return the result of a request that was applied now."""
        key = request.key
        found, before = key in self.values, self.values.get(key)
        match request:
            case Append(value=value):
                fits = not found or appended(before, value) is not None
            case Cas(expected=expected):
                fits = found and same(before, expected)
            case _:
                fits = True
        return Result("ok" if fits else "no", before, found)

    # ---- snapshots (§7): the sessions are part of the state

    def snapshot(self) -> bytes:
        """Return values and sessions; equal states give equal bytes."""
        sessions = [
            (id, s.client, s.acked, sorted(s.answers.items(), key=lambda item: item[0]))
            if self._rules.saves_answers()
            else (id, s.client, 0, [])
            for id, s in self.sessions.items()
        ]
        image = StoreImage(sorted(self.values.items(), key=lambda item: item[0]), sessions)
        return msgspec.json.encode(image, order="sorted")

    def restore(self, data: bytes) -> None:
        """Replace values and sessions by those of a snapshot. Raises `msgspec.DecodeError` if it is none."""
        image = msgspec.json.decode(data, type=StoreImage)
        self.values = dict(image.values)
        self.sessions = {
            id: ClientSession(client, dict(answers), acked, self._clock())
            for id, client, acked, answers in image.sessions
        }


def may_concern_stores(entries: Sequence[CommitEntry]) -> bool:
    """Return whether some of these entries may be for a store; in most clusters, most commands are for none."""
    return bool([entry for entry in entries if type(entry.command) is dict])


def change(values: dict[str, object], request: KeyRequest) -> None:
    """Change the values as a request that is done does."""
    match request:
        case Put(value=value) | Cas(value=value):
            values[request.key] = value
        case Append(key=key, value=value):
            values[key] = appended(values[key], value) if key in values else value
        case Get():
            pass
        case _:
            assert_never(request)


def appended(before: object, value: object) -> object:
    """Return `before` with `value` at its end; None if nothing can be appended to it."""
    if isinstance(before, str) and isinstance(value, str):
        return before + value
    if isinstance(before, list):
        return [*before, value]
    return None


def same(one: object, other: object) -> bool:
    """Return whether two JSON values are the same: 1, 1.0 and true are not."""
    return msgspec.json.encode(one, order="sorted") == msgspec.json.encode(other, order="sorted")
