"""The words for leadership transfers: what one waits for, and why a command or a TimeoutNow was refused."""

from raftplay.raft.decisions import Rule
from raftplay.raft.messages import NONE
from raftplay.watch.narrator import rule_text
from raftplay.watch.text import command_text
from raftplay.why.facts.transfers import ToldFacts, TransferFacts
from raftplay.why.words.text import at


def transfer_lines(facts: TransferFacts | None) -> list[str]:
    """Return what a leader's transfer waits for, or how the last one ended."""
    if facts is None:
        return []
    target = f"node {facts.target}"
    lines = []
    if facts.ended is None:
        since = f" since {at(facts.since)}" if facts.since is not None else ""
        lines.append(f"it hands its leadership over to {target}{since}, and {_waits_text(facts)} (thesis §3.10)")
        if facts.until is not None:
            lines.append(f"if {target} does not take over by {at(facts.until)}, it gives up, and leads on")
    if facts.replaced != NONE:
        lines.append(f"before that, it was to hand over to node {facts.replaced}: {rule_text(Rule.REPLACED)}")
    if facts.refused is not None:
        command, time = facts.refused
        why = f"a leader takes no commands while it hands over to {target} (thesis §3.10)"
        lines.append(f"it refused {command_text(command, 40)} at {at(time)}: {why}")
    if facts.ended is not None:
        lines.append(f"at {at(facts.ended)} it gave up handing over to {target}: {rule_text(facts.rule)}")
    return lines


def _waits_text(facts: TransferFacts) -> str:
    target, first, last = f"node {facts.target}", facts.first, facts.last
    if first < last:
        return f"waits for entries {first} to {last} to reach {target}"
    if first == last:
        return f"waits for entry {last} to reach {target}"
    if facts.sent is None:
        return f"waits for {target} to start an election: it has the whole log"
    return f"waits for {target} to win: it was told to start an election at {at(facts.sent)}"


def told_lines(facts: ToldFacts | None, who: str = "it") -> list[str]:
    """Return why a node, `who` in words, refused to start an election at once."""
    if facts is None:
        return []
    terms = f", {facts.term} and not {facts.own_term}" if facts.rule == "other-term" else ""
    told = f"node {facts.leader}'s TimeoutNow of term {facts.term}"
    return [f"{who} refused {told} at {at(facts.time)}: {rule_text(facts.rule)}{terms}"]
