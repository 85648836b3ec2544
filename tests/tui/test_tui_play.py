"""Scripts on the screen: captions, steps, and where they end."""

import pytest
from support.tui import Still, app_of, played, pressed, session_of
from textual.pilot import Pilot

from raftplay import scenarios
from raftplay.commands.setup import Setup
from raftplay.run.script import parse_script
from raftplay.tui.play import LONGEST_READING, SHORTEST_READING, Player, scenes_of
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
        player.tick(0.0)
        if not places or places[-1] != player.place:
            places.append(player.place)
    player.driver.close()
    return places


def test_each_step_has_the_comments_before_it_and_behind_it() -> None:
    script = parse_script("s", SCRIPT, Setup(nodes=5))
    scenes = scenes_of(script)
    assert [scene.comments for scene in scenes] == [
        ("A leader is elected.",),
        ("It gets a command,", "and everyone has it."),
        ("soon",),
        (),
        (),
        (),
        (),
        ("That was it.",),
    ]
    assert [s.step.bound.text if s.step else None for s in scenes][-2:] == ["expect no leader", None]


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
    assert LONGEST_READING <= begun[3] - begun[2] < LONGEST_READING + 1


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
    assert player.comments == ("It gets a command,", "and everyone has it.")
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
