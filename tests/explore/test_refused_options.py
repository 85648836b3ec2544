"""Options of `explore` that one kind of search cannot honour are refused in one clear sentence, never ignored."""

import pytest
from support.command_line import raftplay


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--backend", "tcp", "--shrink", "5"), "--shrink is for virtual time"),
        (("--backend", "tcp", "--jobs", "2"), "--jobs is for virtual time"),
        (("--backend", "tcp", "--engine", "both"), "--engine is for virtual time"),
        (("--all-bugs", "--out", "x.txt"), "--all-bugs prints a table and writes no script; leave --out out"),
        (("--all-bugs", "--force"), "leave --force out"),
        (("--all-bugs", "--keep-going"), "--all-bugs stops at the first finding of each bug"),
        (("--all-bugs", "--bug", "zombie"), "--all-bugs searches for each bug alone"),
        (("--all-bugs", "--tally"), "--tally is for a script"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_an_option_that_cannot_be_honoured_is_refused(options: tuple[str, ...], says: str) -> None:
    done = raftplay("explore", "--seeds", "1", *options)
    assert (done.status, done.out) == (2, "")
    assert says in done.err
    assert len(done.err.splitlines()) == 1


def test_the_fuzzer_names_its_version_and_seed() -> None:
    done = raftplay("fuzz", "scripts", "--count", "3", "--seed", "5")
    assert done.out.startswith("with raftplay ")
    assert "3 scripts from seed 5" in done.out.splitlines()[0]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (
            ("--set", "snapshot=2"),
            "an exhaustive search takes no snapshots, so --set snapshot has no effect in it",
        ),
        (
            ("--bug", "snapshot-keeps-tail"),
            "an exhaustive search has no snapshots, so it cannot find snapshot-keeps-tail",
        ),
        (
            ("--bug", "transfer-flag-stuck"),
            "an exhaustive search has no transfers, so it cannot find transfer-flag-stuck",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_an_exhaustive_search_says_what_it_has_not(options: tuple[str, ...], says: str) -> None:
    done = raftplay("explore", "--exhaustive", *options)
    assert (done.status, done.out) == (2, "")
    assert f"{says}; random walks " in done.err
    assert len(done.err.splitlines()) == 1
