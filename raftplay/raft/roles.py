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

    @classmethod
    def over(cls, peer_ids: Iterable[int], next: int) -> "Leadership":
        """Return the state of a leader that has just won: it knows nothing of its peers (Figure 2)."""
        return cls({peer_id: Progress(next) for peer_id in peer_ids})
