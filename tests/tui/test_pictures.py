"""Pictures of the screen: what they show, whichever font a viewer has, and what they are called."""

import asyncio
import re
from pathlib import Path

import pytest
from rich.segment import Segment
from rich.style import Style
from support.svg import lines_of
from support.tui import app_of, played, pressed, still

from raftplay.tui import gallery, picture, svg


def drawn_and_read(
    *lines: str, keys: tuple[str, ...] = (), size: tuple[int, int] = (80, 24)
) -> tuple[str, list[str]]:
    """A picture of the screen, and the screen as text."""
    with still(*lines) as driver:
        app = app_of(driver)

        async def draw(pilot: object) -> tuple[str, list[str]]:
            frame = await pressed(pilot, *keys)  # type: ignore[arg-type]
            return picture.drawn(app), frame

        return tuple(played(app, draw, size))


@pytest.mark.parametrize("keys", [(), ("question_mark",)], ids=["stage", "sheet over it"])
def test_a_picture_shows_every_character_in_its_column(keys: tuple[str, ...]) -> None:
    text, frame = drawn_and_read("wait leader", "submit 世界★", "crash 2", "pause", keys=keys)
    assert [line.rstrip() for line in lines_of(text)] == frame[: len(lines_of(text))]
    assert "★" in text


def test_a_picture_needs_no_other_file() -> None:
    text, _ = drawn_and_read("wait leader")
    assert re.findall(r"https?:[^\"]*", text) == ["http://www.w3.org/2000/svg"]
    for word in ("@font-face", "@import", "<script", "<image", "url(h"):
        assert word not in text


def test_braille_is_drawn_as_dots_since_many_fonts_lack_it() -> None:
    wanted = next(wanted for wanted in gallery.PICTURES if wanted.name == "light")
    text = asyncio.run(gallery.svg_of(wanted))
    assert re.findall("[\u2800-\u28ff]", text) == []
    assert svg.still([[Segment("a⠠⣀"), Segment(" ")]], "t").count("h2v2h-2z") == 3


def test_a_picture_does_not_say_that_time_passes_where_the_screen_does() -> None:
    text, frame = drawn_and_read("wait leader")
    assert frame[0].startswith(" ▶  0.157 s")
    assert lines_of(text)[0].startswith(" 0.157 s")
    stopped, _ = drawn_and_read("wait leader", "pause")
    assert lines_of(stopped)[0].startswith(" ‖ PAUSED  0.157 s")


def test_a_picture_is_called_by_the_moment_that_it_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with still("wait leader", "submit 1", "sleep 100ms", "goto 0.2s") as driver:
        played(app_of(driver), lambda pilot: pressed(pilot, "ctrl+s"), (80, 24))
    (file,) = tmp_path.iterdir()
    assert file.name == "raftplay-0.200s.svg"
    assert "REWOUND to 0.200 s" in lines_of(file.read_text("utf-8"))[0]


def test_runs_of_signs_are_stretched_and_colours_stand_behind_them() -> None:
    quiet, loud = Style(color="#ffffff", bgcolor="#000000"), Style(color="#000000", bgcolor="#ff0000", bold=True)
    text = svg.still([[Segment("a<b  c", quiet), Segment("──★世", loud)]], "t")
    assert '<text class="c0" x="0" y="17" textLength="36">a&lt;b</text>' in text
    assert '<text class="c0" x="60" y="17">c</text>' in text
    assert '<text class="c1" x="72" y="17" textLength="24" lengthAdjust="spacingAndGlyphs">──</text>' in text
    assert '<text class="c1" x="96" y="17" textLength="12" lengthAdjust="spacingAndGlyphs">★</text>' in text
    assert '<text class="c1" x="108" y="17" textLength="24" lengthAdjust="spacingAndGlyphs">世</text>' in text
    assert '<rect fill="#ff0000" x="72" width="60" height="23.4"/>' in text
    assert 'fill="#000000" x=' not in text
