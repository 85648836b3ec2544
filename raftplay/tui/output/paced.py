"""An app whose frames are written cell by cell, one after the other, at the pace of the line.

The rule of this module: what textual keeps to itself about drivers and frames is used here alone.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING

from rich.color import ColorSystem
from rich.console import COLOR_SYSTEMS, RenderableType
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual._styles_cache import StylesCache
from textual.app import App
from textual.strip import Strip

from raftplay.tui.output.cells import Cells, row_of
from raftplay.tui.output.line import TerminalLine

if TYPE_CHECKING:
    from textual.driver import Driver
    from textual.screen import Screen

if not isinstance(found := vars(StylesCache)["get_inner_outer"], classmethod):
    # Its results are cached by the object that it is called on, so that each closed widget stayed, with its lines.
    type.__setattr__(StylesCache, "get_inner_outer", classmethod(found))


class PacedApp(App[None], inherit_bindings=False):
    """An app that writes only the cells that changed, and never a second frame before the first is written."""

    def __init__(self) -> None:
        self.line = TerminalLine()  # before textual asks for the driver
        self.cells = Cells()
        super().__init__()

    def on_mount(self) -> None:
        """Write what waits as soon as the line is free."""
        loop = asyncio.get_running_loop()

        def write_soon() -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(self.write_frame)

        self.line.on_free = write_soon

    def get_driver_class(self) -> "type[Driver]":
        """Return the driver for this platform; one for a terminal says what it has written."""
        usual: type[Driver] = super().get_driver_class()
        if usual.__name__ == "LinuxDriver":
            usual = import_module("raftplay.tui.output.driver").counting(self.line)
        return usual

    def _display(self, screen: "Screen[object]", renderable: RenderableType | None) -> None:
        """Take what a screen painted, and write it once what was painted before is written."""
        if renderable is None or self._driver is None or self.is_headless or self.is_inline:
            super()._display(screen, renderable)
        elif not isinstance(renderable, ChopsUpdate | LayoutUpdate):
            self.cells.forget()
            super()._display(screen, renderable)
        elif self._running and not self._closed and not self._batch_count:
            colours = COLOR_SYSTEMS.get(self.console.color_system or "", ColorSystem.TRUECOLOR)
            self.cells.resize(*self.size)
            for x, y, strip in _strips(renderable):
                self.cells.put(x, y, row_of(strip, colours))
            self.write_frame()
            self.post_display_hook()

    def write_frame(self) -> None:
        """Write what changed, unless something is still to be written; then it is written later."""
        if self._driver is None or not self._running or self._closed or not self.line.is_free:
            return
        text = self.cells.changes()
        cursor = self.screen.outer_size.clamp_offset(self.cursor_position)
        if text or cursor != self._previous_cursor_position:
            self._previous_cursor_position = cursor
            self._begin_update()
            self._driver.write(f"{text}\x1b[{cursor.y + 1};{cursor.x + 1}H")
            self._end_update()


def _strips(update: ChopsUpdate | LayoutUpdate) -> Iterator[tuple[int, int, Strip]]:
    """Return what a frame paints: each strip with its column and row."""
    if isinstance(update, ChopsUpdate):
        for y, begin, end in update.spans:
            for x, strip in update.chops[y].items():
                if strip is not None and x < end and x + strip.cell_length > begin:
                    yield max(x, begin), y, strip.crop(max(0, begin - x), end - x)
    else:
        left, top = update.region.offset
        for y, strips in enumerate(update.strips, top):
            x = left
            for strip in strips:
                yield x, y, strip
                x += strip.cell_length
