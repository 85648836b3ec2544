"""Stories and lessons from the screen: `play` and `lesson` at the prompt, in the lists and in the palette."""

import asyncio
from pathlib import Path

import pytest
from support.tui import app_of, done, idle, played, pressed, still, until
from textual.pilot import Pilot

from raftplay.commands.setup import Setup
from raftplay.errors import UsageError
from raftplay.language.table import bind
from raftplay.lessons.catalogue import LessonText
from raftplay.raft.messages import CMState
from raftplay.run.script import parse_script
from raftplay.tui import screen_commands
from raftplay.tui.choosing import Chooser
from raftplay.tui.lesson import prepared
from raftplay.tui.model.lines import text_of
from raftplay.tui.palette import Commands
from raftplay.tui.prompt import completed, hinted
from raftplay.tui.stories import new_line, story
from raftplay.tui.watching import Watching

WRONG = {
    "play splitbrain": "there is no story 'splitbrain'; did you mean 'split-brain'?",
    "play x": "there is no story 'x'; play alone lists the stories",
    "play split-brain now": "play takes one name and stands alone in its line: play split-brain",
    "play split-brain; crash 1": "play takes one name and stands alone in its line: play split-brain",
    "lesson 13": "there is no lesson '13'; the lessons are 1 to 12",
    "lesson a-leader-is-electet": "there is no lesson 'a-leader-is-electet'; did you mean 'a-leader-is-elected'?",
}


async def typed(pilot: Pilot[None], line: str) -> list[str]:
    """Type a line at the prompt."""
    return await pressed(pilot, ":", *("space" if char == " " else char for char in line), "enter")


@pytest.mark.parametrize(("line", "answer"), WRONG.items())
def test_a_wrong_name_gets_one_sentence(line: str, answer: str) -> None:
    with still("wait leader") as driver:
        app = app_of(driver)
        played(app, lambda pilot: typed(pilot, line))
        assert app.deck.outcome is not None
        assert (app.deck.outcome.answer, app.deck.outcome.held) == (answer, False)
        assert len(driver.session.branches) == 1


def test_a_story_is_played_to_its_end_and_the_cluster_before_is_kept() -> None:
    with still("wait leader; submit mine") as driver:
        driver.session.is_live = True
        app = app_of(driver)

        async def play(pilot: Pilot[None]) -> None:
            await typed(pilot, "play split-brain")
            assert app.player is not None
            app.player.at_once = True
            await until(app, pilot, lambda: app.player is not None and app.player.ended)
            assert app.player.ended.startswith("ended")
            assert driver.view().snapshot.nodes[0].log[-1].command == "kept"
            done(driver, "switch main")
            assert driver.view().snapshot.nodes[0].log[-1].command == "mine"

        played(app, play)


def test_a_data_directory_keeps_one_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with still() as driver:
        monkeypatch.setattr(type(driver.session), "directory", str(tmp_path))
        app = app_of(driver)
        played(app, lambda pilot: typed(pilot, "play split-brain"))
        assert app.deck.outcome is not None
        assert "a data directory keeps one cluster" in app.deck.outcome.answer


@pytest.mark.parametrize("choice", screen_commands.stories(), ids=lambda choice: choice.name)
def test_each_story_gets_the_cluster_of_its_set_up_lines(choice: screen_commands.CommandChoice) -> None:
    with still(setup="bug forget-vote\ntiming election=2s..4s\nset noop on", nodes=3) as driver:
        driver.session.is_live = True
        script = story(choice.name, "sim")
        (bound,) = bind(new_line(script.setup, driver.session.blueprint), driver.session)
        assert driver.session.perform(bound).held
        plan = driver.session.blueprint
        assert plan is not None
        wanted = parse_script("it", screen_commands.story_of(choice.name), Setup()).setup
        assert plan.nodes == (wanted.nodes or 5)
        assert plan.config == wanted.config().settled()
        assert set(plan.watched) == set(wanted.watched)


def test_names_and_numbers_are_completed_and_explained() -> None:
    with still() as driver:
        session = driver.session
        assert {"play", "lesson", "quit"} <= {one.text for one in completed("", 0, session)}
        assert [one.text for one in completed("play split", 10, session)] == ["split-vote", "split-brain"]
        assert [one.text for one in completed(":play split-b", 13, session)] == ["split-brain"]
        assert [one.text for one in completed("lesson 1", 8, session)] == ["10", "11", "12"]
        assert completed("crash ", 6, session)
        hint, offers = hinted("play ", 5, session)
        assert hint is not None
        assert hint.parts == ("play", "NAME")
        assert "split-brain" in offers
        hint, _ = hinted("play split-brain", 16, session)
        assert hint is not None
        assert hint.help.startswith("A partition leaves two leaders")
        hint, _ = hinted("lesson 99", 9, session)
        assert hint is not None
        assert hint.mistake == "there is no lesson '99'; the lessons are 1 to 12"


@pytest.mark.parametrize("keys", [("g",), ("colon", *"play", "enter")])
def test_the_list_of_stories_plays_the_one_that_is_chosen(keys: tuple[str, ...]) -> None:
    with still("wait leader") as driver:
        driver.session.is_live = True
        app = app_of(driver)

        async def choose(pilot: Pilot[None]) -> str:
            await pressed(pilot, *keys)
            assert isinstance(app.screen, Chooser)
            await pressed(pilot, "down", "down", "up", *"lost")  # what is typed is found
            about = "\n".join(text_of(line) for line in app.screen.query_one("#sheet").lines)  # type: ignore[attr-defined]
            await pressed(pilot, "enter")
            assert app.player is not None
            assert app.player.script.name == "lost-entry"
            return about

        about = played(app, choose, (80, 24))
    assert "the entry is removed, as it must be (§5.3)" in " ".join(about.split())


def test_the_end_of_a_list_can_be_seen_and_chosen() -> None:
    with still() as driver:
        app = app_of(driver)

        async def choose(pilot: Pilot[None]) -> list[str]:
            return await pressed(pilot, "g", "end")

        frame = "\n".join(played(app, choose, (60, 16)))
    assert screen_commands.stories()[-1].name in frame
    assert frame.count("Stories: Enter plays one here") == 1


@pytest.mark.parametrize("keys", [("f1", "down", "enter"), ("colon", *"lesson", "space", "2", "enter")])
def test_a_lesson_is_opened_in_place_of_the_screen(keys: tuple[str, ...]) -> None:
    with still("wait leader") as driver:
        app = app_of(driver)
        played(app, lambda pilot: pilot.press(*keys), (80, 24))
        assert app.elsewhere.visit is not None
        assert app.elsewhere.visit.key == "split-votes" or "split-vote" in app.elsewhere.visit.name


def test_a_story_that_has_just_begun_is_played_after_a_lesson_that_was_opened_at_once() -> None:
    with still("wait leader") as driver:
        driver.session.is_live = True
        before = app_of(driver)
        before.elsewhere.stories.begin("split-brain")  # and a lesson is opened before the next paint
        after = app_of(driver)
        after.continue_from(before)

        async def look(_: Pilot[None]) -> None:
            assert after.player is not None
            assert after.player.script.name == "split-brain"

        played(after, look, (80, 24))


def test_the_palette_has_every_story_and_lesson() -> None:
    with still() as driver:
        app = app_of(driver)

        async def rows(_: Pilot[None]) -> set[str]:
            return {name for name, _, _ in Commands(app.screen)._rows()}

        names = played(app, rows)
    assert {"play split-brain", "play bugs/commit-old-term", "lesson 1", "lesson 12", "play", "quit"} <= names


def test_only_shipped_lessons_and_stories_have_names() -> None:
    for read in (screen_commands.lesson_of, screen_commands.story_of):
        with pytest.raises(UsageError):
            read("../secret")
    assert screen_commands.own_command("crash 1") is None
    assert screen_commands.own_command("") is None


# ---- lessons at pace watch

WATCHED = """\
# A lesson
nodes 3
step One
wait leader
say A leader is there.
unseen crash leader
unseen restart crashed
unseen wait leader
step Two
say The end.
"""


def test_an_election_in_a_lesson_is_seen_before_the_lesson_speaks_of_it(tmp_path: Path) -> None:
    text = LessonText("lesson", WATCHED)
    app, reading = prepared(text, text.lesson(Setup(seed=7)), file=tmp_path / "progress.json")
    app.flight = 0.1
    seen: list[str] = []

    def said(words: str) -> bool:
        return any(words in line for line, _ in app.room.lines)

    async def run() -> None:
        async with app.run_test(size=(130, 40), notifications=True) as pilot:

            def look() -> bool:
                nodes = app.seen.snapshot.nodes
                for state in (CMState.CANDIDATE, CMState.LEADER):
                    if any(node.state is state for node in nodes) and state.name not in seen:
                        seen.append(state.name)
                        assert app.deck.pace == "pace watch"
                moving = [type(one.message).__name__ for one in app.shown.moving]
                seen.extend(name for name in moving if name not in seen)
                return said("A leader is there")

            await until(app, pilot, look)
            await until(app, pilot, lambda: said("Enter goes on"))
            assert app.playhead is None  # what is unseen goes as fast as it can
            assert app.driver.session.harness.snapshot().leader is not None

    try:
        asyncio.run(run())
    finally:
        assert reading.end() is None
    assert seen.index("CANDIDATE") < seen.index("RequestVoteArgs") < seen.index("LEADER")
    assert "RequestVoteReply" in seen


def test_a_lesson_leads_to_no_other(tmp_path: Path) -> None:
    text = LessonText("lesson", WATCHED)
    app, reading = prepared(text, text.lesson(Setup(seed=7)), speed=10.0, file=tmp_path / "progress.json")

    async def run() -> None:
        async with app.run_test(size=(130, 40), notifications=True) as pilot:
            await pilot.press("escape", "f1", "f2", "g")
            await idle()
            assert len(app.screen_stack) == 1
            assert not {"play", "lesson"} & {one.text for one in app.complete("", 0)}
            assert not app.first.line

    try:
        asyncio.run(run())
    finally:
        assert reading.end() is None


def test_a_reader_waits_for_no_paint_of_a_screen_that_is_gone() -> None:
    watching = Watching()
    watching.close()
    watching.begin(object())
    watching.catch_up()
    watching.end()
    assert not watching.is_wanted
