"""The Raft consensus algorithm, as in Figure 2 of the paper.

The rule of this module: it uses no sockets, clock, threads or logging. Inputs carry the time; `take_calls` and
`take_commits` return the outputs; `deadline` is the time of the next `wake`. The same inputs give the same
outputs: all random numbers come from the `random.Random` that is passed to the node.

The caller of a node calls `persist` after each input, before it takes any output.
"""

import math

from raftplay.raft import decisions, leases, reasons
from raftplay.raft.commands import check_command, own_copy
from raftplay.raft.messages import (
    CANDIDATE,
    DEAD,
    FOLLOWER,
    LEADER,
    NO_VOTE_REPLY,
    NONE,
    AppendEntriesArgs,
    AppendEntriesReply,
    Args,
    CMState,
    CommitEntry,
    Entry,
    InternalEntry,
    LogEntry,
    Reply,
    RequestVoteArgs,
    RequestVoteReply,
)
from raftplay.raft.progress import Mode
from raftplay.raft.reads import Reads
from raftplay.raft.roles import Candidacy, Leadership
from raftplay.raft.rpcs import OF
from raftplay.raft.rule_names import Rule
from raftplay.raft.snapshots import Snapshots
from raftplay.raft.transfer import Transfers

MATCHES, TOLD = Rule.MATCHES, Rule.TOLD  # those of every message


class ConsensusModule(Transfers, Snapshots, Reads):
    """One node of Raft; dormant until `start`.

    `id` and `peer_ids` name the node and its peers; `storage` is read at once and written by `persist`;
    `observe` is called with every decision; `rules` replaces those of the class. Raises `StorageError` if storage
    holds no valid state.
    """

    # ---- inputs

    def start(self, now: float) -> None:
        """Start the node once its peers are connected: it begins to wait for a leader (§5.2)."""
        if self.state is DEAD:
            return
        self._now = now
        self._dormant = False
        if self.config.lease:
            self._leader_heard = now  # what it promised before a restart still holds
        self._restart_election_timer()
        log = self.log
        base = log.base_index, log.base_term
        self._tell(decisions.Started(self.current_term, self.voted_for, log.frozen(), *base))
        if self.config.checkquorum or self.config.sticky:
            self._tell_options()

    def stop(self) -> None:
        """Stop the node: its state becomes Dead; it no longer replies, sends or changes."""
        if self.state is DEAD:
            return
        if self.on_stop is not None:
            self.on_stop()
            return
        self.state = DEAD
        self.deadline = math.inf
        self._calls.clear()
        if self._leadership is not None:
            self._leadership.due.clear()
        self._tell(decisions.Stopped())

    def submit(self, command: object, now: float | None = None) -> int:
        """Append `command` to the leader's log; return its index, or -1 when this node does not lead.

        A leader that hands its leadership over takes none. Never blocks. Raises `CommandRefused` unless `command`
        is a JSON value of at most 64 KiB.
        """
        command = check_command(command)
        leadership = self._leadership
        if leadership is None or self.state is DEAD:
            return NONE
        if not self.rules.accepts_commands(leadership.transfer is not None):
            return NONE
        if now is not None:
            self._now = now
        return self._append_own(leadership, LogEntry(command, self.current_term))

    def wake(self, now: float) -> None:
        """Fire the timer if `deadline` has passed."""
        if now < self.deadline or self.state is DEAD:
            return
        self._now = now
        if leases.has_lost_quorum(self):
            self._become_follower(self.current_term, Rule.NO_QUORUM)
        elif self._leadership is not None:
            self._transfer_timed_out(self._leadership)
            self._broadcast_heartbeat(self._leadership)
        else:
            self._election_timed_out(Rule.TIMEOUT)

    def time_out(self, now: float) -> None:
        """Fire the election timer now; does nothing on a leader, which has no election timer."""
        if self.state is not LEADER and self.state is not DEAD:
            self._now = now
            self._election_timed_out(Rule.BY_HAND)

    def set_timer(self, deadline: float, now: float) -> None:
        """Set the election timer to fire at `deadline`, unless it is restarted before; a leader has none."""
        if self.state is not LEADER and self.state is not DEAD:
            self._now = now
            self.deadline = deadline
            self._tell(decisions.TimerSet(deadline))

    def request_received(self, args: Args, now: float) -> Reply:
        """Reply to a request, by the method of its kind."""
        if type(args) is AppendEntriesArgs:
            return self.append_entries(args, now)
        reply: Reply = getattr(self, OF[type(args)].method)(args, now)
        return reply

    def request_vote(self, args: RequestVoteArgs, now: float | None = None) -> RequestVoteReply:
        """Reply to RequestVote (Figure 2, §5.2, §5.4). A Dead node returns a reply of term 0.

        For a request that the node ignores, return `NO_VOTE_REPLY`, which is not sent.
        """
        if self.state is DEAD:
            return RequestVoteReply(0, False)
        self._set_now(now)
        if leases.ignores(self, args):
            self._tell(decisions.VoteDecided(args, False, Rule.IN_LEASE))
            return NO_VOTE_REPLY
        if args.pre_vote:
            rule = reasons.of_pre_vote(self, args)
        else:
            # "If RPC request or response contains term T > currentTerm: set currentTerm = T (§5.1)"
            if self.rules.is_newer_request(args.term, self.current_term):
                self._become_follower(args.term, Rule.NEWER_TERM)
            # 1. "Reply false if term < currentTerm (§5.1)"
            # 2. "If votedFor is null or candidateId, and candidate's log is at least as up-to-date as receiver's
            #    log, grant vote (§5.2, §5.4)"
            rule = reasons.of_vote(self, args)
            if rule is Rule.GRANTED:
                self.voted_for = args.candidate_id
            if self.rules.restarts_election_timer(rule is Rule.GRANTED) and self.state is not LEADER:
                self._restart_election_timer()
        granted = rule in (Rule.GRANTED, Rule.PRE_GRANTED)
        self._tell(decisions.VoteDecided(args, granted, rule))
        return RequestVoteReply(self.current_term, granted)

    def append_entries(self, args: AppendEntriesArgs, now: float | None = None) -> AppendEntriesReply:
        """Reply to AppendEntries (Figure 2, §5.3). A Dead node returns a reply of term 0."""
        if self.state is DEAD:
            return AppendEntriesReply(0, False)
        self._set_now(now)
        rules, log = self.rules, self.log
        # 1. "Reply false if term < currentTerm (§5.1)"
        if rules.is_stale_append(args.term, self.current_term):
            self._tell(decisions.AppendDecided(args, False, reasons.of_stale_append(self, args)))
            return AppendEntriesReply(self.current_term, False)
        self._follow(args.term, args.leader_id)

        # 2. "Reply false if log doesn't contain an entry at prevLogIndex whose term matches prevLogTerm (§5.3)"
        if not rules.log_matches(args, log):
            hint = rules.conflict_hint(args, log)
            self._tell(decisions.AppendDecided(args, False, reasons.of_mismatch(self, args), *hint))
            return AppendEntriesReply(self.current_term, False, *hint)
        if self.observe is not None:
            self.observe(decisions.AppendDecided(args, True, MATCHES))

        # 3. "If an existing entry conflicts with a new one (same index but different terms), delete the existing
        #    entry and all that follow it (§5.3)"
        conflict = rules.first_conflict(args, log)
        if conflict != NONE:
            removed = log.last_index + 1 - conflict
            log.truncate(conflict)
            self._tell(decisions.LogTruncated(conflict, removed))

        # 4. "Append any new entries not already in the log"
        if args.entries:
            self._append_new(args)

        # 5. "If leaderCommit > commitIndex, set commitIndex = min(leaderCommit, index of last new entry)"
        index = rules.follower_commit(args, log)
        if index > self.commit_index:
            self._commit(index, TOLD)
        return AppendEntriesReply(self.current_term, True)

    def reply_received(self, peer_id: int, args: Args, reply: Reply, now: float) -> None:
        """Handle the `reply` of `peer_id` to the request `args`."""
        if self.state is DEAD:
            return
        self._now = now
        if self.rules.is_newer_reply(reply.term, self.current_term):
            self._become_follower(reply.term, Rule.NEWER_TERM)
            return
        if type(args) is AppendEntriesArgs and type(reply) is AppendEntriesReply:
            self._append_answered(peer_id, args, reply)
        elif type(reply) is (rpc := OF[type(args)]).reply:
            getattr(self, rpc.answered)(peer_id, args, reply)

    def call_failed(self, peer_id: int, args: Args, now: float) -> None:
        """Handle the loss of the request `args`; the next heartbeat sends its entries again."""
        if self.state is not LEADER or not isinstance(args, AppendEntriesArgs) or args.term != self.current_term:
            return
        self._now = now
        if self._leadership is not None:
            self._leadership.progress[peer_id].lost(args)

    def persist(self, now: float | None = None) -> bool:
        """Write the changes to storage; return whether there were any.

        A node counts its own vote and its own entries only once they are on its disk; the changes that follow
        from the count are written too.
        """
        if self.state is DEAD:
            return False
        current_term, voted_for = self._durable_vote()
        start, image, store = self.log.changed_from, self.snapshot, self._store
        is_new, vote = image is not store.image, store.vote
        if start is None and not is_new and current_term == vote.current_term and voted_for == vote.voted_for:
            return False  # as `save` would; most inputs change nothing
        if not store.save(current_term, voted_for, self.log, image, keeps=self._keeps_log):
            return False
        if is_new:
            self._tell_compacted()
        self._set_now(now)
        if self.observe is not None:
            self._tell_persisted(len(self.log) if start is None else start)
        if self.state is CANDIDATE and self.id not in self.votes:
            self._count_vote(self.id)
            self.persist(now)
        elif self._leadership is not None and not self.peer_ids:
            self._advance_commit_index(self._leadership)
        return True

    # ---- outputs

    def take_calls(self) -> list[tuple[int, Args]]:
        """Return the requests to send now, as (peer_id, args); each is returned once."""
        calls, self._calls = self._calls, []
        if self._leadership is not None:
            term, log, commit = self.current_term, self.log, self.commit_index
            for peer_id, progress in self._leadership.take_due():
                if progress.next <= log.base_index:
                    calls.append((peer_id, self._next_chunk(peer_id, progress)))
                else:
                    calls.append((peer_id, progress.next_append(term, self.id, log, commit)))
        return calls

    def take_commits(self) -> list[CommitEntry]:
        """Advance last_applied to the commit index; return the entries between, in order, each of them once.

        "If commitIndex > lastApplied: increment lastApplied, apply log[lastApplied] to state machine (§5.3)."
        The caller applies them to its state machine. It must call `persist` first, so that no applied entry is
        lost in a torn write.
        """
        commits: list[CommitEntry] = []
        first = self.last_applied + 1
        if first > self.commit_index or self.state is DEAD:
            return commits
        for index, entry in enumerate(self.log[first : self.commit_index + 1], first):
            self.last_applied = index
            commit = CommitEntry(own_copy(entry.command), index, self.current_term, entry.kind)
            commits.append(commit)
            if self.observe is not None:
                self._tell(decisions.Applied(commit))
        return commits

    # ---- elections (§5.2, §5.4.1)

    def _election_timed_out(self, rule: str) -> None:
        """Start an election: "If election timeout elapses … convert to candidate"."""
        if leases.must_wait(self):
            self.set_timer(self._leader_heard + self.config.kept_for, self._now)
        elif self.config.prevote and self.peer_ids:
            self._become_pre_candidate(rule)
        else:
            self._become_candidate(rule)

    def _become_pre_candidate(self, rule: str) -> None:
        """Ask the peers for pre-votes before starting a new term (thesis §9.6)."""
        self.state = CMState.PRE_CANDIDATE
        self._candidacy = Candidacy(rule, [self.id], pre_vote=True)
        self.leader_id = NONE
        self._restart_election_timer()
        self._tell(decisions.PreVoteStarted(self.current_term + 1, rule))
        self._request_votes(self.current_term + 1, pre_vote=True)

    def _become_candidate(self, rule: str) -> None:
        """Start a term: "Increment currentTerm. Vote for self. Reset election timer. Send RequestVote RPCs"."""
        self.state = CANDIDATE
        self.current_term += 1
        self.voted_for = self.id
        self._candidacy = Candidacy(rule)  # its own vote counts once it is durable: see persist
        self.leader_id = NONE
        self._restart_election_timer()
        self._tell(decisions.ElectionStarted(self.current_term, rule))
        self._request_votes(self.current_term, pre_vote=False)

    def _request_votes(self, term: int, *, pre_vote: bool) -> None:
        args = self._vote_request(term, self.id, self.log.last_index, self.log.last_term, pre_vote)
        self._calls.extend((peer_id, args) for peer_id in self.peer_ids)

    def _vote_received(self, voter: int, args: RequestVoteArgs, reply: RequestVoteReply) -> None:
        """Count a granted vote or pre-vote, if it is still awaited (§5.2)."""
        if args.pre_vote:
            is_awaited = self.state is CMState.PRE_CANDIDATE and args.term == self.current_term + 1
        else:
            is_awaited = self.state is CANDIDATE and self.rules.answers_candidacy(args, self.current_term)
        if not is_awaited:
            self._tell(decisions.ReplyIgnored(voter, args, reply, Rule.OLD_CALL))
        elif reply.vote_granted:
            self._count_vote(voter)

    def _count_vote(self, voter: int) -> None:
        """Count a vote: "If votes received from majority of servers: become leader"."""
        candidacy = self._candidacy
        assert candidacy is not None
        votes, pre_vote = candidacy.votes, candidacy.pre_vote
        if self.rules.is_new_vote(voter, votes):
            votes.append(voter)
            self._tell(decisions.VoteCounted(voter, tuple(votes), self.quorum.needed, pre_vote))
        if self.rules.wins(votes, self.quorum):
            if pre_vote:
                self._become_candidate(candidacy.rule)
            else:
                self._become_leader()

    def _become_leader(self) -> None:
        """Become leader: know nothing of the peers yet, and send heartbeats (§5.2)."""
        self.state = LEADER
        self.leader_id = self.id
        self._tell(decisions.BecameLeader(self.current_term, tuple(self.votes)))
        leadership = self._leadership = self._new_leadership()
        self._tell(decisions.PeersReset(tuple(self.next_index.items()), tuple(self.match_index.items())))
        if self.config.noop:
            self._append_own(leadership, InternalEntry(self.current_term, "no-op"))
        self._broadcast_heartbeat(leadership)

    def _new_leadership(self) -> Leadership:
        """Return the state of a leader that knows nothing of its peers: "Reinitialized after election"."""
        return Leadership.over(self.peer_ids, self.log.last_index + 1, self._now)

    def _become_follower(self, term: int, rule: str) -> None:
        """Step down, or adopt a higher term. The vote is kept as long as the term is the same (§5.2)."""
        was, old_term = self.state, self.current_term
        if not self.rules.keeps_vote(term, old_term):
            self.voted_for = NONE
        if term > old_term:
            self.current_term = term
            self.leader_id = NONE
        self.state = FOLLOWER
        self._candidacy = self._leadership = None
        self._calls.clear()
        if was is LEADER:
            self.leader_id = NONE
            self._restart_election_timer()
        if rule == Rule.NEWER_TERM:
            rule = reasons.of_new_term(term, old_term)
        self._tell(decisions.BecameFollower(self.current_term, was, old_term, rule))

    def _follow(self, term: int, leader_id: int) -> None:
        """Follow the leader of `term`, which is not lower than the node's (§5.1, §5.2)."""
        if self.rules.is_newer_request(term, self.current_term):
            self._become_follower(term, Rule.NEWER_TERM)
        elif self.state is not FOLLOWER and self.rules.is_legitimate_leader(term, self.current_term):
            self._become_follower(term, Rule.LEADER_HEARD)
        if self.state is not LEADER:
            self._hear_leader(leader_id)

    def _hear_leader(self, leader_id: int) -> None:
        self.leader_id = leader_id
        self._leader_heard, self._heard_term = self._now, self.current_term
        self._restart_election_timer()

    def _restart_election_timer(self) -> None:
        """Set `deadline` to a new random election timeout (§5.2); does nothing before `start`."""
        if self._dormant:
            return
        self.deadline = self._now + self.config.election_timeout(self._rng)

    # ---- replication, the leader's side (§5.3)

    def _append_own(self, leadership: Leadership, entry: Entry) -> int:
        index = self.log.append(entry)
        if self.observe is not None:
            self._tell(decisions.EntryAppended(index, entry))
        leadership.due.update(leadership.progress)
        return index

    def _broadcast_heartbeat(self, leadership: Leadership) -> None:
        """Send heartbeats: "repeat during idle periods to prevent election timeouts"."""
        self.deadline = leadership.next_wake(self._now, self._now + self.config.heartbeat)
        leadership.heartbeat()
        self._renew_round(leadership)
        self._tell(decisions.HeartbeatDue())

    def _append_answered(self, peer_id: int, args: AppendEntriesArgs, reply: AppendEntriesReply) -> None:
        """Update nextIndex and matchIndex of a peer by its response; commit what a majority now has (§5.3)."""
        leadership = self._leadership
        if leadership is None or not self.rules.answers_leadership(args, reply, self.current_term):
            self._tell(decisions.ReplyIgnored(peer_id, args, reply, Rule.OLD_CALL))
            return
        progress = leadership.progress[peer_id]
        progress.answered(args, self._now)
        if not reply.success:
            self._rejected(leadership, peer_id, args, reply)
            return
        # "If successful: update nextIndex and matchIndex for follower (§5.3)"
        index = self.rules.acknowledged_index(args, reply)
        if progress.replicated(args, index):
            self._tell(decisions.MatchAdvanced(peer_id, index))
            if leadership.transfer is not None:
                self._hand_over(leadership)
        if index > self.commit_index:
            self._advance_commit_index(leadership)
        if progress.next <= self.log.last_index:
            leadership.due[peer_id] = progress

    def _rejected(
        self, leadership: Leadership, peer_id: int, args: AppendEntriesArgs, reply: AppendEntriesReply
    ) -> None:
        """Handle a rejection: "If AppendEntries fails …: decrement nextIndex and retry (§5.3)".

        The leader then probes the peer: it sends only the retry until that one succeeds, or until the next
        heartbeat. Rejections of requests that were already in flight are ignored.
        """
        progress = leadership.progress[peer_id]
        if progress.mode is Mode.PROBE and progress.probe is not args:
            self._tell(decisions.ReplyIgnored(peer_id, args, reply, Rule.PROBED))
            return
        first_unknown = progress.match + 1
        if args.prev_log_index < first_unknown:
            self._tell(decisions.ReplyIgnored(peer_id, args, reply, Rule.OUTDATED))
            next_index = first_unknown
        else:
            next_index = max(first_unknown, self.rules.next_index_after(args, reply, self.log))
            self._tell(decisions.BackedUp(peer_id, next_index, reply.conflict_index, reply.conflict_term))
        progress.back_to(next_index)
        leadership.due[peer_id] = progress

    def _advance_commit_index(self, leadership: Leadership) -> None:
        """Commit by counting: "If there exists an N such that N > commitIndex, a majority of matchIndex[i] ≥ N,
        and log[N].term == currentTerm: set commitIndex = N (§5.3, §5.4)."
        """
        match = {peer_id: progress.match + 1 for peer_id, progress in leadership.progress.items()}
        match[self.id] = self._counted_length()  # a quorum counts from 1, so these are lengths
        index = self.quorum.committed(match) - 1
        if index <= self.commit_index:
            return
        term = self.log.term_at(index)
        if self.rules.may_commit(term, self.current_term):
            self._commit(index, reasons.of_commit(self, term))
            leadership.due.update(leadership.progress)
        elif index > leadership.held_index:
            leadership.held_index = index
            self._tell(decisions.CommitHeld(index, term, reasons.of_held_commit(self, term)))

    # ---- replication, the follower's side (§5.3)

    def _append_new(self, args: AppendEntriesArgs) -> None:
        first_new = max(self.log.last_index, args.prev_log_index) + 1
        new = args.entries[first_new - args.prev_log_index - 1 :]
        if new:
            self.log.extend(new)
            self._tell(decisions.EntriesStored(first_new, new))

    # ---- all servers

    def _commit(self, index: int, rule: str) -> None:
        """Advance the commit index in memory (Figure 2); `take_commits` applies the committed entries.

        The decision is told before the next write, so a watcher sees a leader that counts unwritten entries.
        """
        self.commit_index = index
        if self.observe is not None:
            replicas = () if self._leadership is None else (self.id, *self._leadership.holders(index))
            self._tell(decisions.CommitAdvanced(index, rule, replicas))

    def _counted_length(self) -> int:
        """Return the number of its own entries that a leader counts: those on its disk."""
        return self._store.length

    def _durable_vote(self) -> tuple[int, int]:
        """Return (current_term, voted_for) as they must be on disk before any message is sent."""
        return self.current_term, self.voted_for
