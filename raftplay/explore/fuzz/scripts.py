"""Generated scripts, valid or not: each is rejected with line and column, or runs to a documented end.

They are made of the rows of the table of commands and of the examples of its kinds, so new commands are included.
"""

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from raftplay.commands.setup import Setup
from raftplay.language.repeats import END, REPEAT
from raftplay.language.table import TABLE, Command
from raftplay.run.runner import JsonTranscript, Status, TextTranscript, run_script
from raftplay.run.script import Script, ScriptRefused, decode, parse_script
from raftplay.watch.text import visible

MOST_LINES = 10

LONGEST_RUN = 20.0
"""Seconds of cluster time above which a script is read but not run."""

STEP_TIME = 0.005
"""Seconds of cluster time that a step takes, about."""

SCRAPS = (
    "", "'", '"', "\\", "#", ";", "|", "->", "<->", "=", ",", "$", "$nobody", "..", "%", "----", "to", "within",
    "for", "after", "of", "is", "not", "on", "-1", "25", "99999999999999999999", "1e9", "0.5", "٣", "1ms..", "5",
    "ms", "LEADER", "n", "n99", "\t", "\r", "\x0b", "\u00a0", "\u3000", "\u2028", "\x00", "\x1b[2J", "\x9b31m",
    "\u202e", "\u200b", "\ufeff", "\U0001f600", "\ud800", "e\u0301\u0301\u0301", "x" * 70, "9" * 5000, "漢" * 50,
    "*" * 70_000,
)  # fmt: skip
"""Text put in where it does not belong."""


class Grammar:
    """Generates scripts; `dice` decides everything."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self._rows = [row for row in TABLE.values() if not row.setup and row.name not in (REPEAT, END)]
        self._setup = [row for row in TABLE.values() if row.setup]
        self._lines: tuple[Callable[[], str], ...] = (
            *[self.command] * 12,
            *[self._damaged] * 4,
            self._noise,
            self._comment,
            self._several,
            self._answer,
        )

    def script(self) -> bytes:
        """Return one script, as a file might hold it."""
        good = self.dice.random() < 0.6  # most must get as far as running
        lines = self._setup_lines() if good else [self.setup_line() for _ in range(self.dice.randrange(4))]
        lines += self.dice.choice(([], ["let x = 1"], ["let x = 1", "timeout 0", "wait leader"]))
        makers = (self.command, self._comment, self._several) if good else self._lines
        lines += [self.dice.choice(makers)() for _ in range(self.dice.randint(0, MOST_LINES))]
        text = self.dice.choice(("\n", "\n", "\n", "\r\n")).join(lines)
        data = text.encode("utf-8", "surrogatepass")
        if self.dice.random() < 0.03:
            at = self.dice.randrange(len(data) + 1)
            data = data[:at] + self.dice.randbytes(self.dice.randint(1, 4)) + data[at:]
        return data

    def command(self) -> str:
        """Return a command with valid parameters; some still do not suit the cluster."""
        return self._written(self.dice.choice(self._rows))

    def setup_line(self) -> str:
        """Return a set-up line, which may come twice, or too late."""
        return self._written(self.dice.choice(self._setup))

    def _setup_lines(self) -> list[str]:
        """Return valid set-up lines: nothing is chosen twice, and there are few nodes."""
        rows = [row for row in self._setup if row.name != "nodes" and self.dice.random() < 0.15]
        return [self.dice.choice(("nodes 3", "nodes 5", "")), *(self._written(row) for row in rows)]

    def _written(self, row: Command) -> str:
        words = [row.name]
        for parameter in row.parameters:
            if not (parameter.optional and self.dice.random() < 0.5):
                words += [parameter.kind.lead, self.dice.choice(parameter.kind.examples)]
        return " ".join(filter(None, words))

    def _damaged(self) -> str:
        """Return a command with parts removed, inserted, doubled or replaced."""
        line = self.command()
        for _ in range(self.dice.randint(1, 3)):
            start = self.dice.randrange(len(line) + 1)
            end = min(len(line), start + self.dice.randrange(8))
            put = self.dice.choice(("", line[start:end] * 2, self.dice.choice(SCRAPS), self.dice.choice(SCRAPS)))
            line = line[:start] + put + line[end:]
        return line

    def _noise(self) -> str:
        return self.dice.choice((" ", "")).join(self.dice.choice(SCRAPS) for _ in range(self.dice.randrange(8)))

    def _comment(self) -> str:
        return f"# {self.dice.choice(SCRAPS)}"

    def _several(self) -> str:
        return self.dice.choice(("; ", ";", " ;; ")).join(self.command() for _ in range(self.dice.randint(2, 4)))

    def _answer(self) -> str:
        return "\n".join(("----", self.dice.choice(SCRAPS), ""))


class Misjudged(Exception):
    """A script was neither rejected properly nor run to a documented end; the text says what happened."""


@dataclass(slots=True)
class ScriptReport:
    """The results of the scripts so far."""

    done: int = 0
    fates: Counter[str] = field(default_factory=Counter)
    elapsed: float = 0.0
    interrupted: bool = False
    failed: bytes | None = None
    """The script that failed."""

    failure: BaseException | None = None


WatchScripts = Callable[[ScriptReport], None]


def fuzz_scripts(count: int, seed: int, watch: WatchScripts = lambda report: None) -> ScriptReport:
    """Read and run `count` scripts in virtual time; stop at the first that fails."""
    report = ScriptReport()
    grammar = Grammar(random.Random(f"scripts {seed}"))
    start = time.monotonic()
    for number in range(count):
        data = grammar.script()
        try:
            report.fates[judge(data, number)] += 1
        except KeyboardInterrupt:
            report.interrupted = True
            break
        except Exception as failure:  # the failure that is looked for
            report.failed, report.failure = data, failure
            break
        report.done += 1
        report.elapsed = time.monotonic() - start
        watch(report)
    report.elapsed = time.monotonic() - start
    return report


def report_text(report: ScriptReport) -> str:
    """Return the whole report in words."""
    ended = "interrupted after" if report.interrupted else "read and ran"
    rate = report.done / max(report.elapsed, 1e-9)
    fates = ", ".join(f"{name} {times:,}" for name, times in report.fates.most_common())
    found = "each was refused with line and column, or ran to a documented end"
    if report.failure is not None:
        found = f"FAILED: {type(report.failure).__name__}: {visible(str(report.failure))}"
    return f"{ended} {report.done:,} scripts in {report.elapsed:.1f} s: {rate:,.0f} a second\n{fates}\n{found}"


def judge(data: bytes, seed: int) -> str:
    """Return the result of one script in a word or two. Raises `Misjudged`, and any unexpected error."""
    name = "\x1b[31mscript\u202e"
    try:
        text = decode(name, data)
        script = parse_script(name, text, Setup(backend="sim", seed=seed))
    except ScriptRefused as refusal:
        _check_refusal(refusal, data)
        return "refused"
    if _time_of(script) > LONGEST_RUN:
        return "too long to run"
    heard: list[str] = []
    transcript = (TextTranscript if seed % 2 else JsonTranscript)(heard.append)
    status = run_script(script, transcript)
    if status is Status.INTERRUPTED:
        raise KeyboardInterrupt
    if status not in (Status.HELD, Status.FAILED, Status.MISUSED):
        raise Misjudged(f"it ends with status {status!r}")
    _check_shown("\n".join(heard))
    return status.name.lower()


def _check_refusal(refusal: ScriptRefused, data: bytes) -> None:
    if not refusal.mistakes:
        raise Misjudged("it is refused, and no mistake is named")
    lines = data.count(b"\n") + 1
    for mistake in refusal.mistakes:
        last = mistake is refusal.mistakes[-1]  # it may say that nothing more was read
        if not 1 <= mistake.line <= lines + last:
            raise Misjudged(f"a mistake is said to be in line {mistake.line} of {lines}: {mistake}")
        if not 1 <= mistake.column <= len(mistake.source) + 1:
            raise Misjudged(f"a mistake is said to be in column {mistake.column}: {mistake}")
        if not mistake.message or "\n" in mistake.message or len(mistake.message) > 500:
            raise Misjudged(f"a mistake is not told in one short sentence: {mistake}")
    _check_shown(str(refusal))


def _check_shown(text: str) -> None:
    """Raise `Misjudged` if user text is shown without escapes."""
    for line in text.split("\n"):
        if visible(line) != line:
            raise Misjudged(f"this is shown raw: {line!r}")


def _time_of(script: Script) -> float:
    """Return the most cluster time that the script may take, in seconds."""
    total = 0.0
    for bound in (step.bound for step in script.steps):
        names = [argument.name for argument in bound.arguments]
        total += sum(bound.constant(name) for name in names if name in ("duration", "within"))
        if bound.name == "step":
            total += (bound.constant("count") or 0) * STEP_TIME
    return total
