"""The command check: verdicts, exit statuses, and files that are wrong."""

from pathlib import Path

import pytest
from support.command_line import raftplay

from raftplay.cli.checking import check_

WRITE = "{:process 0 :type :invoke :f :write :value %d} {:process 0 :type :ok :f :write :value %d}\n"
READ = "{:process 1 :type :invoke :f :read :value nil} {:process 1 :type :ok :f :read :value %s}\n"


@pytest.fixture
def history(tmp_path: Path) -> Path:
    return tmp_path / "history.edn"


@pytest.mark.parametrize(
    ("text", "states", "status", "begin"),
    [
        (WRITE % (1, 1) + READ % "1", "1000", 0, "linearizable: 2 operations on 1 key; "),
        (WRITE % (1, 1) + READ % "nil", "1000", 1, "not linearizable: 2 operations on 1 key; "),
        (
            WRITE % (1, 1) + WRITE % (2, 2) + READ % "2",
            "1",
            1,
            "undecided: 3 operations on 1 key; the search ended",
        ),
    ],
)
def test_each_verdict_has_its_exit_status(history: Path, text: str, states: str, status: int, begin: str) -> None:
    history.write_text(text)
    done = raftplay("check", str(history), "--states", states)
    assert (done.status, done.err) == (status, "")
    assert done.out.startswith(begin)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"\xff\xfe", "is no UTF-8 text"),
        (b"", "there is no operation in it"),
        (b"{:type :ok", "line 1: a value ends too soon"),
    ],
)
def test_a_file_that_is_wrong_gets_one_sentence(history: Path, content: bytes | None, sentence: str) -> None:
    if content is not None:
        history.write_bytes(content)
    done = raftplay("check", str(history))
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("raftplay: error: ")
    assert sentence in done.err
    assert done.err.count("\n") == 1


def test_a_trace_and_an_exported_history_have_the_verdict_of_their_run(tmp_path: Path) -> None:
    trace, history = tmp_path / "trace.jsonl", tmp_path / "x.history.json"
    assert (
        raftplay("run", "lost-answer", "--backend", "sim", "--seed", "1", "--trace", str(trace), "-q").status == 0
    )
    assert raftplay("export", str(trace), "-o", str(history)).status == 0
    told = [raftplay("check", str(path)) for path in (trace, history)]
    assert told[0].out.startswith("not linearizable (key x): 7 operations on 1 key, 2 of unknown outcome")
    assert [done.status for done in told] == [1, 1]
    assert told[0].out == told[1].out


@pytest.mark.parametrize("command", [("check",), ("export", "-o", "x.history.json")])
def test_a_run_without_clients_has_no_history(command: tuple[str, ...], tmp_path: Path) -> None:
    trace = tmp_path / "trace.jsonl"
    assert raftplay("run", "first-election", "--backend", "sim", "--trace", str(trace), "-q").status == 0
    done = raftplay(command[0], str(trace), *command[1:])
    assert (done.status, done.out) == (2, "")
    assert "client" in done.err
    assert done.err.count("\n") == 1


def test_after_ctrl_c_it_says_that_nothing_is_decided(
    history: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    history.write_text(WRITE % (1, 1) + READ % "1")

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("raftplay.cli.checking.check", interrupted)
    with pytest.raises(KeyboardInterrupt):
        check_(str(history))
    assert capsys.readouterr() == ("", "raftplay: interrupted: 2 operations are not decided\n")
