"""The HTML replay: one file with its style, its script and its data, which loads nothing.

The rule of this module: what users wrote is data. It stands in the file as JSON without a character that HTML
reads, and the page puts it in as text.
"""

import json
from html import escape
from importlib.resources import files

from raftplay.export.recording import Recording
from raftplay.export.replay import Json, replay_data, shown

_ESCAPES = str.maketrans({char: f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"})


def written(recording: Recording) -> bytes:
    """Return the file of a recording."""
    return page(replay_data(recording), recording.name).encode("utf-8", "backslashreplace")


def page(data: Json, name: str = "") -> str:
    """Return the page that shows a replay."""
    title = f"{shown(name, 80)} – raftplay" if name else "raftplay"
    parts = {
        "@TITLE@": escape(title),
        "@STYLE@": _part("page.css"),
        "@SCRIPT@": _part("page.js"),
        "@DATA@": json.dumps(data, ensure_ascii=False, separators=(",", ":")).translate(_ESCAPES),
    }
    text = _part("page.html")
    for mark, part in parts.items():  # the data last, so that no mark in it is replaced
        before, _, after = text.partition(mark)
        text = before + part + after
    return text


def _part(name: str) -> str:
    return files("raftplay.export").joinpath("page", name).read_text("utf-8").strip()
