"""A cluster whose process is killed again and again: what it said it had committed is there afterwards.

    python tests/support/kills.py --kills 100 --backend tcp

Each life of the process opens the data directory, elects, submits, and writes down what is committed; then
SIGKILL comes, at any moment. After each, every command that was reported must be in the logs of a majority, at
its index; no node may have gone back to an older term or changed its vote within one; and the logs must match.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

from raftplay import Config, Harness, LogEntry, RaftConfig
from raftplay.cluster.storage.data_dir import DataDir
from raftplay.raft.messages import NONE
from raftplay.raft.storage import PersistentState

MAX_BURST = 8


class Lost(AssertionError):
    """Something that was promised is gone."""


class Kills:
    """All lives of one cluster, and what they promised."""

    def __init__(self, directory: Path, nodes: int, backend: str, seed: int, bugs: tuple[str, ...]) -> None:
        self.directory = directory
        self.nodes = nodes
        self.backend = backend
        self.bugs = bugs
        self.seed = seed
        self.rng = random.Random(f"kills {seed}")
        self.lives = 0
        self.in_writing = 0
        self.reported: dict[int, str] = {}
        self.votes = [(0, NONE)] * nodes

    def live_and_die(self) -> None:
        """One life, and what is left of it."""
        self.lives += 1
        out, into = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(out)
            try:
                self.live(into)
            except BaseException as error:
                print(f"life {self.lives}: {error!r}", file=sys.stderr, flush=True)
            os._exit(1)
        os.close(into)
        with open(out, encoding="utf-8") as reports:
            self.kill(child, reports.readline, reports.read)
        journals = self.directory.glob("*-journal")
        self.in_writing += any(journal.stat().st_size > 0 for journal in journals)
        self.check()

    def live(self, into: int) -> None:
        """Elect, submit, report, for ever."""
        rng = random.Random(f"{self.seed} {self.lives}")
        config = Config(raft=RaftConfig(noop=True), delay_min=0, delay_max=0.001, bugs=self.bugs)
        with Harness(
            self.nodes,
            backend=self.backend,
            seed=rng.randrange(1 << 30),
            config=config,
            watch=not self.bugs,
            data_dir=self.directory,
        ) as h:
            for number in range(1_000_000):
                self.disturb(h, rng)
                snapshot = h.snapshot()
                leader = 0 if snapshot.leader is None else snapshot.leader.id
                count = len(h.commits[leader])
                h.submit_many(leader, [f"{self.lives}.{number}.{at}" for at in range(rng.randint(1, MAX_BURST))])
                h.wait_until(lambda leader=leader, count=count: len(h.commits[leader]) > count, 0.5)
                lines = [f"{e.index} {e.command}\n" for e in h.commits[leader][count:]]
                os.write(into, "".join(lines).encode())  # a pipe keeps it whatever becomes of the writer

    def disturb(self, h: Harness, rng: random.Random) -> None:
        """Now and then a node crashes, or comes back, or stands for election."""
        id = rng.randrange(self.nodes)
        match rng.randrange(20):
            case 0 if sum(h.alive) > self.nodes // 2 + 1:
                h.crash_peer(id)
            case 1 if h.alive[id]:
                h.time_out_peer(id)
            case _ if not all(h.alive):
                h.restart_peer(h.alive.index(False))

    def kill(self, child: int, readline: object, read: object) -> None:
        """Let it report for a while, and end it."""
        assert callable(readline)
        assert callable(read)
        wanted = 20 + self.rng.randrange(280) if self.lives % 3 == 0 else 0  # some lives must get somewhere
        for _ in range(wanted):
            self.note(readline())
        time.sleep(self.rng.random() * (0.03 if self.backend == "sim" else 0.4))
        os.kill(child, signal.SIGKILL)
        for line in read().splitlines(keepends=True):
            self.note(line)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            raise Lost(f"life {self.lives} ended by itself")

    def note(self, line: str) -> None:
        """Keep what was promised; a line without its end was cut off by the kill, and says nothing for sure."""
        if not line.endswith("\n"):
            return
        index, _, command = line.rstrip("\n").partition(" ")
        if index and self.reported.setdefault(int(index), command) != command:
            raise Lost(
                f"life {self.lives} commits {command} at index {index}; that was {self.reported[int(index)]}"
            )

    def check(self) -> None:
        """What the disks hold keeps every promise."""
        with DataDir(self.directory, self.nodes) as opened:
            states = [PersistentState(disk).load() for disk in opened.storages]
        for id, (term, vote, _) in enumerate(states):
            old_term, old_vote = self.votes[id]
            if term < old_term or (term == old_term and old_vote not in (NONE, vote)):
                raise Lost(f"node {id} is in term {term} with vote {vote}; it was in {old_term} with {old_vote}")
            self.votes[id] = term, vote
        logs = [log.frozen() for _, _, log in states]
        for index, command in self.reported.items():
            holders = [
                id for id, log in enumerate(logs) if index < len(log) and str(log[index].command) == command
            ]
            if len(holders) <= self.nodes // 2:
                raise Lost(
                    f"life {self.lives}: {command}, committed at {index}, is on the disks of {holders} only"
                )
        _check_matching(logs)


def _check_matching(logs: list[tuple[LogEntry, ...]]) -> None:
    """Log Matching: from the last index and term that two logs share, they are the same."""
    for id, log in enumerate(logs):
        for other in logs[:id]:
            last = next(
                (i for i in reversed(range(min(len(log), len(other)))) if log[i].term == other[i].term), -1
            )
            if log[: last + 1] != other[: last + 1]:
                raise Lost(f"the log of node {id} differs from another one before index {last}")


def main() -> None:
    """Kill as often as is asked for; say what was seen."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--kills", type=int, default=100)
    options.add_argument("--nodes", type=int, default=3)
    options.add_argument("--backend", choices=["sim", "tcp"], default="tcp")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--bug", action="append", default=[])
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        kills = Kills(Path(directory) / "data", chosen.nodes, chosen.backend, chosen.seed, tuple(chosen.bug))
        try:
            for _ in range(chosen.kills):
                kills.live_and_die()
        except Lost as lost:
            sys.exit(f"lost: {lost}")
    print(f"{kills.lives} kills, {kills.in_writing} in the middle of a write: {len(kills.reported)} commits kept")


if __name__ == "__main__":
    main()
