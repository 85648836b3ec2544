"""The number of nodes that are a majority: the screen has it from the rules that the nodes ask, as `why` has."""

from dataclasses import replace

import pytest
from support.tui import done, frame_of, session_of, still, view_after

from raftplay.language.completion import complete
from raftplay.raft.rules import Rules
from raftplay.tui.keys import partition_of
from raftplay.tui.stage.roles import side_names, sides_of

HALF = "bug half-is-majority"


@pytest.mark.parametrize(("nodes", "needed", "counted"), [(4, 2, "votes ●○ 1 of 2"), (10, 5, "● 1/5")])
def test_with_half_is_majority_the_screen_and_why_agree_on_the_votes_needed(nodes: int, needed: int, counted: str):
    with still("hold 0->all", "timeout 0", nodes=nodes, setup=HALF) as driver:
        (told,) = done(driver, "why leader")
        assert f"1 of the {needed} votes needed" in told.answer
        small, large = ("\n".join(frame_of(driver, size)) for size in ((80, 24), (120, 40)))
    pips = f"●{'○' * (needed - 1)} 1 of {needed}"
    for frame in (small, large):
        assert f"n0 asks for votes: {pips}" in frame
    assert counted in small
    assert f"votes {pips}" in large, "in the drawer of the node"
    then = view_after("hold 0->all", "timeout 0", "crash 0", "back 2", nodes=nodes, setup=HALF)
    assert then.rewound
    assert then.snapshot.majority == needed


def test_each_half_goes_on_where_half_is_a_majority() -> None:
    apart = view_after("partition 0,1 | 2,3", nodes=4, setup=HALF).snapshot
    assert side_names(sides_of(apart), apart) == ("majority: goes on", "majority: goes on")
    apart = view_after("partition 0,1 | 2,3", nodes=4).snapshot
    assert side_names(sides_of(apart), apart) == ("minority: cannot commit", "minority: cannot commit")


def test_the_second_split_of_the_key_leaves_the_leader_the_majority_of_the_rules() -> None:
    assert partition_of(view_after("partition 0 | 1,2,3", nodes=4, setup=HALF), 0) == "partition 0,1 | 2,3"
    assert partition_of(view_after("partition 0 | 1,2,3", nodes=4), 0) == "partition 0,1,2 | 3"


@pytest.mark.parametrize(("setup", "number"), [(HALF, "2"), ("", "3")])
def test_completion_names_the_majority_of_the_rules(setup: str, number: str) -> None:
    line = "wait committed 1 on "
    with session_of(4, setup=setup) as session:
        found = complete(line, len(line), session)
    assert [offered.text for offered in found if offered.help.startswith("a majority")] == [number]


class Raising(Rules):
    def quorum(self, ids):
        raise ValueError("no quorum today")


def test_rules_of_a_user_that_raise_leave_the_screen_the_majority_of_the_paper() -> None:
    snapshot = view_after(nodes=4).snapshot
    assert replace(snapshot, rules=Raising()).majority == 3
