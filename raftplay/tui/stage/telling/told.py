"""Events for newcomers: what happened, and the rule behind it. Routine events have no words here."""

from typing import assert_never

from raftplay.raft import decisions
from raftplay.tui.stage.moment import Moment, name, value_text
from raftplay.tui.stage.telling.clients import client
from raftplay.tui.stage.telling.elections import counted, election, follows, ignored, leads, timer_ran_out, vote
from raftplay.tui.stage.telling.faults import crashed, network, node_fault
from raftplay.tui.stage.telling.hardware import hardware
from raftplay.tui.stage.telling.messages import lost, message_fault
from raftplay.tui.stage.telling.reads import read
from raftplay.tui.stage.telling.replication import log_decision
from raftplay.tui.stage.telling.snapshots import snapshot
from raftplay.tui.stage.telling.text import Told
from raftplay.tui.stage.telling.transfers import transfer
from raftplay.watch import client_facts, facts
from raftplay.watch.facts import Record
from raftplay.watch.text import visible

ROUTINE = frozenset(
    (
        decisions.PeersReset, decisions.HeartbeatDue, decisions.Persisted, decisions.Applied, decisions.Configured,
        facts.CallSent, facts.CallDelivered, facts.ReplySent, facts.ReplyDelivered, facts.OnDisk,
        client_facts.ClientAsked, client_facts.StoreRestored,
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
    if isinstance(event, client_facts.ClientFact):
        return client(event, record)
    return _fact(event, record, moment)


def is_accepted(event: facts.Event) -> bool:
    """Return whether a node accepts an AppendEntries: what it stores and commits is told instead."""
    return isinstance(event, decisions.AppendDecided) and event.success


def _decision(event: decisions.Decision, record: Record, moment: Moment) -> Told | None:
    if isinstance(event, decisions.TransferDecision):
        return transfer(event, record)
    if isinstance(event, decisions.SnapshotDecision):
        return snapshot(event, record)
    if isinstance(event, decisions.ReadDecision):
        return read(event, record)
    return _figure_2(event, record, moment)


def _figure_2(
    event: decisions.ElectionDecision | decisions.LogDecision | decisions.RoutineDecision | decisions.NodeDecision,
    record: Record,
    moment: Moment,
) -> Told | None:
    """Tell of what a node does by Figure 2, without the features beyond it."""
    n = name(record.node)
    match event:
        case decisions.Started():
            return _started(event, record, moment)
        case decisions.PreVoteStarted(term, rule):
            why = "It keeps its term, so that it disturbs no leader (thesis §9.6)."
            return Told(f"{timer_ran_out(n, rule)}: it asks whether it could win term {term}.", why)
        case decisions.ElectionStarted(term, rule):
            return election(term, rule, record, moment)
        case decisions.VoteDecided():
            return vote(event, record, moment)
        case decisions.VoteCounted():
            return counted(event, record, moment)
        case decisions.ReplyIgnored():
            return ignored(event, record, moment)
        case decisions.BecameLeader(term, votes):
            return leads(n, term, votes, moment)
        case decisions.BecameFollower():
            return follows(event, record, moment)
        case decisions.WriteDelayed() | decisions.CustomDecision() | decisions.Stopped() | decisions.TimerSet():
            return _oddity(event, record, moment)
        case decisions.PeersReset() | decisions.HeartbeatDue() | decisions.Persisted() | decisions.Configured():
            return None
        case _:
            return log_decision(event, record, moment)


def _oddity(
    event: decisions.WriteDelayed | decisions.CustomDecision | decisions.Stopped | decisions.TimerSet,
    record: Record,
    moment: Moment,
) -> Told | None:
    n = name(record.node)
    match event:
        case decisions.TimerSet(deadline):
            why = "Timeouts are random so that votes are rarely split: a timer set by hand shows why (§5.2)."
            return Told(f"{n}'s timer is set by hand: it fires at {deadline:.3f} s.", why)
        case decisions.WriteDelayed(write, waits):
            why = "A correct node writes to its disk before it responds: a crash would lose it (Figure 2)."
            return Told(f"{n} puts off writing its {write} to its disk.", why) if waits else None
        case decisions.CustomDecision():
            return Told(f"{n}: {visible(repr(event))}.", "An event of a custom node; Figure 2 has no such event.")
        case decisions.Stopped():
            return crashed("", record, moment)
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


def _fact(event: facts.Fact, record: Record, moment: Moment) -> Told | None:
    match event:
        case facts.CallLost(src=src, dst=dst, args=message, reason=reason):
            return lost(src, dst, message, reason, record, moment)
        case facts.ReplyLost(src=src, dst=dst, reply=message, reason=reason):
            return lost(src, dst, message, reason, record, moment)
        case facts.Submitted(command, index, successor):
            if index >= 0:
                return None
            text, n = value_text(command), name(record.node)
            if successor >= 0:
                return Told(f"{n} rejects {text}.", f"It hands over to {name(successor)} (thesis §3.10).")
            leader = next((node.id for node in moment.leaders if node.id != record.node), None)
            whom = f"{name(leader)} leads." if leader is not None else "None leads now."
            return Told(f"{n} rejects {text}: it does not lead.", f"Only a leader takes commands (§5.1). {whom}")
        case facts.OptionChanged(option):
            why = "The nodes keep their logs and roles; the new rule counts from their next decision on."
            return Told(f"The option {option} is {event.setting} now, on all nodes.", why)
        case facts.TimedOut():
            why = "This stands for a leader that it has not heard from in time (§5.2)."
            return Told(f"{name(record.node)}'s timer is fired by hand.", why)
        case (
            facts.CallSent()
            | facts.CallDelivered()
            | facts.ReplySent()
            | facts.ReplyDelivered()
            | client_facts.ClientFact()
        ):  # fmt: skip
            return None
        case facts.Partitioned() | facts.Healed() | facts.LinkChanged() | facts.LinkHeld():
            return network(event, moment)
        case facts.MessageHeld() | facts.Duplicated() | facts.KeptWaiting():
            return message_fault(event)
        case facts.DiskChanged() | facts.WriteWaits() | facts.ClockChanged() | facts.TimingChanged():
            return hardware(event, record)
        case _:
            return node_fault(event, record, moment)
