"""The words for why there is no leader."""

from raftplay.cluster.snapshot import NodeSnapshot, Snapshot
from raftplay.past.story import PastLeadership
from raftplay.raft.messages import NONE
from raftplay.watch.text import count
from raftplay.watch.words import nodes_text, verb
from raftplay.why.facts.elections import ElectionUnderWay
from raftplay.why.facts.nodes import LeaderFacts
from raftplay.why.facts.quorums import QuorumFacts, Standing
from raftplay.why.words.elections import asked_line, no_answer_text
from raftplay.why.words.network import apart_texts, pretenders
from raftplay.why.words.rpcs import step_text
from raftplay.why.words.text import FORGOTTEN, at, grouped, log_end, span


def quorum_words(facts: QuorumFacts, snapshot: Snapshot) -> tuple[str, list[str]]:
    """Return the answer in one sentence, and the reasons."""
    lines = _pretender_lines(snapshot)
    if facts.reason == "there is one":
        return f"there is a leader: {quorum_head(facts, snapshot)}", lines
    lines += _reason_lines(facts, snapshot)
    unknown = f"who led last: {FORGOTTEN}" if facts.forgets else "nobody has led so far"
    lines.append(unknown if facts.last_leader is None else _last_leader_line(facts.last_leader))
    if facts.next_timer is not None and facts.reason != "waiting":
        lines.append(_next_timer_text(facts, snapshot))
    return f"no leader: {quorum_head(facts, snapshot)}", lines


def quorum_head(facts: QuorumFacts, snapshot: Snapshot) -> str:
    """Return why there is no leader, or who leads, in one sentence."""
    total, needed = len(snapshot.nodes), facts.needed
    match facts.reason:
        case "there is one":
            assert facts.leader is not None
            return f"node {facts.leader[0]} leads term {facts.leader[1]}"
        case "too few live":
            live = len(facts.alive)
            alive = f"{live} of {count(total, 'node')} {verb(live, 'is', 'are')} alive"
            return f"{alive}, and {needed} are needed (§5.2)"
        case "too few meet":
            return (
                f"no node can reach and hear enough others: {needed} of {total} are needed, itself counted (§5.2)"
            )
        case "logs refused":
            return (
                "every node that reaches a majority has a log that too many there reject as out of date (§5.4.1)"
            )
        case "split vote":
            return f"the votes of term {facts.term} are split, and no candidate can get {needed} any more (§5.2)"
        case "election lost":
            return f"{_standing_texts(facts)}, and cannot win that term any more (§5.2)"
        case "election under way":
            return f"an election is under way: {_standing_texts(facts)} (§5.2)"
        case "asking first":
            asking = ", ".join(f"node {c.node} could win term {c.term}" for c in facts.candidacies)
            return f"before any election, pre-votes ask whether {asking} (thesis §9.6)"
        case "waiting":
            if facts.next_timer is None:
                return "no node is candidate, and no election timer is about to fire (§5.2)"
            return f"no node has started an election yet; {_next_timer_text(facts, snapshot)} (§5.2)"


def _standing_texts(facts: QuorumFacts) -> str:
    return ", ".join(
        f"node {c.node} is candidate in term {c.term} with {len(c.votes)} of the {count(c.needed, 'vote')} needed"
        for c in facts.candidacies
        if not c.pre_vote
    )


def _next_timer_text(facts: QuorumFacts, snapshot: Snapshot) -> str:
    assert facts.next_timer is not None
    node, time = facts.next_timer
    when = f"at {at(time)}, in {span(time - snapshot.time)}" if time > snapshot.time else "now"
    return f"the next election timer is that of node {node}, {when}"


def _pretender_lines(snapshot: Snapshot) -> list[str]:
    lines, highest = [], NONE if snapshot.leader is None else snapshot.leader.current_term
    for node in pretenders(snapshot):
        apart = ", but is cut off from all others" if not node.connected else ""
        older = ", and has not heard of the higher term (§5.1)" if highest > node.current_term else ""
        twin = ", too, which must never be (§5.2)" if highest == node.current_term else ""
        lines.append(f"node {node.id} believes that it leads term {node.current_term}{apart}{older}{twin}")
    return lines


# ---- reasons


def _reason_lines(facts: QuorumFacts, snapshot: Snapshot) -> list[str]:
    lines = []
    down = [node.id for node in snapshot.nodes if not node.alive]
    if down:
        lines.append(f"down: {nodes_text(down)}")
    match facts.reason:
        case "too few meet":
            lines += [_meets_line(standing, len(snapshot.nodes)) for standing in facts.standings]
        case "logs refused":
            lines += [_supporters_line(s, snapshot.nodes[s.node]) for s in facts.standings]
        case "split vote":
            lines += _ballot_lines(facts)
    if facts.reason != "too few live":
        lines += [line for candidacy in facts.candidacies for line in _candidacy_lines(candidacy)]
    return lines


def _candidacy_lines(candidacy: ElectionUnderWay) -> list[str]:
    """Return who voted for a candidate, and the fate of its other requests, grouped by fate."""
    kind = "asks for pre-votes in" if candidacy.pre_vote else "is candidate in"
    votes = "pre-votes" if candidacy.pre_vote else "votes"
    counted = nodes_text(candidacy.votes) if candidacy.votes else "none yet"
    node, term = candidacy.node, candidacy.term
    lines = [f"node {node} {kind} term {term}; {votes} counted: {counted} (see: why {node})"]
    known = [asked for asked in candidacy.asked if not asked.counted and asked.journey is not None]
    decided = [asked for asked in known if asked.journey is not None and asked.journey.verdict is not None]
    lines += [f"  {asked_line(candidacy, asked)}" for asked in decided]
    fates = grouped((no_answer_text(asked), asked.peer) for asked in known if asked not in decided)
    lines += [f"  no response from {nodes_text(peers)}: {fate}" for fate, peers in fates.items()]
    return lines


def _meets_text(standing: Standing) -> str:
    return f"node {standing.node} meets {nodes_text(standing.meets) if standing.meets else 'nobody'}"


def _meets_line(standing: Standing, total: int) -> str:
    counted = f"{_meets_text(standing)} ({len(standing.meets) + 1} of {total} with itself)"
    return "; ".join((counted, *apart_texts(standing.obstacles, standing.node)))


def _supporters_line(standing: Standing, node: NodeSnapshot) -> str:
    text = f"{_meets_text(standing)}; its log {log_end(node.last_index, node.last_term)}"
    refusing = [peer for peer in standing.meets if peer not in standing.supporters]
    return f"{text}, and {nodes_text(refusing)} would reject it for that" if refusing else text


def _ballot_lines(facts: QuorumFacts) -> list[str]:
    votes = grouped((candidate, voter) for voter, candidate in facts.ballot)
    return [
        f"in term {facts.term}, {nodes_text(voters)} voted for node {c}" for c, voters in sorted(votes.items())
    ]


def _last_leader_line(last: PastLeadership) -> str:
    ends = {
        "": f"from {at(last.time)} on",
        "crashed": f"until it crashed at {at(last.until)}",
        "cut off": f"until it was cut off at {at(last.until)}",
        "stepped down": f"until it stepped down at {at(last.until)}: {step_text(last.rule, last.cause)}",
    }
    return f"node {last.node} led last, in term {last.term}, {ends[last.end]}"


def reach_lines(facts: LeaderFacts) -> list[str]:
    """Return a line where the leader cannot commit any more."""
    if facts.now.frozen:
        return ["it is frozen: it sends nothing, and commits nothing"]
    if facts.has_majority:
        return []
    own = len(facts.reached) + 1
    return [f"it hears from too few to commit: with itself {own}, and {facts.needed} are needed (§5.3)"]
