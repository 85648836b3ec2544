"""A Harness that is misused says so in one sentence, leaves nothing behind, and its failures travel and tell all."""

import concurrent.futures
import contextlib
import gc
import importlib
import inspect
import math
import multiprocessing
import os
import pickle
import pkgutil
import pydoc
import re
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.amount import THOROUGH, several
from support.backends import eventually, nothing_left_over
from support.disks import contents

import raftplay
from raftplay import (
    CheckFailed,
    Config,
    Harness,
    InvariantBroken,
    LinkFaults,
    MapStorage,
    RaftConfig,
    StorageError,
    UsageError,
)
from raftplay.backends.base import TimeStandsStill
from raftplay.backends.forked import FORKED
from raftplay.backends.loop_thread import open_clusters
from raftplay.cluster.raised import NodeRaised, WrongResult
from raftplay.cluster.stuck import DidNotReturn
from raftplay.cluster.waits import Interrupted
from raftplay.language.lexer import Mistake
from raftplay.run.script import ScriptRefused
from raftplay.version import __version__
from raftplay.watch.facts import Record

BACKENDS = ("sim", "tcp")


def one_sentence(error: BaseException) -> str:
    text = str(error)
    assert text.isprintable(), text
    assert len(text) < 600
    return text


# ---- arguments that cannot be

ARGUMENTS: dict[str, tuple[dict[str, Any], str]] = {
    "yes": ({"n": True}, "1 to 25 nodes, not True"),
    "half a node": ({"n": 3.5}, "1 to 25 nodes, not 3.5"),
    "a word": ({"n": "3"}, "1 to 25 nodes, not '3'"),
    "no nodes": ({"n": 0}, "1 to 25 nodes, not 0"),
    "watch a number": ({"watch": 5}, "watch is True, False or a list of names"),
    "watch a word": ({"watch": "Persist Before Send"}, "watch is True, False or a list of names"),
    "watch in small letters": ({"watch": ["persist before send"]}, "did you mean 'Persist Before Send'?"),
    "watch misspelt": ({"watch": ["Log Machting"]}, "no invariant 'Log Machting'; did you mean 'Log Matching'?"),
    "watch something else": ({"watch": ["x\x1b"]}, "the names are: Election Safety, Leader Append-Only"),
    "watch a list": ({"watch": [["Log Matching"]]}, "there is no invariant"),
    "readers a number": ({"readers": 5}, "readers must be a list"),
    "a reader a number": ({"readers": [5]}, "a reader must be a function that takes a record, not 5"),
    "storage numbers": ({"storage": [1, 2, 3]}, "the storage of node 0 must have set, get and has_data, not 1"),
    "storage a number": ({"storage": 5}, "a storage for each of its 3 nodes"),
    "a storage missing": ({"storage": [MapStorage()] * 2}, "a storage for each of its 3 nodes"),
    "config a number": ({"config": 5}, "config must be a Config, not 5"),
    "config of the node": ({"config": RaftConfig()}, "config must be a Config, not RaftConfig"),
    "directory a number": ({"data_dir": 5}, "data_dir must be a path, not 5"),
    "no such backend": ({"backend": "udp"}, 'the backend must be "tcp" or "sim"'),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ARGUMENTS)
def test_an_argument_that_cannot_be_is_refused_and_nothing_is_left(name: str, backend: str):
    arguments, words = ARGUMENTS[name]
    with nothing_left_over():
        for _ in range(3):
            with pytest.raises(UsageError) as refusal:
                Harness(**{"n": 3, "backend": backend, **arguments})
        assert words in one_sentence(refusal.value)


class Unhappy(Exception):
    """Whatever a reader raises."""


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_constructor_that_fails_late_leaves_nothing(
    backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with nothing_left_over():
        for target in ("raftplay.cluster.running.Cluster", "raftplay.cluster.cluster.Server"):
            with monkeypatch.context() as patched:
                patched.setattr(target, lambda *_, **__: (_ for _ in ()).throw(Unhappy()))
                with pytest.raises(Unhappy):
                    Harness(3, backend=backend, data_dir=tmp_path / target)
            Harness(3, backend=backend, data_dir=tmp_path / target).shutdown()


TIMINGS: dict[str, tuple[Callable[[float], object], tuple[float, ...]]] = {
    "election_min": (lambda x: RaftConfig(election_min=x, election_max=x), (0, -1, 1e-300, 1e-6, 0.000999)),
    "election_max": (lambda x: RaftConfig(election_max=x), (0.1, 0, 1e-6)),
    "heartbeat": (lambda x: RaftConfig(heartbeat=x), (0, -1, 1e-300, 1e-6, True)),
    "delay_min": (lambda x: Config(delay_min=x), (-1, 0.006)),
    "delay_max": (lambda x: Config(delay_max=x), (-1,)),
    "link delay": (lambda x: LinkFaults(delay=(0, x)), (-1,)),
    "link loss": (lambda x: LinkFaults(loss=x), (-1, 2)),
}


@pytest.mark.parametrize("name", TIMINGS)
def test_a_timing_that_cannot_be_is_refused_in_one_sentence(name: str):
    make, values = TIMINGS[name]
    for value in (*values, math.nan, math.inf, -math.inf):
        with pytest.raises(UsageError) as refusal:
            make(value)
        one_sentence(refusal.value)
    for value in ("1", None, [1]):
        with pytest.raises(UsageError):
            make(value)  # type: ignore[arg-type]
    assert make(0.5 if name in ("election_max", "link delay", "link loss") else 0.005)


@pytest.mark.filterwarnings("ignore::raftplay.TimingWarning")
def test_the_shortest_timings_that_are_allowed_come_to_an_end():
    raft = RaftConfig(election_min=0.001, election_max=0.001, heartbeat=0.001)
    for delay in (0.0, 0.005):
        with Harness(3, backend="sim", seed=1, config=Config(raft=raft, delay_min=0, delay_max=delay)) as h:
            h.sleep_ms(200)
            assert h.now == pytest.approx(0.2)


@pytest.mark.parametrize("backend", BACKENDS)
def test_time_does_not_pass_for_ever(backend: str):
    with Harness(3, backend=backend, seed=1) as h:
        for never in (math.nan, math.inf, -math.inf, 1e300, -1e300, 3.2e10):
            if never == -1e300:
                h.pass_to(never)  # it is later already
                continue
            for wait in (h.pass_to, h.sleep_ms, lambda s: h.wait_until(lambda: False, s)):
                with pytest.raises(UsageError, match=r"time can pass for|must be (a )?finite"):
                    wait(never)
        with pytest.raises(UsageError):
            h.set_speed(math.nan)
        h.pass_to(-5)  # it is later already
        h.sleep_ms(1)


NUMBERS: dict[str, Callable[[Harness, Any], object]] = {
    "sleep_ms": lambda h, value: h.sleep_ms(value),
    "wait_until": lambda h, value: h.wait_until(lambda: False, value),
    "check_until": lambda h, value: h.check_until(lambda: False, value),
    "pass_to": lambda h, value: h.pass_to(value),
    "set_speed": lambda h, value: h.set_speed(value),
    "drop": lambda h, value: h.peer_drop_calls_after_n(0, value),
    "tear": lambda h, value: h.tear_peer(0, value),
    "committed": lambda h, value: h.check_committed_n("a", value),
    "deliver": lambda h, value: h.deliver(value),
    "lose": lambda h, value: h.lose(value),
    "duplicate": lambda h, value: h.duplicate(value),
    "crash": lambda h, value: h.crash_peer(value),
    "restart": lambda h, value: h.restart_peer(value),
    "check restart": lambda h, value: h.check_restart(value),
    "submit": lambda h, value: h.submit_to_server(value, "a"),
    "submit many": lambda h, value: h.submit_many(value, ["a"]),
    "disconnect": lambda h, value: h.disconnect_peer(value),
    "reconnect": lambda h, value: h.reconnect_peer(value),
    "freeze": lambda h, value: h.freeze_peer(value),
    "thaw": lambda h, value: h.thaw_peer(value),
    "time out": lambda h, value: h.time_out_peer(value),
    "wipe": lambda h, value: h.wipe_peer(value),
    "cut": lambda h, value: h.cut(0, value),
    "hold": lambda h, value: h.hold(value, 1),
    "link": lambda h, value: h.set_link(value, 1, loss=0.5),
    "partition": lambda h, value: h.partition([value]),
}
OTHERS: dict[str, Callable[[Harness, Any], object]] = {
    "wait_until": lambda h, value: h.wait_until(value, 0.01),
    "check_until": lambda h, value: h.check_until(value, 0.01),
    "submit many": lambda h, value: h.submit_many(0, value),
    "partition": lambda h, value: h.partition(value),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("uses", "values"),
    [(NUMBERS, ("x", None, [1], 1j, True)), (OTHERS, ("x", None, 3))],
    ids=["no number", "no function, no list"],
)
def test_an_argument_of_another_kind_is_one_sentence_and_changes_nothing(
    backend: str, uses: dict[str, Callable[[Harness, Any], object]], values: tuple[object, ...]
):
    with Harness(3, backend=backend, seed=1) as h:
        h.pause()
        before = h.snapshot()
        for use in uses.values():
            for value in values:
                with pytest.raises(UsageError) as caught:
                    use(h, value)
                assert "not " in one_sentence(caught.value)
        assert h.snapshot() == before


COUNTS: dict[str, tuple[Callable[[Harness, Any], object], tuple[object, ...]]] = {
    "tear": (lambda h, value: h.tear_peer(0, value), (-1, -(10**30), 1.5)),
    "drop": (lambda h, value: h.peer_drop_calls_after_n(0, value), (-2, 1.5)),
}


@pytest.mark.parametrize("name", COUNTS)
def test_a_count_that_cannot_be_is_one_sentence_and_changes_nothing(name: str):
    use, values = COUNTS[name]
    with Harness(3, backend="sim", seed=1) as h:
        before = h.snapshot()
        for value in values:
            with pytest.raises(UsageError, match=rf"must be a number of .*, not {value}$"):
                use(h, value)
        assert h.snapshot() == before


OPTIONS: dict[str, tuple[Callable[[], object], str]] = {
    "prevote": (lambda: RaftConfig(prevote="no"), "prevote must be True or False, not 'no'"),  # type: ignore[arg-type]
    "noop": (lambda: RaftConfig(noop=3), "noop must be True or False, not 3"),  # type: ignore[arg-type]
    "reelection": (
        lambda: RaftConfig(force_more_reelection=None),  # type: ignore[arg-type]
        "force_more_reelection must be True or False, not None",
    ),
    "unreliable": (lambda: Config(unreliable="no"), "unreliable must be True or False, not 'no'"),  # type: ignore[arg-type]
    "no bugs": (lambda: Config(bugs=None), "bugs must be a list of names, .*, not None"),  # type: ignore[arg-type]
    "a bug": (
        lambda: Config(bugs="no-log-check"),  # type: ignore[arg-type]
        "bugs must be a list of names, .*, not 'no-log-check'",
    ),
    "loss": (lambda: LinkFaults(loss=2), r"loss is a chance, .*, not 2"),
    "dup": (lambda: LinkFaults(dup=-0.5), r"dup is a chance, .*, not -0\.5"),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_an_option_that_cannot_be_is_refused_in_one_sentence(name: str):
    make, words = OPTIONS[name]
    with pytest.raises(UsageError, match=f"^{words}$") as refusal:
        make()
    one_sentence(refusal.value)


def test_a_number_without_measure_is_one_sentence():
    with Harness(3, backend="sim", seed=1) as h:
        for use in (h.sleep_ms, h.pass_to, h.set_speed, lambda n: h.wait_until(lambda: False, n)):
            for value in (10**400, 10**5000):
                with pytest.raises(UsageError) as caught:
                    use(value)
                one_sentence(caught.value)


@pytest.mark.parametrize("value", ["", "0", "false", "No", "OFF", " 0 "])
def test_a_variable_that_says_no_counts_as_not_set(value: str):
    environ = {"RAFT_UNRELIABLE_RPC": value, "RAFT_FORCE_MORE_REELECTION": value}
    assert Config().settled(environ) == Config(unreliable=False)
    assert Config(unreliable=True).settled(environ).unreliable
    on = Config().settled(dict.fromkeys(environ, "1"))
    assert (on.unreliable, on.raft.force_more_reelection) == (True, True)


def test_every_method_shows_its_own_name_its_parameters_and_what_it_does():
    methods = {name: value for name, value in inspect.getmembers(Harness, inspect.isfunction) if name[0] != "_"}
    assert {"crash_peer", "set_link", "deliver", "sleep_ms", "check_committed"} <= set(methods)
    for name, method in methods.items():
        assert method.__module__ in {kind.__module__ for kind in Harness.__mro__}
        assert method.__qualname__ in {f"{kind.__name__}.{name}" for kind in Harness.__mro__}
        assert method.__doc__, name
        own, *others = inspect.signature(method).parameters.values()
        assert own.name == "self"
        assert all(other.annotation is not inspect.Parameter.empty for other in others), name
    link = inspect.signature(Harness.set_link)
    assert list(link.parameters) == ["self", "src", "dst", "loss", "delay", "dup"]
    assert (
        pydoc.render_doc(Harness.crash_peer, renderer=pydoc.plaintext).count("crash_peer(self, id: int) -> None")
        == 1
    )


# ---- failures that travel


def exceptions() -> list[type[BaseException]]:
    """Every exception that raftplay defines."""
    found = set()
    for module in pkgutil.walk_packages(raftplay.__path__, "raftplay."):
        if module.name != "raftplay.cli.__main__":
            members = vars(importlib.import_module(module.name)).values()
            found |= {m for m in members if inspect.isclass(m) and issubclass(m, BaseException)}
    return sorted(
        (kind for kind in found if kind.__module__.startswith("raftplay.")), key=lambda kind: kind.__name__
    )


def breach() -> InvariantBroken:
    with pytest.raises(InvariantBroken) as broken, Harness(3, backend="sim", seed=1, config=FORGETFUL) as h:
        h.sleep_ms(2000)
    return broken.value


FORGETFUL = Config(bugs=("forget-vote",))
WRONG = Mistake("no such word", 3, 4, 5, "a bc x")
RAISED = NodeRaised(1, "TypeError", "wake", 0.5, "", ('  File "my.py", line 3, in wake', "TypeError: no"))
EXAMPLES: dict[str, Callable[[], BaseException]] = {
    "InvariantBroken": breach,
    "DidNotReturn": lambda: DidNotReturn(10.0),
    "Mistake": lambda: WRONG,
    "NodeRaised": lambda: RAISED,
    "TimeStandsStill": lambda: TimeStandsStill(9000, 0.5),
    "ScriptRefused": lambda: ScriptRefused("a.txt", [WRONG]),
    "WrongResult": lambda: WrongResult("3 was returned, not True or False", "may_vote", RAISED.lines),
}


def test_every_failure_can_be_sent_to_another_process():
    kinds = [kind for kind in exceptions() if not kind.__name__.startswith("_")]
    assert {kind.__name__ for kind in kinds} > EXAMPLES.keys()
    for kind in kinds:
        failure = EXAMPLES.get(kind.__name__, lambda kind=kind: kind("a sentence"))()
        again = pickle.loads(pickle.dumps(failure))
        assert type(again) is kind
        assert (str(again), again.args) == (str(failure), failure.args)
        assert {k: str(v) for k, v in vars(again).items()} == {k: str(v) for k, v in vars(failure).items()}


def trial(seed: int) -> None:
    with Harness(3, backend="sim", seed=seed, config=FORGETFUL) as h:
        h.sleep_ms(2000)


def unmet(seed: int) -> None:
    with Harness(3, backend="sim", seed=seed) as h:
        h.check_committed("nothing")


SPAWN = multiprocessing.get_context("spawn")


def test_a_breach_comes_out_of_a_pool_of_processes():
    with SPAWN.Pool(1) as pool:
        for work, kind in ((trial, InvariantBroken), (unmet, CheckFailed)):
            with pytest.raises(kind, match=r"sim, seed 1, raftplay"):
                pool.map_async(work, [1]).get(60)


def test_a_breach_comes_out_of_an_executor():
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=SPAWN) as executor:
        with pytest.raises(InvariantBroken) as broken:
            executor.submit(trial, 1).result(60)
        assert broken.value.breach.invariant == "Persist Before Send"
        assert broken.value.snapshot.seed == 1


# ---- failures that tell all


def test_a_failed_check_names_what_makes_the_run_again():
    with Harness(3, backend="sim", seed=77, config=Config(bugs=("forget-vote",)), watch=False) as h:
        for check in (
            lambda: h.check_committed("x"),
            lambda: h.check_committed_n("x", 3),
            lambda: (h.cluster[0].cm.stop(), h.cluster[1].cm.stop(), h.check_single_leader()),
            lambda: h.check_until(lambda: False, 0.1),
        ):
            with pytest.raises(CheckFailed) as failed:
                check()
            first, *nodes = str(failed.value).splitlines()
            assert first.endswith(f"(bugs on: forget-vote); sim, seed 77, raftplay {__version__}")
            assert len(nodes) == 5
    assert f"; sim, seed 1, raftplay {__version__}\n" in str(breach())


def test_check_until_says_what_was_waited_for():
    with Harness(3, backend="sim", seed=7) as h:
        h.check_until(lambda: any(s.is_leader() for s in h.cluster))
        with pytest.raises(CheckFailed) as failed:
            h.check_until(lambda: h.cluster[0].cm.current_term > 99, 0.5)
        words = r"not within 0\.5 s: test_harness_misuse\.py:\d+: h\.check_until\(lambda: h\.cluster\[0\]\.cm\.current_term > 99"
        assert re.match(words, str(failed.value))
        with pytest.raises(CheckFailed, match=r"not within 1 s: .*bool"):
            h.check_until(bool, 1)


PYTEST_STORY = """
from raftplay import Harness

def test_it():
    with Harness(5, backend="sim", seed=7) as h:
        assert h.wait_until(lambda: h.cluster[0].cm.current_term > 99, 1)
"""


def test_pytest_shows_what_was_waited_for_and_the_cluster_when_a_wait_fails(tmp_path: Path):
    (tmp_path / "test_story.py").write_text(PYTEST_STORY)
    run = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(run, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path)
    assert done.returncode == 1
    assert "assert h.wait_until(lambda: h.cluster[0].cm.current_term > 99, 1)" in done.stdout
    shown = f"<Harness of 5 nodes, sim, seed 7, raftplay {__version__}, 1.000 s: n0 "
    assert shown in done.stdout
    assert done.stdout.count(" log 0 commit -1") >= 4  # pytest cuts the middle out of what is long


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_harness_shows_itself_after_its_end_too(backend: str):
    with Harness(1, backend=backend, seed=1) as h:
        pass
    assert (
        repr(h)
        == f"<Harness of 1 nodes, {backend}, seed 1, raftplay {__version__}, shut down: n0 Dead t0 log 0 commit -1>"
    )


# ---- threads and processes


@pytest.mark.parametrize("backend", BACKENDS)
def test_one_thread_steps_while_another_resumes_and_no_timer_is_lost(backend: str):
    with Harness(3, backend=backend, seed=1) as h:
        h.check_single_leader()
        errors: list[BaseException] = []
        done = threading.Event()

        def repeat(action: Callable[[], object]) -> None:
            while not done.is_set():
                try:
                    action()
                except UsageError:
                    pass
                except BaseException as error:
                    errors.append(error)
                    done.set()

        sleeps = (lambda: h.sleep_ms(1)) if backend == "tcp" else (lambda: None)
        threads = [threading.Thread(target=repeat, args=(a,)) for a in (h.step, h.resume, sleeps, h.resume)]
        for thread in threads:
            thread.start()
        done.wait(1.0 if THOROUGH else 0.3)
        done.set()
        threads[0].join(10)  # a step pauses time, in which a sleep does not end
        h.resume()
        for thread in threads:
            thread.join(10)
        h.resume()
        assert errors == []
        assert [thread.is_alive() for thread in threads] == [False] * 4
        leader, _ = h.check_single_leader()
        h.crash_peer(leader)  # whose timer was not lost stands for election
        assert h.wait_until(lambda: any(s.is_leader() for s in h.cluster if not s.stopped))


FORKS: dict[str, Callable[[Harness], object]] = {
    "submit": lambda h: h.submit_to_server(0, 1),
    "sleep": lambda h: h.sleep_ms(1),
    "wait": lambda h: h.wait_until(lambda: False, 1),
    "pass": lambda h: h.pass_to(99),
    "step": lambda h: h.step(),
    "pause": lambda h: h.pause(),
    "resume": lambda h: h.resume(),
    "speed": lambda h: h.set_speed(2),
    "crash": lambda h: h.crash_peer(0),
    "check": lambda h: h.check_single_leader(),
    "server": lambda h: h.cluster[0].submit(1),
    "look": lambda h: h.snapshot(),
    "now": lambda h: h.now,
    "stop": lambda h: h.cluster[0].cm.stop(),
}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_is_told_in_one_sentence_where_its_cluster_is(tmp_path: Path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # 3.12: fork with threads
        with Harness(3, seed=1, data_dir=tmp_path) as h:
            h.check_single_leader()
            h.lock.__enter__()  # as another thread may hold it
            pid = os.fork()
            if pid == 0:
                os._exit(_child_outcome(h))
            h.lock.__exit__(None, None, None)
            _, status = os.waitpid(pid, 0)
            assert os.waitstatus_to_exitcode(status) == 0
            leader, _ = h.check_single_leader()
            assert h.submit_to_server(leader, "a") >= 0
            assert h.wait_until(lambda: all(h.commits))


def _child_outcome(h: Harness) -> int:
    try:
        for number, act in enumerate(FORKS.values(), 2):
            try:
                act(h)
                return number
            except UsageError as error:
                if str(error) != FORKED:
                    return 50 + number
        assert "of another process" in repr(h)
        h.shutdown()
        with Harness(3, seed=2) as own:
            own.check_single_leader()
    except BaseException:
        return 1
    return 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_writes_to_no_file_of_its_parent(tmp_path: Path):
    with Harness(3, backend="sim", seed=1, data_dir=tmp_path) as h:
        h.check_single_leader()
        before = contents(tmp_path)
        pid = os.fork()
        if pid == 0:
            words = ""
            try:
                h.sleep_ms(1)
                h.submit_many(0, [1, 2])
                h.time_out_peer(1)
            except BaseException as error:
                words = str(error)
            with contextlib.suppress(StorageError):
                h.shutdown()
            os._exit(0 if "is in use by the process from which this one was forked" in words else 1)
        _, status = os.waitpid(pid, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        assert contents(tmp_path) == before
        h.check_single_leader()


# ---- dropped without shutdown


@pytest.mark.parametrize("files", [False, True])
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_harness_that_is_dropped_ends_its_cluster_with_a_warning(backend: str, files: bool, tmp_path: Path):
    seen: list[Record] = []

    def cell() -> None:
        h = Harness(3, backend=backend, seed=5, data_dir=tmp_path if files else None, readers=[seen.append])
        h.check_single_leader()
        h.wait_until(lambda: False, 0.01)

    with nothing_left_over():
        for _ in range(several(3, least=2)):
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                cell()
                gc.collect()
            told = [str(w.message) for w in caught if w.category is ResourceWarning]
            if backend == "sim":  # its nodes do not stop, as far as anyone is told
                assert "Stopped" not in {type(record.event).__name__ for record in seen}
            if backend == "sim" and not files:
                assert told == []  # it held nothing
            else:
                assert told == [
                    f"a Harness of 3 nodes ({backend}, seed 5) was dropped without shutdown(), and its cluster ends now; "
                    "write `with Harness(…) as h:`, or call shutdown()"
                ]
            assert eventually(lambda: not any(backend._thread.is_alive() for backend in list(open_clusters)))


def test_a_harness_that_was_shut_down_is_dropped_in_silence():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for backend in BACKENDS:
            with Harness(3, backend=backend):
                pass
        gc.collect()
    assert [w for w in caught if "Harness" in str(w.message)] == []


# ---- the reference's ways to stop a node

STOPS: dict[str, Callable[[Harness, int], object]] = {
    "ConsensusModule.stop": lambda h, id: h.cluster[id].cm.stop(),
    "Server.shutdown": lambda h, id: h.cluster[id].shutdown(),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("how", STOPS)
@pytest.mark.parametrize("before", ["as it is", "frozen", "disconnected", "paused"])
def test_a_node_that_is_stopped_directly_has_crashed(backend: str, how: str, before: str):
    seen: list[Record] = []
    with nothing_left_over(), Harness(3, backend=backend, seed=5, readers=[seen.append]) as h:
        leader, _ = h.check_single_leader()
        if before == "frozen":
            h.freeze_peer(leader)
        if before == "disconnected":
            h.disconnect_peer(leader)
        if before == "paused":
            h.pause()
        old = h.cluster[leader]
        for _ in range(2):
            STOPS[how](h, leader)
        assert [h.alive, h.connected] == [[id != leader for id in range(3)]] * 2
        assert (str(old.state), old.stopped, h.commits[leader]) == ("Dead", True, [])
        names = [type(r.event).__name__ for r in seen if r.node == leader]
        assert (names.count("Crashed"), names.count("Stopped")) == (1, 1)
        h.resume()
        assert h.wait_until(lambda: any(s.is_leader() for s in h.cluster if s is not old))
        h.restart_peer(leader)
        STOPS[how](h, (leader + 1) % 3)  # of another one, whatever it is by now
        old.shutdown()  # of a server that is no more
        old.cm.stop()
        assert h.alive[leader]
        h.restart_peer((leader + 1) % 3)
        new, _ = h.check_single_leader()
        assert h.submit_to_server(new, "a") >= 0
        assert h.wait_until(lambda: all(h.commits))
    old.cm.stop()
    for server in h.cluster:
        server.shutdown()  # safe after the end


def test_an_interrupt_travels_too():
    assert isinstance(pickle.loads(pickle.dumps(Interrupted())), Interrupted)
