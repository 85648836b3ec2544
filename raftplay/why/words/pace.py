"""The words for the pace of elections."""

from raftplay.watch.text import count
from raftplay.why.facts.pace import ElectionPace


def pace_lines(pace: ElectionPace | None) -> list[str]:
    """Return a line about the pace of elections, if there is a reason for one."""
    if pace is None:
        return []
    kinds = ((pace.elections, "election"), (pace.pre_votes, "pre-vote"))
    counted = " and ".join(count(n, kind) for n, kind in kinds if n)
    return [f"{counted} in {pace.seconds:.3g} s: {pace.doubt.values}: {pace.doubt.effect} (§5.6)"]
