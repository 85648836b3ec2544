"""A lesson on the screen: its words beside the cluster, answered at the prompt; keys, pages and the end."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from support import tui
from support.terminal import ENTER, Terminal
from textual.pilot import Pilot

from raftplay.commands.setup import Setup
from raftplay.lessons.catalogue import LessonText
from raftplay.lessons.progress import kept
from raftplay.tui import picture
from raftplay.tui.lesson import LessonApp, LessonThread, prepared

SOURCE = """\
# A lesson
nodes 3
step One
say Three nodes, and no leader.
ask Will there be a leader? => leader
wrong There will.
wait leader
answer
let old = leader
step Two
crash $old
play Crash the others. => no leader
step Three
ask Does node {$old} live? => $old is dead
answer
"""

Watch = Callable[[LessonApp, Pilot[None]], Awaitable[Any]]


def shown(
    tmp_path: Path, watch: Watch, source: str = SOURCE, *, size: tuple[int, int] = (130, 40), key: str = ""
) -> tuple[Any, LessonThread]:
    """What `watch` gives while a lesson is on the screen, ten times as fast as it happens."""
    text = LessonText("lesson", source, key)
    app, reading = prepared(text, text.lesson(Setup(seed=7)), speed=10.0, file=tmp_path / "progress.json")

    async def run() -> Any:
        async with app.run_test(size=size, notifications=True) as pilot:
            return await watch(app, pilot)

    try:
        return asyncio.run(run()), reading
    finally:
        assert reading.end() is None
        assert not reading.is_alive()


def frame(app: LessonApp) -> str:
    return "\n".join(picture.frame(app))


async def until(app: LessonApp, pilot: Pilot[None], text: str, *, asked: str = "") -> None:
    """Let the app run until the lesson has said `text`, and asks for `asked`."""

    def is_said() -> bool:
        said = " ".join(" ".join(line for line, _ in app.room.lines).split())
        return text in said and asked in app.room.asked

    await tui.until(app, pilot, is_said)
    app.paint()
    await pilot.pause()


async def enter(app: LessonApp, pilot: Pilot[None], line: str) -> None:
    """Type a line at the prompt."""
    app.prompt.put(line)
    app.set_focus(app.prompt)
    await pilot.press("enter")


def test_a_lesson_is_read_and_answered_beside_its_cluster(tmp_path: Path) -> None:
    async def watch(app: LessonApp, pilot: Pilot[None]) -> str:
        await until(app, pilot, "Three nodes", asked="yes or no")
        assert "Three nodes, and no leader." in frame(app)
        assert app.seen.snapshot.time == 0.0
        assert app.seen.snapshot.paused
        await enter(app, pilot, "no")
        await until(app, pilot, "Incorrect: the answer is yes.", asked="play")
        assert app.seen.snapshot.leader is not None
        await enter(app, pilot, "")
        await until(app, pilot, "Step 2 of 3", asked="play")
        await enter(app, pilot, "crash alive")
        await until(app, pilot, "You did it, with 1 command.", asked="play")
        await enter(app, pilot, "")
        await until(app, pilot, "Step 3 of 3", asked="yes or no")
        await enter(app, pilot, "yes")
        await until(app, pilot, "Correct: yes", asked="play")
        await enter(app, pilot, "")
        await until(app, pilot, "The end. 1 of 2 predictions correct, the goal took 1 command.")
        return frame(app)

    last, reading = shown(tmp_path, watch)
    assert "The end." in last
    assert reading.reader.is_over


def test_time_stands_still_while_one_reads(tmp_path: Path) -> None:
    async def watch(app: LessonApp, pilot: Pilot[None]) -> None:
        await until(app, pilot, "Three nodes", asked="yes or no")
        await enter(app, pilot, "yes")
        await until(app, pilot, "Correct", asked="play")
        seen = app.driver.view().snapshot
        await pilot.pause(0.1)
        assert app.driver.view().snapshot == seen

    shown(tmp_path, watch)


def test_keys_are_commands_on_a_copy_and_only_where_one_may_play(tmp_path: Path) -> None:
    async def watch(app: LessonApp, pilot: Pilot[None]) -> None:
        await until(app, pilot, "Three nodes", asked="yes or no")
        await pilot.press("escape", "0", "c")
        await until(app, pilot, "Answer first", asked="yes or no")
        assert app.seen.snapshot.nodes[0].alive
        await enter(app, pilot, "yes")
        await until(app, pilot, "Correct", asked="play")
        await pilot.press("escape", "0", "c")
        await until(app, pilot, "node 0 crashed", asked="play")
        assert not app.driver.view().snapshot.nodes[0].alive
        await enter(app, pilot, "next")
        await until(app, pilot, "Step 2 of 3")
        assert app.live.session.branches.keys() <= {"main", "play"}

    shown(tmp_path, watch)


def test_in_free_play_time_can_go_by_and_a_goal_is_noticed(tmp_path: Path) -> None:
    source = "# L\nnodes 3\nstep One\nplay Wait. => leader\nstep Two\nstatus\n"

    async def watch(app: LessonApp, pilot: Pilot[None]) -> None:
        await until(app, pilot, "Wait.", asked="play")
        await enter(app, pilot, "status")
        await until(app, pilot, "Not there yet", asked="play")
        await pilot.press("escape", "space")
        await until(app, pilot, "You did it, with 1 command.")
        assert app.live.stands_still

    shown(tmp_path, watch, source)


def test_looking_back_changes_nothing(tmp_path: Path) -> None:
    async def watch(app: LessonApp, pilot: Pilot[None]) -> None:
        await until(app, pilot, "Three nodes", asked="yes or no")
        await enter(app, pilot, "yes")
        await until(app, pilot, "Correct", asked="play")
        await pilot.press("escape", "left", "left")
        await tui.until(app, pilot, lambda: app.seen.rewound)
        await enter(app, pilot, "")
        await until(app, pilot, "Step 2 of 3", asked="play")
        assert not app.driver.view().rewound
        assert app.live.session.branches.keys() == {"main"}

    shown(tmp_path, watch)


def test_words_that_do_not_fit_come_page_by_page(tmp_path: Path) -> None:
    words = "\n".join(f"say Line {at} of many words, one after another.\nsay" for at in range(30))
    source = f"# L\nnodes 3\nstep One\n{words}\nask Now? => leader\nanswer\n"

    async def watch(app: LessonApp, pilot: Pilot[None]) -> None:
        await until(app, pilot, "Line 0 of", asked="Enter: more")
        assert "Line 0 of many" in frame(app)
        assert "Line 29" not in frame(app)
        pages = 0
        while app.room.asked != "yes or no > ":
            if app.room.asked == "Enter: more":
                pages += 1
                await pilot.press("enter")
            await pilot.pause(0.01)
        assert pages >= 2
        app.paint()
        await pilot.pause()
        assert "Line 29 of many" in frame(app)
        await pilot.press("pageup")
        await pilot.pause()
        assert "Line 29 of many" not in frame(app)

    shown(tmp_path, watch, source, size=(80, 24))


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (119, 30), (120, 24), (200, 50)])
def test_words_and_cluster_have_their_place_on_every_screen(tmp_path: Path, size: tuple[int, int]) -> None:
    async def watch(app: LessonApp, pilot: Pilot[None]) -> None:
        await until(app, pilot, "Three nodes", asked="yes or no")
        assert app.room.is_tight == (size[0] < 120)
        assert ("" in [text for text, _ in app.room.lines]) != app.room.is_tight
        seen = frame(app)
        assert "Will there be a leader?" in seen
        assert "yes or no" in seen
        assert "follower" in seen
        assert "no leader" in seen.split("\n")[0]
        assert max(map(len, seen.split("\n"))) <= size[0]

    shown(tmp_path, watch, size=size)


def test_after_a_resize_the_words_are_broken_anew(tmp_path: Path) -> None:
    words = "They have just started, and each of them is a follower: it waits for messages from a leader. " * 3
    source = f"# L\nnodes 3\nstep One\nsay {words}\nask Now? => leader\nanswer\n"

    def paragraph(app: LessonApp) -> list[str]:
        rows = [row for row, _ in app.room.lines]
        start = next(at for at, row in enumerate(rows) if "They have just started" in row)
        end = next(at for at, row in enumerate(rows) if row.startswith("? Now"))
        return [row for row in rows[start:end] if row.strip()]

    async def watch(app: LessonApp, pilot: Pilot[None]) -> None:
        await until(app, pilot, "messages", asked="yes or no")
        for width, height in ((80, 24), (150, 40), (60, 40), (110, 30)):
            await pilot.resize_terminal(width, height)
            await pilot.pause()
            assert app.size.width == width
            room = app.room.console.width - 1
            rows = paragraph(app)
            assert " ".join(" ".join(rows).split()) == words.strip()
            for row, behind in pairwise(rows):
                assert len(row) <= room < len(row) + 1 + len(behind.split()[0]), "lines are as long as they can be"
            rule = next(row for row, _ in app.room.lines if row.startswith("── Step 1"))
            assert len(rule) == room

    shown(tmp_path, watch, source, size=(130, 40))


@pytest.mark.parametrize("size", [(80, 24), (100, 24), (119, 24)])
def test_on_24_lines_there_are_more_than_11_for_the_words(tmp_path: Path, size: tuple[int, int]) -> None:
    words = "\n".join(f"say Line {at} of many words.\nsay" for at in range(30))
    source = f"# L\nnodes 5\nstep One\n{words}\nask Now? => leader\nanswer\n"

    async def watch(app: LessonApp, pilot: Pilot[None]) -> None:
        await until(app, pilot, "Line 0 of", asked="Enter: more")
        rows = frame(app).split("\n")
        assert sum("Line " in row or "Lesson" in row or "help says" in row or "Step 1" in row for row in rows) > 11
        assert all(any(f"n{id} " in row for row in rows) for id in range(5)), "all nodes are on the stage"
        assert "NOW" in "\n".join(rows)

    shown(tmp_path, watch, source, size=size)


def test_a_status_that_the_stage_shows_is_not_repeated_unless_it_is_asked_for(tmp_path: Path) -> None:
    source = "# L\nnodes 3\nstep One\nstatus\nstep Two\nwait leader\nbeside status\n"

    async def watch(app: LessonApp, pilot: Pilot[None]) -> None:
        await until(app, pilot, "the stage shows it", asked="play")
        assert "commit" not in " ".join(row for row, _ in app.room.lines)
        await enter(app, pilot, "status")
        await until(app, pilot, "commit", asked="play")
        await enter(app, pilot, "next")
        await until(app, pilot, "before", asked="play")

    shown(tmp_path, watch, source)


@pytest.mark.parametrize("asking", ["?", "h", "help"])
def test_help_is_the_lessons_own_however_it_is_asked_for(tmp_path: Path, asking: str) -> None:
    async def watch(app: LessonApp, pilot: Pilot[None]) -> None:
        await until(app, pilot, "Three nodes", asked="yes or no")
        await enter(app, pilot, asking)
        await until(app, pilot, "Answer the question, or look around", asked="yes or no")
        await enter(app, pilot, "yes")
        await until(app, pilot, "Correct", asked="play")
        await enter(app, pilot, asking)
        await until(app, pilot, "Everything else acts on a copy of the cluster", asked="play")
        assert "no command" not in frame(app)

    shown(tmp_path, watch)


def test_leaving_keeps_the_place(tmp_path: Path) -> None:
    async def watch(app: LessonApp, pilot: Pilot[None]) -> None:
        await until(app, pilot, "Three nodes", asked="yes or no")
        await enter(app, pilot, "yes")
        await until(app, pilot, "Correct", asked="play")
        await enter(app, pilot, "")
        await until(app, pilot, "Step 2 of 3", asked="play")
        await enter(app, pilot, "quit")

    shown(tmp_path, watch, key="a-lesson")
    left = kept(tmp_path / "progress.json").left["a-lesson"]
    assert (left.step, left.seed, left.right) == (1, 7, {5: True})


def test_an_interrupted_command_begins_the_step_again(tmp_path: Path) -> None:
    source = "# L\nnodes 3\nstep One\nsleep 10m\nask Now? => leader\nanswer\n"

    async def watch(app: LessonApp, pilot: Pilot[None]) -> None:
        await until(app, pilot, "$ sleep 10m")
        await tui.until(app, pilot, lambda: app.driver.busy)
        await pilot.press("ctrl+c")
        await until(app, pilot, "Interrupted: this step begins again.")

    shown(tmp_path, watch, source)


def test_hostile_text_is_shown_visibly(tmp_path: Path) -> None:
    bad = "\x1b[31m\u202e"

    async def watch(app: LessonApp, pilot: Pilot[None]) -> str:
        await until(app, pilot, "Three nodes", asked="yes or no")
        await enter(app, pilot, bad)
        await until(app, pilot, "Answer with yes or no", asked="yes or no")
        return frame(app)

    text, _ = shown(tmp_path, watch, SOURCE.replace("no leader.", f"no leader {bad}."))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "no leader \\x1b[31m\\u{202e}." in text


def test_a_lesson_on_a_real_terminal(tmp_path: Path) -> None:
    file = tmp_path / "own.txt"
    file.write_text(SOURCE)
    env = {"XDG_STATE_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    with Terminal("lesson", str(file), "--tui", "--speed", "10", columns=130, rows=40, env=env) as terminal:
        terminal.until("Will there be a leader")
        terminal.until("yes or no")
        terminal.send("yes" + ENTER)
        terminal.until("Correct: yes")
        terminal.until("play >")
        terminal.send("quit" + ENTER)
        assert terminal.ended() == 0
        assert terminal.is_as_before
