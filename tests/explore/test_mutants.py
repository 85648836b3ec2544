"""The program that mutates a module: its mutants, and what it says of one that the search finds."""

from pathlib import Path

import pytest
from support import mutants
from support.mutants import EQUIVALENT, Mutant, Place, _by, mutants_of, reasons_of
from support.places import ROOT

CONSENSUS = (ROOT / "raftplay/raft/consensus.py").read_text("utf-8")

SOURCE = '''
LIMIT = 5

def move(at, end):
    """Move on."""
    if at < end and not at == 3:
        at = at + 1
        print(at)
    return at
'''


def test_every_comparison_number_negation_and_statement_gives_mutants():
    changes = [(mutant.line, mutant.before, mutant.after) for mutant in mutants_of(SOURCE)]
    head = "if at < end and (not at == 3):"
    assert changes == [
        (6, head, "pass"),
        (6, head, "if not (at < end and (not at == 3)):"),
        (6, head, "if at < end or not at == 3:"),
        (6, head, "if at <= end and (not at == 3):"),
        (6, head, "if at > end and (not at == 3):"),
        (6, head, "if at < end and (not not at == 3):"),
        (6, head, "if at < end and (not at != 3):"),
        (6, head, "if at < end and (not at == 4):"),
        (6, head, "if at < end and (not at == 2):"),
        (7, "at = at + 1", "pass"),
        (7, "at = at + 1", "at = at - 1"),
        (7, "at = at + 1", "at = at + 2"),
        (7, "at = at + 1", "at = at + 0"),
        (8, "print(at)", "pass"),
        (9, "return at", "pass"),
    ]


def test_a_mutant_is_the_module_with_that_one_change():
    mutant = next(mutant for mutant in mutants_of(SOURCE) if mutant.after == "at = at - 1")
    assert mutant.key == "move: at = at + 1 => at = at - 1"
    for source, moved in ((SOURCE, 5), (mutant.write(), 3)):
        names: dict[str, object] = {"print": lambda _: None}
        exec(source, names)
        assert names["move"](4, 9) == moved  # type: ignore[operator]


def test_the_mutants_of_the_algorithm_have_keys_of_their_own_and_the_equivalent_ones_are_among_them():
    keys = [mutant.key for mutant in mutants_of(CONSENSUS)]
    assert len(keys) == len(set(keys)) > 300
    reasons = reasons_of(EQUIVALENT.read_text("utf-8"))
    assert all(reasons.values())
    assert set(reasons) <= set(keys)


def test_the_search_kills_a_mutant(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    only = "_vote_received: if reply.vote_granted: => if not reply.vote_granted:"
    assert mutants.main(["--only", only, "--minutes", "1"]) == 0
    head, verdict, summary = capsys.readouterr().out.splitlines()
    assert head.endswith(", 1 to run by explore")
    assert verdict.startswith("killed   raft/consensus.py:")
    assert f"{only}  (found: Vote Quorum, seed 0, " in verdict
    assert summary == "killed 1, hung 0, survived 0 of 1: 100 %"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("code", "verdict", "by"),
    [
        ("print('nothing broke')", "survived", "nothing broke"),
        ("print('found: Log Matching')\nraise SystemExit(1)", "killed", "found: Log Matching"),
        ("import time\ntime.sleep(60)", "hung", "no end after 0 s"),
    ],
)
def test_a_run_that_holds_fails_or_does_not_end(
    code: str, verdict: str, by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Place, "command", lambda _: [mutants.sys.executable, "-c", code])
    monkeypatch.setattr(mutants, "SLACK", 0.3 if verdict == "hung" else 60.0)
    place = Place(tmp_path, "version.py", "explore", 0.0)
    judged = place.judge(Mutant("move", 1, "a", "b", lambda: "# another text\n"))
    assert (judged.name, judged.by) == (verdict, by)
    assert place.file.read_text("utf-8") == "# another text\n"


def test_the_line_that_tells_what_killed_a_mutant_is_found():
    assert _by("...\nFAILED tests/a.py::test_b - assert\n1 failed") == "FAILED tests/a.py::test_b - assert"
    assert _by("minimizing\nnothing broke\n") == "nothing broke"
    assert _by("") == "it said nothing"
