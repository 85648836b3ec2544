"""What is true of a cluster: what a witness saw happen, and what its nodes, its links and its disks say.

Nothing here uses the code that finds the answers of `why`.
"""

import math
from typing import Any

from raftplay import Harness, RequestVoteArgs
from raftplay.cluster import checks
from raftplay.raft import decisions
from raftplay.raft.bugs.durability import LateWrites
from raftplay.raft.storage import PersistentState
from raftplay.watch import facts


class Witness:
    """Reads the events of a cluster, and keeps the last of what answers are about."""

    def __init__(self) -> None:
        self.refused_by: dict[int, facts.Record] = {}
        self.refused_of: dict[int, facts.Record] = {}
        self.heard: dict[int, facts.Record] = {}
        self.won: dict[tuple[int, int], facts.Record] = {}
        self.voted: dict[tuple[int, int, int], facts.Record] = {}
        self.handling: dict[int, int] = {}  # node → the call that it is handling
        self.decided: dict[int, facts.Record] = {}  # call → the answer to it
        self.crashed: dict[int, float] = {}
        self.applied: dict[int, facts.Record] = {}
        self.stood: dict[tuple[int, int], facts.Record] = {}
        self.arrived: set[tuple[int, bool]] = set()
        self.lost: set[tuple[int, bool]] = set()
        self.sent: dict[tuple[int, int, int, bool], facts.Record] = {}
        self.torn: set[int] = set()
        self.compacted: dict[tuple[int, int], facts.Record] = {}
        self.sending: dict[tuple[int, int], facts.Record] = {}

    def __call__(self, record: facts.Record) -> None:
        if isinstance(record.event, decisions.DecisionBase):
            self._decided(record)
            self._compacted(record)
            self._vouched(record)
        else:
            self._happened(record)

    def _decided(self, record: facts.Record) -> None:
        node, event = record.node, record.event
        match event:
            case decisions.VoteDecided(args=args, granted=granted):
                self.decided[self.handling.get(node, -1)] = record
                if granted and not args.pre_vote:
                    self.voted[node, args.candidate_id, args.term] = record
                if not granted:
                    self._refused(record, args.candidate_id)
            case decisions.AppendDecided(args=args, success=success, rule=rule):
                if rule != "stale-term":
                    self.heard[node] = record
                if not success:
                    self._refused(record, args.leader_id)
            case decisions.BecameLeader(term=term):
                self.won[node, term] = record
            case decisions.ElectionStarted(term=term):
                self.stood[node, term] = record
            case decisions.PreVoteStarted(term=term):
                for key in [key for key in self.sent if (key[0], *key[2:]) == (node, term, True)]:
                    del self.sent[key]
            case decisions.Applied(entry=entry):
                self.applied.setdefault(entry.index, record)

    def _vouched(self, record: facts.Record) -> None:
        match record.event:
            case decisions.ConfirmDecided(success=True):
                self.heard[record.node] = record
            case decisions.ConfirmDecided(args=args) | decisions.ReadIndexDecided(args=args, success=False):
                self._refused(record, args.sender)

    def _compacted(self, record: facts.Record) -> None:
        node, event = record.node, record.event
        match event:
            case decisions.ChunkReceived() | decisions.SnapshotIgnored():
                if not isinstance(event, decisions.SnapshotIgnored) or event.rule != "stale-term":
                    self.heard[node] = record
            case decisions.SnapshotTaken(index=index) | decisions.SnapshotInstalled(index=index):
                self.compacted[node, index] = record
            case decisions.SnapshotSent(peer=peer):
                self.sending[node, peer] = record

    def _happened(self, record: facts.Record) -> None:
        node, event = record.node, record.event
        match event:
            case facts.Crashed():
                self.crashed[node] = record.time
            case facts.Restarted():
                self.heard.pop(node, None)
                self.torn.discard(node)
            case facts.Tearing():
                self.torn.add(node)
            case facts.CallSent(
                src=src, dst=dst, args=RequestVoteArgs(term=term, pre_vote=pre_vote), by_user=False
            ):
                self.sent[src, dst, term, pre_vote] = record
            case facts.CallDelivered(call_id=call_id):
                self.arrived.add((call_id, False))
                self.handling[node] = call_id
            case facts.ReplyDelivered(call_id=call_id):
                self.arrived.add((call_id, True))
            case facts.CallLost(call_id=call_id) | facts.ReplyLost(call_id=call_id):
                self.lost.add((call_id, isinstance(event, facts.ReplyLost)))

    def _refused(self, record: facts.Record, asker: int) -> None:
        self.refused_by[record.node] = record
        self.refused_of[asker] = record


# ---- what the cluster itself says


def disk(h: Harness, id: int) -> tuple[int, int, list[Any]]:
    term, vote, log = PersistentState(h.storage[id]).load()
    return term, vote, list(log.whole())


def log_of(h: Harness, id: int) -> list[Any]:
    return list(h.cluster[id].cm.log.whole()) if h.alive[id] else disk(h, id)[2]


def passes(h: Harness, src: int, dst: int, *, reply: bool) -> bool:
    """Whether a message gets from `src` to `dst`, sooner or later, as things are."""
    sender, receiver = h.cluster[src], h.cluster[dst]
    up = h.alive[src] and h.alive[dst] and not sender.frozen and not receiver.frozen
    up = up and not any(
        server.writing_since is not None and h.hardware[server.id].stalls for server in (sender, receiver)
    )
    whole = h.network.blocked(src, dst) is None and h.network.faults(src, dst).loss < 1
    caller = receiver if reply else sender
    connected = caller.is_connected_to(src if reply else dst)
    return (
        up and whole and connected and not h.flights.is_held(src, dst) and (reply or sender.proxy.calls_left != 0)
    )


def meets(h: Harness, id: int) -> tuple[int, ...]:
    others = (peer for peer in range(h.n) if peer != id)
    return tuple(p for p in others if passes(h, id, p, reply=False) and passes(h, p, id, reply=True))


def needed(h: Harness) -> int:
    return h.cluster[0].cm.quorum.needed


def timer_of(h: Harness, id: int) -> float:
    """When its election timer fires; not known while it wants to be woken for a late write before that."""
    cm = h.cluster[id].cm
    return math.inf if isinstance(cm, LateWrites) and cm.deadline < cm._own_deadline else cm.deadline


def leader_of(h: Harness) -> int | None:
    return next(iter(checks.leaders(h)), None)
