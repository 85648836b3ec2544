"""A read-only web server for one screen: a page, and a stream of the rows that changed.

The rule of this module: it runs in a thread of its own and only reads: the mirror, and the feed of a replay. What
a browser sends is its request line and its Host header; nothing else is read, and nothing reaches the session.
"""

import asyncio
import hmac
import json
import secrets
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from importlib.resources import files
from itertools import count
from types import TracebackType
from typing import Self

from raftplay.tui.serve.address import Address, listening
from raftplay.tui.serve.feed import Feed
from raftplay.tui.serve.mirror import Mirror

EVERY = 0.1
"""The time between two looks at the mirror, in seconds."""

LOOKS = 5
"""The looks at the mirror for each look at what the replay follows."""

MOST_VIEWERS = 200
MOST_CONNECTIONS = 400
"""The most connections at a time; others are told to come later."""

PATIENCE = 5.0
"""The time within which a request must have come, in seconds."""

STUCK = 30.0
"""The time for which a browser may take in nothing before its connection is closed, in seconds."""

ALIVE_EVERY = 15.0
"""The time without news after which a comment shows that the connection stands, in seconds."""

LONGEST_REQUEST = 8192
"""The most bytes of a request."""

BUFFERED = 65536
"""The bytes that may wait for a slow browser; it then gets the newest rows only."""

SAFE = (
    "Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\n"
    "X-Frame-Options: DENY\r\nContent-Security-Policy: default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; connect-src 'self'\r\n"
)

REASONS = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    421: "Misdirected Request",
    503: "Service Unavailable",
}


class Refused(Exception):
    """A request that gets no more than a status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status

    @property
    def reason(self) -> str:
        """Return the words of the status."""
        return REASONS[self.status]


class ScreenServer:
    """Serves `mirror`, and a replay if there is a `feed`, at `address` until it is closed.

    Raises `UsageError` if it cannot listen there.
    """

    def __init__(self, mirror: Mirror, address: Address, feed: Feed | None = None) -> None:
        self._mirror = mirror
        self._feed = feed
        self._token = secrets.token_urlsafe(16)
        self._listener = listening(address)
        self.address = Address(address.host, self._listener.getsockname()[1])
        self.viewers = 0
        """The number of browsers that look on."""

        self._page = _page(has_replay=feed is not None)
        self._connections: set[asyncio.Task[None]] = set()
        self._frames: dict[int, tuple[int, bytes]] = {}  # of this moment: by the frame that a browser has
        self._loop = asyncio.new_event_loop()
        self._ended = asyncio.Event()
        self._changed = asyncio.Event()
        self._grown = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="raftplay serve", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Return the address of the page, with its token."""
        return f"{self.address.url}{self._token}/"

    def close(self) -> None:
        """Tell the browsers that the session has ended, and stop."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._ended.set)
            self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # ---- in its thread

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._connected, sock=self._listener, limit=LONGEST_REQUEST)
        looking = self._loop.create_task(self._look())
        await self._ended.wait()
        looking.cancel()
        server.close()
        self._news()
        self._grown.set()
        if self._connections:
            _, left = await asyncio.wait(self._connections, timeout=1.0)
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    async def _look(self) -> None:
        seen = -1
        for look in count():
            if self._feed is not None and look % LOOKS == 0:
                self._follow(self._feed)
            if self._mirror.version != seen:
                seen = self._mirror.version
                self._news()
            await asyncio.sleep(EVERY)

    def _follow(self, feed: Feed) -> None:
        """Have the replay follow the session."""
        before = feed.version
        feed.update()
        if feed.version != before:
            self._grown.set()
            self._grown = asyncio.Event()

    def _news(self) -> None:
        self._frames.clear()
        self._changed.set()
        self._changed = asyncio.Event()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        writer.transport.set_write_buffer_limits(high=BUFFERED)
        with suppress(OSError):  # it has gone
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFERED)
        try:
            await self._answer(reader, writer)
        except Refused as refused:
            with suppress(OSError, TimeoutError):
                await _send(writer, refused.status, f"{refused.reason}\n".encode(), "text/plain")
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # it went away, or said nothing that is a request
        finally:
            self._connections.discard(task)
            writer.transport.abort() if writer.transport.get_write_buffer_size() else writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._connections) > MOST_CONNECTIONS:
            raise Refused(503)
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
        match self._wanted(head.decode("latin-1")), self._feed:
            case "", _:
                await _send(writer, 200, self._page, "text/html; charset=utf-8")
            case "screen", _:
                await self._stream(writer, self._event, lambda: self._changed)
            case "replay", Feed() as feed:
                await _send(writer, 200, feed.page(), "text/html; charset=utf-8")
            case "events", Feed() as feed:
                await self._stream(writer, feed.since, lambda: self._grown)
            case _:
                raise Refused(404)

    def _wanted(self, head: str) -> str:
        """Return what a request wants behind the token. Raises `Refused`."""
        first, *lines = head.split("\r\n")
        parts = first.split(" ")
        if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
            raise Refused(400)
        hosts = [line.partition(":")[2].strip() for line in lines if line.lower().startswith("host:")]
        if len(hosts) != 1 or not self.address.fits(hosts[0]):
            raise Refused(421)
        if parts[0] != "GET":
            raise Refused(405)
        token, _, wanted = parts[1].removeprefix("/").partition("?")[0].partition("/")
        if not hmac.compare_digest(token.encode("latin-1"), self._token.encode()):
            raise Refused(404)
        return wanted

    async def _stream(
        self,
        writer: asyncio.StreamWriter,
        news: Callable[[int], tuple[int, bytes]],
        changed: Callable[[], asyncio.Event],
    ) -> None:
        """Send the news since what a browser has, -1 for nothing, as they come, for as long as it looks on."""
        if self.viewers >= MOST_VIEWERS:
            raise Refused(503)
        self.viewers += 1
        try:
            writer.write(_head(200, "text/event-stream"))
            has = -1
            while not self._ended.is_set():
                coming = changed()
                has, event = news(has)
                writer.write(event or b":\n\n")
                await asyncio.wait_for(writer.drain(), STUCK)
                with suppress(TimeoutError):
                    await asyncio.wait_for(coming.wait(), ALIVE_EVERY)
            writer.write(b"event: end\ndata: \n\n")
            await asyncio.wait_for(writer.drain(), EVERY)
        finally:
            self.viewers -= 1

    def _event(self, has: int) -> tuple[int, bytes]:
        """Return the newest frame, and the event that changes the frame that a browser has into it."""
        if has not in self._frames:
            frame = self._mirror.frame(has)
            rows = {str(y): runs for y, runs in frame.rows.items()}
            text = json.dumps({"size": frame.size, "rows": rows}, ensure_ascii=True, separators=(",", ":"))
            event = f"data: {text}\n\n" if rows or has < 0 else ":\n\n"
            self._frames[has] = frame.version, event.encode()
        return self._frames[has]


def _page(*, has_replay: bool) -> bytes:
    """Return the page of the screen, with a link to the replay if there is one."""
    text = files("raftplay.tui.serve").joinpath("page.html").read_text("utf-8")
    return text.replace("@REPLAY@", '<a href="replay">Replay</a>' if has_replay else "").encode()


def _head(status: int, kind: str, more: str = "") -> bytes:
    lines = f"HTTP/1.1 {status} {REASONS[status]}\r\nContent-Type: {kind}\r\n{SAFE}{more}Connection: close\r\n\r\n"
    return lines.encode()


async def _send(writer: asyncio.StreamWriter, status: int, body: bytes, kind: str) -> None:
    writer.write(_head(status, kind, f"Content-Length: {len(body)}\r\n") + body)
    await asyncio.wait_for(writer.drain(), PATIENCE)
