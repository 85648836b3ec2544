"""Bug switches of what clients are told, and of the sessions that make their requests exactly-once (§8)."""

from collections.abc import Collection

from raftplay.raft.bugs.about import Bug
from raftplay.raft.rules import Rules

CACHE_KEEPS = 0.3
"""The time for which retry-cache-expires remembers answers, in seconds; a client tries again after 0.5 s."""

SESSION_LASTS = 0.5
"""The time that a session lasts for a node with expiry-by-own-clock, in seconds of its clock."""


class NoDedupe(Rules):
    """A state machine applies a request each time that it stands in the log. A client that gets no answer tries
    again, since it cannot know whether its request was done; so the same request may be in the log twice, first by
    the old leader and then by the new one. Both are committed, and both are applied: the client appended its text
    twice. Each request must have a number, and a state machine must not apply a number again.
    """

    def is_repeated(self, seq: int, answered: Collection[int]) -> bool:
        """Take no request for a repeated one."""
        return False


NO_DEDUPE = Bug(
    "no-dedupe",
    "a request that is in the log twice is applied twice",
    NoDedupe,
    section="§8",
    violates=("Exactly Once",),
    seen_in=("CurvineIO/curvine #676",),
    options=("clients",),
)


class SnapshotWithoutSessions(Rules):
    """A snapshot holds the values, but not what sessions were answered. The node that restores its state from it
    has every value right; but it takes the next repeated request for a new one and applies it, while the others
    answer it from memory. From then on its values differ from theirs, and if it leads, clients read them. The
    answers of sessions are part of the state of the state machine, as its values are.
    """

    def saves_answers(self) -> bool:
        """Leave them out."""
        return False


SNAPSHOT_WITHOUT_SESSIONS = Bug(
    "snapshot-without-sessions",
    "a snapshot lacks the answers of the clients' sessions",
    SnapshotWithoutSessions,
    section="§7, §8, thesis §6.3",
    violates=("Exactly Once",),
    seen_in=("atomix/copycat #14",),
    sooner=("State Is Replay",),
    options=("clients", "snapshots"),
)


class AnswerAtAppend(Rules):
    """A leader answers its client as soon as the command is in its own log. If it crashes before a majority has
    the entry, or is replaced, the next leader has no such entry and overwrites it: the client was told that its
    value is stored, and it is gone. A leader must respond after the entry is committed and applied, not before.
    """

    def may_answer(self, index: int, last_applied: int) -> bool:
        """Answer at once."""
        return True


ANSWER_AT_APPEND = Bug(
    "answer-at-append",
    "a leader answers a client before the entry is committed",
    AnswerAtAppend,
    section="§5.3",
    violates=("Acked Is Kept",),
    seen_in=("MartinKalema/horizontal-scaling-convex #100",),
    options=("clients",),
)


class DefiniteErrorForUnknown(Rules):
    """A leader that steps down tells the clients that wait for it that it does not lead, as if it had not taken
    their commands. But these are in its log, and others may have them too: the next leader may commit them. The
    client reports a failure, or tries something else, and later its command takes effect. Of a command that is in
    a log, a node may say only that it does not know.
    """

    def may_deny(self, is_in_log: bool) -> bool:
        """Deny every command that waits."""
        return True


DEFINITE_ERROR_FOR_UNKNOWN = Bug(
    "definite-error-for-unknown",
    "a leader that steps down tells clients that their commands were not done",
    DefiniteErrorForUnknown,
    section="§8",
    violates=("Unknown Is Unknown",),
    seen_in=("RedisLabs/redisraft #23",),
    options=("clients",),
)


class RetryCacheExpires(Rules):
    """A state machine remembers its answers for 0.3 s only, while a client that gets no answer tries again after
    0.5 s. The repeated request finds no answer any more and is taken for a new one: it is applied a second time.
    The memory must last longer than any client tries again; it is safest to keep an answer until the client says
    that it has it.
    """

    def keeps_answer(self, seq: int, acked: int, idle: float) -> bool:
        """Keep an answer for a short time only."""
        return seq >= acked and idle < CACHE_KEEPS


RETRY_CACHE_EXPIRES = Bug(
    "retry-cache-expires",
    "answers are forgotten before the client tries again",
    RetryCacheExpires,
    section="§8, thesis §6.3",
    violates=("Exactly Once",),
    sooner=("Session Determinism",),
    seen_in=("apache/ratis #915", "apache/iotdb #11045"),
    options=("clients",),
)


class ExpiryByOwnClock(Rules):
    """Each node ends a session that was not used for 0.5 s of its own clock. Nodes apply the same entry at
    different times, and a node that catches up applies many at once; so one node has ended a session and another
    one has not. The one does the next request of the session, the other does not: their values differ for ever,
    although their logs are equal. When a session ends must follow from the log alone.
    """

    def is_session_over(self, idle: float) -> bool:
        """End it by the node's own clock."""
        return idle > SESSION_LASTS


EXPIRY_BY_OWN_CLOCK = Bug(
    "expiry-by-own-clock",
    "each node ends the sessions of clients by its own clock",
    ExpiryByOwnClock,
    section="thesis §6.3",
    violates=("Session Determinism",),
    seen_in=("atomix/copycat #40",),
    options=("clients",),
)
