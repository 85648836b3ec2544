"""Leases: a leader keeps its place while a majority hears it, and gives it up when no majority replies.

The rule of this module: it asks the node's rules about the two silences, and changes nothing. Its options are off
by default. With `sticky` alone, a leader that can send and not receive is kept for ever; `checkquorum` ends that.
With `lease` a leader also answers reads by its lease (reads.py), so the others keep to what they have promised.
"""

from raftplay.raft.messages import RequestVoteArgs
from raftplay.raft.state import State

ROUNDING = 1e-9
"""The most seconds by which a timer may seem to fire early: sums of floats."""


def ignores(node: State, args: RequestVoteArgs) -> bool:
    """Return whether the node ignores a request for a vote or a pre-vote, for its leader's sake (thesis §4.2.3).

    Only one of a higher term could disturb the leader. The others are replied to, so that a candidate that is
    behind learns the term.
    """
    if not node.config.sticky or args.term <= node.current_term:
        return False
    return node.rules.ignores_vote_request(args, _silence(node), _kept_for(node))


def keeps_leader(node: State, args: RequestVoteArgs) -> bool:
    """Return whether the node denies its vote in its own term because it hears a leader of that term.

    It grants again what it has granted before (§5.2).
    """
    if not node.config.sticky or args.candidate_id == node.voted_for:
        return False
    return node.rules.ignores_vote_request(args, _silence(node), _kept_for(node))


def _silence(node: State) -> float:
    """Return the seconds since the node heard of its leader; where leaders have leases, of any leader.

    A lease is not over when those who gave it move to another term (thesis §6.4.1).
    """
    return min(node.leader_silence, node.silence) if node.config.lease else node.leader_silence


def _kept_for(node: State) -> float:
    config = node.config
    return max(config.kept_for, config.election_min) if config.lease else config.election_min


def must_wait(node: State) -> bool:
    """Return whether the node may not stand yet: it answered a leader that has a lease by that (thesis §6.4.1)."""
    return node.config.lease and node.silence < node.config.kept_for - ROUNDING


def has_lost_quorum(node: State) -> bool:
    """Return whether the node must step down: it leads, and no majority has replied lately (thesis §6.2)."""
    return node.config.checkquorum and node.rules.has_lost_quorum(node.quorum_silence, node.config.election_min)
