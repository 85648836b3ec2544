"""Commands that list or explain: scenarios, bugs, invariants, help.

The rule of this module: each command imports what it lists, so that none waits for what another one needs.
"""

import textwrap
from typing import Annotated

import typer

from raftplay import scenarios as shipped
from raftplay.cli import completions
from raftplay.output import Output

app = typer.Typer()


@app.command()
def scenarios() -> None:
    """List the scenarios; run one with: raftplay run NAME."""
    Output().write("\n\n".join(_group(names) for names in (shipped.names(), shipped.incident_names())))


def _group(names: list[str]) -> str:
    width = max(map(len, names))
    return "\n".join(f"{name:<{width}}  {shipped.summary_of(name)}" for name in names)


@app.command()
def bugs(
    name: Annotated[
        str | None, typer.Argument(autocompletion=completions.bugs, help="The bug to explain.")
    ] = None,
) -> None:
    """List the bug switches, or explain one; to see one at work: raftplay run bugs/NAME."""
    from raftplay.cli.options import known_bugs  # noqa: PLC0415
    from raftplay.raft.bugs import BUGS  # noqa: PLC0415

    if name is None:
        width = max(map(len, BUGS))
        Output().write("\n".join(f"{bug.name:<{width}}  {bug.mechanism}" for bug in BUGS.values()))
        return
    known_bugs([name])
    bug = BUGS[name]
    Output().write(
        "\n".join(
            (
                f"{bug.name}: {bug.mechanism}",
                "",
                *textwrap.wrap(bug.explanation, 100),
                "",
                f"section  {bug.section}",
                f"violates {', '.join(bug.violates)}",
                f"seen in  {', '.join(bug.seen_in) or 'no report that is known here'}",
                f"see it   raftplay run bugs/{name}     and without: raftplay run bugs/{name} --without-bugs",
            )
        )
    )


@app.command()
def invariants() -> None:
    """List the invariants that are watched while a cluster runs."""
    from raftplay.watch.invariants import INVARIANTS  # noqa: PLC0415

    width = max(len(invariant.name) for invariant in INVARIANTS)
    Output().write("\n".join(f"{invariant.name:<{width}}  {invariant.statement}" for invariant in INVARIANTS))


@app.command("help")
def help_(
    name: Annotated[
        str | None, typer.Argument(autocompletion=completions.help_names, help="A command, or: conditions.")
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the table of docs/language.md.")] = False,
) -> None:
    """Explain the commands of the language."""
    import raftplay.run.script  # noqa: F401, PLC0415 - it imports the modules that fill the table
    from raftplay.commands import looking  # noqa: PLC0415

    Output().write(looking.markdown_table() if markdown else looking.help_text(name))
