"""The prompt of presenter mode: one line over the audience's screen, gone once it was typed."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from raftplay.tui.prompt import Complete, Prompt, PromptHistory, TakeLines
from raftplay.tui.sheet import ClosesOnce, HoldsTime


class Asking(ModalScreen[None], ClosesOnce, HoldsTime):
    """A line to type a command in, over the last line of the screen; `submit` takes it."""

    CSS = """
    Asking { background: $background 0%; align: left bottom; }
    Asking #prompt { position: relative; width: 100%; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+c", "dismiss", show=False)]

    def __init__(self, history: PromptHistory, complete: Complete, submit: TakeLines) -> None:
        super().__init__()
        self._submit = submit
        self.prompt = Prompt(history, complete, self._take, self._leave)

    def compose(self) -> ComposeResult:
        """Compose the one line."""
        yield self.prompt

    def _take(self, text: str) -> None:
        self.dismiss()
        self._submit(text)

    def _leave(self) -> None:
        self.dismiss()
