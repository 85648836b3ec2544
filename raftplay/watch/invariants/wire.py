"""Checks messages: a node sends only what is on its disk, and no more than it has (Figure 2, §5.1)."""

from raftplay.raft.messages import (
    NONE,
    AppendEntriesArgs,
    AppendEntriesReply,
    Args,
    ConfirmArgs,
    ConfirmReply,
    RequestVoteArgs,
    TimeoutNowArgs,
)
from raftplay.watch import facts
from raftplay.watch.invariants import leases, reads, transfers
from raftplay.watch.invariants.elections import cast_vote
from raftplay.watch.invariants.logs import same_term
from raftplay.watch.invariants.model import MAX_USER_CALLS, ClusterModel, NodeModel
from raftplay.watch.invariants.names import (
    FOLLOWER_COMMIT,
    PERSIST_BEFORE_SEND,
    REQUEST_TRUTH,
    TERM_ADOPTED,
    WELL_FORMED,
)
from raftplay.watch.invariants.replication import told_commit


def call_sent(cluster: ClusterModel, node: NodeModel, event: facts.CallSent) -> None:
    """Check a request that the node sends; skip one that the user made in its name."""
    if event.by_user:
        cluster.user_calls[event.call_id] = None
        if len(cluster.user_calls) > MAX_USER_CALLS:
            del cluster.user_calls[next(iter(cluster.user_calls))]
        return
    args = event.args
    if node.term < node.handled_term:
        _term_not_adopted(cluster, node, "request")
    if isinstance(args, RequestVoteArgs):
        _term_left(cluster, node, args.term - 1 if args.pre_vote else args.term)
        _log_told(cluster, node, args.last_log_index, args.last_log_term)
        transfers.vote_request_leaves(cluster, node, args)
        return
    if args.term > node.disk_term:
        _term_left(cluster, node, args.term)
    if isinstance(args, AppendEntriesArgs):
        if node.first_append == NONE:
            node.first_append = event.call_id
        _entries_left(cluster, node, args)
    elif isinstance(args, ConfirmArgs):
        reads.request_leaves(cluster, node, event, args)
    elif isinstance(args, TimeoutNowArgs):
        node.lease_until = 0.0
        transfers.timeout_now_leaves(cluster, node, event, args)


def _term_not_adopted(cluster: ClusterModel, node: NodeModel, message: str) -> None:
    cluster.breach(
        TERM_ADOPTED,
        f"{node} sends a {message} in term {node.term}",
        f"it has handled a message of term {node.handled_term}",
    )


def _log_told(cluster: ClusterModel, node: NodeModel, last_index: int, last_term: int) -> None:
    """Check the end of the log that a request for a vote tells."""
    log = node.log
    if last_index != log.length - 1 or not same_term(last_term, log.last_term):
        cluster.breach(
            REQUEST_TRUTH,
            f"{node} says that its log ends at index {last_index} with term {last_term}",
            f"it ends at index {log.length - 1} with term {log.last_term}",
        )


def _term_left(cluster: ClusterModel, node: NodeModel, term: int) -> None:
    """Check the term of a message; one up to that on its disk, which is never above `exposed_term`, is fine."""
    if term > node.disk_term:
        cluster.breach(
            PERSIST_BEFORE_SEND,
            f"a message of term {term} leaves {node}",
            f"its disk has term {node.disk_term}",
        )
    node.exposed_term = max(node.exposed_term, term)


def _entries_left(cluster: ClusterModel, node: NodeModel, args: AppendEntriesArgs) -> None:
    previous, entries = args.prev_log_index, args.entries
    if args.leader_commit != node.commit:
        if args.leader_commit > node.commit:
            cluster.breach(
                WELL_FORMED,
                f"{node} claims that it has committed up to {args.leader_commit}",
                f"it has committed up to {node.commit}",
            )
        cluster.breach(
            REQUEST_TRUTH,
            f"{node} says that it has committed up to {args.leader_commit}",
            f"it has committed up to {node.commit}",
        )
    held = node.log.term_at(previous)
    if held != args.prev_log_term and not same_term(held, args.prev_log_term):
        for invariant in (WELL_FORMED, REQUEST_TRUTH):
            cluster.breach(
                invariant,
                f"{node} claims that its entry {previous} is of term {args.prev_log_term}",
                f"its log has term {held} there (-1: none)",
            )
    if entries:
        last, term = previous + len(entries), entries[-1].term
        before = args.prev_log_term
        for at, entry in enumerate(entries, previous + 1):
            if not before <= entry.term <= args.term:
                cluster.breach(
                    WELL_FORMED,
                    f"{node} sends entry {at} of term {entry.term} in a request of term {args.term}",
                    f"the one before is of term {before}, and terms neither decrease nor exceed the request's",
                )
                break
            before = entry.term
        if node.disk.term_at(last) != term:
            _not_on_disk(cluster, node, last, term, f"{node} sends its entries up to {last}")


def call_delivered(cluster: ClusterModel, node: NodeModel, event: facts.CallDelivered) -> None:
    """Record the request that the node's next reply belongs to, and its term."""
    args = event.args
    node.call = (event.call_id, args)
    if node.options is not None or not isinstance(args, AppendEntriesArgs):
        leases.request_arrives(cluster, node, args)
    if args.term > node.handled_term and not (isinstance(args, RequestVoteArgs) and args.pre_vote):
        node.handled_term = args.term


def reply_delivered(cluster: ClusterModel, node: NodeModel, event: facts.ReplyDelivered) -> None:
    """Record the reply that the node handles, and its term; skip one to a request that the user made."""
    if event.call_id in cluster.user_calls:
        return
    node.call = None
    reply = event.reply
    node.answered = event.call_id if isinstance(reply, AppendEntriesReply) else NONE
    if node.options is not None:
        leases.reply_heard(cluster, node, event)
    if isinstance(reply, ConfirmReply):
        reads.reply_heard(cluster, node, event, reply)
    if reply.term > node.handled_term:  # noqa: PLR1730 - a call is dear here
        node.handled_term = reply.term


def reply_sent(cluster: ClusterModel, node: NodeModel, event: facts.ReplySent) -> None:
    """Check a reply that the node sends."""
    reply = event.reply
    if node.term < node.handled_term:
        _term_not_adopted(cluster, node, "reply")
    if reply.term != node.term:
        cluster.breach(REQUEST_TRUTH, f"{node} sends a reply of term {reply.term}", f"it is in term {node.term}")
    if reply.term > node.disk_term:
        _term_left(cluster, node, reply.term)
    call, node.call = node.call, None
    if call is None or call[0] != event.call_id:
        return
    args: Args = call[1]
    if isinstance(reply, AppendEntriesReply):
        if reply.success and isinstance(args, AppendEntriesArgs):
            _entries_acknowledged(cluster, node, args)
    elif isinstance(args, RequestVoteArgs) and reply.yes and not args.pre_vote:
        _vote_left(cluster, node, args)


def _entries_acknowledged(cluster: ClusterModel, node: NodeModel, args: AppendEntriesArgs) -> None:
    """Check that acknowledged entries are on disk, and the commit index; Match Truth covers the entries before."""
    if args.entries:
        last = args.prev_log_index + len(args.entries)
        term = args.entries[-1].term
        if node.disk.term_at(last) != term:
            _not_on_disk(cluster, node, last, term, f"{node} acknowledges its entries up to {last}")
    if node.commit < args.leader_commit and node.commit < (told := told_commit(node, args)):
        cluster.breach(
            FOLLOWER_COMMIT,
            f"{node} accepts a request that lets it commit up to index {told}",
            f"it has committed up to {node.commit}",
        )


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


def _not_on_disk(cluster: ClusterModel, node: NodeModel, index: int, term: int, fact: str) -> None:
    """Report an entry that the node's disk does not hold, unless the model has forgotten it."""
    held = node.disk.term_at(index)
    if not same_term(held, term):
        has = "nothing" if held == NONE else f"an entry of term {held}"
        cluster.breach(PERSIST_BEFORE_SEND, f"{fact}, of term {term}", f"its disk has {has} at index {index}")
