"""Observer: publishes what a node decides."""

from raftplay.cluster.own_methods import overrides_replies, untold
from raftplay.cluster.results import checked_state
from raftplay.cluster.rpc import NodeEvents
from raftplay.raft.consensus import ConsensusModule
from raftplay.raft.decisions import Decision
from raftplay.raft.messages import Args, Reply


class Observer:
    """Publishes the decisions of the node `cm`, each with the node's state after it."""

    def __init__(self, events: NodeEvents, cm: ConsensusModule, *, is_own: bool) -> None:
        self._events = events
        self._cm = cm
        self._publish = events.stream.observer(events.node, events.incarnation, cm)
        self.tell = self.publish if is_own else self._publish
        """The function to call with each decision: only those of an own class need checks."""

        self._told: list[Decision] | None = [] if overrides_replies(type(cm)) else None

    def publish(self, decision: Decision) -> None:
        """Publish a decision. Raises `TypeError` in the code that decided, for an invalid state."""
        checked_state(self._cm.node_state())
        self._publish(decision)
        if self._told is not None:
            self._told.append(decision)

    def publish_reply(self, args: Args, reply: Reply) -> None:
        """Publish the reply of a method of the user's as a decision, unless the node has told it."""
        if self._told is not None and self._events.stream.active:
            decision = untold(self._told, args, reply)
            if decision is not None:
                self.publish(decision)
            self._told.clear()
