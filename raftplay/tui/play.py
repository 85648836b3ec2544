"""Playing a script on the screen: its comments as captions, its steps one after another."""

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import PurePath

from raftplay.run.captions import Caption, Part, caption_at, captions_of, parts_of
from raftplay.run.script import Script
from raftplay.session.outcome import Outcome
from raftplay.session.status import Status
from raftplay.tui.driver import SessionLike

READING = 18.0
"""Characters of a caption that a person reads in a second."""

SHORTEST_READING, LONGEST_READING = 1.2, 12.0

SEEING = 0.8
"""The time for which the end of a step is seen before the next caption, in seconds."""

LONGEST_NAME = 40
"""The longest path of a script that is shown whole, in characters; else the file's name is shown."""


@dataclass(slots=True)
class Player:
    """A script that is played: time is paused between steps, so that reading a caption changes nothing.

    `step_by_step`: wait for `go_on` before each step; `by_caption`: only before each caption but the first.
    `at_once`: no time for reading. `speed_after`: what follows goes at this speed. `tick` is called often.
    """

    script: Script
    driver: SessionLike
    step_by_step: bool = False
    at_once: bool = False
    speed_after: float | None = None
    by_caption: bool = False
    at: int = 0
    comments: tuple[str, ...] = ()
    outcome: Outcome | None = None
    ended: str = ""
    parts: list[Part] = field(default_factory=list)
    captions: list[Caption] = field(default_factory=list)
    until: int = -1
    """The caption to which it goes without any pause, -1 for none."""

    marks: dict[str, list[int]] = field(default_factory=dict)
    """By branch: for each part that was begun there, the number of the last event before it."""

    _branch: str = ""
    _left_at: dict[str, int] = field(default_factory=dict)  # by branch: the part that was next when it was left
    _doing: "Future[list[Outcome]] | None" = None
    _stands_still: bool = False  # because the script said so
    _due: float = 0.0
    _rests_until: float = 0.0
    _announced: int = -1
    _wanted: bool = False
    _is_set_aside: bool = False
    tells_effects: bool = False
    """True while `comments` tell what the last step did."""

    def __post_init__(self) -> None:
        self.parts = parts_of(self.script)
        self.captions = captions_of(self.parts)
        self._branch = self.driver.session.branch.name

    # ---- where it is

    @property
    def place(self) -> str:
        """Say where in the script it is; of a long path, the name of the file."""
        name = self.script.name
        if len(name) > LONGEST_NAME:
            name = f"…/{PurePath(name).name}"
        if self.ended:
            return f"{name}: {self.ended}"
        if not self.parts:
            return name
        part = self.parts[self.at]
        line = f" line {part.step.line}" if part.step is not None else ""
        waits = "; g: next step" if self.waits else ""
        text = f", next: {part.step.bound.text}" if part.step is not None and waits else ""
        return f"{name}{line}, step {self.at + 1} of {len(self.parts)}{text[:60]}{waits}"

    @property
    def waits(self) -> bool:
        """Return whether it waits for `go_on`."""
        return not self.ended and self._doing is None and (self.step_by_step or self.waits_for_caption)

    @property
    def waits_for_caption(self) -> bool:
        """Return whether all steps of a caption were done, and the next caption waits for `go_on`."""
        is_new = self._announced != self.at and bool(self.parts) and self.parts[self.at].begins_caption
        return self.by_caption and is_new and self.at > 0 and not self.ended and not self.at_once

    @property
    def is_busy(self) -> bool:
        """Return whether a step is under way."""
        return self._doing is not None

    @property
    def begins_caption(self) -> bool:
        """Return whether a caption has just been shown, and its first step is next."""
        return self._announced == self.at and bool(self.parts) and self.parts[self.at].begins_caption

    @property
    def hurries(self) -> bool:
        """Return whether it goes to a later caption without any pause."""
        return self.until >= 0

    @property
    def note(self) -> str:
        """Return what the bar says of it: "PLAYING 5/20", or "WAITING 5/20"; "" once it has ended."""
        if self.ended or not self.parts:
            return ""
        return f"{'WAITING' if self.waits else 'PLAYING'} {self.at + 1}/{len(self.parts)}"

    @property
    def caption(self) -> int:
        """Return the number of the caption that is shown."""
        return caption_at(self.captions, max(0, self._announced))

    def mark_of(self, caption: int) -> int | None:
        """Return the number of the last event before a caption in this branch, None if it was not shown yet."""
        marks = self.marks.get(self.driver.session.branch.name, [])
        part = self.captions[caption].part if caption < len(self.captions) else len(self.parts)
        return marks[part] if part < len(marks) else None

    # ---- what a person does

    def go_on(self) -> None:
        """Do the next step now, whatever there is to read."""
        self._wanted = True

    def set_aside(self) -> None:
        """Wait before the next step; the one under way, which is about to be interrupted, is done again then."""
        self.step_by_step, self._is_set_aside = True, self._doing is not None

    def reopen(self) -> None:
        """Go on with a script that has ended, if it has not in the branch that is played now."""
        if self.ended and self.driver.session.branch.name != self._branch:
            self.ended = ""
            self._follow_branch()

    def hold(self) -> bool:
        """Wait before each step from now on, or do so no more; which of both."""
        self.step_by_step = not (self.step_by_step or self.waits_for_caption)
        self.by_caption = self.by_caption and self.step_by_step
        return self.step_by_step

    def skip_to(self, caption: int) -> None:
        """Go to a later caption without any pause, or to the end."""
        if not self.ended:
            self.until = caption

    # ---- playing

    def tick(self, now: float, *, is_shown: bool = True) -> bool:
        """Take up what ended, begin what is due; whether anything changed.

        `now` is the time of a clock, in seconds. What a step did is taken up once the screen has shown it.
        """
        if self.ended:
            return False
        if self._doing is not None:
            return self._doing.done() and (is_shown or self.hurries) and self._take_up(self._doing.result(), now)
        if not self.parts:
            return self._end("there is nothing to do in it")
        if self.driver.session.moment is not None or not (is_shown or self.hurries):
            return False  # somebody looks at the past, or sees it again
        self._follow_branch()
        if self._announced != self.at:
            return self._may_announce(now) and self._announce(now)
        if self._wanted or self.hurries or (not self.step_by_step and now >= self._due):
            self._wanted = False
            return self._begin()
        return False

    def _may_announce(self, now: float) -> bool:
        """Return whether the next step may be announced; a wish to go on is used up by a caption that waited."""
        if self.hurries or self.at_once:
            return True
        if self.waits_for_caption:
            is_wanted, self._wanted = self._wanted, False
            return is_wanted
        return self._wanted or now >= self._rests_until

    def _announce(self, now: float) -> bool:
        part = self.parts[self.at]
        self._announced = self.at
        if self.hurries and self.until < len(self.captions) and self.at >= self.captions[self.until].part:
            self.until = -1
        branch = self.driver.session.branch
        self.marks.setdefault(branch.name, [])[self.at :] = [branch.history.last_seq]
        if part.comments:
            self.comments, self.tells_effects = part.paragraphs, False
        elif part.chapter:
            self.comments, self.tells_effects = (part.chapter,), False
        reading = _reading(part.comments) if part.comments else 0.25
        if self.by_caption:
            reading = min(reading, SHORTEST_READING)
        self._due = now + (0.0 if self.at_once or self.hurries else reading)
        return True

    def _begin(self) -> bool:
        part = self.parts[self.at]
        if part.step is None:
            return self._go_to_next()
        if self.tells_effects:
            self.comments, self.tells_effects = (), False  # what the step before did
        text, name = part.step.bound.text, part.step.bound.name
        if name == "pause":
            self._stands_still = True
        elif name == "resume":
            self._stands_still = False
        line = text if self._stands_still else f"{text}; pause" if name == "resume" else f"resume; {text}; pause"
        self._doing = self.driver.run(line)
        return True

    def _take_up(self, outcomes: Sequence[Outcome], now: float) -> bool:
        part = self.parts[self.at]
        assert part.step is not None
        is_left, self._doing, self._is_set_aside = self._is_set_aside, None, False
        text = part.step.bound.text
        mine = [o for o in outcomes if o.text == text] or list(outcomes[-1:])
        self.outcome = mine[0] if mine else None
        if part.effects:
            self.comments, self.tells_effects = part.effects, True
        failed = next((o for o in outcomes if not o.held), None)
        if failed is not None and is_left and failed.status is Status.INTERRUPTED:
            self.driver.run("pause")
            return True
        if failed is not None:
            self.outcome = failed
            self.driver.run("pause")
            words = "interrupted" if failed.status is Status.INTERRUPTED else "did not hold"
            words = "an invariant broke" if failed.breach is not None else words
            return self._end(f"line {part.step.line}: {words}")
        self._rests_until = now + _reading(part.effects) if part.effects else now
        is_told = self.at + 1 < len(self.parts) and self.parts[self.at + 1].begins_caption
        self._rests_until += SEEING if is_told else 0.0
        return self._go_to_next()

    def _go_to_next(self) -> bool:
        if self.at + 1 == len(self.parts):
            return self._end("ended; the cluster is yours")
        self.at += 1
        return True

    def _end(self, how: str) -> bool:
        self.ended, self.until = how, -1
        self.driver.run(f"speed {self.speed_after:g}") if self.speed_after is not None else None
        return True

    def _follow_branch(self) -> None:
        """Where somebody went to another branch, go on with what was not done there, but not by itself."""
        branch = self.driver.session.branch
        if branch.name == self._branch:
            return
        self._left_at[self._branch] = self.at
        if branch.name not in self.marks:
            before = self.marks.get(branch.parent, [])
            self.marks[branch.name] = [seq for seq in before if seq <= branch.since.seq]
        self._branch = branch.name
        self.at = self._left_at.get(branch.name, max(0, len(self.marks[branch.name]) - 1))
        self._announced, self.step_by_step = self.at - 1, True


def _reading(lines: Sequence[str]) -> float:
    """Return the time in which a person reads some lines, in seconds."""
    return max(SHORTEST_READING, min(LONGEST_READING, sum(map(len, lines)) / READING))
