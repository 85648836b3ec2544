"""Time under control: speed, pause and stalls depose no leader, and steps go through all that happens, in words."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from random import Random

import pytest
from support.backends import KINDS, SOCKET_KINDS, elect, eventually, nothing_left_over, take_loop

from raftplay import Harness, UsageError
from raftplay.backends import tcp
from raftplay.backends.base import PAUSED
from raftplay.cluster.alarm import TimerFired
from raftplay.cluster.config import Config
from raftplay.cluster.flight import Flight
from raftplay.commands.timing import about_text
from raftplay.explore.search.trial import bound
from raftplay.language.table import TABLE
from raftplay.raft.config import RaftConfig
from raftplay.session.errors import Failed
from raftplay.session.session import Session
from raftplay.watch.facts import CallSent, Record

CALM = Config(raft=RaftConfig(election_min=20, election_max=40))
"""No election comes of itself."""


@contextlib.contextmanager
def cluster(
    kind: str, patch: pytest.MonkeyPatch, config: Config | None = None, nodes: int = 5
) -> Iterator[Harness]:
    """Nodes led by node 0."""
    take_loop(kind, patch)
    backend = "sim" if kind == "sim" else "tcp"
    with nothing_left_over(), Harness(nodes, backend=backend, seed=11, config=config) as harness:
        elect(harness)
        yield harness


@pytest.fixture(params=KINDS)
def h(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Harness]:
    with cluster(request.param, monkeypatch) as harness:
        yield harness


@pytest.fixture(params=KINDS)
def calm(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Harness]:
    """As `h`, but no election comes of itself."""
    with cluster(request.param, monkeypatch, CALM) as harness:
        yield harness


@pytest.fixture(params=SOCKET_KINDS)
def live(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Harness]:
    """Over sockets only: what concerns the clock of the wall."""
    with cluster(request.param, monkeypatch) as harness:
        yield harness


@contextlib.contextmanager
def nobody_deposed(h: Harness) -> Iterator[None]:
    """The same node leads the same term afterwards, all follow it, and the cluster commits."""
    before = [(s.cm.current_term, s.cm.leader_id) for s in h.cluster]
    assert len(set(before)) == 1
    yield
    leader = before[0][1]
    assert h.submit_to_server(leader, "after") >= 0
    assert h.wait_until(lambda: all(log and log[-1].command == "after" for log in h.commits))
    assert [(s.cm.current_term, s.cm.leader_id) for s in h.cluster] == before


def step_words(h: Harness, count: int) -> list[str]:
    return [about_text(h.step()) for _ in range(count)]


# ---- the clock under all of it


def test_a_hundred_changes_of_speed_cause_no_election(h: Harness) -> None:
    dice = Random(7)
    with nobody_deposed(h):
        last = h.now
        for _ in range(100):
            h.set_speed(10 ** dice.uniform(-2, 1.3))
            if h.backend == "tcp":
                time.sleep(dice.uniform(0, 0.02))
            assert h.now >= last
            last = h.now
        h.set_speed(1)


@pytest.mark.parametrize("speed", [0.001, 100])
def test_the_slowest_and_the_highest_speed_depose_no_leader(live: Harness, speed: float) -> None:
    with nobody_deposed(live):
        live.set_speed(speed)
        time.sleep(0.3)
        live.set_speed(10)


def test_a_speed_beyond_the_machine_slows_the_clock_down(live: Harness) -> None:
    """Whoever reads the events takes a millisecond of the wall for each: at speed 100 that is a tenth of a second."""
    live._backend.run(lambda: live.stream.attach(lambda _: time.sleep(0.001)))
    with nobody_deposed(live):
        live.set_speed(100)
        begin, wall = live.now, time.monotonic()
        time.sleep(0.5)
        with live.lock:
            passed, took = live.now - begin, time.monotonic() - wall
        assert passed > 0
        assert passed < 50 * took  # what it asks for is twice as much
        live.set_speed(1)


def time_to_commit(h: Harness, command: float) -> float:
    """Cluster time from the submission at node 0 to the commit there, however late the one who waits is woken."""
    moments: list[float] = []
    with h.lock:
        start, index = h.now, h.submit_to_server(0, command)
    assert h.wait_until(lambda: len(h.commits[0]) > index and not moments.append(h.now), 60)
    return moments[0] - start


def test_timers_and_delays_go_by_the_same_clock(calm: Harness) -> None:
    for id in range(1, 5):
        calm.set_link(0, id, delay=(0.4, 0.4))
    for speed in (20.0, 3.0):
        calm.set_speed(speed)
        assert 0.4 <= time_to_commit(calm, speed) < 0.8


def test_a_pause_is_no_time_at_all(live: Harness) -> None:
    with nobody_deposed(live):
        live.pause()
        before = live.now
        deadlines = [node.deadline for node in live.snapshot().nodes]
        time.sleep(0.5)
        assert live.now == before
        assert [node.deadline for node in live.snapshot().nodes] == deadlines
        live.resume()


def test_many_short_pauses_depose_no_leader(live: Harness) -> None:
    with nobody_deposed(live):
        for _ in range(50):
            live.pause()
            time.sleep(0.005)
            live.resume()
            time.sleep(0.002)


def test_whoever_looks_for_a_second_deposes_no_leader(live: Harness) -> None:
    with nobody_deposed(live):
        for stall in (0.5, 0.1, 0.1):
            before = live.now
            with live.lock:
                time.sleep(stall)
                assert live.now - before < 0.2  # up to the next timer, and no further
            time.sleep(0.01)


def test_a_loop_that_stalls_deposes_no_leader(live: Harness) -> None:
    with nobody_deposed(live):
        for _ in range(3):
            live._backend.call_soon(lambda: time.sleep(0.2))
            time.sleep(0.21)


def test_a_leader_that_takes_its_time_over_a_heartbeat_is_not_deposed(live: Harness) -> None:
    """Its own next timer is not set yet while it sends: the clock must not run on to those of the others."""
    stalls = [0.4] * 2

    def stall(record: Record) -> None:
        if isinstance(record.event, CallSent) and stalls:
            time.sleep(stalls.pop())

    with nobody_deposed(live):
        live._backend.run(lambda: live.stream.attach(stall))
        assert live.wait_until(lambda: not stalls)
        live.sleep_ms(300)


def test_a_process_that_is_stopped_for_a_while_deposes_no_leader() -> None:
    script = """
        from raftplay import Harness
        with Harness(5) as h:
            h.check_single_leader()
            h.sleep_ms(100)
            before = h.check_single_leader()
            print("ready", flush=True)
            input()
            h.sleep_ms(500)
            print(h.check_single_leader() == before, flush=True)
        """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        for _ in range(2):
            os.kill(process.pid, signal.SIGSTOP)
            time.sleep(0.4)
            os.kill(process.pid, signal.SIGCONT)
            time.sleep(0.02)
        process.stdin.write("\n")
        process.stdin.close()
        assert process.stdout.read() == "True\n"


def test_nodes_that_come_back_at_full_speed_find_their_leader(live: Harness) -> None:
    with nobody_deposed(live):
        live.set_speed(100)
        for id in (1, 2, 3, 4):
            live.crash_peer(id)
            live.restart_peer(id)
            assert live.wait_until(lambda id=id: live.cluster[id].cm.leader_id == 0)  # type: ignore[misc]
        live.set_speed(1)


def test_timers_wait_for_a_connection_that_is_being_opened_but_not_for_ever(
    live: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a node that comes back at a high speed would miss its leader while they still shake hands."""
    monkeypatch.setattr(tcp, "OPENING_LIMIT", 0.4)
    live.set_speed(100)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        live.cluster[1].connect_to_peer(2, silent.getsockname())
        with live.lock:
            before, begin = live.now, time.monotonic()
        time.sleep(0.1)  # ten seconds of cluster time
        with live.lock:
            passed, took = live.now - before, time.monotonic() - begin
        assert passed < 0.3 or took > 0.4  # where the machine was busy for that long, it need not wait any more
        assert eventually(lambda: live.now - before > 1)
        live.set_speed(1)
        live.cluster[1].connect_to_peer(2, live.cluster[2].listen_addr)


# ---- steps


def test_steps_lead_through_an_election_to_a_leader_all_follow(h: Harness) -> None:
    h.pause()
    start, term = h.now, h.cluster[0].cm.current_term
    h.time_out_peer(3)
    words = []
    while not all(server.cm.leader_id == 3 for server in h.cluster):
        words += step_words(h, 1)
        assert len(words) < 200
    assert f"vote request for term {term + 1}" in "\n".join(words)
    assert f"heartbeat of term {term + 1}" in "\n".join(words)
    assert h.now - start < 0.1
    assert h.paused


def test_steps_lead_a_submitted_command_to_its_commit_everywhere(h: Harness) -> None:
    h.pause()
    index = h.submit_to_server(0, "x")
    words = []
    while not all(server.cm.commit_index == index for server in h.cluster):
        words += step_words(h, 1)
        assert len(words) < 200
    assert len([line for line in words if f"entry {index} [x]" in line]) == 4
    for line in words:
        assert re.fullmatch(
            r"message \d+ arrives: (request n0 → n\d: |response n\d → n0: ).*|the (election|heartbeat) timer of n\d fires",
            line,
        )
    if h.backend == "tcp":  # in virtual time a reply takes no time, and is part of the step that it answers
        assert len([line for line in words if re.search(r"response n\d → n0: success in term", line)]) >= 2
    assert "the heartbeat timer of n0 fires" in words + step_words(h, 50)


def test_a_step_goes_to_the_earliest_of_all_that_is_to_come(h: Harness) -> None:
    """Nothing is skipped: neither a timer nor a delivery, wherever it was on its way."""
    dice = Random(5)
    h.set_link(0, 2, delay=(0.02, 0.06))
    for _ in range(4):
        h.resume()
        h.sleep_ms(dice.uniform(1, 60))
        h.submit_to_server(0, dice.random())
        h.pause()
        for _ in range(40):
            moment = h.snapshot()
            times = [flight.due for flight in h.messages()] + [node.deadline for node in moment.nodes]
            about = h.step()
            assert about is not None
            assert h.now == pytest.approx(max(moment.time, min(t for t in times if t is not None)), abs=1e-9)
            if isinstance(about, Flight):
                assert about.due is not None
                assert about.due <= h.now


def test_a_step_ends_when_all_that_it_brought_about_is_in_flight(live: Harness) -> None:
    live.pause()
    live.submit_to_server(0, "x")
    for _ in range(60):
        assert live._backend.run(lambda: all(e.quiet for e in live._backend._endpoints))  # type: ignore[attr-defined]
        live.step()


def test_steps_pass_by_what_is_held(calm: Harness) -> None:
    h = calm
    h.hold(0, 1)
    h.pause()
    index = h.submit_to_server(0, "x")
    held = [flight.id for flight in h.messages() if flight.due is None]
    assert held
    for _ in range(100):
        about = h.step()
        assert not (isinstance(about, Flight) and about.id in held)
    assert [flight.id for flight in h.messages() if flight.due is None][: len(held)] == held
    assert [server.cm.commit_index for server in h.cluster] == [index, -1, index, index, index]


def test_a_message_on_a_slow_link_keeps_its_number_through_its_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in KINDS:
        with cluster(kind, monkeypatch, CALM) as h:
            h.sleep_ms(20)
            h.pause()
            h.set_link(0, 1, delay=(0.01, 0.01))
            h.submit_to_server(0, "x")
            (id,) = (f.id for f in h.messages() if f.dst == 1 and f.on_link)
            words = [line for line in step_words(h, 80) if f"message {id} " in line]
            assert words == [
                f"message {id} passes its link: request n0 → n1: entry 0 [x] of term 1 (commit -)",
                f"message {id} arrives: request n0 → n1: entry 0 [x] of term 1 (commit -)",
            ]


def test_a_step_says_when_nothing_remains(h: Harness) -> None:
    h.pause()
    for id in range(5):
        h.crash_peer(id)
    assert h.step() is None
    assert about_text(h.step()) == "nothing is under way and no timer runs"
    assert bound("step 1000", 5).run(Session(h)) == "nothing is under way and no timer runs"
    h.restart_peer(2)
    assert h.step() == TimerFired(2, False)


def test_frozen_nodes_have_no_timer_that_a_step_could_fire(h: Harness) -> None:
    h.pause()
    for id in range(5):
        h.freeze_peer(id)
    last = bound("step 1000", 5).run(Session(h)).split("\n")
    assert last[-1] == "nothing is under way and no timer runs"
    assert not any("timer of" in line for line in last[:-1])
    h.thaw_peer(0)
    assert "the heartbeat timer of n0 fires" in bound("step 5", 5).run(Session(h))


def test_the_same_seed_gives_the_same_steps_in_the_same_words() -> None:
    def told(seed: int) -> list[str]:
        with Harness(5, backend="sim", seed=seed) as h:
            words = step_words(h, 150)
            for id in range(5):
                h.submit_to_server(id, "x")  # one of them leads
            return words + step_words(h, 150)

    assert told(3) == told(3)
    assert told(3) != told(4)
    assert "[x]" in "\n".join(told(3))


def test_going_on_by_steps_gives_what_goes_on_by_itself() -> None:
    """In virtual time a pause and any number of steps change nothing but who turns the wheel."""
    with Harness(5, backend="sim", seed=9) as stepped, Harness(5, backend="sim", seed=9) as running:
        for h in (stepped, running):
            elect(h)
            h.submit_to_server(0, "x")
        for _ in range(500):
            stepped.step()
        running.sleep_ms((stepped.now - running.now) * 1000)
        assert [node.log for node in stepped.snapshot().nodes] == [node.log for node in running.snapshot().nodes]
        assert [node.deadline for node in stepped.snapshot().nodes] == [
            node.deadline for node in running.snapshot().nodes
        ]


# ---- commands while time stands still

WORKS_PAUSED = """
submit 1 to 0; submit 2; crash 1; restart 1; crash 1; restart crashed; tear 4 after 0; disconnect 2; reconnect 2
partition 0,1 | 2,3,4; heal; cut 1->3; join 1->3; link all loss=5% delay=1..2ms dup=5%; link all clear
drop 2 after 3; undrop 2; freeze 3; thaw 3; timeout 2; let t = term; hold 0->1; release 0->1; deliver all
lose 0->1; duplicate 0<->2; wipe 4; pause; step; step 20; speed 0.5; speed 20; now; status; log; events; help
messages; expect not committed 99; wait not committed 99; speed 1; resume
"""
WAITS = ("sleep", "wait", "never")


@pytest.mark.parametrize("kind", KINDS)
def test_every_command_works_while_time_stands_still(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    commands = [command.strip() for command in WORKS_PAUSED.replace("\n", ";").split(";") if command.strip()]
    groups = ("Acting on the cluster", "Time", "Looking", "Checking")  # the others are no matter of time
    tried = {command.split()[0] for command in commands}
    others = [
        row.example
        for row in TABLE.values()
        if row.group in groups and row.name not in {*tried, *WAITS, "repeat", "end"}
    ]
    with cluster(kind, monkeypatch) as h:
        session = Session(h)
        h.pause()
        for command in commands:
            before = h.now
            bound(command, 5).run(session)
            assert h.now == before or command.startswith(("step", "resume"))
        assert not h.paused
        h.pause()
        bound("restart 4 empty", 5).run(
            session
        )  # it has lost its disk above; nothing that happens is checked here
        for example in others:
            with contextlib.suppress(Failed):
                bound(example, 5).run(session)


@pytest.mark.parametrize(
    "command", ["sleep 1ms", "wait term > 99", "wait no leader within 1s", "never no leader for 1s"]
)
def test_waiting_while_time_stands_still_is_refused_in_a_sentence(h: Harness, command: str) -> None:
    h.pause()
    before = h.now
    with pytest.raises(UsageError, match=f"^{PAUSED}$"):
        bound(command, 5).run(Session(h))
    assert h.now == before
    h.resume()
    with contextlib.suppress(Failed):
        bound(command.replace("99", "0").replace("no leader", "leader"), 5).run(Session(h))


def test_a_pause_ends_the_waiting_of_others_never(live: Harness) -> None:
    """Someone waits in another thread, and time stands still for a while: the wait goes on with it."""
    done: list[bool] = []
    thread = threading.Thread(target=lambda: done.append(live.wait_until(lambda: False, 0.1)))
    live.set_speed(0.5)
    thread.start()
    assert eventually(lambda: len(live._backend._waiters) == 1)  # type: ignore[attr-defined]
    live.pause()
    time.sleep(0.4)
    assert done == []
    live.resume()
    thread.join(10)
    assert done == [False]
