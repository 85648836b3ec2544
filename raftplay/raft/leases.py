"""Leases: a leader keeps its place while a majority hears it, and gives it up when no majority replies.

The rule of this module: it asks the node's rules about the two silences, and changes nothing. Both options are off
by default. With `sticky` alone, a leader that can send and not receive is kept for ever; `checkquorum` ends that.
"""

from raftplay.raft.messages import RequestVoteArgs
from raftplay.raft.state import State


def ignores(node: State, args: RequestVoteArgs) -> bool:
    """Return whether the node ignores a request for a vote or a pre-vote, for its leader's sake (thesis §4.2.3).

    Only one of a higher term could disturb the leader. The others are replied to, so that a candidate that is
    behind learns the term.
    """
    if not node.config.sticky or args.term <= node.current_term:
        return False
    return node.rules.ignores_vote_request(args, node.leader_silence, node.config.election_min)


def keeps_leader(node: State, args: RequestVoteArgs) -> bool:
    """Return whether the node denies its vote in its own term because it hears a leader of that term.

    It grants again what it has granted before (§5.2).
    """
    if not node.config.sticky or args.candidate_id == node.voted_for:
        return False
    return node.rules.ignores_vote_request(args, node.leader_silence, node.config.election_min)


def has_lost_quorum(node: State) -> bool:
    """Return whether the node must step down: it leads, and no majority has replied lately (thesis §6.2)."""
    return node.config.checkquorum and node.rules.has_lost_quorum(node.quorum_silence, node.config.election_min)
