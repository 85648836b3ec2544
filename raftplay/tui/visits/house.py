"""The server of visits, on textual-serve: its page, its connections, and a process for each visitor.

The rule of this module: it alone imports textual-serve and what that brings, when visitors are served. What
textual-serve keeps to itself is used in one place, `House.application`.
"""

import asyncio
import logging
import socket
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from importlib.resources import files
from pathlib import PurePosixPath

import msgspec
from aiohttp import WSMsgType, web
from aiohttp.typedefs import Handler
from textual_serve.server import Server

from raftplay.tui.serve.address import Address
from raftplay.tui.visits.guest import LONGEST, Guest
from raftplay.tui.visits.rules import BUSY, VisitPlan, VisitRules

SAFE = {
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
        "font-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'none'; base-uri 'none'"
    ),
}

STATIC = (".css", ".js", ".ttf")
"""The endings of textual-serve's files that the page needs."""

PATIENCE = 2.0
"""The time that a browser has to say goodbye, in seconds."""


class House(Server):
    """Serves visitors at `address`, each with the process that `command` starts."""

    def __init__(
        self, address: Address, rules: VisitRules, command: Sequence[str], public: Address | None = None
    ) -> None:
        super().__init__("", host=address.host, port=address.port, title="raftplay")
        self.address = address
        self.public = public
        """The address by which a proxy before this server is asked, if there is one."""

        self.rules = rules
        self.guests: set[Guest] = set()
        """The visitors who are here."""

        self._command = command
        self._visits: set[asyncio.Task[str]] = set()
        page = files("raftplay.tui.visits").joinpath("page.html").read_text("utf-8")
        self._page = page.replace("{{minutes}}", f"{rules.minutes:g}").replace("{{rules}}", rules.words)

    async def application(self) -> web.Application:
        """Return the web application: what textual-serve makes, behind a guard."""
        app = await self._make_app()
        app.middlewares.append(self._guard)
        return app

    async def on_startup(self, app: web.Application) -> None:
        """Say nothing: who starts the server does."""

    async def on_shutdown(self, app: web.Application) -> None:
        """End all visits; their processes are killed."""
        for guest in self.guests:
            guest.close()
        if self._visits:
            await asyncio.wait(self._visits)

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Pass on what the page needs, asked for by the name of this server and from its own page."""
        origin = request.headers.get("Origin")
        hosts = request.headers.getall("Host", [])
        if len(hosts) != 1 or not (self.address.fits(hosts[0]) or self._is_public(hosts[0])):
            return _refusal(421, "Misdirected Request")
        if origin is not None and not self._is_own(origin.partition("://")[2], hosts[0]):
            return _refusal(403, "Forbidden")
        if request.method != "GET":
            return _refusal(405, "Method Not Allowed")
        path = PurePosixPath(request.path)
        if request.path not in ("/", "/ws") and not (path.parts[:2] == ("/", "static") and path.suffix in STATIC):
            return _refusal(404, "Not Found")
        response = await handler(request)
        if not response.prepared:
            response.headers.update(SAFE)
        return response

    def _is_own(self, origin: str, host: str) -> bool:
        """Return whether the page that asks is of this server; a proxy may have put another name in the Host."""
        return origin == host or self._is_public(origin)

    def _is_public(self, host: str) -> bool:
        return self.public is not None and self.public.fits(host)

    async def handle_index(self, request: web.Request) -> web.Response:
        """Answer with the page, or say that there is no room."""
        if self.is_full:
            text = f"{self.rules.full[:1].upper()}{self.rules.full[1:]}.\n"
            return web.Response(status=503, text=text, headers={"Cache-Control": "no-store", "Retry-After": "60"})
        return web.Response(text=self._page, content_type="text/html", headers={"Cache-Control": "no-store"})

    @property
    def is_full(self) -> bool:
        """Return whether there is no room for another visitor."""
        return len(self.guests) >= self.rules.visitors

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """Show a cluster to a browser; when the visit ends, say why as the reason of closing."""
        browser = web.WebSocketResponse(heartbeat=15, timeout=PATIENCE, max_msg_size=LONGEST)
        await browser.prepare(request)
        if self.is_full:
            await browser.close(code=BUSY, message=self.rules.full.encode())
            return browser
        guest = Guest(self._command, self.rules, _typed(browser), browser.send_bytes)
        self.guests.add(guest)
        visit = asyncio.ensure_future(guest.visit(_number(request, "width", 80), _number(request, "height", 24)))
        self._visits.add(visit)
        try:
            reason = await visit
        finally:
            self._visits.discard(visit)
            self.guests.discard(guest)
        await browser.close(message=reason.encode())
        return browser


async def _typed(browser: web.WebSocketResponse) -> AsyncIterator[str]:
    """Yield the texts that a browser sends; a ping of the page is answered here."""
    async for message in browser:
        if message.type is not WSMsgType.TEXT:
            continue
        if message.data.startswith('["ping",'):
            with suppress(ValueError, ConnectionError):
                await browser.send_json(["pong", str(msgspec.json.decode(message.data)[1])])
        else:
            yield message.data


def _number(request: web.Request, name: str, usual: int) -> int:
    text = request.query.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else usual


def _refusal(status: int, reason: str) -> web.Response:
    return web.Response(status=status, text=f"{reason}\n", headers=SAFE)


def command_of(plan: VisitPlan) -> list[str]:
    """Return the command that starts a visitor's process."""
    return [sys.executable, "-m", "raftplay.tui.visits.visitor", msgspec.json.encode(plan).decode()]


def serve(
    listener: socket.socket,
    address: Address,
    rules: VisitRules,
    plan: VisitPlan,
    tell: Callable[[], object],
    public: Address | None = None,
) -> None:
    """Serve visitors until Ctrl-C; `tell` is called once they can come."""
    asyncio.run(run(listener, House(address, rules, command_of(plan), public), tell))


async def run(listener: socket.socket, house: House, tell: Callable[[], object]) -> None:
    """Serve visitors until the task is cancelled."""
    quiet = logging.Logger("raftplay serve", logging.CRITICAL)
    runner = web.AppRunner(await house.application(), access_log=None, logger=quiet, shutdown_timeout=PATIENCE)
    await runner.setup()
    try:
        await web.SockSite(runner, listener).start()
        tell()
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()
