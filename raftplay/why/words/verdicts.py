"""The words for a response: its rule with operands and section, and where the correct algorithm differs."""

from raftplay.raft.messages import NONE, AppendEntriesArgs, CMState, ConfirmArgs, ReadIndexArgs, RequestVoteArgs
from raftplay.raft.rule_names import Rule, rule_words
from raftplay.watch.narrator import rule_text
from raftplay.why.facts.verdicts import NodeVerdict
from raftplay.why.words.text import log_end, span


def verdict_text(verdict: NodeVerdict) -> str:
    """Return the rule of a response, its operands and section, and where the correct algorithm differs."""
    words, section = _exact_words(verdict)
    operands = _operands(verdict)
    text = f"{words}{': ' if operands else ''}{operands} ({section})"
    return f"{text}; {_sound_text(verdict)}" if verdict.sound else text


def _exact_words(verdict: NodeVerdict) -> tuple[str, str]:
    """Return the words and section of a rule, more exact where its operands allow it."""
    args, (section, words) = verdict.args, rule_words(verdict.rule)
    if not isinstance(args, RequestVoteArgs):
        return words, section
    if verdict.rule == Rule.LOG_OLDER_TERM and args.last_log_index == NONE:
        return "the candidate's log is empty", section
    if verdict.rule == Rule.LOG_SHORTER and args.last_log_term != verdict.own.last_log_term:
        return "the candidate's log is shorter", section
    if verdict.rule in (Rule.GRANTED, Rule.PRE_GRANTED) and verdict.sound:
        return "granted", section
    return words, section


def _operands(verdict: NodeVerdict) -> str:
    args, node, own = verdict.args, verdict.node, verdict.own
    if verdict.rule == Rule.OWN_RULE:
        return ""
    if isinstance(args, AppendEntriesArgs):
        return _append_operands(verdict, args)
    if isinstance(args, ConfirmArgs | ReadIndexArgs):
        return _read_operands(verdict, args)
    match verdict.rule:
        case Rule.TERM_BEGUN:
            return f"it asks about term {args.term}, and node {node} is in term {own.current_term}"
        case Rule.STALE_TERM:
            return f"{args.term} < {own.current_term}"
        case Rule.VOTED_FOR_OTHER if own.voted_for == node:
            leads = ", and leads it" if own.state is CMState.LEADER else ""
            return f"node {node} voted for itself in term {own.current_term}{leads}"
        case Rule.VOTED_FOR_OTHER:
            return f"node {node} voted for node {own.voted_for} in term {own.current_term}"
        case Rule.LEADS:
            return f"term {own.current_term}"
        case Rule.LOG_OLDER_TERM if args.last_log_index == NONE:
            return f"the last entry of node {node} is of term {own.last_log_term}"
        case Rule.LOG_OLDER_TERM:
            return f"{args.last_log_term} < {own.last_log_term}"
        case Rule.LOG_SHORTER if args.last_log_term == own.last_log_term:
            return (
                f"it ends at index {args.last_log_index}, that of node {node} at {own.last_log_index}, "
                f"both with term {own.last_log_term}"
            )
        case Rule.LEADER_ALIVE | Rule.IN_LEASE:
            return _leader_alive(verdict)
    asker = (args.last_log_index, args.last_log_term)
    end = (own.last_log_index, own.last_log_term)
    if asker == end:
        return f"both logs end at index {end[0]} with term {end[1]}" if end[0] != NONE else "both logs are empty"
    whose = "it" if not verdict.sound else "the candidate's log"
    return f"{whose} {log_end(*asker)}, that of node {node} {log_end(*end)}"


def _leader_alive(verdict: NodeVerdict) -> str:
    if verdict.own.state is CMState.LEADER:
        return f"node {verdict.node} leads term {verdict.own.current_term} itself"
    if verdict.leader_heard is None:
        return ""
    time, leader = verdict.leader_heard
    return f"node {verdict.node} heard of node {leader} {span(verdict.time - time)} before"


def _append_operands(verdict: NodeVerdict, args: AppendEntriesArgs) -> str:
    previous, own = args.prev_log_index, verdict.own
    match verdict.rule:
        case Rule.STALE_TERM:
            return f"{args.term} < {own.current_term}"
        case Rule.LOG_TOO_SHORT:
            end = f"ends at index {own.last_log_index}" if own.last_log_index != NONE else "is empty"
            return f"it {end}, and the entry before the new ones is at index {previous}"
        case Rule.TERM_CONFLICT:
            leaders = (
                f"the leader's of {args.prev_log_term}" if args.prev_log_term != NONE else "the leader has none"
            )
            return f"at index {previous} it is of term {verdict.conflict_term}, {leaders}"
    return f"index {previous}, term {args.prev_log_term}" if previous != NONE else "nothing comes before index 0"


def _read_operands(verdict: NodeVerdict, args: ConfirmArgs | ReadIndexArgs) -> str:
    own = verdict.own
    match verdict.rule:
        case Rule.STALE_TERM:
            return f"{args.term} < {own.current_term}"
        case Rule.FOLLOWS:
            return f"node {args.sender}, term {args.term}"
        case Rule.AT_COMMIT:
            return f"up to index {own.commit_index}"
        case Rule.NO_OWN_COMMIT:
            return f"node {verdict.node} leads term {own.current_term}"
        case _:
            return ""


def _sound_text(verdict: NodeVerdict) -> str:
    """Return what the correct algorithm would have done instead."""
    if verdict.rule == Rule.OWN_RULE and not verdict.yes:
        return "the correct algorithm says yes"
    if verdict.sound in (Rule.GRANTED, Rule.MATCHES):
        return f"the correct algorithm says yes: the last entry is of a later term ({Rule.LOG_SHORTER.section})"
    return f"the correct algorithm says no here: {rule_text(verdict.sound)}"
