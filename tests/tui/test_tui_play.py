"""Scripts on the screen: captions, steps, and where they end."""

import time
from collections.abc import Callable

import pytest
from support.tui import Still, app_of, played, pressed, session_of
from textual.pilot import Pilot

from raftplay import scenarios
from raftplay.commands.setup import Setup
from raftplay.run.captions import parts_of
from raftplay.run.live import Live
from raftplay.run.script import parse_script
from raftplay.tui.play import LONGEST_READING, SEEING, SHORTEST_READING, Player
from raftplay.tui.state import ScreenState

SCRIPT = """# A leader is elected.
wait leader
# It gets a command,
# and everyone has it.
submit 7
wait committed 7 on 5  # soon
pause
crash leader
resume
expect no leader
# That was it.
"""


def player_of(text: str, *, step: bool = False, at_once: bool = True, name: str = "story.txt") -> Player:
    script = parse_script(name, text, Setup(nodes=5, seed=7, backend="sim"))
    driver = Still(session_of(setup="\n".join(line for line in text.split("\n") if line.startswith("bug"))))
    driver.session.harness.pause()
    return Player(script, driver, step, at_once)


def finish(player: Player) -> list[str]:
    """Play to the end; where it was on the way."""
    places: list[str] = []
    for _ in range(1000):
        if player.ended:
            break
        player.go_on()
        player.tick(0.0)
        if not places or places[-1] != player.place:
            places.append(player.place)
    player.driver.close()
    return places


def test_each_step_has_the_comments_before_it_and_behind_it() -> None:
    script = parse_script("s", SCRIPT, Setup(nodes=5))
    parts = parts_of(script)
    assert [part.comments for part in parts] == [
        ("A leader is elected.",),
        ("It gets a command,", "and everyone has it."),
        ("soon",),
        (),
        (),
        (),
        (),
        ("That was it.",),
    ]
    assert [part.step.bound.text if part.step else None for part in parts][-2:] == ["expect no leader", None]


def test_a_script_goes_as_it_does_without_a_screen_and_time_stands_still_between_its_steps() -> None:
    player = player_of(SCRIPT)
    times = []
    while not player.ended:
        times.append(player.driver.view().snapshot.time)
        assert player.driver.view().snapshot.paused
        player.tick(0.0)
    assert player.ended == "ended; the cluster is yours"
    assert round(max(times), 3) == 0.162  # as `raftplay run` says of the same script and seed
    player.driver.close()


def test_an_expectation_that_does_not_hold_ends_the_script_at_its_line() -> None:
    player = player_of("wait leader\nexpect no leader\nsubmit 1\n")
    assert finish(player)[-1] == "story.txt: line 2: did not hold"
    assert player.outcome is not None
    assert player.outcome.answer == "node 0 leads term 1"


def test_a_caption_stays_as_long_as_it_takes_to_read() -> None:
    player = player_of(
        "# " + "word " * 30 + "\nwait leader\n# a\nsubmit 1\n# " + "x" * 2000 + "\nsubmit 2\n", at_once=False
    )
    clock, begun = 0.0, {}
    while not player.ended:
        player.tick(clock)
        begun.setdefault(3 if player.ended else player.at, clock)
        clock += 0.1
    player.driver.close()
    assert begun[1] - begun[0] > 5.0
    assert SHORTEST_READING <= begun[2] - begun[1] < 3.0
    assert LONGEST_READING <= begun[3] - begun[2] < LONGEST_READING + 1 + SEEING


def test_step_by_step_waits_before_each_step() -> None:
    player = player_of(SCRIPT, step=True)
    for _ in range(5):
        player.tick(1000.0)
    assert player.at == 0
    assert "g: next step" in player.place
    assert "next: wait leader" in player.place
    player.go_on()
    for _ in range(5):
        player.tick(1000.0)
    assert player.at == 1
    assert player.comments == ("It gets a command, and everyone has it.",)
    player.driver.close()


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
def test_a_breach_stops_the_world_at_the_guilty_event_and_says_why(size: tuple[int, int]) -> None:
    text = scenarios.text_of("bugs/commit-old-term")
    script = parse_script("bugs/commit-old-term", text, Setup(seed=7, backend="sim"))
    setup = "\n".join(line for line in text.split("\n") if line.startswith(("bug", "watch", "timing")))
    driver = Still(session_of(setup=setup))
    driver.session.harness.pause()
    player = Player(script, driver, at_once=True)
    app = app_of(driver, player=player)

    async def watch(pilot: Pilot[None]) -> tuple[list[str], ScreenState]:
        while not player.ended:
            app.paint()
        return await pressed(pilot), app.deck

    frame, deck = played(app, watch, size)
    screen = "\n".join(frame)
    breach = driver.view().breach
    assert breach is not None
    assert "BROKEN" in screen
    assert "State Machine Safety broke at" in screen
    assert "an invariant broke" in screen
    assert deck.pane == "why"
    assert deck.selected == breach.node
    assert deck.rows["events"] == ("event", breach.seq)
    assert driver.view().snapshot.paused
    driver.close()


def test_space_lets_a_script_go_on_that_waits_and_holds_it_again() -> None:
    player = player_of(SCRIPT, step=True)
    app = app_of(player.driver, player=player)

    async def press(pilot: Pilot[None]) -> None:
        for _ in range(20):
            app.paint()
        assert player.at == 0
        assert "g: next step" in "\n".join(await pressed(pilot))
        await pilot.press("space")
        for _ in range(100):
            app.paint()
        assert player.ended

    played(app, press)
    assert player.hold()
    assert not player.hold()
    player.driver.close()


def test_no_caption_runs_ahead_of_what_the_stage_shows() -> None:
    player = player_of(SCRIPT)
    seen = 0
    assert not player.tick(0.0, is_shown=False)
    player.tick(0.0)
    player.tick(0.0)
    for _ in range(20):
        player.tick(0.0, is_shown=False)
    assert player.at == 0  # `wait leader` is done, and not shown yet
    assert player.outcome is None
    assert player.comments == ("A leader is elected.",)
    while not player.ended:
        seen += player.tick(0.0)
    assert seen
    player.driver.close()


def test_what_a_step_did_is_told_behind_it_and_no_longer_when_the_next_runs() -> None:
    player = player_of("# Why.\nwait leader\n#   0.157 n0 leads\ncrash 1\n#   0.157 n1 crashed\nsubmit 1\n")
    told: list[tuple[int, tuple[str, ...]]] = []
    while not player.ended:
        player.tick(0.0)
        if not told or told[-1] != (player.at, player.comments):
            told.append((player.at, player.comments))
    assert told == [
        (0, ("Why.",)),
        (1, ("0.157 n0 leads",)),
        (1, ()),
        (2, ("0.157 n1 crashed",)),
        (2, ()),
    ]
    player.driver.close()


def test_what_a_step_did_has_time_to_be_read() -> None:
    player = player_of("wait leader\n#   0.157 n0 leads\ncrash 1\n", at_once=False)
    clock = 0.0
    while not player.comments:
        clock += 0.1
        player.tick(clock)
    told_at = clock
    while player.comments:
        clock += 0.1
        player.tick(clock)
    assert clock - told_at >= SHORTEST_READING
    player.driver.close()


def test_the_bar_says_which_step_is_played() -> None:
    player = player_of("# " + "x" * 1000 + "\nwait leader\nsubmit 1\n", at_once=False)
    app = app_of(player.driver, player=player)

    async def look(pilot: Pilot[None]) -> list[list[str]]:
        plays = await pressed(pilot)
        return [plays, await pressed(pilot, "space")]

    plays, waits = played(app, look)
    assert "PLAYING 1/2" in plays[0]
    assert "[space] pause" in plays[-1]
    assert "WAITING 1/2" in waits[0]
    assert "[space] go on" in waits[-1]
    assert "[g] next step" in waits[-1]
    finish(player)
    assert player.note == ""


def test_a_caption_is_waited_for_and_its_steps_go_by_themselves() -> None:
    player = player_of(SCRIPT, at_once=False)
    player.by_caption = True
    clock = 0.0

    def play(seconds: float) -> None:
        nonlocal clock
        for _ in range(round(seconds * 10)):
            clock += 0.1
            player.tick(clock)

    play(60)
    assert player.waits_for_caption
    assert (player.at, player.caption, player.comments) == (1, 0, ("A leader is elected.",))
    player.go_on()
    play(60)
    assert (player.at, player.caption, player.comments) == (2, 1, ("It gets a command, and everyone has it.",))
    assert player.waits_for_caption
    player.skip_to(3)
    play(5)
    assert player.ended == "ended; the cluster is yours"
    marks = [player.mark_of(at) or 0 for at in range(4)]
    assert marks == sorted(marks)
    assert marks[-1] == player.driver.session.history.last_seq
    player.driver.close()


def test_nothing_is_done_while_somebody_looks_at_the_past_and_another_future_goes_on_where_it_began() -> None:
    player = player_of(SCRIPT)
    while player.at < 4:
        player.tick(0.0)
    seq = player.mark_of(1)
    session = player.driver.session
    assert seq is not None
    player.driver.run(f"back {session.history.last_seq - seq}")
    for _ in range(10):
        assert not player.tick(0.0)
    assert session.moment is not None
    player.driver.run("submit other")
    assert session.branch.name == "b1"
    for _ in range(10):
        player.tick(0.0)
    assert (player.at, player.comments, player.step_by_step) == (
        1,
        ("It gets a command, and everyone has it.",),
        True,
    )
    player.driver.run("switch main")
    player.tick(0.0)
    assert player.at == 4
    player.driver.close()


def test_a_step_that_was_set_aside_for_a_lesson_is_done_again() -> None:
    session = session_of()
    session.harness.pause()
    live = Live(session)
    player = Player(parse_script("story.txt", "wait leader\nwait committed 1 within 60m\nsubmit 2"), live)
    try:
        clock = 0.0

        def play(holds: Callable[[], object]) -> None:
            nonlocal clock
            while not holds():
                clock += 0.1
                player.tick(clock)
                time.sleep(0.001)

        play(lambda: player.at == 1 and player.is_busy and live.busy)
        player.set_aside()
        live.cancel()
        play(lambda: not player.is_busy)
        assert not player.ended
        assert (player.waits, player.at) == (True, 1)
        live.run("submit 1").result()
        player.go_on()
        play(lambda: player.at == 2 or player.ended)
        assert not player.ended
    finally:
        live.close()
