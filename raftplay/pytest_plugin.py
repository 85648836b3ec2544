"""The plugin for pytest: fixtures with a cluster, and what a failed test needs to be understood and repeated.

The rule of this module: pytest loads it at its start, so everything of raftplay is imported when a test uses it.
"""

import re
import shlex
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from raftplay.version import made_by

if TYPE_CHECKING:
    from raftplay import Harness

MARK = "raft(nodes=5, backend='sim', seeds=50, invariants=True, **options): the cluster that `raft_cluster` gives"
ARGUMENTS = ("nodes", "backend", "seeds", "invariants", "config", "node", "readers", "data_dir", "state_machine")
"""The arguments of the mark: `seeds` is the plugin's, a Harness calls `invariants` `watch`, the rest is equal."""

USUAL_NODES, USUAL_BACKEND = 5, "sim"
MOST_FILES = 20
"""The most failed clusters of a run for which files are written."""

MOST_LINES = 200
"""The most lines of a transcript in a report: the last ones."""

CLUSTERS = pytest.StashKey["list[Harness]"]()
WRITTEN = pytest.StashKey[int]()

MakeCluster = Callable[..., "Harness"]


# ---- options, and the seeds of a test


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options --raft-seed and --raft-artifacts."""
    group = parser.getgroup("raftplay", "clusters of raftplay")
    group.addoption("--raft-seed", type=int, metavar="N", help="the only seed of every test with a raft_cluster")
    group.addoption(
        "--raft-artifacts",
        type=Path,
        metavar="DIR",
        help="where scripts and replays of failed tests go (default: raftplay in pytest's cache directory)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Declare the mark `raft`, and keep pytest from rewriting the assertions of raftplay.

    pytest rewrites those of every package that has a plugin; no test needs that, and nodes would be slower.
    """
    config.addinivalue_line("markers", MARK)
    config.stash[WRITTEN] = 0
    hook = getattr(config.pluginmanager, "rewrite_hook", None)  # it has no public way to take a name back
    getattr(hook, "_must_rewrite", set()).discard("raftplay")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test once for each of the seeds of its mark."""
    if "raft_seed" not in metafunc.fixturenames:
        return
    seeds = _arguments(metafunc.definition).get("seeds")
    if seeds is None:
        return
    chosen = metafunc.config.getoption("--raft-seed")
    listed = _seeds(seeds) if chosen is None else [chosen]
    metafunc.parametrize("raft_seed", listed, indirect=True, ids=[f"seed{seed}" for seed in listed])


def _seeds(seeds: object) -> list[int]:
    if isinstance(seeds, int) and not isinstance(seeds, bool) and seeds > 0:
        return list(range(seeds))
    if isinstance(seeds, list | tuple | range) and seeds and all(type(seed) is int for seed in seeds):
        return list(seeds)
    pytest.fail(f"seeds must be a number of seeds, 1 or more, or a list of seeds, not {seeds!r}", pytrace=False)


def _arguments(item: pytest.Item) -> dict[str, Any]:
    """Return the arguments of the marks `raft` of a test; those nearest to it count."""
    found: dict[str, Any] = {}
    for mark in reversed(list(item.iter_markers("raft"))):
        if mark.args:
            pytest.fail(f"{item.name}: the arguments of the mark raft have names: raft(nodes=3)", pytrace=False)
        found |= mark.kwargs
    for name in found:
        if name not in ARGUMENTS:
            known = ", ".join(ARGUMENTS)
            pytest.fail(f"{item.name}: the mark raft has no argument {name!r}; it has {known}", pytrace=False)
    return found


# ---- fixtures


@pytest.fixture
def raft_seed(request: pytest.FixtureRequest) -> int:
    """Return the seed of the test: one of its mark's, that of --raft-seed, or a new one."""
    if hasattr(request, "param"):
        return int(request.param)
    chosen: int | None = request.config.getoption("--raft-seed")
    if chosen is not None:
        return chosen
    from raftplay.cluster.arguments import new_seed  # noqa: PLC0415

    return new_seed()


@pytest.fixture
def raft_cluster_factory(request: pytest.FixtureRequest, raft_seed: int) -> Iterator[MakeCluster]:
    """Return a function that begins a cluster: `make(3, seed=7)`; its arguments are those of `raftplay.Harness`.

    What is left out comes from the mark `raft`, and the seed from `raft_seed`. All clusters end with the test.
    """
    from raftplay import Harness  # noqa: PLC0415 - pytest's start needs nothing of it

    marked = _arguments(request.node)
    marked.pop("seeds", None)
    if "invariants" in marked:
        chosen = marked.pop("invariants")
        marked["watch"] = [chosen] if isinstance(chosen, str) else chosen
    usual_nodes = marked.pop("nodes", USUAL_NODES)
    usual = {"backend": USUAL_BACKEND, "seed": raft_seed, **marked}
    clusters: list[Harness] = []
    request.node.stash[CLUSTERS] = clusters
    with ExitStack() as stack:

        def make(nodes: int = usual_nodes, **arguments: Any) -> "Harness":
            harness = Harness(nodes, **{**usual, **arguments})
            stack.callback(harness.shutdown)
            clusters.append(harness)
            return harness

        yield make


@pytest.fixture
def raft_cluster(raft_cluster_factory: MakeCluster) -> "Harness":
    """Return a running cluster, a `raftplay.Harness`: 5 nodes in virtual time, if the mark `raft` says nothing."""
    return raft_cluster_factory()


# ---- the report of a failed test


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add to the report of a failed test what its clusters did, and how to repeat it."""
    report = yield
    if report.failed:
        clusters: list[Harness] = item.stash.get(CLUSTERS, [])
        for number, harness in enumerate(clusters):
            report.sections.append((f"raftplay{_ordinal(number)}", "\n".join(_about(item, harness, number))))
            lines = harness.transcript.split("\n")
            left_out = [f"… {len(lines) - MOST_LINES} lines before"] if len(lines) > MOST_LINES else []
            shown = "\n".join([*left_out, *lines[-MOST_LINES:]])
            report.sections.append((f"raftplay transcript{_ordinal(number)}", shown))
    return report


def _ordinal(number: int) -> str:
    return f" of cluster {number + 1}" if number else ""


def _about(item: pytest.Item, harness: "Harness", number: int) -> Iterator[str]:
    """Yield the lines about one cluster: its seed, the command that repeats the test, its files."""
    yield f"{harness.n} nodes, {harness.backend}, seed {harness.seed}; {made_by()}"
    seed = item.funcargs.get("raft_seed") if isinstance(item, pytest.Function) else None
    again = ["pytest", item.nodeid, *([f"--raft-seed={seed}"] if seed == harness.seed else [])]
    yield f"again: {shlex.join(again)}"
    folder = _folder(item.config)
    if folder is None:
        return
    if item.config.stash[WRITTEN] >= MOST_FILES:
        yield f"no files: {MOST_FILES} failed clusters of this run have some already"
        return
    item.config.stash[WRITTEN] += 1
    name = re.sub(r"[^\w.-]+", "_", item.nodeid)[-150:].strip("_.") + (f"_{number + 1}" if number else "")
    yield _written("script", lambda: _write_script(harness, folder / f"{name}.txt"))
    yield _written("replay", lambda: harness.export(folder / f"{name}.html", force=True))


def _folder(config: pytest.Config) -> Path | None:
    """Return the directory for files, None if there is none."""
    chosen: Path | None = config.getoption("--raft-artifacts")
    if chosen is not None:
        chosen.mkdir(parents=True, exist_ok=True)
        return chosen
    return Path(config.cache.mkdir("raftplay")) if getattr(config, "cache", None) is not None else None


def _write_script(harness: "Harness", file: Path) -> Path:
    file.write_text(harness.script, "utf-8")
    return file


def _written(what: str, write: Callable[[], Path]) -> str:
    """Write a file and return the line that names it; a file that cannot be written never hides the failure."""
    try:
        return f"{what}: {write()}"
    except Exception as error:
        return f"{what}: none, as {type(error).__name__}: {error}"
