"""The words for snapshots: what a log no longer has, what a follower waits for, and why one is sent."""

from raftplay.raft.decisions import ChunkReceived, SnapshotIgnored
from raftplay.watch.facts import Record
from raftplay.watch.narrator import rule_text
from raftplay.watch.text import size_text
from raftplay.why.facts.snapshots import KeptFacts, SendingFacts
from raftplay.why.words.rpcs import journey_text
from raftplay.why.words.text import at


def kept_lines(facts: KeptFacts | None) -> list[str]:
    """Return what stands in place of the beginning of a log."""
    if facts is None:
        return []
    index, how = facts.index, {"taken": ", which it took", "installed": ", which its leader sent"}
    made = f"{how[facts.how]} at {at(facts.time)}" if facts.how and facts.time is not None else ""
    gone = f"entries 0 to {index} are" if index else "entry 0 is"
    return [f"{gone} in its snapshot{made}: its log begins at index {index + 1} (§7)"]


def word_text(record: Record) -> str:
    """Return what a node did with a part of a snapshot."""
    event = decision_of(record)
    which = f"its snapshot up to entry {event.index}"
    if isinstance(event, SnapshotIgnored):
        return f"ignored {which}: {rule_text(event.rule)}"
    return f"took a part of {which} (Figure 13): {size_text(event.received)} of it had arrived"


def ignored_snapshot_lines(record: Record | None, who: str = "it") -> list[str]:
    """Return why a node, `who` in words, ignored a snapshot."""
    if record is None or not isinstance(record.event, SnapshotIgnored):
        return []
    return [f"{who} ignored {_name(record)} at {at(record.time)}: {rule_text(record.event.rule)}"]


def incoming_lines(record: Record | None) -> list[str]:
    """Return what a follower waits for."""
    if record is None or not isinstance(record.event, ChunkReceived):
        return []
    arrived = size_text(record.event.received)
    return [f"it waits for the rest of {_name(record)}: so far it has {arrived} (Figure 13)"]


def _name(record: Record) -> str:
    return f"node {decision_of(record).leader}'s snapshot up to entry {decision_of(record).index}"


def decision_of(record: Record) -> ChunkReceived | SnapshotIgnored:
    """Return the decision about a part of a snapshot that came from a leader."""
    assert isinstance(record.event, ChunkReceived | SnapshotIgnored)
    return record.event


def sending_lines(sendings: tuple[SendingFacts, ...]) -> list[str]:
    """Return a line for each peer to which a leader sends its snapshot."""
    does = {True: "has to send", False: "sends"}
    return [
        f"it {does[facts.since is None]} node {facts.peer} its snapshot {sending_text(facts)}"
        for facts in sendings
    ]


def sending_text(facts: SendingFacts) -> str:
    """Return up to where a snapshot goes that a leader sends, why it does, and how far it is."""
    why = f"entry {facts.next_index} comes next there, and the leader's log begins at index {facts.base + 1} (§7)"
    if facts.index is None or facts.size is None or facts.since is None:
        return f"up to entry {facts.base}: {why}"
    parts = [why, f"{size_text(facts.received)} of {size_text(facts.size)} arrived"]
    if facts.journey is not None:
        parts.append(journey_text(facts.journey, "the last part", "the response to the last part"))
    return f"up to entry {facts.index}, since {at(facts.since)}: {'; '.join(parts)}"
