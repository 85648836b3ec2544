"""``anew`` takes settings, nodes and bugs, always in place of those of the set-up."""

from pathlib import Path

import pytest
from support.lessons import lesson_of, read, refused, session_of

from raftplay.cluster.own_node import OwnNode
from raftplay.commands.setup import Setup
from raftplay.lessons.course import reach
from raftplay.lessons.language import parse_lesson
from raftplay.lessons.stage import Stage
from raftplay.lessons.steps import Anew

TEXT = """step One
timeout 0; wait leader is 0
anew nodes=5 prevote=on bug=transfer-flag-stuck seed=3
timeout 4; wait leader is 4
ask Who leads? => node leader
answer
step Two
anew
timeout 2; wait leader is 2
status
step Three
anew sticky=on election=10s..20s snapshot=5
status
"""
HEAD = "# T\nnodes 3\nset noop on\ntiming election=20s..40s\n"


def test_a_new_cluster_has_the_settings_that_are_named_and_else_those_of_the_set_up() -> None:
    lesson = lesson_of(TEXT, head=HEAD)
    first, second, third = (item for step in lesson.steps for item in step.items if isinstance(item, Anew))
    with session_of(lesson) as session:
        for item, at in ((first, 1), (second, 2), (third, 3)):
            reach(session, lesson, at)
            plan = session.blueprint
            assert plan is not None
            raft = plan.config.raft
            if item is first:
                assert (plan.nodes, plan.seed, raft.prevote, raft.noop) == (5, 3, True, True)
                assert plan.config.bugs == ("transfer-flag-stuck",)
            else:
                assert (plan.nodes, raft.prevote, raft.noop, plan.config.bugs) == (3, False, True, ())
                assert raft.sticky is (item is third)
                assert raft.snapshot == (5 if item is third else 0)
                assert raft.election_max == (20.0 if item is third else 40.0)


def test_answers_may_name_the_nodes_of_the_new_cluster() -> None:
    lesson = lesson_of(TEXT, head=HEAD)
    _, said = read(lesson, "4", "", "", "")
    assert "a node, 0 to 4 > " in said.text


def test_a_step_begins_again_with_the_cluster_of_the_set_up() -> None:
    lesson = lesson_of(TEXT, head=HEAD)
    with session_of(lesson) as session:
        stage = Stage(session)
        reach(session, lesson, 1)
        assert session.harness.n == 5
        stage.start_over(lesson, 0)
        assert (session.harness.n, session.harness.config.bugs) == (3, ())


@pytest.mark.parametrize(
    ("line", "column", "message"),
    [
        ("anew nodes=0", 12, "number of nodes"),
        ("anew prevot=on", 6, "unknown setting 'prevot'; did you mean 'prevote'?"),
        ("anew prevote", 6, "there is no bug 'prevote'"),
        ("anew prevote=maybe", 14, "maybe"),
        ("anew nodes=5 backend=tcp", 6, "a lesson is played in virtual time: backend=sim"),
        ("anew election=300..150ms", 15, "300..150ms"),
        ("anew nodes=3 # three", 6, "comments on lines of their own"),
        ("anew nodes=3; status", 6, "write one thing a line"),
    ],
)
def test_a_wrong_setting_is_named_in_its_place(line: str, column: int, message: str) -> None:
    (found,) = refused(f"step S\n{line}")
    assert message in found.message
    assert (found.line, found.column) == (5, column)


def test_commands_after_it_are_for_its_nodes() -> None:
    assert [found.message for found in refused("step S\nanew nodes=5\ncrash 4\nanew\ncrash 4")] == [
        "there is no node 4; the nodes are 0 to 2"
    ]


def test_a_new_cluster_keeps_the_class_of_nodes_that_the_reader_chose(tmp_path: Path) -> None:
    (tmp_path / "my.py").write_text(
        "from raftplay import ConsensusModule\nclass Mine(ConsensusModule):\n    pass\n"
    )
    lesson = parse_lesson("lesson", HEAD + TEXT, Setup(node=OwnNode(f"{tmp_path}/my.py")))
    with session_of(lesson) as session:
        for at in (1, 2, 3):
            reach(session, lesson, at)
            assert session.harness.config.node_name == f"{tmp_path}/my.py:Mine"
