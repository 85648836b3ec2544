"""Prompts for one line: an answer, or a command with completion and history."""

from prompt_toolkit import PromptSession
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.history import History, InMemoryHistory
from prompt_toolkit.utils import is_dumb_terminal

from raftplay.session.session import Session
from raftplay.shell.line import FromTable, Visible


class TerminalReader:
    """Reads lines from the terminal; `extra` are words besides commands, each with its help."""

    def __init__(self, history: History, extra: dict[str, str]) -> None:
        self._answers: PromptSession[str] = PromptSession(history=InMemoryHistory(), input_processors=[Visible()])
        self._commands: PromptSession[str] = PromptSession(history=history, input_processors=[Visible()])
        self._extra = extra

    def read(self, prompt: str, session: Session | None = None) -> str:
        """Read a line; a line of commands if `session` is given. Raises EOFError and KeyboardInterrupt."""
        if is_dumb_terminal():
            return input(prompt)
        shown = FormattedText([("bold", prompt)])
        if session is None:
            return self._answers.prompt(shown)
        return self._commands.prompt(shown, completer=FromTable(session, self._extra), reserve_space_for_menu=4)
