"""Bugs as a student would write them: with the rules and inputs that `raftplay help node` lists, and no more.

The class of the bug `commit-old-term` is `CommitOldTerm`, and so on.
"""

import json

import msgspec

from raftplay import (
    AppendEntriesArgs,
    AppendEntriesReply,
    CMState,
    ConsensusModule,
    Majority,
    RequestVoteArgs,
    Rules,
)
from raftplay.raft.decisions import CommitAdvanced, EntriesStored, LogTruncated
from raftplay.raft.messages import NO_APPEND_REPLY, NO_VOTE_REPLY


class CommitOldTerm(Rules):
    def may_commit(self, entry_term, current_term):
        return entry_term >= 0


class ForgetVote(ConsensusModule):
    def persist(self, now=None):
        vote, self.voted_for = self.voted_for, -1
        changed = super().persist(now)
        self.voted_for = vote
        return changed


class ForgetTerm(ConsensusModule):
    def persist(self, now=None):
        only_the_term = self.voted_for == -1 and self.log.changed_from is None
        return False if only_the_term else super().persist(now)


class ResetVote(Rules):
    def keeps_vote(self, term, current_term):
        return False


class TornVote(ConsensusModule):
    writes_vote_next = False

    def persist(self, now=None):
        vote, written = self.voted_for, self.durable_vote.voted_for
        self.writes_vote_next = vote != written and not self.writes_vote_next
        if not self.writes_vote_next:
            return super().persist(now)
        self.voted_for = written
        changed = super().persist(now)
        self.voted_for = vote
        return changed


class TruncateAlways(Rules):
    def first_conflict(self, args, log):
        first = args.prev_log_index + 1
        return first if first <= log.last_index else -1


class CommitPastNew(ConsensusModule):
    class EndOfLog(Rules):
        def follower_commit(self, args, log):
            return min(args.leader_commit, log.last_index)

    rules = EndOfLog()

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.probed = set()
        self.time = 0.0

    def reply_received(self, peer_id, args, reply, now):
        super().reply_received(peer_id, args, reply, now)
        self.time = now
        if isinstance(reply, AppendEntriesReply):
            (self.probed.discard if reply.success else self.probed.add)(peer_id)

    def call_failed(self, peer_id, args, now):
        super().call_failed(peer_id, args, now)
        self.probed.add(peer_id)

    def take_calls(self):
        """Send a request without entries after a rejection or a loss; the entries follow once it succeeds."""
        calls = []
        for peer_id, args in super().take_calls():
            if peer_id in self.probed and isinstance(args, AppendEntriesArgs) and args.entries:
                self.call_failed(peer_id, args, self.time)
                where = args.prev_log_index, args.prev_log_term
                probe = AppendEntriesArgs(args.term, args.leader_id, *where, (), args.leader_commit)
                calls.append((peer_id, probe))
            else:
                calls.append((peer_id, args))
        return calls


class StaleAppendReply(Rules):
    def answers_leadership(self, args, reply, current_term):
        return True


class StaleVoteReply(Rules):
    def answers_candidacy(self, args, current_term):
        return True


class DoubleCountVote(Rules):
    def is_new_vote(self, voter, votes):
        return True

    def wins(self, votes, quorum):
        return len(votes) >= quorum.needed


class AckOwnTail(ConsensusModule):
    class Believes(Rules):
        def acknowledged_index(self, args, reply):
            return reply.conflict_index

    rules = Believes()

    def append_entries(self, args, now=None):
        reply = super().append_entries(args, now)
        return AppendEntriesReply(reply.term, True, self.log.last_index) if reply.success else reply


class HeartbeatUnchecked(Rules):
    def log_matches(self, args, log):
        return not args.entries or super().log_matches(args, log)

    def follower_commit(self, args, log):
        return min(super().follower_commit(args, log), log.last_index)


class MatchNotReset(ConsensusModule):
    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.known = {}

    def reply_received(self, peer_id, args, reply, now):
        led = self.state is CMState.LEADER
        super().reply_received(peer_id, args, reply, now)
        if self.state is not CMState.LEADER:
            return
        if not led:
            for peer, index in self.known.items():
                told = AppendEntriesArgs(
                    self.current_term, self.id, index, self.log.term_at(index), (), self.commit_index
                )
                super().reply_received(peer, told, AppendEntriesReply(self.current_term, True), now)
        self.known = dict(self.match_index)


class AckBeforeDurable(ConsensusModule):
    writes_next = False

    def persist(self, now=None):
        is_late = self.state is CMState.FOLLOWER and self.log.changed_from is not None
        self.writes_next = is_late and not self.writes_next
        return False if self.writes_next else super().persist(now)


class LongerLogWins(Rules):
    def is_up_to_date(self, args, log):
        return args.last_log_index >= log.last_index


class NoLogCheck(Rules):
    def is_up_to_date(self, args, log):
        return True


class HalfIsMajority(Rules):
    class Half(Majority):
        def needed_of(self, count):
            return (count + 1) // 2

    def quorum(self, ids):
        return self.Half(ids)


class AcceptOldTerm(Rules):
    def is_stale_append(self, term, current_term):
        return False


class KeepConflictingTail(ConsensusModule):
    def append_entries(self, args, now=None):
        rules, log = self.rules, self.log
        if rules.log_matches(args, log) and not rules.is_stale_append(args.term, self.current_term):
            for index, entry in enumerate(args.entries, start=args.prev_log_index + 1):
                if index <= log.last_index and log.term_at(index) != entry.term:
                    kept = log[index + 1 :]
                    log.truncate(index)
                    log.extend([entry, *kept])
                    if self.observe is not None:
                        self.observe(EntriesStored(index, (entry,)))
        return super().append_entries(args, now)


class IgnoreNewerTerm(Rules):
    def is_newer_reply(self, term, current_term):
        return False


class TimerOnRefusal(Rules):
    def restarts_election_timer(self, granted):
        return True


class ConflictOffByOne(Rules):
    def conflict_hint(self, args, log):
        index, term = super().conflict_hint(args, log)
        return index + 1, term

    def next_index_after(self, args, reply, log):
        return self.hinted_index(reply, log)


class NoCommitOnHeartbeat(Rules):
    def follower_commit(self, args, log):
        return super().follower_commit(args, log) if args.entries else -1


class Zombie(ConsensusModule):
    hears_replies_when_dead = True
    role = CMState.FOLLOWER

    def stop(self):
        if self.state is not CMState.DEAD:
            self.role = self.state
        super().stop()

    def reply_received(self, peer_id, args, reply, now):
        if self.state is CMState.DEAD:
            self.state = self.role
        super().reply_received(peer_id, args, reply, now)


class LeaderClearsVote(ConsensusModule):
    def append_entries(self, args, now=None):
        known = self.leader_id
        reply = super().append_entries(args, now)
        if self.state is CMState.FOLLOWER and self.leader_id != known:
            self.voted_for = -1
        return reply


class CountAcks(ConsensusModule):
    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.acks = {}

    def reply_received(self, peer_id, args, reply, now):
        super().reply_received(peer_id, args, reply, now)
        if not isinstance(args, AppendEntriesArgs) or not reply.success or self.state is not CMState.LEADER:
            return
        index = args.prev_log_index + len(args.entries)
        self.acks[args.term, index] = acks = self.acks.get((args.term, index), 0) + 1
        if acks + 1 >= self.quorum.needed and self.log.term_at(index) == args.term == self.current_term:
            commit(self, index)


def commit(node, index):
    if index > node.commit_index:
        node.commit_index = index
        if node.observe is not None:
            node.observe(CommitAdvanced(index, "I count as I like"))


class RollbackOnStepDown(ConsensusModule):
    def request_vote(self, args, now=None):
        self.roll_back(args.term)
        return super().request_vote(args, now)

    def append_entries(self, args, now=None):
        self.roll_back(args.term)
        return super().append_entries(args, now)

    def reply_received(self, peer_id, args, reply, now):
        self.roll_back(reply.term)
        super().reply_received(peer_id, args, reply, now)

    def roll_back(self, term):
        if self.state is CMState.LEADER and term > self.current_term:
            remove(self, self.commit_index + 1)


def remove(node, index):
    count = node.log.last_index + 1 - index
    if count > 0:
        node.log.truncate(index)
        if node.observe is not None:
            node.observe(LogTruncated(index, count))


class AnswersInCallersTerm(ConsensusModule):
    rules = AcceptOldTerm()

    def append_entries(self, args, now=None):
        reply = super().append_entries(args, now)
        hint = reply.conflict_index, reply.conflict_term
        return AppendEntriesReply(min(reply.term, args.term), reply.success, *hint)


class PrevoteCounts(ConsensusModule):
    def reply_received(self, peer_id, args, reply, now):
        if self.state is CMState.CANDIDATE and isinstance(args, RequestVoteArgs):
            args = RequestVoteArgs(args.term, args.candidate_id, args.last_log_index, args.last_log_term)
        super().reply_received(peer_id, args, reply, now)


class LeaderCountsEarly(ConsensusModule):
    writes = False

    def wake(self, now):
        self.writes = True
        super().wake(now)

    def persist(self, now=None):
        if self.state is CMState.LEADER and not self.writes:
            return False
        changed = super().persist(now)
        self.writes = False
        return changed

    def reply_received(self, peer_id, args, reply, now):
        super().reply_received(peer_id, args, reply, now)
        if self.state is CMState.LEADER:
            lengths = {peer: match + 1 for peer, match in self.match_index.items()}
            index = self.quorum.committed(lengths | {self.id: len(self.log)}) - 1
            if self.log.term_at(index) == self.current_term:
                commit(self, index)


class ReusesIndex(ConsensusModule):
    failed_in = -1
    tried = False

    def persist(self, now=None):
        start = self.log.changed_from
        if self.state is CMState.LEADER and self.failed_in != self.current_term and start is not None:
            self.tried = not self.tried
            if self.tried:
                return False
            self.failed_in = self.current_term
            if self.commit_index < start:
                remove(self, start)
        return super().persist(now)


class PrevoteDeafToTerms(ConsensusModule):
    def reply_received(self, peer_id, args, reply, now):
        if not (isinstance(args, RequestVoteArgs) and args.pre_vote and reply.term > self.current_term):
            super().reply_received(peer_id, args, reply, now)


class PrevoteIgnoresLog(Rules):
    def is_up_to_date(self, args, log):
        return args.pre_vote or super().is_up_to_date(args, log)


class RepeatRefused(Rules):
    def may_vote_for(self, candidate_id, voted_for):
        return voted_for == -1


class PrevoteClearsVote(ConsensusModule):
    def append_entries(self, args, now=None):
        if self.state is CMState.PRE_CANDIDATE and args.term == self.current_term:
            self.voted_for = -1
        return super().append_entries(args, now)


class PrevoteMovesTerm(ConsensusModule):
    def request_vote(self, args, now=None):
        if args.pre_vote and args.term > self.current_term:
            self._set_now(now)
            self._become_follower(args.term, "newer-term")
        return super().request_vote(args, now)


class PrevoteSilent(ConsensusModule):
    def request_vote(self, args, now=None):
        reply = super().request_vote(args, now)
        return NO_VOTE_REPLY if args.pre_vote and args.term < self.current_term else reply

    def append_entries(self, args, now=None):
        reply = super().append_entries(args, now)
        return NO_APPEND_REPLY if args.term < self.current_term else reply


class PrevoteIgnoresLeader(Rules):
    def leader_is_alive(self, silence, election_min):
        return False

    def ignores_vote_request(self, args, silence, election_min):
        return not args.pre_vote and silence < election_min


class PrevoteGivesUp(ConsensusModule):
    def time_out(self, now):
        if self.state is CMState.PRE_CANDIDATE:
            self._set_now(now)
            self._become_candidate("by-hand")
        else:
            super().time_out(now)


class StickyLeaderStays(Rules):
    def has_lost_quorum(self, silence, election_min):
        return False


class QuorumBySending(ConsensusModule):
    quorum_silence = 0.0  # it sends all the time


class TransferFlagStuck(Rules):
    def is_transfer_over(self, now, until):
        return False


class WritesDuringTransfer(Rules):
    def accepts_commands(self, transferring):
        return True


class TimeoutNowEarly(Rules):
    def may_hand_over(self, match, last_index):
        return match <= last_index


class StaleTimeoutNow(Rules):
    def is_current_timeout_now(self, term, current_term):
        return term <= current_term


class SnapshotKeepsTail(Rules):
    def keeps_log_after(self, last_index, last_term, log):
        return True


class SnapshotCutsSuffix(Rules):
    def keeps_log_after(self, last_index, last_term, log):
        return False


class SnapshotOlderInstalled(Rules):
    def is_older_snapshot(self, last_index, commit_index):
        return False


class PurgedPrevIsConflict(Rules):
    def first_conflict(self, args, log):
        if args.prev_log_index < log.base_index < log.last_index:
            return log.base_index + 1
        return super().first_conflict(args, log)


class CompactPastCommit(ConsensusModule):
    def take_snapshot(self, data, now=None):
        applied, self.last_applied = self.last_applied, self.log.last_index
        index = super().take_snapshot(data, now)
        self.last_applied = applied
        return index


class SnapshotEndUnknown(Rules):
    def log_matches(self, args, log):
        if args.prev_log_index == log.base_index >= 0:
            return False
        return super().log_matches(args, log)


class SnapshotOfCurrentTerm(Rules):
    def snapshot_term(self, entry_term, current_term):
        return current_term


class CompactedLogIsEmpty(Rules):
    def is_up_to_date(self, args, log):
        return log.base_index == log.last_index or super().is_up_to_date(args, log)


class SnapshotDropsKey(ConsensusModule):
    def take_image(self):
        image = super().take_image()
        if image is None:
            return None
        contents = json.loads(image.data)
        contents[0][0][0] = "lost"
        return msgspec.structs.replace(image, data=json.dumps(contents).encode())


class NoDedupe(Rules):
    def is_repeated(self, seq, answered):
        return False


class SnapshotWithoutSessions(Rules):
    def saves_answers(self):
        return False


class AnswerAtAppend(Rules):
    def may_answer(self, index, last_applied):
        return True


class DefiniteErrorForUnknown(Rules):
    def may_deny(self, is_in_log):
        return True


class RetryCacheExpires(Rules):
    def keeps_answer(self, seq, acked, idle):
        return idle < 0.3 and super().keeps_answer(seq, acked, idle)


class ExpiryByOwnClock(Rules):
    def is_session_over(self, idle):
        return idle > 0.5


class ReadBeforeNoop(Rules):
    def may_read(self, committed_term, current_term):
        return True


class ReadWithoutRound(Rules):
    def is_confirmed(self, round, confirmed):
        return True


class ReadStaleAck(Rules):
    def acknowledged_round(self, args_round, newest):
        return newest


class ReadOneShort(Rules):
    def confirmed_round(self, acknowledged, quorum):
        rounds = sorted(acknowledged.get(id, 0) for id in quorum.ids)
        return rounds[-max(quorum.needed - 1, 1)]


class ReadBeforeApply(Rules):
    def may_read_at(self, index, last_applied):
        return True


class LeaseByFlags(Rules):
    def has_lost_quorum(self, silence, election_min):
        return silence >= 2 * election_min

    def holds_lease(self, now, until):
        return True


class LeaseFromAck(Rules):
    def lease_start(self, sent, answered):
        return answered


class LeaseSurvivesStall(ConsensusModule):
    looked_at = 0.0
    time_fields = ConsensusModule.time_fields | {"looked_at"}

    def wake(self, now):
        self.looked_at = now
        super().wake(now)

    def read(self, now=None):
        return super().read(self.looked_at)


class LeaseAndLateTimeoutNow(Rules):
    def ends_lease(self, transferring, handed_over):
        return transferring
