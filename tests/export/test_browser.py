"""The replay page in a real browser: headless Chromium opens it from a file, without a network.

All of it is one page load per story. Without Chromium or Playwright these tests are skipped, and say which lacks.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from raftplay import scenarios
from raftplay.commands.setup import Setup
from raftplay.export import export
from raftplay.run.script import parse_script

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="Playwright, which drives a browser, is not installed"
)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: apt-get install chromium")

STORY = """
# </script><img src=x onerror=alert(1)> <b>bold</b>
nodes 3
backend sim
seed 1
wait leader
# The second one.
submit "<i>\\u202eme</i>"
sleep 200ms
crash leader
wait leader
"""


@dataclass
class Opened:
    """A page that is open, with what went wrong in it."""

    page: "sync_api.Page"
    faults: list[str] = field(default_factory=list)

    def event(self) -> int:
        return int(self.page.evaluate("document.documentElement.dataset.event"))

    def event_at(self, place: str) -> int:
        """Follow a link within the page; the event that is shown then."""
        changed = "addEventListener('hashchange', done, {once: true}); location.hash = place;"
        self.page.evaluate(f"place => new Promise(done => {{ {changed} }})", place)
        return self.event()

    def text(self, id: str) -> str:
        return str(self.page.inner_text(f"#{id}"))

    def tells(self, words: str) -> None:
        """Wait until the page tells of something."""
        sync_api.expect(self.page.locator("#saynow")).to_contain_text(words, timeout=30_000)


@pytest.fixture(scope="module")
def browser() -> Iterator["sync_api.Browser"]:
    with sync_api.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(parse_script("story", STORY), tmp_path_factory.mktemp("pages") / "story.html")


def opened(browser: "sync_api.Browser", file: Path, place: str = "", **looks: object) -> Opened:
    page = browser.new_page(**{"viewport": {"width": 1280, "height": 800}, **looks})
    seen = Opened(page)
    page.on("console", lambda message: seen.faults.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: seen.faults.append(f"error: {error}"))
    page.on("request", lambda request: request.url.startswith("file:") or seen.faults.append(request.url))
    page.goto(f"{file.as_uri()}{place}")
    return seen


def test_the_page_opens_steps_jumps_and_plays_without_a_fault(browser: "sync_api.Browser", story: Path):
    seen = opened(browser, story, reduced_motion="reduce")
    page = seen.page
    assert seen.text("saynow") == "3 nodes have started, with empty logs. None leads yet."
    first = seen.event()
    page.keyboard.press("ArrowRight")
    assert seen.event() > first
    assert "asks for votes in term 1" in seen.text("saynow")
    assert page.get_attribute("#now", "aria-live") == "polite"
    page.keyboard.press("Shift+ArrowRight")
    one = seen.event()
    page.keyboard.press("Shift+ArrowLeft")
    assert seen.event() == one - 1
    page.keyboard.press("End")
    last = seen.event()
    assert page.get_by_role("button", name="down").count() == 1, "the crashed leader"
    page.click("#back")
    assert seen.event() < last
    page.keyboard.press("Home")
    assert seen.event() == 0
    page.select_option("#speed", "8")
    page.click("#play")
    seen.tells("it leads term 2")  # it plays to its end, and stays there
    assert page.get_attribute("#play", "aria-label") == "Play (space)"
    assert seen.event() > 20
    page.click("#tab-events")
    page.click("#events button >> nth=2")
    assert page.get_attribute("#events li.at", "data-event") == str(seen.event())
    page.click("#tab-why")
    assert page.inner_text("#pane-why").strip()
    page.keyboard.press("1")
    assert "Why n1?" in page.inner_text("#pane-why")
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.keyboard.press("t")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before
    assert seen.faults == []


NO_NODE_IS_CUT_OFF = """() => {
    const stage = document.querySelector("#stage").getBoundingClientRect();
    const discs = [...document.querySelectorAll(".node .disc")].map(disc => disc.getBoundingClientRect());
    return discs.length > 0 && discs.every(disc => disc.top >= stage.top && disc.bottom <= stage.bottom);
}"""


def boxes(seen: Opened, selector: str) -> list[dict[str, float]]:
    return [box for one in seen.page.locator(selector).all() if (box := one.bounding_box())]


def test_on_paper_stand_the_whole_stage_the_diagram_and_what_happened(browser: "sync_api.Browser", story: Path):
    seen = opened(browser, story, "#t=0.2", color_scheme="dark")
    page = seen.page
    assert page.pdf(format="A4").startswith(b"%PDF")  # as the browser prints it: it comes back from it unharmed
    assert page.text_content("#printed") == ""
    page.set_viewport_size({"width": 690, "height": 1000})  # as wide as A4 has room for
    page.emulate_media(media="print", color_scheme="dark")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator("footer").is_visible()
    page.wait_for_function(NO_NODE_IS_CUT_OFF)  # the browser tells of another size when it gets to it
    diagram = page.locator("#printed figure")
    assert diagram.count() >= 1
    drawn = " ".join(diagram.all_text_contents())
    assert page.locator("#printed figure .arrow").count() > 5
    for words in ("asks for votes in term 1", "it leads term 1", "it leads term 2"):
        assert words in drawn, "the diagram has the whole run, not what is shown"
        assert words in page.inner_text("#printed ol")
    for figure in boxes(seen, "#printed figure"):
        assert figure["height"] < 950, "each part fits on a page"
        assert figure["x"] + figure["width"] <= 690
    assert seen.faults == []


OUTSIDE = """() => {
  const stage = document.getElementById("stage").getBoundingClientRect(), found = [];
  for (const text of document.querySelectorAll("#stage text")) {
    const box = text.getBoundingClientRect();
    if (box.width && (box.left < stage.left - 1 || box.right > stage.right + 1 || box.top < stage.top - 1 || box.bottom > stage.bottom + 1)) found.push(text.textContent);
  }
  return found;
}"""

CROWDED = """
nodes 5
backend sim
seed 1
wait leader
disk leader delay=1s
freeze leader
hold leader->all
submit "a rather long command for so small a stage"
sleep 20ms
partition 0 | 1 | 2,3,4
sleep 10ms
"""


def test_no_word_leaves_the_stage_and_each_node_stands_on_its_side(browser: "sync_api.Browser", tmp_path: Path):
    file = export(parse_script("crowded", CROWDED), tmp_path / "page.html")
    for width, height in ((390, 844), (1280, 800)):
        seen = opened(browser, file, "#t=0", viewport={"width": width, "height": height}, reduced_motion="reduce")
        before = -1
        while (at := seen.event()) != before:
            assert seen.page.evaluate(OUTSIDE) == [], f"{width} columns, event {at}"
            before = at
            seen.page.keyboard.press("ArrowRight")
        sides = boxes(seen, ".part")
        assert len(sides) == 3
        for disc, name in zip(boxes(seen, ".node .disc"), "01222", strict=True):
            side = sides[int(name)]
            assert side["x"] < disc["x"] < side["x"] + side["width"] - disc["width"]
            assert side["y"] + 15 < disc["y"] < side["y"] + side["height"] - disc["height"], (
                "below the side's name"
            )
        assert seen.faults == []


COVERED = """() => {
  const texts = [...document.querySelectorAll("#stage text")].filter(text => text.textContent.trim());
  const boxes = texts.map(text => [text.textContent, text.getBoundingClientRect()]).filter(([, box]) => box.width), found = [];
  for (const [i, [one, a]] of boxes.entries()) for (const [two, b] of boxes.slice(0, i))
    if (Math.min(a.right, b.right) - Math.max(a.left, b.left) > 3 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 4) found.push([one, two]);
  return found;
}"""

WAITING = """
nodes 3
backend sim
seed 1
set prevote on
wait leader is 0
freeze 1
submit a
timeout 2
timeout 2
timeout 2
timeout 2
"""


def test_messages_that_say_the_same_share_a_word_and_no_word_covers_another(
    browser: "sync_api.Browser", tmp_path: Path
):
    file = export(parse_script("waiting", WAITING), tmp_path / "page.html")
    for width, height in ((390, 844), (1280, 800)):
        seen = opened(browser, file, "#t=9", viewport={"width": width, "height": height}, reduced_motion="reduce")
        words = seen.page.locator("#stage .word").all_text_contents()
        assert any(" ×" in word for word in words), words
        assert seen.page.evaluate(COVERED) == []
        assert seen.page.evaluate(OUTSIDE) == []
        assert seen.faults == []


def test_in_a_row_the_words_below_nodes_keep_clear_of_each_other(browser: "sync_api.Browser", tmp_path: Path):
    story = "nodes 5\nbackend sim\nseed 1\ntimeout 0\nwait leader is 0\npartition 0 | 1,2,3,4\n"
    story += "wait leader is not 0\nsleep 200ms\n"
    file = export(parse_script("row", story), tmp_path / "page.html")
    seen = opened(browser, file, "#t=9", viewport={"width": 390, "height": 844}, reduced_motion="reduce")
    below = [words for words in seen.page.locator("#stage .node > .under").all_text_contents() if words]
    assert below[0].endswith("cannot commit"), "it stands alone"
    assert len(set(below[1:])) == 1, "there is room for the term only"
    assert seen.page.evaluate(COVERED) == []
    assert seen.faults == []


def test_a_step_shows_what_leads_to_it_and_ends_there(browser: "sync_api.Browser", story: Path):
    seen = opened(browser, story)
    seen.page.keyboard.press("ArrowRight")
    seen.tells("asks for votes")
    assert seen.faults == []


def test_a_permalink_opens_the_moment_that_it_names(browser: "sync_api.Browser", story: Path):
    seen = opened(browser, story, "#t=0.200")
    assert seen.text("clock").endswith(" s")
    at = seen.event()
    time = float(seen.text("clock").split()[0])
    assert at > 3
    assert time <= 0.200
    seen.page.keyboard.press("Shift+ArrowRight")
    place = str(seen.page.evaluate("location.hash"))
    assert place.startswith("#t=")
    last = seen.event_at("#t=99999")
    assert last > seen.event_at(place) == at + 1
    assert seen.event_at("#e=99999") == last
    for nonsense in ("#t=-1&e=1e9", "#%ff<img>"):
        assert seen.event_at(nonsense) == last, "it stays where it is"
    assert seen.faults == []


def test_text_of_users_is_shown_as_text(browser: "sync_api.Browser", story: Path):
    seen = opened(browser, story, "#t=0.2")
    page = seen.page
    assert page.locator("img, main i:not(.key):not([aria-hidden]), main b b").count() == 0
    page.keyboard.press("Home")
    assert "</script><img src=x onerror=alert(1)> <b>bold</b>" in seen.text("captiontext")
    page.keyboard.press("End")
    assert "<i>" in page.inner_text("#log")
    assert "\u202e" not in page.inner_text("body")
    assert seen.faults == []


@pytest.mark.parametrize("name", ["split-brain", "bugs/double-count-vote"])
def test_a_story_fits_a_phone_and_a_screen_light_and_dark(browser: "sync_api.Browser", name: str, tmp_path: Path):
    script = parse_script(name, scenarios.text_of(name), Setup(backend="sim", seed=1))
    file = export(script, tmp_path / "page.html")
    grounds = set()
    for width, height, scheme in ((390, 844, "dark"), (1280, 800, "light")):
        seen = opened(browser, file, "#t=0.3", viewport={"width": width, "height": height}, color_scheme=scheme)
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= width, (
            "nothing is cut off at the side"
        )
        if width > 900:
            assert seen.page.evaluate("document.documentElement.scrollHeight") <= height, "all is seen at once"
        grounds.add(seen.page.evaluate("getComputedStyle(document.body).backgroundColor"))
        boxes = [box.bounding_box() for box in seen.page.locator(".node .disc").all()]
        apart = [
            abs(one["x"] - two["x"]) + abs(one["y"] - two["y"]) for one in boxes for two in boxes if one is not two
        ]
        assert min(apart) > boxes[0]["width"] * 0.9, "no node covers another one"
        assert seen.faults == []
    assert len(grounds) == 2


def test_a_reader_switches_between_branches(browser: "sync_api.Browser", tmp_path: Path):
    story = "backend sim\nseed 3\nnodes 3\nwait leader\nsubmit a\nsleep 300ms\n# In the middle.\nsleep 5ms\n"
    branch = "goto 0.35s\n# Another end.\ncrash leader\nwait leader\n"
    file = export(parse_script("branches", story + branch), tmp_path / "page.html")
    seen = opened(browser, file, "#t=0.4", reduced_motion="reduce")
    page = seen.page
    assert page.input_value("#branch") == "b1"
    assert seen.text("captiontext") == "Another end."
    assert page.get_by_role("button", name="down").count() == 1
    page.select_option("#branch", "main")
    assert seen.text("clock").startswith("0.3"), "the same time"
    assert page.get_by_role("button", name="down").count() == 0
    page.keyboard.press("End")
    assert seen.text("captiontext") == "In the middle."
    place, words = str(page.evaluate("location.hash")), seen.text("saynow")
    assert place.endswith("&b=main")
    again = opened(browser, file, place)
    assert (again.page.input_value("#branch"), again.text("saynow")) == ("main", words)
    again.event_at("#b=b1&t=0.36")
    assert again.page.input_value("#branch") == "b1"
    assert "crashed" in again.text("saynow")
    again.event_at("#b=%3Cimg%3E")
    assert again.page.input_value("#branch") == "b1", "it stays where it is"
    assert seen.faults == again.faults == []


def test_a_run_without_branches_offers_none(browser: "sync_api.Browser", story: Path):
    assert not opened(browser, story).page.locator("#branch").is_visible()
