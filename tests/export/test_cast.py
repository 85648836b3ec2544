"""Recordings of the screen: asciicast v2 as its readers take it, and the GIF that is drawn from it."""

import json
import shutil
import sys
from pathlib import Path

import pyte
import pytest

from raftplay.errors import UsageError
from raftplay.export import cast, export, gif
from raftplay.export.recording import Recording, of_script
from raftplay.files import Target
from raftplay.run.script import parse_script
from raftplay.tui.command import recording as recording_to
from raftplay.tui.output.cast import CastRecorder

STORY = """
nodes 3
backend sim
seed 1
# A leader is elected. \x1b[31mred\x1b[0m
wait leader
"""


@pytest.fixture(scope="module")
def recording() -> Recording:
    return of_script(parse_script("story", STORY))


@pytest.fixture(scope="module")
def lines(recording: Recording) -> list[str]:
    return cast.written(recording).decode().splitlines()


def test_a_recording_begins_with_its_header_and_has_no_date(lines: list[str]):
    header = json.loads(lines[0])
    assert header == {"version": 2, "width": 80, "height": 36, "title": "story", "env": {"TERM": "xterm-256color"}}
    events = [json.loads(line) for line in lines[1:]]
    assert {event[1] for event in events} == {"o"}
    times = [event[0] for event in events]
    assert times == sorted(times)
    assert len(events) > 10


def test_a_terminal_that_is_fed_with_it_shows_the_election(lines: list[str]):
    screen = pyte.Screen(80, 36)
    stream = pyte.Stream(screen)
    seen = set()
    for line in lines[1:]:
        stream.feed(json.loads(line)[2])
        seen |= {row.rstrip() for row in screen.display}
    assert any("vote? term 1" in row for row in seen), "messages move"
    assert any("A leader is elected." in row for row in seen), "the caption of the script"
    assert any("LEADER" in row for row in screen.display)
    assert "\x1b[31m" not in "".join(json.loads(line)[2] for line in lines[1:]), "what users wrote moves no cursor"


def test_asciinema_reads_it(recording: Recording, tmp_path: Path):
    asciicast = pytest.importorskip(
        "asciinema.asciicast", reason="asciinema, which reads the file, is not installed"
    )
    file = export(recording, tmp_path / "run.cast")
    with asciicast.open_from_url(str(file)) as read:
        assert read.version == 2
        assert len(list(read.events())) > 10


def test_equal_recordings_make_equal_files(recording: Recording, lines: list[str]):
    assert cast.written(recording).decode().splitlines() == lines


def test_pillow_reads_the_gif_and_its_frames_differ(recording: Recording, tmp_path: Path):
    image = pytest.importorskip("PIL.Image", reason="Pillow, which draws and reads the file, is not installed")
    if shutil.which("agg"):
        pytest.skip("agg is installed, and draws it instead of Pillow")
    with image.open(export(recording, tmp_path / "run.gif")) as picture:
        assert picture.n_frames > 10
        assert picture.info["loop"] == 0
        first = picture.convert("RGB").tobytes()
        picture.seek(picture.n_frames - 1)
        assert picture.convert("RGB").tobytes() != first


def test_without_anything_that_draws_a_gif_is_refused_in_a_sentence(
    recording: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(gif, "import_module", missing)
    monkeypatch.setattr(gif.shutil, "which", lambda _: None)
    with pytest.raises(UsageError, match="a GIF file needs agg or Pillow"):
        export(recording, tmp_path / "run.gif")
    assert list(tmp_path.iterdir()) == []


AGG = """#!{python}
import json, sys
from pathlib import Path
source, target = sys.argv[1:]  # agg INPUT OUTPUT
lines = [json.loads(line) for line in Path(source).read_text("utf-8").splitlines()]
Path(target).write_bytes(b"GIF89a of %d lines, version %d" % (len(lines), lines[0]["version"]))
sys.exit({status})
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a stand-in for agg is a script with a first line")
def test_agg_is_given_the_recording_and_its_file_is_taken(
    recording: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """agg is in no registry of this machine: a stand-in reads what it is given, and says so in its file."""
    (tmp_path / "bin").mkdir()
    agg = tmp_path / "bin" / "agg"
    monkeypatch.setenv("PATH", str(agg.parent))
    agg.write_text(AGG.format(python=sys.executable, status=0))
    agg.chmod(0o755)
    drawn = export(recording, tmp_path / "run.gif").read_bytes()
    lines = export(recording, tmp_path / "run.cast").read_text("utf-8").splitlines()
    assert drawn == b"GIF89a of %d lines, version 2" % len(lines)
    agg.write_text(AGG.format(python=sys.executable, status=1))
    with pytest.raises(UsageError, match="agg did not draw the recording"):
        export(recording, tmp_path / "half.gif")
    assert not (tmp_path / "half.gif").exists(), "a picture that is not whole is not taken"


# ---- the screen of `raftplay tui --cast`


def test_what_a_screen_writes_is_recorded_with_the_time_and_the_size(tmp_path: Path):
    clock = iter((10.0, 10.5, 11.0, 12.25))
    recorder = CastRecorder(Target(tmp_path / "run.cast"), (80, 24), "story", lambda: next(clock))
    recorder("\x1b[2J")
    recorder.resize((80, 24))
    recorder.resize((100, 30))
    recorder("é")
    assert not (tmp_path / "run.cast").exists(), "it is there once it is complete"
    recorder.close()
    lines = [json.loads(line) for line in (tmp_path / "run.cast").read_text("utf-8").splitlines()]
    assert lines[0]["width"] == 80
    assert lines[1:] == [[0.5, "o", "\x1b[2J"], [1.0, "r", "100x30"], [2.25, "o", "é"]]


def test_without_a_file_nothing_is_recorded():
    with recording_to(None, "story") as recorder:
        assert recorder is None
