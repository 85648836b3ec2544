"""A class that looks on: the mirror of the terminal, the server, and what strangers may send to it."""

import json
import random
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from unicodedata import normalize

import pyte
import pytest
from rich.color import ColorSystem
from support.amount import several
from support.command_line import raftplay
from support.tui import PATIENCE
from test_tui_output import PLAIN as PLAIN_CELL
from test_tui_output import some_segments

from raftplay.errors import UsageError
from raftplay.tui.output.cells import Cells, row_of
from raftplay.tui.serve import server as serving
from raftplay.tui.serve.address import Address, address_of, public_address
from raftplay.tui.serve.looks import PLAIN, SignLooks, changed
from raftplay.tui.serve.mirror import Mirror
from raftplay.tui.serve.server import ScreenServer

WIDTH, HEIGHT = 40, 6


# ---- the mirror


def lines_of(mirror: Mirror) -> list[str]:
    rows = mirror.frame().rows
    return ["".join(run[0] for run in rows[y]) for y in range(len(rows))]


@pytest.mark.parametrize(
    ("before", "parameters", "after"),
    [
        (PLAIN, "1;4", SignLooks(attributes="bu")),
        (SignLooks("#ff0000", "", "bu"), "0", PLAIN),
        (SignLooks("#ff0000", "", "bu"), "", PLAIN),
        (SignLooks("#ff0000", "", "bdu"), "22", SignLooks("#ff0000", "", "u")),
        (PLAIN, "38;2;1;2;255", SignLooks("#0102ff")),
        (PLAIN, "48;5;0;1", SignLooks("", "#000000", "b")),
        (PLAIN, "38;5;196", SignLooks("#ff0000")),
        (PLAIN, "38;5;244", SignLooks("#808080")),
        (PLAIN, "31;47", SignLooks("#cd3131", "#e5e5e5")),
        (PLAIN, "91;107", SignLooks("#f14c4c", "#ffffff")),
        (SignLooks("#ff0000", "#ff0000"), "39;49", PLAIN),
        (PLAIN, "38;9;1", SignLooks("", "", "b")),
        (PLAIN, "38;5", PLAIN),
        (PLAIN, "38;2;1;2;999", PLAIN),
        (PLAIN, "77;38;48;58", PLAIN),
    ],
)
def test_looks_change_as_their_parameters_say(before: SignLooks, parameters: str, after: SignLooks) -> None:
    assert changed(before, parameters) == after


@pytest.mark.parametrize("seed", range(several(20)))
def test_the_mirror_shows_what_a_terminal_shows(seed: int) -> None:
    chance = random.Random(seed)
    cells, mirror, terminal = Cells(), Mirror((WIDTH, HEIGHT)), pyte.Screen(WIDTH, HEIGHT)
    cells.resize(WIDTH, HEIGHT)
    stream = pyte.Stream(terminal)
    for _ in range(30):
        row = row_of(some_segments(chance), ColorSystem.TRUECOLOR)
        if len(row) <= WIDTH:
            cells.put(0, chance.randrange(HEIGHT), row + [(" ", PLAIN_CELL)] * (WIDTH - len(row)))
        text = cells.changes()
        stream.feed(text)
        mirror(text)
    for line, shown in zip(lines_of(mirror), terminal.display, strict=True):
        assert normalize("NFC", line).rstrip() == normalize("NFC", shown).rstrip()


def test_a_frame_has_the_rows_that_changed_since_another_one() -> None:
    mirror = Mirror((10, 3))
    mirror("\x1b[2;3Hab\x1b[?25l\x1b]0;a title\x07")
    first = mirror.frame()
    assert (first.size, lines_of(mirror)) == ((10, 3), [" " * 10, "  ab      ", " " * 10])
    assert mirror.frame(first.version).rows == {}
    mirror("\x1b[1;1H\x1b[1mz")
    assert mirror.frame(first.version).rows == {0: [["z", "", "", "b"], [" " * 9]]}
    mirror.resize((4, 1))
    assert mirror.frame(first.version).rows == {0: [["    "]]}
    assert mirror.frame(first.version).size == (4, 1)
    mirror("\x1b[9;9Hfar away\x1b[1;3Hcut off here\x1b[;Hx")
    assert lines_of(mirror) == ["x cu"]


# ---- addresses


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("8000", Address("127.0.0.1", 8000)),
        (":8000", Address("127.0.0.1", 8000)),
        ("0.0.0.0:80", Address("0.0.0.0", 80)),
        ("localhost", Address("localhost", 0)),
        ("[::1]:8000", Address("::1", 8000)),
        ("[::1]", Address("::1", 0)),
    ],
)
def test_addresses_are_read(text: str, address: Address) -> None:
    assert address_of(text) == address


@pytest.mark.parametrize("text", ["localhost:", "x:y", "1:70000", "localhost:-1", "a\nb:8000", "٣:٣"])
def test_what_is_no_address_gets_one_sentence(text: str) -> None:
    with pytest.raises(UsageError, match="is no address to serve at; give HOST:PORT, or a port such as 8000"):
        address_of(text)


def test_a_proxy_has_the_address_of_its_url() -> None:
    assert public_address("https://raft.example/") == Address("raft.example", 0)
    assert public_address("https://raft.example:443") == Address("raft.example", 0)
    assert public_address("http://[::1]:8080/") == Address("::1", 8080)
    for wrong in (
        "raft.example",
        "ftp://raft.example",
        "https://",
        "https://raft.example/raft",
        "http://a b",
        "http://a:b",
    ):
        with pytest.raises(UsageError, match="no address"):
            public_address(wrong)


@pytest.mark.parametrize(
    ("host", "header", "fits"),
    [
        ("127.0.0.1", "127.0.0.1:80", True),
        ("127.0.0.1", "localhost:80", True),
        ("127.0.0.1", "127.0.0.1:81", False),
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "evil.example:80", False),
        ("127.0.0.1", "127.0.0.1.evil.example:80", False),
        ("class.example", "CLASS.example:80", True),
        ("class.example", "localhost:80", False),
        ("0.0.0.0", "192.168.1.5:80", True),
        ("0.0.0.0", f"{socket.gethostname()}:80", True),
        ("0.0.0.0", "evil.example:80", False),
        ("0.0.0.0", "", False),
    ],
)
def test_a_host_header_must_name_the_address(host: str, header: str, fits: bool) -> None:
    assert Address(host, 80).fits(header) is fits


def test_only_the_usual_port_may_be_left_out_of_a_host_header() -> None:
    assert Address("127.0.0.1", 80).fits("127.0.0.1")
    assert not Address("127.0.0.1", 8000).fits("127.0.0.1")


def test_it_is_said_who_can_see_it() -> None:
    assert Address("127.0.0.1", 1).audience() == "only this machine can open it"
    assert "any network of this machine" in Address("0.0.0.0", 1).audience()
    assert "the network of 10.0.0.5" in Address("10.0.0.5", 1).audience()


# ---- the server


@pytest.fixture
def mirror() -> Mirror:
    return Mirror((10, 2))


@pytest.fixture
def server(mirror: Mirror) -> Iterator[ScreenServer]:
    with ScreenServer(mirror, Address("127.0.0.1", 0)) as server:
        yield server


class Browser:
    """One connection to a server; its first bytes are `said`."""

    def __init__(self, server: ScreenServer, said: bytes = b"") -> None:
        self.socket = socket.create_connection(("127.0.0.1", server.address.port), PATIENCE)
        self.socket.sendall(said)

    def __enter__(self) -> "Browser":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def read(self, until: bytes = b"") -> bytes:
        """What comes up to `until`, or up to the end."""
        data = bytearray()
        while more := self.socket.recv(1 << 20):
            data += more
            if until and data.find(until, max(0, len(data) - len(more) - len(until))) >= 0:
                break
        return bytes(data)


def asks(server: ScreenServer, path: str = "", *, method: str = "GET", host: str = "") -> bytes:
    where = server.url.partition("//")[2].partition("/")[2] + path
    return f"{method} /{where} HTTP/1.1\r\nHost: {host or server.address.text}\r\n\r\n".encode()


def status(server: ScreenServer, said: bytes) -> int:
    with Browser(server, said) as browser:
        answer = browser.read()
    return int(answer.split(b" ")[1]) if answer else 0


def frame(data: bytes) -> dict[str, list[list[str]]]:
    rows = json.loads(data.rpartition(b"data: ")[2])["rows"]
    assert isinstance(rows, dict)
    return rows


def test_whoever_looks_on_sees_the_screen_and_then_what_changes(server: ScreenServer, mirror: Mirror) -> None:
    mirror("\x1b[1;1Hfirst")
    with Browser(server, asks(server, "screen")) as browser:
        head = browser.read(b"\n\n")
        assert b"\r\nContent-Type: text/event-stream\r\n" in head
        body = head.partition(b"\r\n\r\n")[2] or browser.read(b"\n\n")
        assert frame(body)["0"] == [["first     "]]
        assert server.viewers == 1
        mirror("\x1b[2;1H\x1b[1m</script>")
        assert frame(browser.read(b"\n\n")) == {"1": [["</script>", "", "", "b"], [" "]]}
        server.close()
        assert browser.read() == b"event: end\ndata: \n\n"
    assert server.viewers == 0


def test_the_page_loads_nothing_from_elsewhere(server: ScreenServer) -> None:
    with Browser(server, asks(server)) as browser:
        head, _, body = browser.read().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK")
    assert b"Content-Security-Policy: default-src 'none'" in head
    assert f"Content-Length: {len(body)}".encode() in head
    assert b"http" not in body
    assert b'new EventSource("screen")' in body


@pytest.mark.parametrize(
    ("path", "method", "host", "answer"),
    [
        ("", "GET", "", 200),
        ("other", "GET", "", 404),
        ("", "POST", "", 405),
        ("screen", "PUT", "", 405),
        ("", "GET", "evil.example", 421),
        ("", "GET", "localhost", 421),
    ],
)
def test_only_its_page_is_read_and_only_by_its_name(
    server: ScreenServer, path: str, method: str, host: str, answer: int
) -> None:
    assert status(server, asks(server, path, method=method, host=host)) == answer


@pytest.mark.parametrize("token", ["", "x", "ä", "%00", "A" * 22])
def test_a_wrong_token_finds_nothing(server: ScreenServer, token: str) -> None:
    said = f"GET /{token}/screen HTTP/1.1\r\nHost: {server.address.text}\r\n\r\n".encode("latin-1")
    assert status(server, said) == 404
    assert server.viewers == 0


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (b"crash leader\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 421),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 421),
        (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 10_000 + b"\r\n\r\n", 0),
    ],
)
def test_what_is_no_request_is_refused(server: ScreenServer, mirror: Mirror, said: bytes, answer: int) -> None:
    with suppress(ConnectionError):
        assert status(server, said) == answer
    mirror("\x1b[1;1Hgoes on")
    assert status(server, asks(server)) == 200


def test_one_who_says_nothing_is_sent_away(
    server: ScreenServer, monkeypatch: pytest.MonkeyPatch, mirror: Mirror
) -> None:
    monkeypatch.setattr(serving, "PATIENCE", 0.05)
    with Browser(server) as silent:
        assert silent.read() == b""
    assert mirror.version == 0


def test_more_connections_than_there_may_be_keep_nobody_from_looking_on(
    server: ScreenServer, mirror: Mirror
) -> None:
    with ExitStack() as stack:
        viewer = stack.enter_context(Browser(server, asks(server, "screen")))
        viewer.read(b"data: ")
        for _ in range(serving.MOST_CONNECTIONS + 100):
            with suppress(OSError):  # as many as there may be files
                stack.enter_context(Browser(server))
        mirror("\x1b[1;1Hstill here")
        assert b"still here" in viewer.read(b"still here")
    assert status_soon(server) == 200


def status_soon(server: ScreenServer) -> int:
    """The status of the page once the connections that have ended are forgotten."""
    end = time.monotonic() + PATIENCE
    while (last := status(server, asks(server))) == 503 and time.monotonic() < end:
        time.sleep(0.01)
    return last


def test_there_is_a_most_of_viewers(server: ScreenServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "MOST_VIEWERS", 1)
    with Browser(server, asks(server, "screen")) as viewer:
        viewer.read(b"data: ")
        assert status(server, asks(server, "screen")) == 503


def test_a_slow_browser_holds_up_nobody_and_gets_the_newest_rows(
    server: ScreenServer, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "EVERY", 0.001)
    monkeypatch.setattr(serving, "STUCK", 10 * PATIENCE)
    mirror.resize((400, 100))
    with Browser(server, asks(server, "screen")) as slow, Browser(server, asks(server, "screen")) as quick:
        slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        for number in range(12):
            mirror("".join(f"\x1b[{y};1H\x1b[38;2;{number};{y};0m{'x' * 390} {number:4}" for y in range(1, 101)))
            wanted = f"{number:4}".encode()
            assert wanted in quick.read(wanted)
        mirror("\x1b[1;1Hthe end")
        assert b"the end" in quick.read(b"the end")
        got = slow.read(b"the end")
        assert b"the end" in got
        assert len(got) < 12 * 400 * 100  # frames in between were left out


def test_a_port_that_is_taken_gets_one_sentence(server: ScreenServer, mirror: Mirror) -> None:
    with pytest.raises(UsageError, match=r"cannot serve at 127\.0\.0\.1:\d+: .* give another host or port"):
        ScreenServer(mirror, server.address)


def test_serve_is_for_a_screen_on_a_terminal() -> None:
    done = raftplay("tui", "--serve", "8000", "--screenshot", "x.svg")
    assert (done.status, done.out) == (2, "")
    assert "--serve shows a screen on a terminal" in done.err
