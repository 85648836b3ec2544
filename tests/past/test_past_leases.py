"""The silences that `status` shows with checkquorum and sticky are those that the nodes count."""

import random

import pytest
from support.churn import Churn
from support.language import held

from raftplay import CMState, Config, Harness, RaftConfig
from raftplay.past.history import History
from raftplay.past.index import EventIndex
from raftplay.past.leases import leases
from raftplay.session.session import Session

LED = "nodes 3\ntiming election=150..300ms delay=2ms\n"


def test_what_is_folded_from_events_is_what_the_nodes_count() -> None:
    assert sum(map(looks_of, range(4))) > 20


def looks_of(seed: int) -> int:
    """Compare under random faults; return how many silences were compared."""
    history, looks = History(1_000_000), 0
    rng = random.Random(seed)
    config = Config(raft=RaftConfig(checkquorum=True, sticky=True, prevote=rng.random() < 0.5))
    with Harness(4, backend="sim", seed=seed, config=config, readers=[history]) as h:
        session, churn = Session(h, history), Churn(h, seed, (*Churn.LINKS, *Churn.CALM))
        for _ in range(15):
            churn.run(0.2)
            found = {lease.node: lease for lease in leases(EventIndex(session.view()))}
            for id in range(h.n):
                cm = h.cluster[id].cm
                if not h.alive[id]:
                    assert id not in found
                    continue
                silence = cm.quorum_silence if cm.state is CMState.LEADER else cm.leader_silence
                silence += h.now - cm._now  # the time that passed since its last input
                if cm.state is not CMState.LEADER and silence >= cm.config.election_min:
                    assert id not in found
                    continue
                assert found[id].leads == (cm.state is CMState.LEADER)
                assert h.now - found[id].heard == pytest.approx(silence, abs=1e-6)
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
