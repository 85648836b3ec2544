"""Fold the events of one node into its story: how it came to its state, whom it voted for, what it wrote."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from raftplay.past.snapshots import SnapshotSteps, leader_of
from raftplay.past.transfers import PastTransfer, transfer_after
from raftplay.raft import decisions
from raftplay.raft.decisions import NodeState
from raftplay.raft.messages import NONE, Args, CMState, Reply, TimeoutNowArgs
from raftplay.raft.rule_names import Rule
from raftplay.raft.rules import Rules
from raftplay.watch import facts
from raftplay.watch.facts import Record

End = Literal["", "crashed", "cut off", "stepped down"]
"""The end of a leadership, if it ended."""


@dataclass(frozen=True, slots=True)
class Wait:
    """The start of a wait for a leader: a request from one (`peer`), a vote for `peer`, an election, and so on."""

    kind: Literal["heard", "voted", "stood", "asked", "started", "stepped down", "set", "refused"]
    time: float
    term: int
    peer: int = NONE


@dataclass(frozen=True, slots=True)
class Firing:
    """An election timer that fired at `time`, `by_hand` or after the wait that `since` began.

    None means forgotten. `pre_votes`: the nodes that said in between that it could win (thesis §9.6). `told_by`:
    the leader that told the node to start an election at once, -1 if none did (thesis §3.10).
    """

    time: float | None
    by_hand: bool
    since: Wait | None
    pre_votes: tuple[int, ...] = ()
    told_by: int = NONE


@dataclass(frozen=True, slots=True)
class Election:
    """An election in `term`, or, with `pre_vote`, the question whether it could be won."""

    term: int
    pre_vote: bool
    seq: int
    time: float
    firing: Firing


@dataclass(frozen=True, slots=True)
class Cause:
    """A message that arrived from `peer`: a request with its `args`, or a `reply` to the node's own `args`.

    `args` is None for a response to a request that the history no longer has.
    """

    peer: int
    args: Args | None
    reply: Reply | None = None


@dataclass(frozen=True, slots=True)
class RoleChange:
    """A change to follower, or of a follower to another term. `was` is None for a node that started then.

    `cause` is the message that did it, None where that is not known.
    """

    time: float
    was: CMState | None
    old_term: int
    term: int
    rule: str
    cause: Cause | None


@dataclass(slots=True)
class VoteCast:
    """A vote in `term`, as `decided`: None for itself, or where that is forgotten, as `time` is then, too.

    `from_disk`: the node knows it from its disk. `happened`: the node sent or stored something after it, before it
    crashed.
    """

    candidate: int
    term: int
    time: float | None = None
    decided: Record | None = None
    from_disk: bool = False
    happened: bool = False


@dataclass(frozen=True, slots=True)
class PastLeadership:
    """A leadership that began at `time`, and its end at `until`: by this rule and message if it stepped down."""

    node: int
    term: int
    time: float
    seq: int
    end: End = ""
    until: float = 0.0
    rule: str = ""
    cause: Cause | None = None


@dataclass(frozen=True, slots=True)
class Ignored:
    """The last response that a node ignored in its present role: from whom, to what, when, by which rule."""

    peer: int
    args: Args
    time: float
    rule: str


class Story:
    """The story of one node, folded from its events. A None is not known, or did not happen."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._previous: Record | None = None
        self._after: NodeState | None = None
        self._calls: dict[int, Args] = {}
        self._uncertain: list[VoteCast] = []
        self.votes: defaultdict[int, list[VoteCast]] = defaultdict(list)  # by term
        self.before_vote: dict[int, tuple[list[int], tuple[float, int] | None]] = {}
        """By event that decides about a vote: whom it voted for in that term, when it heard of which leader."""

        self.rejected: Record | None = None
        self.rejected_of: dict[int, Record] = {}
        self.leadership: PastLeadership | None = None
        self.crashed: float | None = None
        self.was: NodeState | None = None  # its state before it crashed
        self.acted: float | None = None  # when its process acted after it had crashed
        self.earlier_life: float | None = None  # when an earlier process of it acted
        self._begin(0)

    def _begin(self, life: int) -> None:
        """Forget what ends with a process."""
        self.life = life
        self.is_whole = False  # whether it is known whom it followed before
        self.started: decisions.Started | None = None
        self.started_at = 0.0
        self.options: decisions.Configured | None = None  # None if they do not concern leases
        self.role: RoleChange | None = None
        self.entered: RoleChange | None = None
        self._waits_since: Record | None = None
        self.asking: Election | None = None
        self.stood: Election | None = None
        self.ignored: Ignored | None = None
        self.transfer: PastTransfer | None = None  # the last one of its leadership
        self.told: Record | None = None  # the last TimeoutNow that it refused
        self.snapshots = SnapshotSteps()
        self.heard: Record | None = None
        self.followed: tuple[int, int] = (NONE, NONE)  # the last leader heard of, and its term
        self.followed_since: float | None = None
        self.frozen_since: float | None = None
        self.write: Record | None = None  # the WriteWaits of the write that waits for its disk
        self.cut_off_since: float | None = None
        self.is_tearing = self.is_changed = self.has_unwritten = False
        self.written: int | None = None  # the length of the log on disk
        self._uncertain.clear()

    def read(self, records: Iterable[Record]) -> None:
        """Read events; most are messages, of which little is kept."""
        for record in records:
            event = record.event
            if record.incarnation != self.life:
                if record.incarnation < self.life:
                    self.earlier_life = record.time if record.after is not None else self.earlier_life
                    continue
                self._begin(record.incarnation)
            if event.group == "wire":
                if isinstance(event, facts.CallSent):
                    self._calls[event.call_id] = event.args
                    if type(event.args) is TimeoutNowArgs:
                        self.transfer = transfer_after(self.transfer, record, event)
                if self._uncertain and isinstance(event, facts.CallSent | facts.ReplySent):
                    self._make_certain()
            elif isinstance(event, decisions.DecisionBase):
                self._decided(record, event)
                self._after = record.after
            else:
                self._happened(record, event)
            self._previous = record

    def _make_certain(self) -> None:
        for vote in self._uncertain:
            vote.happened = True
        self._uncertain.clear()

    def _happened(self, record: Record, event: object) -> None:
        match event:
            case facts.Crashed():
                self._ended("crashed", record.time)
                self._crashes(record.time)
            case facts.Restarted():
                self.crashed = self.acted = self.earlier_life = None
            case facts.Disconnected():
                self._ended("cut off", record.time)
                self.cut_off_since = record.time
            case facts.WriteWaits(waits=waits):
                self.write = record if waits else None
            case facts.Frozen():
                self.frozen_since = record.time
            case facts.Tearing():
                self.is_tearing = True
            case facts.Submitted():
                self.transfer = transfer_after(self.transfer, record, event)

    def _crashes(self, time: float) -> None:
        self.crashed = time
        if self._after is not None and self._after.state is not CMState.DEAD:
            self.was = self._after

    def _ended(self, end: End, time: float, rule: str = "", cause: Cause | None = None) -> None:
        if self.leadership is not None and not self.leadership.end:
            self.leadership = replace(self.leadership, end=end, until=time, rule=rule, cause=cause)

    # ---- decisions

    def _decided(self, record: Record, event: decisions.Decision) -> None:
        time = record.time
        if self.crashed is not None and record.after is not None and record.after.state is not CMState.DEAD:
            self.acted = time
        match event:
            case decisions.AppendDecided():
                self._append_decided(record, event)
            case decisions.ConfirmDecided():
                self._confirm_decided(record, event)
            case decisions.ReadIndexDecided(success=False):
                self.rejected = self.rejected_of[event.args.node_id] = record
            case decisions.HeartbeatDue() | decisions.MatchAdvanced() | decisions.Applied():
                pass
            case decisions.Stopped():
                self._crashes(time)
            case decisions.Persisted():
                self.written = event.start + len(event.entries)
                self.is_changed = self.has_unwritten = False
                self._make_certain()
            case decisions.VoteDecided():
                self._vote_decided(record, event)
            case decisions.EntryAppended():
                self.is_changed = self.has_unwritten = True
            case decisions.EntriesStored() | decisions.LogTruncated():
                self.is_changed = True
            case decisions.ReplyIgnored():
                self.ignored = Ignored(event.peer, event.args, time, event.rule)
            case decisions.TimerSet():
                self._waits_since = record
            case decisions.Configured():
                self.options = event
            case decisions.TimeoutNowDecided(obeyed=False):
                self.told = record
            case decisions.TransferStarted() | decisions.TransferAborted():
                self.transfer = transfer_after(self.transfer, record, event)
            case decisions.Started() | decisions.BecameFollower():
                self.transfer = None
                self._became_follower(record, event)
            case decisions.PreVoteStarted() | decisions.ElectionStarted() | decisions.BecameLeader():
                self.snapshots.read(record, event)
                self._election(record, event)
            case decisions.SnapshotTaken() | decisions.SnapshotInstalled() | decisions.SnapshotSent():
                self.snapshots.read(record, event)
            case decisions.ChunkReceived() | decisions.SnapshotIgnored():
                self.snapshots.read(record, event)
                leader = leader_of(event)
                if leader is not None and record.after is not None:
                    self._heard_of(leader, record.after.current_term, record)

    def _append_decided(self, record: Record, event: decisions.AppendDecided) -> None:
        args = event.args
        if not event.success:
            self.rejected = self.rejected_of[args.leader_id] = record
        if event.rule == Rule.STALE_TERM:
            return
        self._heard_of(args.leader_id, args.term, record)

    def _confirm_decided(self, record: Record, event: decisions.ConfirmDecided) -> None:
        args = event.args
        if event.success:
            self._heard_of(args.leader_id, args.term, record)
        else:
            self.rejected = self.rejected_of[args.leader_id] = record

    def _heard_of(self, leader: int, term: int, record: Record) -> None:
        if self.followed != (leader, term):
            known = self.is_whole or self.followed != (NONE, NONE)
            self.followed, self.followed_since = (leader, term), record.time if known else None
        self.heard = self._waits_since = record

    def _vote_decided(self, record: Record, event: decisions.VoteDecided) -> None:
        args = event.args
        earlier = [vote.candidate for vote in self.votes[args.term] if vote.happened]
        heard = (self.heard.time, self.followed[0]) if self.heard is not None else None
        self.before_vote[record.seq] = (earlier, heard)
        if not event.granted:
            self.rejected = self.rejected_of[args.candidate_id] = record
        if args.pre_vote or event.rule == Rule.IN_LEASE:
            return
        if self._rules.restarts_election_timer(event.granted):
            self._waits_since = record
        if event.granted:
            self._voted(VoteCast(args.candidate_id, args.term, record.time, record))

    def _voted(self, vote: VoteCast) -> None:
        self.votes[vote.term].append(vote)
        self._uncertain.append(vote)
        self.is_changed = True

    def _became_follower(self, record: Record, event: decisions.Started | decisions.BecameFollower) -> None:
        time = record.time
        if isinstance(event, decisions.Started):
            term, self.started, self.is_whole = event.current_term, event, True
            self.started_at = time
            self._waits_since = record
            self.role = self.entered = RoleChange(time, None, term, term, "", None)
            return
        cause = self._cause()
        change = RoleChange(time, event.was, event.old_term, event.term, event.rule, cause)
        if event.was is not CMState.FOLLOWER:
            self.role = change
        if event.old_term != event.term:
            self.entered, self.is_changed = change, True
        if event.was is not CMState.PRE_CANDIDATE or event.old_term != event.term:
            self.is_whole = True  # a pre-candidate may have followed a leader of its term before
        if event.was is CMState.LEADER:
            self._waits_since = record
            self._ended("stepped down", time, event.rule, cause)

    def _cause(self) -> Cause | None:
        """Return the message that the node decides about, having just received it; None if there was none."""
        previous = self._previous
        if previous is None or previous.incarnation != self.life:
            return None
        event: object = previous.event
        match event:
            case facts.CallDelivered(src=src, args=args):
                return Cause(src, args)
            case facts.ReplyDelivered(src=src, call_id=call_id, reply=reply):
                return Cause(src, self._calls.get(call_id), reply)
        return None

    def _election(
        self, record: Record, event: decisions.PreVoteStarted | decisions.ElectionStarted | decisions.BecameLeader
    ) -> None:
        term, time, asked = event.term, record.time, self.asking
        if isinstance(event, decisions.BecameLeader):
            self.ignored = None
            self.leadership = PastLeadership(record.node, term, time, record.seq)
            return
        firing = Firing(time, event.rule == Rule.BY_HAND, self._wait())
        self._waits_since = record
        if isinstance(event, decisions.PreVoteStarted):
            self.asking = Election(term, True, record.seq, time, firing)
            return
        last = None if self._previous is None else self._previous.event
        if isinstance(last, decisions.TimeoutNowDecided) and event.rule == Rule.TOLD_TO:
            firing = replace(firing, told_by=last.args.leader_id)
        if isinstance(last, decisions.VoteCounted) and last.pre_vote:
            first = Firing(None, firing.by_hand, None) if asked is None else asked.firing
            firing = replace(first, pre_votes=last.votes)
        self.stood, self.ignored = Election(term, False, record.seq, time, firing), None
        self._voted(VoteCast(record.node, term, time))

    def _wait(self) -> Wait | None:
        """Return what had last restarted the election timer."""
        since = self._waits_since
        if since is None:
            return None
        event: object = since.event
        match event:
            case decisions.AppendDecided(args=args) | decisions.ConfirmDecided(args=args):
                return Wait("heard", since.time, args.term, args.leader_id)
            case decisions.ChunkReceived(leader=leader) | decisions.SnapshotIgnored(leader=leader):
                term = NONE if since.after is None else since.after.current_term
                return Wait("heard", since.time, term, leader)
            case decisions.VoteDecided(args=args, granted=granted):
                return Wait("voted" if granted else "refused", since.time, args.term, args.candidate_id)
            case decisions.ElectionStarted(term=term):
                return Wait("stood", since.time, term)
            case decisions.PreVoteStarted(term=term):
                return Wait("asked", since.time, term)
            case decisions.BecameFollower(term=term):
                return Wait("stepped down", since.time, term)
            case decisions.TimerSet():
                return Wait("set", since.time, NONE)
        return Wait("started", since.time, 0 if since.after is None else since.after.current_term)
