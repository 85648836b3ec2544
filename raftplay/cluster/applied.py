"""Applied: what a node has applied: its commits, and the snapshots that hold what they led to."""

from collections.abc import Callable

from raftplay.cluster.commits import with_last
from raftplay.cluster.node_code import NodeCode
from raftplay.cluster.rpc import NodeEvents
from raftplay.raft.messages import NONE, CommitEntry
from raftplay.watch import facts

OnCommits = Callable[[list[CommitEntry]], None]


class Applier:
    """The `commits` that the node of `code` has applied, in order; with `keep`, snapshots forget all but the last.

    `on_commits` is called with every batch of new ones, `on_restore` with all that led to a restored state.
    """

    def __init__(
        self,
        code: NodeCode,
        events: NodeEvents,
        commits: list[CommitEntry],
        *,
        keep: int | None,
        on_commits: OnCommits | None,
        on_restore: OnCommits | None,
    ) -> None:
        self._code = code
        self._events = events
        self._commits = commits
        self._keep = keep
        self.on_commits = on_commits
        self._on_restore = on_restore

    def take_commits(self) -> list[CommitEntry]:
        """Return what is committed once it is applied; restore a snapshot first if there is one."""
        if self._code.cm.to_restore is not None:
            self._restore()
        commits = self._code.take_commits()
        if commits:
            self._commits.extend(commits)
            if self.on_commits is not None:
                self.on_commits(commits)
        return commits

    def take_snapshot(self, now: float) -> int:
        """Take a snapshot; return its last index, or -1 if there is nothing to compact."""
        if self._keep is not None:
            self._replace_commits(with_last(self._commits, self._keep))
        code = self._code
        index = code.take_snapshot(self._commits, now)
        if index != NONE and code.digest and self._events.stream.active:
            self._events.publish(facts.StateImaged(index, code.digest))
        return index

    def _replace_commits(self, commits: list[CommitEntry]) -> None:
        self._commits = commits
        if self._on_restore is not None:
            self._on_restore(commits)

    def _restore(self) -> None:
        """Go on from the state in a snapshot."""
        restored = self._code.restore()
        if restored is None:
            return
        commits, digest = restored
        if self._events.stream.active:
            self._events.publish(facts.StateRestored(len(commits) - 1, tuple(commits), digest))
        self._replace_commits(commits)
