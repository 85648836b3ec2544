"""The reference pages: Markdown files in this folder, linked from the README and shown by `raftplay help NAME`."""

import re
import textwrap
from collections.abc import Iterator
from importlib import resources

PAGES = (
    *("terms", "language", "screen", "lessons", "python", "node", "transcripts"),
    *("storage", "search", "clients", "export", "bench", "testing"),
)
"""The names of all pages, in the order in which the README lists them."""

WIDEST_LEFT = 28
"""Columns of the first cell in a table that does not fit; a longer cell has a line of its own."""

_FENCE, _ITEM = "```", "* "
_NOT_SHOWN = re.compile(r"<!-- .*? -->|!\[.*?\]\(.*?\)")
"""Lines that plain text leaves out: the marks of generated parts, and pictures."""

_LINK = re.compile(r"\[(.*?)\]\(.*?\)")
_NAME = re.compile(r"`[^`]*`")
"""A name in backquotes alone."""

_CELL_END = re.compile(r"(?<!\\)\|")


def markdown(name: str) -> str:
    """Return the page `name`, one of `PAGES`, as it is written."""
    return resources.files(__name__).joinpath(f"{name}.md").read_text("utf-8")


def page(name: str, width: int = 100) -> str:
    """Return the page `name` as plain text of `width` columns; code keeps its lines, however long they are."""
    return "\n\n".join(_blocks(markdown(name).split("\n"), width))


def _blocks(lines: list[str], width: int) -> Iterator[str]:
    """Yield every heading, paragraph, list, table and piece of code."""
    block: list[str] = []
    is_code = False
    for line in [*lines, ""]:
        if line.startswith(_FENCE):
            if is_code:
                fits = max(map(len, block), default=0) <= width - 2
                yield textwrap.indent("\n".join(block), "  " if fits else "")
                block = []
            is_code = not is_code
        elif is_code or (line and not _NOT_SHOWN.fullmatch(line)):
            block.append(line)
        elif block:
            yield _block(block, width)
            block = []


def _block(lines: list[str], width: int) -> str:
    first = lines[0]
    if first.startswith("#"):
        title = first.lstrip("# ")
        return f"{title}\n{('=' if first.startswith('# ') else '-') * len(title)}"
    if first.startswith("|"):
        rows = [[_cell(text) for text in _CELL_END.split(line)[1:-1]] for line in lines]
        return _table([row for row in rows if set("".join(row)) != {"-"}], width)
    paragraphs: list[str] = []
    for line in lines:
        if paragraphs and not line.startswith(_ITEM):
            paragraphs[-1] += f" {line.strip()}"
        else:
            paragraphs.append(line)
    return "\n".join(_filled(_plain(text), width) for text in paragraphs)


def _filled(text: str, width: int) -> str:
    indent = "  " if text.startswith(_ITEM) else ""
    return textwrap.fill(text, width, subsequent_indent=indent, break_on_hyphens=False)


def _plain(text: str) -> str:
    """Return `text` without links and emphasis; backquotes stay, they set names apart."""
    return _LINK.sub(r"\1", text).replace("**", "")


def _cell(text: str) -> str:
    text = _plain(text).strip().replace("\\|", "|")
    return text.strip("`") if _NAME.fullmatch(text) else text


def _table(rows: list[list[str]], width: int) -> str:
    """Lay out a table: a line for each row, or, where one does not fit, the other cells below one another."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    if sum(widths) + 2 * len(widths) <= width:
        lines = ["  ".join(map(str.ljust, row, widths)) for row in rows]
        return "\n".join(f"  {line}".rstrip() for line in lines)
    left = min(widths[0], WIDEST_LEFT)
    lines = []
    for first, *others in rows:
        right = [line for cell in others for line in textwrap.wrap(cell, max(width - left - 4, 20))]
        if len(first) > left:
            lines.append(f"  {first}")
            first = ""  # noqa: PLW2901 - it has a line of its own
        lines += [f"  {'' if at else first:<{left}}  {line}" for at, line in enumerate(right)]
    return "\n".join(lines)
