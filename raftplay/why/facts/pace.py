"""The pace of elections, where the timings explain it: heartbeats or round trips as long as the timeouts."""

from dataclasses import dataclass, replace

from raftplay.cluster.timings import Doubt, Timings, doubt_about
from raftplay.past.index import EventIndex
from raftplay.raft import decisions

WINDOW = 5.0
"""The period in which elections are counted, in seconds of cluster time."""

FEWEST = 3
"""The smallest number of elections that makes a pattern."""


@dataclass(frozen=True, slots=True)
class ElectionPace:
    """The number of elections and pre-votes begun in the last `seconds` of cluster time, and the reason (§5.6)."""

    elections: int
    pre_votes: int
    seconds: float
    doubt: Doubt


def pace_of(events: EventIndex) -> ElectionPace | None:
    """Return the pace of elections; None where the timings do not explain it, or hardly any begin."""
    timings = _timings_now(events)
    doubt = None if timings is None else doubt_about(timings)
    if doubt is None:
        return None
    now = events.snapshot.time
    begin = max(now - WINDOW, events.kept_from or 0.0)
    elections, pre_votes = (
        sum(record.time >= begin for record, _ in events.of_kind(kind))
        for kind in (decisions.ElectionStarted, decisions.PreVoteStarted)
    )
    if elections + pre_votes < FEWEST:
        return None
    return ElectionPace(elections, pre_votes, now - begin, doubt)


def _timings_now(events: EventIndex) -> Timings | None:
    """Return the timings with the delays of the links, which make a round trip longer; None for a single node.

    The two nodes that are nearest to each other count.
    """
    snapshot = events.snapshot
    ids = range(len(snapshot.nodes))
    if snapshot.timings is None or len(ids) < 2:
        return None
    delays = {link: faults.delay[1] for link, faults in snapshot.faulty_links}
    trips = (delays.get((a, b), 0.0) + delays.get((b, a), 0.0) for a in ids for b in ids if a < b)
    return replace(snapshot.timings, round_trip=snapshot.timings.round_trip + min(trips))
