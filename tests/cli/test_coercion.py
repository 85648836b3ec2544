"""Options have the values that typer gives them, and pydantic is imported only where one must be converted."""

import pytest
import typer
from typer.core import TyperCommand
from typer.main import get_command

from raftplay.cli import learning, listing, playing, searching
from raftplay.cli.coercion import QuickCommand

LINES = (
    "run first-election", "run first-election --nodes 3 --seed 7 --speed 0.5 --bug a --bug b -q --json",
    "run x --timing election=1..2ms --set prevote=on --data-dir . --node f:C", "tui", "tui --pace real --size 80x24",
    "tui x --present --after status", "shell --seed 0", "explore --seeds 5 --nodes 3..5 --jobs 2", "bugs",
    "help submit", "lesson 1",
)  # fmt: skip


def parameters(line: str, kind: type[TyperCommand]) -> dict[str, object]:
    """The values of all options, read by one class of commands."""
    name, *words = line.split()
    for module in (learning, listing, playing, searching):
        app = typer.Typer()
        for command in module.app.registered_commands:
            app.registered_commands.append(command)
        app.callback()(lambda: None)
        group = get_command(app)
        found = getattr(group, "commands", {}).get(name)
        if found is not None:
            found.__class__ = kind
            return dict(found.make_context(name, words).params)
    raise AssertionError(f"there is no command {name}")


@pytest.mark.parametrize("line", LINES)
def test_an_option_has_the_value_that_typer_gives_it(line: str) -> None:
    ours, usual = parameters(line, QuickCommand), parameters(line, TyperCommand)
    assert ours == usual
    assert {name: type(value) for name, value in ours.items()} == {k: type(v) for k, v in usual.items()}


@pytest.mark.parametrize("line", ["run x --nodes many", "run x --nodes 0", "tui --pace fast", "run x --speed no"])
def test_a_value_that_typer_refuses_is_refused_in_its_words(line: str) -> None:
    said = []
    for kind in (QuickCommand, TyperCommand):
        with pytest.raises(typer.BadParameter) as refused:
            parameters(line, kind)
        said.append(refused.value.format_message())
    assert said[0] == said[1]
