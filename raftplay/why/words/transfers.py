"""The words for leadership transfers: what one waits for, and why a command or a TimeoutNow was refused."""

from raftplay.cluster.snapshot import NodeSnapshot
from raftplay.past.transfers import PastTransfer
from raftplay.raft.decisions import TimeoutNowDecided
from raftplay.raft.messages import NONE
from raftplay.raft.rule_names import Rule
from raftplay.watch.facts import Record
from raftplay.watch.narrator import rule_text
from raftplay.watch.text import command_text
from raftplay.why.words.text import at, since


def transfer_lines(facts: PastTransfer | None, leader: NodeSnapshot) -> list[str]:
    """Return what a leader's transfer waits for, or how the last one ended."""
    if facts is None:
        return []
    target = f"node {facts.target}"
    lines = []
    if facts.ended is None:
        waits = _waits_text(facts, leader)
        lines.append(f"it hands its leadership over to {target}{since(facts.since)}, and {waits} (thesis §3.10)")
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


def _waits_text(facts: PastTransfer, leader: NodeSnapshot) -> str:
    first, last = dict(leader.match_index).get(facts.target, NONE) + 1, leader.last_index
    target = f"node {facts.target}"
    if first < last:
        return f"waits for entries {first} to {last} to reach {target}"
    if first == last:
        return f"waits for entry {last} to reach {target}"
    if facts.sent is None:
        return f"waits for {target} to start an election: it has the whole log"
    return f"waits for {target} to win: it was told to start an election at {at(facts.sent)}"


def told_lines(record: Record | None, who: str = "it") -> list[str]:
    """Return why a node, `who` in words, refused to start an election at once."""
    if record is None or record.after is None or not isinstance(record.event, TimeoutNowDecided):
        return []
    args, rule = record.event.args, record.event.rule
    terms = f", {args.term} and not {record.after.current_term}" if rule == Rule.OTHER_TERM else ""
    told = f"node {args.leader_id}'s TimeoutNow of term {args.term}"
    return [f"{who} refused {told} at {at(record.time)}: {rule_text(rule)}{terms}"]
