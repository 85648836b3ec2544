"""The help: no key and no sign is missing, nothing is cut, and all of it can be read on the smallest screen."""

from dataclasses import fields

import pytest
from support.tui import app_of, played, pressed, session_of, still, texts, until
from textual.pilot import Pilot

from raftplay.run.live import Live
from raftplay.tui.boxes import Box
from raftplay.tui.help import HelpSheet
from raftplay.tui.keys import DIGITS, KEYS, MENU_KEYS, PROMPT_KEYS
from raftplay.tui.model.glyphs import ASCII, UNICODE, Glyphs, legend, plain
from raftplay.tui.model.help import help_lines, key_lines, legend_lines
from raftplay.tui.model.key import GROUPS
from raftplay.tui.model.lines import columns, text_of
from raftplay.tui.stage.legend import sections
from raftplay.tui.stage.signs import Border, signs_of

SETS = pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])

CHROME = [
    "rule",
    "bar",
    "top_left",
    "top_right",
    "bottom_left",
    "bottom_right",
    "thumb",
    "track",
    "arrow",
    "thick",
    "thick_bar",
    "thick_corners",
    "joints",
    "dot",
]
"""The glyphs that mean nothing: lines between parts of the screen, and punctuation."""


def test_every_key_of_the_table_is_in_the_help_exactly_once() -> None:
    lines = [line.strip() for line in texts(key_lines(1000, UNICODE))]
    for key in (*KEYS, DIGITS, *PROMPT_KEYS, *MENU_KEYS):
        found = [line for line in lines if line.split(" ")[0] == key.shown and line.endswith(f" {key.help}")]
        assert len(found) == 1, key
    entries = [line for line in lines if line and "  " in line]
    assert len({line.split(" ")[0] + line for line in entries}) == len(entries)


def test_every_key_has_a_purpose_and_every_purpose_a_key() -> None:
    assert {key.group for key in (*KEYS, DIGITS)} == set(GROUPS)
    titles = [text for text in texts(key_lines(1000, UNICODE)) if text in GROUPS]
    assert titles == list(GROUPS)


def samples(glyphs: Glyphs) -> str:
    """All signs of the legend."""
    stage = [text_of(line) for _, entries in sections(glyphs) for entry in entries for line in entry.sample]
    return "\n".join([*stage, *(sign for sign, _, _ in legend(glyphs))])


@SETS
def test_every_sign_of_the_stage_is_in_the_legend(glyphs: Glyphs) -> None:
    shown, signs = samples(glyphs), signs_of(glyphs)
    for field in fields(signs):
        value = getattr(signs, field.name)
        parts = (*value.corners, value.across, value.down) if isinstance(value, Border) else (value,)
        assert [part for part in parts if part not in shown] == [], field.name


@SETS
def test_every_glyph_that_means_something_is_in_the_legend(glyphs: Glyphs) -> None:
    shown = samples(glyphs)
    for name, value in glyphs._asdict().items():
        if name not in (*CHROME, "ascii"):
            assert value in shown, name


def test_every_hue_and_every_border_of_the_stage_is_in_the_legend() -> None:
    styles = {p.style for _, entries in sections(UNICODE) for e in entries for line in e.sample for p in line}
    assert {f"t{term} bold" for term in range(7)} <= styles
    assert {"bad bold", "down dim", "t1 hollow", "t1 bold badge", "faint", "select bold"} <= styles


@SETS
@pytest.mark.parametrize("width", [20, 52, 65, 66, 72, 112, 136])
def test_no_line_is_wider_than_the_sheet_and_nothing_is_cut(width: int, glyphs: Glyphs) -> None:
    lines = texts(help_lines(width, glyphs))
    assert all(columns(line) <= width for line in lines)
    if width < 50:
        return
    words = [word for line in lines for word in line.split()]
    for key in KEYS:
        assert set((plain(key.help) if glyphs.ascii else key.help).split()) <= set(words), key
    if glyphs.ascii:
        assert all(line.isascii() for line in lines)
    meanings = texts(legend_lines(44, glyphs))
    assert not any(line.endswith("…") for line in meanings)


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (120, 40)])
def test_the_help_says_that_there_is_more_and_its_end_can_be_read(size: tuple[int, int]) -> None:
    with still() as driver:
        app = app_of(driver)

        async def go(pilot: Pilot[None]) -> tuple[list[str], list[str], list[str]]:
            first = await pressed(pilot, "?")
            assert isinstance(app.screen, HelpSheet)
            return first, await pressed(pilot, "pagedown"), await pressed(pilot, "end")

        first, second, last = played(app, go, size)
    assert any("more: down" in line for line in first)
    assert any("Watch" in line for line in first)
    assert first != second
    assert any("forward." in line for line in last)
    assert not any("more: down" in line for line in last)


def test_keys_and_legend_are_seen_together_at_80_columns() -> None:
    with still() as driver:
        screen = "\n".join(played(app_of(driver), lambda pilot: pressed(pilot, "?"), (80, 24)))
    assert "Watch" in screen
    assert "Roles: sign and border" in screen
    assert "leader: it reaches" in screen


def test_time_is_held_while_the_help_is_read() -> None:
    driver = Live(session_of())
    try:
        app = app_of(driver)

        async def go(pilot: Pilot[None]) -> None:
            harness = driver.session.harness
            await pilot.press("?")
            app.paint()
            before = harness.now
            await pilot.pause(0.05)
            app.paint()
            assert harness.now == before
            assert app.screen.query_one(Box).lines
            await pilot.press("escape")
            await until(app, pilot, lambda: harness.now > before)

        played(app, go)
    finally:
        driver.close()
