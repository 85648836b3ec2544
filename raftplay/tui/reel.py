"""The captions of a script as a reel: forward plays the next one, back goes to the moment of the one before.

The rule of this module: going back and forward changes nothing. The past is looked at, and played again by the
playhead from the history, while the cluster stands still; only a command given in the past begins another future.
"""

import math
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING

from raftplay.run.captions import Caption, Chapter, chapters_of
from raftplay.run.notes import Announcer
from raftplay.session.outcome import Outcome
from raftplay.tui.play import Player

if TYPE_CHECKING:
    from raftplay.tui.app import RaftApp


class Reel:
    """Goes through the captions of the script that an app plays."""

    def __init__(self, app: "RaftApp") -> None:
        self._app = app
        self._past: int | None = None  # the caption at which one is, if it is not the one that is played
        self._is_played = False  # whether its steps are shown again, or were
        self._branch = ""
        self.announces = False
        """True if `raftplay notes` in another terminal can follow."""

        self._announcer: Announcer | None = None
        self._looked: Future[list[Outcome]] | None = None  # the look at the past

    # ---- where it is

    @property
    def player(self) -> Player | None:
        """Return the script that is played, also to its end."""
        return self._app.player

    @property
    def captions(self) -> list[Caption]:
        """Return all captions; none without a script."""
        return [] if self.player is None else self.player.captions

    @property
    def chapters(self) -> list[Chapter]:
        """Return the chapters of the script."""
        return chapters_of(self.captions)

    @property
    def at(self) -> int:
        """Return the number of the caption that is shown."""
        self._forget_other_branch()
        if self._past is not None:
            return self._past
        return 0 if self.player is None else self.player.caption

    @property
    def is_past(self) -> bool:
        """Return whether the caption was shown before, and is shown again."""
        self._forget_other_branch()
        return self._past is not None

    @property
    def waits(self) -> bool:
        """Return whether all that a caption narrates was shown, so that `forward` shows the next."""
        playhead = self._app.playhead
        if self._past is not None:
            return self._is_played and (playhead is None or playhead.seq >= self._end_of(self._past))
        return self.player is not None and (self.player.waits or bool(self.player.ended))

    def chapter_marks(self) -> dict[int, str]:
        """Return the chapters that were begun in this branch: the event before each, and its number."""
        player, marks = self.player, {}
        for number, chapter in enumerate(self.chapters, 1):
            mark = None if player is None else player.mark_of(chapter.caption)
            if mark is not None:
                marks[mark] = str(number)
        return marks

    def play(self, player: Player) -> None:
        """Continue a script, and show its text."""
        app, deck, playhead = self._app, self._app.deck, self._app.playhead
        if playhead is not None:
            playhead.rushes = player.hurries
        is_held = self.is_past or (playhead is not None and playhead.held)
        is_current = playhead is None or playhead.is_current
        is_changed = not is_held and player.tick(time.monotonic(), is_shown=is_current)
        deck.playing = player.note
        deck.chapters = self.chapter_marks()
        self.announce()
        if is_changed:
            if player.outcome is not None:
                deck.outcome = player.outcome
            deck.comments, deck.place = player.comments, player.place
            deck.plays = not player.ended
            app.arrange()

    # ---- notes in another terminal

    def announce(self) -> None:
        """Tell the notes which caption is shown; to be called often."""
        if not self.announces or self.player is None:
            return
        if self._announcer is None or self._announcer.script != self.player.script.name:
            self.close()
            self._announcer = Announcer(self.player.script.name)
        had_failed = self._announcer.failure
        self._announcer.tell(self.at, len(self.captions), self.player.note)
        if self._announcer.failure and not had_failed:
            self._app.toast(self._announcer.failure, severity="warning")

    def close(self) -> None:
        """End the presentation for the notes."""
        if self._announcer is not None:
            self._announcer.close()

    # ---- going

    def forward(self) -> None:
        """Play the next caption; what is left of the one before it is done at once."""
        app, player = self._app, self.player
        self._forget_other_branch()
        if player is None:
            app.action_mark(1)
        elif self._past is not None:
            self._forward_again(player, self._past)
        elif app.seen.rewound:
            self._live()
        else:
            player.reopen()
            waits = player.waits or self._is_reading(player)
            self._release(player)
            if waits:
                player.go_on()
            else:
                player.skip_to(player.caption + 1)

    def back(self) -> None:
        """Go back to the moment at which the caption before was shown."""
        if self.player is None:
            self._app.action_mark(-1)
        elif self.captions:
            self._look_at(self.player, max(0, self.at - 1))

    def go_to_chapter(self, number: int) -> None:
        """Go to a chapter by its number, from 1: back to its moment, or forward without any pause."""
        player, chapters = self.player, self.chapters
        if player is None or not 1 <= number <= len(chapters):
            return
        caption = chapters[number - 1].caption
        if player.mark_of(caption) is not None:
            self._look_at(player, caption)
            return
        if self._past is not None or self._app.seen.rewound:
            self._live()
        self._release(player)
        player.skip_to(caption)

    def _is_reading(self, player: Player) -> bool:
        return player.begins_caption and not player.is_busy

    def _release(self, player: Player) -> None:
        player.step_by_step = False
        if self._app.playhead is not None:
            self._app.playhead.hold(False)

    def _forward_again(self, player: Player, caption: int) -> None:
        """Show again what a caption narrates; once that was shown, go on to the next."""
        if self._is_played and self.waits:
            caption += 1
            self._is_played = False
        elif self._is_played:
            self._show_again(self._end_of(caption), self._end_of(caption))
            return
        self._past, self._is_played = caption, True
        if caption >= player.caption:
            self._past = None  # from here on it is the present
        begin = player.mark_of(caption)
        self._show_again(0 if begin is None else begin, self._end_of(caption))

    def _show_again(self, begin: float, end: float) -> None:
        app = self._app
        playhead = app.playhead
        if playhead is None:
            app.go_to(int(min(end, app.driver.session.history.last_seq)))
            return
        app.driver.run("live", by_key=True)
        playhead.replay(int(min(begin, app.driver.session.history.last_seq)), end)

    def _end_of(self, caption: int) -> float:
        """Return the number of the last event that a caption narrates; infinity for the one that is played."""
        mark = None if self.player is None else self.player.mark_of(caption + 1)
        return math.inf if mark is None else mark

    def _look_at(self, player: Player, caption: int) -> None:
        """Look at the moment at which a caption was shown."""
        seq = player.mark_of(caption)
        history = self._app.driver.session.history
        if seq is None or seq < history.earliest:
            self._app.toast("that moment is no longer kept", severity="warning")
            return
        self._past, self._is_played = caption, False
        self._branch = self._app.driver.session.branch.name
        steps = history.last_seq - seq
        if self._app.playhead is not None:
            self._app.playhead.jump()
        looked = self._app.driver.run(f"live; back {steps}" if steps else "live", by_key=True)
        self._looked = looked if steps else None

    def _live(self) -> None:
        self._past = None
        self._app.driver.run("live", by_key=True)

    def _forget_other_branch(self) -> None:
        """Where somebody acted in the past, a new future is played from there; or somebody came back by a key."""
        session, looked = self._app.driver.session, self._looked
        left = not self._is_played and looked is not None and looked.done() and session.moment is None
        if left or session.branch.name != self._branch:
            self._past = None
