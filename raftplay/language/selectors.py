"""Naming nodes: ``2``, ``n2``, ``leader``, ``followers``, ``0,2``, ``$old``; resolved when the line runs."""

import re
from dataclasses import dataclass

from raftplay.cluster import checks
from raftplay.cluster.harness import Harness
from raftplay.errors import UsageError
from raftplay.language import offers
from raftplay.language.cursor import Cursor, Offer
from raftplay.language.lexer import Word
from raftplay.raft.messages import CMState
from raftplay.session.errors import Failed
from raftplay.session.session import Session
from raftplay.session.shown import did_you_mean, quoted, short

SINGLE = ("leader", "follower")
OTHERS = "others"
"""Every node that the command does not name otherwise, where a command has groups or links."""

SEVERAL = ("followers", "all", "alive", "crashed")

ONE = offers.nodes(SINGLE)
SOME = offers.nodes((*SINGLE, *SEVERAL), several=True)
"""The offers for one node, and for several."""

_NODE = re.compile(r"n?([0-9]{1,6})")


@dataclass(frozen=True, slots=True)
class Selector:
    """Nodes as they were written, part by part: a node's id, a word of `SINGLE` or `SEVERAL`, or ``$name``."""

    parts: tuple[int | str, ...]

    def resolve(self, session: Session) -> list[int]:
        """Return the ids, each once, in the order written. Raises `Failed` without a `leader` or `follower`."""
        ids: dict[int, None] = {}
        for part in self.parts:
            ids.update(dict.fromkeys(_resolve(part, session)))
        return list(ids)

    def resolve_one(self, session: Session) -> int:
        """Return the one id. Raises `Failed`, or `UsageError` if it is not exactly one."""
        ids = self.resolve(session)
        if len(ids) != 1:
            raise UsageError(f"exactly one node is needed here, not {len(ids)}")
        return ids[0]

    def __str__(self) -> str:
        return ",".join(map(str, self.parts))


def resolved(subject: Selector, session: Session) -> list[int]:
    """Return the nodes; none while no node is `leader` or `follower`, so that a condition does not hold yet."""
    try:
        return subject.resolve(session)
    except Failed:
        return []


def parse_nodes(cursor: Cursor, offer: Offer = SOME) -> Selector:
    """Parse the next word as nodes. Raises `Mistake`."""
    return selector(cursor, cursor.next("NODES", offer))


def parse_node(cursor: Cursor, offer: Offer = ONE) -> Selector:
    """Parse the next word as exactly one node. Raises `Mistake`."""
    word = cursor.next("NODE", offer)
    found = selector(cursor, word)
    if len(found.parts) != 1 or found.parts[0] in SEVERAL:
        raise cursor.mistake(f"{quoted(word.text)} may be several nodes; exactly one is needed here", word)
    return found


def selector(cursor: Cursor, word: Word) -> Selector:
    """Parse `word` as nodes. Raises `Mistake`."""
    parts = cursor.nodes[word] = tuple(_part(cursor, word, text) for text in word.text.split(","))
    return Selector(parts)


def group_selector(cursor: Cursor, word: Word) -> Selector:
    """Parse `word` as nodes, or as `others`, where the command names groups of nodes. Raises `Mistake`."""
    if word.text != OTHERS:
        return selector(cursor, word)
    cursor.nodes[word] = (OTHERS,)
    return Selector((OTHERS,))


def resolve_groups(groups: list[Selector], session: Session) -> list[list[int]]:
    """Return the nodes of each; `others` are those that no other one names. Raises as `Selector.resolve`."""
    named = {id for group in groups if OTHERS not in group.parts for id in group.resolve(session)}
    rest = [id for id in range(session.harness.n) if id not in named]
    if not rest and any(OTHERS in group.parts for group in groups):
        raise UsageError("there are no others: the command names every node")
    return [rest if OTHERS in group.parts else group.resolve(session) for group in groups]


def leader(harness: Harness) -> int | None:
    """Return the leader of the highest term among connected live nodes; None if there is none."""
    found = checks.leaders(harness)
    return found[0] if found else None


def highest_term(harness: Harness) -> int | None:
    """Return the highest term among connected live nodes; None if there is no such node."""
    servers = harness.cluster
    return max([servers[id].cm.current_term for id in checks.connected(harness)], default=None)


def followers(harness: Harness) -> list[int]:
    """Return the connected live followers, by number."""
    return [id for id in checks.connected(harness) if harness.cluster[id].cm.state.fits(CMState.FOLLOWER)]


def _part(cursor: Cursor, word: Word, text: str) -> int | str:
    if text in SINGLE or text in SEVERAL:
        return text
    if text.startswith("$"):
        check_variable(cursor, word, text)
        return text
    match = _NODE.fullmatch(text)
    if match is None:
        hint = did_you_mean(text, (*SINGLE, *SEVERAL)) or f"; write 0 to {cursor.scope.nodes - 1}, leader, all …"
        raise cursor.mistake(f"unknown node {quoted(text)}{hint}", word)
    id = int(match[1])
    if id >= cursor.scope.nodes:
        raise cursor.mistake(f"there is no node {id}; the nodes are 0 to {cursor.scope.nodes - 1}", word)
    return id


def check_variable(cursor: Cursor, word: Word, text: str) -> None:
    """Raise `Mistake` unless the variable ``$name`` was set before."""
    if text[1:] not in cursor.scope.variables:
        hint = did_you_mean(text, (f"${name}" for name in cursor.scope.variables))
        how = f"; set it with: let {short(text[1:]) or 'NAME'} = …"
        raise cursor.mistake(f"{short(text)} was not set before{hint or how}", word)


def _resolve(part: int | str, session: Session) -> list[int]:
    harness = session.harness
    match part:
        case int():
            return [part]
        case "leader":
            found = leader(harness)
            if found is None:
                raise Failed("there is no leader among the connected live nodes")
            return [found]
        case "follower":
            if not (candidates := followers(harness)):
                raise Failed("there is no follower among the connected live nodes")
            return candidates[:1]
        case "followers":
            return followers(harness)
        case "all":
            return list(range(harness.n))
        case "alive":
            return [id for id in range(harness.n) if harness.alive[id]]
        case "crashed":
            return [id for id in range(harness.n) if not harness.alive[id]]
    id = session.variable(part[1:])
    if not 0 <= id < harness.n:
        raise UsageError(f"{part} is {id}, which is not a node; the nodes are 0 to {harness.n - 1}")
    return [id]
