"""Progress in lessons: the best score, and where one left; a file that cannot be used harms nobody."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from raftplay.lessons.progress import Kept, Left, Score, forget, kept, note, note_left, progress_file


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "raftplay" / "progress.json"


def test_the_best_score_is_kept(file: Path) -> None:
    assert note(file, "a", Score(2, 3)) == ""
    assert note(file, "a", Score(1, 3)) == ""
    assert note(file, "b", Score(0, 0, 7)) == ""
    assert kept(file).lessons == {"a": Score(2, 3), "b": Score(0, 0, 7)}
    note(file, "a", Score(3, 3))
    note(file, "b", Score(0, 0, 5))
    note(file, "b", Score(0, 0, 6))
    note(file, "b", Score(0, 0))
    assert kept(file).lessons == {"a": Score(3, 3), "b": Score(0, 0, 5)}


def test_where_a_lesson_was_left_is_kept_until_it_is_over(file: Path) -> None:
    left = Left(2, 99, {4: True, 9: False}, 3)
    assert note_left(file, "a", left) == ""
    note_left(file, "b", Left(1, 1))
    assert kept(file).left == {"a": left, "b": Left(1, 1)}
    note(file, "a", Score(1, 2))
    assert kept(file).left == {"b": Left(1, 1)}
    note_left(file, "b", None)
    assert kept(file).left == {}


def test_nothing_is_written_where_there_is_nothing_to_keep(file: Path) -> None:
    assert note_left(file, "a", None) == ""
    assert not file.exists()


def test_progress_can_be_forgotten(file: Path) -> None:
    assert not forget(file)
    note(file, "a", Score(1, 1))
    assert forget(file)
    assert kept(file) == Kept()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"null",
        b'{"lessons": 3}',
        b'{"lessons": {"a": {"right": "x", "questions": 1}}}',
        b"[" * 100_000,
        b" " * (1 << 21),
    ],
    ids=range(8),
)
def test_a_file_that_makes_no_sense_counts_as_none_and_is_replaced(file: Path, data: bytes) -> None:
    file.parent.mkdir(parents=True)
    file.write_bytes(data)
    assert kept(file) == Kept()
    assert note(file, "a", Score(1, 1)) == ""
    assert kept(file).lessons == {"a": Score(1, 1)}


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file, and no folder")
    file = tmp_path / "state" / "raftplay" / "progress.json"
    assert note(file, "a", Score(1, 1)) == f"your progress could not be kept in {file}: Not a directory"
    assert "could not be kept" in note_left(file, "a", Left(1, 1))
    assert kept(file) == Kept()


def test_a_home_that_is_read_only_is_said(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")  # root, who may run this, is refused nothing

    monkeypatch.setattr(Path, "mkdir", refuse)
    assert "Permission denied" in note(file, "a", Score(1, 1))


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    note(file, "a", Score(1, 2))

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    assert "No space left on device" in note(file, "a", Score(2, 2))
    assert kept(file).lessons == {"a": Score(1, 2)}
    assert os.listdir(file.parent) == ["progress.json"]


def test_lessons_that_end_at_the_same_time_are_all_kept(file: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from raftplay.lessons.progress import Score, note\n"
        "for n in range(20): assert note(Path(sys.argv[1]), f'{sys.argv[2]}-{n}', Score(n, n)) == ''"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, str(file), str(at)]) for at in range(3)]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    assert len(kept(file).lessons) == 60


@pytest.mark.parametrize("state", ["", "not/absolute"])
def test_without_a_state_folder_it_is_kept_in_the_home(state: str) -> None:
    home = Path("~").expanduser() / ".local" / "state"
    assert progress_file({"XDG_STATE_HOME": state}) == home / "raftplay" / "progress.json"
    assert progress_file({"XDG_STATE_HOME": "/s"}) == Path("/s/raftplay/progress.json")
