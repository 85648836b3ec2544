"""HTML for notebooks: tables, text and pictures, light and dark as the reader's browser asks.

The rule of this module: every text comes in as data and is escaped here, in one place.
"""

from collections.abc import Collection, Iterable, Sequence
from html import escape
from itertools import count

from raftplay.watch.text import visible

STYLE = """\
.raftplay{--ink:#1f2328;--faint:#59636e;--line:#d1d9e0;--head:#f6f8fa;color:var(--ink);\
font:13px/1.45 ui-monospace,Menlo,Consolas,monospace}
.raftplay table{border-collapse:collapse;margin:.3em 0}
.raftplay th,.raftplay td{border:1px solid var(--line);padding:.15em .6em;text-align:left;vertical-align:top;\
color:var(--ink)}
.raftplay th{background:var(--head)}
.raftplay td.n{text-align:right}
.raftplay caption{caption-side:top;text-align:left;color:var(--faint);padding:.2em 0}
.raftplay pre{color:var(--ink);background:none;margin:.3em 0;white-space:pre;overflow-x:auto}
@media (prefers-color-scheme:dark){.raftplay{--ink:#e6edf3;--faint:#9198a1;--line:#3d444d;--head:#151b23}}"""
"""The look of everything here; its names begin with `raftplay`, so that it changes nothing else of a page."""


def page_part(inside: str) -> str:
    """Return `inside`, which is HTML, with the look of this package."""
    return f'<div class="raftplay"><style>{STYLE}</style>{inside}</div>'


def text(value: object) -> str:
    """Return a text of users, with signs that cannot be seen spelled out, as HTML."""
    return escape(visible(str(value)))


def preformatted(value: str) -> str:
    """Return lines of text as they stand."""
    lines = "\n".join(map(text, value.split("\n")))
    return page_part(f"<pre>{lines}</pre>")


def table(
    heads: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    caption: str = "",
    numbers: Collection[int] = (),
) -> str:
    """Return a table; the columns in `numbers` stand to the right."""
    above = f"<caption>{text(caption)}</caption>" if caption else ""
    head = "".join(f'<th scope="col">{text(name)}</th>' for name in heads)
    body = "".join(f"<tr>{''.join(_cells(row, numbers))}</tr>" for row in rows)
    return page_part(f"<table>{above}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")


def _cells(row: Sequence[object], numbers: Collection[int]) -> Iterable[str]:
    for at, cell in zip(count(), row, strict=False):
        kind = ' class="n"' if at in numbers else ""
        yield f"<td{kind}>{text(cell)}</td>"
