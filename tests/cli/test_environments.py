"""What is printed depends on the script, the seed and the options, and on nothing in the environment."""

import sys
from collections.abc import Iterator

import pytest
from support.amount import several
from support.command_line import raftplay
from support.language import mistake

from raftplay import CommandRefused
from raftplay.cli.options import node_range
from raftplay.errors import UsageError
from raftplay.language.completion import complete
from raftplay.raft.commands import _LONGEST_INTEGER, MAX_INTEGER_BITS, check_command

C_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.mark.parametrize("args", [["run", "-"], ["run", "-", "--json"], ["shell"]])
def test_into_a_pipe_the_same_bytes_are_printed_whatever_the_locale(args: list[str]):
    script = "wait leader\nsubmit '日本語 ①'; submit é\nwait committed é\nlog\nevents 40\nexpect committed ü\n"
    for text in (script, "crash 9 # ü\nsubmit é é\n"):
        ended = [
            raftplay(*args, "--backend", "sim", "--seed", "7", stdin=text, env=env)
            for env in (C_LOCALE, {}, {"LC_ALL": "C.UTF-8"}, {"LC_ALL": "C.UTF-8", "PYTHONUTF8": "0"})[
                : several(4, least=2)
            ]
        ]
        assert ended == [ended[0]] * len(ended)
        assert "é" in ended[0].out + ended[0].err or "--json" in args


@pytest.mark.parametrize("limit", ["640", "0"][: several(2)])
def test_numbers_of_thousands_of_digits_are_right_whatever_the_environment(limit: str):
    """PYTHONINTMAXSTRDIGITS says how many digits Python reads and writes; what can be submitted has fewer than 4300."""
    number = "7" * 3900
    script = f"submit {number} to 0; timeout 0; wait leader is 0; submit -{number[1:]}\nwait committed -{number[1:]}\nlog\nstatus\n"
    runs = [
        raftplay("run", "-", *more, "--nodes", "3", "--backend", "sim", "--seed", "7", stdin=script, env=env)
        for more in ([], ["--json"])
        for env in ({"PYTHONINTMAXSTRDIGITS": limit}, {})
    ]
    assert [run.status for run in runs] == [0] * 4
    assert runs[0] == runs[1]
    assert runs[2] == runs[3]
    refused = raftplay("run", "-", stdin=f"submit {number}7\n", env={"PYTHONINTMAXSTRDIGITS": limit})
    assert (refused.status, refused.out) == (2, "")
    assert "an integer of 3901 digits is too long; at most 3900 (in quotes it is text)" in refused.err


@pytest.fixture
def few_digits() -> Iterator[None]:
    """Python reads and writes no more digits than it must."""
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(sys.int_info.str_digits_check_threshold)
    yield
    sys.set_int_max_str_digits(before)


@pytest.mark.usefixtures("few_digits")
def test_where_python_must_not_write_so_many_digits_a_command_is_refused_in_a_sentence() -> None:
    """The command line lifts the limit; in a program of one's own it is kept."""
    assert check_command(10**639) == 10**639
    assert check_command([-(10**639)]) == [-(10**639)]
    for number in (10**640, -(10**640), 2**MAX_INTEGER_BITS - 1):
        for command in (number, {"key": [number]}):
            with pytest.raises(
                CommandRefused, match="an integer of more than 640 digits, which Python is configured"
            ):
                check_command(command)
    assert mistake("submit " + "7" * 641) == (
        8,
        "an integer of 641 digits is too long here, as Python reads at most 640 (see PYTHONINTMAXSTRDIGITS; in quotes "
        "it is text)",
    )


def test_the_limit_of_digits_is_as_long_as_the_longest_integer() -> None:
    longest = 2**MAX_INTEGER_BITS - 1
    assert check_command(longest) == longest
    assert len(str(longest)) == _LONGEST_INTEGER


LONG = "9" * 5000


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("crash {}", "; write 0 to 4, leader, all …"),
        ("wait term = {}", "is too large a number; at most 19 digits are read"),
        ("wait committed {} on 3", "an integer of 5000 digits is too long; at most 3900 (in quotes it is text)"),
        ("wait committed x on {}", ": it must be a whole number from 0 to 5"),
        ("submit {}", "an integer of 5000 digits is too long; at most 3900 (in quotes it is text)"),
        ("let a = {}", "is too large a number; at most 19 digits are read"),
        ("let a = -{}", "is too large a number; at most 19 digits are read"),
        ("step {}", ": it must be a whole number from 1 to 10000"),
        ("why not committed {}", "is too large a number; at most 19 digits are read"),
        ("deliver {}", "is too large a number; at most 19 digits are read"),
        ("sleep {}ms", "is too long; at most 1440m"),
        ("speed {}", ": it must be between 0.001 and 100"),
        ("link 0->1 loss={}%", " (0–100 %): write 20% or 0.2"),
        ("cut {}->1", "; write 0 to 4, leader, all …"),
        ("drop 1 after {}", ": it must be a whole number from 0 to 1000000"),
        ("seed {}", ": it must be a whole number from 0 to 9223372036854775807"),
        ("nodes {}", ": it must be a whole number from 1 to 25"),
    ],
)
def test_a_number_of_thousands_of_digits_is_one_short_sentence(line: str, message: str) -> None:
    _, said = mistake(line.format(LONG))
    assert said.endswith(message)
    assert len(said) < 150


def test_a_number_of_thousands_of_digits_can_be_typed_and_given_as_an_option() -> None:
    for line in ("cut {}->", "partition {} | ", "crash {},", "deliver {}", "submit {} to "):
        complete(line.format(LONG), len(line) + 4998)
    with pytest.raises(UsageError, match="--nodes is a number from 1 to 25"):
        node_range(LONG)
