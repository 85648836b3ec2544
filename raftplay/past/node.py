"""One node of a `World`: the result of its decisions, and of what was done to it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace as dataclass_replace
from typing import assert_never, get_args

from msgspec.structs import replace

from raftplay.cluster.hardware import USUAL
from raftplay.cluster.snapshot import NodeSnapshot
from raftplay.kv.commands import Append, Cas, Put, read_command
from raftplay.kv.machine import change
from raftplay.past.growing import Growing
from raftplay.past.past_log import PastLog
from raftplay.raft import decisions
from raftplay.raft.messages import LEADER, NONE, AppendEntriesArgs, Args, CMState, CommitEntry, Entry
from raftplay.raft.prefix import log_view
from raftplay.raft.rule_names import Rule
from raftplay.watch import client_facts, facts
from raftplay.watch.event_table import EventTable

STALE_TERM = Rule.STALE_TERM

UNBORN = decisions.NodeState(CMState.FOLLOWER, 0, NONE, NONE, NONE, NONE, NONE)
"""The state of a node before its first event."""


class PastNode:
    """A node after its last event. `after` is the state that the event carried; the rest is gathered here."""

    __slots__ = (
        "_was",
        "after",
        "alive",
        "calls_left",
        "commits",
        "connected",
        "crash_cause",
        "disk",
        "disk_term",
        "disk_vote",
        "frozen",
        "hardware",
        "id",
        "incarnation",
        "leader_id",
        "lease_until",
        "log",
        "lost",
        "match_index",
        "next_index",
        "store",
        "tearing",
        "transferring_to",
        "votes",
        "wiped",
        "writing_since",
    )

    def __init__(self, id: int) -> None:
        self.id = id
        self.log = PastLog()
        self.commits: Growing[CommitEntry] = Growing()
        self.alive = True
        self.after = UNBORN
        self.hardware = USUAL
        self.holds(0, NONE, ())
        self.begin(0)

    def begin(self, incarnation: int) -> None:
        """Start a new process over the old disk; its first event tells what the disk returns."""
        self.incarnation = incarnation
        self.wiped = self.lost = False
        self.log = self.disk.copy()
        self.after = replace(
            UNBORN,
            current_term=self.disk_term,
            voted_for=self.disk_vote,
            last_log_index=len(self.log) - 1,
            last_log_term=self.log.last_term,
            commit_index=self.log.base_index,
            last_applied=self.log.base_index,
        )
        self.connected = True
        self.crash_cause = ""
        self.frozen = False
        self.tearing = False
        self.calls_left = -1
        self.writing_since: float | None = None
        self.leader_id = self.transferring_to = NONE
        self.lease_until = 0.0
        self.votes: tuple[int, ...] = ()
        self.next_index: dict[int, int] = {}
        self.match_index: dict[int, int] = {}
        self.store: Mapping[str, object] = {}
        self._was = CMState.FOLLOWER

    @classmethod
    def of(cls, seen: NodeSnapshot) -> "PastNode":
        """Return the node that a snapshot shows."""
        node = cls(seen.id)
        node.incarnation = seen.incarnation
        node.holds(seen.current_term, seen.voted_for, seen.log)
        node.log, node.commits = node.disk.copy(), Growing(seen.commits)
        node.after = decisions.NodeState(
            seen.state,
            seen.current_term,
            seen.voted_for,
            seen.last_index,
            seen.last_term,
            seen.commit_index,
            seen.last_applied,
            None if seen.deadline == math.inf else seen.deadline,
        )
        node.alive, node.connected, node.frozen = seen.alive, seen.connected, seen.frozen
        node.calls_left, node.crash_cause = seen.calls_left, seen.crash_cause
        node.tearing = seen.tearing
        node.wiped = node.lost = seen.wiped
        node.store = seen.store
        node.hardware, node.writing_since = seen.hardware, seen.writing_since
        node.leader_id, node.votes, node.transferring_to = seen.leader_id, seen.votes, seen.transferring_to
        node.lease_until = seen.lease_until
        node.next_index, node.match_index = dict(seen.next_index), dict(seen.match_index)
        return node

    def copy(self) -> "PastNode":
        """Return an independent copy of the node."""
        new = PastNode.__new__(PastNode)
        new.id, new.incarnation, new.after = self.id, self.incarnation, self.after
        new.log, new.commits = self.log.copy(), self.commits.copy()
        new.alive, new.connected, new.frozen = self.alive, self.connected, self.frozen
        new.disk, new.disk_term, new.disk_vote = self.disk.copy(), self.disk_term, self.disk_vote
        new.tearing, new.wiped, new.lost = self.tearing, self.wiped, self.lost
        new.calls_left, new.leader_id, new.votes = self.calls_left, self.leader_id, self.votes
        new.store = self.store
        new.crash_cause, new.transferring_to = self.crash_cause, self.transferring_to
        new.lease_until = self.lease_until
        new.hardware, new.writing_since = self.hardware, self.writing_since
        new.next_index, new.match_index = self.next_index.copy(), self.match_index.copy()
        new._was = self._was
        return new

    def snapshot(self, listen_addr: tuple[str, int]) -> NodeSnapshot:
        """Return the snapshot of the node."""
        after, alive = self.after, self.alive
        return NodeSnapshot(
            id=self.id,
            state=after.state,
            current_term=after.current_term if alive else self.disk_term,
            voted_for=after.voted_for if alive else self.disk_vote,
            log=(self.log if alive else self.disk).frozen(),
            commit_index=after.commit_index if alive else NONE,
            last_applied=after.last_applied if alive else NONE,
            next_index=tuple(self.next_index.items()) if alive else (),
            match_index=tuple(self.match_index.items()) if alive else (),
            votes=self.votes if alive else (),
            leader_id=self.leader_id if alive else NONE,
            transferring_to=self.transferring_to if alive else NONE,
            lease_until=self.lease_until if alive else 0.0,
            deadline=math.inf if after.deadline is None else after.deadline,
            alive=alive,
            connected=self.connected,
            frozen=self.frozen,
            calls_left=self.calls_left,
            tearing=self.tearing,
            incarnation=self.incarnation,
            listen_addr=listen_addr,
            commits=self.commits.frozen(),
            crash_cause=self.crash_cause,
            wiped=self.lost,
            hardware=self.hardware,
            writing_since=self.writing_since,
            store=self.store,
        )

    # ---- faults

    @property
    def holds_messages(self) -> bool:
        """Return whether what arrives waits: its process is paused, or waits for its disk."""
        return self.frozen or self.writing_since is not None

    def happened(self, event: facts.NodeFault, incarnation: int, time: float) -> None:
        """Change what a fault at cluster time `time` changes."""
        match event:
            case facts.Crashed(cause=cause):
                self._goes_down()
                self.crash_cause = cause
            case facts.Restarted(empty=empty):
                self.alive = True
                if empty:
                    self.holds(0, NONE, ())
                self.begin(incarnation)
            case facts.OnDisk():
                log = log_view(event.entries, event.base_index, event.base_term)
                self.holds(event.current_term, event.voted_for, log)
                self.tearing = False  # the write that was to be torn is over
            case facts.StateRestored(commits=commits):
                self.commits = Growing(commits)
            case facts.StateImaged():
                pass
            case facts.Tearing():
                self.tearing = True
            case facts.Wiped(empty=empty):  # the disk stays empty, whatever a crashed process still writes
                self.wiped, self.lost = True, self.lost or not empty
                self.holds(0, NONE, ())
            case facts.DiskChanged(delay=delay, stalls=stalls, fails=fails):
                self.hardware = dataclass_replace(self.hardware, delay=delay, stalls=stalls, fails=fails)
            case facts.WriteWaits(waits=waits):
                self.writing_since = time if waits else None
            case facts.ClockChanged(rate=rate):
                self.hardware = dataclass_replace(self.hardware, rate=rate)
            case facts.TimingChanged(election=election, heartbeat=heartbeat):
                self.hardware = dataclass_replace(self.hardware, election=election, heartbeat=heartbeat)
            case facts.Disconnected() | facts.Reconnected():
                self.connected = isinstance(event, facts.Reconnected)
            case facts.Frozen() | facts.Thawed():
                self.frozen = isinstance(event, facts.Frozen)
            case facts.Dropping(after=after):
                self.calls_left = after
            case _:
                assert_never(event)

    def applies(self, event: client_facts.RequestApplied) -> None:
        """Change the store as a request does; views of earlier moments keep the store that they have."""
        command = read_command(event.command)
        if event.outcome == "ok" and not event.again and isinstance(command, Put | Append | Cas):
            values = dict(self.store)
            change(values, command)
            self.store = values

    def _goes_down(self) -> None:
        """Cut the node off, keep only its disk, and forget its commits and its store."""
        self.alive = self.connected = self.tearing = self.frozen = False
        self.commits = Growing()
        self.store = {}
        self.writing_since = None
        self.hardware = dataclass_replace(self.hardware, fails=False)

    def holds(self, current_term: int, voted_for: int, log: Sequence[Entry]) -> None:
        """Set the contents of the disk."""
        self.disk_term, self.disk_vote, self.disk = current_term, voted_for, PastLog(log)

    def revive(self) -> None:
        """Restore the role of a process that got a response after its crash; a correct node gets none."""
        self.after = replace(self.after, state=self._was)

    def call_left(self, peer: int, args: Args | None) -> None:
        """Count a request that left for `peer`; `args` is None for one that a user made."""
        if self.calls_left > 0:
            self.calls_left -= 1
        if type(args) is AppendEntriesArgs:
            self.next_index[peer] = args.prev_log_index + len(args.entries) + 1

    def call_did_not_leave(self, peer: int, args: Args) -> None:
        """Take back the last request to `peer`, which turned out not to have left."""
        if self.calls_left >= 0:
            self.calls_left += 1
        if type(args) is AppendEntriesArgs and peer in self.next_index:
            self.next_index[peer] = max(self.match_index[peer], args.prev_log_index) + 1

    def _behind_no_match(self) -> None:
        """Raise each next_index above its match_index, as a request that cannot leave does without an event.

        Every other request says with which entry it begins, so nothing is lost by assuming that none can leave.
        """
        for peer, match_index in self.match_index.items():
            if self.next_index[peer] <= match_index:  # that of an earlier term, by a bug
                self.next_index[peer] = match_index + 1

    # ---- decisions

    def _heartbeat_due(self, _event: decisions.HeartbeatDue) -> None:
        self._behind_no_match()

    def _append_decided(self, event: decisions.AppendDecided) -> None:
        leads = self.after.state is LEADER  # it follows nobody, even with a bug
        if not leads and event.rule != STALE_TERM:
            self.leader_id = event.args.leader_id

    def _match_advanced(self, event: decisions.MatchAdvanced) -> None:
        peer, match_index = event.peer, event.match_index
        self.match_index[peer] = match_index
        self.next_index[peer] = max(self.next_index[peer], match_index + 1)

    def _backed_up(self, event: decisions.BackedUp) -> None:
        self.next_index[event.peer] = event.next_index

    def _applied(self, event: decisions.Applied) -> None:
        if self.alive:
            self.commits.append(event.entry)

    def _entry_appended(self, event: decisions.EntryAppended) -> None:
        self.log.append(event.entry)
        self._behind_no_match()

    def _entries_stored(self, event: decisions.EntriesStored) -> None:
        self.log.put(event.index, event.entries)

    def _log_truncated(self, event: decisions.LogTruncated) -> None:
        self.log.truncate(event.index)

    def _snapshot_decided(self, event: decisions.SnapshotDecision) -> None:
        match event:
            case decisions.SnapshotTaken():
                self.log.compact(event.index, event.term, keeps=True)
            case decisions.SnapshotInstalled():
                self.log.compact(event.index, event.term, keeps=event.keeps)
            case decisions.LogCompacted():
                if not self.wiped:
                    self.disk.compact(event.index, event.term, keeps=event.keeps)
            case decisions.ChunkReceived(leader=leader) | decisions.SnapshotIgnored(leader=leader):
                stale = isinstance(event, decisions.SnapshotIgnored) and event.rule == STALE_TERM
                if self.after.state is not LEADER and not stale:
                    self.leader_id = leader
            case decisions.SnapshotSent():
                pass
            case _:
                assert_never(event)

    def _role_changed(
        self, event: decisions.ElectionDecision | decisions.TransferDecision | decisions.NodeDecision
    ) -> None:
        match event:
            case decisions.TransferStarted():
                self.transferring_to, self.lease_until = event.target, event.lease_until
            case decisions.TransferAborted():
                self.transferring_to, self.lease_until = NONE, event.lease_until
            case decisions.Configured():
                self.lease_until = event.lease_until
            case decisions.Started():
                log = log_view(event.entries, event.base_index, event.base_term)
                self.holds(event.current_term, event.voted_for, log)
                self.log = self.disk.copy()
            case decisions.Stopped():
                self._was = self.after.state
                self._goes_down()
            case decisions.PreVoteStarted():
                self.votes, self.leader_id = (self.id,), NONE
            case decisions.ElectionStarted():
                self.votes, self.leader_id = (), NONE
            case decisions.VoteCounted():
                self.votes = event.votes
            case decisions.BecameLeader():
                self.leader_id = self.id
            case decisions.PeersReset():
                self.next_index, self.match_index = dict(event.next_index), dict(event.match_index)
            case decisions.BecameFollower():
                self.votes, self.next_index, self.match_index = (), {}, {}
                self.transferring_to, self.lease_until = NONE, 0.0
                if event.term > event.old_term or event.was is LEADER:
                    self.leader_id = NONE
            case decisions.ReplyIgnored():
                if event.rule == Rule.OUTDATED:
                    self.next_index[event.peer] = self.match_index[event.peer] + 1
            case (
                decisions.VoteDecided()
                | decisions.TimeoutNowDecided()
                | decisions.WriteDelayed()
                | decisions.TimerSet()
                | decisions.CustomDecision()
            ):
                pass
            case _:
                assert_never(event)

    def _confirm_decided(self, event: decisions.ConfirmDecided) -> None:
        if event.success and self.after.state is not LEADER:
            self.leader_id = event.args.leader_id

    def _round_confirmed(self, event: decisions.RoundConfirmed) -> None:
        self.lease_until = event.lease_until

    def _persisted(self, event: decisions.Persisted) -> None:
        if self.wiped:
            return
        self.disk_term, self.disk_vote = event.current_term, event.voted_for
        self.disk.truncate(event.start)
        for entry in event.entries:
            self.disk.append(entry)


DECISIONS = EventTable[PastNode]()
"""The change that each decision makes to its node, besides the state that it carries."""

DECISIONS.add(decisions.HeartbeatDue, PastNode._heartbeat_due)
DECISIONS.add(decisions.Persisted, PastNode._persisted)
DECISIONS.add(decisions.AppendDecided, PastNode._append_decided)
DECISIONS.add(decisions.MatchAdvanced, PastNode._match_advanced)
DECISIONS.add(decisions.BackedUp, PastNode._backed_up)
DECISIONS.add(decisions.Applied, PastNode._applied)
DECISIONS.add(decisions.EntryAppended, PastNode._entry_appended)
DECISIONS.add(decisions.EntriesStored, PastNode._entries_stored)
DECISIONS.add(decisions.LogTruncated, PastNode._log_truncated)
for kind in (
    *get_args(decisions.ElectionDecision),
    *get_args(decisions.TransferDecision),
    *get_args(decisions.NodeDecision),
):
    DECISIONS.add(kind, PastNode._role_changed)
for kind in get_args(decisions.SnapshotDecision):
    DECISIONS.add(kind, PastNode._snapshot_decided)
DECISIONS.add(decisions.ConfirmDecided, PastNode._confirm_decided)
DECISIONS.ignore(*get_args(decisions.CommitDecision))
DECISIONS.add(decisions.RoundConfirmed, PastNode._round_confirmed)
for kind in get_args(decisions.ReadDecision):
    if kind not in (decisions.ConfirmDecided, decisions.RoundConfirmed):
        DECISIONS.ignore(kind)
