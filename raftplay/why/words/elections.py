"""The words for an election: how it began, and what became of each request for a vote."""

import math

from raftplay.cluster.snapshot import NodeSnapshot, Snapshot
from raftplay.past.story import Firing
from raftplay.raft.messages import NONE
from raftplay.raft.rule_names import Rule
from raftplay.watch.narrator import rule_text
from raftplay.watch.words import nodes_text
from raftplay.why.facts.elections import ElectionUnderWay, RequestFate
from raftplay.why.facts.rpcs import CallStage, Journey
from raftplay.why.words.network import obstacle_text
from raftplay.why.words.rpcs import journey_text
from raftplay.why.words.text import FORGOTTEN, at, span
from raftplay.why.words.verdicts import verdict_text


def firing_line(firing: Firing | None) -> str:
    """Return how an election began."""
    if firing is None:
        return f"how its election began: {FORGOTTEN}"
    if firing.time is None:
        text = f"when its election timer fired: {FORGOTTEN}"
    elif firing.told_by != NONE:
        text = f"at {at(firing.time)} {rule_text(Rule.TOLD_TO)}: it obeyed node {firing.told_by}, "
        text += f"since {rule_text(Rule.OBEYED)}"
    elif firing.by_hand:
        text = f"at {at(firing.time)} {rule_text(Rule.BY_HAND)}"
    else:
        text = f"its election timer fired at {at(firing.time)}: {rule_text(Rule.TIMEOUT)}"
        text += _waited(firing, firing.time)
    if firing.pre_votes:
        text += f"; {nodes_text(firing.pre_votes)} said first that it could win (thesis §9.6)"
    return text


def _waited(firing: Firing, fired: float) -> str:
    since = firing.since
    if since is None:
        return f"; since when it had waited: {FORGOTTEN}"
    did = {
        "heard": f"heard of node {since.peer}, the leader of term {since.term}",
        "voted": f"voted for node {since.peer} in term {since.term}",
        "stood": f"started an election in term {since.term}, and did not win",
        "asked": f"asked whether it could win term {since.term}",
        "started": "started",
        "stepped down": f"stepped down as leader, to term {since.term}",
        "set": "its timer set by hand",
        "refused": f"denied node {since.peer} its vote, which restarts its timer by a bug",
    }
    return f"; {span(fired - since.time)} before, it had {did[since.kind]}"


def candidacy_lines(candidacy: ElectionUnderWay) -> list[str]:
    """Return how an election in progress began, and the fate of each request."""
    lines = [firing_line(candidacy.firing)]
    kind = "pre-votes" if candidacy.pre_vote else "votes"
    lines.append(f"{kind} counted: {nodes_text(candidacy.votes) if candidacy.votes else 'none yet'}")
    return lines + [line for asked in candidacy.asked if (line := asked_line(candidacy, asked))]


def asked_line(candidacy: ElectionUnderWay, asked: RequestFate) -> str:
    """Return the fate of the request to one node in words; empty where there is nothing to say."""
    kind = "pre-vote" if candidacy.pre_vote else "vote"
    peer, journey = asked.peer, asked.journey
    if journey is None:
        gap = f"; now {obstacle_text(asked.obstacle)}" if asked.obstacle is not None else ""
        said = "its vote is counted; " if asked.counted else ""
        return f"node {peer}: {said}the history no longer has the request to it{gap}"
    verdict = journey.verdict
    if verdict is None:
        return f"node {peer} has not responded: {no_answer_text(asked)}"
    verb = f"granted its {kind}" if verdict.yes else f"denied its {kind}"
    if verdict.is_ignored:
        verb = f"ignored the request for its {kind}"
    text = f"node {peer} {verb}: {verdict_text(verdict)}"
    if verdict.is_ignored and not journey.again:
        return text
    if journey.stage is CallStage.ANSWERED and not journey.again:
        return text
    return f"{text}; {journey_text(journey, 'the request', 'the response')}"


def no_answer_text(asked: RequestFate) -> str:
    """Return why a request has no response so far, and the obstacle now, where that is another one."""
    journey, gap = asked.journey, asked.obstacle
    assert journey is not None
    text = journey_text(journey, "the request", "its response")
    if gap is None or gap.kind == _said_already(journey):
        return text
    return f"{text}; now {obstacle_text(gap)}"


def _said_already(journey: Journey) -> str:
    """Return the kind of obstacle that the words for a journey already name, "" for none."""
    match journey.stage:
        case CallStage.NOT_SENT:
            return "" if journey.obstacle is None else journey.obstacle.kind
        case CallStage.CALL_LOST:
            return {"crash": "down", "disconnected": "cut off"}.get(journey.reason, journey.reason)
        case CallStage.CALL_WAITS:
            return "writing" if journey.for_disk else "frozen"
        case CallStage.WRITES:
            return "writing"
    return "held" if journey.stage is CallStage.CALL_HELD else ""


def timer_lines(node: NodeSnapshot, deadline: float, snapshot: Snapshot, what: str) -> list[str]:
    """Return when the election timer of a node fires, and what it does then."""
    if not math.isfinite(deadline) or node.frozen or node.writing_since is not None:
        return []
    if deadline <= snapshot.time:
        return [f"its election timer fires now, and {what} (§5.2)"]
    return [f"its election timer fires at {at(deadline)}, in {span(deadline - snapshot.time)}: then {what} (§5.2)"]
