"""Events for newcomers: what happened, and the rule behind it. Routine events have no words here."""

from typing import NamedTuple, assert_never

from raftplay.cluster.network import LinkFaults
from raftplay.raft import decisions
from raftplay.raft.decisions import Rule, rule_words
from raftplay.raft.messages import (
    NONE,
    AppendEntriesArgs,
    AppendEntriesReply,
    Args,
    CMState,
    Reply,
    RequestVoteArgs,
    RequestVoteReply,
)
from raftplay.tui.stage.moment import LONGEST_COMMAND, Moment, entries_text, name, names, upper
from raftplay.watch import facts
from raftplay.watch.facts import Record
from raftplay.watch.narrator import link_text
from raftplay.watch.text import command_text, count, visible
from raftplay.why.facts.verdicts import verdict_on_vote

LOOK_BACK = 1500
"""The most events that are searched for an earlier vote, where a bug may be the reason of a response."""


RECENT = 0.02
"""The seconds of cluster time within which a loss belongs to what was just sent."""


class Told(NamedTuple):
    """A text for an event, and the rule behind it."""

    now: str
    why: str


ROUTINE = frozenset(
    (
        decisions.PeersReset, decisions.HeartbeatDue, decisions.Persisted, decisions.Applied,
        facts.CallSent, facts.CallDelivered, facts.ReplySent, facts.ReplyDelivered, facts.OnDisk,
    )
)  # fmt: skip
"""Events that are never told: others tell what follows from them."""


def told(record: Record, moment: Moment) -> Told | None:
    """Return the words for the event of `record`; None for a routine event."""
    if type(record.event) in ROUTINE:
        return None
    event = record.event
    if isinstance(event, decisions.DecisionBase):
        return _decision(event, record, moment)
    return _fact(event, record, moment)


def is_accepted(event: facts.Event) -> bool:
    """Return whether a node accepts an AppendEntries: what it stores and commits is told instead."""
    return isinstance(event, decisions.AppendDecided) and event.success


def rule_text(rule: str) -> str:
    """Return a rule as a sentence with its section."""
    section, words = rule_words(rule)
    return f"{upper(words)} ({section})."


# ---- decisions


def _decision(event: decisions.Decision, record: Record, moment: Moment) -> Told | None:
    n = name(record.node)
    match event:
        case decisions.Started():
            return _started(event, record, moment)
        case decisions.PreVoteStarted(term, rule):
            why = "It asks first and keeps its term, so that it disturbs no leader (thesis §9.6)."
            return Told(f"{_timer_ran_out(n, rule)}: it asks whether it could win term {term}.", why)
        case decisions.ElectionStarted(term, rule):
            return _election(term, rule, record, moment)
        case decisions.VoteDecided():
            return _vote(event, record, moment)
        case decisions.VoteCounted():
            return _counted(event, record, moment)
        case decisions.ReplyIgnored():
            return _ignored(event, record, moment)
        case decisions.BecameLeader(term, votes):
            return _leads(n, term, votes, moment)
        case decisions.BecameFollower():
            return _follows(event, record, moment)
        case decisions.WriteDelayed() | decisions.CustomDecision() | decisions.Stopped():
            return _oddity(event, record, moment)
        case decisions.TimerSet(deadline):
            why = "Timeouts are random so that votes are rarely split: a timer set by hand shows why (§5.2)."
            return Told(f"{n}'s timer is set by hand: it fires at {deadline:.3f} s.", why)
        case decisions.PeersReset() | decisions.HeartbeatDue() | decisions.Persisted():
            return None
        case _:
            return _log_decision(event, record, moment)


def _oddity(
    event: decisions.WriteDelayed | decisions.CustomDecision | decisions.Stopped, record: Record, moment: Moment
) -> Told | None:
    n = name(record.node)
    match event:
        case decisions.WriteDelayed(write, waits):
            why = "A correct node writes to its disk before it responds: a crash would lose it (Figure 2)."
            return Told(f"{n} puts off writing its {write} to its disk.", why) if waits else None
        case decisions.CustomDecision():
            return Told(f"{n}: {visible(repr(event))}.", "An event of a custom node; Figure 2 has no such event.")
        case decisions.Stopped():
            return _crashed("", record, moment)
        case _:
            assert_never(event)


def _started(event: decisions.Started, record: Record, moment: Moment) -> Told | None:
    if record.incarnation:
        return None  # its restart is told
    nodes = "One node has" if moment.size == 1 else f"{moment.size} nodes have"
    why = "Each waits for a leader, with a timer of random length (§5.2)."
    if event.current_term:
        return Told(f"{nodes} started with what their disks hold. None leads yet.", why)
    return Told(f"{nodes} started, with empty logs. None leads yet.", why)


def _timer_ran_out(n: str, rule: str) -> str:
    return f"{n}'s timer was fired by hand" if rule == Rule.BY_HAND else f"{n}'s timer ran out"


def _election(term: int, rule: str, record: Record, moment: Moment) -> Told:
    n, rivals = name(record.node), _candidates(record, moment, term)
    first = " first" if rule == Rule.TIMEOUT and not rivals else ""
    now = f"{_timer_ran_out(n, rule)}{first}: it asks for votes in term {term}."
    if moment.size == 1:
        return Told(now, "It votes for itself, and one vote of one is a majority (§5.2).")
    if any(isinstance(r.event, decisions.VoteCounted) and r.event.pre_vote for r in _own_step(record, moment)):
        now = f"{n} could win: it becomes candidate, and asks for votes in term {term}."
        return Told(now, "A majority said so in pre-votes; it votes for itself (thesis §9.6, §5.2).")
    if rivals:
        return Told(now, f"{names(rivals)} {_asks(rivals)} for votes in term {term} too: votes may split (§5.2).")
    if rule not in (Rule.TIMEOUT, Rule.BY_HAND):
        return Told(now, f"{rule_text(rule)} It votes for itself.")
    heard = "A timer is enough to start an election" if rule == Rule.BY_HAND else "It heard from no leader in time"
    return Told(now, f"{heard}; a new term begins, and it votes for itself (§5.2).")


def _counted(event: decisions.VoteCounted, record: Record, moment: Moment) -> Told | None:
    if event.voter == record.node or (len(event.votes) >= event.needed and not event.pre_vote):
        return None  # that it leads is told
    n, kind = name(record.node), "pre-vote" if event.pre_vote else "vote"
    section = "thesis §9.6" if event.pre_vote else "§5.2"
    return Told(
        f"{n} has {len(event.votes)} of {count(moment.size, kind)}: {name(event.voter)} said yes.",
        f"{n} needs {event.needed}, a majority of {moment.size}; its own {kind} counts ({section}).",
    )


def _leads(n: str, term: int, votes: tuple[int, ...], moment: Moment) -> Told:
    needs = "One vote is" if len(votes) == 1 else f"{len(votes)} votes are"
    alone = "" if moment.snapshot.bugs else "; a node has one vote in a term, so nobody else wins it"
    why = f"{needs} a majority of {moment.size}{alone} (§5.2)."
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


def _own_step(record: Record, moment: Moment) -> list[Record]:
    """Return the events of the same node at the same time before `record`, the last one first."""
    return [r for r in moment.before(record, 6) if r.node == record.node and r.time == record.time]


def _vote(event: decisions.VoteDecided, record: Record, moment: Moment) -> Told:
    n, asker, term = name(record.node), name(event.args.candidate_id), event.args.term
    pre = event.args.pre_vote
    if event.granted:
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
    return verdict_on_vote(record, event, earlier, None).sound


def _vote_reason(event: decisions.VoteDecided, record: Record) -> str:
    """Return why a node votes so, with the operands of the rule."""
    args, after, n = event.args, record.after, name(record.node)
    asker = name(args.candidate_id)
    if after is None:
        return rule_text(event.rule)
    own_end, asker_end = (after.last_log_term, after.last_log_index), (args.last_log_term, args.last_log_index)
    match event.rule:
        case Rule.GRANTED:
            return f"It had not voted in term {args.term}, and {_logs(own_end, asker_end, asker)} (§5.2, §5.4.1)."
        case Rule.PRE_GRANTED:
            return f"It heard from no leader lately, and {_logs(own_end, asker_end, asker)} (thesis §9.6)."
        case Rule.STALE_TERM if args.pre_vote and args.term == after.current_term:
            return f"It asks about term {args.term}, in which {n} is already (§5.1, thesis §9.6)."
        case Rule.STALE_TERM:
            return f"The request is of term {args.term}, but {n} is in term {after.current_term} (§5.1)."
        case Rule.VOTED_FOR_OTHER if after.voted_for == record.node:
            return f"It voted for itself in term {args.term}: one vote in a term (§5.2)."
        case Rule.VOTED_FOR_OTHER:
            return f"It voted for {name(after.voted_for)} in term {args.term}: one vote in a term (§5.2)."
        case Rule.LEADS:
            return f"It leads term {after.current_term} itself (§5.2)."
        case Rule.LOG_OLDER_TERM if args.last_log_index == NONE:
            return (
                f"{asker} asked with an empty log, its own is not: {asker} could lack committed entries (§5.4.1)."
            )
        case Rule.LOG_OLDER_TERM:
            return (
                f"{asker}'s last entry is of term {asker_end[0]}, its own of term {own_end[0]}: "
                f"{asker} could lack committed entries (§5.4.1)."
            )
        case Rule.LOG_SHORTER:
            return (
                f"{asker}'s log ends at index {asker_end[1]}, its own at {own_end[1]}: "
                f"{asker} could lack committed entries (§5.4.1)."
            )
        case Rule.LEADER_ALIVE:
            return "It heard from a leader just before: no election is needed (thesis §9.6)."
    return rule_text(event.rule)


def _logs(own: tuple[int, int], asker: tuple[int, int], who: str) -> str:
    if own == asker:
        return "both logs are empty" if own[1] == NONE else f"both logs end with index {own[1]} of term {own[0]}"
    if asker[0] != own[0]:
        return f"{who}'s log ends with a higher term"
    return f"{who}'s log is longer"


def _ignored(event: decisions.ReplyIgnored, record: Record, moment: Moment) -> Told | None:
    node, reply = moment.nodes[record.node], event.reply
    if not isinstance(reply, RequestVoteReply) or not reply.vote_granted or event.rule != Rule.OLD_CALL:
        return None
    n, peer = name(record.node), name(event.peer)
    if node.state is CMState.LEADER:
        why = "A candidate leads as soon as a majority voted for it: later votes change nothing (§5.2)."
        return Told(f'{peer}\'s "yes" comes late: {n} leads already.', why)
    if node.state is CMState.CANDIDATE:
        why = "A majority said yes before; now it asks for the votes themselves (thesis §9.6)."
        return Told(f"{peer}'s pre-vote comes late: {n} is candidate already.", why)
    return Told(f"{peer}'s \"yes\" comes too late: {n}'s election is over.", rule_text(event.rule))


def _follows(event: decisions.BecameFollower, record: Record, moment: Moment) -> Told:
    n = name(record.node)
    term = event.term
    higher = f"Term {term} is higher than its term {event.old_term}; the highest term counts (§5.1)."
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
    return Told(f"{n} hears of term {term}, and moves to it.", higher)


def _log_decision(event: decisions.LogDecision, record: Record, moment: Moment) -> Told | None:
    n = name(record.node)
    match event:
        case decisions.EntryAppended(index, entry):
            why = "Only a leader takes commands; it sends them to all, and counts who has them (§5.3)."
            return Told(f"{n} appends {entries_text((entry,))} to its log, at index {index}.", why)
        case decisions.AppendDecided(args, success):
            return None if success else _rejected(event, args, record, moment)
        case decisions.LogTruncated(index, removed):
            why = "What differs from the leader's log goes: followers' logs become like it (§5.3)."
            return Told(f"{n} deletes {count(removed, 'entry')}, from index {index} on.", why)
        case decisions.EntriesStored():
            return _stored(event, record, moment)
        case decisions.MatchAdvanced(peer, index):
            return _matches(record.node, peer, index, moment)
        case decisions.BackedUp(peer, index):
            why = f"It goes back in {name(peer)}'s log until both logs agree, then sends what follows (§5.3)."
            return Told(f"{n} will send {name(peer)} its log from index {index} on.", why)
        case decisions.CommitAdvanced():
            return _committed(event, record, moment)
        case decisions.CommitHeld(index, term, rule):
            now = f"{n} does not commit {moment.entry(record.node, index)}, though a majority has it."
            if rule != Rule.OLDER_ENTRY:
                return Told(now, rule_text(rule))
            why = f"It is of term {term}: a leader counts only entries of its own term (§5.4.2, Figure 8)."
            return Told(now, why)
        case decisions.Applied():
            return None
        case _:
            assert_never(event)


def _matches(leader: int, peer: int, index: int, moment: Moment) -> Told:
    node = moment.nodes[leader]
    have, log = moment.holders(node, index), node.log
    entry = moment.entry(leader, index)
    now = f"{name(leader)} hears that {name(peer)} has {entry}: {have} of {moment.size} have it."
    if index <= node.commit_index:
        return Told(now, f"It is committed already: {name(peer)} has caught up to index {index} (§5.3).")
    if 0 <= index < len(log) and log[index].term < node.current_term:
        why = f"It is of term {log[index].term}: only an entry of the leader's own term commits it (§5.4.2)."
        return Told(now, why)
    return Told(now, f"An entry is safe once a majority, {moment.majority} of {moment.size}, has it (§5.3).")


def _rejected(
    event: decisions.AppendDecided, args: AppendEntriesArgs, record: Record, moment: Moment
) -> Told | None:
    n, leader = name(record.node), name(args.leader_id)
    after, before = record.after, args.prev_log_index
    if after is not None:
        match event.rule:
            case Rule.STALE_TERM:
                if moment.nodes[args.leader_id].state is not CMState.LEADER:
                    return None  # it has stepped down already
                why = f"{n} is in term {after.current_term}: what {leader} sends in a lower term is void (§5.1)."
                return Told(f"{n} rejects {leader}'s message: it is of the old term {args.term}.", why)
            case Rule.LOG_TOO_SHORT:
                end = "is empty" if after.last_log_index == NONE else f"ends at index {after.last_log_index}"
                why = f"{n}'s log {end}: the entry before, at index {before}, is missing (§5.3)."
                return Told(f"{n} cannot store what {leader} sends: there would be a gap.", why)
            case Rule.TERM_CONFLICT:
                log = moment.nodes[record.node].log
                own = f" of term {log[before].term}" if 0 <= before < len(log) else ""
                why = (
                    f"At index {before}, {n} has an entry{own}, {leader} one of term {args.prev_log_term} (§5.3)."
                )
                return Told(f"{n} rejects {leader}'s entries: its own log differs before them.", why)
    return Told(f"{n} rejects what {leader} sends.", rule_text(event.rule))


def _stored(event: decisions.EntriesStored, record: Record, moment: Moment) -> Told:
    n, what = name(record.node), entries_text(event.entries)
    cut = next((r.event for r in _own_step(record, moment) if isinstance(r.event, decisions.LogTruncated)), None)
    now = f"{n} has stored {what}."
    if cut is not None:
        now = f"{n} replaces {count(cut.removed, 'entry')} by {what}."
        return Told(now, "Its log differed from the leader's there; the leader's counts (§5.3).")
    last = event.index + len(event.entries) - 1
    leader = next(
        (x for x in moment.leaders if record.after and x.current_term == record.after.current_term), None
    )
    if leader is not None and last < len(leader.log):
        known = moment.holders(leader, last)
        if known < moment.size:
            now += f" {name(leader.id)} knows it on {known} of {moment.size} nodes."
    if not event.index:
        return Told(now, "It is the first entry: nothing before it can differ (§5.3).")
    return Told(now, f"Its log agrees with the leader's up to index {event.index - 1}, so this fits (§5.3).")


def _committed(event: decisions.CommitAdvanced, record: Record, moment: Moment) -> Told:
    n, entry = name(record.node), moment.entry(record.node, event.index)
    leads = bool(event.replicas) or (record.after is not None and record.after.state is CMState.LEADER)
    if not leads:
        knowing = sum(node.alive and node.commit_index >= event.index for node in moment.nodes)
        now = f"{n} learns that {entry} is committed: {knowing} of {moment.size} know it."
        why = "The leader's messages tell how far it has committed; the rest follows (§5.3)."
        return Told(now, why if event.rule == Rule.TOLD else rule_text(event.rule))
    have = f": {len(event.replicas)} of {moment.size} nodes have it" if event.replicas else ""
    now = f"{upper(entry) if entry.startswith('the ') else entry} is committed{have}."
    if event.rule != Rule.MAJORITY:
        return Told(now, rule_text(event.rule))
    safe = "" if moment.snapshot.bugs else ": it can never be lost"
    return Told(now, f"A majority has it, and it is of {n}'s own term{safe} (§5.3, §5.4).")


# ---- facts


def _fact(event: facts.Fact, record: Record, moment: Moment) -> Told | None:
    match event:
        case facts.CallLost(src=src, dst=dst, args=message, reason=reason):
            return _lost(src, dst, message, reason, record, moment)
        case facts.ReplyLost(src=src, dst=dst, reply=message, reason=reason):
            return _lost(src, dst, message, reason, record, moment)
        case facts.Submitted(command, index):
            if index >= 0:
                return None
            text, n = command_text(command, LONGEST_COMMAND), name(record.node)
            leader = next((node.id for node in moment.leaders if node.id != record.node), None)
            whom = f"{name(leader)} leads." if leader is not None else "None leads now."
            return Told(f"{n} rejects {text}: it does not lead.", f"Only a leader takes commands (§5.1). {whom}")
        case facts.TimedOut():
            why = "This stands for a leader that it has not heard from in time (§5.2)."
            return Told(f"{name(record.node)}'s timer is fired by hand.", why)
        case (
            facts.CallSent()
            | facts.CallDelivered()
            | facts.ReplySent()
            | facts.ReplyDelivered()
        ):  # fmt: skip
            return None
        case facts.Partitioned() | facts.Healed() | facts.LinkChanged() | facts.LinkHeld():
            return _network(event, moment)
        case facts.MessageHeld() | facts.Duplicated() | facts.KeptWaiting():
            return _message(event)
        case _:
            return _node_fault(event, record, moment)


def _node_fault(event: facts.NodeFault, record: Record, moment: Moment) -> Told | None:
    n = name(record.node)
    match event:
        case facts.Crashed(cause):
            return _crashed(cause, record, moment)
        case facts.Restarted():
            node = moment.nodes[record.node]
            kept = f"term {node.current_term}, {count(len(node.log), 'entry')}"
            why = "Term, vote and log survive a crash; role and commit index do not (Figure 2)."
            return Told(f"{n} restarts as a follower, with what its disk holds: {kept}.", why)
        case facts.Tearing(sets):
            why = f"It will crash in the middle of it, after {count(sets, 'part')}: a torn write."
            return Told(f"{n} will not finish its next write to its disk.", why)
        case facts.Wiped(empty):
            if empty:
                return Told(f"{n} has lost its disk, which was empty.", "Nothing was on it: it may come back.")
            why = "It must not come back: it could vote twice, or lack entries that it confirmed (§5.2, §5.4)."
            return Told(f"{n} has lost its disk, with its votes and its log.", why)
        case facts.OnDisk():
            return None
        case _:
            return _out_of_reach(event, record, moment)


def _out_of_reach(
    event: facts.Disconnected | facts.Reconnected | facts.Frozen | facts.Thawed | facts.Dropping,
    record: Record,
    moment: Moment,
) -> Told:
    n = name(record.node)
    match event:
        case facts.Disconnected():
            leads = moment.nodes[record.node].state is CMState.LEADER
            why = f"Nothing reaches it, and nothing of it arrives. {_rest_text(record.node, moment)}"
            return Told(f"{'The leader ' if leads else ''}{n} is cut off from all others.", why)
        case facts.Reconnected():
            return Told(f"{n} is connected again.", "It hears of the current term, and follows its leader (§5.1).")
        case facts.Frozen():
            why = f"Its process stands still: it responds to nothing. {_rest_text(record.node, moment)}"
            return Told(f"{n} freezes.", why)
        case facts.Thawed():
            why = "It does not know that time has passed: its term and role may be old (§5.1)."
            return Told(f"{n} goes on from where it was frozen.", why)
        case facts.Dropping(after):
            if after < 0:
                return Told(f"{n} sends its requests again.", "Its proxy drops none any more.")
            when = f" after {after} more" if after else ""
            return Told(f"{n}'s proxy drops its requests{when}.", "Its responses still pass.")
        case _:
            assert_never(event)


def _crashed(cause: str, record: Record, moment: Moment) -> Told:
    n, up = name(record.node), len(moment.live)
    led = any(node.leader_id == record.node and node.id != record.node for node in moment.live)
    who = f"The leader {n}" if led and not moment.leaders else n
    if up >= moment.majority:
        now = f"{who} crashed: {up} of {moment.size} nodes go on."
        why = f"{moment.majority} of {moment.size} are a majority. Its term, vote and log stay on its disk (§5.2)."
    else:
        rest = f"only {up} of {moment.size} nodes" if up else "no node"
        now = f"{who} crashed: {rest} {'are' if up > 1 else 'is'} up."
        why = f"A leader needs {moment.majority} of {moment.size} to be elected and to commit (§5.2, §5.3)."
    return Told(now, f"Cause: {cause}." if cause else why)


def _rest_text(node: int, moment: Moment) -> str:
    """Return what the other nodes can do without `node`."""
    able = any(moment.reached(other.id) >= moment.majority for other in moment.live if other.id != node)
    return "The others go on (§5.2)." if able else "No majority is left (§5.2)."


def _network(event: facts.Partitioned | facts.Healed | facts.LinkChanged | facts.LinkHeld, moment: Moment) -> Told:
    match event:
        case facts.Partitioned(groups):
            sides = " | ".join(" ".join(map(name, group)) if len(group) < 8 else names(group) for group in groups)
            return Told(f"The network splits: {sides}.", _sides_text(groups, moment))
        case facts.Healed():
            return Told("The network is whole again.", "All nodes hear of the highest term, and follow it (§5.1).")
        case facts.LinkChanged(src, dst, cut, loss, delay, dup):
            text = link_text(LinkFaults(cut=cut, loss=loss, delay=delay, dup=dup))
            link = f"The link from {name(src)} to {name(dst)}"
            why = "Raft copes with lost, late and doubled messages: requests are sent again (§5.5)."
            return Told(f"{link}: {text}." if text != "whole" else f"{link} is whole again.", why)
        case facts.LinkHeld(src, dst, held):
            verb = "waits" if held else "goes on"
            why = "Raft needs no order of messages, and no limit to their delay (§2)."
            return Told(f"What {name(src)} sends to {name(dst)} {verb}.", why)
        case _:
            assert_never(event)


def _sides_text(groups: tuple[tuple[int, ...], ...], moment: Moment) -> str:
    live = {node.id for node in moment.live}
    able = next((group for group in groups if len(live.intersection(group)) >= moment.majority), None)
    if able is None:
        return f"No side has {moment.majority} of {moment.size} nodes: none can elect or commit (§5.2)."
    others = [id for group in groups if group is not able for id in group]
    rest = f"; {names(others)} cannot" if others else ""
    return f"{names(able)}: a majority, which can elect and commit{rest} (§5.2, §5.3)."


def _message(event: facts.MessageHeld | facts.Duplicated | facts.KeptWaiting) -> Told | None:
    if isinstance(event, facts.KeptWaiting) and _kind_text(event.message) in QUIET:
        return None
    what = message_text(event.src, event.dst, event.message)
    match event:
        case facts.MessageHeld():
            why = "It stays on its way until it is released, delivered or lost by hand."
            return Told(f"{what} is held.", why)
        case facts.Duplicated():
            return Told(f"{what} is doubled.", "A message may arrive twice: Raft must not mind (§5.5).")
        case facts.KeptWaiting():
            return Told(f"{what} waits: {name(event.dst)} is frozen.", "It is handled after the pause.")
        case _:
            assert_never(event)


def message_text(src: int, dst: int, message: Args | Reply) -> str:
    """Return a message in words: "n2's vote request to n0"."""
    return f"{name(src)}'s {_kind_text(message)} to {name(dst)}"


def _kind_text(message: Args | Reply) -> str:
    match message:
        case RequestVoteArgs(pre_vote=pre_vote):
            return "pre-vote request" if pre_vote else "vote request"
        case AppendEntriesArgs(entries=()):
            return "heartbeat"
        case AppendEntriesArgs(entries=entries):
            return f"message with {entries_text(entries)}"
        case RequestVoteReply(vote_granted=granted):
            return '"yes"' if granted else '"no"'
        case AppendEntriesReply(success=success):
            return '"ok"' if success else "rejection"
        case _:
            assert_never(message)


QUIET = ("heartbeat", '"ok"')
"""Messages of which a loss or a wait is not told."""

LOSSES = {
    "partition": "They are on two sides of the partition",
    "cut": "The link is cut",
    "loss": "The link loses messages",
    "disconnected": "One of the two is cut off",
    "crash": "One of the two is down",
    "frozen": "The process of one of the two stands still",
    "unreliable": "The network is set to be unreliable",
    "by hand": "It was lost by hand",
    facts.NOT_SENT: "The connection is broken",
}
"""The reasons why a message is lost, as sentences."""


def _lost(src: int, dst: int, message: Args | Reply, reason: str, record: Record, moment: Moment) -> Told | None:
    """Tell of a loss; those of the same node at about the same time are told as one."""
    kind = _kind_text(message)
    if kind in (*QUIET, '"no"') or reason == "not awaited":
        return None
    if isinstance(message, AppendEntriesArgs) and not _is_first_try(src, message, record, moment):
        return None
    to = {dst}
    for earlier in moment.before(record):
        match earlier.event:
            case facts.CallLost(src=other, dst=peer, args=same) | facts.ReplyLost(src=other, dst=peer, reply=same):
                if other == src and _kind_text(same) == kind:
                    to.add(peer)
    why = f"{LOSSES.get(reason, upper(visible(reason)))}."
    return Told(f"{name(src)}'s {kind} to {names(sorted(to))} is lost.", f"{why} {_after_loss(message)}")


def _is_first_try(src: int, message: AppendEntriesArgs, record: Record, moment: Moment) -> bool:
    """Return whether `src` has just appended an entry of `message`: later losses of it are no news."""
    for earlier in moment.before(record):
        if earlier.time < record.time - RECENT:
            return False
        match earlier.event:
            case decisions.EntryAppended(index=index) if earlier.node == src:
                return index > message.prev_log_index
    return False


def _after_loss(message: Args | Reply) -> str:
    match message:
        case RequestVoteArgs():
            return "A candidate asks each node once in a term."
        case RequestVoteReply():
            return "A vote counts when it arrives (§5.2)."
        case AppendEntriesArgs() | AppendEntriesReply():
            return "The leader sends it again (§5.3)."
        case _:
            assert_never(message)
