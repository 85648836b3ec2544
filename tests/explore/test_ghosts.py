"""Inputs that no cluster gives: walks find a node that does not treat them as it must."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from raftplay.explore.walks.duties import OWED
from raftplay.explore.walks.ghost import LOST, ONE_PROBE, UNTOLD
from raftplay.explore.walks.walk import draw_walk, run_walk
from raftplay.raft.consensus import ConsensusModule
from raftplay.raft.decisions import BackedUp, Decision, HeartbeatDue, LogTruncated, ReplyIgnored
from raftplay.raft.messages import (
    AppendEntriesArgs,
    AppendEntriesReply,
    Args,
    CMState,
    Reply,
    RequestVoteArgs,
    RequestVoteReply,
)
from raftplay.raft.progress import Progress
from raftplay.raft.roles import Leadership
from raftplay.raft.rule_names import Rule

WALKS = 150

FIRST = 450
"""The first seed: the rarest of the faults below shows soon after it."""


def alive(self: ConsensusModule, act: Callable[[], object]) -> object:
    """Act as if the node had not stopped."""
    was, self.state = self.state, CMState.FOLLOWER if self.state is CMState.DEAD else self.state
    try:
        return act()
    finally:
        self.state = was if was is CMState.DEAD else self.state


class HearsWhenDead(ConsensusModule):
    def reply_received(self, peer_id: int, args: Args, reply: Reply, now: float) -> None:
        alive(self, lambda: super(HearsWhenDead, self).reply_received(peer_id, args, reply, now))


class WakesEarly(ConsensusModule):
    def wake(self, now: float) -> None:
        super().wake(max(now, self.deadline) if self.state is not CMState.DEAD else now)


class StopsInSilence(ConsensusModule):
    def stop(self) -> None:
        observe, self.observe = self.observe, None
        super().stop()
        self.observe = observe


class LivesInThePast(ConsensusModule):
    def append_entries(self, args: AppendEntriesArgs, now: float | None = None) -> AppendEntriesReply:
        return super().append_entries(args)


class VotesInThePast(ConsensusModule):
    def request_vote(self, args: RequestVoteArgs, now: float | None = None) -> RequestVoteReply:
        return super().request_vote(args)


class ForgetsFailures(ConsensusModule):
    def call_failed(self, peer_id: int, args: Args, now: float) -> None:
        pass


class HeedsOldFailures(ConsensusModule):
    def call_failed(self, peer_id: int, args: Args, now: float) -> None:
        if self.state is CMState.LEADER and self._leadership is not None and isinstance(args, AppendEntriesArgs):
            self._leadership.progress[peer_id].lost(args)


class LeadsWithATimer(ConsensusModule):
    def time_out(self, now: float) -> None:
        if self.state is CMState.LEADER:
            self._become_follower(self.current_term + 1, None)  # type: ignore[arg-type]
        else:
            super().time_out(now)


class ProbesTwice(ConsensusModule):
    def reply_received(self, peer_id: int, args: Args, reply: Reply, now: float) -> None:
        progress = None if self._leadership is None else self._leadership.progress.get(peer_id)
        if isinstance(progress, Progress) and isinstance(args, AppendEntriesArgs) and progress.probe is not None:
            progress.probe = args
        super().reply_received(peer_id, args, reply, now)


class TellsNoRejection(ConsensusModule):
    def append_entries(self, args: AppendEntriesArgs, now: float | None = None) -> AppendEntriesReply:
        observe = self.observe
        if args.term < self.current_term:
            self.observe = None
        reply = super().append_entries(args, now)
        self.observe = observe
        return reply


class HoldsBackInSilence(ConsensusModule):
    def _advance_commit_index(self, leadership: Leadership) -> None:
        held = leadership.held_index
        super()._advance_commit_index(leadership)
        leadership.held_index = held


class StandsOn(ConsensusModule):
    def _follow(self, term: int, leader_id: int) -> None:
        if self.state is CMState.FOLLOWER or term > self.current_term:
            super()._follow(term, leader_id)


class KeepsTheLead(ConsensusModule):
    def _hand_over(self, leadership: Leadership) -> None:
        pass


class AlwaysNoOp(ConsensusModule):
    def _become_leader(self) -> None:
        config, self.config = self.config, replace(self.config, noop=True)
        super()._become_leader()
        self.config = config


class NeedsPeers(ConsensusModule):
    def persist(self, now: float | None = None) -> bool:
        return bool(self.peer_ids) and super().persist(now)


class BeatsInSilence(ConsensusModule):
    def _tell(self, decision: Decision) -> None:
        if not isinstance(decision, HeartbeatDue):
            super()._tell(decision)


class IgnoresVotesInSilence(ConsensusModule):
    def _vote_received(self, voter: int, args: RequestVoteArgs, reply: RequestVoteReply) -> None:
        if self.state in (CMState.CANDIDATE, CMState.PRE_CANDIDATE):
            super()._vote_received(voter, args, reply)


class HasNoTimerToSet(ConsensusModule):
    def set_timer(self, deadline: float, now: float) -> None:
        pass


class CallsAllOutdated(ConsensusModule):
    def _tell(self, decision: Decision) -> None:
        if isinstance(decision, BackedUp):
            args = AppendEntriesArgs(self.current_term, self.id, self.log.last_index, 0, (), 0)
            decision = ReplyIgnored(decision.peer, args, AppendEntriesReply(0, False), Rule.OUTDATED)
        super()._tell(decision)


class DeletesTooMuch(ConsensusModule):
    def _tell(self, decision: Decision) -> None:
        if isinstance(decision, LogTruncated):
            decision = LogTruncated(decision.index, decision.removed + 1)
        super()._tell(decision)


CLASSES: dict[type[ConsensusModule], str] = {
    HoldsBackInSilence: OWED,
    StandsOn: OWED,
    KeepsTheLead: OWED,
    AlwaysNoOp: OWED,
    NeedsPeers: OWED,
    BeatsInSilence: UNTOLD,
    IgnoresVotesInSilence: UNTOLD,
    CallsAllOutdated: UNTOLD,
    HasNoTimerToSet: "Timer Rules",
    DeletesTooMuch: "Well-Formed",
    HearsWhenDead: "Dead Is Dead",
    StopsInSilence: "Dead Is Dead",
    WakesEarly: "Timer Rules",
    LivesInThePast: "Timer Rules",
    VotesInThePast: "Timer Rules",
    LeadsWithATimer: "Timer Rules",
    HeedsOldFailures: "Reply Of Its Term",
    ForgetsFailures: LOST,
    ProbesTwice: ONE_PROBE,
    TellsNoRejection: UNTOLD,
}


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_walks_find_a_node_that_heeds_what_it_must_ignore(
    kind: type[ConsensusModule], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("raftplay.explore.walks.walk.module_with", lambda *_: kind)
    walks = (run_walk(draw_walk(seed, 3 + seed % 5)) for seed in range(FIRST, FIRST + WALKS))
    found = next(walk.broken for walk in walks if walk.broken)
    assert found is not None
    assert found[0] == CLASSES[kind]


def test_the_looks_at_copies_change_nothing_in_a_walk(monkeypatch: pytest.MonkeyPatch) -> None:
    with_ghosts = [run_walk(draw_walk(seed, 5)) for seed in range(20)]
    assert any("crash" in dict(walk.steps) for walk in with_ghosts)
    monkeypatch.setattr(ConsensusModule, "hears_replies_when_dead", True)  # such a class is not looked at
    assert [run_walk(draw_walk(seed, 5)) for seed in range(20)] == with_ghosts
