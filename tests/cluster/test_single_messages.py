"""Single messages in the hand: listed, delivered, lost, duplicated, held and released; in virtual time and over sockets."""

import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

import pytest
from support.backends import KINDS, SOCKET_KINDS, elect, nothing_left_over, take_loop
from support.past import Compared

from raftplay import Harness, RequestVoteArgs, UsageError
from raftplay.cluster import flight as flights
from raftplay.cluster.config import Config
from raftplay.cluster.flight import Flight
from raftplay.explore.search.trial import bound
from raftplay.past.history import History
from raftplay.raft.config import RaftConfig
from raftplay.session.session import Session
from raftplay.watch import facts

CALM = Config(raft=RaftConfig(election_min=20, election_max=40))
"""No election comes of itself."""


@contextmanager
def cluster(kind: str, patch: pytest.MonkeyPatch, config: Config = CALM, nodes: int = 3) -> Iterator[Session]:
    """Nodes led by node 0, with their history. Time stands still, and nothing is in flight."""
    take_loop(kind, patch)
    history = History()
    backend = "sim" if kind == "sim" else "tcp"
    with (
        nothing_left_over(),
        Harness(nodes, backend=backend, seed=11, config=config, readers=[history]) as harness,
    ):
        elect(harness)
        harness.pause()
        session = Session(harness, history)
        while harness.messages():
            do(session, "deliver all")
        yield session


@pytest.fixture(params=KINDS)
def s(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    with cluster(request.param, monkeypatch) as session:
        yield session


@pytest.fixture(params=SOCKET_KINDS)
def live(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    with cluster(request.param, monkeypatch) as session:
        yield session


def do(s: Session, line: str) -> list[str]:
    """Give commands; their answers."""
    return [bound(command.strip(), s.harness.n).run(s) for command in line.split(";")]


def in_flight(s: Session, src: int, dst: int) -> list[Flight]:
    return [flight for flight in s.harness.messages() if (flight.src, flight.dst) == (src, dst)]


def logs(s: Session) -> list[list[object]]:
    return [[entry.command for entry in node.log] for node in s.harness.snapshot().nodes]


def seen(s: Session, kind: type[facts.Fact]) -> list[facts.Fact]:
    with s.harness.lock:
        return [record.event for record in s.history.records() if isinstance(record.event, kind)]


# ---- listed


def open_messages(s: Session) -> Counter[tuple[str, int, int, int]]:
    """What the events say is under way: sent, and neither delivered nor lost."""
    found: Counter[tuple[str, int, int, int]] = Counter()
    signs = {
        facts.CallSent: ("call", 1), facts.CallDelivered: ("call", -1), facts.CallLost: ("call", -1),
        facts.ReplySent: ("reply", 1), facts.ReplyDelivered: ("reply", -1), facts.ReplyLost: ("reply", -1),
    }  # fmt: skip
    for record in s.history.records():
        event = record.event
        if type(event) in signs:
            what, sign = signs[type(event)]  # type: ignore[index]
            found[what, event.call_id, event.src, event.dst] += sign  # type: ignore[union-attr]
    return +found


def listed(s: Session) -> Counter[tuple[str, int, int, int]]:
    """What `messages` lists."""
    return Counter(("reply" if f.is_reply else "call", f.call_id, f.src, f.dst) for f in s.harness.messages())


def test_while_time_stands_still_all_that_is_under_way_is_listed(s: Session) -> None:
    """Wherever it was when time stopped: at a proxy, on a link, in a buffer of a socket."""
    h, dice = s.harness, Random(3)
    h.resume()
    h.set_link(0, 2, delay=(0.0, 0.03))
    h.set_link(1, 0, delay=(0.0, 0.03))
    kinds = Counter[str]()
    for _ in range(40):
        h.submit_to_server(0, dice.random())
        if dice.random() < 0.5:
            h.sleep_ms(dice.uniform(0.1, 30))
        else:
            time.sleep(dice.uniform(0, 0.002))
        h.pause()
        with h.lock:
            assert listed(s) == open_messages(s)
        kinds.update(what for what, *_ in listed(s))
        h.resume()
    assert kinds["call"] > 20
    assert kinds["reply"] > 5
    assert s.history.forgotten == 0


def test_what_is_sent_while_time_stands_still_is_listed_at_once(s: Session) -> None:
    for round in range(10):
        s.harness.pause()
        s.harness.submit_to_server(0, round)
        assert f"[{round}]" in do(s, "messages")[0]
        with s.harness.lock:
            assert listed(s) == open_messages(s)
        s.harness.resume()
        assert s.harness.wait_until(lambda r=round: all(len(log) > r for log in s.harness.commits))  # type: ignore[misc]


def test_messages_are_told_in_words(s: Session) -> None:
    do(s, "hold 1->0; hold 0->1; submit word; submit 'two words'; link 0->2 delay=40ms; submit 3")
    lines = do(s, "messages")[0].split("\n")
    first = int(lines[0].split()[0])
    assert lines[0] == f"{first:>5}  request n0 → n1: entry 0 [word] of term 1 (commit -) (held)"
    assert re.fullmatch(
        rf" *{first + 1}  request n0 → n2: entry 0 \[word\] of term 1 \(commit -\) \(in [1-5]\.?\d*ms\)", lines[1]
    )
    assert '["two words"]' in lines[2]
    assert (
        lines[5] == f"{first + 5:>5}  request n0 → n2: entry 2 [3] of term 1 (commit -) (on its link, 40ms more)"
    )
    do(s, "deliver 0->1")
    assert " response n1 → n0: success in term 1 (held)" in do(s, "messages")[0]
    do(s, "lose 0<->1; lose 0<->2")
    assert do(s, "messages") == ["nothing is in flight"]


def test_a_number_stays_a_messages_own_until_it_arrives(s: Session) -> None:
    h = s.harness
    h.set_link(0, 1, delay=(0.02, 0.02))
    h.set_link(1, 0, delay=(0.02, 0.02))
    h.submit_to_server(0, "x")
    h.pause()
    numbers: dict[tuple[int, bool], int] = {}
    while not any(log == ["x"] for log in (logs(s)[1],)) or numbers.keys() & {
        (f.call_id, f.is_reply) for f in h.messages()
    }:
        for flight in h.messages():
            assert numbers.setdefault((flight.call_id, flight.is_reply), flight.id) == flight.id
        h.step()
    assert len(set(numbers.values())) == len(numbers)


# ---- delivered, lost, duplicated


def test_a_message_that_is_delivered_has_arrived(s: Session) -> None:
    """A held call is handled now: it waits neither for its link nor for the proxy, and no time passes."""
    h = s.harness
    do(s, "hold 0->1; submit x")
    before = h.now
    (held,) = in_flight(s, 0, 1)
    assert do(s, f"deliver {held.id}") == [f"message {held.id} delivered"]
    assert logs(s) == [["x"], ["x"], []]
    assert h.now == before
    assert held.id not in [flight.id for flight in h.messages()]


def test_a_call_at_the_proxy_and_a_reply_on_its_link_are_delivered_too(s: Session) -> None:
    h = s.harness
    do(s, "hold 1->0; submit x")
    (call,) = in_flight(s, 0, 1)
    do(s, f"deliver {call.id}")
    assert logs(s)[1] == ["x"]
    (reply,) = in_flight(s, 1, 0)
    assert h.snapshot().nodes[0].commit_index == -1
    do(s, f"deliver {reply.id}")
    assert h.snapshot().nodes[0].commit_index == 0


def test_a_message_that_is_lost_never_arrives(s: Session) -> None:
    h = s.harness
    h.resume()
    do(s, "hold 0->1; submit x")
    assert h.wait_until(lambda: h.cluster[2].cm.commit_index == 0)
    lost = [flight for flight in in_flight(s, 0, 1) if "[x]" in do(s, "messages")[0]]
    for flight in lost:
        assert do(s, f"lose {flight.id}") == [f"message {flight.id} lost"]
    told = {event.call_id for event in seen(s, facts.CallLost) if event.reason == "by hand"}  # type: ignore[attr-defined]
    assert told == {flight.call_id for flight in lost}
    h.release(0, 1)
    assert h.wait_until(lambda: h.cluster[1].cm.commit_index == 0)  # the leader tries again
    assert not told & {event.call_id for event in seen(s, facts.CallDelivered)}  # type: ignore[attr-defined]


def test_a_copy_of_a_call_is_answered_and_so_is_the_call(s: Session) -> None:
    h = s.harness
    do(s, "hold 0->1; submit x")
    (call,) = in_flight(s, 0, 1)
    for _ in range(3):
        assert do(s, f"duplicate {call.id}") == [f"a copy of message {call.id} delivered"]
    assert call.id in [flight.id for flight in in_flight(s, 0, 1)]
    do(s, f"deliver {call.id}")
    do(s, "release 0->1; resume; wait committed x on 3")
    h.sleep_ms(100)
    count = Counter(event.call_id for event in seen(s, facts.CallDelivered))  # type: ignore[attr-defined]
    assert count[call.call_id] == 4
    assert Counter(event.call_id for event in seen(s, facts.ReplyDelivered))[call.call_id] == 4  # type: ignore[attr-defined]
    assert logs(s) == [["x"]] * 3


@pytest.mark.parametrize("kind", KINDS)
def test_a_vote_that_comes_twice_counts_once(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with cluster(kind, monkeypatch, nodes=5) as s:
        h = s.harness
        do(s, "hold 0->4; hold 1->4; hold 2->4; hold 3->4; timeout 4; deliver 4->1")
        (reply,) = (flight for flight in in_flight(s, 1, 4) if flight.is_reply)
        for _ in range(5):
            do(s, f"duplicate {reply.id}")
        assert str(h.cluster[4].state) == "Candidate"
        assert h.snapshot().nodes[4].votes == (4, 1)
        do(s, f"deliver {reply.id}; deliver 4->2; deliver 2->4")
        assert h.snapshot().nodes[4].votes == (4, 1, 2)
        assert h.cluster[4].is_leader()


def test_an_acknowledgement_that_comes_twice_or_late_changes_nothing_more(s: Session) -> None:
    h = s.harness
    do(s, "hold 1->0; submit 1; deliver 0->1; submit 2; deliver 0->1")
    replies = in_flight(s, 1, 0)
    assert len(replies) == 2
    do(s, f"duplicate {replies[1].id}")
    assert h.snapshot().nodes[0].commit_index == 1
    do(s, f"deliver {replies[0].id}; deliver {replies[1].id}")
    assert dict(h.snapshot().nodes[0].match_index)[1] == 1
    assert h.snapshot().nodes[0].commit_index == 1


def test_a_number_that_is_gone_or_never_was_is_told_in_a_sentence(s: Session) -> None:
    do(s, "hold 0->1; submit x")
    (call,) = in_flight(s, 0, 1)
    do(s, f"deliver {call.id}")
    for verb in ("deliver", "lose", "duplicate"):
        with pytest.raises(UsageError) as gone:
            do(s, f"{verb} {call.id}")
        assert (
            str(gone.value)
            == f"message {call.id} is not in flight any more: it arrived or was lost; see: messages"
        )
        with pytest.raises(UsageError) as unknown:
            do(s, f"{verb} 99999")
        assert str(unknown.value) == "no message 99999 is in flight; see: messages"


def test_what_cannot_arrive_is_not_said_to_have_arrived(s: Session) -> None:
    do(s, "hold 0->1; submit x; submit y; cut 0->1")
    one, two = in_flight(s, 0, 1)
    assert do(s, f"duplicate {one.id}; deliver {one.id}") == [
        f"a copy of message {one.id} is lost (cut)",
        f"message {one.id} is lost (cut)",
    ]
    do(s, "join 0->1; disconnect 1")
    assert do(s, f"deliver {two.id}") == [f"message {two.id} is lost (disconnected)"]
    assert logs(s)[1] == []


def test_all_messages_of_a_link_are_taken_though_they_land_meanwhile(live: Session) -> None:
    """Time goes on: what is resolved as a link's messages may be gone before its turn comes."""
    h = live.harness
    h.resume()
    stop, submitted = threading.Event(), 0

    def submit() -> None:
        nonlocal submitted
        while not stop.wait(0.0005):
            h.submit_to_server(0, 1)
            submitted += 1

    thread = threading.Thread(target=submit)
    thread.start()
    try:
        answers = [do(live, "deliver all; duplicate 0->1; lose 2->0; deliver 0->2") for _ in range(100)]
    finally:
        stop.set()
        thread.join()
    for delivered, copied, lost, _ in answers:
        assert re.fullmatch(
            r"(no message delivered: nothing is in flight on .*|messages? .* delivered)", delivered
        )
        assert re.search(
            r"^a copy of messages? .* delivered$|^no copy delivered: nothing is in flight on 0->1$", copied
        )
        assert re.search(r"^messages? .* lost|^no message lost: nothing is in flight on 2->0$", lost)
    assert any(copied.startswith("a copy of ") for _, copied, _, _ in answers)
    assert h.wait_until(lambda: [len(log) for log in logs(live)] == [submitted] * 3, 60)


# ---- held and released


def test_a_hold_on_one_direction_lets_the_other_pass(s: Session) -> None:
    h = s.harness
    h.resume()
    do(s, "hold 0->1")
    assert h.cluster[1].call(0, RequestVoteArgs(0, 1, -1, -1), lambda _: None) is None
    h.sleep_ms(120)
    assert any(event.src == 1 for event in seen(s, facts.CallDelivered))  # type: ignore[attr-defined]
    replies = [flight for flight in in_flight(s, 0, 1) if flight.is_reply]
    assert len(replies) == 1  # it leaves on the held direction
    assert not in_flight(s, 1, 0)
    h.submit_to_server(0, "x")
    assert h.wait_until(lambda: h.cluster[2].cm.commit_index == 0)
    assert logs(s)[1] == []


def test_what_is_released_arrives_in_its_order(s: Session) -> None:
    h = s.harness
    do(s, "hold 0->1")
    for number in range(8):
        h.submit_to_server(0, number)
    held = [flight.call_id for flight in in_flight(s, 0, 1)]
    assert len(held) == 8
    before = len(seen(s, facts.CallDelivered))
    assert h.release(0, 1) == 8
    arrived = [event for event in seen(s, facts.CallDelivered)[before:] if event.dst == 1]  # type: ignore[attr-defined]
    assert [event.call_id for event in arrived] == held  # type: ignore[attr-defined]
    assert logs(s)[1] == list(range(8))


def test_what_is_held_outlives_speeds_pauses_and_steps(s: Session) -> None:
    h = s.harness
    h.resume()
    do(s, "hold 0->1; submit x")
    h.sleep_ms(1)
    held = [(flight.id, flight.message) for flight in in_flight(s, 0, 1)]
    assert held
    for speed in (0.01, 20, 100, 1):
        h.set_speed(speed)
        do(s, "step 20; resume")
    assert [(flight.id, flight.message) for flight in in_flight(s, 0, 1)][: len(held)] == held
    h.pause()
    do(s, "release 0->1")
    assert logs(s)[1] == ["x"]


def test_a_message_that_is_held_stays_and_the_others_of_its_link_pass(s: Session) -> None:
    h = s.harness
    do(s, "submit x")
    (call,) = in_flight(s, 0, 1)
    assert do(s, f"hold {call.id}") == [f"message {call.id} held"]
    assert "(held)" in do(s, "messages")[0]
    h.resume()
    assert h.wait_until(lambda: h.cluster[2].cm.commit_index == 0)
    h.sleep_ms(400)  # longer than any message takes
    assert logs(s)[1] == ["x"]  # from a later call
    h.pause()
    assert call.call_id in [flight.call_id for flight in in_flight(s, 0, 1)]
    assert do(s, f"hold {call.id}") == [f"message {call.id} held"]  # it is already
    assert do(s, f"release {call.id}") == [f"message {call.id} released"]
    assert call.call_id not in [flight.call_id for flight in in_flight(s, 0, 1)]
    assert len([e for e in seen(s, facts.CallDelivered) if e.call_id == call.call_id]) == 1  # type: ignore[attr-defined]
    assert [e.call_id for e in seen(s, facts.MessageHeld)] == [call.call_id]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "end", ["release 0->1", "deliver {id}", "lose {id}", "release {id}", "hold 0->1; release 0->1"]
)
def test_a_message_that_is_held_can_be_let_go_in_many_ways(s: Session, end: str) -> None:
    do(s, "submit x")
    (call,) = in_flight(s, 0, 1)
    do(s, f"hold {call.id}; {end.format(id=call.id)}")
    assert call.id not in [flight.id for flight in in_flight(s, 0, 1)]


def test_only_a_message_in_flight_is_held_and_only_a_held_one_released(s: Session) -> None:
    do(s, "submit x")
    (call,) = in_flight(s, 0, 1)
    with pytest.raises(UsageError, match=f"message {call.id} is not held; deliver {call.id} lets it arrive now"):
        do(s, f"release {call.id}")
    with pytest.raises(UsageError, match="no message 999 is in flight"):
        do(s, "hold 999")
    do(s, f"deliver {call.id}")
    with pytest.raises(UsageError, match="not in flight any more"):
        do(s, f"hold {call.id}")


def test_the_past_knows_which_messages_were_held() -> None:
    with Compared(3, backend="sim", seed=11, config=CALM) as h:
        elect(h)
        h.pause()
        h.submit_to_server(0, "x")
        first, second = (flight for flight in h.messages() if (flight.src, flight.dst) in ((0, 1), (0, 2)))
        h.hold_message(first.id)
        h.hold_message(second.id)
        h.resume()
        h.sleep_ms(5_000)  # longer than a message whose link is whole can be under way
        assert {first.id, second.id} <= {flight.id for flight in h.messages()}
        h.release_message(first.id)
        h.release(0, 2)
        h.sleep_ms(100)
        assert not {first.id, second.id} & {flight.id for flight in h.messages()}
        assert h.looks > 10


def test_a_release_says_what_a_cut_loses(s: Session) -> None:
    do(s, "hold 0->1; submit x; submit y; cut 0->1")
    assert do(s, "release 0->1") == ["0->1 released: 0 messages delivered, 2 lost"]
    assert logs(s)[1] == []


# ---- what must not be kept


def test_a_held_link_keeps_so_many_messages_and_no_more(s: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flights, "MAX_HELD", 5)
    h = s.harness
    h.resume()
    do(s, "hold 0->1")
    for number in range(9):
        h.submit_to_server(0, number)
        h.sleep_ms(1)
    held = in_flight(s, 0, 1)
    assert len(held) == 5
    lost = [event.call_id for event in seen(s, facts.CallLost) if event.reason == "too many are held"]  # type: ignore[attr-defined]
    assert len(lost) >= 4
    assert max(lost) < held[0].call_id  # the oldest go
    h.release(0, 1)
    assert h.wait_until(lambda: h.cluster[1].cm.commit_index == 8)  # the leader tries again


def test_slow_links_keep_so_many_messages_and_no_more(s: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flights, "MAX_FLIGHTS", 20)
    h = s.harness
    h.resume()
    do(s, "link all delay=1000m")
    for number in range(40):
        h.submit_to_server(0, number)
        h.sleep_ms(10)
    assert len(h.messages()) == 20
    assert any(event.reason == "too many are in flight" for event in seen(s, facts.CallLost))  # type: ignore[attr-defined]


@pytest.mark.parametrize("victim", [0, 1])
def test_a_crash_takes_along_what_could_only_be_lost(s: Session, victim: int) -> None:
    """What a crashed node sent, what had come to it, and the answers to its calls; not what is on its way to it."""
    do(s, "hold 1->0; submit x; deliver 0->1; hold 0->1; submit y; hold 0->2; submit z")
    assert {(f.src, f.dst) for f in s.harness.messages()} == {(1, 0), (0, 1), (0, 2)}
    do(s, f"crash {victim}")
    left = [(f.src, f.dst, f.is_reply) for f in s.harness.messages()]
    if victim == 0:
        assert set(left) <= {(0, 2, False)}
        assert not any(flight.on_link for flight in s.harness.messages())  # that had come to node 2
    else:
        assert set(left) == {(0, 1, False), (0, 2, False)}
        (call, *_) = in_flight(s, 0, 1)
        assert do(s, f"deliver {call.id}") == [f"message {call.id} is lost (disconnected)"]
    with s.harness.lock:
        assert listed(s) == open_messages(s)
    do(s, f"restart {victim}; release all; resume")


def test_a_disconnect_takes_along_the_answers_that_have_no_way_back(s: Session) -> None:
    do(s, "hold 1->0; hold 2->0; submit x; deliver 0->1; deliver 0->2")
    assert {(f.src, f.dst, f.is_reply) for f in s.harness.messages()} == {(1, 0, True), (2, 0, True)}
    do(s, "disconnect 1")
    assert {(f.src, f.dst, f.is_reply) for f in s.harness.messages()} == {(2, 0, True)}
    assert [e.reason for e in seen(s, facts.ReplyLost)] == ["disconnected"]  # type: ignore[attr-defined]
    do(s, "reconnect 1; release all; resume; wait committed x on 3")


def test_a_cluster_that_ends_keeps_nothing(s: Session) -> None:
    h = s.harness
    h.resume()
    do(s, "hold all; link all delay=1s; submit x; link all clear; submit y")
    h.sleep_ms(60)
    h.pause()
    assert h.messages()
    lost = len(seen(s, facts.CallLost))
    h.shutdown()
    assert h.flights.everything() == []
    assert len(seen(s, facts.CallLost)) == lost  # the end is no crash
    assert h.flights.arrivals == {}


def test_a_long_time_of_holding_leaves_nothing_behind(s: Session) -> None:
    h, dice = s.harness, Random(1)
    h.resume()
    for number in range(60):
        line = dice.choice(
            ["hold 0->1", "hold 1->0", "release all", "crash 2", "restart crashed", "disconnect 1", "reconnect 1",
             "duplicate all", "deliver 0->1", "lose 1->0", "pause; step 5; resume"]
        )  # fmt: skip
        h.submit_to_server(0, number)
        do(s, line if line != "reconnect 1" else "reconnect alive")
        h.sleep_ms(2)
    do(s, "release all; restart crashed; reconnect all; wait agree")
    do(s, "freeze 0")
    h.sleep_ms(300)
    assert h.messages() == []
    assert len(h.flights.arrivals) <= 60
    with h.lock:
        assert not h.flights._held
