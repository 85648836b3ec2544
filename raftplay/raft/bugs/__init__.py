"""The bug switches: named deviations from the algorithm, each a subclass that overrides one small rule.

The rule of this package: the correct algorithm does not depend on it. Each switch is a class here, so the code of
Figure 2 has no conditions for bugs, and a node without bugs is a plain `ConsensusModule`.
"""

import difflib
from collections.abc import Iterable
from functools import cache
from typing import TypeVar

from raftplay.errors import UsageError
from raftplay.raft.bugs import (
    clients,
    durability,
    elections,
    leases,
    prevotes,
    reads,
    replication,
    snapshots,
    transfers,
)
from raftplay.raft.bugs.about import LIVENESS, Bug, NodeOrRules
from raftplay.raft.consensus import ConsensusModule
from raftplay.raft.rules import Rules

__all__ = ["BUGS", "LIVENESS", "Bug", "NodeOrRules", "module_with"]

T = TypeVar("T")

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
        elections.LEADER_CLEARS_VOTE,
        replication.COUNT_ACKS,
        replication.ROLLBACK_ON_STEP_DOWN,
        replication.ANSWERS_IN_CALLERS_TERM,
        prevotes.PREVOTE_COUNTS,
        durability.LEADER_COUNTS_EARLY,
        durability.REUSES_INDEX,
        prevotes.PREVOTE_DEAF_TO_TERMS,
        prevotes.PREVOTE_IGNORES_LOG,
        elections.REPEAT_REFUSED,
        prevotes.PREVOTE_CLEARS_VOTE,
        leases.PREVOTE_MOVES_TERM,
        leases.PREVOTE_SILENT,
        leases.PREVOTE_IGNORES_LEADER,
        leases.PREVOTE_GIVES_UP,
        leases.STICKY_LEADER_STAYS,
        leases.QUORUM_BY_SENDING,
        transfers.TRANSFER_FLAG_STUCK,
        transfers.WRITES_DURING_TRANSFER,
        transfers.TIMEOUT_NOW_EARLY,
        transfers.STALE_TIMEOUT_NOW,
        snapshots.SNAPSHOT_KEEPS_TAIL,
        snapshots.SNAPSHOT_CUTS_SUFFIX,
        snapshots.SNAPSHOT_OLDER_INSTALLED,
        snapshots.PURGED_PREV_IS_CONFLICT,
        snapshots.COMPACT_PAST_COMMIT,
        snapshots.SNAPSHOT_DROPS_KEY,
        snapshots.SNAPSHOT_END_UNKNOWN,
        snapshots.SNAPSHOT_OF_CURRENT_TERM,
        snapshots.COMPACTED_LOG_IS_EMPTY,
        clients.NO_DEDUPE,
        clients.SNAPSHOT_WITHOUT_SESSIONS,
        clients.ANSWER_AT_APPEND,
        clients.DEFINITE_ERROR_FOR_UNKNOWN,
        clients.RETRY_CACHE_EXPIRES,
        clients.EXPIRY_BY_OWN_CLOCK,
        reads.READ_BEFORE_NOOP,
        reads.READ_WITHOUT_ROUND,
        reads.READ_STALE_ACK,
        reads.READ_ONE_SHORT,
        reads.READ_BEFORE_APPLY,
        reads.LEASE_BY_FLAGS,
        reads.LEASE_FROM_ACK,
        reads.LEASE_SURVIVES_STALL,
        reads.LEASE_AND_LATE_TIMEOUT_NOW,
    )
}
"""All bug switches by name."""


def module_with(names: Iterable[str], node: NodeOrRules = ConsensusModule) -> type[ConsensusModule]:
    """Return the class of the nodes: `node`, a subclass of `ConsensusModule` or of `Rules`, with all these bugs.

    The order of `names` does not matter: if two bugs change one rule, the first in `BUGS` wins; `node` comes last.
    Raises `UsageError` for an unknown name.
    """
    chosen = set(names)
    if not chosen:  # as in most clusters; each new process of a node asks
        return _composed((node,))
    for name in sorted(chosen - BUGS.keys()):
        close = difflib.get_close_matches(name, BUGS, n=1)
        meant = f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(BUGS)}"
        raise UsageError(f"there is no bug {name!r}{meant}")
    return _composed((*(BUGS[name].node for name in BUGS if name in chosen), node))


@cache
def _composed(nodes: tuple[NodeOrRules, ...]) -> type[ConsensusModule]:
    """Return a class that inherits from every `ConsensusModule` among `nodes`, and asks the rules of all."""
    module = _joined([node for node in nodes if issubclass(node, ConsensusModule)] or [ConsensusModule])
    rules = _joined([node if issubclass(node, Rules) else type(node.rules) for node in nodes])
    if rules is type(module.rules):
        return module
    own = {
        "rules": rules(),
        "__doc__": rules.__doc__,
        "__module__": rules.__module__,
        "__qualname__": rules.__qualname__,
    }
    return type(rules.__name__, (module,), own)


def _joined(classes: list[type[T]]) -> type[T]:
    """Return a class that inherits from all `classes`: the first wins, after those that extend it."""
    extended = {base for one in classes for base in one.__mro__[1:]}
    bases = [one for one in dict.fromkeys(classes) if one not in extended]
    return bases[0] if len(bases) == 1 else type("And".join(base.__name__ for base in bases), tuple(bases), {})
