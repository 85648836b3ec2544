"""What a notebook shows: tables and pictures for light and dark, with every text of users as text; the examples."""

import ast
import base64
import json
import re
import subprocess
import sys
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from support.command_line import raftplay as command_line

import raftplay
from raftplay import Harness, UsageError, examples

HOSTILE = "</td></script><img src=x onerror=alert(1)> \u202egnp.\x1b[31m"
"""A value that would be markup, turns what follows around, and colours a terminal."""

VOID = ("img", "source", "meta", "br", "input", "link")


class Page(HTMLParser):
    """Reads HTML; keeps its tags, and fails where one is not closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def shown(value: object) -> Page:
    """Return what a notebook shows of a value, which must be safe: no script, no handler, nothing from elsewhere."""
    page = Page(value._repr_html_())  # type: ignore[attr-defined]
    for tag, attributes in page.tags:
        assert tag not in ("script", "link", "object")
        assert not any(name.startswith("on") for name in attributes)
        for name in ("src", "srcset", "href"):
            assert (attributes.get(name) or "data:").startswith(
                "data:image/svg+xml;base64,"
            ) or name not in attributes
    assert not re.search("[\u202e\x1b]", value._repr_html_())  # type: ignore[attr-defined]
    return page


@pytest.fixture
def h():
    """Three nodes in virtual time, with a leader."""
    with Harness(3, backend="sim", seed=7) as harness:
        harness.wait("leader")
        yield harness


def pictures(page: Page) -> list[str]:
    """Return the pictures of a page as SVG: the dark one and the light one."""
    (source,), (img,) = page.of("source"), page.of("img")
    assert source["media"] == "(prefers-color-scheme: dark)"
    return [base64.b64decode(str(text).split(",")[1]).decode() for text in (source["srcset"], img["src"])]


def test_a_cluster_is_its_stage_and_a_table(h: Harness):
    h.submit("x")
    h.expect("committed x on 3", within=1)
    page = shown(h)
    assert page.texts.count("Leader") == 1
    assert len(page.of("tr")) == 4
    assert any("3 nodes, sim, seed 7, raftplay" in text for text in page.texts)
    dark, light = pictures(page)
    for picture in (dark, light):
        words = "".join(ElementTree.fromstring(picture).itertext())
        assert "LEADER" in words
    assert dark != light
    assert 'fill="#10141b"' in dark
    assert 'fill="#fbfaf6"' in light
    assert "node 0: Leader" in str(page.of("img")[0]["alt"]) or "node" in str(page.of("img")[0]["alt"])
    assert "prefers-color-scheme:dark" in "".join(page.texts), "the tables too"


def test_the_past_and_a_large_cluster_are_shown(h: Harness):
    h.goto(0.01)
    assert "Leader" not in shown(h).texts
    with Harness(25, backend="sim", seed=1) as large:
        assert "n24" in "".join(ElementTree.fromstring(pictures(shown(large))[0]).itertext())


def test_every_text_of_users_is_text(h: Harness):
    h.submit(HOSTILE)
    h.client("eve").put(HOSTILE[:100], HOSTILE)
    h.sleep_ms(50)
    for value in (
        h,
        h.snapshot(),
        h.status(),
        h.log(),
        h.events(),
        h.history(),
        h.why("not committed 0"),
        h.transcript,
    ):
        page = shown(value)
        assert [img for img in page.of("img") if "onerror" in img] == []
    assert any("</td></scrip" in text for text in shown(h.log()).texts)
    assert any("</td></script>" in text for text in shown(h.history()).texts)
    replay = h.show(400)
    (frame,) = shown(replay).of("iframe")
    assert frame["sandbox"] == "allow-scripts"
    assert "height:400px" in str(frame["style"])
    inside = str(frame["srcdoc"])
    assert inside == replay.page  # type: ignore[attr-defined]
    assert "<img src=x" not in inside
    with pytest.raises(UsageError, match="height must be a number of pixels"):
        h.show(0)


def test_tables_have_the_rows_of_the_words(h: Harness):
    h.run("submit a; submit b; wait committed b on 3")
    rows = [text for text in shown(h.log(0, 1)).texts if text in ("1:a*", "1:b*")]
    assert rows == ["1:a*", "1:a*", "1:b*", "1:b*"]
    assert len(shown(h.events("elections", last=3)).of("tr")) == 4
    assert shown(h.history()).texts[-1] == "no client has called anything"
    h.client("alice").put("x", 1)
    h.client("bob").get("x")
    assert {"alice", "bob", "put x 1", "get x"} <= set(shown(h.history()).texts)
    assert "bob" not in shown(h.history("alice")).texts
    assert any("linearizable: 2 operations" in text for text in shown(h.history()).texts)
    found = raftplay.explore("commit-old-term", first_seed=2, seeds=1)
    assert any("Current-Term Commit" in text for text in shown(found).texts)


# ---- the examples


@pytest.mark.parametrize("name", examples.names())
def test_an_example_runs_from_its_first_cell_to_its_last(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    results = []
    for code in examples.code_of(name):
        cell = ast.parse(code)
        last = cell.body.pop() if isinstance(cell.body[-1], ast.Expr) else None
        exec(compile(cell, name, "exec"), names)
        value = eval(compile(ast.Expression(last.value), name, "eval"), names) if last is not None else None
        if value is not None:
            results.append(value)
            shown(value)
    assert len(results) > 8
    assert any(isinstance(value, Harness) for value in results)
    assert any("<iframe" in value._repr_html_() for value in results)


@pytest.mark.parametrize("name", examples.names())
def test_an_example_is_a_notebook_without_results(name: str):
    notebook = json.loads(examples.data_of(name))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(set(ids)) == len(ids)
    for cell in notebook["cells"]:
        assert cell["cell_type"] in ("code", "markdown")
        assert all(line.endswith("\n") for line in cell["source"][:-1])
        if cell["cell_type"] == "code":
            assert (cell["outputs"], cell["execution_count"]) == ([], None)
    for used in re.findall(r"\bh\.(\w+)", "\n".join(examples.code_of(name))):
        assert hasattr(Harness, used), used


def test_the_examples_are_listed_and_copied(tmp_path: Path):
    assert command_line("examples").out == "first-steps.ipynb  A cluster in a notebook\n"
    folder = tmp_path / "new" / "folder"
    assert command_line("examples", "--copy", str(folder)).status == 0
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == {
        name: examples.data_of(name) for name in examples.names()
    }
    (folder / "first-steps.ipynb").write_text("mine")
    refused = command_line("examples", "--copy", str(folder))
    assert (refused.status, refused.out) == (2, "")
    assert "already" in refused.err
    assert (folder / "first-steps.ipynb").read_text() == "mine"
    assert command_line("examples", "--copy", str(folder), "--force").status == 0
    assert command_line("examples", "--copy", str(folder / "first-steps.ipynb")).status == 2


def test_neither_the_screen_nor_a_search_is_loaded_before_it_is_used():
    code = (
        "import sys, raftplay\n"
        "with raftplay.Harness(3, backend='sim', seed=1) as h:\n"
        "    h.run('wait leader; submit x; wait committed x on 3; status; why')\n"
        "print(*(name for name in ('rich', 'textual', 'typer', 'prompt_toolkit', 'raftplay.export', "
        "'raftplay.explore', 'raftplay.tui', 'pytest', 'IPython') if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


def test_escaped_text_reads_as_it_was():
    answer = raftplay.python.answers.Answer("a < b & c\n'x'")
    assert (
        unescape(re.sub("<style>.*?</style>|<[^>]+>", "", answer._repr_html_(), flags=re.DOTALL))
        == "a < b & c\n'x'"
    )
