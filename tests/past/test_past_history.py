"""The history keeps the last events, and no more than it says; from those it kept every moment can be rebuilt."""

import random
from itertools import islice

import pytest
from support.churn import Churn

from raftplay import Config, Harness, InvariantBroken, Snapshot, UsageError
from raftplay.past import flying
from raftplay.past.flying import PATIENCE
from raftplay.past.history import CHECKPOINT_EVERY, LIMIT, History
from raftplay.past.view import InFlight
from raftplay.past.world import World
from raftplay.raft import decisions
from raftplay.raft.messages import RequestVoteArgs
from raftplay.watch import facts
from raftplay.watch.facts import Record


def _record(seq: int) -> Record:
    return Record(seq, 0.001 * seq, 0, 0, decisions.PreVoteStarted(seq))


def test_a_history_keeps_the_last_records_and_counts_the_others() -> None:
    history = History(limit=3)
    for seq in range(1, 6):
        history(_record(seq))
    assert [record.seq for record in history.records()] == [3, 4, 5]
    assert (len(history), history.limit, history.seen, history.forgotten) == (3, 3, 5, 2)
    assert (history.earliest, history.first_seq, history.last_seq) == (2, 3, 5)
    assert (history.first_time, history.last_time) == (0.003, 0.005)
    assert [history.time_of(seq) for seq in range(2, 6)] == [0.002, 0.003, 0.004, 0.005]
    assert [record.seq for record in history.after(3)] == [4, 5]
    assert (history.record(2), history.record(6)) == (None, None)
    assert history.record(3) == _record(3)


def test_a_history_of_nothing_begins_before_the_first_event() -> None:
    history = History()
    assert (history.earliest, history.first_seq, history.last_seq) == (0, 1, 0)
    assert (history.first_time, history.last_time, history.time_of(0)) == (0.0, 0.0, 0.0)
    assert history.seq_at(3.0) == 0
    assert history.at(0).seq == 0
    assert list(history.after(0)) == []


@pytest.mark.parametrize(("n", "seqs"), [(0, []), (-1, []), (1, [4]), (2, [3, 4]), (9, [1, 2, 3, 4])])
def test_the_last_n_come_oldest_first(n: int, seqs: list[int]) -> None:
    history = History()
    for seq in range(1, 5):
        history(_record(seq))
    assert [record.seq for record in history.last(n)] == seqs


def test_what_was_taken_from_a_history_does_not_change_with_it() -> None:
    history = History()
    history(_record(1))
    taken = history.records()
    history(_record(2))
    assert len(taken) == 1


def test_a_history_keeps_something() -> None:
    assert History().limit == LIMIT
    with pytest.raises(ValueError, match="at least one record, not 0"):
        History(limit=0)


# ---- looking back


class Run:
    """Two seconds of a cluster in sim, all its records, and a history that kept the last `limit` of them."""

    def __init__(self, limit: int = LIMIT, seed: int = 4, n: int = 5) -> None:
        self.records: list[Record] = []
        self.history = History(limit)
        with Harness(n, backend="sim", seed=seed, readers=[self.records.append, self.history]) as h:
            Churn(h, seed, Churn.MIXES[-1]).run(2.0)
            self.now = h.snapshot()
        assert self.history.last_seq == len(self.records)

    def folded(self, seq: int) -> World:
        """The world after the event `seq`, from the first event on."""
        world = World()
        for record in islice(self.records, seq):
            world(record)
        return world

    def seen(self, world: World) -> tuple[Snapshot, tuple[InFlight, ...]]:
        """All that a world shows."""
        return world.snapshot(self.now), world.messages()

    def kept(self, rng: random.Random) -> int:
        """The number of some event behind which one can look."""
        return rng.randint(self.history.earliest, self.history.last_seq)


@pytest.mark.parametrize("limit", [1, 100, 1000, LIMIT])
def test_every_kept_moment_is_as_a_fold_from_the_start_gives_it_in_any_order(limit: int) -> None:
    run = Run(limit)
    history, rng = run.history, random.Random(limit)
    assert len(run.records) > 1500
    seqs = [history.earliest, history.last_seq, history.earliest, *(run.kept(rng) for _ in range(25))]
    for seq in seqs:
        for near in (seq, seq - 1, seq + 1, seq):  # a step back, and on again
            if history.earliest <= near <= history.last_seq:
                world = history.at(near)
                assert world.seq == near
                assert run.seen(world) == run.seen(run.folded(near)), near
        if rng.random() < 0.2:
            history.forget_checkpoints()


def test_the_first_moment_is_before_anything_happened() -> None:
    run = Run()
    nodes = run.history.at(0).snapshot(run.now).nodes
    assert {(str(node.state), node.current_term, node.log, node.incarnation) for node in nodes} == {
        ("Follower", 0, (), 0)
    }


def test_what_is_forgotten_or_still_to_come_is_named() -> None:
    run = Run(limit=100)
    history = run.history
    first, last = history.first_seq, history.last_seq
    reach = f"the history goes back to event {first}, at {history.first_time:.3f} s"
    with pytest.raises(UsageError, match=rf"^event {first - 2} is forgotten; {reach}$"):
        history.at(first - 2)
    with pytest.raises(UsageError, match=rf"^there is no event {last + 1} yet; the last one is {last}$"):
        history.at(last + 1)
    with pytest.raises(UsageError, match=r"^there is no event -1$"):
        history.at(-1)
    with pytest.raises(UsageError, match=rf"^what was at 0\.001 s is forgotten; {reach}$"):
        history.seq_at(0.001)


def test_the_last_event_by_a_time_is_found() -> None:
    run = Run(limit=500)
    times = {record.seq: record.time for record in run.history.records()}
    for time in [*times.values(), run.history.last_time + 1, *(t + 0.0001 for t in times.values())]:
        seq = run.history.seq_at(time)
        assert times[seq] <= time
        assert times.get(seq + 1, time + 1) > time


def test_nothing_is_built_while_nobody_looks_back_and_it_goes_when_nobody_does_any_more() -> None:
    run = Run()
    history = run.history
    assert (history._checkpoints, history._latest) == ([], None)
    history.at(history.last_seq)
    assert [world.seq for world in history._checkpoints] == list(
        range(CHECKPOINT_EVERY, history.last_seq + 1, CHECKPOINT_EVERY)
    )
    for seq in range(history.last_seq, 0, -97):
        history.at(seq)
    assert len(history._checkpoints) == history.last_seq // CHECKPOINT_EVERY
    history.forget_checkpoints()
    assert (history._checkpoints, history._latest) == ([], None)


def test_a_neighbour_is_a_few_records_away(monkeypatch: pytest.MonkeyPatch) -> None:
    history = Run().history
    history.at(history.last_seq)
    folded: list[int] = []
    plain = World.__call__

    def counted(world: World, record: Record) -> None:
        folded.append(record.seq)
        plain(world, record)

    monkeypatch.setattr(World, "__call__", counted)
    middle = history.last_seq // 2
    history.at(middle)
    assert len(folded) < CHECKPOINT_EVERY
    folded.clear()
    history.at(middle + 1)
    assert folded == [middle + 1]
    folded.clear()
    history.at(middle - 1)
    assert len(folded) < CHECKPOINT_EVERY


def test_a_world_that_was_taken_is_the_takers_own() -> None:
    run = Run()
    history = run.history
    half = history.last_seq // 2
    taken = history.at(half)
    seen = run.seen(taken)
    for record in run.records[half : half + 300]:
        taken(record)
    for id in range(5):
        history.at(half)(Record(half, 0.0, id, 0, facts.Crashed()))
    assert run.seen(history.at(half)) == seen
    assert run.seen(taken) == run.seen(history.at(half + 300)) != seen


def test_the_cluster_may_go_on_while_somebody_looks_back() -> None:
    records: list[Record] = []
    history = History(limit=700)
    with Harness(5, backend="sim", seed=9, readers=[records.append, history]) as h:
        churn = Churn(h, 9, Churn.CALM)
        for _ in range(20):
            churn.run(0.2)
            now = h.snapshot()
            for seq in (history.earliest, history.last_seq, (history.earliest + history.last_seq) // 2):
                world = World()
                for record in islice(records, seq):
                    world(record)
                assert history.at(seq).snapshot(now) == world.snapshot(now)
            assert history.at(history.last_seq).snapshot(now, now.time) == now
            assert len(history._checkpoints) <= 700 // CHECKPOINT_EVERY + 1
        assert history.forgotten > 1400


def test_a_history_that_came_late_goes_back_with_the_snapshot_of_its_beginning() -> None:
    with Harness(3, backend="sim", seed=1) as h:
        h.sleep_ms(400)
        start = h.snapshot()
        blind, sighted = History(), History(world=World.of(start, h.stream.last_seq))
        h.stream.attach(blind)
        h.stream.attach(sighted)
        h.sleep_ms(400)
        now = h.snapshot()
        assert sighted.at(sighted.earliest).snapshot(now, start.time) == start
        assert sighted.at(sighted.last_seq).snapshot(now, now.time) == now
        with pytest.raises(UsageError, match=r"^the history misses events of this cluster, so it cannot go back$"):
            blind.at(blind.last_seq)
        h.stream.detach(sighted)
        h.sleep_ms(100)
        h.stream.attach(sighted)
        h.sleep_ms(100)
        with pytest.raises(UsageError, match=r"^the history misses events"):
            sighted.at(sighted.last_seq)


def test_a_long_run_keeps_no_more_than_it_says() -> None:
    with Harness(5, backend="sim", seed=1, watch=False) as h:
        history = History(limit=300, world=World.of(h.snapshot(), h.stream.last_seq))
        h.stream.attach(history)
        h.set_link(0, 1, loss=0.3, dup=0.3)
        h.sleep_ms(20_000)
        assert history.seen > 5000
        assert len(history.records()) == len(history) == 300
        assert history.forgotten == history.seen - 300
        assert len(history._base._flying) < 50


# ---- views


def test_a_view_shows_the_moment_with_its_events_and_what_was_in_flight() -> None:
    records: list[Record] = []
    history = History(limit=400)
    views = []
    with Harness(5, backend="sim", seed=6, readers=[records.append, history]) as h:
        h.set_link(0, 1, delay=(0.02, 0.04), dup=0.5)
        h.sleep_ms(500)
        for _ in range(40):
            h.sleep_ms(1.7)
            views.append((history.last_seq, h.snapshot(), h.messages()))
        now = h.snapshot()
        for seq, snapshot, flights in views:
            if seq < history.earliest:
                continue
            view = history.view(seq, now, snapshot.time)
            assert view.snapshot == snapshot
            assert list(view.records) == records[history.first_seq - 1 : seq]
            assert (view.forgotten, view.rewound, view.breach) == (history.forgotten, True, None)
            whole = {(f.call_id, f.src, f.dst, f.message, f.due) for f in flights if 0 not in (f.src, f.dst)}
            then = {(m.call_id, m.src, m.dst, m.message, m.due) for m in view.messages}
            arrived = {message for message in whole if message[4] is not None and message[4] <= history.last_time}
            assert arrived <= then
            assert {m.id for m in view.messages} <= {-1}
            assert len(view.messages) == len(flights)


def test_what_is_held_is_due_when_it_came_at_last_or_never_yet() -> None:
    history = History()
    with Harness(3, backend="sim", seed=6, readers=[history]) as h:
        leader, _ = h.check_single_leader()
        peer = (leader + 1) % 3
        h.hold(leader, peer)
        h.sleep_ms(60)
        seq, held = history.last_seq, h.messages()
        call_id = next(f.call_id for f in held if f.due is None)
        h.sleep_ms(500)

        def due() -> float | None:
            view = history.view(seq, h.snapshot())
            return next(m.due for m in view.messages if m.call_id == call_id)

        assert due() is None
        h.release(leader, peer)
        assert due() == h.now


def test_a_view_knows_of_the_breach_once_it_has_happened() -> None:
    history = History()
    with Harness(4, backend="sim", seed=1, readers=[history], config=Config(bugs=("half-is-majority",))) as h:
        h.partition([0, 1], [2, 3])
        h.time_out_peer(0)
        h.time_out_peer(2)
        with pytest.raises(InvariantBroken):
            h.sleep_ms(100)
        breach, now = h.breach, h.snapshot()
    assert breach is not None
    assert history.view(breach.seq, now, breach=breach).breach is breach
    assert history.view(breach.seq - 1, now, breach=breach).breach is None
    assert history.view(breach.seq, now).snapshot.time == breach.time


# ---- messages of which nothing is heard any more


def sent(call_id: int, time: float, dst: int = 1) -> Record:
    return Record(call_id, time, 0, 0, facts.CallSent(call_id, 0, dst, RequestVoteArgs(1, 0, -1, -1)))


def test_a_message_of_which_nothing_is_heard_counts_as_lost_after_a_while() -> None:
    world = World()
    world(Record(1, 0.0, -1, 0, facts.LinkChanged(0, 2, False, 0.0, (0.0, 1.0), 0.0)))
    world(Record(2, 0.0, -1, 0, facts.LinkHeld(0, 3, True)))
    for dst in (1, 2, 3):
        world(sent(2 + dst, 0.5, dst))
    assert len(world.messages(0.5 + PATIENCE + 1.0)) == 3
    assert [m.dst for m in world.messages(0.6 + PATIENCE + 1.0)] == [3]
    world(Record(6, 60.0, -1, 0, facts.LinkHeld(0, 3, False)))
    assert [m.dst for m in world.messages()] == [3]
    assert world.messages(61.1 + PATIENCE) == ()


def test_what_waits_at_a_frozen_node_is_told_from_a_copy_that_is_on_its_way() -> None:
    world = World()
    args = RequestVoteArgs(1, 0, -1, -1)
    in_flight = []
    for event in (
        facts.CallSent(7, 0, 1, args, copies=2),
        facts.KeptWaiting(7, 0, 1, args),
        facts.CallDelivered(7, 0, 1, args),
        facts.CallDelivered(7, 0, 1, args),
    ):
        world(Record(world.seq + 1, 0.1, 1, 0, event))
        in_flight.append(len(world.messages()))
    assert in_flight == [2, 1, 1, 0]


def test_what_waits_at_a_frozen_node_stays_there_while_another_copy_is_lost() -> None:
    world = World()
    args = RequestVoteArgs(1, 0, -1, -1)
    in_flight = []
    for event in (
        facts.CallSent(7, 0, 1, args, copies=2),
        facts.Frozen(),
        facts.KeptWaiting(7, 0, 1, args),
        facts.CallLost(7, 0, 1, args, "by hand"),
        facts.Thawed(),
        facts.CallDelivered(7, 0, 1, args),
    ):
        world(Record(world.seq + 1, 0.1, 1, 0, event))
        in_flight.append(len(world.messages()))
    assert in_flight == [2, 2, 1, 0, 0, 0]


@pytest.mark.parametrize("end", ["thaw", "crash"])
def test_a_copy_that_waited_does_not_land_in_place_of_one_that_is_held(end: str) -> None:
    history = History()
    with Harness(3, backend="sim", seed=1, readers=[history]) as h:
        h.time_out_peer(0)
        assert h.wait_until(h.cluster[0].is_leader)
        h.sleep_ms(20)
        h.hold(0, 1)
        h.sleep_ms(60)
        (held, *_) = (m for m in h.messages() if (m.src, m.dst) == (0, 1))
        h.freeze_peer(1)
        h.duplicate(held.id)
        seq, time = history.last_seq, h.now
        h.thaw_peer(1) if end == "thaw" else h.crash_peer(1)

        def due() -> float | None:
            view = history.view(seq, h.snapshot(), time)
            return next(m.due for m in view.messages if m.call_id == held.call_id)

        assert due() is None
        h.sleep_ms(5)
        h.lose(held.id)
        assert due() == h.now


def test_what_is_lost_unheard_does_not_pile_up() -> None:
    world = World()
    for call_id in range(1, 20_001):
        world(sent(call_id, call_id * 0.01))
    assert len(world._flying) < 2500
    assert len(world.messages()) == round(PATIENCE / 0.01) + 1


def test_of_too_many_messages_the_oldest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flying, "MAX_MESSAGES", 2000)
    world = World()
    for call_id in range(1, 10_001):
        world(sent(call_id, 1.0))
    known = [m.call_id for m in world.messages()]
    assert len(known) <= 4000
    assert known == list(range(10_001 - len(known), 10_001))
