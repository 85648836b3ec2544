"""The rules of Raft, as in Figure 2 of the paper: each method of `Rules` is one sentence, quoted in it.

The rule of this module: it is pure. A method gets all that it decides on, and returns a bool or a number; it
reads no node and changes nothing. `ConsensusModule` asks, and does what it is told.

To change a rule, override its method in a subclass, and give that class to `Config.node`. Names and parameters are
stable. Indices count from 0, and -1 means "none"; terms count from 0.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

from raftplay.raft.log import RaftLog
from raftplay.raft.messages import (
    NONE,
    AppendEntriesArgs,
    AppendEntriesReply,
    RequestVoteArgs,
)
from raftplay.raft.quorum import Majority, Quorum


class Rules:
    """The rules of the correct algorithm. A subclass overrides some; it is created without arguments."""

    # ---- all servers

    def is_newer_request(self, term: int, current_term: int) -> bool:
        """Return whether a request of `term` makes its receiver a follower in that term.

        "If RPC request … contains term T > currentTerm: set currentTerm = T, convert to follower (§5.1)"
        """
        return term > current_term

    def is_newer_reply(self, term: int, current_term: int) -> bool:
        """Return whether a reply of `term` makes its receiver a follower in that term.

        "If RPC … response contains term T > currentTerm: set currentTerm = T, convert to follower (§5.1)"
        """
        return term > current_term

    def keeps_vote(self, term: int, current_term: int) -> bool:
        """Return whether a node in `current_term` that becomes follower in `term` keeps its vote.

        "votedFor: candidateId that received vote in current term (or null if none)" (Figure 2)
        """
        return term == current_term

    def quorum(self, ids: Iterable[int]) -> Quorum:
        """Return the quorum of the nodes `ids`, which elects a leader and commits entries.

        "votes received from majority of servers", "a majority of matchIndex[i] ≥ N" (§5.2, §5.3)
        """
        return Majority(ids)

    # ---- RequestVote, the voter's side

    def is_stale_vote_request(self, term: int, current_term: int) -> bool:
        """Return whether a voter in `current_term` denies its vote because the request has a lower term.

        1. "Reply false if term < currentTerm (§5.1)"
        """
        return term < current_term

    def may_vote_for(self, candidate_id: int, voted_for: int) -> bool:
        """Return whether the voter's vote in this term is free for the candidate.

        2. "If votedFor is null or candidateId …" (§5.2)
        """
        return voted_for in (NONE, candidate_id)

    def is_up_to_date(self, args: RequestVoteArgs, log: RaftLog) -> bool:
        """Return whether the candidate's log is at least as up to date as the voter's `log`.

        2. "… and candidate's log is at least as up-to-date as receiver's log, grant vote (§5.4)". §5.4.1: "If the
        logs have last entries with different terms, then the log with the later term is more up-to-date. If the
        logs end with the same term, then whichever log is longer is more up-to-date."
        """
        return (args.last_log_term, args.last_log_index) >= (log.last_term, log.last_index)

    def restarts_election_timer(self, granted: bool) -> bool:
        """Return whether the reply to a RequestVote restarts the voter's election timer.

        "If election timeout elapses without … granting vote to candidate: convert to candidate" (§5.2)
        """
        return granted

    # ---- pre-votes, the voter's side (thesis §9.6)

    def is_stale_pre_vote(self, term: int, current_term: int) -> bool:
        """Return whether a voter denies a pre-vote because the term that it is for has already begun."""
        return term <= current_term

    def leader_is_alive(self, silence: float, election_min: float) -> bool:
        """Return whether a voter denies a pre-vote because it heard of a leader `silence` seconds ago."""
        return silence < election_min

    # ---- leases: who heard whom within the shortest election timeout (thesis §4.2.3, thesis §6.2)

    def ignores_vote_request(self, args: RequestVoteArgs, silence: float, election_min: float) -> bool:
        """Return whether a voter with a leader ignores a request; it heard of the leader `silence` seconds ago.

        "if a server receives a RequestVote request within the minimum election timeout of hearing from a current
        leader, it does not update its term or grant its vote" (thesis §4.2.3)
        """
        return silence < election_min and not args.disrupt

    def has_lost_quorum(self, silence: float, election_min: float) -> bool:
        """Return whether a leader steps down that has heard from no quorum for `silence` seconds.

        "a leader … steps down if an election timeout elapses without a successful round of heartbeats to a
        majority of its cluster" (thesis §6.2)
        """
        return silence >= election_min

    # ---- RequestVote, the candidate's side

    def answers_candidacy(self, args: RequestVoteArgs, current_term: int) -> bool:
        """Return whether a vote, asked for with `args`, counts for a candidate in `current_term`.

        "Each server will vote for at most one candidate in a given term" (§5.2)
        """
        return args.term == current_term

    def is_new_vote(self, voter: int, votes: Sequence[int]) -> bool:
        """Return whether a vote is the first of its voter; `votes` are the voters counted so far (§5.2)."""
        return voter not in votes

    def wins(self, votes: Sequence[int], quorum: Quorum) -> bool:
        """Return whether the voters `votes` elect the candidate.

        "If votes received from majority of servers: become leader (§5.2)"
        """
        return quorum.vote(dict.fromkeys(votes, True)) == "won"

    # ---- leadership transfer (thesis §3.10)

    def accepts_commands(self, transferring: bool) -> bool:
        """Return whether a leader takes commands from clients; `transferring`: it hands its leadership over.

        1. "The prior leader stops accepting new client requests." (thesis §3.10)
        """
        return not transferring

    def may_hand_over(self, match: int, last_index: int) -> bool:
        """Return whether a leader sends TimeoutNow to the target, which has its log up to `match`.

        2. "The prior leader fully updates the target server's log to match its own" (thesis §3.10)
        """
        return match == last_index

    def is_transfer_over(self, now: float, until: float) -> bool:
        """Return whether a leader gives the transfer up, and takes commands again.

        "If leadership transfer does not complete after about an election timeout, the prior leader aborts the
        transfer and resumes accepting client requests." (thesis §3.10)
        """
        return now >= until

    def is_current_timeout_now(self, term: int, current_term: int) -> bool:
        """Return whether a node in `current_term` obeys a TimeoutNow of `term`: only one of its own term.

        "This request has the same effect as the target server's election timer firing" (thesis §3.10), and a
        leader of another term has no say in this one.
        """
        return term == current_term

    # ---- AppendEntries, the follower's side

    def is_stale_append(self, term: int, current_term: int) -> bool:
        """Return whether a node in `current_term` rejects an AppendEntries because of its lower term.

        1. "Reply false if term < currentTerm (§5.1)"
        """
        return term < current_term

    def is_legitimate_leader(self, term: int, current_term: int) -> bool:
        """Return whether a candidate in `current_term` returns to follower for a leader of `term`.

        "If the leader's term … is at least as large as the candidate's current term, then the candidate
        recognizes the leader as legitimate and returns to follower state." (§5.2)
        """
        return term >= current_term

    def log_matches(self, args: AppendEntriesArgs, log: RaftLog) -> bool:
        """Return whether the follower's `log` has the entry that precedes the new ones.

        2. "Reply false if log doesn't contain an entry at prevLogIndex whose term matches prevLogTerm (§5.3)". A
        snapshot covers committed entries only, so the entries before its last one match (§7).
        """
        previous = args.prev_log_index
        if previous == NONE or previous < log.base_index:
            return True
        return previous <= log.last_index and log.term_at(previous) == args.prev_log_term

    def conflict_hint(self, args: AppendEntriesArgs, log: RaftLog) -> tuple[int, int]:
        """Return (conflict_index, conflict_term) for a rejection; (the length of the log, -1) if it is too short.

        "The follower can include the term of the conflicting entry and the first index it stores for that term."
        (end of §5.3)
        """
        if args.prev_log_index > log.last_index:
            return log.last_index + 1, NONE
        term = log.term_at(args.prev_log_index)
        return log.first_index_of(term), term

    def first_conflict(self, args: AppendEntriesArgs, log: RaftLog) -> int:
        """Return the index from which the follower deletes its entries; -1 if none of them conflicts.

        3. "If an existing entry conflicts with a new one (same index but different terms), delete the existing
        entry and all that follow it (§5.3)". Entries that agree stay: the request may be an old one. Those that
        a snapshot covers are committed, so they agree (§7).
        """
        if args.prev_log_index >= log.last_index:
            return NONE
        for index, entry in enumerate(args.entries, start=args.prev_log_index + 1):
            if index > log.last_index:
                break
            if index > log.base_index and log.term_at(index) != entry.term:
                return index
        return NONE

    def follower_commit(self, args: AppendEntriesArgs, log: RaftLog) -> int:
        """Return the index up to which a follower commits; a lower one than its commit index changes nothing.

        5. "If leaderCommit > commitIndex, set commitIndex = min(leaderCommit, index of last new entry)"
        """
        return min(args.leader_commit, args.prev_log_index + len(args.entries))

    # ---- snapshots (§7, Figure 13)

    def wants_snapshot(self, entries: int, every: int) -> bool:
        """Return whether a node takes a snapshot: it has applied `entries` since its last one; 0 `every`: never.

        "One simple strategy is to take a snapshot when the log reaches a fixed size in bytes." (§7)
        """
        return 0 < every <= entries

    def snapshot_term(self, entry_term: int, current_term: int) -> int:
        """Return the term that a snapshot notes for its last entry, which has `entry_term` in the log.

        "lastIncludedTerm: term of lastIncludedIndex" (§7, Figure 13)
        """
        return entry_term

    def is_older_snapshot(self, last_index: int, commit_index: int) -> bool:
        """Return whether a node ignores a snapshot up to `last_index`: it has committed those entries itself.

        "If instead the follower receives a snapshot that describes a prefix of its log (due to retransmission or
        by mistake), then log entries covered by the snapshot are deleted but entries following the snapshot are
        still valid and must be retained." (§7) A node that has them committed need not delete them.
        """
        return last_index <= commit_index

    def keeps_log_after(self, last_index: int, last_term: int, log: RaftLog) -> bool:
        """Return whether a node keeps the entries of its `log` that follow a snapshot; else it discards all of it.

        6. "If existing log entry has same index and term as snapshot's last included entry, retain log entries
        following it and reply". 7. "Discard the entire log" (§7, Figure 13)
        """
        return log.term_at(last_index) == last_term

    def answers_snapshot(self, term: int, reply_term: int, current_term: int) -> bool:
        """Return whether the reply to an InstallSnapshot of `term` counts for a leader in `current_term`."""
        return term == current_term == reply_term

    # ---- reads without the log (thesis §6.4), in words of this project

    def may_read(self, committed_term: int, current_term: int) -> bool:
        """Return whether a leader knows how far everything is committed; `committed_term`: that of the last entry.

        1. A new leader has every committed entry, but does not know which they are, until it has committed one of
        its own term (thesis §6.4).
        """
        return committed_term == current_term

    def acknowledged_round(self, args_round: int, newest: int) -> int:
        """Return the round that a reply to a Confirm of round `args_round` answers; `newest` began last.

        3. Only a reply to a question that was asked after the read proves that the leader led then (thesis §6.4).
        """
        return args_round

    def confirmed_round(self, acknowledged: Mapping[int, int], quorum: Quorum) -> int:
        """Return the newest round that a majority has answered; `acknowledged` has the newest one of each node.

        3. A leader that a majority still follows has not been replaced by one that it does not know (thesis §6.4).
        """
        return quorum.committed(acknowledged)

    def is_confirmed(self, round: int, confirmed: int) -> bool:
        """Return whether a read that needs `round` is confirmed; a majority has answered round `confirmed`."""
        return confirmed >= round

    def may_read_at(self, index: int, last_applied: int) -> bool:
        """Return whether a node may answer a read from its state machine.

        4. It has applied everything that was committed when the read began (thesis §6.4).
        """
        return last_applied >= index

    def lease_start(self, sent: float, answered: float) -> float:
        """Return when a lease begins: as its round was `sent`, not when a majority had `answered` (thesis §6.4.1).

        Those who answered count from the arrival of the question, which is between the two.
        """
        return sent

    def lease_end(self, start: float, election_min: float, drift: float) -> float:
        """Return when a lease ends, if one clock runs at most 1 + `drift` times as fast as another.

        Those who answered elect nobody for the shortest election timeout, by their own clocks (thesis §6.4.1).
        """
        return start + election_min / (1 + drift)

    def holds_lease(self, now: float, until: float) -> bool:
        """Return whether a lease that ends at `until` holds at `now`, the time of the read (thesis §6.4.1)."""
        return now < until

    def ends_lease(self, transferring: bool, handed_over: bool) -> bool:
        """Return whether a leader may no longer use its lease, as others elect its successor (thesis §6.4.1).

        `transferring`: it hands its leadership over; `handed_over`: it has sent TimeoutNow in this term. That may
        arrive late, long after the transfer was given up, and then nobody waits for the lease to end.
        """
        return transferring or handed_over

    # ---- clients of the state machine (§8, thesis §6.3)

    def may_answer(self, index: int, last_applied: int) -> bool:
        """Return whether a leader answers the client whose command is at `index` of its log.

        "If command received from client: append entry to local log, respond after entry applied to state machine
        (§5.3)"
        """
        return index <= last_applied

    def may_deny(self, is_in_log: bool) -> bool:
        """Return whether a node that no longer leads tells a client that its command was certainly not done.

        A command that is in a log may be committed, now or by a later leader. "If the leader crashes after
        committing the log entry but before responding to the client, the client will retry the command with a new
        leader" (§8).
        """
        return not is_in_log

    def is_repeated(self, seq: int, answered: Collection[int]) -> bool:
        """Return whether the state machine answers request `seq` of a session from memory, without applying it.

        "If it receives a command whose serial number has already been executed, it responds immediately without
        re-executing the request." (§8)
        """
        return seq in answered

    def keeps_answer(self, seq: int, acked: int, idle: float) -> bool:
        """Return whether the answer to request `seq` of a session is kept; the client has those below `acked`.

        `idle`: how long the session was not used, by the node's own clock, which other nodes do not share.
        The client "includes the lowest sequence number for which it has not yet received a response": what is
        below is not asked for again (thesis §6.3).
        """
        return seq >= acked

    def is_session_over(self, idle: float) -> bool:
        """Return whether a session ends since it was not used for `idle` seconds of the node's own clock.

        All nodes must agree on when a session expires, so the log decides it, and no clock does (thesis §6.3).
        """
        return False

    def saves_answers(self) -> bool:
        """Return whether a snapshot holds the answers of sessions.

        "The entire current system state is written to a snapshot" (§7): sessions are part of it (thesis §6.3).
        """
        return True

    # ---- AppendEntries, the leader's side

    def answers_leadership(self, args: AppendEntriesArgs, reply: AppendEntriesReply, current_term: int) -> bool:
        """Return whether a reply counts for a leader in `current_term`: a node leads a term at most once."""
        return args.term == current_term and reply.term == current_term

    def acknowledged_index(self, args: AppendEntriesArgs, reply: AppendEntriesReply) -> int:
        """Return the last index that a success acknowledges, the follower's new matchIndex.

        "If successful: update nextIndex and matchIndex for follower (§5.3)"
        """
        return args.prev_log_index + len(args.entries)

    def next_index_after(self, args: AppendEntriesArgs, reply: AppendEntriesReply, log: RaftLog) -> int:
        """Return the nextIndex to retry with after a rejection: at least one entry further back.

        "If AppendEntries fails because of log inconsistency: decrement nextIndex and retry (§5.3)"
        """
        return min(self.hinted_index(reply, log), args.prev_log_index)

    def hinted_index(self, reply: AppendEntriesReply, log: RaftLog) -> int:
        """Return the nextIndex that the conflict hint leads to in the leader's `log`.

        "The leader can decrement nextIndex to bypass all of the conflicting entries in that term." (end of §5.3)
        """
        if reply.conflict_term != NONE:
            last = log.last_index_of(reply.conflict_term)
            if last != NONE:
                return last + 1
        return max(reply.conflict_index, 0)

    def may_commit(self, entry_term: int, current_term: int) -> bool:
        """Return whether a leader commits the entry that a quorum has; `entry_term` is -1 if its log has none.

        "If there exists an N such that …, and log[N].term == currentTerm: set commitIndex = N (§5.3, §5.4)"
        """
        return entry_term == current_term
