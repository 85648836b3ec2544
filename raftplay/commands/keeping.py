"""Writing a session as a script: its commands and waits, so that running the script repeats them.

In sim the script keeps the exact times of commands and the seed, so that the replay is bit-for-bit identical.
On sockets it keeps the pauses between commands, to the millisecond, and every wait.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from raftplay.cluster.config import Config
from raftplay.cluster.own_node import reference
from raftplay.commands import kinds
from raftplay.commands.branches import Blueprint, Branch, Mark, time_text
from raftplay.commands.shown import file_word
from raftplay.commands.table import command
from raftplay.commands.values import duration_text, range_text
from raftplay.errors import UsageError
from raftplay.files import Target
from raftplay.version import __version__
from raftplay.watch.text import count, visible

if TYPE_CHECKING:
    from raftplay.commands.session import Session

GROUP = "Keeping"

SHORTEST_SLEEP = 0.001
"""The shortest pause on sockets that gets a line, in seconds."""


@command(GROUP, "save story.txt")
def save(session: "Session", file: Annotated[Path, kinds.FILE]) -> str:
    """Write all commands so far as a script, which repeats them (in sim: bit-for-bit)."""
    _check(session, file)
    text = script_text(session, file.parent)
    write_new(file, text, keeps=_keeps(session))
    return f"{visible(str(file))}: {_count(session)}; run it with: raftplay run {file_word(str(file))}"


@command(GROUP, "record story.txt")
def record(session: "Session", file: Annotated[Path, kinds.FILE]) -> str:
    """Do as save does, and keep the file up to date until the session ends."""
    _check(session, file)
    write_new(file, script_text(session, file.parent), keeps=_keeps(session))
    before = session.record_to(file)
    ended = "" if before is None else f"; {visible(str(before))} ends here"
    return f"{visible(str(file))}: {_count(session)} so far, and all that follows{ended}"


def script_text(session: "Session", folder: str | Path = "") -> str:
    """Return the script that repeats the current branch, to stand in `folder`."""
    blueprint = session.blueprint
    assert blueprint is not None
    branch = session.branch
    setup = setup_lines(blueprint, folder)
    if session.hides_bugs and blueprint.config.bugs:
        setup = [line for line in setup if not line.startswith("bug ")]
        setup.append("# a bug was on that the reader is to find, so this script does not name it")
    return (
        "\n".join(
            [f"# saved by raftplay {__version__}", *setup, *_body(branch, is_exact=blueprint.backend == "sim")]
        )
        + "\n"
    )


def setup_lines(blueprint: Blueprint, folder: str | Path = "") -> list[str]:
    """Return the set-up lines of a script in `folder` for such a cluster."""
    config, usual = blueprint.config, Config()
    raft = config.raft
    timings = (
        ("election", (raft.election_min, raft.election_max), (usual.raft.election_min, usual.raft.election_max)),
        ("heartbeat", (raft.heartbeat, raft.heartbeat), (usual.raft.heartbeat, usual.raft.heartbeat)),
        ("delay", (config.delay_min, config.delay_max), (usual.delay_min, usual.delay_max)),
    )
    chosen = [f"{name}={range_text(*value)}" for name, value, standard in timings if value != standard]
    lines = [f"nodes {blueprint.nodes}", f"backend {blueprint.backend}", f"seed {blueprint.seed}"]
    lines += [f"timing {' '.join(chosen)}"] if chosen else []
    lines += [f"set {name} on" for name, on in (("prevote", raft.prevote), ("noop", raft.noop)) if on]
    lines += [f"bug {name}" for name in config.bugs]
    if config.node_name:
        named = reference(config.node, folder)
        lines.append(f"node {file_word(named)}" if named else f"# with nodes of the class {config.node_name}")
    lines += [f"watch {', '.join(blueprint.watched)}"] if blueprint.watched else []
    if blueprint.data_dir is not None:
        lines += [f"# over the data directory {visible(str(blueprint.data_dir))}, as it was then"]
    for name, on in (
        ("RAFT_UNRELIABLE_RPC", config.unreliable),
        ("RAFT_FORCE_MORE_REELECTION", raft.force_more_reelection),
    ):
        lines += [f"# with {name}=1 in the environment"] if on else []
    return lines


def write_new(file: Path, text: str, *, replaces: bool = False, keeps: tuple[Path, ...] = ()) -> None:
    """Write `file` completely or not at all. Raises `UsageError` if it exists, unless `replaces`.

    Nothing is written into the directories that it `keeps`.
    """
    Target(file, force=replaces, keeps=keeps, remedy="choose another name").write(text.encode())


def _keeps(session: "Session") -> tuple[Path, ...]:
    """Return the data directory of a session, if it has one."""
    return (Path(session.directory),) if session.directory else ()


def _check(session: "Session", file: Path) -> None:
    if not session.is_live:
        raise UsageError("a script does not write files; this is for a shell and for the screen")


def _count(session: "Session") -> str:
    return count(session.branch.count, "command")


def _body(branch: Branch, *, is_exact: bool) -> list[str]:
    """Return the lines of the commands that were done, and of the time that passed between them."""
    lines: list[str] = []
    done = branch.born
    for entry in branch.journal:
        if entry.failure:
            reason = visible(entry.failure.split("\n")[0])
            lines.append(f"# {visible(entry.text)}: {reason}")
        if entry.can_be_done_again:
            lines += [*_pause(done, entry.start, is_exact=is_exact), entry.text]
            done = entry.end
    return lines + _pause(done, branch.mark(), is_exact=is_exact)


def _pause(begin: Mark, end: Mark, *, is_exact: bool) -> list[str]:
    """Return the line that lets the time between two moments pass, or what is due at the moment happen."""
    if is_exact:
        return [f"goto {time_text(end.time)}"] if end != begin else []
    seconds = round(end.time - begin.time, 3)
    return [f"sleep {duration_text(seconds)}"] if seconds >= SHORTEST_SLEEP else []
