"""A node's response to a request: the rule, the operands, and whether the correct algorithm responds so."""

from dataclasses import dataclass

from raftplay.raft import decisions
from raftplay.raft.decisions import Rule
from raftplay.raft.messages import NONE, AppendEntriesArgs, CMState, RequestVoteArgs
from raftplay.watch import facts
from raftplay.watch.facts import Record
from raftplay.why.index import EventIndex

Args = RequestVoteArgs | AppendEntriesArgs


@dataclass(frozen=True, slots=True)
class Verdict:
    """One response of `node` to `args`: `yes` or no, by which rule.

    `term`, `voted_for`, `last_log_index` and `last_log_term` are the node's own, when it responded;
    `conflict_index` and `conflict_term` are the hint of a rejection. `sound` is the rule of the correct algorithm
    that decides otherwise ("granted" and "matches" for those that say yes), "" where the response is correct or
    cannot be judged. `leader_heard`: when it last heard of a leader, and of which; None where that is not known.
    """

    node: int
    seq: int
    time: float
    args: Args
    yes: bool
    rule: str
    term: int
    voted_for: int
    last_log_index: int
    last_log_term: int
    leads: bool = False
    conflict_index: int = NONE
    conflict_term: int = NONE
    sound: str = ""
    leader_heard: tuple[float, int] | None = None

    @property
    def asker(self) -> int:
        """Return the node that sent the request."""
        return self.args.candidate_id if isinstance(self.args, RequestVoteArgs) else self.args.leader_id


def is_refusal(record: Record) -> bool:
    """Return whether the event is a response that says no."""
    match record.event:
        case decisions.VoteDecided(granted=yes) | decisions.AppendDecided(success=yes):
            return not yes
    return False


def ruling(trail: EventIndex, record: Record) -> Verdict:
    """Return the response that `record`, a VoteDecided or an AppendDecided, tells of."""
    after = record.after or decisions.NodeState(CMState.FOLLOWER, 0, NONE, NONE, NONE, NONE, NONE)
    event = record.event
    own = (after.current_term, after.voted_for, after.last_log_index, after.last_log_term)
    leads = after.state is CMState.LEADER
    if isinstance(event, decisions.VoteDecided):
        sound = "" if record.after is None else _sound_vote(trail, record, event, after)
        heard = _leader_heard(trail, record) if event.rule == Rule.LEADER_ALIVE else None
        return Verdict(
            record.node, record.seq, record.time, event.args, event.granted, event.rule, *own, leads,
            sound=sound, leader_heard=heard,
        )  # fmt: skip
    assert isinstance(event, decisions.AppendDecided)
    sound = "" if record.after is None else _sound_append(event, after)
    return Verdict(
        record.node, record.seq, record.time, event.args, event.success, event.rule, *own, leads,
        event.conflict_index, event.conflict_term, sound,
    )  # fmt: skip


def judge_log(last_term: int, last_index: int, voter_last_term: int, voter_last_index: int) -> str:
    """Return the rule by which a voter denies a candidate for its log (§5.4.1); "" where the log is up to date."""
    if last_term < voter_last_term:
        return Rule.LOG_OLDER_TERM
    return Rule.LOG_SHORTER if last_term == voter_last_term and last_index < voter_last_index else ""


def _sound_vote(
    trail: EventIndex, record: Record, event: decisions.VoteDecided, after: decisions.NodeState
) -> str:
    """Return the rule that should have decided about a vote, where another response was given."""
    args = event.args
    log = judge_log(args.last_log_term, args.last_log_index, after.last_log_term, after.last_log_index)
    if not event.granted:
        if event.rule == Rule.OWN_RULE and not args.pre_vote:
            same = args.term < after.current_term or after.voted_for not in (NONE, args.candidate_id)
            return "" if same or log else Rule.GRANTED
        by_log = event.rule in (Rule.LOG_OLDER_TERM, Rule.LOG_SHORTER)
        return (log or Rule.GRANTED) if by_log and event.rule != log else ""
    if args.pre_vote:
        return log
    if args.term < after.current_term:
        return Rule.STALE_TERM
    return Rule.VOTED_FOR_OTHER if earlier_vote(trail, record) is not None else log


def earlier_vote(trail: EventIndex, record: Record) -> Record | None:
    """Return the earlier vote for another candidate in the term in which the node of `record` grants one."""
    event = record.event
    assert isinstance(event, decisions.VoteDecided)
    term, candidate = event.args.term, event.args.candidate_id

    def is_other(earlier: Record) -> bool:
        if not came_to_pass(trail, earlier):
            return False
        match earlier.event:
            case decisions.VoteDecided(args=args, granted=True):
                return not args.pre_vote and args.term == term and args.candidate_id != candidate
            case decisions.ElectionStarted(term=own):
                return own == term
        return False

    return trail.last(
        record.node, decisions.VoteDecided, decisions.ElectionStarted, before=record.seq, test=is_other
    )


def came_to_pass(trail: EventIndex, decided: Record) -> bool:
    """Return whether the node sent or stored something after its decision, before it crashed."""

    def is_of_this_life(record: Record) -> bool:
        return record.incarnation == decided.incarnation

    later = trail.next(
        decided.node, facts.ReplySent, facts.CallSent, decisions.Persisted, after=decided.seq, test=is_of_this_life
    )
    return later is not None


def _sound_append(event: decisions.AppendDecided, after: decisions.NodeState) -> str:
    """Return the rule that should have decided about an AppendEntries, where another response was given."""
    args = event.args
    if not event.success:
        return Rule.MATCHES if event.rule == Rule.OWN_RULE and args.prev_log_index == NONE else ""
    if args.term < after.current_term:
        return Rule.STALE_TERM
    if args.prev_log_index > after.last_log_index:
        return Rule.LOG_TOO_SHORT
    at_end = args.prev_log_index == after.last_log_index
    return Rule.TERM_CONFLICT if at_end and args.prev_log_term != after.last_log_term else ""


def _leader_heard(trail: EventIndex, record: Record) -> tuple[float, int] | None:
    found = trail.event(
        record.node, decisions.AppendDecided, before=record.seq, life=record.incarnation, test=heard_leader
    )
    return None if found is None else (found[0].time, found[1].args.leader_id)


def heard_leader(record: Record) -> bool:
    """Return whether the event is an AppendEntries that counts as heard from a leader of the term (§5.2)."""
    return isinstance(record.event, decisions.AppendDecided) and record.event.rule != Rule.STALE_TERM
