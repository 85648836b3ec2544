"""The words for why a node is in its state."""

from collections import Counter
from typing import assert_never

from raftplay.cluster.snapshot import Snapshot
from raftplay.past.story import RoleChange, VoteCast
from raftplay.raft.messages import NONE
from raftplay.watch.facts import ITS_CODE, Record
from raftplay.watch.text import count
from raftplay.watch.words import nodes_text, role_text, verb
from raftplay.why.facts.nodes import CandidateFacts, DownFacts, FollowerFacts, LeaderFacts, NodeFacts
from raftplay.why.facts.verdicts import NodeVerdict
from raftplay.why.words.elections import candidacy_lines, firing_line, timer_lines
from raftplay.why.words.network import apart_texts, fault_lines
from raftplay.why.words.rpcs import ignored_lines, request_text, step_text
from raftplay.why.words.snapshots import (
    decision_of,
    ignored_snapshot_lines,
    incoming_lines,
    kept_lines,
    sending_lines,
    word_text,
)
from raftplay.why.words.text import FORGOTTEN, ago, at, log_end, since, span
from raftplay.why.words.transfers import told_lines, transfer_lines
from raftplay.why.words.verdicts import verdict_text


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
    now, total = facts.now, len(snapshot.nodes)
    voters = list(dict.fromkeys(now.votes))
    votes = f"it counted the votes of {nodes_text(voters)}" if voters else f"by whose votes: {FORGOTTEN}"
    needed = f"of {count(total, 'node')}, {facts.needed} {verb(facts.needed, 'is', 'are')} needed (§5.2)"
    head = f"node {now.id} is leader of term {now.current_term}{since(facts.since)}: {votes}; {needed}"
    if not facts.has_majority:
        head += "; now it reaches no majority"
    lines = [firing_line(facts.firing)]
    lines += _vote_lines(facts)
    lines += transfer_lines(facts.transfer, now)
    lines += kept_lines(facts.kept) + sending_lines(facts.sendings)
    lines += fault_lines(now, facts.faults)
    lines += _reach_lines(facts, total)
    if facts.rival is not None:
        lines.append(_rival_line(facts, *facts.rival))
    return head, lines + ignored_lines(facts.ignored)


def _rival_line(facts: LeaderFacts, node: int, term: int) -> str:
    if term == facts.now.current_term:
        return f"node {node} leads the same term, which must never be: Election Safety is violated (§5.2)"
    return (
        f"node {node} leads the higher term {term}: a leader that hears of a higher term steps down (§5.1), "
        f"and node {facts.now.id} has not heard of it"
    )


def _vote_lines(facts: LeaderFacts) -> list[str]:
    lines, node = [], facts.now.id
    for voter, grant in zip(facts.now.votes, facts.grants, strict=True):
        if grant is not None:
            lines.append(f"node {voter} voted for it at {at(grant.time)}: {verdict_text(grant)}")
        elif voter != node and facts.firing is None:
            lines.append(f"how node {voter} came to vote for it: {FORGOTTEN}")
        elif voter != node:
            term = facts.now.current_term
            lines.append(f"node {voter} gave it no vote in term {term}: a vote counts only in its term (§5.2)")
    for voter, times in Counter(facts.now.votes).items():
        if times > 1:
            lines.append(f"the vote of node {voter} is counted {times} times: each voter counts once (§5.2)")
    return list(dict.fromkeys(lines))


def _reach_lines(facts: LeaderFacts, total: int) -> list[str]:
    if total == 1:
        return ["it is alone in its cluster, and a majority by itself"]
    if facts.now.frozen:
        return ["while it is frozen it sends nothing, so the others may elect another leader (§5.2)"]
    if facts.now.writing_since is not None and facts.now.hardware.stalls:
        return [
            "its heartbeats leave, so the others may go on following it; it handles no reply, and commits nothing"
        ]
    lines = []
    own = f"it reaches {nodes_text(facts.reached)} and hears from " + ("it" if len(facts.reached) == 1 else "them")
    with_itself = f"with itself {len(facts.reached) + 1} of {total}"
    if facts.has_majority:
        lines.append(f"{own}: {with_itself}, which is a majority")
    elif facts.reached:
        lines.append(f"{own}: {with_itself}, and {facts.needed} are needed")
    else:
        lines.append(f"it reaches no other node both ways, and {facts.needed} of {total} are needed")
    lines += apart_texts(facts.obstacles, facts.now.id)
    if not facts.has_majority:
        lines.append("while that lasts no majority responds to it, and without one it cannot commit (§5.3)")
        if facts.patience is None:
            lines.append("it goes on as leader all the same, until it hears of a higher term (§5.1)")
        else:
            lines.append(
                f"it steps down once it has heard from no majority for {span(facts.patience)} (thesis §6.2)"
            )
    return lines


# ---- a candidate


def _candidate(facts: CandidateFacts, snapshot: Snapshot) -> tuple[str, list[str]]:
    candidacy = facts.candidacy
    head = (
        f"node {facts.now.id} is candidate in term {candidacy.term}{since(candidacy.since)}: "
        f"it has {len(candidacy.votes)} of the {count(candidacy.needed, 'vote')} needed (§5.2)"
    )
    lines = candidacy_lines(candidacy)
    lines += timer_lines(facts.now, facts.deadline, snapshot, "it starts an election in a higher term")
    lines += fault_lines(facts.now, facts.faults)
    return head, lines + ignored_lines(facts.ignored)


# ---- a follower


def _follower(facts: FollowerFacts, snapshot: Snapshot) -> tuple[str, list[str]]:
    lines: list[str] = []
    if facts.asking is not None:
        lines += candidacy_lines(facts.asking)
    lines += _turn_lines(facts, facts.now.incarnation > 0)
    lines += _follower_vote_lines(facts)
    if facts.heard is not None:
        lines.append(_heard_line(facts.heard, snapshot))
    lines.append(_log_line(facts))
    lines += kept_lines(facts.kept) + incoming_lines(facts.incoming) + ignored_snapshot_lines(facts.ignored)
    lines += told_lines(facts.told)
    asks = "it starts an election, unless it hears of a leader or votes before"
    lines += timer_lines(facts.now, facts.deadline, snapshot, asks)
    return _follower_head(facts, snapshot), lines + fault_lines(facts.now, facts.faults)


def _follower_head(facts: FollowerFacts, snapshot: Snapshot) -> str:
    now = facts.now
    if facts.asking is not None:
        head = f"node {now.id} is pre-candidate in term {now.current_term}"
        asking = facts.asking
        have = f"{len(asking.votes)} of the {count(asking.needed, 'pre-vote')} needed"
        return f"{head}: it asks first whether it could win term {asking.term}, and has {have} (thesis §9.6)"
    head = f"node {now.id} is follower in term {now.current_term}"
    if now.leader_id == NONE:
        return f"{head}: it has heard of no leader of this term (§5.2)"
    leader, long = snapshot.nodes[now.leader_id], since(facts.followed_since)
    if facts.leader_now:
        return f"{head}: it follows node {leader.id}, the leader of this term{long} (§5.2)"
    does = "is down" if not leader.alive else f"is {role_text(leader.state)} in term {leader.current_term}"
    return f"{head}: it follows node {leader.id}{long}, which {does} by now; no other leader was heard of (§5.2)"


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
    return step_text(turn.rule, turn.cause, terms)


def _follower_vote_lines(facts: FollowerFacts) -> list[str]:
    lines = [f"it has voted for nobody in term {facts.now.current_term}"]
    if facts.vote is not None:
        lines = [_vote_line(facts.vote, facts.verdict, facts.now.id)]
    lost = facts.lost_vote
    if lost is not None and lost.time is not None:
        lines.append(
            f"it voted for {_whom(lost, facts.now.id)} in this term at {at(lost.time)}, and does not know of that "
            "any more: a vote must outlive a crash, and lasts as long as its term (§5.2)"
        )
    return lines


def _whom(vote: VoteCast, node: int) -> str:
    return "itself" if vote.candidate == node else f"node {vote.candidate}"


def _vote_line(vote: VoteCast, verdict: NodeVerdict | None, node: int) -> str:
    if vote.time is None:
        return f"its vote in term {vote.term} is for {_whom(vote, node)}; why: {FORGOTTEN}"
    how = ", as a candidate (§5.2)" if verdict is None else f": {verdict_text(verdict)}"
    from_disk = "; it knows that from its disk" if vote.from_disk else ""
    return f"in term {vote.term} it voted for {_whom(vote, node)} at {at(vote.time)}{how}{from_disk}"


def _heard_line(heard: NodeVerdict | Record, snapshot: Snapshot) -> str:
    when = f"at {at(heard.time)}, {ago(snapshot.time - heard.time)}"
    if isinstance(heard, Record):
        return f"it last heard of node {decision_of(heard).leader} {when}, and {word_text(heard)}"
    verb = "accepted" if heard.yes else "rejected"
    what = f"{verb} its {request_text(heard.args)}: {verdict_text(heard)}"
    return f"it last heard of node {heard.asker} {when}, and {what}"


def _log_line(facts: FollowerFacts) -> str:
    now, gap = facts.now, facts.gap
    end, leader = log_end(now.last_index, now.last_term), now.leader_id
    commit = "nothing of it is committed" if now.commit_index == NONE else f"committed up to {now.commit_index}"
    if gap is None:
        return f"its log {end}; {commit}" if now.last_index != NONE else f"its log {end}"
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
        case _:
            assert_never(gap.kind)
    return f"its log {end}, {compared}; {commit}"


# ---- a node that is down


def _down(facts: DownFacts) -> tuple[str, list[str]]:
    role = facts.was
    was = f", as {role_text(role.state)} in term {role.current_term}" if role is not None else ""
    when = f": it crashed at {at(facts.since)}{was}" if facts.since is not None else ""
    disk, cause, lines = facts.disk, facts.disk.crash_cause, []
    if cause.startswith(ITS_CODE):
        lines.append(f"{cause}; nothing of what it was doing then left it")
    elif cause:
        lines.append(f"its disk failed: {cause}; a node that cannot write must stop (Figure 2)")
    if disk.wiped:
        lines.append(
            "its disk is empty, as it was wiped: the votes and entries that it answered for are gone, "
            "so it must not come back (Figure 2, persistent state)"
        )
    else:
        vote = f"its vote for node {disk.voted_for}" if disk.voted_for != NONE else "no vote"
        log = f"a log up to index {disk.last_index}, term {disk.last_term}" if disk.log else "an empty log"
        lines.append(
            f"its disk holds term {disk.current_term}, {vote} and {log}: a restart brings back these, "
            "and no commit index (Figure 2)"
        )
    if facts.torn:
        lines.append("its last write was torn: the disk has only what reached it before the crash")
    if facts.acts is not None:
        lines.append(f"its process acted after it had crashed (at {at(facts.acts)}), and must do nothing")
    return f"node {disk.id} is down{when or f'; when it crashed: {FORGOTTEN}'}", lines
