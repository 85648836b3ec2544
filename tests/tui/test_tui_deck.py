"""The deck: layouts of every size, what is selected and scrolled, and lines that fit their boxes exactly."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.amount import several
from support.tui import NAMES, done, still, text_of, view_after

from raftplay.past.view import View
from raftplay.tui.model.context import KINDS
from raftplay.tui.model.glyphs import ASCII
from raftplay.tui.model.layout import Layout, Region, layout
from raftplay.tui.model.lines import width_of
from raftplay.tui.model.panes import NAMES as PANES
from raftplay.tui.state import ScreenState

BUSY = ("wait leader; submit 1; wait committed 1 on 3; crash 2; submit 2; sleep 70ms",)


def regions(where: Layout) -> list[Region]:
    """Every region of a layout that has any lines."""
    found = [where.status, where.stage, where.sentence, where.tape, where.caption, where.answer, where.prompt]
    found += [where.keys, *where.rules, *where.sides, *(slot.region for slot in where.slots)]
    return [region for region in found if region.height]


@given(st.integers(60, 240), st.integers(16, 80), st.integers(1, 25), st.sampled_from([0, 2, 3]), st.booleans())
def test_a_layout_uses_each_cell_once_and_none_outside(
    width: int, height: int, nodes: int, caption: int, is_open: bool
) -> None:
    where = layout(width, height, nodes, caption=caption, is_open=is_open)
    taken: set[tuple[int, int]] = set()
    for x, y, wide, high in regions(where):
        cells = {(column, row) for column in range(x, x + wide) for row in range(y, y + high)}
        assert not cells & taken
        assert all(column < width and row < height for column, row in cells)
        taken |= cells
    assert len(taken) == width * height
    assert all(slot.region.height >= 4 and slot.region.width >= 24 for slot in where.slots)
    assert where.stage.height >= 3
    assert where.stage.width >= 60


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (120, 40), (160, 45), (200, 50)])
def test_every_pane_has_a_place_in_every_layout(size: tuple[int, int]) -> None:
    panes = [pane for slot in layout(*size, 5, is_open=True).slots for pane in slot.panes]
    assert sorted(panes) == sorted(PANES)


@pytest.mark.parametrize(("size", "drawers"), [((80, 24), 0), ((100, 30), 2), ((120, 40), 3), ((200, 50), 4)])
def test_drawers_are_open_where_they_have_room_beside_the_stage(size: tuple[int, int], drawers: int) -> None:
    deck = ScreenState(*size)
    assert len(deck.layout().slots) == drawers
    whole = deck.layout().stage.width == size[0]
    assert whole == (drawers == 0)


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (120, 40)])
def test_the_key_of_a_pane_opens_it_and_closes_it_again(size: tuple[int, int]) -> None:
    deck = ScreenState(*size, drawers=False)
    stage = deck.layout().stage
    deck.toggle("messages")
    assert "messages" in deck.places()
    assert deck.layout().stage != stage
    deck.toggle("log")
    assert "log" in deck.places()
    deck.toggle("log")
    assert (deck.places(), deck.layout().stage) == ({}, stage)


def test_leaving_closes_a_drawer_over_the_stage_but_none_beside_it() -> None:
    for size, is_open in (((80, 24), False), ((120, 40), True)):
        deck = ScreenState(*size)
        deck.toggle("messages")
        assert deck.leave()
        assert (deck.is_open, deck.is_active) == (is_open, False)
        assert not deck.leave()


def test_without_drawers_up_and_down_select_nodes_and_enter_is_about_the_selected_one() -> None:
    deck, view = ScreenState(80, 24), view_after(*BUSY)
    assert not deck.has_chosen
    deck.move(view, -1)
    assert (deck.selected, deck.has_chosen, deck.has_row) == (4, True, False)
    assert "[Enter] n4 menu" in text_of(deck.frame(view)["keys"][0])


@pytest.fixture(scope="module")
def views() -> dict[int, View]:
    """A busy cluster of each of some sizes."""
    return {nodes: view_after(*BUSY, nodes=nodes) for nodes in (3, 5, 9, 25)}


@settings(max_examples=several(60))
@given(
    width=st.integers(20, 220),
    height=st.integers(5, 70),
    nodes=st.sampled_from([3, 5, 9, 25]),
    pane=st.sampled_from(PANES),
    zoomed=st.booleans(),
    is_ascii=st.booleans(),
)
def test_every_line_of_every_box_has_the_width_of_its_box(
    views: dict[int, View], width: int, height: int, nodes: int, pane: str, zoomed: bool, is_ascii: bool
) -> None:
    deck = ScreenState(width, height, watched=NAMES, nodes=nodes, pane=pane, zoomed=zoomed)
    deck.glyphs = ASCII if is_ascii else deck.glyphs
    frame = deck.frame(views[nodes])
    if not deck.fits:
        assert set(frame) == {"status"}
        return
    boxes = deck.boxes()
    assert all(region.height for name, region in boxes.items() if name in ("status", "sentence", "keys"))
    for name, region in boxes.items():
        if not region.height:
            continue
        assert len(frame[name]) <= region.height, name
        assert all(width_of(line) <= region.width for line in frame[name]), name
        assert not is_ascii or all(text_of(line).isascii() for line in frame[name])


def test_a_pane_scrolls_no_further_than_it_has_lines() -> None:
    view = view_after(*BUSY)
    deck = ScreenState(80, 24, watched=NAMES, drawers=True)
    deck.frame(view)
    for pane in ("events", "log", "why"):
        deck.show(pane)
        deck.frame(view)
        deck.scroll(pane, -10_000)
        deck.scroll(pane, 10_000)
        deck.scroll(pane, -10_000)
        _top, height, total = deck.tops[pane]
        assert 0 <= deck.scrolls[pane] <= max(0, total - height)
    deck.scroll("events", 10_000)
    assert deck.scrolls["events"] == 0


def test_selecting_events_goes_up_and_down_and_keeps_the_selected_one_in_sight() -> None:
    view = view_after(*BUSY)
    deck = ScreenState(80, 24, watched=NAMES, pane="events", drawers=True, has_focus=True)
    deck.frame(view)
    listed = [r.seq for r in view.records if deck.filter.passes(r)]
    deck.move(view, -1)
    assert deck.rows["events"] == ("event", listed[-1])
    for _ in range(len(listed) + 3):
        deck.move(view, -1)
        seen = [piece.target for line in deck.frame(view)["events"] for piece in line]
        assert deck.rows["events"] in seen
    assert deck.rows["events"] == ("event", listed[0])
    assert deck.leave()
    assert deck.rows["events"] is None
    assert deck.leave()
    assert not deck.leave()


def test_selecting_messages_and_entries() -> None:
    view = view_after(*BUSY)
    deck = ScreenState(120, 40, watched=NAMES)
    deck.show("messages")
    deck.frame(view)
    deck.move(view, -1)
    first = deck.rows["messages"]
    deck.move(view, -1)
    assert first is not None
    assert deck.rows["messages"] not in (None, first)
    deck.move(view, 1)
    assert deck.rows["messages"] == first
    deck.show("log")
    deck.move(view, 1)
    assert deck.rows["log"] == ("entry", 1)
    deck.move(view, -5)
    assert deck.rows["log"] == ("entry", 0)


def test_filters_go_round_through_all_kinds() -> None:
    deck = ScreenState(selected=3)
    seen = []
    for _ in KINDS:
        seen.append(deck.filter.kind)
        deck.filter_kind()
    assert seen == list(KINDS)
    deck.filter_node()
    assert deck.filter.node == 3
    deck.filter_node()
    assert deck.filter.node is None


def test_only_nodes_that_there_are_can_be_selected() -> None:
    deck = ScreenState(nodes=3)
    deck.select(2)
    deck.select(3)
    assert deck.selected == 2


def test_the_past_is_marked_above_every_pane_and_in_the_status_line() -> None:
    with still(*BUSY, "back 9") as driver:
        deck = ScreenState(200, 50, watched=NAMES)
        frame = deck.frame(driver.view())
        titles = [text_of(frame[name][0]) for name in frame if name.startswith("title")]
        assert len(titles) == 4
        assert all("past" in title for title in titles)
        assert "REWOUND to" in text_of(frame["status"][0])
        done(driver, "live")
        frame = deck.frame(driver.view())
        assert not any("past" in text_of(frame[name][0]) for name in frame if name.startswith("title"))
