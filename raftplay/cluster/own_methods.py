"""Checks the methods of a class of one's own: their parameters, and the results of its rules.

The rule of this module: a mistake is told by the name of the method and its place in the user's file, before it
can surface as an exception somewhere in raftplay.
"""

import difflib
import inspect
from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from types import FunctionType

from raftplay.cluster.raised import WrongResult, place_lines
from raftplay.errors import UsageError
from raftplay.raft.consensus import ConsensusModule
from raftplay.raft.decisions import AppendDecided, Decision, TimeoutNowDecided, VoteDecided
from raftplay.raft.messages import (
    AppendEntriesArgs,
    AppendEntriesReply,
    Args,
    Reply,
    RequestVoteArgs,
    RequestVoteReply,
    TimeoutNowArgs,
    TimeoutNowReply,
)
from raftplay.raft.quorum import Quorum
from raftplay.raft.rpcs import RPCS
from raftplay.raft.rule_names import Rule
from raftplay.raft.rules import Rules

INPUTS = (
    *(
        "start",
        "stop",
        "submit",
        "wake",
        "time_out",
        "set_timer",
        "transfer_leadership",
        "read",
        "request_received",
        *(rpc.method for rpc in RPCS),
        "reply_received",
    ),
    *("call_failed", "persist", "take_calls", "take_commits", "take_reads"),
)
"""The methods of `ConsensusModule` that the cluster calls, in the order in which the class defines them."""

LISTS = ("take_calls", "take_commits", "take_reads")
"""The inputs that may yield what they return."""

ALIKE = 0.84
"""The least likeness of two names, from 0 to 1, if one of them is taken for a misspelling of the other."""

_KINDS: dict[object, tuple[Callable[[object], bool], str]] = {
    bool: (lambda result: type(result) is bool, "True or False"),
    int: (lambda result: type(result) is int, "a whole number"),
    float: (lambda result: type(result) in (int, float), "a number"),
    tuple[int, int]: (
        lambda result: (
            isinstance(result, tuple) and len(result) == 2 and all(type(part) is int for part in result)
        ),
        "two whole numbers",
    ),
    Quorum: (lambda result: isinstance(result, Quorum), "a Majority or a Joint"),
}
"""By the annotation of a rule: whether a result is of that kind, and what the kind is called."""


def methods_of(base: type[ConsensusModule] | type[Rules]) -> dict[str, FunctionType]:
    """Return the methods that one's own class may override: every rule, or the inputs of `ConsensusModule`."""
    names = INPUTS if issubclass(base, ConsensusModule) else tuple(vars(Rules))
    found = {name: getattr(base, name) for name in names}
    return {name: method for name, method in found.items() if isinstance(method, FunctionType)}


def check_methods(node: type[ConsensusModule] | type[Rules]) -> None:
    """Raise `UsageError` for an own method that cannot be called, or whose name looks misspelt."""
    base = ConsensusModule if issubclass(node, ConsensusModule) else Rules
    known = methods_of(base)
    for name, method in _own_methods(node, base):
        if name in known:
            _check_parameters(node, method, known[name])
        elif not name.startswith("_") and not hasattr(base, name):
            for close in difflib.get_close_matches(name, known, n=1, cutoff=ALIKE):
                raise UsageError(
                    f"{node.__name__}.{name} overrides nothing; did you mean {close}? "
                    "(a helper whose name is so alike must begin with _)"
                )


def _own_methods(node: type, base: type) -> Iterator[tuple[str, FunctionType]]:
    for kind in node.__mro__:
        if not issubclass(base, kind):
            yield from ((name, value) for name, value in vars(kind).items() if isinstance(value, FunctionType))


def _check_parameters(node: type, method: FunctionType, base: FunctionType) -> None:
    if inspect.iscoroutinefunction(method):
        raise UsageError(f"{node.__name__}.{method.__name__} is an async def, which nothing awaits; write def")
    if inspect.isgeneratorfunction(method) and method.__name__ not in LISTS:
        raise UsageError(f"{node.__name__}.{method.__name__} has a yield, so that a call of it does nothing")
    names = list(inspect.signature(base).parameters)
    try:
        inspect.signature(method).bind(*names)
    except TypeError:
        taken = f"({', '.join(names)})"
        raise UsageError(
            f"{node.__name__}.{method.__name__} must take {taken}, as the method that it overrides"
        ) from None


def check_results(rules: Rules) -> None:
    """Make the overridden methods of `rules` check their results from now on; they raise `WrongResult`."""
    for name, base in methods_of(Rules).items():
        method = getattr(type(rules), name)
        is_own = isinstance(method, FunctionType) and not method.__module__.startswith("raftplay.")
        if is_own and name not in vars(rules):
            setattr(rules, name, _checking(rules, method, inspect.signature(base).return_annotation))


def overrides_replies(module: type[ConsensusModule]) -> bool:
    """Tell whether replies to RPCs are the work of a method of the user's."""
    if module.__module__.startswith("raftplay."):
        return False
    own = {name for name, _ in _own_methods(module, ConsensusModule)}
    return bool(own & {"request_received", *(rpc.method for rpc in RPCS)})


def handler(module: type, method: str) -> str:
    """Return the method that replies in a class of nodes: `method`, or the user's `request_received` before it."""
    is_own = [
        not getattr(module, name, handler).__module__.startswith("raftplay.")
        for name in (method, "request_received")
    ]
    return "request_received" if is_own == [False, True] else method


def has_foreign_code(module: type) -> bool:
    """Tell whether a class of nodes or of rules, or one that it extends, is not raftplay's own."""
    return any(not kind.__module__.startswith("raftplay.") for kind in module.__mro__ if kind is not object)


def untold(told: Iterable[Decision], args: Args, reply: Reply) -> Decision | None:
    """Return the decision that `reply` to `args` shows, if it is not among those that the node has `told`."""
    for decision in told:
        match decision, reply:
            case VoteDecided(), RequestVoteReply() if decision.args is args:
                if decision.granted == reply.vote_granted:
                    return None
            case AppendDecided(), AppendEntriesReply() if decision.args is args:
                if decision.success == reply.success:
                    return None
            case TimeoutNowDecided(), TimeoutNowReply() if decision.args is args:
                if decision.obeyed == reply.success:
                    return None
    if isinstance(args, RequestVoteArgs) and isinstance(reply, RequestVoteReply):
        return VoteDecided(args, reply.vote_granted, Rule.OWN_RULE)
    if isinstance(args, AppendEntriesArgs) and isinstance(reply, AppendEntriesReply):
        return AppendDecided(args, reply.success, Rule.OWN_RULE, reply.conflict_index, reply.conflict_term)
    if isinstance(args, TimeoutNowArgs) and isinstance(reply, TimeoutNowReply):
        return TimeoutNowDecided(args, reply.success, Rule.OWN_RULE)
    return None


def _checking(rules: Rules, method: FunctionType, annotation: object) -> Callable[..., object]:
    is_right, kind = _KINDS[annotation]

    @wraps(method)
    def checked(*operands: object) -> object:
        result = method(rules, *operands)
        if not is_right(result):
            code = method.__code__
            place = place_lines(code.co_filename, code.co_firstlineno, method.__name__)
            raise WrongResult(f"{result!r} was returned, not {kind}", method.__name__, place)
        return result

    return checked
