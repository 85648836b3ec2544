"""Every key and the mouse: what each does, and that what it does to the cluster is a command."""

import asyncio
import base64
import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from support import headless
from support.amount import several
from support.tui import NAMES, Still, app_of, done, played, pressed, session_of, shown, still, until
from textual.command import CommandList, CommandPalette
from textual.events import Key, Paste
from textual.pilot import Pilot

from raftplay.language.completion import Hint
from raftplay.language.table import TABLE
from raftplay.session.session import Session
from raftplay.tui import picture
from raftplay.tui.app import Main, RaftApp
from raftplay.tui.boxes import Box
from raftplay.tui.choosing import Chooser
from raftplay.tui.first import Card
from raftplay.tui.keys import KEYS, SPEEDS
from raftplay.tui.model.lines import text_of
from raftplay.tui.palette import Commands
from raftplay.tui.present import Presentation
from raftplay.tui.prompt import hinted
from raftplay.tui.sheet import Leaving, Sheet
from raftplay.tui.state import ScreenState

LED = ("wait leader; submit 5; wait committed 5 on 5",)
FLYING = ("timeout 0",)
HELD = ("wait leader; hold 0->3; sleep 60ms",)

COMMANDS: dict[str, tuple[tuple[str, ...], tuple[str, ...], str]] = {
    "space": (LED, ("space",), "pause"),
    "full_stop": (LED, (".",), "step"),
    "left_square_bracket": (LED, ("[",), "speed 0.5"),
    "right_square_bracket": (LED, ("]",), "speed 2"),
    "c": (LED, ("3", "c"), "crash 3"),
    "r": ((*LED, "crash 3"), ("3", "r"), "restart 3"),
    "d": (LED, ("1", "d"), "disconnect 1"),
    "z": (LED, ("2", "z"), "freeze 2"),
    "t": (LED, ("4", "t"), "timeout 4"),
    "s": (LED, ("s",), "submit 6"),
    "h": ((*LED, "cut 0->1"), ("h",), "heal"),
    "left": (LED, ("left",), "back"),
    "right": ((*LED, "back 5"), ("right",), "forward"),
    "shift+left": (LED, ("shift+left",), "back 20"),
    "shift+right": ((*LED, "back 50"), ("shift+right",), "forward 20"),
    "end": ((*LED, "back 5"), ("end",), "live"),
    "escape": ((*LED, "back 5"), ("escape", "escape"), "live"),
    "C": (LED, ("C",), "crash leader"),
    "p": (LED, ("p",), "partition 0,1 | 2,3,4"),
    "V": ((), ("V",), "timers align"),
    "T": ((), ("T",), "timers spread"),
    "v": (HELD, ("m", "up", "v"), "deliver 15"),
    "x": (HELD, ("m", "up", "x"), "lose 15"),
    "u": (HELD, ("m", "up", "u"), "duplicate 15"),
    "H": (HELD, ("m", "up", "H"), "release 0->3"),
}
"""Keys that are commands: what happened before, what is pressed, which command that is."""


TAKEN_BACK: tuple[tuple[tuple[str, ...], tuple[str, ...], str], ...] = (
    ((*LED, "pause"), ("space",), "resume"),
    ((*LED, "back 3"), ("space",), "live"),
    ((*LED, "disconnect 1"), ("1", "d"), "reconnect 1"),
    ((*LED, "freeze 2"), ("2", "z"), "thaw 2"),
    (FLYING, ("m", "up", "H"), "hold 4"),
    ((*FLYING, "hold 4"), ("m", "up", "H"), "release 4"),
    ((*LED, "partition 0,1 | 2,3,4"), ("p",), "partition 0,1,2 | 3,4"),
    ((*LED, "partition 0,1,2 | 3,4"), ("p",), "heal"),
    ((*LED, "partition 0,1 | 2,3,4", "wait leader is not 0"), ("p",), "heal"),
    ((), ("3", "p"), "partition 3,4 | 0,1,2"),
)
"""The same keys where they take back what they did."""


def test_keys_are_commands() -> None:
    with still() as first:
        app = app_of(first)

        async def press(pilot: Pilot[None]) -> None:
            for lines, keys, command in (*COMMANDS.values(), *TAKEN_BACK):
                with still(*lines) as driver:
                    app.driver, app.deck = driver, ScreenState(120, 40, watched=NAMES)
                    app.paint()
                    await pilot.press(*keys)
                    app.paint()
                    assert app.deck.outcome is not None, keys
                    assert (app.deck.outcome.text, app.deck.outcome.held) == (command, True)
                    app.driver = first

        played(app, press)


SITUATIONS = (
    LED,
    (*LED, "pause"),
    (*LED, "disconnect 0"),
    (*LED, "freeze 0"),
    (*LED, "back 5"),
    ("wait leader; hold 0->3; sleep 60ms",),
)


def footer_of(app: RaftApp) -> dict[str, str]:
    """The keys that the footer names, each with its word."""
    shown = {key.shown: key.key for key in KEYS}
    pieces = [piece.text.strip(" []") for piece in app.query_one("#keys", Box).lines[0]]
    return {shown[name]: word for name, word in zip(pieces[::2], pieces[1::2], strict=False)}


@pytest.mark.parametrize("lines", SITUATIONS)
def test_what_the_footer_says_of_a_key_is_what_it_does(lines: tuple[str, ...]) -> None:
    commands = {key.key for key in KEYS if key.command}
    with still(*lines) as first:
        app = app_of(first)

        async def press(pilot: Pilot[None]) -> int:
            named = {key: word for key, word in footer_of(app).items() if key in commands}
            for key, word in named.items():
                with still(*lines) as driver:
                    app.driver, app.deck.outcome = driver, None
                    app.paint()
                    await pilot.press(key)
                    app.paint()
                    assert app.deck.outcome is not None, key
                    done_by_it = app.deck.outcome.text
                    assert word in (done_by_it, done_by_it.split()[0].replace("timeout", "time out")), key
                    app.driver = first
            return len(named)

        assert played(app, press) >= 2


def test_the_keys_named_with_a_selected_message_act_on_it() -> None:
    with still(*HELD) as driver:
        app = app_of(driver)

        async def look(pilot: Pilot[None]) -> str:
            await pilot.press("m", "up")
            app.paint()
            return "".join(piece.text for line in app.query_one("#messages", Box).lines for piece in line)

        line = played(app, look)
    for key in ("v", "x", "u", "H"):
        assert f"{key} {COMMANDS[key][2].split()[0].replace('release', 'hold')}" in line


def test_a_key_that_goes_to_the_end_of_a_pane_goes_to_its_end() -> None:
    with still(*LED, nodes=25) as driver:
        app = app_of(driver)

        async def go(pilot: Pilot[None]) -> None:
            for pane in ("N", "e", "i"):
                await pilot.press(pane, "home", "end")
                top, height, total = app.deck.tops[app.deck.pane]
                assert top == max(0, total - height), pane

        played(app, go, (100, 24))


SCREENS: dict[str, tuple[tuple[str, ...], Callable[[RaftApp], object]]] = {
    "S": (("2", "S"), lambda app: app.prompt.value == "submit  to 2" and app.prompt.cursor_position == 7),
    "P": (("P",), lambda app: app.watches and app.deck.outcome.text == "speed 1"),
    "A": (("A",), lambda app: not app.settings.stops),
    "colon": ((":",), lambda app: app.focused is app.prompt),
    "slash": (("/",), lambda app: app.focused is app.prompt),
    "j": (("j", "j"), lambda app: app.deck.selected == 2),
    "k": (("k",), lambda app: app.deck.selected == 4),
    "l": (("l",), lambda app: app.deck.pane == "log"),
    "m": (("m",), lambda app: app.deck.pane == "messages"),
    "e": (("m", "e"), lambda app: app.deck.pane == "events"),
    "w": (("w",), lambda app: app.deck.pane == "why"),
    "i": (("i",), lambda app: app.deck.pane == "invariants"),
    "K": (("K",), lambda app: app.deck.pane == "stores"),
    "U": (("U",), lambda app: app.deck.pane == "clients"),
    "n": (("n",), lambda app: app.deck.pane == "node"),
    "N": (("N",), lambda app: app.deck.pane == "network"),
    "tab": (("l", "tab"), lambda app: app.deck.pane == "messages"),
    "shift+tab": (("m", "shift+tab"), lambda app: app.deck.pane == "log"),
    "o": (("m", "o"), lambda app: app.deck.zoomed),
    "up": (("e", "up", "up"), lambda app: app.deck.rows["events"][1] < app.seen.records[-1].seq),
    "down": (("e", "up", "up", "up", "down"), lambda app: app.deck.rows["events"]),
    "pageup": (("e", "pageup"), lambda app: app.deck.scrolls["events"] > 0),
    "pagedown": (("e", "pageup", "pageup", "pagedown", "pagedown"), lambda app: not app.deck.scrolls["events"]),
    "enter": (("e", "up", "up", "enter"), lambda app: app.seen.rewound),
    "f": (("f",), lambda app: app.deck.filter.kind == "elections"),
    "F": (("3", "F"), lambda app: app.deck.filter.node == 3),
    "g": (("g",), lambda app: isinstance(app.screen, Chooser)),
    "f1": (("f1",), lambda app: isinstance(app.screen, Chooser)),
    "f2": (("f2",), lambda app: isinstance(app.screen, Card)),
    "f5": (("f5",), lambda app: isinstance(app.screen, Presentation)),
    "number_sign": (("#",), lambda app: "no script" in next(iter(app._notifications)).message),
    "L": (("L",), lambda app: app.settings.light and app.theme == "raftplay-light"),
    "question_mark": (("?",), lambda app: isinstance(app.screen, Sheet)),
    "ctrl+p": (("ctrl+p",), lambda app: isinstance(app.screen, CommandPalette)),
    "ctrl+left": (("ctrl+left",), lambda app: app.seen.rewound),
    "ctrl+right": (("ctrl+left", "ctrl+left", "ctrl+right"), lambda app: app.seen.rewound),
    "home": (("e", "home"), lambda app: app.deck.scrolls["events"] > 0),
    "a": (("a",), lambda app: isinstance(app.screen, Sheet)),
    "y": (("e", "up", "y"), lambda app: app.clipboard),
    "D": (("D",), lambda app: "no other branch" in next(iter(app._notifications)).message),
    "M": (("M",), lambda app: "the terminal's" in next(iter(app._notifications)).message),
    "ctrl+z": (("ctrl+z",), lambda app: "no shell" in next(iter(app._notifications)).message),
    "ctrl+c": (("ctrl+c",), lambda app: "once more" in next(iter(app._notifications)).message),
    "q": (("q",), lambda app: isinstance(app.screen, Leaving)),
}
"""Keys that change the screen: what is pressed, what holds then."""


def test_keys_change_the_screen() -> None:
    with still(*LED) as driver:
        app = app_of(driver)

        async def press(pilot: Pilot[None]) -> None:
            for key, (keys, holds) in SCREENS.items():
                app.deck = ScreenState(120, 40, watched=NAMES)
                app.say("status", "an answer")
                app.arrange()
                await pilot.press(*keys)
                await pilot.pause()
                if app.is_running:
                    app.paint()
                assert holds(app), key
                if not app.is_running:
                    break
                while not isinstance(app.screen, Main):
                    await pilot.press("escape")
                    await pilot.pause()
                done(driver, "live")
                app.prompt.put("")
                app.set_focus(None)
                app.clear_notifications()

        played(app, press)


def test_every_key_has_a_test_and_none_is_bound_twice() -> None:
    names = [key.key for key in KEYS]
    assert len(set(names)) == len(names)
    assert set(names) == {*COMMANDS, *SCREENS, "ctrl+s"}
    assert not set(COMMANDS) & set(SCREENS)


def test_ctrl_s_saves_pictures_that_replace_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with still(*LED) as driver:
        played(app_of(driver), lambda pilot: pressed(pilot, "ctrl+s", "ctrl+s"))
    found = sorted(file.name for file in tmp_path.iterdir())
    assert found == ["raftplay-0.162s-1.svg", "raftplay-0.162s.svg"]
    assert "leader" in (tmp_path / found[0]).read_text("utf-8")


def test_ctrl_s_says_what_keeps_it_from_writing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        picture, "save", lambda *_: (_ for _ in ()).throw(PermissionError(13, "Permission denied"))
    )
    with still() as driver:
        screen = "\n".join(played(app_of(driver), lambda pilot: pressed(pilot, "ctrl+s")))
    assert "the picture cannot be written: Permission denied" in screen


# ---- the prompt


async def typed(pilot: Pilot[None], *texts: str) -> list[str]:
    """Type lines at the prompt."""
    for text in texts:
        await pilot.press(":", *("space" if char == " " else char for char in text), "enter")
    return await pressed(pilot)


def test_what_is_typed_is_run_and_answered() -> None:
    with still(*LED) as driver:
        screen = "\n".join(played(app_of(driver), lambda pilot: typed(pilot, "crash 2", "wat leader")))
        assert not driver.session.harness.alive[2]
    assert "there is no command 'wat'; did you mean 'wait'?" in screen


@pytest.mark.parametrize("line", ["crash 2", "help", "wat leader", ""])
def test_enter_runs_the_command_and_gives_the_keys_back(line: str) -> None:
    with still(*LED) as driver:
        app = app_of(driver)

        async def go_on(pilot: Pilot[None]) -> None:
            await typed(pilot, line)
            if isinstance(app.screen, Sheet):
                await pilot.press("escape")
            assert app.focused is not app.prompt
            await pilot.press("3", "i")
            assert (app.deck.selected, app.deck.pane, app.prompt.value) == (3, "invariants", "")

        played(app, go_on)


def test_a_long_answer_opens_a_sheet_that_scrolls_and_goes_away() -> None:
    with still(*LED) as driver:
        app = app_of(driver)

        async def look(pilot: Pilot[None]) -> tuple[list[str], list[str], bool]:
            first = await typed(pilot, "help")
            second = await pressed(pilot, "pagedown")
            await pilot.press("escape")
            return first, second, isinstance(app.screen, Sheet)

        first, second, stays = played(app, look)
        assert any("Setting up" in line for line in first)
        assert first != second
        assert not stays


def test_history_goes_back_by_what_is_typed_and_is_searched() -> None:
    with still(*LED) as driver:
        app = app_of(driver)

        async def go(pilot: Pilot[None]) -> list[str]:
            await typed(pilot, "submit 1", "crash 3", "submit 2", "restart 3")
            values = []
            await pilot.press(":")
            for keys in (("up",), ("up",), ("down",), ("down",), tuple("sub"), ("up",), ("up",), ("up",)):
                await pilot.press(*keys)
                values.append(app.prompt.value)
            await pilot.press("ctrl+a", "ctrl+k")
            await pilot.press("3", "ctrl+r")
            values.append(app.prompt.value)
            await pilot.press("ctrl+r")
            values.append(app.prompt.value)
            return values

        assert played(app, go) == [
            "restart 3",
            "submit 2",
            "restart 3",
            "",
            "sub",
            "submit 2",
            "submit 1",
            "submit 1",
            "restart 3",
            "crash 3",
        ]


def test_letters_in_the_prompt_are_letters_and_esc_leaves_it() -> None:
    with still(*LED) as driver:
        app = app_of(driver)

        async def go(pilot: Pilot[None]) -> tuple[str, object]:
            await pilot.press(":", "c", "q", "z", "escape")
            await pilot.pause()
            return app.prompt.value, app.focused

        assert played(app, go) == ("cqz", None)
        assert all(driver.session.harness.alive)


def test_all_lines_of_a_pasted_block_run_with_nothing_invisible_in_them() -> None:
    with still() as driver:
        app = app_of(driver)

        async def go(pilot: Pilot[None]) -> tuple[str, str]:
            await pilot.press(":")
            app.prompt.post_message(Paste("wait leader\n# why not?\n\n submit \x1b[31mx\u202e\r\nsubmit 'a;b'\n"))
            await pilot.pause()
            value, seen = app.prompt.value, picture.frame(app)[-2]
            await pilot.press("enter")
            await pilot.pause()
            await pilot.press(":", "up")
            assert app.prompt.value == "submit 'a;b'"
            await pilot.press("up")
            assert app.prompt.value == r"submit \x1b[31mx\u{202e}"
            return value, seen

        value, seen = played(app, go)
        assert value.split("\n") == ["wait leader", "# why not?", r" submit \x1b[31mx\u{202e}", "submit 'a;b'"]
        assert seen.strip() == value.replace("\n", "↵")
        leader = driver.view().snapshot.leader
        assert leader is not None
        assert [entry.command for entry in leader.log] == ["x1b[31mxu{202e}", "a;b"]


def test_keys_that_come_together_are_shown_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a line costs grows with its length, not with its square."""
    explained: list[str] = []

    def counted(text: str, cursor: int, session: Session) -> tuple[Hint | None, tuple[str, ...]]:
        explained.append(text)
        return hinted(text, cursor, session)

    monkeypatch.setattr("raftplay.tui.app.hinted", counted)
    with still(*LED) as driver:
        app = app_of(driver)

        async def go(pilot: Pilot[None]) -> list[str]:
            await pilot.press(":")
            changes: list[str] = []
            monkeypatch.setattr(app, "on_input_changed", lambda event: changes.append(event.value))
            for key in [*"submit ", *"x" * 2_000, "enter", *"behind it"]:
                app.prompt.post_message(Key(key, key if len(key) == 1 else None))
            while app.deck.outcome is None:
                await pilot.pause()
                app.paint()
            return changes

        changes = played(app, go)
    assert app.deck.outcome is not None
    assert app.deck.outcome.text == "submit " + "x" * 2_000
    assert len(changes) < 20
    assert len(explained) < 20


def test_what_is_pasted_beside_the_prompt_comes_into_it_and_a_wrong_line_stops_no_other() -> None:
    with still() as driver:
        app = app_of(driver)

        async def go(pilot: Pilot[None]) -> None:
            app.post_message(Paste("wat\n:wait leader\n"))
            await pilot.pause()
            assert app.focused is app.prompt
            await pilot.press("enter")
            await pilot.pause()

        played(app, go)
        assert driver.view().snapshot.leader is not None


def test_more_than_the_prompt_takes_is_said_and_not_cut() -> None:
    with still() as driver:
        app = app_of(driver)

        async def go(pilot: Pilot[None]) -> str:
            app.post_message(Paste("submit 1\n" * 10_000))
            await pilot.pause()
            assert "nothing was pasted" in next(iter(app._notifications)).message
            return app.prompt.value

        assert played(app, go) == ""


def test_hints_and_completions_are_for_the_line_at_the_cursor() -> None:
    with still(*LED) as driver:
        app = app_of(driver)

        async def go(pilot: Pilot[None]) -> str:
            await pilot.press(":")
            app.prompt.insert_block("status\n:cra")
            await pilot.press("tab")
            await pilot.press(" ", "0")
            await pilot.pause()
            hint = app.deck.hint[0]
            assert hint is not None
            assert hint.parts[0] == "crash"
            return app.prompt.value

        assert played(app, go) == "status\n:crash 0"


@pytest.mark.parametrize("line", [":submit x", "/submit x", ": submit x"])
def test_the_key_that_leads_to_the_prompt_may_be_typed_once_more(line: str) -> None:
    with still(*LED) as driver:
        app = app_of(driver)

        async def go(pilot: Pilot[None]) -> None:
            app.ask(line)
            await pilot.pause()
            assert app.deck.hint[0] is None or not app.deck.hint[0].mistake
            await pilot.press("enter")
            await pilot.pause()

        played(app, go)
        assert app.deck.outcome is not None
        assert (app.deck.outcome.text, app.deck.outcome.held) == ("submit x", True)


def test_a_mistake_names_the_help_that_the_screen_has() -> None:
    with still() as driver:
        app = app_of(driver)

        async def go(pilot: Pilot[None]) -> None:
            app.ask("xyzzy")
            await pilot.pause()
            hint = app.deck.hint[0]
            assert hint is not None
            assert hint.mistake.endswith("; Ctrl+P lists every command, ? every key")
            await pilot.press("enter")
            await pilot.pause()
            app.paint()

        played(app, go)
        assert app.deck.outcome is not None
        assert app.deck.outcome.answer.endswith("; Ctrl+P lists every command, ? every key")


# ---- the terminal's clipboard and mouse


def written(app: RaftApp) -> list[str]:
    """What is written to the terminal from now on."""
    driver = app._driver
    assert driver is not None
    out: list[str] = []
    driver.write = out.append  # type: ignore[method-assign]
    return out


def copied(out: list[str]) -> list[str]:
    """What the terminal was asked to put on the clipboard."""
    found = [re.fullmatch(r"\x1b]52;c;(.*)\a", text) for text in out]
    return [base64.b64decode(match[1]).decode() for match in found if match]


COPIED: tuple[tuple[tuple[str, ...], str], ...] = (
    (("e", "up", "y"), r"\d\.\d{3} n\d .*"),
    (("l", "up", "y"), "index 0: 5, term 1, on n0 n1 n2 n3 n4; committed on n0 n1 n2 n3 n4"),
    (("m", "up", "y"), r"(request|response) n\d → n\d: .* \(.*\)"),
    (("w", "y"), r"node 1 is follower in term 1.*(\n- .*)+"),
    (("escape", "y"), r"(?s).*n0 ★ LEADER.*NEXT.*"),
    (("N", "y"), r"(?s).*n0.*●.*"),
    (("n", "y"), r"(?s) n1 ● follower.*"),
    (("i", "y"), r"(?s).*Election Safety.*"),
)
"""What is pressed, and what a match of is copied then."""


def test_a_key_copies_what_is_selected_or_else_what_the_pane_shows() -> None:
    with still(*LED) as driver:
        app = app_of(driver)

        async def go(pilot: Pilot[None]) -> list[str]:
            out = written(app)
            for keys, _ in COPIED:
                await pilot.press(*keys)
            return copied(out)

        found = played(app, go)
    assert len(found) == len(COPIED)
    for (keys, pattern), text in zip(COPIED, found, strict=True):
        assert re.fullmatch(pattern, text), (keys, text)


def test_the_whole_of_a_long_answer_is_copied_unbroken() -> None:
    with still(*LED) as driver:
        app = app_of(driver)

        async def go(pilot: Pilot[None]) -> list[str]:
            out = written(app)
            app.say("", "word " * 100 + "end\nsecond")
            await pilot.press("a")
            await pilot.pause()
            await pilot.press("y")
            await pilot.pause()
            return copied(out)

        assert played(app, go) == ["word " * 100 + "end\nsecond"]


def test_a_key_gives_the_mouse_to_the_terminal_and_takes_it_back() -> None:
    with still() as driver:
        app = app_of(driver)

        async def go(pilot: Pilot[None]) -> list[str]:
            out = written(app)
            await pilot.press("M", "M")
            return [text for text in out if "?100" in text]

        off, on = played(app, go)
    assert off == on.replace("h", "l")
    assert "\x1b[?1000l" in off


# ---- the palette


def test_the_palette_has_every_command_of_the_table_and_every_key() -> None:
    with still() as driver:
        app = app_of(driver)

        async def look() -> list[str]:
            async with shown(app):
                provider = Commands(app.screen)
                return [str(hit.display) async for hit in provider.discover()]

        found = asyncio.run(look())
    assert {row.usage for row in TABLE.values() if not row.setup} <= set(found)
    assert {f"{key.word} ({key.shown})" for key in KEYS if key.action} <= set(found)


def highlighted(app: RaftApp) -> str:
    """The command of the palette that Enter chooses."""
    found = app.screen.query_one(CommandList)
    return "" if found.highlighted is None else str(found.get_option_at_index(found.highlighted).prompt)


def test_a_command_of_the_palette_that_needs_more_comes_into_the_prompt() -> None:
    with still(*LED) as driver:
        app = app_of(driver)

        async def choose(pilot: Pilot[None]) -> str:
            await pilot.press("ctrl+p")
            await pilot.pause()
            await pilot.press(*"disconnect")
            await until(app, pilot, lambda: "disconnect NODES" in highlighted(app))
            await pilot.press("enter")
            await until(app, pilot, lambda: app.prompt.value)
            return app.prompt.value

        assert played(app, choose) == "disconnect "


# ---- without Unicode


def test_whatever_is_painted_in_ascii_is_ascii() -> None:
    with still(*LED) as driver:
        app = app_of(driver, ascii=True)

        async def go(pilot: Pilot[None]) -> dict[str, str]:
            seen = {}
            for name, keys, words in (
                ("help", "?", "Roles: sign and border"),
                ("help", "?", "+----"),
                ("palette", ("ctrl+p",), "wipe NODES"),
                ("searched", ("ctrl+p", *"parti"), "partition 0,1 | 2,3,4"),
                ("answer", "a", "word"),
                ("typed", (":", "é", *"submit"), "one;two>"),
                ("toast", "M", "the terminal's"),
            ):
                app.say("say", "日本 → … word " * 40)
                if name == "typed":
                    app.prompt.insert_block("one\ntwo→\n")
                await pressed(pilot, *keys)
                await until(app, pilot, lambda words=words: words in "\n".join(picture.frame(app)))
                seen[name] = "\n".join(picture.frame(app))
                while not isinstance(app.screen, Main):
                    await pilot.press("escape")
                    await pilot.pause()
                app.set_focus(None)
            return seen

        seen = played(app, go)
    for name, text in seen.items():
        assert text.isascii(), (name, text)
        assert "\\u2" not in text, name


# ---- the mouse


async def clicked(pilot: Pilot[None], box: str, words: str) -> None:
    """Click on the first place where `words` stand in a box."""
    app = pilot.app
    lines = app.query_one(f"#{box}", Box).lines
    for y, line in enumerate(lines):
        text = "".join(piece.text for piece in line)
        if words in text:
            await pilot.click(f"#{box}", offset=(text.index(words), y))
            await pilot.pause()
            return
    raise AssertionError(f"{words!r} is not in {box}")


def test_a_click_selects_a_node_a_pane_an_entry_a_message_and_an_event() -> None:
    with still(*LED) as driver:
        app = app_of(driver)

        async def click(pilot: Pilot[None]) -> None:
            await clicked(pilot, "stage", "n3")
            assert app.deck.selected == 3
            await clicked(pilot, "title0", "network")
            assert app.deck.pane == "network"
            await clicked(pilot, "title0", "log")
            await clicked(pilot, "log", "■1:5")
            assert app.deck.rows["log"] == ("entry", 0)
            assert app.deck.pane == "why"
            await clicked(pilot, "title0", "messages")
            await clicked(pilot, "messages", "◀")
            assert app.deck.rows["messages"] is not None
            await pilot.press("e")
            await clicked(pilot, "events", "commits up to 0")
            assert app.deck.rows["events"] is not None
            await clicked(pilot, "events", "commits up to 0")
            await pressed(pilot)
            assert app.seen.rewound

        played(app, click)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
def test_a_click_on_an_entry_enter_on_it_and_why_are_answered_in_one_place_in_one_form(
    size: tuple[int, int],
) -> None:
    def answer(app: RaftApp) -> list[str]:
        app.paint()
        return [text_of(line).rstrip() for line in app.box("why").lines if text_of(line).strip()]

    with still(*LED) as driver:
        app = app_of(driver)

        async def ask(pilot: Pilot[None]) -> None:
            await pressed(pilot, "0", "w")
            of_node = answer(app)
            assert "leader" in of_node[0]
            await pressed(pilot, "l")
            await clicked(pilot, "log", "■1:5")
            of_entry = answer(app)
            assert of_entry[0].startswith("index 0 is committed on nodes 0 1 2 3 4")
            assert any("committed it at" in row for row in of_entry), "since when, and by whom"
            outcome = app.deck.outcome
            await pressed(pilot, "escape")
            assert answer(app) == of_node
            await pressed(pilot, "l", "up", "enter")
            assert answer(app) == of_entry
            await pressed(pilot, "0")
            assert answer(app) == of_node
            assert app.deck.outcome is outcome is None, "nothing is said elsewhere"

        played(app, ask, size)


def test_a_click_on_a_message_of_the_stage_says_what_it_is_and_keys_act_on_it() -> None:
    with still(*HELD) as driver:
        app = app_of(driver)

        async def click(pilot: Pilot[None]) -> None:
            await clicked(pilot, "stage", "◉")
            assert "n0 → n3: heartbeat of term 1" in app.deck.outcome.answer
            assert "v deliver, x lose" in app.deck.outcome.answer
            await pressed(pilot, "x")
            assert app.deck.outcome.text == "lose 15"

        played(app, click, (80, 24))


def test_the_keys_at_the_foot_the_sentence_and_the_tape_are_clicked() -> None:
    with still(*LED) as driver:
        app = app_of(driver)

        async def click(pilot: Pilot[None]) -> None:
            await clicked(pilot, "keys", "submit")
            app.paint()
            assert app.deck.outcome.text == "submit 6"
            await clicked(pilot, "sentence", "NOW")
            assert app.deck.pane == "why"
            await clicked(pilot, "tape", "★")
            await pressed(pilot)
            assert app.seen.rewound
            assert app.seen.snapshot.leader is not None
            await clicked(pilot, "keys", "[?]")
            await pilot.pause()
            assert isinstance(app.screen, Sheet)

        played(app, click, (80, 24))


def test_two_digits_select_a_node_where_there_are_so_many() -> None:
    with still(nodes=25) as driver:
        app = app_of(driver)

        async def press(pilot: Pilot[None]) -> list[int]:
            seen = []
            for keys in (("1", "6"), ("2", "9"), ("3",)):
                await pilot.press(*keys)
                seen.append(app.deck.selected)
                app._digit = (0, -9.0)
            return seen

        assert played(app, press) == [16, 9, 3]


def test_one_esc_does_not_lose_the_moment_that_is_studied() -> None:
    with still(*LED, "back 9") as driver:
        app = app_of(driver)

        async def leave(pilot: Pilot[None]) -> None:
            await pilot.press("m", ":", "escape", "escape", "escape")
            assert "Esc once more, or End" in "\n".join(await pressed(pilot))
            assert app.seen.rewound
            await pressed(pilot, "escape")
            assert not app.seen.rewound

        played(app, leave, (80, 24))


def test_the_wheel_scrolls() -> None:
    with still(*LED) as driver:
        app = app_of(driver)

        async def turn(pilot: Pilot[None]) -> int:
            app.query_one("#events", Box).post_message(Box.Scrolled(app.query_one("#events", Box), -3))
            await pilot.pause()
            return app.deck.scrolls["events"]

        assert played(app, turn) == 3


# ---- leaving, resizing


def test_ctrl_c_twice_quits() -> None:
    with still() as driver:
        app = app_of(driver)

        async def go(pilot: Pilot[None]) -> bool:
            await pilot.press("ctrl+c", "ctrl+c")
            await pilot.pause()
            return app.is_running

        assert not played(app, go)


@pytest.fixture
def _all_is_painted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(headless, "paints_all", True)


@pytest.mark.usefixtures("_all_is_painted")
@pytest.mark.parametrize("colours", [True, False])
def test_the_screen_is_resized_at_any_time(colours: bool) -> None:
    with still(*LED) as driver:
        app = app_of(driver, colours=colours)

        async def resize(pilot: Pilot[None]) -> None:
            for size in ((200, 50), (60, 16), (30, 5), (80, 24), (121, 41), (100, 20), (60, 60)):
                await pilot.resize_terminal(*size)
                await until(app, pilot, lambda size=size: len(picture.frame(app)) == size[1])  # not at once
                frame = await pressed(pilot)
                assert len(frame) == size[1]
                if size == (30, 5):
                    assert frame[0].startswith("30x5: raftplay needs 60x16")
                else:
                    assert "n0 leads" in frame[0]
                    assert "[?] help" in frame[-1]

        played(app, resize, (80, 24))


def test_speeds_go_up_and_down_and_end_where_they_end() -> None:
    driver = Still(session_of())
    done(driver, f"speed {SPEEDS[-1]:g}")
    app = app_of(driver)
    played(app, lambda pilot: pressed(pilot, "]", *"[" * 30))
    assert driver.view().snapshot.speed == SPEEDS[0]
    driver.close()


@pytest.mark.parametrize(
    "text",
    [
        "[/b]",
        "[@click=app.quit]x[/]",
        "x" * 65_000,
        "漢字" * 3000,
        "\u05e2\u05d1\u05e8\u200f\u202eabc",
        "\x1b]0;title\x07\x9b2J",
    ],
)
def test_hostile_text_is_shown_literally_wherever_it_is_typed(text: str) -> None:
    with still(*LED) as driver:
        app = app_of(driver)

        async def type_in(pilot: Pilot[None]) -> list[str]:
            await pilot.press(":")
            app.prompt.post_message(Paste(f"submit {text!r}" if "'" not in text else text))
            await pilot.pause()
            await pilot.press("enter")
            await pressed(pilot)
            app.do(text)
            app.toast(text)
            app.deck.comments, app.deck.place = (text,), text
            app.arrange()
            return await pressed(pilot)

        frame = played(app, type_in)
        assert app.is_running is False
    screen = "".join(frame)
    assert len(frame) == 40
    assert not re.search("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]", screen)
    assert "n0 leads" in frame[0]
    if text.startswith("["):
        assert text in screen


def test_tab_completes_and_what_is_being_typed_is_explained() -> None:
    with still(*LED) as driver:
        app = app_of(driver)

        async def go(pilot: Pilot[None]) -> list[str]:
            screen = "\n".join(await pressed(pilot, ":", *"par"))
            assert "partition" in screen
            await pilot.press("tab")
            values = [app.prompt.value]
            await pilot.press("ctrl+a", "ctrl+k", *"crash", "space")
            screen = "\n".join(await pressed(pilot))
            assert "crash NODES" in screen
            assert "followers" in screen
            await pilot.press(*"lea", "tab")
            values.append(app.prompt.value)
            await pilot.press("ctrl+a", "ctrl+k", *"wat", "space")
            assert "there is no command 'wat'; did you mean 'wait'?" in "\n".join(await pressed(pilot))
            await pilot.press("ctrl+a", "ctrl+k", *"re", "tab", "tab")
            values.append(app.prompt.value)
            await pilot.press("shift+tab")
            values.append(app.prompt.value)
            return [value.strip() for value in values]

        first, second, third, fourth = played(app, go)
    assert (first, second) == ("partition", "crash leader")
    assert third.startswith("re")
    assert fourth.startswith("re")
    assert third != fourth


def test_quit_is_a_command_here() -> None:
    with still() as driver:
        app = app_of(driver)
        played(app, lambda pilot: pilot.press(":", *"quit", "enter"))
        assert not app.is_running


FAST = ("pagedown", "pageup", "down", "up", "home", "end", "ctrl+home", "ctrl+end", "enter", "backspace", "escape")
"""Keys that mean something in the palette."""


@pytest.mark.usefixtures("_all_is_painted")
@pytest.mark.parametrize(
    "keys", ["ctrl+p a pagedown", "ctrl+p escape ctrl+p", "? escape escape", "? q ? a a", "q q s"]
)
def test_keys_typed_fast_never_break_the_screen(keys: str) -> None:
    with still(*LED) as driver:
        app = app_of(driver)

        async def type_fast(pilot: Pilot[None]) -> None:
            for key in keys.replace("?", "question_mark").split():
                app.post_message(Key(key, key if len(key) == 1 else None))
            await pilot.pause(0.1)

        played(app, type_fast, (80, 24))
        assert app.failure is None


@pytest.mark.usefixtures("_all_is_painted")
@pytest.mark.parametrize("seed", range(several(12)))
def test_keys_typed_fast_into_the_palette_never_break_the_screen(seed: int) -> None:
    chance = random.Random(seed)
    with still(*LED) as driver:
        app = app_of(driver)

        async def type_fast(pilot: Pilot[None]) -> None:
            for _ in range(6):
                for key in ("ctrl+p", chance.choice("acst"), *chance.choices(FAST, k=chance.randint(1, 4))):
                    app.post_message(Key(key, key if len(key) == 1 else None))
                await pilot.pause(chance.choice((0, 0, 0.05)))

        played(app, type_fast, (80, 24))
        assert app.failure is None


def test_the_palette_turns_a_page_once_its_commands_are_listed() -> None:
    with still() as driver:
        app = app_of(driver)

        async def turn(pilot: Pilot[None]) -> None:
            await pilot.press("ctrl+p", "s")
            found = app.screen.query_one(CommandList)
            await until(app, pilot, lambda: found.option_count > 5 and found.scrollable_content_region)
            await pilot.press("down")
            first = found.highlighted
            await pilot.press("pagedown")
            assert first is not None
            assert found.highlighted is not None
            assert found.highlighted > first

        played(app, turn, (80, 24))


def of_text(text: str) -> list[str]:
    """The keys that type a text; ⏎ is Enter."""
    names = {":": "colon", " ": "space", "⏎": "enter", "⌫": "backspace", "⇥": "tab", "⎋": "escape"}
    return [names.get(char, char) for char in text]


async def burst(app: RaftApp, pilot: Pilot[None], text: str) -> list[str]:
    """The screen after keys that come within one read of the terminal."""
    for char, key in zip(text, of_text(text), strict=True):
        app.post_message(Key(key, char if char.isprintable() and char not in "⏎⌫⇥⎋" else None))
    return await pressed(pilot)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (":crash 1⏎:crash 2⏎", ["crash 1", "crash 2"]),
        (":crash 1⏎:crash 2⏎:restart 1⏎", ["crash 1", "crash 2", "restart 1"]),
        (":crash 3⏎3r:submit 7⏎", ["crash 3", "restart 3", "submit 7"]),
        ("2c:crash 1⏎", ["crash 2", "crash 1"]),
        (":crash 19⌫⏎2c", ["crash 1", "crash 2"]),
        (":cras⇥ 1⏎", ["crash 1"]),
        (":crash 1⎋2c", ["crash 2"]),
    ],
)
def test_keys_that_come_in_one_burst_are_neither_joined_nor_lost(text: str, lines: list[str]) -> None:
    with still(*LED) as driver:
        app = app_of(driver)
        played(app, lambda pilot: burst(app, pilot, text))
        done = [entry.text for entry in driver.session.branch.journal][-len(lines) :]
        assert sorted(done) == sorted(lines)  # a letter is read behind what the prompt takes


def test_enter_behind_a_paste_in_one_burst_runs_all_of_it() -> None:
    with still(*LED) as driver:
        app = app_of(driver)

        async def go(pilot: Pilot[None]) -> None:
            app.post_message(Key("colon", ":"))
            app.post_message(Paste("crash 1\ncrash 2"))
            await burst(app, pilot, "⏎:restart 1⏎")

        played(app, go)
        assert [entry.text for entry in driver.session.branch.journal][-3:] == ["crash 1", "crash 2", "restart 1"]
