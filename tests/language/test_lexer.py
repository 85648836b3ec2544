"""Lines into statements into words: as a POSIX shell splits them, each with its place."""

import pytest
from support.language import statements, words

from raftplay.language.lexer import MAX_LINE_BYTES, Mistake, split_line


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("submit 1", ["submit", "1"]),
        ("  submit \t 1\t", ["submit", "1"]),
        ("submit 'two words'", ["submit", "two words"]),
        ('submit "two  words"', ["submit", "two  words"]),
        ("submit a'b c'd", ["submit", "ab cd"]),
        ('submit "it\'s"', ["submit", "it's"]),
        (r'submit "a \"quoted\" \\ \$x \n"', ["submit", r'a "quoted" \ $x \n']),
        (r"submit 'a\b'", ["submit", r"a\b"]),
        (r"submit a\ b", ["submit", "a b"]),
        (r"submit \#1", ["submit", "#1"]),
        ("submit a#b", ["submit", "a#b"]),
        ("submit ''", ["submit", ""]),
        ("submit ';#'", ["submit", ";#"]),
        ("partition 0,1 | 2", ["partition", "0,1", "|", "2"]),
        ("submit 漢字 é", ["submit", "漢字", "é"]),
    ],
)
def test_words_split_as_a_posix_shell_splits_them(line: str, expected: list[str]) -> None:
    assert words(line) == expected


def test_semicolons_separate_statements_and_may_stand_anywhere() -> None:
    texts = [statement.text for statement in statements(";submit 1;; crash 0 ;wait leader;")]
    assert texts == ["submit 1", "crash 0", "wait leader"]


@pytest.mark.parametrize("line", ["", "   ", "\t", ";", " ; ; "])
def test_a_line_without_words_is_no_statement(line: str) -> None:
    assert split_line(line) == ([], None)


@pytest.mark.parametrize(
    ("line", "count", "comment"),
    [
        ("# alone", 0, "alone"),
        ("#", 0, ""),
        ("#tight", 0, "tight"),
        ("#   indented   ", 0, "  indented"),
        ("submit 1 # behind; submit 2", 1, "behind; submit 2"),
        ("submit 1;# behind", 1, "behind"),
        ("submit '#' # it's \"open", 1, "it's \"open"),
    ],
)
def test_a_comment_begins_with_a_word_and_keeps_its_indentation(line: str, count: int, comment: str) -> None:
    found, text = split_line(line)
    assert (len(found), text) == (count, comment)


def test_every_word_knows_its_column_and_length_as_written() -> None:
    first, second = statements("  submit 'a b' to n0; crash 漢")
    assert [(w.text, w.column, w.length, w.quoted) for w in first.words] == [
        ("submit", 3, 6, False),
        ("a b", 10, 5, True),
        ("to", 16, 2, False),
        ("n0", 19, 2, False),
    ]
    assert [(w.text, w.column, w.length) for w in second.words] == [("crash", 23, 5), ("漢", 29, 1)]
    assert first.text == "submit 'a b' to n0"


@pytest.mark.parametrize(
    ("line", "column", "part"),
    [
        ("submit 'open", 8, "no closing '"),
        ('submit a"open', 9, 'no closing "'),
        ("submit a\\", 9, "has no meaning"),
        ("submit\u00a01", 7, "U+00A0 does not separate words"),
        ("submit 1\r", 9, "U+000D"),
        ("submit 1\u2028crash 0", 9, "U+2028"),
        ("submit\x0b1", 7, "U+000B"),
    ],
)
def test_a_mistake_in_a_line_knows_its_column(line: str, column: int, part: str) -> None:
    with pytest.raises(Mistake) as raised:
        split_line(line, 3)
    assert (raised.value.line, raised.value.column) == (3, column)
    assert part in raised.value.message


def test_exotic_spaces_are_kept_in_quotes_and_in_comments() -> None:
    assert words("submit 'a\u00a0\x0b\u2028b'") == ["submit", "a\u00a0\x0b\u2028b"]
    assert split_line("# a\u2028b\x0b") == ([], "a\u2028b")


def test_a_line_has_at_most_64_kib() -> None:
    full = "submit " + "é" * ((MAX_LINE_BYTES - 8) // 2) + "x"
    assert len(full.encode()) == MAX_LINE_BYTES
    assert len(words(full)) == 2
    with pytest.raises(Mistake, match="the line has 65537 bytes; at most 65536"):
        split_line(full + "x")


def test_half_a_surrogate_pair_is_split_like_any_character() -> None:
    assert words("submit \ud800") == ["submit", "\ud800"]  # a terminal may hand one to the shell


# ---- the caret


def rendered(line: str, column: int, length: int) -> list[str]:
    return Mistake("wrong", 1, column, length, line).render("s").split("\n")[1:]


@pytest.mark.parametrize(
    ("line", "column", "length", "shown", "caret"),
    [
        ("crash 9", 7, 1, "  crash 9", "        ^"),
        ("crash nine", 7, 4, "  crash nine", "        ^~~~"),
        ("submit 漢字 to x", 14, 1, "  submit 漢字 to x", "                 ^"),
        ("crash 漢字", 7, 2, "  crash 漢字", "        ^~~~"),
        ("\tcrash\tx", 8, 1, "      crash    x", "               ^"),
        ("a e\u0301 x", 6, 1, "  a e\u0301 x", "      ^"),
        ("'\x1b[2J' x", 8, 1, "  '\\x1b[2J' x", "            ^"),
        ("\u202ea x", 4, 1, "  \\u{202e}a x", "            ^"),
        ("crash", 6, 1, "  crash", "       ^"),
    ],
)
def test_the_caret_stands_under_the_mistake(line: str, column: int, length: int, shown: str, caret: str) -> None:
    assert rendered(line, column, length) == [shown, caret]


def test_of_a_long_line_the_part_around_the_mistake_is_shown() -> None:
    line = "submit " + "x" * 300 + " to nobody " + "y" * 300
    text, caret = rendered(line, line.index("nobody") + 1, 6)
    assert text.startswith("  …")
    assert text.endswith("…")
    assert len(text) < 110
    assert text[caret.index("^") :].startswith("nobody")
    assert caret.endswith("^~~~~~")


def test_a_mistake_longer_than_what_is_shown_is_underlined_as_far_as_it_is_shown() -> None:
    text, caret = rendered("x" * 1000, 1, 1000)
    assert text == "  " + "x" * 100 + "…"
    assert caret == "  ^" + "~" * 99
