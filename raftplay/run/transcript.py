"""Transcripts of a run: for people, or for programs.

The one for programs (`raftplay run --json`) is a JSON object a line, in ASCII; `kind` is one of seven kinds.
All times are seconds of cluster time. Keys may be added, but will not change. With `--quiet`, `begin`, comments,
steps that held and a linearizable `clients` are not written. A script with mistakes does not run: nothing is
written, but `file` with `--rewrite`.

`begin`    script, nodes, backend, seed, bugs (names); node (their class, "" for the algorithm's);
           election and delay (each [low, high]), heartbeat;
           prevote, noop, unreliable, more_reelection (each true or false); data_dir (null for none);
           checkquorum, sticky, and options to come (true; only where they are on);
           snapshot (a number), sessions (false), reads (index, lease, local) and drift (a number of percent), each
           only where it is set;
           warning, if the timings cannot work
`comment`  line, text
`step`     line, column (of the command, from 1), command (as written), time (when it ended), status, and
           held:    answer (what the text transcript says; may have several lines)
           failed:  reason, state          an expectation did not hold; with `again`, the code of a node failed
           broken:  reason, state, again   an invariant was violated; `again` is the command line to reproduce it
           error:   reason                 the step is invalid
           A step that the script expects to fail (see `raftplay.run.answers`) holds if it fails.
`difference`  with `--verify`, an unexpected answer: line, commands (all of that line),
           time, expected, got (each a list of lines)
`clients`  outcome (linearizable, violated, undecided), report (a list of lines), time; if there were clients
`end`      status (held, failed, misused, interrupted), time, steps (how many held); with `--verify` also
           compared, differences (how many lines' answers were compared, and differ); over a data directory
           not_kept (the branches that it does not keep, if any); if Ctrl-C ended a method of a user's class
           that did not return, running (its node, name and line)
`file`     with `--rewrite`, the script's file: path, changed (true or false), added, updated (how many
           blocks of answers)

`state` is {nodes: [{id, state, term, vote, log: [[term, command] …], commit, alive, connected, frozen,
tearing} …], network: [line …]}; vote and commit are -1 for none. Of a node that is not alive, term, vote and log
are those on its disk, and commit is -1: it is not kept on disk. `tearing`: its next write will be torn. `line`
and `column` are null if no step was running.
"""

import json
import os
import shlex
from collections.abc import Callable
from typing import Any, Protocol

from raftplay.cluster.config import MORE_REELECTION, UNRELIABLE, Config
from raftplay.cluster.harness import Harness
from raftplay.cluster.snapshot import NodeSnapshot, Snapshot, network_lines
from raftplay.cluster.timings import doubt_about_cluster
from raftplay.linearizability.search import Linearizability
from raftplay.run.answers import Changes, Comparison, difference_text
from raftplay.run.script import Comment, Script, Step
from raftplay.session.shown import columns, not_kept_text, pad, short
from raftplay.session.status import Status
from raftplay.session.units import range_text
from raftplay.watch.text import count, visible

ENVIRONMENT = ("more-reelection", "unreliable")
"""The options that are named as the environment variables that switch them on, too."""

ALWAYS = ("prevote", "noop")
"""The options that programs are told of also where they are off."""

Write = Callable[[str], None]
"""Writes one or more lines."""


class Transcript(Protocol):
    """A writer of what happens in a run."""

    def begin(self, script: Script, harness: Harness) -> None:
        """Write that the cluster runs."""

    def comment(self, comment: Comment) -> None:
        """Write a comment of the script."""

    def step(self, step: Step, time: float, answer: str) -> None:
        """Write a step that held; its answer may have several lines."""

    def failed(self, step: Step, time: float, reason: str, snapshot: Snapshot) -> None:
        """Write a step that did not hold."""

    def broken(self, step: Step | None, time: float, breach: str, snapshot: Snapshot) -> None:
        """Write that an invariant of Raft was violated, in this step if one was running."""

    def node_failed(self, step: Step | None, time: float, reason: str, snapshot: Snapshot) -> None:
        """Write that a node's code failed, in this step if one was running; `reason` may have several lines."""

    def misused(self, step: Step, time: float, message: str) -> None:
        """Write a step that is invalid."""

    def compared(self, comparison: Comparison, time: float) -> None:
        """Write the comparison of a line's answers with those that the script expects."""

    def clients(self, outcome: Linearizability, lines: list[str], time: float) -> None:
        """Write whether what clients were told is linearizable; only a run with clients has this."""

    def not_kept(self, branches: list[str], directory: str) -> None:
        """Write that the data directory does not keep these branches."""

    def end(self, status: Status, time: float, steps: int, running: str = "") -> None:
        """Write that the run has ended; `running` is the code of a node that Ctrl-C has ended, if any."""

    def rewritten(self, script: str, changes: Changes | None) -> None:
        """Write the changes to the script's file; None if it is unchanged, as not all held."""


def again_command(script: Script, harness: Harness) -> str:
    """Return the command line that repeats the run of `script` (in sim: exactly, over an equal data directory)."""
    name = f"./{script.name}" if script.name.startswith("-") and script.name != "-" else script.name
    words = ["raftplay", "run", name, "--nodes", str(harness.n), "--backend", harness.backend]
    words += ["--seed", str(harness.seed)]
    for bug in script.setup.bugs:
        words += ["--bug", bug]
    if script.overrides.node is not None:
        words += ["--node", script.overrides.node.text]
    words += script.overrides.options()
    if harness.data_dir is not None:
        words.append(f"--data-dir={os.fspath(harness.data_dir)}")
    return shlex.join(words)


class TextTranscript:
    """A transcript for people: the cluster time, the command, its answer."""

    WIDTH = 34
    LONGEST = 160
    """The maximum length of a command in the transcript, in characters."""

    def __init__(self, write: Write, *, quiet: bool = False) -> None:
        self._write = write
        self._quiet = quiet
        self._name = ""
        self._about = ""
        self._again = ""
        self._below_step = False
        self._compared = 0
        self._differences = 0

    def begin(self, script: Script, harness: Harness) -> None:
        """Write one line about the cluster."""
        self._name = visible(script.name)
        self._again = again_command(script, harness)
        self._about = about_text(script, harness)
        self._say(f"{self._name}: {self._about}")
        if warning := warning_text(harness):
            self._say(warning)

    def comment(self, comment: Comment) -> None:
        """Write the comment as it is; a blank line separates it from a step above, unless it follows commands."""
        indent = " " * 11 if comment.behind else ""
        if self._below_step and not comment.behind:
            self._say("")
        sign = "#" if comment.is_chapter else "# "
        self._say(f"{indent}{sign}{visible(comment.text)}".rstrip())
        self._below_step = comment.behind

    def step(self, step: Step, time: float, answer: str) -> None:
        """Write time, command and answer on one line; longer answers below."""
        self._say(self._line(step, time, answer))
        self._below_step = True

    def failed(self, step: Step, time: float, reason: str, snapshot: Snapshot) -> None:
        """Write what failed, where and when, and the state of every node."""
        self._write(self._line(step, time, "FAILED"))
        self._write(f"{self._name}:{step.line}: failed at {time:.3f} s: {self._text(step)}: {visible(reason)}")
        self._state(snapshot)

    def broken(self, step: Step | None, time: float, breach: str, snapshot: Snapshot) -> None:
        """Write the violated invariant, the facts that contradict each other, and how to reproduce it."""
        if step is None:
            self._write(f"{self._name}: {visible(breach)}")
        else:
            self._write(self._line(step, time, "BROKEN"))
            self._write(f"{self._name}:{step.line}: {self._text(step)}: {visible(breach)}")
        self._state(snapshot)
        self._write(f"again: {visible(self._again)}")

    def node_failed(self, step: Step | None, time: float, reason: str, snapshot: Snapshot) -> None:
        """Write which node failed and how, the state of every node, and how to reproduce it."""
        first, *more = (visible(line) for line in reason.split("\n"))
        if step is None:
            self._write(f"{self._name}: {first}")
        else:
            self._write(self._line(step, time, "FAILED"))
            self._write(f"{self._name}:{step.line}: {self._text(step)}: {first}")
        for line in more:
            self._write(line)
        self._state(snapshot)
        self._write(f"again: {visible(self._again)}")

    def misused(self, step: Step, time: float, message: str) -> None:
        """Write the mistake, with its place."""
        mistake = step.bound.statement.mistake(message, step.bound.statement.words[0])
        self._write(mistake.render(self._name))

    def compared(self, comparison: Comparison, time: float) -> None:
        """Write the differences, line by line."""
        self._compared += 1
        self._differences += comparison.differs
        if comparison.differs:
            commands = short(comparison.commands.replace("\t", " "), self.LONGEST)
            self._write(f"{self._name}:{comparison.line}: another answer: {commands} (- expected, + got)")
            for line in difference_text(comparison):
                self._write(f"  {line}")

    def clients(self, outcome: Linearizability, lines: list[str], time: float) -> None:
        """Write the verdict, and what nothing explains."""
        write = self._say if outcome == "linearizable" else self._write
        for index, line in enumerate(lines):
            write(visible(f"{'clients: ' if index == 0 else '  '}{line}".rstrip()))

    def not_kept(self, branches: list[str], directory: str) -> None:
        """Write which branches are not kept."""
        self._write(f"{self._name}: {not_kept_text(branches, directory)}")

    def end(self, status: Status, time: float, steps: int, running: str = "") -> None:
        """Write how the run ended."""
        held = count(steps, "step")
        ends = {
            Status.HELD: f"all held: {held} in {time:.3f} s",
            Status.FAILED: f"failed after {held}, at {time:.3f} s",
            Status.MISUSED: f"stopped after {held}, at {time:.3f} s",
            Status.INTERRUPTED: f"interrupted {running and f'{running}, '}after {held}, at {time:.3f} s",
        }
        self._write(f"{self._name}: {ends[status]}{self._answers_text()} ({self._about})")

    def rewritten(self, script: str, changes: Changes | None) -> None:
        """Write whether the file has changed, and how."""
        if changes is None:
            text = "left as it was"
        elif not changes:
            text = "every answer stands there already"
        else:
            numbers = (
                f"{n} {what}" for n, what in zip(changes, ("added", "brought up to date"), strict=True) if n
            )
            text = f"answers rewritten: {', '.join(numbers)}"
        self._write(f"{visible(script)}: {text}")

    def _answers_text(self) -> str:
        if not self._compared:
            return ""
        answers = count(self._compared, "answer")
        if not self._differences:
            return f", {answers} as expected"
        return f", {self._differences} of {answers} differ{'s' if self._differences == 1 else ''}"

    def _state(self, snapshot: Snapshot) -> None:
        for line in str(snapshot).split("\n"):
            self._write(visible(line))

    def _line(self, step: Step, time: float, answer: str) -> str:
        head = f"{time:9.3f}  {self._text(step)}"
        first, *more = (visible(line) for line in answer.split("\n"))
        if more:
            return "\n".join((head, *(f"{'':11}{line}".rstrip() for line in (first, *more))))
        return f"{pad(head, max(columns(head), 11 + self.WIDTH))}  {first}".rstrip()

    def _text(self, step: Step) -> str:
        return short(step.bound.text.replace("\t", " "), self.LONGEST)

    def _say(self, line: str) -> None:
        if not self._quiet:
            self._write(line)


def about_text(script: Script, harness: Harness) -> str:
    """Return the cluster in a line: the settings that a repetition needs, and every bug that is on."""
    config, usual = harness.config, Config()
    raft = config.raft
    delay = (config.delay_min, config.delay_max)
    election = (raft.election_min, raft.election_max)
    words = (
        (count(harness.n, "node"), True),
        (harness.backend, True),
        (f"seed {harness.seed}", True),
        (f"data in {visible(str(harness.data_dir))}", harness.data_dir is not None),
        (f"election {range_text(*election)}", election != (usual.raft.election_min, usual.raft.election_max)),
        (f"heartbeat {range_text(raft.heartbeat, raft.heartbeat)}", raft.heartbeat != usual.raft.heartbeat),
        (f"delay {range_text(*delay)}", delay != (usual.delay_min, usual.delay_max)),
        *((f"{name} on", on) for name, on in config.switches.items() if name not in ENVIRONMENT),
        (f"snapshot {raft.snapshot}", raft.snapshot > 0),
        ("sessions off", not config.clients.sessions),
        (f"reads {config.clients.reads}", config.clients.reads != usual.clients.reads),
        (f"drift {raft.drift} %", raft.drift != usual.raft.drift),
        (UNRELIABLE, bool(config.unreliable)),
        (MORE_REELECTION, raft.force_more_reelection),
        (f"node: {visible(config.node_name)}", bool(config.node_name)),
        (f"BUGS ON: {' '.join(script.setup.bugs)}", bool(script.setup.bugs)),
    )
    return ", ".join(word for word, holds in words if holds)


def warning_text(harness: Harness) -> str:
    """Return one sentence that warns of timings with which the cluster cannot work, else "" (§5.6)."""
    doubt = doubt_about_cluster(harness.n, harness.config)
    return "" if doubt is None else f"warning: {doubt}"


class JsonTranscript:
    """A transcript for programs: one JSON object a line, as the docstring of this module says."""

    def __init__(self, write: Write, *, quiet: bool = False) -> None:
        self._write = write
        self._quiet = quiet
        self._again = ""
        self._compared = 0
        self._differences = 0
        self._not_kept: list[str] = []

    def begin(self, script: Script, harness: Harness) -> None:
        """Write the script and the settings of the cluster."""
        self._again = again_command(script, harness)
        config = harness.config
        doubt = doubt_about_cluster(harness.n, harness.config)
        chosen: tuple[tuple[str, Any, bool], ...] = (
            ("snapshot", config.raft.snapshot, config.raft.snapshot > 0),
            ("sessions", False, not config.clients.sessions),
            ("reads", config.clients.reads, config.clients.reads != Config().clients.reads),
            ("drift", config.raft.drift, config.raft.drift != Config().raft.drift),
            ("warning", str(doubt), doubt is not None),
        )
        self._object(
            kind="begin",
            script=script.name,
            nodes=harness.n,
            backend=harness.backend,
            seed=harness.seed,
            node=harness.config.node_name,
            bugs=script.setup.bugs,
            election=[config.raft.election_min, config.raft.election_max],
            heartbeat=config.raft.heartbeat,
            delay=[config.delay_min, config.delay_max],
            prevote=config.raft.prevote,
            noop=config.raft.noop,
            unreliable=bool(config.unreliable),
            more_reelection=config.raft.force_more_reelection,
            data_dir=None if harness.data_dir is None else os.fspath(harness.data_dir),
            **{name: True for name, on in config.switches.items() if on and name not in (*ENVIRONMENT, *ALWAYS)},
            **{name: value for name, value, is_set in chosen if is_set},
        )

    def comment(self, comment: Comment) -> None:
        """Write a comment."""
        self._object(kind="comment", line=comment.line, text=comment.text)

    def step(self, step: Step, time: float, answer: str) -> None:
        """Write a step that held."""
        self._step(step, time, "held", answer=answer)

    def failed(self, step: Step, time: float, reason: str, snapshot: Snapshot) -> None:
        """Write a step that failed."""
        self._step(step, time, "failed", reason=reason, state=_state(snapshot))

    def broken(self, step: Step | None, time: float, breach: str, snapshot: Snapshot) -> None:
        """Write a step in which an invariant was violated."""
        self._step(step, time, "broken", reason=breach, state=_state(snapshot), again=self._again)

    def node_failed(self, step: Step | None, time: float, reason: str, snapshot: Snapshot) -> None:
        """Write a step in which the code of a node failed."""
        self._step(step, time, "failed", reason=reason, state=_state(snapshot), again=self._again)

    def misused(self, step: Step, time: float, message: str) -> None:
        """Write a step that is invalid."""
        self._step(step, time, "error", reason=message)

    def compared(self, comparison: Comparison, time: float) -> None:
        """Write an answer that differs."""
        self._compared += 1
        self._differences += comparison.differs
        if comparison.differs:
            self._object(
                force=True,
                kind="difference",
                line=comparison.line,
                commands=comparison.commands,
                time=round(time, 6),
                expected=comparison.expected,
                got=comparison.got,
            )

    def clients(self, outcome: Linearizability, lines: list[str], time: float) -> None:
        """Write the verdict on what clients were told."""
        self._object(
            force=outcome != "linearizable", kind="clients", outcome=outcome, report=lines, time=round(time, 6)
        )

    def not_kept(self, branches: list[str], directory: str) -> None:
        """Keep for `end` which branches are not kept."""
        self._not_kept = branches

    def end(self, status: Status, time: float, steps: int, running: str = "") -> None:
        """Write how the run ended."""
        more: dict[str, object] = {"not_kept": self._not_kept} if self._not_kept else {}
        more |= {"running": running} if running else {}
        counts = {"compared": self._compared, "differences": self._differences} if self._compared else {}
        self._object(
            force=True, kind="end", status=status.name.lower(), time=round(time, 6), steps=steps, **counts, **more
        )

    def rewritten(self, script: str, changes: Changes | None) -> None:
        """Write whether the file has changed, and how."""
        added, updated = (0, 0) if changes is None else changes
        self._object(force=True, kind="file", path=script, changed=bool(changes), added=added, updated=updated)

    def _step(self, step: Step | None, time: float, status: str, **more: object) -> None:
        statement = None if step is None else step.bound.statement
        self._object(
            force=status != "held",
            kind="step",
            line=None if statement is None else statement.line,
            column=None if statement is None else statement.words[0].column,
            command="" if statement is None else statement.text,
            time=round(time, 6),
            status=status,
            **more,
        )

    def _object(self, *, force: bool = False, **fields: object) -> None:
        if force or not self._quiet:
            text = json.dumps(fields, separators=(",", ":"), allow_nan=False)
            self._write(text.replace("\x7f", "\\u007f"))


def _state(snapshot: Snapshot) -> dict[str, object]:
    return {"nodes": [_node(node) for node in snapshot.nodes], "network": network_lines(snapshot)}


def _node(node: NodeSnapshot) -> dict[str, object]:
    return {
        "id": node.id,
        "state": str(node.state),
        "term": node.current_term,
        "vote": node.voted_for,
        "log": [[entry.term, entry.command] for entry in node.log],
        "commit": node.commit_index,
        "alive": node.alive,
        "connected": node.connected,
        "frozen": node.frozen,
        "tearing": node.tearing,
    }
