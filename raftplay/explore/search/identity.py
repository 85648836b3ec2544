"""The code that a process runs: versions and a hash of the sources, equal in all processes of a search."""

import hashlib
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

import raftplay
from raftplay.cluster.config import MORE_REELECTION, UNRELIABLE, is_on
from raftplay.errors import UsageError
from raftplay.version import __version__
from raftplay.watch.text import visible


@dataclass(frozen=True, slots=True)
class Identity:
    """The code that a process runs: equal seeds give equal results only where all of it is equal."""

    version: str
    sources: str
    """A hash of the installed sources of raftplay."""

    python: str
    node: str
    """A hash of the file of an own class of nodes; empty without one, or where there is no such file."""

    weather: tuple[str, ...]
    """The environment variables that change the network."""

    def differences(self, mine: "Identity") -> str:
        """Name what differs from `mine`; empty if nothing does."""
        found = []
        if self.version != mine.version:
            found.append(f"raftplay {visible(self.version)} (here {mine.version})")
        elif self.sources != mine.sources:
            found.append(f"other sources of raftplay {mine.version}")
        if self.python != mine.python:
            found.append(f"{visible(self.python)} (here {mine.python})")
        if self.node != mine.node:
            found.append("another file of the class of nodes" if self.node else "no file of the class of nodes")
        if self.weather != mine.weather:
            found.append(f"{visible(' and '.join(self.weather))} set")
        return ", ".join(found)


def identity(node: str = "") -> str:
    """Return the `Identity` of this process as JSON; `node` is the path of an own class of nodes, or empty."""
    folder = Path(raftplay.__file__).parent
    sources = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        sources.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    python = f"{platform.python_implementation()} {platform.python_version()}"
    weather = tuple(name for name in (UNRELIABLE, MORE_REELECTION) if is_on(os.environ, name))
    mine = Identity(__version__, sources.hexdigest(), python, _hash_of(node), weather)
    return msgspec.json.encode(mine).decode()


def _hash_of(path: str) -> str:
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest() if path else ""
    except OSError:
        return ""


def difference(answer: str | Exception, mine: Identity) -> str:
    """Name what differs between a worker and `mine`; `answer` is what `identity` gave there; empty: nothing."""
    if isinstance(answer, ModuleNotFoundError | ImportError | AttributeError):
        return f"no raftplay {mine.version} ({visible(str(answer))})"
    if isinstance(answer, Exception):
        return f"no answer ({visible(repr(answer))})"
    try:
        return msgspec.json.decode(answer, type=Identity).differences(mine)
    except ValueError:
        return "an answer of another raftplay"


def check_fleet(answers: Mapping[str, str | Exception], mine: Identity) -> None:
    """Raise `UsageError` unless every worker runs what `mine` says; `answers` are from `identity`, by worker."""
    other = {worker: named for worker, answer in answers.items() if (named := difference(answer, mine))}
    if other:
        error = UsageError(
            f"{len(other)} of {len(answers)} workers do not run what this process runs, "
            "so equal seeds need not give equal results; install the same there"
        )
        error.lines = tuple(f"{worker}: {named}" for worker, named in sorted(other.items()))
        raise error
