"""A recording as the replay page reads it: one JSON value, in which each event only says what it changed.

The states are those that `World` folds, the sentences those of the stage, the answers those of `why`, and the
marks those of the tape. Numbers of events count from 1, so that 0 is the moment before the first one; times are in
microseconds. Each text is kept once, in `texts`, and named by its place there; a text of users is cut and made
visible before.

The rule of this module: `replay_data` is a pure function of the recording.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeAlias

from raftplay.cluster.snapshot import NodeSnapshot, Snapshot, network_lines
from raftplay.export.mail import Mail, MailedMessage
from raftplay.export.pace import pace_of
from raftplay.export.recording import Recording, SideText
from raftplay.past.links import Reachability
from raftplay.past.view import View
from raftplay.raft.decisions import AppendDecided, DecisionBase
from raftplay.raft.messages import (
    NONE,
    AppendEntriesArgs,
    AppendEntriesReply,
    Entry,
)
from raftplay.tui.model.glyphs import UNICODE
from raftplay.tui.stage.roles import role_of, side_names, sides_of
from raftplay.tui.stage.scene import Scene
from raftplay.tui.stage.sentence import sentence
from raftplay.tui.stage.tape import WEIGHTS, Tape, TapeMark
from raftplay.version import __version__
from raftplay.watch import facts
from raftplay.watch.fact_base import FactBase
from raftplay.watch.facts import Record
from raftplay.watch.invariants import Breach
from raftplay.watch.narrator import describe
from raftplay.watch.text import command_text, visible
from raftplay.watch.words import link_text
from raftplay.why.answers import why, why_node

FORMAT = "raftplay.replay/1"

LONGEST = 300
"""The most characters of a text that users wrote, as a caption."""

LONGEST_COMMAND = 60
"""The most characters of a command in a log."""

MOST_ANSWERS, FEW_ANSWERS = 120, 30
"""The most moments at which `why` is asked, and of how many in a run of more than `LONG` events."""

LONG = 3000

QUIET_FOR = 1.0
"""The seconds of cluster time with nothing but heartbeats after which the moment is told anew."""

Json: TypeAlias = dict[str, object]


@dataclass
class Texts:
    """The texts of a replay, each kept once."""

    all: list[str] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)

    def __call__(self, text: str) -> int:
        """Return the place of `text`."""
        if text not in self.places:
            self.places[text] = len(self.all)
            self.all.append(text)
        return self.places[text]


def replay_data(recording: Recording) -> Json:
    """Return the replay of a recording, with those of its other branches in `others`."""
    replay = _whole(recording)
    return replay | {"others": [_whole(other) for other in recording.others]} if recording.others else replay


def _whole(recording: Recording) -> Json:
    tape = Tape()
    tape.read(recording.records, recording.breach)
    replay = ReplayBuilder(recording, tape)
    asked = _asked(tape.marks, FEW_ANSWERS if len(recording.history) > LONG else MOST_ANSWERS)
    for record in recording.records:
        replay.take(record, asks=record.seq in asked)
    replay.ask_all(recording.now)
    return replay.data()


def shown(text: str, longest: int = LONGEST) -> str:
    """Return a user's text with invisible characters as escapes, cut at `longest`; its lines stay."""
    text = "\n".join(map(visible, text.split("\n")))
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


_KEYS = re.compile(r" \([a-z←]\)|; w asks why| Submit a command: s\.|\. Submit one: s\b")
"""The parts of a sentence of the screen that tell of its keys, which the page has not."""


def without_keys(text: str) -> str:
    """Return a sentence of the screen without its keys."""
    return _KEYS.sub("", text)


class ReplayBuilder:
    """Folds the events of a recording one by one, and notes at each what changes; `tape` has their marks."""

    def __init__(self, recording: Recording, tape: Tape) -> None:
        self.recording = recording
        self.tape = tape
        self.first = recording.history.first_seq
        self.texts = Texts()
        self.mail = Mail()
        self.records: list[Record] = []
        self.states: list[list[object]] = []
        self.network: list[list[object]] = []
        self.said_at = 0.0
        self.told: list[list[int]] = []
        self.next: list[list[int]] = []
        self.answers: list[list[object]] = []
        self.before: dict[int, Json] = {}
        self.logs: dict[int, Sequence[Entry]] = {}
        self.columns: list[tuple[int, int, str, int]] = []
        """For each event the time since the one before, its node, its kind, and its words or message."""

        self._world = recording.world()
        self._time = _micros(self._world.time)
        self._note(0, self._world.snapshot(recording.now), everything=True)

    def take(self, record: Record, *, asks: bool) -> MailedMessage | None:
        """Take the next event; `asks`: at this moment `why` is asked. Return the message that it tells of."""
        self._world(record)
        self.records.append(record)
        at = len(self.records)
        message = self.mail.take(at, record.event)
        snapshot = self._world.snapshot(self.recording.now)
        is_quiet = _is_quiet(record.event)
        self._note(at, snapshot, everything=not is_quiet and record.event.group != "wire", node=record.node)
        if not is_quiet or record.time > self.said_at + QUIET_FOR:
            self._tell(at, snapshot)
        if at == self.recording.size:  # all have started
            self.ask_all(snapshot)
        elif asks:
            self._ask(at, snapshot, NONE)
            self._ask(at, snapshot, record.node)
        passed, self._time = _micros(record.time) - self._time, _micros(record.time)
        words = self.texts(describe(record)) if message is None else message
        self.columns.append((passed, record.node, _kind(record.event), words))
        return None if message is None else self.mail.all[message]

    def data(self) -> Json:
        """Return all of it so far."""
        recording, texts, columns, tape = self.recording, self.texts, self.columns, self.tape
        now = recording.now
        return {
            "format": FORMAT,
            "version": __version__,
            "name": shown(recording.name, 80),
            "branch": recording.branch,
            "parent": recording.parent,
            "since": _micros(recording.since),
            "nodes": recording.size,
            "majority": now.majority,
            "seed": str(now.seed),  # it may be more than a number of JavaScript holds
            "backend": now.backend,
            "bugs": [shown(bug, 60) for bug in now.bugs],
            "class": shown(now.node, 80),
            "failure": shown(recording.failure),
            "breach": None if recording.breach is None else self._at(recording.breach.seq),
            "forgotten": recording.history.forgotten,
            "begin": _micros(recording.history.time_of(recording.history.earliest)),
            "times": [column[0] for column in columns],
            "pace": self._pace(tape.marks),
            "who": [column[1] for column in columns],
            "kinds": "".join(column[2] for column in columns),
            "words": [column[3] for column in columns],
            "states": self.states,
            "network": self.network,
            "messages": [self.message(message) for message in self.mail.all],
            "told": self.told,
            "next": self.next,
            "marks": [self.mark(mark) for mark in tape.marks],
            "answers": self.answers,
            "captions": self._beside(recording.captions, LONGEST * 4),
            "commands": self._beside(recording.commands, 120),
            "texts": texts.all,
        }

    def _pace(self, marks: Sequence[TapeMark]) -> list[int]:
        """Return the milliseconds of play between each event and the one before it."""
        told, marked = frozenset(row[0] for row in self.told), frozenset(self._at(mark.seq) for mark in marks)
        shown = [round(when * 1000) for when in pace_of(self.records, self.mail.all, told, marked)]
        return [after - before for before, after in pairwise(shown)]

    @property
    def _breach(self) -> Breach | None:
        """Return the violation, if it has happened by now."""
        breach = self.recording.breach
        return breach if breach is not None and self.records and breach.seq <= self.records[-1].seq else None

    # ---- states

    def _note(self, at: int, snapshot: Snapshot, *, everything: bool, node: int = NONE) -> None:
        """Note how the nodes, and the network, differ from before."""
        links = Reachability(snapshot)
        for seen in snapshot.nodes if everything else snapshot.nodes[node : node + 1] if node >= 0 else ():
            state = self._state(seen, snapshot, links)
            before = self.before.get(seen.id, {})
            changed = {name: value for name, value in state.items() if before.get(name) != value}
            log = self._log_change(seen)
            if log is not None:
                changed["log"] = log
            self.before[seen.id] = state
            if changed:
                self.states.append([at, seen.id, changed])
        if everything:
            self._note_network(at, snapshot)

    def _state(self, seen: NodeSnapshot, snapshot: Snapshot, links: Reachability) -> Json:
        role = role_of(seen, snapshot, links, UNICODE)
        return {
            "role": self.texts(role.word.lower()),
            "sign": role.sign,
            "acts": int(role.acts),
            "weak": int(role.weak),
            "marks": self.texts(shown(", ".join(seen.marks), 160)),
            "term": seen.current_term,
            "vote": seen.voted_for,
            "commit": seen.commit_index,
            "applied": seen.last_applied,
            "votes": sorted(seen.votes),
            "leader": seen.leader_id,
            "timer": -1 if seen.deadline == math.inf or not seen.alive else _micros(seen.deadline),
            "up": int(seen.alive),
            "frozen": int(seen.frozen),
            "base": seen.base_index,
            "peers": [[peer, index, dict(seen.match_index).get(peer, NONE)] for peer, index in seen.next_index],
        }

    def _log_change(self, seen: NodeSnapshot) -> list[object] | None:
        """Return how many entries stay, and those that follow them; None where the log is as before."""
        old, new = self.logs.get(seen.id, ()), seen.log
        if old is new:
            return None
        self.logs[seen.id] = new
        same = min(len(old), len(new))
        if self.records and type(self.records[-1].event).__name__ not in _APPENDS:
            same = next((at for at in range(same) if old[at] != new[at]), same)
        else:
            while same and old[same - 1] is not new[same - 1] and old[same - 1] != new[same - 1]:
                same -= 1
        if same == len(old) == len(new):
            return None
        return [same, *([entry.term, self.texts(_entry_text(entry))] for entry in list(new)[same:])]

    def _note_network(self, at: int, snapshot: Snapshot) -> None:
        sides = sides_of(snapshot)
        value = [
            [list(side) for side in sides],
            [self.texts(name) for name in side_names(sides, snapshot)] if len(sides) > 1 else [],
            [[src, dst, self.texts(link_text(faults))] for (src, dst), faults in snapshot.faulty_links],
            [list(link) for link in snapshot.held_links],
            [self.texts(line) for line in network_lines(snapshot)],
        ]
        if not self.network or self.network[-1][1:] != value:
            self.network.append([at, *value])

    # ---- texts

    def _tell(self, at: int, snapshot: Snapshot) -> None:
        """Note what is told of the moment, where it is something else than before."""
        self.said_at = snapshot.time
        view = View(snapshot, self.records, rewound=True, breach=self._breach)
        said = sentence(Scene(view, self.mail.moving))
        told = [self.texts(shown(said.now, 600)), self.texts(shown(said.why, 600))]
        if not self.told or self.told[-1][1:] != told:
            self.told.append([at, *told])
        following = self.texts(shown(without_keys(said.next), 600))
        if not self.next or self.next[-1][1] != following:
            self.next.append([at, following])

    def ask_all(self, snapshot: Snapshot) -> None:
        """Ask `why` about the cluster and each node, now."""
        at = len(self.records)
        for node in range(NONE, self.recording.size):
            self._ask(at, snapshot, node)

    def _ask(self, at: int, snapshot: Snapshot, node: int) -> None:
        """Note what `why` answers about `node`, -1 for the cluster."""
        view = View(snapshot, list(self.records), self.recording.history.forgotten, breach=self._breach)
        answer = why(view) if node == NONE else why_node(view, node)
        said = [self.texts(shown(answer.head, 400)), [self.texts(shown(line, 400)) for line in answer.reasons]]
        last = next((known for known in reversed(self.answers) if known[1] == node), None)
        if last is None or last[2:] != said:
            self.answers.append([at, node, *said])

    def mark(self, mark: TapeMark) -> list[object]:
        """Return a mark of the tape as the page reads it."""
        return [self._at(mark.seq), mark.kind, mark.node, self.texts(mark.text)]

    def message(self, message: MailedMessage) -> list[object]:
        """Return a message as the page reads it."""
        words = message.words
        row: list[object] = [
            message.src,
            message.dst,
            message.content.term,
            message.sent,
            message.end,
            message.fate,
            words.weight,
            self.texts(words.texts[0]),
            self.texts(shown(message.detail)),
        ]
        return [*row, self.texts(shown(message.reason, 80))] if message.reason else row

    def _beside(self, told: Sequence[SideText], longest: int) -> list[list[object]]:
        return [
            [self._at(one.seq), self.texts(shown(one.text, longest)), self.texts(shown(one.chapter, 120))]
            for one in told
        ]

    def _at(self, seq: int) -> int:
        """Return the number of an event among those that are kept, 0 for one before them."""
        return max(0, min(seq - self.first + 1, len(self.records) or seq))


_APPENDS = ("EntryAppended", "EntriesStored")
"""The events that add entries at the end of a log, and change none before them."""


def _is_quiet(event: DecisionBase | FactBase) -> bool:
    """Return whether an event belongs to a heartbeat that tells nothing new, or tells nothing itself."""
    match event:
        case (
            facts.CallSent(args=AppendEntriesArgs(entries=()))
            | facts.CallDelivered(args=AppendEntriesArgs(entries=()))
        ):
            return True
        case (
            facts.ReplySent(reply=AppendEntriesReply(success=True))
            | AppendDecided(success=True, args=AppendEntriesArgs(entries=()))
        ):
            return True
        case _:
            return event.group == "routine"


def _asked(marks: Sequence[TapeMark], most: int) -> frozenset[int]:
    """Return the events at which `why` is asked: the weightiest of the marked ones."""
    weightiest = sorted(marks, key=lambda mark: -WEIGHTS[mark.kind])[:most]
    return frozenset(mark.seq for mark in weightiest)


def _entry_text(entry: Entry) -> str:
    return command_text(entry.command, LONGEST_COMMAND) if entry.kind == "command" else entry.kind


def _micros(seconds: float) -> int:
    return round(seconds * 1e6)


def _kind(event: DecisionBase | FactBase) -> str:
    """Return a letter: sent, arrived or lost for a message, else the first one of the group of an event."""
    match event:
        case facts.CallSent() | facts.ReplySent():
            return "s"
        case facts.CallDelivered() | facts.ReplyDelivered():
            return "a"
        case facts.CallLost() | facts.ReplyLost():
            return "x"
        case _:
            return event.group[0] if event.group != "wire" else "w"
