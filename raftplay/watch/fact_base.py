"""The base classes of facts: events of a cluster that are no decisions of its nodes."""

import msgspec


class FactBase(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """The base class of all events that are not decisions of a node."""

    group = "fault"
    """The topic of the event: "wire", "fault", "election", "log" or "client"."""


class FaultBase(FactBase, frozen=True, gc=False):
    """The base class of faults, which say themselves what happened, and what follows from it."""

    effect = ""
    """A sentence for newcomers on its effect; "" where that depends on the rest of the cluster."""

    @property
    def words(self) -> str:
        """Return what happened, without the node: "freezes"."""
        raise NotImplementedError
