"""The words for snapshots: what a log no longer has, what a follower waits for, and why one is sent."""

from raftplay.watch.narrator import rule_text
from raftplay.watch.text import size_text
from raftplay.why.facts.snapshots import KeptFacts, SendingFacts, SnapshotWord
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


def word_text(word: SnapshotWord) -> str:
    """Return what a node did with a part of a snapshot."""
    which = f"its snapshot up to entry {word.index}"
    if word.rule:
        return f"ignored {which}: {rule_text(word.rule)}"
    return f"took a part of {which} (Figure 13): {size_text(word.received)} of it had arrived"


def ignored_snapshot_lines(word: SnapshotWord | None, who: str = "it") -> list[str]:
    """Return why a node, `who` in words, ignored a snapshot."""
    if word is None:
        return []
    which = f"node {word.asker}'s snapshot up to entry {word.index}"
    return [f"{who} ignored {which} at {at(word.time)}: {rule_text(word.rule)}"]


def incoming_lines(word: SnapshotWord | None) -> list[str]:
    """Return what a follower waits for."""
    if word is None:
        return []
    which = f"node {word.asker}'s snapshot up to entry {word.index}"
    return [f"it waits for the rest of {which}: so far it has {size_text(word.received)} (Figure 13)"]


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
