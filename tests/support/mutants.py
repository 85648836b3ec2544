"""Mutates a module of raftplay, and finds out which mutants the search, or the tests, can tell from the module.

Use: python tests/support/mutants.py [MODULE] [--by explore|tests] [--tests FILE …] [--minutes N] [--jobs N] [--sample N] [--only TEXT] [--list]

MODULE is a path below raftplay/ (default: raft/consensus.py). A mutant differs from it in one place: a comparison
swapped or moved by one, a number or a sum moved by one, `and` for `or`, a negation more or less, a statement dropped.
Each is written into a copy of the package; then `raftplay explore` runs there with its defaults for N minutes
(default 2), or the tests of the algorithm. A mutant is killed if they fail, and hung if they do not end. Those that
equivalent_mutants.txt names cannot be told from the module, for the reason given there, and are left out.
"""

import argparse
import ast
import operator
import os
import queue
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
EQUIVALENT = Path(__file__).with_name("equivalent_mutants.txt")
TESTS = ("tests/raft", "tests/paper", "tests/watch", "tests/cluster", "tests/explore/test_search_for_bugs.py")
"""The tests that run against a mutant, quick ones first."""

SLACK = 60.0
"""Seconds of wall time that a run may take longer than its minutes."""

SWAPS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
"""What stands for a comparison: the one whose boundary is moved by one, and the opposite."""


@dataclass(frozen=True)
class Mutant:
    """A mutant: the function and the line that it changes, and the text before and after."""

    where: str
    line: int
    before: str
    after: str
    write: Callable[[], str]
    """Returns its whole source."""

    @property
    def key(self) -> str:
        """What equivalent_mutants.txt calls it: it stays the same when lines are added elsewhere."""
        return f"{self.where}: {self.before} => {self.after}"


def mutants_of(source: str) -> list[Mutant]:
    """Every mutant of a module, in the order of its lines; no two have the same key."""
    tree = ast.parse(source)
    found: list[Mutant] = []
    times: Counter[tuple[str, str, str]] = Counter()
    for place in _places(tree):
        for edit in _edits(place.node):
            statement = edit.dropped or place.statement
            before = _line(statement)
            after = "pass" if edit.dropped else edit.during(partial(_line, statement))
            times[place.function, before, after] += 1
            if (again := times[place.function, before, after]) > 1:
                after = f"{after} ({again})"
            write = partial(edit.during, partial(ast.unparse, tree))
            found.append(Mutant(place.function, statement.lineno, before, after, write))
    return sorted(found, key=lambda mutant: mutant.line)


class _Place(NamedTuple):
    """A node, the statement around it, and the name of the function around that."""

    node: ast.AST
    statement: ast.stmt
    function: str


def _places(tree: ast.Module) -> list[_Place]:
    """Every node inside a function, always in the same order."""
    found = []
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            found.append(_Place(function, function, function.name))
            found += [
                place for statement in function.body for place in _inside(statement, statement, function.name)
            ]
    return found


def _inside(node: ast.AST, statement: ast.stmt, function: str) -> Iterator[_Place]:
    statement = node if isinstance(node, ast.stmt) else statement
    yield _Place(node, statement, function)
    for child in ast.iter_child_nodes(node):
        yield from _inside(child, statement, function)


class Edit(NamedTuple):
    """A change of a node, in place, and its undoing; `dropped` is the statement that it leaves out, if it does."""

    apply: Callable[[], object]
    undo: Callable[[], object]
    dropped: ast.stmt | None = None

    def during(self, look: Callable[[], str]) -> str:
        """What `look` returns while the change is made."""
        with _one_at_a_time:
            self.apply()
            try:
                return look()
            finally:
                self.undo()


_one_at_a_time = threading.Lock()


def _edits(node: ast.AST) -> Iterator[Edit]:
    """The changes that make a mutant of a node."""
    for name, value in _values(node):
        yield Edit(partial(setattr, node, name, value), partial(setattr, node, name, getattr(node, name)))
    for name in ("body", "orelse"):
        body = getattr(node, name, None)
        for at, statement in enumerate(body if isinstance(body, list) else []):
            is_text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
            if not is_text and not isinstance(statement, ast.Pass | ast.FunctionDef):
                put = partial(operator.setitem, body, at)
                yield Edit(partial(put, ast.Pass()), partial(put, statement), statement)


def _values(node: ast.AST) -> Iterator[tuple[str, object]]:
    """Other values for an attribute of a node."""
    match node:
        case ast.Compare(ops=[op]):
            yield from (("ops", [other()]) for other in SWAPS[type(op)])
        case ast.BoolOp(op=op):
            yield "op", ast.Or() if isinstance(op, ast.And) else ast.And()
        case ast.BinOp(op=ast.Add() | ast.Sub() as op):
            yield "op", ast.Sub() if isinstance(op, ast.Add) else ast.Add()
        case ast.Constant(value=int(value)) if not isinstance(value, bool):
            yield from (("value", value + 1), ("value", value - 1))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield "operand", ast.UnaryOp(ast.Not(), operand)
        case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
            if not isinstance(test, ast.Compare | ast.UnaryOp):
                yield "test", ast.UnaryOp(ast.Not(), test)


def _line(node: ast.AST) -> str:
    return ast.unparse(node).split("\n")[0]


def reasons_of(text: str) -> dict[str, str]:
    """Read equivalent_mutants.txt: a reason on a line that begins with #, and below it the keys of its mutants."""
    reasons, reason = {}, ""
    for line in text.splitlines():
        if line.startswith("#"):
            reason = line.lstrip("# ")
        elif line.strip():
            reasons[line.strip()] = reason
    return reasons


# ---- running them


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant: "killed", "survived" or "hung"; by what, and after how many seconds."""

    name: str
    by: str
    seconds: float


class Place:
    """A copy of the package and of the tests, into which one mutant after another is written."""

    def __init__(self, folder: Path, module: str, by: str, minutes: float, tests: Sequence[str] = TESTS) -> None:
        self.folder, self.by, self.minutes, self.tests = folder, by, minutes, tests
        self.file = folder / "raftplay" / module
        for name in ("raftplay", "tests") if by == "tests" else ("raftplay",):
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        shutil.copy(ROOT / "pyproject.toml", folder)

    def command(self) -> list[str]:
        """What must fail for a mutant to be killed."""
        if self.by == "tests":
            tests = [name for name in self.tests if (self.folder / name).exists()]
            return [sys.executable, "-m", "pytest", "-x", "-q", "-n", "0", "-p", "no:cacheprovider", *tests]
        budget = ["--for", f"{self.minutes * 60:g}s", "--shrink", "0", "--jobs", "1"]
        return [sys.executable, "-m", "raftplay.cli", "explore", *budget, "--out", "/dev/null"]

    def judge(self, mutant: Mutant) -> Verdict:
        """Run the search or the tests against a mutant."""
        self.file.write_text(mutant.write(), "utf-8")
        start = time.monotonic()
        env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        with subprocess.Popen(
            self.command(),
            cwd=self.folder,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            start_new_session=True,
        ) as run:
            limit = self.minutes * 60 + SLACK if self.by == "explore" else 600 + SLACK
            try:
                said, _ = run.communicate(timeout=limit)
            except subprocess.TimeoutExpired:
                os.killpg(run.pid, signal.SIGKILL)
                return Verdict("hung", f"no end after {limit:.0f} s", time.monotonic() - start)
        return Verdict("survived" if run.returncode == 0 else "killed", _by(said), time.monotonic() - start)


def _by(said: str) -> str:
    """The line of the output that tells what killed a mutant."""
    lines = said.strip().splitlines() or ["it said nothing"]
    telling = [line for line in lines if line.startswith(("found: ", "FAILED ", "ERROR ", "E   "))]
    return (telling or lines[-1:])[0][:110]


def judge_all(
    mutants: list[Mutant], module: str, by: str, minutes: float, jobs: int, tests: Sequence[str] = TESTS
) -> Iterator[tuple[Mutant, Verdict]]:
    """Judge every mutant in `jobs` copies at once; give each when it is done."""
    waiting: queue.SimpleQueue[Mutant | None] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[Mutant, Verdict]] = queue.SimpleQueue()
    for mutant in [*mutants, *[None] * jobs]:
        waiting.put(mutant)

    def work(folder: Path) -> None:
        place = Place(folder, module, by, minutes, tests)
        while (mutant := waiting.get()) is not None:
            done.put((mutant, place.judge(mutant)))

    with tempfile.TemporaryDirectory() as folder:
        for number in range(jobs):
            threading.Thread(target=work, args=(Path(folder, str(number)),), daemon=True).start()
        for _ in mutants:
            yield done.get()


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 if every mutant was killed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("module", nargs="?", default="raft/consensus.py", help="a path below raftplay/")
    parser.add_argument("--by", choices=("explore", "tests"), default="explore")
    parser.add_argument("--minutes", type=float, default=2.0, help="the budget of explore for each mutant")
    parser.add_argument("--jobs", type=int, default=1, help="how many mutants at once")
    parser.add_argument("--sample", type=int, help="only so many, drawn at random, the same each time")
    parser.add_argument("--only", default="", help="only mutants whose key contains this text")
    parser.add_argument("--tests", nargs="+", default=TESTS, help="the tests to run, with --by tests")
    parser.add_argument("--list", action="store_true", help="print the mutants, and run nothing")
    chosen = parser.parse_args(arguments)
    mutants = mutants_of((ROOT / "raftplay" / chosen.module).read_text("utf-8"))
    reasons = reasons_of(EQUIVALENT.read_text("utf-8"))
    left = [mutant for mutant in mutants if mutant.key not in reasons and chosen.only in mutant.key]
    if chosen.sample is not None and chosen.sample < len(left):
        left = sorted(random.Random(0).sample(left, chosen.sample), key=lambda mutant: mutant.line)
    if chosen.list:
        for mutant in left:
            print(mutant.key)
        return 0
    equivalent = sum(mutant.key in reasons for mutant in mutants)
    print(f"{len(mutants)} mutants, {equivalent} equivalent, {len(left)} to run by {chosen.by}", flush=True)
    counts: Counter[str] = Counter()
    for mutant, verdict in judge_all(left, chosen.module, chosen.by, chosen.minutes, chosen.jobs, chosen.tests):
        counts[verdict.name] += 1
        place = f"{chosen.module}:{mutant.line}"
        print(f"{verdict.name:<8} {place:<24} {mutant.key}  ({verdict.by}; {verdict.seconds:.0f} s)", flush=True)
    found = counts["killed"] + counts["hung"]
    share = 100 * found / max(1, len(left))
    print(
        f"killed {counts['killed']}, hung {counts['hung']}, survived {counts['survived']} of {len(left)}: {share:.0f} %"
    )
    return 0 if not counts["survived"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
