"""The watcher, a reader of the stream of events that checks every invariant on every event."""

import math
from collections.abc import Callable, Collection
from typing import get_args

from raftplay.raft import decisions
from raftplay.raft.decisions import Decision
from raftplay.raft.messages import CMState
from raftplay.raft.state import State
from raftplay.watch import client_facts, facts
from raftplay.watch.event_table import EventTable
from raftplay.watch.facts import Event, Record
from raftplay.watch.invariants import (
    clients,
    elections,
    leases,
    reads,
    replication,
    snapshots,
    timers,
    transfers,
    wire,
)
from raftplay.watch.invariants.model import ClusterModel, NodeModel, SeenEvent
from raftplay.watch.invariants.names import (
    DEAD_IS_DEAD,
    INVARIANTS,
    LEADER_APPEND_ONLY,
    MONOTONIC_COMMIT,
    MONOTONIC_TERM,
    WELL_FORMED,
    Breach,
    check_names,
)
from raftplay.watch.stream import Stream, Watcher

CHECKS = EventTable[ClusterModel, NodeModel]()
"""The check of each event of a running node."""

CHECKS.add(decisions.Started, elections.started)
CHECKS.add(decisions.Stopped, elections.stopped)
CHECKS.add(decisions.PreVoteStarted, elections.pre_vote_started)
CHECKS.add(decisions.ElectionStarted, elections.election_started)
CHECKS.add(decisions.VoteDecided, elections.vote_decided)
CHECKS.add(decisions.BecameLeader, elections.became_leader)
CHECKS.add(decisions.BecameFollower, elections.became_follower)
CHECKS.add(decisions.PeersReset, elections.peers_reset)
CHECKS.add(decisions.EntryAppended, replication.entry_appended)
CHECKS.add(decisions.EntriesStored, replication.entries_stored)
CHECKS.add(decisions.LogTruncated, replication.log_truncated)
CHECKS.add(decisions.AppendDecided, replication.append_decided)
CHECKS.add(decisions.Persisted, replication.persisted)
CHECKS.add(decisions.MatchAdvanced, replication.match_advanced)
CHECKS.add(decisions.BackedUp, replication.backed_up)
CHECKS.add(decisions.CommitAdvanced, replication.commit_advanced)
CHECKS.add(decisions.Applied, replication.applied)
CHECKS.add(decisions.SnapshotTaken, snapshots.snapshot_taken)
CHECKS.add(decisions.SnapshotInstalled, snapshots.snapshot_installed)
CHECKS.add(decisions.LogCompacted, snapshots.log_compacted)
CHECKS.add(facts.StateRestored, snapshots.state_restored)
CHECKS.add(facts.StateImaged, snapshots.state_imaged)
CHECKS.add(decisions.TransferStarted, transfers.transfer_started)
CHECKS.add(decisions.TransferAborted, transfers.transfer_ended)
CHECKS.add(decisions.TimeoutNowDecided, transfers.timeout_now_decided)
CHECKS.ignore(decisions.SnapshotSent, decisions.SnapshotIgnored, decisions.ChunkReceived)
CHECKS.add(decisions.WriteDelayed, timers.write_delayed)
CHECKS.add(decisions.ReadStarted, reads.read_started)
CHECKS.add(decisions.ReadAnswered, reads.read_answered)
CHECKS.add(decisions.ReadRefused, reads.read_refused)
CHECKS.add(decisions.RoundConfirmed, reads.round_confirmed)
CHECKS.ignore(decisions.RoundStarted, decisions.ConfirmDecided, decisions.ReadIndexDecided)
CHECKS.add(facts.Restarted, elections.restarted)
CHECKS.add(facts.CallSent, wire.call_sent)
CHECKS.add(facts.CallDelivered, wire.call_delivered)
CHECKS.add(facts.ReplySent, wire.reply_sent)
CHECKS.add(facts.ReplyDelivered, wire.reply_delivered)
CHECKS.ignore(decisions.VoteCounted, decisions.ReplyIgnored, decisions.CommitHeld)
CHECKS.add(decisions.Configured, leases.configured)
CHECKS.add(decisions.HeartbeatDue, leases.heartbeat_due)
CHECKS.ignore(decisions.TimerSet, decisions.CustomDecision)
CHECKS.ignore(facts.CallLost, facts.ReplyLost, facts.Submitted, facts.TimedOut, facts.OptionChanged)
CHECKS.ignore(*(fault for fault in get_args(facts.NodeFault) if fault is not facts.Restarted))
CHECKS.ignore(*get_args(facts.LinkFault))
CHECKS.add(client_facts.RequestApplied, clients.request_applied)
CHECKS.ignore(
    client_facts.ClientCalled, client_facts.ClientAsked, client_facts.ClientTold, client_facts.StoreRestored
)

_BY_A_NODE = (decisions.DecisionBase, facts.CallSent, facts.ReplySent)
"""The events that only a running node causes."""


class Invariants(Watcher):
    """Checks every invariant of `INVARIANTS` (or those of `names`) over the events of a cluster of `n` nodes.

    It is a reader of a `Stream`, attached before the first event of the cluster. It never raises: violations are
    appended to `breaches` and passed to `on_breach`. Its memory is bounded: see `ClusterModel`. The constructor
    raises `UsageError` for an unknown name.
    """

    def __init__(
        self,
        n: int,
        *,
        on_breach: Callable[[Breach], None] | None = None,
        names: Collection[str] | None = None,
    ) -> None:
        watched = [invariant.name for invariant in INVARIANTS] if names is None else check_names(names)
        self._cluster = ClusterModel(n, on_breach, watched)
        self.breaches = self._cluster.breaches
        self._check_of = CHECKS.get

    def __call__(self, record: Record) -> None:
        """Check one event of the cluster."""
        if record.node < 0:
            self._see_client(record, record.event)
            return
        cluster, event, after = self._cluster, record.event, record.after
        node = cluster.nodes[record.node]
        cluster.seen = record
        if (record.incarnation != node.incarnation or node.dead) and not _lives(cluster, node, record):
            return
        check = self._check_of(type(event))
        if check is not None:
            check(cluster, node, event)
        if after is not None:
            deadline = math.inf if after.deadline is None else after.deadline
            if deadline != node.deadline:
                timers.judge_timer(cluster, node, event, deadline)
            judge_state(cluster, node, after)

    def facts_of(self, stream: Stream, node: int, incarnation: int) -> Callable[[Event], None] | None:
        """Return the function that checks an event of a node that is no decision; it has no record."""
        if node < 0:
            return lambda event: self._see_client((stream, node, incarnation, event, None), event)
        cluster, check_of = self._cluster, self._check_of
        model = cluster.nodes[node]

        def read(event: Event) -> None:
            cluster.seen = (stream, node, incarnation, event, None)
            if (incarnation != model.incarnation or model.dead) and not _lives(cluster, model, cluster.record):
                return
            check = check_of(type(event))
            if check is not None:
                check(cluster, model, event)

        return read

    def _see_client(self, seen: Record | SeenEvent, event: Event) -> None:
        """Check an event of no node: only clients have such."""
        check = clients.BY_CLIENTS.get(type(event))
        if check is not None:
            self._cluster.seen = seen
            check(self._cluster, event)

    def decisions_of(self, stream: Stream, node: int, incarnation: int, cm: State) -> Callable[[Decision], None]:
        """Return the function that checks a decision, and the state of the node after it; it has no record."""
        return decision_judge(self._cluster, self._cluster.nodes[node], cm, stream, incarnation)


def decision_judge(
    cluster: ClusterModel, node: NodeModel, cm: State, stream: Stream | None = None, incarnation: int = 0
) -> Callable[[Decision], None]:
    """Return the function that checks a decision of `cm`, and its state after it.

    With a `stream` it is a reader of it, and `incarnation` says which process of the node decides.
    """
    check_of, judge_timer, id = CHECKS.get, timers.judge_timer, node.id

    def judge(decision: Decision) -> None:
        if stream is not None:
            cluster.seen = (stream, id, incarnation, decision, cm)
            if (incarnation != node.incarnation or node.dead) and not _lives(cluster, node, cluster.record):
                return
        check = check_of(type(decision))
        if check is not None:
            check(cluster, node, decision)
        deadline = cm.deadline
        if deadline != node.deadline:
            judge_timer(cluster, node, decision, deadline)
        log, mine = cm.log, node.log
        if not (
            cm.current_term == node.term
            and cm.last_applied <= cm.commit_index == node.commit
            and node.commit <= log.last_index == mine.length - 1
            and log.last_term == mine.last_term
        ):
            judge_state(cluster, node, cm.node_state())

    return judge


def _lives(cluster: ClusterModel, node: NodeModel, record: Record) -> bool:
    """Return whether the event begins a new incarnation; report an act of a crashed one."""
    if record.incarnation > node.incarnation:
        node.begin(record.incarnation)
        return True
    if isinstance(record.event, _BY_A_NODE) and not isinstance(record.event, decisions.Stopped):
        dead = f"incarnation {record.incarnation} of {node} has crashed"
        cluster.breach(DEAD_IS_DEAD, f"incarnation {record.incarnation} of {node} acts", dead)
        if isinstance(record.event, decisions.Persisted):  # its successor has the same disk
            replication.persisted(cluster, node, record.event)
    return False


def judge_state(cluster: ClusterModel, node: NodeModel, after: decisions.NodeState) -> None:
    """Check that the node's state agrees with its decisions."""
    log = node.log
    if (
        after.current_term == node.term
        and after.last_applied <= after.commit_index == node.commit <= after.last_log_index == log.length - 1
        and after.last_log_term == log.last_term
    ):
        return
    if after.current_term < node.term:
        cluster.breach(MONOTONIC_TERM, f"{node} is in term {after.current_term}", f"it was in term {node.term}")
    node.term = after.current_term
    commit = after.commit_index
    if commit < node.commit:
        cluster.breach(MONOTONIC_COMMIT, f"the commit index of {node} is {commit}", f"it was {node.commit}")
        node.commit = commit
    if not after.last_applied <= commit <= after.last_log_index:
        cluster.breach(
            MONOTONIC_COMMIT,
            f"the commit index of {node} is {commit}",
            f"it has applied up to {after.last_applied}, and its log ends at {after.last_log_index}",
        )
    if after.last_log_index != log.length - 1 or after.last_log_term != log.last_term:
        _log_differs(cluster, node, after)


def _log_differs(cluster: ClusterModel, node: NodeModel, after: decisions.NodeState) -> None:
    """Report a log that differs from the node's decisions."""
    last = node.log.length - 1
    if after.last_log_index == last and node.log.last_term < 0:
        return  # the model has forgotten the term
    shorter = node.role is CMState.LEADER and after.last_log_index < last
    cluster.breach(
        LEADER_APPEND_ONLY if shorter else WELL_FORMED,
        f"the log of {node} ends at index {after.last_log_index} with term {after.last_log_term}",
        f"what it did to it ends at index {last} with term {node.log.last_term}",
    )
