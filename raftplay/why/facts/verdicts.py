"""A node's response to a request: the rule, the operands, and whether the correct algorithm responds so."""

from collections.abc import Iterable
from dataclasses import dataclass

from raftplay.raft import decisions
from raftplay.raft.decisions import NodeState, Rule
from raftplay.raft.log import RaftLog
from raftplay.raft.messages import NONE, AppendEntriesArgs, ConfirmArgs, ReadIndexArgs, RequestVoteArgs
from raftplay.raft.rules import Rules
from raftplay.watch.facts import Record

CORRECT = Rules()
"""The rules of the paper."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One response of `node` to `args`: `yes` or no, by which rule, in the state `own`.

    `conflict_term` is the hint of a rejection. `sound` is the rule of the correct algorithm that decides otherwise
    ("granted" and "matches" for those that say yes), "" where the response is correct or cannot be judged.
    `leader_heard`: when it last heard of a leader, and of which; None where that is not known.
    """

    node: int
    seq: int
    time: float
    args: RequestVoteArgs | AppendEntriesArgs | ConfirmArgs | ReadIndexArgs
    yes: bool
    rule: str
    own: NodeState
    sound: str
    conflict_term: int = NONE
    leader_heard: tuple[float, int] | None = None

    @property
    def is_ignored(self) -> bool:
        """Return whether the node ignored the request: it sends no response."""
        return self.rule == Rule.IN_LEASE

    @property
    def asker(self) -> int:
        """Return the node that sent the request."""
        return self.args.sender


class LogEnd(RaftLog):
    """A log of which only the end is known, for rules that look at nothing else."""

    def __init__(self, last_index: int, last_term: int) -> None:
        super().__init__()
        self.last_index, self.last_term = last_index, last_term

    def term_at(self, index: int) -> int:
        """Return the term of the last entry; -1 for every other index."""
        return self.last_term if index == self.last_index else NONE


def verdict_on_vote(
    record: Record, event: decisions.VoteDecided, earlier: Iterable[int], heard: tuple[float, int] | None
) -> Verdict:
    """Return the response to a RequestVote; `earlier` are those whom the node had voted for in its term."""
    assert record.after is not None
    args, own, rule = event.args, record.after, event.rule
    correct = by_log = _judge_log(args, own)
    if not args.pre_vote and CORRECT.is_stale_vote_request(args.term, own.current_term):
        correct = Rule.STALE_TERM
    elif not args.pre_vote:
        votes = (*earlier, own.voted_for)
        is_free = all(CORRECT.may_vote_for(args.candidate_id, vote) for vote in votes)
        correct = by_log if is_free else Rule.VOTED_FOR_OTHER
    sound = ""
    if event.granted or (rule == Rule.OWN_RULE and not args.pre_vote):
        sound = correct if (correct == Rule.GRANTED) is not event.granted else ""
    elif rule in (Rule.LOG_OLDER_TERM, Rule.LOG_SHORTER) and rule != by_log:
        sound = by_log
    at = record.node, record.seq, record.time
    heard = heard if rule in (Rule.LEADER_ALIVE, Rule.IN_LEASE) else None
    return Verdict(*at, args, event.granted, rule, own, sound, leader_heard=heard)


def _judge_log(args: RequestVoteArgs, own: NodeState) -> Rule:
    if CORRECT.is_up_to_date(args, LogEnd(own.last_log_index, own.last_log_term)):
        return Rule.GRANTED
    return Rule.LOG_OLDER_TERM if args.last_log_term < own.last_log_term else Rule.LOG_SHORTER


def verdict_on_append(record: Record, event: decisions.AppendDecided) -> Verdict:
    """Return the response to an AppendEntries."""
    assert record.after is not None
    args, own = event.args, record.after
    sound, end = "", LogEnd(own.last_log_index, own.last_log_term)
    if not event.success:
        sound = Rule.MATCHES if event.rule == Rule.OWN_RULE and args.prev_log_index == NONE else ""
    elif CORRECT.is_stale_append(args.term, own.current_term):
        sound = Rule.STALE_TERM
    elif args.prev_log_index >= end.last_index and not CORRECT.log_matches(args, end):
        sound = Rule.LOG_TOO_SHORT if args.prev_log_index > end.last_index else Rule.TERM_CONFLICT
    at = record.node, record.seq, record.time
    return Verdict(*at, args, event.success, event.rule, own, sound, event.conflict_term)


def verdict_on_confirm(record: Record, event: decisions.ConfirmDecided) -> Verdict:
    """Return the response to a Confirm."""
    assert record.after is not None
    args, own = event.args, record.after
    is_stale = CORRECT.is_stale_append(args.term, own.current_term)
    sound = Rule.STALE_TERM if event.success and is_stale else ""
    return Verdict(record.node, record.seq, record.time, args, event.success, event.rule, own, sound)


def verdict_on_read_index(record: Record, event: decisions.ReadIndexDecided) -> Verdict:
    """Return the response to a ReadIndex."""
    assert record.after is not None
    return Verdict(record.node, record.seq, record.time, event.args, event.success, event.rule, record.after, "")
