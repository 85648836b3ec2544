"""One's own scripts: run with many seeds and counted, and minimized to shorter ones that fail the same way."""

import itertools
from pathlib import Path
from types import SimpleNamespace

import pytest
from support.command_line import raftplay
from support.nodes import OWN, take
from support.session import held, live

from raftplay import ConsensusModule, UsageError
from raftplay.backends import sim
from raftplay.cli import options
from raftplay.cli.searching import explore_
from raftplay.explore.scripts import seeds as seeds_module
from raftplay.explore.scripts import shrink as shrink_module
from raftplay.explore.scripts.command import Wishes, shrink
from raftplay.explore.scripts.explore import ReportOptions, explore_script
from raftplay.explore.scripts.failure import Failure, Played, play
from raftplay.explore.scripts.seeds import Ended, Seeds, run_seeds
from raftplay.explore.scripts.shrink import Failing, attempt_of, failing, shrink_script
from raftplay.explore.search.trial import TrialPlan
from raftplay.files import Target
from raftplay.raft.roles import Leadership
from raftplay.run.runner import TextTranscript, run_script
from raftplay.run.script import parse_script
from raftplay.session.status import Status
from raftplay.version import made_by

HEAD = "backend sim\nseed 3\nnodes 3\n"
SPLIT = "sleep 300ms\npartition 0,1 | 2,3\ntimeout 0\ntimeout 2\nsleep 5ms\n"
"""Two leaders of one term with four nodes and half-is-majority."""


def shrunk(text: str, seconds: float = 20.0, *, any_seed: bool = False) -> list[str]:
    """The commands of a script, minimized."""
    script = parse_script("mine.txt", text)
    assert script.setup.seed is not None
    found = failing(script, script.setup.seed)
    return list(shrink_script(found, seconds, lambda *_: None, any_seed=any_seed).commands)


def said_of(text: str, tmp_path: Path, seconds: float = 20.0) -> tuple[list[str], str]:
    """What shrinking says, and the shorter script."""
    said: list[str] = []
    out = tmp_path / "short.txt"
    status = shrink(
        parse_script("mine.txt", text),
        Wishes(seconds),
        out=Target(out),
        write=said.append,
        say=said.append,
        watch=lambda *_: None,
    )
    assert status is Status.HELD
    return said, out.read_text("utf-8")


# ---- shrink


def test_a_script_that_violates_an_invariant_shrinks_to_one_that_violates_it_too(tmp_path: Path):
    noise = "".join(f"submit {n} to 0\nsleep 3ms\nstatus\n" for n in range(10))
    said, text = said_of(
        f"# why I wrote it\nnodes 4\nbackend sim\nseed 1\nbug half-is-majority\n{noise}{SPLIT}{noise}", tmp_path
    )
    lines = text.splitlines()
    assert lines[0] == "# why I wrote it"
    assert lines[1].startswith(f"# Minimized by {made_by()}, from mine.txt: ")
    assert lines[1].endswith("; backend sim, seed 1, options: bug half-is-majority")
    assert lines[2] == "# Fails by: Vote Quorum"
    assert lines[6] == "bug half-is-majority"
    assert lines[-1].startswith("# FAILED: Vote Quorum broke at ")
    commands = [line for line in lines if line[0] != "#"][4:]
    assert 0 < len(commands) <= 5
    assert said[0].startswith(f"minimized to {len(commands)} of ")
    assert "; fails by Vote Quorum; no shorter one found" in said[0]
    heard: list[str] = []
    assert run_script(parse_script("short.txt", text), TextTranscript(heard.append)) is Status.FAILED
    assert any("Vote Quorum broke at" in line for line in heard)


def test_what_an_earlier_minimizing_said_is_replaced_and_what_the_author_wrote_stays(tmp_path: Path):
    text = "# mine\n# Shrunk by raftplay 0.0.1\n# Fails by: x\n# Minimized by y\nbackend sim\nseed 1\nexpect leader is 0\n"
    _, shorter = said_of(text, tmp_path)
    comments = [line for line in shorter.splitlines() if line.startswith("#")]
    assert comments[0] == "# mine"
    assert comments[1].startswith(f"# Minimized by {made_by()}, from mine.txt: ")
    assert [line.partition(":")[0] for line in comments[2:]] == ["# Fails by", "# FAILED"]


def test_a_check_that_fails_stays_and_what_it_does_not_need_goes():
    text = (
        f"{HEAD}wait leader\nlet l = leader\nsubmit a\nfreeze 2\nwait committed a on 2\nexpect committed a on 9\n"
    )
    with pytest.raises(UsageError):
        shrunk(text)  # 9 nodes are more than there are
    text = text.replace("on 9", "on 3")
    assert shrunk(text) == ["wait leader", "submit a", "wait committed a on 2", "expect committed a on 3"]


def test_a_save_file_shrinks(tmp_path: Path):
    file = tmp_path / "story.txt"
    with live(3) as lively:
        held(lively, f"wait leader; submit a; wait committed a; crash follower; sleep 1s; save {file}")
    file.write_text(file.read_text("utf-8") + "expect no leader\n")
    done = raftplay("shrink", str(file), cwd=tmp_path)
    assert (done.status, done.err.count("\n")) == (0, 1), done
    assert "fails by expect no leader" in done.err
    commands = [line for line in done.out.splitlines() if line[0] != "#"]
    assert commands[:3] == ["nodes 2", "backend sim", "seed 7"]
    assert commands[-1] == "expect no leader"
    assert len(commands) <= 5
    (tmp_path / "short.txt").write_text(done.out)
    assert raftplay("run", "short.txt", cwd=tmp_path).status == 1


class NeverRests(ConsensusModule):
    """A leader whose next heartbeat is due at once."""

    def _broadcast_heartbeat(self, leadership: Leadership) -> None:
        super()._broadcast_heartbeat(leadership)
        self.deadline = self._now


def test_a_livelock_shrinks(monkeypatch: pytest.MonkeyPatch):
    take(NeverRests, monkeypatch)
    monkeypatch.setattr(sim, "MOST_AT_ONCE", sim.MOST_AT_ONCE // 10)  # found as surely, and sooner
    commands = shrunk(f"{HEAD}bug {OWN}\nhold all\nsleep 20ms\nrelease all\nsleep 2s\nstatus\n", 60.0)
    assert len(commands) == 1
    assert commands[0].startswith("sleep ")


def test_the_own_class_and_the_options_are_honoured_and_kept(tmp_path: Path):
    (tmp_path / "raises.py").write_text(
        "from raftplay import ConsensusModule\n\n\nclass Mine(ConsensusModule):\n"
        "    def request_vote(self, args, now=None):\n        raise RuntimeError('no votes today')\n"
    )
    (tmp_path / "mine.txt").write_text("wait leader\nsubmit a\nexpect leader\n")
    options = ("--node", "raises.py", "--set", "prevote=off", "--timing", "heartbeat=40ms", "--seed", "5")
    more = ("--backend", "sim", "--nodes", "3", "--bug", "forget-vote", "--out", "short.txt")
    done = raftplay("shrink", "mine.txt", *options, *more, cwd=tmp_path)
    assert done.status == 0, done
    lines = (tmp_path / "short.txt").read_text("utf-8").splitlines()
    assert "options: timing heartbeat=40ms, bug forget-vote, node raises.py" in lines[0]
    setup = ["nodes 2", "backend sim", "seed 5", "timing heartbeat=40ms", "bug forget-vote", "node raises.py:Mine"]
    assert lines[2:8] == setup
    assert raftplay("run", "short.txt", cwd=tmp_path).status == 1


def test_a_script_that_holds_or_is_wrong_is_refused(tmp_path: Path):
    (tmp_path / "holds.txt").write_text(f"{HEAD}wait leader\n")
    held = raftplay("shrink", "holds.txt", "-o", "short.txt", cwd=tmp_path)
    assert (held.status, held.out) == (2, "")
    assert (
        held.err == "raftplay: error: 'holds.txt' holds with seed 3; only a script that fails can be minimized\n"
    )
    assert not (tmp_path / "short.txt").exists()
    (tmp_path / "wrong.txt").write_text(f"{HEAD}wait leader\nrestart 1\n")
    wrong = raftplay("shrink", "wrong.txt", cwd=tmp_path)
    assert wrong.status == 2
    assert wrong.err.startswith("raftplay: error: 'wrong.txt' cannot be minimized, as it is wrong: restart 1: ")
    both = raftplay("shrink", "holds.txt", "--seed", "1", "--any-seed", cwd=tmp_path)
    assert (both.status, both.err.count("\n")) == (2, 1)


def test_a_script_that_does_not_fail_the_same_way_twice_is_refused(monkeypatch: pytest.MonkeyPatch):
    verdicts = iter(
        [Failure("Log Matching", "", 0.0), None, Failure("Log Matching", "", 0.0), Failure("x", "", 0.0)]
    )

    def played(*_: object) -> Played:
        return Played([], next(verdicts))

    monkeypatch.setattr(shrink_module, "play", played)
    script = parse_script("mine.txt", f"{HEAD}wait leader\n")
    with pytest.raises(UsageError, match="failed by Log Matching, and then held: only what fails the same way"):
        failing(script, 1)
    with pytest.raises(UsageError, match="failed by Log Matching, and then failed by x: only"):
        failing(script, 1)


def test_when_time_ran_out_it_says_so_and_how_to_go_on(tmp_path: Path):
    said, text = said_of(f"{HEAD}wait leader\nsubmit a\nexpect no leader\n", tmp_path, 0.0)
    assert said[0].startswith("not shorter: all 3 commands are left in 0 s, on 3 nodes, seed 3, after ")
    assert said[0].endswith("; fails by expect no leader; time ran out")
    assert said[1] == f"written to {tmp_path}/short.txt; run it with: raftplay run {tmp_path}/short.txt"
    assert said[2] == f"go on with: raftplay shrink {tmp_path}/short.txt --seconds 1"
    assert text.splitlines()[2:-1] == [
        "nodes 3",
        "backend sim",
        "seed 3",
        "wait leader",
        "submit a",
        "expect no leader",
    ]


def test_the_seed_stays_unless_any_may_be_tried():
    text = f"{HEAD}bug half-is-majority\n".replace("nodes 3", "nodes 4") + SPLIT
    found = failing(parse_script("mine.txt", text), 3)
    assert shrink_script(found, 5.0, lambda *_: None).setup.seed == 3


def test_a_shorter_script_is_not_taken_if_the_correct_algorithm_fails_so_too():
    """Without the submit, "expect committed" fails with and without the bug: that is another failure."""
    text = (
        "nodes 3\nbackend sim\nseed 3\nbug no-commit-on-heartbeat\n"
        "wait leader\nsubmit a\nsleep 500ms\nexpect committed a on 3\n"
    )
    script = parse_script("mine.txt", text)
    found = failing(script, 3)
    attempt = attempt_of(found)
    assert (
        attempt(TrialPlan(3, 3), ["wait leader", "submit a", "sleep 500ms", "expect committed a on 3"]) is not None
    )
    assert attempt(TrialPlan(3, 3), ["wait leader", "expect committed a on 3"]) is None
    assert "submit a" in shrunk(text)


def test_failures_are_alike_by_their_kind_and_checks_by_their_words():
    one = Failure("expect committed 5 on 3", "5 is committed on 2 of 3", 1.0, is_check=True)
    assert one.is_like(Failure("expect committed 4 on 2", "4 is committed on 1 of 2", 2.0, is_check=True))
    assert not one.is_like(Failure("expect committed x on 3", "5 is committed on 2 of 3", 1.0, is_check=True))
    assert not one.is_like(Failure("expect committed 5 on 3", "there is no leader", 1.0, is_check=True))
    assert Failure("Log Matching", "a", 1.0).is_like(Failure("Log Matching", "b", 2.0))
    assert not Failure("Log Matching", "a", 1.0).is_like(Failure("Term Adopted", "a", 1.0))
    assert not Failure("expect leader", "a", 1.0).is_like(Failure("expect no leader", "a", 1.0, is_check=True))


def test_commands_that_cannot_be_done_are_left_out_when_a_failure_is_wanted():
    setup = parse_script("mine.txt", HEAD).setup
    wanted = Failure("expect no leader", "node 1 leads term 1", 0.0, is_check=True)
    whole = ["wait leader", "restart 1", "expect one leader", "expect down 1", "expect no leader", "sleep 1s"]
    assert play(setup, whole).wrong.startswith("restart 1: ")
    played = play(setup, [text for text in whole if text != "expect down 1"], wanted)
    assert played.commands == ["wait leader", "expect one leader", "expect no leader"]
    assert played.failure is not None
    assert not played.is_exact
    assert play(setup, played.commands, wanted).is_exact


DISKS = (
    "nodes 4\nbackend sim\nseed 1\ngiven 3 term 2 voted 0 log 1:a 2:b\ngiven 1 term 2 voted 3 log 1:a 2:b\n"
    "bug half-is-majority\nrepeat 4; submit noise to 0; sleep 3ms; end\n"
)


def test_a_script_with_disks_and_repeats_shrinks_and_keeps_the_disks_of_the_nodes_that_are_left(tmp_path: Path):
    said, text = said_of(f"{DISKS}{SPLIT}", tmp_path)
    assert "fails by Vote Quorum" in said[0]
    assert "given 1 term 2" in text
    assert "repeat" not in text
    assert "round" not in text
    heard: list[str] = []
    assert run_script(parse_script("short.txt", text), TextTranscript(heard.append)) is Status.FAILED
    checked = "nodes 3\nbackend sim\nseed 1\ngiven 2 term 2 voted 2 log 2:b\ngiven 0 term 2 voted 2 log 2:b\n"
    assert shrunk(f"{checked}repeat 3; now; end\nwait leader\nexpect no leader\n")[-1] == "expect no leader"


def test_a_script_with_disks_and_repeats_is_run_with_many_seeds():
    text = "nodes 3\ngiven 1 term 2 log 1:a 2:b\nrepeat 2; now; end\nwait leader\nexpect term >= 1\nexpect log of 1 = 2\n"
    said = tally_of(text, 4)
    assert said[0] == "mine.txt held with 4 seeds, 0 to 3"


# ---- explore SCRIPT

SOMETIMES = "nodes 3\nwait leader\nexpect leader is 0\n"


def tally_of(text: str, count: int, **choices: object) -> list[str]:
    """What `explore SCRIPT --tally` says."""
    said: list[str] = []
    seeds = Seeds("mine.txt", text, count=count, stops_at_failure=False, **choices)  # type: ignore[arg-type]
    explore_script(seeds, ReportOptions(tallies=True), said.append, lambda _: None)
    return said


def leaders(count: int) -> list[int]:
    """Which node leads first with each seed."""
    found = []
    for seed in range(count):
        script = parse_script("m", f"backend sim\nseed {seed}\nnodes 3\nwait leader\nexpect leader is 0\n")
        heard: list[str] = []
        found.append(int(run_script(script, TextTranscript(heard.append, quiet=True)) is not Status.HELD))
    return found


def test_a_tally_counts_what_held_and_names_the_seeds_of_the_others():
    failed = [seed for seed, fails in enumerate(leaders(12)) if fails]
    assert 0 < len(failed) < 12
    said = tally_of(SOMETIMES, 12)
    assert said == [
        f"mine.txt: {12 - len(failed)} of 12 held; seeds of the others: {' '.join(map(str, failed))}",
        f"  {len(failed)} × expect leader is 0, lowest seed {failed[0]}",
        f"with {made_by()}, backend sim, seeds from 0, options: none",
    ]
    assert tally_of(SOMETIMES, 12, jobs=2) == said


def test_it_stops_at_the_lowest_seed_that_fails_and_says_how_to_shrink_it():
    lowest = leaders(12).index(1)
    said: list[str] = []
    seeds = Seeds("mine.txt", SOMETIMES, count=12, bugs=("forget-vote",))
    assert explore_script(seeds, ReportOptions(), said.append, lambda _: None) is Status.FAILED
    assert f"mine.txt: {lowest} of {lowest + 1} held; seeds of the others: {lowest}" in said
    assert (
        said[-1]
        == f"minimize it: raftplay shrink mine.txt --backend sim --seed {lowest} --bug forget-vote -o FILE"
    )


def test_keep_going_writes_one_script_of_each_kind(tmp_path: Path):
    (tmp_path / "mine.txt").write_text("nodes 3\nwait leader\nexpect leader is 0\nexpect leader is 1\n")
    done = raftplay(
        "explore", "mine.txt", "--keep-going", "--seeds", "8", "--jobs", "1", "--out", "found.txt", cwd=tmp_path
    )
    assert done.status == 1
    assert "  × " not in done.out
    texts = [(tmp_path / name).read_text("utf-8") for name in ("found.txt", "found-2.txt")]
    assert {line for text in texts for line in text.splitlines() if line.startswith("# Fails by: ")} == {
        "# Fails by: expect leader is 0",
        "# Fails by: expect leader is 1",
    }
    for name in ("found.txt", "found-2.txt"):
        assert f"again: raftplay run {name}" in done.out
        assert raftplay("run", name, cwd=tmp_path).status == 1


def test_nodes_are_drawn_for_each_seed_and_a_script_that_does_not_fit_is_refused():
    seeds = Seeds("mine.txt", "wait leader\n", count=20, nodes=range(3, 6))
    assert {seeds.script(seed).setup.nodes for seed in range(20)} == {3, 4, 5}
    assert seeds.script(7).setup.nodes == seeds.script(7).setup.nodes
    with pytest.raises(UsageError, match="there is no node 4; the nodes are 0 to 2"):
        run_seeds(Seeds("mine.txt", "crash 4\n", count=1, nodes=range(3, 6)), lambda _: None)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (("--mix", "calm"), "--mix"),
        (("--engine", "walks"), "--engine"),
        (("--seconds", "2"), "--seconds"),
        (("--speed", "2"), "--speed"),
        (("--all-bugs",), "--all-bugs"),
        (("--dask", "local:2"), "a script and --dask do not go together"),
        (("--shrink", "2"), "--shrink"),
        (("--force",), "--force"),
        (("--tally", "--out", "x.txt"), "--tally"),
        (("--terms", "2"), "--terms"),
        (("--exhaustive",), "--exhaustive"),
        (("--nodes", "7..3"), "--nodes"),
        (("--backend", "tcp"), "a script is explored in virtual time only"),
    ],
)
def test_an_option_that_means_nothing_for_a_script_is_refused(given: tuple[str, ...], says: str, tmp_path: Path):
    done = raftplay("explore", "first-election", "--seeds", "1", *given, cwd=tmp_path)
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith(f"raftplay: error: {says}")
    assert done.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_every_other_option_of_explore_is_honoured_for_a_script(tmp_path: Path):
    parameters = {"seeds", "limit", "bug", "node", "nodes", "first_seed", "jobs", "keep_going", "tally", "out"}
    refused = set(options.FOR_TRIALS) | {"backend", "shrink", "force", "dask"}
    exhaustive = {"all_states", "terms", "entries", "crashes", "in_flight", "states", "memory"}
    assert set(explore_.__annotations__) - {"context", "script", "return"} == parameters | refused | exhaustive
    done = raftplay(
        "explore", "first-election", "--for", "10ms", "--first-seed", "7", "--jobs", "1", "--tally", cwd=tmp_path
    )
    assert done.status == 0
    assert "first-election held with " in done.out
    assert ", 7 to " in done.out
    assert "options: --for 10ms, --first-seed 7, --jobs 1, --tally" in done.out


def test_time_ends_a_search_with_a_script(monkeypatch: pytest.MonkeyPatch):
    clock = itertools.count()
    monkeypatch.setattr(seeds_module, "time", SimpleNamespace(monotonic=lambda: float(next(clock))))
    tally = run_seeds(Seeds("mine.txt", "wait leader\n", limit=3.0), lambda _: None)
    assert (tally.runs, tally.held) == (3, 3)


def test_ctrl_c_ends_a_search_with_a_script_without_a_verdict(monkeypatch: pytest.MonkeyPatch):
    runs = iter([Ended(0, None, "")])

    def run_seed(*_: object) -> Ended:
        for ended in runs:
            return ended
        raise KeyboardInterrupt

    monkeypatch.setattr(seeds_module, "run_seed", run_seed)
    lines: list[str] = []
    seeds = Seeds("mine.txt", "wait leader", count=5)
    assert explore_script(seeds, ReportOptions(), lines.append, lambda _: None) is Status.INTERRUPTED
    assert lines[0] == "interrupted: mine.txt held with 1 seed, 0 to 0"


def test_ctrl_c_ends_shrinking_with_the_shortest_so_far():
    found: Failing = failing(parse_script("m", f"{HEAD}wait leader\nsubmit a\nexpect no leader\n"), 3)
    taken = itertools.count()

    def watch(*_: int) -> None:
        if next(taken) == 1:
            raise KeyboardInterrupt

    result = shrink_script(found, 20.0, watch)
    assert result.is_interrupted
    assert (result.setup.nodes, len(result.commands)) in {(2, 2), (2, 3), (3, 2)}
