"""PNG: the pictures of picture.py as pixels, by CairoSVG or a browser, whichever is there.

The rule of this module: both are used where they are installed, and neither is needed to install raftplay. Their
fonts are those of the machine, so only these files may differ between two machines.
"""

import re
import shutil
import subprocess
import tempfile
from importlib import import_module
from pathlib import Path

from raftplay.errors import UsageError
from raftplay.export import picture
from raftplay.export.recording import Recording

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")

PATIENCE = 60
"""The seconds after which a browser is given up."""


def written(recording: Recording, only: str | None = None) -> bytes:
    """Return the picture of a pane. Raises `UsageError` where nothing can draw it."""
    return pixels(picture.written(recording, only))


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
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "picture.svg"), Path(folder, "picture.png")
        source.write_bytes(drawing)
        command = [
            *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
            *(f"--window-size={int(size[1])},{int(size[2])}", f"--user-data-dir={folder}/profile"),
            *("--default-background-color=00000000", f"--screenshot={target}", source.as_uri()),
        ]
        try:
            subprocess.run(command, capture_output=True, check=False, timeout=PATIENCE)
            return target.read_bytes()
        except (OSError, subprocess.TimeoutExpired):
            raise UsageError(f"{browser} did not draw the picture; write an .svg file instead") from None
