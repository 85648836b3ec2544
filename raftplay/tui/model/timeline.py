"""Records into rows of a space-time diagram: which moment stands in which row, which message goes where.

Rows are moments at which something is seen, not equal spans of time: what happens between two heartbeats would
not be seen otherwise. Moments that lie less than `SAME` apart share a row; a pause of `GAP` leaves a row free.
A message never arrives in the row in which it was sent. Heartbeats that tell nothing new, and their responses, are
folded: rounds of them that follow one another are one row.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, assert_never

from raftplay.past.view import InFlight, View
from raftplay.raft import decisions
from raftplay.raft.messages import (
    AppendEntriesArgs,
    AppendEntriesReply,
    Args,
    CMState,
    Reply,
    RequestVoteArgs,
    RequestVoteReply,
    RPCRequest,
)
from raftplay.raft.rpcs import OF
from raftplay.tui.model.glyphs import Glyphs
from raftplay.tui.stage.scene import MessageKey
from raftplay.tui.stage.signs import signs_of
from raftplay.watch import facts
from raftplay.watch.fact_base import FaultBase
from raftplay.watch.facts import Record
from raftplay.watch.text import command_text
from raftplay.watch.words import role_text

SAME = 0.0002
"""Seconds of cluster time within which two moments are one row."""

GAP = 0.010
"""Seconds of cluster time without anything to see that leave a row free."""

Feature: TypeAlias = (
    decisions.TransferStarted
    | decisions.TransferAborted
    | decisions.SnapshotTaken
    | decisions.SnapshotSent
    | decisions.SnapshotInstalled
)
"""The steps of transfers and with snapshots that have a mark."""


@dataclass(slots=True)
class Arrow:
    """One message: from the row in which it left to the row in which it arrived, was lost, or is now.

    `end` is "arrived", "lost", "flying" or "held"; `way` is how much of the way it has come, 0 to 1.
    `sent` is None where that is not remembered. `id` is its number while it is in flight, else -1.
    """

    key: MessageKey
    src: int
    dst: int
    message: Args | Reply
    sent: int | None
    row: int
    end: str
    way: float = 1.0
    id: int = -1
    reason: str = ""
    seq: int = 0
    """The number of the event that ended its way, 0 while it is in flight."""

    @property
    def target(self) -> tuple[str, int]:
        """Return what a click on it selects."""
        return ("message", self.key[0] * 2 + self.key[1])


@dataclass(slots=True)
class TimelineRow:
    """One moment: marks on lanes (node, sign, style), words with their weight, the number of its first record."""

    time: float
    seq: int = 0
    marks: dict[int, tuple[str, str]] = field(default_factory=dict)
    weights: dict[int, int] = field(default_factory=dict)
    label: str = ""
    style: str = "dim"
    weight: int = -1
    roles: tuple[str, ...] = ()
    free: bool = False
    brief: str = ""
    """The words where there is little room, "" for those of `label`."""

    beats: int = 0
    """The number of rounds of heartbeats that are folded in this row."""


@dataclass(slots=True)
class Timeline:
    """All rows, oldest first, and all messages between them."""

    rows: list[TimelineRow]
    arrows: list[Arrow]


def timeline(view: View, records: Sequence[Record], glyphs: Glyphs) -> Timeline:
    """The diagram of `records`, the last of `view`, with what is in flight at its end."""
    return _Builder(view, glyphs).build(records)


class _Builder:
    def __init__(self, view: View, glyphs: Glyphs) -> None:
        self.view = view
        self.glyphs = glyphs
        self.rows: list[TimelineRow] = []
        self.arrows: list[Arrow] = []
        self.sent: dict[MessageKey, int] = {}
        self.folded: set[int] = set()
        """The numbers of the calls that are heartbeats and tell nothing new."""

        self.known: dict[tuple[int, int], tuple[int, int]] = {}
        """The term and commit index that each link carried last."""

        self.roles: list[str] = []

    def build(self, records: Sequence[Record]) -> Timeline:
        self.roles = _roles_before(self.view, records)
        for record in records:
            self.take(record)
        now = self.view.snapshot.time
        row = self.row_at(now, fresh=bool(self.view.messages))
        for flight in self.view.messages:
            self.fly(flight, row, now)
        return Timeline(self.rows, self.arrows)

    def row_at(self, time: float, *, fresh: bool = False, seq: int = 0) -> int:
        """The row of the moment `time`; `fresh`: a row in which nothing was before."""
        if not self.rows or fresh or time - self.rows[-1].time >= SAME:
            if self.rows and time - self.rows[-1].time >= GAP:
                self.rows.append(TimelineRow(self.rows[-1].time, roles=tuple(self.roles), free=True))
            self.rows.append(TimelineRow(time, seq, roles=tuple(self.roles)))
        return len(self.rows) - 1

    def take(self, record: Record) -> None:
        event: object = record.event
        match event:
            case facts.CallSent() if self.tells_nothing(event):
                self.beat(event.src, record)
                self.sent[event.call_id, False] = len(self.rows) - 1
            case facts.CallSent():
                self.send((event.call_id, False), record)
            case (
                facts.ReplySent(call_id=id) | facts.CallDelivered(call_id=id) | facts.ReplyDelivered(call_id=id)
            ) if id in self.folded:
                pass
            case facts.ReplySent():
                self.send((event.call_id, True), record)
            case facts.CallDelivered():
                self.end((event.call_id, False), event.src, event.dst, event.args, "arrived", record)
            case facts.ReplyDelivered():
                self.end((event.call_id, True), event.src, event.dst, event.reply, "arrived", record)
            case facts.CallLost():
                self.end((event.call_id, False), event.src, event.dst, event.args, "lost", record, event.reason)
            case facts.ReplyLost():
                self.end((event.call_id, True), event.src, event.dst, event.reply, "lost", record, event.reason)
            case _:
                self.mark(record)

    def tells_nothing(self, event: facts.CallSent) -> bool:
        """Return whether a request is a heartbeat that tells its receiver nothing new."""
        args = event.args
        if not isinstance(args, AppendEntriesArgs):
            return False
        link, news = (event.src, event.dst), (args.term, args.leader_commit)
        known, self.known[link] = self.known.get(link), news
        if args.entries or known != news:
            return False
        self.folded.add(event.call_id)
        return True

    def beat(self, node: int, record: Record) -> None:
        """Fold a heartbeat into the row before, if that is one of heartbeats of the same node."""
        before = self.rows[-1] if self.rows else None
        if before is None or not before.beats or before.weight >= 0 or node not in before.marks:
            self.rows[self.row_at(record.time, fresh=True, seq=record.seq)].beats = 1
            self.rows[-1].marks[node] = (signs_of(self.glyphs).beat, "dim")
        elif record.time - before.time >= SAME:
            before.beats, before.time = before.beats + 1, record.time
        row = self.rows[-1]
        times = f" {signs_of(self.glyphs).times}{row.beats}" if row.beats > 1 else ""
        row.label, row.brief = f"n{node} heartbeats{times}", f"heartbeats{times}"

    def send(self, key: MessageKey, record: Record) -> None:
        self.sent[key] = self.row_at(record.time, seq=record.seq)

    def end(
        self,
        key: MessageKey,
        src: int,
        dst: int,
        message: Args | Reply,
        how: str,
        record: Record,
        reason: str = "",
    ) -> None:
        sent = self.sent.get(key)
        row = self.row_at(record.time, seq=record.seq)
        if sent == row:
            row = self.row_at(record.time, fresh=True, seq=record.seq)
        self.arrows.append(Arrow(key, src, dst, message, sent, row, how, reason=reason, seq=record.seq))
        words, brief = words_of(message)
        sign, weight, style = self.glyphs.arrow, weight_of(message), style_of(message)
        if how == "lost":
            sign, weight, style, words, brief = self.glyphs.lost, 2, "bad", reason, "lost"
        self.say(row, weight, f"n{src} {sign} n{dst} {words}", style, f"n{src}{sign}n{dst} {brief}")

    def fly(self, flight: InFlight, row: int, now: float) -> None:
        key = (flight.call_id, not isinstance(flight.message, RPCRequest))
        sent = self.sent.get(key)
        way = 0.5
        if flight.due is not None and sent is not None:
            began = self.rows[sent].time
            way = max(0.0, min(1.0, (now - began) / max(1e-9, flight.due - began)))
        end = "held" if flight.due is None else "flying"
        arrow = Arrow(key, flight.src, flight.dst, flight.message, sent, row, end, way, flight.id)
        self.arrows.append(arrow)

    def mark(self, record: Record) -> None:
        """Mark an event on the lane of its node, if it is one that a reader looks for."""
        event = record.event
        if isinstance(event, decisions.DecisionBase):
            self.decide(record, event)
        elif isinstance(event, FaultBase):
            self.act(record, event)

    def decide(self, record: Record, event: decisions.Decision) -> None:
        glyphs, node = self.glyphs, record.node
        match event:
            case decisions.ElectionStarted():
                self.put(record, glyphs.candidate, "candidate bold", 8, f"n{node} asks, term {event.term}")
                self.role(node, "candidate")
            case decisions.PreVoteStarted():
                self.put(record, glyphs.timer, "candidate", 7, f"n{node} asks: could I win term {event.term}?")
                self.role(node, "pre-candidate")
            case decisions.BecameLeader():
                self.put(record, glyphs.leader, "leader bold", 9, f"n{node} leads term {event.term}")
                self.role(node, "leader")
            case decisions.BecameFollower(was=CMState.PRE_CANDIDATE):
                self.put(record, glyphs.follower, "follower", 6, f"n{node} is follower again, term {event.term}")
                self.role(node, "follower")
            case decisions.BecameFollower(was=CMState.LEADER | CMState.CANDIDATE):
                text = f"n{node} steps down, term {event.term}"
                self.put(record, glyphs.follower, "follower bold", 7, text)
                self.role(node, "follower")
            case decisions.EntryAppended():
                text = f"n{node} appends {command_text(event.entry.command, 16)} at {event.index}"
                self.put(record, glyphs.appended, f"t{event.entry.term % 7} bold", 6, text)
            case decisions.EntriesStored():
                last = event.index + len(event.entries) - 1
                self.put(
                    record, glyphs.appended, f"t{event.entries[-1].term % 7}", 4, f"n{node} stores up to {last}"
                )
            case decisions.LogTruncated():
                self.put(record, glyphs.conflicting, "bad", 7, f"n{node} cuts its log at {event.index}")
            case decisions.CommitAdvanced():
                self.put(record, glyphs.committed, "ok", 6, f"n{node} commits up to {event.index}")
            case (
                decisions.TransferStarted()
                | decisions.TransferAborted()
                | decisions.SnapshotTaken()
                | decisions.SnapshotSent()
                | decisions.SnapshotInstalled()
            ):
                self.feature(record, event)
            case (
                decisions.ChunkReceived()
                | decisions.SnapshotIgnored()
                | decisions.LogCompacted()
                | decisions.BecameFollower()
                | decisions.Started()
                | decisions.Stopped()
                | decisions.VoteDecided()
                | decisions.TimeoutNowDecided()
                | decisions.VoteCounted()
                | decisions.TimerSet()
                | decisions.AppendDecided()
                | decisions.CommitHeld()
                | decisions.Applied()
                | decisions.ReplyIgnored()
                | decisions.HeartbeatDue()
                | decisions.MatchAdvanced()
                | decisions.BackedUp()
                | decisions.PeersReset()
                | decisions.Persisted()
                | decisions.WriteDelayed()
                | decisions.Configured()
                | decisions.ReadStarted()
                | decisions.RoundStarted()
                | decisions.ConfirmDecided()
                | decisions.RoundConfirmed()
                | decisions.ReadIndexDecided()
                | decisions.ReadAnswered()
                | decisions.ReadRefused()
                | decisions.CustomDecision()
            ):
                pass  # seen from the lane itself or from the arrows, or of one node's inside
            case _:
                assert_never(event)

    def feature(self, record: Record, event: Feature) -> None:
        """Mark a step of a transfer, or with a snapshot."""
        glyphs, n = self.glyphs, f"n{record.node}"
        match event:
            case decisions.TransferStarted() | decisions.TransferAborted():
                self.transfer(record, event)
            case decisions.SnapshotSent(peer=peer):
                self.put(record, glyphs.arrow, "leader", 6, f"{n} sends n{peer} a snapshot")
            case decisions.SnapshotTaken(index=index):
                self.put(record, glyphs.committed, "ok", 6, f"{n} takes a snapshot up to {index}")
            case decisions.SnapshotInstalled(index=index):
                self.put(record, glyphs.committed, "ok", 6, f"{n} installs a snapshot up to {index}")

    def transfer(self, record: Record, event: decisions.TransferStarted | decisions.TransferAborted) -> None:
        """Mark that a transfer of leadership begins, or is given up."""
        text = f"hands over to n{event.target}"
        if isinstance(event, decisions.TransferStarted):
            self.put(record, self.glyphs.arrow, "leader", 7, f"n{record.node} {text}")
        else:
            self.put(record, self.glyphs.lost, "warn", 7, f"n{record.node} no longer {text}")

    def act(self, record: Record, event: FaultBase) -> None:
        glyphs, node = self.glyphs, record.node
        match event:
            case facts.Crashed():
                self.put(record, glyphs.down, "down bold", 9, f"n{node} crashes")
                self.role(node, "down")
            case facts.Restarted():
                self.put(record, glyphs.follower, "follower bold", 9, f"n{node} restarts")
                self.role(node, "follower")
            case facts.Frozen():
                self.put(record, glyphs.frozen, "cut bold", 9, f"n{node} freezes")
            case facts.Thawed():
                self.put(record, glyphs.follower, "follower bold", 9, f"n{node} thaws")
            case facts.Disconnected():
                self.put(record, glyphs.cut_off, "cut bold", 9, f"n{node} is cut off")
            case facts.Reconnected():
                self.put(record, glyphs.follower, "follower bold", 9, f"n{node} is no longer disconnected")
            case facts.Partitioned():
                groups = " | ".join(" ".join(map(str, g)) for g in event.groups)
                self.say(self.row_at(record.time, seq=record.seq), 9, f"partition {groups}", "fault")
            case facts.Healed():
                self.say(self.row_at(record.time, seq=record.seq), 9, "all links whole", "fault")
            case facts.OptionChanged():
                self.say(self.row_at(record.time, seq=record.seq), 9, event.words, "fault")
            case facts.OnDisk() | facts.TimedOut() | facts.LinkChanged() | facts.LinkHeld():
                pass  # seen from the lanes and the arrows
            case facts.Tearing() | facts.Wiped() | facts.Dropping() | facts.WriteWaits():
                pass  # seen from what comes of it
            case _:
                self.put(record, glyphs.cut_off, "cut bold", 9, f"n{node} {event.words}")

    def put(self, record: Record, sign: str, style: str, weight: int, label: str) -> None:
        """A mark on a lane, and its words."""
        row = self.row_at(record.time, seq=record.seq)
        if weight >= self.rows[row].weights.get(record.node, 0):
            self.rows[row].weights[record.node] = weight
            self.rows[row].marks[record.node] = (sign, style)
        self.say(row, weight, label, style.removesuffix(" bold"), label.split(",", maxsplit=1)[0])

    def say(self, row: int, weight: int, label: str, style: str, brief: str = "") -> None:
        """Words beside a row, unless weightier ones are there; `brief` ones where there is little room."""
        if weight > self.rows[row].weight:
            self.rows[row].weight, self.rows[row].label, self.rows[row].style = weight, label, style
            self.rows[row].brief = brief

    def role(self, node: int, role: str) -> None:
        """From here on the lane of `node` is that of a `role`."""
        self.roles[node] = role
        self.rows[-1].roles = tuple(self.roles)


def style_of(message: Args | Reply) -> str:
    """Return the style of a message: votes, entries and rejections stand out from heartbeats."""
    match message:
        case RequestVoteArgs():
            return "candidate"
        case AppendEntriesArgs(entries=()):
            return "beat"
        case AppendEntriesArgs():
            return "append"
        case RPCRequest():
            return "candidate"
        case RequestVoteReply():
            return "ok" if message.vote_granted else "bad"
        case _:
            return "reply" if message.yes else "warn"


def weight_of(message: Args | Reply) -> int:
    """Return how important a message is where only one of several fits."""
    return {"beat": 0, "reply": 1}.get(style_of(message), 3)


def words_of(message: Args | Reply) -> tuple[str, str]:
    """Return a message in two or three words, and in one."""
    match message:
        case RequestVoteArgs(term=term, pre_vote=pre_vote):
            ask = f"{'pre-vote' if pre_vote else 'vote'}?"
            return f"{ask} term {term}", ask
        case AppendEntriesArgs(entries=()):
            return "heartbeat", "heartbeat"
        case AppendEntriesArgs(prev_log_index=before, entries=entries):
            first, last = before + 1, before + len(entries)
            text = f"entry {first}" if last == first else f"entries {first}..{last}"
            return text, text.replace("entries ", "")
        case RequestVoteReply(vote_granted=granted):
            return ('"yes"', '"yes"') if granted else ('"no"', '"no"')
        case AppendEntriesReply(success=success, term=term):
            return ("ok", "ok") if success else (f"rejected, term {term}", "rejected")
        case RPCRequest(term=term):
            rpc = OF[type(message)]
            return f"{rpc.noun}, term {term}", rpc.brief
        case _:
            return ("ok", "ok") if message.yes else (f"refused, term {message.term}", "refused")


def _roles_before(view: View, records: Sequence[Record]) -> list[str]:
    """Return the role of each node before the first of `records`, from the first event that tells it."""
    roles = [role_text(n.state) if n.alive else "down" for n in view.snapshot.nodes]
    told: set[int] = set()
    for record in records:
        if record.node < 0 or record.node in told:
            continue
        event, before = record.event, ""
        match event:
            case facts.Restarted():
                before = "down"
            case decisions.Started():
                before = "follower"
            case decisions.ElectionStarted() | decisions.PreVoteStarted() | decisions.Stopped():
                before = _role_before(view, record)
            case decisions.BecameLeader():
                before = "candidate"
            case decisions.BecameFollower():
                before = role_text(event.was)
            case _ if record.after is not None:
                before = role_text(record.after.state)
        if before:
            roles[record.node] = before
            told.add(record.node)
        if len(told) == len(roles):
            break
    return roles


def _role_before(view: View, record: Record) -> str:
    """Return the role of the node of `record` before it, by its last decision in `view` (default: follower)."""
    for at in range(record.seq - view.records[0].seq - 1, -1, -1):
        earlier = view.records[at]
        if earlier.node == record.node and earlier.after is not None:
            return role_text(earlier.after.state)
    return "follower"
