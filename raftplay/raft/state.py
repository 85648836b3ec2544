"""The state of a node, as in the box "State" of Figure 2, and what can be read of it.

The rule of this module: it decides nothing. `ConsensusModule`, which extends `State`, changes it.
"""

import math
import random
from collections.abc import Callable, Hashable, Iterable
from copy import copy
from typing import Self

from raftplay.raft import decisions
from raftplay.raft.config import RaftConfig
from raftplay.raft.image import Incoming
from raftplay.raft.messages import NONE, Args, CMState, Report
from raftplay.raft.roles import Candidacy, Leadership, ReadState
from raftplay.raft.rules import Rules
from raftplay.raft.storage import PersistentState, Storage, Vote
from raftplay.raft.values import compared, copied, named_args, named_node

Observe = Callable[[decisions.Decision], None]

ENVIRONMENT = frozenset(("peer_ids", "quorum", "rules", "config", "observe", "on_stop", "accepts_image", "_rng"))
"""The fields of a node that are no state: a clone has the same."""

FIELDS = frozenset(
    (
        "id",
        "current_term",
        "voted_for",
        "log",
        "commit_index",
        "last_applied",
        "state",
        "leader_id",
        "_candidacy",
        "_leadership",
        "_dormant",
        "_calls",
        "_store",
        "snapshot",
        "_incoming",
        "to_restore",
        "_keeps_log",
        "_reads",
    )
)
"""The fields of which `State.fingerprint` consists."""


class State:
    """The state of one node of Raft; the parameters are those of `ConsensusModule`."""

    rules = Rules()
    """The rules that the node asks; a subclass, or the parameter `rules`, may have others."""

    time_fields = frozenset(("deadline", "_now", "_leader_heard", "_heard_term"))
    """The fields that hold times, or say of what they are; no fingerprint has them."""

    hears_replies_when_dead = False
    """True if a node of this class still handles replies after `stop`; the algorithm does not."""

    def __init__(
        self,
        id: int,
        peer_ids: Iterable[int],
        storage: Storage,
        *,
        config: RaftConfig | None = None,
        rng: random.Random | None = None,
        observe: Observe | None = None,
        rules: Rules | None = None,
    ) -> None:
        self.id = id
        self.peer_ids = tuple(peer_ids)
        if rules is not None:
            self.rules = rules
        self.quorum = self.rules.quorum((id, *self.peer_ids))
        self.config = config or RaftConfig()
        self.observe = observe
        self.on_stop: Callable[[], None] | None = None
        """The function that `stop` calls instead; it must set this to None and then call `stop` again."""

        self._rng = rng or random.Random()
        self._store = PersistentState(storage)
        self._now = 0.0

        # Persistent state on all servers
        self.current_term, self.voted_for, self.log = self._store.load()

        # The snapshot before the log (§7), what has arrived of a new one, and what the state machine must restore
        self.snapshot = self.to_restore = self._store.image
        self._keeps_log = True  # the log still has the entries that it had after the snapshot
        self._incoming: Incoming | None = None
        self.accepts_image: Callable[[bytes, int], bool] | None = None
        """Tells whether bytes are an image of the state after an index; a snapshot of others is not installed."""

        # Volatile state on all servers: a snapshot covers what is committed and applied
        self.commit_index = self.log.base_index
        self.last_applied = self.log.base_index
        self.state = CMState.FOLLOWER
        self.leader_id = NONE

        # Volatile state on candidates, and on leaders: None in another role
        self._candidacy: Candidacy | None = None
        self._leadership: Leadership | None = None

        # Reads that wait for an answer
        self._reads = ReadState()

        self._dormant = True
        self.deadline = math.inf
        self._leader_heard = -math.inf
        self._heard_term = NONE  # the term of the leader that was heard
        self._calls: list[tuple[int, Args]] = []

    # ---- what can be read

    @property
    def durable_vote(self) -> Vote:
        """Return term and vote as they are in storage."""
        return self._store.vote

    @property
    def silence(self) -> float:
        """Return the seconds since the node last heard of a leader; infinite if it never did."""
        return self._now - self._leader_heard

    @property
    def leader_silence(self) -> float:
        """Return the seconds since it heard of the leader of its term, 0 if it leads; infinite if it never did."""
        if self.state is CMState.LEADER:
            return 0.0
        return self.silence if self._heard_term == self.current_term else math.inf

    @property
    def quorum_silence(self) -> float:
        """Return the seconds since the last moment at which this leader had heard from a quorum; else 0."""
        if self._leadership is None:
            return 0.0
        heard = {peer_id: progress.heard for peer_id, progress in self._leadership.progress.items()}
        return self._now - self.quorum.heard({**heard, self.id: self._now})

    @property
    def lease_until(self) -> float:
        """Return when the lease of this leader ends; 0 if it has none, or may not use it."""
        return 0.0

    @property
    def has_output(self) -> bool:
        """Return whether `take_calls`, `take_image` or `take_commits` may return anything."""
        leadership = self._leadership
        has_calls = self._calls if leadership is None else self._calls or leadership.due
        return bool(has_calls) or self.commit_index > self.last_applied or self.to_restore is not None

    @property
    def has_unsent_entries(self) -> bool:
        """Return whether the node leads and has not sent every entry to every peer."""
        peers = () if self._leadership is None else self._leadership.progress.values()
        return any(progress.next <= self.log.last_index for progress in peers)

    @property
    def votes(self) -> list[int]:
        """Return the voters counted in this candidacy, or in the one that this leader won; else []."""
        return [] if self._candidacy is None else self._candidacy.votes

    @property
    def next_index(self) -> dict[int, int]:
        """Return the index of the next entry to send to each peer, if this node leads."""
        return {} if self._leadership is None else {id: p.next for id, p in self._leadership.progress.items()}

    @property
    def match_index(self) -> dict[int, int]:
        """Return the index of the last entry known to be on each peer, if this node leads."""
        return {} if self._leadership is None else {id: p.match for id, p in self._leadership.progress.items()}

    def report(self) -> Report:
        """Return (id, term, is_leader); `is_leader` is the node's own belief."""
        return Report(self.id, self.current_term, self.state is CMState.LEADER)

    def node_state(self) -> decisions.NodeState:
        """Return the node's current state, without its log."""
        return decisions.NodeState(
            self.state,
            self.current_term,
            self.voted_for,
            self.log.last_index,
            self.log.last_term,
            self.commit_index,
            self.last_applied,
            None if self.deadline == math.inf else self.deadline,
        )

    # ---- the state as a value

    def clone(self, storage: Storage) -> Self:
        """Return an independent node in the same state over `storage`, a copy of this node's. Nobody observes it.

        Both draw their timeouts from one source of random numbers.
        """
        other = copy(self)
        mine, copies = vars(other), dict[int, object]()
        for name, value in vars(self).items():
            if name not in ENVIRONMENT:
                mine[name] = copies.setdefault(id(value), None if name == "_store" else copied(value))
        other._store = self._store.clone(storage)
        other.observe = other.on_stop = None
        return other

    def fingerprint(self, named: Callable[[int], int] = int) -> tuple[Hashable, ...]:
        """Return a value that two nodes share if they act the same from now on, given equal storages.

        Left out: times and random numbers (whoever compares states fires the timers), and who observes. With
        `named`, each node has another id. The fields of a subclass are part of it, with the ids that they have.
        """
        candidacy, leadership = self._candidacy, self._leadership
        return (
            named(self.id),
            self.current_term,
            named_node(self.voted_for, named),
            self.log.base_index,
            self.log.base_term,
            tuple(self.log),
            self.log.changed_from,
            self.commit_index,
            self.last_applied,
            self.state.value,
            named_node(self.leader_id, named),
            self._dormant,
            self._store.vote.current_term,
            named_node(self._store.vote.voted_for, named),
            self._store.length,
            self.snapshot and (self.snapshot, self._keeps_log, self.to_restore),
            self._incoming,
            candidacy and self.state is not CMState.LEADER and candidacy.fingerprint(named),
            leadership and leadership.fingerprint(named),
            *self._reads.fingerprint(named),
            tuple((named(peer_id), named_args(args, named)) for peer_id, args in self._calls),
            tuple((name, compared(vars(self)[name])) for name in self.own_fields),
        )

    @property
    def own_fields(self) -> tuple[str, ...]:
        """Return the names of the fields that a subclass has added, sorted."""
        return tuple(sorted(vars(self).keys() - FIELDS - ENVIRONMENT - self.time_fields))

    # ---- its options

    def configure(self, config: RaftConfig, now: float) -> None:
        """Change the options of the node; its timers and its role stay as they are."""
        self._now, self.config = now, config
        self._tell_options()

    def _tell_options(self) -> None:
        config = self.config
        options = (config.election_min, config.prevote, config.checkquorum, config.sticky)
        promise = max(config.kept_for, config.election_min) if config.lease else 0.0
        self._tell(decisions.Configured(*options, promise, self.lease_until))

    def retime(self, config: RaftConfig, stretch: float, now: float) -> None:
        """Adopt other timings; multiply what is left of its election timer by `stretch`."""
        self._now, self.config = now, config
        if config.checkquorum or config.sticky:
            self._tell_options()
        if stretch != 1 and self.state is not CMState.LEADER and self.deadline < math.inf:
            self.deadline = now + (self.deadline - now) * stretch
            self._tell(decisions.TimerSet(self.deadline))

    # ---- what every input does

    def _set_now(self, now: float | None) -> None:
        """Set the time of this input; reuse the previous input's time when `now` is None."""
        if now is not None:
            self._now = now

    def _tell_persisted(self, start: int) -> None:
        vote = self.durable_vote
        self._tell(decisions.Persisted(vote.current_term, vote.voted_for, start, tuple(self.log[start:])))

    def _tell(self, decision: decisions.Decision) -> None:
        if self.observe is not None:
            self.observe(decision)
