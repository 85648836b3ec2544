"""The shell without a terminal around it: keys through a pipe, and what it prints."""

import asyncio
import re
import time
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
from raftplay.shell.feed import ShellFeed
from raftplay.shell.plain import PlainShell

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


def test_a_repeat_may_be_typed_line_by_line_and_its_prompt_says_so(inside: Inside):
    said = inside.run(
        f"wait leader{ENTER}repeat 3{ENTER}submit x # once{ENTER}repeat 2; now{ENTER}end{ENTER}end{ENTER}exit{ENTER}"
    )
    assert re.search(r"raftplay> repeat 3\n(.|\n)*repeat> submit x(.|\n)*repeat> end\n", said)
    assert "raftplay> repeat 3; submit x; repeat 2; now; end; end" in said
    assert [entry.text for entry in inside.live.session.branch.journal].count("submit x") == 3
    assert "index 2 of node" in said


def test_ctrl_c_leaves_a_repeat_and_so_does_a_line_that_cannot_be_read(inside: Inside):
    assert inside.shell._block.add("repeat 3") is None
    said = inside.run(f"{CTRL_C}now{ENTER}repeat 2{ENTER}submit 'x{ENTER}now{ENTER}repeat 2{ENTER}exit{ENTER}")
    assert len(re.findall(r"raftplay> now\n", said)) == 2
    assert "has no closing '" in said
    assert all(entry.text != "submit x" for entry in inside.live.session.branch.journal)


def test_a_repeat_with_too_many_ends_tells_its_mistake(inside: Inside):
    assert "end has no repeat before it" in inside.run(f"repeat 2{ENTER}now; end; end{ENTER}exit{ENTER}")


def test_a_terminal_that_only_prints_repeats_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    typed = iter(["wait leader", "repeat 2", "submit x", "end", "repeat 3", "now"])
    prompts: list[str] = []

    def read(prompt: str) -> str:
        prompts.append(prompt)
        return next(typed, None) or ended()

    def ended() -> str:
        raise EOFError

    monkeypatch.setattr("builtins.input", read)
    live = Live(session_of(blueprint(3)))
    live.session.harness.set_speed(50)
    script = parse_script("shell", "", Setup(nodes=3, backend="sim", seed=7))
    assert PlainShell(live, script, ShellFeed(live.session, time.monotonic), []).run() == 0
    live.close()
    said = capsys.readouterr().out
    asked = ["raftplay> "] * 2 + ["repeat> "] * 2 + ["raftplay> "] + ["repeat> "] * 2
    assert prompts == asked
    assert "index 1 of node" in said
    assert "this repeat has no end" in said


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
