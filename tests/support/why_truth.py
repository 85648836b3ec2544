"""Every answer of `why` held against what is true: of now, of then, and as far as a short history goes.

`check_answers` asks every question and compares each fact with what a `Witness` saw and what the cluster says.
"""

import math
import re
from collections import defaultdict
from dataclasses import fields, is_dataclass
from typing import Any

from raftplay import AppendEntriesArgs, CMState, Harness, RequestVoteArgs
from raftplay.past.history import History
from raftplay.past.view import View
from raftplay.raft import decisions
from raftplay.raft.messages import InstallSnapshotArgs
from raftplay.raft.prefix import Prefix
from raftplay.session.session import Session
from raftplay.watch import facts
from raftplay.watch.invariants import Breach
from raftplay.why import Explanation, why, why_no_leader, why_node, why_not_committed, why_rejected
from raftplay.why.facts.elections import ElectionUnderWay
from raftplay.why.facts.entries import IndexFacts, PeerProgress
from raftplay.why.facts.nodes import CandidateFacts, DownFacts, FollowerFacts, LeaderFacts
from raftplay.why.facts.quorums import QuorumFacts
from raftplay.why.facts.rejections import RejectionFacts
from raftplay.why.facts.rpcs import CallStage, Journey
from raftplay.why.facts.snapshots import KeptFacts, SendingFacts
from raftplay.why.facts.verdicts import NodeVerdict
from support.why_witness import Witness, disk, leader_of, log_of, meets, needed, timer_of

UNSOUND = re.compile(
    "correct algorithm|gave it no vote|counts once|does not know of that any more|must do nothing|not the same entry|"
    "what it committed there was|yet to be found|by a bug"
)
"""What no answer says of nodes that do as the paper says."""

NO_NUMBER = re.compile(r"(node|nodes|term|index|to|at|than|of|<|>) -1\b|None")


class Watched:
    """A cluster with a session, a witness of all that happened, and what was said that must hold later."""

    def __init__(self, h: Harness, history: History, witness: Witness, short: History | None = None) -> None:
        self.h = h
        self.session = Session(h, history)
        self.forgetful = Session(h, short)
        self.moments: list[tuple[int, float, list[Explanation]]] = []
        self.witness = witness
        self.looks = 0
        self.last_look: object = None
        self.answers: list[Explanation] = []  # of the last look, in the order of `everything`
        self._met: dict[int, tuple[int, ...]] = {}
        self.said: dict[str, int] = defaultdict(int)
        self.hopeless: set[tuple[int, int]] = set()

    def look(self) -> None:
        """Ask everything, and compare, unless that was done at this very moment."""
        moment = self.h.stream.last_seq, self.h.now, self.h.snapshot()
        if moment == self.last_look:
            return
        self.last_look = moment
        self.looks += 1
        self._met.clear()
        check_answers(self)
        if self.looks % 3 == 0:
            longest = max(len(node.log) for node in moment[2].nodes)
            answers = self.answers[: 1 + 2 * self.h.n + longest + 1]
            self.moments.append((self.h.stream.last_seq, self.h.now, answers))
            for short, whole in zip(everything(self.forgetful.view()), answers, strict=True):
                agree(short.facts, whole.facts)

    def meets(self, id: int) -> tuple[int, ...]:
        """Return whom `id` meets at the moment of the look."""
        if id not in self._met:
            self._met[id] = meets(self.h, id)
        return self._met[id]

    def look_meanwhile(self, every: int) -> None:
        """From now on look after every so many changes, too, while time passes, and then ever more rarely."""
        backend = self.h._backend
        wait_until = backend.wait_until
        changes = 0

        def waiting(predicate: Any, seconds: float) -> bool:
            gap = every

            def looking() -> bool:
                nonlocal changes, gap
                changes += 1
                if changes >= gap and not self.h._members.failures:
                    changes, gap = 0, gap + gap // 3
                    self.look()
                return predicate()

            return wait_until(looking, seconds)

        backend.wait_until = waiting  # type: ignore[method-assign]

    def check_later(self) -> None:
        """What was said to be impossible did not happen, and of the past one hears what one heard then."""
        assert not self.hopeless & self.witness.won.keys()
        now = self.h.snapshot()
        for seq, time, answers in self.moments[:: 1 + len(self.moments) // 10]:
            past = self.session.history.view(seq, now, time, breach=self.h.breach)
            for then, later in zip(answers, everything(past), strict=True):
                same = later.facts == then.facts or without_due(later.facts) == without_due(then.facts)
                assert same, f"{later.facts}\n\n{then.facts}"


def everything(view: View) -> list[Explanation]:
    """The answers to all questions but the bare one."""
    nodes = range(len(view.snapshot.nodes))
    longest = max(len(node.log) for node in view.snapshot.nodes)
    return [
        why_no_leader(view),
        *(why_node(view, id) for id in nodes),
        *(why_rejected(view, id) for id in nodes),
        *(why_not_committed(view, index) for index in range(longest + 1)),
    ]


def without_due(facts: Any) -> Any:
    """Facts without what no event tells: when a message will arrive, at which address a node listens."""
    if isinstance(facts, tuple | Prefix):
        return tuple(map(without_due, facts))
    if is_dataclass(facts) and not isinstance(facts, type):
        names = [field.name for field in fields(facts) if field.name not in ("due", "on_link", "listen_addr")]
        values = {name: without_due(getattr(facts, name)) for name in names}
        return type(facts).__name__, *values.items()
    return facts


LEFT_OPEN = (
    "outcome", "commit", "disk", "entries", "holders", "forgets", "kept_from", "from_disk", "entry",
    "shares", "candidacies", "reason",
)  # fmt: skip
"""What hangs on events that may be forgotten, and is told as far as it is known."""


def agree(short: Any, whole: Any) -> None:
    """What a short history tells is what the whole history tells, or that it does not know."""
    if short is None or short == whole:
        return
    if isinstance(short, tuple) and isinstance(whole, tuple) and len(short) == len(whole):
        for one, other in zip(short, whole, strict=True):
            agree(one, other)
        return
    assert type(short) is type(whole), (short, whole)
    assert is_dataclass(short), (short, whole)
    for field in fields(short):
        if field.name not in LEFT_OPEN:
            try:
                agree(getattr(short, field.name) or None, getattr(whole, field.name) or None)
            except AssertionError as error:
                error.add_note(f"{type(short).__name__}.{field.name}")
                raise


# ---- every question, every fact


def check_answers(watched: Watched) -> None:
    h, view = watched.h, watched.session.view()
    bare, nobody = answered(view, why(view)), answered(view, why_no_leader(view))
    nodes = [answered(view, why_node(view, id)) for id in range(h.n)]
    refusals = [answered(view, why_rejected(view, id)) for id in range(h.n)]
    longest = max(len(log_of(h, id)) for id in range(h.n))
    indices = [answered(view, why_not_committed(view, index)) for index in range(longest + 2)]
    watched.answers = [nobody, *nodes, *refusals, *indices]
    watched.said[type(bare.facts).__name__] += 1
    check_quorum(watched, nobody.facts)
    for id in range(h.n):
        check_node(watched, id, nodes[id].facts)
        check_refusals(watched, id, refusals[id].facts)
    for index, answer in enumerate(indices):
        check_index(watched, index, answer.facts)
    check_bare(watched, view, bare)


def answered(view: View, answer: Explanation) -> Explanation:
    """The answer, which says something, fit to be shown, and names every bug that is on."""
    text = answer.text
    words = " ".join(text.split())
    assert all(line.strip() and line.isprintable() for line in text.split("\n")), text
    assert isinstance(answer.facts, Breach) or not NO_NUMBER.search(text), text
    assert view.snapshot.bugs or not UNSOUND.search(words), text
    assert all(f"bug on: {bug} " in words for bug in view.snapshot.bugs)
    return answer


def check_heard(found: NodeVerdict | facts.Record | None, record: facts.Record | None) -> None:
    """Compare what a node last heard from a leader with the event that tells of it."""
    if isinstance(found, facts.Record):
        assert found == record
        assert isinstance(found.event, decisions.ChunkReceived | decisions.SnapshotIgnored)
    else:
        check_ruling(found, record)


def check_kept(watched: Watched, id: int, found: KeptFacts | None) -> None:
    """Compare what is said of the beginning of a log with the log, and with how its snapshot came about."""
    base = watched.h.cluster[id].cm.log.base_index
    assert (found is None) == (base < 0)
    if found is None:
        return
    record = watched.witness.compacted.get((id, base))
    assert found.index == base
    assert not found.how or record is not None
    if found.how and record is not None:
        assert found.time == record.time
        assert (found.how == "taken") == isinstance(record.event, decisions.SnapshotTaken)


def check_sending(watched: Watched, leader: int, found: SendingFacts) -> None:
    """Compare a snapshot under way with the leader's log, the peer's, and the event that tells of it."""
    h = watched.h
    cm = h.cluster[leader].cm
    assert found.next_index == cm.next_index[found.peer] <= cm.log.base_index == found.base
    record = watched.witness.sending.get((leader, found.peer))
    assert found.since is None or record is not None
    if found.since is None or record is None:
        return
    event = record.event
    assert isinstance(event, decisions.SnapshotSent)
    assert (found.since, found.index, found.size) == (record.time, event.index, event.size)
    assert 0 <= found.received <= event.size
    if found.journey is not None:
        check_snapshot_journey(watched, found.journey)


def check_snapshot_journey(watched: Watched, found: Journey) -> None:
    """Compare where a part of a snapshot is said to be with the messages in flight."""
    flights = [f for f in watched.h.messages() if f.call_id == found.call_id]
    calls = [f for f in flights if isinstance(f.message, InstallSnapshotArgs)]
    stage = found.stage
    assert (stage in (CallStage.CALL_UNDER_WAY, CallStage.CALL_HELD)) == (
        bool(calls) and (found.call_id, False) not in watched.witness.arrived
    )
    assert (stage is CallStage.ANSWERED) <= ((found.call_id, True) in watched.witness.arrived)
    replying = (CallStage.REPLY_UNDER_WAY, CallStage.REPLY_HELD)
    assert (stage in replying) <= (len(flights) > len(calls))


def check_bare(watched: Watched, view: View, answer: Explanation) -> None:
    h = watched.h
    leader = leader_of(h)
    if h.breach is not None:
        assert isinstance(answer.facts, Breach)
        assert answer.facts == h.breach
    elif leader is None:
        assert answer == why_no_leader(view)
    else:
        assert answer == why_node(view, leader)


def check_refusals(watched: Watched, id: int, facts: RejectionFacts) -> None:
    witness = watched.witness
    for found, record in ((facts.by, witness.refused_by.get(id)), (facts.of, witness.refused_of.get(id))):
        check_ruling(found, record)
        assert found is None or not found.yes


Decided = decisions.VoteDecided | decisions.AppendDecided | decisions.ConfirmDecided | decisions.ReadIndexDecided
"""The decisions about requests that have a ruling."""


def check_ruling(found: NodeVerdict | None, record: facts.Record | None) -> None:
    """The ruling tells what the event tells, or both are missing."""
    assert (found is None) == (record is None), (found, record)
    if found is None or record is None:
        return
    event = record.event
    assert isinstance(event, Decided)
    assert (found.node, found.seq, found.time) == (record.node, record.seq, record.time)
    assert (found.args, found.rule) == (event.args, event.rule)
    assert record.after is not None
    assert found.own == record.after
    if (
        isinstance(event, decisions.VoteDecided)
        and event.rule in ("log-older-term", "log-shorter")
        and not found.sound
    ):
        asked = (event.args.last_log_term, event.args.last_log_index)
        assert asked < (found.own.last_log_term, found.own.last_log_index)


# ---- a node


def check_node(watched: Watched, id: int, facts: object) -> None:
    h = watched.h
    cm = h.cluster[id].cm
    watched.said[type(facts).__name__] += 1
    if not h.alive[id]:
        assert isinstance(facts, DownFacts)
        check_down(watched, id, facts)
        return
    match cm.state:
        case CMState.LEADER:
            assert isinstance(facts, LeaderFacts)
            check_leader(watched, id, facts)
        case CMState.CANDIDATE:
            assert isinstance(facts, CandidateFacts)
            assert facts.deadline == timer_of(h, id)
            check_candidacy(watched, id, facts.candidacy)
        case CMState.FOLLOWER | CMState.PRE_CANDIDATE:
            assert isinstance(facts, FollowerFacts)
            check_follower(watched, id, facts)
    server = h.cluster[id]
    now = facts.now
    assert (now.frozen, now.connected) == (server.frozen, h.connected[id])
    assert now.calls_left == server.proxy.calls_left


def check_down(watched: Watched, id: int, facts: DownFacts) -> None:
    h = watched.h
    assert facts.since == watched.witness.crashed[id]
    assert facts.disk.wiped is h.wiped[id]
    assert (facts.disk.current_term, facts.disk.voted_for, list(facts.disk.log)) == disk(h, id)
    if facts.torn:
        assert id in watched.witness.torn


def check_leader(watched: Watched, id: int, facts: LeaderFacts) -> None:
    h, witness = watched.h, watched.witness
    cm = h.cluster[id].cm
    won = witness.won[id, cm.current_term]
    assert (facts.now.current_term, facts.since, facts.now.votes) == (cm.current_term, won.time, tuple(cm.votes))
    assert facts.needed == needed(h)
    assert facts.reached == watched.meets(id)
    check_kept(watched, id, facts.kept)
    behind = [peer for peer, next in cm.next_index.items() if next <= cm.log.base_index]
    assert [one.peer for one in facts.sendings] == behind
    for one in facts.sendings:
        check_sending(watched, id, one)
    assert facts.has_majority == (not h.cluster[id].frozen and len(facts.reached) + 1 >= needed(h))
    assert {gap.src for gap in facts.obstacles} | {gap.dst for gap in facts.obstacles} >= set(range(h.n)) - {
        id, *facts.reached
    }  # fmt: skip
    for voter, grant in zip(facts.now.votes, facts.grants, strict=True):
        check_ruling(grant, None if voter == id else witness.voted.get((voter, id, cm.current_term)))
    leaders = [p for p in h.cluster if h.alive[p.id] and p.is_leader() and p.id != id]
    newer = [p.id for p in leaders if p.cm.current_term >= cm.current_term]
    assert (facts.rival is not None) == bool(newer)
    assert facts.rival is None or facts.rival[0] in newer


def check_candidacy(watched: Watched, id: int, facts: ElectionUnderWay) -> None:
    h, witness = watched.h, watched.witness
    cm = h.cluster[id].cm
    assert facts.votes == tuple(cm.votes)
    assert facts.needed == needed(h)
    assert facts.term == cm.current_term + facts.pre_vote
    assert facts.firing is not None
    assert facts.firing.pre_votes == () or not facts.pre_vote
    assert facts.since == facts.firing.time or facts.firing.pre_votes
    if not facts.pre_vote:
        assert facts.since == witness.stood[id, facts.term].time
    assert [asked.peer for asked in facts.asked] == [peer for peer in range(h.n) if peer != id]
    for asked in facts.asked:
        assert asked.counted == (asked.peer in cm.votes)
        assert (asked.obstacle is None) == (asked.peer in watched.meets(id))
        assert asked.journey is not None
        sent = witness.sent.get((id, asked.peer, facts.term, facts.pre_vote))
        check_ruling(asked.journey.verdict, None if sent is None else witness.decided.get(sent.event.call_id))  # type: ignore[union-attr]
        check_journey(watched, asked.journey, sent)


def check_journey(watched: Watched, journey: Journey, sent: facts.Record | None) -> None:
    """Where the call is said to be, there it is."""
    h, witness = watched.h, watched.witness
    if journey.stage is CallStage.NOT_SENT:
        assert sent is None
        return
    flights = [f for f in h.messages() if f.call_id == journey.call_id]
    calls = [f.due for f in flights if isinstance(f.message, RequestVoteArgs | AppendEntriesArgs)]
    replies = [f.due for f in flights if not isinstance(f.message, RequestVoteArgs | AppendEntriesArgs)]
    call_came, reply_came = ((journey.call_id, reply) in witness.arrived for reply in (False, True))
    call_lost, reply_lost = ((journey.call_id, reply) in witness.lost for reply in (False, True))
    src, dst = h.cluster[journey.src], h.cluster[journey.dst]
    assert {
        CallStage.CALL_UNDER_WAY: journey.due in calls and journey.due is not None,
        CallStage.CALL_HELD: None in calls and journey.due is None,
        CallStage.CALL_WAITS: not calls and (dst.frozen or dst.writing_since is not None),
        CallStage.CALL_LOST: not calls and call_lost,
        CallStage.CALL_GONE: not calls and not call_lost,
        CallStage.WRITES: not replies and dst.writing_since is not None,
        CallStage.IGNORED: not replies,
        CallStage.UNANSWERED: not replies and (dst.stopped or dst.incarnation > 0),
        CallStage.REPLY_UNDER_WAY: journey.due in replies and journey.due is not None,
        CallStage.REPLY_HELD: None in replies and journey.due is None,
        CallStage.REPLY_WAITS: not replies and (src.frozen or src.writing_since is not None),
        CallStage.REPLY_LOST: not replies and reply_lost,
        CallStage.REPLY_GONE: not replies and not reply_lost,
        CallStage.ANSWERED: reply_came,
    }[journey.stage], journey
    assert call_came == (journey.verdict is not None), journey
    assert reply_came == (journey.stage is CallStage.ANSWERED), journey


def check_follower(watched: Watched, id: int, facts: FollowerFacts) -> None:
    h, witness = watched.h, watched.witness
    cm = h.cluster[id].cm
    assert (facts.now.current_term, facts.now.leader_id, facts.deadline) == (
        cm.current_term,
        cm.leader_id,
        timer_of(h, id),
    )
    assert (facts.vote.candidate if facts.vote is not None else -1) == cm.voted_for
    if facts.vote is not None and facts.verdict is not None:
        check_ruling(facts.verdict, witness.voted[id, cm.voted_for, cm.current_term])
    check_heard(facts.heard, witness.heard.get(id))
    check_kept(watched, id, facts.kept)
    assert (facts.now.last_index, facts.now.commit_index) == (len(cm.log) - 1, cm.commit_index)
    assert (facts.asking is not None) == (cm.state is CMState.PRE_CANDIDATE)
    if facts.asking is not None:
        check_candidacy(watched, id, facts.asking)
    stood = (id, cm.current_term) in witness.stood and facts.vote is not None and facts.vote.candidate == id
    assert h.config.bugs or (facts.entered is None) <= stood
    assert facts.entered is None or facts.entered.term == cm.current_term
    leader = h.cluster[cm.leader_id] if cm.leader_id >= 0 else None
    leads = leader is not None and leader.is_leader() and leader.cm.current_term == cm.current_term
    assert facts.leader_now == (leads and h.alive[cm.leader_id])
    assert (facts.followed_since is None) == (cm.leader_id < 0)
    if facts.gap is not None and leader is not None:
        check_gap(facts.gap.kind, facts.gap.at, log_of(h, id), log_of(h, leader.id))


def check_gap(kind: str, at: int, own: list[Any], other: list[Any]) -> None:
    compacted = max((i + 1 for log in (own, other) for i, e in enumerate(log) if e.kind == "compacted"), default=0)
    own, other = ([None] * min(compacted, len(log)) + log[compacted:] for log in (own, other))
    assert own[:at] == other[:at]
    match kind:
        case "same":
            assert own == other
        case "behind":
            assert len(own) == at < len(other)
        case "ahead":
            assert len(other) == at < len(own)
        case "conflict":
            assert own[at] != other[at]


# ---- nobody leads


def check_quorum(watched: Watched, facts: QuorumFacts) -> None:
    h = watched.h
    watched.said[facts.reason] += 1
    live = [id for id in range(h.n) if h.alive[id]]
    leader = leader_of(h)
    assert facts.leader == (None if leader is None else (leader, h.cluster[leader].cm.current_term))
    assert (facts.alive, facts.needed) == (tuple(live), needed(h))
    assert {s.node: s.meets for s in facts.standings} == {id: watched.meets(id) for id in live}
    can_meet = any(len(watched.meets(id)) + 1 >= needed(h) for id in live)
    if leader is None:
        assert (facts.reason == "too few live") == (len(live) < needed(h))
        assert (facts.reason == "too few meet") == (len(live) >= needed(h) and not can_meet)
    asking = [id for id in live if h.cluster[id].cm.state in (CMState.CANDIDATE, CMState.PRE_CANDIDATE)]
    assert [c.node for c in facts.candidacies] == asking
    waiting = [id for id in live if not h.cluster[id].frozen and not h.cluster[id].is_leader()]
    timers = [(when, id) for id in waiting if (when := timer_of(h, id)) < math.inf]
    assert facts.next_timer == ((min(timers)[1], min(timers)[0]) if timers else None)
    if facts.reason == "logs refused":
        check_logs_refused(watched, live)
    if facts.reason in ("split vote", "election lost") and not h.config.bugs:
        watched.hopeless |= {(c.node, c.term) for c in facts.candidacies if not c.pre_vote}


def check_logs_refused(watched: Watched, live: list[int]) -> None:
    """No live node would get the votes of a majority, by its log alone."""
    h = watched.h

    def last(id: int) -> tuple[int, int]:
        log = h.cluster[id].cm.log
        return log.last_term, log.last_index

    for id in live:
        assert len([peer for peer in watched.meets(id) if last(id) >= last(peer)]) + 1 < needed(h)


# ---- an index


def commands_of(watched: Watched, id: int) -> list[Any]:
    """The commands of a node's log; those of compacted entries are what the node has applied.

    None for those that it has compacted, by a bug, without having applied them.
    """
    h, log = watched.h, log_of(watched.h, id)
    applied = [entry.command for entry in h.commits[id]]
    if not h.alive[id]:
        told = (watched.witness.applied.get(at) for at in range(len(log)))
        applied = [record.event.entry.command if record is not None else None for record in told]  # type: ignore[union-attr]
    applied += [None] * (len(log) - len(applied))
    return [applied[at] if entry.kind == "compacted" else entry.command for at, entry in enumerate(log)]


def check_index(watched: Watched, index: int, facts: IndexFacts) -> None:
    h = watched.h
    watched.said[facts.outcome] += 1
    is_compacted = any(entry.kind == "compacted" for id in range(h.n) for entry in log_of(h, id)[:1])
    logs = [commands_of(watched, id) if is_compacted else log_of(h, id) for id in range(h.n)]

    def content(entry: Any) -> Any:
        return entry.command if is_compacted and entry is not None else entry

    committed_on = tuple(id for id in range(h.n) if h.alive[id] and h.cluster[id].cm.commit_index >= index)
    assert facts.committed_on == committed_on
    assert (facts.outcome == "committed") == bool(committed_on)
    if committed_on:
        assert facts.disagree or all(logs[id][index] == content(facts.entry) for id in committed_on)
    else:
        assert (facts.outcome == "was committed") == (index in watched.witness.applied)
    here = [log[index] if index < len(log) else None for log in logs]
    for id, entry in enumerate(facts.entries):
        if not h.alive[id] and entry is not None and entry.kind == "compacted" and content(entry) is None:
            here[id] = None  # what a snapshot on the disk of a node that is down holds is not known
    assert [content(entry) for entry in facts.entries] == here
    same = tuple(id for id in range(h.n) if facts.entry is not None and here[id] == content(facts.entry))
    assert facts.holders == same or (is_compacted and set(facts.holders) <= set(same))
    if facts.outcome == "nowhere":
        assert here == [None] * h.n
    leader = leader_of(h)
    if leader is None:
        assert facts.outcome in ("committed", "was committed", "nowhere", "no leader")
        return
    check_by_leader(watched, index, facts, leader)


def check_by_leader(watched: Watched, index: int, facts: IndexFacts, leader: int) -> None:
    h = watched.h
    cm = h.cluster[leader].cm
    log = list(cm.log.whole())
    if cm.log.base_index < index < len(log) and not facts.committed_on:
        assert facts.entry == log[index]
    counting = range(index, len(cm.log))
    if "commit-old-term" not in h.config.bugs and not facts.committed_on:
        counting = [at for at in counting if log[at].term == cm.current_term]  # type: ignore[assignment]
    assert facts.decider == next(iter(counting), -1)
    if facts.outcome == "older term":
        assert all(entry.term < cm.current_term for entry in log[index:])
    if facts.outcome == "not the leader's":
        assert len(cm.log) <= index
    if facts.decider < 0:
        return
    having = {leader} | {share.node for share in facts.shares if share.has}
    if facts.outcome == "not written":
        assert cm._store.length <= facts.decider
    if facts.outcome == "too few":
        assert len(having) < needed(h)
    if facts.outcome == "not acknowledged":
        assert len(having) >= needed(h)
        if not h.config.bugs:
            assert 1 + sum(share.counted for share in facts.shares) < needed(h)
    for share in facts.shares:
        check_share(watched, facts, leader, share)


def check_share(watched: Watched, facts: IndexFacts, leader: int, share: PeerProgress) -> None:
    h, at = watched.h, facts.decider
    cm, log = h.cluster[leader].cm, log_of(h, share.node)
    assert share.counted == (cm.match_index[share.node] >= at)
    assert (share.obstacle is None) == (share.node in watched.meets(leader))
    if at > cm.log.base_index and (at >= len(log) or log[at].kind != "compacted"):
        assert share.has == (at < len(log) and log[at] == cm.log[at])
    check_gap(share.gap.kind, share.gap.at, log, log_of(h, leader))
    vouching = [
        f
        for f in h.messages()
        if (f.src, f.dst) == (leader, share.node)
        and isinstance(f.message, AppendEntriesArgs)
        and f.message.term == cm.current_term
        and f.message.prev_log_index + len(f.message.entries) >= at
        and (share.has or f.message.prev_log_index < at)
        and (f.call_id, False) not in watched.witness.arrived
    ]
    if vouching and not share.counted:
        assert share.journey is not None
        assert share.journey.stage in (
            CallStage.CALL_UNDER_WAY, CallStage.CALL_HELD, CallStage.REPLY_UNDER_WAY, CallStage.REPLY_HELD, CallStage.REPLY_WAITS,
            CallStage.CALL_WAITS,
        )  # fmt: skip
    if share.journey is not None:
        check_journey(watched, share.journey, None)
