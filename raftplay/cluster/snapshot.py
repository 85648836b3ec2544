"""One immutable value with all that a screen shows of a cluster at one moment."""

from dataclasses import dataclass

from raftplay.cluster.network import LinkFaults
from raftplay.raft.messages import CMState, CommitEntry, LogEntry


@dataclass(frozen=True, slots=True)
class NodeSnapshot:
    """One node: its state in the words of Figure 2, and what was done to it.

    A node that is down shows what it knew when it crashed, in state Dead; its disk may hold less. `deadline` is
    when its timer fires, in cluster time (inf = never). `calls_left`: how many calls its proxy lets pass (-1 =
    all). `crash_cause`: how its disk failed, if it is down because of that.
    """

    id: int
    state: CMState
    current_term: int
    voted_for: int
    log: tuple[LogEntry, ...]
    commit_index: int
    last_applied: int
    next_index: tuple[tuple[int, int], ...]
    match_index: tuple[tuple[int, int], ...]
    votes: tuple[int, ...]
    leader_id: int
    deadline: float
    alive: bool
    connected: bool
    frozen: bool
    calls_left: int
    incarnation: int
    listen_addr: tuple[str, int]
    commits: tuple[CommitEntry, ...]
    crash_cause: str = ""

    def __str__(self) -> str:
        parts = [f"node {self.id}: {self.state}, term {self.current_term}"]
        parts.append(f"vote {self.voted_for}" if self.voted_for >= 0 else "no vote")
        log = " ".join(f"{e.command!r}@{e.term}" for e in self.log[-8:])
        more = "… " if len(self.log) > 8 else ""
        parts.append(f"commit {self.commit_index}, log of {len(self.log)} [{more}{log}]")
        parts.extend(
            word
            for word, holds in (
                ("disconnected", self.alive and not self.connected),
                ("frozen", self.frozen),
                (f"drops calls after {self.calls_left}", self.calls_left >= 0),
            )
            if holds
        )
        return ", ".join(parts) + (f"; crashed: {self.crash_cause}" if self.crash_cause else "")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A cluster at one moment. `held_links`: directions that are held; `bugs`: what is switched on."""

    time: float
    backend: str
    seed: int
    speed: float
    paused: bool
    nodes: tuple[NodeSnapshot, ...]
    groups: tuple[tuple[int, ...], ...]
    faulty_links: tuple[tuple[tuple[int, int], LinkFaults], ...]
    held_links: tuple[tuple[int, int], ...] = ()
    bugs: tuple[str, ...] = ()

    @property
    def leader(self) -> NodeSnapshot | None:
        """The leader of the highest term among connected live nodes."""
        leaders = [n for n in self.nodes if n.alive and n.connected and n.state is CMState.LEADER]
        return max(leaders, key=lambda n: n.current_term, default=None)

    def __str__(self) -> str:
        return "\n".join((f"at {self.time:.3f} s:", *(f"  {node}" for node in self.nodes)))
