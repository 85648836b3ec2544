"""Bug switches of elections: who votes, which votes count, and who steps down (§5.1, §5.2, §5.4.1)."""

from collections.abc import Iterable, Sequence

from raftplay.raft.bugs.about import LIVENESS, Bug
from raftplay.raft.consensus import ConsensusModule
from raftplay.raft.log import RaftLog
from raftplay.raft.messages import NONE, RequestVoteArgs
from raftplay.raft.quorum import Majority, Quorum
from raftplay.raft.rules import Rules


class ResetVote(Rules):
    """Two candidates run in the same term, and each votes for itself. One of them wins. The other hears its
    heartbeat and steps down, which is right, but clears votedFor on the way, as if the term were new. Now it
    looks like a node that has not voted in this term, and a RequestVote of the same term that was late on
    the network gets a second vote from it. With two votes from one node, two leaders of one term are
    possible. votedFor may be cleared only together with a step to a higher term.
    """

    def keeps_vote(self, term: int, current_term: int) -> bool:
        """Clear the vote on every step-down."""
        return False


RESET_VOTE = Bug(
    "reset-vote",
    "votedFor is cleared on a step-down within the same term",
    ResetVote,
    section="§5.2",
    violates=("One Vote Per Term",),
    seen_in=("eliben/raft #27", "redpanda-data/redpanda #19"),
    sooner=("Vote Kept",),
)


class StaleVoteReply(Rules):
    """A candidate asks for votes in term 1, gets no majority in time, and asks again in term 2. Now a vote that
    was granted in term 1 arrives late. The candidate looks only at "granted", not at the term that was asked
    for, and counts it in term 2. But the voter promised nothing for term 2 and may vote for another candidate
    in it: the first candidate can lead term 2 without a majority, beside a second leader that has one.
    """

    def answers_candidacy(self, args: RequestVoteArgs, current_term: int) -> bool:
        """Count the vote whatever its term."""
        return True


STALE_VOTE_REPLY = Bug(
    "stale-vote-reply",
    "a vote granted in an earlier election is counted in the present one",
    StaleVoteReply,
    section="§5.2",
    violates=("Vote Quorum",),
    seen_in=("andreev-io/little-raft #44",),
)


class DoubleCountVote(Rules):
    """A candidate counts granted replies instead of distinct voters. Networks repeat messages, and a candidate
    that hears nothing may ask twice: either way one voter's "yes" arrives two times. With five nodes, its own
    vote and the same reply twice make three, and the candidate leads with the votes of two nodes. The other
    three may elect a second leader in the same term.
    """

    def is_new_vote(self, voter: int, votes: Sequence[int]) -> bool:
        """Count every reply."""
        return True

    def wins(self, votes: Sequence[int], quorum: Quorum) -> bool:
        """Count replies, not voters."""
        return len(votes) >= quorum.needed


DOUBLE_COUNT_VOTE = Bug(
    "double-count-vote",
    "a vote that arrives twice counts twice",
    DoubleCountVote,
    section="§5.2",
    violates=("Vote Quorum",),
    seen_in=("ktoso/akka-raft #45",),
)


class LongerLogWins(Rules):
    """A voter compares only the lengths of the two logs. A leader that was cut off can pile up entries that
    nobody else has: three of term 1, say. Meanwhile the others elect a new leader, which commits an entry of
    term 2 at index 1. When the old leader comes back and asks for votes, its log [1,1,1] is longer than
    [1,2], so the others vote for it, though it lacks the committed entry, and it makes them delete that.
    The term of the last entry must be compared first; only among equal terms does length decide.
    """

    def is_up_to_date(self, args: RequestVoteArgs, log: RaftLog) -> bool:
        """Compare the lengths only."""
        return args.last_log_index >= log.last_index


LONGER_LOG_WINS = Bug(
    "longer-log-wins",
    "the up-to-date check of a vote compares lengths only",
    LongerLogWins,
    section="§5.4.1",
    violates=("Leader Completeness",),
    seen_in=("sile/noraft #22",),
)


class NoLogCheck(Rules):
    """A voter gives its vote to whoever asks first in a term, whatever the candidate's log holds. A node that
    missed a committed entry can then win an election, and as a leader never takes entries from others, the
    committed entry is overwritten on all nodes that have it. The check works because any two majorities
    share a node: every majority contains a node that has the entry and denies its vote to a candidate without it.
    """

    def is_up_to_date(self, args: RequestVoteArgs, log: RaftLog) -> bool:
        """Accept every log."""
        return True


NO_LOG_CHECK = Bug(
    "no-log-check",
    "votes are given without looking at the candidate's log",
    NoLogCheck,
    section="§5.4.1",
    violates=("Leader Completeness",),
    seen_in=("jgroups-extras/jgroups-raft #14", "ktoso/akka-raft #30"),
)


class HalfIsMajority(Rules):
    """A candidate wins, and an entry is committed, with half of the nodes. With three or five nodes this has no
    effect, as half of them, rounded up, is a majority. With four, two are enough: split the cluster into
    two and two, and both halves elect a leader in the same term and commit different entries. A majority is
    more than half, so that any two majorities have a node in common.
    """

    class Half(Majority):
        """Half of the nodes, rounded up."""

        def needed_of(self, count: int) -> int:
            """Return the number of nodes that are half of `count`."""
            return (count + 1) // 2

    def quorum(self, ids: Iterable[int]) -> Majority:
        """Take half of the nodes for a majority."""
        return self.Half(ids)


HALF_IS_MAJORITY = Bug(
    "half-is-majority",
    "half of the nodes are enough",
    HalfIsMajority,
    section="§5.2, §5.3",
    violates=("Election Safety",),
    seen_in=("btmorr/leifdb #73",),
    sooner=("Vote Quorum",),
)


class IgnoreNewerTerm(Rules):
    """A leader or candidate that reads a higher term in a reply ignores it. Take a node that was cut off, started
    election after election, and so raised its term again and again. Back in the cluster, it rejects
    every AppendEntries of the leader because its term is lower, and its replies say so. The leader should
    step down, so that an election moves all nodes to that term. It ignores that, so this node never accepts
    an entry; if the node's own RPCs do not arrive, it stays behind for ever.
    """

    def is_newer_reply(self, term: int, current_term: int) -> bool:
        """Ignore the term."""
        return False


IGNORE_NEWER_TERM = Bug(
    "ignore-newer-term",
    "a higher term in a reply is ignored",
    IgnoreNewerTerm,
    section="§5.1",
    violates=(LIVENESS,),
    seen_in=("uwplse/verdi-raft #29", "deventlab/d-engine #39"),
    sooner=("Term Adopted",),
)


class TimerOnRefusal(Rules):
    """A node restarts its election timer whenever it is asked for its vote, even if it denies it. Take a node
    whose log is behind: it can never win, but it may ask again and again. Each time the others deny it their
    votes and restart their timers, so they never start an election, though one of them would win at once. The
    timer must restart only when a leader of the current term is heard, a vote is granted, or the node starts an
    election.
    """

    def restarts_election_timer(self, granted: bool) -> bool:
        """Restart it in any case."""
        return True


TIMER_ON_REFUSAL = Bug(
    "timer-on-refusal",
    "the election timer restarts when a vote is denied",
    TimerOnRefusal,
    section="§5.2",
    violates=(LIVENESS,),
    seen_in=("dotnet/dotNext #89", "tikv/raft-rs #14"),
    sooner=("Timer Rules",),
)


class LeaderClearsVote(ConsensusModule):
    """A follower votes for a candidate, hears that this candidate has won, and clears votedFor: the election is
    over, so it seems to need its vote no longer. But the term is not over. Another candidate of the same term may
    have sent a RequestVote that is late on the network; when it arrives, the follower looks like a node that has
    not voted, and votes a second time. That candidate may then lead the same term. votedFor may be cleared only
    together with a step to a higher term.
    """

    def _hear_leader(self, leader_id: int) -> None:
        if leader_id != self.leader_id:
            self.voted_for = NONE
        super()._hear_leader(leader_id)


LEADER_CLEARS_VOTE = Bug(
    "leader-clears-vote",
    "votedFor is cleared when a follower learns who leads",
    LeaderClearsVote,
    section="§5.2, Figure 2, persistent state",
    violates=("One Vote Per Term",),
    seen_in=("camunda/camunda #5356",),
    sooner=("Vote Kept",),
)


class RepeatRefused(Rules):
    """A voter that has voted denies every further request of that term, also one of the candidate that it voted
    for. Replies get lost, so a candidate asks again, or the network delivers its request twice; the voter
    answers the second request with "no", though its vote is for this candidate. If the first answer was
    lost, nobody ever counts that vote: in a cluster with few nodes left, every election may fail this way. The
    RPCs of Raft may be repeated: the answer to the same request in the same term must be the same.
    """

    def may_vote_for(self, candidate_id: int, voted_for: int) -> bool:
        """Vote only once, whoever asks."""
        return voted_for == NONE


REPEAT_REFUSED = Bug(
    "repeat-refused",
    "a repeated request of the candidate that has the vote is denied",
    RepeatRefused,
    section="§5.2, §5.5",
    violates=("Vote Kept",),
    seen_in=("willemt/raft #116", "ktoso/akka-raft #29"),
)
