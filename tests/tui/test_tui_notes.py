"""Speaker notes: pages for a second terminal, that follow a presentation by a small file, and are printed else."""

import asyncio
import os
from pathlib import Path

import pytest
from support.tui import app_of, played, pressed, session_of
from textual.pilot import Pilot

from raftplay import scenarios
from raftplay.run.captions import captions_of, parts_of
from raftplay.run.notes import GONE_AFTER, Announcer, NotesPosition, notes_text, place_of, position_of
from raftplay.run.script import Script, parse_script
from raftplay.tui.driver import Still
from raftplay.tui.model.glyphs import ASCII, UNICODE
from raftplay.tui.model.lines import text_of
from raftplay.tui.notes import NotesApp, notes_lines
from raftplay.tui.play import Player

FRAMES = Path(__file__).parent / "presented"

SPLIT = parse_script("split-brain", scenarios.text_of("split-brain"))

CAPTIONS = captions_of(parts_of(SPLIT))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def touched_at(clock: Clock) -> None:
    place = place_of("split-brain")
    assert place is not None
    os.utime(place, (clock.now, clock.now))


def test_a_shipped_scenario_has_notes_and_chapters_and_no_caption_shows_a_note() -> None:
    assert [caption.chapter for caption in CAPTIONS] == [
        "One leader", "The network breaks", "Two clients", "The network heals",
    ]  # fmt: skip
    assert all(caption.notes for caption in CAPTIONS)
    shown = " ".join(text for caption in CAPTIONS for text in caption.paragraphs)
    assert not any(note in shown for caption in CAPTIONS for note in caption.notes)


@pytest.mark.parametrize("name", scenarios.names())
def test_every_story_has_notes_for_whoever_presents_it(name: str) -> None:
    captions = captions_of(parts_of(parse_script(name, scenarios.text_of(name))))
    notes = [note for caption in captions for note in caption.notes]
    assert len(notes) >= 3
    assert captions[0].notes, "something to say while the first caption is shown"
    shown = " ".join(line for caption in captions for line in caption.lines)
    assert all(note not in shown and note.endswith((".", "?", '"')) for note in notes)


def test_notes_find_the_presentation_of_the_same_script_and_of_no_other(home: Path) -> None:
    clock = Clock()
    announcer = Announcer("split-brain", clock)
    assert position_of("split-brain", clock.now) is None
    announcer.tell(2, 4, "PLAYING 5/25")
    touched_at(clock)
    assert position_of("split-brain", clock.now) == NotesPosition(2, 4, clock.now, os.getpid(), "PLAYING 5/25")
    assert position_of("figure-8", clock.now) is None
    assert position_of("split-brain", clock.now + GONE_AFTER + 1) is None
    (file,) = (home / "raftplay").iterdir()
    assert file.stat().st_mode & 0o077 == 0
    announcer.close()
    assert position_of("split-brain", clock.now) is None
    assert list((home / "raftplay").iterdir()) == []


def test_a_file_is_the_same_script_by_whatever_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "talk.txt"
    script.write_text("wait leader\n")
    monkeypatch.chdir(tmp_path)
    assert place_of("talk.txt") == place_of(str(script)) != place_of("split-brain")


def test_the_presentation_that_began_last_is_followed() -> None:
    clock = Clock()
    old = Announcer("split-brain", clock)
    old.tell(0, 4)
    place = place_of("split-brain")
    assert place is not None
    new = place.read_bytes().replace(str(os.getpid()).encode(), b"1").replace(b"1000000.0", b"1000001.0")
    place.write_bytes(new)
    clock.now += 10
    old.tell(3, 4)
    assert place.read_bytes() == new
    old.close()
    assert place.exists()


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"caption": "x"}', b"\xff\x00"])
def test_a_broken_file_is_no_presentation(content: bytes) -> None:
    place = place_of("split-brain")
    assert place is not None
    place.parent.mkdir(parents=True)
    place.write_bytes(content)
    assert position_of("split-brain", place.stat().st_mtime) is None


def test_where_nothing_can_be_written_the_presentation_goes_on(home: Path) -> None:
    (home / "raftplay").write_text("in the way")
    announcer = Announcer("split-brain")
    announcer.tell(0, 4)
    assert announcer.failure.startswith("the notes cannot follow: ")
    announcer.tell(1, 4)
    announcer.close()


def turned(position: NotesPosition | None = None, *, ascii: bool = False) -> NotesApp:
    clock = Clock()
    return NotesApp(CAPTIONS, lambda: position, ASCII if ascii else UNICODE, now=clock)


def frame_of(app: NotesApp, size: tuple[int, int], *keys: str) -> list[str]:
    async def run() -> list[str]:
        async with app.run_test(size=size) as pilot:
            await pilot.press(*keys)
            app.paint()
            await pilot.pause()
            return [text_of(line).rstrip() for line in app._box.lines]

    return asyncio.run(run())


AT_2 = NotesPosition(1, 4, 1_000_000.0 - 247, 1)


@pytest.mark.parametrize(
    ("name", "size", "position", "keys", "ascii"),
    [
        ("notes-80x24", (80, 24), AT_2, (), False),
        ("notes-120x40", (120, 40), AT_2, (), False),
        ("notes-alone-80x24", (80, 24), None, ("pagedown",), False),
        ("notes-last-ascii-60x16", (60, 16), None, ("pagedown",) * 9, True),
    ],
)
def test_frames_of_notes(
    name: str, size: tuple[int, int], position: NotesPosition | None, keys: tuple[str, ...], ascii: bool
) -> None:
    frame = "\n".join(frame_of(turned(position=position, ascii=ascii), size, *keys)) + "\n"
    file = FRAMES / f"{name}.txt"
    if os.environ.get("RAFTPLAY_FRAMES") == "write":
        file.write_text(frame, "utf-8")
    assert frame == file.read_text("utf-8")
    assert frame.isascii() or not ascii


def test_pages_turn_by_hand_and_turn_back_with_the_next_caption() -> None:
    shown = [AT_2]
    app = NotesApp(CAPTIONS, lambda: shown[0], UNICODE, now=Clock())

    def head() -> str:
        return text_of(app._box.lines[0])

    async def run() -> None:
        async with app.run_test(size=(80, 24)) as pilot:
            app.paint()
            assert " 2/4 " in head()
            assert "4:07" in head()
            await pilot.press("pagedown")
            assert " 3/4 " in head()
            assert "End: follow again" in head()
            await pilot.press("end")
            assert " 2/4 " in head()
            await pilot.press("home")
            assert " 1/4 " in head()
            shown[0] = NotesPosition(3, 4, 0.0, 1)
            app.paint()
            assert " 4/4 " in head()
            shown[0] = NotesPosition(99, 100, 0.0, 1)  # the script was changed meanwhile
            app.paint()
            assert " 4/4 " in head()

    asyncio.run(run())


@pytest.mark.parametrize(("key", "status"), [("q", 0), ("escape", 0), ("ctrl+c", 130)])
def test_leaving_has_the_status_of_its_key(key: str, status: int) -> None:
    app = turned()
    frame_of(app, (80, 24), key)
    assert int(app.status) == status


@pytest.mark.parametrize("size", [(1, 1), (10, 4), (20, 5), (300, 90)])
def test_any_size_has_a_page(size: tuple[int, int]) -> None:
    lines = notes_lines(CAPTIONS, 1, size, UNICODE, elapsed=1.0, follows=True)
    assert len(lines) <= size[1]


def test_long_notes_are_scrolled() -> None:
    long = captions_of(parts_of(script_of("\n#!\n".join(f"#! note {at}" for at in range(40)) + "\nwait leader\n")))
    first = [text_of(line).rstrip() for line in notes_lines(long, 0, (80, 24), UNICODE)]
    assert any("down: more" in line for line in first)
    last = [text_of(line).rstrip() for line in notes_lines(long, 0, (80, 24), UNICODE, scroll=1000)]
    assert any("note 39" in line for line in last)


def script_of(text: str) -> Script:
    return parse_script("talk.txt", text)


def test_all_notes_are_printed() -> None:
    text = notes_text(SPLIT, CAPTIONS)
    assert text.startswith("split-brain: 4 captions, 4 with notes\n\n1/4  One leader\n")
    assert "\n    * Ask the room first" in text


def test_the_screen_tells_the_notes_where_it_is() -> None:
    driver = Still(session_of())
    driver.session.harness.pause()
    player = Player(SPLIT, driver, step_by_step=True)
    app = app_of(driver, player=player)
    app.reel.announces = True

    async def give(pilot: Pilot[None]) -> None:
        await pressed(pilot)
        place = place_of("split-brain")
        assert place is not None
        known = position_of("split-brain", place.stat().st_mtime)
        assert known is not None
        assert (known.caption, known.captions, known.step) == (0, 4, "WAITING 1/25")
        app.reel.close()
        assert not place.exists()

    try:
        played(app, give)
    finally:
        driver.close()
