"""The Harness of `import raftplay` takes commands, looks back, branches, and is saved as a script."""

import inspect
import pydoc
import random
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import raftplay
from raftplay import CheckFailed, Harness, InvariantBroken, UsageError
from raftplay.python.recorded import Plain, Recorded
from raftplay.version import __version__

EXAMPLE = (
    'with raftplay.Harness(5, backend="sim", seed=7) as h:  # backend="tcp", the default: real sockets, real time'
)


@pytest.fixture
def h():
    """Five nodes in virtual time, with a leader: node 0."""
    with Harness(5, backend="sim", seed=7) as harness:
        harness.wait("leader")
        yield harness


# ---- commands


def test_one_command_gives_its_answer_and_several_a_transcript(h: Harness):
    assert h.run("submit x") == "index 0 of node 0, term 1"
    lines = h.run("wait committed x on 5; crash leader\nwait leader").split("\n")
    assert [line[11:].split("  ")[0] for line in lines] == ["wait committed x on 5", "crash leader", "wait leader"]
    assert lines[-1].endswith("node 2 leads term 2")
    assert [outcome.held for outcome in h.run("now; now").outcomes] == [True, True]
    assert h.run("# a comment") == ""
    assert h.run("repeat 2; submit y; end").count("submit y") == 2


def test_all_mistakes_are_told_before_anything_runs(h: Harness):
    with pytest.raises(UsageError) as refused:
        h.run("crash 0\ncrsh 1; wait leader\n  wait ledr")
    assert [line for line in str(refused.value).split("\n") if "error" in line] == [
        "run:2:1: error: there is no command 'crsh'; did you mean 'crash'?",
        "run:3:8: error: unknown condition 'ledr'; did you mean 'leader'?",
    ]
    assert h.alive == [True] * 5
    with pytest.raises(UsageError, match="this repeat has no end"):
        h.run("repeat 2; submit x")
    with pytest.raises(UsageError, match="nodes can be chosen only before"):
        h.run("nodes 3")


def test_what_does_not_hold_names_the_command_the_seed_the_version_and_how_to_repeat_it(h: Harness):
    with pytest.raises(CheckFailed) as failed:
        h.expect("committed y on 3", within=0.25)
    first, *nodes, again = str(failed.value).split("\n")
    assert first == (
        "wait committed y on 3 within 250ms: after 250ms: y is committed on none of the 5 connected nodes; "
        f"sim, seed 7, raftplay {__version__}"
    )
    assert len(nodes) == 6
    assert again == 'again: Harness(5, backend="sim", seed=7)'
    with pytest.raises(CheckFailed, match="expect no leader: node 0 leads term 1"):
        h.run("crash 1; expect no leader; crash 2")
    assert h.alive == [True, False, True, True, True]
    assert "FAILED" in h.transcript.split("\n")[-1]


def test_commands_have_methods_with_python_arguments(h: Harness):
    assert h.submit("two words") == 0
    assert h.submit("x", to=3) == -1
    assert h.submit("y", to="leader") == 1
    assert h.expect("committed y on 5", within=1).startswith("y is committed at index 1")
    assert h.crash("leader", 3) == "nodes 0 3 crashed"
    assert h.wait("leader", within=2).startswith("node 2 leads")
    assert h.restart([0, 3]).startswith("restarted node 0 in term 1")
    assert h.freeze(1) == "node 1 frozen"
    assert h.thaw("all") == "node 1 thawed"
    assert h.disconnect(4) == "node 4 cut off"
    assert h.reconnect(4) == "node 4 connected"
    assert h.never("no leader", 0.1) == "not for 100ms"
    assert h.transfer(to=1).startswith("node 2 hands over to node 1")
    assert h.wait("leader is 1")
    assert h.timeout(3) == "node 3 is Candidate in term 4"
    assert h.wipe(3) == "node 3 wiped"
    assert h.log(0, 1) == h.run("log 0,1")
    for wrong in ((), ("leader; wipe all",), ([],), ("",)):
        with pytest.raises(UsageError, match=r"nodes|name a node"):
            h.crash(*wrong)


def test_submit_without_a_leader_fails(h: Harness):
    h.crash("all")
    with pytest.raises(CheckFailed, match="there is no leader to submit to"):
        h.submit("x")


def test_answers_are_shown_as_they_are(h: Harness):
    assert repr(h.status()) == str(h.status()) == h.run("status")
    assert h.why("no leader") == h.run("why no leader")
    assert h.why() == h.run("why")
    found = h.events("elections of 0", last=2)
    assert repr(found) == h.run("events elections of 0 2")
    assert [record.node for record in found] == [0, 0]
    assert len(h.events()) == h.events()[-1].seq
    assert repr(h.events("faults")) == "no such event"
    assert h.events(last=0) == ()
    with pytest.raises(UsageError, match="unknown kind of events"):
        h.events("electoins")


# ---- the past, and branches


def test_what_acts_in_the_past_begins_a_branch_there(h: Harness):
    h.run("submit x; wait committed x on 5; crash leader; wait leader")
    assert h.goto(0.25).startswith("the past, 0.250 s")
    assert h.snapshot().leader is None
    assert h.why("no leader").startswith("no leader: no node has started an election yet")
    with pytest.raises(UsageError, match="check_single_leader looks at the present"):
        h.check_single_leader()
    h.crash_peer(2)
    assert (h.branches, h.branch, h.now) == (("main", "b1"), "b1", 0.25)
    h.wait("leader is 3")
    assert h.diff("main", "b1").startswith("they part at 0.250 s")
    h.switch("main")
    assert (h.branch, h.alive[2], h.live()) == ("main", True, "this is the present")
    h.back(5)
    h.forward(2)
    h.live()
    h.back()
    h.sleep_ms(5)
    assert h.branches == ("main", "b1", "b2")


def test_acts_of_python_are_repeated_on_the_way_to_a_moment():
    with Harness(3, backend="sim", seed=3) as h:
        leader, _ = h.check_single_leader()
        h.submit_to_server(leader, {"set": "x"})  # no command does that
        h.sleep_ms(50)
        h.disconnect_peer(leader)
        h.sleep_ms(1000)
        then = h.snapshot()
        h.reconnect_peer(leader)
        h.sleep_ms(1000)
        h.goto(then.time - 0.0001)
        seen = h.snapshot()
        assert [str(node) for node in seen.nodes] == [str(node) for node in then.nodes]
        h.crash_peer(leader)  # begins a branch
        assert h.branch == "b1"
        assert [e.command for e in h.cluster[leader].cm.log] == [{"set": "x"}]
        with pytest.raises(
            UsageError, match=r"no command of the language does submit_to_server\(\d, {'set': 'x'}\)"
        ):
            h.save("never.txt")
        assert "# submit_to_server(" in h.script
        assert not Path("never.txt").exists()


def test_without_a_watch_there_is_no_past():
    with Harness(3, backend="sim", seed=3, watch=False) as h:
        h.run("wait leader; crash leader; wait leader")
        assert h.events() == ()


def test_a_storage_of_the_user_cannot_be_played_again():
    with Harness(1, backend="sim", seed=3, storage=[raftplay.MapStorage()]) as h:
        h.wait("leader")
        h.goto(0.1)
        with pytest.raises(UsageError, match="played again"):
            h.crash(0)
        with pytest.raises(UsageError, match="storage of yours"):
            h.save("never.txt")


# ---- scripts


ACTS: tuple[Callable[[Harness], object], ...] = (
    lambda h: h.submit_to_server(0, 42),
    lambda h: h.submit_many(0, ["it's", "two words", -7]),
    lambda h: h.crash_peer(1),
    lambda h: h.restart_peer(1),
    lambda h: h.disconnect_peer(2),
    lambda h: h.reconnect_peer(2),
    lambda h: h.peer_drop_calls_after_n(0, 3),
    lambda h: h.peer_drop_calls_after_n(3, -1),
    lambda h: h.peer_dont_drop_calls(0),
    lambda h: h.freeze_peer(3),
    lambda h: h.thaw_peer(3),
    lambda h: h.set_option("prevote", True),
    lambda h: h.set_option("prevote", False),
    lambda h: h.set_option("snapshot", 2),
    lambda h: h.set_option("drift", 0),
    lambda h: h.set_client_options(replace(h.config.clients, reads="local")),
    lambda h: h.set_client_options(replace(h.config.clients, sessions=False, reads="log")),
    lambda h: h.partition([0, 1], [2]),
    lambda h: h.heal(),
    lambda h: h.cut(0, 1),
    lambda h: h.join(0, 1),
    lambda h: h.set_link(0, 1, loss=0.25, delay=(0.05, 0.08)),
    lambda h: h.set_link(1, 0, dup=0.5),
    lambda h: h.clear_link(0, 1),
    lambda h: h.hold(0, 2),
    lambda h: h.release(0, 2),
    lambda h: h.set_disk(2, delay=0.02),
    lambda h: h.clear_disk(2),
    lambda h: h.set_clock(1, 1.5),
    lambda h: h.set_timing(2, election=(0.2, 0.4), heartbeat=0.03),
    lambda h: h.align_timers(0.25),
    lambda h: h.spread_timers(),
    lambda h: h.compact_peer(0),
    lambda h: h.transfer_leadership(0, 4),
    lambda h: h.time_out_peer(4),
    lambda h: h.client("alice").put("x", 1),
    lambda h: h.client("alice").cas("x", 1, 2),
    lambda h: h.client().get("x"),
    lambda h: h.tear_peer(4, 1),
    lambda h: h.wipe_peer(2),
    lambda h: (h.pause(), h.step(), h.step(), h.resume()),
    lambda h: h.settle(),
    lambda h: h.wait_until(lambda: h.snapshot().leader is not None),
)


LOOKS = (
    *(
        "check",
        "check_restart",
        "client",
        "forget_interrupt",
        "give_way",
        "halt",
        "interrupt",
        "keep_pace",
        "kick",
    ),
    *("messages", "progress", "set_speed", "steer"),
)
"""The methods of a cluster that change nothing in it, apart from the speed of its time."""


def test_every_method_that_acts_is_kept_in_the_journal():
    methods = {name for name, _ in inspect.getmembers(Plain, inspect.isfunction) if not name.startswith("_")}
    assert methods - vars(Recorded).keys() == set(LOOKS)


@pytest.mark.parametrize("seed", [7, 8])
def test_a_saved_run_of_methods_is_the_same_run(seed: int, tmp_path: Path):
    dice = random.Random(seed)
    with Harness(5, backend="sim", seed=seed) as h:
        h.wait("leader")
        for act in ACTS:
            act(h)
            h.sleep_ms(dice.choice((0, 3, 17.3, 120)))
        first = h.events()
        file = h.save(tmp_path / "story.txt")
        with pytest.raises(UsageError, match=r"there is a file .*story.txt. already"):
            h.save(file)
        h.save(file, force=True)
    with raftplay.run(file) as again:
        assert again.events() == first


def test_messages_are_saved_by_their_numbers(h: Harness, tmp_path: Path):
    h.submit_to_server(0, "x")
    h.settle()
    one, two, three, four, *_ = (flight.id for flight in h.messages())
    h.hold_message(one)
    h.deliver(two)
    h.duplicate(three)
    h.lose(four)
    h.sleep_ms(20)
    h.release_message(one)
    h.sleep_ms(20)
    file = h.save(tmp_path / "story.txt")
    with raftplay.run(file) as again:
        assert again.events() == h.events()


def test_a_script_gives_the_harness_at_its_end(tmp_path: Path):
    with raftplay.run("nodes 3; backend sim; seed 1; wait leader; submit x", seed=2) as h:
        assert (h.n, h.seed, h.submit("y")) == (3, 2, 1)
    with raftplay.run("figure-7") as h:
        assert "wait" in h.transcript
    for wrong, words in (
        ("wat leader", "run:1:1: error: there is no command 'wat'"),
        (tmp_path / "none.txt", r"none\.txt: No such file"),
    ):
        with pytest.raises(UsageError, match=words):
            raftplay.run(wrong)
    with pytest.raises(CheckFailed, match="expect no leader: "):
        raftplay.run("backend sim\nwait leader\nexpect no leader")
    with raftplay.run("backend sim\nwait leader\nexpect no leader\n----\nfailed: x") as h:
        assert "FAILED" in h.transcript
    with pytest.raises(InvariantBroken):
        raftplay.run("bugs/commit-old-term")
    assert raftplay.run.script.parse_script("x", "nodes 3").setup.nodes == 3  # it is a package, too


def test_a_search_finds_a_bug_and_gives_its_script():
    found = raftplay.explore("commit-old-term", seeds=40, first_seed=2)
    assert found
    assert found.seed is not None
    assert "found: Current-Term Commit" in str(found) == repr(found)
    with pytest.raises(InvariantBroken, match="Current-Term Commit"):
        raftplay.run(found.script)
    nothing = raftplay.explore(seeds=1, nodes=3, seconds=0.5, mixes="calm", options={"prevote": True})
    assert not nothing
    assert nothing.report.search.options == [
        "--nodes",
        "3",
        "--mix",
        "calm",
        "--seconds",
        "0.5",
        "--set=prevote=on",
    ]
    with pytest.raises(UsageError, match="nothing broke"):
        _ = nothing.script
    for wrong, words in (
        ({"bugs": "commit-old"}, "there is no bug 'commit-old'; did you mean 'commit-old-term'"),
        ({"mixes": ["clam"]}, "there is no mix 'clam'; did you mean 'calm'"),
        ({"nodes": (5, 3)}, r"nodes must be a number, or \(least, most\)"),
        ({"nodes": 99}, "1 to 25 nodes, not 99"),
        ({"seeds": 0}, "seeds must be a number, 1 or more"),
        ({"options": {"prevot": True}}, "unknown option 'prevot'; did you mean 'prevote'"),
    ):
        with pytest.raises(UsageError, match=words):
            raftplay.explore(**wrong)


def test_a_search_tells_how_far_it_is_and_may_be_interrupted():
    lines: list[str] = []
    raftplay.explore(seeds=2, nodes=3, seconds=0.2, mixes="calm", progress=lines.append)
    assert lines[-1].startswith("[####################] 2/2 seeds, ")

    def interrupt(line: str) -> None:  # as Ctrl-C does, once
        lines.append(line)
        if len(lines) == 1:
            raise KeyboardInterrupt

    lines.clear()
    found = raftplay.explore(seeds=1, nodes=3, seconds=0.2, mixes="calm", progress=interrupt)
    assert found.report.interrupted
    assert str(found).startswith("interrupted after 1 seed in ")
    assert "<pre" in found._repr_html_()


def test_a_script_that_searches_with_several_processes_runs_once(tmp_path: Path):
    script = tmp_path / "search.py"
    script.write_text(
        "import raftplay\nprint('once')\n"
        "print(raftplay.explore(seeds=2, nodes=3, seconds=0.2, mixes='calm', jobs=2))\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=60, check=True)
    assert (done.stdout.count("once\n"), done.stderr) == (1, "")
    assert "searched 2 seeds in " in done.stdout


def test_a_run_is_exported_as_a_replay(h: Harness, tmp_path: Path):
    h.submit("</script><img onerror=x>")
    file = h.export(tmp_path / "story.html")
    assert "<img onerror=x>" not in file.read_text("utf-8")
    with pytest.raises(UsageError, match="already"):
        h.export(file)
    with pytest.raises(UsageError, match="no ending that names a format"):
        h.export(tmp_path / "story.nothing")


def test_it_works_on_sockets(tmp_path: Path):
    with Harness(3, seed=1) as h:
        h.run("wait leader; submit 1; wait committed 1 on 3")
        leader, _ = h.check_single_leader()
        h.crash_peer(leader)
        h.back(3)
        with pytest.raises(UsageError, match="only be looked at"):
            h.crash(0)
        h.live()
        lines = h.save(tmp_path / "story.txt").read_text("utf-8").split("\n")
    text = [line for line in lines if not line.startswith("sleep ")]  # the pauses between the commands
    assert text[1:7] == ["nodes 3", "backend tcp", "seed 1", "wait leader", "submit 1", "wait committed 1 on 3"]
    assert f"crash {leader}" in text


def test_help_begins_with_an_example():
    about = raftplay.__doc__ or ""
    assert "with raftplay.Harness(5" in about[:250]
    assert "raft/consensus.py" not in about
    example = about[about.index("    import raftplay") : about.index("`help(raft")]
    assert {"h.run(", "h.why()", "h.goto(", "h.save(", "raftplay.run(", "raftplay.explore("} <= {
        part
        for part in ("h.run(", "h.why()", "h.goto(", "h.save(", "raftplay.run(", "raftplay.explore(")
        if part in example
    }


# ---- help


def helped(thing: object) -> str:
    return pydoc.render_doc(thing, renderer=pydoc.plaintext)


def test_help_begins_with_an_example_and_lists_public_names_only():
    text = helped(raftplay)
    assert [line.strip() for line in text.split("\n")[6:9]] == ["import raftplay", "", EXAMPLE]
    sections = re.findall(r"^[A-Z][A-Z ]+$", text, re.MULTILINE)
    assert sections == ["NAME", "DESCRIPTION", "PACKAGE CONTENTS", "CLASSES", "DATA", "VERSION", "FILE"]
    assert set(re.findall(r"^    class (\w+)\(", text, re.MULTILINE)) <= set(raftplay.__all__)
    assert text.split("\nDATA\n")[1].split("\n\n")[0].strip() == "DEBUG_CM = 1"
    names = {name for name in dir(raftplay) if not name.startswith("__")}
    assert names >= set(raftplay.__all__)
    assert not {name for name in names if name.startswith("_")}


@pytest.mark.parametrize("called", [raftplay.run, raftplay.explore])
def test_help_of_a_package_that_is_a_function_tells_of_the_function(called: Callable[..., object]):
    name = called.__name__.removeprefix("raftplay.")
    first, second, *_ = inspect.getdoc(called).split("\n\n")
    assert first == f"{name}{inspect.signature(called)}"
    assert second.startswith(("Run a script", "Search `seeds` seeds"))
    assert f"raftplay.{name} - {first}" in helped(called)
