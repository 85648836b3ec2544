"""The silences that decide with `checkquorum` and `sticky`: of a leader's majority, and of a follower's leader."""

from collections.abc import Iterator
from dataclasses import dataclass

from raftplay.cluster.snapshot import NodeSnapshot
from raftplay.past.index import EventIndex
from raftplay.raft.messages import AppendEntriesReply, CMState, ConfirmReply, InstallSnapshotReply
from raftplay.watch import facts


@dataclass(frozen=True, slots=True)
class Lease:
    """A node that counts a silence: it last heard from a majority, or from its leader, at `heard` (cluster time).

    `leads`: it leads, and steps down at `until`; else it follows, and ignores vote requests before `until`.
    """

    node: int
    leads: bool
    heard: float
    until: float


def leases(trail: EventIndex) -> Iterator[Lease]:
    """Yield the leases of the live nodes, as far as the history tells them."""
    for node in trail.snapshot.nodes:
        story = trail.story(node.id)
        options = story.options
        if options is None or not node.alive or node.hardware.rate != 1:
            continue  # a node whose clock is fast or slow counts other seconds
        if node.state is CMState.LEADER:
            heard = _majority_heard(trail, node) if options.checkquorum else None
        elif options.sticky and story.heard is not None and story.followed[1] == node.current_term:
            heard = story.heard.time
        else:
            heard = None
        if heard is not None:
            until = heard + options.election_min
            if node.state is CMState.LEADER or until > trail.snapshot.time:
                yield Lease(node.id, node.state is CMState.LEADER, heard, until)


def _majority_heard(trail: EventIndex, leader: NodeSnapshot) -> float | None:
    """Return the last moment at which a leader had heard from a majority; None if the history forgot it."""
    led = trail.story(leader.id).leadership
    if led is None or led.term != leader.current_term:
        return None
    times = dict.fromkeys((node.id for node in trail.snapshot.nodes), led.time)
    times[leader.id] = trail.snapshot.time
    for record in trail.of(leader.id):
        event = record.event
        if record.seq < led.seq or not isinstance(event, facts.ReplyDelivered):
            continue
        reply = event.reply
        if isinstance(reply, AppendEntriesReply | InstallSnapshotReply | ConfirmReply) and reply.term == led.term:
            times[event.src] = max(times[event.src], record.time)
    return sorted(times.values(), reverse=True)[trail.needed - 1]
