"""What is cited: sections of the paper and of the thesis, and where the bugs were seen."""

import re
from pathlib import Path

import pytest

from raftplay.raft.bugs import BUGS

ROOT = Path(__file__).parent.parent
TEXTS = sorted(
    [
        ROOT / "README.md",
        *(path for ending in ("*.py", "*.txt", "*.md") for path in (ROOT / "raftplay").rglob(ending)),
    ]
)

PAPER = {
    *map(str, range(1, 13)),
    *("5.1", "5.2", "5.3", "5.4", "5.4.1", "5.4.2", "5.4.3", "5.5", "5.6", "9.1", "9.2", "9.3"),
}
"""The sections of the extended version of "In Search of an Understandable Consensus Algorithm"."""

THESIS = {"3.6.2", "3.8", "3.10", "4.2.3", "5", "6.2", "6.3", "6.4", "6.4.1", "9.6"}
"""The sections of "Consensus: Bridging Theory and Practice" that are spoken of here."""

CITED = re.compile(r"(thesis )?§([0-9]+(?:\.[0-9]+)*)")


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_section_is_one_of_the_paper_or_says_that_it_is_of_the_thesis(path: Path) -> None:
    in_one_line = re.sub(r"\n\s*(#|say )?\s*", " ", path.read_text("utf-8"))
    for thesis, section in CITED.findall(in_one_line):
        assert section in (THESIS if thesis else PAPER), f"{thesis}§{section}"


SEEN = re.compile(
    r"[A-Za-z0-9.-]+/[A-Za-z0-9_.-]+ (#\d+|at [0-9a-f]{7})|Jepsen's report on NATS [0-9.]+|Students' Guide to Raft"
)
"""An issue or pull request, a commit, or a report."""


NOWHERE_FOUND = {"compact-past-commit", "quorum-by-sending", "read-before-apply"}
"""Bugs of which no report was found."""


@pytest.mark.parametrize("name", BUGS)
def test_every_bug_says_where_it_was_seen(name: str) -> None:
    assert bool(BUGS[name].seen_in) is (name not in NOWHERE_FOUND)
    assert [seen for seen in BUGS[name].seen_in if not SEEN.fullmatch(seen)] == []


def test_no_two_bugs_were_seen_in_the_same_place_by_mistake() -> None:
    shared = {"bakwc/PySyncObj #84", "eliben/raft at 0ae7b34", "eliben/raft at 07acf9c"}
    places = [seen for bug in BUGS.values() for seen in bug.seen_in if seen not in shared]
    assert len(places) == len(set(places))
