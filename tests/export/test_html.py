"""The HTML replay is one file: what users wrote is data in it, and nothing leads out of it."""

import json
import re
from pathlib import Path

import pytest

from raftplay.commands.setup import Setup
from raftplay.export import html
from raftplay.export.html import written
from raftplay.export.recording import of_script
from raftplay.run.script import parse_script

PAGE = Path(html.__file__).parent / "page"
NASTY = "</script><img src=x onerror=alert(1)>&amp;\u202egnp.exe\u2028"


def file_of(text: str) -> str:
    return written(of_script(parse_script(f"{NASTY[:40]}.rp", text, Setup(backend="sim", seed=1)))).decode()


@pytest.fixture(scope="module")
def nasty() -> str:
    quoted = json.dumps(NASTY, ensure_ascii=False).replace("\u2028", "")
    long = "x" * 65_000
    return file_of(
        f"# {NASTY}\nwait leader\nsubmit {quoted}\nsubmit {long}\nsleep 100ms\n# \u05d0\u05d1 the end\nsleep 10ms\n"
    )


def test_text_of_users_cannot_end_the_script_nor_begin_an_element(nasty: str):
    assert nasty.count("<script") == nasty.count("</script>") == 2
    assert "<img" not in nasty
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', nasty, re.DOTALL)
    assert data is not None
    assert not re.search("[<>&\u2028\u2029]", data[1])
    texts = json.loads(data[1])["texts"]
    assert any("</script><img src=x onerror=alert(1)>" in text for text in texts), "it is shown, as text"
    assert not any("\u202e" in text for text in texts), "what turns text round is shown as an escape"
    assert max(map(len, texts)) <= 1300


def test_the_title_is_escaped_and_the_page_names_no_other_place(nasty: str):
    title = re.search(r"<title>(.*?)</title>", nasty)
    assert title is not None
    assert "script&gt;&lt;img" in title[1]
    text = re.sub(r'<title>.*?</title>|<script type="application/json".*?</script>', "", nasty, flags=re.DOTALL)
    addresses = set(re.findall(r"https?://[^\s\"'<>)]*", text))
    assert addresses == {"http://www.w3.org/2000/svg"}, "a name, which nothing loads"
    assert not re.search(
        r"@import|url\(|\bsrc=|<link|fetch\(|XMLHttp|innerHTML|insertAdjacent|document\.write|eval\(", text
    )
    assert "default-src 'none'" in text


def test_there_is_no_date_in_it(nasty: str):
    assert not re.search(r"20\d\d-\d\d-\d\d", nasty)


def test_the_page_is_light_dark_and_fit_for_paper():
    style = (PAGE / "page.css").read_text("utf-8")
    script = (PAGE / "page.js").read_text("utf-8")
    assert "@media print" in style
    assert 'data-theme="dark"' in style
    assert "prefers-color-scheme: dark" in script
    assert "prefers-reduced-motion" in style


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, bright = sorted(map(luminance, (one, other)))
    return (bright + 0.05) / (dark + 0.05)


def test_every_colour_of_a_text_stands_out_from_its_ground_light_and_dark():
    """As WCAG 2 asks of small text: 4.5 to 1."""
    style = (PAGE / "page.css").read_text("utf-8")
    for block in re.findall(r'^:root(?:\[data-theme="dark"\])? \{(.*?)^\}', style, re.DOTALL | re.MULTILINE)[:2]:
        colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6});", block))
        terms = {name for name in colours if re.fullmatch(r"t\d", name)}
        assert len(terms) == 7
        for name in {"text", "dim", "faint", "accent", "warn", "bad"} | terms:
            assert contrast(colours[name], colours["card"]) >= 4.5, name
        for name in terms:
            assert contrast(colours["on"], colours[name]) >= 4.5, f"on {name}"
