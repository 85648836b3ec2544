"""Bug switches of stable storage: a crash loses state that must survive, or a crashed node goes on."""

import math
from typing import Any

from raftplay.raft import decisions
from raftplay.raft.bugs.about import Bug
from raftplay.raft.consensus import ConsensusModule
from raftplay.raft.log import RaftLog
from raftplay.raft.messages import NONE, Args, CMState, Reply
from raftplay.raft.roles import Leadership

WRITE_DELAY = 0.025
"""The delay of a write that should precede a reply, in seconds of cluster time."""


class ForgetVote(ConsensusModule):
    """The term is written to disk, votedFor is not. A node votes for A in term 1, crashes and restarts: it knows
    that it is in term 1 and believes that it has not voted. When B asks for its vote in term 1, it votes a
    second time. A and B may each have a majority with that node in it, and both lead term 1. A vote is a
    promise for a whole term, so it must be on disk before the reply is sent.
    """

    def _durable_vote(self) -> tuple[int, int]:
        return self.current_term, NONE


FORGET_VOTE = Bug(
    "forget-vote",
    "votedFor is not persisted before the reply",
    ForgetVote,
    section="§5.2, Figure 2, persistent state",
    violates=("One Vote Per Term",),
    seen_in=("bakwc/PySyncObj #84", "stateIs0/lu-raft-kv #33"),
    sooner=("Persist Before Send",),
)


class ForgetTerm(ConsensusModule):
    """A node that learns of a higher term steps down in memory and writes the term to disk only later, with its
    next vote or entry. If it crashes before that, it restarts in the lower term: it has gone back in time. It
    may then vote again in terms that it had already left, follow a leader that it knew to be deposed, and
    reply with a term lower than one that it sent before. A term must never decrease, not even in a restart.
    """

    def _durable_vote(self) -> tuple[int, int]:
        if self.voted_for == NONE and self.log.changed_from is None:
            return self._store.vote.current_term, self._store.vote.voted_for
        return super()._durable_vote()


FORGET_TERM = Bug(
    "forget-term",
    "a higher term is not persisted on a step-down",
    ForgetTerm,
    section="§5.1, Figure 2, persistent state",
    violates=("Monotonic Term",),
    seen_in=("bakwc/PySyncObj #202", "eliben/raft at 07acf9c"),
    sooner=("Persist Before Send",),
)


class LateWrites(ConsensusModule):
    """A node that delays some writes; its `deadline` includes the time of these writes."""

    time_fields = ConsensusModule.time_fields | {"_own_deadline"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._own_deadline = math.inf
        self._late: dict[str, float] = {}
        super().__init__(*args, **kwargs)

    @property
    def deadline(self) -> float:
        """Return the time of the next wake, for the timer or for a delayed write, in seconds."""
        return min(self._own_deadline, *self._late.values()) if self._late else self._own_deadline

    @deadline.setter
    def deadline(self, when: float) -> None:
        self._own_deadline = when

    def stop(self) -> None:
        """Drop the delayed writes and stop."""
        self._late.clear()
        super().stop()

    def wake(self, now: float) -> None:
        """Fire the timer if it is due; the `persist` that follows makes a delayed write."""
        self._set_now(now)
        if now >= self._own_deadline:
            super().wake(now)

    def persist(self, now: float | None = None) -> bool:
        """Write everything except the writes that are still delayed."""
        self._set_now(now)
        changed = super().persist(now)
        self._drop_overdue()
        return changed

    def _waits(self, write: str) -> bool:
        """Return whether `write` is still delayed; the first question starts the delay."""
        when = self._late.get(write)
        if when is None:
            self._late[write] = self._now + WRITE_DELAY
            self._tell(decisions.WriteDelayed(write, True, self._late[write]))
            return True
        if self._now < when:
            return True
        del self._late[write]
        return False

    def _drop_overdue(self) -> None:
        """Drop delayed writes that are due but were not made, because another bug prevents them."""
        for write in [write for write, when in self._late.items() if when <= self._now]:
            self._need_not_wait(write)

    def _need_not_wait(self, write: str) -> None:
        """End the delay of `write`: it is made now with other writes, or is no longer needed."""
        if self._late.pop(write, None) is not None:
            self._tell(decisions.WriteDelayed(write, False))


class TornVote(LateWrites):
    """Term and vote are two writes instead of one, the term first. A node that votes in a new term writes the
    term, replies, and crashes before it writes the vote. Its disk then holds a mixture that never existed: the new
    term with the vote of a lower one, or without a vote. It votes a second time in that term, or takes an
    old vote for a vote in this term. Term and vote must be one write.
    """

    def _durable_vote(self) -> tuple[int, int]:
        current_term, voted_for = super()._durable_vote()
        written = self._store.vote.voted_for
        if voted_for == written:
            self._need_not_wait("vote")
        elif self._waits("vote"):
            return current_term, written
        return current_term, voted_for


TORN_VOTE = Bug(
    "torn-vote",
    "term and vote are written separately; a crash may come between",
    TornVote,
    section="§5.2, Figure 2, persistent state",
    violates=("One Vote Per Term",),
    seen_in=("hashicorp/raft #661",),
    sooner=("Persist Before Send",),
)


class AckBeforeDurable(LateWrites):
    """A follower acknowledges entries as soon as it has them in memory and writes them to disk a moment later. The
    leader counts the acknowledgement, commits, and tells its client. If the nodes now lose power together,
    the entry is on the leader's disk alone: the others restart without it, elect one of themselves, and put
    another command at its index. The client was told of a commit that is lost. A leader may count an entry
    only on nodes where it would survive a crash.
    """

    def persist(self, now: float | None = None) -> bool:
        """Write the vote now, and delay a follower's new entries."""
        self._set_now(now)
        if self.state is not CMState.FOLLOWER or self.log.changed_from is None:
            self._need_not_wait("log")
        elif self._waits("log"):
            return self._persist_vote()
        return super().persist(now)

    def _persist_vote(self) -> bool:
        unchanged = RaftLog()
        changed = self._store.save(*self._durable_vote(), unchanged)
        self._drop_overdue()
        if not changed:
            return False
        vote = self.durable_vote
        self._tell(decisions.Persisted(vote.current_term, vote.voted_for, self._store.length, ()))
        return True


ACK_BEFORE_DURABLE = Bug(
    "ack-before-durable",
    "a follower answers before its write is durable",
    AckBeforeDurable,
    section="§5.3, Figure 2, persistent state",
    violates=("Persist Before Send",),
    seen_in=("Jepsen's report on NATS 2.12.1", "bakwc/PySyncObj #84"),
)


class Zombie(ConsensusModule):
    """A node is stopped while its RPCs are in flight, and a new process starts with its storage. The replies to
    those RPCs still reach the old object in memory, which does not ignore them: a reply with a higher
    term turns it from Dead into a follower; after a success it continues to lead. It writes its changes to
    the storage that its successor uses: they overwrite the term and vote of the new process, and
    after the next crash it has forgotten whom it voted for. A crashed node must stay down.
    """

    hears_replies_when_dead = True

    _role = CMState.FOLLOWER

    def stop(self) -> None:
        """Stop the node; the next reply revives it."""
        if self.state is not CMState.DEAD:
            self._role = self.state
        super().stop()

    def reply_received(self, peer_id: int, args: Args, reply: Reply, now: float) -> None:
        """Handle the reply, even if the node is Dead."""
        if self.state is CMState.DEAD:
            self.state = self._role
        super().reply_received(peer_id, args, reply, now)


ZOMBIE = Bug(
    "zombie",
    "a crashed incarnation still handles replies",
    Zombie,
    section="Figure 2, persistent state",
    violates=("Dead Is Dead",),
    seen_in=("eliben/raft at 0ae7b34",),
)


class LeaderCountsEarly(ConsensusModule):
    """A leader keeps new entries in memory, sends them, and writes them to its disk later, with its next
    heartbeat. That would be safe if it counted itself only after the write. It counts itself at once: with three
    nodes, the acknowledgement of one follower is enough, the entry is committed, and the client is told so, while
    only that follower has it on disk. If the leader crashes now, the entry is on one disk of three; the other two
    nodes elect one of themselves and put another command in its place.
    """

    _writes_now = False

    def wake(self, now: float) -> None:
        """Fire the timer; a leader's `persist` that follows writes its entries."""
        self._writes_now = True
        super().wake(now)

    def persist(self, now: float | None = None) -> bool:
        """Write everything except a leader's own entries, which wait for the next heartbeat."""
        if self.state is CMState.LEADER and not self._writes_now:
            return False
        changed = super().persist(now)
        self._writes_now = False
        return changed

    def _counted_length(self) -> int:
        return len(self.log)


LEADER_COUNTS_EARLY = Bug(
    "leader-counts-early",
    "a leader counts its own entries before they are on its disk",
    LeaderCountsEarly,
    section="§5.3, Figure 2, persistent state",
    violates=("Quorum Log",),
    seen_in=("deventlab/d-engine #329",),
    sooner=("Persist Before Send",),
)


class ReusesIndex(LateWrites):
    """A leader sends a new entry while its own write of it is still under way. The write fails, so the leader
    removes the entry from its log, and goes on to lead. (As part of the switch, the first write of each leadership
    fails, unless a majority has the entry by then.) A follower may have the entry already. The next command gets
    the same index, in the same term. That follower sees an entry with this index and term, takes it for
    the one that it has, and acknowledges it. From now on two logs differ where Raft relies on it that they are
    equal, and the nodes apply different commands. A leader whose disk fails must not lead on.
    """

    _fails = False

    def _new_leadership(self) -> Leadership:
        self._fails = True
        return super()._new_leadership()

    def persist(self, now: float | None = None) -> bool:
        """Write everything except the first entries of a leadership, which never reach the disk."""
        self._set_now(now)
        if self._fails and self.state is CMState.LEADER and self.log.changed_from is not None:
            if self._waits("log"):
                return False
            self._fails = False
            self._forget_unwritten()
        return super().persist(now)

    def _forget_unwritten(self) -> None:
        """Remove the entries that are not on disk, unless they are committed."""
        start = self._store.length
        if self.commit_index < start:
            removed = len(self.log) - start
            self.log.truncate(start)
            self._tell(decisions.LogTruncated(start, removed))


REUSES_INDEX = Bug(
    "reuses-index",
    "a leader whose write fails gives the index of the entry that it has sent to the next one",
    ReusesIndex,
    section="§5.3, Figure 3, Leader Append-Only",
    violates=("Log Matching",),
    seen_in=("canonical/raft #320",),
    sooner=("Persist Before Send", "Leader Append-Only"),
)
