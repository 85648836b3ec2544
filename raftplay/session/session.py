"""A session: a cluster with its branches, the moment that is looked at, and the journal of commands."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from raftplay.backends.base import NodeFailed
from raftplay.cluster.checks import InvariantBroken
from raftplay.cluster.harness import Harness
from raftplay.cluster.storage.disk import MemoryDisk
from raftplay.cluster.storage.sqlite_storage import SqliteStorage
from raftplay.cluster.waits import Interrupted
from raftplay.errors import UsageError
from raftplay.past.history import History
from raftplay.past.view import View
from raftplay.session.branches import (
    FIRST,
    Blueprint,
    Branch,
    Deed,
    JournalEntry,
    Mark,
    Position,
    Shown,
    new_name,
)
from raftplay.session.deeds import PAUSE, naming
from raftplay.session.errors import Failed
from raftplay.session.journal import cluster_text, script_text
from raftplay.session.outcome import FAILURES, Outcome, outcome_of
from raftplay.session.recorded_file import RecordedFile
from raftplay.session.replay import play_again
from raftplay.session.shown import did_you_mean, quoted
from raftplay.session.status import Status
from raftplay.session.under_way import RunningCommand
from raftplay.session.views import past, present
from raftplay.watch.event_files import EventWriter
from raftplay.watch.stream import Reader


class Session:
    """A session, whose commands act on `harness`, the cluster of the current branch.

    `variables` keeps what `let` set. `history` is one of the harness's readers. With the `blueprint` of its
    cluster, a session in sim can branch. `moment` is the moment in the past that is looked at, None for the
    present. A context manager, which ends its clusters.

    One thread runs its commands. Any thread may read `position`, which is replaced as a whole, and call `view`
    and `interrupt`.
    """

    def __init__(
        self,
        harness: Harness,
        history: History | None = None,
        *,
        blueprint: Blueprint | None = None,
        trace: EventWriter | None = None,
    ) -> None:
        history = History() if history is None else history  # an empty history is falsy
        branch = Branch(FIRST, harness, history, blueprint=blueprint)
        self.position = Position(branch, None, {FIRST: branch})
        """The current branch, the moment that is looked at, and all branches."""

        self.is_live = False
        """True if a person acts on it while its time passes; False for a script."""

        self.barred: frozenset[str] = frozenset()
        """The things that its commands must not touch, such as files; the rows of the table say them."""

        self.hides_bugs = False
        """True if views hide the names of the bugs that are on, as the user is to find them."""

        self.width = 100
        """The width of answers, in columns."""

        self.watching = "elections"
        """The events that a shell prints as they happen: on (all), off (none), elections."""

        self.shown: Shown | None = None
        """The moment that a screen showed when the running line was typed, if it was behind the present."""

        self._first_disks: list[MemoryDisk] | None = None
        """The contents of the data directory at the start: other branches begin with a copy in memory."""

        if harness.data_dir is not None and harness.backend == "sim":
            self._first_disks = [disk.in_memory() for disk in harness.storage if isinstance(disk, SqliteStorage)]
        self._record = RecordedFile(self.script_text)
        self._trace = trace  # events of other branches of this cluster are written there too
        self._first = blueprint
        self._goes_on = False  # true if time passed before the look at the past
        self._replay: Session | None = None  # the session of a running replay
        self._under_way: RunningCommand | None = None

    # ---- what commands ask for

    @property
    def branch(self) -> Branch:
        """Return the current branch."""
        return self.position.branch

    @property
    def branches(self) -> Mapping[str, Branch]:
        """Return all branches, by name."""
        return self.position.branches

    @property
    def moment(self) -> Mark | None:
        """Return the moment in the past that is looked at; None for the present."""
        return self.position.moment

    @property
    def blueprint(self) -> Blueprint | None:
        """Return the parameters of the cluster that commands act on, if they are known."""
        return self.branch.blueprint

    @property
    def harness(self) -> Harness:
        """Return the cluster that commands act on."""
        return self.branch.harness

    @property
    def history(self) -> History:
        """Return the history of that cluster."""
        return self.branch.history

    @property
    def variables(self) -> dict[str, int]:
        """Return the variables that `let` set."""
        return self.branch.variables

    def view(self) -> View:
        """Return the cluster at the selected moment, with its events and the messages in flight."""
        position = self.position
        branch, moment = position.branch, position.moment
        name = branch.name if len(position.branches) > 1 else ""
        if moment is None:
            return present(branch, name, hides_bugs=self.hides_bugs)
        return replace(self.view_of(branch, moment), branch=name)

    def view_of(self, branch: Branch, moment: Mark) -> View:
        """Return a branch, the current one or another, at a moment of its past."""
        return past(branch, moment, hides_bugs=self.hides_bugs)

    def variable(self, name: str) -> int:
        """Return the value of ``$name``. Raises `Failed` if the `let` that sets it has not run."""
        if name not in self.variables:
            raise Failed(f"${name} was not set")
        return self.variables[name]

    def last_index(self) -> int:
        """Return the log index of the last `submit`. Raises `Failed` if there is none."""
        if self.branch.last_index is None:
            raise Failed("nothing has been submitted to a leader yet, so there is no index")
        return self.branch.last_index

    def note_index(self, index: int) -> None:
        """Keep the log index of a submit."""
        self.branch.last_index = index

    # ---- doing

    def perform(self, bound: Deed) -> Outcome:
        """Run one command, return its outcome, and journal it unless it only looks; only Ctrl-C is raised.

        A command that acts, given in the past, begins a new branch there (in sim).
        """
        try:
            answer = self._perform(bound)
        except FAILURES as failure:
            return outcome_of(failure, bound.text, self.harness.now)
        return Outcome(bound.text, self.harness.now, answer)

    def _perform(self, bound: Deed) -> str:
        """Run one command: at the present, or in the past on a branch that begins there."""
        effect = bound.effect
        if effect == "looks":
            if bound.name != "goto":  # a goto into the future lets time pass as usual
                self.settle()
            return bound.run(self)
        origin, moment = self.branch, self.moment
        note = "" if moment is None else self._leave_the_past(effect)
        start, outer = self.branch.mark(), self._under_way
        ended = Outcome(bound.text, start.time, "")
        self._part(start)
        here = self._under_way = RunningCommand(bound, start, len(self.branch.journal))
        try:
            return f"{note}{bound.run(self)}"
        except (Failed, NodeFailed, InvariantBroken, Interrupted, UsageError, KeyboardInterrupt) as failure:
            ended = outcome_of(failure)
            raise
        finally:
            end, is_wrong = self.branch.mark(), ended.status is Status.MISUSED  # wrong: it had no effect
            if moment is not None and (is_wrong or (not ended.held and end == start)):
                self._return_to_the_past(origin, moment)  # it had no effect there
            elif not is_wrong:
                here.end(end, ended, self.branch.journal)
                self._record.keep()
            self._under_way = outer
            if is_wrong and moment is None:
                self._note_settling(start)  # rejected, but only after submitted values were sent
            self._resume(end)

    def may_interpose(self, bound: Deed, *, acts: bool) -> bool:
        """Return whether a command can run at once, in the middle of the running one.

        Looks and clock changes can; with `acts` also commands that act, if the running one only lets time pass.
        The replay of the journal is still identical.
        """
        outer = self._under_way
        if bound.name in ("switch", "new", "goto"):  # two leave the cluster; goto may wait itself
            return False
        if bound.effect in ("looks", "clock") and bound.group != "Keeping":
            return True
        can = acts and (bound.effect == "acts" or bound.name == "step")
        return (can or bound.group == "Keeping") and self.moment is None and (outer is None or outer.passes)

    def settle(self) -> None:
        """Send what was submitted, before a look at the present, and journal that, as it changes the cluster."""
        if self.moment is None:
            start = self.branch.mark()
            self.harness.settle()
            self._note_settling(start)

    def _note_settling(self, start: Mark) -> None:
        """Note in the journal, and in the file of `record`, that submitted values were sent."""
        entry = JournalEntry(None, start, self.branch.mark())
        if entry.changed:
            self._append(entry)
            self._record.keep()

    def note(self, deed: Deed, start: Mark, failure: Exception | None = None) -> Mark:
        """Keep a deed that was done at the present since `start`, but not by `perform`; return its end."""
        reason = "" if failure is None else outcome_of(failure).answer
        broke = isinstance(failure, InvariantBroken)
        branch = self.branch
        end = branch.mark()
        branch.journal.append(JournalEntry(deed, start, end, reason, broke))
        self._record.keep()
        return end

    def _part(self, now: Mark) -> None:
        """Divide the running command, if there is one, as another one runs `now`."""
        if self._under_way is not None:
            self._under_way.part(now, self.branch.journal)

    def _resume(self, now: Mark) -> None:
        """Continue the running command, if there is one."""
        if self._under_way is not None:
            self._under_way.resume(now, self.branch.journal)

    def _append(self, entry: JournalEntry) -> None:
        """Journal an entry, in the middle of the running command if there is one."""
        self._part(entry.start)
        self.branch.journal.append(entry)
        self._resume(entry.end)

    # ---- the past, and other branches

    def name_moment(self, name: str) -> Mark:
        """Name the moment that is looked at, and return it; the journal keeps the name of a present moment."""
        now = self.branch.mark()
        moment = self.moment
        if moment is None and self.shown is not None and self.shown.branch is self.branch:
            moment = self.shown.moment
        deed = naming(name, moment or now)
        deed.run(self)
        if moment is None:
            self._append(JournalEntry(deed, now, now))
            self._record.keep()
        return moment or now

    def look_at(self, moment: Mark) -> None:
        """Look at a moment in the past; cluster time pauses until `look_at_the_present`."""
        if self.moment is None and not self.harness.paused:
            self.harness.pause()
            self._goes_on = True
        self.position = replace(self.position, moment=moment)

    def look_at_the_present(self) -> None:
        """Return to the present; cluster time resumes if it ran before."""
        self._leave_moment(replace(self.position, moment=None))

    def switch(self, name: str) -> Branch:
        """Continue in another branch, at its end, and return it. Raises `UsageError`."""
        branch = self.named(name)
        self._enter(branch, self.branches)
        return branch

    def named(self, name: str) -> Branch:
        """Return the branch of that name. Raises `UsageError`."""
        if name not in self.branches:
            hint = did_you_mean(name, self.branches) or f"; there is {', '.join(self.branches)}"
            raise UsageError(f"there is no branch {quoted(name)}{hint}")
        return self.branches[name]

    def interrupt(self) -> None:
        """End the running wait, also that of a replay, with `Interrupted`; callable from any thread."""
        (self._replay or self).harness.interrupt()

    def forget_interrupt(self) -> None:
        """Clear a pending interrupt in every branch."""
        for branch in self.branches.values():
            branch.harness.forget_interrupt()

    def played_again(self, branch: Branch, cut: Mark, readers: Sequence[Reader] = ()) -> Branch:
        """Return a branch of a new cluster that has replayed `branch` up to `cut`.

        A separate session replays it, invisibly for viewers of this one. Raises `UsageError` and `Interrupted`.
        """
        blueprint = branch.blueprint
        if blueprint is None or blueprint.backend != "sim":
            raise UsageError("only what happened in virtual time (sim) can be played again")
        history = History()
        harness = blueprint.build((history, *readers), self._first_disks)
        harness.pauses_at_breach = self.harness.pauses_at_breach
        again = Branch("", harness, history, branch.name, cut, blueprint=blueprint)
        replay = Session(harness, history, blueprint=blueprint)
        replay.position = Position(again, None, {})
        self._replay = replay
        try:
            play_again(branch, cut, replay)
            kept = {name: at for name, at in branch.marks.items() if at.seq <= cut.seq and at.time <= cut.time}
            again.marks = {**again.marks, **kept}
        except BaseException:
            harness.shutdown()
            raise
        finally:
            self._replay = None
        return again

    def fork(self, name: str) -> None:
        """Continue in a copy of this moment (sim), called `name`, until `discard`. Raises `UsageError`."""
        branch = self.played_again(self.branch, self.branch.mark())
        branch.name = name
        self._enter_new(branch, self.branches)

    def discard(self, branch: Branch) -> None:
        """Continue in `branch`, and delete the current branch."""
        gone = self.branch
        self._enter(branch, {name: kept for name, kept in self.branches.items() if kept is not gone})
        if gone.traced is not None:
            gone.harness.stream.detach(gone.traced)  # without the events of the shutdown
        with suppress(InvariantBroken, NodeFailed):  # reported when it happened
            gone.harness.shutdown()

    def anew(self, changed: Callable[[Blueprint], Blueprint]) -> None:
        """Replace all branches by a new cluster; `changed` gives its parameters from those of the first one."""
        assert self._first is not None
        gone = list(self.branches.values())
        self._enter_new(self._begun(FIRST, changed(self._first)), {})
        for old in gone:
            with suppress(InvariantBroken, NodeFailed):  # reported when it happened
                old.harness.shutdown()

    def begin(self, blueprint: Blueprint) -> Branch:
        """Continue in a new branch, that of another cluster, which stands still if this one does; return it.

        Raises `UsageError` if there are too many branches, or this cluster has a data directory.
        """
        if self.directory:
            raise UsageError("a data directory keeps one cluster; leave, and start without it for another one")
        branch = self._begun(new_name(self.branches), blueprint)
        stands_still = self.harness.paused and not self._goes_on
        self._enter_new(branch, self.branches)
        if stands_still:
            self.perform(PAUSE).result()
        return branch

    def _begun(self, name: str, blueprint: Blueprint) -> Branch:
        """Return a branch with a new cluster."""
        history = History()
        branch = Branch(name, blueprint.build((history,)), history, blueprint=blueprint)
        branch.harness.pauses_at_breach = self.harness.pauses_at_breach
        return branch

    def _enter_new(self, branch: Branch, others: Mapping[str, Branch]) -> None:
        """Continue in a new branch, at the speed of the previous one; keep the `others`."""
        branch.harness.set_speed(self.harness.speed)
        if self._trace is not None and branch.parent and branch.blueprint is self._first:
            branch.traced = self._trace.of_branch(branch.name, branch.parent, branch.mark().seq)
            branch.harness.stream.attach(branch.traced)
        if self.is_live:
            branch.harness.keep_pace()
        self._enter(branch, {**others, branch.name: branch})

    def _enter(self, branch: Branch, branches: Mapping[str, Branch]) -> None:
        """Continue at the end of a branch; `branches` replaces the session's branches."""
        self._leave_moment(Position(branch, None, branches, branch.mark().seq))

    def _leave_moment(self, position: Position) -> None:
        """Move to `position`, in the present; the time of the previous cluster resumes if it ran before."""
        left = self.branch
        self.position = position
        with left.harness.lock:
            left.history.forget_checkpoints()
        if self._goes_on:
            self._goes_on = False
            left.harness.resume()
        entered = position.branch
        if entered is not left and left.harness.backend == "tcp" and not left.harness.paused:
            left.rests = True
            left.harness.halt()
        if entered.rests:
            entered.rests = False
            entered.harness.resume()

    def _leave_the_past(self, effect: str) -> str:
        """Return to the present for a clock command, else begin a new branch. Raises `UsageError` if impossible.

        Return the text that precedes the command's answer.
        """
        moment = self.moment
        assert moment is not None
        if effect == "clock":
            self.look_at_the_present()
            return ""
        if effect == "checks":
            raise UsageError("expect looks at the present, and this is the past; live brings you back")
        if self.harness.backend != "sim":
            raise UsageError("the past of a cluster on sockets can only be looked at; live brings you back")
        name = new_name(self.branches)
        went_on = self._goes_on
        branch = self.played_again(self.branch, self.branch.cut_at(moment))
        branch.name = name
        self._enter_new(branch, self.branches)
        if not went_on and not branch.harness.paused:
            self.perform(PAUSE).result()
        memory = (
            "" if self._first_disks is None else "; its disks are in memory only, and the data directory stays"
        )
        return f"branch {name} begins at {branch.since.time:.3f} s{memory}\n"

    def _return_to_the_past(self, origin: Branch, moment: Mark) -> None:
        """Discard the new branch of a command without effect, and look at the past again."""
        if self.branch is not origin:
            self.discard(origin)
        self.look_at(moment)

    # ---- the end, and what is kept

    @property
    def not_kept(self) -> list[str]:
        """Return the names of the branches that the data directory does not keep; none without a directory."""
        return (
            []
            if self._first_disks is None
            else [branch.name for branch in self.branches.values() if branch.parent]
        )

    @property
    def directory(self) -> str:
        """Return the data directory as it was given, "" for none."""
        return "" if self.blueprint is None or self.blueprint.data_dir is None else str(self.blueprint.data_dir)

    @property
    def is_recorded(self) -> bool:
        """Return whether `record` writes the session to a file."""
        return self._record.file is not None

    def script_text(self, folder: str | Path = "") -> str:
        """Return the script that repeats the current branch, to stand in `folder`."""
        return script_text(self.branch, folder, hides_bugs=self.hides_bugs)

    def about(self, branch: Branch) -> str:
        """Return the parameters of a branch's cluster, as set-up lines say them: "nodes 5, backend sim"."""
        return cluster_text(branch, hides_bugs=self.hides_bugs)

    def record_to(self, file: Path) -> Path | None:
        """Write the session as a script to the existing `file`, after each command and at the end.

        Return the file to which it was written until now, if there is one.
        """
        return self._record.move_to(file)

    def close(self) -> None:
        """End the clusters of all branches. Raises the failure of the current branch's cluster, if any."""
        self._record.keep()
        self._end_others()
        self.harness.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end_others()
        self.harness.__exit__(kind, error, trace)

    def _end_others(self) -> None:
        for branch in self.branches.values():
            if branch is not self.branch:
                with suppress(InvariantBroken, NodeFailed):  # reported when it happened
                    branch.harness.shutdown()
