"""Running a script: each step's answer as it comes, then whether all held.

The transcript is for people (text) or programs (a JSON object per step); which one is up to the writer.
"""

import enum
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import msgspec

from raftplay.cluster.checks import InvariantBroken
from raftplay.cluster.harness import Harness, new_seed
from raftplay.commands.errors import Failed
from raftplay.commands.script import Comment, Script, Step
from raftplay.commands.session import Session
from raftplay.raft.messages import UsageError
from raftplay.watch.history import History
from raftplay.watch.stream import Reader, ReaderFailed
from raftplay.watch.text import visible
from raftplay.watch.trace import TraceWriter, new_header


class Status(enum.IntEnum):
    """Exit statuses, as the README documents them."""

    HELD = 0
    FAILED = 1
    MISUSED = 2
    INTERRUPTED = 130


Write = Callable[[str], None]


class Transcript(Protocol):
    """Who writes down what happens."""

    def begin(self, script: Script, harness: Harness) -> None:
        """The cluster runs."""

    def comment(self, comment: Comment) -> None:
        """A comment of the script."""

    def step(self, step: Step, time: float, answer: str) -> None:
        """A step held; its answer may have several lines."""

    def failed(self, step: Step, time: float, reason: str, nodes: str) -> None:
        """A step did not hold."""

    def broken(self, step: Step, time: float, breach: str, nodes: str) -> None:
        """An invariant of Raft broke in a step."""

    def misused(self, step: Step, time: float, message: str) -> None:
        """A step was wrong in itself."""

    def end(self, status: Status, time: float, steps: int) -> None:
        """It is over."""


def run_script(
    script: Script, transcript: Transcript, *, speed: float | None = None, trace: Path | None = None
) -> Status:
    """Run `script` on a cluster of its own and write its transcript, and all events to `trace`.

    Raises `UsageError` when the trace cannot be written.
    """
    setup = script.setup
    assert setup.nodes is not None
    assert setup.backend is not None
    seed = new_seed() if setup.seed is None else setup.seed
    config = setup.config().settled()
    history = History()
    readers: list[Reader] = [history]
    writer = None
    if trace is not None:
        writer = TraceWriter(trace, new_header(setup.nodes, seed, setup.backend, config))
        readers.append(writer)
    try:
        with Harness(
            setup.nodes,
            backend=setup.backend,
            seed=seed,
            config=config,
            watch=setup.watched or True,
            readers=readers,
        ) as harness:
            if speed is not None:
                harness.set_speed(speed)
            return _run_items(script, Session(harness, history), transcript)
    finally:
        if writer is not None:
            writer.close()


def _run_items(script: Script, session: Session, transcript: Transcript) -> Status:
    harness = session.harness
    transcript.begin(script, harness)
    done = 0
    status = Status.HELD
    try:
        for item in script.items:
            if isinstance(item, Comment):
                transcript.comment(item)
                continue
            status = _run_step(item, session, transcript)
            if status is not Status.HELD:
                break
            done += 1
    except KeyboardInterrupt:
        status = Status.INTERRUPTED
    transcript.end(status, harness.now, done)
    return status


def _run_step(step: Step, session: Session, transcript: Transcript) -> Status:
    harness = session.harness
    try:
        answer = step.bound.run(session)
    except InvariantBroken as broken:
        transcript.broken(step, harness.now, str(broken.breach), str(broken.snapshot))
        return Status.FAILED
    except Failed as failure:
        transcript.failed(step, harness.now, str(failure), str(harness.snapshot()))
        return Status.FAILED
    except (UsageError, ReaderFailed) as error:
        transcript.misused(step, harness.now, str(error))
        return Status.MISUSED
    transcript.step(step, harness.now, answer)
    return Status.HELD


def again_command(script: Script, harness: Harness) -> str:
    """The command line that runs `script` as it ran here (in sim: exactly so)."""
    words = ["raftplay", "run", script.name, "--nodes", str(harness.n), "--backend", harness.backend]
    words += ["--seed", str(harness.seed)]
    for bug in script.setup.bugs:
        words += ["--bug", bug]
    return shlex.join(words)


class TextTranscript:
    """For people: the cluster's time, the command, its answer."""

    WIDTH = 34

    def __init__(self, write: Write, *, quiet: bool = False) -> None:
        self._write = write
        self._quiet = quiet
        self._name = ""
        self._about = ""
        self._again = ""

    def begin(self, script: Script, harness: Harness) -> None:
        """One line about the cluster."""
        self._name = visible(script.name)
        self._again = again_command(script, harness)
        nodes = f"{harness.n} node{'s' if harness.n > 1 else ''}"
        self._about = f"{nodes}, {harness.backend}, seed {harness.seed}"
        bugs = f", BUGS ON: {' '.join(script.setup.bugs)}" if script.setup.bugs else ""
        self._say(f"{self._name}: {self._about}{bugs}")

    def comment(self, comment: Comment) -> None:
        """The comment, as it was written."""
        self._say(f"# {visible(comment.text)}" if comment.text else "#")

    def step(self, step: Step, time: float, answer: str) -> None:
        """Time, command and answer on one line; longer answers below."""
        self._say(self._line(step, time, answer))

    def failed(self, step: Step, time: float, reason: str, nodes: str) -> None:
        """What failed, where and when, and what every node looked like."""
        self._write(self._line(step, time, "FAILED"))
        text = visible(step.bound.statement.text)
        self._write(f"{self._name}:{step.line}: failed at {time:.3f} s: {text}: {reason}")
        self._write(visible_lines(nodes))

    def broken(self, step: Step, time: float, breach: str, nodes: str) -> None:
        """Which invariant broke, which facts contradict each other, and how to see it again."""
        self._write(self._line(step, time, "BROKEN"))
        text = visible(step.bound.statement.text)
        self._write(f"{self._name}:{step.line}: {text}: {visible(breach)}")
        self._write(visible_lines(nodes))
        self._write(f"again: {visible(self._again)}")

    def misused(self, step: Step, time: float, message: str) -> None:
        """What was wrong, with its place."""
        mistake = step.bound.statement.mistake(message, step.bound.statement.words[0])
        self._write(mistake.render(self._name))

    def end(self, status: Status, time: float, steps: int) -> None:
        """How it ended."""
        ends = {
            Status.HELD: f"all held: {steps} steps in {time:.3f} s",
            Status.FAILED: f"failed after {steps} steps, at {time:.3f} s",
            Status.MISUSED: f"stopped after {steps} steps, at {time:.3f} s",
            Status.INTERRUPTED: f"interrupted after {steps} steps, at {time:.3f} s",
        }
        self._write(f"{self._name}: {ends[status]} ({self._about})")

    def _line(self, step: Step, time: float, answer: str) -> str:
        text = visible(step.bound.statement.text)
        first, *more = visible_lines(answer).split("\n")
        if more:
            return "\n".join((f"{time:9.3f}  {text}", *(f"{'':11}{line}".rstrip() for line in (first, *more))))
        return f"{time:9.3f}  {text:<{self.WIDTH}}  {first}".rstrip()

    def _say(self, line: str) -> None:
        if not self._quiet:
            self._write(line)


class JsonTranscript:
    """For programs: one JSON object a line."""

    def __init__(self, write: Write, *, quiet: bool = False) -> None:
        self._write = write
        self._quiet = quiet
        self._again = ""

    def begin(self, script: Script, harness: Harness) -> None:
        """What runs."""
        self._again = again_command(script, harness)
        self._object(
            kind="begin",
            script=script.name,
            nodes=harness.n,
            backend=harness.backend,
            seed=harness.seed,
            bugs=script.setup.bugs,
        )

    def comment(self, comment: Comment) -> None:
        """A comment."""
        self._object(kind="comment", line=comment.line, text=comment.text)

    def step(self, step: Step, time: float, answer: str) -> None:
        """A step that held."""
        self._step(step, time, "held", answer=answer)

    def failed(self, step: Step, time: float, reason: str, nodes: str) -> None:
        """A step that failed."""
        self._step(step, time, "failed", reason=reason, nodes=nodes.split("\n")[1:])

    def broken(self, step: Step, time: float, breach: str, nodes: str) -> None:
        """A step in which an invariant broke."""
        self._step(step, time, "broken", reason=breach, nodes=nodes.split("\n")[1:], again=self._again)

    def misused(self, step: Step, time: float, message: str) -> None:
        """A step that was wrong."""
        self._step(step, time, "error", reason=message)

    def end(self, status: Status, time: float, steps: int) -> None:
        """How it ended."""
        self._object(force=True, kind="end", status=status.name.lower(), time=round(time, 6), steps=steps)

    def _step(self, step: Step, time: float, status: str, **more: Any) -> None:
        statement = step.bound.statement
        self._object(
            force=status != "held",
            kind="step",
            line=step.line,
            column=statement.words[0].column,
            command=statement.text,
            time=round(time, 6),
            status=status,
            **more,
        )

    def _object(self, *, force: bool = False, **fields: Any) -> None:
        if force or not self._quiet:
            self._write(msgspec.json.encode(fields).decode())


def visible_lines(text: str) -> str:
    """`text` with everything but its line ends made visible."""
    return "\n".join(visible(line) for line in text.split("\n"))
