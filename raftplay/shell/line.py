"""The prompt: completion, escaped control characters, keys, and the lines below it."""

import os
import sys
from collections.abc import Callable, Iterable, Mapping

from prompt_toolkit.application import Application
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import CompleteEvent, Completer
from prompt_toolkit.completion import Completion as Offered
from prompt_toolkit.document import Document
from prompt_toolkit.filters import has_completions, has_focus, is_searching
from prompt_toolkit.formatted_text import AnyFormattedText, OneStyleAndTextTuple
from prompt_toolkit.history import History
from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.layout import (
    BufferControl,
    Dimension,
    Float,
    FloatContainer,
    FormattedTextControl,
    HSplit,
    Layout,
    Window,
)
from prompt_toolkit.layout.menus import CompletionsMenu
from prompt_toolkit.layout.processors import (
    BeforeInput,
    HighlightIncrementalSearchProcessor,
    Processor,
    Transformation,
    TransformationInput,
)
from prompt_toolkit.output import ColorDepth, Output
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.renderer import CPR_Support, print_formatted_text
from prompt_toolkit.search import accept_search
from prompt_toolkit.styles import Style, default_ui_style, merge_styles
from prompt_toolkit.widgets import SearchToolbar

from raftplay.language.completion import complete
from raftplay.output import forced, knows_unicode
from raftplay.session.session import Session
from raftplay.shell.look import STYLE, WITHOUT_COLOURS
from raftplay.watch.text import visible

LOWEST_MENU = 3
"""The smallest height of the completion menu; usually it is as high as the lines of the nodes."""

MOST_ROWS = 5
"""The highest number of lines for the nodes."""

LOWEST = 9
"""The terminal height in lines below which the nodes are not shown."""


class FromTable(Completer):
    """Completes from the table of commands and from names in the cluster."""

    def __init__(self, session: Session, extra: Mapping[str, str]) -> None:
        self._session = session
        self._extra = extra

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Offered]:
        """Yield the completions at the cursor."""
        before = document.current_line_before_cursor
        if not before.strip() and not complete_event.completion_requested:
            return
        for found in complete(before, len(before), self._session, self._extra):
            start = found.start - len(before)
            yield Offered(found.text, start, display=found.display, display_meta=found.help)


class Visible(Processor):
    """Shows input as `visible` does, so that no text is hidden or reversed."""

    def apply_transformation(self, transformation_input: TransformationInput) -> Transformation:
        """Escape one line of the text."""
        fragments = transformation_input.fragments
        text = "".join(fragment[1] for fragment in fragments)
        if visible(text) == text:
            return Transformation(fragments)
        starts, shown = [0], list[OneStyleAndTextTuple]()
        for fragment in fragments:
            for char in fragment[1]:
                shown.append((fragment[0], visible(char)))
                starts.append(starts[-1] + len(shown[-1][1]))
        return Transformation(
            shown,
            source_to_display=lambda at: starts[min(at, len(starts) - 1)] if at >= 0 else at,
            display_to_source=lambda at: max(0, sum(start <= at for start in starts) - 1),
        )


class AsciiOutput(Vt100_Output):
    """A terminal without Unicode: it writes ASCII only, in the same columns."""

    def write(self, data: str) -> None:
        """Write text."""
        super().write(forced(data))


def terminal_output() -> Output | None:
    """Return the output for a terminal without Unicode; None if the default one works."""
    if sys.platform == "win32" or not sys.stdout.isatty() or knows_unicode(sys.stdout.encoding):
        return None
    depth = ColorDepth.from_env()
    return AsciiOutput.from_pty(sys.stdout, term=os.environ.get("TERM"), default_color_depth=depth)


class PromptLine:
    """The application: a prompt, and `below` it lines that are redrawn when they change.

    `accept` receives a typed line; `interrupt` receives the current text on Ctrl-C; `leave` is called on Ctrl-D.
    """

    def __init__(
        self,
        session: Session,
        history: History,
        extra: Mapping[str, str],
        *,
        prompt: Callable[[], AnyFormattedText],
        nodes: Callable[[int], AnyFormattedText],
        below: Callable[[], AnyFormattedText],
        accept: Callable[[str], None],
        interrupt: Callable[[str], None],
        leave: Callable[[], None],
        input: Input | None = None,
        output: Output | None = None,
    ) -> None:
        self._accept, self._interrupt, self._leave = accept, interrupt, leave
        self.buffer = Buffer(
            completer=FromTable(session, extra),
            complete_while_typing=True,
            history=history,
            multiline=False,
            accept_handler=self._accepted,
        )
        search = SearchToolbar(text_if_not_searching="", forward_search_prompt="search: ", ignore_case=True)
        control = BufferControl(
            self.buffer,
            search_buffer_control=search.control,
            preview_search=True,
            include_default_input_processors=False,
            input_processors=[HighlightIncrementalSearchProcessor(), Visible(), BeforeInput(prompt)],
        )
        window = Window(control, wrap_lines=True, dont_extend_height=True, height=Dimension(min=1))
        body = HSplit(
            [
                window,
                search,
                Window(
                    FormattedTextControl(lambda: nodes(self.rows)),
                    height=lambda: self.rows,
                    dont_extend_height=True,
                ),
                Window(FormattedTextControl(below), dont_extend_height=True),
            ]
        )
        menu = CompletionsMenu(scroll_offset=1, extra_filter=has_focus(self.buffer))
        floating = Float(menu, height=self._menu_height, xcursor=True, ycursor=True)
        self.app: Application[int] = Application(
            Layout(FloatContainer(body, [floating]), window),
            key_bindings=self._keys(),
            input=input,
            output=output or terminal_output(),
            erase_when_done=True,
        )
        has_colours = self.app.color_depth is not ColorDepth.DEPTH_1_BIT
        self.app.style = Style.from_dict(STYLE if has_colours else {**STYLE, **WITHOUT_COLOURS})
        self._looks = merge_styles([default_ui_style(), self.app.style])
        # The room below does not matter here, and not every terminal reports the cursor's position.
        self.app.renderer.cpr_support = CPR_Support.NOT_SUPPORTED

    @property
    def width(self) -> int:
        """Return the columns of the terminal."""
        return self.app.output.get_size().columns

    @property
    def rows(self) -> int:
        """Return the number of lines for the nodes."""
        rows = self.app.output.get_size().rows
        return 0 if rows < LOWEST else min(MOST_ROWS, rows - LOWEST + 2)

    def print(self, text: AnyFormattedText) -> None:
        """Print above the prompt, which stays as it is."""
        app = self.app
        if app.is_running:
            app.renderer.erase()
        print_formatted_text(app.output, text, self._looks, color_depth=app.color_depth)
        app.invalidate()

    def _menu_height(self) -> int:
        """Return the menu's height: it covers the nodes, but not the hint and the status if there is room."""
        state = self.buffer.complete_state
        return min(max(self.rows, LOWEST_MENU), 1 if state is None else len(state.completions))

    def _accepted(self, buffer: Buffer) -> bool:
        self._accept(buffer.text)
        return False

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()

        @keys.add("c-c")
        @keys.add("<sigint>")
        def _(_: KeyPressEvent) -> None:
            text = self.buffer.text
            self.app.layout.focus(self.buffer)
            self.buffer.reset()
            self._interrupt(text)

        @keys.add("c-d", filter=has_focus(self.buffer))
        def _(_: KeyPressEvent) -> None:
            if self.buffer.text:
                self.buffer.delete()
            else:
                self._leave()

        @keys.add("enter", filter=is_searching)
        def _(_: KeyPressEvent) -> None:
            accept_search()
            self.buffer.validate_and_handle()

        @keys.add("escape", filter=has_completions, eager=True)
        def _(_: KeyPressEvent) -> None:
            self.buffer.cancel_completion()

        @keys.add("c-z")
        def _(event: KeyPressEvent) -> None:
            event.app.suspend_to_background()

        return keys
