"""Checks logs, the leader's match_index, commits and applied commands (§5.3, §5.4.2)."""

from raftplay.raft import decisions
from raftplay.raft.commands import same_content
from raftplay.raft.messages import LEADER, NONE, AppendEntriesArgs, CommitEntry, Entry
from raftplay.watch.invariants import leases, reads, transfers
from raftplay.watch.invariants.elections import cast_vote, judge_match, without
from raftplay.watch.invariants.logs import fingerprint, same_term
from raftplay.watch.invariants.model import MAX_APPLIED, ClusterModel, NodeModel, drop_lowest, show
from raftplay.watch.invariants.names import (
    CURRENT_TERM_COMMIT,
    FOLLOWER_COMMIT,
    LEADER_APPEND_ONLY,
    LEADER_COMPLETENESS,
    LOG_MATCHING,
    MATCH_MONOTONIC,
    MONOTONIC_COMMIT,
    MONOTONIC_TERM,
    NO_COMMITTED_TRUNCATION,
    ORDERED_APPLY,
    QUORUM_LOG,
    REPLY_OF_ITS_TERM,
    STATE_MACHINE_SAFETY,
    VOTE_KEPT,
    WELL_FORMED,
)


def entry_appended(cluster: ClusterModel, node: NodeModel, event: decisions.EntryAppended) -> None:
    """Check and record an entry that a leader appended."""
    transfers.entry_appended(cluster, node, event)
    _append(cluster, node, event.index, (event.entry,))


def entries_stored(cluster: ClusterModel, node: NodeModel, event: decisions.EntriesStored) -> None:
    """Check and record the entries that a follower stored."""
    _append(cluster, node, event.index, event.entries)


def _append(cluster: ClusterModel, node: NodeModel, index: int, entries: tuple[Entry, ...]) -> None:
    log = node.log
    kept = None
    if index > log.length:
        cluster.breach(WELL_FORMED, f"{node} has a new entry {index}", f"its log ends before index {log.length}")
        cluster.truncate(node, 0)  # its log is unknown now
        node.running = None
    elif index < log.length:
        kept = _overwrite(cluster, node, index, len(entries))
    previous = log.last_term
    for at, entry in enumerate(entries, start=index):
        if not previous <= entry.term <= node.term:
            cluster.breach(
                WELL_FORMED,
                f"{node}, in term {node.term}, has a new entry {at} of term {entry.term}",
                f"the one before it is of term {previous}, and terms neither decrease nor exceed the node's",
            )
        previous = entry.term
        if not cluster.append(node, entry):
            cluster.breach(
                LOG_MATCHING,
                f"{node} has {show(entry.command)}, of term {entry.term}, at index {at}",
                f"{cluster.holder_of(at, entry.term, node)} has that too, and differs there or before",
            )
    if kept is not None:
        _keep(cluster, node, kept)


def _overwrite(cluster: ClusterModel, node: NodeModel, index: int, count: int) -> list[int]:
    """Remove the entries from `index` on, which were not truncated first; return the terms of those that stay."""
    log = node.log
    if node.role is LEADER:
        cluster.breach(
            LEADER_APPEND_ONLY, f"{node}, the leader, overwrites its log at index {index}", _length_of(node)
        )
    kept = [log.term_at(at) for at in range(index + count, log.length)]
    cluster.truncate(node, index)
    return kept


def _keep(cluster: ClusterModel, node: NodeModel, kept: list[int]) -> None:
    """Report entries that now follow other entries than before; append their terms."""
    index = node.log.length
    for term in kept:
        node.log.append(term)
    if kept:
        node.running = None
        cluster.breach(
            LOG_MATCHING,
            f"{node} keeps its entry {index}, of term {kept[0]}, behind others than before",
            f"{cluster.holder_of(index, kept[0], node)} has that index and term too, and differs before",
        )


def log_truncated(cluster: ClusterModel, node: NodeModel, event: decisions.LogTruncated) -> None:
    """Check that deleted entries were not committed, and that they conflict with an entry of another term."""
    index = event.index
    if node.role is LEADER:
        cluster.breach(LEADER_APPEND_ONLY, f"{node}, the leader, cuts its log at index {index}", _length_of(node))
    if event.removed != node.log.length - index:
        cluster.breach(
            WELL_FORMED, f"{node} deletes {event.removed} entries from index {index} on", _length_of(node)
        )
    if index <= node.commit:
        cluster.breach(
            NO_COMMITTED_TRUNCATION,
            f"{node} cuts its log at index {index}",
            f"it has committed up to index {node.commit}",
        )
    elif node.accepted is not None:
        at = index - node.accepted.prev_log_index - 1
        entries = node.accepted.entries
        mine = node.log.term_at(index)
        if not 0 <= at < len(entries):
            cluster.breach(
                NO_COMMITTED_TRUNCATION,
                f"{node} cuts its log at index {index}",
                f"the request that it accepts does not contain entry {index}",
            )
        elif entries[at].term == mine:
            cluster.breach(
                NO_COMMITTED_TRUNCATION,
                f"{node} cuts its log at index {index}",
                f"its entry there is of term {mine}, as is the leader's",
            )
    cluster.truncate(node, index)


def _length_of(node: NodeModel) -> str:
    return f"its log has entries up to {node.log.length - 1}"


def append_decided(cluster: ClusterModel, node: NodeModel, event: decisions.AppendDecided) -> None:
    """Record the accepted request, from which the next entries of the log come."""
    if event.success:
        node.accepted = event.args
    if node.options is not None:
        leases.leader_heard(cluster, node, event.args)


def persisted(cluster: ClusterModel, node: NodeModel, event: decisions.Persisted) -> None:
    """Check and record a new state on disk."""
    if node.is_asked_first:
        leases.persisted(cluster, node, event)
    if event.current_term < node.disk_term:
        cluster.breach(
            MONOTONIC_TERM,
            f"{node} writes term {event.current_term} to its disk",
            f"its disk had term {node.disk_term}",
        )
    node.disk_term, node.disk_vote = event.current_term, event.voted_for
    node.exposed_term = max(node.exposed_term, event.current_term)
    if event.voted_for != NONE:
        if node.votes.get(event.current_term) != event.voted_for:
            cast_vote(cluster, node, event.current_term, event.voted_for)
    elif event.current_term in node.votes:
        cluster.breach(
            VOTE_KEPT,
            f"{node} writes to its disk that it has no vote in term {event.current_term}",
            f"it has voted for n{node.votes[event.current_term]} in that term",
        )
    if event.start > node.disk.length:
        cluster.breach(
            WELL_FORMED,
            f"{node} writes entries from index {event.start} on",
            f"its disk has none from index {node.disk.length} on",
        )
    node.disk.replace_from(event.start, event.entries)


def match_advanced(cluster: ClusterModel, node: NodeModel, event: decisions.MatchAdvanced) -> None:
    """Check and record a leader's new match_index of a peer."""
    known = node.match.get(event.peer, NONE)
    if event.match_index < known:
        cluster.breach(
            MATCH_MONOTONIC,
            f"{node} sets match index {event.match_index} for n{event.peer}",
            f"it has set {known} in this term",
        )
    node.match[event.peer] = event.match_index
    _judge_source(cluster, node, event.peer)
    judge_match(cluster, node, event.peer, event.match_index)


def backed_up(cluster: ClusterModel, node: NodeModel, event: decisions.BackedUp) -> None:
    """Check that the leader learned of the peer's log from a response to a request of its own term."""
    _judge_source(cluster, node, event.peer)


def _judge_source(cluster: ClusterModel, node: NodeModel, peer: int) -> None:
    """Check the request whose reply the leader is handling: requests are numbered in the order of sending."""
    call, first = node.answered, node.first_append
    if call != NONE and (call < first or first == NONE):
        began = f"with request {first}" if first != NONE else "and has sent no AppendEntries in it"
        cluster.breach(
            REPLY_OF_ITS_TERM,
            f"{node} learns of the log of n{peer} from the reply to its request {call}",
            f"it began to lead term {node.term} {'later, ' if first != NONE else ''}{began}",
        )


def commit_advanced(cluster: ClusterModel, node: NodeModel, event: decisions.CommitAdvanced) -> None:
    """Check a new commit index, and on a leader its count of replicas."""
    index = event.index
    if index < node.commit:
        cluster.breach(MONOTONIC_COMMIT, f"{node} sets its commit index to {index}", f"it was {node.commit}")
    if index >= node.log.length:
        cluster.breach(MONOTONIC_COMMIT, f"{node} sets its commit index to {index}", _length_of(node))
    node.commit = index
    reads.commit_advanced(cluster, node, event)
    if node.role is LEADER:
        _judge_commit(cluster, node, index)
    else:
        _judge_told(cluster, node, index)


def _judge_told(cluster: ClusterModel, node: NodeModel, index: int) -> None:
    """Check the new commit index of a follower against the request that told it."""
    if node.accepted is not None and told_commit(node, node.accepted) == index:
        return
    handled = node.call[1] if node.call is not None else None
    requests = [args for args in (node.accepted, handled) if isinstance(args, AppendEntriesArgs)]
    if requests and all(told_commit(node, args) != index for args in requests):
        cluster.breach(
            FOLLOWER_COMMIT,
            f"{node} commits up to index {index}",
            f"the request that it accepted lets it commit up to {told_commit(node, requests[0])}",
        )


def told_commit(node: NodeModel, args: AppendEntriesArgs) -> int:
    """Return the index up to which `args` lets its receiver commit: rule 5, no further than its log."""
    return min(args.leader_commit, args.prev_log_index + len(args.entries), node.log.length - 1)


def _judge_commit(cluster: ClusterModel, node: NodeModel, index: int) -> None:
    term = node.log.term_at(index)
    if not same_term(term, node.term):
        cluster.breach(
            CURRENT_TERM_COMMIT,
            f"{node}, the leader of term {node.term}, commits up to index {index} by counting",
            f"its entry there is of term {term}",
        )
    holders = [each.id for each in cluster.nodes if term != NONE and same_term(each.disk.term_at(index), term)]
    if len(holders) < cluster.majority:
        on = " ".join(f"n{id}" for id in holders) or "none"
        cluster.breach(
            QUORUM_LOG,
            f"{node}, the leader of term {node.term}, commits up to index {index}",
            f"of the {len(cluster.nodes)} disks, only {len(holders)} hold its entry of term {term} there ({on})",
        )
    if index > cluster.commits.get(node.term, (NONE,))[0]:
        cluster.commits[node.term] = (index, term, node.id)
        drop_lowest(cluster.commits)
    if node.term < cluster.newest_term:
        _judge_later_leaders(cluster, node, index, term)


def _judge_later_leaders(cluster: ClusterModel, node: NodeModel, index: int, term: int) -> None:
    """Check that later leaders have the entry that the leader of a lower term commits only now."""
    for later, leadership in cluster.leaders.items():
        if later > node.term:
            held = cluster.prefixes.term_at(leadership.last_index, leadership.last_term, index)
            if not same_term(held, term):
                cluster.breach(
                    LEADER_COMPLETENESS,
                    f"{node} commits its entry of term {term} at index {index} in term {node.term}",
                    f"n{leadership.node} became leader of term {later} {without(held, index)} "
                    f"(event {leadership.seq})",
                )


def applied(cluster: ClusterModel, node: NodeModel, event: decisions.Applied) -> None:
    """Check that an applied command is the next one, committed, and the same on all nodes."""
    index = event.entry.index
    if index != node.applied + 1:
        cluster.breach(
            ORDERED_APPLY, f"{node} applies index {index}", f"the last one that it applied is {node.applied}"
        )
    elif index > node.commit:
        cluster.breach(
            MONOTONIC_COMMIT, f"{node} applies index {index}", f"it has committed up to {node.commit} only"
        )
    in_order = index == node.applied + 1
    node.applied = index
    known = cluster.chain.known(index)
    if not in_order:  # continue with the hash of the others
        if known is not None:
            node.applied_hash = known
        return
    node.applied_hash = hash((node.applied_hash, fingerprint(event.entry)))
    if known is None:
        cluster.chain.note(index, node.applied_hash)
        cluster.applied[index] = (node.id, event.entry)
        if len(cluster.applied) > MAX_APPLIED:
            del cluster.applied[next(iter(cluster.applied))]
    elif known != node.applied_hash:
        node.applied_hash = known
        cluster.breach(
            STATE_MACHINE_SAFETY,
            f"{node} applies {show(event.entry.command)} at index {index}",
            _what_others_applied(cluster, event.entry),
        )


def _what_others_applied(cluster: ClusterModel, entry: CommitEntry) -> str:
    if entry.index not in cluster.applied:
        return "other nodes applied something else there or before"
    by, other = cluster.applied[entry.index]
    if same_content(entry, other):
        return f"n{by}, which applied that too, applied something else before"
    return f"n{by} applied {show(other.command)} there"
