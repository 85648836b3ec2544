"""Snapshots: a node replaces the beginning of its log by the state that it led to (§7, thesis chapter 5).

The rule of this module: a snapshot covers applied entries only, and is written before the log is cut. Whoever runs
the node makes the image of the state machine, when `snapshot_due` says so, and restores the machine from the one
that `take_image` returns. A leader whose log no longer has what a peer lacks sends its snapshot, in chunks, one
after another; it goes on from what the peer says that it has, so nothing is lost by a loss.
"""

from raftplay.raft import decisions
from raftplay.raft.image import Image, Incoming
from raftplay.raft.messages import DEAD, LEADER, NONE, InstallSnapshotArgs, InstallSnapshotReply
from raftplay.raft.progress import Progress
from raftplay.raft.roles import Leadership
from raftplay.raft.rule_names import Rule
from raftplay.raft.state import State

CHUNK_BYTES = 256 * 1024
"""The most bytes of a snapshot in one InstallSnapshot."""


class Snapshots(State):
    """The part of a node that takes, sends and installs snapshots."""

    # ---- on disk

    def _tell_compacted(self) -> None:
        """Tell that a new snapshot is on disk, in place of the beginning of the log."""
        if self.snapshot is not None:
            self._tell(decisions.LogCompacted(self.snapshot.index, self.snapshot.term, self._keeps_log))

    @property
    def has_unsaved_snapshot(self) -> bool:
        """Return whether the node's snapshot is not on its disk yet."""
        return self.snapshot is not self._store.image

    # ---- taking one

    @property
    def snapshot_due(self) -> bool:
        """Return whether the node must take a snapshot now, as the option `snapshot` says."""
        return self.rules.wants_snapshot(self.last_applied - self.log.base_index, self.config.snapshot)

    @property
    def can_take_snapshot(self) -> bool:
        """Return whether there is anything to compact: applied entries that the log still has."""
        return self.state is not DEAD and self._snapshot_index() > self.log.base_index

    def take_snapshot(self, data: bytes, now: float | None = None) -> int:
        """Compact the log up to the last applied entry; `data` is the image of the state machine after it.

        Return the index of that entry, or -1 if there is nothing to compact. The next `persist` writes it.
        """
        if not self.can_take_snapshot:
            return NONE
        self._set_now(now)
        index = self._snapshot_index()
        term = self.rules.snapshot_term(self.log.term_at(index), self.current_term)
        self.snapshot, self._keeps_log = Image(index, term, data), True
        self.log.compact(index, term)
        self._tell(decisions.SnapshotTaken(index, term, len(data)))
        return index

    def _snapshot_index(self) -> int:
        """Return the index of the last entry that a snapshot covers: each server compacts what it has applied."""
        return self.last_applied

    def take_image(self) -> Image | None:
        """Return the image from which the state machine must be restored, before it applies more; else None."""
        image, self.to_restore = self.to_restore, None
        return image

    # ---- installing one (Figure 13)

    def install_snapshot(self, args: InstallSnapshotArgs, now: float | None = None) -> InstallSnapshotReply:
        """Reply to InstallSnapshot (Figure 13, §7). A Dead node returns a reply of term 0."""
        if self.state is DEAD:
            return InstallSnapshotReply(0)
        self._set_now(now)
        # 1. "Reply immediately if term < currentTerm"
        if self.rules.is_stale_append(args.term, self.current_term):
            self._tell(decisions.SnapshotIgnored(args.leader_id, args.last_index, args.last_term, Rule.STALE_TERM))
            return InstallSnapshotReply(self.current_term)
        self._follow(args.term, args.leader_id)
        if self.rules.is_older_snapshot(args.last_index, self.commit_index):
            self._tell(decisions.SnapshotIgnored(args.leader_id, args.last_index, args.last_term, Rule.COVERED))
            return InstallSnapshotReply(self.current_term, done=True)
        # 2.–4. "Create new snapshot file if first chunk (offset is 0)", "Write data into snapshot file at given
        #       offset", "Reply and wait for more data chunks if done is false"
        incoming = self._incoming or Incoming(args.term, args.last_index, args.last_term)
        self._incoming = incoming = incoming.with_chunk(args)
        chunk = args.leader_id, args.last_index, args.last_term, len(args.data), len(incoming.data)
        self._tell(decisions.ChunkReceived(*chunk))
        if not incoming.is_whole(args) or self.state is LEADER:
            return InstallSnapshotReply(self.current_term, len(incoming.data))
        self._incoming = None
        if self.accepts_image is not None and not self.accepts_image(incoming.data, incoming.index):
            return InstallSnapshotReply(self.current_term)
        self._install(args, incoming.data)
        return InstallSnapshotReply(self.current_term, len(incoming.data), done=True)

    def _install(self, args: InstallSnapshotArgs, data: bytes) -> None:
        index, log = args.last_index, self.log
        # 6. "If existing log entry has same index and term as snapshot's last included entry, retain log entries
        #    following it and reply"  7. "Discard the entire log"
        self._keeps_log = self.rules.keeps_log_after(index, args.last_term, log)
        log.install(index, args.last_term, keeps=self._keeps_log)
        # 5. "Save snapshot file, discard any existing or partial snapshot with a smaller index": see persist
        # 8. "Reset state machine using snapshot contents": see take_image
        self.snapshot = self.to_restore = Image(index, args.last_term, data)
        self.commit_index = self.last_applied = index
        self._tell(decisions.SnapshotInstalled(index, args.last_term, len(data), self._keeps_log))

    # ---- sending one

    def _next_chunk(self, peer_id: int, progress: Progress) -> InstallSnapshotArgs:
        """Return the next chunk for a peer that lacks entries which the log no longer has."""
        snapshot = progress.image
        if snapshot is None:
            snapshot = self.snapshot
            assert snapshot is not None, "a log is compacted only with a snapshot"
            size = len(snapshot.data)
            self._tell(decisions.SnapshotSent(peer_id, progress.next, snapshot.index, snapshot.term, size))
        start, size = progress.next_chunk(snapshot, CHUNK_BYTES)
        end = start + size
        done = end == len(snapshot.data) and (size > 0 or not snapshot.data)
        data = snapshot.data[start:end]
        return InstallSnapshotArgs(self.current_term, self.id, snapshot.index, snapshot.term, start, data, done)

    def asking_chunk(self, peer_id: int) -> InstallSnapshotArgs:
        """Return a chunk without data, which asks a peer how much of the snapshot it has."""
        leadership, snapshot = self._leadership, self.snapshot
        assert leadership is not None, "only a leader sends its snapshot"
        assert snapshot is not None, "a log is compacted only with a snapshot"
        progress = leadership.progress[peer_id]
        image = progress.image or snapshot
        sent = progress.offset if progress.image is not None else 0
        return InstallSnapshotArgs(self.current_term, self.id, image.index, image.term, sent, b"", done=False)

    def _snapshot_answered(self, peer_id: int, args: InstallSnapshotArgs, reply: InstallSnapshotReply) -> None:
        leadership = self._leadership
        if leadership is None or not self.rules.answers_snapshot(args.term, reply.term, self.current_term):
            self._tell(decisions.ReplyIgnored(peer_id, args, reply, Rule.OLD_CALL))
            return
        progress = leadership.progress[peer_id]
        progress.heard = self._now
        if reply.done:
            progress.installed(args.last_index)
            if args.last_index > progress.match:
                progress.match = args.last_index
                self._tell(decisions.MatchAdvanced(peer_id, args.last_index))
        elif not progress.chunk_received(args, reply.received):
            self._tell(decisions.ReplyIgnored(peer_id, args, reply, Rule.OUTDATED))
            return
        if progress.next <= self.log.last_index:
            leadership.due[peer_id] = progress
        self._hand_over(leadership)

    # ---- what the algorithm does

    def _follow(self, term: int, leader_id: int) -> None:
        raise NotImplementedError

    def _hand_over(self, leadership: Leadership) -> None:
        raise NotImplementedError
