"""What is painted can be read: the contrast of every pair of colours that comes up (WCAG 2.2, 1.4.3 and 1.4.11)."""

import colorsys
import re
from collections.abc import Iterator

import pytest
from prompt_toolkit.styles import Style, default_ui_style, merge_styles
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style as Painted
from support.amount import THOROUGH
from support.tui import app_of, played, pressed, still, until
from textual.command import CommandList
from textual.pilot import Pilot

from raftplay.shell.look import STYLE
from raftplay.tui.app import Main, RaftApp
from raftplay.tui.model.glyphs import UNICODE, legend
from raftplay.tui.theme import DARK, LIGHT, PALETTES, style_of

TEXT, FRAME = 4.5, 3.0
"""The least contrast of text, and of what only divides the screen."""

FRAMES = re.compile(r"[┬┴─│╭╮╰╯┃━═║╔╗╚╝\s]*")
EDGES = re.compile(r"[▔▁▊▎▌▐█▏▕▂▃▄▅▆▇▀\s]*")
"""What rounds a ground off: blocks that say nothing."""


def brightness(colour: str) -> float:
    """The relative luminance of #rrggbb."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """From 1, the same, to 21, black on white."""
    low, high = sorted((brightness(one), brightness(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_computed_as_defined() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#ffffff", "#767676") == pytest.approx(4.54, abs=0.01)
    assert contrast("#777777", "#777777") == 1


def colours_of(style: Painted) -> tuple[str, str]:
    """The colours of a text and its ground."""
    assert style.color is not None, style
    assert style.bgcolor is not None, style
    assert not style.dim, style
    front, back = (colour.get_truecolor().hex for colour in (style.color, style.bgcolor))
    return (back, front) if style.reverse else (front, back)


SITUATIONS: tuple[tuple[str, ...], ...] = (
    (),
    ("wait leader; submit 5; submit 6; wait committed 6 on 5; partition 0,1 | 2,3,4; submit 7 to 0; sleep 400ms",),
    ("wait leader; hold 0->3; link 0->2 loss=50%; submit 5; sleep 60ms; crash 1; freeze 2; disconnect 4",),
    ("wait leader; submit 5; wait committed 5 on 5; back 20",),
    ("nonsense",),
)

KEYS: tuple[tuple[str, ...], ...] = (
    (),
    ("m", "up", "up"),
    ("e", "up"),
    ("l", "up"),
    ("w",),
    ("n",),
    ("N", "o"),
    ("i", "o"),
    ("?",),
    ("M",),
    (":", *"crash 9"),
    (":", "c"),
    ("ctrl+p",),
    ("ctrl+p", "p", "down"),
)


PAIRS = [(lines, theme) for lines in SITUATIONS for theme in (DARK.name, LIGHT.name)]
if not THOROUGH:
    PAIRS = PAIRS[::3]  # both themes, and each of most situations


def painted(app: RaftApp) -> Iterator[Segment]:
    """All that is on the screen; where a box stands over it, that box, as what is behind it stands back."""
    strips = app.screen._compositor.render_strips()
    boxes = app.screen.query("#sheet, #--input, #--results")
    for region in [box.region for box in boxes] or [app.screen.region]:
        for strip in strips[region.y : region.bottom]:
            yield from strip.crop(region.x, region.right)


@pytest.mark.parametrize(("lines", "theme"), PAIRS)
def test_all_that_is_painted_can_be_read(lines: tuple[str, ...], theme: str) -> None:
    with still(setup="bug commit-old-term") as driver:
        for line in lines:
            driver.run(line)
        app = app_of(driver)

        async def look(pilot: Pilot[None]) -> dict[tuple[str, str], str]:
            app.theme = theme
            found: dict[tuple[str, str], str] = {}
            for keys in KEYS:
                await pressed(pilot, *keys)
                if keys[:1] == ("ctrl+p",):
                    await until(app, pilot, lambda: app.screen.query_one(CommandList).option_count > 3)
                    await pressed(pilot)
                for segment in painted(app):
                    if not EDGES.fullmatch(segment.text) and segment.style is not None:
                        found.setdefault(colours_of(segment.style), segment.text)
                        if not FRAMES.fullmatch(segment.text):
                            found[colours_of(segment.style)] = segment.text
                while not isinstance(app.screen, Main):
                    await pilot.press("escape")
                    await pilot.pause()
                app.prompt.put("")
                app.set_focus(None)
                app.deck.zoomed = False
                app.arrange()
            return found

        found = played(app, look)
    assert len(found) > 15
    for (front, back), text in found.items():
        least = FRAME if FRAMES.fullmatch(text) else TEXT
        assert contrast(front, back) >= least, (front, back, contrast(front, back), text)


@pytest.mark.parametrize("theme", [DARK.name, LIGHT.name])
def test_every_style_of_the_model_can_be_read(theme: str) -> None:
    palette = PALETTES[theme]
    words = [name for name, _ in palette.colours if name != "line"]
    words += [f"t{term}" for term in range(7)]
    words += [style for _, style, _ in legend(UNICODE)]
    for word in words:
        for more in ("", "bold", "bar", "selected", "solid", "hollow", "badge", "select", "bad", "bad badge"):
            front, back = colours_of(style_of(f"{word} {more}", theme, True))
            assert contrast(front, back) >= TEXT, (word, more, front, back)
    for more in ("", "selected"):
        assert contrast(*colours_of(style_of(f"line {more}", theme, True))) >= FRAME


# ---- the shell


SHELL_STYLES = (
    *(f"class:{name}" for name in STYLE if not name.startswith("completion-menu")),
    *(f"class:status class:{name}" for name in ("running", "paused", "past")),
    *("class:completion-menu class:completion-menu.completion" + more for more in ("", ".current")),
    *("class:completion-menu class:completion-menu.meta.completion" + more for more in ("", ".current")),
)


@pytest.mark.parametrize("style", SHELL_STYLES)
def test_in_the_shell_a_colour_stands_on_a_ground_of_its_own_or_is_the_terminals(style: str) -> None:
    """Nobody knows the colours of a terminal: what has a colour of ours has a ground of ours, too."""
    looks = merge_styles([default_ui_style(), Style.from_dict(STYLE)])
    attrs = looks.get_attrs_for_style_str(style)
    if not attrs.color and not attrs.bgcolor:
        return
    assert attrs.color, style
    assert attrs.bgcolor, style
    assert not attrs.reverse
    assert contrast(f"#{attrs.color}", f"#{attrs.bgcolor}") >= TEXT, (style, attrs)


def hue_of(colour: str) -> float | None:
    """The hue of #rrggbb, from 0 to 1; None for one that is nearly grey."""
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    hue, _, saturation = colorsys.rgb_to_hls(red, green, blue)
    return None if saturation < 0.35 else hue


@pytest.mark.parametrize("theme", sorted(PALETTES))
def test_only_terms_and_what_is_broken_or_lost_have_hues(theme: str) -> None:
    colours = dict(PALETTES[theme].colours)
    for word in ("leader", "candidate", "follower", "timer", "append", "beat", "reply", "ok", "text", "dim"):
        assert hue_of(colours[word]) is None, word
    red = hue_of(colours["bad"])
    assert red is not None
    assert min(red, 1 - red) < 0.03
    terms = PALETTES[theme].terms
    assert all(one != other for one, other in zip(terms, terms[1:] + terms[:1], strict=True))


@pytest.mark.parametrize("theme", [name for name in sorted(PALETTES) if name.endswith("-16")])
def test_sixteen_colours_are_painted_as_themselves_and_can_be_read(theme: str) -> None:
    palette = PALETTES[theme]
    words = [word for word, _ in palette.colours if word != "line"] + [f"t{term}" for term in range(7)]
    painted: dict[str, int | None] = {}
    for word in words:
        for more in ("", " bold", " bar", " badge", " selected", " selected bad", " selected solid"):
            style = style_of(word + more, theme, True)
            assert contrast(*colours_of(style)) >= TEXT, (word, more)
            for colour in (style.color, style.bgcolor):
                assert colour is not None
                painted[colour.get_truecolor().hex] = colour.downgrade(ColorSystem.STANDARD).number
    assert len(set(painted.values())) == len(painted)  # different colours stay different
