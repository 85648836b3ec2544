"""The state that a node has only in one role: it ends with the role, so that nothing in it is ever out of date."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from raftplay.raft.messages import NONE
from raftplay.raft.progress import Progress


@dataclass(slots=True, eq=False)
class Candidacy:
    """An election, or (`pre_vote`) the question before it (thesis §9.6): who granted its vote, in order.

    `rule` is why the election timer fired. A leader keeps the votes that elected it.
    """

    rule: str
    votes: list[int] = field(default_factory=list)
    pre_vote: bool = False


@dataclass(slots=True, eq=False)
class Leadership:
    """The state of a leader, "reinitialized after election" (Figure 2): what it knows of each peer.

    `due` has the peers to which an AppendEntries must be sent; `held_index` is the last index that a majority has
    and that may not be committed yet (§5.4.2).
    """

    progress: dict[int, Progress]
    due: dict[int, Progress] = field(default_factory=dict)
    held_index: int = NONE

    def heartbeat(self) -> None:
        """Make an AppendEntries to each peer due, whatever was lost since the last heartbeat."""
        for progress in self.progress.values():
            progress.heartbeat()
        self.due.update(self.progress)

    def take_due(self) -> list[tuple[int, Progress]]:
        """Return the peers to which an AppendEntries is sent now; they are no longer due."""
        ready = [(peer_id, progress) for peer_id, progress in self.due.items() if not progress.waits]
        for peer_id, _ in ready:
            del self.due[peer_id]
        return ready

    def holders(self, index: int) -> list[int]:
        """Return the peers known to hold the entry at `index`."""
        return [peer_id for peer_id, progress in self.progress.items() if progress.match >= index]

    @classmethod
    def over(cls, peer_ids: Iterable[int], next: int) -> "Leadership":
        """Return the state of a leader that has just won: it knows nothing of its peers (Figure 2)."""
        return cls({peer_id: Progress(next) for peer_id in peer_ids})
