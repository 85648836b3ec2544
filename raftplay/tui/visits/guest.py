"""One visitor, as the server sees them: a process, a connection to a browser, and what passes between them.

The rule of this module: what a browser sends is bytes for the visitor's own process, or a size; all else is left
out. Whatever ends the visit, the process is killed: there is nothing that it could keep.
"""

import asyncio
import json
import os
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress

from raftplay.tui.visits.rules import CLOSED, LEFT, USED_UP, VisitRules

WIDEST, HIGHEST = 400, 150
"""The most columns and lines of a visitor's screen."""

NARROWEST, LOWEST = 20, 5

LONGEST = 1 << 20
"""The most bytes that are passed on at once."""

LOOK = 1.0
"""The time between two looks at the clock, in seconds."""

KEPT = ("PATH", "PYTHONPATH", "PYTHONPYCACHEPREFIX", "PYTHONHOME", "VIRTUAL_ENV", "SYSTEMROOT", "TZ")
"""The variables of the server's environment that a visitor's process gets: no more than it needs to start."""

BEGIN = b"__GANGLION__\n"
"""The line behind which a screen of textual writes packets."""

Send = Callable[[bytes], Awaitable[None]]


class Guest:
    """A visit: `keys` are what the browser sends, `send` paints there. `clock` returns seconds."""

    def __init__(
        self,
        command: Sequence[str],
        rules: VisitRules,
        keys: AsyncIterator[str],
        send: Send,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._command = command
        self._rules = rules
        self._keys = keys
        self._send = send
        self._clock = clock
        self._touched = clock()
        self._closed = asyncio.Event()
        self.process: Process | None = None

    def close(self) -> None:
        """End the visit, as the server ends."""
        self._closed.set()

    async def visit(self, width: int, height: int) -> str:
        """Run the visit to its end; return in words why it ended, "" if the browser has gone."""
        self.process = process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            env=_environment(*_bounded(width, height)),
            start_new_session=True,
        )
        tasks = [
            asyncio.ensure_future(part)
            for part in (self._from_browser(process), self._from_process(process), self._time(), self._end())
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return next((task.result() for task in tasks if task in done and task.exception() is None), "")
        finally:
            for task in tasks:
                task.cancel()
            kill(process)
            await asyncio.gather(*tasks, return_exceptions=True)
            await _forget(process)

    async def _from_browser(self, process: Process) -> str:
        """Pass on what is typed."""
        assert process.stdin is not None
        async for text in self._keys:
            packet = self._packet(text)
            if packet:
                process.stdin.write(packet)
                with suppress(OSError):  # it has ended, which its output tells
                    await process.stdin.drain()
        return ""

    def _packet(self, text: str) -> bytes:
        """Return what the process gets for a message of the browser; nothing for what is no such message."""
        try:
            message = json.loads(text)
        except (ValueError, RecursionError):
            return b""
        match message:
            case ["stdin", str(typed)]:
                self._touched = self._clock()
                return _packed(b"D", typed.encode("utf-8", "replace"))
            case ["resize", {"width": int(width), "height": int(height)}]:
                width, height = _bounded(width, height)
                size = {"type": "resize", "width": width, "height": height}
                return _packed(b"M", json.dumps(size).encode())
            case ["focus" | "blur" as what]:
                return _packed(b"M", json.dumps({"type": what}).encode())
        return b""

    async def _from_process(self, process: Process) -> str:
        """Pass on what is painted, up to the end of the process; return why it ended.

        It shows one screen after another: that of a lesson comes between two of the cluster.
        """
        assert process.stdout is not None
        has_left = False
        with suppress(asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            while True:
                await process.stdout.readuntil(BEGIN)
                has_left = False
                has_left = await self._screen(process.stdout)
                if not has_left:
                    break
        return LEFT if has_left else USED_UP

    async def _screen(self, painted: asyncio.StreamReader) -> bool:
        """Pass on what one screen paints; return whether it came to its end."""
        while True:
            head = await painted.readexactly(5)
            kind, size = head[:1], int.from_bytes(head[1:], "big")
            if size > LONGEST:
                return False
            data = await painted.readexactly(size)
            if kind == b"D":
                await self._send(data)
            elif kind == b"M" and json.loads(data).get("type") == "exit":
                return True

    async def _end(self) -> str:
        """Wait until the server ends."""
        await self._closed.wait()
        return CLOSED

    async def _time(self) -> str:
        """Wait until the time of the visit is over; return whose time."""
        end = self._clock() + self._rules.minutes * 60
        while (now := self._clock()) < end:
            if now - self._touched > self._rules.idle * 60:
                return self._rules.asleep
            await asyncio.sleep(LOOK)
        return self._rules.over


def kill(process: Process) -> None:
    """Kill a visitor's process and what it may have started."""
    with suppress(ProcessLookupError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)


async def _forget(process: Process) -> None:
    """Wait for the end of a process that is killed, and leave no pipe of it open."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    await process.stdout.read()
    await process.wait()


def _bounded(width: int, height: int) -> tuple[int, int]:
    return max(NARROWEST, min(WIDEST, width)), max(LOWEST, min(HIGHEST, height))


def _packed(kind: bytes, data: bytes) -> bytes:
    return kind + len(data).to_bytes(4, "big") + data


def _environment(width: int, height: int) -> dict[str, str]:
    """Return the environment of a visitor's process: textual paints packets there."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return kept | {
        "LC_ALL": "C.UTF-8",
        "PYTHONUTF8": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "TERM": "xterm-256color",
        "TEXTUAL_DRIVER": "raftplay.tui.visits.driver:VisitDriver",
        "TEXTUAL_COLOR_SYSTEM": "truecolor",
        "COLUMNS": str(width),
        "ROWS": str(height),
    }
