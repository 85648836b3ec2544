"""The same questions over real sockets; and what an answer costs, counted in events that it looks at."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, overload

from support.scenarios import settled_leader, wait_until
from support.why_stories import LED, view_after
from support.why_truth import everything

from raftplay import AppendEntriesArgs, Harness
from raftplay.past.history import History
from raftplay.session.session import Session
from raftplay.watch.facts import Record
from raftplay.why import why, why_no_leader, why_node, why_not_committed
from raftplay.why.facts.entries import IndexFacts
from raftplay.why.facts.nodes import FollowerFacts, LeaderFacts
from raftplay.why.facts.quorums import QuorumFacts
from raftplay.why.facts.rpcs import CallStage


def carried_to(h: Harness) -> int:
    """To how many nodes entries are under way."""
    return len(
        {f.dst for f in h.flights.everything() if isinstance(f.message, AppendEntriesArgs) and f.message.entries}
    )


@contextmanager
def on_sockets(n: int) -> Iterator[tuple[Harness, Session]]:
    history = History()
    with Harness(n, backend="tcp", seed=1, readers=[history]) as h:
        yield h, Session(h, history)


def test_a_leader_and_its_followers_are_told_on_sockets() -> None:
    with on_sockets(3) as (h, session):
        leader, term = settled_leader(h)
        view = session.view()
        facts = why(view).facts
        assert isinstance(facts, LeaderFacts)
        assert (facts.now.id, facts.now.current_term) == (leader, term)
        assert len(set(facts.now.votes)) >= 2
        assert all(
            grant is not None
            for voter, grant in zip(facts.now.votes, facts.grants, strict=True)
            if voter != leader
        )
        assert facts.has_majority
        for id in {0, 1, 2} - {leader}:
            found = why_node(view, id).facts
            assert isinstance(found, FollowerFacts)
            assert (found.now.leader_id, found.leader_now, found.now.current_term) == (leader, True, term)


def test_a_leader_that_is_cut_off_and_its_entry_are_told_on_sockets() -> None:
    with on_sockets(3) as (h, session):
        old, _ = settled_leader(h)
        h.disconnect_peer(old)
        h.submit_to_server(old, "lost")
        settled_leader(h, other_than=old)
        view = session.view()
        facts = why_node(view, old).facts
        assert isinstance(facts, LeaderFacts)
        assert not facts.has_majority
        assert facts.rival is not None
        entry = why_not_committed(view, 0).facts
        assert isinstance(entry, IndexFacts)
        assert (entry.outcome, entry.holders) == ("not the leader's", (old,))


def test_a_call_that_is_held_is_told_on_sockets() -> None:
    with on_sockets(3) as (h, session):
        leader, _ = settled_leader(h)
        others = [id for id in range(3) if id != leader]
        for id in others:
            h.hold(leader, id)
        h.submit_to_server(leader, "held")
        wait_until(h, "both calls are under way", lambda: carried_to(h) == 2)
        facts = why_not_committed(session.view(), 0).facts
        assert isinstance(facts, IndexFacts)
        assert facts.outcome == "too few"
        assert [share.journey.stage for share in facts.shares if share.journey] == [CallStage.CALL_HELD] * 2


def test_a_cluster_without_a_majority_is_told_on_sockets() -> None:
    with on_sockets(3) as (h, session):
        settled_leader(h)
        h.crash_peer(0)
        h.crash_peer(1)
        facts = why_no_leader(session.view()).facts
        assert isinstance(facts, QuorumFacts)
        assert (facts.alive, facts.needed) == ((2,), 2)


def test_every_question_is_answered_at_any_moment_of_a_busy_cluster_on_sockets() -> None:
    with on_sockets(5) as (h, session):
        settled_leader(h)
        for act in (
            lambda: h.crash_peer(0),
            lambda: h.partition([1, 2], [3, 4]),
            h.heal,
            lambda: h.restart_peer(0),
        ):
            act()
            for _ in range(5):
                for leader in range(5):
                    h.submit_to_server(leader, "x")
                assert all(answer.text for answer in everything(session.view()))
                h.sleep_ms(7)


class Counted(Sequence[Record]):
    """Records, and how often one of them was looked at in going through all of them."""

    def __init__(self, records: Sequence[Record]) -> None:
        self.records = records
        self.looked = 0

    def __len__(self) -> int:
        return len(self.records)

    @overload
    def __getitem__(self, at: int) -> Record: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Record]: ...
    def __getitem__(self, at: Any) -> Any:
        self.looked += 1
        return self.records[at]


def test_an_answer_goes_through_the_events_once_or_twice() -> None:
    view = view_after(LED + "submit a; sleep 20s; crash 1; cut 0->2; submit b; sleep 3s", nodes=5)
    assert len(view.records) > 5000
    records = Counted(view.records)
    answers = everything(replace(view, records=records))
    assert records.looked < 2 * len(records) * len(answers)
