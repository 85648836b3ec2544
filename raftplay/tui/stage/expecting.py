"""The next thing to expect at a moment: messages on their way, votes and confirmations, timers, ways out."""

import math
from collections.abc import Callable, Sized
from itertools import islice

from raftplay.cluster.snapshot import NodeSnapshot
from raftplay.raft import decisions
from raftplay.raft.messages import (
    NONE,
    AppendEntriesArgs,
    AppendEntriesReply,
    Args,
    CMState,
    Reply,
    RequestVoteArgs,
    RequestVoteReply,
)
from raftplay.tui.stage.moment import Moment, more, name, names, span
from raftplay.tui.stage.roles import ASKING
from raftplay.tui.stage.scene import Moving
from raftplay.watch import facts
from raftplay.watch.text import count


def expected(moment: Moment) -> str:
    """Return what is expected next."""
    return next(text for expectation in EXPECTATIONS if (text := expectation(moment)))


# ---- elections


def _too_few(moment: Moment) -> str:
    missing = moment.majority - len(moment.live)
    if missing <= 0:
        return ""
    wiped = sum(node.wiped for node in moment.nodes)
    if moment.size - wiped < moment.majority:
        return "Nothing more: too many disks are lost for a majority."
    needed = f"{moment.majority} of {moment.size} are needed"
    return f"Restart {more(missing, 'node')} (r): {needed} to elect and to commit."


def _election(moment: Moment) -> str:
    """Return what the election in progress needs: of several, that of the highest term with the most votes."""
    asking = [node for node in moment.live if node.state in ASKING and not node.frozen]
    top = max((node.current_term for node in moment.live), default=0)
    asking = [node for node in asking if node.current_term == top]
    leader = _able_leader(moment)
    if leader is not None:
        asking = [node for node in asking if moment.reached(node.id) >= moment.majority]
    if any(node.current_term == top for node in moment.leaders):  # the term is won: a candidate cannot win it
        asking = [node for node in asking if node.state is CMState.PRE_CANDIDATE and leader is None]
    if not asking:
        return ""
    best = max(asking, key=lambda node: (len(node.votes), -node.id))
    n, needed = name(best.id), moment.majority - max(1, len(best.votes))
    pre = best.state is CMState.PRE_CANDIDATE
    yes, asked = _under_way(best, moment, pre=pre)
    if needed <= 0:
        return f"{n} has the {'pre-' if pre else ''}votes that it needs."
    if pre:
        goal = f"{n} needs {more(needed, 'pre-vote')}"
    elif needed == 1:
        goal = f"One more yes makes {n} leader"
    else:
        goal = f"{needed} more votes make {n} leader"
    if yes:
        return f"{goal}: {_on_the_way('yes', 'votes', yes)}."
    if asked:
        return f"{goal}; {moment.others(asked)} {_plural('gets', 'get', asked)} the request next."
    if _just_began(best, moment):
        return f"{goal}: it asks all others now."
    return _no_vote_under_way(best, asking, moment)


def _plural(one: str, many: str, things: Sized) -> str:
    return one if len(things) == 1 else many


def _on_the_way(one: str, many: str, nodes: list[int]) -> str:
    if len(nodes) == 1:
        return f"{name(nodes[0])}'s {one} is on its way"
    return f"the {many} of {names(nodes)} are on their way"


def _just_began(node: NodeSnapshot, moment: Moment) -> bool:
    """Return whether `node` starts its election at this very moment, and may still send requests."""
    for record in islice(reversed(moment.records), 4 * moment.size):
        if record.time < moment.snapshot.time:
            return False
        if record.node == node.id and isinstance(
            record.event, decisions.ElectionStarted | decisions.PreVoteStarted
        ):
            return True
    return False


def _no_vote_under_way(best: NodeSnapshot, asking: list[NodeSnapshot], moment: Moment) -> str:
    n, reached = name(best.id), moment.reached(best.id)
    again = _first_timer(moment, [node.id for node in moment.live if moment.reached(node.id) >= moment.majority])
    if reached < moment.majority:
        if not again:
            return _nobody_can(moment)
        return f"{n} reaches {reached} of {moment.size} nodes, too few. {again[0]} starts a new term {again[1]}."
    short = f"{n} has {max(1, len(best.votes))} of the {moment.majority} votes that it needs"
    if len(asking) > 1:
        short = f"{names(node.id for node in asking)} share the votes"
    return f"{short}. {again[0]} starts a new term {again[1]}." if again else f"{short}, and no timer runs."


def _under_way(node: NodeSnapshot, moment: Moment, *, pre: bool) -> tuple[list[int], list[int]]:
    """Return whose "yes" to `node`, and which of its vote requests, are on their way."""
    yes, asked = [], []
    for moving in moment.moving:
        if moving.end in ("lost", "arrived"):
            continue
        match moving.message:
            case RequestVoteReply(term=term, vote_granted=True) if moving.dst == node.id:
                if moving.src not in node.votes and (pre or term == node.current_term):
                    yes.append(moving.src)
            case RequestVoteArgs(pre_vote=pre_vote) if moving.src == node.id and pre_vote is pre:
                asked.append(moving.dst)
    for src, dst, message in moment.handled:
        match message:
            case RequestVoteArgs(pre_vote=pre_vote) if src == node.id and pre_vote is pre:
                (yes if moment.nodes[dst].voted_for == node.id and not pre else asked).append(dst)
            case RequestVoteReply(term=term, vote_granted=True) if dst == node.id:
                if src not in node.votes and (pre or term == node.current_term):
                    yes.append(src)
    return sorted(set(yes)), sorted(set(asked) - set(yes))


def _first_timer(moment: Moment, ids: list[int]) -> tuple[str, str] | None:
    """Return which of `ids` has the timer that runs out first, and when; None if no timer runs."""
    nodes = [moment.nodes[id] for id in ids]
    nodes = [
        x for x in nodes if x.alive and not x.frozen and x.state is not CMState.LEADER and x.deadline < math.inf
    ]
    if not nodes:
        return None
    first = min(nodes, key=lambda node: (node.deadline, node.id))
    return name(first.id), _about(first.deadline - moment.snapshot.time)


def _about(seconds: float) -> str:
    """Return when that is, so coarsely that it does not change while it is read."""
    if seconds >= 1:
        return f"in about {seconds:.0f} s"
    steps = math.ceil(seconds * 20)
    return f"in about {steps * 50} ms" if steps > 1 else "soon"


def _no_leader(moment: Moment) -> str:
    if any(moment.reached(leader.id) >= moment.majority for leader in moment.leaders):
        return ""
    able = [node.id for node in moment.live if moment.reached(node.id) >= moment.majority and not node.frozen]
    if not able:
        return _nobody_can(moment)
    timer = _first_timer(moment, able)
    stale = moment.leaders
    if stale and timer:
        return f"{timer[0]} starts an election {timer[1]}; {name(stale[0].id)} cannot commit meanwhile."
    if timer is None:
        return "No timer runs: time one out (t)."
    return f"{timer[0]}'s timer runs out {timer[1]}: then it starts an election."


def _nobody_can(moment: Moment) -> str:
    frozen = [node.id for node in moment.live if node.frozen]
    if len(moment.live) - len(frozen) < moment.majority:
        return f"Thaw {names(frozen)} (z): {moment.majority} of {moment.size} nodes are needed."
    leaders = moment.leaders
    if leaders:
        reached = moment.reached(leaders[0].id)
        first = f"{name(leaders[0].id)} leads, but reaches {reached} of {moment.size} nodes"
        return f"{first}: nothing is committed until the network heals (h)."
    return (
        f"No node reaches {moment.majority} of {moment.size}: nobody can be elected until the network heals (h)."
    )


# ---- leadership transfer (thesis §3.10)


def _transfer(moment: Moment) -> str:
    """Return what the leader's transfer waits for."""
    leader = _able_leader(moment)
    if leader is None or leader.transferring_to == NONE:
        return ""
    n, target, last = name(leader.id), name(leader.transferring_to), len(leader.log) - 1
    gives_up = f"{n} gives up after an election timeout"
    if dict(leader.match_index).get(leader.transferring_to, NONE) < last:
        return f"{target} needs {n}'s log up to index {last}, then TimeoutNow; else {gives_up}."
    return f"{target} starts an election once TimeoutNow arrives; else {gives_up}."


# ---- replication


def _entries(moment: Moment) -> str:
    """Return what the leader's uncommitted entries wait for."""
    leader = _able_leader(moment)
    if leader is None or leader.commit_index >= len(leader.log) - 1:
        return ""
    n, index = name(leader.id), leader.commit_index + 1
    own = next((at for at in range(index, len(leader.log)) if leader.log[at].term == leader.current_term), NONE)
    if own == NONE:
        last = moment.entry(leader.id, len(leader.log) - 1)
        return f"{last} is of a lower term: it is committed with {n}'s next entry. Submit one: s (§5.4.2)."
    entry, needed = moment.entry(leader.id, own), moment.majority - moment.holders(leader, own)
    if needed <= 0:
        return f"{n} commits {entry}."
    needs = f"{entry} needs {more(needed, 'node')} to be committed"
    confirming = _confirming(leader, own, moment)
    if confirming:
        return f"{needs}: {_on_the_way('confirmation', 'confirmations', confirming)}."
    getting = _getting(leader, own, moment)
    if getting:
        return f"{needs}: it is on its way to {moment.others(getting)}."
    if isinstance(moment.records[-1].event if moment.records else None, _NEW_ENTRY):
        return f"{needs}: {n} sends it to all others now."
    return f"{needs}: {n} sends it again{_heartbeat_text(leader, moment)}."


_NEW_ENTRY = decisions.EntryAppended | facts.Submitted | decisions.Persisted


def _confirming(leader: NodeSnapshot, index: int, moment: Moment) -> list[int]:
    """Return the nodes whose confirmation of `index` is on its way to `leader`, or about to leave."""
    found = {
        m.src
        for m in _on_way(moment)
        if isinstance(m.message, AppendEntriesReply) and m.dst == leader.id and m.index >= index
    }
    found |= {dst for src, dst, args in moment.handled if src == leader.id and _brings(args, index)}
    for src, dst, reply in moment.handled:
        if isinstance(reply, AppendEntriesReply) and reply.success and dst == leader.id:
            found |= {src} if len(moment.nodes[src].log) > index else set()
    matched = dict(leader.match_index)
    return sorted(id for id in found if matched.get(id, NONE) < index)


def _getting(leader: NodeSnapshot, index: int, moment: Moment) -> list[int]:
    """Return the nodes to which `leader`'s entry at `index` is on its way."""
    return sorted({m.dst for m in _on_way(moment) if m.src == leader.id and _brings(m.message, index)})


def _brings(message: Args | Reply, index: int) -> bool:
    """Return whether `message` is a request that brings the entry at `index`."""
    if not isinstance(message, AppendEntriesArgs):
        return False
    return message.prev_log_index < index <= message.prev_log_index + len(message.entries)


def _on_way(moment: Moment) -> list[Moving]:
    return [moving for moving in moment.moving if moving.end not in ("lost", "arrived")]


def _able_leader(moment: Moment) -> NodeSnapshot | None:
    """Return the leader of the highest term that reaches a majority."""
    return next((x for x in moment.leaders if moment.reached(x.id) >= moment.majority), None)


def _heartbeat_text(leader: NodeSnapshot, moment: Moment) -> str:
    left = leader.deadline - moment.snapshot.time
    return f" in {span(left)}" if 0 < left < math.inf else ""


def _behind(moment: Moment) -> str:
    """Return which followers do not have the leader's log, or do not know what is committed."""
    leader = _able_leader(moment)
    if leader is None:
        return ""
    n, log = name(leader.id), leader.log
    peers = [moment.nodes[id] for id in moment.links.around(leader.id)[0]]
    old = [x for x in moment.leaders if x.id != leader.id]
    if old:
        return _deposed(old[0], leader, moment)
    lacking = [x.id for x in peers if len(x.log) < len(log) or x.log[len(log) - 1] != log[-1]] if log else []
    if lacking:
        getting = [id for id in _getting(leader, len(log) - 1, moment) if id in lacking]
        if getting:
            return f"{moment.entry(leader.id, len(log) - 1)} is still on its way to {moment.others(getting)}."
        return f"{names(lacking)} {_plural('has', 'have', lacking)} not all of {n}'s log yet: {n} sends it."
    unknowing = [x.id for x in peers if x.commit_index < leader.commit_index]
    if unknowing:
        entry = moment.entry(leader.id, leader.commit_index)
        return f"{n}'s next message tells {moment.others(unknowing)} that {entry} is committed."
    return ""


def _unaware(moment: Moment) -> str:
    """Return who has not heard yet that there is a new leader."""
    leader = _able_leader(moment)
    if leader is None:
        return ""
    peers = [moment.nodes[id] for id in moment.links.around(leader.id)[0]]
    unaware = [x.id for x in peers if (x.current_term, x.leader_id) != (leader.current_term, leader.id)]
    unaware = [id for id in unaware if moment.nodes[id].current_term <= leader.current_term]
    leads = name(leader.id)
    return f"{leads}'s message tells {moment.others(unaware)} that {leads} leads." if unaware else ""


def _deposed(old: NodeSnapshot, leader: NodeSnapshot, moment: Moment) -> str:
    n = name(old.id)
    lost = len(old.log) - 1 - old.commit_index
    loses = f" and loses {count(lost, 'entry')}" if lost > 0 else ""
    if moment.links.answer_obstacle(leader.id, old.id) is None:
        return (
            f"{n} still leads term {old.current_term}: it steps down when it hears of term {leader.current_term}."
        )
    back = f"once {n} is thawed (z)" if old.frozen else "once healed (h)"
    return f"{n} still leads term {old.current_term}; {back}, it steps down{loses}."


# ---- nothing is under way


def _apart(moment: Moment) -> str:
    """Return which nodes the leader does not reach."""
    leader = _able_leader(moment)
    if leader is None:
        return ""
    reached = moment.links.around(leader.id)[0]
    apart = [x for x in moment.live if x.id != leader.id and x.id not in reached]
    if apart:
        who, goes_on = names(x.id for x in apart), _goes_on(leader, moment)
        if all(x.frozen for x in apart):
            return f"{goes_on}; {who} catches up when thawed (z)."
        return f"{goes_on}; {who} cannot commit until the network heals (h)."
    down = [x.id for x in moment.nodes if not x.alive and not x.wiped]
    if down:
        spare = len(reached) + 1 - moment.majority
        may = f"can lose {more(spare, 'node')}" if spare else "cannot lose another node"
        return f"The cluster {may}. Restart {names(down)} (r): {_plural('it catches', 'they catch', down)} up."
    return ""


def _goes_on(leader: NodeSnapshot, moment: Moment) -> str:
    return f"{name(leader.id)} goes on with {1 + len(moment.links.around(leader.id)[0])} of {moment.size}"


def _idle(moment: Moment) -> str:
    leader = _able_leader(moment)
    if leader is None:
        return "Nothing is under way."
    if moment.size == 1:
        return "Submit a command: s."
    timings = moment.snapshot.timings
    every = f" every {span(timings.heartbeat)}" if timings is not None else ""
    return f"Heartbeats{every} keep {name(leader.id)} leader. Submit a command: s."


EXPECTATIONS: tuple[Callable[[Moment], str], ...] = (
    _too_few, _election, _no_leader, _transfer, _entries, _unaware, _behind, _apart, _idle,
)  # fmt: skip
"""The kinds of expectations; the first that has a text is shown."""
