"""The mouse over a node, an entry, a message, the tape or a key has it told in one line."""

import re

from support.tui import app_of, context, played, still, view_after
from textual.pilot import Pilot

from raftplay.tui.hovering import hover_words
from raftplay.tui.keys import KEY, KEYS
from raftplay.tui.model import diagram
from raftplay.tui.model.lines import ClickTarget, link_target


def test_each_thing_on_the_screen_is_told_in_a_line() -> None:
    view = view_after(
        "timeout 0; wait leader is 0", "submit 1", "wait committed 1", "cut 0->3", "submit 2; sleep 9ms"
    )
    arrow = next(iter(diagram.arrows_in_sight(view, context())))
    wanted: dict[ClickTarget, str] = {
        ("node", 0): "n0: leader, term 1; right click: its menu",
        ("entry", 0): "index 0: 1, term 1, on n0",
        ("tape", view.records[-1].seq): rf"{view.snapshot.time:.3f}"[:4],
        ("key", KEYS.index(KEY["C"])): "crash the leader",
        link_target(0, 3): "link n0 to n3",
        arrow.target: diagram.message_words(arrow),
        ("sentence", 0): "",
        ("node", 99): "",
        None: "",
    }
    for target, words in wanted.items():
        told = hover_words(target, view, context())
        assert told.startswith(words)
        assert bool(told) is bool(words)
        assert "\n" not in told


def test_the_mouse_over_a_node_shows_its_line_and_beside_it_none() -> None:
    with still("wait leader") as driver:
        app = app_of(driver)

        async def look(pilot: Pilot[None]) -> None:
            stage = app.box("stage")
            area = stage.area_of(("node", 2))
            assert area is not None
            await pilot.hover("#stage", offset=(area[0] + 3, area[1]))
            assert re.match(r"n2: \w+, term \d", str(stage.tooltip))
            await pilot.hover("#stage", offset=(0, stage.size.height - 1))
            assert stage.tooltip is None

        played(app, look)
