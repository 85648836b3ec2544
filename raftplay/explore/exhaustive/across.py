"""The invariants that concern several nodes, checked on a move in a state of the world (see watch/invariants/)."""

from dataclasses import dataclass, replace
from itertools import combinations

from raftplay.explore.exhaustive.local import Local, Move
from raftplay.explore.walks.duties import Broken
from raftplay.raft import decisions
from raftplay.raft.messages import NONE, CommitEntry, Entry
from raftplay.watch.invariants import names

Log = tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Past:
    """The facts needed of the past: the leader of each term, what each term committed, and what was applied."""

    leaders: tuple[tuple[int, int], ...] = ()
    commits: tuple[tuple[int, Log], ...] = ()
    applied: tuple[CommitEntry, ...] = ()


def judged(past: Past, locals: list[Local], new: Local, move: Move) -> tuple[Past, Broken | None]:
    """Return the past after a move that makes `new` of its node, and the first violation."""
    here = [new if local.id == new.id else local for local in locals]
    for decision in move.told:
        past, broken = _after(past, here, new, decision)
        if broken is not None:
            return past, broken
    if new.log is not locals[new.id].log and (broken := _logs_differ(here)):
        return past, broken
    return past, move.broken


def _after(past: Past, here: list[Local], new: Local, decision: decisions.Decision) -> tuple[Past, Broken | None]:
    match decision:
        case decisions.BecameLeader():
            return _new_leader(past, here, new, decision)
        case decisions.MatchAdvanced():
            return past, _match(here, new, decision.peer, decision.match_index)
        case decisions.PeersReset():
            wrong = [found for pair in decision.match_index if (found := _match(here, new, *pair))]
            return past, wrong[0] if wrong else None
        case decisions.CommitAdvanced() if decision.replicas:
            return _new_commit(past, here, new, decision.index)
        case decisions.Applied():
            return _new_applied(past, new, decision.entry)
    return past, None


def _new_leader(
    past: Past, here: list[Local], new: Local, event: decisions.BecameLeader
) -> tuple[Past, Broken | None]:
    term, id = event.term, new.id
    other = dict(past.leaders).get(term, id)
    if other != id:
        return past, (
            names.ELECTION_SAFETY,
            f"n{id} becomes leader of term {term}, but n{other} did before",
        )
    voters = set(event.votes)
    missing = [voter for voter in sorted(voters) if here[voter].model.votes.get(term) != id]
    if len(voters) <= len(here) // 2 or missing:
        lacks = f"n{missing[0]} has not voted for it" if missing else "these are no majority"
        return past, (names.VOTE_QUORUM, f"n{id} becomes leader of term {term} with {sorted(voters)}, but {lacks}")
    for earlier, log in past.commits:
        if earlier < term and new.log[: len(log)] != log:
            return past, (
                names.LEADER_COMPLETENESS,
                f"n{id} becomes leader of term {term} with {_terms(new.log)}, "
                f"but {_terms(log)} was committed in term {earlier}",
            )
    return replace(past, leaders=tuple(sorted({*past.leaders, (term, id)}))), None


def _match(here: list[Local], new: Local, peer: int, index: int) -> Broken | None:
    other = here[peer]
    if index == NONE or other.model.disk_term > new.model.term:
        return None
    mine, theirs = _term(new.log, index), _term(other.disk, index)
    if mine == NONE or mine != theirs:
        return (
            names.MATCH_TRUTH,
            f"n{new.id} sets match index {index} for n{peer}, but its disk has term {theirs} there",
        )
    return None


def _new_commit(past: Past, here: list[Local], new: Local, index: int) -> tuple[Past, Broken | None]:
    term, log = new.model.term, new.log[: index + 1]
    holders = [local.id for local in here if log and _term(local.disk, index) == log[-1].term]
    if len(log) <= index or len(holders) <= len(here) // 2:
        return past, (
            names.QUORUM_LOG,
            f"n{new.id} commits up to {index}, but only {holders} hold its entry there",
        )
    for local in here:
        later = local.model.term
        leads = local.up and later > term and dict(past.leaders).get(later) == local.id
        if leads and local.log[: len(log)] != log:
            fact = f"n{new.id} commits {_terms(log)} in term {term}"
            return past, (names.LEADER_COMPLETENESS, f"{fact}, but n{local.id} leads term {later} without it")
    commits = dict(past.commits)
    if len(commits.get(term, ())) < len(log):
        commits[term] = log
    return replace(past, commits=tuple(sorted(commits.items(), key=lambda each: each[0]))), None


def _new_applied(past: Past, new: Local, entry: CommitEntry) -> tuple[Past, Broken | None]:
    applied, index = past.applied, entry.index
    if index >= len(applied):
        return replace(past, applied=(*applied, replace_term(entry))), None
    if applied[index] != replace_term(entry):
        one, other = entry.command, applied[index].command
        return past, (
            names.STATE_MACHINE_SAFETY,
            f"n{new.id} applies {one} at {index}, but {other} was applied there",
        )
    return past, None


def replace_term(entry: CommitEntry) -> CommitEntry:
    """Return an applied entry without the term in which the node applied it."""
    return CommitEntry(entry.command, entry.index, 0, entry.kind)


def _logs_differ(here: list[Local]) -> Broken | None:
    """Return a violation of Log Matching, if two logs have an index and term in common and differ up to there."""
    for one, other in combinations(here, 2):
        for at in reversed(range(min(len(one.log), len(other.log)))):
            if one.log[at].term == other.log[at].term:
                if one.log[: at + 1] != other.log[: at + 1]:
                    return names.LOG_MATCHING, f"the logs of n{one.id} and n{other.id} differ up to index {at}"
                break
    return None


def _term(log: Log, index: int) -> int:
    return log[index].term if 0 <= index < len(log) else NONE


def _terms(log: Log) -> str:
    return f"[{' '.join(f'{entry.command}@{entry.term}' for entry in log)}]"
