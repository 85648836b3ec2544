"""Two branches at one moment: the steps of both, the tape that they share, and in words what differs."""

import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from support.tui import done, still, texts

from raftplay.session.session import Session
from raftplay.tui.comparing import first_deed, side_of
from raftplay.tui.driver import Still
from raftplay.tui.model.glyphs import ASCII, UNICODE
from raftplay.tui.stage.comparison import paint_pair
from raftplay.tui.stage.differing import node_words, sentence_of
from raftplay.tui.stage.pair import Pair
from raftplay.tui.stage.pair_tape import draw_pair

FOLDER = Path(__file__).parent / "comparisons"

NAMES = ("main", "b1")

STORY = (
    "wait leader; submit 1; wait committed 1 on 5; submit 2; wait committed 2 on 5",
    "sleep 400ms",
    "goto 0.17s",
)
"""The past of both branches: n0 leads term 1."""

CRASHED = ("crash leader", "sleep 300ms", "submit y", "sleep 300ms")
"""The other future."""


def pair_of(session: Session) -> Pair:
    return Pair(*(side_of(session, session.branches[name]) for name in NAMES))


@pytest.fixture
def forked() -> Iterator[Still]:
    """Two branches of one cluster: n0 leads in the one, it crashed in the other."""
    with still(*STORY, *CRASHED) as driver:
        yield driver


# ---- the steps


def test_every_event_of_both_is_one_step_and_what_they_share_is_walked_once(forked: Still) -> None:
    pair = pair_of(forked.session)
    one, other = pair.sides
    parting = pair.parting
    assert parting is not None
    assert [step.time for step in pair.steps] == sorted(step.time for step in pair.steps)
    assert all(step.seqs == (at, at) for at, step in enumerate(pair.steps[:parting]))
    assert one.records[: parting - 1] == other.records[: parting - 1]
    assert one.records[parting - 1] != other.records[parting - 1]
    seqs = [step.seqs for step in pair.steps]
    assert seqs[-1] == (len(one.records), len(other.records))
    for before, after in pairwise(seqs):
        by = (after[0] - before[0], after[1] - before[1])
        assert by in ((1, 0), (0, 1), (1, 1))


def test_a_step_shows_each_branch_after_its_last_event_by_then(forked: Still) -> None:
    pair = pair_of(forked.session)
    pair.part()
    assert pair.step.time == pytest.approx(0.17)
    before = pair.at
    pair.move(1)
    pair.move(-1)
    assert pair.at == before
    for at in (0, pair.at - 1, pair.at, pair.at + 7, len(pair.steps) - 1):
        pair.go(at)
        views = pair.views()
        assert tuple(len(view.records) for view in views) == pair.step.seqs
        assert [view.branch for view in views] == list(NAMES)
        assert all(view.rewound for view in views)
        times = [view.snapshot.time for view in views]
        assert times == [min(pair.step.time, side.end) for side in pair.sides]


def test_it_begins_where_both_still_go_on_and_stays_within_the_ends(forked: Still) -> None:
    pair = pair_of(forked.session)
    assert pair.step.time <= min(side.end for side in pair.sides)
    assert pair.at > (pair.parting or 0)
    pair.move(10_000)
    assert pair.at == len(pair.steps) - 1
    assert pair.has_ended(0) != pair.has_ended(1)
    pair.move(-10_000)
    assert (pair.at, pair.is_common) == (0, True)
    pair.mark(1)
    assert pair.sides[0].tape.marks[0].seq == pair.step.seqs[0]
    pair.mark(-1)
    assert pair.at == 0
    pair.part()
    pair.mark(1)
    assert "down" in {mark.kind for mark in pair.sides[1].tape.marks if mark.seq == pair.step.seqs[1]} or (
        pair.step.seqs[0] in {mark.seq for mark in pair.sides[0].tape.marks}
    )


def test_a_branch_that_has_just_begun_is_shown_at_the_end_of_the_other() -> None:
    with still(*STORY, "crash leader") as driver:
        pair = pair_of(driver.session)
    assert pair.step.time == pytest.approx(pair.sides[0].records[-1].time)
    assert pair.has_ended(1)


# ---- the tape


def cells(pair: Pair, width: int = 120) -> list[str]:
    return ["".join(piece.text for piece in line).ljust(width) for line in draw_pair(pair, width, UNICODE)]


def test_a_column_of_the_tape_is_a_moment_of_both(forked: Still) -> None:
    pair = pair_of(forked.session)
    for at in range(0, len(pair.steps), 23):
        pair.go(at)
        rows = draw_pair(pair, 120, UNICODE)
        here = [
            [x for x, piece in enumerate(line[1:]) if piece.style.startswith("past bold")] for line in rows[:2]
        ]
        assert len(here[0]) == 1
        assert here[0] == here[1]


def test_a_click_on_a_mark_goes_to_its_moment(forked: Still) -> None:
    pair = pair_of(forked.session)
    rows = draw_pair(pair, 120, UNICODE)
    shown = 0
    for line, side in zip(rows, pair.sides, strict=False):
        for mark in side.tape.marks:
            steps = {piece.target[1] for piece in line if piece.target is not None}
            assert steps
            times = {round(pair.steps[step].time, 9) for step in steps}
            shown += round(mark.time, 9) in times
    assert shown >= sum(len(side.tape.marks) for side in pair.sides) - 1
    pair.part()
    assert {piece.target[0] for line in rows for piece in line if piece.target is not None} == {"moment"}


def test_the_parting_is_marked_and_named(forked: Still) -> None:
    pair = pair_of(forked.session)
    one, other, times = cells(pair)
    at = other.index("╰")
    assert other[6:at].strip() == ""
    assert one[6:at].strip()
    assert times[at + 1 :].startswith("parted at 0.170 s")
    assert times[at - 40 : at].strip() == "0 s"


# ---- what differs


def test_what_differs_is_said_in_one_sentence_with_a_part_for_each_side() -> None:
    with still("wait leader; sleep 400ms", "goto 0.17s", "crash leader", "wait leader; sleep 10ms") as driver:
        pair = pair_of(driver.session)
        one, other = (view.snapshot for view in pair.views())
    assert sentence_of(one, other, NAMES) == "main: n0 leads term 1; b1: n0 is down, n2 leads term 2"
    assert sentence_of(other, one, NAMES) == "main: n0 is down, n2 leads term 2; b1: n0 leads term 1"
    assert sentence_of(one, one, NAMES) == ""
    assert node_words(one, other)[0] == "up or down"
    assert set(node_words(one, other)[1:]) == {"term", "role, term"}
    assert set(node_words(one, one)) == {""}


@pytest.mark.parametrize(
    ("line", "words", "sentence"),
    [
        ("freeze 2", "frozen", "main: n2 is up; b1: n2 is frozen"),
        ("disconnect 2", "cut off", "main: n2 is up; b1: n2 is cut off"),
        ("partition 0,1 | 2,3,4", "", "main: no partition; b1: partition 0 1 | 2 3 4"),
        ("timeout 2", "role, term", "main: n0 leads term 1; b1: n0 leads term 1, n2 asks for votes in term 2"),
        ("crash 1,2", "up or down", "main: n1 and n2 are up; b1: n1 and n2 are down"),
        (
            "submit x",
            "",
            "main: no entry 0 on n0; b1: entry 0 is x of term 1 on n0",
        ),
        (
            "submit x; wait committed x on 5",
            "log, commit",
            "main: nothing is committed, no entry 0 on n0 n1 n2 n3 n4; "
            "b1: committed up to 0, entry 0 is x of term 1 on n0 n1 n2 n3 n4",
        ),
    ],
)
def test_each_difference_has_words(line: str, words: str, sentence: str) -> None:
    with still("wait leader; sleep 400ms", "goto 0.17s") as driver:
        for one in line.split("; "):
            done(driver, one)
        done(driver, "pause; messages")
        now = driver.session.harness.now
        pair = pair_of(driver.session)
        pair.go_to(now)
        before, after = (view.snapshot for view in pair.views())
    assert sentence_of(before, after, NAMES) == sentence
    assert node_words(before, after)[2] == words


# ---- the screen


def painted(pair: Pair, size: tuple[int, int], *, ascii: bool = False, front: int = 0) -> list[str]:
    glyphs = ASCII if ascii else UNICODE
    return texts(paint_pair(pair, *size, glyphs, front=front, cause="in b1, crash leader"))


def test_the_screen_is_as_it_was_read_last(forked: Still) -> None:
    pair = pair_of(forked.session)
    frames = {}
    for name, size in (("wide", (120, 39)), ("tall", (80, 43)), ("small", (80, 23)), ("least", (60, 15))):
        frames[name] = painted(pair, size, front=1)
        assert len(frames[name]) == size[1]
    frames["ascii"] = painted(pair, (120, 39), ascii=True)
    pair.part()
    frames["parting"] = painted(pair, (120, 39))
    pair.move(-1)
    frames["before"] = painted(pair, (80, 23))
    pair.move(10_000)
    frames["end"] = painted(pair, (200, 49))
    for name, lines in frames.items():
        file = FOLDER / f"{name}.txt"
        if os.environ.get("RAFTPLAY_FRAMES") == "write":
            FOLDER.mkdir(exist_ok=True)
            file.write_text("\n".join(lines) + "\n", "utf-8")
        assert "\n".join(lines) + "\n" == file.read_text("utf-8")
    assert {file.stem for file in FOLDER.glob("*.txt")} == set(frames)


@pytest.mark.parametrize("nodes", [1, 3, 7, 9, 25])
def test_any_size_of_cluster_and_screen_can_be_compared(nodes: int) -> None:
    with still("wait leader; sleep 100ms", "back 3", "crash 0", "sleep 50ms", nodes=nodes) as driver:
        pair = pair_of(driver.session)
        for size in ((60, 15), (80, 23), (119, 60), (120, 29), (300, 89)):
            lines = paint_pair(pair, *size, UNICODE)
            assert len(lines) == size[1]
            assert {sum(len(piece.text) for piece in line) for line in lines} == {size[0]}


def test_the_first_command_of_a_branch_says_how_the_two_parted(forked: Still) -> None:
    assert first_deed(forked.session.branches["b1"]) == "crash leader"
    assert first_deed(forked.session.branches["main"]) == ""
