"""Checks snapshots: what they cover, what an install keeps, and that the state is what the commits led to (§7).

The model of a log counts compacted entries as held: a snapshot holds them.
"""

from raftplay.raft import decisions
from raftplay.raft.messages import NONE
from raftplay.watch import facts
from raftplay.watch.invariants.logs import EMPTY_LOG, fingerprint, same_term
from raftplay.watch.invariants.model import ClusterModel, NodeModel
from raftplay.watch.invariants.names import INSTALL_EXACT, NO_GOING_BACK, SNAPSHOT_TRUTH, STATE_IS_REPLAY

MAX_DIGESTS = 1024
"""The number of indices for which the hash of the user's state machine is kept."""


def snapshot_taken(cluster: ClusterModel, node: NodeModel, event: decisions.SnapshotTaken) -> None:
    """Check that a snapshot covers what its taker has applied, and no more."""
    index = event.index
    if index > min(node.applied, node.commit):
        cluster.breach(
            SNAPSHOT_TRUTH,
            f"{node} takes a snapshot up to index {index}",
            f"it has committed up to {node.commit} and applied up to {node.applied}",
        )
    held = node.log.term_at(index)
    if not same_term(held, event.term):
        cluster.breach(
            SNAPSHOT_TRUTH,
            f"{node} takes a snapshot up to entry {index}, of term {event.term}",
            f"its log has term {held} there (-1: none)",
        )
    node.snapshot = index


def snapshot_installed(cluster: ClusterModel, node: NodeModel, event: decisions.SnapshotInstalled) -> None:
    """Check what an install covers and keeps; adopt its log and its indices."""
    index, term, log = event.index, event.term, node.log
    installs = f"{node} installs a snapshot up to entry {index}, of term {term}"
    if index < max(node.applied, node.commit):
        known = f"it has committed up to {node.commit} and applied up to {node.applied}"
        cluster.breach(NO_GOING_BACK, installs, known)
    if cluster.chain.is_beyond(index):
        cluster.breach(SNAPSHOT_TRUTH, installs, "no node has applied that entry")
    held = log.term_at(index)
    if event.keeps and not same_term(held, term):
        has = "no entry" if held == NONE else f"an entry of term {held}"
        cluster.breach(INSTALL_EXACT, f"{installs}, and keeps its log", f"it has {has} at index {index}")
    elif not event.keeps and held == term and log.length > index + 1:
        rest = f"it has that entry, and {log.length - index - 1} after it"
        cluster.breach(INSTALL_EXACT, f"{installs}, and discards its log", rest)
    if not event.keeps:
        log.install(index, term)
        node.running = cluster.prefixes.known(index, term)
    elif log.length <= index:  # it kept nothing that reaches so far
        log.install(index, term)
        node.running = None
    node.snapshot = node.commit = node.applied = index
    known_hash = cluster.chain.known(index)
    node.applied_hash = EMPTY_LOG if known_hash is None else known_hash


def log_compacted(cluster: ClusterModel, node: NodeModel, event: decisions.LogCompacted) -> None:
    """Record the snapshot on the node's disk; check that no more is purged than the snapshot covers."""
    if event.index > node.snapshot:
        cluster.breach(
            SNAPSHOT_TRUTH,
            f"{node} purges its entries up to {event.index}",
            f"its snapshot covers those up to {node.snapshot}",
        )
    if not event.keeps or node.disk.length <= event.index:
        node.disk.install(event.index, event.term)


def state_restored(cluster: ClusterModel, node: NodeModel, event: facts.StateRestored) -> None:
    """Check that a restored state is that of the committed entries up to there, replayed."""
    restored, known = _replayed(cluster, event), cluster.chain.known(event.index)
    is_replay = known is None or (restored in (known, None) and len(event.commits) == event.index + 1)
    if not is_replay:
        cluster.breach(
            STATE_IS_REPLAY,
            f"{node} restores its state after entry {event.index} from a snapshot",
            "that is not the state which the committed entries up to there lead to",
        )
    if event.digest:
        state_hashed(cluster, node, event.index, event.digest)


def _replayed(cluster: ClusterModel, event: facts.StateRestored) -> int | None:
    """Return the running hash of restored commits; None if it hangs on ones that are forgotten."""
    commits, first = event.commits, 0
    while first < len(commits) and commits[first].kind == "compacted":
        first += 1
    running = cluster.chain.known(first - 1) if first else EMPTY_LOG
    for commit in commits[first:] if running is not None else ():
        running = hash((running, fingerprint(commit)))
    return running


def state_imaged(cluster: ClusterModel, node: NodeModel, event: facts.StateImaged) -> None:
    """Check that the state of which a snapshot is taken is the one that others have after that entry."""
    state_hashed(cluster, node, event.index, event.digest)


def state_hashed(cluster: ClusterModel, node: NodeModel, index: int, digest: str) -> None:
    """Check that the state machines of all nodes have the same state after entry `index`."""
    by, known = cluster.digests.setdefault(index, (node.id, digest))
    if known != digest:
        cluster.breach(
            STATE_IS_REPLAY,
            f"the state machine of {node} after entry {index} has the hash {digest}",
            f"that of n{by} has the hash {known}",
        )
    if len(cluster.digests) > MAX_DIGESTS:
        del cluster.digests[next(iter(cluster.digests))]
