"""The command `new`: another cluster in the session, like the one there is but for the settings that it names."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Annotated

from raftplay.cluster.timings import doubt_about_cluster
from raftplay.commands.setup import CLIENT_OPTIONS, SWITCHES, TIMINGS, Setup
from raftplay.commands.setup_lines import ON_OFF, TIMING
from raftplay.errors import UsageError
from raftplay.language import values
from raftplay.language.cursor import Cursor, Offered, Place
from raftplay.language.lexer import Word
from raftplay.language.table import TABLE, Kind, Resolve, command, refusal
from raftplay.raft.bugs import BUGS
from raftplay.session.session import Session
from raftplay.session.shown import did_you_mean, quoted
from raftplay.watch.invariants import INVARIANTS

CLUSTER = ("nodes", "seed", "backend", "bug", "node", "watch", *SWITCHES, *CLIENT_OPTIONS, *TIMINGS)
"""The names that `new` takes: the set-up lines with one argument, and the names of the others."""


SetupChange = Callable[[Setup, Session], object]
"""Puts one setting of `new` into a set-up."""


def _changes(cursor: Cursor) -> Resolve:
    changes: list[SetupChange] = []
    seen = set[str]()
    for word in cursor.rest(_offered_changes):
        name, glued, text = word.text.partition("=")
        if name not in CLUSTER:
            hint = did_you_mean(name, CLUSTER) or f"; new knows {', '.join(CLUSTER)}"
            raise cursor.mistake(f"unknown setting {quoted(name)}{hint}", word)
        if not text:
            raise cursor.mistake(f"the value of {name} is missing; write {name}={_example(name)}", word)
        if name in seen and name != "bug":
            raise cursor.mistake(f"{name} stands twice", word)
        seen.add(name)
        changes.append(_change(cursor, word, name, text, len(name) + len(glued)))

    def resolve(session: Session) -> Setup:
        setup = Setup()
        for change in changes:
            change(setup, session)
        return setup

    return resolve


def _change(cursor: Cursor, word: Word, name: str, text: str, before: int) -> SetupChange:
    """Read one setting, `name=text`, as its set-up line does."""
    inner = Cursor(cursor.statement, cursor.scope)
    if name in TIMINGS:
        inner.words = (*cursor.words[:1], word)
        row, resolve = TABLE["timing"], TIMING.read(inner)
        return lambda setup, session: row.function(setup, timings=resolve(session))
    inner.words = (*cursor.words[:1], Word(text, word.column + before, word.length - before, word.quoted))
    if name in CLIENT_OPTIONS:
        known = CLIENT_OPTIONS[name]
        value = values.one_of(inner, inner.next(" or ".join(known)), known, "setting")
        return lambda setup, _: setup.clients.update({name: value})
    if name in SWITCHES:
        switched = ON_OFF.read(inner)
        return lambda setup, session: TABLE["set"].function(setup, name, switched(session))
    if (name, text) == ("bug", "none"):
        return lambda setup, _: setattr(setup, "without_bugs", True)
    if (name, text) == ("watch", "all"):
        return lambda setup, _: setup.watched.extend(invariant.name for invariant in INVARIANTS)
    one = TABLE[name]
    if refused := refusal(f"new {name}", one.touches, cursor.scope.barred):
        raise cursor.mistake(refused, word)
    read = one.parameters[0].kind.read(inner)
    return lambda setup, session: one.function(setup, read(session))


def _example(name: str) -> str:
    """Return a value of a setting, as the set-up line shows it."""
    if name in SWITCHES or name in TIMINGS or name in CLIENT_OPTIONS:
        return _examples(name)[0]
    return TABLE[name].example.partition(" ")[2].partition(",")[0]


def _examples(name: str) -> tuple[str, ...]:
    """Return values that may be given to a setting of `new`."""
    if name in TIMINGS:
        return tuple(
            text.partition("=")[2] for text in TIMING.examples if text.startswith(f"{name}=") and " " not in text
        )
    if name in SWITCHES:
        return ON_OFF.examples
    if name in CLIENT_OPTIONS:
        return CLIENT_OPTIONS[name]
    more = {"bug": ("none",), "watch": ("all",)}
    return (*TABLE[name].parameters[0].kind.examples, *more.get(name, ()))


def _offered_changes(place: Place) -> Iterator[Offered]:
    """Offer the settings that are not given yet, and then the values of the one being typed."""
    given = {word.text.partition("=")[0] for word in place.words} - {"bug"}
    for name in CLUSTER:
        if name in given or (name in TABLE and TABLE[name].touches in place.scope.barred):
            continue
        if not place.typed.startswith(f"{name}="):
            yield Offered(f"{name}=", f"such as {name}={_example(name)}")
        for value in _examples(name) if place.typed.startswith(f"{name}=") else ():
            help = BUGS[value].mechanism if name == "bug" and value in BUGS else ""
            yield Offered(f"{name}='{value}'" if " " in value else f"{name}={value}", help)


CHANGES = Kind(
    "nodes=7 seed=3 backend=sim prevote=on bug=NAME …",
    _changes,
    about=f"{', '.join(CLUSTER)}; bug=none, watch=all",
    examples=("nodes=3", "seed=8 prevote=on", "bug=forget-vote", "election=150..300ms", "bug=none watch=all"),
)


@command("Setting up", "new nodes=7 prevote=on")
def new(session: Session, changes: Annotated[Setup | None, CHANGES] = None) -> str:
    """Begin another cluster, like this one but for these settings, in a shell or on the screen. `switch` returns
    to this one (on sockets, it stands still meanwhile); save and record write the story of the one you are in.
    """
    changes = changes or Setup()
    plan = session.blueprint
    if not session.is_live or plan is None:
        raise UsageError(
            "a script plays on one cluster; its set-up lines choose it, and new is for a shell and for the screen"
        )
    before = session.branch.name
    watched = tuple(changes.watched) or plan.watched
    plan = dataclasses.replace(
        plan,
        nodes=changes.nodes or plan.nodes,
        seed=plan.seed if changes.seed is None else changes.seed,
        backend=changes.backend or plan.backend,
        config=changes.config(plan.config).settled(),
        watched=() if len(watched) == len(INVARIANTS) else watched,
    )
    branch = session.begin(plan)
    doubt = doubt_about_cluster(plan.nodes, plan.config)
    more = [f"switch {before} returns to the cluster before"]
    more += [f"the file of record holds the story of {branch.name} from now on"] if session.is_recorded else []
    more += [str(doubt)] if doubt is not None else []
    return "; ".join([f"branch {branch.name}: {session.about(branch)}", *more])
