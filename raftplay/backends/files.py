"""Room for sockets: a cluster of many nodes needs more open files than many systems grant without being asked."""

import contextlib
from types import ModuleType

from raftplay.raft.messages import UsageError

OTHERS = 256
"""How many open files are left to the rest of the process, and to strangers who connect."""

resource: ModuleType | None
try:
    import resource
except ImportError:  # a system without such limits
    resource = None

_reserved = 0


def reserve(count: int) -> None:
    """Make sure that `count` more files can be open, raising the process's own limit where that is allowed.

    Raises `UsageError` where it is not.
    """
    global _reserved  # noqa: PLW0603 - the limit is the process's
    wanted = _reserved + count + OTHERS
    granted = _raise_limit(wanted)
    if granted < wanted:
        raise UsageError(
            f"the cluster needs {wanted} open files, and the system grants this process {granted} "
            '(see ulimit -n); take fewer nodes, or the backend "sim"'
        )
    _reserved += count


def release(count: int) -> None:
    """Undo `reserve`; the limit stays raised."""
    global _reserved  # noqa: PLW0603
    _reserved -= count


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
