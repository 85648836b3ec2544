"""The server of visitors: what it answers to whom, and what is left of a visit. It needs the extra raftplay[web]."""

import asyncio
import os
import re
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path

import pyte
import pytest
from support.command_line import environment, usual
from support.tui import PATIENCE
from test_visits import PROCESS

from raftplay.tui.serve.address import Address, listening
from raftplay.tui.visits.rules import BUSY, CLOSED, LEFT, VisitPlan, VisitRules

aiohttp = pytest.importorskip(
    "aiohttp", reason="the extra raftplay[web] is not installed: pip install 'raftplay[web]'"
)
house = pytest.importorskip(
    "raftplay.tui.visits.house", reason="the extra raftplay[web] is not installed: pip install 'raftplay[web]'"
)

HERE = Address("127.0.0.1", 0)


class Served:
    """A server, and a client of it."""

    def __init__(self, house: "house.House", client: "aiohttp.ClientSession") -> None:
        self.house = house
        self.client = client
        self.url = house.address.url

    async def status(self, path: str = "", method: str = "GET", **headers: str) -> int:
        async with self.client.request(method, f"{self.url}{path}", headers=headers) as answer:
            return int(answer.status)

    async def visit(self, query: str = "width=80&height=24") -> "aiohttp.ClientWebSocketResponse":
        return await self.client.ws_connect(f"{self.url}ws?{query}")

    async def process(self) -> asyncio.subprocess.Process:
        """The process of the only visitor, once it runs."""
        while not (found := [guest.process for guest in self.house.guests if guest.process is not None]):  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        return found[0]

    async def is_empty(self) -> None:
        """Wait until nobody is here."""
        while self.house.guests:  # noqa: ASYNC110
            await asyncio.sleep(0.001)


@asynccontextmanager
async def serving(
    rules: VisitRules, command: tuple[str, ...] = PROCESS, public: Address | None = None
) -> AsyncIterator[Served]:
    with listening(HERE) as listener:
        address = Address(HERE.host, listener.getsockname()[1])
        place = house.House(address, rules, command, public)
        open = asyncio.Event()
        task = asyncio.ensure_future(house.run(listener, place, open.set))
        await open.wait()
        async with aiohttp.ClientSession() as client:
            try:
                yield Served(place, client)
            finally:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task


def serve(does: Callable[[Served], Awaitable[None]], rules: VisitRules | None = None, *command: str) -> None:
    async def run() -> None:
        async with asyncio.timeout(PATIENCE), serving(rules or VisitRules(), command or PROCESS) as served:
            await does(served)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("path", "method", "headers", "answer"),
    [
        ("", "GET", {}, 200),
        ("static/js/textual.js", "GET", {}, 200),
        ("static/", "GET", {}, 404),
        ("static/js", "GET", {}, 404),
        ("static/images/background.png", "GET", {}, 404),
        ("download/x", "GET", {}, 404),
        ("static/%2e%2e/server.py", "GET", {}, 404),
        ("", "POST", {}, 405),
        ("", "GET", {"Host": "evil.example"}, 421),
        ("ws", "GET", {"Host": "evil.example:80"}, 421),
        ("ws", "GET", {"Origin": "http://evil.example"}, 403),
        ("ws", "GET", {"Origin": "null"}, 403),
        ("ws", "GET", {}, 400),
    ],
)
def test_it_answers_only_to_its_name_and_its_page(
    path: str, method: str, headers: dict[str, str], answer: int
) -> None:
    async def ask(served: Served) -> None:
        assert await served.status(path, method, **headers) == answer
        assert not served.house.guests

    serve(ask)


def test_behind_a_proxy_it_answers_to_its_name_too() -> None:
    async def ask() -> None:
        async with asyncio.timeout(PATIENCE), serving(VisitRules(), public=Address("raft.example", 0)) as served:
            outside, inside = "https://raft.example", served.house.address.text
            for host, origin, answer in (
                ("raft.example", outside, 400),  # as the proxy was asked; it is no WebSocket
                (inside, outside, 400),  # the proxy names this server
                (inside, f"http://{inside}", 400),
                ("raft.example", "https://evil.example", 403),
                (inside, "https://evil.example", 403),
                ("raft.example:8000", outside, 421),
                ("evil.example", outside, 421),
            ):
                assert await served.status("ws", Host=host, Origin=origin) == answer, (host, origin)

    asyncio.run(ask())


def test_the_page_and_all_that_it_names_come_from_this_server() -> None:
    async def ask(served: Served) -> None:
        async with served.client.get(served.url) as answer:
            page = await answer.text()
            rules = answer.headers["Content-Security-Policy"]
        assert rules.startswith("default-src 'none'")
        assert "http" not in rules
        assert not re.findall(r"https?://[^\"$ ]", page)
        assert "const minutes = 7.5;" in page
        names = re.findall(r"/(static/[^\"]+)", page)
        assert len(names) == 4
        for name in names:
            assert await served.status(name) == 200

    serve(ask, VisitRules(minutes=7.5))


def test_a_visitor_gets_what_their_process_paints_and_it_is_killed_when_they_leave() -> None:
    async def visit(served: Served) -> None:
        async with await served.visit() as browser:
            process = await served.process()
            await browser.send_str('["ping","5"]')
            assert await browser.receive_json() == ["pong", "5"]
            await browser.send_str('["stdin","x"]')
            assert await browser.receive_bytes() == b"Dx"
        await served.is_empty()
        assert process.returncode == -signal.SIGKILL

    serve(visit)


def test_a_browser_that_just_goes_away_ends_its_visit_too() -> None:
    async def visit(served: Served) -> None:
        browser = await served.visit()
        process = await served.process()
        await browser.send_str('["stdin","x"]')
        assert await browser.receive_bytes() == b"Dx"
        browser._response.connection.transport.abort()
        await served.is_empty()
        assert process.returncode == -signal.SIGKILL

    serve(visit)


def test_there_is_a_most_of_visitors_and_the_page_says_so() -> None:
    async def visit(served: Served) -> None:
        async with await served.visit() as first:
            await served.process()
            async with served.client.get(served.url) as answer:
                assert answer.status == 503
                told = "1 visitor is here, which is the most; try again in some minutes"
                assert await answer.text() == f"{told}.\n"
            async with await served.visit() as second:
                ended = await second.receive()
                assert (ended.data, ended.extra) == (BUSY, told)
            await first.send_str('["stdin","x"]')
            assert await first.receive_bytes() == b"Dx"
        await served.is_empty()
        assert await served.status() == 200

    serve(visit, VisitRules(visitors=1))


def test_why_a_visit_ended_is_told_to_the_browser() -> None:
    async def visit(served: Served) -> None:
        async with await served.visit() as browser:
            await browser.send_str('["stdin","quit"]')
            assert (await browser.receive()).extra == LEFT

    serve(visit)


def test_the_end_of_the_server_ends_all_visits() -> None:
    async def run() -> None:
        async with aiohttp.ClientSession() as client:
            async with serving(VisitRules()) as served:
                browser = await client.ws_connect(f"{served.url}ws")
                process = await served.process()
                await browser.send_str('["stdin","x"]')
                assert await browser.receive_bytes() == b"Dx"
                ending = asyncio.ensure_future(browser.receive())
            assert (await ending).extra == CLOSED
            assert process.returncode == -signal.SIGKILL

    asyncio.run(asyncio.wait_for(run(), PATIENCE))


def test_a_thousand_connections_do_not_hold_up_a_visitor() -> None:
    async def visit(served: Served) -> None:
        async with await served.visit() as browser:
            with ExitStack() as stack:
                for _ in range(1000):
                    with suppress(OSError):  # as many as there may be files
                        stack.enter_context(socket.create_connection(("127.0.0.1", served.house.address.port)))
                        await asyncio.sleep(0)
                await browser.send_str('["stdin","x"]')
                assert await browser.receive_bytes() == b"Dx"

    serve(visit)


FLOOD = """
import os
os.write(1, b"__GANGLION__\\n")
for _ in range(1000):
    os.write(1, b"D" + (60000).to_bytes(4, "big") + b"x" * 60000)
"""


def test_a_browser_that_takes_in_nothing_stops_only_its_own_process() -> None:
    async def visit(served: Served) -> None:
        with socket.create_connection(("127.0.0.1", served.house.address.port)) as slow:
            slow.sendall(
                f"GET /ws HTTP/1.1\r\nHost: {served.house.address.text}\r\nUpgrade: websocket\r\n"
                "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
            )
            process = await served.process()
            for _ in range(50):  # in which it would have painted all, if anybody took it
                assert await served.status("static/css/xterm.css") == 200
        await served.is_empty()
        assert process.returncode == -signal.SIGKILL

    serve(visit, None, sys.executable, "-S", "-E", "-c", FLOOD)


# ---- with the process of a visitor


def test_a_visitor_has_a_cluster_of_their_own_without_files() -> None:
    async def visit(served: Served) -> None:
        async with await served.visit("width=100&height=30") as browser:
            screen = VisitorScreen(browser)
            await screen.shows("leave me alone")
            await browser.send_str('["stdin","3"]')
            await screen.shows("leave me alone", is_there=False)
            await browser.send_str('["stdin",":save x.txt\\r"]')
            await screen.shows("save needs files, which visitors do not have")
            process = await served.process()
            assert process.returncode is None
        await served.is_empty()
        assert process.returncode == -signal.SIGKILL

    serve(visit, None, *house.command_of(VisitPlan(nodes=3, seed=1, seconds=60, cpu=30)))


class VisitorScreen:
    """What a visitor sees on a screen of 100 columns and 30 lines."""

    def __init__(self, browser: "aiohttp.ClientWebSocketResponse") -> None:
        self._browser = browser
        self._screen = pyte.Screen(100, 30)
        self._stream = pyte.ByteStream(self._screen)

    async def shows(self, wanted: str, *, is_there: bool = True) -> None:
        """Read what is painted until some words are there, or until they are gone."""
        while any(wanted in line for line in self._screen.display) is not is_there:
            painted = await self._browser.receive_bytes()
            self._stream.feed(re.sub(rb"\x1b\[\?[\d;$]*[a-z]", b"", painted))


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_server_and_its_visits(number: signal.Signals, status: int) -> None:
    read, write = os.pipe()
    files = [*(os.open(os.devnull, os.O_RDWR) for _ in range(2)), write]
    command = ("serve", "--port", "0", "--visitors", "3", "--minutes", "5")
    server = usual().start(files, command, environment(), str(Path.cwd()))
    with open(read, encoding="utf-8") as said:
        try:
            first, second = said.readline(), said.readline()
            assert "gives each visitor a cluster of their own; only this machine can open it" in first
            assert "at most 3 visitors at once, 5 minutes each" in second
            visitor = asyncio.run(visitor_of(server.pid, first.split()[1]))
            os.kill(server.pid, number)
            assert server.status(PATIENCE) == status
            assert said.read() == ""
        finally:
            server.kill()
    with pytest.raises(ProcessLookupError):
        os.kill(visitor, 0)


async def visitor_of(server: int, url: str) -> int:
    """Begin a visit and leave its connection to itself; the process of it."""
    async with aiohttp.ClientSession() as client:
        browser = await client.ws_connect(f"{url}ws")
        await browser.receive_bytes()
        return child_of(server)


def child_of(pid: int) -> int:
    """The only child of a process."""
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


# ---- in a browser


CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: apt-get install chromium")
def test_a_browser_shows_the_screen_and_says_why_the_visit_ended() -> None:
    playwright = pytest.importorskip(
        "playwright.async_api", reason="Playwright, which drives a browser, is not installed"
    )

    async def visit(served: Served) -> None:
        async with playwright.async_playwright() as driver:
            chromium = await driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            page = await chromium.new_page(viewport={"width": 1280, "height": 800})
            faults: list[str] = []
            asked: list[str] = []
            page.on("pageerror", lambda error: faults.append(str(error)))
            page.on("console", lambda told: faults.append(told.text) if told.type == "error" else None)
            page.on("request", lambda request: asked.append(request.url))
            await page.goto(served.url)
            await page.wait_for_selector("#said", state="hidden")
            await page.keyboard.type("hello")
            await page.evaluate("document.fonts.ready")
            await page.keyboard.type("!")
            await page.wait_for_selector("#said >> text=You have left the cluster. Nothing of it is kept.")
            assert await page.is_visible("#anew")
            assert faults == []
            assert all(url.startswith(served.url) for url in asked)
            assert any(url.endswith(".ttf") for url in asked)
            await chromium.close()

    serve(visit, None, sys.executable, "-S", "-E", "-c", TYPED)


TYPED = """
import sys
out = sys.stdout.buffer
out.write(b"__GANGLION__\\n" + b"D\\0\\0\\0\\x0fhere is a visit")
out.flush()
got = b""
while b"hello!" not in got:
    head = sys.stdin.buffer.read(5)
    data = sys.stdin.buffer.read(int.from_bytes(head[1:], "big"))
    got += data if head[:1] == b"D" else b""
out.write(b"M" + (16).to_bytes(4, "big") + b'{"type": "exit"}')
out.flush()
"""
"""Paints a line, and ends once `hello!` was typed."""
