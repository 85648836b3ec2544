"""Whole screens as text, from seeded clusters that stand still: each layout, each role, each fault.

The frames are in `frames/`; RAFTPLAY_FRAMES=write pytest tests/tui/test_tui_frames.py writes them anew, to be read in the
difference.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.tui import frame_of, still

from raftplay import scenarios
from raftplay.run.script import parse_script
from raftplay.watch.invariants import INVARIANTS

FOLDER = Path(__file__).parent / "frames"

TRANSFER = "wait leader; submit a; wait committed a on 5; disconnect 3; submit b; transfer to 3; sleep 10ms"
OLD_LEADER = (
    "wait leader; submit 1; wait committed 1 on 5; disconnect leader; submit 2 to 0; submit 3 to 0",
    "wait leader is not 0; submit 4; wait committed 4 on 4",
)


@dataclass(frozen=True)
class Case:
    """A screen: the cluster, the size, the keys that are pressed then."""

    name: str
    lines: tuple[str, ...] = ()
    size: tuple[int, int] = (120, 40)
    keys: tuple[str, ...] = ()
    nodes: int = 5
    setup: str = ""
    ascii: bool = False
    script: str = ""


STORES = (
    "wait leader; put x 1 as alice; append list abc as bob; let old = leader; disconnect $old",
    "put x 2 as alice to $old; crash 4",
)
"""A value that is not committed on one of two leaders, and a node that is down."""

STALE = (
    "set reads local; wait leader; put x 1 as alice; let old = leader; disconnect $old; put x 2 as alice",
    "get x as bob to $old; put z 3 as carol to $old",
)
"""A read that is too old, and a request that no leader takes."""

CASES = (
    Case("start", (), (80, 24)),
    Case("candidate-80x24", ("goto 0.1568s",), (80, 24)),
    Case("candidate-120x40", ("goto 0.1568s",)),
    Case("candidate-60x16", ("goto 0.1568s",), (60, 16)),
    Case("leader-60x16", ("wait leader; submit 1; sleep 100ms",), (60, 16)),
    Case("leader-80x24", ("wait leader; submit 1; sleep 100ms",), (80, 24)),
    Case("leader-100x30", ("wait leader; submit 1; sleep 100ms",), (100, 30)),
    Case("leader-120x40", ("wait leader; submit 1; sleep 100ms",)),
    Case("leader-200x50", ("wait leader; submit 1; sleep 100ms",), (200, 50)),
    Case("down", ("wait leader; submit 1; sleep 30ms; crash leader; sleep 20ms",)),
    Case("frozen", ("wait leader; freeze 2; sleep 30ms",), keys=("2", "w")),
    Case("cut-off-and-conflicting", OLD_LEADER),
    Case("partition", ("wait leader; partition 0,1 | 2,3,4; wait leader is not 0",), keys=("N",)),
    Case("links", ("wait leader; cut 0->1; link 0->2 loss=50% delay=5..9ms; hold 0->3; sleep 60ms",), keys=("N",)),
    Case("drops", ("wait leader; drop leader after 2; sleep 60ms",)),
    Case("selected-message", ("wait leader; hold 0->3; sleep 60ms",), keys=("m", "up", "up")),
    Case("rewound", ("wait leader; submit 1; sleep 20ms; back 60",)),
    Case("paused-80x24", ("wait leader; pause",), (80, 24)),
    Case("breach", script="bugs/commit-old-term"),
    Case("breach-80x24", script="bugs/commit-old-term", size=(80, 24)),
    Case("filtered", ("wait leader; submit 1; sleep 100ms",), keys=("f", "f", "F")),
    Case("only-one-pane", ("wait leader; submit 1; sleep 100ms",), (80, 24), keys=("m", "o")),
    Case("invariants", ("wait leader",), (80, 24), keys=("i",)),
    Case("help-60x16", ("wait leader",), (60, 16), keys=("question_mark",)),
    Case("help-80x24", ("wait leader",), (80, 24), keys=("question_mark",)),
    Case("help-120x40", ("wait leader",), keys=("question_mark",)),
    Case("help-below-80x24", ("wait leader",), (80, 24), keys=("question_mark", "pagedown", "pagedown")),
    Case("help-ascii-80x24", ("wait leader",), (80, 24), keys=("question_mark",), ascii=True),
    Case("menu-60x16", ("wait leader; submit 1; sleep 100ms",), (60, 16), keys=("enter",)),
    Case("menu-80x24", ("wait leader; submit 1; sleep 100ms",), (80, 24), keys=("enter",)),
    Case("menu-120x40", ("wait leader; submit 1; sleep 100ms; crash 2",), keys=("2", "enter")),
    Case("one-node", ("wait leader; submit 1; sleep 20ms",), nodes=1),
    Case("nine-nodes", ("wait leader; submit 1; sleep 20ms",), nodes=9),
    Case("nine-nodes-80x24", ("wait leader; submit 1; sleep 20ms",), (80, 24), nodes=9),
    Case("twenty-five-nodes", ("wait leader; submit 1; sleep 20ms",), (80, 24), nodes=25),
    Case("ascii", OLD_LEADER, ascii=True),
    Case("messages-60x16", ("wait leader; submit 1; sleep 100ms",), (60, 16), keys=("m",)),
    Case("messages-80x24", ("wait leader; submit 1; sleep 100ms",), (80, 24), keys=("m",)),
    Case("node-80x24", ("wait leader; submit 1; sleep 100ms",), (80, 24), keys=("n",)),
    Case("no-drawers", ("wait leader; submit 1; sleep 100ms",), keys=("l", "l")),
    Case("split-brain-80x24", ("wait leader; partition 0,1 | 2,3,4; wait leader is not 0",), (80, 24)),
    Case("transfer-80x24", (TRANSFER,), (80, 24)),
    Case("transfer-menu-120x40", (TRANSFER,), keys=("2", "enter")),
    Case("stores", STORES, keys=("K",)),
    Case("stores-80x24", STORES, (80, 24), keys=("K",)),
    Case("stores-ascii", STORES, keys=("K",), ascii=True),
    Case("clients", STALE, keys=("U", "o")),
    Case("clients-80x24", STALE, (80, 24), keys=("U",)),
    Case("too-small", ("wait leader",), (59, 16)),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_screen_is_as_it_was_read_last(case: Case) -> None:
    lines, setup = case.lines, case.setup
    if case.script:
        script = scenarios.text_of(case.script)
        steps = [step.bound.text for step in parse_script(case.script, script).steps]
        lines = tuple(steps[: steps.index("wait committed z on 4") + 1])
        setup = "\n".join(line for line in script.split("\n") if line.startswith(("bug", "watch", "timing")))
    with still(*lines, nodes=case.nodes, setup=setup) as driver:
        frame = "\n".join(frame_of(driver, case.size, *case.keys, ascii=case.ascii)) + "\n"
    frame = frame.replace(f"{len(INVARIANTS)} ok", "## ok")
    file = FOLDER / f"{case.name}.txt"
    if os.environ.get("RAFTPLAY_FRAMES") == "write":
        file.write_text(frame, "utf-8")
    assert frame == file.read_text("utf-8")
    if case.ascii:
        assert frame.isascii()


def test_no_frame_is_left_over() -> None:
    assert {file.stem for file in FOLDER.glob("*.txt")} == {case.name for case in CASES}
