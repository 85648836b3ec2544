"""Elections for newcomers: who asks for votes, who votes for whom and why, who leads and who follows."""

from typing import assert_never

from raftplay.raft import decisions
from raftplay.raft.messages import (
    NONE,
    CMState,
    RequestVoteReply,
)
from raftplay.raft.rule_names import Rule, rule_words
from raftplay.tui.stage.moment import Moment, name, names
from raftplay.tui.stage.telling.text import CROWD, Told, own_step, rule_text
from raftplay.watch.facts import Record
from raftplay.watch.text import count
from raftplay.why.facts.verdicts import sound_vote

LOOK_BACK = 1500
"""The most events that are searched for an earlier vote, where a bug may be the reason of a response."""


def timer_ran_out(n: str, rule: str) -> str:
    """Return why node `n` starts an election."""
    return f"{n}'s timer was fired by hand" if rule == Rule.BY_HAND else f"{n}'s timer ran out"


def election(term: int, rule: str, record: Record, moment: Moment) -> Told:
    """Tell that a node asks for votes."""
    n, rivals = name(record.node), _candidates(record, moment, term)
    first = " first" if rule == Rule.TIMEOUT and not rivals else ""
    now = f"{timer_ran_out(n, rule)}{first}: it asks for votes in term {term}."
    if moment.size == 1:
        return Told(now, "It votes for itself, and one vote of one is a majority (§5.2).")
    if any(isinstance(r.event, decisions.VoteCounted) and r.event.pre_vote for r in own_step(record, moment)):
        now = f"{n} could win: it becomes candidate, and asks for votes in term {term}."
        return Told(now, "A majority said so in pre-votes; it votes for itself (§5.2).")
    if rivals:
        return Told(now, f"{names(rivals)} {_asks(rivals)} for votes in term {term} too: votes may split (§5.2).")
    if rule == Rule.TOLD_TO:
        return Told(f"{n} asks for votes in term {term}.", "It votes for itself (§5.2).")
    if rule not in (Rule.TIMEOUT, Rule.BY_HAND):
        return Told(now, f"{rule_text(rule)} It votes for itself.")
    heard = "A timer is enough" if rule == Rule.BY_HAND else "It heard from no leader"
    return Told(now, f"{heard}: it begins a term and votes for itself (§5.2).")


def counted(event: decisions.VoteCounted, record: Record, moment: Moment) -> Told | None:
    """Tell that a vote is counted; None for one that decides, for that is told."""
    if event.voter == record.node or (len(event.votes) >= event.needed and not event.pre_vote):
        return None  # that it leads is told
    n, kind = name(record.node), "pre-vote" if event.pre_vote else "vote"
    section = "thesis §9.6" if event.pre_vote else "§5.2"
    return Told(
        f"{n} has {len(event.votes)} of {count(moment.size, kind)}: {name(event.voter)} said yes.",
        f"{n} needs {event.needed}, a majority of {moment.size}; its own {kind} counts ({section}).",
    )


def leads(n: str, term: int, votes: tuple[int, ...], moment: Moment) -> Told:
    """Tell that node `n` leads."""
    alone = "" if moment.snapshot.bugs else "; with one vote each, nobody else can win"
    why = f"{len(votes)} of {moment.size} is a majority{alone} (§5.2)."
    return Told(f"{n} has {len(votes)} of {count(moment.size, 'vote')}: it leads term {term}.", why)


def _asks(nodes: list[int]) -> str:
    return "asks" if len(nodes) == 1 else "ask"


def _candidates(record: Record, moment: Moment, term: int) -> list[int]:
    """Return the other nodes that are candidates in `term`."""
    return [
        node.id
        for node in moment.live
        if node.id != record.node and node.current_term == term and node.state is CMState.CANDIDATE
    ]


def vote(event: decisions.VoteDecided, record: Record, moment: Moment) -> Told | None:
    """Tell that a node votes, or denies its vote, and by which rule; None where it is told as it is counted."""
    if event.granted and moment.size > CROWD and not moment.snapshot.bugs:
        return None
    n, asker, term = name(record.node), name(event.args.candidate_id), event.args.term
    pre = event.args.pre_vote
    if event.rule == Rule.IN_LEASE:
        now = f"{n} ignores {asker}'s {'pre-vote' if pre else 'vote'} request for term {term}."
    elif event.granted:
        now = f"{n} would vote for {asker} in term {term}." if pre else f"{n} votes for {asker}."
    else:
        now = f"{n} would not vote for {asker}." if pre else f"{n} denies {asker} its vote."
    sound = _unsound(event, record, moment) if moment.snapshot.bugs else ""
    if sound:
        section, words = rule_words(sound)
        answer = "yes" if sound == Rule.GRANTED else "no"
        return Told(now, f"A bug: the correct algorithm says {answer}, as {words} ({section}).")
    return Told(now, _vote_reason(event, record))


def _unsound(event: decisions.VoteDecided, record: Record, moment: Moment) -> str:
    """Return the rule by which the correct algorithm would have responded otherwise, "" where it would not."""
    if record.after is None:
        return ""
    earlier = []
    for other in moment.before(record, LOOK_BACK):
        match other.event:
            case decisions.VoteDecided(args=args, granted=True) if other.node == record.node:
                if args.term == event.args.term and not args.pre_vote:
                    earlier.append(args.candidate_id)
            case decisions.ElectionStarted(term=term) if other.node == record.node and term == event.args.term:
                earlier.append(record.node)
    return sound_vote(event, record.after, earlier)


def _vote_reason(event: decisions.VoteDecided, record: Record) -> str:  # noqa: PLR0912 - a row for each rule
    """Return why a node votes so, with the operands of the rule."""
    args, after, n = event.args, record.after, name(record.node)
    asker = name(args.candidate_id)
    if after is None:
        return rule_text(event.rule)
    own_end, asker_end = (after.last_log_term, after.last_log_index), (args.last_log_term, args.last_log_index)
    match event.rule:
        case Rule.GRANTED:
            return f"It had not voted in term {args.term}; {_logs(own_end, asker_end, asker)} (§5.4.1)."
        case Rule.PRE_GRANTED:
            return f"It heard from no leader lately, and {_logs(own_end, asker_end, asker)} (thesis §9.6)."
        case Rule.TERM_BEGUN if args.term == after.current_term:
            return f"It asks about term {args.term}, in which {n} is already (§5.1, thesis §9.6)."
        case Rule.STALE_TERM | Rule.TERM_BEGUN:
            return f"The request is of term {args.term}, but {n} is in term {after.current_term} (§5.1)."
        case Rule.VOTED_FOR_OTHER if after.voted_for == record.node:
            return f"It voted for itself in term {args.term}: one vote in a term (§5.2)."
        case Rule.VOTED_FOR_OTHER:
            return f"It voted for {name(after.voted_for)} in term {args.term}: one vote in a term (§5.2)."
        case Rule.LEADS:
            return f"It leads term {after.current_term} itself (§5.2)."
        case Rule.LOG_OLDER_TERM if args.last_log_index == NONE:
            return f"{asker} asked with an empty log; it could lack committed entries (§5.4.1)."
        case Rule.LOG_OLDER_TERM:
            return (
                f"{asker}'s last entry is of term {asker_end[0]}, {n}'s of term {own_end[0]}: "
                f"{asker} could lack committed entries (§5.4.1)."
            )
        case Rule.LOG_SHORTER:
            return (
                f"{asker}'s log ends at index {asker_end[1]}, {n}'s at {own_end[1]}: "
                f"{asker} could lack committed entries (§5.4.1)."
            )
        case Rule.LEADER_ALIVE:
            return "It heard from a leader just before: no election is needed (thesis §9.6)."
        case Rule.IN_LEASE:
            leads = after.state is CMState.LEADER
            heard = f"It leads term {after.current_term}" if leads else "It heard from its leader just before"
            return f"{heard}: it stays in its term, and does not reply (thesis §4.2.3)."
    return rule_text(event.rule)


def _logs(own: tuple[int, int], asker: tuple[int, int], who: str) -> str:
    if own == asker:
        return "both logs are empty" if own[1] == NONE else f"both logs end at index {own[1]}, term {own[0]}"
    if asker[0] != own[0]:
        return f"{who}'s log ends with a higher term"
    return f"{who}'s log is longer"


def ignored(event: decisions.ReplyIgnored, record: Record, moment: Moment) -> Told | None:
    """Tell of a vote that comes late; None for other responses that are ignored."""
    node, reply = moment.nodes[record.node], event.reply
    if not isinstance(reply, RequestVoteReply) or not reply.vote_granted or event.rule != Rule.OLD_CALL:
        return None
    n, peer = name(record.node), name(event.peer)
    if moment.size > CROWD:
        return None
    if node.state is CMState.LEADER:
        why = "A majority had voted for it before: later votes change nothing (§5.2)."
        return Told(f'{peer}\'s "yes" comes late: {n} leads already.', why)
    if node.state is CMState.CANDIDATE:
        why = "A majority said yes before; now it asks for votes (thesis §9.6)."
        return Told(f"{peer}'s pre-vote comes late: {n} is candidate already.", why)
    return Told(f"{peer}'s \"yes\" comes too late: {n}'s election is over.", rule_text(event.rule))


def follows(event: decisions.BecameFollower, record: Record, moment: Moment) -> Told | None:
    """Tell that a node follows, gives up, steps down, or moves to another term."""
    n = name(record.node)
    term = event.term
    higher = f"Term {term} is higher than its term {event.old_term}; the highest term counts (§5.1)."
    if event.rule == Rule.NO_QUORUM:
        why = "It can commit nothing, and perhaps another node leads: clients can ask there (thesis §6.2)."
        return Told(f"{n} steps down: no majority has replied for an election timeout.", why)
    if event.rule not in (Rule.NEWER_TERM, Rule.LEADER_HEARD):
        return Told(f"{n} is follower in term {term}.", rule_text(event.rule))
    match event.was:
        case CMState.LEADER:
            return Told(f"{n} steps down: it hears of term {term}.", higher)
        case CMState.CANDIDATE | CMState.PRE_CANDIDATE if event.rule == Rule.LEADER_HEARD:
            leader = next((name(x.id) for x in moment.leaders if x.current_term == term), "another node")
            why = "A term has one leader: a candidate that hears from it follows it (§5.2)."
            return Told(f"{n} gives up: {leader} has won term {term}.", why)
        case CMState.CANDIDATE | CMState.PRE_CANDIDATE:
            return Told(f"{n} gives up its election: it hears of term {term}.", higher)
        case CMState.FOLLOWER | CMState.DEAD:
            return Told(f"{n} hears of term {term}, and moves to it.", higher) if moment.size <= CROWD else None
        case _:
            assert_never(event.was)
