"""The palette: every command of the table and every key, to search in."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import CommandList, CommandPalette, DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.markup import escape

from raftplay.language.table import TABLE
from raftplay.tui.keys import KEYS
from raftplay.tui.screen_commands import EXTRA, lessons, stories
from raftplay.tui.sheet import ClosesOnce

if TYPE_CHECKING:
    from raftplay.tui.app import RaftApp


class CommandSearch(CommandPalette, ClosesOnce):
    """The palette. Keys may come faster than it lists its commands, and behind the one that chose a command."""

    def __init__(self) -> None:
        super().__init__()
        self._has_chosen = False

    def _action_command_list(self, action: str) -> None:
        """Pass a key on to the list, if it is drawn: until then it has no lines, and textual raises KeyError."""
        commands = self.query_one(CommandList)
        if not commands.scrollable_content_region or self._has_chosen:
            return
        self._has_chosen = action == "select" and commands.highlighted is not None
        super()._action_command_list(action)


class Commands(Provider):
    """The table's rows, then what keys do besides."""

    def _rows(self) -> Iterator[tuple[str, str, Callable[[], object]]]:
        app = cast("RaftApp", self.app)
        barred = app.driver.session.barred
        for row in TABLE.values():
            if row.is_setup_only or row.touches in barred:
                continue
            needs = [p for p in row.parameters if not p.optional]
            does = partial(app.ask, f"{row.name} ") if needs else partial(app.do, row.name)
            yield row.usage, row.help, does
        for name, about in EXTRA.items():
            yield name, about, partial(app.elsewhere.run, name)
        for story in stories():
            yield f"play {story.name}", story.about, partial(app.elsewhere.run, f"play {story.name}")
        for lesson in lessons():
            yield f"lesson {lesson.name}", lesson.about, partial(app.elsewhere.run, f"lesson {lesson.name}")
        for key in KEYS:
            if key.action and key.touches not in barred:
                yield f"{key.word} ({key.shown})", key.help, partial(app.run_action, key.action)

    async def discover(self) -> Hits:
        """All of them, before anything is typed."""
        for name, about, does in self._rows():
            yield DiscoveryHit(Content(name), does, text=name, help=escape(about))

    async def search(self, query: str) -> Hits:
        """Yield the commands that match what is typed."""
        matcher = self.matcher(query)
        for name, about, does in self._rows():
            score = max(matcher.match(name), _contained(query, about))
            if score > 0:
                shown = Content(name) if "[" in name else matcher.highlight(name)  # brackets are no markup
                yield Hit(score, shown, does, text=name, help=escape(about))


def _contained(query: str, about: str) -> float:
    """Return the score of a help text that has the words of `query` in it, else 0.

    Fuzzy matching takes a time that grows with the choices of letters: in a long text, more than anybody waits.
    """
    words, text = query.casefold().split(), about.casefold()
    return 0.3 if words and all(word in text for word in words) else 0.0
