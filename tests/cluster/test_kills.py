"""A process that is killed in the middle of everything has kept what it promised (long: python tests/support/kills.py)."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.kills import Kills, Lost
from support.places import TESTS

COMMAND = TESTS / "support" / "kills.py"


def kills(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", str(COMMAND), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)


@pytest.mark.parametrize(("backend", "count"), [("sim", 30), ("tcp", 5)])
def test_every_commit_that_was_reported_outlives_the_process(backend: str, count: int):
    done = kills("--kills", str(count), "--backend", backend)
    assert done.returncode == 0, done.stdout + done.stderr
    seen = re.fullmatch(r"(\d+) kills, (\d+) in the middle of a write: (\d+) commits kept\n", done.stdout)
    assert seen is not None, done.stdout
    assert int(seen[1]) == count
    assert int(seen[3]) > 20
    assert done.stderr == ""


def test_a_cluster_that_answers_before_it_has_written_is_caught():
    done = kills("--kills", "200", "--backend", "sim", "--bug", "ack-before-durable")
    assert done.returncode == 1, done.stdout
    assert re.match(r"lost: life \d+: .* is on the disks of \[\d?\] only", done.stderr)


def test_a_report_that_the_kill_cut_off_promises_nothing(tmp_path: Path):
    """A report that is longer than a pipe holds may end anywhere."""
    one = Kills(tmp_path, 3, "sim", 1, ())
    for line in ("0 1.0.0\n", "1 1.0.1\n", "1 ", "1 1.0", ""):
        one.note(line)
    assert one.reported == {0: "1.0.0", 1: "1.0.1"}
    with pytest.raises(Lost, match=r"commits 1\.0 at index 1; that was 1\.0\.1"):
        one.note("1 1.0\n")
