"""Bug switches of snapshots: what they cover, what an install keeps, and what is restored (§7, Figure 13)."""

import json

from raftplay.raft.bugs.about import LIVENESS, Bug
from raftplay.raft.consensus import ConsensusModule
from raftplay.raft.image import Image
from raftplay.raft.log import RaftLog
from raftplay.raft.messages import NONE, AppendEntriesArgs, RequestVoteArgs
from raftplay.raft.rules import Rules


class SnapshotKeepsTail(Rules):
    """A node that installs a snapshot keeps the entries that follow it in its log, although its own entry at the
    end of the snapshot is of another term. Those entries come from a leader that was replaced, and no majority has
    them. They now stand right behind a snapshot that agrees with the leader's, so they pass the check of the next
    heartbeat, and its commit index commits them: the node applies what nobody else does. Rule 7 of InstallSnapshot
    says to discard the whole log.
    """

    def keeps_log_after(self, last_index: int, last_term: int, log: RaftLog) -> bool:
        """Keep them in any case."""
        return True


SNAPSHOT_KEEPS_TAIL = Bug(
    "snapshot-keeps-tail",
    "an install keeps entries that conflict with the snapshot",
    SnapshotKeepsTail,
    section="§7",
    violates=("Install Exact",),
    seen_in=("hashicorp/raft #697",),
    options=("snapshots",),
)


class SnapshotCutsSuffix(Rules):
    """A node that installs a snapshot discards its whole log, also entries that follow the snapshot and agree with
    it. Such a snapshot is an old or repeated one, and the node has acknowledged the entries after it: the leader
    may have counted them as stored on a majority, and committed them. They are gone from this disk now, and a
    leader may be elected that lacks them. Rule 6 of InstallSnapshot says to retain them.
    """

    def keeps_log_after(self, last_index: int, last_term: int, log: RaftLog) -> bool:
        """Discard them in any case."""
        return False


SNAPSHOT_CUTS_SUFFIX = Bug(
    "snapshot-cuts-suffix",
    "an install discards entries after the snapshot that agree with it",
    SnapshotCutsSuffix,
    section="§7",
    violates=("Install Exact",),
    seen_in=("camunda/camunda #6092",),
    options=("snapshots",),
)


class SnapshotOlderInstalled(Rules):
    """A node installs every snapshot, also one that ends before what it has applied: a copy that was on its way
    for long. Its state machine goes back to an older state, and clients read values that were overwritten; and
    what it has committed is uncommitted again. A node must ignore a snapshot of what it has committed.
    """

    def is_older_snapshot(self, last_index: int, commit_index: int) -> bool:
        """Take no snapshot for an older one."""
        return False


SNAPSHOT_OLDER_INSTALLED = Bug(
    "snapshot-older-installed",
    "a node installs a snapshot that ends before what it has applied",
    SnapshotOlderInstalled,
    section="§7",
    violates=("No Going Back",),
    seen_in=("databendlabs/openraft #531",),
    options=("snapshots",),
)


class PurgedPrevIsConflict(Rules):
    """A node gets an old AppendEntries, whose previous entry its snapshot has replaced. It cannot compare that
    entry, takes this for a conflict, and deletes all entries that its log still has; some of them are committed.
    What a snapshot covers is committed, so it agrees with every leader: there is nothing to delete.
    """

    def first_conflict(self, args: AppendEntriesArgs, log: RaftLog) -> int:
        """Take a previous entry that the snapshot covers for a conflict."""
        if args.prev_log_index < log.base_index < log.last_index:
            return log.base_index + 1
        return super().first_conflict(args, log)


PURGED_PREV_IS_CONFLICT = Bug(
    "purged-prev-is-conflict",
    "AppendEntries from before the snapshot deletes the log after it",
    PurgedPrevIsConflict,
    section="§5.3, §7",
    violates=("No Committed Truncation",),
    seen_in=("databendlabs/openraft #511",),
    options=("snapshots",),
)


class CompactPastCommit(ConsensusModule):
    """A node's snapshot replaces its whole log, not only what it has applied. The entries at the end are not
    committed, and may never be; their commands are not in the image of the state machine either. The node claims
    to hold what it has lost, and whoever installs its snapshot loses it too. Each server must compact its log only
    up to what it has applied.
    """

    def _snapshot_index(self) -> int:
        return self.log.last_index


COMPACT_PAST_COMMIT = Bug(
    "compact-past-commit",
    "a snapshot replaces entries that are not committed",
    CompactPastCommit,
    section="§7",
    violates=("Snapshot Truth",),
    seen_in=(),
    options=("snapshots",),
)


class SnapshotDropsKey(ConsensusModule):
    """A node that restores its state from a snapshot loses one command of those that led to it, the first. Its
    log, its indices and its terms are all right, and it goes on as a healthy node that serves clients; but a key
    has another value on it than on the others. No rule of Raft speaks of what a state machine does with the bytes
    of a snapshot, so only a comparison with the committed entries, applied again, finds it.
    """

    def take_image(self) -> Image | None:
        """Return it without the first command."""
        image = super().take_image()
        if image is None:
            return None
        contents = json.loads(image.data)
        contents[0][0][0] = None
        return Image(image.index, image.term, json.dumps(contents).encode())


SNAPSHOT_DROPS_KEY = Bug(
    "snapshot-drops-key",
    "a state that is restored from a snapshot lacks a command",
    SnapshotDropsKey,
    section="§7",
    violates=("State Is Replay",),
    seen_in=("openstack-experimental/keystone #1293",),
    options=("snapshots",),
)


class SnapshotEndUnknown(Rules):
    """A node whose log begins after a snapshot gets an AppendEntries for the first entry after it. The request
    names the entry before, which is the last one in the snapshot. The node looks for that in its log, does not
    find it, and rejects the request. The leader backs up; where it has compacted its log too, it sends its
    snapshot, which the node has, and then the same request again. This goes round and round, and the node never
    gets another entry. A node must remember index and term of the last entry that its snapshot covers, and compare
    with these.
    """

    def log_matches(self, args: AppendEntriesArgs, log: RaftLog) -> bool:
        """Find no entry at the end of the snapshot."""
        is_end = args.prev_log_index == log.base_index != NONE
        return not is_end and super().log_matches(args, log)


SNAPSHOT_END_UNKNOWN = Bug(
    "snapshot-end-unknown",
    "AppendEntries right after a snapshot is rejected",
    SnapshotEndUnknown,
    section="§7",
    violates=(LIVENESS,),
    seen_in=("hashicorp/raft #205", "apache/ratis #89"),
    options=("snapshots",),
)


class SnapshotOfCurrentTerm(Rules):
    """A node that takes a snapshot notes its current term for the last entry in it, in place of that entry's own.
    The two differ after every election, until the new leader has committed something. So a log seems to end in a
    later term than it does. A leader compares the previous entry by its true term, and the node rejects all that
    comes right after the snapshot; and a candidate with such a log may win against a log that has more. A
    snapshot must keep the term that its last entry has in the log.
    """

    def snapshot_term(self, entry_term: int, current_term: int) -> int:
        """Note the term of the node."""
        return current_term


SNAPSHOT_OF_CURRENT_TERM = Bug(
    "snapshot-of-current-term",
    "a snapshot notes the node's term in place of its last entry's",
    SnapshotOfCurrentTerm,
    section="§7",
    violates=("Snapshot Truth",),
    seen_in=("microsoft/CCF #2648", "deventlab/d-engine #418"),
    options=("snapshots",),
)


class CompactedLogIsEmpty(Rules):
    """A node whose snapshot covers its whole log takes its log for empty when it is asked for a vote: it has no
    entry to compare with. Every log is as up to date as an empty one, so it votes for a candidate that lacks what
    is committed. That one wins, and puts other entries in the same places. A log ends where its snapshot ends, if
    nothing follows it, with the index and the term of that.
    """

    def is_up_to_date(self, args: RequestVoteArgs, log: RaftLog) -> bool:
        """Find a log empty if all of it is in a snapshot."""
        return log.last_index == log.base_index or super().is_up_to_date(args, log)


COMPACTED_LOG_IS_EMPTY = Bug(
    "compacted-log-is-empty",
    "a voter whose log is all in its snapshot compares with an empty log",
    CompactedLogIsEmpty,
    section="§5.4.1, §7",
    violates=("Leader Completeness",),
    sooner=("Pre-Vote Truth",),
    seen_in=("eBay/NuRaft #668",),
    options=("snapshots",),
)
