"""Bug switches of replication: what is stored, acknowledged and committed (§5.3, §5.4.2)."""

from raftplay.raft import decisions
from raftplay.raft.bugs.about import LIVENESS, Bug
from raftplay.raft.consensus import ConsensusModule
from raftplay.raft.messages import NONE, AppendEntriesArgs, AppendEntriesReply, CMState


class CommitOldTerm(ConsensusModule):
    """A leader commits an entry of an earlier term as soon as it counts it on a majority. Figure 8 of the paper
    shows why that is no proof: S1 puts x on two of five nodes and crashes; S5 is elected by the other three,
    takes y, and crashes too; S1 returns, copies x to a third node, counts three and reports x as committed.
    If S5 now returns, its last entry y is of a later term than x, so nodes that hold x vote for it, and it
    overwrites x everywhere. An entry of an older term is safe only under one of the leader's own term.
    """

    def _may_commit(self, index: int) -> bool:
        return index <= self.log.last_index


COMMIT_OLD_TERM = Bug(
    "commit-old-term",
    "an entry of an older term is committed by counting replicas (Figure 8)",
    CommitOldTerm,
    section="§5.4.2, Figure 8",
    falls=("Current-Term Commit", "State Machine Safety"),
    seen_in=("logcabin/logcabin #44", "nats-io/nats-server #7955"),
)


class TruncateAlways(ConsensusModule):
    """A follower cuts its log behind the place that an AppendEntries speaks of, whether or not anything there
    conflicts. Calls overtake each other: the one that brings [1,2] arrives, is stored and acknowledged, and
    then an older one, with [1] only, arrives and cuts entry 2 off again. The leader counts an
    acknowledgement for an entry that is gone; if it commits by that count and dies, the entry is lost. Only
    an entry of another term at the same index is a reason to cut.
    """

    def _store_entries(self, args: AppendEntriesArgs) -> None:
        if args.prev_log_index + 1 < len(self.log):
            self._truncate(args.prev_log_index + 1)
        super()._store_entries(args)


TRUNCATE_ALWAYS = Bug(
    "truncate-always",
    "every AppendEntries cuts the log behind the place it speaks of",
    TruncateAlways,
    section="§5.3, rule 3 of AppendEntries",
    falls=("Quorum Log",),
    seen_in=("ktoso/akka-raft #66",),
    sooner=("No Committed Truncation",),
)


class CommitPastNew(ConsensusModule):
    """A follower commits up to leaderCommit or the end of its own log, whichever comes first, instead of
    stopping at the last entry that the call vouches for. An old leader comes back with entries at its end
    that nobody else has. The new leader, which has committed others at the same indices, first probes
    where the two logs agree, with a call that carries no entries. The probe matches further up and bears the
    high leaderCommit, so the follower commits its own stale entries, moments before they are replaced.
    (Leaders send such probes here as part of the switch; they are harmless by themselves.)
    """

    def _follower_commit(self, args: AppendEntriesArgs) -> int:
        return min(args.leader_commit, self.log.last_index)

    def _refused(self, peer_id: int, args: AppendEntriesArgs, reply: AppendEntriesReply) -> None:
        super()._refused(peer_id, args, reply)
        self._unreached.add(peer_id)

    def _most_entries(self, peer_id: int) -> int:
        return 0 if peer_id in self._unreached else super()._most_entries(peer_id)


COMMIT_PAST_NEW = Bug(
    "commit-past-new",
    "a follower commits up to min(leaderCommit, its own last index)",
    CommitPastNew,
    section="§5.3, rule 5 of AppendEntries",
    falls=("State Machine Safety",),
    seen_in=("atomix/copycat #265", "scylladb/scylladb #9965"),
)


class StaleAppendReply(ConsensusModule):
    """A leader counts every successful reply to an AppendEntries, whichever of its leaderships sent the call. A
    node leads, sends an entry, and the acknowledgement is slow; the node is deposed, the entry is replaced in
    its log by that of another leader, and later the node leads again. Now the old acknowledgement arrives. It
    speaks of the replaced entry, but the leader takes it as proof that the peer holds what stands there
    now, and may commit that with too few copies. A reply counts only in the term that its call was sent in.
    """

    def _answers_this_leadership(self, args: AppendEntriesArgs, reply: AppendEntriesReply) -> bool:
        return self.state is CMState.LEADER


STALE_APPEND_REPLY = Bug(
    "stale-append-reply",
    "a reply to a call of an earlier leadership of the same node is counted",
    StaleAppendReply,
    section="§5.3",
    falls=("Match Truth",),
    seen_in=("eliben/raft at 0ae7b34",),
)


class AckOwnTail(ConsensusModule):
    """A follower acknowledges up to the end of its own log, not up to the last entry that the call spoke of, and
    the leader believes it. A follower that led before still has entries at its end that nobody else has. The
    new leader's heartbeat agrees with the log before them, so it succeeds, and the follower reports its whole
    length. The leader now takes its own entries at those indices for replicated, commits them by
    that count, and they may be on too few disks. A success vouches for prevLogIndex plus the entries sent.
    """

    def _acknowledgement(self, args: AppendEntriesArgs) -> AppendEntriesReply:
        return AppendEntriesReply(self.current_term, True, self.log.last_index)

    def _acknowledged_index(self, args: AppendEntriesArgs, reply: AppendEntriesReply) -> int:
        return reply.conflict_index


ACK_OWN_TAIL = Bug(
    "ack-own-tail",
    "a follower acknowledges its own last index",
    AckOwnTail,
    section="§5.3",
    falls=("Match Truth",),
    seen_in=("microsoft/CCF #6016",),
)


class HeartbeatUnchecked(ConsensusModule):
    """A follower answers an AppendEntries without entries with success at once: a heartbeat, it thinks, has
    nothing to compare. But the leader takes every success as "your log agrees with mine up to prevLogIndex"
    and sets matchIndex to it, though the follower may be short of entries there, or hold others. The leader
    then commits entries that a majority does not have; and the follower, believing leaderCommit, applies
    whatever stands at those indices in its own log. A heartbeat is judged like any other AppendEntries.
    """

    def _log_matches(self, args: AppendEntriesArgs) -> bool:
        return not args.entries or super()._log_matches(args)

    def _follower_commit(self, args: AppendEntriesArgs) -> int:
        return min(super()._follower_commit(args), self.log.last_index)


HEARTBEAT_UNCHECKED = Bug(
    "heartbeat-unchecked",
    "an AppendEntries without entries skips the check of prevLogIndex",
    HeartbeatUnchecked,
    section="§5.3, rule 2 of AppendEntries",
    falls=("Match Truth",),
    seen_in=("Students' Guide to Raft", "atomix/atomix #1036"),
)


class MatchNotReset(ConsensusModule):
    """A node that leads again goes on with the matchIndex of its last leadership. It led before and knew that a
    peer held its entries; then another leader replaced those entries in its log. When it is elected again,
    matchIndex still says that the peer agrees up to there, though the peer may hold the old entries or none.
    The first count of replicas may commit an entry that is on too few disks. matchIndex starts from nothing
    in each term: what a follower holds must be learned anew.
    """

    def _first_match_index(self) -> dict[int, int]:
        return {peer_id: self.match_index.get(peer_id, NONE) for peer_id in self.peer_ids}


MATCH_NOT_RESET = Bug(
    "match-not-reset",
    "matchIndex is kept from one leadership of a node to its next",
    MatchNotReset,
    section="Figure 2, volatile state on leaders",
    falls=("Match Truth",),
    seen_in=("atomix/copycat #29", "eliben/raft at 07acf9c"),
    sooner=("Match Monotonic",),
)


class AcceptOldTerm(ConsensusModule):
    """A node takes entries from an AppendEntries of a lower term than its own. A deposed leader's call is slow on
    the network; meanwhile another leader was elected, has taken entries and perhaps committed them. Now the
    old call arrives: what conflicts with it is cut off and replaced by entries of the old term. If it arrives
    at the new leader itself, that one loses entries which it has already sent, gives their indices to other
    commands in the same term, and two logs differ at one index and term. The rest of Raft rests on that
    never happening. A call of an older term is refused before anything else is looked at.
    """

    def _is_outdated(self, args: AppendEntriesArgs) -> bool:
        return False

    def _become_follower(self, term: int, rule: str) -> None:
        if term >= self.current_term:
            super()._become_follower(term, rule)

    def _hear_leader(self, leader_id: int) -> None:
        if self.state is not CMState.LEADER:
            super()._hear_leader(leader_id)


ACCEPT_OLD_TERM = Bug(
    "accept-old-term",
    "an AppendEntries of a lower term is accepted",
    AcceptOldTerm,
    section="§5.1, rule 1 of AppendEntries",
    falls=("Log Matching",),
    seen_in=("jasonrogena/lightraft #11",),
    sooner=("Leader Append-Only", "No Committed Truncation"),
)


class KeepConflictingTail(ConsensusModule):
    """A follower replaces an entry that conflicts with the leader's and keeps what follows it. Those later entries
    came from another leader and belong behind the entry that was replaced; now they stand behind one with
    which they never were in one log. A check of prevLogIndex that looks at such an entry finds the index and
    term that it expects and takes everything before it for equal, which it is not. An entry that conflicts
    goes, and all that follow it go too.
    """

    def _store_entries(self, args: AppendEntriesArgs) -> None:
        for at, entry in enumerate(args.entries, start=args.prev_log_index + 1):
            if at >= len(self.log):
                self._store_from(at, args.entries[at - args.prev_log_index - 1 :])
                return
            if self.log[at].term != entry.term:
                kept = self.log[at + 1 :]
                self.log.truncate(at)
                self.log.extend((entry, *kept))
                self._tell(decisions.EntriesStored(at, (entry,)))


KEEP_CONFLICTING_TAIL = Bug(
    "keep-conflicting-tail",
    "a conflicting entry is overwritten, and what follows it stays",
    KeepConflictingTail,
    section="§5.3, rule 3 of AppendEntries",
    falls=("Log Matching",),
    seen_in=("mofa-org/mofa #1151",),
)


class ConflictOffByOne(ConsensusModule):
    """The hint of a refused AppendEntries is one too high, and the leader takes it at its word. A follower
    whose log ends before index 3 should say "try from 3"; it says 4. So the leader sends from 4 with
    prevLogIndex 3, an entry that the follower lacks; it refuses and says 4 again. The two go on like this for
    ever: nothing wrong is ever stored, and nothing at all. Heartbeats keep the follower from starting an
    election, so the cluster looks healthy while one node learns nothing more.
    """

    def _conflict_hint(self, args: AppendEntriesArgs) -> tuple[int, int]:
        conflict_index, conflict_term = super()._conflict_hint(args)
        return conflict_index + 1, conflict_term

    def _index_to_retry(self, args: AppendEntriesArgs, reply: AppendEntriesReply) -> int:
        return self._hinted_index(reply)


CONFLICT_OFF_BY_ONE = Bug(
    "conflict-off-by-one",
    "the conflict hint is one too high (it probes for ever)",
    ConflictOffByOne,
    section="end of §5.3",
    falls=(LIVENESS,),
    seen_in=("microsoft/CCF #2835",),
)


class NoCommitOnHeartbeat(ConsensusModule):
    """A follower looks at leaderCommit only in calls that bring entries. An entry is committed after its followers
    have stored it, so they learn of the commit by a later call; if no client submits anything more, that call
    is a heartbeat without entries. The followers hold the last entry and never apply it, and a client that
    reads there never sees it.
    """

    def _follower_commit(self, args: AppendEntriesArgs) -> int:
        return super()._follower_commit(args) if args.entries else self.commit_index


NO_COMMIT_ON_HEARTBEAT = Bug(
    "no-commit-on-heartbeat",
    "followers ignore leaderCommit in an AppendEntries without entries",
    NoCommitOnHeartbeat,
    section="§5.3, rule 5 of AppendEntries",
    falls=(LIVENESS,),
    seen_in=("ktoso/akka-raft #33",),
)
