"""A node's response to a request: the rule, the operands, and whether the correct algorithm responds so."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from raftplay.raft import decisions
from raftplay.raft.decisions import NodeState
from raftplay.raft.log import RaftLog
from raftplay.raft.messages import NONE, AppendEntriesArgs, ConfirmArgs, ReadIndexArgs, RequestVoteArgs
from raftplay.raft.rule_names import Rule
from raftplay.raft.rules import Rules
from raftplay.watch.facts import Record

if TYPE_CHECKING:  # the screen's first frame needs `sound_vote` without it
    from raftplay.past.index import EventIndex

CORRECT = Rules()
"""The rules of the paper."""


@dataclass(frozen=True, slots=True)
class NodeVerdict:
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


def verdict_of(events: "EventIndex", record: Record | None) -> NodeVerdict | None:
    """Return the response that `record`, a node's decision about a request, tells of; None for any other."""
    if record is None:
        return None
    event, own, sound, conflict_term, heard = record.event, record.after, "", NONE, None
    match event:
        case decisions.VoteDecided():
            assert own is not None
            earlier, heard = events.story(record.node).before_vote[record.seq]
            heard = heard if event.rule in (Rule.LEADER_ALIVE, Rule.IN_LEASE) else None
            sound = sound_vote(event, own, earlier)
        case decisions.AppendDecided():
            assert own is not None
            sound, conflict_term = _sound_append(event, own), event.conflict_term
        case decisions.ConfirmDecided(args=args):
            assert own is not None
            is_stale = CORRECT.is_stale_append(args.term, own.current_term)
            sound = Rule.STALE_TERM if event.success and is_stale else ""
        case decisions.ReadIndexDecided():
            assert own is not None
        case _:
            return None
    yes = event.granted if isinstance(event, decisions.VoteDecided) else event.success
    at = record.node, record.seq, record.time
    return NodeVerdict(*at, event.args, yes, event.rule, own, sound, conflict_term, heard)


def sound_vote(event: decisions.VoteDecided, own: NodeState, earlier: Iterable[int]) -> str:
    """Return the rule by which the correct algorithm decides otherwise about a vote, "" where it does not.

    `earlier` are those whom the node had voted for in its term.
    """
    args, rule = event.args, event.rule
    by_log = Rule.GRANTED
    if not CORRECT.is_up_to_date(args, LogEnd(own.last_log_index, own.last_log_term)):
        by_log = Rule.LOG_OLDER_TERM if args.last_log_term < own.last_log_term else Rule.LOG_SHORTER
    correct = by_log
    if not args.pre_vote and CORRECT.is_stale_vote_request(args.term, own.current_term):
        correct = Rule.STALE_TERM
    elif not args.pre_vote:
        votes = (*earlier, own.voted_for)
        is_free = all(CORRECT.may_vote_for(args.candidate_id, vote) for vote in votes)
        correct = by_log if is_free else Rule.VOTED_FOR_OTHER
    if event.granted or (rule == Rule.OWN_RULE and not args.pre_vote):
        return correct if (correct == Rule.GRANTED) is not event.granted else ""
    return by_log if rule in (Rule.LOG_OLDER_TERM, Rule.LOG_SHORTER) and rule != by_log else ""


def _sound_append(event: decisions.AppendDecided, own: NodeState) -> str:
    """Return the rule by which the correct algorithm decides otherwise about entries, "" where it does not."""
    args, end = event.args, LogEnd(own.last_log_index, own.last_log_term)
    if not event.success:
        return Rule.MATCHES if event.rule == Rule.OWN_RULE and args.prev_log_index == NONE else ""
    if CORRECT.is_stale_append(args.term, own.current_term):
        return Rule.STALE_TERM
    if args.prev_log_index >= end.last_index and not CORRECT.log_matches(args, end):
        return Rule.LOG_TOO_SHORT if args.prev_log_index > end.last_index else Rule.TERM_CONFLICT
    return ""
