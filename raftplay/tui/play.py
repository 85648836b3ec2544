"""Playing a script on the screen: its comments as captions, its steps one after another."""

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import PurePath

from raftplay.run.script import Comment, Script, Step
from raftplay.session.outcome import Outcome
from raftplay.session.status import Status
from raftplay.tui.driver import SessionLike

READING = 18.0
"""Characters of a caption that a person reads in a second."""

SHORTEST_READING, LONGEST_READING = 1.2, 12.0

LONGEST_NAME = 40
"""The longest path of a script that is shown whole, in characters; else the file's name is shown."""


@dataclass(slots=True)
class Scene:
    """A step of a script with the comments before it."""

    comments: tuple[str, ...]
    step: Step | None


def scenes_of(script: Script) -> list[Scene]:
    """The steps of a script, each with the comments that stand before it or behind it on its line."""
    scenes: list[Scene] = []
    comments: list[str] = []
    for item in script.items:
        if isinstance(item, Step):
            scenes.append(Scene(tuple(comments), item))
            comments = []
        elif item.behind and scenes:
            scenes[-1].comments += (item.text.strip(),)
        else:
            comments.append(item.text.strip())
    if comments:
        scenes.append(Scene(tuple(comments), None))
    return scenes


@dataclass(slots=True)
class Player:
    """A script that is played: time is paused between steps, so that reading a caption changes nothing.

    `step_by_step`: wait for `go_on` before each step. `at_once`: no time for reading. `speed_after`: what follows
    goes at this speed. `tick` is called often, with the time of a clock.
    """

    script: Script
    driver: SessionLike
    step_by_step: bool = False
    at_once: bool = False
    speed_after: float | None = None
    at: int = 0
    comments: tuple[str, ...] = ()
    outcome: Outcome | None = None
    ended: str = ""
    scenes: list[Scene] = field(default_factory=list)
    _doing: "Future[list[Outcome]] | None" = None
    _stands_still: bool = False  # because the script said so
    _due: float = 0.0
    _announced: int = -1
    _wanted: bool = False

    def __post_init__(self) -> None:
        self.scenes = scenes_of(self.script)

    @property
    def place(self) -> str:
        """Say where in the script it is; of a long path, the name of the file."""
        name = self.script.name
        if len(name) > LONGEST_NAME:
            name = f"…/{PurePath(name).name}"
        if self.ended:
            return f"{name}: {self.ended}"
        if not self.scenes:
            return name
        scene = self.scenes[self.at]
        line = f" line {scene.step.line}" if scene.step is not None else ""
        waits = "; g: next step" if self.step_by_step and self._doing is None else ""
        text = f", next: {scene.step.bound.text}" if scene.step is not None and waits else ""
        return f"{name}{line}, step {self.at + 1} of {len(self.scenes)}{text[:60]}{waits}"

    def go_on(self) -> None:
        """Do the next step now, whatever there is to read."""
        self._wanted = True

    def hold(self) -> bool:
        """Wait before each step from now on, or do so no more; which of both."""
        self.step_by_step = not self.step_by_step
        return self.step_by_step

    def tick(self, now: float) -> bool:
        """Take up what ended, begin what is due; whether anything changed."""
        if self.ended:
            return False
        if self._doing is not None:
            return self._doing.done() and self._take_up(self._doing.result())
        if not self.scenes:
            return self._end("there is nothing to do in it")
        if self._announced != self.at:
            self._announce(now)
            return True
        if self._wanted or (not self.step_by_step and now >= self._due):
            self._wanted = False
            return self._begin()
        return False

    def _announce(self, now: float) -> None:
        scene = self.scenes[self.at]
        self._announced = self.at
        if scene.comments:
            self.comments = scene.comments
        size = sum(map(len, scene.comments))
        reading = max(SHORTEST_READING, min(LONGEST_READING, size / READING)) if size else 0.25
        self._due = now + (0.0 if self.at_once else reading)

    def _begin(self) -> bool:
        scene = self.scenes[self.at]
        if scene.step is None:
            return self._go_to_next()
        text, name = scene.step.bound.text, scene.step.bound.name
        if name == "pause":
            self._stands_still = True
        elif name == "resume":
            self._stands_still = False
        line = text if self._stands_still else f"{text}; pause" if name == "resume" else f"resume; {text}; pause"
        self._doing = self.driver.run(line)
        return True

    def _take_up(self, outcomes: Sequence[Outcome]) -> bool:
        scene = self.scenes[self.at]
        assert scene.step is not None
        self._doing = None
        text = scene.step.bound.text
        mine = [o for o in outcomes if o.text == text] or list(outcomes[-1:])
        self.outcome = mine[0] if mine else None
        failed = next((o for o in outcomes if not o.held), None)
        if failed is not None:
            self.outcome = failed
            self.driver.run("pause")
            words = "interrupted" if failed.status is Status.INTERRUPTED else "did not hold"
            words = "an invariant broke" if failed.breach is not None else words
            return self._end(f"line {scene.step.line}: {words}")
        return self._go_to_next()

    def _go_to_next(self) -> bool:
        if self.at + 1 == len(self.scenes):
            return self._end("ended; the cluster is yours")
        self.at += 1
        return True

    def _end(self, how: str) -> bool:
        self.ended = how
        self.driver.run(f"speed {self.speed_after:g}") if self.speed_after is not None else None
        return True


__all__ = ["Comment", "Player", "Scene", "scenes_of"]
