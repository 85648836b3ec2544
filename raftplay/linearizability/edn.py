"""A reader of EDN, the notation of Clojure, as far as histories use it.

Maps become dicts, vectors, lists and sets lists, keywords `Keyword`, `nil` None; a tagged value is the value, and
what `#_` stands before is left out. A key that is a collection becomes its text.
"""

import re
from typing import TypeAlias

from raftplay.errors import UsageError

Edn: TypeAlias = "bool | int | float | str | list[Edn] | dict[Edn, Edn] | None"


class Keyword(str):
    """A keyword such as `:invoke`, without its colon."""

    __slots__ = ()


class Map(dict[Edn, Edn]):
    """A map, with the line on which it begins."""

    line = 0


_TOKEN = re.compile(
    r"""[\s,]*(?:;[^\n]*[\s,]*)*(?:
    (?P<string>"(?:[^"\\]|\\.)*")
  | (?P<open>\#?[\[({])
  | (?P<close>[\])}])
  | (?P<discard>\#_)
  | (?P<tag>\#[\w./-]+)
  | (?P<word>[^\s,\[\](){}";]+)
  | (?P<end>\Z)
    )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_CLOSING = {"[": "]", "(": ")", "{": "}"}
DEEPEST = 100
"""The most levels of nested values."""


def read_all(text: str) -> list[Edn]:
    """Return all values of `text`. Raises `UsageError` with the line of the first mistake."""
    reader = _Reader(text)
    values = []
    while reader.kind != "end":
        values.append(reader.value(0))
    return values


class _Reader:
    def __init__(self, text: str) -> None:
        self._text, self._at, self._line, self._left_out = text, 0, 1, 0
        self.kind = self._token = ""
        self._next()

    def value(self, depth: int) -> Edn:
        kind, token = self.kind, self._token
        if depth > DEEPEST:
            raise self._wrong(f"values are nested deeper than {DEEPEST}")
        if kind == "tag":
            self._next()
            return self.value(depth + 1)
        if kind == "string":
            self._next()
            return _text(token[1:-1])
        if kind == "open":
            return self._collection(token, depth)
        if kind == "word":
            self._next()
            return _atom(token)
        raise self._wrong("a value ends too soon" if kind == "end" else f"{token!r} closes nothing")

    def _collection(self, opening: str, depth: int) -> Edn:
        closing, line = _CLOSING[opening[-1]], self._line
        self._next()
        items: list[Edn] = []
        while self.kind != "close":
            items.append(self.value(depth + 1))
        if self._token != closing:
            raise self._wrong(f"{self._token!r} stands where {closing!r} must")
        self._next()
        if opening != "{":
            return items
        if len(items) % 2:
            raise self._wrong("a map has a key without a value")
        made = Map()
        made.line = line
        for key, value in zip(items[::2], items[1::2], strict=True):
            made[str(key) if isinstance(key, list | dict) else key] = value
        return made

    def _next(self) -> None:
        found = _TOKEN.match(self._text, self._at)
        if found is None:
            raise self._wrong("this is no EDN")
        self.kind = found.lastgroup or "end"
        self._token = found[self.kind]
        self._line += self._text.count("\n", self._at, found.end())
        self._at = found.end()
        if self.kind == "discard":
            self._left_out += 1
            if self._left_out > DEEPEST:
                raise self._wrong(f"values are nested deeper than {DEEPEST}")
            self._next()
            self.value(self._left_out)
            self._left_out -= 1

    def _wrong(self, what: str) -> UsageError:
        line = self._text.count("\n", 0, self._at) + 1
        return UsageError(f"line {line}: {what}")


def _text(quoted: str) -> str:
    text = _ESCAPE.sub(_unescaped, quoted)
    if text.isascii():
        return text
    # the notation writes characters as halves of UTF-16; half a character alone is none
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _unescaped(found: re.Match[str]) -> str:
    code = found[1]
    return chr(int(code[1:], 16)) if len(code) == 5 else _ESCAPES.get(code, code)


def _atom(word: str) -> Edn:
    if word.startswith(":"):
        return Keyword(word[1:])
    if word in ("nil", "true", "false"):
        return {"nil": None, "true": True, "false": False}[word]
    number = word.removesuffix("N").removesuffix("M")
    try:
        return int(number)
    except ValueError:
        pass
    try:
        return float(number)
    except ValueError:
        return Keyword(word)
