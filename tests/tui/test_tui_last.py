"""`q` asks, the last session of the screen is kept, and `raftplay tui --last` opens it again."""

import os
import signal
import stat
from pathlib import Path

import pytest
from support.amount import several
from support.command_line import raftplay
from support.session import blueprint, perform, session_of
from support.tui import app_of, played, pressed, still, terminal_of
from textual.pilot import Pilot

from raftplay.cluster.checks import InvariantBroken
from raftplay.errors import UsageError
from raftplay.language.lexer import MAX_SCRIPT_BYTES
from raftplay.language.table import bind
from raftplay.run.script import Script
from raftplay.session.branches import Blueprint
from raftplay.session.session import Session
from raftplay.tui import last
from raftplay.tui.sheet import Leaving


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of nobody's."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path


def opened_again(script: Script) -> Session:
    """The session that `--last` opens."""
    setup = script.setup
    assert setup.nodes is not None
    assert setup.seed is not None
    session = session_of(Blueprint(setup.nodes, "sim", setup.seed, setup.config().settled()))
    last.play(script, session)
    return session


STORY = (
    "wait leader; submit 1; speed 0.5",
    "crash leader; wait no leader within 50ms",  # it does not hold: time passes all the same
    "restart crashed; sleep 300ms",
    "pause; step 3; submit 2",
)


def test_the_last_session_is_played_to_its_end_and_goes_on_from_there() -> None:
    session = session_of(blueprint(3))
    perform(session, *STORY)
    assert "the session is kept (10 commands); raftplay tui --last opens it" in last.keep(session)
    again = opened_again(last.load())
    assert again.history.records() == session.history.records()
    assert again.harness.paused
    perform(session, "resume; wait committed 2; crash 0")
    perform(again, "resume; wait committed 2; crash 0")
    assert again.history.records() == session.history.records()
    last.keep(again)
    once_more = opened_again(last.load())
    assert once_more.history.records() == session.history.records()
    for each in (session, again, once_more):
        each.close()


def test_of_several_branches_the_one_that_is_played_is_kept_and_that_is_said() -> None:
    session = session_of(blueprint(3))
    perform(session, "wait leader; submit 1; sleep 100ms; back 10; crash 1; sleep 50ms")
    assert "(4 commands), without its other branches;" in last.keep(session)
    again = opened_again(last.load())
    assert again.history.records() == session.history.records()


def test_a_broken_invariant_is_where_it_was() -> None:
    session = session_of(blueprint(2, bugs=("forget-vote",)))
    session.harness.pauses_at_breach = True
    with pytest.raises(InvariantBroken):
        session.perform(bind("sleep 1s", session)[0]).result()
    last.keep(session)
    again = opened_again(last.load())
    assert again.harness.breach == session.harness.breach
    assert again.harness.now == session.harness.now
    assert again.history.records() == session.history.records()


def test_a_session_in_which_nothing_was_done_leaves_the_one_before_it() -> None:
    session = session_of(blueprint(3))
    perform(session, "wait leader; status; back 3; live")
    last.keep(session)
    idle = session_of(blueprint(3))
    perform(idle, "status")
    assert last.keep(idle) == ""
    assert [step.bound.name for step in last.load().steps] == ["wait"]


def test_it_is_its_owner_s_alone_and_no_bigger_than_can_be_read_again() -> None:
    session = session_of(blueprint(1))
    perform(session, "wait leader", *(f"submit {'x' * 60_000}{at}" for at in range(20)))
    last.keep(session)
    file = last.place()
    assert file is not None
    assert file.stat().st_size <= MAX_SCRIPT_BYTES
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text("utf-8").endswith(last.CUT)
    again = opened_again(last.load())
    assert again.history.records() == session.history.records()[: len(again.history)]
    assert len(again.harness.cluster[0].cm.log) > 10


def test_where_nothing_can_be_kept_that_is_said(home: Path) -> None:
    (home / "state").write_text("no directory", "utf-8")
    session = session_of(blueprint(1))
    perform(session, "wait leader")
    assert "the session is not kept: Not a directory" in last.keep(session)
    with pytest.raises(UsageError, match="cannot be read"):
        last.load()


@pytest.mark.parametrize(
    "options", [("--seed", "3"), ("split-vote",), ("--bug", "forget-vote"), ("--data-dir", "x")]
)
def test_the_last_session_is_opened_as_it_was(options: tuple[str, ...]) -> None:
    done = raftplay("tui", "--last", *options)
    assert (done.status, done.out) == (2, "")
    assert "--last opens the last session as it was" in done.err


def test_where_there_is_no_last_session_that_is_said(home: Path) -> None:
    done = raftplay("tui", "--last", env={"XDG_STATE_HOME": str(home)})
    assert (done.status, "no session is kept yet" in done.err) == (2, True)


# ---- on the screen


@pytest.mark.parametrize("keys", ["q", "enter", "y", "ctrl+c"])
def test_q_asks_when_anything_was_done(keys: str) -> None:
    with still("wait leader") as driver:
        app = app_of(driver)

        async def leave(pilot: Pilot[None]) -> None:
            frame = "\n".join(await pressed(pilot, "q"))
            assert "Quit? 1 command was done; it is kept, and raftplay tui --last opens it again." in frame
            assert app.is_running
            await pressed(pilot, "escape", "2", "c")
            assert not driver.session.harness.alive[2]
            frame = "\n".join(await pressed(pilot, "q"))
            assert "2 commands were done" in frame
            await pilot.press("s")
            await pilot.pause()
            assert (app.focused, app.prompt.value) == (app.prompt, "save ")
            await pilot.press("escape", "q")
            await pilot.pause()
            assert isinstance(app.screen, Leaving)
            await pilot.press(keys)

        played(app, leave)
        assert app.return_code == 0
        assert app.failure is None


def test_q_does_not_ask_when_nothing_was_done() -> None:
    with still() as driver:
        app = app_of(driver)
        played(app, lambda pilot: pilot.press("w", "3", "q"))
        assert app.return_code == 0


@pytest.mark.parametrize("end", ["qq", signal.SIGHUP, signal.SIGTERM][: several(3, least=2)])
def test_what_was_done_is_there_the_next_time(end: str | signal.Signals, home: Path) -> None:
    with terminal_of("--backend", "sim", "--seed", "3", "--speed", "1", home=home) as terminal:
        terminal.until(r"n\d leads")
        terminal.send("2c")
        terminal.until(r"n2 .*down")
        terminal.send(" ")
        terminal.until("PAUSED")
        if isinstance(end, str):
            terminal.send("q")
            terminal.until(r"Quit\? \d commands were done")
            terminal.send("q")
        else:
            os.kill(terminal.program.pid, end)
        terminal.ended()
        assert terminal.is_as_before
        assert "raftplay tui --last opens it" in terminal.everything
    with terminal_of("--last", home=home) as terminal:
        screen = terminal.until("PAUSED")
        assert "n2" in screen
        terminal.until(r"n2 .*down")
        terminal.until("seed 3")
        terminal.until("the last session, played again to its end")
        terminal.send("2r")
        terminal.until(r"n2 .*follower")
        terminal.send("qq")
        assert terminal.ended() == 0
