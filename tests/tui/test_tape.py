"""The tape: as it was read last at three sizes, always as wide as asked for, quick and small however long it is.

The tapes are in `tapes/`; RAFTPLAY_FRAMES=write pytest tests/tui/test_tape.py writes them anew.
"""

import os
import random
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.amount import several
from support.churn import Churn
from support.effort import effort
from support.tui import done, still, texts, view_after

from raftplay import Harness
from raftplay.past.history import History
from raftplay.raft import decisions
from raftplay.raft.messages import CMState
from raftplay.tui.model.glyphs import ASCII, UNICODE, Glyphs
from raftplay.tui.model.lines import Pieces, width_of
from raftplay.tui.stage.tape import MOST, Tape, TapeRow, draw, tape_of
from raftplay.watch import facts
from raftplay.watch.facts import Record
from raftplay.watch.invariants import Breach

FOLDER = Path(__file__).parent / "tapes"
WIDTHS = (60, 80, 120)

CASES = {
    "start": "sleep 50ms",
    "election": "wait leader; submit a; sleep 40ms",
    "crash": "wait leader; submit a; sleep 80ms; crash leader; wait leader; submit b; sleep 60ms; restart 1; sleep 2s",
    "partition": "wait leader; submit a; sleep 60ms; partition 0,1 | 2,3,4; sleep 900ms; heal; sleep 200ms",
    "faults": "wait leader; disconnect 0; freeze 2; sleep 50ms; thaw 2; reconnect 0; cut 3->4; sleep 300ms",
}


def read_or_write(name: str, frames: list[str]) -> None:
    text = "\n".join(frames) + "\n"
    file = FOLDER / f"{name}.txt"
    if os.environ.get("RAFTPLAY_FRAMES") == "write":
        FOLDER.mkdir(exist_ok=True)
        file.write_text(text, "utf-8")
    assert text == file.read_text("utf-8")


def framed(rows: list[TapeRow], height: int = 2, **options: object) -> list[str]:
    frames = []
    for width in WIDTHS:
        drawn = draw(rows, width, height, **options)  # type: ignore[arg-type]
        frames += [f"== {width}", *texts(drawn)]
    return frames


@pytest.mark.parametrize("name", CASES)
def test_a_tape_is_as_it_was_read_last(name: str) -> None:
    view = view_after(CASES[name], seed=3)
    tape = tape_of(view.records)
    middle = view.records[len(view.records) // 2]
    frames = framed([TapeRow("", tape)])
    frames += ["== in the past", *texts(draw([TapeRow("", tape)], 80, 2, at=middle.seq, time=middle.time))]
    frames += ["== ascii", *texts(draw([TapeRow("", tape)], 80, 2, ASCII))]
    assert all(frame.isascii() for frame in frames[-2:])
    read_or_write(name, frames)


@cache
def forked() -> tuple[Tape, Tape, int]:
    """The tapes of two branches, and the event where the second began."""
    with still("wait leader; submit a; sleep 120ms; submit b; sleep 30ms", seed=3) as driver:
        main = tape_of(driver.session.history.records())
        for line in ("goto 0.3s", "crash leader", "wait leader; sleep 300ms"):
            done(driver, line)
        branches = driver.session.branches
        assert driver.session.branch.name == "b1"
        return main, tape_of(driver.session.history.records()), branches["b1"].since.seq


def test_branches_are_drawn_below_from_where_they_began() -> None:
    main, other, since = forked()
    rows = [TapeRow("main", main), TapeRow("b1", other, since)]
    frames = framed(rows, 3)
    frames += [
        "== the other way round",
        *texts(draw([TapeRow("b1", other), TapeRow("main", main, since)], 100, 3)),
    ]
    more = [*rows, TapeRow("b2", other, since), TapeRow("b3", other, since)]
    frames += ["== more than fit", *texts(draw(more, 100, 4)), "== one row", *texts(draw(more, 100, 1))]
    read_or_write("branches", frames)


def test_no_tape_is_left_over() -> None:
    assert {file.stem for file in FOLDER.glob("*.txt")} == {*CASES, "branches"}


# ---- what is clicked


def targets(line: Pieces) -> list[int]:
    return [piece.target[1] for piece in line if piece.target is not None and piece.target[0] == "tape"]


def test_a_click_on_a_cell_goes_to_its_moment() -> None:
    view = view_after(CASES["crash"], seed=3)
    tape = tape_of(view.records)
    row, ruler, *_ = draw([TapeRow("", tape)], 100, 2)
    found = targets(row)
    assert found == sorted(found)
    assert found[-1] == view.records[-1].seq
    assert {mark.seq for mark in tape.marks if mark.kind in ("leader", "down")} <= set(found)
    for piece in row:
        mark = next((m for m in tape.marks if piece.target == ("tape", m.seq)), None)
        if piece.text == "★":
            assert mark is not None
            assert mark.kind == "leader"
    leads = next(piece for piece in ruler if piece.target is not None and piece.text == "n")
    assert leads.target in {("tape", mark.seq) for mark in tape.marks}


def test_what_is_forgotten_cannot_be_gone_to_but_is_seen() -> None:
    view = view_after(CASES["crash"], seed=3)
    tape = tape_of(view.records)
    row = draw([TapeRow("", tape)], 80, 2, earliest=200)[0]
    assert min(targets(row)) == 200
    assert any(piece.style == "faint" for piece in row)
    assert texts(draw([TapeRow("", tape)], 80, 2, earliest=200)) == texts(draw([TapeRow("", tape)], 80, 2))


def test_another_branch_says_its_name_when_clicked() -> None:
    main, other, since = forked()
    row = draw([TapeRow("main", main), TapeRow("b1", other, since)], 100, 3)[2]
    clicked = {piece.target for piece in row if piece.target is not None}
    assert {kind for kind, _ in clicked} == {"tape b1"}
    assert min(seq for _, seq in clicked) >= since - 5


def test_marks_are_gone_to_one_after_another() -> None:
    tape = tape_of(view_after(CASES["crash"], seed=3).records)
    seqs = [mark.seq for mark in tape.marks]
    assert [tape.next(seq) for seq in seqs[:-1]] == seqs[1:]
    assert [tape.previous(seq) for seq in seqs[1:]] == seqs[:-1]
    assert tape.next(seqs[-1]) == tape.last_seq
    assert tape.previous(0) == seqs[0]
    assert tape.previous(seqs[1] + 1) == seqs[1]
    assert Tape().next(3) == Tape().previous(3) == 0


# ---- reading


def test_records_are_read_once_in_pieces_or_by_the_stream() -> None:
    records = list(view_after(CASES["partition"], seed=3).records)
    whole, pieces = tape_of(records), Tape()
    for end in range(0, len(records), 7):
        pieces.read(records[:end])
        pieces.read(records[:end])
    pieces.read(records)
    pieces.read(records[:20])  # a look at the past takes nothing away
    assert pieces.marks == whole.marks
    assert pieces.last_seq == whole.last_seq == records[-1].seq
    streamed = Tape()
    with Harness(5, backend="sim", seed=3, readers=(streamed,)) as h:
        h.sleep_ms(400)
    assert [mark.kind for mark in streamed.marks[:3]] == ["start", "candidate", "leader"]


def test_a_violation_is_marked_where_it_happened() -> None:
    records = view_after(CASES["crash"], seed=3).records
    for at in (0, len(records) // 2, len(records) - 1):
        record = records[at]
        breach = Breach("Log Matching", ("one", "other"), record.seq, record.time, 1, "x")
        tape = tape_of(records, breach)
        tape.read(records, breach)
        found = [mark for mark in tape.marks if mark.kind == "breach"]
        assert [(mark.seq, mark.text) for mark in found] == [(record.seq, "Log Matching")]
        assert [mark.seq for mark in tape.marks] == sorted(mark.seq for mark in tape.marks)
        assert [mark.place for mark in tape.marks] == sorted(mark.place for mark in tape.marks)
        assert any(
            piece.text == "✗" and piece.style == "bad bold" for piece in draw([TapeRow("", tape)], 80, 1)[0]
        )


@cache
def churned() -> tuple[Record, ...]:
    history = History(limit=100_000)
    with Harness(5, backend="sim", seed=4, readers=(history,)) as h:
        Churn(h, 4, Churn.MIXES[-1]).run(12)
    return tuple(history.records())


@settings(max_examples=several(150))
@given(st.integers(0, 220), st.integers(0, 6), st.integers(0, 10**6), st.integers(1, 10**6), st.sampled_from([UNICODE, ASCII]))  # fmt: skip
def test_a_tape_has_exactly_the_size_that_was_asked_for(
    width: int, height: int, at: int, end: int, glyphs: Glyphs
) -> None:
    records = churned()
    tape = tape_of(records[: end % len(records)])
    main, other, since = forked()
    for rows in (
        [TapeRow("", tape)],
        [TapeRow("日本語の枝", main), TapeRow("b1", other, since), TapeRow("b2", tape, 3)],
        [],
    ):
        drawn = draw(rows, width, height, glyphs, at=at % (tape.last_seq + 2), earliest=at % 50)
        assert [width_of(line) for line in drawn] == [width] * height


def storm(count: int) -> list[Record]:
    """Elections, commits and crashes, one hundred events between two of them, for hours."""
    rng = random.Random(1)
    out: list[Record] = []
    at = 0.0
    term = 0
    for seq in range(1, count + 1):
        at += rng.random() * 0.02
        state = decisions.NodeState(CMState.LEADER, term, 0, seq, term, seq, seq)
        event: facts.Event = decisions.HeartbeatDue()
        if seq % 20 == 0:
            term += 1
            event = decisions.ElectionStarted(term)
        elif seq % 20 == 1:
            event = decisions.BecameLeader(term, (0, 1, 2))
        elif seq % 20 == 7:
            event = decisions.CommitAdvanced(seq, "majority", (0, 1, 2))
        out.append(Record(seq, at, seq % 5, 0, event, state))
    return out


def test_a_hundred_thousand_events_stay_quick_and_small() -> None:
    """Each event is looked at once, when it comes; to paint takes a look at the marks, which are few."""
    records = storm(100_000)
    assert effort(lambda: tape_of(records[:5_000])) < 400 * 5_000
    tape = tape_of(records[:-100])
    assert effort(lambda: tape.read(records)) < 400 * 100
    assert len(tape.marks) <= MOST
    assert tape.marks[0].seq == 1
    assert tape.marks[-1].seq > 99_980
    assert effort(lambda: tape.read(records)) < 100, "nothing is new"
    assert effort(lambda: draw([TapeRow("", tape)], 120, 2)) < 250_000
    assert all(width_of(line) == 120 for line in draw([TapeRow("", tape)], 120, 2))


def test_the_oldest_marks_are_merged_and_the_term_is_kept() -> None:
    tape = tape_of(storm(40_000))
    assert [mark.term for mark in tape.marks] == sorted(mark.term for mark in tape.marks)
    assert [mark.place for mark in tape.marks] == sorted(mark.place for mark in tape.marks)
    old, new = tape.marks[: MOST // 4], tape.marks[-50:]
    gaps = [b.seq - a.seq for marks in (old, new) for a, b in pairwise(marks)]
    assert max(gaps[: len(old) - 1]) > max(gaps[len(old) - 1 :])
