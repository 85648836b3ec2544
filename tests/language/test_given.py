"""The set-up line `given`: a node's disk before the start, in runs, in `save`, in `explore`; and what is refused."""

from pathlib import Path

import pytest
from support.language import held, mistake, ran, refused

from raftplay import Harness, LogEntry, UsageError
from raftplay.cluster.given import Given, disks_of
from raftplay.run.runner import opened
from raftplay.run.script import parse_script
from raftplay.session.journal import given_line, setup_lines

PAIR = "nodes 3\nbackend sim\nseed 1\ngiven 1 term 4 voted 2 log 1:a 1:7 \"4:7\" 4:'two words'\n"


def test_a_node_starts_with_what_its_disk_holds() -> None:
    run = held(PAIR + "status; expect term of 1 = 4; expect log of 1 = 4; log 1")
    assert "4     2     4" in run.answers[0]
    assert run.answers[-1].splitlines()[-1].split(maxsplit=1) == ["3", '4:"two words"']


def test_save_writes_the_disks_so_that_they_read_back_the_same() -> None:
    script = parse_script("script", PAIR)
    with opened(script.setup) as session, session:
        assert session.blueprint is not None
        lines = setup_lines(session.blueprint)
    again = parse_script("again", "\n".join(lines))
    assert again.setup.given == script.setup.given
    assert [entry.command for entry in script.setup.given[0].entries] == ["a", 7, "7", "two words"]


def test_a_line_for_a_disk_says_only_what_it_holds() -> None:
    assert given_line(Given(2, 3)) == "given 2 term 3"
    assert given_line(Given(0, 3, 1, (LogEntry(5, 1), LogEntry("it's", 3)), is_checked=False)) == (
        "given 0 term 3 voted 1 log 1:5 '3:it'\\''s' unchecked"
    )


def test_the_past_begins_with_the_disks_and_a_branch_has_them_too() -> None:
    run = held(PAIR + "timeout 1; wait leader is 1; goto 0ms; log 1; crash 0; expect log of 1 = 4; branches")
    assert "b1" in run.answers[-1]


def test_a_harness_takes_the_disks() -> None:
    disks = disks_of(3, [Given(0, 2, entries=(LogEntry("x", 2),))])
    with Harness(3, backend="sim", seed=1, storage=disks) as h:
        h.sleep_ms(1)
        assert h.cluster[0].cm.current_term >= 2
        assert [entry.command for entry in h.cluster[0].cm.log] == ["x"]


def test_a_data_directory_has_its_own_disks(tmp_path: Path) -> None:
    setup = parse_script("script", PAIR).setup
    with (
        pytest.raises(UsageError, match="a data directory has its own"),
        opened(setup, data_dir=tmp_path / "data"),
    ):
        pass


def test_unchecked_logs_start_and_the_invariant_says_what_is_wrong_with_them() -> None:
    disks = "given 0 term 1 log 1:a\ngiven 1 term 1 log 1:b unchecked\n"
    assert ran(f"{disks}now").last["reason"].startswith("Log Matching broke at 0.000 s: n1 starts with a log")
    assert held(f"watch Election Safety\n{disks}now").answers == ["0.000 s"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("given 0 term 3 log 2:a 1:b", "entry 1 of node 0 is of term 1, after one of term 2: terms in a log never fall"),
        ("given 0 term 3 log 4:a", "entry 0 of node 0 is of term 4, and the node is only in term 3"),
        ("given 0 term 3 log 0:a", "entry 0 of node 0 is of term 0: the first leader has term 1"),
        ("given 0 term 0 voted 1", "node 0 cannot have voted in term 0: the first election is of term 1"),
        ("given 0 term 1; given 0 term 2", "the disk of node 0 is given twice"),
        ("given 0 term 1 log", "the entries are missing: log 1:a 1:b 4:c"),
        ("given 0 term 1 log x", "invalid entry 'x': write TERM:VALUE, such as 1:x"),
        ("given 0 log 1:x", "'log' should be 'term' here"),
        ("given 0 term x", "invalid term 'x': it must be a whole number from 0 to 4611686018427387904"),
        ("given leader term 1", "invalid node 'leader': it must be a whole number from 0 to 24"),
        ("given 7 term 1", "there is no node 7; the nodes are 0 to 4"),
        ("given 0 term 1 voted 6", "there is no node 6; the nodes are 0 to 4"),
        ("given 0 term 2 log 1:a 2:b\ngiven 1 term 2 log 1:c 2:b",
         "nodes 0 and 1 both have an entry of term 2 at index 1, so their logs must be equal up to there (§5.3), and "
         "they differ at index 0; `unchecked` behind the log allows it"),
    ],
)  # fmt: skip
def test_a_disk_that_cannot_be_is_refused_in_one_sentence(line: str, message: str) -> None:
    assert [found.message for found in refused(line)] == [message]


def test_a_disk_is_given_before_the_first_command() -> None:
    assert mistake("now\ngiven 0 term 1")[1] == "given must stand before the first other command"
