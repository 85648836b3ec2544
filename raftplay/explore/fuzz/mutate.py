"""Damaged bytes: invalid, but close enough to valid frames to get far into a parser."""

import random
import re
from collections.abc import Callable, Sequence

_NUMBER = re.compile(rb"-?\d+")
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|-?\d+|true|false|null|[\[\]{},:]')

NUMBERS = (
    b"0", b"-1", b"-2", b"1", b"2", b"7", b"255", b"65536", b"2147483647", b"4294967296", b"1099511627775",
    b"4611686018427387904", b"9223372036854775807", b"18446744073709551616", b"1.5", b"1e3", b"1e999", b"-0",
    b"00", b"0x1", b"NaN", b"9" * 30, b"9" * 4300, b"9" * 20_000,
)  # fmt: skip
"""Replacements for a number: the ends of every range, and invalid numbers."""

TOKENS = (
    b"null", b"true", b"false", b'""', b'"x"', b"[]", b"{}", b"[[]]", b'{"a":1}', b'"\\ud800"', b'"\\u0000"',
    b'"call"', b'"reply"', b'"RequestVote"', b'"AppendEntries"', b'"Vote"', b'"Appended"', b'"\xff"', b",", b"]",
    b"[", b"[" * 200, b"[" * 20_000, b'"' + b"x" * 70_000 + b'"',
)  # fmt: skip
"""Replacements for any token of JSON."""

HOW_OFTEN = (1, 1, 1, 1, 2, 2, 3, 5)
"""The number of changes to a text: one change leaves most of it whole."""


class Mutator:
    """Changes texts of `corpus`, each in a different way; `dice` decides everything."""

    def __init__(self, corpus: Sequence[bytes], dice: random.Random) -> None:
        self.corpus = corpus
        self.dice = dice
        self._ways: tuple[Callable[[bytes], bytes], ...] = (
            self._flip,
            self._overwrite,
            self._insert,
            self._cut_out,
            self._double,
            self._number,
            self._number,
            self._number,
            self._token,
            self._token,
            self._splice,
        )

    def text(self) -> bytes:
        """Return one text of the corpus, changed once or a few times; rarely only random bytes."""
        if self.dice.random() < 0.02:
            return self.dice.randbytes(self.dice.randrange(200))
        text = self.dice.choice(self.corpus)
        for _ in range(self.dice.choice(HOW_OFTEN)):
            text = self.dice.choice(self._ways)(text)
        return text

    def _at(self, text: bytes) -> tuple[int, int]:
        """Return the start and end of a random part of `text`, usually a short one."""
        start = self.dice.randrange(len(text) + 1)
        return start, min(len(text), start + self.dice.choice((1, 1, 2, 4, 16, 64)))

    def _flip(self, text: bytes) -> bytes:
        if not text:
            return text
        at = self.dice.randrange(len(text))
        return text[:at] + bytes((text[at] ^ (1 << self.dice.randrange(8)),)) + text[at + 1 :]

    def _overwrite(self, text: bytes) -> bytes:
        start, end = self._at(text)
        return text[:start] + self.dice.randbytes(end - start) + text[end:]

    def _insert(self, text: bytes) -> bytes:
        at, _ = self._at(text)
        return text[:at] + self.dice.randbytes(self.dice.randint(1, 8)) + text[at:]

    def _cut_out(self, text: bytes) -> bytes:
        start, end = self._at(text)
        return text[:start] + text[end:]

    def _double(self, text: bytes) -> bytes:
        start, end = self._at(text)
        return text[:end] + text[start:end] * self.dice.choice((1, 1, 1, 50)) + text[end:]

    def _number(self, text: bytes) -> bytes:
        return self._replace(_NUMBER, NUMBERS, text)

    def _token(self, text: bytes) -> bytes:
        return self._replace(_TOKEN, TOKENS, text)

    def _splice(self, text: bytes) -> bytes:
        other = self.dice.choice(self.corpus)
        return text[: self._at(text)[0]] + other[self._at(other)[0] :]

    def _replace(self, pattern: re.Pattern[bytes], by: Sequence[bytes], text: bytes) -> bytes:
        found = list(pattern.finditer(text[:2000]))
        if not found:
            return text
        match = self.dice.choice(found)
        return text[: match.start()] + self.dice.choice(by) + text[match.end() :]
