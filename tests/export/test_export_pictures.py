"""Pictures of a pane: SVG that loads nothing, and PNG where a browser or CairoSVG can draw it."""

import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest

from raftplay.errors import UsageError
from raftplay.export import PANES, export, png
from raftplay.export.recording import Recording, of_script
from raftplay.run.script import parse_script

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def recording() -> Recording:
    text = 'nodes 3\nbackend sim\nseed 1\nwait leader\nsubmit "</svg><script>"\nsleep 100ms\ncrash leader\nwait leader\n'
    return of_script(parse_script("story", text))


@pytest.mark.parametrize("pane", PANES)
def test_each_pane_is_a_picture_that_loads_nothing(recording: Recording, pane: str, tmp_path: Path):
    file = export(recording, tmp_path / "pane.svg", only=pane)
    tree = ElementTree.fromstring(file.read_text("utf-8"))
    assert {element.tag for element in tree.iter()} <= {
        f"{SVG}{tag}" for tag in ("svg", "title", "style", "clipPath", "rect", "g", "text", "path")
    }
    text = "".join(tree.itertext())
    assert ("n0" if pane != "messages" else "n1") in text
    assert "Submit a command" not in text, "keys of the screen are no use in a picture"
    assert export(recording, tmp_path / "again.svg", only=pane).read_bytes() == file.read_bytes()


def test_the_stage_is_drawn_where_no_pane_is_named(recording: Recording, tmp_path: Path):
    one = export(recording, tmp_path / "one.svg")
    assert one.read_bytes() == export(recording, tmp_path / "two.svg", only="stage").read_bytes()
    with pytest.raises(UsageError, match="has no pane 'votes'; it has stage, log, messages, nodes"):
        export(recording, tmp_path / "three.svg", only="votes")


@pytest.mark.skipif(not any(map(shutil.which, png.BROWSERS)), reason="no browser is installed that draws it")
def test_a_png_is_as_large_as_its_picture_and_not_empty(recording: Recording, tmp_path: Path):
    image = pytest.importorskip("PIL.Image", reason="Pillow, which reads the file, is not installed")
    file = export(recording, tmp_path / "log.png", only="log")
    with image.open(file) as picture:
        drawing = export(recording, tmp_path / "log.svg", only="log").read_text("utf-8")
        assert f'width="{picture.width}" height="{picture.height}"' in drawing
        assert len(picture.convert("RGB").getcolors(1 << 20)) > 10


def test_without_anything_that_draws_a_png_is_refused_in_a_sentence(
    recording: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(png, "import_module", missing)
    monkeypatch.setattr(png.shutil, "which", lambda _: None)
    with pytest.raises(UsageError, match="a PNG file needs a browser or CairoSVG"):
        export(recording, tmp_path / "log.png")
    assert list(tmp_path.iterdir()) == []
