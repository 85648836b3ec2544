"""Reads without the log: ReadIndex, and leases (thesis §6.4, thesis §6.4.1).

The rule of this module: a read is answered from the state after everything that was committed when it began. The
leader knows that index once it has committed an entry of its own term; a round of Confirm tells it that nobody has
replaced it meanwhile, and so does a lease: those who answered a round elect nobody for a while. A follower asks
the leader for the index, waits until the leader says that the round is confirmed, and answers itself.

Whoever runs the node calls `read`, and after every input `take_reads`, while `has_reads`.
"""

from msgspec.structs import replace

from raftplay.raft import decisions
from raftplay.raft.messages import (
    DEAD,
    NONE,
    ConfirmArgs,
    ConfirmReply,
    Entry,
    InternalEntry,
    ReadIndexArgs,
    ReadIndexReply,
)
from raftplay.raft.roles import Leadership, PendingRead
from raftplay.raft.rule_names import Rule
from raftplay.raft.state import State

BY_LEASE = 0
"""The round of a read that needs none: the leader had a lease when it began."""


class Reads(State):
    """The part of a node that reads without the log."""

    # ---- what can be read of it

    @property
    def has_reads(self) -> bool:
        """Return whether a read waits for its answer."""
        return bool(self._reads.waiting)

    @property
    def lease_until(self) -> float:
        """Return when the lease of this leader ends; 0 if it has none, or may not use it."""
        leadership = self._leadership
        if leadership is None or self._may_not_use_lease(leadership):
            return 0.0
        return leadership.rounds.lease_until

    # ---- inputs

    def read(self, now: float | None = None) -> int:
        """Begin a read; return its number, or -1 if this node neither leads nor knows who does."""
        self._set_now(now)
        leader = self.id if self._leadership is not None else self.leader_id
        if self.state is DEAD or leader == NONE:
            return NONE
        reads = self._reads
        number = reads.next_number
        reads.next_number += 1
        read = PendingRead(number, self.current_term, leader, self._now)
        self._tell(decisions.ReadStarted(number, leader))
        if self._leadership is not None:
            self._append_noop(self._leadership)
            read = self._placed(self._leadership, read)
        else:
            self._calls.append((leader, ReadIndexArgs(self.current_term, self.id, number)))
        reads.waiting.append(read)
        return number

    def confirm(self, args: ConfirmArgs, now: float | None = None) -> ConfirmReply:
        """Reply to Confirm: this node follows the leader in its term. A Dead node returns a reply of term 0."""
        if self.state is DEAD:
            return ConfirmReply(0, False)
        self._set_now(now)
        if self.rules.is_stale_append(args.term, self.current_term):
            self._tell(decisions.ConfirmDecided(args, False, Rule.STALE_TERM))
            return ConfirmReply(self.current_term, False)
        self._follow(args.term, args.leader_id)
        self._reads.confirmed = max(self._reads.confirmed, (args.term, args.confirmed))
        self._tell(decisions.ConfirmDecided(args, True, Rule.FOLLOWS))
        return ConfirmReply(self.current_term, True)

    def read_index(self, args: ReadIndexArgs, now: float | None = None) -> ReadIndexReply:
        """Reply to ReadIndex, which a follower sent. A Dead node returns a reply of term 0."""
        if self.state is DEAD:
            return ReadIndexReply(0, False)
        self._set_now(now)
        if self.rules.is_newer_request(args.term, self.current_term):
            self._become_follower(args.term, Rule.NEWER_TERM)
        leadership, rule = self._leadership, Rule.AT_COMMIT
        if leadership is not None and args.term == self.current_term:
            self._append_noop(leadership)
        if args.term < self.current_term:
            rule = Rule.STALE_TERM
        elif leadership is None:
            rule = Rule.NO_LEADER
        elif not self._may_read():
            rule = Rule.NO_OWN_COMMIT
        if leadership is None or rule is not Rule.AT_COMMIT:
            self._tell(decisions.ReadIndexDecided(args, False, rule))
            return ReadIndexReply(self.current_term, False)
        round = self._needed_round(leadership)
        if round != BY_LEASE:
            leadership.rounds.asked[args.node_id] = round
        self._tell(decisions.ReadIndexDecided(args, True, rule, self.commit_index, round))
        return ReadIndexReply(self.current_term, True, self.commit_index, round)

    # ---- outputs

    def take_reads(self, now: float | None = None) -> list[tuple[int, int]]:
        """Return the reads that are over, as (number, index): the node has applied that, and answers.

        Index -1: it cannot answer. The caller calls `persist` and `take_commits` first, and `take_calls` later.
        """
        self._set_now(now)
        over: list[tuple[int, int]] = []
        waiting: list[PendingRead] = []
        for read in map(self._placed_late, self._reads.waiting):
            refusal = self._refusal(read)
            if refusal is not None:
                self._tell(decisions.ReadRefused(read.number, refusal))
                over.append((read.number, NONE))
            elif self._may_answer(read):
                rule = Rule.LEASE if read.round == BY_LEASE else Rule.ROUND
                self._tell(decisions.ReadAnswered(read.number, read.index, rule))
                over.append((read.number, read.index))
            else:
                waiting.append(read)
        self._reads.waiting = waiting
        return over

    def _refusal(self, read: PendingRead) -> Rule | None:
        """Return why a read can no longer be answered here; None if it can."""
        leads = self._leadership is not None
        if self.state is DEAD or read.term != self.current_term or leads is not (read.leader == self.id):
            return Rule.NO_LEADER
        if read.is_refused:
            return Rule.LEADER_REFUSED
        is_late = not leads and self._now - read.since >= self.config.election_max
        return Rule.NO_ANSWER if is_late and not self._is_confirmed(read) else None

    def _placed_late(self, read: PendingRead) -> PendingRead:
        """Return a read of this leader with its index, if it had to wait for that until now."""
        leadership = self._leadership
        is_of_this = leadership is not None and read.leader == self.id and read.term == self.current_term
        return self._placed(leadership, read) if leadership and is_of_this and not read.has_index else read

    def _may_answer(self, read: PendingRead) -> bool:
        return self._is_confirmed(read) and self.rules.may_read_at(read.index, self.last_applied)

    def _is_confirmed(self, read: PendingRead) -> bool:
        """Return whether the read has an index, and nobody had replaced the leader when it got that."""
        if not read.has_index:
            return False
        leadership = self._leadership
        if leadership is not None:
            confirmed = leadership.rounds.confirmed
        else:
            term, confirmed = self._reads.confirmed
            confirmed = confirmed if term == read.term else BY_LEASE
        return self.rules.is_confirmed(read.round, confirmed)

    # ---- the leader's side

    def _placed(self, leadership: Leadership, read: PendingRead) -> PendingRead:
        """Return a read of this leader with its index and its round, if the leader knows what is committed."""
        if not self._may_read():
            return read
        return replace(read, index=self.commit_index, has_index=True, round=self._needed_round(leadership))

    def _may_read(self) -> bool:
        """Return whether this leader knows what is committed: whether an entry of its own term is."""
        committed_term = self.log.term_at(self.commit_index) if self.commit_index != NONE else NONE
        return self.rules.may_read(committed_term, self.current_term)

    def _append_noop(self, leadership: Leadership) -> None:
        """Append an entry for a read to wait for, if the leader's log has none of its own term (§8)."""
        if not self._may_read() and self.log.last_term != self.current_term and leadership.transfer is None:
            self._append_own(leadership, InternalEntry(self.current_term, "no-op"))

    def _needed_round(self, leadership: Leadership) -> int:
        """Return the round that must be confirmed before a read that begins now is answered."""
        return BY_LEASE if self._has_lease(leadership) else self._unsent_round(leadership)

    def _has_lease(self, leadership: Leadership) -> bool:
        """Return whether those who answered the last round cannot have elected another leader by now."""
        until = leadership.rounds.lease_until
        return not self._may_not_use_lease(leadership) and self.rules.holds_lease(self._now, until)

    def _may_not_use_lease(self, leadership: Leadership) -> bool:
        transferring = leadership.transfer is not None
        return not self.config.lease or self.rules.ends_lease(transferring, leadership.has_handed_over)

    def _unsent_round(self, leadership: Leadership) -> int:
        """Return a round that has not left yet, so that all reads of one moment share it."""
        rounds = leadership.rounds
        if not self._calls or self._calls[-1][1] is not rounds.newest:
            self._start_round(leadership)
        return rounds.number

    def _start_round(self, leadership: Leadership) -> None:
        rounds = leadership.rounds
        args = rounds.start(self.current_term, self.id, self._now)
        self._tell(decisions.RoundStarted(args.round))
        self._calls.extend((peer_id, args) for peer_id in self.peer_ids)
        self._count_round(leadership)

    def _renew_round(self, leadership: Leadership) -> None:
        """Start a round with a heartbeat: for the lease, or since messages of the last one may be lost."""
        if self._reads.waiting:
            self._append_noop(leadership)
        if self.config.lease or self._reads.waiting or leadership.rounds.asked:
            self._start_round(leadership)

    def _confirm_answered(self, peer_id: int, args: ConfirmArgs, reply: ConfirmReply) -> None:
        leadership = self._leadership
        if leadership is None or not (args.term == reply.term == self.current_term):
            self._tell(decisions.ReplyIgnored(peer_id, args, reply, Rule.OLD_CALL))
            return
        rounds, leadership.progress[peer_id].heard = leadership.rounds, self._now
        round = self.rules.acknowledged_round(args.round, rounds.number)
        rounds.acknowledged[peer_id] = max(round, rounds.acknowledged.get(peer_id, 0))
        rounds.told(peer_id, args.confirmed)
        self._count_round(leadership)

    def _count_round(self, leadership: Leadership) -> None:
        """Confirm the newest round that a majority has answered, and tell the followers that wait for it."""
        rounds = leadership.rounds
        acknowledged = {**rounds.acknowledged, self.id: rounds.number}
        confirmed = min(self.rules.confirmed_round(acknowledged, self.quorum), rounds.number)
        if confirmed <= rounds.confirmed:
            return
        if self.config.lease:
            start = self.rules.lease_start(rounds.started[confirmed], self._now)
            until = self.rules.lease_end(start, self.config.kept_for, self.config.drift / 100)
            rounds.lease_until = max(rounds.lease_until, until)
        rounds.confirm(confirmed)
        by = (self.id, *(id for id, round in rounds.acknowledged.items() if round >= confirmed))
        self._tell(decisions.RoundConfirmed(confirmed, by, self.lease_until))
        args = ConfirmArgs(self.current_term, self.id, rounds.number, confirmed)
        self._calls.extend((peer_id, args) for peer_id in rounds.waiting(confirmed))

    # ---- the follower's side

    def _read_index_answered(self, _peer_id: int, args: ReadIndexArgs, reply: ReadIndexReply) -> None:
        """Note what the leader says of a read of this node."""
        waiting = self._reads.waiting
        for at, read in enumerate(waiting):
            if read.number == args.read and read.leader != self.id and reply.term == read.term:
                waiting[at] = (
                    replace(read, index=reply.index, has_index=True, round=reply.round)
                    if reply.success
                    else replace(read, is_refused=True)
                )

    # ---- what the algorithm does

    def _append_own(self, leadership: Leadership, entry: Entry) -> int:
        raise NotImplementedError

    def _become_follower(self, term: int, rule: str) -> None:
        raise NotImplementedError

    def _follow(self, term: int, leader_id: int) -> None:
        raise NotImplementedError
