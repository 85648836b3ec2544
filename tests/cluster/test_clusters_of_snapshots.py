"""Snapshots of a whole cluster: switched while it runs, and the length of logs that they bound (§7)."""

import pytest

from raftplay import CommitEntry, Config, Harness, InvariantBroken
from raftplay.cluster.commits import FORGOTTEN, forgotten
from raftplay.commands.setup import Setup
from raftplay.raft import snapshots
from raftplay.raft.config import RaftConfig
from raftplay.run.script import parse_script
from raftplay.session.journal import option_lines
from raftplay.watch import facts
from raftplay.watch.facts import Record


@pytest.mark.parametrize("backend", ["sim", "tcp"])
def test_nodes_take_snapshots_from_the_moment_on_at_which_the_option_is_set(backend: str) -> None:
    seen: list[Record] = []
    with Harness(3, backend=backend, seed=1, readers=[seen.append]) as h:
        leader, _ = h.check_single_leader()
        for number in range(4):
            h.submit_to_server(leader, number)
        assert h.wait_until(lambda: all(len(commits) == 4 for commits in h.commits))
        h.set_option("snapshot", 5)
        assert [node.base_index for node in h.snapshot().nodes] == [-1, -1, -1]
        h.submit_to_server(leader, 4)
        assert h.wait_until(lambda: [node.base_index for node in h.snapshot().nodes] == [4, 4, 4])
        h.set_option("snapshot", 0)
        for number in range(5, 12):
            h.submit_to_server(leader, number)
        assert h.wait_until(lambda: all(len(commits) == 12 for commits in h.commits))
        assert [node.base_index for node in h.snapshot().nodes] == [4, 4, 4]
    told = [record.event for record in seen if isinstance(record.event, facts.OptionChanged)]
    assert [event.words for event in told] == ["setting: snapshot 5", "setting: snapshot off"]


def in_order(h: Harness, commands: range) -> None:
    """Submit `commands`, and wait until all nodes that can commit have committed them."""
    leader, _ = h.check_single_leader()
    h.submit_many(leader, commands)
    assert h.wait_until(lambda: all(len(h.commits[id]) >= commands.stop for id in range(3) if h.connected[id]))


def test_logs_lists_of_commits_and_snapshots_are_bounded_however_many_commands_there_were() -> None:
    config = Config(raft=RaftConfig(snapshot=100), keep_commits=10)
    sizes = []
    with Harness(3, backend="sim", seed=1, config=config) as h:
        for start in range(0, 3000, 50):
            in_order(h, range(start, start + 50))
            nodes = h.snapshot().nodes
            assert all(len(node.log) - 1 - node.base_index < 100 + 50 for node in nodes)
            assert all(sum(commit is not FORGOTTEN for commit in commits) < 10 + 150 for commits in h.commits)
            sizes += [len(server.cm.snapshot.data) for server in h.cluster if server.cm.snapshot is not None]
        assert max(sizes) < 1000
        assert [commit.command for commit in h.commits[0][-10:]] == list(range(2990, 3000))


def test_a_node_goes_on_from_a_snapshot_without_the_commits_that_are_forgotten() -> None:
    config = Config(raft=RaftConfig(snapshot=20), keep_commits=5)
    with Harness(3, backend="sim", seed=1, config=config) as h:
        h.check_single_leader()
        h.disconnect_peer(2)
        in_order(h, range(105))
        h.reconnect_peer(2)
        assert h.wait_until(lambda: len(h.commits[2]) == 105)
        crash = next(id for id in range(3) if id != h.check_single_leader()[0])
        h.crash_peer(crash)
        h.restart_peer(crash)
        in_order(h, range(105, 130))
        for commits in h.commits:
            first = forgotten(commits)
            assert set(commits[:first]) <= {FORGOTTEN}
            assert [(commit.index, commit.command) for commit in commits[first:]] == [
                (at, at) for at in range(first, 130)
            ]
            assert 0 < first <= 125


def test_a_long_absence_ends_without_holding_up_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others commit as fast while a node gets a snapshot, in many parts, and thousands of entries."""
    monkeypatch.setattr(snapshots, "CHUNK_BYTES", 200)
    with Harness(3, backend="sim", seed=1, config=Config(raft=RaftConfig(snapshot=700))) as h:
        leader, _ = h.check_single_leader()
        away = next(id for id in range(3) if id != leader)
        usual = slowest(h, leader, range(10))
        h.disconnect_peer(away)
        in_order(h, range(10, 2000))
        h.reconnect_peer(away)
        meanwhile = slowest(h, leader, range(2000, 2060))
        assert len(h.commits[away]) < 2060 - 1
        assert meanwhile <= 2 * usual
        assert h.wait_until(lambda: len(h.commits[away]) == 2060)


def slowest(h: Harness, leader: int, commands: range) -> float:
    """Return the longest time, in cluster time, that the leader needed to commit one of `commands`."""
    longest = 0.0
    for command in commands:
        began = h.now
        at = h.submit_to_server(leader, command)
        assert h.wait_until(lambda at=at: len(h.commits[leader]) > at)  # type: ignore[misc]
        longest = max(longest, h.now - began)
    return longest


class Sum:
    """A state machine that adds numbers; one that `skips` misses every fifth."""

    def __init__(self, *, skips: bool) -> None:
        self.total, self.skips = 0, skips

    def apply(self, entry: CommitEntry) -> int:
        self.total += 0 if self.skips and entry.index % 5 == 4 else entry.command
        return self.total

    def snapshot(self) -> bytes:
        return str(self.total).encode()

    def restore(self, data: bytes) -> None:
        self.total = int(data)


@pytest.mark.parametrize("skips", [False, True])
def test_a_state_that_is_not_the_replay_of_its_entries_is_found_by_the_next_snapshot(*, skips: bool) -> None:
    """No node restores anything, and the logs agree: only the hashes of the states differ."""
    made: list[Sum] = []

    def machine() -> Sum:
        made.append(Sum(skips=skips and len(made) == 1))
        return made[-1]

    config = Config(raft=RaftConfig(snapshot=4))
    with Harness(3, backend="sim", seed=1, config=config, state_machine=machine) as h:
        if not skips:
            in_order(h, range(20))
            assert [machine.total for machine in made] == [sum(range(20))] * 3
            return
        with pytest.raises(InvariantBroken, match="State Is Replay"):
            in_order(h, range(20))


def test_a_script_says_how_many_commits_are_kept_and_its_journal_says_so_again() -> None:
    setup = parse_script("story", "keep 5\nset snapshot 20\ntimeout 0", Setup(backend="sim")).setup
    config = setup.config()
    assert (config.keep_commits, config.raft.snapshot) == (5, 20)
    assert option_lines(config) == ["set snapshot 20", "keep 5"]
