"""The command compare: where two runs part, how their ends differ, and what is wrong with a setting."""

import pytest
from support.command_line import raftplay


def test_runs_part_where_a_setting_first_matters() -> None:
    done = raftplay("compare", "split-brain", "prevote=on,off", "--seed", "7")
    lines = done.out.split("\n")
    assert (done.status, done.err) == (0, "")
    assert lines[0] == "split-brain in virtual time: A with prevote=on (seed 7), B with prevote=off (seed 7)"
    assert lines[1].endswith("(node 0: has its election timer fired by hand). Then:")
    assert lines[2].startswith("  A  0.000  node 0: becomes pre-candidate")
    assert lines[6].startswith("  B  0.000  node 0: becomes candidate in term 1")
    assert any(line.startswith("time") and "≠" in line for line in lines)
    assert any(line.startswith("committed") and "≠" not in line for line in lines)


def test_what_a_node_says_of_its_options_is_no_difference() -> None:
    """A node tells its options at its start; two runs do not part there, but where an option first matters."""
    done = raftplay("compare", "-", "prevote=on,off", stdin=b"seed 4\nset checkquorum on\nwait leader\n")
    lines = done.out.split("\n")
    assert lines[1].startswith("They are the same for 5 events, up to 0.000 s ")
    assert "becomes pre-candidate" in lines[2]


def test_runs_that_are_the_same_are_said_to_be() -> None:
    same = raftplay("compare", "first-election", "election=150..300ms,0.15..0.3s", "--seed", "7")
    assert "The two runs are the same: " in same.out
    assert "≠" not in same.out


def test_a_side_that_does_not_hold_is_named_and_gives_the_exit_status() -> None:
    done = raftplay("compare", "split-brain", "bug=count-acks,none", "--seed", "7")
    assert done.status == 1
    assert "\nA did not hold: Quorum Log broke at " in done.out
    assert "\nB did not hold" not in done.out


def test_the_same_command_gives_the_same_text_whatever_the_seed_of_the_process() -> None:
    call = ("compare", "-", "nodes=3,5")
    script = b"seed 4\nsubmit 1\nwait committed 1 on 2\n"
    assert raftplay(*call, stdin=script).out == raftplay(*call, stdin=script).out


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (["prevote"], "'prevote' is no setting with two values; write prevote=on,off"),
        (["prevote=on"], "'prevote=on' is no setting with two values"),
        (["prevote=on,off,on"], "is no setting with two values"),
        (["prevote=on,on"], "both values of prevote are on; nothing would differ"),
        (["prevoet=on,off"], "unknown option 'prevoet'; did you mean 'prevote'?"),
        (["backend=sim,tcp"], "two runs can be compared in virtual time only"),
        (["nodes=3,99"], "number of nodes"),
        (["bug=none,no-such"], "there is no bug 'no-such'"),
    ],
)
def test_a_wrong_setting_gets_one_sentence(settings: list[str], sentence: str) -> None:
    done = raftplay("compare", "split-brain", *settings)
    assert (done.status, done.out) == (2, "")
    assert sentence in done.err
    assert done.err.count("\n") == 1
