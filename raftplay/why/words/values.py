"""The words for what became of a value."""

from raftplay.raft.messages import NONE
from raftplay.watch.text import command_text, count
from raftplay.watch.words import nodes_text, verb
from raftplay.why.facts.values import EntryFacts, LostEntry, ValueFacts
from raftplay.why.words.text import at, grouped

LONGEST_VALUE = 40

MOST_OTHERS = 5
"""The most further entries with one value that are told one by one."""


def value_words(facts: ValueFacts, index_answer: tuple[str, list[str]] | None) -> tuple[str, list[str]]:
    """Return the answer in one sentence, and the reasons; `index_answer` explains the place of the first entry."""
    value = command_text(facts.value, LONGEST_VALUE)
    if facts.similar is not None and isinstance(facts.value, str):
        value = f"the text {value}"
    if not facts.entries:
        return f"{value} {_nowhere(facts)}", []
    first, *others = facts.entries
    lines = []
    if first.taken is not None:
        node, time = first.taken
        lines.append(f"node {node}, the leader of term {first.term}, took it at {at(time)}")
    if first.fate == "gone":
        lines += _other_lines(first)
    else:
        lines += [_majority_text(first, facts)]
    if index_answer is not None:
        head, reasons = index_answer
        is_late = facts.index is not None and facts.index.outcome == "committed" and first.fate != "committed"
        lines += [head + ", so it will be replaced (§5.4.3)" * is_late] * (first.fate != "committed") + reasons
    lines += [f"another entry with it {_story(other, facts)}" for other in others[:MOST_OTHERS]]
    if (more := len(others) - MOST_OTHERS) > 0:
        lines.append(f"{count(more, 'more entry')} with it")
    return f"{value} {_story(first, facts)}", lines


def _nowhere(facts: ValueFacts) -> str:
    far = "" if facts.kept_from is None else f", as far as the history goes (since {at(facts.kept_from)})"
    if not facts.refused:
        other = facts.similar
        hint = (
            ""
            if other is None
            else f"; {'the text' if isinstance(other, str) else 'the number'} {other} is another value"
        )
        return f"is in no log: nobody submitted it{far}{hint}"
    node, time, successor = facts.refused[-1]
    why = f"was handing its leadership over to node {successor} (thesis §3.10)"
    why = why if successor != NONE else "did not lead: only a leader takes commands (§5.1)"
    return f"is in no log: node {node} was given it at {at(time)} and {why}"


def _story(entry: EntryFacts, facts: ValueFacts) -> str:
    """Return what became of an entry, as what is said of its value."""
    term = f", term {entry.term}" if entry.term != NONE else ", in a snapshot"
    where = f"index {entry.index}"
    match entry.fate:
        case "committed":
            return f"is committed at {where}{term}, on {nodes_text(entry.committed_on)}"
        case "was committed":
            was = f"was committed at {where}{term}"
            if not entry.holders:
                return f"{was}, and no node has it any more: {_losses_text(entry)}"
            have = verb(len(entry.holders), "has", "have")
            return f"{was}; {nodes_text(entry.holders)} {have} it, and no live node knows that now"
        case "pending":
            return f"is not committed: it is at {where} of {nodes_text(entry.holders)}{term}"
        case "on disk only":
            return (
                f"is not committed: it is at {where}{term}, only on the disk of {nodes_text(entry.holders)}, down"
            )
    had = sorted({lost.node for lost in entry.lost})
    return f"was at {where} of {nodes_text(had)}{term}; {_losses_text(entry)}; {_majority_text(entry, facts)}"


def _majority_text(entry: EntryFacts, facts: ValueFacts) -> str:
    if entry.majority is not None:
        nodes, time = entry.majority
        return f"it was on a majority from {at(time)} on: {nodes_text(nodes)}"
    if entry.most >= facts.needed:
        return f"it was on a majority before {at(facts.kept_from or 0)}, which the history no longer has"
    far = "" if facts.kept_from is None else " as far as the history goes"
    if entry.alive:
        return f"it is on no majority so far{far and ','}{far}"
    most = f": on {count(entry.most, 'node')} at most" if entry.most > 1 else ""
    return f"it never was on a majority{far}{most}"


def _losses_text(entry: EntryFacts) -> str:
    """Return how nodes lost an entry, those who lost it alike together."""
    alike = grouped((_loss_text(lost), lost) for lost in entry.lost)
    several = len({lost.node for lost in entry.lost}) > 1
    texts = []
    for text, losses in alike.items():
        times = " and ".join(at(lost.time) + (f" (node {lost.node})" if several else "") for lost in losses)
        texts.append(f"{text} at {times}")
    return "; ".join(texts)


def _loss_text(lost: LostEntry) -> str:
    match lost.how:
        case "replaced" if lost.by != NONE:
            return f"node {lost.by}'s entry replaced it"
        case "replaced":
            return "another entry replaced it"
        case "snapshot":
            return "a snapshot replaced it"
        case "not written":
            return f"node {lost.node} crashed, and it was not on its disk,"
        case "wiped":
            return "the disk with it was lost"
    return "it was gone"


def _other_lines(entry: EntryFacts) -> list[str]:
    """Return what is where the entry was, and that a leader may do that."""
    others = {
        command_text(o.command, 24) if o.kind == "command" else o.kind: o.term
        for lost in entry.lost
        if (o := lost.other)
    }
    return [
        f"what replaced it is {text}, of term {term}: a follower drops what conflicts with its leader's log (§5.3)"
        for text, term in others.items()
    ]
