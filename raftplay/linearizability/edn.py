"""A reader of EDN, the notation of Clojure, as far as histories use it.

Maps become dicts, vectors and lists lists, keywords `Keyword`, `nil` None; a tagged value is the value.
"""

import re
from typing import TypeAlias

from raftplay.errors import UsageError

Edn: TypeAlias = "bool | int | float | str | list[Edn] | dict[Edn, Edn] | None"


class Keyword(str):
    """A keyword such as `:invoke`, without its colon."""

    __slots__ = ()


_TOKEN = re.compile(
    r"""[\s,]*(?:;[^\n]*[\s,]*)*(?:
    (?P<string>"(?:[^"\\]|\\.)*")
  | (?P<open>\#?[\[({])
  | (?P<close>[\])}])
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
"""How deep values may be nested."""


def read_all(text: str) -> list[Edn]:
    """Return all values of `text`. Raises `UsageError` with the line of the first mistake."""
    reader = _Reader(text)
    values = []
    while reader.kind != "end":
        values.append(reader.value(0))
    return values


class _Reader:
    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0
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
            return _ESCAPE.sub(_unescaped, token[1:-1])
        if kind == "open":
            return self._collection(token, depth)
        if kind == "word":
            self._next()
            return _atom(token)
        raise self._wrong("a value ends too soon" if kind == "end" else f"{token!r} closes nothing")

    def _collection(self, opening: str, depth: int) -> Edn:
        closing = _CLOSING[opening[-1]]
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
        try:
            return dict(zip(items[::2], items[1::2], strict=True))
        except TypeError:
            raise self._wrong("a key of a map is a collection") from None

    def _next(self) -> None:
        found = _TOKEN.match(self._text, self._at)
        if found is None:
            raise self._wrong("this is no EDN")
        self.kind = found.lastgroup or "end"
        self._token = found[self.kind]
        self._at = found.end()

    def _wrong(self, what: str) -> UsageError:
        line = self._text.count("\n", 0, self._at) + 1
        return UsageError(f"line {line}: {what}")


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
