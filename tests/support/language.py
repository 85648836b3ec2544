"""What the tests of the command language share: scripts refused, and scripts run."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from raftplay.commands.setup import Setup
from raftplay.language.lexer import Mistake, Statement, split_line
from raftplay.run.runner import JsonTranscript, Status, TextTranscript, run_script
from raftplay.run.script import ScriptRefused, parse_script


def refused(text: str, **overrides: Any) -> list[Mistake]:
    """The mistakes for which a script is refused."""
    with pytest.raises(ScriptRefused) as refusal:
        parse_script("script", text, Setup(**overrides))
    return refusal.value.mistakes


def mistake(line: str, **overrides: Any) -> tuple[int, str]:
    """(column, message) of the one mistake in a line."""
    found = refused(line, **overrides)
    assert len(found) == 1, found
    assert found[0].line == line.count("\n") + 1
    return found[0].column, found[0].message


def statements(line: str) -> list[Statement]:
    """The statements of a line."""
    return split_line(line)[0]


def words(line: str) -> list[str]:
    """The words of a line that holds one statement."""
    (statement,) = statements(line)
    return [word.text for word in statement.words]


@dataclass
class Ran:
    """What became of a script: its status, its transcript for people, its transcript for programs."""

    status: Status
    objects: list[dict[str, Any]]

    @property
    def steps(self) -> list[dict[str, Any]]:
        """The objects of the steps."""
        return [o for o in self.objects if o["kind"] == "step"]

    @property
    def answers(self) -> list[str]:
        """The answers of the steps that held."""
        return [step["answer"] for step in self.steps if step["status"] == "held"]

    @property
    def last(self) -> dict[str, Any]:
        """The last step."""
        return self.steps[-1]

    def answer(self, command: str) -> str:
        """The answer to the last command that begins with `command`."""
        return next(s["answer"] for s in reversed(self.steps) if s["command"].startswith(command))


def ran(text: str, *, backend: str = "sim", seed: int = 7, **overrides: Any) -> Ran:
    """Run a script, and read its transcript for programs."""
    lines: list[str] = []
    script = parse_script("script", text, Setup(backend=backend, seed=seed, **overrides))
    status = run_script(script, JsonTranscript(lines.append))
    return Ran(status, [json.loads(line) for line in lines])


def held(text: str, **overrides: Any) -> Ran:
    """Run a script that must hold."""
    run = ran(text, **overrides)
    assert run.status is Status.HELD, run.last
    return run


def transcript(
    text: str, *, name: str = "script", backend: str = "sim", seed: int = 7, quiet: bool = False
) -> list[str]:
    """The transcript for people, line by line."""
    lines: list[str] = []
    script = parse_script(name, text, Setup(backend=backend, seed=seed))
    run_script(script, TextTranscript(lines.append, quiet=quiet))
    return "\n".join(lines).split("\n")
