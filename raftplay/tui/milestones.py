"""The milestones of a cluster, at which the screen stops by itself: first candidate, leader and commit."""

import time
from typing import TYPE_CHECKING

from raftplay.tui.playhead import Playhead

if TYPE_CHECKING:
    from raftplay.tui.app import RaftApp

FIRST_MINUTES = 300.0
"""The seconds in which the screen stops by itself at what is seen for the first time."""

MILESTONES = {
    "candidate": "first candidate: it asks for votes",
    "leader": "first leader: a majority voted for it",
    "commit": "first commit: a majority has the entry",
}
"""The texts of the moments at which the screen stops by itself."""


class Milestones:
    """The milestones that were seen since the screen was opened."""

    def __init__(self) -> None:
        self._met: set[str] = set()
        self._began = time.monotonic()

    def stop_at(self, playhead: Playhead, app: "RaftApp") -> None:
        """Stand still at the first candidate, leader and commit that `app` shows; on the tour at each of them."""
        tours = playhead.tells_all = app.first.is_touring
        if app.must_not_stop:
            return
        is_early = time.monotonic() - self._began < FIRST_MINUTES and app.stops and app.settings.stops
        for what in [milestone.what for milestone in playhead.milestones]:
            is_first = what not in self._met
            self._met.add(what)
            if app.is_busy or not (tours or (is_first and is_early)):
                continue
            playhead.stop()
            if tours:
                app.first.stand(what)
            else:
                onward = "the demo goes on in a moment" if app.demo else "space goes on; A stops this"
                app.say("", f"{MILESTONES[what]}. {onward}")
        playhead.milestones.clear()
