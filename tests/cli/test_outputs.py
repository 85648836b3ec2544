"""Nothing of a user's is overwritten: every output is checked before anything runs, written beside, and renamed."""

import hashlib
import os
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from support.amount import THOROUGH
from support.command_line import Ended, raftplay
from support.session import blueprint, do, held, live, perform, session_of

from raftplay import Harness, UsageError
from raftplay.files import Target
from raftplay.session.status import Status

STORY = "nodes 3\nbackend sim\nseed 3\nwait leader\nsubmit a\nwait committed a\n"
UNWRITABLE = ("no/such/folder", ".", "", "-", "story.txt/x", "x" * 300, "x/")
FINDS = ("explore", "--bug", "half-is-majority", "--nodes", "4", "--seeds", "60", "--jobs", "1", "--shrink", "0.1")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that one is in, with a script in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "story.txt").write_text(STORY)
    return tmp_path


def contents(folder: Path) -> dict[str, str]:
    """What every file of a folder holds."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def refused(done: Ended, *says: str) -> None:
    """It ended with one sentence and status 2, and nothing ran."""
    assert (done.status, done.out) == (2, ""), done
    assert done.err.count("\n") == 1
    assert done.err.startswith("raftplay: error: ")
    for part in says:
        assert part in done.err


OUTPUTS: dict[str, Callable[[str], tuple[str, ...]]] = {
    "run": lambda file: ("run", "story.txt", "--trace", file),
    "verify": lambda file: ("run", "story.txt", "--rewrite", "--trace", file),
    "standard input": lambda file: ("shell", "--backend", "sim", "--trace", file),
    "picture": lambda file: ("tui", "story.txt", "--screenshot", file),
    "trace of a picture": lambda file: ("tui", "--screenshot", "other.svg", "--trace", file),
    "explore": lambda file: (*FINDS, "--out", file),
    "fuzz": lambda file: ("fuzz", "scripts", "--count", "3", "--out", file),
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_a_file_that_is_there_stays_unless_force_is_given(here: Path, name: str):
    (here / "mine.svg").write_text("mine")
    before = contents(here)
    refused(raftplay(*OUTPUTS[name]("mine.svg")), "there is a file 'mine.svg' already; ", "--force")
    assert contents(here) == before
    if name != "fuzz":  # which writes only what fails
        (here / "mine.svg").chmod(0o640)
        done = raftplay(*OUTPUTS[name]("mine.svg"), "--force", stdin="wait leader\n")
        assert done.status in (0, 1), done
        assert (here / "mine.svg").read_text() != "mine"
        assert stat.S_IMODE((here / "mine.svg").stat().st_mode) == 0o640
    assert not [file for file in os.listdir(here) if file.startswith(".")]


PAIRS = [(name, file) for name in OUTPUTS for file in UNWRITABLE]


@pytest.mark.parametrize(("name", "file"), [pair for at, pair in enumerate(PAIRS) if at % 3 == 0 or THOROUGH])
def test_what_cannot_be_written_is_said_before_anything_runs(here: Path, name: str, file: str):
    before = contents(here)
    refused(raftplay(*OUTPUTS[name](file)))
    assert contents(here) == before


@pytest.mark.parametrize("force", [(), ("--force",)])
def test_the_script_is_never_replaced(here: Path, force: tuple[str, ...]):
    (here / "link").symlink_to("story.txt")
    os.link("story.txt", "twin")
    for file in ("story.txt", "./story.txt", "link", "twin"):
        refused(raftplay("run", "story.txt", "--trace", file, *force), "would overwrite the script")
    refused(raftplay("tui", "story.txt", "--screenshot", "x.svg", "--trace", "link", *force))
    refused(raftplay("tui", "story.txt", "--screenshot", "twin", *force))
    assert (here / "story.txt").read_text() == STORY


def test_a_file_of_the_data_directory_is_never_replaced(here: Path):
    assert raftplay("run", "story.txt", "--data-dir", "D").status == 0
    (here / "link").symlink_to("D/node-1.sqlite")
    os.link("D/node-2.sqlite", "twin")
    before = contents(here)
    for file in ("D/node-0.sqlite", "D/new", "D/../D/node-1.sqlite", "link", "twin"):
        refused(raftplay("run", "story.txt", "--data-dir", "D", "--trace", file, "--force"))
        assert contents(here) == before
    refused(raftplay("run", "story.txt", "--data-dir", "D", "--trace", "D/new"))
    assert raftplay("run", "story.txt", "--data-dir", "D").status == 0


def test_a_run_that_is_refused_leaves_the_trace_before(here: Path):
    assert raftplay("run", "story.txt", "--data-dir", "D", "--trace", "T").status == 0
    before = contents(here)
    for options in (("--nodes", "5"), ("--timing", "election=0..1ms")):
        done = raftplay("run", "story.txt", "--data-dir", "D", "--trace", "T", *options, "--force")
        assert done.status == 2
        assert contents(here) == before
    done = raftplay("run", "-", "--trace", "T", "--force", stdin="nonsense\n")
    assert (done.status, contents(here)) == (2, before)
    done = raftplay("run", "story.txt", "--data-dir", "D", "--nodes", "5", "--trace", "new")
    assert (done.status, contents(here)) == (2, before)


@pytest.mark.usefixtures("here")
def test_a_name_that_is_too_long_is_named():
    name = "x" * 300
    refused(raftplay("run", "story.txt", "--trace", name), f"'{name}' cannot be written: File name too long")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no full device")
@pytest.mark.usefixtures("here")
def test_a_trace_for_which_there_is_no_room_is_one_sentence():
    done = raftplay("run", "story.txt", "--trace", "/dev/full")
    assert done.status == 2
    assert done.err == "raftplay: error: '/dev/full' cannot be written: No space left on device\n"


def test_a_trace_is_not_the_data_directory_either_where_that_is_new(here: Path):
    before = os.listdir(here)
    refused(raftplay("run", "story.txt", "--data-dir", "D", "--trace", "D"), "'D' is the data directory")
    assert os.listdir(here) == before


def test_save_and_record_write_nothing_into_the_data_directory(here: Path):
    plan = replace(blueprint(3), data_dir=here / "D")
    session = session_of(plan)
    session.is_live = True
    before = sorted(os.listdir("D"))
    for line in ("save D/story.txt", "record D/story.txt", "save D/node-0.sqlite"):
        (answer,) = perform(session, line)
        assert "is in the data directory" in answer
    assert sorted(os.listdir("D")) == before
    session.close()


@pytest.mark.usefixtures("here")
def test_a_trace_may_go_into_a_pipe_or_a_device():
    os.mkfifo("pipe")
    done = raftplay("run", "story.txt", "--trace", "/dev/null")
    assert (done.status, "all held" in done.out) == (0, True)
    done = raftplay("run", "story.txt", "--quiet", "--trace", "/dev/stdout")
    assert '"schema":"raftplay.trace/2"' in done.out
    assert stat.S_ISFIFO(os.stat("pipe").st_mode)


# ---- names


def test_a_home_directory_that_the_shell_did_not_expand_is(here: Path):
    home = {"HOME": str(here)}
    for arguments in (
        ("run", "~/story.txt", "--trace=~/trace", "--data-dir=~/data"),
        ("replay", "~/trace"),
        ("tui", "~/story.txt", "--screenshot=~/x.svg"),
        ("explore", "~/story.txt", "--seeds", "1"),
    ):
        done = raftplay(*arguments, env=home)
        assert done.status == 0, done
    assert raftplay(*FINDS, "--out=~/found.txt", env=home).status == 1
    assert sorted(os.listdir(here)) == ["data", "found.txt", "story.txt", "trace", "x.svg"]


def test_a_home_directory_is_one_in_the_language_too(here: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(here))
    with live(3) as lively:
        answer = held(lively, "save ~/saved.txt")
        held(lively, "record '~/recorded.txt'")
    assert answer.endswith(f"raftplay run {here}/saved.txt")
    assert sorted(os.listdir(here)) == ["recorded.txt", "saved.txt", "story.txt"]


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("a b.txt", "'a b.txt'"),
        ("it's", "'it'\"'\"'s'"),
        ("$HOME", "'$HOME'"),
        ("--help", "./--help"),
        ("-a b", "'./-a b'"),
    ],
)
def test_the_command_that_save_names_can_be_typed(here: Path, name: str, word: str):
    with live(3) as lively:
        quoted = f'"{name}"' if "'" in name else f"'{name}'"
        answer = held(lively, f"wait leader; save {quoted}")
    command = answer.rpartition("run it with: ")[2]
    assert command == f"raftplay run {word}"
    assert os.system(command.replace("raftplay", f"'{os.environ.get('PYTHON', 'python3')}' -c pass", 1)) == 0
    assert (here / name).exists()


def test_save_to_standard_output_is_refused(here: Path):
    with live(3) as lively:
        outcome = do(lively, "save -")
        assert outcome.status is Status.MISUSED
        assert "write ./-" in outcome.answer
        held(lively, "save ./-")
    assert sorted(os.listdir(here)) == ["-", "story.txt"]


def test_an_empty_data_directory_is_not_the_one_that_one_is_in(here: Path):
    refused(raftplay("run", "story.txt", "--data-dir", ""), "--data-dir", "empty path")
    assert os.listdir(here) == ["story.txt"]
    with pytest.raises(UsageError, match="path of the directory is empty"):
        Harness(3, backend="sim", data_dir="")
    assert os.listdir(here) == ["story.txt"]


def test_a_script_with_two_names_is_not_rewritten_and_keeps_both(here: Path):
    os.link("story.txt", "twin.txt")
    done = raftplay("run", "--rewrite", "story.txt")
    assert done.status == 2
    assert "has 2 names (hard links)" in done.err
    assert os.path.samefile("story.txt", "twin.txt")
    assert (here / "story.txt").read_text() == STORY


# ---- what comes meanwhile


def test_a_file_that_came_meanwhile_stays_and_what_was_written_is_named(tmp_path: Path):
    target = Target(tmp_path / "out")
    writing = target.open()
    writing.write(b"ours")
    (tmp_path / "out").write_text("theirs")
    with pytest.raises(UsageError, match="what was written is in") as refusal:
        writing.finish()
    writing.discard()
    kept = Path(str(refusal.value).rpartition(" in ")[2].strip("'"))
    assert (kept.read_text(), (tmp_path / "out").read_text()) == ("ours", "theirs")


def test_what_is_not_worth_rescuing_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def taken(*_: object) -> None:
        raise FileExistsError

    monkeypatch.setattr(os, "link", taken)
    with pytest.raises(UsageError, match="already"):
        Target(tmp_path / "out").write(b"x")
    assert os.listdir(tmp_path) == []


def test_where_there_are_no_hard_links_a_new_file_is_written_and_none_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def unknown(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", unknown)
    Target(tmp_path / "out").write(b"x")
    with pytest.raises(UsageError, match="already"):
        Target(tmp_path / "out").write(b"y")
    assert (os.listdir(tmp_path), (tmp_path / "out").read_bytes()) == (["out"], b"x")
