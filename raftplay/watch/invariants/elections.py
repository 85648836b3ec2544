"""Checks elections: terms, votes and leaders (§5.2, §5.4.1)."""
# ruff: noqa: ARG001 - every handler takes the cluster, the node and the event

from raftplay.raft import decisions
from raftplay.raft.messages import NONE, CMState, RequestVoteArgs
from raftplay.watch import facts
from raftplay.watch.invariants import leases
from raftplay.watch.invariants.logs import EMPTY_LOG, Terms, same_term
from raftplay.watch.invariants.model import ClusterModel, ElectionWon, NodeModel, drop_lowest
from raftplay.watch.invariants.names import (
    ELECTION_SAFETY,
    LEADER_COMPLETENESS,
    LOG_MATCHING,
    MATCH_MONOTONIC,
    MATCH_TRUTH,
    MONOTONIC_TERM,
    ONE_VOTE_PER_TERM,
    PRE_VOTE_TRUTH,
    VOTE_KEPT,
    VOTE_QUORUM,
    WELL_FORMED,
)
from raftplay.watch.text import count


def restarted(cluster: ClusterModel, node: NodeModel, event: facts.Restarted) -> None:
    """Forget the disk of a node that restarts with a blank one, and remember that Raft promises nothing then."""
    if event.empty:
        node.disk_term = node.exposed_term = node.term = 0
        node.disk_vote = NONE
        node.disk, node.log, node.running = Terms(), Terms(), EMPTY_LOG
        cluster.blank_disks.append((node.id, cluster.record.time))


def started(cluster: ClusterModel, node: NodeModel, event: decisions.Started) -> None:
    """Check the state that the node read from its disk against what it sent before; then adopt it."""
    if event.current_term < node.exposed_term:
        cluster.breach(
            MONOTONIC_TERM,
            f"{node} starts in term {event.current_term}",
            f"it was in term {node.exposed_term} before",
        )
    node.term = node.disk_term = node.exposed_term = event.current_term
    node.disk_vote = event.voted_for
    if event.voted_for != NONE:  # perhaps a vote from before the watcher was attached
        node.votes.setdefault(event.current_term, event.voted_for)
        drop_lowest(node.votes)
    is_behind = bool(event.entries) and event.entries[-1].term > event.current_term
    if event.base_index == NONE and not is_behind and cluster.is_known(event.entries):
        cluster.load(node, event.entries)
    else:
        _judge_log(cluster, node, event)
    node.disk = node.log.copy()
    node.snapshot = node.commit = node.applied = event.base_index
    if event.base_index != NONE:
        node.applied_hash = cluster.chain.known(event.base_index) or EMPTY_LOG


def _judge_log(cluster: ClusterModel, node: NodeModel, event: decisions.Started) -> None:
    """Check each entry of a log from disk that no node is known to have had."""
    cluster.begin_log(node, event.base_index, event.base_term)
    log = node.log
    matches = True
    for index, entry in enumerate(event.entries, event.base_index + 1):
        if not log.last_term <= entry.term <= event.current_term:
            cluster.breach(
                WELL_FORMED,
                f"{node} starts with an entry of term {entry.term} at index {index}",
                f"the one before is of term {log.last_term}, and the node in term {event.current_term}",
            )
        if not cluster.append(node, entry) and matches:
            matches = False
            cluster.breach(
                LOG_MATCHING,
                f"{node} starts with a log that has term {entry.term} at index {index}",
                f"{cluster.holder_of(index, entry.term, node)} has that too, and differs there or before",
            )


def stopped(cluster: ClusterModel, node: NodeModel, event: decisions.Stopped) -> None:
    """Mark this incarnation of the node as dead: no more events of it may follow."""
    node.dead = True
    node.role = CMState.DEAD


def pre_vote_started(cluster: ClusterModel, node: NodeModel, event: decisions.PreVoteStarted) -> None:
    """Check that this changes nothing; record that the node asks for pre-votes."""
    leases.pre_vote_started(cluster, node, event)
    node.role = CMState.PRE_CANDIDATE


def election_started(cluster: ClusterModel, node: NodeModel, event: decisions.ElectionStarted) -> None:
    """Check the new term and the node's vote for itself; record its candidacy."""
    leases.election_started(cluster, node, event)
    _enter_term(cluster, node, event.term)
    _judge_vote(cluster, node, event.term, node.id)
    node.role = CMState.CANDIDATE
    node.candidacy = event.term
    node.grants = set()


def became_follower(cluster: ClusterModel, node: NodeModel, event: decisions.BecameFollower) -> None:
    """Check the term; record that the node is a follower."""
    node.transfer, node.lease_until = None, 0.0
    node.is_asked_first = False
    _enter_term(cluster, node, event.term)
    node.role = CMState.FOLLOWER


def vote_decided(cluster: ClusterModel, node: NodeModel, event: decisions.VoteDecided) -> None:
    """Check that a granted vote is the node's only one in that term, and each decision against its log."""
    args = event.args
    leases.vote_decided(cluster, node, event)
    if args.pre_vote:
        if event.granted:
            _judge_pre_vote(cluster, node, args)
    elif event.granted:
        _judge_vote(cluster, node, args.term, args.candidate_id)
    elif node.votes.get(args.term) == args.candidate_id and args.term == node.term and _fits(node, args):
        cluster.breach(
            VOTE_KEPT,
            f"{node} denies n{args.candidate_id} its vote for term {args.term}",
            "it has voted for that node in that term",
        )


def _judge_pre_vote(cluster: ClusterModel, node: NodeModel, args: RequestVoteArgs) -> None:
    grants = f"{node} grants n{args.candidate_id} a pre-vote for term {args.term}"
    if args.term <= node.term:
        cluster.breach(PRE_VOTE_TRUTH, grants, f"it is in term {node.term}")
    if not _fits(node, args):
        cluster.breach(
            PRE_VOTE_TRUTH,
            f"{grants}, whose log ends at index {args.last_log_index} with term {args.last_log_term}",
            f"its own ends at index {node.log.length - 1} with term {node.log.last_term}",
        )


def _fits(node: NodeModel, args: RequestVoteArgs) -> bool:
    """Return whether the candidate's log is at least as up to date as the node's (§5.4.1)."""
    return (args.last_log_term, args.last_log_index) >= (node.log.last_term, node.log.length - 1)


def cast_vote(cluster: ClusterModel, node: NodeModel, term: int, candidate: int) -> None:
    """Record a vote that is on disk or was sent; check that it is the node's only one in `term`."""
    known = node.votes.get(term)
    if known is None:
        node.votes[term] = candidate
        drop_lowest(node.votes)
    elif known != candidate:
        _judge_vote(cluster, node, term, candidate)


def _judge_vote(cluster: ClusterModel, node: NodeModel, term: int, candidate: int) -> None:
    known = node.votes.get(term)
    if known is not None and known != candidate:
        cluster.breach(
            ONE_VOTE_PER_TERM,
            f"{node} votes for n{candidate} in term {term}",
            f"it has voted for n{known} in that term",
        )


def _enter_term(cluster: ClusterModel, node: NodeModel, term: int) -> None:
    if term < node.term:
        cluster.breach(MONOTONIC_TERM, f"{node} goes to term {term}", f"it was in term {node.term}")
    node.term = term


def became_leader(cluster: ClusterModel, node: NodeModel, event: decisions.BecameLeader) -> None:
    """Check that the new leader is the only one of its term, has a durable majority, and all committed entries."""
    term = event.term
    leadership = ElectionWon(node, cluster.record.seq)
    _judge_leader(cluster, node, term)
    _judge_votes(cluster, node, event)
    _judge_completeness(cluster, node, term)
    node.role = CMState.LEADER
    node.match = {}
    node.first_append = node.answered = NONE
    leases.begins_to_lead(cluster, node)
    cluster.leaders[term] = leadership
    cluster.newest_term = max(cluster.newest_term, term)
    drop_lowest(cluster.leaders, (each.term for each in cluster.nodes))


def _judge_leader(cluster: ClusterModel, node: NodeModel, term: int) -> None:
    other = cluster.leaders.get(term)
    if other is not None and (other.node, other.incarnation) != (node.id, node.incarnation):
        cluster.breach(
            ELECTION_SAFETY,
            f"{node} becomes leader of term {term}",
            f"n{other.node} became leader of that term (event {other.seq})",
        )


def _judge_votes(cluster: ClusterModel, node: NodeModel, event: decisions.BecameLeader) -> None:
    voters = set(event.votes)
    if len(voters) < cluster.majority:
        cluster.breach(
            VOTE_QUORUM,
            f"{node} becomes leader of term {event.term} with {count(len(voters), 'vote')}",
            f"a majority of {count(len(cluster.nodes), 'node')} is {cluster.majority}",
        )
    granted = set(node.grants) if node.candidacy == event.term else set()
    if node.disk_term == event.term and node.disk_vote == node.id:
        granted.add(node.id)
    for voter in sorted(voters - granted):
        cluster.breach(
            VOTE_QUORUM,
            f"{node} becomes leader of term {event.term} with the vote of n{voter}",
            f"n{voter} has sent it no vote of that term that was on its disk"
            if voter != node.id
            else "its own vote is not on its disk",
        )


def _judge_completeness(cluster: ClusterModel, node: NodeModel, term: int) -> None:
    index, entry_term, committed_in, by = max(
        ((i, t, c, by) for c, (i, t, by) in cluster.commits.items() if c < term), default=(NONE, NONE, NONE, NONE)
    )
    held = node.log.term_at(index)
    if not same_term(held, entry_term):
        cluster.breach(
            LEADER_COMPLETENESS,
            f"{node} becomes leader of term {term} {without(held, index)}",
            f"the entry of term {entry_term} at index {index} was committed by n{by} in term {committed_in}",
        )


def without(held: int, index: int) -> str:
    """Describe what a log has at `index` in place of the expected entry."""
    return (
        f"without an entry at index {index}" if held == NONE else f"with an entry of term {held} at index {index}"
    )


def peers_reset(cluster: ClusterModel, node: NodeModel, event: decisions.PeersReset) -> None:
    """Check that a new leader's match_index begins at -1; check that any other value is at least true."""
    for peer, match_index in event.match_index:
        node.match[peer] = match_index
        if match_index != NONE:
            judge_match(cluster, node, peer, match_index)
            cluster.breach(
                MATCH_MONOTONIC,
                f"{node} begins to lead term {node.term} with match index {match_index} for n{peer}",
                "it has heard nothing from there in this term, so it must begin with -1",
            )


def judge_match(cluster: ClusterModel, node: NodeModel, peer: int, match_index: int) -> None:
    """Check that the peer's disk holds the entry that the leader believes, if no later leader changed it."""
    if match_index == NONE or not 0 <= peer < len(cluster.nodes):
        return
    mine = node.log.term_at(match_index)
    other = cluster.nodes[peer]
    theirs = other.disk.term_at(match_index)
    if other.disk_term <= node.term and (mine == NONE or not same_term(mine, theirs)):
        has = "no entry" if theirs == NONE else f"an entry of term {theirs}"
        own = (
            f"which has no entry {match_index}" if mine == NONE else f"whose entry {match_index} is of term {mine}"
        )
        cluster.breach(
            MATCH_TRUTH,
            f"{node}, {own}, sets match index {match_index} for {other}",
            f"the disk of {other} has {has} there",
        )
