"""The replay page of a run that goes on: its parts make the whole, whoever comes when, and nothing is ahead."""

import json
import shutil
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.tui import PATIENCE, app_of, done, played, still
from textual.pilot import Pilot

from raftplay.export import live
from raftplay.export.html import page
from raftplay.export.live import LiveReplay
from raftplay.export.recording import of_session
from raftplay.export.replay import Json, replay_data
from raftplay.tui.command import place_of
from raftplay.tui.driver import Still
from raftplay.tui.serve import server as serving
from raftplay.tui.serve.address import Address
from raftplay.tui.serve.feed import BranchPlace
from raftplay.tui.serve.mirror import Mirror
from raftplay.tui.serve.server import ScreenServer
from raftplay.watch.invariants import Breach

STORY = (
    "wait leader",
    'submit "</script><img src=x onerror=alert(1)>"',
    "sleep 100ms",
    "partition 0,1 | 2,3,4",
    "wait leader",
    "submit 2",
    "hold 2->3",
    "sleep 300ms",
    "release all",
    "heal",
    "crash 1",
    "sleep 300ms",
)
GROWING = ("times", "pace", "who", "words", "states", "network", "told", "next", "answers", "messages", "texts")


def present(driver: Still) -> Callable[[], BranchPlace]:
    """The place of a screen that shows the present."""

    def place() -> BranchPlace:
        branch = driver.session.branch
        last = branch.history.last_seq
        moment = driver.session.moment
        return BranchPlace(branch, last, last if moment is None else moment.seq)

    return place


def events_of(data: bytes) -> list[tuple[str, Any]]:
    """The kinds and the data of the events of a stream."""
    parts = [part.split(b"\n") for part in data.split(b"\n\n") if part]
    return [(kind[7:].decode(), json.loads(text[6:] or b"null")) for kind, text in parts]


def grown(run: Json | None, data: bytes) -> Json:
    """A run with what a browser got besides, as the page puts it together."""
    for kind, more in events_of(data):
        if kind == "run":
            run = more
        assert kind in ("run", "more"), kind
        assert run is not None
        if kind == "more" and "times" in more:
            for name in GROWING:
                run[name] += more[name]
            run["kinds"] += more["kinds"]
            for number, row in more["changed"]:
                run["messages"][number] = row
            run["marks"] = run["marks"][: more["marks"][0]] + more["marks"][1]
            run["breach"] = more["breach"]
    assert run is not None
    return run


def read(run: Json) -> Json:
    """A run with its texts in their places, as a reader sees it; paces and answers are another matter."""
    texts = run["texts"]
    return {
        "times": run["times"],
        "who": run["who"],
        "kinds": run["kinds"],
        "words": [
            word if kind in "sax" else texts[word] for word, kind in zip(run["words"], run["kinds"], strict=True)
        ],
        "told": [[at, texts[now], texts[why]] for at, now, why in run["told"]],
        "next": [[at, texts[said]] for at, said in run["next"]],
        "marks": [[at, kind, node, texts[text]] for at, kind, node, text in run["marks"]],
        "messages": [[*row[:7], *(texts[text] for text in row[7:])] for row in run["messages"]],
        "network": [row[:2] for row in run["network"]],
        "states": [
            [at, node, {name: value for name, value in changed.items() if name not in ("role", "marks", "log")}]
            for at, node, changed in run["states"]
        ],
        "breach": run["breach"],
    }


def test_the_parts_of_a_run_make_the_replay_of_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST_PARTS", 4)  # so that some browsers begin with a later run
    with still(nodes=5, seed=3) as driver:
        feed = LiveReplay(present(driver), lambda: 0.0)
        browsers: list[tuple[int, Json]] = []
        for line in STORY:
            done(driver, line)
            feed.update()
            browsers = [
                (version, grown(run, data)) for has, run in browsers for version, data in [feed.since(has)]
            ]
            version, data = feed.since(-1)
            browsers.append((version, grown(None, data)))
        whole = read(replay_data(of_session(driver.session)))
        for _, run in browsers:
            assert read(run) == whole
            assert len(run["pace"]) == len(run["times"])
            assert all(passed >= 0 for passed in run["pace"])
        assert feed.since(feed.version) == (feed.version, b"")
        assert feed.since(0) == (feed.version, live.AGAIN)


def test_nothing_is_added_before_it_is_shown() -> None:
    with still("wait leader", nodes=3, seed=3) as driver:
        branch = driver.session.branch
        shown = 4
        feed = LiveReplay(lambda: BranchPlace(branch, shown, shown), lambda: 0.0)
        feed.update()
        assert len(grown(None, feed.since(-1)[1])["times"]) == 4
        version, shown = feed.version, 9
        feed.update()
        [(kind, more)] = events_of(feed.since(version)[1])
        assert (kind, more["at"], len(more["times"])) == ("more", 9, 5)


def test_it_is_said_where_the_teacher_looks() -> None:
    with still("wait leader", nodes=3, seed=3) as driver:
        feed = LiveReplay(present(driver), lambda: 0.0)
        feed.update()
        last = driver.session.branch.history.last_seq
        version = feed.version
        done(driver, "back 5")
        feed.update()
        assert events_of(feed.since(version)[1]) == [("more", {"at": last - 5})]


def test_another_branch_begins_anew() -> None:
    with still("wait leader", nodes=3, seed=3) as driver:
        feed = LiveReplay(present(driver), lambda: 0.0)
        feed.update()
        version = feed.version
        driver.session.is_live = True
        done(driver, "new nodes=4")
        feed.update()
        assert feed.since(version)[1] == live.AGAIN
        assert grown(None, feed.since(-1)[1])["nodes"] == 4


def test_a_run_that_is_far_ahead_is_shown_from_its_last_events_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "FAR_BEHIND", 40)
    monkeypatch.setattr(live, "SOME", 30)
    with still("wait leader", "sleep 500ms", nodes=3, seed=3) as driver:
        last = driver.session.branch.history.last_seq
        assert last > 100
        feed = LiveReplay(present(driver), lambda: 0.0)
        feed.update()
        run = grown(None, feed.since(-1)[1])
        assert len(run["times"]) == 10
        assert run["forgotten"] == last - 10
        whole = replay_data(of_session(driver.session))
        assert sum(run["times"]) + run["begin"] == sum(whole["times"])


def test_a_page_has_a_most_of_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST_EVENTS", 20)
    with still("wait leader", nodes=3, seed=3) as driver:
        feed = LiveReplay(present(driver), lambda: 0.0)
        feed.update()
        version = feed.version
        assert len(grown(None, feed.since(-1)[1])["times"]) >= 20
        done(driver, "sleep 100ms")
        feed.update()
        assert feed.since(version)[1] == live.AGAIN


def test_events_are_folded_for_a_short_time_only(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(1000))
    monkeypatch.setattr(live, "BUDGET", 3.0)
    with still("wait leader", nodes=3, seed=3) as driver:
        feed = LiveReplay(present(driver), lambda: float(next(clock)))
        feed.update()
        assert len(grown(None, feed.since(-1)[1])["times"]) == 4
        feed.update()
        assert len(grown(None, feed.since(-1)[1])["times"]) == 8


def test_a_violation_is_marked() -> None:
    with still(nodes=5, seed=3) as driver:
        feed = LiveReplay(present(driver), lambda: 0.0)
        done(driver, "wait leader")
        history = driver.session.branch.history
        seq, now = history.last_seq, history.last_time
        breach = Breach("Election Safety", ("n0 leads term 1", "n1 leads term 1"), seq, now, 1, "n1 leads")
        invariants = driver.session.harness.invariants
        assert invariants is not None
        invariants.breaches.append(breach)
        feed.update()
        run = grown(None, feed.since(-1)[1])
        assert run["breach"] == len(run["times"])
        assert run["marks"][-1][:2] == [run["breach"], "breach"]


def test_the_screen_says_which_place_it_shows() -> None:
    with still("wait leader", nodes=3, seed=3) as driver:
        app = app_of(driver)

        async def look(_: Pilot[None]) -> tuple[BranchPlace, BranchPlace]:
            first = place_of(app)
            done(driver, "back 5")
            return first, place_of(app)

        first, second = played(app, look)
        last = driver.session.branch.history.last_seq
        assert first == BranchPlace(driver.session.branch, last, last)
        assert second == BranchPlace(driver.session.branch, last, last - 5)


# ---- the server


@pytest.fixture
def driver() -> Iterator[Still]:
    with still("wait leader", nodes=3, seed=3) as driver:
        yield driver


@pytest.fixture
def server(driver: Still) -> Iterator[ScreenServer]:
    with ScreenServer(Mirror((10, 2)), Address("127.0.0.1", 0), LiveReplay(present(driver))) as server:
        yield server


def connected(server: ScreenServer, wanted: str, method: str = "GET", token: str = "") -> socket.socket:
    """A connection that has asked for something behind the token."""
    browser = socket.create_connection(("127.0.0.1", server.address.port), PATIENCE)
    token = token or server.url.rstrip("/").rpartition("/")[2]
    browser.sendall(f"{method} /{token}/{wanted} HTTP/1.1\r\nHost: {server.address.text}\r\n\r\n".encode())
    return browser


def answer(browser: socket.socket, until: bytes = b"") -> bytes:
    data = b""
    while not until or until not in data:
        more = browser.recv(1 << 20)
        if not more:
            break
        data += more
    return data


def test_browsers_get_the_run_and_then_what_is_added(server: ScreenServer, driver: Still) -> None:
    with connected(server, "events") as browser:
        head, _, data = answer(browser, b"event: more").partition(b"\r\n\r\n")
        assert b"Content-Type: text/event-stream" in head
        assert data.startswith(b"event: run\n")
        assert server.viewers == 1
        done(driver, "submit 77")
        assert b'"at":' in answer(browser, b"appends 77")
        server.close()
        assert answer(browser).endswith(b"event: end\ndata: \n\n")


@pytest.mark.parametrize(
    ("wanted", "method", "token", "status"),
    [
        ("replay", "GET", "", 200),
        ("replay", "POST", "", 405),
        ("events", "PUT", "", 405),
        ("replay", "GET", "x", 404),
        ("events", "GET", "x", 404),
        ("events/1", "GET", "", 404),
    ],
)
def test_only_those_who_may_look_on_get_the_replay(
    server: ScreenServer, driver: Still, wanted: str, method: str, token: str, status: int
) -> None:
    before = driver.session.branch.history.last_seq
    with connected(server, wanted, method, token) as browser:
        assert int(answer(browser).split(b" ")[1]) == status
    assert driver.session.branch.history.last_seq == before


def test_without_a_feed_there_is_no_replay() -> None:
    with ScreenServer(Mirror((10, 2)), Address("127.0.0.1", 0)) as server:
        with connected(server, "replay") as browser:
            assert b" 404 " in answer(browser)
        with connected(server, "") as browser:
            assert b"Replay" not in answer(browser)


def test_the_page_holds_no_data_and_may_only_ask_its_server(server: ScreenServer) -> None:
    with connected(server, "") as browser:
        assert b'<a href="replay">Replay</a>' in answer(browser)
    with connected(server, "replay") as browser:
        text = answer(browser).decode()
    assert '<script type="application/json" id="data">{"live":true}</script>' in text
    assert "content=\"default-src 'none'; connect-src 'self'; style-src" in text
    assert "connect-src" not in page({})


def test_one_who_takes_in_nothing_holds_up_nobody(
    server: ScreenServer, driver: Still, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "EVERY", 0.001)
    with connected(server, "events") as slow, connected(server, "events") as quick:
        answer(quick, b"event: more")
        for number in range(1000, 1040):
            done(driver, f"submit {number}; sleep 5ms")
        assert b"appends 1039" in answer(quick, b"appends 1039")
        assert b"appends 1039" in answer(slow, b"appends 1039")


# ---- in a browser


CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: apt-get install chromium")
def test_a_browser_follows_looks_back_and_follows_again(driver: Still, server: ScreenServer) -> None:
    sync_api = pytest.importorskip(
        "playwright.sync_api", reason="Playwright, which drives a browser, is not installed"
    )
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        view = chromium.new_page(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
        faults: list[str] = []
        view.on("pageerror", lambda error: faults.append(str(error)))
        view.on("console", lambda told: faults.append(told.text) if told.type == "error" else None)

        def shows(event: int) -> None:
            view.wait_for_selector(f'html[data-event="{event}"]', state="attached")

        def has(events: int) -> None:
            view.wait_for_selector(f'html[data-events="{events}"]', state="attached")

        def last() -> int:
            return driver.session.branch.history.last_seq

        view.goto(server.url)
        view.click("text=Replay")
        shows(last())
        done(driver, STORY[1])
        shows(last())  # it follows
        assert "<img" in view.inner_text("#saynow")
        view.click("#first")
        shows(0)
        done(driver, "sleep 20ms")
        has(last())
        shows(0)  # whoever looks back is left alone
        view.click("#live")
        shows(last())
        done(driver, "back 5")
        shows(last() - 5)  # the teacher looks back, and who follows does so too
        driver.session.is_live = True
        done(driver, "live; new nodes=4 seed=1")
        view.wait_for_selector("#chips >> text=4 nodes")
        assert view.evaluate("document.querySelectorAll('#log img').length") == 0
        server.close()
        view.wait_for_selector("#state >> text=the session has ended")
        assert faults == []
        chromium.close()
