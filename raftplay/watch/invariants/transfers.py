"""Checks leadership transfer: what a leader and its target do until the place is handed over (thesis §3.10)."""

from raftplay.raft import decisions
from raftplay.raft.messages import NONE, RequestVoteArgs, TimeoutNowArgs
from raftplay.watch import facts
from raftplay.watch.invariants.model import ClusterModel, NodeModel, drop_lowest, show
from raftplay.watch.invariants.names import (
    FORCED_VOTE_ONLY,
    QUIET_WHILE_TRANSFERRING,
    TIMEOUT_NOW_IS_EARNED,
    TRANSFER_ENDS,
)


def transfer_started(cluster: ClusterModel, node: NodeModel, event: decisions.TransferStarted) -> None:  # noqa: ARG001
    """Record the transfer that the leader begins."""
    node.transfer, node.is_overdue = event, False


def transfer_ended(cluster: ClusterModel, node: NodeModel, event: object) -> None:  # noqa: ARG001
    """Record that the node hands over no more."""
    node.transfer = None


def entry_appended(cluster: ClusterModel, node: NodeModel, event: decisions.EntryAppended) -> None:
    """Check that a leader takes no command while it hands its leadership over."""
    if node.transfer is not None:
        cluster.breach(
            QUIET_WHILE_TRANSFERRING,
            f"{node} appends {show(event.entry.command)} at index {event.index}",
            f"it hands its leadership over to n{node.transfer.target}",
        )


def heartbeat_due(cluster: ClusterModel, node: NodeModel) -> None:
    """Check that a transfer is over by its time.

    Not before the second heartbeat after that time: the first one may have begun before it.
    """
    transfer = node.transfer
    if transfer is None or cluster.time < transfer.until:
        return
    if node.is_overdue:
        cluster.breach(
            TRANSFER_ENDS,
            f"{node} still hands its leadership over to n{transfer.target}, and takes no commands",
            f"it had to give that up at {transfer.until:.3f} s, after an election timeout",
        )
    node.is_overdue = True


def timeout_now_leaves(
    cluster: ClusterModel, node: NodeModel, event: facts.CallSent, args: TimeoutNowArgs
) -> None:
    """Check that the target of TimeoutNow has the whole log; record who was told to start an election."""
    cluster.told.setdefault(args.term, {})[event.dst] = node.id
    drop_lowest(cluster.told)
    last, match = node.log.length - 1, node.match.get(event.dst, NONE)
    if match != last:
        cluster.breach(
            TIMEOUT_NOW_IS_EARNED,
            f"{node} sends n{event.dst} a TimeoutNow",
            f"its log ends at index {last}, and it knows that n{event.dst} has it up to index {match}",
        )


def timeout_now_decided(cluster: ClusterModel, node: NodeModel, event: decisions.TimeoutNowDecided) -> None:
    """Check that only the leader of the node's own term is obeyed; record for which term the node may disrupt."""
    if not event.obeyed:
        return
    args, call = event.args, node.call
    by_user = call is None or call[1] != args or call[0] in cluster.user_calls
    sender = args.leader_id if by_user else cluster.told.get(args.term, {}).get(node.id, NONE)
    if args.term == node.term and sender == args.leader_id:
        node.forced_term = args.term + 1
        return
    told = f"n{sender} sent it that" if sender != NONE else "no leader sent it that"
    cluster.breach(
        FORCED_VOTE_ONLY,
        f"{node} obeys a TimeoutNow of term {args.term}",
        f"it is in term {node.term}" if args.term != node.term else told,
    )


def vote_request_leaves(cluster: ClusterModel, node: NodeModel, args: RequestVoteArgs) -> None:
    """Check that a request which may disrupt a leader comes from an election that it told to start."""
    if args.disrupt and args.term != node.forced_term:
        cluster.breach(
            FORCED_VOTE_ONLY,
            f"{node} asks for votes for term {args.term} with the permission to disrupt a leader",
            f"no leader of term {args.term - 1} told it to start an election",
        )
