"""The plugin for pytest: a cluster as a fixture, many seeds, and reports that can be repeated."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from support.places import ROOT

from raftplay import docs
from raftplay.export import html, recording
from raftplay.python import harness
from raftplay.version import __version__

pytest_plugins = ["pytester"]

LOADED = (html, recording, harness)
"""What the runs of pytest inside this process import: they forget what they imported first."""

REWRITE = "ignore::pytest.PytestAssertRewriteWarning"
"""Another test of this process may have imported the plugin as any other module."""

PLUGIN = ("-p", "raftplay.pytest_plugin", "-p", "no:xdist", "-W", "error", "-W", REWRITE)


def run(pytester: pytest.Pytester, text: str, *options: str) -> pytest.RunResult:
    pytester.makepyfile(text)
    return pytester.runpytest_inprocess(*PLUGIN, *options)


def test_a_test_has_a_cluster_that_ends_with_it(pytester: pytest.Pytester):
    result = run(
        pytester,
        """
        import pytest

        ended = []

        def test_usual(raft_cluster):
            assert (raft_cluster.n, raft_cluster.backend) == (5, "sim")
            raft_cluster.run("wait leader; submit x; wait committed x on 5")
            ended.append(raft_cluster)

        @pytest.mark.raft(nodes=3, backend="tcp", invariants=["Log Matching"])
        class TestMarked:
            def test_marked(self, raft_cluster):
                assert "shut down" in repr(ended[0])
                assert (raft_cluster.n, raft_cluster.backend) == (3, "tcp")
                assert raft_cluster.session.blueprint.watched == ("Log Matching",)

            @pytest.mark.raft(backend="sim", invariants=False)
            def test_the_nearest_mark_counts(self, raft_cluster):
                assert (raft_cluster.n, raft_cluster.backend, raft_cluster.invariants) == (3, "sim", None)

        @pytest.mark.raft(nodes=3)
        def test_several(raft_cluster_factory, raft_seed):
            one, two = raft_cluster_factory(), raft_cluster_factory(1, seed=99, backend="sim")
            assert (one.n, one.seed, two.n, two.seed) == (3, raft_seed, 1, 99)
        """,
        "--strict-markers",
    )
    result.assert_outcomes(passed=4)


def test_a_mark_with_seeds_runs_once_for_each(pytester: pytest.Pytester):
    text = """
        import pytest

        @pytest.mark.raft(seeds=3)
        @pytest.mark.parametrize("other", ["a", "b"])
        def test_many(raft_cluster, raft_seed, other):
            assert raft_cluster.seed == raft_seed < 3

        @pytest.mark.raft(seeds=[70, 71])
        def test_listed(raft_cluster):
            assert raft_cluster.seed in (70, 71)
        """
    run(pytester, text).assert_outcomes(passed=8)
    result = run(pytester, text, "--raft-seed=71", "-v")
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(["*test_listed?seed71? PASSED*"])


def test_the_example_of_the_page_passes(pytester: pytest.Pytester):
    (example,) = re.findall(r"^```py\n(.*?)^```", docs.markdown("python"), re.MULTILINE | re.DOTALL)
    run(pytester, example, "--strict-markers").assert_outcomes(passed=50)


FAILS = """
    def test_it(raft_cluster):
        raft_cluster.run("wait leader; submit x; wait committed x on 5")
        raft_cluster.crash_peer(4)
        raft_cluster.expect("committed y on 3")
    """


SEVERAL = """
    import pytest

    @pytest.mark.raft(nodes=3, seeds=1)
    def test_seeds(raft_cluster):
        raft_cluster.wait("leader")
        raft_cluster.expect("term > 5")

    class TestMore:
        @pytest.mark.parametrize("word", ["a b", "it's"])
        def test_words(self, raft_cluster, word):
            raft_cluster.wait("leader")
            raft_cluster.expect("term > 5")
    """


def test_a_failure_shows_its_seed_its_transcript_and_the_command_that_repeats_it(pytester: pytest.Pytester):
    result = run(pytester, FAILS)
    result.assert_outcomes(failed=1)
    shown = result.stdout.str()
    seed = re.search(r"5 nodes, sim, seed (\d+); raftplay", shown)
    assert seed is not None
    result.stdout.fnmatch_lines(
        [
            '>       raft_cluster.expect("committed y on 3")',
            f"E*CheckFailed: expect committed y on 3: *; sim, seed {seed[1]}, raftplay {__version__}",
            "*raftplay*",
            f"again: pytest *test_it --raft-seed={seed[1]}",
            "script: *.txt",
            "replay: *.html",
            "*raftplay transcript*",
            "*wait leader  *node ? leads term ?",
            "*crash 4",
            "*expect committed y on 3  *FAILED: *",
        ],
        consecutive=False,
    )
    assert "playing.py" not in shown, "the traceback ends at the line of the test"
    assert "checks.py" not in shown
    again = run(pytester, FAILS, f"--raft-seed={seed[1]}")
    times = r"^ +(\d+\.\d+)  (?:wait|crash)"
    assert re.findall(times, again.stdout.str(), re.MULTILINE) == re.findall(times, shown, re.MULTILINE) != []


def test_the_command_that_a_failure_shows_repeats_it_word_by_word(pytester: pytest.Pytester):
    result = run(pytester, SEVERAL)
    result.assert_outcomes(failed=3)
    shown = result.stdout.str()
    commands = re.findall(r"^again: pytest (.*)$", shown, re.MULTILINE)
    assert len(commands) == 3
    for command in commands:
        again = pytester.runpytest_inprocess(*PLUGIN, *shlex.split(command))
        again.assert_outcomes(failed=1)
        told = again.stdout.str()
        assert f"again: pytest {command}" in told
        error = next(line for line in told.split("\n") if "CheckFailed: " in line)
        assert error in shown, "the same seed, time and reason"


def test_a_failure_leaves_a_script_and_a_replay(pytester: pytest.Pytester):
    result = run(pytester, FAILS, "--raft-artifacts=kept/here", "--raft-seed=7")
    kept = pytester.path / "kept" / "here"
    name = "test_a_failure_leaves_a_script_and_a_replay.py_test_it"
    assert sorted(file.name for file in kept.iterdir()) == [f"{name}.html", f"{name}.txt"]
    script = (kept / f"{name}.txt").read_text("utf-8")
    assert script.split("\n")[1:] == [
        *("nodes 5", "backend sim", "seed 7", "wait leader", "submit x", "wait committed x on 5", "crash 4"),
        *("# expect committed y on 3: y is committed on none of the 4 connected nodes", ""),
    ]
    assert (kept / f"{name}.html").read_text("utf-8").startswith("<!")
    assert f"again: pytest {name.replace('.py_', '.py::')} --raft-seed=7" in result.stdout.str()


def test_no_report_is_lost_where_no_file_can_be_written(pytester: pytest.Pytester):
    result = run(pytester, FAILS, "-p", "no:cacheprovider")
    result.assert_outcomes(failed=1)
    assert "again: pytest" in result.stdout.str()
    assert "replay:" not in result.stdout.str()
    taken = FAILS.replace('"committed y on 3")', '"committed y on 3")') + "\n"
    (pytester.path / "kept").mkdir()
    (pytester.path / "kept" / "test_no_report_is_lost_where_no_file_can_be_written.py_test_it.txt").mkdir()
    result = run(pytester, taken, "--raft-artifacts=kept")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["script: none, as IsADirectoryError*"])


def test_a_violation_fails_the_test_at_its_own_line(pytester: pytest.Pytester):
    result = run(
        pytester,
        """
        import pytest
        from raftplay import ConsensusModule, RequestVoteReply

        class Mine(ConsensusModule):
            def request_vote(self, args, now=None):
                super().request_vote(args, now)
                return RequestVoteReply(self.current_term, True)

        @pytest.mark.raft(node=Mine, seeds=[7])
        def test_broken(raft_cluster):
            raft_cluster.sleep_ms(1000)

        @pytest.mark.raft(node=Mine, seeds=[7], invariants="Log Matching")
        def test_not_checked(raft_cluster):
            raft_cluster.sleep_ms(1000)
        """,
    )
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            ">       raft_cluster.sleep_ms(1000)",
            "E*InvariantBroken: One Vote Per Term broke at 0.158 s: *",
            "replay: *",
        ]
    )
    assert "waits.py" not in result.stdout.str()


def test_assertions_of_raftplay_are_not_rewritten(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch):
    pytester.makepyfile("""
        import sys

        def test_it(raft_cluster):
            raft_cluster.run("wait leader")
            assert "@pytest_ar" in globals()
            start = ("raftplay.pytest_plugin", "raftplay.version")
            loaded = [sys.modules[name] for name in sys.modules if name.startswith("raftplay.") and name not in start]
            assert len(loaded) > 100
            assert [module for module in loaded if "@pytest_ar" in vars(module)] == []
        """)
    pytester.makeini("[pytest]")
    pytester.path.joinpath("mine.dist-info").mkdir()
    pytester.path.joinpath("mine.dist-info", "METADATA").write_text("Name: mine\nVersion: 1\n")
    pytester.path.joinpath("mine.dist-info", "entry_points.txt").write_text(
        "[pytest11]\nraftplay.pytest_plugin = raftplay.pytest_plugin\n"
    )
    pytester.path.joinpath("mine.dist-info", "RECORD").write_text("raftplay/__init__.py,,\n")
    monkeypatch.setenv("PYTHONPATH", f"{pytester.path}{os.pathsep}{ROOT}")
    pytester.runpytest_subprocess("-p", "no:xdist", "-W", "error").assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("mark", "words"),
    [
        ("nodes=0", "a cluster has 1 to 25 nodes, not 0"),
        ("node_count=3", "the mark raft has no argument 'node_count'; it has nodes, backend, seeds"),
        ("3", "the arguments of the mark raft have names"),
        ("seeds=0", "seeds must be a number of seeds, 1 or more, or a list of seeds, not 0"),
        ("seeds='7'", "seeds must be a number of seeds, 1 or more, or a list of seeds, not '7'"),
        ("invariants='Log Machting'", "did you mean"),
    ],
)
def test_a_wrong_mark_says_what_would_be_right(pytester: pytest.Pytester, mark: str, words: str):
    result = run(
        pytester,
        f"""
        import pytest

        @pytest.mark.raft({mark})
        def test_it(raft_cluster):
            pass
        """,
    )
    result.assert_outcomes(errors=1)
    assert words in result.stdout.str()


def test_pytest_starts_without_the_rest_of_raftplay(tmp_path: Path):
    (tmp_path / "test_it.py").write_text(
        "import sys\ndef test_it():\n    print(*sorted(sys.modules), sep='\\n')\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-s", "-p", "raftplay.pytest_plugin", "-p", "no:cacheprovider", "."],
        cwd=tmp_path,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {
        line
        for line in done.stdout.split("\n")
        if line.split(".")[0] in ("raftplay", "msgspec", "textual", "typer")
    }
    assert loaded == {"raftplay", "raftplay.pytest_plugin", "raftplay.version"}
