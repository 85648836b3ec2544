"""The playground's commands as methods: `run` with the language, and one method for each of its usual commands."""

import os
from collections.abc import Iterable
from pathlib import Path

from raftplay.cluster import arguments, checks
from raftplay.errors import UsageError
from raftplay.language.cursor import Scope
from raftplay.language.lexer import Mistake, split_line
from raftplay.language.repeats import Repeats
from raftplay.language.table import Bound, parse, repeated
from raftplay.python.answers import Answer, Events, Line
from raftplay.python.recorded import PythonDeed, Recorded
from raftplay.run.script import MAX_MISTAKES, ScriptRefused
from raftplay.session.errors import Failed
from raftplay.session.journal import write_new
from raftplay.session.outcome import Outcome
from raftplay.session.session import Session
from raftplay.session.shown import short
from raftplay.session.units import exact_text

__tracebackhide__ = checks.__tracebackhide__

NodesArgument = int | str | Iterable[int]
"""Nodes: a number, a list of numbers, or the words of the language, such as "leader" or "followers"."""


class Playing(Recorded):
    """A Harness that takes the commands of the language, as text and as methods.

    Each returns its answer in words. Raises `CheckFailed` for what does not hold, and `UsageError`.
    """

    def run(self, text: str) -> Answer:
        """Run commands of the language, separated by `;` or line ends; return their answers.

        Of one command this is its answer, of several a transcript. Every mistake is found before the first runs.
        The first that does not hold ends it: `h.run("crash leader; wait leader within 1s")`.
        """
        outcomes = []
        for bound in commands_of(text, self.session):
            outcomes.append(self.perform(bound))
        if len(outcomes) == 1:
            return Answer(outcomes[0].answer, outcomes)
        lines = (Line(outcome.time, outcome.text, outcome.answer) for outcome in outcomes)
        return Answer("\n".join(map(str, lines)), outcomes)

    def perform(self, bound: Bound, *, may_fail: bool = False) -> Outcome:
        """Run one parsed command, and return its outcome. Raises if it did not hold, unless it `may_fail`."""
        outcome = self.session.perform(bound)
        self._tell(outcome.text, outcome.answer if outcome.held else f"FAILED: {outcome.answer}")
        if outcome.failure is None or (may_fail and isinstance(outcome.failure, Failed | UsageError)):
            return outcome
        if isinstance(outcome.failure, Failed):
            raise checks.fail(self.session.harness, f"{outcome.text}: {outcome.answer}")
        raise outcome.failure.with_traceback(None)

    def _say(self, *words: str) -> Answer:
        """Run one command, given as its words."""
        return self.run(" ".join(word for word in words if word))

    # ---- acting

    def submit(self, command: object, to: int | str | None = None) -> int:
        """Submit `command` to the leader, or to a node; return its log index, -1 if that node does not lead.

        Raises `CheckFailed` if there is no leader to submit to.
        """
        if to is None or isinstance(to, str):
            found = self.session.view().snapshot.leader if to in (None, "leader") else None
            if found is None:
                raise checks.fail(self.session.harness, "there is no leader to submit to")
            to = found.id
        return self.submit_to_server(to, command)

    def crash(self, *nodes: NodesArgument) -> Answer:
        """Crash nodes: they lose their volatile state and keep their storage."""
        return self._say("crash", nodes_word(nodes))

    def restart(self, *nodes: NodesArgument, empty: bool = False) -> Answer:
        """Restart crashed nodes from their storage, or with blank disks if `empty`."""
        return self._say("restart", nodes_word(nodes), "empty" if empty else "")

    def disconnect(self, *nodes: NodesArgument) -> Answer:
        """Cut nodes from all others, both ways."""
        return self._say("disconnect", nodes_word(nodes))

    def reconnect(self, *nodes: NodesArgument) -> Answer:
        """Undo `disconnect`."""
        return self._say("reconnect", nodes_word(nodes))

    def freeze(self, *nodes: NodesArgument) -> Answer:
        """Pause the processes of nodes."""
        return self._say("freeze", nodes_word(nodes))

    def thaw(self, *nodes: NodesArgument) -> Answer:
        """Resume frozen processes."""
        return self._say("thaw", nodes_word(nodes))

    def wipe(self, *nodes: NodesArgument) -> Answer:
        """Crash nodes and erase their storage."""
        return self._say("wipe", nodes_word(nodes))

    def timeout(self, node: int | str) -> Answer:
        """Fire a node's election timer now."""
        return self._say("timeout", nodes_word((node,)))

    def transfer(self, to: int | str | None = None) -> Answer:
        """Have the leader hand its leadership over (thesis §3.10)."""
        return self._say("transfer", "" if to is None else f"to {nodes_word((to,))}")

    # ---- waiting and checking

    def wait(self, condition: str, within: float | None = None) -> Answer:
        """Wait until a condition of the language holds, at most `within` (default: 5) seconds of cluster time."""
        return self._say("wait", condition, "" if within is None else f"within {exact_text(within)}")

    def expect(self, condition: str, within: float | None = None) -> Answer:
        """Check that a condition of the language holds, now or within so many seconds of cluster time.

        `h.expect("committed x on 3", within=2)`; `raftplay help conditions` lists the conditions.
        """
        return self._say("expect", condition) if within is None else self.wait(condition, within)

    def never(self, condition: str, seconds: float) -> Answer:
        """Check that a condition does not hold while so many seconds of cluster time pass."""
        return self._say("never", condition, f"for {exact_text(seconds)}")

    # ---- looking

    def status(self) -> Answer:
        """Return a table of the nodes, and what is wrong with the links."""
        said = self._say("status")
        return Answer(said, said.outcomes, self.snapshot()._repr_html_)

    def log(self, *nodes: NodesArgument) -> Answer:
        """Return the logs of nodes (default: all) side by side."""
        (bound,) = commands_of(f"log {nodes_word(nodes) if nodes else ''}", self.session)
        outcome, snapshot = self.perform(bound), self.snapshot()
        ids = bound.arguments[0].resolve(self.session) if bound.arguments else range(self.n)

        def look() -> str:
            from raftplay.python import pictures  # noqa: PLC0415 - only a notebook needs it

            return pictures.logs(snapshot, ids)

        return Answer(outcome.answer, [outcome], look)

    def events(self, wanted: str = "all", last: int | None = None) -> Events:
        """Return the events so far that are kept, of one kind or one node: `h.events("elections of 2")`.

        The kinds are elections, log, clients, wire, faults and all; at most the `last` so many of them.
        """
        bound = commands_of(f"events {wanted}", self.session)[0]
        self.session.settle()
        listed = bound.arguments[0].resolve(self.session)
        records = [record for record in self.session.view().records if listed.passes(record)]
        return Events(records if last is None else records[-last:] if last > 0 else ())

    def why(self, question: str = "") -> Answer:
        """Explain the state of a node, a missing leader, or an entry that is not committed.

        `h.why("no leader")`, `h.why("2")`, `h.why("2 rejected")`, `h.why("not committed 4")`, or `h.why()`.
        """
        return self._say("why", str(question))

    def history(self, client: str = "") -> Answer:
        """Return what clients, or one of them, called and were told, and whether it is linearizable."""
        said = self._say("history", client)
        calls = [call for call in self.clients.calls if client in ("", call.client)]

        def look() -> str:
            from raftplay.python import pictures  # noqa: PLC0415 - only a notebook needs it

            return pictures.calls(calls, said)

        return Answer(said, said.outcomes, look)

    # ---- the past, and branches

    def back(self, events: int = 1) -> Answer:
        """Look at the cluster as it was so many events ago; cluster time pauses meanwhile.

        What acts there begins a new branch (in virtual time); `live` returns to the present.
        """
        return self._say("back", str(events))

    def forward(self, events: int = 1) -> Answer:
        """Move so many events towards the present, while looking at the past."""
        return self._say("forward", str(events))

    def goto(self, time: float | str) -> Answer:
        """Look at the cluster as it was at `time`, in seconds or as text ("332ms"); wait for a later time."""
        return self._say("goto", time if isinstance(time, str) else exact_text(time))

    def live(self) -> Answer:
        """Return to the present."""
        return self._say("live")

    @property
    def branches(self) -> tuple[str, ...]:
        """Return the names of the branches; the first is main."""
        return tuple(self.session.branches)

    @property
    def branch(self) -> str:
        """Return the name of the branch on which everything acts."""
        return self.session.branch.name

    def switch(self, branch: str) -> Answer:
        """Continue in another branch, where it was left."""
        return self._say("switch", str(branch))

    def diff(self, branch: str, other: str = "") -> Answer:
        """Return the first event at which two branches, or this one and another, differ, and how they end."""
        return self._say("diff", str(branch), str(other))

    # ---- keeping

    @property
    def transcript(self) -> Answer:
        """Return what was done so far, by commands and by methods, with times and answers."""
        return Answer("\n".join(str(line if isinstance(line, Line) else line_of(*line)) for line in self._told))

    @property
    def script(self) -> str:
        """Return the script that repeats the current branch; calls that no command can express are comments."""
        if self.session.blueprint is None:
            raise UsageError("a cluster over a storage of yours cannot be written as a script")
        return self.session.script_text()

    def save(self, file: str | os.PathLike[str], *, force: bool = False) -> Path:
        """Write what was done so far as a script that `raftplay run` repeats (in virtual time: bit-for-bit).

        An existing file is replaced only with `force`. Raises `UsageError`, also for a call that is no command.
        """
        script = self.script
        for entry in self.session.branch.journal:
            if isinstance(entry.bound, PythonDeed) and entry.text.startswith("#"):
                raise UsageError(
                    f"no command of the language does {short(entry.bound.call, 60)}; h.script shows the rest"
                )
        path = Path(file)
        directory = self.session.directory
        write_new(path, script, replaces=force, keeps=(Path(directory),) if directory else ())
        return path

    def export(
        self,
        file: str | os.PathLike[str],
        format: str | None = None,
        *,
        only: str | None = None,
        at: float | None = None,
        branch: str | None = None,
        force: bool = False,
    ) -> Path:
        """Write the run as a file that needs no raftplay: `h.export("story.html")` is a replay.

        The ending of the file, or `format`, chooses among the formats of `raftplay export`; `only` names a pane
        for a picture, and `at` its moment, in seconds of cluster time. A replay holds all branches; another format
        holds the current one, or `branch`. An existing file is replaced only with `force`. Raises `UsageError`.
        """
        from raftplay.export import export  # noqa: PLC0415 - only an export needs it

        return export(self.session, file, format, only, force, at=at, branch=branch)

    def show(self, height: int = 640) -> object:
        """Return a replay of the current branch, which a notebook shows in the cell, `height` pixels high."""
        from raftplay.python import pictures  # noqa: PLC0415 - only a notebook needs it

        return pictures.Replay(self.session, arguments.whole(height, "height must be a number of pixels", 1))

    def _repr_html_(self) -> str:
        from raftplay.python import pictures  # noqa: PLC0415 - only a notebook needs it

        about = f"{self.n} nodes, {checks.run_text(self.backend, self.seed)}, branch {self.branch}"
        return pictures.cluster(self.session.view(), about)

    def _tell(self, command: str, answer: str) -> None:
        self._told.append(Line(self.session.harness.now, command, answer))


def line_of(time: float, deed: PythonDeed) -> Line:
    """Return a method's call as a line of a transcript."""
    return Line(time, deed.text, "" if deed.result is None else short(repr(deed.result)))


def commands_of(text: str, session: Session) -> list[Bound]:
    """Return the commands in `text`, for a cluster that runs. Raises `ScriptRefused`, with every mistake."""
    scope, mistakes = Scope.of(session), list[Mistake]()
    repeats = Repeats[Bound]([])
    for number, line in enumerate(text.split("\n"), 1):
        try:
            for statement in split_line(line.removesuffix("\r"), number)[0]:
                bound = parse(statement, scope)
                if not repeated(repeats, bound):
                    repeats.items.append(bound)
        except Mistake as mistake:
            repeats.is_spoilt = True
            mistakes.append(mistake)
            if len(mistakes) >= MAX_MISTAKES:
                break
    mistakes += repeats.unclosed()
    if mistakes:
        raise ScriptRefused("run", mistakes)
    return repeats.items


def nodes_word(nodes: Iterable[NodesArgument]) -> str:
    """Return nodes as one word of the language: `leader`, `0,2`. Raises `UsageError` if there are none."""
    words: list[str] = []
    for node in nodes:
        if isinstance(node, str | int):
            words.append(str(node))
        else:
            words += map(str, node)
    if not words:
        raise UsageError('name a node, such as 2, [0, 1] or "leader"')
    if any(not word.replace(",", "").replace("$", "").isalnum() for word in words):
        raise UsageError(f'invalid nodes {short(" ".join(words))!r}: use 2, [0, 1] or "leader"')
    return ",".join(words)
