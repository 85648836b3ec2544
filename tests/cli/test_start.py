"""What the command line imports when it starts: only what the sub-command that is used needs."""

import os
import subprocess
import sys
from inspect import cleandoc
from pathlib import Path

import pytest

from raftplay.cli.app import MODULES, application
from raftplay.cli.entry import COMPLETE, typed_words

LIBRARIES = {"asyncio", "pydantic", "prompt_toolkit", "rich", "textual", "uvloop", "sqlite3", "multiprocessing"}

MOST_MODULES, MOST_OWN = 800, 330
"""The most modules after the first frame: each costs about 0.5 ms. Those of new features may be added."""

IMPORTED = """
import sys
from raftplay.cli import main
try:
    main()
finally:
    print(*sys.modules, sep="\\n", file=sys.stderr)
"""


def imported(*words: str, python: tuple[str, ...] = ()) -> set[str]:
    """The modules that a command line imports; it must succeed."""
    done = subprocess.run(
        [sys.executable, *python, "-c", IMPORTED, *words], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stderr.split("\n"))


@pytest.mark.parametrize("words", ["--version", "--help", "scenarios", "scenarios --help"])
def test_what_only_lists_starts_with_few_modules(words: str):
    modules = imported(*words.split())
    assert modules & LIBRARIES == set()
    own = {name for name in modules if name.startswith("raftplay.")}
    assert own.isdisjoint({"raftplay.raft.consensus", "raftplay.watch.stream", "raftplay.run.script"})
    assert len(own) <= 25, sorted(own)


@pytest.mark.parametrize(
    ("words", "unneeded"),
    [
        (
            "bugs",
            {"textual", "prompt_toolkit", "rich", "raftplay.cli.playing", "raftplay.lessons", "raftplay.tui"},
        ),
        ("help submit", {"textual", "prompt_toolkit", "rich", "raftplay.cli.playing", "raftplay.bench"}),
        ("lesson", {"textual", "prompt_toolkit", "rich", "raftplay.cli.searching", "raftplay.bench"}),
        (
            "run first-election --backend sim --seed 1",
            {
                "textual",
                "prompt_toolkit",
                "rich",
                "raftplay.lessons",
                "raftplay.explore.search.sweep",
                "raftplay.bench",
            },
        ),
    ],
)
def test_a_sub_command_imports_nothing_of_the_others(words: str, unneeded: set[str]):
    assert imported(*words.split()) & unneeded == set()


FIRST_FRAME = """
import os, sys
import raftplay.tui.app, raftplay.tui.command
from textual.app import App

def settle():
    print(*sys.modules, sep="\\n")
    sys.stdout.flush()
    os._exit(0)

raftplay.tui.app.settle = settle
raftplay.tui.command.check_terminal = lambda: None
run = App.run
App.run = lambda self: run(self, headless=True)
from raftplay.cli import main
main()
"""
"""Shows the screen without a terminal, and prints the modules that are there after its first frame."""


@pytest.mark.parametrize("words", ["tui", "tui split-brain --backend sim --pace watch"])
def test_the_first_frame_of_the_screen_comes_after_few_modules(words: str, tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-c", FIRST_FRAME, *words.split()],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        cwd=tmp_path,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path)},
    )
    modules = set(done.stdout.split("\n"))
    assert "raftplay.tui.stage.stage" in modules
    unneeded = {"pydantic", "prompt_toolkit", "multiprocessing", "dask", "html"}
    unneeded |= {
        "raftplay.why.answers",
        "raftplay.past.story",
        "raftplay.explore",
        "raftplay.lessons.language",
        "raftplay.tui.svg",
        "raftplay.bench",
    }
    assert modules & unneeded == set()
    assert len(modules) <= MOST_MODULES, len(modules)
    own = {name for name in modules if name.startswith("raftplay.")}
    assert len(own) <= MOST_OWN, sorted(own)


NAMES = [name for names in MODULES.values() for name in names]


def helps(*words: str) -> dict[str, str]:
    """The sub-commands and their help texts, in the application that is made for `words`."""
    groups = [group.typer_instance for group in application(words).registered_groups]
    commands = [command for group in groups if group is not None for command in group.registered_commands]
    return {
        command.name or command.callback.__name__: cleandoc(command.help or command.callback.__doc__ or "")
        for command in commands
        if command.callback is not None
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_sub_command_that_is_only_listed_says_the_same_as_when_it_is_used(name: str):
    assert list(helps(name)) == list(helps()) == NAMES
    assert helps(name)[name] == cleandoc(helps()[name])


def test_the_words_are_those_that_a_shell_completes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "argv", ["raftplay", "scenarios"])
    assert typed_words("=", {"COMP_WORDS": "raftplay run x"}) == ["scenarios"]
    assert typed_words(COMPLETE, {"COMP_WORDS": "raftplay run x"}) == ["run", "x"]
    assert typed_words(COMPLETE, {"_TYPER_COMPLETE_ARGS": "raftplay lesson "}) == ["lesson"]
    assert typed_words(COMPLETE, {}) == []
