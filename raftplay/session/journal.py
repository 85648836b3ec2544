"""Writing a session as a script: its commands and waits, so that running the script repeats them.

In sim the script keeps the exact times of commands and the seed, so that the replay is bit-for-bit identical.
On sockets it keeps the pauses between commands, to the millisecond, and every wait.
"""

from pathlib import Path

from raftplay.cluster.config import Config
from raftplay.cluster.given import Given
from raftplay.cluster.own_node import reference
from raftplay.files import Target
from raftplay.raft.messages import NONE, LogEntry
from raftplay.session.branches import SETTLES, Blueprint, Branch, Mark, time_text
from raftplay.session.shown import file_word
from raftplay.session.units import duration_text, range_text
from raftplay.version import made_by
from raftplay.watch.text import count, visible

SHORTEST_SLEEP = 0.001
"""The shortest pause on sockets that gets a line, in seconds."""


def script_text(branch: Branch, folder: str | Path = "", *, hides_bugs: bool = False) -> str:
    """Return the script in `folder` that repeats `branch`; if it `hides_bugs`, the names of bugs are left out."""
    blueprint = branch.blueprint
    assert blueprint is not None
    setup = setup_lines(blueprint, folder)
    if hides_bugs and blueprint.config.bugs:
        setup = [line for line in setup if not line.startswith("bug ")]
        setup.append("# a bug was on that the reader is to find, so this script does not name it")
    return (
        "\n".join(
            [
                f"# saved by {made_by()}; {run_text(blueprint, hides_bugs=hides_bugs)}",
                *setup,
                *_body(branch, is_exact=blueprint.backend == "sim"),
                *_marks_of_the_past(branch, is_exact=blueprint.backend == "sim"),
            ]
        )
        + "\n"
    )


def run_text(blueprint: Blueprint, *, hides_bugs: bool = False) -> str:
    """Name the backend, the seed and the options of a run in one line, for a comment."""
    config = blueprint.config
    options = option_lines(config)
    options += [] if hides_bugs else [f"bug {name}" for name in config.bugs]
    options += [f"node {visible(config.node_name)}"] if config.node_name else []
    options += [f"watch {', '.join(blueprint.watched)}"] if blueprint.watched else []
    return f"backend {blueprint.backend}, seed {blueprint.seed}, options: {', '.join(options) or 'none'}"


def cluster_text(branch: Branch, *, hides_bugs: bool = False) -> str:
    """Return the parameters of a branch's cluster, as set-up lines say them: "nodes 5, backend sim"."""
    if branch.blueprint is None:
        return count(branch.harness.n, "node")
    kinds = ("#", "bug") if hides_bugs else ("#",)
    return ", ".join(line for line in setup_lines(branch.blueprint) if not line.startswith(kinds))


def setup_lines(blueprint: Blueprint, folder: str | Path = "") -> list[str]:
    """Return the set-up lines of a script in `folder` for such a cluster."""
    config = blueprint.config
    lines = [f"nodes {blueprint.nodes}", f"backend {blueprint.backend}", f"seed {blueprint.seed}"]
    lines += option_lines(config)
    lines += [given_line(disk) for disk in blueprint.given]
    lines += [f"bug {name}" for name in config.bugs]
    if config.node_name:
        named = reference(config.node, folder)
        lines.append(f"node {file_word(named)}" if named else f"# with nodes of the class {config.node_name}")
    lines += [f"watch {', '.join(blueprint.watched)}"] if blueprint.watched else []
    if blueprint.data_dir is not None:
        lines += [f"# over the data directory {visible(str(blueprint.data_dir))}, as it was then"]
    return lines


def option_lines(config: Config) -> list[str]:
    """Return the set-up lines for the timings and the options of the algorithm that are not the usual ones."""
    usual, raft = Config(), config.raft
    timings = (
        ("election", (raft.election_min, raft.election_max), (usual.raft.election_min, usual.raft.election_max)),
        ("heartbeat", (raft.heartbeat, raft.heartbeat), (usual.raft.heartbeat, usual.raft.heartbeat)),
        ("delay", (config.delay_min, config.delay_max), (usual.delay_min, usual.delay_max)),
    )
    chosen = [f"{name}={range_text(*value)}" for name, value, standard in timings if value != standard]
    lines = [f"timing {' '.join(chosen)}"] if chosen else []
    lines += [f"set {name} on" for name, on in config.switches.items() if on]
    lines += [f"set {name} {value}" for name, value in config.clients.unusual.items()]
    lines += [f"set snapshot {raft.snapshot}"] * bool(raft.snapshot)
    lines += [] if config.keep_commits is None else [f"keep {config.keep_commits}"]
    return lines + [f"set drift {raft.drift}"] * (raft.drift != usual.raft.drift)


def given_line(disk: Given) -> str:
    """Return the set-up line for the disk of a node before the start."""
    voted = f" voted {disk.voted_for}" if disk.voted_for != NONE else ""
    log = "".join(f" {_entry_word(entry)}" for entry in disk.entries)
    unchecked = "" if disk.is_checked else " unchecked"
    return f"given {disk.node} term {disk.current_term}{voted}{f' log{log}' if log else ''}{unchecked}"


def _entry_word(entry: LogEntry) -> str:
    """Return an entry as a word of a script: an integer has no quotes, every text has them."""
    text = f"{entry.term}:{entry.command}"
    return text if isinstance(entry.command, int) else "'" + text.replace("'", "'\\''") + "'"


def write_new(file: Path, text: str, *, replaces: bool = False, keeps: tuple[Path, ...] = ()) -> None:
    """Write `file` completely or not at all. Raises `UsageError` if it exists, unless `replaces`.

    Nothing is written into the directories that it `keeps`.
    """
    Target(file, force=replaces, keeps=keeps, remedy="choose another name").write(text.encode())


def _body(branch: Branch, *, is_exact: bool) -> list[str]:
    """Return the lines of the commands that were done, and of the time that passed between them."""
    lines: list[str] = []
    done = branch.born
    for entry in branch.journal:
        if entry.failure:
            reason = visible(entry.failure.split("\n")[0])
            lines.append(f"# {visible(entry.text)}: {reason}")
        if entry.can_be_done_again:
            pause = _pause(done, entry.start, is_exact=is_exact)
            if not pause and all(line.startswith("#") for line in lines) and entry.text.startswith("set "):
                pause = [SETTLES]  # any other command: in the set-up it would concern the start
            lines += [*pause, entry.text]
            done = entry.end
    return lines + _pause(done, branch.mark(), is_exact=is_exact)


def _marks_of_the_past(branch: Branch, *, is_exact: bool) -> list[str]:
    """Return the lines that name moments which were past when they got their names."""
    journaled = {entry.text: entry.start for entry in branch.journal if entry.text.startswith("mark ")}
    lines = []
    for name, moment in branch.marks.items():
        if journaled.get(f"mark {name}") == moment:
            continue
        when = time_text(moment.time)
        lines += [f"goto {when}", f"mark {name}", "live"] if is_exact else [f"# mark {name} was at {when}"]
    return lines


def _pause(begin: Mark, end: Mark, *, is_exact: bool) -> list[str]:
    """Return the line that lets the time between two moments pass, or what is due at the moment happen."""
    if is_exact:
        return [f"goto {time_text(end.time)}"] if end != begin else []
    seconds = round(end.time - begin.time, 3)
    return [f"sleep {duration_text(seconds)}"] if seconds >= SHORTEST_SLEEP else []
