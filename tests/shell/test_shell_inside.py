"""The shell without a terminal around it: keys through a pipe, and what it prints."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput
from support.session import blueprint, session_of

from raftplay.commands.setup import Setup
from raftplay.run.live import Live
from raftplay.run.script import parse_script
from raftplay.shell.app import Shell

ENTER, CTRL_C, CTRL_D = "\r", "\x03", "\x04"


class Paper(DummyOutput):
    """Keeps all that is written to it."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, data: str) -> None:
        self.text += data.replace("\r\n", "\n")

    write_raw = write


class Inside:
    """A shell over three simulated nodes, which reads what is typed and ends when it is left."""

    def __init__(self, keys: PipeInput, script: str = "") -> None:
        self.keys = keys
        self.paper = Paper()
        self.news: list[str] = []
        self.live = Live(session_of(blueprint(3)), self.news.append)
        self.live.session.harness.set_speed(50)
        self.shell = Shell(
            self.live,
            parse_script("shell", script, Setup(nodes=3, backend="sim", seed=7)),
            news=self.news,
            input=keys,
            output=self.paper,
        )

    def run(self, typed: str) -> str:
        """Type all that, and leave by it: what was printed."""
        self.keys.send_text(typed)
        assert asyncio.run(asyncio.wait_for(self.shell.run(), 60)) == 0
        return self.paper.text


@pytest.fixture
def keys() -> Iterator[PipeInput]:
    with create_pipe_input() as keys:
        yield keys


@pytest.fixture
def inside(keys: PipeInput) -> Iterator[Inside]:
    inside = Inside(keys)
    yield inside
    inside.live.close()


def test_lines_run_in_the_order_in_which_they_were_typed(inside: Inside):
    said = inside.run(f"wait leader{ENTER}submit 1{ENTER}submit 2; wait committed 2{ENTER}exit{ENTER}")
    assert re.search(r"wait leader(.|\n)*leads term(.|\n)*submit 1(.|\n)*index 0(.|\n)*index 1", said)
    assert len(inside.live.session.history.records()) > 0


def test_ctrl_c_at_an_empty_line_says_how_to_leave(inside: Inside):
    assert "(Ctrl-D leaves)" in inside.run(CTRL_C + CTRL_D)


def test_ctrl_d_deletes_in_a_line_that_is_not_empty(inside: Inside):
    said = inside.run(f"xnow\x01{CTRL_D}{ENTER}exit{ENTER}")
    assert re.search(r"raftplay> now\n(.|\n)* +\d+\.\d{3}  \d+\.\d{3} s\n", said)


def test_the_script_is_played_first_with_its_comments(keys: PipeInput):
    inside = Inside(
        keys, "# A story.\nwait leader\nsubmit 1 # behind\nwait committed 1\nexpect no leader\nsubmit never\n"
    )
    try:
        said = inside.run(f"exit{ENTER}")
    finally:
        inside.live.close()
    assert "# A story." in said
    assert re.search(r"does not hold: node \d leads term \d\n(.|\n)*the script ends here", said)
    assert "never" not in said


def test_leaving_says_what_is_not_saved_and_nothing_when_all_is(inside: Inside, tmp_path: Path):
    said = inside.run(f"wait leader{ENTER}save {tmp_path}/a.txt{ENTER}exit{ENTER}")
    assert "not saved" not in said
    assert (tmp_path / "a.txt").exists()
