"""The demo: what is explained to a person who only watches, and that any key ends it."""

from pathlib import Path

import pytest
from support.amount import several
from support.command_line import raftplay
from support.tui import session_of, until
from support.wall import Watched
from test_first_run import kept_at, live_played
from textual.pilot import Pilot

from raftplay.tui.app import RaftApp
from raftplay.tui.demo import ACTS, Demo
from raftplay.tui.model.lines import text_of
from raftplay.tui.stage.sentence import sentence

MINUTE = 60.0


@pytest.mark.parametrize("seed", range(several(5, least=2)))
def test_a_minute_without_a_key_explains_an_election_a_commit_and_a_crash(seed: int) -> None:
    told: list[str] = []
    with Watched(session_of(seed=seed)) as watched:
        demo = Demo()
        while watched.wall < MINUTE:
            scene = watched.tick()
            now, why, _ = sentence(scene)
            if not told or told[-1] != f"{now} {why}":
                told.append(f"{now} {why}")
            if line := demo.due(watched.wall, scene, is_free=True):
                watched.do(line)
        done = [entry.text for entry in watched.session.branch.journal]
    assert done[:2] == ["submit 1", "crash leader"]
    text, rest = "\n".join(told), 0
    for words in (
        "asks for votes in term 1", "it leads term 1", "appends 1 to its log", "1 is committed: 3 of 5 nodes have it",
        "crashed: 4 of 5 nodes are left, still a majority", "Its heartbeats stop", "asks for votes in term 2",
        "it leads term 2",
    ):  # fmt: skip
        assert words in text[rest:], text
        rest = text.index(words, rest)


def test_all_acts_of_the_demo_are_seen_and_it_begins_again() -> None:
    with Watched(session_of(seed=3)) as watched:
        demo, done = Demo(), list[str]()
        while len(done) <= len(ACTS):
            assert watched.wall < 400, done
            if line := demo.due(watched.wall, watched.tick(), is_free=True):
                watched.do(line)
                done.append(line.split()[0])
    assert done == ["submit", "crash", "submit", "restart", "partition", "submit", "heal", "submit"]


@pytest.mark.parametrize("key", ["c", "space", "enter", "p"][: several(4)])
def test_any_key_ends_the_demo_and_does_nothing_else(key: str, tmp_path: Path) -> None:
    async def watch(app: RaftApp, pilot: Pilot[None]) -> None:
        app.stops = False  # what is seen for the first time would pause the cluster
        await pilot.press("d")
        assert app.demo is not None
        await until(app, pilot, lambda: "demo: raftplay submits a command" in text_of(app.first.line))
        await until(app, pilot, lambda: any(node.log for node in app.seen.snapshot.nodes))
        done = [entry.text for entry in app.driver.session.branch.journal]
        await pilot.press(key)
        await pilot.pause()
        assert app.demo is None
        assert [entry.text for entry in app.driver.session.branch.journal] == done
        assert not app.seen.snapshot.paused
        await pilot.press("space")
        await until(app, pilot, lambda: app.seen.snapshot.paused)

    live_played(watch, kept_at(tmp_path))


@pytest.mark.parametrize(
    "more", [["split-brain"], ["--last"], ["--present"], ["--pace", "real"], ["--data-dir", "x"]]
)
def test_the_demo_is_for_a_new_cluster(more: list[str]) -> None:
    done = raftplay("tui", "--demo", *more)
    assert done.status == 2
    assert "--demo shows a new cluster at pace watch" in done.err
    assert "Traceback" not in done.err
