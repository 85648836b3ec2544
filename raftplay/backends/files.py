"""Room for sockets: a cluster of many nodes needs more open files than many systems grant without being asked."""

import contextlib
import errno
from types import ModuleType

from raftplay.errors import UsageError

OTHERS = 256
"""How many open files are left to the rest of the process, and to strangers who connect."""

NONE_LEFT = (errno.EMFILE, errno.ENFILE)
"""The error numbers of a system that lets no more files be opened."""

resource: ModuleType | None
try:
    import resource
except ImportError:  # a system without such limits
    resource = None

_reserved = 0


def reserve(count: int) -> None:
    """Make sure that `count` more files can be open, raising the process's own limit where that is allowed.

    Raises `UsageError` where it is not, with what the files are needed for: those of one more server come last.
    """
    global _reserved  # noqa: PLW0603 - the limit is the process's
    wanted = _reserved + count + OTHERS
    granted = _raise_limit(wanted)
    if granted < wanted:
        raise UsageError(
            f"a server needs {count} open files, and the system grants this process {granted} (see ulimit -n), of "
            f"which servers that run already hold {_reserved} and {OTHERS} are kept for the rest; shut down "
            'clusters that are not needed, take fewer nodes, or the backend "sim"'
        )
    _reserved += count


def release(count: int) -> None:
    """Undo `reserve`; the limit stays raised."""
    global _reserved  # noqa: PLW0603
    _reserved -= count


def none_left_text() -> str:
    """Say that no more files can be open although there was room for what clusters hold."""
    return (
        f"no more files can be open here; clusters hold at most {_reserved} of them (see ulimit -n): "
        "close what else this process has open, or raise the limit"
    )


def _raise_limit(wanted: int) -> int:
    """How many files may be open, once that is `wanted` if it can be."""
    if resource is None:
        return wanted
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    target = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (target, hard))
        soft = target
    return int(soft)
