"""The stage at any size, of any cluster: it always fits, shows every node, and can be clicked."""

import random
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import combinations, pairwise, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.amount import several
from support.churn import Churn
from support.effort import effort
from support.tui import view_after

from raftplay import CMState, Harness
from raftplay.past.history import History
from raftplay.past.links import Reachability
from raftplay.past.view import View
from raftplay.raft.messages import AppendEntriesArgs, LogEntry, RequestVoteArgs
from raftplay.tui.model.glyphs import ASCII, UNICODE
from raftplay.tui.model.lines import Pieces, columns, text_of, width_of
from raftplay.tui.stage.places import MOST, places_of
from raftplay.tui.stage.roles import StageRole, role_of, side_names, sides_of
from raftplay.tui.stage.scene import Moving, Scene, moving_of, scene_of
from raftplay.tui.stage.stage import paint

NODES = (1, 2, 3, 4, 5, 5, 5, 6, 7, 7, 8, 9, 25)

HUES = {f"t{n}" for n in range(7)}
GREYS = {"", "text", "dim", "faint", "line", "down", "select"}
MANNERS = {"bold", "hollow", "badge", "bad"}


@cache
def views(n: int) -> tuple[View, ...]:
    """Views of a cluster of `n` nodes to which much was done: moments of the past, and the last one."""
    history = History(limit=3000)
    found = []
    rng = random.Random(n)
    with Harness(n, backend="sim", seed=n, readers=(history,)) as h:
        churn = Churn(h, n, Churn.MIXES[-1]) if n > 1 else None
        for _ in range(12):
            if churn is None:
                h.submit_to_server(0, "日本") if h.cluster[0].cm.state is CMState.LEADER else None
                h.sleep_ms(100)
            else:
                churn.run(0.6)
            now = h.snapshot()
            found += [history.view(rng.randint(history.earliest, history.last_seq), now) for _ in range(4)]
    return tuple(found)


def some_view(n: int, at: int) -> View:
    return views(n)[at % len(views(n))]


def targets(lines: tuple[Pieces, ...]) -> set[tuple[str, int]]:
    return {piece.target for line in lines for piece in line if piece.target is not None}


def texts_of(lines: tuple[Pieces, ...]) -> Iterator[str]:
    return map(text_of, lines)


def fits(lines: tuple[Pieces, ...], width: int, height: int) -> bool:
    return len(lines) == height and all(width_of(line) == width for line in lines)


@settings(max_examples=several(300))
@given(
    st.sampled_from(NODES),
    st.integers(0, 1000),
    st.integers(60, 300),
    st.integers(8, 80),
    st.integers(0, 24),
    st.integers(-1, 24),
    st.booleans(),
)
def test_it_fits_and_shows_every_node(
    n: int, at: int, width: int, height: int, selected: int, spot: int, is_ascii: bool
) -> None:
    view = some_view(n, at)
    scene = replace(
        scene_of(view, selected % n),
        spotlight=min(spot, n - 1),
        skip=at % 3 == 0,
        pulse=(at % n,),
        flash=frozenset({0}),
    )
    lines = paint(scene, width, height, ASCII if is_ascii else UNICODE)
    assert fits(lines, width, height)
    assert paint(scene, width, height, ASCII if is_ascii else UNICODE) == lines
    text = "\n".join(texts_of(lines))
    assert not is_ascii or text.isascii()
    clickable = targets(lines)
    for id in range(n):
        assert f"n{id} " in text
        assert ("node", id) in clickable
    words = {word for line in lines for piece in line for word in piece.style.split(" ")}
    assert words <= HUES | GREYS | MANNERS, "the only hue is that of a term"


@settings(max_examples=several(200))
@given(st.sampled_from(NODES), st.integers(0, 1000), st.integers(0, 70), st.integers(0, 12))
def test_no_size_is_too_small(n: int, at: int, width: int, height: int) -> None:
    assert fits(paint(scene_of(some_view(n, at)), width, height), width, height)


@settings(max_examples=several(300))
@given(st.sampled_from(NODES), st.integers(0, 1000), st.integers(30, 300), st.integers(5, 80))
def test_boxes_are_whole_and_apart(n: int, at: int, width: int, height: int) -> None:
    places = places_of(n, width, height, sides_of(some_view(n, at).snapshot))
    if places is None:
        return
    assert n <= MOST
    for box in places.boxes:
        assert box.x >= 0 <= box.y
        assert box.x + box.width <= width
        assert box.y + box.height <= height
        assert not any(box.y <= row < box.y + box.height for row in (*places.torn, *places.names))
    for a, b in combinations(places.boxes, 2):
        assert a.x + a.width <= b.x or b.x + b.width <= a.x or a.y + a.height <= b.y or b.y + b.height <= a.y


def messages(n: int, ways: list[float], ends: list[str]) -> tuple[Moving, ...]:
    """A message of each direction of each pair, as far as `ways` say, ending as `ends` say."""
    pairs = [(src, dst) for src in range(n) for dst in range(n) if src != dst]
    kinds = (RequestVoteArgs(3, 0, -1, -1), AppendEntriesArgs(2, 0, -1, -1, (LogEntry("日本語", 2),), -1))
    return tuple(
        Moving((at + 1, False), src, dst, kinds[at % 2], ways[at % len(ways)], ends[at % len(ends)], "partition")  # type: ignore[arg-type]
        for at, (src, dst) in enumerate(pairs)
    )


@settings(max_examples=several(200))
@given(
    st.integers(2, 6),
    st.integers(0, 1000),
    st.integers(80, 220),
    st.integers(20, 60),
    st.lists(st.floats(0, 1), min_size=1, max_size=7),
    st.lists(st.sampled_from(("flying", "lost", "held", "arrived")), min_size=1, max_size=3),
)
def test_every_message_has_a_head_that_can_be_clicked_beside_the_boxes(
    n: int, at: int, width: int, height: int, ways: list[float], ends: list[str]
) -> None:
    view = some_view(n, at)
    if places_of(n, width, height, sides_of(view.snapshot)) is None:
        return
    moving = messages(n, ways, ends)
    lines = paint(Scene(view, moving), width, height)
    empty = paint(Scene(view), width, height)
    assert {message.target for message in moving} <= targets(lines)
    for before, after in zip(cells(empty), cells(lines), strict=True):
        if before[1] is not None and before[1][0] in ("node", "entry"):
            assert after == before, "no message covers a box"


def cells(lines: tuple[Pieces, ...]) -> list[tuple[str, object]]:
    found: list[tuple[str, object]] = []
    for line in lines:
        for piece in line:
            for char in piece.text:
                found += [(char, piece.target), ("", piece.target)][: columns(char)]
    return found


def test_no_head_hides_the_one_that_comes_the_other_way() -> None:
    view = view_after("wait leader")
    for at in range(21):
        there, back = (
            (Moving((1, reply), *ends, RequestVoteArgs(1, 0, -1, -1), at / 20))
            for reply, ends in ((False, (1, 4)), (True, (4, 1)))
        )
        for size in ((60, 8), (60, 10), (80, 13), (79, 29), (120, 32), (300, 80)):
            text = "\n".join(texts_of(paint(Scene(view, (there, back)), *size)))
            assert "◀ " in text
            assert " ▶" in text


def test_a_message_moves_on_a_straight_line_and_its_word_with_it() -> None:
    view = view_after("wait leader")
    seen = []
    for at in range(11):
        moving = (Moving((1, False), 1, 4, RequestVoteArgs(1, 1, -1, -1), at / 10),)
        (row,) = (text for text in texts_of(paint(Scene(view, moving), 80, 13)) if "vote? term 1" in text)
        assert "◀ vote? term 1" in row
        seen.append(row.index("◀"))
    assert seen == sorted(seen, reverse=True)
    assert len(set(seen)) > 8


def test_a_message_in_flight_is_as_far_as_its_time_says() -> None:
    view = view_after("wait leader; sleep 100ms; link all delay=20ms; submit x; sleep 10ms")
    ways = {(m.src, m.dst): m.way for m in moving_of(view)}
    assert ways
    assert all(0 < way < 1 for way in ways.values())


def test_a_success_names_the_index_that_it_confirms() -> None:
    view = view_after("wait leader; sleep 100ms; link all delay=20ms; submit x; sleep 30ms")
    confirmed = [m.index for m in moving_of(view) if m.key[1] and m.index >= 0]
    assert confirmed
    assert set(confirmed) == {0}


def test_held_messages_are_held_in_the_past_too_and_others_are_not() -> None:
    view = view_after("wait leader; hold 1->3; sleep 60ms; back 3")
    ends = {(m.src, m.dst): m.end for m in moving_of(view)}
    assert view.rewound
    assert set(ends.values()) <= {"held", "flying"}
    assert all((end == "held") == (pair in view.snapshot.held_links) for pair, end in ends.items())


@pytest.mark.parametrize(("width", "height"), [(80, 13), (79, 29), (120, 32)])
def test_committed_entries_differ_from_appended_ones_without_style(width: int, height: int) -> None:
    view = view_after(
        "wait leader; submit a; wait committed a on 5; partition 0,1 | 2,3,4; submit x to leader; sleep 20ms",
        seed=7,
    )
    text = "\n".join(texts_of(paint(scene_of(view), width, height)))
    assert "log a □x" in text
    assert ("entry", 1) in targets(paint(scene_of(view), width, height))


# ---- what a scene points out, and roles


def role(view: View, id: int) -> StageRole:
    return role_of(view.snapshot.nodes[id], view.snapshot, Reachability(view.snapshot), UNICODE)


def test_a_leader_without_a_majority_is_drawn_as_such() -> None:
    start = "wait leader; submit a; wait committed a on 5"
    assert role(view_after(start, seed=7), 0).sign == "★"
    for fault in (
        "disconnect 0",
        "partition 0,1 | 2,3,4",
        "crash 1; crash 2; crash 3",
        "freeze 1,2,3",
        "freeze 0",
    ):
        there = role(view_after(start, fault, seed=7), 0)
        assert (there.sign, there.word, there.weak) == ("☆", "leader", True), fault
    assert role(view_after(start, "crash 1; crash 2", seed=7), 0).sign == "★"
    later = view_after(start, "partition 0,1 | 2,3,4; wait leader is not 0; heal", seed=7)
    assert [role(later, node.id).sign for node in later.snapshot.nodes if node.state is CMState.LEADER] == [
        "☆",
        "★",
    ]


def test_roles_are_told_by_sign_word_and_border() -> None:
    view = view_after("goto 0.1568s", "crash 4; freeze 3; disconnect 2", seed=7)
    roles = [role(view, id) for id in range(5)]
    assert [r.sign for r in roles] == ["◐", "◐", "●", "●", "✖"]
    assert [r.word for r in roles] == ["CANDIDATE", "CANDIDATE", "follower", "follower", "down"]
    assert [r.state for r in roles] == ["", "", "cut off", "frozen", ""]
    assert len({r.frame for r in roles}) == 3


def test_sides_say_what_they_can_do() -> None:
    view = view_after("wait leader; partition 0,1 | 2,3,4; crash 4")
    sides = sides_of(view.snapshot)
    assert sides == ((0, 1), (2, 3, 4))
    assert side_names(sides, view.snapshot) == ("minority: cannot commit", "too few are up: cannot commit")
    view = view_after("wait leader; disconnect 4")
    assert side_names(sides_of(view.snapshot), view.snapshot) == ("majority: goes on", "minority: cannot commit")


@pytest.mark.parametrize("size", [(60, 8), (80, 13), (120, 32)])
def test_a_new_term_flashes_and_a_spotlight_dims_all_others(size: tuple[int, int]) -> None:
    view = view_after("wait leader; submit a; sleep 30ms", seed=7)
    lines = paint(Scene(view, flash=frozenset({2}), spotlight=1), *size)
    styles: dict[int, set[str]] = {}
    for line in lines:
        for piece in line:
            if piece.target is not None and piece.target[0] == "node":
                styles.setdefault(piece.target[1], set()).add(piece.style)
    assert all(styles[id] == {"faint"} for id in (0, 2, 3, 4))
    assert "t1 bold" in styles[1]
    flashed = [p for line in paint(Scene(view, flash=frozenset({2})), *size) for p in line if "badge" in p.style]
    assert [p.target for p in flashed] == [("node", 2)]


def test_it_is_quick() -> None:
    view = view_after("goto 0.1568s", seed=7)
    scenes = [Scene(view, tuple(replace(m, way=at / 60) for m in moving_of(view))) for at in (0, 30, 59)]
    first, *later = [effort(lambda scene=scene: paint(scene, 120, 40)) for scene in scenes]
    assert first < 800_000, "it lays the nodes out"
    assert max(later) < 150_000, "only the messages have moved"


def side_of_words(lines: tuple[Pieces, ...]) -> str:
    """Where the words of the only message are, seen from its head."""
    head = words = (0, 0)
    for y, text in enumerate(texts_of(lines)):
        for sign in "◀▶▲▼":
            head = (text.index(sign), y) if sign in text else head
        words = (text.index("vote?"), y) if "vote?" in text else words
    assert abs(words[1] - head[1]) <= 5, "words are near their head"
    if words[1] != head[1]:
        return "above" if words[1] < head[1] else "below"
    return "left" if words[0] < head[0] else "right"


@pytest.mark.parametrize(("size", "most"), [((60, 8), 26), ((80, 13), 20), ((79, 29), 14), ((120, 32), 7)])
def test_words_seldom_change_their_side_on_the_way(size: tuple[int, int], most: int) -> None:
    view = view_after("wait leader")
    changes = 0
    for src, dst in permutations(range(5), 2):
        seen = [
            side_of_words(
                paint(Scene(view, (Moving((1, False), src, dst, RequestVoteArgs(1, 1, -1, -1), at / 30),)), *size)
            )
            for at in range(31)
        ]
        changes += sum(a != b for a, b in pairwise(seen))
    assert changes <= most, "of 20 flights"


def test_only_equal_messages_at_one_place_are_counted() -> None:
    view = view_after("wait leader")
    beat, request = (
        AppendEntriesArgs(1, 0, -1, -1, (), -1),
        AppendEntriesArgs(1, 0, -1, -1, (LogEntry("a", 1),), -1),
    )
    for size in ((80, 13), (79, 29), (120, 32)):
        unlike = (Moving((1, False), 0, 1, beat), Moving((2, False), 0, 1, request))
        text = "\n".join(texts_of(paint(Scene(view, unlike), *size)))
        assert "×" not in text, "a request and a heartbeat are not two of one kind"
        assert "append a" in text
        assert targets(paint(Scene(view, unlike), *size)) >= {unlike[0].target, unlike[1].target}
        alike = (Moving((1, False), 0, 1, request), Moving((2, False), 0, 1, request))
        assert "append a (0) ×2" in "\n".join(texts_of(paint(Scene(view, alike), *size)))
