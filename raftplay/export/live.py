"""The replay page of a run that goes on: what it begins with, and what each moment adds, as events of a stream.

The rule of this module: one thread calls `LiveReplay`. It reads the cluster under its lock, for as long as it
takes to copy the new events, and folds them outside of it, so that those who look on hold up nobody.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice, pairwise

from raftplay.export.html import page
from raftplay.export.pace import ReplayPace
from raftplay.export.recording import Recording
from raftplay.export.replay import Json, ReplayBuilder
from raftplay.past.history import History
from raftplay.session.branches import Branch
from raftplay.tui.serve.feed import BranchPlace
from raftplay.tui.stage.tape import WEIGHTS, Tape, TapeMark
from raftplay.watch.facts import Record

AT_ONCE = 500
"""The most events that are copied at a time."""

BUDGET = 0.04
"""The time for which events are folded at a time, in seconds."""

FAR_BEHIND = 3_000
"""The events of which so many are not folded yet that the page begins anew with the last ones."""

SOME = 500
"""The events before the present with which it then begins."""

MOST_EVENTS = 20_000
"""The most events of a page; it then begins anew."""

MOST_PARTS = 256
"""The most parts that are kept for browsers that are behind; one that is further behind begins anew."""

GROWING = ("states", "network", "told", "next", "answers")
"""The lists of a replay to which each event may add rows."""

AGAIN = b"event: again\ndata: \n\n"
"""The event at which the page loads itself again."""


def live_page() -> bytes:
    """Return the page that waits for its run, and then follows it."""
    text = page({"live": True})
    return text.replace("default-src 'none';", "default-src 'none'; connect-src 'self';", 1).encode()


class LiveReplay:
    """The replay of what a screen shows. `place` returns the place that is shown; `clock` returns seconds."""

    def __init__(self, place: Callable[[], BranchPlace], clock: Callable[[], float] = time.monotonic) -> None:
        self._place = place
        self._clock = clock
        self._fold: _Fold | None = None
        self._start = b""
        self._covered = 0  # the parts that are in `_start`
        self._parts: list[bytes] = []
        self._first = 0  # the number of the first of them
        self._at = -1

    def page(self) -> bytes:
        """Return the page."""
        return live_page()

    @property
    def version(self) -> int:
        """Return the number of parts so far."""
        return self._first + len(self._parts)

    def since(self, has: int) -> tuple[int, bytes]:
        """Return the number of parts so far, and what a browser that has `has` of them gets; -1 for none."""
        if has < 0:
            return self.version, self._start + b"".join(self._parts[self._covered - self._first :])
        if has < self._first:
            return self.version, AGAIN
        return self.version, b"".join(self._parts[has - self._first :])

    def update(self) -> None:
        """Fold what happened since, up to what the screen shows."""
        place = self._place()
        branch = place.branch
        fold = self._fold
        if fold is None or fold.branch is not branch or fold.is_full or place.seq - fold.seq > FAR_BEHIND:
            fold = self._fold = self._begin(place)
        records = fold.read(place.seq)
        end = self._clock() + BUDGET
        for record in records:
            fold.take(record)
            if self._clock() > end:
                break
        more = fold.more()
        at = fold.number(place.looks_at)
        if more or at != self._at:
            self._at = at
            self._add({"at": at, **more})

    def _begin(self, place: BranchPlace) -> "_Fold":
        """Begin with another branch, or with the last events of this one; all browsers begin anew."""
        fold = _Fold(place.branch, max(place.branch.history.earliest, place.seq - FAR_BEHIND + SOME))
        self._first, self._parts = self.version + 1, []
        self._cover(fold)
        return fold

    def _cover(self, fold: "_Fold") -> None:
        self._start, self._covered = _event("run", fold.whole()), self.version

    def _add(self, more: Json) -> None:
        self._parts.append(_event("more", more))
        if self.version - self._covered >= MOST_PARTS and self._fold is not None:
            self._cover(self._fold)
            gone = len(self._parts) - MOST_PARTS
            del self._parts[:gone]
            self._first += gone


class _Fold:
    """The replay of one branch, from the event `begin` on."""

    def __init__(self, branch: Branch, begin: int) -> None:
        self.branch = branch
        self.seq = begin
        with branch.harness.lock:
            history = History(1, branch.history.at(begin))
            now = branch.harness.snapshot()
        self._tape = Tape()
        self._marks: list[TapeMark] = []
        self._replay = ReplayBuilder(Recording("", history, now), self._tape)
        self._pace = ReplayPace(len(now.nodes))
        self._sent = _Sizes()
        self._open: dict[int, int] = {}  # the messages that had no end when they were sent, with their fate

    @property
    def is_full(self) -> bool:
        """Return whether there are so many events that the page should begin anew."""
        return len(self._replay.records) >= MOST_EVENTS

    def read(self, seq: int) -> list[Record]:
        """Return the next events, up to the event `seq`."""
        branch, replay = self.branch, self._replay
        with branch.harness.lock:
            records = list(islice(branch.history.after(self.seq), max(0, min(AT_ONCE, seq - self.seq))))
            now, breach = branch.harness.snapshot(), branch.harness.breach
        replay.recording = Recording("", replay.recording.history, now, breach)
        return records

    def take(self, record: Record) -> None:
        """Fold one event."""
        replay, sent, told = self._replay, len(self._replay.mail.all), len(self._replay.told)
        self._tape(record)
        is_marked = self._note_mark()
        message = replay.take(record, asks=is_marked and WEIGHTS[self._marks[-1].kind] > WEIGHTS["up"])
        arrived = message if message is not None and message.end else None
        new = replay.mail.all[sent:]
        self._pace.take(record, arrived, new, told=len(replay.told) > told, marked=is_marked)
        self.seq = record.seq
        breach = replay.recording.breach
        if breach is not None and breach.seq == record.seq:
            self._tape.read((), breach)
            self._note_mark()

    def _note_mark(self) -> bool:
        """Keep the last mark of the tape; return whether it is another one than before."""
        last = self._tape.marks[-1]
        is_new = not self._marks or self._marks[-1].seq != last.seq
        if is_new:
            self._marks.append(last)
        else:
            self._marks[-1] = last
        return is_new

    def number(self, seq: int) -> int:
        """Return the number of an event on the page."""
        return max(0, len(self._replay.records) - max(0, self.seq - seq))

    def whole(self) -> Json:
        """Return the run so far, as the page begins with it; then it is not in `more` again."""
        replay = self._replay
        data = replay.data()
        data |= {
            "live": True,
            "marks": [replay.mark(mark) for mark in self._marks],
            "pace": self._paces(0),
            "forgotten": replay.first - 1,
        }
        self.more()
        return data

    def more(self) -> Json:
        """Return what was added since this was asked before; nothing where there is no new event."""
        replay, sent = self._replay, self._sent
        new = replay.columns[sent.columns :]
        grown = {name: getattr(replay, name)[sent.rows.get(name, 0) :] for name in GROWING}
        if not new and not any(grown.values()) and sent.texts:
            return {}
        messages = [replay.message(message) for message in replay.mail.all[sent.messages :]]
        changed = [
            [number, replay.message(message)]
            for number, fate in self._open.items()
            if (message := replay.mail.all[number]).end or message.fate != fate
        ]
        first_mark = max(0, sent.marks - 1)  # the last one may have its words only now
        marks = [replay.mark(mark) for mark in self._marks[first_mark:]]
        breach = replay.recording.breach
        more = {
            "times": [column[0] for column in new],
            "who": [column[1] for column in new],
            "kinds": "".join(column[2] for column in new),
            "words": [column[3] for column in new],
            "pace": self._paces(sent.columns),
            **grown,
            "messages": messages,
            "changed": changed,
            "marks": [first_mark, marks],
            "breach": None if breach is None else self.number(breach.seq),
            "texts": replay.texts.all[sent.texts :],
        }
        self._open = {number: mail.fate for number, mail in enumerate(replay.mail.all) if not mail.end}
        self._sent = _Sizes(
            len(replay.columns),
            len(replay.mail.all),
            len(self._marks),
            len(replay.texts.all),
            {name: len(getattr(replay, name)) for name in GROWING},
        )
        return more

    def _paces(self, first: int) -> list[int]:
        """Return the milliseconds of play between each event after the first ones and the one before it."""
        shown = [round(when * 1000) for when in self._pace.shown[first:]]
        return [after - before for before, after in pairwise(shown)]


@dataclass(frozen=True, slots=True)
class _Sizes:
    """The part of a replay that was sent."""

    columns: int = 0
    messages: int = 0
    marks: int = 0
    texts: int = 0
    rows: dict[str, int] = field(default_factory=dict)


def _event(kind: str, data: Json) -> bytes:
    """Return an event of a stream; its data is one line of ASCII."""
    return f"event: {kind}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()
