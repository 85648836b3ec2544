"""SVG pictures of the screen, read back into the lines that they show."""

import re
from xml.etree import ElementTree

from raftplay.tui.model.lines import columns
from raftplay.tui.svg import COLUMN, ROW

SVG = "{http://www.w3.org/2000/svg}"


def lines_of(text: str) -> list[str]:
    """The lines of a still picture: each run of characters in the columns in which it says it stands."""
    picture = ElementTree.fromstring(text)
    (screen,) = (group for group in picture.findall(f"{SVG}g") if group.get("clip-path"))
    rows = {}
    for group in screen.findall(f"{SVG}g"):
        y = int(group.attrib["transform"].split(",")[1].rstrip(")"))
        assert y % ROW == 0
        rows[y // ROW] = row_of(group)
    return [rows.get(y, "") for y in range(max(rows) + 1)]


def row_of(group: ElementTree.Element) -> str:
    """The line of the elements of one row; nothing may cover anything else."""
    cells: list[str] = []
    for run in group.findall(f"{SVG}text"):
        words, x = run.text or "", int(run.attrib["x"])
        assert x % COLUMN == 0
        assert int(run.get("textLength", COLUMN * len(words))) == columns(words) * COLUMN
        assert len(cells) <= x // COLUMN, f"{words!r} covers what stands there"
        cells += [" "] * (x // COLUMN - len(cells)) + [words] + [""] * (columns(words) - 1)
    return "".join(cells)


def film_of(text: str) -> tuple[list[tuple[float, list[str]]], int]:
    """The frames of a moving picture, each with the seconds for which it is shown; and the one that may stand still."""
    picture = ElementTree.fromstring(text)
    kept = {f"#{group.attrib['id']}": row_of(group) for group in picture.findall(f"{SVG}defs/{SVG}g")}
    (strip,) = (group for group in picture.iter(f"{SVG}g") if group.get("class") == "strip")
    frames = []
    for group in strip.findall(f"{SVG}g"):
        rows = {int(use.attrib["y"]) // ROW: kept[use.attrib["href"]] for use in group.findall(f"{SVG}use")}
        frames.append([rows.get(y, "") for y in range(max(rows) + 1)])
    width = int(picture.attrib["viewBox"].split()[2])
    (rule,) = re.findall(
        r"\.strip\{animation:strip ([\d.]+)s step-end infinite;transform:translateX\(-(\d+)px\)\}", text
    )
    steps = re.findall(r"([\d.]+)%\{transform:translateX\((-?\d+)px\)\}", text)
    assert [-int(x) for _, x in steps] == [at * width for at in range(len(frames))]
    begins = [float(rule[0]) * float(share) / 100 for share, _ in steps]
    ends = [*begins[1:], float(rule[0])]
    shown = [(end - begin, lines) for begin, end, lines in zip(begins, ends, frames, strict=True)]
    return shown, int(rule[1]) // width
