"""What holds for every test of the suite."""

import gc
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from support.budget import Budget

from raftplay.cluster.config import MORE_REELECTION, UNRELIABLE

for _size in ("LINES", "COLUMNS"):
    os.environ.pop(_size, None)  # the size of a terminal is that terminal's

for _weather in (UNRELIABLE, MORE_REELECTION):
    os.environ.pop(_weather, None)  # these variables change the network; tests set their own

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # a script that runs the tests in the background has it ignored, and the processes that tests start would inherit that
    signal.signal(signal.SIGINT, signal.default_int_handler)

hypothesis.settings.register_profile(
    "raftplay", deadline=None
)  # how long an example takes is the machine's affair
hypothesis.settings.load_profile("raftplay")

pytest.register_assert_rewrite("support.scenarios", "support.past")


QUICK = {"raft", "paper"}
"""The folders of `pytest -m quick`: what must be exact, in virtual time and within seconds."""


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Budget())


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Import only the quick folders for `pytest -m quick`: to import all of them takes longer than to run these."""
    inside = collection_path.parts[len(Path(__file__).parent.parts) :]
    return True if config.option.markexpr == "quick" and inside and inside[0] not in QUICK else None


LONGEST = (
    "test_soundness",
    "test_why_true",
    "test_past_world",
    "test_lessons_shipped",
    "test_tui_keys",
    "test_search_for_bugs",
    "test_dask",
    "test_project",
    "test_exhaustive",
    "test_tui_memory",
    "test_bug_scenarios",
    "test_tui_watch",
    "test_lesson_facts",
    "test_fuzz",
    "test_walks",
    "test_bugs",
    "test_kills",
    "test_determinism",
)
"""The files that take longest, which start first: at the end of a run no worker waits for another one."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of the quick folders, and put the longest files first."""
    for item in items:
        if item.path.parent.name in QUICK:
            item.add_marker(pytest.mark.quick)
    place = {name: at for at, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path.stem, len(LONGEST)))


def pytest_collection_finish() -> None:
    """Leave the thousands of tests out of every garbage collection from here on."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="module")
def _what_was_collected_stays_frozen(request: pytest.FixtureRequest) -> Iterator[None]:
    """A screen unfreezes everything after its first frame; to walk over all tests for it takes 0.13 s of CPU."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        if request.path.stem != "test_tui_memory":  # there a screen must be able to go
            monkeypatch.setattr(gc, "unfreeze", lambda: None)
        yield
