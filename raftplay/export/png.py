"""PNG: the pictures of picture.py as pixels, by CairoSVG or a browser, whichever is there.

The rule of this module: both are used where they are installed, and neither is needed to install raftplay. Their
fonts are those of the machine, so only these files may differ between two machines.
"""

import re
import shutil
import struct
import subprocess
import tempfile
import zlib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from raftplay.errors import UsageError
from raftplay.export import picture
from raftplay.export.recording import Recording

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")

SPARE = 160
"""The rows of pixels by which a browser's window is higher: some versions leave its last rows empty."""

SIGNATURE = b"\x89PNG\r\n\x1a\n"

PATIENCE = 60
"""The seconds after which a browser is given up."""


def written(recording: Recording, only: str | None = None, at: float | None = None) -> bytes:
    """Return the picture of a pane, as picture.py draws it. Raises `UsageError` where nothing can draw it."""
    return pixels(picture.written(recording, only, at))


def pixels(drawing: bytes) -> bytes:
    """Return an SVG picture as PNG. Raises `UsageError` where nothing can draw it."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is not None:
        return _by_browser(browser, drawing)
    try:
        cairosvg = import_module("cairosvg")
    except (ImportError, OSError):
        raise UsageError(
            "a PNG file needs a browser or CairoSVG to draw it: install Chromium, or pip install cairosvg; "
            "or write an .svg file"
        ) from None
    return bytes(cairosvg.svg2png(bytestring=drawing))


def _by_browser(browser: str, drawing: bytes) -> bytes:
    size = re.search(rb'width="(\d+)" height="(\d+)"', drawing)
    assert size is not None
    width, height = int(size[1]), int(size[2])
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "picture.svg"), Path(folder, "picture.png")
        source.write_bytes(drawing)
        command = [
            *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
            *(f"--window-size={width},{height + SPARE}", f"--user-data-dir={folder}/profile"),
            *("--default-background-color=00000000", f"--screenshot={target}", source.as_uri()),
        ]
        try:
            subprocess.run(command, capture_output=True, check=False, timeout=PATIENCE)
            return first_rows(target.read_bytes(), height)
        except (OSError, subprocess.TimeoutExpired):
            raise UsageError(f"{browser} did not draw the picture; write an .svg file instead") from None


def first_rows(drawn: bytes, height: int) -> bytes:
    """Return a PNG picture, not interlaced, without the rows of pixels after the first `height`.

    A row is filtered by the row before it, never by a later one, so the rows that stay need not be decoded.
    """
    chunks = list(_chunks(drawn))
    [header] = [content for kind, content in chunks if kind == b"IHDR"]
    rows = zlib.decompress(b"".join(content for kind, content in chunks if kind == b"IDAT"))
    before = struct.unpack(">I", header[4:8])[0]
    kept = rows[: len(rows) // before * height]
    parts = [SIGNATURE, _chunk(b"IHDR", header[:4] + struct.pack(">I", min(height, before)) + header[8:])]
    parts += [_chunk(kind, content) for kind, content in chunks if kind not in (b"IHDR", b"IDAT", b"IEND")]
    return b"".join([*parts, _chunk(b"IDAT", zlib.compress(kept, 9)), _chunk(b"IEND", b"")])


def _chunks(drawn: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(SIGNATURE)
    while at < len(drawn):
        size = struct.unpack(">I", drawn[at : at + 4])[0]
        yield drawn[at + 4 : at + 8], drawn[at + 8 : at + 8 + size]
        at += size + 12


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
