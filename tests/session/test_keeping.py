"""What was done is kept as a script: whole or not at all, never over what is there, and it can be run."""

import os
from pathlib import Path

import pytest
from support.language import held as ran_and_held
from support.session import blueprint, do, held, live, perform, session_of, until

from raftplay import Config, RaftConfig
from raftplay.run.script import parse_script
from raftplay.session.status import Status
from raftplay.version import made_by


def lines_of(file: Path) -> list[str]:
    return file.read_text("utf-8").splitlines()


def test_a_saved_session_is_a_script_with_its_set_up_and_its_moments(tmp_path: Path):
    file = tmp_path / "story.txt"
    with live(3) as lively:
        until(lambda: lively.session.harness.now > 0)
        held(lively, "wait leader; submit 'two words'; expect one leader")
        do(lively, "expect no leader")
        held(lively, "pause")
        answer = held(lively, f"save {file}")
        end = lively.session.harness.now
    assert answer == f"{file}: 5 commands; run it with: raftplay run {file}"
    lines = lines_of(file)
    assert lines[0] == f"# saved by {made_by()}; backend sim, seed 7, options: none"
    assert lines[1:4] == ["nodes 3", "backend sim", "seed 7"]
    assert lines[4].startswith("goto 0.")
    assert lines[5:8] == ["wait leader", "submit 'two words'", "expect one leader"]
    assert lines[8].startswith("# expect no leader: node ")
    assert lines[-1] == "pause"
    run = ran_and_held("\n".join([*lines, "now"]))
    assert run.last["answer"] == f"{end:.3f} s"


def test_on_sockets_the_pauses_are_kept_as_sleeps():
    session = session_of(blueprint(3, backend="tcp"))
    session.is_live = True
    perform(session, "wait leader; submit 1; wait committed 1")
    session.harness.sleep_ms(40)
    perform(session, "crash leader")
    text = session.script_text()
    session.close()
    sleeps = [line for line in text.splitlines() if line.startswith("sleep ")]
    assert len(sleeps) >= 1
    assert 40 <= float(sleeps[-1].removeprefix("sleep ").removesuffix("ms")) < 5000
    parse_script("saved", text)


def test_everything_that_makes_the_cluster_is_in_the_script():
    config = Config(
        raft=RaftConfig(election_min=0.2, election_max=0.4, heartbeat=0.03, prevote=True, noop=True),
        delay_min=0.002,
        delay_max=0.002,
        bugs=("forget-vote", "zombie"),
    )
    plan = blueprint(4, seed=99, config=config)
    session = session_of(plan)
    text = session.script_text()
    setup = parse_script("saved", text).setup
    assert (setup.nodes, setup.seed, setup.backend) == (4, 99, "sim")
    assert setup.config().settled() == plan.config


def test_what_the_environment_chose_is_remarked():
    session = session_of(blueprint(3, config=Config(unreliable=True)))
    assert "\nset unreliable on\n" in session.script_text()


def test_a_file_that_is_there_stays_as_it_is(tmp_path: Path):
    file = tmp_path / "story.txt"
    file.write_text("mine", "utf-8")
    with live(3) as lively:
        for command in ("save", "record"):
            outcome = do(lively, f"{command} {file}")
            assert outcome.status is Status.MISUSED
            assert outcome.answer == f"there is a file '{file}' already; choose another name"
    assert file.read_text("utf-8") == "mine"
    assert os.listdir(tmp_path) == ["story.txt"]


def test_a_file_that_cannot_be_written_is_one_sentence(tmp_path: Path):
    with live(3) as lively:
        for name in (tmp_path / "no" / "such" / "folder", tmp_path, "/dev/null/x", tmp_path / ("x" * 300)):
            outcome = do(lively, f"save '{name}'")
            assert outcome.status is Status.MISUSED
            assert "cannot be written" in outcome.answer or "already" in outcome.answer
            assert "\n" not in outcome.answer


def test_hostile_file_names_are_shown_visibly(tmp_path: Path):
    name = tmp_path / "a\x1b[31m\u202eb"
    with live(3) as lively:
        answer = held(lively, f"save '{name}'")
        assert "\x1b" not in answer
        assert "\\x1b[31m" in answer
        assert "\x1b" not in do(lively, f"save '{name}'").answer
    assert name.exists()


def test_a_script_writes_no_files(tmp_path: Path):
    session = session_of(blueprint(3))
    assert perform(session, f"save {tmp_path / 'x'}")[0].startswith("UsageError: a script does not write files")
    assert not (tmp_path / "x").exists()


def test_a_record_is_up_to_date_after_every_command_and_complete_at_the_end(tmp_path: Path):
    file = tmp_path / "story.txt"
    with live(3) as lively:
        held(lively, "wait leader")
        held(lively, f"record {file}")
        held(lively, "submit 1")
        assert "submit 1" in lines_of(file)
        held(lively, "sleep 20ms; crash leader")
        assert lines_of(file)[-1] == "crash leader"
        crashed = lively.session.harness.now
        until(lambda: lively.session.harness.now > crashed)
        end = lively.session.harness.now
    assert lines_of(file)[-1].startswith("goto ")
    assert float(lines_of(file)[-1].removeprefix("goto ").removesuffix("s")) >= end
    assert os.listdir(tmp_path) == ["story.txt"]


def test_a_second_record_says_that_the_first_one_ends(tmp_path: Path):
    one, other = tmp_path / "one.txt", tmp_path / "other.txt"
    with live(3) as lively:
        assert "ends here" not in held(lively, f"record {one}")
        held(lively, "wait leader")
        assert held(lively, f"record {other}").endswith(f", and all that follows; {one} ends here")
        kept = lines_of(one)
        held(lively, "submit 1")
    assert lines_of(one) == kept
    assert "submit 1" in lines_of(other)


def test_a_record_follows_the_branch_that_is_played(tmp_path: Path):
    file = tmp_path / "story.txt"
    with live(3) as lively:
        held(lively, f"record {file}; wait leader; submit 1; sleep 50ms; pause")
        held(lively, "goto 10ms; freeze 0")
        lines = lines_of(file)
        assert "submit 1" not in lines
        assert "freeze 0" in lines
        held(lively, "switch main; submit 2")
        assert "submit 1" in lines_of(file)
        assert lines_of(file)[-1] == "submit 2"


def test_a_record_that_cannot_be_kept_any_more_is_said(tmp_path: Path):
    folder = tmp_path / "folder"
    folder.mkdir()
    file = folder / "story.txt"
    with live(3) as lively:
        held(lively, f"record {file}")
        file.unlink()
        folder.rmdir()
        outcome = do(lively, "freeze 0")
        assert outcome.status is Status.MISUSED
        assert "cannot be written" in outcome.answer
        assert held(lively, "freeze 1") == "node 1 frozen"  # said once


@pytest.mark.parametrize("line", ["save", "save ''", "record", "save a b"])
def test_a_file_is_one_word(line: str):
    with live(3) as lively:
        assert do(lively, line).status is Status.MISUSED
