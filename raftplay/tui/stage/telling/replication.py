"""The log for newcomers: entries that are appended, stored, rejected, deleted and committed."""

from typing import assert_never

from raftplay.raft import decisions
from raftplay.raft.messages import (
    NONE,
    AppendEntriesArgs,
    CMState,
)
from raftplay.raft.rule_names import Rule
from raftplay.tui.stage.moment import Moment, entries_text, name, upper
from raftplay.tui.stage.telling.text import CROWD, Told, own_step, rule_text
from raftplay.watch.facts import Record
from raftplay.watch.text import count


def log_decision(event: decisions.LogDecision, record: Record, moment: Moment) -> Told | None:
    """Tell what a node did to its log, or how far it is committed."""
    n = name(record.node)
    match event:
        case decisions.EntryAppended(index, entry):
            why = "Only a leader takes commands; it sends them to all and counts (§5.3)."
            return Told(f"{n} appends {entries_text((entry,))} to its log, at index {index}.", why)
        case decisions.AppendDecided(args, success):
            return None if success else _rejected(event, args, record, moment)
        case decisions.LogTruncated(index, removed):
            why = "It differs from the leader's log, which counts (§5.3)."
            return Told(f"{n} deletes {count(removed, 'entry')}, from index {index} on.", why)
        case decisions.EntriesStored():
            return _stored(event, record, moment)
        case decisions.MatchAdvanced(peer, index):
            return _matches(record.node, peer, index, moment)
        case decisions.BackedUp(peer, index):
            why = "It goes back until both logs agree, then sends what follows (§5.3)."
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


def _matches(leader: int, peer: int, index: int, moment: Moment) -> Told | None:
    node = moment.nodes[leader]
    have, log = moment.holders(node, index), node.log
    entry = moment.entry(leader, index)
    now = f"{name(leader)} hears that {name(peer)} has {entry}: {have} of {moment.size} have it."
    if index <= node.commit_index:
        return None  # that it is stored was told
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
                theirs = "none" if args.prev_log_term == NONE else f"one of term {args.prev_log_term}"
                why = f"At index {before}, {n} has an entry{own}, {leader} {theirs} (§5.3)."
                return Told(f"{n} rejects {leader}'s entries: its own log differs before them.", why)
    return Told(f"{n} rejects what {leader} sends.", rule_text(event.rule))


def _stored(event: decisions.EntriesStored, record: Record, moment: Moment) -> Told | None:
    n, what = name(record.node), entries_text(event.entries)
    cut = next((r.event for r in own_step(record, moment) if isinstance(r.event, decisions.LogTruncated)), None)
    now = f"{n} has stored {what}."
    if cut is not None:
        now = f"{n} replaces {count(cut.removed, 'entry')} by {what}."
        return Told(now, "Its log differed from the leader's, which counts (§5.3).")
    if moment.size > CROWD:
        return None
    last = event.index + len(event.entries) - 1
    leader = next(
        (x for x in moment.leaders if record.after and x.current_term == record.after.current_term), None
    )
    if leader is not None and last < len(leader.log):
        known = moment.holders(leader, last)
        now += f" {name(leader.id)} has counted {known} of {moment.size} copies so far."
    if not event.index:
        return Told(now, "It is the first entry of the log: nothing before it can differ (§5.3).")
    return Told(now, f"Its log agrees with the leader's up to index {event.index - 1}, so this fits (§5.3).")


def _committed(event: decisions.CommitAdvanced, record: Record, moment: Moment) -> Told:
    n, entry = name(record.node), moment.entry(record.node, event.index)
    leads = bool(event.replicas) or (record.after is not None and record.after.state is CMState.LEADER)
    if not leads:
        knowing = sum(node.alive and node.commit_index >= event.index for node in moment.nodes)
        now = f"Followers learn that {entry} is committed: {knowing} of {moment.size} know it."
        why = "Each message of the leader says how far it has committed (§5.3)."
        return Told(now, why if event.rule == Rule.TOLD else rule_text(event.rule))
    have = f": {len(event.replicas)} of {moment.size} nodes have it" if event.replicas else ""
    now = f"{upper(entry) if entry.startswith('the ') else entry} is committed{have}."
    if event.rule != Rule.MAJORITY:
        return Told(now, rule_text(event.rule))
    safe = "" if moment.snapshot.bugs else ": it is never lost"
    return Told(now, f"A majority has it, in {n}'s own term{safe} (§5.3, §5.4).")
