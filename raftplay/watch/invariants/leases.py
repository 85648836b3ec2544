"""Checks leases and pre-votes: who hears a leader keeps it, and a leader that hears nobody steps down (thesis).

The rule of this module: no check alarms because a thread was late. A time at which a node acts is read before it
acts where an early one accuses nobody, and after it where a late one does not.

A node tells its options only if it checks quorums or is sticky, so nothing is checked for others here, except
pre-votes. After a restart a node has heard nobody.
"""
# ruff: noqa: ARG001 - every handler takes the cluster, the node and the event

import math

from raftplay.raft import decisions
from raftplay.raft.messages import (
    LEADER,
    AppendEntriesArgs,
    AppendEntriesReply,
    Args,
    ConfirmReply,
    InstallSnapshotReply,
    RequestVoteArgs,
)
from raftplay.raft.rule_names import Rule
from raftplay.watch import facts
from raftplay.watch.invariants import transfers
from raftplay.watch.invariants.model import ClusterModel, NodeModel, VoteRequested
from raftplay.watch.invariants.names import (
    NO_NEEDLESS_ELECTION,
    NO_VOTE_IN_LEASE,
    PRE_VOTE_PURITY,
    STEP_DOWN_BOUND,
)

LEAST_GRACE = 0.1
"""The least time in seconds that a leader has to step down after its election timeout, for a busy machine."""


def configured(cluster: ClusterModel, node: NodeModel, event: decisions.Configured) -> None:
    """Record the node's options; what it heard before counts for those that it had then."""
    node.options = event
    node.heard, node.quorum_since = -math.inf, cluster.time


# ---- what a node hears


def request_arrives(cluster: ClusterModel, node: NodeModel, args: Args) -> None:
    """Record the state in which a request reaches the node, before the node acts on it."""
    if isinstance(args, RequestVoteArgs):
        heard = node.heard if node.heard_term == node.term else -math.inf
        heard = math.inf if node.role is LEADER else heard
        is_again = node.votes.get(args.term) == args.candidate_id and not args.pre_vote
        node.asked = VoteRequested(args, node.term, node.handled_term, heard, is_again)
    elif node.options is not None:
        node.arrived = cluster.time


def leader_heard(cluster: ClusterModel, node: NodeModel, args: AppendEntriesArgs) -> None:
    """Record that the node has heard from a leader of its term or a higher one."""
    if node.options is None or node.call is None or node.call[1] is not args or args.term < node.term:
        return
    is_new = node.heard_term != args.term or node.arrived - node.heard >= node.options.election_min
    if is_new:
        node.heard_since = node.arrived
    node.heard, node.heard_term = node.arrived, args.term


def reply_heard(cluster: ClusterModel, node: NodeModel, event: facts.ReplyDelivered) -> None:
    """Record that a leader has heard from a peer."""
    reply = event.reply
    if (
        node.options is not None
        and isinstance(reply, AppendEntriesReply | InstallSnapshotReply | ConfirmReply)
        and reply.term == node.term
    ):
        node.replies[event.src] = cluster.time


def begins_to_lead(cluster: ClusterModel, node: NodeModel) -> None:
    """Record the beginning of a leadership: it has heard from nobody yet."""
    node.replies = {}
    node.led_since = node.quorum_since = cluster.time if node.options is not None else 0.0


# ---- Pre-Vote Purity and No Vote In Lease


def vote_decided(cluster: ClusterModel, node: NodeModel, event: decisions.VoteDecided) -> None:
    """Check a decision about a vote or a pre-vote against the state in which the request was met."""
    args, asked = event.args, node.asked
    node.asked = None
    node.is_asked_first = args.pre_vote
    if asked is None or asked.args is not args:
        return  # a user handed it in
    options = node.options
    if args.pre_vote and node.term != asked.term:
        asks = f"{node} is asked for a pre-vote for term {args.term}, and goes to term {node.term}"
        cluster.breach(PRE_VOTE_PURITY, asks, f"it was in term {asked.term}, and a pre-vote changes nothing")
    if options is None or not options.sticky:
        return
    if event.rule == Rule.IN_LEASE:
        node.handled_term = asked.handled_term  # it ignores the request, and the term of it
    silence = cluster.time - asked.heard
    if event.granted and not args.disrupt and silence < options.election_min and not asked.is_again:
        kind = "pre-vote" if args.pre_vote else "vote"
        ago = f"{silence * 1000:.0f} ms before"
        heard = "it leads" if asked.heard == math.inf else f"it heard from the leader {ago}"
        cluster.breach(
            NO_VOTE_IN_LEASE,
            f"{node} grants n{args.candidate_id} its {kind} for term {args.term}",
            f"{heard}, within the shortest election timeout of {options.election_min * 1000:g} ms",
        )


def pre_vote_started(cluster: ClusterModel, node: NodeModel, event: decisions.PreVoteStarted) -> None:
    """Check that a node that asks for pre-votes stays in its term; record when it first asked about that term.

    A late reply to its first question counts for a later one about the same term.
    """
    node.is_asked_first = True
    if node.options is not None and event.term != node.wondered_term:
        node.wondered, node.wondered_term = cluster.time, event.term
    if event.term != node.term + 1:
        cluster.breach(
            PRE_VOTE_PURITY,
            f"{node} asks for pre-votes for term {event.term}",
            f"it is in term {node.term}, and asking changes nothing",
        )


def persisted(cluster: ClusterModel, node: NodeModel, event: decisions.Persisted) -> None:
    """Check that a pre-vote writes nothing; called before the disk of the model changes."""
    if not node.is_asked_first or node.delays_writes:
        return
    node.is_asked_first = False
    now, before = (event.current_term, event.voted_for), (node.disk_term, node.disk_vote)
    if now != before:
        cluster.breach(
            PRE_VOTE_PURITY,
            f"{node} writes term {now[0]} and vote {now[1]} to its disk after a pre-vote",
            f"its disk had term {before[0]} and vote {before[1]}, and a pre-vote changes nothing",
        )


# ---- Step-Down Bound


def heartbeat_due(cluster: ClusterModel, node: NodeModel, event: decisions.HeartbeatDue) -> None:
    """Check that a leader which sends heartbeats has heard from a majority lately, and is done with a transfer."""
    transfers.heartbeat_due(cluster, node)
    options = node.options
    if options is None or not options.checkquorum or node.role is not LEADER:
        return
    now, shortest = cluster.time, options.election_min
    others = [max(node.replies.get(peer.id, 0.0), node.quorum_since) for peer in cluster.nodes if peer is not node]
    silence = now - sorted([now, *others], reverse=True)[cluster.majority - 1]
    if silence >= shortest + max(shortest, LEAST_GRACE):
        cluster.breach(
            STEP_DOWN_BOUND,
            f"{node} still leads term {node.term}",
            f"it has heard from no majority for {silence * 1000:.0f} ms, longer than two election timeouts",
        )


# ---- No Needless Election


def election_started(cluster: ClusterModel, node: NodeModel, event: decisions.ElectionStarted) -> None:
    """Check that no majority has heard from a leader all the time since the node asked for pre-votes."""
    asked = node.wondered if node.wondered_term == event.term else math.nan
    node.is_asked_first = False
    leadership = cluster.leaders.get(cluster.newest_term)
    if leadership is None or node.options is None or not node.options.prevote:
        return
    if event.rule not in (Rule.TIMEOUT, Rule.BY_HAND):
        return  # it has the permission to disrupt
    now = cluster.time
    since = now if math.isnan(asked) else asked
    leader = cluster.nodes[leadership.node]
    if not _leads(leader, cluster.newest_term, since) or leader is node or leader.term >= event.term:
        return
    others = (peer for peer in cluster.nodes if peer is not node)
    loyal = [leader.id, *(peer.id for peer in others if _hears(peer, leader, since, now))]
    if len(loyal) >= cluster.majority:
        cluster.breach(
            NO_NEEDLESS_ELECTION,
            f"{node} starts term {event.term}",
            f"{leader} leads term {leader.term}, and a majority has heard from it all the time: "
            + " ".join(f"n{id}" for id in loyal),
        )


def _leads(leader: NodeModel, term: int, since: float) -> bool:
    """Return whether a sticky node has led `term` since before `since`."""
    is_sticky = leader.options is not None and leader.options.sticky
    return (
        is_sticky
        and leader.role is LEADER
        and not leader.dead
        and leader.term == term
        and leader.led_since < since
    )


def _hears(peer: NodeModel, leader: NodeModel, since: float, now: float) -> bool:
    """Return whether a sticky node has heard from the leader without a gap, from before `since` until `now`."""
    options = peer.options
    if options is None or not options.sticky or peer.dead or not peer.term == peer.heard_term == leader.term:
        return False
    return peer.heard_since < since and now - peer.heard < options.election_min
