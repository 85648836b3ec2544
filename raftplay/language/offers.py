"""Completion offers for a place of a command line; the code that reads a word says what may be typed there.

The rule of this module: an offer changes nothing, and it offers only what the reader would accept.
"""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

from raftplay.cluster.holding import Holding
from raftplay.cluster.snapshot import NodeSnapshot
from raftplay.files import expanded
from raftplay.language.cursor import Offer, Offered, Place
from raftplay.language.values import is_integer
from raftplay.raft.messages import CMState
from raftplay.session.branches import FIRST
from raftplay.session.units import UNITS, duration_text
from raftplay.watch.narrator import message_text
from raftplay.watch.text import command_text, visible
from raftplay.watch.words import link_text

MOST = 60
"""The maximum number of values, messages or files that are offered."""

DEEPEST = 1_000
"""The number of entries at the end of each log that are searched for values."""

LONGEST_VALUE = 200
"""The maximum length of an offered value, in characters."""

KEYWORDS = ("to", "on", "within", "for")
"""Words that may follow a value."""

_PLAIN = re.compile(r"[A-Za-z0-9_./:,=+@%^-]+")
"""Words that need no quotes."""


Fits = Callable[[NodeSnapshot], bool]


def word(text: str, help: str = "") -> Offer:
    """Offer a word of the language."""
    return lambda _: (Offered(text, help),)


def words(*texts: str) -> Offer:
    """Offer words of the language."""
    return lambda _: map(Offered, texts)


def either(*offers: Offer) -> Offer:
    """Combine offers."""
    return lambda place: (found for offer in offers for found in offer(place))


def variables(place: Place) -> Iterator[Offered]:
    """Offer the variables that `let` sets."""
    yield from (Offered(f"${name}", "" if value is None else str(value)) for name, value in _kept(place))


def _kept(place: Place) -> Iterator[tuple[str, int | None]]:
    kept = {} if place.session is None else place.session.variables
    yield from ((name, kept.get(name)) for name in sorted(place.scope.variables))


# ---- nodes


def nodes(named: Sequence[str], fits: Fits = lambda _: True, *, several: bool = False) -> Offer:
    """Offer nodes that `fits`, and the words of `named` and variables whose known nodes all fit."""

    def offer(place: Place) -> Iterator[Offered]:
        before, comma, _ = place.typed.rpartition(",")
        if comma and not several:
            return
        at = len(before) + len(comma)
        taken = set(before.split(","))
        prefix = "n" if place.typed[at : at + 1] == "n" else ""
        for text, help in _named(place, named, fits):
            if text not in taken:
                yield Offered(text, help, at)
        for id in range(place.scope.nodes):
            if {str(id), f"n{id}"} & taken or (place.nodes and not fits(place.nodes[id])):
                continue
            yield Offered(f"{prefix}{id}", role_text(place.nodes[id]) if place.nodes else "", at)
        for name, value in _kept(place):
            if value is None or not place.nodes or (0 <= value < len(place.nodes) and fits(place.nodes[value])):
                yield Offered(f"${name}", "" if value is None else f"n{value}", at)

    return offer


def role_text(node: NodeSnapshot) -> str:
    """Return a node's role in short: "Leader, term 3"."""
    if not node.alive:
        return f"down, term {node.current_term} on disk"
    return ", ".join([str(node.state), f"term {node.current_term}", *node.marks])


def _named(place: Place, named: Sequence[str], fits: Fits) -> Iterator[tuple[str, str]]:
    if place.view is None:
        yield from ((text, "") for text in named)
        return
    leader = place.view.snapshot.leader
    connected = [n for n in place.nodes if n.alive and n.connected]
    followers = [n for n in connected if n.state.fits(CMState.FOLLOWER)]
    selected = {
        "leader": [] if leader is None else [leader],
        "follower": followers[:1],
        "followers": followers,
        "all": list(place.nodes),
        "alive": [n for n in place.nodes if n.alive],
        "crashed": [n for n in place.nodes if not n.alive],
    }
    for text in named:
        found = selected[text]
        if found and all(map(fits, found)):
            yield text, " ".join(f"n{n.id}" for n in found)


def groups(place: Place) -> Iterator[Offered]:
    """Offer nodes that are not in a group yet, and the bar between two groups."""
    before, comma, _ = place.typed.rpartition(",")
    before, bar, last = f"{before}{comma}".rpartition("|") if "," in place.typed else place.typed.rpartition("|")
    at = len(before) + len(bar) + (len(last) if comma else 0)
    taken = {
        int(id)
        for text in (*(w.text for w in place.words), place.typed[:at])
        for id in re.findall(r"\d{1,3}", text)
    }
    stands_alone = bool(place.words) and place.words[-1].text == "others" and not bar
    for id in range(place.scope.nodes):
        if id not in taken and not stands_alone:
            yield Offered(str(id), role_text(place.nodes[id]) if place.nodes else "", at)
    if not place.typed and len(place.words) > 1 and place.words[-1].text != "|":
        yield Offered("|", "the next group")
    named = [word.text for word in place.words[1:]]
    if named and named[-1] == "|" and not bar and not comma and "others" not in named:
        yield Offered("others", "every node that stands in no other group", at)


def links(kind: str = "") -> Offer:
    """Offer links; with `kind` "cut" or "held" only such links."""

    def offer(place: Place) -> Iterator[Offered]:
        if kind and place.view is not None:
            snapshot = place.view.snapshot
            found = dict(snapshot.faulty_links)
            held = Holding.of(snapshot.held_links, snapshot.held_kinds)
            only = (
                [pair for pair, faults in found.items() if faults.cut] if kind == "cut" else sorted(held.kinds_of)
            )
            yield from (Offered(f"{src}->{dst}", kind) for src, dst in only)
            return
        left, arrow, _ = place.typed.partition("<->" if "<" in place.typed else "->")
        if not arrow:
            yield from (Offered(f"{id}->", _from_text(place, id)) for id in range(place.scope.nodes))
            yield Offered("all", "every link")
        else:
            yield from (
                Offered(f"{left}{arrow}{id}", _link_text(place, left, id))
                for id in range(place.scope.nodes)
                if f"{id}" != left.lstrip("n")
            )

    return offer


def _from_text(place: Place, id: int) -> str:
    return f"from n{id}: {role_text(place.nodes[id])}" if place.nodes else ""


def _link_text(place: Place, left: str, dst: int) -> str:
    if place.view is None or not left.lstrip("n").isdecimal() or len(left) > 9:
        return ""
    faults = dict(place.view.snapshot.faulty_links).get((int(left.lstrip("n")), dst))
    return "whole" if faults is None else link_text(faults)


def messages(place: Place) -> Iterator[Offered]:
    """Offer the messages in flight."""
    flying = () if place.view is None else place.view.messages
    for message in islice((m for m in flying if m.id >= 0), MOST):
        yield Offered(str(message.id), message_text(message.src, message.dst, message.message))


def held_messages(place: Place) -> Iterator[Offered]:
    """Offer the messages that are held."""
    flying = () if place.view is None else place.view.messages
    for message in islice((m for m in flying if m.id >= 0 and m.due is None), MOST):
        yield Offered(str(message.id), message_text(message.src, message.dst, message.message))


# ---- values


def values(place: Place) -> Iterator[Offered]:
    """Offer the commands in the logs, the newest first."""
    found: dict[str, Offered] = {}
    committed = max((n.commit_index for n in place.nodes if n.alive), default=-1)
    for node in sorted(place.nodes, key=lambda n: len(n.log), reverse=True):
        for index in range(len(node.log) - 1, max(-1, len(node.log) - 1 - DEEPEST), -1):
            entry = node.log[index]
            if len(found) >= MOST:
                break
            fits = _can_be_typed(entry.command) and str(entry.command).startswith(place.typed)
            if fits and (key := repr(entry.command)) not in found:
                is_committed = index <= committed and index <= node.commit_index
                help = f"index {index}, term {entry.term}{', committed' if is_committed else ''}"
                found[key] = Offered(str(entry.command), help, is_text=isinstance(entry.command, str))
    yield from found.values()


def uncommitted(place: Place) -> Iterator[Offered]:
    """Offer the indices that no live node has committed, with their entries in the longest log."""
    first = max((node.commit_index for node in place.nodes if node.alive), default=-1) + 1
    longest = max((node.log for node in place.nodes), key=len, default=())
    for index in range(first, min(len(longest), first + MOST)):
        entry = longest[index]
        yield Offered(str(index), f"{command_text(entry.command, 40)}, term {entry.term}")


def _can_be_typed(value: object) -> bool:
    """Return whether `value` can be typed on a line, and is short enough to be offered."""
    if isinstance(value, str):
        return len(value) <= LONGEST_VALUE and value.splitlines() in ([value], [])
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**18


def word_of(text: str) -> str:
    """Return `text` as one word of a line, in quotes if it would read as something else without them."""
    if _PLAIN.fullmatch(text) and not is_integer(text) and text not in KEYWORDS:
        return text
    if "'" not in text:
        return f"'{text}'"
    return '"' + re.sub(r'(["\\$])', r"\\\1", text) + '"'


def durations(place: Place) -> Iterator[Offered]:
    """Offer the typed number with each unit, or common durations."""
    names = {"ms": "milliseconds", "s": "seconds", "m": "minutes"}
    match = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)[ms]*", place.typed)
    if match is not None:
        yield from (Offered(match[1] + unit, names[unit]) for unit in UNITS)
    elif not place.typed:
        yield from (Offered(duration_text(seconds)) for seconds in (0.1, 0.25, 1.0, 5.0))


def assignments(*names: tuple[str, str]) -> Offer:
    """Offer ``name=``, each with an example of its value, for each name that is not given yet."""

    def offer(place: Place) -> Iterator[Offered]:
        given = {word.text.partition("=")[0] for word in place.words}
        for name, example in names:
            if name in given:
                continue
            if place.typed.startswith(f"{name}="):
                yield Offered(f"{name}={example}")
                value = place.typed[len(name) + 1 :]
                if re.fullmatch(r"[0-9]{1,6}", value):
                    yield from (
                        Offered(f"{name}={value}{unit}") for unit in (UNITS if example.endswith("s") else "%")
                    )
            else:
                yield Offered(f"{name}=", f"such as {name}={example}")

    return offer


# ---- names


def marks(place: Place) -> Iterator[Offered]:
    """Offer the moments that `mark` named, but none of another branch."""
    branches = {} if place.session is None else place.session.branches
    known = {} if place.session is None else place.session.branch.marks
    foreign = {name for branch in branches.values() for name in branch.marks} - set(known)
    for name in sorted(place.scope.marks - foreign):
        yield Offered(name, f"{known[name].time:.3f} s" if name in known else "")


def branches(place: Place) -> Iterator[Offered]:
    """Offer the branches of the session."""
    if place.session is None:
        return
    for name, branch in list(place.session.branches.items()):
        first = "the first" if name == FIRST else f"another cluster, of {branch.harness.n}"
        since = f"since {branch.since.time:.3f} s, from {visible(branch.parent)}" if branch.parent else first
        here = ", played now" if branch is place.session.branch else ""
        yield Offered(name, since + here, is_text=True)


def files(place: Place) -> Iterator[Offered]:
    """Offer the name of a new file, and the directories and files that exist."""
    head, slash, tail = place.typed.rpartition("/")
    folder = Path(expanded(head) or "/" if slash else ".")
    if "\0" in head:
        return
    names: list[tuple[str, bool]] = []
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in islice(entries, 1_000):
            with suppress(OSError):
                names.append((entry.name, entry.is_dir()))
    taken = {name for name, _ in names}
    free = next(name for name in (f"story{n or ''}.txt" for n in range(len(taken) + 2)) if name not in taken)
    yield Offered(f"{head}{slash}{free}", "a new file", is_text=True)
    shown = (pair for pair in sorted(names) if pair[0].startswith(tail or "") and (tail or pair[0][:1] != "."))
    for name, is_folder in islice(shown, MOST):
        with suppress(UnicodeEncodeError):
            name.encode()
            text = f"{head}{slash}{name}{'/' if is_folder else ''}"
            yield Offered(text, "directory" if is_folder else "is there already", is_text=True)
