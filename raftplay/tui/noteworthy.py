"""Events and moments for one who watches: which stop the cluster, which are read, and when nothing is due.

The rule of this module: each function answers from one record or one snapshot alone.
"""

from raftplay.cluster.snapshot import Snapshot
from raftplay.raft import decisions
from raftplay.raft.messages import AppendEntriesArgs, CMState, RequestVoteReply
from raftplay.raft.rule_names import Rule
from raftplay.tui.stage.scene import MessageKey
from raftplay.watch import facts
from raftplay.watch.facts import Record

SOON = 0.6
"""The part of the shortest election timeout below which the rest of a timer is watched, not skipped."""

SOONEST = 0.15
"""The longest rest of a timer that is watched, in seconds of cluster time."""

BEGINNINGS = decisions.ElectionStarted | decisions.PreVoteStarted | facts.Crashed | facts.Restarted
"""Events that no message brings, and that are told."""

FAULTS = facts.Crashed | facts.Restarted
"""Events that may come to several nodes together."""

REACHABLE = facts.Healed | facts.Reconnected | facts.Thawed | facts.Restarted | facts.LinkChanged
"""Events after which a node may be reached that was not before."""


def is_quiet(snapshot: Snapshot, *, leads: bool = True) -> bool:
    """Return whether nothing is to be expected soon: no election timer is about to fire, and a node `leads`."""
    shortest = snapshot.timings.election_min if snapshot.timings else 0.15
    soon = snapshot.time + min(SOON * shortest, SOONEST)
    has_leader = False
    for node in snapshot.nodes:
        if not node.alive or node.frozen:
            continue
        if node.state is CMState.LEADER:
            has_leader = True
        elif node.deadline < soon:
            return False
    return has_leader or not leads


def stops_at(record: Record) -> bool:
    """Return whether the cluster is held at an event until the playhead has shown it."""
    event: object = record.event
    match event:
        case facts.CallSent(args=args) | facts.CallDelivered(args=args) | facts.CallLost(args=args):
            return not isinstance(args, AppendEntriesArgs) or bool(args.entries)
        case facts.ReplySent(reply=reply) | facts.ReplyDelivered(reply=reply) | facts.ReplyLost(reply=reply):
            return not getattr(reply, "success", False)
        case decisions.HeartbeatDue() | decisions.Persisted() | decisions.AppendDecided(success=True):
            return False
        case decisions.Applied() | decisions.ReplyIgnored() | facts.KeptWaiting():
            return False
    return True


def is_read(record: Record) -> bool:
    """Return whether something is told of an event, which must stand until it is read."""
    event: object = record.event
    match event:
        case decisions.EntryAppended() | decisions.LogTruncated() | decisions.EntriesStored():
            return True
        case decisions.VoteDecided() | decisions.VoteCounted() | decisions.BackedUp() | decisions.BecameFollower():
            return True
        case decisions.AppendDecided(success=success):
            return not success
        case decisions.MatchAdvanced(match_index=index):
            return record.after is not None and index > record.after.commit_index
        case decisions.ReplyIgnored(reply=RequestVoteReply(vote_granted=True), rule=Rule.OLD_CALL):
            return True
        case decisions.BecameLeader() | decisions.CommitAdvanced():
            return True
    return isinstance(record.event, BEGINNINGS)


def arriving(record: Record) -> MessageKey | None:
    """Return the message that arrives with an event, or is lost with it."""
    event: object = record.event
    match event:
        case facts.CallDelivered(call_id=number):
            return number, False
        case facts.ReplyDelivered(call_id=number):
            return number, True
        case facts.CallLost(call_id=number):
            return number, False
        case facts.ReplyLost(call_id=number):
            return number, True
    return None
