"""The words for why a node is in its state."""

import math

from raftplay.cluster.snapshot import Snapshot
from raftplay.raft.messages import NONE
from raftplay.watch.facts import ITS_CODE
from raftplay.watch.narrator import rule_text
from raftplay.watch.text import count
from raftplay.watch.words import role_text
from raftplay.why.calls import CallStage, Journey
from raftplay.why.elections import Asked, Candidacy, Firing
from raftplay.why.followers import FollowerFacts, RoleChange, VoteCast
from raftplay.why.leaders import Ignored, LeaderFacts
from raftplay.why.nodes import CandidateFacts, DownFacts, NodeFacts
from raftplay.why.verdicts import Verdict
from raftplay.why.words import (
    FORGOTTEN,
    ago,
    answer_text,
    apart_texts,
    at,
    cause_text,
    journey_text,
    nodes_text,
    obstacle_text,
    plight_lines,
    request_text,
    ruling_text,
    span,
)


def node_words(facts: NodeFacts, snapshot: Snapshot) -> tuple[str, list[str]]:
    """Return the answer in one sentence, and the reasons."""
    match facts:
        case LeaderFacts():
            return _leader(facts, snapshot)
        case CandidateFacts():
            return _candidate(facts, snapshot)
        case FollowerFacts():
            return _follower(facts, snapshot)
        case DownFacts():
            return _down(facts)


# ---- a leader


def _leader(facts: LeaderFacts, snapshot: Snapshot) -> tuple[str, list[str]]:
    voters = list(dict.fromkeys(facts.votes))
    votes = f"it counted the votes of {nodes_text(voters)}" if facts.votes else f"by whose votes: {FORGOTTEN}"
    total = len(snapshot.nodes)
    when = f" since {at(facts.since)}" if facts.since is not None else ""
    needed = f"of {count(total, 'node')}, {facts.needed} {'is' if facts.needed == 1 else 'are'} needed (§5.2)"
    head = f"node {facts.node} is leader of term {facts.term}{when}: {votes}; {needed}"
    if not facts.has_majority:
        head += "; now it reaches no majority"
    lines = [_firing_line(facts.firing)] if facts.firing is not None else [f"how its election began: {FORGOTTEN}"]
    lines += _vote_lines(facts)
    lines += plight_lines(facts.plight, facts.node)
    lines += _reach_lines(facts, total)
    if facts.rival is not None:
        lines.append(_rival_line(facts, *facts.rival))
    return head, lines + _ignored_lines(facts.ignored)


def _rival_line(facts: LeaderFacts, node: int, term: int) -> str:
    if term == facts.term:
        return f"node {node} leads the same term, which must never be: Election Safety is violated (§5.2)"
    return (
        f"node {node} leads the higher term {term}: a leader that hears of a higher term steps down (§5.1), "
        f"and node {facts.node} has not heard of it"
    )


def _vote_lines(facts: LeaderFacts) -> list[str]:
    lines = []
    for voter, grant in zip(facts.votes, facts.grants, strict=True):
        if grant is not None:
            lines.append(f"node {voter} voted for it at {at(grant.time)}: {ruling_text(grant)}")
        elif voter != facts.node and facts.firing is None:
            lines.append(f"how node {voter} came to vote for it: {FORGOTTEN}")
        elif voter != facts.node:
            lines.append(
                f"node {voter} gave it no vote in term {facts.term}: a vote counts only in its term (§5.2)"
            )
    for voter in dict.fromkeys(facts.votes):
        if facts.votes.count(voter) > 1:
            times = facts.votes.count(voter)
            lines.append(f"the vote of node {voter} is counted {times} times: each voter counts once (§5.2)")
    return list(dict.fromkeys(lines))


def _reach_lines(facts: LeaderFacts, total: int) -> list[str]:
    if total == 1:
        return ["it is alone in its cluster, and a majority by itself"]
    if facts.plight.frozen:
        return ["while it is frozen it sends nothing, so the others may elect another leader (§5.2)"]
    lines = []
    own = f"it reaches {nodes_text(facts.reached)} and hears from " + ("it" if len(facts.reached) == 1 else "them")
    with_itself = f"with itself {len(facts.reached) + 1} of {total}"
    if facts.has_majority:
        lines.append(f"{own}: {with_itself}, which is a majority")
    elif facts.reached:
        lines.append(f"{own}: {with_itself}, and {facts.needed} are needed")
    else:
        lines.append(f"it reaches no other node both ways, and {facts.needed} of {total} are needed")
    lines += apart_texts(facts.obstacles, facts.node)
    if not facts.has_majority:
        lines.append("while that lasts no majority responds to it, and without one it cannot commit (§5.3)")
        lines.append("it goes on as leader all the same, until it hears of a higher term (§5.1)")
    return lines


def _ignored_lines(ignored: Ignored | None) -> list[str]:
    if ignored is None:
        return []
    answer = answer_text(ignored.peer, ignored.args)
    return [f"at {at(ignored.time)} it ignored {answer}: {rule_text(ignored.rule)}"]


# ---- how its election began


def _firing_line(firing: Firing) -> str:
    if firing.time is None:
        text = f"when its election timer fired: {FORGOTTEN}"
    elif firing.by_hand:
        text = f"at {at(firing.time)} {rule_text('by-hand')}"
    else:
        text = (
            f"its election timer fired at {at(firing.time)}: {rule_text('timeout')}{_waited(firing, firing.time)}"
        )
    if firing.pre_votes:
        text += f"; {nodes_text(firing.pre_votes)} said first that it could win (thesis §9.6)"
    return text


def _waited(firing: Firing, fired: float) -> str:
    since = firing.since
    if since is None:
        return f"; since when it had waited: {FORGOTTEN}"
    before = f"; {span(fired - since.time)} before, "
    match since.kind:
        case "heard":
            return f"{before}it had heard of node {since.peer}, the leader of term {since.term}"
        case "voted":
            return f"{before}it had voted for node {since.peer} in term {since.term}"
        case "stood":
            return f"{before}it had started an election in term {since.term}, and did not win"
        case "asked":
            return f"{before}it had asked whether it could win term {since.term}"
        case "started":
            return f"{before}it had started"
        case "stepped down":
            return f"{before}it had stepped down as leader, to term {since.term}"
        case "refused":
            return f"{before}it had denied node {since.peer} its vote, which restarts its timer by a bug"


# ---- a candidate


def _candidate(facts: CandidateFacts, snapshot: Snapshot) -> tuple[str, list[str]]:
    candidacy = facts.candidacy
    when = f" since {at(candidacy.since)}" if candidacy.since is not None else ""
    head = (
        f"node {facts.node} is candidate in term {candidacy.term}{when}: "
        f"it has {len(candidacy.votes)} of the {count(candidacy.needed, 'vote')} needed (§5.2)"
    )
    lines = candidacy_lines(candidacy)
    lines += _timer_lines(facts.deadline, facts.plight.frozen, snapshot, "it starts an election in a higher term")
    lines += plight_lines(facts.plight, facts.node)
    return head, lines + _ignored_lines(facts.ignored)


def candidacy_lines(candidacy: Candidacy) -> list[str]:
    """Return how an election in progress began, and the fate of each request."""
    if candidacy.firing is not None:
        lines = [_firing_line(candidacy.firing)]
    else:
        lines = [f"how its election began: {FORGOTTEN}"]
    kind = "pre-votes" if candidacy.pre_vote else "votes"
    lines.append(f"{kind} counted: {nodes_text(candidacy.votes) if candidacy.votes else 'none yet'}")
    return lines + [line for asked in candidacy.asked if (line := asked_line(candidacy, asked))]


def asked_line(candidacy: Candidacy, asked: Asked) -> str:
    """Return the fate of the request to one node in words; empty where there is nothing to say."""
    kind = "pre-vote" if candidacy.pre_vote else "vote"
    peer, journey = asked.peer, asked.journey
    if journey is None:
        gap = f"; now {obstacle_text(asked.obstacle)}" if asked.obstacle is not None else ""
        said = "its vote is counted; " if asked.counted else ""
        return f"node {peer}: {said}the history no longer has the request to it{gap}"
    ruling = journey.ruling
    if ruling is None:
        return f"node {peer} has not responded: {no_answer_text(asked)}"
    verb = f"granted its {kind}" if ruling.yes else f"denied its {kind}"
    text = f"node {peer} {verb}: {ruling_text(ruling)}"
    if journey.stage is CallStage.ANSWERED and not journey.again:
        return text
    return f"{text}; {journey_text(journey, 'the request', 'the response')}"


def no_answer_text(asked: Asked) -> str:
    """Return why a request has no response so far, and the obstacle now, where that is another one."""
    journey, gap = asked.journey, asked.obstacle
    assert journey is not None
    text = journey_text(journey, "the request", "its response")
    if gap is None or gap.kind in _said_already(journey):
        return text
    return f"{text}; now {obstacle_text(gap)}"


def _said_already(journey: Journey) -> tuple[str, ...]:
    """Return the obstacles that the words for a journey already name."""
    match journey.stage:
        case CallStage.NOT_SENT:
            return () if journey.obstacle is None else (journey.obstacle.kind,)
        case CallStage.CALL_HELD:
            return ("held",)
        case CallStage.CALL_WAITS:
            return ("frozen",)
        case CallStage.CALL_LOST:
            return {"crash": ("down",), "disconnected": ("cut off",)}.get(journey.reason, (journey.reason,))
    return ()


def _timer_lines(deadline: float, frozen: bool, snapshot: Snapshot, what: str) -> list[str]:
    if not math.isfinite(deadline) or frozen:
        return []
    if deadline <= snapshot.time:
        return [f"its election timer fires now, and {what} (§5.2)"]
    return [f"its election timer fires at {at(deadline)}, in {span(deadline - snapshot.time)}: then {what} (§5.2)"]


# ---- a follower


def _follower(facts: FollowerFacts, snapshot: Snapshot) -> tuple[str, list[str]]:
    lines: list[str] = []
    if facts.asking is not None:
        lines += candidacy_lines(facts.asking)
    lines += _turn_lines(facts, snapshot.nodes[facts.node].incarnation > 0)
    lines += _follower_vote_lines(facts)
    if facts.heard is not None:
        lines.append(_heard_line(facts.heard, snapshot))
    lines.append(_log_line(facts))
    asks = "it starts an election, unless it hears of a leader or votes before"
    lines += _timer_lines(facts.deadline, facts.plight.frozen, snapshot, asks)
    return _follower_head(facts, snapshot), lines + plight_lines(facts.plight, facts.node)


def _follower_head(facts: FollowerFacts, snapshot: Snapshot) -> str:
    if facts.asking is not None:
        head = f"node {facts.node} is pre-candidate in term {facts.term}"
        asking = facts.asking
        have = f"{len(asking.votes)} of the {count(asking.needed, 'pre-vote')} needed"
        return f"{head}: it asks first whether it could win term {asking.term}, and has {have} (thesis §9.6)"
    head = f"node {facts.node} is follower in term {facts.term}"
    if facts.leader == NONE:
        return f"{head}: it has heard of no leader of this term (§5.2)"
    since = f" since {at(facts.followed_since)}" if facts.followed_since is not None else ""
    if facts.leader_now:
        return f"{head}: it follows node {facts.leader}, the leader of this term{since} (§5.2)"
    leader = snapshot.nodes[facts.leader]
    now = "is down" if not leader.alive else f"is {role_text(leader.state)} in term {leader.current_term}"
    return (
        f"{head}: it follows node {facts.leader}{since}, which {now} by now; no other leader was heard of (§5.2)"
    )


def _turn_lines(facts: FollowerFacts, is_back: bool) -> list[str]:
    if facts.role is None:
        lines = [f"how it became a follower: {FORGOTTEN}"]
    elif facts.role.was is None:
        started = "restarted" if is_back else "started"
        lines = [f"it {started} at {at(facts.role.time)}, as a follower: every node begins as one (§5.2)"]
    else:
        lines = [f"it was {role_text(facts.role.was)} until {at(facts.role.time)}: {_turn_text(facts.role)}"]
    if facts.entered is not None and facts.entered != facts.role and facts.entered.was is not None:
        entered = facts.entered
        lines.append(
            f"it came from term {entered.old_term} to {entered.term} at {at(entered.time)}: {_turn_text(entered)}"
        )
    return lines


def _turn_text(turn: RoleChange) -> str:
    terms = f", {turn.old_term} < {turn.term}" if turn.old_term < turn.term else ""
    by = f": {cause_text(turn.cause)}" if turn.cause is not None else ""
    return f"{rule_text(turn.rule)}{terms}{by}"


def _follower_vote_lines(facts: FollowerFacts) -> list[str]:
    if facts.vote is None:
        lines = [f"it has voted for nobody in term {facts.term}"]
    else:
        lines = [_vote_line(facts.vote, facts.node)]
    if facts.lost_vote is not None and facts.lost_vote.time is not None:
        lost = facts.lost_vote
        whom = "itself" if lost.candidate == facts.node else f"node {lost.candidate}"
        lines.append(
            f"it voted for {whom} in this term at {at(facts.lost_vote.time)}, and does not know of that any more: "
            "a vote must outlive a crash, and lasts as long as its term (§5.2)"
        )
    return lines


def _vote_line(vote: VoteCast, node: int) -> str:
    whom = "itself" if vote.candidate == node else f"node {vote.candidate}"
    from_disk = "; it knows that from its disk" if vote.from_disk else ""
    if vote.time is None:
        return f"its vote in term {vote.term} is for {whom}; why: {FORGOTTEN}"
    if vote.ruling is None:
        return f"in term {vote.term} it voted for {whom} at {at(vote.time)}, as a candidate (§5.2){from_disk}"
    return f"in term {vote.term} it voted for {whom} at {at(vote.time)}: {ruling_text(vote.ruling)}{from_disk}"


def _heard_line(heard: Verdict, snapshot: Snapshot) -> str:
    verb = "accepted" if heard.yes else "rejected"
    when = f"at {at(heard.time)}, {ago(snapshot.time - heard.time)}"
    what = f"{verb} its {request_text(heard.args)}: {ruling_text(heard)}"
    return f"it last heard of node {heard.asker} {when}, and {what}"


def _log_line(facts: FollowerFacts) -> str:
    end = (
        f"ends at index {facts.last_index} with term {facts.last_term}" if facts.last_index != NONE else "is empty"
    )
    commit = (
        f"committed up to {facts.commit_index}" if facts.commit_index != NONE else "nothing of it is committed"
    )
    gap, leader = facts.gap, facts.leader
    if gap is None:
        return f"its log {end}; {commit}" if facts.last_index != NONE else f"its log {end}"
    match gap.kind:
        case "same":
            compared = f"as that of node {leader} does" if gap.at else f"and so is that of node {leader}"
        case "behind":
            compared = f"while that of node {leader} goes on"
        case "ahead":
            compared = f"while that of node {leader} ends before"
        case "conflict":
            compared = f"and conflicts with that of node {leader} at index {gap.at}: term {gap.own_term} there, "
            compared += f"{gap.leader_term} with the leader"
    return f"its log {end}, {compared}; {commit}"


# ---- a node that is down


def _down(facts: DownFacts) -> tuple[str, list[str]]:
    if facts.since is None:
        head = f"node {facts.node} is down; when it crashed: {FORGOTTEN}"
    else:
        was = f", as {role_text(facts.was)} in term {facts.was_term}" if facts.was is not None else ""
        head = f"node {facts.node} is down: it crashed at {at(facts.since)}{was}"
    disk, lines = facts.disk, []
    if facts.cause:
        if facts.cause.startswith(ITS_CODE):
            lines.append(f"{facts.cause}; nothing of what it was doing then left it")
        else:
            lines.append(f"its disk failed: {facts.cause}; a node that cannot write must stop (Figure 2)")
    if disk.wiped:
        lines.append(
            "its disk is empty, as it was wiped: the votes and entries that it answered for are gone, "
            "so it must not come back (Figure 2, persistent state)"
        )
    else:
        vote = f"its vote for node {disk.voted_for}" if disk.voted_for != NONE else "no vote"
        log = f"a log up to index {len(disk.log) - 1}, term {disk.log[-1].term}" if disk.log else "an empty log"
        lines.append(
            f"its disk holds term {disk.current_term}, {vote} and {log}: a restart brings back these, "
            "and no commit index (Figure 2)"
        )
    if disk.torn:
        lines.append("its last write was torn: the disk has only what reached it before the crash")
    if facts.acts is not None:
        lines.append(f"its process acted after it had crashed (at {at(facts.acts)}), and must do nothing")
    return head, lines
