"""Bug switches of pre-votes (thesis §9.6): what a node promises, counts and learns before it starts a term.

They show only with the option `prevote`.
"""

from msgspec.structs import replace

from raftplay.raft.bugs.about import LIVENESS, Bug
from raftplay.raft.consensus import ConsensusModule
from raftplay.raft.log import RaftLog
from raftplay.raft.messages import NONE, Args, CMState, Reply, RequestVoteArgs, RequestVoteReply
from raftplay.raft.rules import Rules


class PrevoteCounts(ConsensusModule):
    """A candidate takes the late reply to a pre-vote for a vote. A pre-vote asks "would you vote for me in term
    5?", and promises nothing: a node may grant pre-votes to several candidates, writes nothing to its disk, and
    may vote for another node afterwards. The candidate needs a majority of pre-votes before it starts term 5;
    those that arrive later carry the same term as votes, so a candidate that does not look at what it asked counts
    them. It may lead term 5 without a majority, beside a second leader that has one.
    """

    def _vote_received(self, voter: int, args: RequestVoteArgs, reply: RequestVoteReply) -> None:
        if self.state is CMState.CANDIDATE and args.pre_vote:
            args = replace(args, pre_vote=False)
        super()._vote_received(voter, args, reply)


PREVOTE_COUNTS = Bug(
    "prevote-counts",
    "a granted pre-vote is counted as a vote",
    PrevoteCounts,
    section="thesis §9.6",
    violates=("Vote Quorum",),
    seen_in=("canonical/raft #196",),
)


class PrevoteIgnoresLog(Rules):
    """A node grants a pre-vote without comparing the logs: as no vote is given, the check seems to be of no use.
    But a pre-vote is there to tell a candidate whether it could win. One whose log is behind now gets its
    pre-votes, starts a term, and is denied the votes. The others have moved to the new term with it, so a leader
    that was elected meanwhile steps down; and nothing keeps the candidate from asking again. A node must grant a
    pre-vote only if it would grant the vote.
    """

    def is_up_to_date(self, args: RequestVoteArgs, log: RaftLog) -> bool:
        """Compare the logs only for a vote."""
        return args.pre_vote or super().is_up_to_date(args, log)


PREVOTE_IGNORES_LOG = Bug(
    "prevote-ignores-log",
    "pre-votes are granted without looking at the candidate's log",
    PrevoteIgnoresLog,
    section="thesis §9.6",
    violates=("Pre-Vote Truth",),
    seen_in=("ClickHouse/NuRaft #134",),
)


class PrevoteClearsVote(ConsensusModule):
    """A node that has voted in this term hears nothing for a while, and asks for pre-votes. This starts no term.
    Then it hears the leader of its term, stops asking and returns to follower, which is right, but clears votedFor
    on the way, as if it had left a term. A RequestVote of the same term that was late on the network now gets a
    second vote from it, and a second leader of that term is possible. Pre-votes change neither the term nor the
    vote.
    """

    def _become_follower(self, term: int, rule: str) -> None:
        if self.state is CMState.PRE_CANDIDATE:
            self.voted_for = NONE
        super()._become_follower(term, rule)


PREVOTE_CLEARS_VOTE = Bug(
    "prevote-clears-vote",
    "votedFor is cleared when a pre-candidate returns to follower in the same term",
    PrevoteClearsVote,
    section="§5.2, thesis §9.6",
    violates=("One Vote Per Term",),
    seen_in=("microsoft/CCF #8094",),
    sooner=("Vote Kept",),
)


class PrevoteDeafToTerms(ConsensusModule):
    """A node that asks for pre-votes ignores the higher term in a denial. Take two nodes that are needed for a
    majority: the first has the longer log and is in term 1; the second has started term 2, and lacks an entry. The
    first asks about term 2, which is over for the second, so it is denied, stays in term 1, and will ask about
    term 2 for ever. The second asks about term 3 and is denied because of its log. As pre-votes move nobody to a
    new term, nobody ever leads. The denial tells the higher term, and the node must adopt it, as from any reply.
    """

    def reply_received(self, peer_id: int, args: Args, reply: Reply, now: float) -> None:
        """Handle a reply to a pre-vote without looking at its term."""
        if isinstance(args, RequestVoteArgs) and isinstance(reply, RequestVoteReply) and args.pre_vote:
            if self.state is not CMState.DEAD:
                self._set_now(now)
                self._vote_received(peer_id, args, reply)
            return
        super().reply_received(peer_id, args, reply, now)


PREVOTE_DEAF_TO_TERMS = Bug(
    "prevote-deaf-to-terms",
    "the higher term in a denied pre-vote is ignored",
    PrevoteDeafToTerms,
    section="§5.1, thesis §9.6",
    violates=(LIVENESS,),
    seen_in=("databendlabs/openraft #1796",),
    sooner=("Term Adopted",),
)
