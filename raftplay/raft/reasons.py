"""Names the reasons of decisions: the `Rule` by which a node grants, denies, rejects, commits or holds back.

The rule of this module: it asks the node's own rules in the order of Figure 2, and changes nothing. A decision has
the name of the sentence of Figure 2 that demands it; if none does, the reason is OWN_RULE.
"""

from raftplay.raft import leases
from raftplay.raft.messages import AppendEntriesArgs, CMState, RequestVoteArgs
from raftplay.raft.rule_names import Rule
from raftplay.raft.rules import Rules
from raftplay.raft.state import State

FIGURE_2 = Rules()
"""The rules of the paper."""


def of_vote(node: State, args: RequestVoteArgs) -> Rule:
    """Return the rule that decides a vote in the current term: GRANTED if the node votes."""
    # 1. "Reply false if term < currentTerm (§5.1)"
    if node.rules.is_stale_vote_request(args.term, node.current_term):
        return _named(Rule.STALE_TERM, FIGURE_2.is_stale_vote_request(args.term, node.current_term))
    # 2. "If votedFor is null or candidateId, and candidate's log is at least as up-to-date as
    #    receiver's log, grant vote (§5.2, §5.4)"
    if not node.rules.may_vote_for(args.candidate_id, node.voted_for):
        return _named(Rule.VOTED_FOR_OTHER, not FIGURE_2.may_vote_for(args.candidate_id, node.voted_for))
    if leases.keeps_leader(node, args):
        return Rule.LEADER_ALIVE
    return _of_log(node, args) or Rule.GRANTED


def of_pre_vote(node: State, args: RequestVoteArgs) -> Rule:
    """Return the rule that decides a pre-vote: PRE_GRANTED if the node would vote (thesis §9.6)."""
    if node.rules.is_stale_pre_vote(args.term, node.current_term):
        return _named(Rule.TERM_BEGUN, FIGURE_2.is_stale_pre_vote(args.term, node.current_term))
    if node.state is CMState.LEADER:
        return Rule.LEADER_ALIVE
    silence, election_min = node.silence, node.config.election_min
    if node.rules.leader_is_alive(silence, election_min):
        return _named(Rule.LEADER_ALIVE, FIGURE_2.leader_is_alive(silence, election_min))
    return _of_log(node, args) or Rule.PRE_GRANTED


def _of_log(node: State, args: RequestVoteArgs) -> Rule | None:
    """Return LOG_OLDER_TERM or LOG_SHORTER if the candidate's log is less up to date (§5.4.1)."""
    if node.rules.is_up_to_date(args, node.log):
        return None
    rule = Rule.LOG_OLDER_TERM if args.last_log_term < node.log.last_term else Rule.LOG_SHORTER
    return _named(rule, not FIGURE_2.is_up_to_date(args, node.log))


def of_stale_append(node: State, args: AppendEntriesArgs) -> Rule:
    """Return why the node rejects an AppendEntries by rule 1."""
    return _named(Rule.STALE_TERM, FIGURE_2.is_stale_append(args.term, node.current_term))


def of_mismatch(node: State, args: AppendEntriesArgs) -> Rule:
    """Return why the node rejects an AppendEntries by rule 2."""
    rule = Rule.LOG_TOO_SHORT if args.prev_log_index > node.log.last_index else Rule.TERM_CONFLICT
    return _named(rule, not FIGURE_2.log_matches(args, node.log))


def of_new_term(term: int, old_term: int) -> Rule:
    """Return why a node of `old_term` becomes follower when a message of `term` arrives."""
    return _named(Rule.NEWER_TERM, term > old_term)


def of_commit(node: State, entry_term: int) -> Rule:
    """Return why a leader commits an entry of `entry_term` that a quorum has."""
    return _named(Rule.MAJORITY, FIGURE_2.may_commit(entry_term, node.current_term))


def of_held_commit(node: State, entry_term: int) -> Rule:
    """Return why a leader does not commit an entry of `entry_term` that a quorum has."""
    return _named(Rule.OLDER_ENTRY, not FIGURE_2.may_commit(entry_term, node.current_term))


def _named(rule: Rule, is_so: bool) -> Rule:
    """Return `rule`, the reason for a decision, if Figure 2 decides so; else the node's own rule decided."""
    return rule if is_so else Rule.OWN_RULE
