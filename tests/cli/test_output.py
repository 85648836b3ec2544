"""Text on standard output where there is no Unicode: signs of ASCII, and the columns stay."""

import re

import pytest
from support.command_line import raftplay
from support.places import ROOT

from raftplay.output import SIGNS

PLAIN = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": ""}


def printed(*args: str, given: str = "", **env: str) -> str:
    """What `raftplay` prints, as it stands in columns."""
    done = raftplay(*args, stdin=given, env=env)
    return done.out + done.err


SCRIPT = "nodes 3\nwait leader\nsubmit '日本語 ①'\nsubmit é\nwait committed é\nlog\nstatus\n"


def test_what_cannot_be_printed_takes_as_many_columns() -> None:
    args = ("run", "-", "--backend", "sim", "--seed", "1")
    ours, plain = printed(*args, given=SCRIPT), printed(*args, given=SCRIPT, **PLAIN)
    assert plain.isascii()
    assert "?????? ?" in plain
    assert "\\u" not in plain
    expected = ours.replace("日本語", "?" * 6).replace("①", "?").replace("é", "?")
    assert plain == expected


@pytest.mark.parametrize(
    "args",
    [
        ("run", "-", "--backend", "sim", "--seed", "1"),
        ("help",),
        ("run", "no-such-scénario→"),
        ("scenarios",),
        ("bugs",),
    ],
)
def test_our_own_signs_have_likes_in_ascii(args: tuple[str, ...]) -> None:
    """The event list has arrows, the help section signs."""
    text = printed(*args, given="wait leader\nsubmit 1\nsleep 20ms\nevents 60\n", **PLAIN)
    assert text.isascii()
    assert not re.search(r"\\u[0-9a-f]{4}|\\x[0-9a-f]{2}", text)
    if args[0] == "run" and args[1] == "-":
        assert re.search(r"n\d -> n\d", text)
        assert "?" not in text


def test_every_sign_of_ours_has_a_like() -> None:
    """Whatever the parts of raftplay write that print text, the screen aside, which has signs of its own."""
    folder = ROOT / "raftplay"
    others = ("tui", "explore")
    for file in folder.rglob("*.py"):
        if file.relative_to(folder).parts[0] not in others and file.name != "output.py":
            missing = {char for char in file.read_text("utf-8") if not char.isascii() and ord(char) not in SIGNS}
            assert missing <= set("漢字"), (file, missing)


def test_json_is_the_same_everywhere() -> None:
    args = ("run", "-", "--backend", "sim", "--seed", "1", "--json")
    assert printed(*args, given=SCRIPT) == printed(*args, given=SCRIPT, **PLAIN)
