"""Every role change is told as an event: the role folded from events is the node's own, after each of them."""

from typing import Any

import pytest
from support.amount import several
from support.churn import Churn
from support.paper import append_call, follower

from raftplay import CMState, Config, RaftConfig, scenarios
from raftplay.cluster.harness import Harness
from raftplay.cluster.snapshot import Snapshot
from raftplay.commands.setup import Setup
from raftplay.past.history import History
from raftplay.raft import decisions
from raftplay.raft.bugs import BUGS
from raftplay.run.runner import TextTranscript, run_script
from raftplay.run.script import parse_script
from raftplay.session import branches
from raftplay.tui.model.glyphs import UNICODE
from raftplay.tui.model.timeline import timeline
from raftplay.watch.facts import Record

pytestmark = pytest.mark.filterwarnings("ignore::raftplay.TimingWarning")

ROLES = {
    decisions.Started: CMState.FOLLOWER,
    decisions.Stopped: CMState.DEAD,
    decisions.PreVoteStarted: CMState.PRE_CANDIDATE,
    decisions.ElectionStarted: CMState.CANDIDATE,
    decisions.BecameLeader: CMState.LEADER,
    decisions.BecameFollower: CMState.FOLLOWER,
}
"""The events that give a role; no other changes one."""


class Roles:
    """A reader that folds roles from events, for each life of a node, and compares them with the nodes' own.

    `hears_the_dead`: bug zombie brings a dead process back without a word, so a life that has ended is let be.
    """

    def __init__(self, *, hears_the_dead: bool = False) -> None:
        self.harness: Harness | None = None
        self.roles: dict[tuple[int, int], CMState] = {}
        self.looks = 0
        self._hears_the_dead = hears_the_dead

    def __call__(self, record: Record) -> None:
        life = (record.node, record.incarnation)
        if self._hears_the_dead and self.roles.get(life) is CMState.DEAD:
            return
        role = ROLES.get(type(record.event))
        if role is not None:
            if isinstance(record.event, decisions.BecameFollower):
                assert record.event.was is self.roles[life], record
            self.roles[life] = role
        if record.after is not None:
            assert record.after.state is self.roles[life], record
        for server in () if self.harness is None else self.harness.cluster:
            known = self.roles.get((server.id, server.incarnation))
            if known is not None and not (self._hears_the_dead and known is CMState.DEAD):
                assert server.cm.state is known, (record, server.id)
                self.looks += 1


def watched(n: int, *, bugs: tuple[str, ...] = (), **choices: Any) -> tuple[Harness, Roles]:
    roles = Roles(hears_the_dead="zombie" in bugs)
    harness = Harness(n, backend="sim", readers=[roles], **choices)
    roles.harness = harness
    return harness, roles


def tight(*, prevote: bool) -> Config:
    """Timings with which nodes are often candidates at the same time: the timeouts lie close together."""
    return Config(RaftConfig(0.15, 0.16, prevote=prevote), delay_min=0.02, delay_max=0.04)


@pytest.mark.parametrize("prevote", [False, True])
@pytest.mark.parametrize("kinds", range(len(Churn.MIXES)))
def test_roles_are_told_whatever_is_broken_and_mended(kinds: int, prevote: bool) -> None:
    configs = (Config(RaftConfig(prevote=prevote)), tight(prevote=prevote))
    for seed in range(several(6, least=2)):
        harness, roles = watched(5, seed=seed, config=configs[seed % 2])
        with harness:
            Churn(harness, seed, Churn.MIXES[kinds]).run(2.0)
        assert roles.looks > 100


@pytest.mark.parametrize("prevote", [False, True])
@pytest.mark.parametrize("bug", BUGS)
def test_roles_are_told_with_every_bug(bug: str, prevote: bool) -> None:
    config = Config(RaftConfig(prevote=prevote), bugs=(bug,))
    for seed in range(several(3)):
        harness, roles = watched(5, bugs=(bug,), seed=seed, config=config, watch=False)
        with harness:
            Churn(harness, seed, Churn.MIXES[-1]).run(1.5)
        assert roles.looks > 100


@pytest.mark.parametrize("name", [*scenarios.bug_names(), *scenarios.names()])
def test_roles_are_told_in_every_scenario(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Roles] = []

    def make(n: int, *, readers: Any, config: Config, **choices: Any) -> Harness:
        made.append(Roles(hears_the_dead="zombie" in config.bugs))
        made[-1].harness = harness = Harness(n, readers=[*readers, made[-1]], config=config, **choices)
        return harness

    monkeypatch.setattr(branches, "Harness", make)
    for prevote in (False, True):
        setup = Setup(seed=1, backend="sim", switches={"prevote": prevote})
        run_script(parse_script(name, scenarios.text_of(name), setup), TextTranscript(lambda _: None))
    assert len(made) == 2
    assert all(roles.looks > 10 for roles in made)


def test_a_candidate_that_asks_again_says_so() -> None:
    """With pre-vote on, a candidate whose votes do not come back asks again before a new term (thesis §9.6)."""
    history = History()
    with Harness(3, backend="sim", seed=1, config=Config(RaftConfig(prevote=True)), readers=[history]) as h:
        for peer in (1, 2):
            h.peer_drop_calls_after_n(peer, 0)
        h.peer_drop_calls_after_n(0, 2)  # the pre-votes pass, the requests for votes do not
        h.time_out_peer(0)
        assert h.wait_until(lambda: h.cluster[0].cm.state is CMState.CANDIDATE)
        h.time_out_peer(0)
    mine = [r.event for r in history.records() if r.node == 0]
    roles = [event for event in mine if type(event) in ROLES]
    assert roles[1:-1] == [
        decisions.PreVoteStarted(1, "by-hand"),
        decisions.ElectionStarted(1, "by-hand"),
        decisions.PreVoteStarted(2, "by-hand"),
    ]


def test_a_pre_candidate_that_hears_a_leader_says_that_it_is_follower_again() -> None:
    told: list[decisions.Decision] = []
    cm = follower(3, term=2, told=told, prevote=True)
    cm.time_out(1.0)
    assert (cm.state, cm.current_term, cm.votes) == (CMState.PRE_CANDIDATE, 2, [0])
    cm.append_entries(append_call(2), 1.1)
    assert (cm.state, cm.current_term, cm.votes) == (CMState.FOLLOWER, 2, [])
    back = decisions.BecameFollower(2, CMState.PRE_CANDIDATE, 2, "leader-heard")
    assert [event for event in told if type(event) in ROLES][-1] == back


# ---- the lanes of the screen


def quarrel(seed: int, *, prevote: bool) -> tuple[History, Snapshot, dict[int, list[str]]]:
    """A cluster in which node after node is a candidate; by event, what each node was after it."""
    history = History()
    was: dict[int, list[str]] = {}
    with Harness(3, backend="sim", seed=seed, config=tight(prevote=prevote), readers=[history]) as h:
        h.stream.attach(
            lambda record: was.setdefault(record.seq, [_lane(server.cm.state) for server in h.cluster])
        )
        Churn(h, seed, (*Churn.CALM, "disconnect", "reconnect", "cut", "join")).run(3.0)
        return history, h.snapshot(), was


def _lane(state: CMState) -> str:
    return "down" if state is CMState.DEAD else str(state).lower()


@pytest.mark.parametrize("prevote", [False, True])
def test_the_lanes_end_as_what_each_node_is(prevote: bool) -> None:
    """The heading of a lane shows the state, the lane below it the role that the events tell: they agree."""
    for seed in range(several(3)):
        history, now, was = quarrel(seed, prevote=prevote)
        records = history.records()
        for end in range(50, len(records), 3):
            last = records[end - 1]
            if isinstance(last.event, decisions.Stopped):  # its crash is told next
                continue
            view = history.view(last.seq, now, last.time)
            assert list(timeline(view, records[max(0, end - 200) : end], UNICODE).rows[-1].roles) == was[last.seq]


@pytest.mark.parametrize("prevote", [False, True])
def test_the_lanes_begin_as_what_each_node_was(prevote: bool) -> None:
    """Wherever the screen begins to draw, it draws what it draws from the first event on."""
    for seed in range(several(3)):
        history, now, _ = quarrel(seed, prevote=prevote)
        records = history.records()
        view = history.view(records[-1].seq, now, records[-1].time)
        whole = {row.seq: row.roles for row in timeline(view, records, UNICODE).rows if not row.free}
        stands = [
            at
            for at, r in enumerate(records)
            if isinstance(r.event, decisions.ElectionStarted | decisions.Stopped)
        ]
        assert stands
        for start in (*stands, *range(1, len(records) - 30, 29)):
            rows = timeline(view, records[start:], UNICODE).rows
            for row in rows[1:60]:
                if row.seq in whole and not row.free:
                    assert row.roles == whole[row.seq], (start, row)
