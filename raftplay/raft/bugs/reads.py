"""Bug switches of reads without the log: what a leader makes sure of before it answers (thesis §6.4).

They show only where clients read by `index` or by `lease`.
"""

from collections.abc import Mapping

from raftplay.raft.bugs.about import Bug
from raftplay.raft.consensus import ConsensusModule
from raftplay.raft.quorum import Quorum
from raftplay.raft.roles import Leadership
from raftplay.raft.rules import Rules
from raftplay.raft.state import State


class ReadBeforeNoop(Rules):
    """A new leader answers reads at once, from everything up to its commit index. It has every committed entry in
    its log, but its commit index may be behind: the old leader committed an entry, told its client, and crashed
    before it could tell the others. So the new leader answers from a state that lacks what a client was told is
    done, although a majority confirms that it leads. It must first commit an entry of its own term, which commits
    all entries before it.
    """

    def may_read(self, committed_term: int, current_term: int) -> bool:
        """Find that the commit index is right."""
        return True


READ_BEFORE_NOOP = Bug(
    "read-before-noop",
    "a new leader answers reads before it has committed an entry of its own term",
    ReadBeforeNoop,
    section="thesis §6.4, §8",
    violates=("Read Freshness",),
    seen_in=("etcd-io/etcd #7331", "tikv/tikv #6340", "RedisLabs/redisraft #22", "adjoint-io/raft #41"),
    options=("reads by index",),
)


class ReadWithoutRound(Rules):
    """A node answers a read as soon as it has applied what the leader has committed. It does not wait until a
    majority has told the leader that it still leads. A leader that was cut off does not know that the others have
    elected another one, and have committed more since. So it answers from a state that is out of date. A leader
    must ask the others after the read has arrived, and wait for a majority of replies.
    """

    def is_confirmed(self, round: int, confirmed: int) -> bool:
        """Find that the leader leads."""
        return True


READ_WITHOUT_ROUND = Bug(
    "read-without-round",
    "a read is answered before a majority has confirmed that the leader leads",
    ReadWithoutRound,
    section="thesis §6.4",
    violates=("Read Freshness",),
    seen_in=("deventlab/d-engine #381",),
    sooner=("Read Confirmed",),
    options=("reads by index",),
)


class ReadStaleAck(Rules):
    """A leader counts every reply for the round that it asks now, whatever it was a reply to. Replies may be late:
    the nodes that sent them followed this leader then, and have elected another one since. So a reply to an
    earlier round confirms a read that it knows nothing of. A reply must say which round it answers, or belong to
    the request of that round, and a read must wait for a round that began after it.
    """

    def acknowledged_round(self, args_round: int, newest: int) -> int:
        """Take the reply for one to the newest round."""
        return newest


READ_STALE_ACK = Bug(
    "read-stale-ack",
    "a late reply to an earlier round confirms a later read",
    ReadStaleAck,
    section="thesis §6.4",
    violates=("Read Freshness",),
    seen_in=("etcd-io/etcd #20418", "antflydb/antfly #599"),
    sooner=("Read Confirmed",),
    options=("reads by index",),
)


class ReadOneShort(Rules):
    """A leader takes a round for confirmed by one node less than a majority: it counts wrong. Of five nodes, it
    and one other are enough. The other three may have elected another leader, which commits with their entries; so
    two leaders have what they take for enough, and the old one answers from a state that is out of date. What
    confirms a round must have a node in common with whatever elects a leader.
    """

    def confirmed_round(self, acknowledged: Mapping[int, int], quorum: Quorum) -> int:
        """Return the newest round that a majority but for one node has answered."""
        rounds = sorted((acknowledged.get(id, 0) for id in quorum.ids), reverse=True)
        return rounds[max(quorum.needed - 2, 0)]


READ_ONE_SHORT = Bug(
    "read-one-short",
    "one node less than a majority confirms a read",
    ReadOneShort,
    section="thesis §6.4",
    violates=("Read Freshness",),
    seen_in=("RedisLabs/raft #34", "async-raft/async-raft #143"),
    sooner=("Read Confirmed",),
    options=("reads by index",),
)


class ReadBeforeApply(Rules):
    """A node answers a read as soon as the leader has confirmed the index to read at, and does not wait until it
    has applied everything up to there. A follower that lags behind learns from the leader that everything up to an
    index is committed, and answers from a state that lacks some of it. The index is of use only to who waits for
    it.
    """

    def may_read_at(self, index: int, last_applied: int) -> bool:
        """Find that enough is applied."""
        return True


READ_BEFORE_APPLY = Bug(
    "read-before-apply",
    "a read is answered from a state before the index that it reads at",
    ReadBeforeApply,
    section="thesis §6.4",
    violates=("Read After Apply",),
    seen_in=(),
    options=("reads by index",),
)


class LeaseByFlags(ConsensusModule):
    """A leader checks once in an election timeout whether a majority has replied since the last check, and steps
    down if not. It takes that for a lease: as long as it leads, it answers reads at once. But when it is cut off
    just after a check, the next one still finds the replies of before, and only the one after that makes it step
    down: almost two election timeouts later. The others wait for one. In between they elect a leader, which
    commits more, and the old one answers from a state that is out of date, without any clock being wrong. A lease
    must end one election timeout after the round that gave it was sent.
    """

    time_fields = State.time_fields | {"_checked_at"}
    _checked_at = 0.0
    _has_majority = True

    def _new_leadership(self) -> Leadership:
        self._checked_at, self._has_majority = self._now, True
        return super()._new_leadership()

    def wake(self, now: float) -> None:
        """Check, once in an election timeout, whether a majority has replied since the last check."""
        leadership = self._leadership
        if leadership is not None and now >= self._checked_at + self.config.election_min:
            heard = {peer_id: progress.heard for peer_id, progress in leadership.progress.items()}
            self._has_majority = self.quorum.heard({**heard, self.id: now}) > self._checked_at
            self._checked_at = max(self._checked_at + self.config.election_min, now - self.config.election_min)
        super().wake(now)

    @property
    def quorum_silence(self) -> float:
        """Return an election timeout if the last check found no majority, else 0."""
        return 0.0 if self._leadership is None or self._has_majority else self.config.election_min

    def _has_lease(self, leadership: Leadership) -> bool:
        return not self._may_not_use_lease(leadership)


LEASE_BY_FLAGS = Bug(
    "lease-by-flags",
    "a leader has a lease until a check in every election timeout makes it step down",
    LeaseByFlags,
    section="thesis §6.2, thesis §6.4.1",
    violates=("Lease Exclusion",),
    sooner=("Step-Down Bound",),
    seen_in=("etcd-io/raft #166", "sofastack/sofa-jraft #34"),
    options=("reads by lease",),
)


class LeaseFromAck(Rules):
    """A leader counts its lease from the moment at which a majority had replied. But those who replied count from
    the moment at which the question arrived, and the replies were on their way meanwhile. If they were slow, the
    others may elect a leader that long before the lease is over, and the old one answers from a state that is out
    of date. A lease must begin when its round was sent: that is before anybody begins to wait.
    """

    def lease_start(self, sent: float, answered: float) -> float:
        """Return when the majority had replied."""
        return answered


LEASE_FROM_ACK = Bug(
    "lease-from-ack",
    "a lease is counted from the replies to its round, not from its sending",
    LeaseFromAck,
    section="thesis §6.4.1",
    violates=("Lease Exclusion",),
    seen_in=("hashicorp/raft #108",),
    options=("reads by lease",),
)


class LeaseSurvivesStall(ConsensusModule):
    """A leader looks at the clock when its timer fires, to see whether it has a lease, and remembers that. A read
    is answered by what it remembers. Its process is paused, by the scheduler, a full disk or a garbage collector,
    for longer than the lease. Meanwhile the others elect a leader, which commits more. When the process goes on,
    the first thing that it handles is a read that has waited in a socket: its timer has not fired yet, so it
    answers as before. The clock must be read when a read is answered.
    """

    time_fields = State.time_fields | {"_looked_at"}
    _looked_at = 0.0

    def wake(self, now: float) -> None:
        """Look at the clock."""
        self._looked_at = now
        super().wake(now)

    def _has_lease(self, leadership: Leadership) -> bool:
        until = leadership.rounds.lease_until
        return not self._may_not_use_lease(leadership) and self.rules.holds_lease(self._looked_at, until)


LEASE_SURVIVES_STALL = Bug(
    "lease-survives-stall",
    "a leader that was paused answers by a lease that has ended meanwhile",
    LeaseSurvivesStall,
    section="thesis §6.4.1",
    violates=("Lease Exclusion",),
    seen_in=("tikv/tikv #964",),
    options=("reads by lease",),
)


class LeaseAndLateTimeoutNow(Rules):
    """A leader does not use its lease while it hands its leadership over, but does so again once it has given that
    up. Its TimeoutNow may be on its way all the same. When it arrives, its receiver starts an election, and its
    requests carry the permission to disrupt: who has given the leader a lease grants its vote even so. The new
    leader commits more, and the old one answers from a state that is out of date, until it hears of the new term.
    A leader that has sent TimeoutNow must not use a lease again in that term.
    """

    def ends_lease(self, transferring: bool, handed_over: bool) -> bool:
        """Ask only whether it hands over now."""
        return transferring


LEASE_AND_LATE_TIMEOUT_NOW = Bug(
    "lease-and-late-timeout-now",
    "a leader uses its lease again after a transfer, while TimeoutNow is on its way",
    LeaseAndLateTimeoutNow,
    section="thesis §3.10, thesis §6.4.1",
    violates=("Lease Exclusion",),
    seen_in=("tikv/raft-rs #234", "etcd-io/etcd #12704"),
    options=("reads by lease", "transfers"),
)
