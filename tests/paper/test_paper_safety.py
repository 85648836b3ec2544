"""Figure 3: the properties that hold at all times, whatever is lost, doubled, delayed, crashed or torn.

Three to five nodes are driven by hand through random schedules, and everything is looked at after each step.
"""

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.amount import several
from support.paper import ByHand, Disk, Message, loaded, majority, thorough

from raftplay.raft import decisions
from raftplay.raft.bugs import module_with
from raftplay.raft.commands import same_command
from raftplay.raft.messages import CMState, RequestVoteArgs, RequestVoteReply
from raftplay.raft.storage import StorageError


class Breach(AssertionError):
    """A property of Figure 3 does not hold."""


def demand(holds: bool, name: str, *facts: object) -> None:
    if not holds:
        raise Breach(name, *facts)


class Watched(ByHand):
    """A cluster by hand, with what was ever seen of it."""

    def __init__(self, n: int, **options: object) -> None:
        self.leaders: dict[int, int] = {}
        self.votes: dict[tuple[int, int], int] = {}
        self.entries: dict[tuple[int, int], tuple[object, int]] = {}
        self.committed: dict[int, tuple[int, object, int]] = {}
        self.applied: dict[int, object] = {}
        self.history: list[Message] = []
        self.commands = 0
        self.checked = 0
        super().__init__([Disk() for _ in range(n)], options)

    def _new_node(self, id):
        cm = super()._new_node(id)
        cm.observe = lambda decision: self._look_at(id, cm, decision)
        return cm

    def _look_at(self, id, cm, decision):
        match decision:
            case decisions.BecameLeader():
                self._election_safety(id, cm)
                self._vote_quorum(id, cm)
                self._leader_completeness(id, cm)
            case decisions.CommitAdvanced(index=index, rule="majority"):
                self._quorum_log(id, cm, index)
                for at in range(index + 1):
                    entry = cm.log[at]
                    self.committed.setdefault(at, (entry.term, entry.command, cm.current_term))
            case decisions.Applied(entry=entry):
                command = self.applied.setdefault(entry.index, entry.command)
                demand(same_command(command, entry.command), "State Machine Safety", id, entry, command)
            case decisions.LogTruncated(index=index):
                demand(index > cm.commit_index, "No Committed Truncation", id, index, cm.commit_index)
                demand(cm.state is not CMState.LEADER, "Leader Append-Only", id, index)

    def _election_safety(self, id, cm):
        other = self.leaders.setdefault(cm.current_term, id)
        demand(other == id, "Election Safety", cm.current_term, id, other)

    def _vote_quorum(self, id, cm):
        kept = [loaded(self.disks[voter]) for voter in set(cm.votes)]
        granted = [term > cm.current_term or (term, vote) == (cm.current_term, id) for term, vote, _ in kept]
        demand(sum(granted) >= majority(len(self.nodes)), "Vote Quorum", id, cm.current_term, cm.votes)

    def _quorum_log(self, id, cm, index):
        demand(cm.log[index].term == cm.current_term, "Current-Term Commit", id, index, cm.log[index])
        holders = [log[index : index + 1] == (cm.log[index],) for _, _, log in map(loaded, self.disks)]
        demand(sum(holders) >= majority(len(self.nodes)), "Quorum Log", id, index, holders)

    def _leader_completeness(self, id, cm):
        for index, (term, command, since) in self.committed.items():
            if since < cm.current_term:
                held = cm.log.term_at(index) == term and cm.log[index].command == command
                demand(held, "Leader Completeness", id, cm.current_term, index, cm.log)

    def look(self):
        """After each step: what every node holds, what was sent."""
        kept = [loaded(disk) for disk in self.disks]
        for id, cm in enumerate(self.nodes):
            self._log_matching(id, kept[id][2])
            applied = [commit.index for commit in self.commits[id]]
            demand(applied == list(range(len(applied))), "Ordered Apply", id, applied)
            demand(cm.last_applied <= cm.commit_index <= cm.log.last_index, "Well-Formed", id)
            if self.alive(id):
                demand(kept[id] == (cm.current_term, cm.voted_for, cm.log.frozen()), "Persistence", id, kept[id])
            if cm.state is CMState.LEADER:
                self._match_truth(id, cm, kept)
        sent = self.messages[self.checked :]
        for message in sent:
            self._one_vote_per_term(message)
        self.history += sent
        self.checked = len(self.messages)

    def _log_matching(self, id, log):
        previous = -1
        for index, entry in enumerate(log):
            known = self.entries.setdefault((index, entry.term), (entry.command, previous))
            demand(known == (entry.command, previous), "Log Matching", id, index, entry, known)
            previous = entry.term

    def _match_truth(self, id, cm, kept):
        for peer, index in cm.match_index.items():
            term, _, log = kept[peer]
            if index >= 0 and term <= cm.current_term:
                held = log[index : index + 1]
                demand(len(held) == 1 and held == tuple(cm.log[index : index + 1]), "Match Truth", id, peer, index)

    def _one_vote_per_term(self, message):
        args, reply = message.args, message.reply
        if not isinstance(args, RequestVoteArgs) or args.pre_vote:
            return
        if reply is None or (isinstance(reply, RequestVoteReply) and reply.vote_granted):
            other = self.votes.setdefault((message.src, args.term), args.candidate_id)
            demand(other == args.candidate_id, "One Vote Per Term", message.src, args.term, other)

    # ---- what may happen; `number` decides to whom or to what

    def act(self, action: str, number: int) -> None:
        id = number % len(self.nodes)
        ACTIONS[action](self, id, number // len(self.nodes))
        self.look()

    def submit_next(self, id):
        self.commands += 1
        self.submit(id, self.commands)

    def some_message(self, number: int) -> Message | None:
        return self.messages[number % len(self.messages)] if self.messages else None

    def remove(self, message: Message) -> None:
        at = self.messages.index(message)
        del self.messages[at]
        self.checked -= at < self.checked

    def deliver_one(self, number: int) -> None:
        message = self.some_message(number)
        if message is not None:
            self.remove(message)
            self.deliver(message)

    def echo(self, number: int) -> None:
        """Something arrives that was sent at any time before, and may have arrived already."""
        if self.history:
            self.deliver(self.history[-1 - number % len(self.history)])

    def lose_one(self, number: int) -> None:
        message = self.some_message(number)
        if message is not None:
            self.remove(message)
            if number % 2 and message.reply is None:
                self.nodes[message.src].call_failed(message.dst, message.args, self.now)
                self.settle(message.src)

    def talk(self, chosen: int, most: int = 60) -> None:
        """Nodes whose bit is set in `chosen` hear each other for a while; the rest waits."""
        for _ in range(most):
            between = (m for m in self.messages if chosen >> m.src & 1 and chosen >> m.dst & 1)
            message = next(between, None)
            if message is None:
                return
            self.remove(message)
            self.deliver(message)

    def crash_soon(self, id: int, sets: int) -> None:
        self.disks[id].sets_left = sets

    def restart_dead(self, id: int) -> None:
        if not self.alive(id):
            self.disks[id].sets_left = float("inf")
            self.restart(id)

    def calm(self) -> None:
        """Everything is mended: the cluster must come to agree, and commit what is submitted."""
        everyone = range(len(self.nodes))
        for id in everyone:
            self.disks[id].sets_left = float("inf")
            self.restart_dead(id)
        for _ in range(60):
            self.time_out(min(everyone, key=lambda id: self.nodes[id].deadline))
            self.exchange(*everyone)
            self.checked = 0
            leads = [id for id in everyone if self.nodes[id].state is CMState.LEADER]
            if len(leads) == 1:
                self.submit_next(leads[0])
            self.exchange(*everyone)
            sequences = [[c.command for c in commits] for commits in self.commits]
            if sequences[0][-1:] == [self.commands] and all(s == sequences[0] for s in sequences):
                return
        raise Breach("liveness", [cm.node_state() for cm in self.nodes])


def to_leaders(act: Callable[[Watched, int], None]) -> Callable[[Watched, int, int], None]:
    return lambda c, *_: [act(c, cm.id) for cm in c.nodes if cm.state is CMState.LEADER]


ACTIONS: dict[str, Callable[[Watched, int, int], object]] = {
    "time out": lambda c, id, _: c.time_out(id),
    "beat": to_leaders(Watched.time_out),
    "submit": lambda c, id, _: c.submit_next(id),
    "submit to a leader": to_leaders(Watched.submit_next),
    "deliver": lambda c, _, number: c.deliver_one(number),
    "deliver the oldest": lambda c, *_: c.deliver_one(0),
    "echo": lambda c, _, number: c.echo(number),
    "lose": lambda c, _, number: c.lose_one(number),
    "talk": lambda c, _, number: c.talk(number),
    "talk a little": lambda c, id, number: c.talk(number, 1 + id),
    "elect": lambda c, id, number: (c.time_out(id), c.talk(number | 1 << id, 2 * len(c.nodes))),
    "crash": lambda c, id, _: c.crash(id),
    "crash a leader": to_leaders(Watched.crash),
    "tear": lambda c, id, number: c.crash_soon(id, number % 4),
    "restart": lambda c, id, _: c.restart_dead(id),
}

BASE = {"elect": 2, "beat": 2, "submit to a leader": 4, "restart": 4, "deliver the oldest": 10, "talk": 2}

MIXES = {
    "calm": {"time out": 1, "beat": 4, "submit to a leader": 8, "deliver the oldest": 60},
    "chaos": {"time out": 1, "deliver": 20, "echo": 2, "lose": 2, "crash": 0.3, "tear": 0.3},
    "churn": {"talk a little": 5, "crash a leader": 2, "lose": 2, "deliver": 4},
    "torn": {"tear": 3, "talk": 5, "deliver": 5},
    "echoes": {"echo": 10, "talk a little": 5, "lose": 2},
    "any": {},  # drawn anew for each run
}


def run(mix: str, seed: int, steps: int = 300, **options: object) -> Watched:
    rng = random.Random(f"{mix} {seed}")
    cluster = Watched(rng.choice((3, 4, 5)), **options)
    own = MIXES[mix] or {action: rng.choice((0.1, 1, 3)) for action in ACTIONS if action not in BASE}
    weights = own if mix == "calm" else BASE | own
    for action in rng.choices(list(weights), list(weights.values()), k=steps):
        cluster.act(action, rng.getrandbits(20))
    cluster.calm()
    return cluster


def run_all(seeds: int, **options: object) -> None:
    for seed in range(seeds):
        for mix in MIXES:
            run(mix, seed, **options)


@pytest.mark.parametrize("options", [{"prevote": True}, {"noop": True}], ids=["prevote", "noop"])
def test_the_properties_of_figure_3_hold_under_every_option(options):
    run_all(several(5, least=3), **options)


@pytest.mark.parametrize("mix", MIXES)
def test_the_properties_of_figure_3_hold_through_schedules_that_get_somewhere(mix):
    runs = [run(mix, seed) for seed in range(several(15, least=6))]
    assert sum(len(cluster.leaders) for cluster in runs) > 7
    assert sum(len(cluster.applied) for cluster in runs) > 20


FALLS = [
    "commit-old-term",
    "commit-past-new",
    "forget-vote",
    "forget-term",
    "reset-vote",
    "truncate-always",
    "stale-vote-reply",
    "double-count-vote",
    "ack-own-tail",
    "heartbeat-unchecked",
    "ack-before-durable",
    "no-log-check",
    "half-is-majority",
    "accept-old-term",
    "keep-conflicting-tail",
    "no-commit-on-heartbeat",
    "zombie",
]


@pytest.mark.parametrize("bug", FALLS)
def test_the_schedules_find_what_is_wrong_with_an_unsound_algorithm(bug):
    with pytest.raises((AssertionError, StorageError)):
        run_all(30, module=module_with([bug]))


schedules = st.lists(st.tuples(st.sampled_from(list(ACTIONS)), st.integers(0, 500)), min_size=5, max_size=60)


@thorough
@given(st.integers(3, 5), schedules)
def test_no_schedule_breaks_the_properties_of_figure_3(n, schedule):
    cluster = Watched(n)
    for action, number in schedule:
        cluster.act(action, number)
    cluster.calm()
