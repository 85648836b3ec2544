"""The words that all answers share: the answer itself, and times."""

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")

FORGOTTEN = "the history no longer has it"

WIDTH = 100
"""The columns of a line of text."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """An answer: the `facts`, one sentence that answers, and the reasons, one line each."""

    facts: object
    head: str
    reasons: tuple[str, ...]

    @property
    def text(self) -> str:
        """Return the answer as lines of text, none much longer than `WIDTH`."""
        return self.folded(WIDTH)

    def folded(self, width: int) -> str:
        """Return the answer as lines of text of about `width` columns."""
        return "\n".join(
            (_wrapped(self.head, width), *(_wrapped(f"  {reason}", width) for reason in self.reasons))
        )


def _wrapped(line: str, width: int) -> str:
    """Fold a line at `width`, and indent what follows deeper."""
    if len(line) <= width:
        return line
    indent = line[: len(line) - len(line.lstrip())]
    folded = textwrap.wrap(
        line, width, subsequent_indent=f"{indent}    ", break_long_words=False, break_on_hyphens=False
    )
    return "\n".join(folded)


def grouped(pairs: Iterable[tuple[K, V]]) -> dict[K, list[V]]:
    """Return the values of equal keys together, in the order in which they come."""
    groups: dict[K, list[V]] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return groups


def at(time: float) -> str:
    """Return a moment of cluster time in words, in seconds."""
    return f"{time:.3f} s"


def ago(seconds: float) -> str:
    """Return how long ago something happened, in words."""
    return f"{span(seconds)} ago" if seconds >= 0.0005 else "just now"


def span(seconds: float) -> str:
    """Return a duration in words, in milliseconds or seconds."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"


def since(time: float | None) -> str:
    """Return since when something holds, to go on with a sentence; "" where that is not known."""
    return f" since {at(time)}" if time is not None else ""


def since_text(time: float | None) -> str:
    """Return since when something holds, where that is known."""
    return f"since {at(time)}" if time is not None else f"since when: {FORGOTTEN}"


def log_end(index: int, term: int) -> str:
    """Return where a log ends, in words."""
    return f"ends at index {index} with term {term}" if index >= 0 else "is empty"
