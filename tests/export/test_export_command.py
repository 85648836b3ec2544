"""`raftplay export`: the file, what is refused in one sentence, and that nothing is overwritten or left half."""

import errno
from pathlib import Path

import pytest
from support.command_line import raftplay

from raftplay import export as package
from raftplay.errors import UsageError
from raftplay.export import FORMATS, export, format_of
from raftplay.run.script import Script, parse_script


def short() -> Script:
    return parse_script("short", "backend sim\nseed 1\nnodes 3\nwait leader\n")


def test_a_scenario_becomes_a_page_the_same_each_time(tmp_path: Path):
    files = [tmp_path / "one.html", tmp_path / "two.html"]
    for file in files:
        done = raftplay("export", "first-election", "-o", str(file))
        assert (done.status, done.err) == (0, "")
        assert done.out.startswith(f"'{file}': a replay for any browser, ")
    assert files[0].read_bytes() == files[1].read_bytes()
    assert files[0].read_text("utf-8").startswith("<!DOCTYPE html>")


def test_a_trace_becomes_the_page_of_its_run(tmp_path: Path):
    trace, page = tmp_path / "run.jsonl", tmp_path / "run.html"
    raftplay("run", "first-election", "--backend", "sim", "--seed", "1", "--trace", str(trace))
    assert raftplay("export", str(trace), "-o", str(page)).status == 0
    assert page.exists()
    refused = raftplay("export", str(trace), "-o", str(tmp_path / "x.html"), "--nodes", "3")
    assert refused.status == 2
    assert refused.err.endswith("is a trace: its run is over, and options cannot change it\n")


def test_a_run_that_fails_is_written_up_to_there(tmp_path: Path):
    done = raftplay("export", "-", "-o", str(tmp_path / "x.html"), stdin="crash all\nwait leader within 1s\n")
    assert done.status == 0
    assert "the run ends where it failed: line 2, wait leader within 1s" in done.out


BRANCHES = (
    "backend sim\nseed 3\nnodes 3\nwait leader\nsubmit a\nsleep 300ms\n"
    "goto 0.35s\ncrash leader\nwait leader\nsubmit b\nsleep 100ms\n"
)


def test_branches_are_all_in_a_replay_and_one_is_in_another_file(tmp_path: Path):
    done = raftplay("export", "-", "-o", str(tmp_path / "x.html"), stdin=BRANCHES)
    assert done.out.endswith("it begins with branch b1, and holds main too\n")
    done = raftplay("export", "-", "-o", str(tmp_path / "b1.mmd"), stdin=BRANCHES)
    assert done.out.endswith("it holds branch b1 of 2; --branch chooses another: main\n")
    done = raftplay("export", "-", "-o", str(tmp_path / "main.mmd"), "--branch", "main", stdin=BRANCHES)
    assert done.out.endswith("it holds branch main of 2; --branch chooses another: b1\n")
    one, other = ((tmp_path / f"{name}.mmd").read_text("utf-8") for name in ("b1", "main"))
    assert ("term 2" in one, "term 2" in other) == (True, False)
    done = raftplay("export", "-", "-o", str(tmp_path / "y.mmd"), "--branch", "b7", stdin=BRANCHES)
    assert (done.status, done.err) == (2, "raftplay: error: there is no branch 'b7'; the branches are b1, main\n")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("first-election -o x.foo", "'x.foo' has no ending that names a format"),
        ("first-election -o x.html --format jpeg", "there is no format 'jpeg'; the formats are html"),
        ("first-election -o x.html --only log", "the format html has no pane 'log'"),
        (
            "first-election -o x.html --at 1s",
            "the format html holds the whole run; only svg or png shows one moment",
        ),
        ("first-election -o x.svg --at 5", "--at: invalid duration '5': add a unit"),
        ("first-election -o x.svg --at 5m", "the run ends at "),
        ("first-election -o x.html --branch b1", "there is no branch 'b1'; the run has only one"),
        ("first-elction -o x.html", "there is no file and no scenario 'first-elction'; did you mean"),
        ("first-election -o there/x.html", "cannot be written"),
        ("first-election -o old.html", "there is a file 'old.html' already; choose another name"),
        ("first-election -o -", "'-' is not a file here"),
        ("first-election", "missing option '--out' / '-o'"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence_and_leaves_nothing(words: str, sentence: str, tmp_path: Path):
    (tmp_path / "old.html").write_text("mine")
    done = raftplay("export", *words.split(), cwd=tmp_path)
    assert done.status == 2
    assert done.err.startswith("raftplay: error: ")
    assert sentence in done.err
    assert done.err.count("\n") == 1
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("old.html", "mine")]


def test_a_file_is_replaced_only_by_force_and_never_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = tmp_path / "run.html"
    file.write_text("mine")
    with pytest.raises(UsageError, match="there is a file"):
        export(short(), file)
    monkeypatch.setattr(package, "written", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        export(short(), file, force=True)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("run.html", "mine")]
    monkeypatch.undo()
    assert export(short(), file, force=True) == file
    assert file.read_text("utf-8").startswith("<!DOCTYPE")
    assert list(tmp_path.iterdir()) == [file]


def test_the_longest_ending_chooses_the_format_and_a_name_goes_before_it():
    assert format_of("A/Story.HTML").name == "html"
    for row in FORMATS:
        assert format_of("x.nothing", row.name) is row
        assert format_of(f"x{row.suffix}").suffix == row.suffix


def test_a_step_of_a_lesson_is_exported_with_its_paragraphs(tmp_path: Path):
    page = tmp_path / "step.html"
    done = raftplay("export", "lessons/a-split-vote:2", "-o", str(page))
    assert (done.status, done.err) == (0, "")
    text = page.read_text("utf-8")
    assert "Step 2 of 4" in text
    assert "step 3" not in text.lower().partition("<script>")[0]
    refused = raftplay("export", "lessons/a-split-vote:9", "-o", str(tmp_path / "other.html"))
    assert refused.err == "raftplay: error: there is no step '9' in a-split-vote: it has 4 steps\n"
    refused = raftplay("export", "lessons/a-splt-vote", "-o", str(tmp_path / "other.html"))
    assert (refused.status, refused.err.count("\n")) == (2, 1)


def test_where_there_are_no_links_a_file_is_moved_as_a_whole_and_none_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def refused(*_: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    def copied(*_: object) -> None:
        raise AssertionError("a copy that is interrupted is half a file")

    monkeypatch.setattr("os.link", refused)
    monkeypatch.setattr("shutil.copyfile", copied)
    page = export(short(), tmp_path / "page.html")
    assert page.read_bytes().endswith(b"</html>")
    with pytest.raises(UsageError, match=r"there is a file .* already"):
        export(short(), tmp_path / "page.html")
    assert [file.name for file in tmp_path.iterdir()] == ["page.html"]
