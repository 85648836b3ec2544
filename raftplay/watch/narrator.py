"""Describes each event in one line, for the debug log, `events` and the screens."""

from typing import assert_never

from raftplay.raft import decisions
from raftplay.raft.messages import (
    AppendEntriesArgs,
    AppendEntriesReply,
    Args,
    CMState,
    Entry,
    Reply,
    RequestVoteArgs,
    RequestVoteReply,
    RPCRequest,
)
from raftplay.raft.rpcs import OF
from raftplay.raft.rule_names import Rule, rule_words
from raftplay.watch import client_facts, facts
from raftplay.watch.text import command_text, count, or_dash, size_text, visible
from raftplay.watch.words import disk_text, options_text, role_text, told_text


def describe(record: facts.Record) -> str:
    """Return the event of `record` as one line, without its time and node."""
    event = record.event
    if isinstance(event, decisions.DecisionBase):
        return _decision(event)
    return _fact(event)


def rule_text(rule: str) -> str:
    """Return a rule's text and section: "the request has a lower term (§5.1)"."""
    section, words = rule_words(rule)
    return f"{words} ({section})"


def args_text(args: Args) -> str:
    """Return a short text of a request."""
    match args:
        case RequestVoteArgs():
            kind = "pre-vote" if args.pre_vote else "vote"
            last = f"last entry {or_dash(args.last_log_index)}, of term {or_dash(args.last_log_term)}"
            return f"{kind} request for term {args.term} ({last})"
        case AppendEntriesArgs(entries=()):
            return f"heartbeat of term {args.term} (commit {or_dash(args.leader_commit)})"
        case AppendEntriesArgs():
            first = args.prev_log_index + 1
            return f"{_entries(first, args.entries)} of term {args.term} (commit {or_dash(args.leader_commit)})"
        case _:
            return f"{OF[type(args)].noun} of term {args.term}"


def reply_text(reply: Reply) -> str:
    """Return a short text of a reply."""
    match reply:
        case AppendEntriesReply(success=True):
            return f"success in term {reply.term}"
        case AppendEntriesReply():
            hint = f", conflict at {reply.conflict_index}" if reply.conflict_index >= 0 else ""
            return f"rejection in term {reply.term}{hint}"
        case RequestVoteReply():
            return f"vote {'granted' if reply.vote_granted else 'denied'} in term {reply.term}"
        case _:
            return f"{OF[type(reply)].noun} {'accepted' if reply.yes else 'refused'} in term {reply.term}"


def _entries(first: int, entries: tuple[Entry, ...]) -> str:
    last = first + len(entries) - 1
    where = f"entry {first}" if last == first else f"entries {first}..{last}"
    shown = " ".join(command_text(entry.command, 20) for entry in entries[:4])
    return f"{where} [{shown}{' …' if len(entries) > 4 else ''}]"


def _nodes(ids: tuple[int, ...]) -> str:
    return " ".join(f"n{id}" for id in ids)


def _decision(event: decisions.Decision) -> str:
    if isinstance(event, decisions.TransferDecision):
        return _transfer(event)
    if isinstance(event, decisions.SnapshotDecision):
        return _snapshot(event)
    if isinstance(event, decisions.ReadDecision):
        return _read(event)
    match event:
        case decisions.Started():
            return f"starts in term {event.current_term} with a log of {len(event.entries)}"
        case decisions.Stopped():
            return "stops"
        case decisions.PreVoteStarted():
            return (
                f"becomes pre-candidate and asks whether it could win term {event.term}: {rule_text(event.rule)}"
            )
        case decisions.ElectionStarted():
            return f"becomes candidate in term {event.term}: {rule_text(event.rule)}"
        case decisions.Configured():
            return f"runs with {options_text(event)}"
        case decisions.VoteDecided():
            verb = "grants" if event.granted else "denies"
            kind = "pre-vote" if event.args.pre_vote else "vote"
            if event.rule == Rule.IN_LEASE:
                asked = f"request of n{event.args.candidate_id} for a {kind} for term {event.args.term}"
                return f"ignores the {asked}: {rule_text(event.rule)}"
            return (
                f"{verb} n{event.args.candidate_id} its {kind} for term {event.args.term}: {rule_text(event.rule)}"
            )
        case decisions.VoteCounted():
            kind = "pre-vote" if event.pre_vote else "vote"
            return f"counts the {kind} of n{event.voter}: {len(event.votes)} of the {event.needed} needed"
        case decisions.ReplyIgnored():
            return f"ignores a reply of n{event.peer}: {rule_text(event.rule)}"
        case decisions.BecameLeader():
            return f"becomes leader of term {event.term} (votes {_nodes(event.votes)})"
        case decisions.BecameFollower():
            term = f"moves to term {event.term}" if event.old_term != event.term else f"term {event.term}"
            was = event.was
            role = "stays follower" if was is CMState.FOLLOWER else f"is follower now, was {role_text(was)}"
            return f"{role}, {term}: {rule_text(event.rule)}"
        case decisions.TimerSet():
            return f"has its election timer set by hand, to {event.deadline:.3f} s"
        case decisions.CustomDecision():
            return visible(repr(event))
        case _:
            return _log_decision(event)


def _read(event: decisions.ReadDecision) -> str:
    match event:
        case decisions.ReadStarted():
            return f"begins read {event.number}, for which n{event.leader} vouches (thesis §6.4)"
        case decisions.RoundStarted():
            return f"asks all peers whether it still leads: round {event.round} (thesis §6.4)"
        case decisions.ConfirmDecided(success=True):
            return f"confirms to n{event.args.leader_id} that it follows it, round {event.args.round}"
        case decisions.ConfirmDecided():
            words = rule_text(event.rule)
            return f"does not confirm to n{event.args.leader_id} that it leads, round {event.args.round}: {words}"
        case decisions.RoundConfirmed():
            lease = f"; its lease holds until {event.lease_until:.3f} s" if event.lease_until else ""
            return f"led when round {event.round} began ({_nodes(event.by)} have answered){lease}"
        case decisions.ReadIndexDecided(success=True):
            when = f"once round {event.round} is confirmed" if event.round else "by its lease"
            return f"lets n{event.args.node_id} read at index {event.index}, {when} (thesis §6.4)"
        case decisions.ReadIndexDecided():
            return f"gives n{event.args.node_id} no index to read at: {rule_text(event.rule)}"
        case decisions.ReadAnswered():
            return (
                f"answers read {event.number} from its state, after index {event.index}: {rule_text(event.rule)}"
            )
        case decisions.ReadRefused():
            return f"cannot answer read {event.number}: {rule_text(event.rule)}"
        case _:
            assert_never(event)


def _snapshot(event: decisions.SnapshotDecision) -> str:
    match event:
        case decisions.SnapshotTaken():
            return f"takes a snapshot of its state after entry {event.index}: {size_text(event.size)} (§7)"
        case decisions.SnapshotSent():
            return (
                f"sends n{event.peer} its snapshot up to entry {event.index}: its log no longer has entry "
                f"{event.next_index} (§7)"
            )
        case decisions.ChunkReceived():
            has = f"it has {size_text(event.received)}"
            return (
                f"receives {size_text(event.size)} of n{event.leader}'s snapshot up to entry {event.index}; {has}"
            )
        case decisions.SnapshotInstalled():
            rest = "keeps its entries after that" if event.keeps else "discards its log"
            return f"installs a snapshot of the state after entry {event.index}, and {rest} (§7)"
        case decisions.SnapshotIgnored():
            words = rule_text(event.rule)
            return f"ignores n{event.leader}'s snapshot up to entry {event.index}: {words}"
        case decisions.LogCompacted():
            return f"has its snapshot on disk: its log begins with entry {event.index + 1}"
        case _:
            assert_never(event)


def _transfer(event: decisions.TransferDecision) -> str:
    match event:
        case decisions.TransferStarted():
            lacks = event.last_index - event.match_index
            waits = f"; n{event.target} may lack {count(lacks, 'entry')}" if lacks else ""
            return f"hands its leadership over to n{event.target}: it takes no commands{waits} (thesis §3.10)"
        case decisions.TransferAborted():
            return f"no longer hands over to n{event.target}: {rule_text(event.rule)}"
        case decisions.TimeoutNowDecided():
            verb = "obeys" if event.obeyed else "refuses"
            return (
                f"{verb} n{event.args.leader_id}'s TimeoutNow of term {event.args.term}: {rule_text(event.rule)}"
            )
        case _:
            assert_never(event)


def _log_decision(
    event: decisions.LogDecision | decisions.RoutineDecision | decisions.PeersReset | decisions.WriteDelayed,
) -> str:
    match event:
        case decisions.PeersReset():
            starts = sorted({next_index for _, next_index in event.next_index})
            return f"initializes nextIndex to {' '.join(map(str, starts)) or '-'} for each peer (§5.3)"
        case decisions.HeartbeatDue():
            return "sends heartbeats to all peers (§5.2)"
        case decisions.WriteDelayed():
            return f"{'delays' if event.waits else 'no longer delays'} writing its {event.write}"
        case decisions.Persisted():
            return disk_text(event.current_term, event.voted_for, event.start + len(event.entries))
        case decisions.EntryAppended():
            return (
                f"appends {command_text(event.entry.command, 40)} at index {event.index}, term {event.entry.term}"
            )
        case decisions.AppendDecided(success=True):
            return f"accepts {args_text(event.args)} from n{event.args.leader_id}"
        case decisions.AppendDecided():
            return f"rejects {args_text(event.args)} from n{event.args.leader_id}: {rule_text(event.rule)}"
        case decisions.LogTruncated():
            return f"cuts its log at index {event.index}: {event.removed} gone (§5.3)"
        case decisions.EntriesStored():
            return f"stores {_entries(event.index, event.entries)}"
        case decisions.MatchAdvanced():
            return f"knows that n{event.peer} has its log up to {event.match_index}"
        case decisions.BackedUp():
            return f"backs up for n{event.peer}: next index {event.next_index} (§5.3)"
        case decisions.CommitAdvanced():
            by = f" ({_nodes(event.replicas)} have it)" if event.replicas else ""
            return f"commits up to {event.index}{by}: {rule_text(event.rule)}"
        case decisions.CommitHeld():
            return f"does not commit {event.index}, of term {event.term}: {rule_text(event.rule)}"
        case decisions.Applied():
            return f"applies {command_text(event.entry.command, 40)} at index {event.entry.index}"
        case _:
            assert_never(event)


def _fact(event: facts.Fact) -> str:
    match event:
        case facts.CallSent():
            return f"request {event.call_id}: n{event.src} → n{event.dst} {args_text(event.args)}"
        case facts.CallDelivered():
            return f"request {event.call_id} arrives at n{event.dst} from n{event.src}: {args_text(event.args)}"
        case facts.CallLost():
            return f"request {event.call_id} n{event.src} → n{event.dst} is lost ({event.reason})"
        case facts.ReplySent():
            return f"response {event.call_id}: n{event.src} → n{event.dst} {reply_text(event.reply)}"
        case facts.ReplyDelivered():
            return f"response {event.call_id} arrives at n{event.dst} from n{event.src}: {reply_text(event.reply)}"
        case facts.ReplyLost():
            return f"response {event.call_id} n{event.src} → n{event.dst} is lost ({event.reason})"
        case facts.Submitted():
            where = f"index {event.index}" if event.index >= 0 else _rejected(event)
            return f"{command_text(event.command, 40)} is submitted ({where})"
        case client_facts.ClientFact():
            return _client(event)
        case facts.Duplicated():
            return f"a copy is made of {message_text(event.src, event.dst, event.message)}"
        case facts.KeptWaiting():
            return f"is paused: {message_text(event.src, event.dst, event.message)} waits"
        case facts.MessageHeld():
            return f"{message_text(event.src, event.dst, event.message)}: held"
        case _:
            return event.words


def _client(event: client_facts.ClientEvent) -> str:
    match event:
        case client_facts.ClientCalled():
            return f"client {event.client} calls {command_text(event.request, 40)}"
        case client_facts.ClientAsked(index=index):
            took = f"entry {index} of its log" if index >= 0 else "refused: not the leader"
            return f"client {event.client} asks n{event.dst} for {command_text(event.command, 40)} ({took})"
        case client_facts.ClientTold():
            return f"client {event.client} is told of {command_text(event.request, 40)}: {told_text(event)}"
        case client_facts.RequestApplied(outcome="expired"):
            return (
                f"does not apply {command_text(event.command, 40)} of entry {event.index}: its session has expired"
            )
        case client_facts.RequestApplied(again=True):
            name = command_text(event.command, 40)
            return f"answers {name} of entry {event.index} from memory: it was applied before (§8)"
        case client_facts.RequestApplied(outcome="no"):
            has = command_text(event.value, 40) if event.found else "nothing"
            return f"does not do {command_text(event.command, 40)} of entry {event.index}: the value is {has}"
        case client_facts.RequestApplied(command={"kv": "open", "client": client}):
            return f"opens session {event.index} for client {client}"
        case client_facts.RequestApplied():
            return f"does {command_text(event.command, 40)} of entry {event.index} in its store"
        case client_facts.StoreRestored():
            return f"has a store of {count(len(event.values), 'key')} again"
        case _:
            assert_never(event)


def _rejected(event: facts.Submitted) -> str:
    return "rejected: not the leader" if event.successor < 0 else f"rejected: hands over to n{event.successor}"


def message_text(src: int, dst: int, message: Args | Reply) -> str:
    """Return a short text of a message in flight."""
    if isinstance(message, RPCRequest):
        return f"request n{src} → n{dst}: {args_text(message)}"
    return f"response n{src} → n{dst}: {reply_text(message)}"
