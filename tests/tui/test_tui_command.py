"""`raftplay tui` from the command line: pictures without a terminal, and one sentence for whatever is wrong."""

import asyncio
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from support.command_line import environment, raftplay
from support.places import ROOT
from support.tui import still

from raftplay.run.report import report
from raftplay.tui import gallery, settings
from raftplay.tui.theme import DARK, LIGHT, style_of


def test_a_picture_is_drawn_without_a_terminal(tmp_path: Path) -> None:
    file = tmp_path / "p.svg"
    done = raftplay(
        "tui", "--seed", "7", "--screenshot", str(file), "--size", "80x24", "--after", "wait leader; submit 1"
    )
    assert (done.status, done.out, done.err) == (0, "", "")
    text = file.read_text("utf-8")
    assert text.startswith("<svg")
    assert "seed" not in text  # 80 columns have no room for it
    assert "n0 leads" in text


def test_a_picture_of_a_script_in_ascii_and_light(tmp_path: Path) -> None:
    file = tmp_path / "p.svg"
    done = raftplay("tui", "first-election", "--seed", "1", "--screenshot", str(file), "--ascii", "--light")
    assert (done.status, done.err) == (0, "")
    text = file.read_text("utf-8")
    assert LIGHT.ground in text
    assert DARK.ground not in text
    assert "★" not in text


def test_without_colours_a_picture_has_none_of_ours(tmp_path: Path) -> None:
    file = tmp_path / "p.svg"
    done = raftplay("tui", "--seed", "1", "--screenshot", str(file), env={"NO_COLOR": "1"})
    assert (done.status, done.err) == (0, "")
    text = file.read_text("utf-8")
    assert not [colour for _, colour in DARK.colours if colour in text]


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        ((), "standard input is no terminal, and the screen needs one"),
        (("--after", "wait leader"), "--after and --light are for a picture"),
        (("--screenshot", "x.svg", "--size", "80"), "--size is columns and lines, from 60x16 to 500x300"),
        (("--screenshot", "x.svg", "--size", "20x10"), "--size is columns and lines, from 60x16 to 500x300"),
        (("--screenshot", "x.svg", "--size", "9999x24"), "--size is columns and lines"),
        (("--screenshot", "x.svg", "--after", "wat"), "--after: wat: there is no command 'wat'"),
        (("--screenshot", "x.svg", "--after", "expect leader"), "--after: expect leader: "),
        (("--screenshot", "/nowhere/x.svg"), "'/nowhere/x.svg' cannot be written: No such file or directory"),
        (("--screenshot", "x.png"), "a picture is an SVG file: 'x.png' must end in .svg, not in '.png'"),
        (("--screenshot", "x.PDF", "--after", "wait leader"), "must end in .svg"),
        (("no-such-script",), "there is no file and no scenario 'no-such-script'"),
        (("first-election", "--counterexample", "x"), "cannot both be played"),
        (("-",), "standard input is the keyboard here"),
        (("--bug", "nonsense"), "there is no bug 'nonsense'"),
        (("--backend", "udp"), "unknown backend 'udp'"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(args: tuple[str, ...], sentence: str, tmp_path: Path) -> None:
    done = raftplay("tui", *args, cwd=tmp_path)
    assert done.status == 2, done.err
    assert sentence in done.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["p.SVG", "p"])
def test_a_picture_may_be_named_in_capitals_or_have_no_ending(name: str, tmp_path: Path) -> None:
    done = raftplay("tui", "--seed", "7", "--screenshot", str(tmp_path / name), "--size", "60x16")
    assert (done.status, done.err) == (0, "")
    assert (tmp_path / name).read_text("utf-8").startswith("<svg")


@pytest.mark.parametrize(
    ("args", "status", "words"),
    [
        (("--help",), 0, "usage: python -m raftplay.tui.gallery [-h] [folder]"),
        (("--folder",), 2, "usage: python -m raftplay.tui.gallery"),
        (("a", "b"), 2, "unrecognized arguments: b"),
        (("/nowhere/a",), 2, "raftplay: error: "),
    ],
)
def test_the_gallery_reads_its_options(args: tuple[str, ...], status: int, words: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "raftplay.tui.gallery", *args],
        capture_output=True,
        text=True,
        env=environment(),
        timeout=60,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == status, done.stderr
    assert words in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_running_a_script_needs_no_screen() -> None:
    code = (
        "import sys; sys.argv = ['raftplay', 'run', '-', '--backend', 'sim', '--quiet']\n"
        "from raftplay.cli import main\n"
        "try:\n    main()\nfinally:\n    print(sorted(m for m in sys.modules if m.split('.')[0] == 'textual'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        input="wait leader\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


# ---- what stays, and what went wrong


def test_the_theme_is_remembered_and_a_home_that_cannot_be_written_to_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    found = settings.load()
    assert not found.light
    found.light = True
    found.save()
    assert settings.load().light
    (tmp_path / "state" / "raftplay" / "screen.json").write_bytes(b"\xff{")
    assert not settings.load().light
    (tmp_path / "state" / "raftplay" / "screen.json").write_bytes(msgspec.json.encode([1]))
    assert not settings.load().light
    monkeypatch.setenv("XDG_STATE_HOME", "/proc/nowhere")
    settings.load().save()


def test_an_internal_error_leaves_a_report_and_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with still("wait leader", "crash 2") as driver:
        assert report(RuntimeError("the \x1b[31mcat\nsat on it"), driver.session) == 1
    (script,) = tmp_path.glob("*.script.txt")
    (file,) = set(tmp_path.iterdir()) - {script}
    assert "sat on it" in file.read_text("utf-8")
    assert "\ncrash 2\n" in script.read_text("utf-8")
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert "\x1b" not in line
    assert str(file) in line
    assert str(script) in line


# ---- the pictures of the README


@pytest.mark.parametrize("wanted", gallery.PICTURES, ids=lambda wanted: wanted.name)
def test_the_pictures_of_the_readme_are_those_that_the_command_makes(wanted: gallery.Picture) -> None:
    file = ROOT / "screenshots" / f"{wanted.name}.svg"
    assert asyncio.run(gallery.svg_of(wanted)) == file.read_text("utf-8"), "python -m raftplay.tui.gallery"


# ---- looks


def test_without_colours_solid_and_hollow_and_conflicting_still_differ() -> None:
    looks = [
        style_of(style, DARK.name, False) for style in ("t3 solid", "t3 hollow", "t3 bold", "bad badge", "dim")
    ]
    assert len(set(looks)) == len(looks)
    assert all(look.color is None and look.bgcolor is None for look in looks)
