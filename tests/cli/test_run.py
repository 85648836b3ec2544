"""Running a script: what its transcript says, how it ends, and that it says the same each time."""

import hashlib
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.amount import PART, THOROUGH, several
from support.command_line import environment
from support.language import held, ran, transcript

from raftplay import scenarios
from raftplay.cluster.harness import Harness
from raftplay.commands.setup import Setup
from raftplay.run.runner import JsonTranscript, Status, TextTranscript, run_script
from raftplay.run.script import Script, Step, parse_script

STORY = """\
# The leader is cut off; its entry is lost, the new leader's survives.
nodes 5
wait leader
let old = leader
submit 1
wait committed 1 on 5
disconnect $old
submit 2 to $old
wait leader is not $old
expect not committed 2
submit 3
wait committed 3 on 4
reconnect $old
wait agree
expect committed 3 on 5
expect not committed 2
"""


@pytest.mark.parametrize("backend", ["sim", "tcp"])
def test_the_story_of_the_language_holds(backend: str) -> None:
    assert held(STORY, backend=backend).objects[-1]["steps"] == 14


def test_a_transcript_says_the_time_the_command_and_its_answer() -> None:
    lines = transcript(STORY, name="story.txt")
    assert lines[0] == "story.txt: 5 nodes, sim, seed 7"
    assert lines[1] == "# The leader is cut off; its entry is lost, the new leader's survives."
    assert lines[2] == "    0.157  wait leader                         node 0 leads term 1"
    assert lines[3] == "    0.157  let old = leader                    $old = 0"
    assert lines[-1] == "story.txt: all held: 14 steps in 0.384 s (5 nodes, sim, seed 7)"


def test_comments_are_paragraphs_and_keep_their_indentation() -> None:
    lines = transcript("# one\n#   two\n#\nnow # behind\nnow\n# three\n")
    assert lines[1:-1] == [
        "# one",
        "#   two",
        "#",
        "    0.000  now                                 0.000 s",
        "           # behind",
        "    0.000  now                                 0.000 s",
        "",
        "# three",
    ]


def test_answers_of_several_lines_stand_below_the_command() -> None:
    lines = transcript("nodes 1; status")
    assert lines[1:4] == [
        "    0.000  status",
        "           node  state     term  vote  log  commit  applied",
        "           0     Follower  0     -     0    -       -",
    ]


def test_answers_stand_in_their_column_behind_wide_characters() -> None:
    lines = transcript("submit 漢字 to 0; submit ab to 0; submit e\u0301 to 0")
    assert (
        lines[1]
        == "    0.000  submit 漢字 to 0                    node 0 is not the leader: not taken; it knows of no leader"
    )
    assert (
        lines[2]
        == "    0.000  submit ab to 0                      node 0 is not the leader: not taken; it knows of no leader"
    )
    assert (
        lines[3]
        == "    0.000  submit e\u0301 to 0                       node 0 is not the leader: not taken; it knows of no leader"
    )


def test_a_long_command_is_cut_in_the_transcript_and_not_in_what_it_does() -> None:
    text = f"timeout 0; wait leader is 0; submit {'x' * 5000}; wait committed {'x' * 5000}"
    lines = transcript(text)
    assert max(map(len, lines)) < 400
    assert "…" in lines[3]
    assert lines[-1].startswith("script: all held: 4 steps")


def test_the_opening_line_says_all_that_it_takes_to_run_the_same_again(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "nodes 1\ntiming election=1..2s heartbeat=20ms delay=0ms\nset prevote on\nset noop on\nbug zombie\n"
    assert transcript(text)[0] == (
        "script: 1 node, sim, seed 7, election 1..2s, heartbeat 20ms, delay 0ms, prevote on, noop on, "
        "BUGS ON: zombie"
    )
    monkeypatch.setenv("RAFT_UNRELIABLE_RPC", "1")
    monkeypatch.setenv("RAFT_FORCE_MORE_REELECTION", "1")
    assert transcript("")[0] == "script: 5 nodes, sim, seed 7, RAFT_UNRELIABLE_RPC, RAFT_FORCE_MORE_REELECTION"


def test_bugs_that_are_on_cannot_be_overlooked_in_a_quiet_transcript() -> None:
    assert transcript("bug zombie\nbug torn-vote", quiet=True) == [
        "script: all held: 0 steps in 0.000 s (5 nodes, sim, seed 7, BUGS ON: zombie torn-vote)"
    ]


# ---- how it ends


def test_a_failure_says_what_failed_at_which_line_and_time_and_what_every_node_looked_like() -> None:
    text = "timeout 0; wait leader is 0; submit 'a b'\n\npartition 0 | 1,2; crash 2\nlink 0->1 loss=5%\n"
    lines = transcript(text + "wait committed 'a b' within 300ms\nnow", name="x.txt")
    at = next(i for i, line in enumerate(lines) if line.endswith("FAILED"))
    assert lines[at] == "    0.304  wait committed 'a b' within 300ms   FAILED"
    assert lines[at + 1] == (
        "x.txt:5: failed at 0.304 s: wait committed 'a b' within 300ms: after 300ms: "
        '"a b" is committed on none of the 4 connected nodes'
    )
    assert lines[at + 2 :] == [
        "at 0.304 s:",
        "  node 0: Leader, term 1, vote 0, commit -, log of 1 ['a b'@1]",
        "  node 1: Candidate, term 2, vote 1, commit -, log of 1 ['a b'@1]",
        "  node 2: Dead, on disk: term 1, vote 0, log of 0 []; commit not kept on disk",
        "  node 3: Candidate, term 2, vote 3, commit -, log of 1 ['a b'@1]",
        "  node 4: Follower, term 2, vote 3, commit -, log of 1 ['a b'@1]",
        "  partition: 0 | 1 2 | 3 4",
        "  link 0->1: loss 5%",
        "x.txt: failed after 6 steps, at 0.304 s (5 nodes, sim, seed 7)",
    ]


def test_what_is_wrong_only_once_it_runs_is_shown_with_its_place_and_a_caret() -> None:
    lines = transcript("now\n  now; restart 1; now\n", name="x.txt")
    assert lines[-4:] == [
        "x.txt:2:8: error: node 1 is alive; only a crashed node can be restarted",
        "    now; restart 1; now",
        "         ^~~~~~~",
        "x.txt: stopped after 2 steps, at 0.000 s (5 nodes, sim, seed 7)",
    ]


def test_a_quiet_transcript_holds_failures_and_the_closing_line() -> None:
    assert transcript("# c\nnow\n", quiet=True) == ["script: all held: 1 step in 0.000 s (5 nodes, sim, seed 7)"]
    lines = transcript("# c\nnow\nexpect leader", quiet=True)
    assert lines[0].endswith("FAILED")
    assert len(lines) == 9


def test_nothing_runs_behind_what_did_not_hold() -> None:
    run = ran("now; expect leader; now")
    assert [step["status"] for step in run.steps] == ["held", "failed"]
    assert ran("now; restart 1; now").objects[-1] == {"kind": "end", "status": "misused", "time": 0.0, "steps": 1}


def test_a_broken_invariant_ends_the_run_and_says_how_to_see_it_again() -> None:
    text = scenarios.text_of("bugs/commit-old-term")
    lines = transcript(text, name="bugs/commit-old-term")
    assert any(line.endswith("BROKEN") for line in lines)
    assert lines[-2].startswith(
        "again: raftplay run bugs/commit-old-term --nodes 5 --backend sim --seed 7 --bug commit"
    )
    assert "failed after" in lines[-1]
    assert "BUGS ON: commit-old-term" in lines[-1]
    assert ran(text, without_bugs=True).status is Status.HELD


@pytest.mark.parametrize("backend", ["sim", "tcp"])
def test_an_interrupt_ends_the_run_with_its_closing_line(backend: str) -> None:
    class Interrupted(TextTranscript):
        def step(self, step: Step, time: float, answer: str) -> None:
            super().step(step, time, answer)
            if step.line == 2:
                raise KeyboardInterrupt

    lines: list[str] = []
    script = parse_script("s", "now\nnow\nnow", Setup(backend=backend, seed=7))
    assert run_script(script, Interrupted(lines.append)) is Status.INTERRUPTED
    assert lines[-1].startswith("s: interrupted after 1 step, at ")


def test_options_are_part_of_the_command_that_shows_it_again() -> None:
    overrides = Setup(seed=7, backend="sim", timings={"election": (1.0, 2.0)}, switches={"noop": False})
    script: Script = parse_script("a b.txt", "bug half-is-majority\n", overrides)
    assert script.overrides.options() == ["--timing=election=1..2s", "--set=noop=off"]


# ---- the same script and seed, the same bytes

DIGEST = """
import hashlib, sys
from raftplay import scenarios
from raftplay.cluster.harness import Harness
from raftplay.run.runner import JsonTranscript, TextTranscript, run_script
from raftplay.run.script import parse_script
from raftplay.commands.setup import Setup

for name in sys.argv[1:]:
    for kind in (TextTranscript, JsonTranscript):
        digest = hashlib.sha256()
        script = parse_script(name, scenarios.text_of(name) + "\\nevents 10000\\n", Setup(seed=11, backend="sim"))
        run_script(script, kind(lambda line: digest.update(line.encode() + b"\\n")))
        print(name, kind.__name__, digest.hexdigest())
"""


def test_every_scenario_gives_the_same_bytes_whatever_the_hash_seed() -> None:
    names = (scenarios.names() + scenarios.bug_names())[:: 1 if THOROUGH else PART]
    here = "".join(digests(names))
    for hash_seed in ("0", "4711")[: several(2)]:
        there = subprocess.run(
            [sys.executable, "-c", DIGEST, *names],
            env=environment(PYTHONHASHSEED=hash_seed),
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout
        assert there == here


def digests(names: list[str]) -> list[str]:
    found = []
    for name in names:
        for kind in (TextTranscript, JsonTranscript):
            digest = hashlib.sha256()
            text = scenarios.text_of(name) + "\nevents 10000\n"
            script = parse_script(name, text, Setup(seed=11, backend="sim"))
            run_script(script, kind(lambda line, digest=digest: digest.update(line.encode() + b"\n")))
            found.append(f"{name} {kind.__name__} {digest.hexdigest()}\n")
    return found


def test_another_seed_gives_another_run() -> None:
    assert transcript("wait leader", seed=1)[1] != transcript("wait leader", seed=2)[1]


class SlowToBegin(TextTranscript):
    """A transcript whose first lines take longer than any node waits before it stands for election."""

    def begin(self, script: Script, harness: Harness) -> None:
        super().begin(script, harness)
        time.sleep(0.7)


def test_no_node_stands_for_election_before_the_first_command_however_busy_the_machine() -> None:
    lines: list[str] = []
    script = parse_script("s", "nodes 3\nexpect term of 0 = 0\nexpect term of 1 = 0", Setup(backend="tcp"))
    assert run_script(script, SlowToBegin(lines.append)) is Status.HELD, lines


def test_time_begins_with_the_first_command_that_takes_some_however_long_the_others_take(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A busy machine may take half a second for a command, in which a node would stand for election."""
    act = Harness._act

    def slowly(harness: Harness, action: Callable[[], object]) -> object:
        time.sleep(0.5)
        return act(harness, action)

    monkeypatch.setattr(Harness, "_act", slowly)
    lines: list[str] = []
    script = parse_script("s", "nodes 3\ncut 0->1\ntimeout 2\nwait leader", Setup(backend="tcp"))
    assert run_script(script, TextTranscript(lines.append)) is Status.HELD, lines
    assert lines[3].split()[1:] == ["wait", "leader", "node", "2", "leads", "term", "1"]


def test_a_run_leaves_nothing_behind(tmp_path: Path) -> None:
    lines: list[str] = []
    script = parse_script("s", "wait leader\nsubmit 1", Setup(backend="tcp"))
    assert run_script(script, JsonTranscript(lines.append), trace=tmp_path / "t.jsonl", speed=2.0) is Status.HELD
    assert (tmp_path / "t.jsonl").stat().st_size > 1000
