"""Set-up lines: the settings of a script before its first other command; command-line options override them."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated

from raftplay.cluster.config import MAX_NODES
from raftplay.cluster.given import Given, check_given
from raftplay.cluster.own_node import OwnNode
from raftplay.commands.given import read_disk
from raftplay.commands.setup import (
    BACKENDS,
    CLIENT_OPTIONS,
    MAX_SEED,
    SWITCHES,
    TIMINGS,
    Setup,
    client_options,
    setting_text,
)
from raftplay.errors import UsageError
from raftplay.language import kinds, offers, values
from raftplay.language.cursor import Cursor, Offered, Place
from raftplay.language.lexer import Word
from raftplay.language.table import Kind, Resolve, constant, setup_line, too_late
from raftplay.raft.bugs import BUGS
from raftplay.raft.config import SHORTEST
from raftplay.session.session import Session
from raftplay.session.shown import did_you_mean, quoted, short
from raftplay.watch.invariants import INVARIANTS
from raftplay.watch.words import nodes_text, timing_text

EACH_SWITCH = " or ".join(", ".join((*SWITCHES, *CLIENT_OPTIONS)).rsplit(", ", 1))
WATCHING = {
    "on": "events are printed as they happen, but for heartbeats and messages",
    "off": "no events are printed",
    "elections": "elections are printed as they happen",
}
"""The modes of `watch` in a shell, and the answer to each."""

MAX_DIGITS = 9
"""The most digits of a number of entries."""

NUMBERED = {"snapshot": ("a number of entries, or off", "100"), "drift": ("a number of percent", "20")}
"""The options that are numbers: what to write, and an example."""


def _count(cursor: Cursor) -> Resolve:
    return constant(values.whole(cursor, cursor.next("N"), "number of nodes", 1, MAX_NODES))


def _kept(cursor: Cursor) -> Resolve:
    return constant(values.whole(cursor, cursor.next("N"), "number of commits", 0, 10**MAX_DIGITS))


def _seed(cursor: Cursor) -> Resolve:
    return constant(values.whole(cursor, cursor.next("N"), "seed", 0, MAX_SEED))


def _backend(cursor: Cursor) -> Resolve:
    return constant(values.one_of(cursor, cursor.next("sim or tcp", offers.words(*BACKENDS)), BACKENDS, "backend"))


def _timings(cursor: Cursor) -> Resolve:
    examples = (("election", "150..300ms"), ("heartbeat", "50ms"), ("delay", "1..5ms"))
    words = cursor.rest(offers.assignments(*examples))
    if not words:
        raise cursor.mistake("timings are missing: election=150..300ms heartbeat=50ms delay=1..5ms")
    timings = {}
    for word in words:
        name, glued, text = word.text.partition("=")
        if name not in TIMINGS:
            hint = did_you_mean(name, TIMINGS) or f"; use one of {', '.join(TIMINGS)}"
            raise cursor.mistake(f"unknown timing {quoted(name)}{hint}", word)
        if not glued:
            raise cursor.mistake(f"the value of {name} is missing; write {name}=50ms", word)
        place = Word(text, word.column + len(name) + 1, len(text))
        low, high = values.duration_range(cursor, place, text)
        if name == "heartbeat" and low != high:
            raise cursor.mistake("the heartbeat is one duration, such as 50ms", place)
        if name != "delay" and low < SHORTEST:
            raise cursor.mistake(f"{name} must be at least {SHORTEST * 1000:g}ms", place)
        timings[name] = (low, high)
    return constant(timings)


def _timed_nodes(cursor: Cursor) -> Resolve:
    word = cursor.peek()
    return kinds.NODES.read(cursor) if word is not None and _names_nodes(word.text) else constant(None)


def _names_nodes(text: str) -> bool:
    """Return whether the first argument of `timing` names nodes, and no timing."""
    return "=" not in text and text not in TIMINGS


def _switch(cursor: Cursor) -> Resolve:
    options = *SWITCHES, *CLIENT_OPTIONS
    word = cursor.next(EACH_SWITCH, offers.words(*options))
    name, glued, setting = word.text.partition("=")
    if glued and name in options:
        text = f"no = stands between an option and its setting; write set {name} {short(setting) or '…'}"
        raise cursor.mistake(text, word)
    return constant(values.one_of(cursor, word, options, "option"))


def _setting(cursor: Cursor) -> Resolve:
    """Read the value of the option that stands before it."""
    option = cursor.words[cursor.at - 1].text
    if option in NUMBERED:
        return _number(cursor, option, *NUMBERED[option])
    if option not in CLIENT_OPTIONS:
        return _on_off(cursor)
    known = CLIENT_OPTIONS[option]
    return constant(values.one_of(cursor, cursor.next(" or ".join(known), offers.words(*known)), known, "setting"))


def _number(cursor: Cursor, option: str, what: str, example: str) -> Resolve:
    word = cursor.next(what, offers.words(example, *["off"] * what.endswith("off")))
    if word.text in ("on", "off"):
        return constant(word.text == "on")
    if not word.text.isdecimal() or len(word.text) > MAX_DIGITS:
        text = f"invalid setting {quoted(word.text)}: write {what}, such as set {option} {example}"
        raise cursor.mistake(text, word)
    return constant(int(word.text))


def _on_off(cursor: Cursor) -> Resolve:
    word = cursor.next("on or off", offers.words("on", "off"))
    if word.text.isdecimal() and len(word.text) <= MAX_DIGITS:
        return constant(int(word.text))
    return constant(values.one_of(cursor, word, ("on", "off"), "setting") == "on")


def _bugs(_: Place) -> Iterator[Offered]:
    return (Offered(name, BUGS[name].mechanism) for name in BUGS)


def _bug(cursor: Cursor) -> Resolve:
    word = cursor.next("the NAME of a bug", _bugs)
    if word.text not in BUGS:
        hint = did_you_mean(word.text, BUGS) or "; see: raftplay bugs"
        raise cursor.mistake(f"there is no bug {quoted(word.text)}{hint}", word)
    return constant(word.text)


def _own_node(cursor: Cursor) -> Resolve:
    return constant(cursor.next("FILE:CLASS", offers.files).text)


def _invariant_names(place: Place) -> Iterator[Offered]:
    """Offer the names, which may have several words and follow a comma."""
    begin = place.column
    for word in place.words[:0:-1]:
        if word.text.endswith(","):
            break
        begin = word.column
    if place.session is None:
        yield from (Offered(i.name, i.statement, begin - place.column) for i in INVARIANTS)
    elif len(place.words) == 1:
        yield from (Offered(mode, answer) for mode, answer in WATCHING.items())


def _watched(cursor: Cursor) -> Resolve:
    words = cursor.rest(_invariant_names)
    if not words:
        raise cursor.mistake("the NAME of an invariant is missing")
    if len(words) == 1 and words[0].text in WATCHING:
        return constant(words[0].text)
    known = {invariant.name.lower(): invariant.name for invariant in INVARIANTS}
    names = []
    for text in " ".join(word.text for word in words).split(","):
        name = " ".join(text.split())
        if name.lower() not in known:
            hint = did_you_mean(name, known.values())
            goes_on = any(longer.startswith(name.lower()) for longer in known)
            wrong = f"there is no invariant {quoted(name)}{hint}; see: raftplay invariants"
            raise cursor.mistake(wrong, None if goes_on else words[0])
        names.append(known[name.lower()])
    return constant(names)


WATCHED = Kind(
    "NAME, NAME …|on|off|elections",
    _watched,
    about="names of invariants in a script; on, off, elections in a shell",
    examples=(*(invariant.name for invariant in INVARIANTS), f"{INVARIANTS[0].name}, {INVARIANTS[1].name}"),
)
BUG = Kind("NAME", _bug, examples=tuple(BUGS))
OWN_NODE = Kind(
    "FILE:CLASS",
    _own_node,
    about="my.py:MyCM, my.py, or package.module:MyCM",
    examples=("raftplay:ConsensusModule", "raftplay:Rules"),
)
COUNT = Kind("N", _count, examples=("1", "2", "3", "5", "20"))
KEPT = Kind("N", _kept, examples=("0", "100"))
SEED = Kind("N", _seed, examples=("0", "1", "20"))
BACKEND = Kind("sim|tcp", _backend, examples=("sim", "tcp"))
TIMING = Kind("election=150..300ms heartbeat=50ms delay=1..5ms", _timings, examples=(
    "election=150..300ms", "election=20..30ms", "heartbeat=50ms", "delay=0ms", "delay=1..5ms",
    "heartbeat=50ms delay=0ms",
))  # fmt: skip
TIMED_NODES = replace(kinds.NODES, read=_timed_nodes)
SWITCH = Kind("OPTION", _switch, about=EACH_SWITCH, examples=SWITCHES)
SETTING = Kind("on|off|N|log|index|lease|local", _setting, examples=("on", "off"))
ON_OFF = Kind("on|off", _on_off, examples=("on", "off"))

DISK = Kind(
    "NODE term T voted NODE log T:V T:V … unchecked",
    read_disk,
    about="voted, log and unchecked may be left out; 1:x is an entry of term 1 with the value x",
    examples=("0 term 1", "1 term 3 voted 2", "2 term 4 log 1:a 1:2 4:c", "0 term 2 log 1:x unchecked"),
)


@setup_line("nodes 5")
def nodes(setup: Setup, count: Annotated[int, COUNT]) -> None:
    """Set the number of nodes in the cluster, 1 to 25 (default: 5)."""
    _check_first("nodes", setup.nodes)
    setup.nodes = count


@setup_line("keep 100")
def keep(setup: Setup, number: Annotated[int, KEPT]) -> None:
    """Keep only the last N of the commits that a node's snapshot covers, so that a long run takes little memory
    (default: all). What became of the others is forgotten; their indexes stay.
    """
    _check_first("keep", setup.keep_commits)
    setup.keep_commits = number


@setup_line("seed 7")
def seed(setup: Setup, number: Annotated[int, SEED]) -> None:
    """Set the seed of every random choice (default: random, and printed)."""
    _check_first("seed", setup.seed)
    setup.seed = number


@setup_line("backend sim", touches="sockets")
def backend(setup: Setup, name: Annotated[str, BACKEND]) -> None:
    """Choose real sockets on loopback (tcp, the default) or deterministic virtual time (sim)."""
    _check_first("backend", setup.backend)
    setup.backend = name


@setup_line("timing election=150..300ms heartbeat=50ms", may_act=_names_nodes)
def timing(
    on: Setup | Session,
    nodes: Annotated[list[int] | None, TIMED_NODES] = None,
    *,
    timings: Annotated[dict[str, tuple[float, float]], TIMING],
) -> str:
    """Set the election timeout, the heartbeat interval, and the delay of every RPC. With NODES it is a command for
    any time: these nodes have their own timeouts and heartbeat (timing 2 election=50..60ms), after a restart too.
    """
    if isinstance(on, Setup):
        on.timings.update(timings)
        return ""
    if nodes is None:
        raise UsageError(f"{too_late('timing', on)}; later, name the nodes: timing all election=150..300ms")
    if "delay" in timings:
        raise UsageError("a delay belongs to links and not to nodes: link all delay=1..5ms")
    heartbeat = timings.get("heartbeat", (None, None))[0]
    for id in nodes:
        on.harness.set_timing(id, election=timings.get("election"), heartbeat=heartbeat)
    own = on.harness.hardware[nodes[0]] if nodes else None
    return f"{nodes_text(nodes)}: {timing_text(own.election, own.heartbeat) if own else 'nothing to change'}"


@setup_line("set prevote on", in_session=True, effect="acts")
def set_(on: Setup | Session, switch: Annotated[str, SWITCH], setting: Annotated[int | str, SETTING]) -> str:
    """Switch an option: prevote (ask before a new term, thesis §9.6), checkquorum (a leader that hears from no
    majority steps down, thesis §6.2), sticky (who hears a leader ignores requests for votes, thesis §4.2.3),
    noop (as a new leader's first entry), more-reelection (one election timeout in three is the shortest),
    unreliable (one RPC in ten lost, one late), snapshot (a number: one after so many applied entries, §7; off:
    none by itself). Of clients: sessions (a request that is tried again is done once, thesis §6.3; on), and
    reads (log: through the log; index: from a node's store, once a majority has confirmed its leader, thesis
    §6.4; lease: by the clock, thesis §6.4.1, which needs checkquorum and sticky; local: from the node that is
    asked, which may be out of date); drift is by how many percent one clock may run faster than another (10), for
    leases. While the cluster runs, all nodes change at once.
    """
    if isinstance(setting, str):
        return _set_client_option(on, switch, setting)
    if switch == "snapshot":
        if setting is True:
            raise UsageError("set snapshot takes a number of entries, or off: set snapshot 10")
        setting = int(setting)
    elif switch == "drift":
        if isinstance(setting, bool):
            raise UsageError("set drift takes a number of percent: set drift 20")
    elif not isinstance(setting, bool):
        raise UsageError(f"set {switch} is on or off, not {setting}")
    if isinstance(on, Session):
        on.harness.set_option(switch, setting)
        return f"{switch} is {setting_text(setting if switch == 'drift' else setting or False)} now, on all nodes"
    on.switches[switch] = setting
    return ""


def _set_client_option(on: Setup | Session, name: str, value: str) -> str:
    if isinstance(on, Setup):
        on.clients[name] = value
        return ""
    on.harness.set_client_options(client_options(on.harness.clients.options, {name: value}))
    return f"{name} {'is' if name == 'reads' else 'are'} {value} now, for all clients"


@setup_line("bug commit-old-term")
def bug(setup: Setup, bug: Annotated[str, BUG]) -> None:
    """Switch on a named bug of the algorithm (see: raftplay bugs); every transcript names it."""
    if bug not in setup.bugs:
        setup.bugs.append(bug)


@setup_line("node my.py:MyCM", touches="files")
def node(setup: Setup, own: Annotated[str, OWN_NODE]) -> None:
    """Take the nodes' class from a Python file of yours, which is run (see: help node)."""
    _check_first("node", setup.node)
    setup.node = OwnNode(own, setup.folder)


@setup_line("given 2 term 4 voted 0 log 1:a 1:b 4:c")
def given(setup: Setup, disk: Annotated[Given, DISK]) -> None:
    """Put a term, a vote and a log (TERM:VALUE for each entry) on the disk of a node before the start.

    Disks that no run of Raft leads to are refused, unless `unchecked` stands at the end.
    """
    check_given([*setup.given, disk], MAX_NODES)
    setup.given.append(disk)


@setup_line("watch Election Safety, Log Matching", in_session=True)
def watch(on: Setup | Session, what: Annotated[list[str] | str, WATCHED]) -> str:
    """Check only these invariants (default: all); in a shell: choose which events are printed as they happen."""
    if isinstance(on, Session):
        if not isinstance(what, str):
            raise too_late("watch", on)
        on.watching = what
        return WATCHING[what]
    if isinstance(what, str):
        raise UsageError(f"watch {what} is for a shell; a script watches invariants by their NAME")
    on.watched += [name for name in what if name not in on.watched]
    return ""


def _check_first(name: str, before: object) -> None:
    if before is not None:
        raise UsageError(f"{name} was chosen before")
