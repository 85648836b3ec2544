"""Running a script on a new cluster: each step's answer as it comes, then whether all held."""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from raftplay.backends.base import NodeFailed
from raftplay.cluster.arguments import new_seed
from raftplay.cluster.checks import InvariantBroken
from raftplay.cluster.raised import running_code
from raftplay.commands.setup import Setup
from raftplay.errors import UsageError
from raftplay.files import Target, target_of
from raftplay.linearizability.report import report
from raftplay.past.history import History
from raftplay.raft.storage import StorageError
from raftplay.run.answers import Answers, failure_text
from raftplay.run.script import Comment, Script, Step
from raftplay.run.transcript import JsonTranscript, TextTranscript, Transcript
from raftplay.session.branches import Blueprint
from raftplay.session.errors import Failed
from raftplay.session.outcome import Outcome, outcome_of
from raftplay.session.session import Session
from raftplay.session.status import Status
from raftplay.watch.event_files import event_file_of
from raftplay.watch.stream import Reader, ReaderFailed
from raftplay.watch.trace import new_header

__all__ = ["JsonTranscript", "Status", "TextTranscript", "Transcript", "opened", "run_script"]


def run_script(
    script: Script,
    transcript: Transcript,
    *,
    speed: float | None = None,
    trace: Path | Target | None = None,
    data_dir: Path | None = None,
    answers: Answers | None = None,
    readers: Iterable[Reader] = (),
) -> Status:
    """Run `script` on a new cluster and write its transcript, and all events to `trace` and to `readers`.

    With `data_dir` the cluster continues from the contents of that directory. `answers` keeps the answers of the
    commands, compares them with the script's blocks if it `compares`, and lets a command fail if a block says so.
    Raises `UsageError` if the cluster cannot be started or the trace cannot be written, and `StorageError` if the
    data directory cannot be used.
    """
    with opened(script.setup, trace, data_dir, readers, begins=False) as session:
        return _ScriptRun(script, session, transcript, answers).play(speed)


@contextmanager
def opened(
    setup: Setup,
    trace: Path | Target | None = None,
    data_dir: Path | None = None,
    others: Iterable[Reader] = (),
    *,
    begins: bool = True,
) -> Iterator[Session]:
    """Open a session with the cluster that `setup` chooses; its events go to `trace` and to `others`.

    The caller closes it. Unless it `begins`, cluster time stands at 0 until somebody steers it.

    With `data_dir` the cluster continues from the contents of that directory. Raises as `run_script` does.
    """
    assert setup.nodes is not None
    assert setup.backend is not None
    seed = new_seed() if setup.seed is None else setup.seed
    if data_dir is not None and setup.given:
        raise UsageError(
            "`given` says what the disks hold, and a data directory has its own; leave one of them out"
        )
    config = setup.config().settled()
    history = History()
    blueprint = Blueprint(
        setup.nodes, setup.backend, seed, config, tuple(setup.watched), data_dir, tuple(setup.given)
    )
    readers: list[Reader] = [history, *others]
    writer = None
    if trace is not None:
        trace = target_of(trace)
        if data_dir is not None:
            trace = replace(trace, keeps=(*trace.keeps, data_dir))
        writer = event_file_of(trace).begin(trace, new_header(setup.nodes, seed, setup.backend, config))
        readers.append(writer)
    try:
        session = Session(blueprint.build(readers, begins=begins), history, blueprint=blueprint, trace=writer)
    except BaseException:
        if writer is not None:
            writer.discard()
        raise
    try:
        yield session
    finally:
        if writer is not None:
            writer.close()


class _ScriptRun:
    """One run and its state so far."""

    def __init__(self, script: Script, session: Session, transcript: Transcript, answers: Answers | None) -> None:
        self.script = script
        self.session = session
        self.transcript = transcript
        self.answers = answers
        self.status = Status.HELD
        self.held = 0
        self.differences = 0
        self.time = 0.0
        self.running = ""
        """The code of a node that Ctrl-C has ended."""

        self.step: Step | None = None
        self.stands_still = True
        """True until a command takes time: no node starts an election before that."""

    def play(self, speed: float | None) -> Status:
        """Run all items up to the first that fails, end the cluster, and return the status."""
        try:
            with self.session:
                if speed is not None:
                    self.session.harness.set_speed(speed)
                self.transcript.begin(self.script, self.session.harness)
                self.play_items()
                self.check_clients()
                self.time = self.session.harness.now
        except (InvariantBroken, NodeFailed) as failure:  # seen between two steps, or while the cluster ended
            if self.status is Status.HELD:
                self.status = self.failed(outcome_of(failure))
        except (ReaderFailed, StorageError) as failure:
            raise UsageError(str(failure)) from None
        except KeyboardInterrupt as interrupt:
            self.status, self.running = Status.INTERRUPTED, running_code(interrupt)
        if self.status is Status.HELD and self.differences:
            self.status = Status.FAILED
        if branches := self.session.not_kept:
            self.transcript.not_kept(branches, self.session.directory)
        self.transcript.end(self.status, self.time, self.held, self.running)
        return self.status

    def check_clients(self) -> None:
        """Check that what clients were told is linearizable, unless the script did; undecided is no pass."""
        clients = self.session.harness.clients
        if clients.is_unchecked and self.status is Status.HELD:
            told, verdict = clients.history(), clients.verdict()
            self.transcript.clients(verdict.outcome, report(told, verdict), self.session.harness.now)
            if verdict.outcome != "linearizable":
                self.status = Status.FAILED

    def play_items(self) -> None:
        """Run all items up to the first that fails, line by line."""
        rounds = Counter(item.line for item in self.script.items)  # a line in a repeat comes again
        try:
            for line, items in groupby(self.script.items, attrgetter("line")):
                for item in items:
                    self.play_item(item)
                    if self.status is not Status.HELD:
                        return
                    rounds[line] -= 1
                if not rounds[line]:
                    self.compare(line)
        except KeyboardInterrupt as interrupt:
            self.status, self.running = Status.INTERRUPTED, running_code(interrupt)

    def play_item(self, item: Comment | Step) -> None:
        """Write one comment that is no note of the speaker, or run one step."""
        if isinstance(item, Comment):
            if not item.is_note:
                self.transcript.comment(item)
            return
        self.step = item
        if self.stands_still and not _takes_no_time(item):
            self.stands_still = False
            self.session.harness.steer(1.0)
        self.status = self.play_step(item)
        self.held += self.status is Status.HELD

    def play_step(self, step: Step) -> Status:
        """Run one step, write its line in the transcript, and return its status."""
        session, transcript = self.session, self.transcript
        outcome = session.perform(step.bound).uninterrupted()
        answer = outcome.answer
        if not outcome.held:
            failure = outcome.failure
            may_fail = self.answers is not None and self.answers.expects_failure(step.line)
            if isinstance(failure, ReaderFailed | StorageError) and isinstance(failure.__cause__, UsageError):
                raise failure  # of no step: the trace cannot be written
            if not may_fail or not isinstance(failure, Failed | UsageError):
                return self.failed(outcome)
            answer = failure_text(failure)
        transcript.step(step, session.harness.now, answer)
        if self.answers is not None:
            self.answers.note(step.line, step.bound.text, answer)
        return Status.HELD

    def failed(self, outcome: Outcome) -> Status:
        """Write how the running step failed, or what failed after the last one; return the status."""
        harness, transcript, step, answer = self.session.harness, self.transcript, self.step, outcome.answer
        match outcome.failure:
            case InvariantBroken(snapshot=snapshot):
                self.time = snapshot.time
                transcript.broken(step, snapshot.time, answer, snapshot)
            case NodeFailed():
                snapshot = harness.snapshot()
                self.time = snapshot.time
                transcript.node_failed(step, snapshot.time, answer, snapshot)
            case failure:
                assert step is not None
                if isinstance(failure, Failed):
                    transcript.failed(step, harness.now, answer, harness.snapshot())
                else:
                    transcript.misused(step, harness.now, answer)
        return outcome.status

    def compare(self, line: int) -> None:
        """Compare a line whose commands have all answered with the block below it."""
        comparison = None if self.answers is None else self.answers.comparison(line)
        if comparison is not None:
            self.differences += comparison.differs
            self.transcript.compared(comparison, self.session.harness.now)


def _takes_no_time(step: Step) -> bool:
    """Return whether a step can run at time 0: `submit` waits for a write, and `let` may need a leader."""
    return step.bound.group == "Acting on the cluster" and step.bound.command.settles_first
