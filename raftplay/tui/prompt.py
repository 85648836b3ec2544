"""The prompt: one line of the command language, with history and completion."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from rich.text import Text
from textual import events
from textual.widgets import Input

from raftplay.language.completion import Completion, Hint, complete, hint_of
from raftplay.session.session import Session
from raftplay.tui.screen_commands import EXTRA, hint, offers
from raftplay.watch.text import visible

MOST_HISTORY = 500

REST, BUSY = ": to type a command, ? for help", "a command; Tab completes, Esc leaves"

LINE_END = "↵"
"""The sign that the prompt shows at the end of a line of a pasted block."""

MOST_TYPED = 65_536
"""The most characters that the prompt takes."""

Complete = Callable[[str, int], Sequence[Completion]]
"""(text, place of the cursor) → what may stand there."""

TakeLines = Callable[[str], None]
"""Takes the lines that were typed, when Enter is pressed."""


class PromptHistory:
    """The lines that were typed, oldest first, and a search backwards among them."""

    def __init__(self, lines: Sequence[str] = ()) -> None:
        self.lines = list(lines)[-MOST_HISTORY:]
        self._at = len(self.lines)

    def add(self, line: str) -> None:
        """Keep a line; a repetition is not kept twice."""
        if line and (not self.lines or self.lines[-1] != line):
            self.lines.append(line)
            del self.lines[:-MOST_HISTORY]
        self._at = len(self.lines)

    def rest(self) -> None:
        """Begin the next search at the end."""
        self._at = len(self.lines)

    def step(self, by: int, fits: Callable[[str], bool]) -> str | None:
        """The next line back (by = -1) or forth (1) that fits; None at the end."""
        at = self._at + by
        while 0 <= at < len(self.lines):
            if fits(self.lines[at]):
                self._at = at
                return self.lines[at]
            at += by
        if by > 0:
            self._at = len(self.lines)
        return None


class Prompt(Input):
    """The line itself, or the lines of a block that was pasted."""

    def __init__(
        self,
        history: PromptHistory,
        complete: Complete,
        submit: TakeLines,
        leave: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(id="prompt", placeholder=REST, compact=True, select_on_focus=False)
        self._submit = submit
        self._leave = leave or (lambda: self.screen.set_focus(None))
        self._history = history
        self._complete = complete
        self._sought: str | None = None
        self._found: list[tuple[str, int]] = []
        self._which = 0
        self._typed: list[str] = []  # characters that came together: they are shown at once

    def on_focus(self) -> None:
        """Say what the keys do now."""
        self.placeholder = BUSY

    def on_blur(self) -> None:
        """Say how to come back."""
        self.placeholder = REST

    async def _on_key(self, event: events.Key) -> None:
        if self.take(event):
            event.prevent_default()
            event.stop()
        else:
            await super()._on_key(event)

    def take(self, event: events.Key) -> bool:
        """Do what a key does here, at once: what comes behind Enter is for another line, or another place."""
        if event.key not in ("up", "down", "ctrl+r"):
            self._sought = None
            self._history.rest()
        if event.key not in ("tab", "shift+tab"):
            self._found = []
        if event.is_printable and event.character is not None:
            if not self._typed:
                self.call_later(self._take_typed)
            self._typed.append(event.character)
            return True
        self._take_typed()
        match event.key:
            case "up" | "down":
                self._step(-1 if event.key == "up" else 1, lambda line, text: line.startswith(text))
            case "ctrl+r":
                self._step(-1, lambda line, text: text in line)
            case "tab" | "shift+tab":
                self._fill(1 if event.key == "tab" else -1)
            case "enter" | "ctrl+j":  # the latter was typed before the screen took over the terminal
                text = self.value
                self.put("")
                self._submit(text)
            case "escape":
                self._leave()
            case _:
                return False
        return True

    @property
    def _value(self) -> Text:
        """Return the text that is shown."""
        return Text(self.value.replace("\n", LINE_END), no_wrap=True, overflow="ignore", end="")

    def _take_typed(self) -> None:
        if self._typed:
            text = "".join(self._typed)
            self._typed.clear()
            self.replace(text, *self.selection)

    def _on_paste(self, event: events.Paste) -> None:
        self.insert_block(event.text)
        event.stop()
        event.prevent_default()

    def action_paste(self) -> None:
        """Insert what was copied here."""
        self.insert_block(self.app.clipboard)

    def insert_block(self, text: str) -> None:
        """Insert the lines of `text` that are not blank; what cannot be shown is written as its escape."""
        self._take_typed()
        block = "\n".join(visible(line) for line in text.splitlines() if line.strip())
        if len(self.value) + len(block) > MOST_TYPED:
            self.notify(f"nothing was pasted: the prompt takes {MOST_TYPED:,} characters; keep more as a script")
        else:
            self.replace(block, *self.selection)

    def put(self, text: str) -> None:
        """Show `text`, the cursor behind it."""
        self._typed.clear()
        self.value = text
        self.cursor_position = len(text)

    def _step(self, by: int, fits: Callable[[str, str], bool]) -> None:
        if self._sought is None:
            self._sought = self.value
        sought = self._sought
        found = self._history.step(by, lambda line: fits(line, sought) and line != self.value)
        if found is not None:
            self.put(found)
        elif by > 0:
            self.put(sought)

    def _fill(self, by: int) -> None:
        """Complete the word at the cursor; the next time, the next that fits."""
        if not self._found:
            found = self._complete(self.value, self.cursor_position)
            self._found = [(visible(c.text), c.start) for c in found]
            if found:  # last comes what was typed
                self._found.append((self.value[found[0].start : self.cursor_position], found[0].start))
            self._which = 0 if by > 0 else len(self._found) - 1
        elif self._found:
            self._which = (self._which + by) % len(self._found)
        if self._found:
            text, start = self._found[self._which]
            behind = self.value[self.cursor_position :]
            self.value = self.value[:start] + text + behind
            self.cursor_position = start + len(text)


def lines_of(text: str) -> list[str]:
    """Return the lines that were typed or pasted, without the key that leads to the prompt, typed once more."""
    return [line.strip().lstrip(":/").strip() for line in text.split("\n")]


def completed(text: str, cursor: int, session: Session) -> list[Completion]:
    """Return what may stand at the cursor, in its line."""
    begin, line, at = _line_at(text, cursor)
    found = offers(line, at)
    if found is None:
        found = complete(line, at, session, EXTRA)
    return [replace(one, start=one.start + begin) for one in found]


def hinted(text: str, cursor: int, session: Session) -> tuple[Hint | None, tuple[str, ...]]:
    """Explain what is being typed, and name what may come next, fit to be shown."""
    _, line, at = _line_at(text, cursor)
    if not line.strip():
        return None, ()
    found = hint(line, at) or hint_of(line, at, session, EXTRA)
    if found is not None and found.mistake:
        found = replace(found, mistake=for_screen(found.mistake))
    return found, tuple(offer.display for offer in completed(text, cursor, session))


def for_screen(mistake: str) -> str:
    """Return what is wrong with a command, naming the help that a screen has."""
    return mistake.replace("help lists the commands", "Ctrl+P lists every command, ? every key")


def _line_at(text: str, cursor: int) -> tuple[int, str, int]:
    """Return where the line at the cursor begins, the line, and the place of the cursor in it.

    The key that leads to the prompt is left out at the line's beginning, where it was typed once more.
    """
    begin = text.rfind("\n", 0, cursor) + 1
    line = text[begin:].split("\n", 1)[0]
    skipped = len(line) - len(line.lstrip(" :/"))
    skipped = min(skipped, cursor - begin)
    return begin + skipped, line[skipped:], cursor - begin - skipped
