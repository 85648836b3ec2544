"""A class of nodes of one's own is loaded from a file or a module, and each way in which that fails is one sentence."""

import json
import os
import pickle
import re
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from support.command_line import raftplay

from raftplay import (
    CheckFailed,
    Config,
    ConsensusModule,
    Harness,
    InvariantBroken,
    NodeFailed,
    RequestVoteReply,
    Rules,
    UsageError,
)
from raftplay.cluster.checks import again_text
from raftplay.cluster.own_node import OwnNode, name_of, reference
from raftplay.raft.decisions import VoteDecided
from raftplay.session.branches import Blueprint
from raftplay.session.journal import setup_lines
from raftplay.watch.facts import Record
from raftplay.watch.narrator import describe

QUIET = "from raftplay import ConsensusModule\nclass Mine(ConsensusModule):\n    pass\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(text: str, folder: str = "") -> UsageError:
    with pytest.raises(UsageError) as caught:
        OwnNode(text, folder).load()
    return caught.value


def test_a_file_gives_its_class_once_and_leaves_nothing_behind(folder: Path):
    (folder / "my.py").write_text(f"import helper\n{QUIET}\nprint(helper.NAME)\n")
    (folder / "helper.py").write_text("NAME = 'one'\n")
    before, wrote = sys.path[:], sys.dont_write_bytecode
    loaded = OwnNode("my.py:Mine").load()
    assert issubclass(loaded, ConsensusModule)
    assert name_of(loaded) == "my.py:Mine"
    assert OwnNode("my.py:Mine").load() is loaded
    assert (sys.path, sys.dont_write_bytecode) == (before, wrote)
    assert sorted(path.name for path in folder.iterdir()) == ["helper.py", "my.py"]


def test_helpers_of_the_same_name_in_two_folders_are_two(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "my.py").write_text(f"import helper\n{QUIET}\nprint(helper.NAME)\n")
        (tmp_path / name / "helper.py").write_text(f"NAME = '{name}'\n")
        OwnNode("my.py", str(tmp_path / name)).load()
    assert capsys.readouterr().out == "one\ntwo\n"


def test_a_path_is_relative_to_its_folder_and_a_class_may_be_left_out(folder: Path):
    (folder / "below").mkdir()
    (folder / "below" / "my.py").write_text(QUIET)
    loaded = OwnNode("my.py", "below").load()
    assert name_of(loaded) == "my.py:Mine"
    assert reference(loaded, str(folder)) == os.path.join("below", "my.py:Mine")
    assert reference(loaded, "below") == "my.py:Mine"
    assert reference(loaded, str(folder / "elsewhere")) == f"{folder}/below/my.py:Mine"
    assert OwnNode(f"{folder}/below/my.py:Mine").load().__name__ == "Mine"


def test_a_module_is_named_by_its_name(folder: Path):
    (folder / "course").mkdir()
    (folder / "course" / "__init__.py").write_text("")
    (folder / "course" / "base.py").write_text(QUIET)
    (folder / "course" / "week1.py").write_text("from .base import Mine\nclass Other(Mine):\n    pass\n")
    loaded = OwnNode("course.week1").load()
    assert name_of(loaded) == reference(loaded, "") == "course.week1:Other"
    assert OwnNode("course.week1:Mine").load() in loaded.__mro__
    assert str(folder) not in sys.path


class Shown(ConsensusModule):
    pass


def test_a_class_of_python_is_named_too():
    class Local(ConsensusModule):
        pass

    assert name_of(ConsensusModule) == Config().node_name == ""
    assert name_of(Shown) == f"{__name__}:Shown"
    assert reference(Shown, os.path.dirname(__file__)) == "test_own_node.py:Shown"
    assert name_of(Local).endswith(":Local")
    assert reference(Local, "") == ""
    typed = type("Typed", (ConsensusModule,), {"__module__": "__main__"})  # as a notebook has it
    assert Config(node=typed).node_name == "Typed"


def test_rules_of_ones_own_are_loaded_and_asked(folder: Path):
    (folder / "my.py").write_text("from raftplay.raft.rules import Rules\nclass Mine(Rules):\n    pass\n")
    loaded = OwnNode("my.py").load()
    assert name_of(loaded) == "my.py:Mine"
    with Harness(3, backend="sim", seed=1, node=loaded) as h:
        assert type(h.cluster[0].cm.rules) is loaded
        assert h.snapshot().node == "my.py:Mine"


FILES = (
    ("x = 1\n", "my.py", "my.py has no subclass of ConsensusModule or of Rules"),
    (QUIET + "class Other(Mine):\n    pass\n", "my.py", "my.py has several classes of nodes; choose one: Mine, Other"),
    (QUIET, "my.py:Mien", "my.py has no class Mien; did you mean Mine?"),
    ("x = 1\n", "my.py:x", "my.py: node must be a subclass of ConsensusModule or of Rules, not 1"),
    ("class A:\n    pass\n", "my.py:A", "my.py: node must be a subclass of ConsensusModule or of Rules, not <class '"),
    (QUIET, "my", "a file is named with its .py: my.py"),
    (QUIET, "your.py:Mine", "there is no file your.py"),
    (
        QUIET + "from raftplay import Rules\nclass Both(ConsensusModule, Rules):\n    pass\n",
        "my.py:Both",
        "my.py: Both is a node and rules in one; ",
    ),
    (QUIET, "yours", "there is no module yours"),
    (QUIET, "./:Mine", "./ is a directory, not a file"),
    (QUIET, "no-thing", "'no-thing' is neither a file ending with .py nor a module"),
    (QUIET, "", "'' is neither a file ending with .py nor a module"),
    (
        "import abc\n" + QUIET + "    @abc.abstractmethod\n    def f(self): ...\nMine.__abstractmethods__ = {'f'}\n",
        "my.py",
        "my.py: Mine is abstract: it does not define f",
    ),
    (
        QUIET + "    def __init__(self, id):\n        pass\n",
        "my.py",
        "my.py: the constructor of Mine cannot be called with (id, peer_ids, storage, *, config, rng): ",
    ),
    (
        QUIET.replace("ConsensusModule", "Rules").replace("raftplay", "raftplay.raft.rules")
        + "    def __init__(self, of):\n        pass\n",
        "my.py",
        "my.py: the constructor of Mine cannot be called with (): ",
    ),
)  # fmt: skip


@pytest.mark.parametrize(("code", "text", "said"), FILES, ids=[said for _, _, said in FILES])
def test_what_is_wrong_with_the_class_is_one_sentence(code: str, text: str, said: str, folder: Path):
    (folder / "my.py").write_text(code)
    failure = refused(text)
    assert str(failure).startswith(said)
    assert failure.lines == ()
    assert "\n" not in str(failure)


RAISING = (
    ("import os\nos.nothing\n", "AttributeError", ["line 2, in <module>", "os.nothing"]),
    ("def f():\n    return 1 / 0\nf()\n", "ZeroDivisionError", ["line 3", "f()", "line 2, in f", "return 1 / 0"]),
    ("import nothing_there\n", "ModuleNotFoundError", ["line 1", "import nothing_there"]),
    ("x = 1\ndef f(:\n", "SyntaxError", ["line 2", "def f(:", "^"]),
    ("raise SystemExit(3)\n", "SystemExit", ["line 1", "raise SystemExit(3)"]),
    ("from . import helper\n", "ImportError", ["line 1", "from . import helper"]),
    ("def __getattr__(name):\n    raise KeyError(name)\n", "KeyError", ["line 2", "raise KeyError"]),
)


@pytest.mark.parametrize(("code", "raised", "parts"), RAISING, ids=[raised for _, raised, _ in RAISING])
def test_code_that_raises_is_shown_by_its_own_lines(code: str, raised: str, parts: list[str], folder: Path):
    (folder / "my.py").write_text(code)
    failure = refused("my.py:Mine")
    assert str(failure) == f"my.py cannot be loaded: it raised {raised}"
    *lines, last = failure.lines
    assert last.startswith(raised)
    assert len(lines) == len(parts) if raised != "SyntaxError" else len(lines) >= len(parts)
    assert all(part in line for part, line in zip(parts, lines, strict=False))
    assert str(folder) not in sys.path


def test_a_class_of_nodes_goes_to_a_cluster_by_itself_or_in_its_config():
    for options in (
        {"node": Shown},
        {"config": Config(node=Shown)},
        {"config": Config(node=Shown), "node": Shown},
    ):
        with Harness(3, backend="sim", seed=1, **options) as h:
            assert isinstance(h.cluster[0].cm, Shown)
            assert h.snapshot().node == f"{__name__}:Shown"
    with pytest.raises(UsageError, match=r"node and config\.node are two classes: raftplay|node and config"):
        Harness(3, backend="sim", node=type("Other", (ConsensusModule,), {}), config=Config(node=Shown))


def test_a_name_goes_to_another_process(folder: Path):
    (folder / "my.py").write_text(QUIET)
    named = OwnNode("my.py:Mine", str(folder))
    assert pickle.loads(pickle.dumps(named)) == named


@pytest.mark.parametrize("backend", ["sim", "tcp"])
def test_a_result_of_another_kind_is_told_with_the_place_of_the_method(backend: str, folder: Path):
    (folder / "my.py").write_text(
        QUIET + "\n    def request_vote(self, args, now=None):\n        super().request_vote(args, now)\n"
    )
    with (
        pytest.raises(NodeFailed) as caught,
        Harness(3, backend=backend, seed=1, node=OwnNode("my.py").load()) as h,
    ):
        h.sleep_ms(3000)
    first, *lines = str(caught.value).split("\n")
    assert " raised TypeError in request_vote at " in first
    assert lines == [
        f'  File "{folder}/my.py", line 5, in request_vote',
        "    def request_vote(self, args, now=None):",
        "TypeError: None was returned, not a RequestVoteReply",
    ]


def test_a_failure_in_no_method_of_ones_own_is_told_with_the_place_of_the_class(folder: Path):
    (folder / "my.py").write_text(
        QUIET + "\n    def take_calls(self):\n        self.deadline = None\n        return []\n"
    )
    with pytest.raises(NodeFailed) as caught, Harness(3, backend="sim", seed=1, node=OwnNode("my.py").load()) as h:
        h.sleep_ms(3000)
    assert str(caught.value).split("\n")[1:3] == [
        f'  File "{folder}/my.py", line 2, in Mine',
        "    class Mine(ConsensusModule):",
    ]


RULES = "from raftplay import Rules\nclass Mine(Rules):\n    def "

METHODS = (
    (RULES + "may_commit(self, term):\n        return True\n", "Mine.may_commit must take (self, entry_term, current_term)"),
    (RULES + "is_uptodate(self, args, log):\n        return True\n", "Mine.is_uptodate overrides nothing; did you mean is_up_to_date?"),
    (RULES + "__init__(self, n):\n        pass\n", "the constructor of Mine cannot be called with (): "),
    (RULES + "__init__(self):\n        1 / 0\n", "Mine() raised ZeroDivisionError"),
    (QUIET + "    def request_vote(self, args):\n        pass\n", "Mine.request_vote must take (self, args, now)"),
    (QUIET + "    def append_entry(self, args, now):\n        pass\n", "Mine.append_entry overrides nothing; did you mean append_entries?"),
)  # fmt: skip


@pytest.mark.parametrize(("code", "said"), METHODS, ids=[said for _, said in METHODS])
def test_a_method_that_cannot_work_is_told_when_the_class_is_loaded(code: str, said: str, folder: Path):
    (folder / "my.py").write_text(code)
    failure = refused("my.py")
    assert str(failure).startswith(f"my.py: {said}")
    assert failure.lines == () or failure.lines[1:] == ("    1 / 0", "ZeroDivisionError: division by zero")


RESULTS = (
    ("is_up_to_date(self, args, log):", "None", "True or False"),
    ("is_stale_append(self, term, current_term):", "0", "True or False"),
    ("follower_commit(self, args, log):", "'all'", "a whole number"),
    ("conflict_hint(self, args, log):", "3", "two whole numbers"),
    ("quorum(self, ids):", "2", "a Majority or a Joint"),
)


@pytest.mark.parametrize(("method", "result", "kind"), RESULTS, ids=[kind for *_, kind in RESULTS])
def test_a_rule_that_returns_what_it_must_not_is_told_by_its_place(
    method: str, result: str, kind: str, folder: Path
):
    (folder / "my.py").write_text(f"{RULES}{method}\n        return {result}\n")
    own = OwnNode("my.py").load()
    with pytest.raises(NodeFailed) as caught, Harness(3, backend="sim", seed=1, node=own) as h:  # noqa: PT012 - any
        h.sleep_ms(500)
        leader, _ = h.check_single_leader()
        h.disconnect_peer((leader + 1) % 3)
        for number in range(3):
            h.submit_to_server(leader, number)
        h.sleep_ms(500)
        h.reconnect_peer((leader + 1) % 3)
        h.sleep_ms(3000)
    name = method.partition("(")[0]
    first, *lines = str(caught.value).split("\n")
    assert f" raised TypeError in {name} at " in first
    assert lines == [
        f'  File "{folder}/my.py", line 3, in {name}',
        f"    def {method}",
        f"TypeError: {result} was returned, not {kind}",
    ]


@pytest.mark.parametrize("asks_super", [True, False])
def test_a_reply_of_ones_own_is_told_as_a_decision_by_its_own_rule(asks_super: bool):
    class Generous(ConsensusModule):
        def request_vote(self, args, now=None):
            if asks_super:
                super().request_vote(args, now)
            return RequestVoteReply(args.term, True)

    seen: list[Record] = []
    with suppress(InvariantBroken), Harness(3, backend="sim", seed=7, node=Generous, readers=[seen.append]) as h:
        h.time_out_peer(0)
        h.time_out_peer(1)
        h.sleep_ms(10)
    *_, last = (record for record in seen if isinstance(record.event, VoteDecided))
    told = [describe(r) for r in seen if isinstance(r.event, VoteDecided) and r.node == last.node]
    assert told[-1].endswith("its vote for term 1: its own rule says so (not in Figure 2)")
    assert told[-1].startswith("grants ")
    assert [text.startswith("denies ") for text in told] == [True, False][-len(told) :]
    assert len(told) == 1 + asks_super


def test_a_decision_that_a_reply_agrees_with_is_told_once():
    class Quiet(ConsensusModule):
        def append_entries(self, args, now=None):
            return super().append_entries(args, now)

    def decided(node: type[ConsensusModule]) -> list[object]:
        seen: list[Record] = []
        with Harness(3, backend="sim", seed=7, node=node, readers=[seen.append]) as h:
            h.sleep_ms(1000)
        return [record.event for record in seen]

    assert decided(Quiet) == decided(ConsensusModule)


def test_a_saved_script_names_the_class_from_its_folder(folder: Path):
    (folder / "my.py").write_text(QUIET)
    (folder / "in it").mkdir()
    (folder / "in it" / "my.py").write_text(QUIET)

    def line(node: type, where: Path) -> str:
        return setup_lines(Blueprint(3, "sim", 7, Config(node=node)), where)[-1]

    assert line(OwnNode("my.py").load(), folder) == "node my.py:Mine"
    assert line(OwnNode("my.py").load(), folder / "in it") == f"node {folder}/my.py:Mine"
    assert line(OwnNode("in it/my.py").load(), folder) == "node 'in it/my.py:Mine'"
    assert line(type("Mine", (ConsensusModule,), {"__module__": "notebook"}), folder) == (
        "# with nodes of the class notebook:Mine"
    )


def test_an_entry_that_ones_own_rule_does_not_commit_is_told_so():
    class Never(Rules):
        def may_commit(self, entry_term, current_term):
            return False

    seen: list[Record] = []
    with Harness(3, backend="sim", seed=7, node=Never, readers=[seen.append]) as h:
        leader, term = h.check_single_leader()
        h.submit_to_server(leader, "x")
        h.sleep_ms(100)
    held = f"does not commit 0, of term {term}: its own rule says so (not in Figure 2)"
    assert held in [describe(record) for record in seen]


@pytest.mark.parametrize(
    ("node", "shown"),
    [
        ("", ""),
        ("Mine", ", node=Mine"),
        ("Outer.Mine", ", node=Outer.Mine"),
        ("my.py:Mine", ", node=Mine"),
        ("my_nodes:Mine", ", node=Mine"),
        ("my.py", ", node=<the class in my.py>"),
        ("./of me/my.py", ", node=<the class in ./of me/my.py>"),
    ],
)
def test_the_line_that_repeats_a_run_has_the_class_of_the_nodes(node: str, shown: str) -> None:
    assert again_text(5, "sim", 7, node) == f'again: Harness(5, backend="sim", seed=7{shown})'


def test_every_failure_of_a_cluster_with_a_class_of_ones_own_ends_with_that_class():
    class Mine(ConsensusModule):
        def request_vote(self, args, now=None):
            return RequestVoteReply(args.term, True)

    last = 'again: Harness(3, backend="sim", seed=7, node=Mine)'
    with pytest.raises(CheckFailed) as failed, Harness(3, backend="sim", seed=7, node=Mine) as h:
        h.check_committed("x")
    assert str(failed.value).split("\n")[-1] == last
    with pytest.raises(InvariantBroken) as broken, Harness(3, backend="sim", seed=7, node=Mine) as h:  # noqa: PT012
        h.time_out_peer(0)
        h.time_out_peer(1)
        h.sleep_ms(10)
    assert str(broken.value).split("\n")[-1] == last
    assert str(pickle.loads(pickle.dumps(broken.value))) == str(broken.value)


def test_a_second_interrupt_names_the_code_that_it_ends(folder: Path):
    (folder / "my.py").write_text(
        "import signal\nfrom raftplay import ConsensusModule\n\nclass Mine(ConsensusModule):\n"
        "    def append_entries(self, args, now=None):\n        while True:\n"
        "            signal.raise_signal(signal.SIGINT)\n"
    )
    (folder / "script.txt").write_text("nodes 3\nbackend sim\nseed 7\nnode my.py\nwait leader\nsleep 1s\n")
    done = raftplay("run", "script.txt")
    last = done.out.rstrip("\n").split("\n")[-1]
    assert done.status == 130
    assert re.match(r"script\.txt: interrupted in append_entries of node \d \(my\.py:7\), after 1 step, at ", last)
    done = raftplay("run", "script.txt", "--json")
    assert re.fullmatch(
        r"in append_entries of node \d \(my\.py:7\)", json.loads(done.out.rstrip("\n").split("\n")[-1])["running"]
    )


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("request_vote(self, args, now=None)", r"\(RequestVote, message \d+ from node \d\)"),
        ("append_entries(self, args, now=None)", r"\(AppendEntries, message \d+ from node \d\)"),
        (
            "reply_received(self, peer_id, args, reply, now)",
            r"\(the response of node \d to RequestVote, (message|request) \d+\)",
        ),
    ],
)
def test_the_message_that_failed_is_told_with_its_rpc_and_its_sender(method: str, message: str, folder: Path):
    (folder / "my.py").write_text(f"{QUIET}    def {method}:\n        raise KeyError('x')\n")
    with pytest.raises(NodeFailed) as caught, Harness(3, seed=1, node=OwnNode("my.py").load()) as h:
        h.sleep_ms(3000)
    assert re.search(f" s {message}\n", str(caught.value))


@pytest.mark.parametrize(
    ("method", "body", "said"),
    [
        (
            "__init__(self, *args, **kwargs)",
            "self.seen = []",
            "TypeError: __init__ does not call super().__init__(id, peer_ids, storage, config=config, rng=rng) "
            "before it ends",
        ),
        ("request_vote(self, args, now=None)", "raise SystemExit(0)", "SystemExit: 0"),
        (
            "take_commits(self)",
            "return super().take_commits() * 2",
            "TypeError: CommitEntry(command='x', index=0, term=1) was returned after the entry at index 0; each is returned once, "
            "in order",
        ),
        (
            "append_entries(self, args, now=None)",
            "self.commit_index = None",
            "TypeError: None was returned, not an AppendEntriesReply",
        ),
        (
            "reply_received(self, peer_id, args, reply, now)",
            "self.current_term = '1'",
            "TypeError: its current_term is an integer, -1 for none; here: '1'",
        ),
    ],
)
def test_what_would_pass_or_end_the_process_is_a_failure_of_the_node(
    method: str, body: str, said: str, folder: Path
):
    (folder / "my.py").write_text(f"{QUIET}    def {method}:\n        {body}\n")

    def run() -> None:
        with Harness(3, seed=1, node=OwnNode("my.py").load()) as h:
            h.submit_to_server(h.check_single_leader()[0], "x")
            h.sleep_ms(1000)

    with pytest.raises(NodeFailed) as caught:
        run()
    assert str(caught.value).split("\n")[-1] == said


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (
            "    async def append_entries(self, args, now=None):\n        return super().append_entries(args, now)\n",
            "Mine.append_entries is an async def, which nothing awaits; write def",
        ),
        (
            "    def wake(self, now):\n        yield super().wake(now)\n",
            "Mine.wake has a yield, so that a call of it does nothing",
        ),
    ],
)
def test_a_method_that_a_call_does_not_run_is_refused(code: str, said: str, folder: Path):
    (folder / "my.py").write_text(QUIET + code)
    assert str(refused("my.py")) == f"my.py: {said}"
