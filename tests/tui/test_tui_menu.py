"""Menus over the stage, by key and by mouse: what they offer in each state, and that each line does what it says."""

import pytest
from support.amount import THOROUGH
from support.tui import app_of, done, played, pressed, session_of, still, texts, until, view_after
from textual.pilot import Pilot

from raftplay.run.live import Live
from raftplay.tui.app import Main, RaftApp
from raftplay.tui.boxes import Box
from raftplay.tui.keys import KEYS, MENU_KEYS
from raftplay.tui.menu import MenuScreen
from raftplay.tui.model.glyphs import UNICODE
from raftplay.tui.model.lines import link_of, link_target, text_of
from raftplay.tui.model.menu import Menu, acting_node, cut_menu, link_menu, message_menu, node_menu, place_of
from raftplay.tui.stage.scene import moving_of

LED = ("wait leader; submit 5; wait committed 5 on 5",)
HELD = ("wait leader; hold 0->3; sleep 60ms",)


def offered(menu: Menu) -> dict[str, str]:
    """The lines of a menu that are commands, by their keys."""
    return {item.key: item.does for item in menu.items if isinstance(item.does, str)}


def menu_of(app: RaftApp) -> Menu:
    """The menu that is open."""
    assert isinstance(app.screen, MenuScreen)
    return app.screen.menu


# ---- what is offered


@pytest.mark.parametrize(
    ("lines", "node", "commands"),
    [
        ((), 2, {"c": "crash 2", "d": "disconnect 2", "z": "freeze 2", "t": "timeout 2", "k": "disk 2 stall"}),
        (
            LED,
            0,
            {"c": "crash 0", "d": "disconnect 0", "z": "freeze 0", "s": "submit 6 to 0", "k": "disk 0 stall"},
        ),
        (
            (*LED, "disconnect 1", "transfer to 1"),
            1,
            {"c": "crash 1", "d": "reconnect 1", "z": "freeze 1", "t": "timeout 1", "k": "disk 1 stall"},
        ),
        ((*LED, "crash 0"), 0, {"r": "restart 0", "e": "restart 0 empty"}),
        (
            (*LED, "disconnect 1"),
            1,
            {"c": "crash 1", "d": "reconnect 1", "z": "freeze 1", "t": "timeout 1", "k": "disk 1 stall"}
            | {"o": "transfer from 0 to 1"},
        ),
        (
            (*LED, "freeze 3"),
            3,
            {"c": "crash 3", "d": "disconnect 3", "z": "thaw 3", "k": "disk 3 stall", "o": "transfer from 0 to 3"},
        ),
        (
            (*LED, "disk 3 delay=80ms"),
            3,
            {"c": "crash 3", "d": "disconnect 3", "z": "freeze 3", "t": "timeout 3", "k": "disk 3 clear"}
            | {"o": "transfer from 0 to 3"},
        ),
    ],
)
def test_a_node_s_menu_offers_what_fits_its_state(
    lines: tuple[str, ...], node: int, commands: dict[str, str]
) -> None:
    menu = node_menu(view_after(*lines), node, UNICODE)
    assert offered(menu) == commands
    assert {item.key for item in menu.items} - set(commands) <= {"S", "w", "n"}


MENUS = (
    ((), lambda view: [node_menu(view, 2, UNICODE)]),
    (LED, lambda view: [node_menu(view, id, UNICODE) for id in range(5)]),
    (
        (*LED, "crash 0", "freeze 1", "disconnect 2"),
        lambda view: [node_menu(view, id, UNICODE) for id in range(3)],
    ),
    (LED, lambda view: [link_menu(view, 0, 1)]),
    ((*LED, "cut 0->1", "hold 0->1"), lambda view: [link_menu(view, 0, 1), link_menu(view, 1, 0)]),
    ((*LED, "partition 0,1 | 2,3,4"), lambda view: [link_menu(view, 0, 4), cut_menu(view, 0)]),
    ((*LED, "partition 0,1,2 | 3,4"), lambda view: [cut_menu(view, 0)]),
    (HELD, lambda view: [message_menu(message, view) for message in moving_of(view)]),
    (("timeout 0", "hold 4"), lambda view: [message_menu(message, view) for message in moving_of(view)]),
)


@pytest.mark.parametrize(("lines", "menus"), MENUS)
def test_every_command_that_a_menu_offers_is_taken(lines, menus) -> None:  # type: ignore[no-untyped-def]
    count = 0
    for menu in menus(view_after(*lines)):
        keys = [item.key for item in menu.items]
        assert len(set(keys)) == len(keys)
        for line in offered(menu).values():
            with still(*lines) as driver:
                assert all(outcome.held for outcome in done(driver, line)), line
            count += 1
    assert count >= 1


def test_the_past_of_sockets_is_only_looked_at() -> None:
    view = view_after(*HELD)
    for menu in (
        node_menu(view, 0, UNICODE, can_act=False),
        link_menu(view, 0, 1, can_act=False),
        cut_menu(view, 0, can_act=False),
        message_menu(moving_of(view)[0], view, can_act=False),
    ):
        assert not offered(menu)
        assert menu.items
        assert "sockets" in menu.note


def test_the_acting_node_is_the_leader_or_the_candidate_of_the_highest_term() -> None:
    assert acting_node(view_after(), 3) == 3
    assert acting_node(view_after(*LED), 3) == 0
    assert acting_node(view_after(*LED, "timeout 4"), 3) == 4
    assert acting_node(view_after(*LED, "crash 0"), 3) == 3


@pytest.mark.parametrize("area", [(0, 0, 10, 3), (70, 0, 10, 3), (30, 20, 20, 4), (0, 23, 80, 1), (79, 23, 1, 1)])
def test_a_menu_stands_on_the_screen_and_covers_what_it_is_about_only_where_it_must(
    area: tuple[int, int, int, int],
) -> None:
    x, y = place_of(area, (30, 9), (80, 24))
    assert 0 <= x <= 50
    assert 0 <= y <= 15
    beside = x >= area[0] + area[2] or x + 30 <= area[0]
    above_or_below = y >= area[1] + area[3] or y + 9 <= area[1]
    assert beside or above_or_below


def test_a_target_of_a_link_means_that_link() -> None:
    assert link_of(link_target(24, 3)) == (24, 3)


# ---- by key


def test_enter_opens_the_menu_of_the_leader_and_of_the_selected_node_when_one_is() -> None:
    with still(*LED) as driver:
        app = app_of(driver)
        app.deck.selected = 3

        async def go(pilot: Pilot[None]) -> None:
            await pilot.press("enter")
            assert menu_of(app).target == ("node", 0)
            assert app.deck.selected == 0
            await pilot.press("escape", "2", "enter")
            assert menu_of(app).target == ("node", 2)
            await pilot.press("escape")
            assert isinstance(app.screen, Main)

        played(app, go, (80, 24))


CHOSEN = (
    (("2", "enter", "c"), "crash 2"),
    (("2", "enter", "down", "enter"), "disconnect 2"),
    (("2", "enter", "down", "down", "up", "enter"), "disconnect 2"),
    (("2", "enter", "up", "up", "up", "up", "up", "up", "enter"), "timeout 2"),
    (("2", "enter", "o"), "transfer from 0 to 2"),
    (("2", "enter", "end", "home", "enter"), "crash 2"),
    (("2", "enter", "z"), "freeze 2"),
    (("2", "enter", "t"), "timeout 2"),
    (("0", "enter", "s"), "submit 6 to 0"),
)


@pytest.mark.parametrize(("keys", "command"), CHOSEN)
def test_arrows_and_enter_or_the_letter_choose(keys: tuple[str, ...], command: str) -> None:
    with still(*LED) as driver:
        app = app_of(driver)
        played(app, lambda pilot: pressed(pilot, *keys))
        assert isinstance(app.deck.outcome, object)
        assert app.deck.outcome is not None
        assert (app.deck.outcome.text, app.deck.outcome.held) == (command, True)


def test_lines_that_look_open_their_pane_and_submit_to_asks_for_a_value() -> None:
    with still(*LED) as driver:
        app = app_of(driver)

        async def go(pilot: Pilot[None]) -> None:
            for key, pane in (("w", "why"), ("w", "why"), ("n", "node")):
                await pilot.press("2", "escape", "enter", key)
                await pilot.pause()
                assert (app.deck.pane, app.deck.selected) == (pane, 2)
                app.deck.has_focus = False
            await pilot.press("3", "enter", "S")
            await pilot.pause()
            assert (app.prompt.value, app.focused) == ("submit  to 3", app.prompt)

        played(app, go)


@pytest.mark.parametrize("key", ["escape", "q", "ctrl+c"])
def test_a_menu_closes_and_nothing_is_done(key: str) -> None:
    with still(*LED) as driver:
        app = app_of(driver)

        async def go(pilot: Pilot[None]) -> None:
            await pilot.press("enter", "X", key)
            await pilot.pause()
            assert isinstance(app.screen, Main)

        played(app, go)
        assert app.deck.outcome is None


CUT_AT = [(size, nodes) for size in ((60, 16), (80, 24), (120, 40)) for nodes in (3, 5, 25)]
if not THOROUGH:
    CUT_AT = CUT_AT[::4]  # each size and each number once


@pytest.mark.parametrize(("size", "nodes"), CUT_AT)
def test_a_link_is_cut_by_keys_alone(size: tuple[int, int], nodes: int) -> None:
    with still("wait leader", nodes=nodes) as driver:
        app = app_of(driver)

        def cut_links() -> set[tuple[int, int]]:
            return {link for link, faults in app.driver.view().snapshot.faulty_links if faults.cut}

        async def cut(pilot: Pilot[None]) -> None:
            await pressed(pilot, "1", "N", "down")
            assert app.deck.rows["network"] == link_target(0, 1)
            await pressed(pilot, *["down"] * nodes)
            assert app.deck.rows["network"] == link_target(nodes - 1, 1), "it stops at the last one"
            lines = app.box("network").lines
            shown = [p.target for line in lines for p in line if "selected" in p.style]
            assert shown == [link_target(nodes - 1, 1)], "it is in sight"
            assert any("link menu" in text for text in texts(app.box("keys").lines))
            await pressed(pilot, "enter")
            assert isinstance(app.screen, MenuScreen)
            assert app.screen.menu.title.startswith(f"link n{nodes - 1} n1")
            await pressed(pilot, "x")
            assert cut_links() == {(1, nodes - 1), (nodes - 1, 1)}
            await pressed(pilot, "2", "up")
            assert app.deck.rows["network"] == link_target(0, 2), "the column is that of the selected node"
            await pressed(pilot, "escape", "enter")
            assert isinstance(app.screen, MenuScreen)
            assert app.screen.menu.target == ("node", 2)

        played(app, cut, size)


def test_enter_keeps_its_other_meanings() -> None:
    with still(*LED) as driver:
        app = app_of(driver)

        async def go(pilot: Pilot[None]) -> None:
            await pilot.press("l", "up", "enter")  # a log entry asks why
            app.paint()
            assert isinstance(app.screen, Main)
            assert app.deck.pane == "why"
            assert any("index 0 is committed" in text_of(line) for line in app.box("why").lines)
            await pilot.press("e", "up", "up", "enter")  # an event: go there
            app.paint()
            assert app.seen.rewound
            done(driver, "live")
            await pilot.press(":", *"now", "enter")  # the prompt: run it
            await pilot.pause()
            assert isinstance(app.screen, Main)
            await pilot.press("?")
            await pilot.press("enter")  # a sheet: close it
            await pilot.pause()
            assert isinstance(app.screen, Main)

        played(app, go)


def test_enter_with_a_selected_message_opens_its_menu_and_in_the_past_only_its_link_is_held() -> None:
    with still(*HELD) as driver:
        app = app_of(driver)

        async def go(pilot: Pilot[None]) -> None:
            await pilot.press("m", "up", "m", "enter")  # selected, and the drawer closed
            menu = menu_of(app)
            assert menu.target[0] == "message"  # type: ignore[index]
            assert set(offered(menu)) == {"v", "x", "u", "H"}
            await pilot.press("x")
            app.paint()
            assert app.deck.outcome is not None
            assert app.deck.outcome.text.startswith("lose ")

        played(app, go, (80, 24))
        done(driver, "back 3")
        view = driver.view()
        assert all(set(offered(message_menu(m, view))) <= {"H"} for m in moving_of(view))


def test_in_the_past_a_chosen_line_begins_another_future() -> None:
    with still(*LED, "back 5") as driver:
        app = app_of(driver)
        played(app, lambda pilot: pressed(pilot, "4", "enter", "c"))
        assert len(driver.session.branches) == 2


# ---- the mouse


def place(app: RaftApp, target: tuple[str, int], box: str = "stage") -> tuple[int, int]:
    """A cell of a box that means `target`."""
    found = app.box(box).area_of(target)
    assert found is not None
    for y in range(found[1], found[1] + found[3]):
        for x in range(found[0], found[0] + found[2]):
            if app.box(box).target_at(x, y) == target:
                return x, y
    raise AssertionError(target)


def test_the_right_button_opens_the_menu_of_a_node_also_on_its_log_and_a_click_chooses() -> None:
    with still(*LED) as driver:
        app = app_of(driver)

        async def go(pilot: Pilot[None]) -> None:
            await pilot.click("#stage", place(app, ("node", 3)), button=3)
            assert menu_of(app).target == ("node", 3)
            box = app.screen.query_one(Box)
            await pilot.click(box, (3, 3))  # below the border: the third line
            await pilot.pause()
            assert isinstance(app.screen, Main)
            app.paint()
            assert app.deck.outcome is not None
            assert app.deck.outcome.text == "freeze 3"
            area = app.box("stage").area_of(("node", 1))
            assert area is not None
            entry = next(
                (x, y)
                for y in range(area[1], area[1] + area[3])
                for x in range(area[0], area[0] + area[2])
                if app.box("stage").target_at(x, y) == ("entry", 0)
            )
            await pilot.click("#stage", entry, button=3)
            assert menu_of(app).target == ("node", 1)
            await pilot.click(None, (0, 0))  # beside it: closes
            await pilot.pause()
            assert isinstance(app.screen, Main)

        played(app, go)


def test_a_second_click_on_a_selected_node_opens_its_menu() -> None:
    with still(*LED) as driver:
        app = app_of(driver)

        async def go(pilot: Pilot[None]) -> None:
            await pilot.click("#stage", place(app, ("node", 0)))
            assert isinstance(app.screen, Main)
            assert app.deck.has_chosen
            await pilot.click("#stage", place(app, ("node", 0)))
            assert menu_of(app).target == ("node", 0)

        played(app, go)


def test_a_click_on_the_words_of_a_message_or_its_trail_selects_it_and_the_right_button_opens_its_menu() -> None:
    with still(*HELD) as driver:
        app = app_of(driver)

        async def go(pilot: Pilot[None]) -> None:
            moving = app.shown.moving[0]
            stage = app.box("stage")
            cells: dict[str, tuple[int, int]] = {}
            for y, line in enumerate(stage.lines):
                x = 0
                for piece in line:
                    if piece.target == moving.target:
                        cells["words" if "held" in piece.text else "trail"] = (x + len(piece.text) // 2, y)
                    x += len(piece.text)
            assert set(cells) == {"words", "trail"}
            for cell in cells.values():
                app.deck.rows["messages"] = None
                await pilot.click("#stage", cell)
                assert app.deck.rows["messages"] == moving.target
            await pilot.click("#stage", cells["words"], button=3)
            assert offered(menu_of(app))["H"].startswith("release")

        played(app, go, (80, 24))


def test_a_click_on_a_cell_of_the_network_or_a_cut_link_opens_the_menu_of_the_link() -> None:
    with still(*LED) as driver:
        app = app_of(driver)

        async def go(pilot: Pilot[None]) -> None:
            await pressed(pilot, "N")
            await until(app, pilot, lambda: app.box("network").size.height > 1)
            await pilot.click("#network", place(app, link_target(2, 3), "network"))
            await until(app, pilot, lambda: isinstance(app.screen, MenuScreen))
            assert menu_of(app).target == link_target(2, 3)
            await pilot.press("x")
            await until(app, pilot, lambda: isinstance(app.screen, Main) and app.deck.outcome)
            assert app.deck.outcome is not None
            assert app.deck.outcome.text == "cut 2<->3"
            await until(app, pilot, lambda: app.box("stage").area_of(link_target(3, 2)))
            await pilot.click("#stage", place(app, link_target(3, 2)))
            await until(app, pilot, lambda: isinstance(app.screen, MenuScreen))
            assert menu_of(app).target == link_target(3, 2)
            await pilot.press("j")
            await until(app, pilot, lambda: app.deck.outcome and app.deck.outcome.text == "join 3<->2")

        played(app, go)


def test_a_click_on_a_torn_line_offers_to_heal() -> None:
    with still(*LED, "partition 0,1 | 2,3,4") as driver:
        app = app_of(driver)

        async def go(pilot: Pilot[None]) -> None:
            await pilot.click("#stage", place(app, ("cut", 0)))
            assert offered(menu_of(app)) == {"h": "heal", "p": "partition 0,1,2 | 3,4"}
            await pilot.press("h")
            app.paint()

        played(app, go)
        assert driver.view().snapshot.groups == ()


def test_the_mouse_drawn_from_one_node_to_another_cuts_their_link_and_joins_it_again() -> None:
    with still(*LED) as driver:
        app = app_of(driver)

        async def go(pilot: Pilot[None]) -> list[str]:
            said = []
            for _ in range(2):
                await pilot.mouse_down("#stage", place(app, ("node", 1)))
                await pilot.mouse_up("#stage", place(app, ("node", 4)))
                await pilot.pause()
                app.paint()
                assert app.deck.outcome is not None
                said.append(app.deck.outcome.text)
            return said

        assert played(app, go) == ["cut 1<->4", "join 1<->4"]


# ---- time, and the footer


@pytest.mark.parametrize("watches", [False, True])
def test_time_is_held_while_a_menu_is_open_and_goes_on_as_before(watches: bool) -> None:
    driver = Live(session_of())
    try:
        app = app_of(driver)
        app.watches = watches

        async def go(pilot: Pilot[None]) -> None:
            harness = driver.session.harness
            await pilot.press("enter")
            app.paint()
            app.paint()
            before = harness.now
            await pilot.pause(0.05)
            app.paint()
            assert harness.now == before
            assert not harness.paused
            await pilot.press("escape")
            while harness.now == before:
                await pilot.pause(0.01)
                app.paint()

        played(app, go)
    finally:
        driver.close()


def footer_line(app: RaftApp) -> str:
    """The footer's text."""
    app.paint()
    return texts(app.box("keys").lines)[0]


def test_the_footer_of_a_menu_can_be_clicked() -> None:
    with still(*LED) as driver:
        app = app_of(driver)

        async def go(pilot: Pilot[None]) -> None:
            await pilot.press("2", "enter")
            line = footer_line(app)
            assert all(f"[{key.shown}] {key.word}" in line for key in MENU_KEYS)
            y = app.size.height - 1
            await pilot.click(None, (line.index("[↓]") + 1, y))
            assert isinstance(app.screen, MenuScreen)
            assert app.screen.at == 1
            await pilot.click(None, (line.index("[Enter]") + 1, y))
            await pilot.pause()
            app.paint()
            assert app.deck.outcome is not None
            assert app.deck.outcome.text == "disconnect 2"

        played(app, go)


FOOTERS = (
    (LED, (), ("[space] pause", "[Enter] n0 menu", "[m] messages", "[l] log", "[?] help")),
    (
        (*LED, "pause"),
        (),
        ("[space] resume", "[.] step", "[Enter] n0 menu", "[m] messages", "[l] log", "[←] back"),
    ),
    (("pause",), (), ("[space] resume", "[Enter] n0 menu", "[m] messages", "[l] log", "[V] split vote")),
    ((*LED, "crash 0"), (), ("[Enter] n0 menu", "[m] messages", "[l] log", "[V] split vote")),
    ((*LED, "back 5"), (), ("[space] live", "[←] back", "[→] forward", "[End] now", "[Enter] n0 menu")),
    ((*LED, "partition 0,1 | 2,3,4"), (), ("[h] heal", "[m] messages", "[l] log", "[Enter] n0 menu")),
    (LED, ("e",), ("[f] filter", "[Esc] close", "[↑] up", "[↓] down")),
    (LED, ("e", "up"), ("[Enter] go there", "[Esc] deselect")),
    (LED, ("l", "up"), ("[Enter] why?", "[Esc] deselect")),
    (HELD, ("m", "up"), ("[v] deliver", "[x] lose", "[u] duplicate", "[H] hold", "[Enter] go there")),
    (LED, ("4",), ("[Enter] n4 menu",)),
    (LED, ("enter",), ("[↑] up", "[↓] down", "[Enter] do it", "[Esc] close")),
)


@pytest.mark.parametrize(("lines", "keys", "named"), FOOTERS)
def test_the_footer_names_the_keys_that_help_at_80_columns(
    lines: tuple[str, ...], keys: tuple[str, ...], named: tuple[str, ...]
) -> None:
    with still(*lines) as driver:
        app = app_of(driver)

        async def go(pilot: Pilot[None]) -> str:
            await pilot.press(*keys)
            return footer_line(app)

        line = played(app, go, (80, 24))
    assert [text for text in named if text not in line] == []
    assert len(line) <= 80


def test_a_click_on_a_footer_key_presses_it() -> None:
    with still(*LED) as driver:
        app = app_of(driver)

        async def go(pilot: Pilot[None]) -> None:
            await pilot.click("#keys", (footer_line(app).index("[Enter]") + 1, 0))
            await pilot.pause()
            assert menu_of(app).target == ("node", 0)
            await pilot.press("escape")
            await pilot.click("#keys", (footer_line(app).index("[m]") + 1, 0))
            await pilot.pause()
            assert app.deck.pane == "messages"

        played(app, go, (80, 24))


# ---- many nodes, and a split vote


def test_digits_of_two_figures_select_each_of_twenty_five_nodes() -> None:
    with still(nodes=25) as driver:
        app = app_of(driver)

        async def go(pilot: Pilot[None]) -> None:
            for node in (0, 2, 9, 10, 19, 24):
                app._digit = (0, -10.0)
                await pilot.press(*str(node))
                assert app.deck.selected == node
                await pilot.press("enter")
                assert menu_of(app).target == ("node", node)
                await pilot.press("escape")

        played(app, go, (80, 24))


def test_one_key_splits_the_vote_and_another_spreads_the_timers() -> None:
    for key, candidates in (("V", 5), ("T", 1)):
        with still() as driver:
            app = app_of(driver)
            played(app, lambda pilot, key=key: pressed(pilot, key))
            done(driver, "wait term >= 1; sleep 0.5ms")
            view = driver.view()
            roles = [str(node.state) for node in view.snapshot.nodes]
            assert sum("andidate" in role for role in roles) == candidates, roles


def test_keys_of_the_table_that_menus_use_are_in_it() -> None:
    shown = {key.shown for key in KEYS}
    menus = [node_menu(view_after(*lines), 0, UNICODE) for lines in ((), LED, (*LED, "crash 0"))]
    menus += [message_menu(message, view_after(*HELD)) for message in moving_of(view_after(*HELD))]
    assert {item.key for menu in menus for item in menu.items} <= shown
