"""The silences that `status` shows with checkquorum and sticky are those that the nodes count."""

import random

import pytest
from support.churn import Churn
from support.language import held

from raftplay import CMState, Config, Harness, RaftConfig
from raftplay.kv.clients import ClientOptions
from raftplay.past.history import History
from raftplay.past.index import EventIndex
from raftplay.past.leases import leases
from raftplay.session.session import Session

LED = "nodes 3\ntiming election=150..300ms delay=2ms\n"


def test_what_is_folded_from_events_is_what_the_nodes_count() -> None:
    assert sum(map(looks_of, range(8))) > 40


def looks_of(seed: int) -> int:
    """Compare under random faults; return how many silences were compared."""
    history, looks = History(1_000_000), 0
    rng = random.Random(seed)
    lease = seed % 2 == 1
    raft = RaftConfig(checkquorum=True, sticky=True, prevote=rng.random() < 0.5, lease=lease)
    clients = ClientOptions(reads="lease" if lease else "log")
    with Harness(4, backend="sim", seed=seed, config=Config(raft=raft, clients=clients), readers=[history]) as h:
        session, churn = Session(h, history), Churn(h, seed, (*Churn.LINKS, *Churn.CALM))
        for id in range(h.n if seed > 3 else 0):
            h.set_clock(id, rng.choice((0.5, 1.0, 1.5)))
        for _ in range(15):
            churn.run(0.2)
            found = {lease.node: lease for lease in leases(EventIndex(session.view()))}
            for id in range(h.n):
                cm = h.cluster[id].cm
                if not h.alive[id]:
                    assert id not in found
                    continue
                loyalty = cm.silence if lease else cm.leader_silence
                silence = cm.quorum_silence if cm.state is CMState.LEADER else loyalty
                silence += h.now - cm._now  # the time that passed since its last input
                kept = max(cm.config.kept_for, cm.config.election_min) if lease else cm.config.election_min
                if cm.state is not CMState.LEADER and silence >= kept:
                    assert id not in found
                    continue
                assert found[id].leads == (cm.state is CMState.LEADER)
                assert h.now - found[id].heard == pytest.approx(silence, abs=1e-6)
                assert found[id].until - found[id].heard == pytest.approx(
                    cm.config.election_min if found[id].leads else kept
                )
                looks += 1
    return looks


def test_status_tells_of_a_leader_and_of_loyal_followers_and_nothing_with_the_options_off() -> None:
    script = LED + "timeout 0; wait leader is 0; sleep 20ms; status"
    assert len(held(script).answers[-1].splitlines()) == 4
    lines = held("set checkquorum on\nset sticky on\n" + script).answers[-1].splitlines()
    assert lines[4].startswith("checkquorum: node 0 heard from a majority ")
    assert lines[4].endswith(" ago; it steps down after 150 ms without one (thesis §6.2)")
    assert lines[5].startswith("sticky: nodes 1 2 ignore vote requests for another ")
    assert len(held("set checkquorum on\n" + script).answers[-1].splitlines()) == 5


def test_a_leader_that_hears_nobody_is_told_with_its_silence_and_loyalty_ends() -> None:
    script = "set checkquorum on\nset sticky on\n" + LED + "timeout 0; wait leader is 0; sleep 20ms\n"
    answer = held(script + "cut 1,2->0; sleep 100ms; status").answers[-1]
    silent = next(line for line in answer.splitlines() if line.startswith("checkquorum"))
    assert int(silent.split("majority ")[1].split(" ms")[0]) > 90
    quiet = held(script + "crash 0; sleep 150ms; status").answers[-1]
    assert "checkquorum" not in quiet
    assert "sticky" not in quiet
    assert "sticky: nodes 1 2" in held(script + "crash 0; sleep 150ms; goto 20ms; status").answers[-1]


BY_LEASE = (
    "set checkquorum on\nset sticky on\nset reads lease\nnodes 3\ntiming delay=2ms\nwait leader; sleep 60ms\n"
)


def lease_of(script: str) -> str:
    """What the last `status` says of the lease by which the leader reads."""
    lines = held(BY_LEASE + script).answers[-1].splitlines()
    return next(line for line in lines if line.startswith("lease: "))


def test_status_tells_of_the_lease_by_which_a_leader_reads() -> None:
    words = lease_of("status")
    assert words.startswith("lease: node 1 answers reads by its lease for another ")
    assert words.endswith(" ms (thesis §6.4.1)")
    assert words == lease_of("mark here; sleep 1s; goto here; status")  # and of the past, as it was
    assert "has none while it hands its leadership over" in lease_of("disconnect 0; transfer to 0; status")
    assert "node 1 ended " in lease_of("cut 0,2->1; sleep 140ms; status")
    assert "node 0 has none; reads need a round" in lease_of(
        "crash 1; sleep 150ms; timeout 0; wait leader is 0; hold 0->2; status"
    )


def test_status_tells_by_whose_clock_a_lease_ends() -> None:
    lines = held(BY_LEASE + "clock leader rate=1.5; clock 2 rate=0.5; sleep 60ms; status").answers[-1].splitlines()
    quorum, lease, *sticky = lines[4:]
    assert "it steps down after 100 ms (150 ms by its own clock) without one" in quorum
    shown = [int(part.split(" ")[0]) for part in (lease.split("another ")[1], lease.split("(")[1])]
    assert shown[1] == pytest.approx(shown[0] * 1.5, abs=1.5)
    assert "by its own clock" not in sticky[0]
    assert "by its own clock" in sticky[1]
