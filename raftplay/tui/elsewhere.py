"""Leads from the screen to stories and lessons: by a command at the prompt, from a list, from the palette."""

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING

from raftplay.errors import UsageError
from raftplay.session.outcome import Outcome
from raftplay.session.status import Status
from raftplay.tui.choosing import Chooser
from raftplay.tui.play import Player
from raftplay.tui.screen_commands import Own, lesson_of, lessons, own_command, stories
from raftplay.tui.stories import Stories

if TYPE_CHECKING:
    from raftplay.lessons.catalogue import LessonText
    from raftplay.tui.app import RaftApp

TITLES = {
    "play": "Stories: Enter plays one here, Esc leaves",
    "lesson": "Lessons: Enter opens one, which leads back here",
}


def alone() -> str:
    """Return what is said of viewers where the screen is not shown to any."""
    return "nobody can look on; raftplay tui --serve 8000 shows a screen to others"


class Elsewhere:
    """Leads from the screen of `app` to stories and lessons. `visit` is the lesson to open once it is left."""

    def __init__(self, app: "RaftApp") -> None:
        self.app = app
        self.visit: LessonText | None = None
        self.stories = Stories(app.driver)
        self.viewers: Callable[[], str] = alone

    def run(self, line: str) -> bool:
        """Do a command that only the screen has; return whether `line` is one."""
        app = self.app
        try:
            match own_command(line):
                case None:
                    return False
                case Own("quit"):
                    app.exit()
                case Own("viewers"):
                    app.say(line, self.viewers())
                case Own(name, ""):
                    self.choose(name)
                case Own("play", name):
                    self._play(name)
                case Own(_, which):
                    self.open_lesson(which)
        except UsageError as error:
            app.deck.outcome = Outcome(line, app.seen.snapshot.time, str(error), Status.MISUSED)
        return True

    def choose(self, command: str) -> None:
        """Show the list of what a command takes."""
        choices = stories() if command == "play" else lessons()
        self.app.push_screen(Chooser(TITLES[command], choices, partial(self._chosen, command)))

    def _chosen(self, command: str, name: str) -> None:
        self.run(f"{command} {name}")

    def _play(self, name: str) -> None:
        app = self.app
        begun: Future[list[Outcome]] = self.stories.begin(name)
        app.first.put_away()
        app.player, app.deck.place, app.deck.comments = None, "", ()
        app.tell(begun)

    def open_lesson(self, which: str) -> None:
        """Leave this screen for a lesson, which leads back here. Raises `UsageError`."""
        self.visit = lesson_of(which)
        self.app.exit()

    def player(self) -> Player | None:
        """Return the player of a story whose cluster has just begun."""
        return self.stories.tick()
