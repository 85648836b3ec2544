"""The steps of a node's snapshots: what it took, received, installed, ignored and sent (§7)."""

from raftplay.raft import decisions
from raftplay.raft.rule_names import Rule
from raftplay.watch.facts import Record


class SnapshotSteps:
    """The last snapshots of a process. None: there was none, or it is forgotten.

    `made` is the last snapshot that the node took or installed, `chunk` the last part of one that it received,
    `ignored` the last one that it ignored. `sent` is the last one that it began to send as leader, by peer.
    """

    __slots__ = ("chunk", "ignored", "made", "sent")

    def __init__(self) -> None:
        self.made: Record | None = None
        self.chunk: Record | None = None
        self.ignored: Record | None = None
        self.sent: dict[int, Record] = {}

    def read(self, record: Record, event: decisions.Decision) -> None:
        """Read a decision about a snapshot, or that a leadership begins."""
        match event:
            case decisions.BecameLeader():
                self.sent = {}
            case decisions.SnapshotTaken() | decisions.SnapshotInstalled():
                self.made = record
            case decisions.ChunkReceived():
                self.chunk = record
            case decisions.SnapshotIgnored():
                self.ignored = record
            case decisions.SnapshotSent(peer=peer):
                self.sent[peer] = record


def leader_of(event: decisions.Decision) -> int | None:
    """Return the leader that a node heard from by `event`, about a snapshot; None for a stale one."""
    match event:
        case decisions.ChunkReceived(leader=leader):
            return leader
        case decisions.SnapshotIgnored(leader=leader, rule=rule) if rule != Rule.STALE_TERM:
            return leader
    return None
