"""Pre-vote, check quorum and stickiness in whole clusters: what each does alone, what they do together, and switching."""

import pytest
from support.amount import several
from support.session import perform

from raftplay import Config, Harness, RaftConfig, UsageError
from raftplay.commands.setup import Setup
from raftplay.run.runner import Status, TextTranscript, opened, run_script
from raftplay.run.script import parse_script
from raftplay.session.journal import script_text
from raftplay.watch import facts
from raftplay.watch.facts import Record

TRIO = RaftConfig(prevote=True, checkquorum=True, sticky=True)
TEN = 10 * TRIO.election_max


def led(n: int, seed: int, raft: RaftConfig, leader: int = 0) -> Harness:
    """A cluster that `leader` leads."""
    h = Harness(n, backend="sim", seed=seed, config=Config(raft))
    h.time_out_peer(leader)
    h.check_until(h.cluster[leader].is_leader)
    h.submit_to_server(leader, "base")
    h.check_until(lambda: all(len(commits) == 1 for commits in h.commits))
    return h


def part(h: Harness, *links: tuple[int, int]) -> None:
    """Cut links in both directions."""
    for a, b in links:
        h.cut(a, b)
        h.cut(b, a)


def commits_soon(h: Harness, members: list[int]) -> bool:
    """Tell whether a leader commits a command on a majority within ten election timeouts."""
    needed, end = h.n // 2 + 1, h.now + TEN
    while h.now < end:
        for id in members:
            h.submit_to_server(id, "again")
        h.sleep_ms(100)
        if sum(any(c.command == "again" for c in h.commits[id]) for id in members) >= needed:
            return True
    return False


@pytest.mark.parametrize("seed", range(several(50)))
def test_with_the_three_a_leader_commits_although_two_nodes_cannot_talk(seed: int) -> None:
    """Three nodes, as in Cloudflare's outage of 2020: the link between two of them is broken, the third sees both."""
    with led(3, seed, TRIO, seed % 3) as h:
        lonely = [node for node in range(3) if node != (seed // 3) % 3]
        part(h, (lonely[0], lonely[1]))
        assert commits_soon(h, [0, 1, 2])
        h.sleep_ms(1000)
        term = max(server.cm.current_term for server in h.cluster)
        h.sleep_ms(3000)
        assert max(server.cm.current_term for server in h.cluster) == term, "the terms no longer rise"


@pytest.mark.parametrize("seed", range(several(50)))
def test_with_the_three_a_leader_that_only_one_node_hears_gives_way(seed: int) -> None:
    """Five nodes: the leader 0 is connected to 1 only; 1, 2 and 3 to each other; 4 to nobody (openraft #2080)."""
    with led(5, seed, TRIO) as h:
        part(h, (0, 2), (0, 3), (0, 4), (1, 4), (2, 4), (3, 4))
        assert commits_soon(h, [1, 2, 3])


def one_way(raft: RaftConfig, seed: int) -> Harness:
    """Nothing gets to the leader 0, while what it sends arrives."""
    h = led(3, seed, raft)
    for peer in (1, 2):
        h.cut(peer, 0)
    return h


@pytest.mark.parametrize("seed", range(5))
def test_a_leader_that_hears_nobody_is_kept_for_ever_without_check_quorum(seed: int) -> None:
    with one_way(RaftConfig(prevote=True, sticky=True), seed) as h:
        assert not h.wait_until(lambda: not h.cluster[0].is_leader(), 20.0)
        h.time_out_peer(1)
        h.sleep_ms(1000)
        assert h.cluster[0].is_leader()
        assert not commits_soon(h, [0, 1, 2])


@pytest.mark.parametrize("seed", range(several(20)))
def test_check_quorum_frees_the_others_within_two_election_timeouts(seed: int) -> None:
    with one_way(TRIO, seed) as h:
        since = h.now
        h.check_until(lambda: not h.cluster[0].is_leader())
        assert TRIO.election_min - 0.06 <= h.now - since <= 2 * TRIO.election_min
        assert commits_soon(h, [1, 2])


@pytest.mark.parametrize("seed", range(5))
def test_who_comes_back_with_a_higher_term_deposes_a_leader_unless_it_asked_first(seed: int) -> None:
    """Stickiness alone does not help: the node rejects the leader's heartbeats, and tells its higher term."""
    for raft, stays in ((RaftConfig(sticky=True), False), (RaftConfig(prevote=True, sticky=True), True)):
        with led(3, seed, raft) as h:
            h.disconnect_peer(2)
            h.sleep_ms(10 * 300)
            assert (h.cluster[2].cm.current_term == 1) is stays
            h.reconnect_peer(2)
            h.sleep_ms(1000)
            assert (max(server.cm.current_term for server in h.cluster) == 1) is stays


# ---- switching while the cluster runs


@pytest.mark.parametrize("backend", ["sim", "tcp"])
def test_an_option_changes_on_all_nodes_at_once_and_on_those_that_come_back(backend: str) -> None:
    seen: list[Record] = []
    with Harness(3, backend=backend, seed=1, readers=[seen.append]) as h:
        h.crash_peer(2)
        h.set_option("prevote", True)
        h.set_option("unreliable", False)
        assert h.config.raft.prevote
        h.restart_peer(2)
        assert all(server.cm.config.prevote for server in h.cluster)
        h.set_option("prevote", False)
        assert not any(server.cm.config.prevote for server in h.cluster)
    changed = [(r.node, r.event.name, r.event.on) for r in seen if isinstance(r.event, facts.OptionChanged)]
    assert changed == [(-1, "prevote", True), (-1, "unreliable", False), (-1, "prevote", False)]


def test_what_cannot_be_switched_is_told() -> None:
    with Harness(1, backend="sim", seed=1) as h:
        with pytest.raises(UsageError, match="there is no option 'nodes'; the options are prevote, checkquorum, "):
            h.set_option("nodes", True)
        with pytest.raises(UsageError, match="prevote must be True or False, not 'on'"):
            h.set_option("prevote", "on")  # type: ignore[arg-type]
        with pytest.raises(
            UsageError, match=r"snapshot must be a number of entries, from 0 \(off\) to .*, not True"
        ):
            h.set_option("snapshot", True)
        assert not h.config.raft.prevote


@pytest.mark.parametrize("first", ["", "wait leader; "])
def test_a_saved_session_switches_again_at_the_same_moment(first: str) -> None:
    events: tuple[list[Record], list[Record]] = ([], [])
    with opened(Setup(seed=4, backend="sim", nodes=3), others=[events[0].append]) as session:
        perform(session, f"{first}set sticky on; sleep 300ms; set checkquorum on; sleep 100ms")
        text = script_text(session.branch)
    script = parse_script("saved", text, Setup())
    assert run_script(script, TextTranscript(print), readers=[events[1].append]) is Status.HELD, text
    assert sum(isinstance(record.event, facts.OptionChanged) for record in events[1]) == 2
    assert [record for record in events[1] if record.time < 0.4] == [r for r in events[0] if r.time < 0.4]
