"""The stage as text: each state of a cluster at a few sizes, from seeded runs in virtual time.

The frames are in `stage/`; RAFTPLAY_FRAMES=write pytest tests/tui/test_stage_frames.py writes them anew, to be read
in the difference.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from support.tui import still, texts

from raftplay.raft import decisions
from raftplay.tui.driver import Still
from raftplay.tui.model.glyphs import ASCII, UNICODE
from raftplay.tui.stage.scene import Scene, moving_of, scene_of
from raftplay.tui.stage.stage import paint
from raftplay.watch import facts

FOLDER = Path(__file__).parent / "stage"

SMALL = ((60, 8), (60, 10), (80, 13))
LARGE = ((80, 13), (79, 29), (120, 32))
ALL = SMALL + LARGE[1:]
FEW = ((60, 8), (80, 13), (79, 29))


@dataclass(frozen=True)
class Case:
    """A state: commands, the scene then (default: what the view shows), the sizes, the cluster."""

    name: str
    lines: tuple[str, ...]
    sizes: tuple[tuple[int, int], ...] = LARGE
    nodes: int = 5
    seed: int = 3
    scene: Callable[[Still], Scene] = lambda driver: scene_of(driver.view(), _leader(driver))
    ascii: bool = False
    setup: str = ""


def _leader(driver: Still) -> int:
    leader = driver.view().snapshot.leader
    return 0 if leader is None else leader.id


def after(kind: type, number: int, way: float | None = None, **flags: object) -> Callable[[Still], Scene]:
    """The scene after the event `number` of its kind; `way`: how far all messages that fly have come."""

    def scene(driver: Still) -> Scene:
        history = driver.session.history
        seqs = [record.seq for record in history.records() if isinstance(record.event, kind)]
        view = history.view(seqs[number], driver.view().snapshot)
        moving = moving_of(view)
        if way is not None:
            moving = tuple(replace(m, way=way) if m.end == "flying" else m for m in moving)
        return Scene(view, moving, **flags)  # type: ignore[arg-type]

    return scene


SPLIT = (
    "wait leader; submit a; wait committed a on 5; submit b; wait committed b on 5; partition 0,1 | 2,3,4",
    "submit x to 0; sleep 10ms; wait leader is not 0; submit y; sleep 3ms",
)
TRANSFER = "wait leader; submit a; wait committed a on 5; disconnect 3; submit b; transfer to 3; sleep 10ms"
APPEND = "wait leader; submit a; wait committed a on 5; submit b; wait committed b on 5; submit y; sleep 2ms"

STORES = "wait leader; put x 1; sleep 100ms; let old = leader; disconnect $old; put x 2 to $old; append y abc"
"""A value that waits in the log of a leader that is cut off, and one that the others have."""

CASES = (
    Case("start", (), SMALL),
    Case("requests", ("wait leader",), scene=after(facts.CallSent, 3, 0.4), sizes=ALL),
    Case("votes", ("wait leader",), scene=after(facts.ReplySent, 1, 0.6), sizes=ALL),
    Case("rejected", ("wait leader",), scene=after(facts.ReplySent, 1, 0.5), seed=7),
    Case("split-vote", ("wait leader",), scene=after(facts.CallSent, 7, 0.5), seed=7, sizes=ALL),
    Case("pre-vote", ("wait leader",), scene=after(facts.ReplySent, 1, 0.5), setup="set prevote on"),
    Case("stores", (STORES,), (*LARGE, (120, 40))),
    Case("leader", ("wait leader",), scene=after(decisions.BecameLeader, 0)),
    Case("replication", (APPEND,), sizes=ALL),
    Case("confirmed", (APPEND,), scene=after(facts.ReplySent, -1, 0.5)),
    Case("split-brain", SPLIT, seed=7, sizes=ALL),
    Case("three-sides", ("wait leader; partition 0 | 1,2 | 3,4; sleep 60ms",), ALL, seed=7),
    Case("cut-off", ("wait leader; submit a; wait committed a on 5; disconnect leader; sleep 60ms",)),
    Case("links", ("wait leader; cut 1->0; cut 0->1; hold 1->3; sleep 60ms",)),
    Case("transfer", (TRANSFER,), sizes=ALL),
    Case("crash", ("wait leader; submit a; wait committed a on 5; crash leader; sleep 1ms",)),
    Case("frozen", ("wait leader; freeze 2; sleep 30ms",)),
    Case("skipped", ("wait leader",), scene=after(decisions.HeartbeatDue, 0, pulse=(1,), skip=True)),
    Case("unicode-commands", ('wait leader; submit "日本"; submit "a b"; submit 123456789; sleep 30ms',), SMALL),
    Case("ascii", (APPEND,), sizes=FEW, ascii=True),
    Case("ascii-split", SPLIT, sizes=FEW, seed=7, ascii=True),
    *(Case(f"nodes-{n}", ("wait leader; submit a; sleep 2ms",), FEW, n) for n in (1, 2, 3, 4, 6, 7)),
    Case("nodes-9", ("wait leader; submit a; sleep 2ms",), FEW, 9),
    Case("nodes-25", ("wait leader; submit a; sleep 2ms",), FEW, 25),
    Case("nodes-9-split", ("wait leader; partition 0,1,2 | 3,4,5,6,7,8; sleep 60ms",), SMALL, 9),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_stage_is_as_it_was_read_last(case: Case) -> None:
    with still(*case.lines, nodes=case.nodes, seed=case.seed, setup=case.setup) as driver:
        scene = case.scene(driver)
    glyphs = ASCII if case.ascii else UNICODE
    frames = [
        "\n".join((f"== {width}x{height}", *texts(paint(scene, width, height, glyphs))))
        for width, height in case.sizes
    ]
    text = "\n".join(frames) + "\n"
    file = FOLDER / f"{case.name}.txt"
    if os.environ.get("RAFTPLAY_FRAMES") == "write":
        FOLDER.mkdir(exist_ok=True)
        file.write_text(text, "utf-8")
    assert text == file.read_text("utf-8")
    assert not case.ascii or text.isascii()


def test_no_frame_is_left_over() -> None:
    assert {file.stem for file in FOLDER.glob("*.txt")} == {case.name for case in CASES}
