"""What becomes of messages that do not arrive, and of submits before a crash: with the right reason, and nothing stale."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from raftplay import Harness, RequestVoteArgs
from raftplay.cluster.flight import Arrival, Flight, Flights
from raftplay.cluster.rpc import Response
from raftplay.raft import decisions
from raftplay.raft.messages import RequestVoteReply
from raftplay.watch import facts
from raftplay.watch.facts import Record


def lost(seen: list[Record]) -> list[str]:
    """Why replies were lost."""
    return [record.event.reason for record in seen if isinstance(record.event, facts.ReplyLost)]


@pytest.mark.parametrize("cut_after_ms", [0, 5])
def test_a_reply_that_is_lost_on_a_one_way_cut_is_lost_by_the_cut(cut_after_ms: int):
    """Also if it is on its way by then."""
    seen: list[Record] = []
    with Harness(3, backend="sim", seed=1) as harness:
        harness.stream.attach(seen.append)
        harness.set_link(2, 1, delay=(0.02, 0.02))
        if not cut_after_ms:
            harness.cut(2, 1)
        harness.cluster[1].call(2, RequestVoteArgs(0, 1, -1, -1), lambda _: None)
        harness.sleep_ms(8)
        harness.cut(2, 1)
        harness.sleep_ms(50)
    assert lost(seen) == ["cut"]


def test_a_reply_goes_back_though_the_other_way_is_cut_meanwhile():
    seen: list[Record] = []
    answers: list[object] = []
    with Harness(3, backend="sim", seed=1) as harness:
        harness.stream.attach(seen.append)
        harness.set_link(2, 1, delay=(0.02, 0.02))
        harness.cluster[1].call(2, RequestVoteArgs(0, 1, -1, -1), answers.append)
        harness.sleep_ms(8)
        harness.cut(1, 2)
        harness.sleep_ms(50)
    assert (lost(seen), len(answers)) == ([], 1)


def test_a_delivery_that_failed_leaves_nothing_behind_for_the_next_one():
    """The second copy of a reply arrives as itself, though the first one never did."""
    flights = Flights(cast(Any, SimpleNamespace()))
    carried = Response(7, 1, 0, RequestVoteReply(1, True))
    first, second = (Flight(id, carried, None, cast(Any, None), lambda *_: None, True) for id in (1, 2))
    flights.passes(first, by_hand=True)
    flights.fails(first)
    flights.passes(second, by_hand=False)
    assert flights.arrives(7, is_reply=True) == Arrival(2, False)
    assert flights.arrives(7, is_reply=True) == Arrival(None, False)


def test_a_request_that_finds_no_connection_leaves_nothing_behind():
    seen: list[Record] = []
    with Harness(3, backend="sim", seed=1) as harness:
        harness.stream.attach(seen.append)
        harness.set_link(1, 2, delay=(0.02, 0.02))
        harness.cluster[1].call(2, RequestVoteArgs(0, 1, -1, -1), lambda _: None)
        harness.sleep_ms(8)
        harness.disconnect_peer(2)
        harness.sleep_ms(50)
        (call_id,) = (r.event.call_id for r in seen if isinstance(r.event, facts.CallLost))
        assert harness.flights.arrives(call_id, is_reply=False) == Arrival(None, False)


def test_a_node_that_is_stopped_settles_what_was_submitted_to_it():
    seen: list[Record] = []
    with Harness(3, backend="sim", seed=1) as harness:
        leader, _ = harness.check_single_leader()
        harness.stream.attach(seen.append)
        server = harness.cluster[leader]
        assert server.submit("a") == 0
        server.stop()
        mine = [record.event for record in seen if record.node == leader]
    told = [type(event) for event in mine if isinstance(event, decisions.Persisted | decisions.Stopped)]
    assert told == [decisions.Persisted, decisions.Stopped]


def test_a_crash_settles_what_was_submitted_before_it():
    with Harness(3, backend="sim", seed=1) as harness:
        leader, _ = harness.check_single_leader()
        harness.submit_to_server(leader, "a")
        harness.crash_peer(leader)
        harness.restart_peer(leader)
        assert [entry.command for entry in harness.cluster[leader].cm.log] == ["a"]
