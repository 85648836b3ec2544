"""What the past is rebuilt from is told: heartbeats, writes put off, and what becomes of every message."""

import math
from collections.abc import Iterator

import pytest
from support.past import Compared

from raftplay import AppendEntriesArgs, CallFailed, Config, ConsensusModule, Harness, MapStorage
from raftplay.cluster import inbox
from raftplay.raft import decisions
from raftplay.raft.bugs import module_with
from raftplay.raft.bugs.durability import WRITE_DELAY
from raftplay.raft.messages import RequestVoteArgs
from raftplay.watch import facts
from raftplay.watch.facts import Record


class Told:
    """A reader that keeps what it reads."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def __call__(self, record: Record) -> None:
        self.records.append(record)

    def of(self, *kinds: type) -> list[Record]:
        return [record for record in self.records if isinstance(record.event, kinds)]


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def h(told: Told) -> Iterator[Compared]:
    """Three nodes in sim, node 0 leads."""
    with Compared(3, backend="sim", seed=1, readers=[told]) as h:
        h.time_out_peer(0)
        assert h.wait_until(h.cluster[0].is_leader)
        h.sleep_ms(20)
        yield h


# ---- timers


def test_a_leader_tells_each_heartbeat_and_when_the_next_is_due_even_if_nobody_hears_it(
    h: Compared, told: Told
) -> None:
    h.disconnect_peer(0)
    begin = len(told.records)
    h.sleep_ms(300)
    beats = [r for r in told.records[begin:] if r.node == 0 and isinstance(r.event, decisions.HeartbeatDue)]
    assert len(beats) == 6
    for record in beats:
        assert record.after is not None
        assert record.after.deadline == record.time + 0.05
    assert not [r for r in told.records[begin:] if isinstance(r.event, facts.CallSent) and r.node == 0]


def test_every_decision_carries_when_the_timer_fires() -> None:
    seen: list[tuple[decisions.Decision, float | None, float]] = []

    def observe(decision: decisions.Decision) -> None:
        seen.append((decision, cm.node_state().deadline, cm.deadline))

    cm = ConsensusModule(0, [], MapStorage(), observe=observe)
    assert cm.node_state().deadline is None
    cm.start(0.0)
    cm.wake(cm.deadline)
    cm.persist()
    cm.submit("x")
    cm.persist()
    cm.take_commits()
    cm.stop()
    assert [type(decision) for decision, _, _ in seen] == [
        decisions.Started,
        decisions.ElectionStarted,
        decisions.Persisted,
        decisions.VoteCounted,
        decisions.BecameLeader,
        decisions.PeersReset,
        decisions.HeartbeatDue,
        decisions.EntryAppended,
        decisions.Persisted,
        decisions.CommitAdvanced,
        decisions.Applied,
        decisions.Stopped,
    ]
    for _, told, deadline in seen:
        assert told == (None if deadline == math.inf else deadline)
    assert [told for _, told, _ in seen].count(None) == 1


def test_a_write_that_is_put_off_is_told(told: Told) -> None:
    with Harness(3, backend="sim", seed=1, watch=False, readers=[told], config=Config(bugs=("torn-vote",))) as h:
        h.time_out_peer(0)
        h.sleep_ms(100)
        assert h.check_single_leader() == (0, 1)
    delayed = told.of(decisions.WriteDelayed)
    assert {record.event for record in delayed} == {
        decisions.WriteDelayed("vote", True, record.time + 0.025) for record in delayed
    }
    assert {record.node for record in delayed} == {0, 1, 2}
    for record in delayed:
        assert record.after is not None
        assert record.after.deadline == record.time + 0.025


def test_a_write_that_another_bug_keeps_from_being_made_does_not_wake_its_node_for_ever() -> None:
    """Time stood still: the node wanted to be woken for it at once, again and again."""
    told: list[decisions.Decision] = []
    cm = module_with(("torn-vote", "forget-term"))(0, [1, 2], MapStorage(), observe=told.append)
    cm.start(0.0)
    cm.request_vote(RequestVoteArgs(1, 1, -1, -1), 0.01)
    cm.persist()
    assert cm.deadline == 0.01 + WRITE_DELAY
    cm.append_entries(AppendEntriesArgs(2, 2, -1, -1, (), -1), 0.02)
    cm.persist()  # forget-term writes nothing where there is no vote
    cm.wake(cm.deadline)
    cm.persist()
    assert cm.deadline > 0.02 + cm.config.election_min
    assert told[-1] == decisions.WriteDelayed("vote", False)


# ---- what becomes of messages


def test_both_copies_of_a_doubled_message_are_told_of(h: Compared, told: Told) -> None:
    h.set_link(0, 1, dup=1.0)
    h.set_link(1, 0, dup=1.0)
    begin = len(told.records)
    h.sleep_ms(60)
    events = [record.event for record in told.records[begin:]]
    call = next(e for e in events if isinstance(e, facts.CallSent) and e.dst == 1)
    assert call.copies == 2
    assert sum(isinstance(e, facts.CallDelivered) and e.call_id == call.call_id for e in events) == 2
    replies = [e for e in events if isinstance(e, facts.ReplySent) and e.call_id == call.call_id]
    assert [reply.copies for reply in replies] == [2, 2]
    assert sum(isinstance(e, facts.ReplyDelivered) and e.call_id == call.call_id for e in events) == 4


def test_a_copy_made_by_hand_is_told_of(h: Compared, told: Told) -> None:
    h.hold(0, 1)
    h.sleep_ms(60)
    message = next(f for f in h.messages() if (f.src, f.dst) == (0, 1))
    h.duplicate(message.id)
    (copied,) = told.of(facts.Duplicated)
    assert copied.event == facts.Duplicated(message.call_id, 0, 1, message.message)
    h.sleep_ms(10)
    assert [r.event.call_id for r in told.of(facts.CallDelivered)].count(message.call_id) == 1
    assert message.call_id in {m.call_id for m in h.world.messages()}


def test_what_comes_to_a_frozen_node_is_in_flight_no_more(h: Compared, told: Told) -> None:
    h.freeze_peer(1)
    h.sleep_ms(120)
    waiting = [r.event for r in told.of(facts.KeptWaiting) if r.node == 1]
    assert [(w.src, w.dst) for w in waiting] == [(0, 1)] * len(waiting) != []
    h.thaw_peer(1)
    delivered = [r.event.call_id for r in told.of(facts.CallDelivered)]
    assert [w.call_id for w in waiting] == [id for id in delivered if id in {w.call_id for w in waiting}]


def test_what_waits_at_a_frozen_node_is_lost_when_it_crashes(h: Compared, told: Told) -> None:
    h.hold(1, 0)
    h.sleep_ms(60)
    h.freeze_peer(1)
    h.sleep_ms(60)
    h.freeze_peer(0)
    h.release(1, 0)
    h.crash_peer(0)
    h.crash_peer(1)
    waited = {(type(r.event.message).__name__, r.event.call_id) for r in told.of(facts.KeptWaiting)}
    lost = {
        (type(m).__name__, r.event.call_id)
        for r in told.of(facts.CallLost, facts.ReplyLost)
        if r.event.reason == "crash"
        for m in [r.event.args if isinstance(r.event, facts.CallLost) else r.event.reply]
    }
    assert {name for name, _ in waited} == {"AppendEntriesReply", "AppendEntriesArgs"}
    assert waited <= lost


def test_what_a_frozen_node_cannot_hold_is_told_as_lost(
    h: Compared, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "MAX_WAITING", 2)
    h.freeze_peer(1)
    h.sleep_ms(250)
    assert len([r for r in told.of(facts.KeptWaiting) if r.node == 1]) == 2
    assert {r.event.reason for r in told.of(facts.CallLost) if r.event.dst == 1} == {"frozen"}


def test_a_reply_whose_connection_is_gone_is_told_as_lost(h: Compared, told: Told) -> None:
    assert h.wait_until(lambda: any(f.src == 0 for f in h.messages()))
    calls = {f.call_id for f in h.messages()}
    h.disconnect_peer(0)
    h.sleep_ms(10)
    lost = [r.event for r in told.of(facts.ReplyLost)]
    assert {event.call_id for event in lost} == calls
    assert {event.reason for event in lost} == {"disconnected"}


def test_a_reply_that_nobody_awaits_any_more_is_told_as_lost(h: Compared, told: Told) -> None:
    h.set_link(1, 0, dup=1.0)
    h.cluster[0].call(1, RequestVoteArgs(0, 0, -1, -1), lambda _: None)
    h.sleep_ms(20)
    (call,) = [r.event for r in told.of(facts.CallSent) if r.event.by_user]
    fates = [
        type(r.event) for r in told.of(facts.ReplyDelivered, facts.ReplyLost) if r.event.call_id == call.call_id
    ]
    assert fates == [facts.ReplyDelivered, facts.ReplyLost]
    assert told.of(facts.ReplyLost)[-1].event.reason == "not awaited"


def test_a_call_on_a_connection_that_broke_is_told_as_lost_and_as_not_sent(
    h: Compared, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise CallFailed("broken")

    h.peer_drop_calls_after_n(0, 7)
    h.sleep_ms(60)
    left = h.cluster[0].proxy.calls_left
    monkeypatch.setattr(h.cluster[0]._endpoint, "send", fail)
    h.submit_many(0, ["x", "y"])
    h.sleep_ms(60)
    assert {r.event.reason for r in told.of(facts.CallLost)} == {facts.NOT_SENT}
    assert h.cluster[0].proxy.calls_left == left
    assert h.cluster[0].cm.next_index == {1: 0, 2: 0}


def test_calls_that_cannot_leave_do_not_count_among_those_that_may() -> None:
    with Compared(3, backend="sim", seed=1) as h:
        h.time_out_peer(0)
        assert h.wait_until(h.cluster[0].is_leader)
        h.crash_peer(1)
        h.sleep_ms(10)
        h.peer_drop_calls_after_n(0, 3)
        h.sleep_ms(100)
        assert h.cluster[0].proxy.calls_left == 1  # two heartbeats, to node 2 alone
