"""Bug switches of leases and pre-votes: who keeps a leader that it hears, and who gives up its place (thesis).

They show only with the options `prevote`, `sticky` and `checkquorum`.
"""

from raftplay.raft import decisions
from raftplay.raft.bugs.about import LIVENESS, Bug
from raftplay.raft.consensus import ConsensusModule
from raftplay.raft.messages import (
    NO_APPEND_REPLY,
    NO_VOTE_REPLY,
    AppendEntriesArgs,
    AppendEntriesReply,
    Args,
    CMState,
    RequestVoteArgs,
    RequestVoteReply,
)
from raftplay.raft.rule_names import Rule
from raftplay.raft.rules import Rules


class PrevoteMovesTerm(ConsensusModule):
    """A node that is asked for a pre-vote moves to the term that the request is about, as it does for a vote. A
    node whose version of the program does not know pre-votes takes the request for a vote, and does the same.
    But the asker has not started that term, and perhaps never will. Whoever was asked is in a higher term now,
    so it rejects the heartbeats of its leader, and the leader steps down. One node that cannot hear the leader
    disturbs it as if there were no pre-votes. A pre-vote must change nothing.
    """

    def request_vote(self, args: RequestVoteArgs, now: float | None = None) -> RequestVoteReply:
        """Adopt the term of a pre-vote before replying."""
        is_asked_first = args.pre_vote and self.state is not CMState.DEAD
        if is_asked_first and self.rules.is_newer_request(args.term, self.current_term):
            self._set_now(now)
            self._become_follower(args.term, Rule.NEWER_TERM)
        return super().request_vote(args, now)


PREVOTE_MOVES_TERM = Bug(
    "prevote-moves-term",
    "a node that is asked for a pre-vote moves to the term of the request",
    PrevoteMovesTerm,
    options=("prevote",),
    section="thesis §9.6",
    violates=("Pre-Vote Purity",),
    seen_in=("databendlabs/openraft #1772",),
)


class PrevoteSilent(ConsensusModule):
    """A node ignores requests of a lower term in place of rejecting them, as they seem to be out of date. Without
    pre-votes a candidate raises its term until it is heard. With them it does not: it asks about the term after
    its own, again and again. Take two nodes that are needed for a majority: the first has the longer log and is
    in term 1, the second has reached term 3 and lacks an entry. The first asks about term 2, and the second
    does not reply. The second asks about term 4, and the first denies it because of the log. Nobody tells the
    first of term 3, so nobody ever leads. A node must reply to a lower term, with its own.
    """

    def request_vote(self, args: RequestVoteArgs, now: float | None = None) -> RequestVoteReply:
        """Ignore a pre-vote about a lower term."""
        if args.pre_vote and args.term < self.current_term and self.state is not CMState.DEAD:
            self._set_now(now)
            self._tell(decisions.VoteDecided(args, False, Rule.TERM_BEGUN))
            return NO_VOTE_REPLY
        return super().request_vote(args, now)

    def append_entries(self, args: AppendEntriesArgs, now: float | None = None) -> AppendEntriesReply:
        """Ignore a request of a lower term."""
        if args.term < self.current_term and self.state is not CMState.DEAD:
            self._set_now(now)
            self._tell(decisions.AppendDecided(args, False, Rule.STALE_TERM))
            return NO_APPEND_REPLY
        return super().append_entries(args, now)


PREVOTE_SILENT = Bug(
    "prevote-silent",
    "a pre-vote or AppendEntries of a lower term gets no reply",
    PrevoteSilent,
    options=("prevote",),
    section="§5.1, thesis §9.6",
    violates=(LIVENESS,),
    seen_in=("etcd-io/etcd #8243", "etcd-io/etcd #8501"),
)


class PrevoteIgnoresLeader(Rules):
    """A node grants a pre-vote by the logs alone, although it hears a leader. A node whose log is up to date and
    which has not heard from the leader for a moment gets its pre-votes, starts a term, and the leader steps
    down: just what pre-votes are to prevent. A node that has heard from a leader within the shortest election
    timeout must deny its pre-vote, and with `sticky` ignore the request.
    """

    def leader_is_alive(self, silence: float, election_min: float) -> bool:
        """Find that there is no leader."""
        return False

    def ignores_vote_request(self, args: RequestVoteArgs, silence: float, election_min: float) -> bool:
        """Ignore only real requests for votes."""
        return not args.pre_vote and super().ignores_vote_request(args, silence, election_min)


PREVOTE_IGNORES_LEADER = Bug(
    "prevote-ignores-leader",
    "pre-votes are granted by nodes that hear a leader",
    PrevoteIgnoresLeader,
    options=("prevote",),
    section="thesis §4.2.3, thesis §9.6",
    violates=("No Vote In Lease",),
    seen_in=("sofastack/sofa-jraft #15",),
)


class PrevoteGivesUp(ConsensusModule):
    """A node that got no majority of pre-votes before its timer fires again starts an election even so, for fear
    of waiting for ever. So pre-votes help for one timeout only: a node that is cut off raises its term again
    and again, and when it is connected again its term makes a healthy leader step down. A node must ask for
    pre-votes as often as its timer fires; it is not stuck, as it follows the leader as soon as it hears it.
    """

    def _election_timed_out(self, rule: str) -> None:
        if self.state is CMState.PRE_CANDIDATE:
            self._become_candidate(rule)
        else:
            super()._election_timed_out(rule)


PREVOTE_GIVES_UP = Bug(
    "prevote-gives-up",
    "after pre-votes in vain a node starts an election without them",
    PrevoteGivesUp,
    options=("prevote",),
    section="thesis §9.6",
    violates=("No Needless Election",),
    seen_in=("hashicorp/raft #530",),
)


class StickyLeaderStays(Rules):
    """A leader never steps down by itself, while its followers are sticky: whoever hears it ignores requests for
    votes. Now something breaks so that its messages arrive at the others, and theirs do not arrive at the
    leader. It can commit nothing, as it hears no replies; and its heartbeats keep everybody else from becoming
    leader, for ever. A leader that others are loyal to must watch its majority: if none replies for an election
    timeout it steps down.
    """

    def has_lost_quorum(self, silence: float, election_min: float) -> bool:
        """Find that a majority replies."""
        return False


STICKY_LEADER_STAYS = Bug(
    "sticky-leader-stays",
    "a leader to which no majority replies never steps down",
    StickyLeaderStays,
    options=("sticky",),
    section="thesis §6.2",
    violates=("Step-Down Bound",),
    seen_in=("databendlabs/openraft #2080",),
)


class QuorumBySending(ConsensusModule):
    """A leader that watches its majority notes a peer as active when it sends to it, not when the peer replies. It
    sends all the time, so it never finds that it has lost its majority. Once nobody can reach it, it goes on as
    leader, takes commands and commits none; its clients wait for ever, although the others have a new leader. Only
    a reply shows that a peer is there and can hear.
    """

    def take_calls(self) -> list[tuple[int, Args]]:
        """Count the receivers as heard."""
        calls = super().take_calls()
        if self._leadership is not None:
            for peer, _ in calls:
                self._leadership.progress[peer].heard = self._now
        return calls


QUORUM_BY_SENDING = Bug(
    "quorum-by-sending",
    "a leader counts those it sends to as those it hears from",
    QuorumBySending,
    options=("checkquorum",),
    section="thesis §6.2",
    violates=("Step-Down Bound",),
    seen_in=(),
)
