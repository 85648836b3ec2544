"""`raftplay run --verify` and `--rewrite`: files that are rewritten wholly or not at all, and what is said of it."""

import errno
import json
import os
import shutil
import signal
import stat
import subprocess
from pathlib import Path

import pytest
from support.command_line import COMMAND, Ended, environment, raftplay

from raftplay.commands.setup import Setup
from raftplay.errors import UsageError
from raftplay.language.lexer import MAX_SCRIPT_BYTES
from raftplay.run.golden import rewrite_script
from raftplay.run.runner import JsonTranscript, Status, TextTranscript
from raftplay.run.script import ScriptRefused, Step

HEAD = "backend sim\nseed 7\n"
SAME = Setup(backend="sim", seed=7)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "story.txt"


def rewrite(file: Path, *, overrides: Setup = SAME) -> tuple[Status, list[str]]:
    """Rewrite the script in a file; how it ended, and what was said."""
    lines: list[str] = []
    transcript = TextTranscript(lines.append, quiet=True)
    status = rewrite_script(str(file), file.read_bytes(), overrides, transcript)
    return status, "\n".join(lines).replace(str(file), file.name).split("\n")


def left_as_it_was(file: Path, data: bytes) -> bool:
    """Whether the file holds `data`, and nothing else lies beside it."""
    return file.read_bytes() == data and os.listdir(file.parent) == [file.name]


# ---- rewritten


def test_a_script_is_rewritten_once_and_then_stays_as_it_is(file: Path) -> None:
    file.write_bytes(b"now # c\r\n\r\nlog\n")
    assert rewrite(file)[1][-1] == "story.txt: answers rewritten: 2 added"
    made = b"now # c\r\n----\r\n0.000 s\r\n\r\n\r\nlog\n----\nevery log is empty\n"
    assert left_as_it_was(file, made)
    before = file.stat()
    assert rewrite(file)[1][-1] == "story.txt: every answer stands there already"
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    file.write_bytes(made.replace(b"0.000", b"0.001").replace(b"empty\n", b"empty\nx\n") + b"\nnow")
    assert rewrite(file)[1][-1] == "story.txt: answers rewritten: 1 added, 2 brought up to date"
    assert file.read_bytes() == made + b"\nnow\n----\n0.000 s"


def test_a_byte_order_mark_stays_where_it_is(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbfnow")
    rewrite(file)
    assert file.read_bytes() == b"\xef\xbb\xbfnow\n----\n0.000 s"


def test_the_mode_of_a_file_and_links_to_it_stay(tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "real.txt").write_text("now\n")
    (folder / "real.txt").chmod(0o640)
    link = tmp_path / "story.txt"
    link.symlink_to("elsewhere/real.txt")
    assert rewrite(link)[0] is Status.HELD
    assert link.is_symlink()
    assert (folder / "real.txt").read_text() == "now\n----\n0.000 s\n"
    assert stat.S_IMODE((folder / "real.txt").stat().st_mode) == 0o640
    assert os.listdir(folder) == ["real.txt"]


def test_what_became_of_the_file_is_an_object_for_programs(file: Path) -> None:
    file.write_text("now\nlog\n----\nx\n")
    lines: list[str] = []
    for _ in range(2):
        rewrite_script(str(file), file.read_bytes(), SAME, JsonTranscript(lines.append, quiet=True))
    ends = [json.loads(line) for line in lines]
    assert [o["kind"] for o in ends] == ["end", "file", "end", "file"]
    assert ends[1] == {"kind": "file", "path": str(file), "changed": True, "added": 1, "updated": 1}
    assert ends[3] == {"kind": "file", "path": str(file), "changed": False, "added": 0, "updated": 0}


# ---- left as it was

LEFT = "story.txt: left as it was"


@pytest.mark.parametrize(
    ("script", "ends"),
    [
        ("now\nexpect leader\n", Status.FAILED),
        ("now\n----\nold\n\nrestart 0\n----\nrestarted\n", Status.MISUSED),
        ("nodes 4\nbug half-is-majority\npartition 0,1 | 2,3\ntimeout 0\ntimeout 2\nsleep 1s\n", Status.FAILED),
    ],
)
def test_a_script_that_does_not_hold_is_left_as_it_was(file: Path, script: str, ends: Status) -> None:
    file.write_text(script)
    status, lines = rewrite(file)
    assert status is ends, lines
    assert lines[-1] == LEFT
    assert left_as_it_was(file, script.encode())


@pytest.mark.parametrize(
    "data", [b"now\nnonsense\n", b"now\n\n----\n", b"now\n\xff", b"\n" * (MAX_SCRIPT_BYTES + 1)]
)
def test_a_script_with_mistakes_is_left_as_it_was(file: Path, data: bytes) -> None:
    file.write_bytes(data)
    lines: list[str] = []
    with pytest.raises(ScriptRefused):
        rewrite_script("story.txt", data, SAME, TextTranscript(lines.append))
    assert lines == [LEFT]
    assert left_as_it_was(file, data)


def refusal(file: Path, overrides: Setup = SAME) -> str:
    """Why a file is not rewritten; it is as it was, and that is said."""
    data = file.read_bytes()
    lines: list[str] = []
    with pytest.raises(UsageError) as refused:
        rewrite_script(str(file), data, overrides, TextTranscript(lines.append, quiet=True))
    assert lines[-1] == f"{file}: left as it was"
    return str(refused.value)


@pytest.mark.parametrize("overrides", [Setup(), Setup(backend="sim"), Setup(seed=7), Setup(backend="tcp", seed=7)])
def test_without_virtual_time_and_a_seed_nothing_runs(file: Path, overrides: Setup) -> None:
    file.write_text("now\n")
    assert refusal(file, overrides).startswith(
        "answers can be compared only where each run is the same: write `bac"
    )
    assert left_as_it_was(file, b"now\n")


@pytest.mark.parametrize("where", ["fsync", "replace", "copymode"])
def test_a_full_disk_leaves_the_file_as_it_was(file: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil if where == "copymode" else os, where, full)
    file.write_text("now\n")
    assert refusal(file) == f"'{file}' cannot be rewritten: No space left on device"
    assert left_as_it_was(file, b"now\n")


def test_an_interrupt_at_any_moment_leaves_the_file_as_it_was(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted(TextTranscript):
        def step(self, step: Step, time: float, answer: str) -> None:
            super().step(step, time, answer)
            if step.line == 2:
                raise KeyboardInterrupt

    file.write_text("now\nnow\n")
    lines: list[str] = []
    status = rewrite_script(str(file), file.read_bytes(), SAME, Interrupted(lines.append, quiet=True))
    assert status is Status.INTERRUPTED
    assert lines[-1] == f"{file}: left as it was"
    assert left_as_it_was(file, b"now\nnow\n")

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    for name in ("fsync", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr(os, name, interrupted)
            lines.clear()
            with pytest.raises(KeyboardInterrupt):
                rewrite_script(str(file), file.read_bytes(), SAME, TextTranscript(lines.append))
        assert lines[-1] == f"{file}: left as it was"
        assert left_as_it_was(file, b"now\nnow\n")


def test_a_file_that_may_not_be_written_to_is_found_before_anything_runs(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text("now\n")
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert refusal(file) == f"{file} may not be written to"


def test_a_file_that_someone_else_changes_meanwhile_is_left_to_them(file: Path) -> None:
    class Busy(TextTranscript):
        def end(self, status: Status, time: float, steps: int, running: str = "") -> None:
            file.write_text("log\n")

    file.write_text("now\n")
    with pytest.raises(UsageError, match="was changed by another process while it ran"):
        rewrite_script(str(file), file.read_bytes(), SAME, Busy([].append))
    assert left_as_it_was(file, b"log\n")


def test_a_script_that_would_be_too_long_with_its_answers_is_left_as_it_was(file: Path) -> None:
    script = "help\n" * 500 + f"# {'x' * (MAX_SCRIPT_BYTES - 100_000)}\n"
    file.write_text(script.replace("x" * 60_000, "x" * 60_000 + "\n# "))
    data = file.read_bytes()
    assert "bytes with its answers; at most 1048576 are read" in refusal(file)
    assert left_as_it_was(file, data)


# ---- on the command line


def run(*args: str, stdin: str = "") -> Ended:
    return raftplay("run", *args, stdin=stdin)


def test_verify_and_rewrite_on_the_command_line(file: Path) -> None:
    file.write_text(HEAD + "wait leader\nlog\n")
    name = str(file)
    assert run("--verify", name).status == 2
    assert run("--rewrite", name).status == 0
    assert (
        run("--verify", name, "--quiet")
        .out.splitlines()[0]
        .endswith("2 answers as expected (5 nodes, sim, seed 7)")
    )
    other = run("--verify", name, "--seed", "8", "--json")
    assert other.status == 1
    kinds = [json.loads(line)["kind"] for line in other.out.splitlines()]
    assert kinds == ["begin", "step", "difference", "step", "end"]
    assert run(name, "--seed", "8").status == 0
    assert run("--verify", "-", stdin=file.read_text()).status == 0
    assert raftplay("explore", name, "--seeds", "3").status == 0


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--rewrite", "-"), "standard input cannot be rewritten; give a file"),
        (
            ("--rewrite", "first-election"),
            "the scenario first-election cannot be rewritten; give a file of your own",
        ),
        (("--rewrite", "bugs/zombie"), "the scenario bugs/zombie cannot be rewritten"),
        (("--rewrite", "/"), "/ is a directory, not a script"),
        (("--rewrite", "nowhere.txt"), "there is no file and no scenario 'nowhere.txt'"),
        (("--rewrite", "/dev/null"), "/dev/null is not a file that can be rewritten"),
        (
            ("--rewrite", "--verify", "x"),
            "--verify compares answers and --rewrite writes them; one of them at a time",
        ),
        (("--verify", "first-election"), "first-election expects no answers, so there is nothing to verify"),
    ],
)
def test_what_cannot_be_rewritten_or_verified_is_refused_in_a_sentence(args: tuple[str, ...], said: str) -> None:
    done = run(*args, "--backend", "sim", "--seed", "7")
    assert done.status == 2
    assert done.err.startswith(f"raftplay: error: {said}")
    assert done.err.count("\n") == 1


def test_verify_without_a_seed_is_refused_in_a_sentence(file: Path) -> None:
    file.write_text("now\n----\n0.000 s\n")
    done = run("--verify", str(file), "--backend", "sim")
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("raftplay: error: answers can be compared only where each run is the same: ")


def test_a_trace_never_takes_the_place_of_the_script(file: Path) -> None:
    file.write_text(HEAD + "now\n")
    for options in ((), ("--rewrite",)):
        done = run(*options, str(file), "--trace", str(file))
        assert done.status == 2
        assert "the trace would overwrite the script" in done.err
        assert left_as_it_was(file, (HEAD + "now\n").encode())


def test_a_disk_without_room_leaves_the_file_as_it_was_and_says_so(file: Path) -> None:
    file.write_text(HEAD + "now\n")
    limited = subprocess.run(
        [
            "bash",
            "-c",
            'ulimit -f 0; trap "" XFSZ; exec "$@" | cat',
            "bash",
            *COMMAND,
            "run",
            "--rewrite",
            str(file),
        ],
        env=environment(PYTHONDONTWRITEBYTECODE="1"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert f"{file}: left as it was" in limited.stdout, limited
    assert "cannot be rewritten: File too large" in limited.stderr
    assert os.listdir(file.parent) == [file.name]
    assert left_as_it_was(file, (HEAD + "now\n").encode())


def test_ctrl_c_leaves_the_file_as_it_was_and_says_so(file: Path) -> None:
    script = HEAD + "wait leader\n" + "sleep 20m\n" * 200
    file.write_text(script)
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [COMMAND[0], "-u", *COMMAND[1:], "run", "--rewrite", str(file)],
        env=environment(),
        stdout=pipe,
        stderr=pipe,
        encoding="utf-8",
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        while "wait leader" not in running.stdout.readline():
            assert running.poll() is None
        running.send_signal(signal.SIGINT)
        rest, errors = running.stdout.read(), running.stderr.read()
        assert running.wait(30) == 130, rest + errors
    assert rest.endswith(f"{file}: left as it was\n")
    assert "interrupted after" in rest
    assert errors == ""
    assert left_as_it_was(file, script.encode())
