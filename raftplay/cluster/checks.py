"""Assertions about a cluster. Each check looks only at connected servers, as a client would.

*Connected* means alive and not cut off by `disconnect_peer`; a partition leaves its nodes connected.
"""

import linecache
import os.path
from collections.abc import Callable
from itertools import pairwise
from operator import methodcaller
from typing import TYPE_CHECKING

from raftplay.cluster.snapshot import Snapshot
from raftplay.raft.commands import holds_command, same_content
from raftplay.raft.messages import LEADER, CommitEntry
from raftplay.version import __version__
from raftplay.watch.invariants import Breach
from raftplay.watch.text import visible
from raftplay.watch.words import nodes_text

if TYPE_CHECKING:
    from raftplay.cluster.harness import Harness
    from raftplay.cluster.server import Server

LOOKS = 8
"""The number of looks of `Harness.check_single_leader`."""

LOOK_EVERY = 0.150
"""Seconds of cluster time between two looks."""


class CheckFailed(AssertionError):
    """Raised when a check does not hold.

    The text says what was expected, what was seen, the backend, the seed, the version, and every server's state.
    """


class InvariantBroken(CheckFailed):
    """Raised when an invariant is violated: `breach` says which, when, and by which two facts."""

    def __init__(self, breach: Breach, snapshot: Snapshot, bugs: tuple[str, ...]) -> None:
        self.breach = breach
        self.snapshot = snapshot
        self.bugs = bugs
        run = run_text(snapshot.backend, snapshot.seed)
        again = again_text(len(snapshot.nodes), snapshot.backend, snapshot.seed, snapshot.node)
        super().__init__(f"{breach}{_code_text(bugs, snapshot.node)}; {run}\n{snapshot}\n{again}")

    def __reduce__(self) -> tuple[type["InvariantBroken"], tuple[Breach, Snapshot, tuple[str, ...]]]:
        return type(self), (self.breach, self.snapshot, self.bugs)


__tracebackhide__ = methodcaller("errisinstance", CheckFailed)
"""Tells pytest to end the traceback of a failed check at the test's own line; other modules use it, too."""


def fail(harness: "Harness", text: str) -> CheckFailed:
    """Return the failure to raise: `text`, what is needed to repeat the run, and every server's state."""
    config, seed = harness.config, harness.seed
    run, node = run_text(harness.backend, seed), config.node_name
    again = again_text(harness.n, harness.backend, seed, node)
    return CheckFailed(f"{text}{_code_text(config.bugs, node)}; {run}\n{harness.snapshot()}\n{again}")


def _code_text(bugs: tuple[str, ...], node: str) -> str:
    words = [f"node: {node}"] * bool(node) + [f"bugs on: {', '.join(bugs)}"] * bool(bugs)
    return f" ({'; '.join(words)})" if words else ""


def run_text(backend: str, seed: int) -> str:
    """Return what a run depends on besides its script: "sim, seed 7, raftplay 0.1.0"."""
    return f"{backend}, seed {seed}, raftplay {__version__}"


def again_text(nodes: int, backend: str, seed: int, node: str = "") -> str:
    """Return the line that begins the same cluster in Python, its other arguments being the same.

    `node` is the class of the nodes as `Config.node_name` gives it: "Mine", "my.py:Mine", or the file alone.
    """
    name = node.rpartition(":")[2]
    if name.endswith(".py") or not all(part.isidentifier() for part in name.split(".")):
        name = f"<the class in {node}>"
    own = f", node={name}" if node else ""
    return f'again: Harness({nodes}, backend="{backend}", seed={seed}{own})'


def node_text(server: "Server") -> str:
    """Return a node's state in short: "n0 Leader t2 log 3 commit 1"."""
    cm = server.cm
    return f"n{cm.id} {cm.state} t{cm.current_term} log {len(cm.log)} commit {cm.commit_index}"


def source_text(function: Callable[..., object]) -> str:
    """Return a function's place and its first line: "test_x.py:12: h.check_until(lambda: …)"."""
    code = getattr(function, "__code__", None)
    if code is None:
        return visible(repr(function))
    line = linecache.getline(code.co_filename, code.co_firstlineno).strip()
    place = f"{os.path.basename(code.co_filename)}:{code.co_firstlineno}"
    return visible(f"{place}: {line}" if line else f"{function.__qualname__} ({place})")


def connected(harness: "Harness") -> list[int]:
    """Return the nodes that are alive and not disconnected."""
    linked = harness.connected
    return [server.id for server in harness.cluster if not server.stopped and linked[server.id]]


def leaders(harness: "Harness") -> list[int]:
    """Return the connected nodes that believe that they lead, the one of the highest term first."""
    linked, servers = harness.connected, harness.cluster
    found = [each.id for each in servers if each.cm.state is LEADER and not each.stopped and linked[each.id]]
    return sorted(found, key=lambda id: -servers[id].cm.current_term) if len(found) > 1 else found


def find_command(commits: list[CommitEntry], command: object) -> int | None:
    """Return the first position of `command` in `commits`, or None."""
    for at, entry in enumerate(commits):
        if entry.command == command and holds_command(entry, command):  # the first part alone is quick
            return at
    return None


def holders(harness: "Harness", command: object) -> list[tuple[int, int]]:
    """Return (node, index) for every connected node that has committed `command`."""
    found, commits = [], harness.commits
    for id in connected(harness):
        at = find_command(commits[id], command)
        if at is not None:
            found.append((id, commits[id][at].index))
    return found


def disagreement(harness: "Harness", found: list[tuple[int, int]]) -> str | None:
    """Say how the nodes in `found` contradict each other up to their indices; None when they do not."""
    for (one, index), (other, other_index) in pairwise(found):
        if index != other_index:
            return f"node {one} committed it at index {index}, node {other} at index {other_index}"
        pairs = zip(harness.commits[one], harness.commits[other], strict=False)
        for at, (mine, theirs) in enumerate(pairs):
            if at > index:
                break
            if not same_content(mine, theirs):
                return f"at index {at} node {one} committed {mine.command!r}, node {other} {theirs.command!r}"
    return None


def agree(harness: "Harness") -> bool:
    """Tell whether all connected nodes have committed the same sequence, of the same length."""
    logs = [harness.commits[id] for id in connected(harness)]
    return all(
        len(log) == len(logs[0]) and all(same_content(a, b) for a, b in zip(log, logs[0], strict=True))
        for log in logs[1:]
    )


def committed(harness: "Harness", command: object) -> tuple[int, int]:
    """Return (how many, index): every connected node has committed `command` there. Raises `CheckFailed`."""
    found = holders(harness, command)
    absent = sorted(set(connected(harness)) - {id for id, _ in found})
    if not found or absent:
        where = f"not by {nodes_text(absent, ', ')}" if found else "by no connected node"
        raise fail(harness, f"{command!r} should be committed by every connected node; it is committed {where}")
    _raise_disagreement(harness, command, found)
    return len(found), found[0][1]


def committed_on(harness: "Harness", command: object, n: int) -> None:
    """Raise `CheckFailed` unless exactly `n` connected nodes have committed `command`, at one index."""
    found = holders(harness, command)
    if len(found) != n:
        by = nodes_text([id for id, _ in found], ", ") if found else "none"
        raise fail(
            harness, f"{command!r} should be committed by {n} connected nodes; it is by {len(found)} ({by})"
        )
    _raise_disagreement(harness, command, found)


def not_committed(harness: "Harness", command: object) -> None:
    """Raise `CheckFailed` if a connected node has committed `command`."""
    found = holders(harness, command)
    if found:
        by = nodes_text([id for id, _ in found], ", ")
        raise fail(harness, f"{command!r} should be committed by no connected node; it is by {by}")


def no_leader(harness: "Harness") -> None:
    """Raise `CheckFailed` if a connected node believes that it leads."""
    found = leaders(harness)
    if found:
        raise fail(harness, f"no connected node should lead; {nodes_text(found, ', ')} does")


def _raise_disagreement(harness: "Harness", command: object, found: list[tuple[int, int]]) -> None:
    text = disagreement(harness, found)
    if text is not None:
        raise fail(harness, f"the nodes that committed {command!r} contradict each other: {text}")
