"""Speaker notes: a script's captions as pages to read from, and the small file through which they follow a screen.

The screen that plays a script writes the number of its caption into a file in the user's state folder, and touches
it every second; `raftplay notes` in another terminal reads it. Nothing of the script is written there.
"""

import hashlib
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from raftplay.places import state_file
from raftplay.run.captions import Caption
from raftplay.run.script import Script
from raftplay.watch.text import count, visible

TOUCH_EVERY = 1.0
"""The interval at which a screen shows that it is still there, in seconds."""

GONE_AFTER = 5.0
"""The time without such a sign after which a screen is gone, in seconds."""


class NotesPosition(msgspec.Struct, frozen=True):
    """Where a presentation is: the caption that is shown, from 0, and how many there are.

    `begun` is when it began, in seconds since 1970; `process` the number of the process that shows it.
    """

    caption: int
    captions: int
    begun: float
    process: int
    step: str = ""


def place_of(script: str) -> Path | None:
    """Return the file for the presentations of a script; None where the user has no home."""
    name = os.path.realpath(script) if os.path.isfile(script) else script
    return state_file(f"presenting-{hashlib.sha256(name.encode(errors='surrogateescape')).hexdigest()[:16]}.json")


class Announcer:
    """Tells the notes where a presentation is; one that began later on the same script takes its place."""

    def __init__(self, script: str, now: Callable[[], float] = time.time) -> None:
        self.script = script
        self.begun = now()
        self._now = now
        self._place = place_of(script)
        self._told: tuple[int, int, str, float] | None = None
        self._touched = 0.0
        self.failure = ""

    def tell(self, caption: int, captions: int, step: str = "") -> None:
        """Tell which caption is shown; to be called often. A file that cannot be written is a `failure`."""
        if self._place is None or self.failure:
            return
        news, now = (caption, captions, step, self.begun), self._now()
        if news == self._told and now - self._touched < TOUCH_EVERY:
            return
        try:
            if self._is_replaced():
                self._place = None
            elif news != self._told:
                self._write(self._place, NotesPosition(caption, captions, self.begun, os.getpid(), step))
            else:
                os.utime(self._place)
        except OSError as error:
            self.failure = f"the notes cannot follow: {error.strerror or error}"
        self._told, self._touched = news, now

    def close(self) -> None:
        """End the presentation."""
        if self._place is not None and self._told is not None and not self._is_replaced():
            with suppress(OSError):
                self._place.unlink()

    def _is_replaced(self) -> bool:
        assert self._place is not None
        known = _read(self._place)
        return known is not None and known.process != os.getpid() and known.begun > self.begun

    @staticmethod
    def _write(place: Path, position: NotesPosition) -> None:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside = place.with_suffix(f".{os.getpid()}")
        beside.write_bytes(msgspec.json.encode(position))
        beside.chmod(0o600)
        os.replace(beside, place)


def position_of(script: str, now: float) -> NotesPosition | None:
    """Return where a presentation of the script is at `now`, in seconds since 1970; None if there is none."""
    place = place_of(script)
    if place is None:
        return None
    try:
        if now - place.stat().st_mtime > GONE_AFTER:
            return None
    except OSError:
        return None
    return _read(place)


def _read(place: Path) -> NotesPosition | None:
    try:
        return msgspec.json.decode(place.read_bytes(), type=NotesPosition)
    except (OSError, msgspec.MsgspecError):
        return None


def notes_text(script: Script, captions: Sequence[Caption]) -> str:
    """Return all captions with their notes, to print."""
    noted = sum(bool(caption.notes) for caption in captions)
    lines = [f"{visible(script.name)}: {count(len(captions), 'caption')}, {noted} with notes"]
    for at, caption in enumerate(captions):
        chapter = f"  {visible(caption.chapter)}" if caption.chapter else ""
        lines += ["", f"{at + 1}/{len(captions)}{chapter}"]
        lines += [f"  {visible(text)}" for text in caption.paragraphs]
        lines += [f"    * {visible(note)}" for note in caption.notes]
    return "\n".join(lines)
