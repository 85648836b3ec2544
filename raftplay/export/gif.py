"""GIF: the recording of the screen of cast.py as a moving picture, by `agg` or Pillow, whichever is there.

The rule of this module: both are used where they are installed, and neither is needed to install raftplay.
"""

import io
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import BinaryIO, NamedTuple, Protocol

from rich.color import Color, blend_rgb
from rich.style import Style

from raftplay.errors import UsageError
from raftplay.export import cast
from raftplay.export.recording import Recording
from raftplay.tui.model.lines import columns
from raftplay.tui.svg import SegmentRow, looks
from raftplay.tui.theme import DARK

FONTS = (
    "DejaVuSansMono.ttf",
    "LiberationMono-Regular.ttf",
    "Menlo.ttc",
    "consola.ttf",
    "NotoSansMono-Regular.ttf",
)
"""The files of fonts that Pillow is asked for, each of them monospaced."""

SIZE, ACROSS, DOWN = 14, 9, 18
"""The size of the font, and the width and height of a cell, in pixels."""

PATIENCE = 300
"""The seconds after which `agg` is given up."""

MOST_FRAMES = 1500
"""The most frames that Pillow draws; a longer run is refused."""


class PillowPicture(Protocol):
    """A picture of Pillow, as far as it is used."""

    def quantize(
        self, colors: int = 256, *, palette: "PillowPicture | None" = None, dither: int = 0
    ) -> "PillowPicture":
        """Return it with few colours."""

    def save(
        self,
        file: BinaryIO,
        format: str,
        *,
        save_all: bool,
        append_images: list["PillowPicture"],
        duration: list[int],
        loop: int,
    ) -> None:
        """Write it, and those that follow it."""


class Pen(Protocol):
    """A pen of Pillow, as far as it is used."""

    def rectangle(self, corners: tuple[int, int, int, int], *, fill: str) -> None:
        """Fill a rectangle."""

    def text(self, place: tuple[int, int], text: str, *, font: object, fill: str) -> None:
        """Write a text."""


class Pens(NamedTuple):
    """The modules of Pillow that draw."""

    image: ModuleType
    drawing: ModuleType
    fonts: ModuleType


def written(recording: Recording) -> bytes:
    """Return the moving picture. Raises `UsageError` where nothing can draw it."""
    agg = shutil.which("agg")
    if agg is not None:
        return _by_agg(agg, cast.written(recording))
    try:
        image, drawing, fonts = (import_module(f"PIL.{name}") for name in ("Image", "ImageDraw", "ImageFont"))
    except ImportError:
        raise UsageError(
            "a GIF file needs agg or Pillow to draw it: pip install pillow; or write a .cast file"
        ) from None
    return _by_pillow(Pens(image, drawing, fonts), list(cast.frames_of(recording)))


def _by_agg(agg: str, recorded: bytes) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "run.cast"), Path(folder, "run.gif")
        source.write_bytes(recorded)
        try:
            subprocess.run([agg, str(source), str(target)], capture_output=True, check=True, timeout=PATIENCE)
            return target.read_bytes()
        except (OSError, subprocess.SubprocessError):  # a picture that it left is not whole
            raise UsageError(f"{agg} did not draw the recording; write a .cast file instead") from None


def _by_pillow(pens: Pens, frames: list[cast.CastFrame]) -> bytes:
    if len(frames) > MOST_FRAMES:
        raise UsageError(
            f"the run is too long for a GIF: it has {len(frames)} frames of at most {MOST_FRAMES}; "
            "write a .cast file"
        )
    font = _font(pens.fonts)
    picture: PillowPicture = pens.image.new("RGB", (cast.WIDTH * ACROSS, cast.HEIGHT * DOWN), DARK.ground)
    rows: list[SegmentRow] = []
    pictures, palette = [], _palette(pens)
    for frame in frames[:-1]:
        blank: list[SegmentRow] = [()] * (cast.HEIGHT - len(frame.rows))
        after = [*frame.rows[: cast.HEIGHT], *blank]
        _draw(pens.drawing.Draw(picture), font, rows, after)
        rows = after
        pictures.append(picture.quantize(palette=palette, dither=0))
    passed = [max(20, round((after.time - before.time) * 1000)) for before, after in pairwise(frames)]
    file = io.BytesIO()
    pictures[0].save(file, "GIF", save_all=True, append_images=pictures[1:], duration=passed, loop=0)
    return file.getvalue()


def _palette(pens: Pens) -> PillowPicture:
    """Return a picture with the colours of the theme, on its ground and half way to it."""
    named = [DARK.ground, DARK.bar, DARK.chosen, DARK.line, *dict(DARK.colours).values(), *DARK.terms]
    colours = list(dict.fromkeys(named))
    picture: PillowPicture = pens.image.new("RGB", (len(colours), 2), DARK.ground)
    pen = pens.drawing.Draw(picture)
    ground = Color.parse(DARK.ground).get_truecolor()
    for x, colour in enumerate(colours):
        half = blend_rgb(Color.parse(colour).get_truecolor(), ground, 0.5).hex
        pen.rectangle((x, 0, x, 0), fill=colour)
        pen.rectangle((x, 1, x, 1), fill=half)
    return picture.quantize(128)


def _font(fonts: ModuleType) -> object:
    for name in FONTS:
        try:
            font: object = fonts.truetype(name, SIZE)
            return font
        except OSError:
            continue
    raise UsageError("no monospaced font is installed to draw a GIF with; install DejaVu, or write a .cast file")


def _draw(pen: Pen, font: object, before: Sequence[SegmentRow], rows: Sequence[SegmentRow]) -> None:
    """Draw the rows that are not as before."""
    for at, row in enumerate(rows):
        if at < len(before) and before[at] == row:
            continue
        x, y = 0, at * DOWN
        pen.rectangle((0, y, cast.WIDTH * ACROSS, y + DOWN - 1), fill=DARK.ground)
        for segment in row:
            front, back, _ = looks(segment.style or Style())
            wide = columns(segment.text)
            pen.rectangle((x * ACROSS, y, (x + wide) * ACROSS - 1, y + DOWN - 1), fill=back)
            for char in segment.text:
                if char != " ":
                    pen.text((x * ACROSS, y + 1), char, font=font, fill=front)
                x += columns(char)
