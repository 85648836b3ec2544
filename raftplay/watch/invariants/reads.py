"""Checks reads without the log: each sees what was committed before it began (thesis §6.4, thesis §6.4.1).

The rule of this module: it believes no node that a round is confirmed, or that a lease holds. What a majority has
answered, it learns from the messages; what is committed, from the nodes that commit it.
"""
# ruff: noqa: ARG001 - every handler takes the cluster, the node and the event

from raftplay.raft import decisions
from raftplay.raft.messages import LEADER, NONE, ConfirmArgs, ConfirmReply
from raftplay.raft.rule_names import Rule
from raftplay.watch import facts
from raftplay.watch.invariants.model import Begun, ClusterModel, NodeModel
from raftplay.watch.invariants.names import LEASE_EXCLUSION, READ_AFTER_APPLY, READ_CONFIRMED, READ_FRESHNESS

MAX_READS = 1024
"""The number of reads of one node, and of requests of all, that are remembered while no answer is known."""


# ---- what is committed


def commit_advanced(cluster: ClusterModel, node: NodeModel, event: decisions.CommitAdvanced) -> None:
    """Record the highest index that any node has committed; check that no other leader has a lease then."""
    if event.index > cluster.committed:
        cluster.committed, cluster.committed_by = event.index, node.id
    term = node.log.term_at(event.index)
    if term <= cluster.committed_term:
        return
    cluster.committed_term = term
    for other in cluster.nodes:
        if other.lease_until > 0 and other.term < term and _holds_lease(cluster, other):
            cluster.breach(
                LEASE_EXCLUSION,
                f"{node} commits an entry of term {term}",
                f"{other} leads term {other.term}, and its lease holds until {other.lease_until:.3f} s",
            )


def _holds_lease(cluster: ClusterModel, node: NodeModel) -> bool:
    return node.role is LEADER and not node.dead and node.transfer is None and cluster.time < node.lease_until


# ---- rounds


def request_leaves(cluster: ClusterModel, node: NodeModel, event: facts.CallSent, args: ConfirmArgs) -> None:
    """Record when a leader asked a peer whether it still leads."""
    cluster.asked[event.call_id] = cluster.seq, args.term
    if len(cluster.asked) > MAX_READS:
        del cluster.asked[next(iter(cluster.asked))]


def reply_heard(cluster: ClusterModel, node: NodeModel, event: facts.ReplyDelivered, reply: ConfirmReply) -> None:
    """Record the newest question of a leader that a peer has answered with yes."""
    seq, term = cluster.asked.pop(event.call_id, (NONE, NONE))
    if reply.success and reply.term == term:
        node.confirmed[event.src] = max(node.confirmed.get(event.src, (NONE, NONE)), (term, seq))


def round_confirmed(cluster: ClusterModel, node: NodeModel, event: decisions.RoundConfirmed) -> None:
    """Record the lease of a leader."""
    node.lease_until = event.lease_until


# ---- reads


def read_started(cluster: ClusterModel, node: NodeModel, event: decisions.ReadStarted) -> None:
    """Record how much was committed when a read began."""
    known = cluster.committed, cluster.committed_by, cluster.committed_term
    node.reads[event.number] = Begun(cluster.seq, event.leader, node.term, *known)
    if len(node.reads) > MAX_READS:
        del node.reads[next(iter(node.reads))]


def read_refused(cluster: ClusterModel, node: NodeModel, event: decisions.ReadRefused) -> None:
    """Forget a read that gets no answer."""
    node.reads.pop(event.number, None)


def read_answered(cluster: ClusterModel, node: NodeModel, event: decisions.ReadAnswered) -> None:
    """Check that a read which is answered sees what was committed before it, and that the leader led then."""
    begun = node.reads.pop(event.number, None)
    if begun is None:
        return
    answer = f"{node} answers a read from its state after index {event.index}"
    if node.applied < event.index:
        cluster.breach(READ_AFTER_APPLY, answer, f"it has applied up to index {node.applied}")
    if event.rule == Rule.LEASE:
        _judge_lease(cluster, node, begun)
    else:
        _judge_round(cluster, node, begun, answer)
    if event.index < begun.committed:
        cluster.breach(
            READ_FRESHNESS,
            answer,
            f"n{begun.by} had committed up to index {begun.committed} before the read began",
        )


def _judge_round(cluster: ClusterModel, node: NodeModel, begun: Begun, answer: str) -> None:
    """Check that a majority has told the leader that it leads, in answer to what it asked after the read began."""
    confirmed = cluster.nodes[begun.leader].confirmed
    since = begun.term, begun.seq
    by = [id for id, (term, seq) in confirmed.items() if term == begun.term and (term, seq) > since]
    if len({begun.leader, *by}) < cluster.majority:
        have = " ".join(f"n{id}" for id in by) or "no other node"
        cluster.breach(
            READ_CONFIRMED, answer, f"of what n{begun.leader} asked after the read began, {have} has confirmed it"
        )


def _judge_lease(cluster: ClusterModel, node: NodeModel, begun: Begun) -> None:
    """Check that no later leader had committed anything when the read began."""
    if begun.newest_term > begun.term:
        cluster.breach(
            LEASE_EXCLUSION,
            f"{node} answers a read by the lease of n{begun.leader} in term {begun.term}",
            f"an entry of term {begun.newest_term} was committed before the read began",
        )
