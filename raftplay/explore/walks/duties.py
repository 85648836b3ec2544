"""The duties of a node besides safety: no invariant misses it, but the algorithm or an option demands it.

A candidate that hears the leader of its term follows it, a leader hands over what it was told to, appends a no-op
exactly with that option, and tells what it holds back; a node without peers commits alone.
"""

from raftplay.raft.consensus import ConsensusModule
from raftplay.raft.messages import CANDIDATE, LEADER, AppendEntriesArgs, Args, CMState
from raftplay.raft.storage import MapStorage

OWED = "owed"
"""The name of a violation: a node leaves out what the algorithm or an option demands of it."""

Broken = tuple[str, str]
"""The name of a violation, and the facts that contradict each other."""


def to_its_leader(cm: ConsensusModule, args: Args) -> Broken | None:
    """Return what a node owes after a request of the leader of its term: it is a follower (§5.2)."""
    stands = cm.state is CANDIDATE or cm.state is CMState.PRE_CANDIDATE
    if stands and type(args) is AppendEntriesArgs and args.term == cm.current_term:
        return OWED, f"n{cm.id} hears the leader of term {args.term}, and is still a {cm.state}"
    return None


def to_its_successor(cm: ConsensusModule) -> Broken | None:
    """Return what a leader owes after a reply: TimeoutNow to a successor that has the whole log (thesis §3.10)."""
    leadership = cm._leadership
    if leadership is None or leadership.transfer is None or leadership.transfer.sent:
        return None
    target = leadership.transfer.target
    if leadership.progress[target].match < cm.log.last_index:
        return None
    return OWED, f"n{cm.id} sends no TimeoutNow to n{target}, although that has its whole log"


def of_a_leader(cm: ConsensusModule) -> Broken | None:
    """Return what a leader owes at any time: the no-op of its term, and the words on what it holds back."""
    leadership = cm._leadership
    if cm.state is not LEADER or leadership is None:
        return None
    term, log = cm.current_term, cm.log
    own = [entry.kind for entry in log if entry.term == term]
    if log.base_term < term and (own[:1] == ["no-op"]) != cm.config.noop:
        return OWED, f"n{cm.id} leads with noop {'on' if cm.config.noop else 'off'}; its entries are {own[:3]}"
    match = {peer: progress.match + 1 for peer, progress in leadership.progress.items()}
    held = cm.quorum.committed({**match, cm.id: cm._counted_length()}) - 1
    if cm.peer_ids and held > cm.commit_index and log.term_at(held) != term and leadership.held_index != held:
        return OWED, f"n{cm.id} does not tell that it holds back entry {held} of a lower term (§5.4.2)"
    return None


def alone(cm: ConsensusModule) -> Broken | None:
    """Return what a node of the same class owes that has no peers: it elects itself, and commits."""
    lone = type(cm)(0, (), MapStorage(), config=cm.config)
    lone.start(0.0)
    lone.time_out(0.0)
    lone.persist(0.0)
    if lone.state is not LEADER:
        return OWED, f"a node without peers does not elect itself: it is a {lone.state}"
    index = lone.submit(0)
    lone.persist(0.0)
    if lone.commit_index != index:
        return OWED, f"a node without peers commits up to {lone.commit_index}, and has entries up to {index}"
    return None
