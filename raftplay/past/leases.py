"""The silences that decide with `checkquorum` and `sticky`: of a leader's majority, and of a follower's leader."""

from collections.abc import Iterator
from dataclasses import dataclass

from raftplay.cluster.snapshot import NodeSnapshot
from raftplay.past.index import EventIndex
from raftplay.past.story import Story
from raftplay.raft.decisions import Configured
from raftplay.raft.messages import AppendEntriesReply, CMState, ConfirmReply, InstallSnapshotReply
from raftplay.watch import facts


@dataclass(frozen=True, slots=True)
class Lease:
    """A node that counts a silence: it last heard from a majority, or from its leader, at `heard` (cluster time).

    `leads`: it leads, and steps down at `until`; else it follows, and ignores vote requests before `until`. Its
    own clock shows `rate` seconds per second of cluster time.
    """

    node: int
    leads: bool
    heard: float
    until: float
    rate: float = 1.0


def leases(events: EventIndex) -> Iterator[Lease]:
    """Yield the leases of the live nodes, as far as the history tells them."""
    for node in events.snapshot.nodes:
        story = events.story(node.id)
        options = story.options
        if options is None or not node.alive:
            continue
        leads = node.state is CMState.LEADER
        heard = _majority_heard(events, node) if leads and options.checkquorum else None
        if not leads and options.sticky:
            heard = _leader_heard(story, options, node.current_term)
        if heard is not None:
            until = heard + (options.election_min if leads else options.promise or options.election_min)
            if leads or until > events.snapshot.time:
                yield Lease(node.id, leads, heard, until, node.hardware.rate)


def _leader_heard(story: Story, options: Configured, term: int) -> float | None:
    """Return when a node that is loyal by its options last heard of its leader; None if it need not be.

    Where leaders read by leases it keeps to what it promised any leader, before a restart too (thesis §6.4.1).
    """
    heard = None if story.heard is None else story.heard.time
    if options.promise:
        return story.started_at if heard is None else heard
    return heard if story.followed[1] == term else None


def _majority_heard(events: EventIndex, leader: NodeSnapshot) -> float | None:
    """Return the last moment at which a leader had heard from a majority; None if the history forgot it."""
    led = events.story(leader.id).leadership
    if led is None or led.term != leader.current_term:
        return None
    times = dict.fromkeys((node.id for node in events.snapshot.nodes), led.time)
    times[leader.id] = events.snapshot.time
    for record in events.of(leader.id):
        event = record.event
        if record.seq < led.seq or not isinstance(event, facts.ReplyDelivered):
            continue
        reply = event.reply
        if isinstance(reply, AppendEntriesReply | InstallSnapshotReply | ConfirmReply) and reply.term == led.term:
            times[event.src] = max(times[event.src], record.time)
    return sorted(times.values(), reverse=True)[events.needed - 1]
