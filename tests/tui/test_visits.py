"""Visitors who have clusters of their own in the browser: their limits, their process, and the server."""

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from support.command_line import raftplay
from support.tui import PATIENCE, app_of, played, pressed, still
from textual.pilot import Pilot

from raftplay import scenarios
from raftplay.commands.setup import Setup
from raftplay.commands.setup_lines import OWN_NODE
from raftplay.language import kinds
from raftplay.language.completion import complete, hint_of
from raftplay.language.lexer import Mistake
from raftplay.language.table import TABLE, TOUCHES, bind
from raftplay.lessons import catalogue
from raftplay.tui import keys
from raftplay.tui.app import RaftApp
from raftplay.tui.lesson import visit
from raftplay.tui.model.lines import text_of
from raftplay.tui.palette import Commands
from raftplay.tui.settings import Unkept
from raftplay.tui.sheet import Leaving
from raftplay.tui.visits import guest as guests
from raftplay.tui.visits.driver import VisitDriver
from raftplay.tui.visits.guest import Guest
from raftplay.tui.visits.rules import LEFT, USED_UP, VisitRules, plan_of

ALL = frozenset(TOUCHES)
USUAL = VisitRules()


# ---- what a visitor may not do


def test_rows_say_that_they_touch_files_or_sockets() -> None:
    """Whoever adds a command with a file must say so in its row: this reads the kinds of the arguments."""
    named = {row.name for row in TABLE.values() if {p.kind for p in row.parameters} & {kinds.FILE, OWN_NODE}}
    assert named == {row.name for row in TABLE.values() if row.touches == "files"} == {"save", "record", "node"}
    assert {row.name for row in TABLE.values() if row.touches == "sockets"} == {"backend"}
    assert {key.action for key in keys.KEYS if key.touches} == {"picture", "suspend"}


@pytest.mark.parametrize(
    ("line", "refused"),
    [
        ("save story.txt", "save needs files, which visitors do not have"),
        ("record story.txt", "record needs files, which visitors do not have"),
        ("crash 1; save story.txt", "save needs files"),
        ("new node=raftplay:ConsensusModule", "new node needs files"),
        ("new nodes=3 backend=tcp", "new backend needs real sockets, which visitors do not have"),
    ],
)
def test_visitors_have_no_files_and_no_sockets(line: str, refused: str, tmp_path: Path) -> None:
    with still() as driver:
        bind(line.replace("story.txt", str(tmp_path / "story.txt")), driver.session)
        driver.session.barred = ALL
        with pytest.raises(Mistake, match=refused):
            bind(line, driver.session)
        assert not driver.run(line).result()[-1].held
        assert driver.session.harness.snapshot().nodes[1].alive


def test_nothing_that_is_refused_is_offered_and_no_folder_is_listed() -> None:
    with still() as driver:
        assert {"save ", "save"} & {offer.text for offer in complete("sa", 2, driver.session)}
        assert complete("save ", 5, driver.session)
        driver.session.barred = ALL
        assert not complete("sa", 2, driver.session)
        assert not complete("save ", 5, driver.session)
        assert not complete("save te", 7, driver.session)
        offers = [offer.text for offer in complete("new ", 4, driver.session)]
        assert "nodes=" in offers
        assert not {"node=", "backend="} & set(offers)
        for typed in ("save", "save x"):
            hint = hint_of(typed, len(typed), driver.session)
            assert hint is not None
            assert hint.mistake == "save needs files, which visitors do not have"


def test_keys_that_write_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    with still() as driver:
        driver.session.barred = ALL
        app = app_of(driver)

        async def press(pilot: Pilot[None]) -> list[str]:
            await pressed(pilot, "ctrl+s", "ctrl+z")
            return [notice.message for notice in app._notifications]

        told = played(app, press)
    assert told == [
        "Ctrl+S needs files, which visitors do not have",
        "Ctrl+Z needs a terminal, which visitors do not have",
    ]
    assert list(tmp_path.iterdir()) == []


def test_a_lesson_that_a_visitor_opens_has_no_files_either() -> None:
    text = catalogue.shipped("a-leader-is-elected")
    assert text.key
    seen: list[RaftApp] = []
    visit(text, Unkept(), seen.append, ascii=False, barred=ALL)
    [app] = seen
    assert app.driver.session.barred == ALL
    assert app.begin.__self__._text.key == ""  # type: ignore[attr-defined] # no progress is kept without one


def test_the_palette_and_the_question_before_leaving_offer_no_files() -> None:
    with still("wait leader") as driver:
        app = app_of(driver)
        everything = rows_of(app)
        driver.session.barred = ALL
        left_out = {"save FILE", "record FILE", "picture (Ctrl+S)", "suspend (Ctrl+Z)"}
        assert everything - rows_of(app) == left_out
        asks = Leaving(2, is_kept=False, may_save=False)
        assert [text_of(line) for line in asks._make(60)][-1] == "q or Enter: quit   Esc: stay"
        assert Unkept().save() == ""


def rows_of(app: RaftApp) -> set[str]:
    """The names in the palette of a screen over the same session."""
    fresh = app_of(app.driver)

    async def read(_: Pilot[None]) -> set[str]:
        return {name for name, _, _ in Commands(fresh.screen)._rows()}

    found: set[str] = played(fresh, read)
    return found


# ---- a visit


ECHO = """
import sys
out = sys.stdout.buffer
out.write(b"__GANGLION__\\n")
out.flush()
while head := sys.stdin.buffer.read(5):
    data = sys.stdin.buffer.read(int.from_bytes(head[1:], "big"))
    if data in (b"quit", b"lesson"):
        leaves = data == b"quit"
        data, head = b'{"type": "exit"}', b"M"
        out.write(head + len(data).to_bytes(4, "big") + data)
        out.flush()
        if leaves:
            sys.exit()
        out.write(b"__GANGLION__\\n")
        out.flush()
        continue
    elif data == b"fail":
        sys.exit(3)
    else:
        data, head = head[:1] + data, b"D"
    out.write(head + len(data).to_bytes(4, "big") + data)
    out.flush()
import time
time.sleep(1000)
"""
"""Paints what it gets: the kind of each packet, and its data."""

PROCESS = (sys.executable, "-S", "-E", "-c", ECHO)


class Painted:
    """What a visitor's browser shows."""

    def __init__(self) -> None:
        self.data: list[bytes] = []
        self._came = asyncio.Event()

    async def send(self, data: bytes) -> None:
        self.data.append(data)
        self._came.set()

    async def wait(self, count: int) -> None:
        while len(self.data) < count:
            self._came.clear()
            await asyncio.wait_for(self._came.wait(), PATIENCE)


def visited(
    *typed: str,
    rules: VisitRules = USUAL,
    clock: Callable[[], float] = time.monotonic,
    ends: bool = True,
    paints: int | None = None,
) -> tuple[str, list[bytes], int | None]:
    """Visit with messages of the browser; why it ended, what was painted, and the status of the process."""

    async def run() -> tuple[str, list[bytes], int | None]:
        painted = Painted()

        async def send_keys() -> AsyncIterator[str]:
            for text in typed:
                yield text
            if ends:
                await painted.wait(len(typed) if paints is None else paints)
            else:
                await asyncio.Event().wait()

        guest = Guest(PROCESS, rules, send_keys(), painted.send, clock)
        reason = await asyncio.wait_for(guest.visit(80, 24), PATIENCE)
        assert guest.process is not None
        return reason, painted.data, guest.process.returncode

    return asyncio.run(run())


def test_what_is_typed_reaches_the_process_and_what_it_paints_comes_back() -> None:
    typed = ('["stdin","q\\u00e9"]', '["resize",{"width":100,"height":30}]', '["blur"]')
    reason, painted, status = visited(*typed)
    assert painted == [
        b"D" + "qé".encode(),
        b'M{"type": "resize", "width": 100, "height": 30}',
        b'M{"type": "blur"}',
    ]
    assert (reason, status) == ("", -signal.SIGKILL)  # the browser has gone


@pytest.mark.parametrize(
    "text",
    [
        "crash leader",
        "[]",
        '["stdin"]',
        '["stdin", 1]',
        '["quit"]',
        '["deliver_chunk_request", {"key": 1}]',
        '["resize", {"width": "1", "height": 2}]',
        '{"type": "quit"}',
        "[" * 100_000,
        "\x00",
    ],
)
def test_what_is_no_key_and_no_size_is_left_out(text: str) -> None:
    assert visited(text, '["stdin","x"]', paints=1)[1] == [b"Dx"]


def test_a_size_has_bounds() -> None:
    painted = visited('["resize",{"width":1000000000,"height":-5}]')[1]
    assert painted == [b'M{"type": "resize", "width": 400, "height": 5}']


def test_a_lesson_is_another_screen_of_the_same_visit() -> None:
    assert visited('["stdin","lesson"]', '["stdin","x"]', paints=1)[1] == [b"Dx"]


def test_a_screen_after_another_one_begins_with_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("ROWS", "24")
    monkeypatch.setattr("textual.drivers.web_driver.InputReader", lambda: None)  # it reads the keys of the tests
    with still() as driver:
        app = app_of(driver)

        async def resize(_: Pilot[None]) -> tuple[int, int] | None:
            VisitDriver(app).on_meta("resize", {"width": 100, "height": 30})
            return VisitDriver(app)._size

        assert played(app, resize) == (100, 30)


@pytest.mark.parametrize(("typed", "reason"), [("quit", LEFT), ("fail", USED_UP)])
def test_it_is_said_how_the_process_ended(typed: str, reason: str) -> None:
    assert visited(json.dumps(["stdin", typed]), ends=False)[0] == reason


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        (VisitRules(minutes=3, idle=5), "the 3 minutes of this visit are over"),
        (VisitRules(minutes=9, idle=1), "nobody touched a key for 1 minute"),
    ],
)
def test_time_ends_a_visit(rules: VisitRules, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guests, "LOOK", 0.0)
    minutes = iter(range(1000))
    ended, _, status = visited(rules=rules, clock=lambda: next(minutes) * 60.0, ends=False)
    assert (ended, status) == (reason, -signal.SIGKILL)


def test_a_key_begins_the_idle_time_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0

    async def run() -> str:
        nonlocal now
        monkeypatch.setattr(guests, "LOOK", 0.0)
        painted = Painted()

        async def send_keys() -> AsyncIterator[str]:
            nonlocal now
            for count in range(1, 4):
                now += 50.0
                yield '["stdin","x"]'
                await painted.wait(count)
            now += 61.0
            await asyncio.Event().wait()

        guest = Guest(PROCESS, VisitRules(minutes=9, idle=1), send_keys(), painted.send, lambda: now)
        return await asyncio.wait_for(guest.visit(80, 24), PATIENCE)

    assert asyncio.run(run()) == "nobody touched a key for 1 minute"
    assert now == 211.0


def test_a_visitors_process_gets_none_of_the_servers_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "x")
    given = guests._environment(80, 24)
    assert "SECRET_TOKEN" not in given
    assert "HOME" not in given
    assert (given["COLUMNS"], given["ROWS"]) == ("80", "24")


BOUNDED = """
import json, resource, sys
from raftplay.tui.visits.rules import VisitPlan
from raftplay.tui.visits.visitor import bound
bound(VisitPlan(cpu=7, memory=600))
print(json.dumps([resource.getrlimit(w) for w in (resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE)]))
try:
    with open(sys.argv[1], "w") as file:
        file.write("x")
except OSError as error:
    print(type(error).__name__)
"""


def test_a_visitors_process_is_bounded_and_can_write_no_file(tmp_path: Path) -> None:
    file = tmp_path / "x"
    command = [sys.executable, "-c", BOUNDED, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE)
    limits, written = done.stdout.splitlines()
    assert json.loads(limits) == [[600 << 20] * 2, [7, 7], [0, 0]]
    assert (written, file.read_bytes()) == ("OSError", b"")


def test_the_plan_of_a_visitor_is_in_virtual_time() -> None:
    setup = Setup(nodes=3, seed=4, bugs=["forget-vote"], switches={"prevote": True}, backend="tcp")
    plan = plan_of("split-brain", setup, VisitRules(minutes=10))
    assert (plan.seconds, plan.cpu) == (600.0, 300)
    assert plan.setup == Setup(nodes=3, seed=4, bugs=["forget-vote"], switches={"prevote": True}, backend="sim")
    assert "split-brain" in scenarios.all_names()


def test_the_rules_are_said_in_words() -> None:
    assert VisitRules(1).full == "1 visitor is here, which is the most; try again in some minutes"
    assert VisitRules(20).full.startswith("20 visitors are here")
    for words in (
        VisitRules(500, 1440, 1440).full,
        VisitRules(500, 1440.5, 1440.5).over,
        VisitRules().asleep,
        LEFT,
        USED_UP,
    ):
        assert len(words.encode()) <= 123  # the most that the end of a connection can say (RFC 6455)


# ---- the command line


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--port", "70000"), "less than or equal to 65535"),
        (("--visitors", "0"), "greater than or equal to 1"),
        (("--minutes", "nan"), "is not a number"),
        (("no-such-story",), "no-such-story"),
        (("-",), "give it as a file"),
        (("--host", "no such host"), "cannot serve at no such host:8000"),
        (("--public-url", "raft.example"), "is no address of a server; give one such as https://raft.example/"),
    ],
)
def test_wrong_options_get_one_sentence(words: tuple[str, ...], told: str) -> None:
    done = raftplay("serve", *words)
    assert (done.status, done.out, done.err.count("\n")) == (2, "", 1)
    assert told in done.err


def test_without_the_extra_it_says_what_to_install() -> None:
    done = raftplay("serve", prelude="import sys; sys.modules['textual_serve'] = None")
    assert (done.status, done.out) == (2, "")
    assert done.err == (
        "raftplay: error: raftplay serve needs textual-serve, which is not installed: pip install 'raftplay[web]'\n"
    )
