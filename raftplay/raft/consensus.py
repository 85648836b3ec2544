"""The Raft consensus algorithm, as in Figure 2 of the paper.

The rule of this module: it uses no sockets, clock, threads or logging. Inputs carry the time; `take_calls` and
`take_commits` return the outputs; `deadline` is the time of the next `wake`. The same inputs give the same
outputs: all random numbers come from the `random.Random` that is passed to the node.

The caller of a node calls `persist` after each input, before it takes any output.
"""

import math
import random
from collections.abc import Callable, Iterable

from raftplay.raft import decisions
from raftplay.raft.commands import check_command, own_copy
from raftplay.raft.config import RaftConfig
from raftplay.raft.decisions import Rule
from raftplay.raft.messages import (
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
    Report,
    RequestVoteArgs,
    RequestVoteReply,
)
from raftplay.raft.progress import MAX_CALL_ENTRIES, PROBE_ENTRIES, Mode, Progress, batch
from raftplay.raft.roles import Candidacy, Leadership
from raftplay.raft.rules import Rules
from raftplay.raft.storage import PersistentState, Storage, Vote

FOLLOWER, CANDIDATE, LEADER, DEAD = CMState.FOLLOWER, CMState.CANDIDATE, CMState.LEADER, CMState.DEAD

FIGURE_2 = Rules()
"""The rules of the paper, by which the reasons for decisions are named."""

Observer = Callable[[decisions.Decision], None]


class ConsensusModule:
    """One node of Raft; dormant until `start`.

    `id` and `peer_ids` name the node and its peers; `storage` is read at once and written by `persist`;
    `observe` is called with every decision; `rules` replaces those of the class. Raises `StorageError` if storage
    holds no valid state.
    """

    rules = Rules()
    """The rules that the node asks; a subclass, or the parameter `rules`, may have others."""

    hears_replies_when_dead = False
    """True if a node of this class still handles replies after `stop`; the algorithm does not."""

    def __init__(
        self,
        id: int,
        peer_ids: Iterable[int],
        storage: Storage,
        *,
        config: RaftConfig | None = None,
        rng: random.Random | None = None,
        observe: Observer | None = None,
        rules: Rules | None = None,
    ) -> None:
        self.id = id
        self.peer_ids = tuple(peer_ids)
        if rules is not None:
            self.rules = rules
        self.quorum = self.rules.quorum((id, *self.peer_ids))
        self.config = config or RaftConfig()
        self.observe = observe
        self.on_stop: Callable[[], None] | None = None
        """The function that `stop` calls instead; it must set this to None and then call `stop` again."""

        self._rng = rng or random.Random()
        self._store = PersistentState(storage)
        self._now = 0.0

        # Persistent state on all servers
        self.current_term, self.voted_for, self.log = self._store.load()

        # Volatile state on all servers
        self.commit_index = NONE
        self.last_applied = NONE
        self.state = FOLLOWER
        self.leader_id = NONE

        # Volatile state on candidates, and on leaders: None in another role
        self._candidacy: Candidacy | None = None
        self._leadership: Leadership | None = None

        self._dormant = True
        self.deadline = math.inf
        self._leader_heard = -math.inf
        self._calls: list[tuple[int, Args]] = []

    # ---- inputs

    def start(self, now: float) -> None:
        """Start the node once its peers are connected: it begins to wait for a leader (§5.2)."""
        if self.state is DEAD:
            return
        self._now = now
        self._dormant = False
        self._restart_election_timer()
        self._tell(decisions.Started(self.current_term, self.voted_for, self.log.frozen()))

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

        Never blocks. Raises `CommandRefused` unless `command` is a JSON value of at most 64 KiB.
        """
        command = check_command(command)
        if self._leadership is None or self.state is DEAD:
            return NONE
        self._set_now(now)
        return self._append_own(self._leadership, LogEntry(command, self.current_term))

    def wake(self, now: float) -> None:
        """Fire the timer if `deadline` has passed."""
        if now < self.deadline or self.state is DEAD:
            return
        self._now = now
        if self._leadership is not None:
            self._broadcast_heartbeat(self._leadership)
        else:
            self._election_timed_out(Rule.TIMEOUT)

    def time_out(self, now: float) -> None:
        """Fire the election timer now; does nothing on a leader, which has no election timer."""
        if self.state is not LEADER and self.state is not DEAD:
            self._now = now
            self._election_timed_out(Rule.BY_HAND)

    def set_timer(self, deadline: float, now: float) -> None:
        """Let the election timer fire at `deadline`, unless it is restarted before; a leader has none."""
        if self.state is not LEADER and self.state is not DEAD:
            self._now = now
            self.deadline = deadline
            self._tell(decisions.TimerSet(deadline))

    def request_vote(self, args: RequestVoteArgs, now: float | None = None) -> RequestVoteReply:
        """Reply to RequestVote (Figure 2, §5.2, §5.4). A Dead node returns a reply of term 0."""
        if self.state is DEAD:
            return RequestVoteReply(0, False)
        self._set_now(now)
        if args.pre_vote:
            rule = self._judge_pre_vote(args)
        else:
            # "If RPC request or response contains term T > currentTerm: set currentTerm = T (§5.1)"
            if self.rules.is_newer_request(args.term, self.current_term):
                self._become_follower(args.term, Rule.NEWER_TERM)
            rule = self._judge_vote(args)
            if rule == Rule.GRANTED:
                self.voted_for = args.candidate_id
            if self.rules.restarts_election_timer(rule == Rule.GRANTED) and self.state is not LEADER:
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
            stale = _named(Rule.STALE_TERM, FIGURE_2.is_stale_append(args.term, self.current_term))
            self._tell(decisions.AppendDecided(args, False, stale))
            return AppendEntriesReply(self.current_term, False)
        if rules.is_newer_request(args.term, self.current_term):
            self._become_follower(args.term, Rule.NEWER_TERM)
        elif self.state is not FOLLOWER and rules.is_legitimate_leader(args.term, self.current_term):
            self._become_follower(args.term, Rule.LEADER_HEARD)
        if self.state is not LEADER:
            self._hear_leader(args.leader_id)

        # 2. "Reply false if log doesn't contain an entry at prevLogIndex whose term matches prevLogTerm (§5.3)"
        if not rules.log_matches(args, log):
            conflict_index, conflict_term = rules.conflict_hint(args, log)
            rule = _named(
                Rule.LOG_TOO_SHORT if args.prev_log_index > log.last_index else Rule.TERM_CONFLICT,
                not FIGURE_2.log_matches(args, log),
            )
            self._tell(decisions.AppendDecided(args, False, rule, conflict_index, conflict_term))
            return AppendEntriesReply(self.current_term, False, conflict_index, conflict_term)

        if self.observe is not None:
            self._tell(decisions.AppendDecided(args, True, Rule.MATCHES))
        self._store_entries(args)
        # 5. "If leaderCommit > commitIndex, set commitIndex = min(leaderCommit, index of last new entry)"
        index = rules.follower_commit(args, log)
        if index > self.commit_index:
            self._commit(index, Rule.TOLD)
        return AppendEntriesReply(self.current_term, True)

    def reply_received(self, peer_id: int, args: Args, reply: Reply, now: float) -> None:
        """Handle the `reply` of `peer_id` to the request `args`."""
        if self.state is DEAD:
            return
        self._now = now
        if self.rules.is_newer_reply(reply.term, self.current_term):
            self._become_follower(reply.term, Rule.NEWER_TERM)
            return
        if isinstance(args, RequestVoteArgs) and isinstance(reply, RequestVoteReply):
            self._vote_received(peer_id, args, reply)
        elif isinstance(args, AppendEntriesArgs) and isinstance(reply, AppendEntriesReply):
            self._append_answered(peer_id, args, reply)

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
        start = self.log.changed_from
        if not self._store.save(current_term, voted_for, self.log):
            return False
        self._set_now(now)
        if self.observe is not None:
            self._tell_persisted(len(self.log) if start is None else start)
        if self.state is CANDIDATE and self.id not in self.votes:
            self._count_vote(self.id)
            self.persist(now)
        elif self._leadership is not None and not self.peer_ids:
            self._advance_commit_index(self._leadership)
        return True

    @property
    def durable_vote(self) -> Vote:
        """Return term and vote as they are in storage."""
        return self._store.vote

    # ---- outputs

    def take_calls(self) -> list[tuple[int, Args]]:
        """Return the requests to send now, as (peer_id, args); each is returned once."""
        calls, self._calls = self._calls, []
        leadership = self._leadership
        if leadership is not None and leadership.due:
            for peer_id, progress in tuple(leadership.due.items()):
                if not progress.waits:
                    del leadership.due[peer_id]
                    calls.append((peer_id, self._next_append(progress)))
        return calls

    def take_commits(self) -> list[CommitEntry]:
        """Apply the entries committed since the last call, and return them in order; each is returned once.

        "If commitIndex > lastApplied: increment lastApplied, apply log[lastApplied] to state machine (§5.3)."
        The caller must call `persist` first, so that no applied entry is lost in a torn write.
        """
        commits: list[CommitEntry] = []
        if self.state is DEAD:
            return commits
        for entry in self.log[self.last_applied + 1 : self.commit_index + 1]:
            self.last_applied += 1
            commit = CommitEntry(own_copy(entry.command), self.last_applied, self.current_term, entry.kind)
            commits.append(commit)
            if self.observe is not None:
                self._tell(decisions.Applied(commit))
        return commits

    @property
    def has_output(self) -> bool:
        """Return whether `take_calls` or `take_commits` may return anything."""
        has_calls = self._calls or (self._leadership is not None and self._leadership.due)
        return bool(has_calls) or self.commit_index > self.last_applied

    @property
    def has_unsent_entries(self) -> bool:
        """Return whether the node leads and has not sent every entry to every peer."""
        peers = () if self._leadership is None else self._leadership.progress.values()
        return any(progress.next <= self.log.last_index for progress in peers)

    @property
    def votes(self) -> list[int]:
        """Return the voters counted in this candidacy, or in the one that this leader won; else []."""
        return [] if self._candidacy is None else self._candidacy.votes

    @property
    def next_index(self) -> dict[int, int]:
        """Return the index of the next entry to send to each peer, if this node leads."""
        return {} if self._leadership is None else {id: p.next for id, p in self._leadership.progress.items()}

    @property
    def match_index(self) -> dict[int, int]:
        """Return the index of the last entry known to be on each peer, if this node leads."""
        return {} if self._leadership is None else {id: p.match for id, p in self._leadership.progress.items()}

    def report(self) -> Report:
        """Return (id, term, is_leader); `is_leader` is the node's own belief."""
        return Report(self.id, self.current_term, self.state is LEADER)

    def node_state(self) -> decisions.NodeState:
        """Return the node's current state, without its log."""
        return decisions.NodeState(
            self.state,
            self.current_term,
            self.voted_for,
            self.log.last_index,
            self.log.last_term,
            self.commit_index,
            self.last_applied,
            None if self.deadline == math.inf else self.deadline,
        )

    # ---- elections (§5.2, §5.4.1)

    def _election_timed_out(self, rule: str) -> None:
        """Start an election: "If election timeout elapses … convert to candidate"."""
        if self.config.prevote and self.peer_ids:
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
        args = RequestVoteArgs(term, self.id, self.log.last_index, self.log.last_term, pre_vote)
        self._calls.extend((peer_id, args) for peer_id in self.peer_ids)

    def _judge_vote(self, args: RequestVoteArgs) -> str:
        """Return the rule that decides a vote in the current term: GRANTED if the node votes."""
        # 1. "Reply false if term < currentTerm (§5.1)"
        if self.rules.is_stale_vote_request(args.term, self.current_term):
            return _named(Rule.STALE_TERM, FIGURE_2.is_stale_vote_request(args.term, self.current_term))
        # 2. "If votedFor is null or candidateId, and candidate's log is at least as up-to-date as
        #    receiver's log, grant vote (§5.2, §5.4)"
        if not self.rules.may_vote_for(args.candidate_id, self.voted_for):
            return _named(Rule.VOTED_FOR_OTHER, not FIGURE_2.may_vote_for(args.candidate_id, self.voted_for))
        return self._judge_log(args) or Rule.GRANTED

    def _judge_pre_vote(self, args: RequestVoteArgs) -> str:
        """Return the rule that decides a pre-vote, which does not change the voter's state (thesis §9.6)."""
        if self.rules.is_stale_pre_vote(args.term, self.current_term):
            return _named(Rule.STALE_TERM, FIGURE_2.is_stale_pre_vote(args.term, self.current_term))
        silence = self._now - self._leader_heard
        if self.state is LEADER:
            return Rule.LEADER_ALIVE
        if self.rules.leader_is_alive(silence, self.config.election_min):
            return _named(Rule.LEADER_ALIVE, FIGURE_2.leader_is_alive(silence, self.config.election_min))
        return self._judge_log(args) or Rule.PRE_GRANTED

    def _judge_log(self, args: RequestVoteArgs) -> str | None:
        """Return LOG_OLDER_TERM or LOG_SHORTER if the candidate's log is less up to date (§5.4.1)."""
        if self.rules.is_up_to_date(args, self.log):
            return None
        rule = Rule.LOG_OLDER_TERM if args.last_log_term < self.log.last_term else Rule.LOG_SHORTER
        return _named(rule, not FIGURE_2.is_up_to_date(args, self.log))

    def _vote_received(self, voter: int, args: RequestVoteArgs, reply: RequestVoteReply) -> None:
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
        return Leadership.over(self.peer_ids, self.log.last_index + 1)

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
            self._restart_election_timer()
        if rule == Rule.NEWER_TERM:
            rule = _named(Rule.NEWER_TERM, term > old_term)
        self._tell(decisions.BecameFollower(self.current_term, was, old_term, rule))

    def _hear_leader(self, leader_id: int) -> None:
        self.leader_id = leader_id
        self._leader_heard = self._now
        self._restart_election_timer()

    def _restart_election_timer(self) -> None:
        """Set `deadline` to a new random election timeout (§5.2); does nothing before `start`."""
        if self._dormant:
            return
        config = self.config
        if config.force_more_reelection and self._rng.random() < 1 / 3:
            timeout = config.election_min
        else:
            timeout = config.election_min + (config.election_max - config.election_min) * self._rng.random()
        self.deadline = self._now + timeout

    # ---- replication, the leader's side (§5.3)

    def _append_own(self, leadership: Leadership, entry: Entry) -> int:
        index = self.log.append(entry)
        if self.observe is not None:
            self._tell(decisions.EntryAppended(index, entry))
        leadership.due.update(leadership.progress)
        return index

    def _broadcast_heartbeat(self, leadership: Leadership) -> None:
        """Send heartbeats: "repeat during idle periods to prevent election timeouts"."""
        self.deadline = self._now + self.config.heartbeat
        for progress in leadership.progress.values():
            progress.heartbeat()
        leadership.due.update(leadership.progress)
        self._tell(decisions.HeartbeatDue())

    def _next_append(self, progress: Progress) -> AppendEntriesArgs:
        """Return the next AppendEntries for a peer.

        "If last log index ≥ nextIndex for a follower: send AppendEntries … starting at nextIndex"
        """
        previous, term = progress.next - 1, self.current_term
        entries = batch(self.log, progress.next, self._most_entries(progress))
        args = AppendEntriesArgs(term, self.id, previous, self.log.term_at(previous), entries, self.commit_index)
        progress.sent(args)
        return args

    def _most_entries(self, progress: Progress) -> int:
        return PROBE_ENTRIES if progress.unreached else MAX_CALL_ENTRIES

    def _append_answered(self, peer_id: int, args: AppendEntriesArgs, reply: AppendEntriesReply) -> None:
        leadership = self._leadership
        if leadership is None or not self.rules.answers_leadership(args, reply, self.current_term):
            self._tell(decisions.ReplyIgnored(peer_id, args, reply, Rule.OLD_CALL))
            return
        progress = leadership.progress[peer_id]
        progress.answered(args)
        if not reply.success:
            self._rejected(leadership, peer_id, args, reply)
            return
        # "If successful: update nextIndex and matchIndex for follower (§5.3)"
        index = self.rules.acknowledged_index(args, reply)
        if progress.replicated(args, index):
            self._tell(decisions.MatchAdvanced(peer_id, index))
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
        match[self.id] = self._store.length  # a quorum counts from 1, so these are lengths
        index = self.quorum.committed(match) - 1
        if index <= self.commit_index:
            return
        term = self.log.term_at(index)
        if self.rules.may_commit(term, self.current_term):
            self._commit(index, Rule.MAJORITY)
            leadership.due.update(leadership.progress)
        elif index > leadership.held_index:
            leadership.held_index = index
            held = _named(Rule.OLDER_ENTRY, not FIGURE_2.may_commit(term, self.current_term))
            self._tell(decisions.CommitHeld(index, term, held))

    # ---- replication, the follower's side (§5.3)

    def _store_entries(self, args: AppendEntriesArgs) -> None:
        # 3. "If an existing entry conflicts with a new one (same index but different terms), delete the
        #    existing entry and all that follow it (§5.3)"
        conflict = self.rules.first_conflict(args, self.log)
        if conflict != NONE:
            removed = self.log.last_index + 1 - conflict
            self.log.truncate(conflict)
            self._tell(decisions.LogTruncated(conflict, removed))
        # 4. "Append any new entries not already in the log"
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
            self._tell(decisions.CommitAdvanced(index, rule, self._replicas_of(index)))

    def _replicas_of(self, index: int) -> tuple[int, ...]:
        """Return the nodes known to hold the entry at `index`; () if this node does not lead."""
        if self._leadership is None:
            return ()
        return (self.id, *(id for id, progress in self._leadership.progress.items() if progress.match >= index))

    def _durable_vote(self) -> tuple[int, int]:
        """Return (current_term, voted_for) as they must be on disk before any message is sent."""
        return self.current_term, self.voted_for

    def _set_now(self, now: float | None) -> None:
        """Set the time of this input; reuse the previous input's time when `now` is None."""
        if now is not None:
            self._now = now

    def _tell_persisted(self, start: int) -> None:
        vote = self.durable_vote
        self._tell(decisions.Persisted(vote.current_term, vote.voted_for, start, tuple(self.log[start:])))

    def _tell(self, decision: decisions.Decision) -> None:
        if self.observe is not None:
            self.observe(decision)


def _named(rule: Rule, is_so: bool) -> Rule:
    """Return `rule`, the reason for a decision, if Figure 2 decides so; else the node's own rule decided."""
    return rule if is_so else Rule.OWN_RULE
