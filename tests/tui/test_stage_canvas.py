"""The canvas of the stage: any text anywhere, every line exactly as wide as it should be."""

from hypothesis import given
from hypothesis import strategies as st

from raftplay.tui.model.lines import text_of, width_of
from raftplay.tui.stage.canvas import FREE, SOLID, TEAR, TRAIL, WORD, Canvas
from raftplay.watch.text import visible


def shown(canvas: Canvas) -> list[str]:
    return [text_of(line) for line in canvas.lines()]


def test_what_is_outside_is_cut_off() -> None:
    canvas = Canvas(6, 2)
    assert canvas.put(-2, 0, "abcd") == 2
    assert canvas.put(4, 1, "abcd") == 6
    canvas.put(0, 2, "below")
    canvas.put(9, 0, "right")
    canvas.put(-9, 0, "left")
    assert shown(canvas) == ["cd    ", "    ab"]


def test_half_a_wide_character_is_blanked() -> None:
    canvas = Canvas(8, 1)
    canvas.put(0, 0, "日本語")
    canvas.put(1, 0, "x")
    canvas.put(4, 0, "y")
    assert shown(canvas) == [" x本y   "]
    canvas.put(7, 0, "日")
    assert shown(canvas) == [" x本y   "], "no half of one at the edge"


def test_marks_stay_with_their_letter() -> None:
    canvas = Canvas(4, 1)
    canvas.put(0, 0, "e\u0301f")
    assert shown(canvas) == ["e\u0301f  "]


def test_neighbours_that_look_alike_are_one_piece() -> None:
    canvas = Canvas(6, 1)
    canvas.put(0, 0, "ab", "bold", ("node", 1))
    canvas.put(2, 0, "cd", "bold", ("node", 1))
    canvas.put(4, 0, "ef", "bold", ("node", 2))
    assert [piece.text for piece in canvas.lines()[0]] == ["abcd", "ef"]


def test_a_trail_covers_nothing_and_words_tell_what_they_cover() -> None:
    canvas = Canvas(4, 1)
    canvas.put(0, 0, "T", taken=TEAR)
    canvas.put(1, 0, "W", taken=WORD)
    canvas.put(2, 0, "S", taken=SOLID)
    for x in range(-1, 5):
        canvas.dot(x, 0, ".", "faint")
    assert shown(canvas) == ["TWS."]
    assert [canvas.taken(x, 0) for x in range(-1, 5)] == [SOLID, TEAR, WORD, SOLID, TRAIL, SOLID]
    assert canvas.is_free(3, 0, 1)
    assert not canvas.is_free(3, 0, 1, FREE)
    assert not canvas.is_free(0, 0, 1)
    assert canvas.is_free(0, 0, 1, TEAR)
    assert not canvas.is_free(3, 0, 2)


@given(
    st.integers(0, 12),
    st.integers(0, 3),
    st.lists(st.tuples(st.integers(-5, 15), st.integers(-1, 4), st.text(max_size=8).map(visible))),
)
def test_every_line_is_as_wide_as_the_canvas(width: int, height: int, texts: list[tuple[int, int, str]]) -> None:
    canvas = Canvas(width, height)
    for x, y, text in texts:
        canvas.put(x, y, text)
    assert [width_of(line) for line in canvas.lines()] == [width] * height
