"""The bug switches: named deviations from the algorithm, each a subclass that overrides one small rule.

The rule of this package: the correct algorithm does not depend on it. Each switch is a class here, so the code of
Figure 2 has no conditions for bugs, and a node without bugs is a plain `ConsensusModule`.
"""

import difflib
from collections.abc import Iterable
from functools import cache

from raftplay.errors import UsageError
from raftplay.raft.bugs import durability, elections, replication
from raftplay.raft.bugs.about import LIVENESS, Bug
from raftplay.raft.consensus import ConsensusModule

__all__ = ["BUGS", "LIVENESS", "Bug", "module_with"]

BUGS: dict[str, Bug] = {
    bug.name: bug
    for bug in (
        replication.COMMIT_OLD_TERM,
        durability.FORGET_VOTE,
        durability.FORGET_TERM,
        elections.RESET_VOTE,
        durability.TORN_VOTE,
        replication.TRUNCATE_ALWAYS,
        replication.COMMIT_PAST_NEW,
        replication.STALE_APPEND_REPLY,
        elections.STALE_VOTE_REPLY,
        elections.DOUBLE_COUNT_VOTE,
        replication.ACK_OWN_TAIL,
        replication.HEARTBEAT_UNCHECKED,
        replication.MATCH_NOT_RESET,
        durability.ACK_BEFORE_DURABLE,
        elections.LONGER_LOG_WINS,
        elections.NO_LOG_CHECK,
        elections.HALF_IS_MAJORITY,
        replication.ACCEPT_OLD_TERM,
        replication.KEEP_CONFLICTING_TAIL,
        elections.IGNORE_NEWER_TERM,
        elections.TIMER_ON_REFUSAL,
        replication.CONFLICT_OFF_BY_ONE,
        replication.NO_COMMIT_ON_HEARTBEAT,
        durability.ZOMBIE,
    )
}
"""All bug switches by name."""


def module_with(names: Iterable[str], base: type[ConsensusModule] = ConsensusModule) -> type[ConsensusModule]:
    """Return a subclass of `base` that has all these bugs; `base` itself if `names` is empty.

    The order of `names` does not matter: if two bugs change one rule, the first in `BUGS` wins; `base` comes last.
    Raises `UsageError` for an unknown name.
    """
    chosen = set(names)
    for name in sorted(chosen - BUGS.keys()):
        close = difflib.get_close_matches(name, BUGS, n=1)
        meant = f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(BUGS)}"
        raise UsageError(f"there is no bug {name!r}{meant}")
    with_bugs = _composed(tuple(name for name in BUGS if name in chosen))
    if base is ConsensusModule or not chosen:
        return with_bugs if chosen else base
    return type(f"{with_bugs.__name__}And{base.__name__}", (with_bugs, base), {})


@cache
def _composed(names: tuple[str, ...]) -> type[ConsensusModule]:
    modules = tuple(BUGS[name].module for name in names)
    match modules:
        case ():
            return ConsensusModule
        case (module,):
            return module
    return type("And".join(module.__name__ for module in modules), modules, {})
