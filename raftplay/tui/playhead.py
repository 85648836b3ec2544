"""The playhead: the moment of the history that the screen shows, moving at a pace that a person can follow.

A response takes no cluster time by default, and a request a few milliseconds, so a slower clock alone shows
neither. The playhead goes from event to event: a message that matters takes one flight on the wall, and meanwhile
the clock of the cluster is held or slowed. So the screen is one instant behind at most, and shows what happened.

The rule of this module: `__call__` runs inside the cluster and only holds the clock; everything else runs in the
thread that paints, and reads the history under the lock of the cluster.
"""

import math
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from raftplay.cluster.snapshot import Snapshot
from raftplay.errors import UsageError
from raftplay.past.history import History
from raftplay.past.view import InFlight, View
from raftplay.raft import decisions
from raftplay.raft.decisions import Rule
from raftplay.raft.messages import (
    NONE,
    AppendEntriesArgs,
    Args,
    CMState,
    Reply,
    RequestVoteReply,
    RPCRequest,
)
from raftplay.session.branches import Branch
from raftplay.tui.stage.scene import Key, Moving, Scene, confirmed, key_of
from raftplay.watch import facts
from raftplay.watch.facts import Record

FLIGHT = 0.9
"""The default time of a flight, in seconds of the wall clock."""

FLIGHTS = (0.3, 0.5, 0.7, 0.9, 1.3, 2.0, 3.0)
"""The times of a flight that keys choose, in seconds of the wall clock."""

USUAL = 0.003
"""The delay of a request that takes one flight, in seconds of cluster time."""

DWELL = 0.9
"""The time for which a candidate, a leader and a crash are seen before the next event, in flights."""

WITHOUT_LEADER = 0.12
"""The speed of the cluster while nothing is under way and no node leads: one sees its timers run down."""

SKIPPED = 1.0
"""The speed of the cluster while a leader sends unchanged heartbeats only."""

READ = 0.8
"""The time for which what is told of a vote or an entry stands before another message arrives, in flights."""

HURRY, MOST_HURRY = 2.0, {"sim": 20.0, "tcp": 2.0}
"""The factor by which idle time passes faster after each second of it while a command waits, and the most."""

FAMILIAR = 2
"""The number of elections that are shown at the usual pace; a script shows those after them in half the time.

So does a wait with those after a first one that elected nobody.
"""

SAME = 0.25
"""The part of that time, while a command waits, for a vote like one that was read in the same election."""

TOGETHER = 0.05
"""The time within which nodes crash, or restart, together, in seconds of cluster time."""

LOST_FOR = 0.6
"""The time for which a lost message is seen, in flights."""

PULSE_EVERY, PULSE = 1.2, 0.35
"""The interval and the length of a pulse of heartbeats, in seconds of the wall clock."""

FLASH = 1.0
"""The time for which a new term flashes, in seconds of the wall clock."""

SOON = 0.6
"""The part of the shortest election timeout below which the rest of a timer is watched, not skipped."""

SOONEST = 0.15
"""The longest rest of a timer that is watched, in seconds of cluster time."""

SLOW, FAST = 0.2, 4.0
"""The speeds of the cluster below and above which the playhead itself gets no slower, and no faster."""

SLOWEST = 0.0005
"""The slowest pace while a message is awaited."""

LONGEST_FLIGHT = 30.0
"""The time after which a message of which no end was told is forgotten, in seconds of cluster time."""

MOST_REQUESTS = 4096
"""The number of requests that are remembered until their responses come."""

PASSING = ("loss", "by hand", "unreliable")
"""The reasons of losses after which the next try may arrive, and is seen too."""

Link = tuple[int, int]
"""A link: from which node, to which."""

FULL = 60
"""The number of events behind which flights are halved, and so on."""


@dataclass(slots=True)
class Flight:
    """A message on its way on the screen, since `since` on the playhead's clock.

    `left` is the cluster time at which it was sent, and `ended` the time at which it was lost.
    """

    moving: Moving
    since: float
    left: float
    matters: bool
    ended: float | None = None


@dataclass(frozen=True, slots=True)
class Milestone:
    """A first time at which the playhead may stop by itself: the event's number, and what it shows."""

    seq: int
    what: str


class Playhead:
    """Follows the history of a branch. `tick` moves it; `scene` is what it shows."""

    def __init__(self, branch: Branch, flight: float = FLIGHT) -> None:
        self.flight = flight
        self.branch = branch
        self.is_behind = False
        """True if events that happened are not shown yet."""

        self.held = False
        """True if it stands still, also where events are not shown yet."""

        self.is_still = False
        """True if neither it nor the clock of the cluster moves, as a menu is open."""

        self.skips = False
        """True if idle time passes faster than a flight would."""

        self.tells_all = False
        """True if each step of an election is a milestone, not only what happens for the first time."""

        self.milestones: list[Milestone] = []
        """The milestones that were shown since this list was emptied."""

        self.awaits = False
        """True while a script or a command waits for something: idle time then passes ever faster."""

        self.rushes = False
        """True if nothing is shown on the way: it is at the present, and time passes as fast as it may."""

        self.until = math.inf
        """The number of the event behind which it stands still; more is shown when this is raised."""

        self._elections = 0
        self._tries = 0  # elections since the last leader
        self._votes_read: Counter[tuple[type, bool]] = Counter()  # in this election, by what was said
        self._fault: Record | None = None  # the last crash or restart
        self._idle_since = 0.0
        self._holds_next = False
        self._coming: list[tuple[float, Milestone]] = []  # with the time from which on it is well seen
        self._met: set[str] = set()
        self._clock = 0.0  # seconds of the wall that this playhead moved
        self._wall: float | None = None
        self._not_before = 0.0
        self._read_until = 0.0
        self._learnt = False  # what is being read: a follower learns what is committed
        self._flights: dict[Key, Flight] = {}
        self._pulse_at = -math.inf
        self._flash: dict[int, float] = {}
        self._informed: dict[Link, tuple[int, int]] = {}  # the term and commit index that were sent last
        self._sent: dict[Link, tuple[int, int, int]] = {}  # the term and place of the entries that were sent last
        self._requests: dict[int, tuple[Args, bool]] = {}  # by number: a request, and whether it matters
        self._pace = math.nan  # not chosen yet
        self._hurry = 1.0
        with branch.harness.lock:
            self._world = branch.history.at(branch.history.last_seq)
            branch.harness.stream.attach(self)

    # ---- inside the cluster

    def __call__(self, record: Record) -> None:
        """Hold the clock of the cluster at an event that matters, until it has been shown."""
        if _stops_at(record) and not self.rushes:
            self._steer(0.0)

    # ---- for the screen

    def close(self) -> None:
        """Return the clock to the pace of the cluster."""
        with self.branch.harness.lock:
            self.branch.harness.stream.detach(self)
            self._pace = 0.0
            self._steer(1.0)

    def jump(self) -> None:
        """Go to the present at once."""
        self._go_to(self.branch.history.last_seq)

    def replay(self, seq: int, until: float = math.inf) -> None:
        """Show again what followed the event `seq`, up to the event `until`."""
        self._go_to(max(seq, self.branch.history.earliest))
        self.held, self._holds_next, self.until = False, False, until

    def _go_to(self, seq: int) -> None:
        with self.branch.harness.lock:
            self._world = self.branch.history.at(min(seq, self.branch.history.last_seq))
        self._flights.clear()
        self._requests.clear()
        self._informed.clear()
        self._sent.clear()
        self._not_before = self._read_until = self._clock
        self.until = math.inf

    def stop(self) -> None:
        """Stand still, with the cluster, in the middle of whatever is under way."""
        self.held = True
        self.branch.harness.halt()

    def hold(self, held: bool) -> None:
        """Stand still between the events of a script, with the cluster, or go on."""
        self.held = held

    def go_on(self) -> None:
        """Show at once what comes next; while the cluster is paused, until all that happened is shown."""
        self.held, self._holds_next, self.until = False, False, math.inf
        self._not_before = self._read_until = self._clock

    def step(self) -> None:
        """Show the next event that matters, then stand still."""
        self.go_on()
        self._holds_next = True

    @property
    def seq(self) -> int:
        """Return the number of the last event that is shown."""
        return self._world.seq

    @property
    def is_current(self) -> bool:
        """Return whether all that has happened by now is shown; `is_behind` is that of the last tick."""
        return self._world.seq >= self.branch.history.last_seq

    @property
    def is_shown(self) -> bool:
        """Return whether it has caught up, or does not go on by itself."""
        return self.is_current or self.held or self.is_still or self.branch.harness.paused

    def tick(self, wall: float, view: View, selected: int = 0) -> Scene:
        """Move with the wall clock, steer the clock of the cluster, and return what is to be seen.

        `view` is the present.
        """
        passed = 0.0 if self._wall is None else min(0.25, wall - self._wall)
        self._wall = wall
        if not (self.held or self.is_still or (view.snapshot.paused and not self.is_behind)):
            self._clock += passed * _rate(view.snapshot.speed)
        history = self.branch.history
        if self.rushes:
            self.jump()
        with self.branch.harness.lock:
            self._follow(history)
            self.is_behind = self._world.seq < history.last_seq
            shown = self._view(view, history)
            self._steer_for(view)
        self._forget_lost()
        self.milestones += [milestone for when, milestone in self._coming if when <= self._clock]
        self._coming = [coming for coming in self._coming if coming[0] > self._clock]
        return self._scene(shown, selected)

    # ---- following

    def _follow(self, history: History) -> None:
        """Show the events that are due."""
        if self._world.seq < history.earliest:  # it was forgotten before it was shown
            self._world = history.at(history.last_seq)
            self._flights.clear()
        self._hurry = 2.0 ** min(8, (history.last_seq - self._world.seq) // FULL)
        for record in history.after(self._world.seq):
            if self.held or record.seq > self.until or self._clock < max(self._not_before, self._due(record)):
                return
            self._show(record)

    def _due(self, record: Record) -> float:
        """Return when an event may be shown: an arrival, once its flight on the screen is over."""
        if isinstance(record.event, _BEGINNINGS):
            return self._not_before if self._is_one_more(record) else self._read_until
        flight = self._flights.get(_arriving(record) or (NONE, False))
        if flight is None or not flight.matters:
            return self._not_before
        arrives = flight.since + self._duration(record.time - flight.left)
        if self._learnt and getattr(flight.moving.message, "entries", None) == ():
            return arrives  # the same is told of the next follower
        return max(self._read_until, arrives)

    def _duration(self, delay: float) -> float:
        """Return the time on the wall of a flight of `delay` seconds of cluster time."""
        return self._whole() * min(1.6, max(0.85, delay / USUAL))

    def _whole(self) -> float:
        """Return the time of a usual flight on the wall: a shorter one where there are many nodes."""
        return self.flight * self._share / self._hurry / self._familiar

    @property
    def _share(self) -> float:
        """Return the part of a flight's time that a flight takes: less than 1 where there are many nodes."""
        return min(1.0, 4 / max(1, self.branch.harness.n - 1))

    def _show(self, record: Record) -> None:
        event = record.event
        if self._holds_next and _stops_at(record):
            self._holds_next = False
            self.stop()
        term = self._world.node(record.node).after.current_term if record.after is not None else 0
        self._world(record)
        if record.after is not None and record.after.current_term != term:
            self._flash[record.node] = self._clock + FLASH
        self._take(record)
        self._take_time(record)
        if isinstance(event, _REACHABLE):
            self._informed.clear()  # what was lost before may arrive now, and is seen
            self._sent.clear()
        if _is_read(record):
            self._read_until = self._clock + READ * self._whole() * self._news_in(record)
            self._learnt = isinstance(event, decisions.CommitAdvanced)
        if isinstance(event, _FAULTS):
            self._fault = record

    def _news_in(self, record: Record) -> float:
        """Return the part of the time for reading that an event needs: less for one more vote of the same kind."""
        match record.event:
            case decisions.ElectionStarted():
                self._votes_read.clear()
            case decisions.VoteDecided() | decisions.VoteCounted():
                kind = type(record.event), getattr(record.event, "granted", True)
                self._votes_read[kind] += 1
                return SAME if self.awaits and self._votes_read[kind] > 1 else 1.0
        return 1.0

    def _is_one_more(self, record: Record) -> bool:
        """Return whether a node crashes or restarts together with the one that did so before it."""
        last = self._fault
        return last is not None and type(last.event) is type(record.event) and record.time - last.time <= TOGETHER

    def _take(self, record: Record) -> None:
        """Show what becomes of a message."""
        match record.event:
            case facts.CallSent(call_id, src, dst, args):
                self._leave((call_id, False), src, dst, args, record)
            case facts.ReplySent(call_id, src, dst, reply):
                self._leave((call_id, True), src, dst, reply, record)
            case facts.CallDelivered(call_id) | facts.ReplyDelivered(call_id):
                self._flights.pop((call_id, isinstance(record.event, facts.ReplyDelivered)), None)
            case facts.CallLost(call_id, reason=reason) | facts.ReplyLost(call_id, reason=reason):
                self._lose((call_id, isinstance(record.event, facts.ReplyLost)), reason)

    def _take_time(self, record: Record) -> None:
        """Let an event that matters be seen for a while."""
        match record.event:
            case decisions.ElectionStarted() | decisions.PreVoteStarted():
                self._elections += isinstance(record.event, decisions.ElectionStarted)
                self._tries += isinstance(record.event, decisions.ElectionStarted)
                self._dwell(DWELL)
                self._meet(record, "candidate", DWELL / 2 if self.tells_all else DWELL + 0.4)
            case decisions.BecameLeader():
                self._tries = 0
                self._dwell(DWELL)
                self._meet(record, "leader", 0.4)
            case decisions.CommitAdvanced(replicas=replicas) if replicas:
                self._dwell(DWELL / 2)
                self._meet(record, "commit", 0.4)
            case facts.Restarted() if self.awaits:
                pass  # the command may restart more of them
            case facts.Crashed() | facts.Restarted() if self._is_one_more(record):
                pass
            case facts.Crashed() | facts.Restarted() | facts.Partitioned() | facts.Healed() | facts.Disconnected():
                self._dwell(DWELL / 2)
            case decisions.VoteDecided(granted=True) if self.tells_all:
                self._dwell(DWELL / 2)
                self._meet(record, "vote", 0.4)
            case decisions.EntryAppended():
                self._dwell(READ * self._share)
            case decisions.BecameFollower(was=CMState.LEADER | CMState.CANDIDATE):
                self._dwell(READ * self._share)
            case decisions.LogTruncated() | decisions.VoteDecided():
                self._dwell(DWELL / 4 * self._share)

    def _leave(self, key: Key, src: int, dst: int, message: Args | Reply, record: Record) -> None:
        """Show that a message leaves."""
        request, mattered = self._requests.get(key[0], (None, False))
        if isinstance(message, RPCRequest):
            request, matters = message, self._is_news((src, dst), message)
            self._requests[key[0]] = message, matters
            if len(self._requests) > MOST_REQUESTS:
                del self._requests[next(iter(self._requests))]
            if not matters and self._clock >= self._pulse_at + PULSE_EVERY:
                self._pulse_at = self._clock
        else:
            confirms = isinstance(request, AppendEntriesArgs) and not request.entries
            matters = mattered and not (
                (confirms and getattr(message, "success", False)) or self._is_known_refusal(message)
            )
        moving = Moving(key, src, dst, message, 0.0, index=confirmed(message, request))
        self._flights[key] = Flight(moving, self._clock, record.time, matters)

    def _is_known_refusal(self, reply: object) -> bool:
        """Return whether a reply refuses a vote while a command waits, and is not the first in this election."""
        refuses = isinstance(reply, RequestVoteReply) and not reply.vote_granted
        return refuses and self.awaits and self._votes_read[decisions.VoteDecided, False] > 1

    def _is_news(self, link: Link, args: Args) -> bool:
        """Return whether a request is to be seen: any but a heartbeat that tells its receiver nothing new."""
        if not isinstance(args, AppendEntriesArgs):
            return True
        news = args.term, args.leader_commit
        known, self._informed[link] = self._informed.get(link), news
        if not args.entries:
            return known != news
        entries = args.term, args.prev_log_index, len(args.entries)
        sent, self._sent[link] = self._sent.get(link), entries
        return sent != entries or known != news

    def _lose(self, key: Key, reason: str) -> None:
        flight = self._flights.get(key)
        if flight is not None:
            flight.ended = self._clock
            flight.moving = replace(flight.moving, end="lost", reason=reason)
            if reason in PASSING:
                self._sent.pop((flight.moving.src, flight.moving.dst), None)

    def _forget_lost(self) -> None:
        """Drop the losses that were seen for long enough, and messages of which the end was never told."""
        for key, flight in list(self._flights.items()):
            if (flight.ended is not None and self._clock > flight.ended + LOST_FOR * self.flight) or (
                flight.ended is None and self._world.time > flight.left + LONGEST_FLIGHT
            ):
                del self._flights[key]

    def _dwell(self, flights: float) -> None:
        """Show nothing else for that many flights."""
        wait = flights * self.flight / self._hurry / self._familiar
        self._not_before = max(self._not_before, self._clock + wait)

    def _meet(self, record: Record, what: str, after: float) -> None:
        """Note a milestone, which is well seen `after` so many flights."""
        if self.tells_all or what not in self._met:
            self._met.add(what)
            self._coming.append((self._clock + after * self.flight, Milestone(record.seq, what)))

    @property
    def _familiar(self) -> float:
        """Return how many times faster than usual an election is shown: in a script, the third one is known."""
        if not self.awaits:
            return 1.0
        return (2.0 if self._elections > FAMILIAR else 1.0) * (2.0 if self._tries > 1 else 1.0)

    # ---- the clock of the cluster

    def _steer_for(self, view: View) -> None:
        """Choose how fast the cluster goes until the next tick."""
        self.skips = False
        if self.held or self.is_still or self.is_behind or self._clock < self._not_before:
            self._idle_since = self._clock
            self._steer(0.0)
            return
        due = self._next_arrival(view)
        if self.rushes:
            self._steer(MOST_HURRY.get(self.branch.harness.backend, SKIPPED))
            return
        if due is not None:
            self._idle_since = self._clock
            self._steer(due)
            return
        is_idle = is_quiet(view.snapshot, leads=not self.awaits)
        self.skips = is_idle and not view.snapshot.paused
        if not self.skips:
            self._idle_since = self._clock
        self._steer(self._skipping() if is_idle else WITHOUT_LEADER)

    def _skipping(self) -> float:
        """Return the speed of idle time: while a command waits, the faster the longer this lasts."""
        if not self.awaits:
            return SKIPPED
        most = MOST_HURRY.get(self.branch.harness.backend, SKIPPED)
        return float(min(most, SKIPPED * HURRY ** (self._clock - self._idle_since + 1)))

    def _next_arrival(self, view: View) -> float | None:
        """Return the pace at which the next message that matters arrives once its flight is over, if any is."""
        now, best = view.snapshot.time, None
        for message in view.messages:
            flight = self._flights.get(key_of(message))
            if flight is None or not flight.matters or message.due is None:
                continue
            left = max(0.02, flight.since + self._duration(message.due - flight.left) - self._clock)
            pace = max(0.0, message.due - now) / left
            best = pace if best is None or pace < best else best
        speed = view.snapshot.speed
        return None if best is None else max(best * _rate(speed) / speed, SLOWEST)

    def _steer(self, pace: float) -> None:
        if pace != self._pace or pace == 0.0:
            self._pace = pace
            with suppress(UsageError):  # it has ended
                self.branch.harness.steer(pace)

    # ---- what is seen

    def _view(self, view: View, history: History) -> View:
        """Return the view after the event that is shown last: the present, unless it is behind."""
        seq = self._world.seq
        last = view.records[-1].seq if view.records else seq
        if last == seq:
            return view
        breach = view.breach if view.breach is not None and view.breach.seq <= seq else None
        shown = list(history.until(seq))
        return replace(
            view, snapshot=self._world.snapshot(view.snapshot), records=shown, messages=(), breach=breach
        )

    def _scene(self, view: View, selected: int) -> Scene:
        due = {key_of(message): message for message in view.messages}
        moving = tuple(self._moved(flight, due) for flight in self._flights.values() if self._is_seen(flight, due))
        leaders = tuple(n.id for n in view.snapshot.nodes if n.alive and n.state is CMState.LEADER)
        return Scene(
            view,
            moving,
            selected,
            pulse=leaders if self._clock < self._pulse_at + PULSE else (),
            flash=frozenset(node for node, until in self._flash.items() if self._clock < until),
            skip=self.skips,
        )

    def _is_seen(self, flight: Flight, due: Mapping[Key, InFlight]) -> bool:
        message = due.get(flight.moving.key)
        return flight.matters or (message is not None and message.due is None)

    def _moved(self, flight: Flight, due: Mapping[Key, InFlight]) -> Moving:
        """Return a message where it is now."""
        message = due.get(flight.moving.key)
        if flight.ended is not None:
            return replace(flight.moving, way=1.0)
        if message is not None and message.due is None:
            return replace(flight.moving, way=0.5, end="held", id=message.id)
        delay = USUAL if message is None or message.due is None else message.due - flight.left
        way = (self._clock - flight.since) / self._duration(delay)
        return replace(flight.moving, way=max(0.0, min(0.99, way)), id=NONE if message is None else message.id)


def _rate(speed: float) -> float:
    """Return how fast the playhead goes at a speed of the cluster."""
    return max(SLOW, min(speed, FAST))


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


def _stops_at(record: Record) -> bool:
    """Return whether the cluster is held at an event until the playhead has shown it."""
    match record.event:
        case facts.CallSent(args=args) | facts.CallDelivered(args=args) | facts.CallLost(args=args):
            return not isinstance(args, AppendEntriesArgs) or bool(args.entries)
        case facts.ReplySent(reply=reply) | facts.ReplyDelivered(reply=reply) | facts.ReplyLost(reply=reply):
            return not getattr(reply, "success", False)
        case decisions.HeartbeatDue() | decisions.Persisted() | decisions.AppendDecided(success=True):
            return False
        case decisions.Applied() | decisions.ReplyIgnored() | facts.KeptWaiting():
            return False
    return True


def _is_read(record: Record) -> bool:
    """Return whether something is told of an event, which must stand until it is read."""
    match record.event:
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
    return isinstance(record.event, _BEGINNINGS)


_BEGINNINGS = decisions.ElectionStarted | decisions.PreVoteStarted | facts.Crashed | facts.Restarted
"""Events that no message brings, and that are told."""


_FAULTS = facts.Crashed | facts.Restarted
"""Events that may come to several nodes together."""


_REACHABLE = facts.Healed | facts.Reconnected | facts.Thawed | facts.Restarted | facts.LinkChanged
"""Events after which a node may be reached that was not before."""


def _arriving(record: Record) -> Key | None:
    """Return the message that arrives with an event, or is lost with it."""
    match record.event:
        case facts.CallDelivered(call_id=number):
            return number, False
        case facts.ReplyDelivered(call_id=number):
            return number, True
        case facts.CallLost(call_id=number):
            return number, False
        case facts.ReplyLost(call_id=number):
            return number, True
    return None
