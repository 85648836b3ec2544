"""Functions by class of event, for readers of every event: a `match` tries class after class, which is slow."""

from collections.abc import Callable
from typing import Generic, TypeVar, TypeVarTuple

from raftplay.watch.facts import Event

E = TypeVar("E", bound=Event)
Args = TypeVarTuple("Args")


class EventTable(Generic[*Args]):
    """The function that is called with `*Args` and an event, by the class of the event.

    tests/watch/test_event_tables.py checks that each table has, or ignores, every class of its union of events.
    """

    def __init__(self) -> None:
        self._functions: dict[type, Callable[..., None]] = {}
        self.get = self._functions.get
        """Return the function for a class of events, None if it is ignored."""

        self.classes: set[type] = set()
        """The classes that were added or ignored."""

    def add(self, kind: type[E], function: Callable[[*Args, E], None]) -> None:
        """Call `function` for the events of class `kind`."""
        self._functions[kind] = function
        self.classes.add(kind)

    def ignore(self, *kinds: type[Event]) -> None:
        """Call nothing for the events of these classes."""
        self.classes.update(kinds)
