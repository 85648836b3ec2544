"""Bug switches of replication: what is stored, acknowledged and committed (§5.3, §5.4.2)."""

from msgspec.structs import replace

from raftplay.raft import decisions
from raftplay.raft.bugs.about import LIVENESS, Bug
from raftplay.raft.consensus import ConsensusModule
from raftplay.raft.log import RaftLog
from raftplay.raft.messages import LEADER, NONE, AppendEntriesArgs, AppendEntriesReply
from raftplay.raft.progress import Progress
from raftplay.raft.roles import Leadership
from raftplay.raft.rule_names import Rule
from raftplay.raft.rules import Rules


class CommitOldTerm(Rules):
    """A leader commits an entry of an earlier term as soon as a majority has it. Figure 8 of the paper
    shows why that is not safe: S1 puts x on two of five nodes and crashes; the other three elect S5, which
    appends y and crashes too; S1 restarts, copies x to a third node, counts three and reports x as committed.
    If S5 now restarts, its last entry y is of a higher term than x, so nodes that hold x vote for it, and it
    overwrites x on all nodes. An entry of a lower term is safe only below an entry of the leader's current term.
    """

    def may_commit(self, entry_term: int, current_term: int) -> bool:
        """Commit any entry that the log has."""
        return entry_term != NONE


COMMIT_OLD_TERM = Bug(
    "commit-old-term",
    "an entry of a lower term is committed by counting replicas (Figure 8)",
    CommitOldTerm,
    section="§5.4.2, Figure 8",
    violates=("Current-Term Commit", "State Machine Safety"),
    seen_in=("logcabin/logcabin #44", "nats-io/nats-server #7955"),
)


class TruncateAlways(Rules):
    """A follower truncates its log after prevLogIndex of every AppendEntries, whether or not an entry
    conflicts. Requests can be reordered: the one with [1,2] arrives, is stored and acknowledged, and
    then an older one, with [1] only, arrives and removes entry 2 again. The leader counts an
    acknowledgement for an entry that is gone; if it commits by that count and crashes, the entry is lost. Only
    an entry of another term at the same index is a reason to truncate.
    """

    def first_conflict(self, args: AppendEntriesArgs, log: RaftLog) -> int:
        """Delete all entries after prevLogIndex."""
        return args.prev_log_index + 1 if args.prev_log_index < log.last_index else NONE


TRUNCATE_ALWAYS = Bug(
    "truncate-always",
    "every AppendEntries truncates the log after prevLogIndex",
    TruncateAlways,
    section="§5.3, rule 3 of AppendEntries",
    violates=("Quorum Log",),
    seen_in=("ktoso/akka-raft #66",),
    sooner=("No Committed Truncation",),
)


class CommitPastNew(ConsensusModule):
    """A follower commits up to leaderCommit or the end of its own log, whichever comes first, instead of
    stopping at the last entry of the request. An old leader returns with entries at its end that no other
    node has. The new leader, which has committed others at the same indices, first probes where the two
    logs agree, with a request without entries. The probe matches before those entries and carries the
    high leaderCommit, so the follower commits its own stale entries, moments before they are replaced.
    (Leaders send such probes here as part of the switch; they are harmless by themselves.)
    """

    class CommitsOwnTail(Rules):
        """The rule of the switch; its probes are those of the node."""

        def follower_commit(self, args: AppendEntriesArgs, log: RaftLog) -> int:
            """Commit up to the end of the log."""
            return min(args.leader_commit, log.last_index)

    class ProbesWithoutEntries(Progress):
        """A peer whose request is empty after a rejection or a loss."""

        @property
        def most_entries(self) -> int:
            """Send no entries."""
            return 0 if self.unreached else super().most_entries

    rules = CommitsOwnTail()

    def _new_leadership(self) -> Leadership:
        new = super()._new_leadership()
        for peer_id, progress in new.progress.items():
            new.progress[peer_id] = self.ProbesWithoutEntries(progress.next, progress.match)
        return new

    def _rejected(
        self, leadership: Leadership, peer_id: int, args: AppendEntriesArgs, reply: AppendEntriesReply
    ) -> None:
        super()._rejected(leadership, peer_id, args, reply)
        leadership.progress[peer_id].unreached = True


COMMIT_PAST_NEW = Bug(
    "commit-past-new",
    "a follower commits up to min(leaderCommit, its own last index)",
    CommitPastNew,
    section="§5.3, rule 5 of AppendEntries",
    violates=("State Machine Safety",),
    seen_in=("atomix/copycat #265", "scylladb/scylladb #9965"),
    sooner=("Follower Commit",),
)


class StaleAppendReply(Rules):
    """A leader counts every successful reply to an AppendEntries, even to a request of an earlier leadership. A
    node leads, sends an entry, and the acknowledgement is slow; the node is deposed, another leader replaces the
    entry in its log, and later the node leads again. Now the old acknowledgement arrives. It is for the
    replaced entry, but the leader takes it as proof that the peer holds the new entry at that index,
    and may commit that with too few copies. A reply counts only in the term in which its request was sent.
    """

    def answers_leadership(self, args: AppendEntriesArgs, reply: AppendEntriesReply, current_term: int) -> bool:
        """Count every reply."""
        return True


STALE_APPEND_REPLY = Bug(
    "stale-append-reply",
    "a reply to a request of an earlier leadership of the same node is counted",
    StaleAppendReply,
    section="§5.3",
    violates=("Match Truth",),
    seen_in=("eliben/raft at 0ae7b34",),
    sooner=("Reply Of Its Term",),
)


class AckOwnTail(ConsensusModule):
    """A follower acknowledges up to the end of its own log, not up to the last entry of the request, and
    the leader believes it. A follower that led before still has entries at its end that no other node has. The
    new leader's heartbeat agrees with the log before them, so it succeeds, and the follower reports its whole
    length. The leader now believes that its own entries at those indices are replicated, and commits them by
    that count, though they may be on too few disks. A success acknowledges prevLogIndex plus the entries sent.
    """

    class BelievesTail(Rules):
        """The leader's part of the switch."""

        def acknowledged_index(self, args: AppendEntriesArgs, reply: AppendEntriesReply) -> int:
            """Believe what the follower reports."""
            return reply.conflict_index

    rules = BelievesTail()

    def append_entries(self, args: AppendEntriesArgs, now: float | None = None) -> AppendEntriesReply:
        """Report the log's last index with a success, in place of a conflict hint."""
        reply = super().append_entries(args, now)
        return replace(reply, conflict_index=self.log.last_index) if reply.success else reply


ACK_OWN_TAIL = Bug(
    "ack-own-tail",
    "a follower acknowledges its own last index",
    AckOwnTail,
    section="§5.3",
    violates=("Match Truth",),
    seen_in=("microsoft/CCF #6016",),
)


class HeartbeatUnchecked(Rules):
    """A follower replies with success to every AppendEntries without entries: it does not compare the
    logs for a heartbeat. But for the leader every success means "your log agrees with mine up to prevLogIndex";
    it sets matchIndex to it, though the follower may lack entries there, or hold others. The leader
    then commits entries that a majority does not have; and the follower, which trusts leaderCommit, applies
    its own entries at those indices. A heartbeat must pass the same checks as any other AppendEntries.
    """

    def log_matches(self, args: AppendEntriesArgs, log: RaftLog) -> bool:
        """Compare the logs only if there are entries."""
        return not args.entries or super().log_matches(args, log)

    def follower_commit(self, args: AppendEntriesArgs, log: RaftLog) -> int:
        """Commit no entry that the log lacks."""
        return min(super().follower_commit(args, log), log.last_index)


HEARTBEAT_UNCHECKED = Bug(
    "heartbeat-unchecked",
    "an AppendEntries without entries skips the check of prevLogIndex",
    HeartbeatUnchecked,
    section="§5.3, rule 2 of AppendEntries",
    violates=("Match Truth",),
    seen_in=("Students' Guide to Raft", "atomix/atomix #1036"),
)


class MatchNotReset(ConsensusModule):
    """A node that leads again keeps the matchIndex of its last leadership. It led before and knew that a
    peer held its entries; then another leader replaced those entries in its log. When it is elected again,
    matchIndex still says that the peer agrees up to there, though the peer may hold the old entries or none.
    The first count of replicas may commit an entry that is on too few disks. A leader must reset matchIndex
    in each term, and learn again what each follower holds.
    """

    _last: Leadership | None = None

    def _new_leadership(self) -> Leadership:
        new, last = super()._new_leadership(), self._last
        if last is not None:
            for peer_id, progress in new.progress.items():
                progress.match = last.progress[peer_id].match
        self._last = new
        return new


MATCH_NOT_RESET = Bug(
    "match-not-reset",
    "matchIndex is kept from one leadership of a node to its next",
    MatchNotReset,
    section="Figure 2, volatile state on leaders",
    violates=("Match Truth",),
    seen_in=("atomix/copycat #29", "eliben/raft at 07acf9c"),
    sooner=("Match Monotonic",),
)


class AcceptOldTerm(Rules):
    """A node accepts entries from an AppendEntries of a lower term than its own. A deposed leader's request is
    delayed; meanwhile another leader was elected, appended entries and perhaps committed them. Now the
    old request arrives: conflicting entries are removed and replaced by entries of the lower term. If it arrives
    at the new leader itself, that leader loses entries that it has already sent, and gives their indices to
    other commands in the same term, so two logs differ at one index and term. Raft relies on this never
    happening. A node must reject a request of a lower term before any other check.
    """

    def is_stale_append(self, term: int, current_term: int) -> bool:
        """Reject no term."""
        return False


ACCEPT_OLD_TERM = Bug(
    "accept-old-term",
    "an AppendEntries of a lower term is accepted",
    AcceptOldTerm,
    section="§5.1, rule 1 of AppendEntries",
    violates=("Log Matching",),
    seen_in=("jasonrogena/lightraft #11",),
    sooner=("Leader Append-Only", "No Committed Truncation", "Timer Rules"),
)


class KeepConflictingTail(ConsensusModule):
    """A follower replaces an entry that conflicts with the leader's and keeps the entries after it. Those came
    from another leader and belong after the entry that was replaced; now they follow an entry with
    which they were never in one log. A check of prevLogIndex on such an entry finds the expected index and
    term and takes all entries before it for equal, though they differ. A conflicting entry must be
    deleted, with all that follow it.
    """

    class DeletesNothing(Rules):
        """The rule of the switch; the node then overwrites what conflicts."""

        def first_conflict(self, args: AppendEntriesArgs, log: RaftLog) -> int:
            """Delete no entry."""
            return NONE

    rules = DeletesNothing()

    def _append_new(self, args: AppendEntriesArgs) -> None:
        for at, entry in enumerate(args.entries, start=args.prev_log_index + 1):
            if at >= len(self.log):
                super()._append_new(args)
                return
            if self.log[at].term != entry.term:
                kept = self.log[at + 1 :]
                self.log.truncate(at)
                self.log.extend((entry, *kept))
                self._tell(decisions.EntriesStored(at, (entry,)))


KEEP_CONFLICTING_TAIL = Bug(
    "keep-conflicting-tail",
    "a conflicting entry is overwritten, and the entries after it stay",
    KeepConflictingTail,
    section="§5.3, rule 3 of AppendEntries",
    violates=("Log Matching",),
    seen_in=("mofa-org/mofa #1151",),
)


class ConflictOffByOne(Rules):
    """The conflict hint of a rejected AppendEntries is one too high, and the leader trusts it. A follower
    whose log ends before index 3 should say "try from 3"; it says 4. So the leader sends from 4 with
    prevLogIndex 3, an entry that the follower lacks; it rejects that and says 4 again. This repeats for
    ever: the follower never stores an entry. Heartbeats keep the follower from starting an
    election, so the cluster looks healthy while one node makes no progress.
    """

    def conflict_hint(self, args: AppendEntriesArgs, log: RaftLog) -> tuple[int, int]:
        """Give a hint that is one too high."""
        conflict_index, conflict_term = super().conflict_hint(args, log)
        return conflict_index + 1, conflict_term

    def next_index_after(self, args: AppendEntriesArgs, reply: AppendEntriesReply, log: RaftLog) -> int:
        """Trust the hint, even if it is not further back."""
        return self.hinted_index(reply, log)


CONFLICT_OFF_BY_ONE = Bug(
    "conflict-off-by-one",
    "the conflict hint is one too high (it probes for ever)",
    ConflictOffByOne,
    section="end of §5.3",
    violates=(LIVENESS,),
    seen_in=("microsoft/CCF #2835",),
)


class NoCommitOnHeartbeat(Rules):
    """A follower reads leaderCommit only in requests with entries. An entry is committed after the followers
    have stored it, so they learn of the commit from a later request; if no client submits another command, that
    is a heartbeat without entries. The followers hold the last entry and never apply it, and a client that
    reads from a follower never sees it.
    """

    def follower_commit(self, args: AppendEntriesArgs, log: RaftLog) -> int:
        """Ignore leaderCommit if there are no entries."""
        return super().follower_commit(args, log) if args.entries else NONE


NO_COMMIT_ON_HEARTBEAT = Bug(
    "no-commit-on-heartbeat",
    "followers ignore leaderCommit in an AppendEntries without entries",
    NoCommitOnHeartbeat,
    section="§5.3, rule 5 of AppendEntries",
    violates=(LIVENESS,),
    seen_in=("ktoso/akka-raft #33",),
    sooner=("Follower Commit",),
)


class CountAcks(ConsensusModule):
    """A leader counts acknowledgements, and not the followers that they come from. A follower that has
    acknowledged an entry does so again with every heartbeat, and also after a restart, when the leader asks it
    anew. With five nodes, one follower that answers twice makes three, and the leader commits an entry that is on
    two disks. The other three nodes may elect a leader without it, and it is lost. An entry is committed when a
    majority of different nodes has it.
    """

    _acks: dict[int, int]

    def _new_leadership(self) -> Leadership:
        self._acks = {}
        return super()._new_leadership()

    def _append_answered(self, peer_id: int, args: AppendEntriesArgs, reply: AppendEntriesReply) -> None:
        super()._append_answered(peer_id, args, reply)
        leadership = self._leadership
        if leadership is None or not reply.success or args.term != self.current_term:
            return
        index = self.rules.acknowledged_index(args, reply)
        acks = self._acks[index] = self._acks.get(index, 0) + 1
        is_new = self.commit_index < index <= self.log.last_index
        if is_new and 1 + acks >= self.quorum.needed and self.log.term_at(index) == self.current_term:
            self._commit(index, Rule.OWN_RULE)
            leadership.due.update(leadership.progress)


COUNT_ACKS = Bug(
    "count-acks",
    "a leader counts acknowledgements, also several of one follower",
    CountAcks,
    section="§5.3",
    violates=("Quorum Log",),
    seen_in=("jgroups-extras/jgroups-raft #24",),
)


class RollbackOnStepDown(ConsensusModule):
    """A leader that steps down removes the entries that it does not know to be committed: nobody confirmed them,
    so they seem to be of no use. But a node may hold entries that are committed without knowing it: an earlier
    leader counted them, and crashed before it could tell. The new leader holds such an entry, has committed
    nothing yet, hears of a higher term, and removes it. Now too few nodes hold the entry; the next vote goes to a
    candidate that lacks it, and it is lost. A follower removes entries only where they conflict with those of its
    leader.
    """

    def _become_follower(self, term: int, rule: str) -> None:
        led = self.state is LEADER
        super()._become_follower(term, rule)
        if led and self.log.last_index > self.commit_index:
            index = self.commit_index + 1
            removed = self.log.last_index - self.commit_index
            self.log.truncate(index)
            self._tell(decisions.LogTruncated(index, removed))


ROLLBACK_ON_STEP_DOWN = Bug(
    "rollback-on-step-down",
    "a leader that steps down removes the entries above its commit index",
    RollbackOnStepDown,
    section="§5.3, §5.4",
    violates=("Leader Completeness",),
    seen_in=("microsoft/CCF #5674",),
    sooner=("No Committed Truncation",),
)


class AnswersInCallersTerm(ConsensusModule):
    """A follower stores what an old leader sends, though it knows of a higher term, and its answer carries the
    term of the request. So the old leader cannot see that it has been deposed. Take a node that has just voted in
    term 2: the leader of term 1 sends it an entry, counts the answer, and tells its client that the entry is
    committed. The leader of term 2 was elected without that entry and never gets it, so it is lost. A reply must
    carry the term of the node that sends it, and a request of a lower term must be rejected.
    """

    class RejectsNoTerm(Rules):
        """The rule of the switch; the node then replies in the term of the request."""

        def is_stale_append(self, term: int, current_term: int) -> bool:
            """Reject no term."""
            return False

    rules = RejectsNoTerm()

    def append_entries(self, args: AppendEntriesArgs, now: float | None = None) -> AppendEntriesReply:
        """Reply in the term of the request."""
        reply = super().append_entries(args, now)
        return replace(reply, term=min(reply.term, args.term))


ANSWERS_IN_CALLERS_TERM = Bug(
    "answers-in-callers-term",
    "a node in a higher term answers an old leader in that leader's term",
    AnswersInCallersTerm,
    section="§5.1, rule 1 of AppendEntries",
    violates=("Leader Completeness",),
    seen_in=("tarantool/tarantool #7253",),
    sooner=("Timer Rules", "Request Truth", "Leader Append-Only", "No Committed Truncation", "Log Matching"),
)
