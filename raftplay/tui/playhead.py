"""The playhead: the moment of the history that the screen shows, moving at a pace that a person can follow.

A response takes no cluster time by default, and a request a few milliseconds, so a slower clock alone shows
neither. The playhead goes from event to event: a message that matters takes one flight on the wall, and meanwhile
the clock of the cluster is held or slowed. So the screen is one instant behind at most, and shows what happened.

The rule of this module: `__call__` runs inside the cluster and only holds the clock; everything else runs in the
thread that paints, and reads the history under the lock of the cluster.
"""

import math
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace

from raftplay.errors import UsageError
from raftplay.past.history import History
from raftplay.past.view import View
from raftplay.raft import decisions
from raftplay.raft.messages import CMState
from raftplay.session.branches import Branch, Mark, Shown
from raftplay.tui.noteworthy import BEGINNINGS, FAULTS, REACHABLE, is_quiet, is_read, stops_at
from raftplay.tui.stage.scene import Scene, key_of
from raftplay.tui.under_way import USUAL, UnderWay
from raftplay.watch import facts
from raftplay.watch.facts import Record

FLIGHT = 0.9
"""The default time of a flight, in seconds of the wall clock."""

FLIGHTS = (0.3, 0.5, 0.7, 0.9, 1.3, 2.0, 3.0)
"""The times of a flight that keys choose, in seconds of the wall clock."""

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

FLASH = 1.0
"""The time for which a new term flashes, in seconds of the wall clock."""

SLOW, FAST = 0.2, 4.0
"""The speeds of the cluster below and above which the playhead itself gets no slower, and no faster."""

SLOWEST = 0.0005
"""The slowest pace while a message is awaited."""

FULL = 60
"""The number of events behind which flights are halved, and so on."""


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
        self._messages = UnderWay()
        self._flash: dict[int, float] = {}
        self._pace = math.nan  # not chosen yet
        self._hurry = 1.0
        with branch.harness.lock:
            self._world = branch.history.at(branch.history.last_seq)
            branch.harness.stream.attach(self)

    # ---- inside the cluster

    def __call__(self, record: Record) -> None:
        """Hold the clock of the cluster at an event that matters, until it has been shown."""
        if stops_at(record) and not self.rushes:
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
        self._messages.clear()
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
    def shown(self) -> Shown | None:
        """Return the moment that is shown, None if it is the present."""
        return None if self.is_current else Shown(self.branch, Mark(self.seq, self._world.time))

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
        self._messages.forget_lost(self._clock, self._world.time, self.flight)
        self.milestones += [milestone for when, milestone in self._coming if when <= self._clock]
        self._coming = [coming for coming in self._coming if coming[0] > self._clock]
        return self._scene(shown, selected)

    # ---- following

    def _follow(self, history: History) -> None:
        """Show the events that are due."""
        if self._world.seq < history.earliest:  # it was forgotten before it was shown
            self._world = history.at(history.last_seq)
            self._messages.clear_flights()
        self._hurry = 2.0 ** min(8, (history.last_seq - self._world.seq) // FULL)
        for record in history.after(self._world.seq):
            if self.held or record.seq > self.until or self._clock < max(self._not_before, self._due(record)):
                return
            self._show(record)

    def _due(self, record: Record) -> float:
        """Return when an event may be shown: an arrival, once its flight on the screen is over."""
        if isinstance(record.event, BEGINNINGS):
            return self._not_before if self._is_one_more(record) else self._read_until
        flight = self._messages.arriving(record)
        if flight is None:
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
        event: object = record.event
        if self._holds_next and stops_at(record):
            self._holds_next = False
            self.stop()
        term = self._world.node(record.node).after.current_term if record.after is not None else 0
        self._world(record)
        if record.after is not None and record.after.current_term != term:
            self._flash[record.node] = self._clock + FLASH
        knows_refusals = self.awaits and self._votes_read[decisions.VoteDecided, False] > 1
        self._messages.take(record, self._clock, knows_refusals=knows_refusals)
        self._take_time(record)
        if isinstance(event, REACHABLE):
            self._messages.show_again()
        if is_read(record):
            self._read_until = self._clock + READ * self._whole() * self._news_in(record)
            self._learnt = isinstance(event, decisions.CommitAdvanced)
        if isinstance(event, FAULTS):
            self._fault = record

    def _news_in(self, record: Record) -> float:
        """Return the part of the time for reading that an event needs: less for one more vote of the same kind."""
        event: object = record.event
        match event:
            case decisions.ElectionStarted():
                self._votes_read.clear()
            case decisions.VoteDecided() | decisions.VoteCounted():
                kind = type(event), getattr(event, "granted", True)
                self._votes_read[kind] += 1
                return SAME if self.awaits and self._votes_read[kind] > 1 else 1.0
        return 1.0

    def _is_one_more(self, record: Record) -> bool:
        """Return whether a node crashes or restarts together with the one that did so before it."""
        last = self._fault
        return last is not None and type(last.event) is type(record.event) and record.time - last.time <= TOGETHER

    def _take_time(self, record: Record) -> None:
        """Stay for a while at an event that matters."""
        event: object = record.event
        match event:
            case decisions.ElectionStarted() | decisions.PreVoteStarted():
                self._elections += isinstance(event, decisions.ElectionStarted)
                self._tries += isinstance(event, decisions.ElectionStarted)
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
            flight = self._messages.awaited(key_of(message))
            if flight is None or message.due is None:
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
        leaders = tuple(n.id for n in view.snapshot.nodes if n.alive and n.state is CMState.LEADER)
        return Scene(
            view,
            self._messages.seen(due, self._clock, self._duration),
            selected,
            pulse=leaders if self._messages.is_pulsing(self._clock) else (),
            flash=frozenset(node for node, until in self._flash.items() if self._clock < until),
            skip=self.skips,
        )


def _rate(speed: float) -> float:
    """Return how fast the playhead goes at a speed of the cluster."""
    return max(SLOW, min(speed, FAST))
