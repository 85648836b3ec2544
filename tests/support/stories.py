"""Hand-made sequences of events: the sound ones come from here, what breaks them stands in the tests."""

from collections.abc import Iterable

from raftplay import (
    AppendEntriesArgs,
    AppendEntriesReply,
    CommitEntry,
    LogEntry,
    RequestVoteArgs,
    RequestVoteReply,
)
from raftplay.raft import decisions
from raftplay.raft.messages import CMState
from raftplay.watch import facts
from raftplay.watch.invariants import Invariants


class Story:
    """A cluster of `n` nodes that exists only as events, each of which goes to a watcher at once."""

    def __init__(self, n: int = 3) -> None:
        self.n = n
        self.watcher = Invariants(n)
        self.term = [0] * n
        self.vote = [-1] * n
        self.log: list[list[LogEntry]] = [[] for _ in range(n)]
        self.commit = [-1] * n
        self.incarnation = [0] * n
        self.records: list[facts.Record] = []
        self.later = 0.0
        """The seconds that pass besides the millisecond of each event."""

        self._calls = 0
        for id in range(n):
            self.tell(id, decisions.Started(0, -1, ()))

    @property
    def broken(self) -> list[str]:
        """The names of what broke, each once."""
        return list(dict.fromkeys(breach.invariant for breach in self.watcher.breaches))

    def tell(
        self,
        node: int,
        event: decisions.Decision | facts.Fact,
        after: decisions.NodeState | None = None,
        life: int | None = None,
    ) -> None:
        incarnation = self.incarnation[node] if life is None else life
        time = 0.001 * len(self.records) + self.later
        record = facts.Record(len(self.records) + 1, time, node, incarnation, event, after)
        self.records.append(record)
        self.watcher(record)

    def call_id(self) -> int:
        self._calls += 1
        return self._calls

    # ---- what nodes do, soundly

    def persist(self, node: int, start: int | None = None) -> None:
        log = self.log[node]
        start = len(log) if start is None else start
        self.tell(node, decisions.Persisted(self.term[node], self.vote[node], start, tuple(log[start:])))

    def enter(self, node: int, term: int) -> None:
        if term > self.term[node]:
            self.tell(node, decisions.BecameFollower(term, CMState.FOLLOWER, self.term[node], "newer-term"))
            self.term[node], self.vote[node] = term, -1

    def stand(self, node: int, term: int) -> None:
        self.tell(node, decisions.ElectionStarted(term))
        self.term[node], self.vote[node] = term, node
        self.persist(node)

    def grant(self, voter: int, candidate: int, term: int, *, persist: bool = True) -> None:
        log = self.log[candidate]
        args = RequestVoteArgs(term, candidate, len(log) - 1, log[-1].term if log else -1)
        call = self.call_id()
        self.tell(candidate, facts.CallSent(call, candidate, voter, args))
        self.tell(voter, facts.CallDelivered(call, candidate, voter, args))
        self.enter(voter, term)
        self.tell(voter, decisions.VoteDecided(args, True, "granted"))
        if persist:
            self.vote[voter] = candidate
            self.persist(voter)
        reply = RequestVoteReply(term, True)
        self.tell(voter, facts.ReplySent(call, voter, candidate, reply))
        self.tell(candidate, facts.ReplyDelivered(call, voter, candidate, reply))

    def win(self, node: int, term: int, votes: Iterable[int]) -> None:
        self.tell(node, decisions.BecameLeader(term, tuple(votes)))
        peers = [peer for peer in range(self.n) if peer != node]
        following = len(self.log[node])
        self.tell(
            node,
            decisions.PeersReset(tuple((peer, following) for peer in peers), tuple((peer, -1) for peer in peers)),
        )

    def elect(self, node: int, term: int, voters: Iterable[int]) -> None:
        self.stand(node, term)
        for voter in voters:
            self.grant(voter, node, term)
        self.win(node, term, (node, *voters))

    def append(self, node: int, *commands: object) -> None:
        for command in commands:
            entry = LogEntry(command, self.term[node])
            self.log[node].append(entry)
            self.tell(node, decisions.EntryAppended(len(self.log[node]) - 1, entry))
            self.persist(node, len(self.log[node]) - 1)

    def send(self, leader: int, peer: int, start: int, end: int | None = None) -> tuple[int, AppendEntriesArgs]:
        log = self.log[leader]
        previous_term = log[start - 1].term if start else -1
        entries = tuple(log[start:end])
        args = AppendEntriesArgs(self.term[leader], leader, start - 1, previous_term, entries, self.commit[leader])
        call = self.call_id()
        self.tell(leader, facts.CallSent(call, leader, peer, args))
        return call, args

    def accept(self, peer: int, call: int, args: AppendEntriesArgs) -> None:
        self.tell(peer, facts.CallDelivered(call, args.leader_id, peer, args))
        if args.term > self.term[peer]:
            self.enter(peer, args.term)
            self.persist(peer)
        self.tell(peer, decisions.AppendDecided(args, True, "matches"))
        log, start = self.log[peer], args.prev_log_index + 1
        for at, entry in enumerate(args.entries, start=start):
            if at < len(log) and log[at].term != entry.term:
                self.tell(peer, decisions.LogTruncated(at, len(log) - at))
                del log[at:]
            if at >= len(log):
                entries = args.entries[at - start :]
                self.tell(peer, decisions.EntriesStored(at, entries))
                log.extend(entries)
                self.persist(peer, at)
                break
        index = min(args.leader_commit, args.prev_log_index + len(args.entries))
        if index > self.commit[peer]:
            self.commit_to(peer, index, "told")
        self.tell(peer, facts.ReplySent(call, peer, args.leader_id, AppendEntriesReply(self.term[peer], True)))

    def replicate(self, leader: int, peer: int, start: int, end: int | None = None) -> None:
        call, args = self.send(leader, peer, start, end)
        self.accept(peer, call, args)
        if args.entries:
            self.answer(leader, peer, call)
            self.tell(leader, decisions.MatchAdvanced(peer, args.prev_log_index + len(args.entries)))

    def answer(self, leader: int, peer: int, call: int) -> None:
        reply = AppendEntriesReply(self.term[leader], True)
        self.tell(leader, facts.ReplyDelivered(call, peer, leader, reply))

    def commit_to(self, node: int, index: int, rule: str = "majority") -> None:
        self.tell(node, decisions.CommitAdvanced(index, rule))
        for at in range(self.commit[node] + 1, index + 1):
            self.tell(node, decisions.Applied(CommitEntry(self.log[node][at].command, at, self.term[node])))
        self.commit[node] = index

    def crash(self, node: int) -> None:
        self.tell(node, decisions.Stopped())
        self.tell(node, facts.Crashed())
        self.commit[node] = -1

    def restart(self, node: int) -> None:
        self.incarnation[node] += 1
        self.tell(node, facts.Restarted())
        self.tell(node, decisions.Started(self.term[node], self.vote[node], tuple(self.log[node])))


def led(n: int = 3, *commands: object) -> Story:
    """Node 0 leads term 1, and all have `commands`; none of them is committed."""
    story = Story(n)
    story.elect(0, 1, range(1, n // 2 + 1))
    story.append(0, *commands)
    for peer in range(1, n):
        story.replicate(0, peer, 0)
    return story
