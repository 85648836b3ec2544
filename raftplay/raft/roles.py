"""The state that a node has only in one role: it ends with the role, so that nothing in it is ever out of date."""

from collections.abc import Hashable, Iterable
from copy import copy
from dataclasses import dataclass, field

import msgspec

from raftplay.raft.messages import NONE, ConfirmArgs
from raftplay.raft.progress import Progress
from raftplay.raft.values import Named


@dataclass(slots=True, eq=False)
class Candidacy:
    """An election, or (`pre_vote`) the question before it (thesis §9.6): who granted its vote, in order.

    `rule` is why the election timer fired. A leader keeps the votes that elected it.
    """

    rule: str
    votes: list[int] = field(default_factory=list)
    pre_vote: bool = False

    def clone(self) -> "Candidacy":
        """Return an independent copy."""
        return Candidacy(self.rule, self.votes.copy(), self.pre_vote)

    def fingerprint(self, named: Named) -> tuple[Hashable, ...]:
        """Return what its votes are worth, in any order, with another id for each node."""
        return self.pre_vote, tuple(sorted(map(named, self.votes)))


@dataclass(slots=True, eq=False)
class Transfer:
    """A transfer of leadership under way: to whom, until when, and whether TimeoutNow was sent (thesis §3.10)."""

    target: int
    until: float
    sent: bool = False

    def fingerprint(self, named: Named) -> tuple[Hashable, ...]:
        """Return what it is but for the time, with another id for each node."""
        return named(self.target), self.sent


class PendingRead(msgspec.Struct, frozen=True, gc=False):
    """A read that waits for its answer: since when, in which term, and which leader vouches for it (thesis §6.4).

    Once it `has_index`, it is answered when entry `index` is applied and `round` confirmed. `is_refused`: the
    leader gave it none.
    """

    number: int
    term: int
    leader: int
    since: float
    index: int = NONE
    has_index: bool = False
    round: int = 0
    is_refused: bool = False

    def clone(self) -> "PendingRead":
        """Return the read itself: it never changes."""
        return self

    def fingerprint(self, named: Named) -> tuple[Hashable, ...]:
        """Return what it is but for the time, with another id for each node."""
        return self.number, self.term, named(self.leader), self.index, self.has_index, self.round, self.is_refused


@dataclass(slots=True, eq=False)
class ReadState:
    """The reads that are `waiting` for an answer, and the number of the next one.

    `confirmed`: a leader's term, and the newest round of it that a majority has answered, as far as is known.
    """

    waiting: list[PendingRead] = field(default_factory=list)
    next_number: int = 0
    confirmed: tuple[int, int] = (NONE, 0)

    def clone(self) -> "ReadState":
        """Return an independent copy."""
        return ReadState(self.waiting.copy(), self.next_number, self.confirmed)

    def fingerprint(self, named: Named) -> tuple[Hashable, ...]:
        """Return what it is but for times, with another id for each node."""
        return self.next_number, tuple(read.fingerprint(named) for read in self.waiting), self.confirmed


@dataclass(slots=True, eq=False)
class Rounds:
    """The rounds of Confirm of one leadership, from 1 on (thesis §6.4).

    `number` is the newest, sent as `newest`; `confirmed` the newest that a majority has answered. `acknowledged`:
    the newest that each peer has answered; `asked`: the one that a follower waits for. `started`: when those after
    `confirmed` were sent. `lease_until`: when the lease ends that the last confirmed one gave.
    """

    number: int = 0
    newest: ConfirmArgs | None = None
    confirmed: int = 0
    lease_until: float = 0.0
    acknowledged: dict[int, int] = field(default_factory=dict)
    asked: dict[int, int] = field(default_factory=dict)
    started: dict[int, float] = field(default_factory=dict)

    def start(self, term: int, leader_id: int, now: float) -> ConfirmArgs:
        """Begin a round; return its request."""
        self.number += 1
        self.started[self.number] = now
        self.newest = ConfirmArgs(term, leader_id, self.number, self.confirmed)
        return self.newest

    def confirm(self, round: int) -> None:
        """Note that a majority has answered `round`."""
        self.confirmed = round
        self.started = {later: at for later, at in self.started.items() if later > round}

    def waiting(self, round: int) -> list[int]:
        """Return the followers that wait for `round`, or for one before."""
        return [peer_id for peer_id, asked in self.asked.items() if asked <= round]

    def told(self, peer_id: int, confirmed: int) -> None:
        """Note that a follower knows that round `confirmed` is."""
        if self.asked.get(peer_id, confirmed + 1) <= confirmed:
            del self.asked[peer_id]

    def clone(self) -> "Rounds":
        """Return an independent copy."""
        parts = self.acknowledged.copy(), self.asked.copy(), self.started.copy()
        return Rounds(self.number, self.newest, self.confirmed, self.lease_until, *parts)

    def fingerprint(self, named: Named) -> tuple[Hashable, ...]:
        """Return what it is but for times, with another id for each node."""
        peers = (
            sorted((named(id), round) for id, round in each.items()) for each in (self.acknowledged, self.asked)
        )
        return self.number, self.confirmed, *map(tuple, peers)


@dataclass(slots=True, eq=False)
class Leadership:
    """The state of a leader, "reinitialized after election" (Figure 2): what it knows of each peer.

    `due` has the peers to which an AppendEntries must be sent; `held_index` is the last index that a majority has
    and that may not be committed yet (§5.4.2). `transfer`: it hands its leadership over; `has_handed_over`: it has
    sent a TimeoutNow. `rounds` are for reads.
    """

    progress: dict[int, Progress]
    due: dict[int, Progress] = field(default_factory=dict)
    held_index: int = NONE
    transfer: Transfer | None = None
    has_handed_over: bool = False
    rounds: Rounds = field(default_factory=Rounds)

    def next_wake(self, now: float, heartbeat: float) -> float:
        """Return when the leader's timer fires: at its next heartbeat, or before, when its transfer is over."""
        return self.transfer.until if self.transfer and now < self.transfer.until < heartbeat else heartbeat

    def most_up_to_date(self) -> int:
        """Return the peer known to have the most of the log, of several the first; -1 if there is none."""
        return max(self.progress, key=lambda id: self.progress[id].match, default=NONE)

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

    def clone(self) -> "Leadership":
        """Return an independent copy."""
        progress = {peer_id: copy(each) for peer_id, each in self.progress.items()}
        due = {peer_id: progress[peer_id] for peer_id in self.due}
        transfer, rounds = copy(self.transfer), self.rounds.clone()
        return Leadership(progress, due, self.held_index, transfer, self.has_handed_over, rounds)

    def fingerprint(self, named: Named) -> tuple[Hashable, ...]:
        """Return all that it knows of each peer, in any order, with another id for each node."""
        peers = sorted((named(id), id) for id in self.progress)
        known = (self.progress[id].fingerprint(named) for _, id in peers)
        transfer = self.transfer and self.transfer.fingerprint(named)
        rounds = self.rounds.number and self.rounds.fingerprint(named)
        due = tuple(id in self.due for _, id in peers)
        return self.held_index, due, tuple(known), transfer, self.has_handed_over, rounds

    @classmethod
    def over(cls, peer_ids: Iterable[int], next: int, now: float) -> "Leadership":
        """Return the state of a leader that wins at `now`: it knows nothing of its peers (Figure 2)."""
        return cls({peer_id: Progress(next, heard=now) for peer_id in peer_ids})
