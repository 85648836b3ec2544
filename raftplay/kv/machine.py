"""The key-value store as a state machine: equal logs give equal stores, sessions and answers included.

Sessions make requests exactly-once (thesis §6.3): a request that is in the log twice is applied once, and answered
twice alike. Everything here is decided by the log: which session expires is the one that was least recently used
by entries, never by a clock.
"""

from typing import Any

import msgspec

from raftplay.kv.commands import NO_SESSION, Append, Cas, Command, Get, Open, Put, Request, Result, read_command
from raftplay.raft.messages import CommitEntry

SESSIONS = 1000
"""How many sessions are kept; one more makes the least recently used one expire."""

_EXPIRED = Result("expired")


class Session(msgspec.Struct):
    """One client's session: its name, and the answers that it may still ask for again, by request number."""

    client: str
    answers: dict[int, Result] = msgspec.field(default_factory=dict)
    acked: int = 0


class Image(msgspec.Struct, frozen=True):
    """The whole state of a store, as a snapshot holds it; sessions are in the order of their last use."""

    values: list[tuple[str, Any]]
    sessions: list[tuple[int, str, int, list[tuple[int, Result]]]]
    """Of each: number, client, the lowest request that it does not have the answer to, and answers by request."""


class KeyValueStore:
    """A `StateMachine`: values by key, and the sessions of clients."""

    def __init__(self, sessions: int = SESSIONS) -> None:
        self.values: dict[str, Any] = {}
        """The value of each key: any JSON value."""

        self.sessions: dict[int, Session] = {}
        """The sessions by number; the least recently used one is the first."""

        self._most = sessions

    def apply(self, entry: CommitEntry) -> object:
        """Apply `entry`; return its `Result`, or the number of the session that it opened; None for others."""
        command = read_command(entry.command) if entry.kind == "command" else None
        return None if command is None else self.do(command, entry.index)

    def do(self, command: Command, index: int) -> Result | int:
        """Apply a command of the store that is at `index` of the log."""
        if isinstance(command, Open):
            self.sessions[index] = Session(command.client)
            if len(self.sessions) > self._most:
                del self.sessions[next(iter(self.sessions))]
            return index
        if command.session == NO_SESSION:
            return self._changed(command)
        session = self.sessions.pop(command.session, None)
        if session is None:
            return _EXPIRED
        self.sessions[command.session] = session  # now the most recently used one
        return self._answered(session, command)

    def _answered(self, session: Session, request: Request) -> Result:
        """Return the answer to a request of a session; apply it if it is new."""
        for seq in [seq for seq in session.answers if seq < request.acked]:
            del session.answers[seq]
        session.acked = max(session.acked, request.acked)
        if request.seq in session.answers:
            return session.answers[request.seq]
        if request.seq < session.acked:
            return _EXPIRED
        result = session.answers[request.seq] = self._changed(request)
        return result

    def _changed(self, request: Request) -> Result:
        """Apply a request to its key."""
        key = request.key
        found, before = key in self.values, self.values.get(key)
        match request:
            case Get():
                pass
            case Put(value=value):
                self.values[key] = value
            case Append(value=value):
                after = appended(before, value) if found else value
                if after is None:
                    return Result("no", before, found)
                self.values[key] = after
            case Cas(expected=expected, value=value):
                if not found or not same(before, expected):
                    return Result("no", before, found)
                self.values[key] = value
        return Result("ok", before, found)

    # ---- snapshots (§7): the sessions are part of the state

    def snapshot(self) -> bytes:
        """Return values and sessions; equal states give equal bytes."""
        sessions = [
            (id, s.client, s.acked, sorted(s.answers.items(), key=lambda item: item[0]))
            for id, s in self.sessions.items()
        ]
        image = Image(sorted(self.values.items(), key=lambda item: item[0]), sessions)
        return msgspec.json.encode(image, order="sorted")

    def restore(self, data: bytes) -> None:
        """Replace values and sessions by those of a snapshot. Raises `msgspec.DecodeError` if it is none."""
        image = msgspec.json.decode(data, type=Image)
        self.values = dict(image.values)
        self.sessions = {
            id: Session(client, dict(answers), acked) for id, client, acked, answers in image.sessions
        }


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
