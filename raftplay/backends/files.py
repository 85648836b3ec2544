"""Reservation of open files: the sockets of many nodes need more than the default limit of many systems."""

import contextlib
import errno
from types import ModuleType

from raftplay.errors import UsageError

OTHERS = 256
"""The number of open files for the rest of the process, and for unproven connections."""

NONE_LEFT = (errno.EMFILE, errno.ENFILE)
"""The error numbers for too many open files."""

resource: ModuleType | None
try:
    import resource
except ImportError:  # a system without such limits
    resource = None

_reserved = 0


def reserve(count: int) -> None:
    """Reserve `count` more open files; raise the process's limit if that is allowed.

    Raises `UsageError` if it is not, with the purpose of the files.
    """
    global _reserved  # noqa: PLW0603 - the limit is the process's
    wanted = _reserved + count + OTHERS
    granted = _raise_limit(wanted)
    if granted < wanted:
        raise UsageError(
            f"a server needs {count} open files, and the system grants this process {granted} (see ulimit -n), of "
            f"which running servers hold {_reserved} and {OTHERS} are kept for the rest; shut down "
            'clusters that are not needed, use fewer nodes, or use the backend "sim"'
        )
    _reserved += count


def release(count: int) -> None:
    """Undo `reserve`; the limit stays raised."""
    global _reserved  # noqa: PLW0603
    _reserved -= count


def none_left_text() -> str:
    """Return the error text for a process that has too many files open besides the clusters' files."""
    return (
        f"too many open files, of which clusters hold at most {_reserved} (see ulimit -n): "
        "close other files of this process, or raise the limit"
    )


def _raise_limit(wanted: int) -> int:
    """Raise the limit of open files to `wanted` if possible; return the limit."""
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
