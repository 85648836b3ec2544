"""Pictures of a pane: SVG that loads nothing, and PNG where a browser or CairoSVG can draw it."""

import io
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest

from raftplay import scenarios
from raftplay.commands.setup import Setup
from raftplay.errors import UsageError
from raftplay.export import PANES, export, png
from raftplay.export.recording import Recording, of_script
from raftplay.raft.decisions import BecameLeader
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
        last = picture.convert("RGBA").crop((20, picture.height - 3, picture.width - 20, picture.height - 1))
        assert last.getextrema()[3] == (255, 255), "the browser drew it to its last row"


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "1"])
def test_a_picture_of_a_higher_window_is_cut_below(mode: str):
    image = pytest.importorskip("PIL.Image", reason="Pillow, which reads the file, is not installed")
    drawn = image.effect_mandelbrot((61, 50), (-2, -1, 1, 1), 40).convert("RGB").convert(mode)
    whole, cut = io.BytesIO(), drawn.crop((0, 0, 61, 20))
    drawn.save(whole, "PNG")
    with image.open(io.BytesIO(png.first_rows(whole.getvalue(), 20))) as picture:
        assert picture.size == (61, 20)
        assert picture.convert("RGBA").tobytes() == cut.convert("RGBA").tobytes()
    assert image.open(io.BytesIO(png.first_rows(whole.getvalue(), 99))).size == (61, 50), "no more than there are"


def text_of(file: Path) -> str:
    return "".join(ElementTree.fromstring(file.read_text("utf-8")).itertext())


@pytest.mark.parametrize("pane", PANES)
def test_a_picture_shows_the_moment_that_is_named(recording: Recording, pane: str, tmp_path: Path):
    led = next(record.time for record in recording.records if isinstance(record.event, BecameLeader))
    before, after = (
        text_of(export(recording, tmp_path / f"{name}.svg", only=pane, at=led + by))
        for name, by in (("before", -0.001), ("after", 0.0))
    )
    assert f"story: {pane} at {led:.3f} s" in after
    assert before.count("★") < after.count("★") or pane == "messages"
    assert before != after
    end = export(recording, tmp_path / "end.svg", only=pane, at=recording.now.time)
    last = text_of(export(recording, tmp_path / "last.svg", only=pane))
    assert text_of(end).removesuffix(f" at {recording.now.time:.3f} s").split("\n")[2:] == last.split("\n")[2:]
    with pytest.raises(UsageError, match=r"the run ends at .* s, before 99\.000 s"):
        export(recording, tmp_path / "never.svg", only=pane, at=99)
    with pytest.raises(UsageError, match="invalid moment nan: it must be a number of seconds from 0"):
        export(recording, tmp_path / "never.svg", only=pane, at=float("nan"))
    assert not (tmp_path / "never.svg").exists()


def test_no_picture_tells_of_keys(tmp_path: Path):
    script = parse_script("figure-8", scenarios.text_of("figure-8"), Setup(backend="sim", seed=1))
    drawn = text_of(export(script, tmp_path / "stage.svg", at=0.041))
    assert "it is committed with n0's next entry (§5.4.2)." in drawn


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
