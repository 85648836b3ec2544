"""One script and seed under two settings: where the two runs part, and how their ends differ."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from raftplay.cluster.arguments import new_seed
from raftplay.cluster.harness import Harness
from raftplay.cluster.snapshot import NodeSnapshot, Snapshot
from raftplay.commands.setup import TIMINGS, Setup
from raftplay.errors import UsageError
from raftplay.linearizability.search import Linearizability
from raftplay.raft import decisions
from raftplay.run.answers import Comparison
from raftplay.run.runner import run_script
from raftplay.run.script import Comment, Script, Step, override, parse_script
from raftplay.session.shown import pad, quoted, short
from raftplay.session.status import Status
from raftplay.watch import facts
from raftplay.watch.narrator import describe
from raftplay.watch.text import command_text, count, or_dash, visible
from raftplay.watch.words import role_text

SHOWN = 4
"""The events of each run that are shown from where they part."""

LEFT_OUT = ("wire", "routine")
"""The groups of events that are not compared one by one: they follow from the others."""


@dataclass(slots=True)
class ComparedRun:
    """One of the two runs. It is the transcript of its run: it keeps what that would print."""

    name: str
    """The settings, such as `prevote=on`."""

    setup: Setup
    told: list[tuple[float, int, str]] = field(default_factory=list)
    """The events: cluster time, node (-1 for the cluster), words; without messages, routine and options."""

    counts: Counter[str] = field(default_factory=Counter)
    """The numbers of elections, leaders and messages."""

    status: Status = Status.HELD
    time: float = 0.0
    steps: int = 0
    failure: str = ""
    snapshot: Snapshot | None = None
    _harness: Harness | None = None

    def __call__(self, record: facts.Record) -> None:
        """Keep one event of the run."""
        event = record.event
        if isinstance(event, decisions.ElectionStarted):
            self.counts["elections"] += 1
        elif isinstance(event, decisions.BecameLeader):
            self.counts["leaders"] += 1
        elif isinstance(event, facts.CallSent | facts.ReplySent):
            self.counts["messages"] += 1
        if event.group not in LEFT_OUT and not isinstance(event, decisions.Stopped | decisions.Configured):
            self.told.append((record.time, record.node, describe(record)))

    # ---- the transcript of its run

    def begin(self, script: Script, harness: Harness) -> None:
        """Keep the cluster, to look at it after each step."""
        self._harness = harness

    def comment(self, comment: Comment) -> None:
        """Leave comments out."""

    def step(self, step: Step, time: float, answer: str) -> None:
        """Keep the cluster as it is after a step that held."""
        if self._harness is not None:
            self.snapshot = self._harness.snapshot()

    def failed(self, step: Step, time: float, reason: str, snapshot: Snapshot) -> None:
        """Keep which step did not hold."""
        self.snapshot, self.failure = snapshot, f"line {step.line}, {step.bound.text}: {reason}"

    def broken(self, step: Step | None, time: float, breach: str, snapshot: Snapshot) -> None:
        """Keep which invariant was violated."""
        self.snapshot, self.failure = snapshot, breach

    def node_failed(self, step: Step | None, time: float, reason: str, snapshot: Snapshot) -> None:
        """Keep which node's code failed."""
        self.snapshot, self.failure = snapshot, reason

    def misused(self, step: Step, time: float, message: str) -> None:
        """Keep which step is invalid."""
        self.failure = f"line {step.line}, {step.bound.text}: {message}"

    def compared(self, comparison: Comparison, time: float) -> None:
        """Leave the answers that the script expects out."""

    def clients(self, outcome: Linearizability, lines: list[str], time: float) -> None:
        """Keep what clients were told, if nothing explains it."""
        if outcome != "linearizable":
            self.failure = lines[0]

    def not_kept(self, branches: list[str], directory: str) -> None:
        """Leave branches out."""

    def end(self, status: Status, time: float, steps: int, running: str = "") -> None:
        """Keep how the run ended."""
        self.status, self.time, self.steps = status, time, steps

    def rewritten(self, script: str, changes: object) -> None:
        """Leave the script's file as it is."""


def sides_of(settings: Sequence[str], common: Callable[[], Setup]) -> tuple[ComparedRun, ComparedRun]:
    """Return the two sides of settings such as `prevote=on,off`; `common` returns what both choose.

    Raises `UsageError`.
    """
    setups, names = (common(), common()), (list[str](), list[str]())
    for text in settings:
        name, glued, values = text.partition("=")
        both = values.split(",")
        if not glued or not name or len(both) != 2 or "" in both:
            raise UsageError(f"{quoted(text)} is no setting with two values; write prevote=on,off")
        if both[0] == both[1]:
            raise UsageError(f"both values of {name} are {both[0]}; nothing would differ")
        for setup, list_, value in zip(setups, names, both, strict=True):
            _choose(setup, text, name, value)
            list_.append(f"{name}={value}")
    first, second = (ComparedRun(" ".join(list_), setup) for list_, setup in zip(names, setups, strict=True))
    return first, second


def _choose(setup: Setup, text: str, name: str, value: str) -> None:
    if name in TIMINGS:
        line = f"timing {name}={value}"
    elif (name, value) == ("bug", "none"):
        setup.without_bugs = True
        return
    elif name == "backend":
        raise UsageError(f"{quoted(text)}: two runs can be compared in virtual time only (sim)")
    else:
        line = f"{name} {value}" if name in ("nodes", "seed", "bug", "node") else f"set {name} {value}"
    override(setup, quoted(text), line)


def compare(name: str, text: str, sides: tuple[ComparedRun, ComparedRun]) -> Iterator[str]:
    """Run the script `text` under both settings with one seed; return the lines that tell of the two runs.

    Raises `UsageError` if the script is wrong.
    """
    scripts = [parse_script(name, text, side.setup) for side in sides]
    seed = new_seed()
    for script, side in zip(scripts, sides, strict=True):
        if script.setup.seed is None:
            script.setup.seed = seed
        run_script(script, side, readers=[side])
        side.name = f"{side.name} (seed {script.setup.seed})"
    return comparison_text(name, *sides)


def comparison_text(name: str, first: ComparedRun, second: ComparedRun) -> Iterator[str]:
    """Return the lines that tell of two runs."""
    yield f"{visible(name)} in virtual time: A with {first.name}, B with {second.name}"
    parted = next((at for at, pair in enumerate(zip_longest(first.told, second.told)) if pair[0] != pair[1]), -1)
    if parted < 0:
        yield f"The two runs are the same: {len(first.told)} events, none of which differs."
    else:
        yield from _parting(first, second, parted)
    yield ""
    yield from _ends(first, second)


def _parting(first: ComparedRun, second: ComparedRun, at: int) -> Iterator[str]:
    if at == 0:
        yield "They differ from the first event on:"
    else:
        time, node, words = first.told[at - 1]
        yield f"They are the same for {count(at, 'event')}, up to {time:.3f} s ({_who(node)}{words}). Then:"
    for letter, side in (("A", first), ("B", second)):
        shown = side.told[at : at + SHOWN]
        if not shown:
            yield f"  {letter}  nothing more happens"
        for index, (time, node, words) in enumerate(shown):
            yield f"  {letter if index == 0 else ' '}  {time:.3f}  {_who(node)}{words}"


def _who(node: int) -> str:
    return "" if node < 0 else f"node {node}: "


def _ends(first: ComparedRun, second: ComparedRun) -> Iterator[str]:
    rows = list(zip(_rows(first), _rows(second), strict=False))
    width = max(len(name) for (name, _), _ in rows)
    left = min(max(len(a) for (_, a), _ in rows), 40)
    yield f"{pad('the ends', width)}    {pad('A', left)}  B"
    for (name, a), (_, b) in rows:
        yield f"{pad(name, width)}  {' ' if a == b else '≠'} {pad(a, left)}  {b}".rstrip()
    for letter, side in (("A", first), ("B", second)):
        if side.failure:
            yield f"{letter} did not hold: {side.failure}"


def _rows(side: ComparedRun) -> Iterator[tuple[str, str]]:
    ending = {Status.HELD: "all held", Status.FAILED: "did not hold"}.get(side.status, side.status.name.lower())
    yield "outcome", f"{ending}, {side.steps} steps"
    yield "time", f"{side.time:.3f} s"
    for what in ("elections", "leaders", "messages"):
        yield what, str(side.counts[what])
    if side.snapshot is not None:
        yield "committed", _committed(side.snapshot)
        for node in side.snapshot.nodes:
            yield f"node {node.id}", _node(node)


def _committed(snapshot: Snapshot) -> str:
    longest = max((node.commits for node in snapshot.nodes), key=len, default=())
    return short(" ".join(command_text(entry.command) for entry in longest), 40) or "nothing"


def _node(node: NodeSnapshot) -> str:
    marks = ", ".join(node.marks)
    text = f"{role_text(node.state)} of term {node.current_term}, commit {or_dash(node.commit_index)}"
    return f"{text}, {marks}" if marks else text
