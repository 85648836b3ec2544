"""The words that all answers share: nodes, times, obstacles, and rules with their operands and sections."""

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from raftplay.raft.decisions import Rule, rule_words
from raftplay.raft.messages import NONE, AppendEntriesArgs, RequestVoteArgs
from raftplay.watch.text import count
from raftplay.why.calls import CallStage, Journey
from raftplay.why.causes import Cause
from raftplay.why.faults import NodeFaults
from raftplay.why.network import Obstacle
from raftplay.why.verdicts import Args, Verdict

FORGOTTEN = "the history no longer has it"

WIDTH = 100
"""The columns of a line of text."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """An answer: the `facts`, one sentence that answers, and the reasons, one line each."""

    facts: Any
    head: str
    reasons: tuple[str, ...]

    @property
    def text(self) -> str:
        """Return the answer as lines of text, none much longer than `WIDTH`."""
        return self.folded(WIDTH)

    def folded(self, width: int) -> str:
        """Return the answer as lines of text of about `width` columns."""
        return "\n".join(
            (_wrapped(self.head, width), *(_wrapped(f"  {reason}", width) for reason in self.reasons))
        )


def _wrapped(line: str, width: int) -> str:
    """Fold a line at `width`, and indent what follows deeper."""
    indent = line[: len(line) - len(line.lstrip())]
    folded = textwrap.wrap(
        line, width, subsequent_indent=f"{indent}    ", break_long_words=False, break_on_hyphens=False
    )
    return "\n".join(folded)


def nodes_text(ids: Iterable[int]) -> str:
    """Return some nodes in words: "node 3", "nodes 0 1 2"."""
    known = [str(id) for id in ids]
    if not known:
        return "no node"
    return f"node{'' if len(known) == 1 else 's'} {' '.join(known)}"


def at(time: float) -> str:
    """Return a moment of cluster time in words, in seconds."""
    return f"{time:.3f} s"


def ago(seconds: float) -> str:
    """Return how long ago something happened, in words."""
    return f"{span(seconds)} ago" if seconds >= 0.0005 else "just now"


def span(seconds: float) -> str:
    """Return a duration in words, in milliseconds or seconds."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"


def since_text(time: float | None) -> str:
    """Return since when something holds, where that is known."""
    return f"since {at(time)}" if time is not None else f"since when: {FORGOTTEN}"


def obstacle_text(obstacle: Obstacle) -> str:
    """Return in words what stands in the way of a message."""
    link = f"{obstacle.src}->{obstacle.dst}"
    match obstacle.kind:
        case "down" | "frozen" | "cut off":
            return f"node {obstacle.node} is {obstacle.kind}"
        case "partition":
            return "on another side of the partition"
        case "cut":
            return f"the link {link} is cut"
        case "loss":
            return f"the link {link} loses every message"
        case "drops":
            return f"the proxy of node {obstacle.node} drops its requests"
        case "held":
            return f"what goes over {link} is held"


def apart_texts(obstacles: Iterable[Obstacle], node: int) -> list[str]:
    """Return whom `node` does not reach and why, grouped by reason: "not nodes 2 3: …"."""
    apart: dict[str, list[int]] = {}
    for gap in obstacles:
        apart.setdefault(obstacle_text(gap), []).append(gap.src if gap.dst == node else gap.dst)
    return [f"not {nodes_text(nodes)}: {text}" for text, nodes in apart.items()]


def past_obstacle_text(obstacle: Obstacle) -> str:
    """Return in words what kept a request from leaving."""
    if obstacle.kind == "drops":
        return f"the proxy of node {obstacle.node} dropped it"
    return f"node {obstacle.node} was {obstacle.kind}"


# ---- RPCs


def request_text(args: Args) -> str:
    """Return a request in words."""
    match args:
        case RequestVoteArgs():
            return f"{'pre-vote' if args.pre_vote else 'vote'} request for term {args.term}"
        case AppendEntriesArgs(entries=()):
            return f"heartbeat of term {args.term}"
    first, last = args.prev_log_index + 1, args.prev_log_index + len(args.entries)
    where = f"entry {first}" if first == last else f"entries {first}..{last}"
    return f"AppendEntries of term {args.term} with {where}"


def cause_text(cause: Cause) -> str:
    """Return in words the message that made a node act."""
    if cause.reply is not None:
        return answer_text(cause.peer, cause.args)
    assert cause.args is not None
    return f"node {cause.peer}'s {request_text(cause.args)}"


def answer_text(peer: int, args: Args | None) -> str:
    """Return in words the response of `peer` to a node's request."""
    return f"the response of node {peer} to its {request_text(args) if args is not None else 'request'}"


def journey_text(journey: Journey, what: str, answer: str) -> str:
    """Return where a request and its response are; `what` names the request, `answer` the response."""
    src, dst = journey.src, journey.dst
    when = "on its link until" if journey.on_link else "due at"
    due = "" if journey.due is None else f", {when} {at(journey.due)}"
    gap = journey.obstacle
    gone = "has not arrived, and is not on its way any more"
    texts = {
        CallStage.NOT_SENT: f"{what} never left{f': {past_obstacle_text(gap)}' if gap is not None else ''}",
        CallStage.CALL_UNDER_WAY: f"{what} is on its way{due}",
        CallStage.CALL_HELD: f"{what} is held on {src}->{dst}",
        CallStage.CALL_WAITS: f"{what} waits until node {dst} is thawed",
        CallStage.CALL_LOST: f"{what} was lost ({journey.reason})",
        CallStage.CALL_GONE: f"{what} {gone}",
        CallStage.UNANSWERED: f"{what} arrived, and node {dst} crashed before it responded",
        CallStage.REPLY_UNDER_WAY: f"{answer} is on its way{due}",
        CallStage.REPLY_HELD: f"{answer} is held on {dst}->{src}",
        CallStage.REPLY_WAITS: f"{answer} waits until node {src} is thawed",
        CallStage.REPLY_LOST: f"{answer} was lost ({journey.reason})",
        CallStage.REPLY_GONE: f"{answer} {gone}",
        CallStage.ANSWERED: f"{answer} arrived",
    }
    return texts[journey.stage] + ("; another copy of the request is on its way" if journey.again else "")


# ---- rules


def ruling_text(ruling: Verdict) -> str:
    """Return the rule of a response, its operands and section, and where the correct algorithm differs."""
    section, words = rule_words(ruling.rule)
    words, section = _exact_words(ruling, words, section)
    operands = _operands(ruling)
    text = f"{words}{': ' if operands else ''}{operands} ({section})"
    return f"{text}; {_sound_text(ruling)}" if ruling.sound else text


def _exact_words(ruling: Verdict, words: str, section: str) -> tuple[str, str]:
    """Return the words and section of a rule, more exact where its operands allow it."""
    args = ruling.args
    if not isinstance(args, RequestVoteArgs):
        return words, section
    if ruling.rule == Rule.STALE_TERM and args.pre_vote and args.term == ruling.term:
        return "the request is about a term that has begun already", "§5.1, thesis §9.6"
    if ruling.rule == Rule.LOG_OLDER_TERM and args.last_log_index == NONE:
        return "the candidate's log is empty", section
    if ruling.rule == Rule.LOG_SHORTER and args.last_log_term != ruling.last_log_term:
        return "the candidate's log is shorter", section
    if ruling.rule in (Rule.GRANTED, Rule.PRE_GRANTED) and ruling.sound:
        return "granted", section
    return words, section


def _operands(ruling: Verdict) -> str:
    args, node = ruling.args, ruling.node
    if isinstance(args, AppendEntriesArgs):
        return _append_operands(ruling, args)
    match ruling.rule:
        case Rule.OWN_RULE:
            return ""
        case Rule.STALE_TERM if args.pre_vote:
            return f"it asks about term {args.term}, and node {node} is in term {ruling.term}"
        case Rule.STALE_TERM:
            return f"{args.term} < {ruling.term}"
        case Rule.VOTED_FOR_OTHER if ruling.voted_for == node:
            return f"node {node} voted for itself in term {ruling.term}{', and leads it' if ruling.leads else ''}"
        case Rule.VOTED_FOR_OTHER:
            return f"node {node} voted for node {ruling.voted_for} in term {ruling.term}"
        case Rule.LEADS:
            return f"term {ruling.term}"
        case Rule.LOG_OLDER_TERM if args.last_log_index == NONE:
            return f"the last entry of node {node} is of term {ruling.last_log_term}"
        case Rule.LOG_OLDER_TERM:
            return f"{args.last_log_term} < {ruling.last_log_term}"
        case Rule.LOG_SHORTER if args.last_log_term == ruling.last_log_term:
            return (
                f"it ends at index {args.last_log_index}, that of node {node} at {ruling.last_log_index}, "
                f"both with term {ruling.last_log_term}"
            )
        case Rule.LEADER_ALIVE:
            return _leader_alive(ruling)
    asker = (args.last_log_index, args.last_log_term)
    own = (ruling.last_log_index, ruling.last_log_term)
    if asker == own:
        return f"both logs end at index {own[0]} with term {own[1]}" if own[0] != NONE else "both logs are empty"
    whose = "it" if not ruling.sound else "the candidate's log"
    return f"{whose} {_log_end(*asker)}, that of node {node} {_log_end(*own)}"


def _leader_alive(ruling: Verdict) -> str:
    if ruling.leads:
        return f"node {ruling.node} leads term {ruling.term} itself"
    if ruling.leader_heard is None:
        return ""
    time, leader = ruling.leader_heard
    return f"node {ruling.node} heard of node {leader} {span(ruling.time - time)} before"


def _log_end(index: int, term: int) -> str:
    return f"ends at index {index} with term {term}" if index != NONE else "is empty"


def _append_operands(ruling: Verdict, args: AppendEntriesArgs) -> str:
    previous = args.prev_log_index
    match ruling.rule:
        case Rule.OWN_RULE:
            return ""
        case Rule.STALE_TERM:
            return f"{args.term} < {ruling.term}"
        case Rule.LOG_TOO_SHORT:
            end = f"ends at index {ruling.last_log_index}" if ruling.last_log_index != NONE else "is empty"
            return f"it {end}, and the entry before the new ones is at index {previous}"
        case Rule.TERM_CONFLICT:
            leaders = (
                f"the leader's of {args.prev_log_term}" if args.prev_log_term != NONE else "the leader has none"
            )
            return f"at index {previous} it is of term {ruling.conflict_term}, {leaders}"
    return f"index {previous}, term {args.prev_log_term}" if previous != NONE else "nothing comes before index 0"


def _sound_text(ruling: Verdict) -> str:
    """Return what the correct algorithm would have done instead."""
    section, words = rule_words(ruling.sound)
    if ruling.rule == Rule.OWN_RULE and not ruling.yes:
        return "the correct algorithm says yes"
    if ruling.sound in (Rule.GRANTED, Rule.MATCHES):
        return f"the correct algorithm says yes: the last entry is of a later term ({Rule.LOG_SHORTER.section})"
    return f"the correct algorithm says no here: {words} ({section})"


# ---- faults of a node


def plight_lines(plight: NodeFaults, node: int) -> list[str]:
    """Return the faults of a live node, one line each."""
    lines = []
    if plight.frozen:
        lines.append(
            f"it is frozen {since_text(plight.frozen_since)}: it answers nothing, and no timer of it fires"
        )
    if plight.cut_off:
        lines.append(f"it is cut off from all others {since_text(plight.cut_off_since)}")
    if plight.group:
        lines.append(f"the partition leaves it with {_group_text(plight, node)}")
    if plight.calls_left == 0:
        lines.append("its proxy drops every request that it sends; its responses pass")
    elif plight.calls_left > 0:
        lines.append(f"its proxy lets {count(plight.calls_left, 'more request')} pass, and drops what follows")
    if plight.will_tear:
        lines.append("its next write will be torn: it crashes in the middle of it (tear)")
    if plight.earlier_life is not None:
        lines.append(
            f"an earlier process of it, which had crashed, still acts (at {at(plight.earlier_life)}): "
            "a crashed process must do nothing"
        )
    return lines


def _group_text(plight: NodeFaults, node: int) -> str:
    others = [id for id in plight.group if id != node]
    return nodes_text(others) if others else "nobody"
