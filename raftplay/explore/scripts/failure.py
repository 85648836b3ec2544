"""The failure of a script: which invariant or check, or which error of a node; and a run that looks for it."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from raftplay.backends.base import NodeFailed
from raftplay.cluster.checks import InvariantBroken
from raftplay.cluster.stuck import DidNotReturn, watchdog
from raftplay.commands.setup import Setup
from raftplay.errors import UsageError
from raftplay.explore.search.trial import STUCK
from raftplay.language.cursor import Scope
from raftplay.language.lexer import split_line
from raftplay.language.table import parse
from raftplay.run.runner import opened
from raftplay.session.errors import Failed
from raftplay.session.session import Session

NUMBERS = re.compile(r"(\bn?\d[\d.]*(ms|s|m)?\b[ ,]*)+")
"""Numbers, nodes and durations, one or several: they change when a script gets shorter."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure: its `kind` is the invariant, the check (a command), or what a node did; and its text."""

    kind: str
    text: str
    time: float
    is_check: bool = False

    def is_like(self, other: "Failure") -> bool:
        """Return whether both are the same failure: of checks, the same words apart from numbers."""
        if not (self.is_check and other.is_check):
            return self.kind == other.kind
        return _words(self.kind) == _words(other.kind) and _words(self.text) == _words(other.text)


def _words(text: str) -> str:
    return NUMBERS.sub("N ", text.split("\n", 1)[0])


@dataclass(slots=True)
class Played:
    """A run of commands: those that ran, and how it ended.

    `is_exact` is False if a command was left out. `wrong` says why a command was invalid.
    """

    commands: list[str] = field(default_factory=list)
    failure: Failure | None = None
    wrong: str = ""
    is_exact: bool = True


def play(setup: Setup, commands: Sequence[str], wanted: Failure | None = None) -> Played:
    """Run commands on a new cluster, up to the first failure; with `wanted`, up to the first that is like it.

    With `wanted`, commands that are impossible or fail otherwise are left out. Raises `UsageError` if the cluster
    cannot be started.
    """
    played = Played()
    with _noting(played), opened(setup) as session, session:
        progress = session.harness.progress
        with _noting(played), watchdog(lambda: (progress(), len(played.commands))):
            _play(played, session, commands, wanted)
    return played


def _play(played: Played, session: Session, commands: Sequence[str], wanted: Failure | None) -> None:
    scope = Scope(session.harness.n)
    for text in commands:
        played.commands.append(text)
        try:
            session.perform(parse(split_line(text)[0][0], scope)).uninterrupted().result()
        except UsageError as error:
            if wanted is None:
                played.wrong = f"{text}: {error}"
                return
            played.commands.pop()
            played.is_exact = False
        except Failed as failed:
            failure = Failure(text, str(failed), session.harness.now, is_check=True)
            if wanted is None or failure.is_like(wanted):
                played.failure = failure
                return
            played.commands.pop()
            played.is_exact = False


@contextmanager
def _noting(played: Played) -> Iterator[None]:
    """Turn an error of the block into the failure of the run; the first counts."""
    try:
        yield
    except InvariantBroken as broken:
        found = Failure(broken.breach.invariant, str(broken.breach), broken.snapshot.time)
        played.failure = played.failure or found
    except NodeFailed as failed:
        played.failure = played.failure or Failure(failed.kind, str(failed), 0.0)
    except DidNotReturn as stuck:
        played.failure = played.failure or Failure(STUCK, str(stuck), 0.0)
