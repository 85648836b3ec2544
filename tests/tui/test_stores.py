"""The stores of nodes on the screen: what is committed, what is not yet, and the operations of clients."""

from functools import cache

import pytest
from support.tui import view_after

from raftplay.past.calls import calls_of
from raftplay.past.view import View
from raftplay.tui.model.clients import ClientsPane
from raftplay.tui.model.context import Context
from raftplay.tui.model.glyphs import ASCII, UNICODE, Glyphs
from raftplay.tui.model.lines import text_of, width_of
from raftplay.tui.model.stores import StoresPane
from raftplay.tui.stage.scene import Scene
from raftplay.tui.stage.stage import paint
from raftplay.tui.stage.stored import store_line

PENDING = (
    "wait leader; put x 1; put y abc; sleep 100ms; let l = leader; disconnect $l; put x 2 to $l; append y d to $l"
)
STALE = (
    "set reads local; wait leader; put x 1 as alice; let old = leader; disconnect $old",
    "put x 2 as alice; get x as bob to $old",
)


def old_leader(view: View) -> int:
    return next(node.id for node in view.snapshot.nodes if not node.connected)


def rows(pane: StoresPane | ClientsPane, view: View, width: int = 60, glyphs: Glyphs = UNICODE) -> list[str]:
    window = pane.window(view, Context(width, 30, glyphs=glyphs))
    assert all(width_of(line) == width for line in window.lines if line)
    return [text_of(line).rstrip() for line in window.lines]


@pytest.mark.parametrize(("glyphs", "sign"), [(UNICODE, "□"), (ASCII, ".")])
def test_what_is_not_committed_yet_has_a_sign_and_is_dim(glyphs: Glyphs, sign: str) -> None:
    view = view_after(PENDING)
    old = old_leader(view)
    line = store_line(view.snapshot.nodes[old], glyphs, 40)
    sign = glyphs.appended
    assert text_of(line) == f"store x=1 y=abc {sign}x=2 {sign}y+d "
    assert {piece.style for piece in line if sign in piece.text} == {"dim"}
    assert {piece.style for piece in line if piece.text in ("x=1", "y=abc")} == {"text"}
    other = text_of(store_line(view.snapshot.nodes[(old + 1) % 5], glyphs, 40))
    assert other == "store x=1 y=abc "
    shown = rows(StoresPane(), view, glyphs=glyphs)
    assert [row.split()[0] for row in shown] == ["key", "x", "y"]
    assert f"1 {sign}2" in shown[1]
    assert f"abc {sign}+d" in shown[2]
    assert glyphs is UNICODE or all(row.isascii() for row in shown)


def test_where_room_is_short_what_waits_comes_before_what_is_settled() -> None:
    view = view_after(PENDING)
    node = view.snapshot.nodes[old_leader(view)]
    for room in range(8, 40):
        text = text_of(store_line(node, UNICODE, room))
        assert len(text.rstrip()) <= room
        assert room < 18 or "□x=2" in text


@pytest.mark.parametrize("width", range(36, 100))
def test_no_column_of_the_pane_hides_that_something_waits(width: int) -> None:
    shown = rows(StoresPane(), view_of_pending(), width)
    assert all(sum(row.count("□") for row in shown[at : at + 1]) == 1 for at in (1, 2))


@cache
def view_of_pending() -> View:
    return view_after(PENDING)


def test_a_box_shows_the_store_where_there_is_room_and_a_stage_without_clients_is_as_before() -> None:
    view = view_after(PENDING)
    large = [text_of(line) for line in paint(Scene(view), 120, 40)]
    assert sum("store x=1 y=abc" in line for line in large) >= 2
    small = [text_of(line) for line in paint(Scene(view), 80, 13)]
    assert not any("store" in line for line in small)
    without = [text_of(line) for line in paint(Scene(view_after("wait leader; submit 1")), 120, 40)]
    assert not any("store" in line for line in without)


def test_panes_without_clients_say_how_to_begin() -> None:
    view = view_after("wait leader")
    assert rows(StoresPane(), view) == [" every store is empty: put x 1 sets a key (help clients)"]
    assert rows(ClientsPane(), view) == [" no client has called: put x 1 (help clients)"]


def test_a_node_that_is_down_has_no_store() -> None:
    view = view_after("wait leader; put x 1; wait value of x = 1 on 5; crash 2")
    assert rows(StoresPane(), view)[1].split() == ["x", "1", "1", "·", "1", "1"]
    assert "not on disk" in text_of(store_line(view.snapshot.nodes[2], UNICODE, 30))


def test_the_clients_pane_shows_figures_the_smallest_violation_and_each_operation() -> None:
    pane, view = ClientsPane(), view_after(*STALE)
    shown = rows(pane, view, 100)
    assert shown[0].startswith(" 3 requests, ")
    assert "p50 0." in shown[0]
    assert shown[1].startswith(" ✗ not linearizable (key x): 3 operations")
    assert any("├───" in row and "alice" in row for row in shown)
    assert shown[-3].split()[1:6] == ["bob", "get", "x", "→", "1"]
    assert shown[-1].split()[1:7] == ["alice", "put", "x", "1", "→", "ok"]
    assert all(row.isascii() for row in rows(ClientsPane(), view, 100, ASCII))
    narrow = rows(ClientsPane(), view, 39)
    assert any("├" in row for row in narrow)


def test_an_operation_that_is_under_way_says_what_it_waits_for() -> None:
    view = view_after("wait leader; put x 1; let l = leader; disconnect $l; put x 2 to $l")
    call = calls_of(view.records)[-1]
    asked = call.entries[0][0].seq
    cut = [record for record in view.records if record.seq <= asked]
    past = View(view.snapshot, cut)
    assert rows(ClientsPane(), past, 100)[2].split()[1:8] == ["main", "put", "x", "2", "→", "entry", "2"]


def test_the_verdict_is_looked_for_again_in_the_past() -> None:
    pane, view = ClientsPane(), view_after(*STALE)
    assert "not linearizable" in rows(pane, view, 100)[1]
    last = calls_of(view.records)[-1].called.seq
    past = View(view.snapshot, [record for record in view.records if record.seq < last])
    assert rows(pane, past, 100)[1] == " ✓ linearizable"
    assert "not linearizable" in rows(pane, view, 100)[1]
