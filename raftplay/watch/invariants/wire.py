"""Checks messages: a node sends only what is on its disk, and no more than it has (Figure 2, §5.1)."""
# ruff: noqa: ARG001 - every handler takes the cluster, the node and the event

from raftplay.raft.messages import (
    NONE,
    AppendEntriesArgs,
    AppendEntriesReply,
    Args,
    RequestVoteArgs,
    RequestVoteReply,
)
from raftplay.watch import facts
from raftplay.watch.invariants.elections import cast_vote
from raftplay.watch.invariants.logs import same_term
from raftplay.watch.invariants.model import ClusterModel, NodeModel
from raftplay.watch.invariants.names import PERSIST_BEFORE_SEND, WELL_FORMED


def call_sent(cluster: ClusterModel, node: NodeModel, event: facts.CallSent) -> None:
    """Check a request that the node sends; skip one that the user made in its name."""
    if event.by_user:
        return
    args = event.args
    if isinstance(args, RequestVoteArgs):
        _term_left(cluster, node, args.term - 1 if args.pre_vote else args.term)
    else:
        _term_left(cluster, node, args.term)
        _entries_left(cluster, node, args)


def _term_left(cluster: ClusterModel, node: NodeModel, term: int) -> None:
    if term > node.disk_term:
        cluster.breach(
            PERSIST_BEFORE_SEND,
            f"a message of term {term} leaves {node}",
            f"its disk has term {node.disk_term}",
        )
    node.exposed_term = max(node.exposed_term, term)


def _entries_left(cluster: ClusterModel, node: NodeModel, args: AppendEntriesArgs) -> None:
    previous, entries = args.prev_log_index, args.entries
    if args.leader_commit > node.commit:
        cluster.breach(
            WELL_FORMED,
            f"{node} claims that it has committed up to {args.leader_commit}",
            f"it has committed up to {node.commit}",
        )
    if not same_term(node.log.term_at(previous), args.prev_log_term):
        cluster.breach(
            WELL_FORMED,
            f"{node} claims that its entry {previous} is of term {args.prev_log_term}",
            f"its log has term {node.log.term_at(previous)} there (-1: none)",
        )
    if entries:
        last, term = previous + len(entries), entries[-1].term
        if entries[0].term < args.prev_log_term or term > args.term:
            cluster.breach(
                WELL_FORMED,
                f"{node} sends entries of terms {entries[0].term} to {term}",
                f"the one before is of term {args.prev_log_term}, and the request of term {args.term}",
            )
        _on_disk(cluster, node, last, term, f"{node} sends its entries up to {last}")


def call_delivered(cluster: ClusterModel, node: NodeModel, event: facts.CallDelivered) -> None:
    """Record the request that the node's next reply belongs to."""
    node.call = (event.call_id, event.args)


def reply_sent(cluster: ClusterModel, node: NodeModel, event: facts.ReplySent) -> None:
    """Check a reply that the node sends."""
    reply = event.reply
    _term_left(cluster, node, reply.term)
    if node.call is None or node.call[0] != event.call_id:
        return
    args: Args = node.call[1]
    if isinstance(reply, RequestVoteReply) and isinstance(args, RequestVoteArgs):
        if reply.vote_granted and not args.pre_vote:
            _vote_left(cluster, node, args)
    elif isinstance(reply, AppendEntriesReply) and isinstance(args, AppendEntriesArgs) and reply.success:
        _entries_acknowledged(cluster, node, args)


def _entries_acknowledged(cluster: ClusterModel, node: NodeModel, args: AppendEntriesArgs) -> None:
    """Check that acknowledged entries are on disk; Match Truth covers the entries before them."""
    if args.entries:
        last = args.prev_log_index + len(args.entries)
        _on_disk(cluster, node, last, args.entries[-1].term, f"{node} acknowledges its entries up to {last}")


def _vote_left(cluster: ClusterModel, node: NodeModel, args: RequestVoteArgs) -> None:
    term, candidate_id = args.term, args.candidate_id
    cast_vote(cluster, node, term, candidate_id)
    if (node.disk_term, node.disk_vote) == (term, candidate_id):
        if 0 <= candidate_id < len(cluster.nodes):
            candidate = cluster.nodes[candidate_id]
            if candidate.candidacy == term:
                candidate.grants.add(node.id)
    else:
        has = "no vote" if node.disk_vote == NONE else f"a vote for n{node.disk_vote}"
        cluster.breach(
            PERSIST_BEFORE_SEND,
            f"{node} grants n{candidate_id} its vote for term {term}",
            f"its disk has {has} and term {node.disk_term}",
        )


def _on_disk(cluster: ClusterModel, node: NodeModel, index: int, term: int, fact: str) -> None:
    held = node.disk.term_at(index)
    if not same_term(held, term):
        has = "nothing" if held == NONE else f"an entry of term {held}"
        cluster.breach(PERSIST_BEFORE_SEND, f"{fact}, of term {term}", f"its disk has {has} at index {index}")
