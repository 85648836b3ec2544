"""The actions on the links between nodes, and on single messages in flight."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from raftplay.cluster.holding import ALL
from raftplay.cluster.network import LinkFaults
from raftplay.cluster.servers import Servers
from raftplay.errors import UsageError
from raftplay.raft.message_kinds import MESSAGE_KINDS
from raftplay.watch import facts


class LinkActions(Servers):
    """The actions on links, each direction for itself, and on messages."""

    def partition(self, groups: Sequence[Sequence[int]]) -> None:
        """Split the nodes into groups that cannot reach each other."""
        self.tell(facts.Partitioned(self.network.partition(groups)))

    def heal(self) -> int:
        """Restore all links: remove groups, cuts, loss, delay and duplicates (disconnected nodes stay so).

        Release held links and messages too; return how many of the messages arrive.
        """
        self.network.heal()
        self.tell(facts.Healed())
        for src, dst in self.flights.held_links:
            self.tell(facts.LinkHeld(src, dst, False))
        for src, dst, kind in self.flights.holding.kinds:
            self.tell(facts.LinkHeld(src, dst, False, kind))
        return self.flights.release_all()

    def cut(self, src: int, dst: int) -> None:
        """Cut the link from `src` to `dst`; the other direction stays (an asymmetric partition)."""
        self._set_faults(src, dst, replace(self._faults(src, dst), cut=True))

    def join(self, src: int, dst: int) -> None:
        """Undo `cut`."""
        self._set_faults(src, dst, replace(self._faults(src, dst), cut=False))

    def set_link(
        self,
        src: int,
        dst: int,
        *,
        loss: float | None = None,
        delay: tuple[float, float] | None = None,
        dup: float | None = None,
    ) -> None:
        """Set the faults of one direction of a link: probabilities of loss and duplication (0 to 1), delays (s).

        A value of None stays as it is.
        """
        faults = self._faults(src, dst)
        changed = replace(
            faults,
            loss=faults.loss if loss is None else loss,
            delay=faults.delay if delay is None else delay,
            dup=faults.dup if dup is None else dup,
        )
        self._set_faults(src, dst, changed)

    def clear_link(self, src: int, dst: int) -> None:
        """Remove all faults from one direction of a link, a cut included."""
        self._check_link(src, dst)
        self._set_faults(src, dst, LinkFaults())

    def _faults(self, src: int, dst: int) -> LinkFaults:
        self._check_link(src, dst)
        return self.network.faults(src, dst)

    def _set_faults(self, src: int, dst: int, faults: LinkFaults) -> None:
        self.network.set_faults(src, dst, faults)
        self.tell(facts.LinkChanged(src, dst, faults.cut, faults.loss, faults.delay, faults.dup))

    def _check_link(self, src: int, dst: int) -> None:
        """Raise `UsageError` unless `src` and `dst` are two different nodes."""
        self.server(src)
        self.server(dst)
        if src == dst:
            raise UsageError(f"node {src} has no link to itself")

    # ---- single messages

    def hold(self, src: int, dst: int, kind: str = ALL) -> None:
        """Keep all messages from `src` to `dst`, requests and replies, in flight until they are released.

        `kind`, such as "votes" or "replies" (`raftplay help hold` lists all): only messages of that kind.
        """
        self._check_link(src, dst)
        _check_kind(kind)
        self.flights.hold(src, dst, kind)
        self.tell(facts.LinkHeld(src, dst, True, kind))

    def hold_message(self, id: int) -> None:
        """Keep message `id` in flight until it is released. Raises `UsageError` when it is not in flight."""
        flight = self.flights.get(id)
        if flight.due is not None:
            self.flights.hold_one(id)
            self.tell(facts.MessageHeld(flight.call_id, flight.src, flight.dst, flight.message))

    def release_message(self, id: int) -> str | None:
        """Deliver the held message `id`; return why it is lost, or None. Raises `UsageError` if it is not held."""
        return self.flights.release_one(id)

    def release(self, src: int, dst: int, kind: str = ALL) -> int:
        """Undo `hold` and deliver what was held, in order; return how many messages arrive (a cut loses them).

        With a `kind` only messages of that kind are released; without, all that is held on the link.
        """
        return self.release_links([(src, dst)], kind)

    def release_links(self, links: Collection[tuple[int, int]], kind: str = ALL) -> int:
        """Undo `hold` of all these links (source, destination) first; then deliver what was held, in order.

        Return how many messages arrive. What is sent meanwhile is not held, and is delayed as usual.
        """
        for src, dst in links:
            self._check_link(src, dst)
        _check_kind(kind)
        for link in links:
            held = {ALL, *self.flights.holding.kinds_of.get(link, ())} if kind == ALL else {kind}
            for one in sorted(held):
                self.tell(facts.LinkHeld(*link, False, one))
        return self.flights.release(*links, kind=kind)

    def deliver(self, id: int) -> str | None:
        """Deliver message `id` now; return why it is lost (for example a cut), or None.

        Raises `UsageError` when it is not in flight.
        """
        return self.flights.deliver(id)

    def lose(self, id: int) -> None:
        """Drop message `id`. Raises `UsageError` when it is not in flight."""
        self.flights.lose(id)

    def duplicate(self, id: int) -> str | None:
        """Deliver a copy of message `id` now; return why the copy is lost, or None.

        Raises `UsageError` when the message is not in flight.
        """
        return self.flights.duplicate(id)


def _check_kind(kind: str) -> None:
    """Raise `UsageError` unless messages of this kind, or of all kinds, can be held."""
    if kind != ALL and kind not in MESSAGE_KINDS:
        raise UsageError(f"there is no kind of messages {kind!r}; use {', '.join(MESSAGE_KINDS)}")
