"""Leadership transfer: a leader hands its place to another node (thesis §3.10).

The leader takes no more commands, waits until the target has its whole log, and sends it TimeoutNow, once. The
target starts an election at once, without pre-votes, and wins it if a majority hears it: it has the whole log. If
that takes longer than an election timeout, the leader goes on as before. A change of term or role ends the
transfer with the leadership.
"""

from raftplay.raft import decisions
from raftplay.raft.messages import (
    DEAD,
    FOLLOWER,
    NONE,
    DisruptiveVoteArgs,
    RequestVoteArgs,
    TimeoutNowArgs,
    TimeoutNowReply,
)
from raftplay.raft.roles import Leadership, Transfer
from raftplay.raft.rule_names import Rule
from raftplay.raft.state import State


class Transfers(State):
    """The part of a node that hands leadership over, and takes it over."""

    @property
    def transferring_to(self) -> int:
        """Return the node to which this leader hands its leadership over; -1 if it does not."""
        transfer = None if self._leadership is None else self._leadership.transfer
        return NONE if transfer is None else transfer.target

    def transfer_leadership(self, target: int | None = None, now: float | None = None) -> int:
        """Begin to hand the leadership over to `target`, by default the peer that has the most of the log.

        Return the target, or -1 if this node does not lead, or has no such peer. The node itself as target, or
        that of the transfer under way, changes nothing; another one replaces it.
        """
        leadership = self._leadership
        if leadership is None or self.state is DEAD:
            return NONE
        if target is None:
            target = leadership.most_up_to_date()
        if target in (self.id, self.transferring_to):
            return target
        progress = leadership.progress.get(target)
        if progress is None:
            return NONE
        self._set_now(now)
        self._end_transfer(leadership, Rule.REPLACED)
        until = self._now + self.config.election_min
        leadership.transfer = Transfer(target, until)
        self.deadline = min(self.deadline, until)
        self._tell(decisions.TransferStarted(target, self.log.last_index, progress.match, until, self.lease_until))
        leadership.due[target] = progress
        self._hand_over(leadership)
        return target

    def timeout_now(self, args: TimeoutNowArgs, now: float | None = None) -> TimeoutNowReply:
        """Reply to TimeoutNow: start an election at once, as if the election timer had fired (thesis §3.10).

        A Dead node returns a reply of term 0. Only a follower obeys, and only the leader of its own term.
        """
        if self.state is DEAD:
            return TimeoutNowReply(0, False)
        self._set_now(now)
        rule = Rule.OBEYED
        if not self.rules.is_current_timeout_now(args.term, self.current_term):
            rule = Rule.OTHER_TERM
        elif self.state is not FOLLOWER:
            rule = Rule.NOT_FOLLOWER
        if self.rules.is_newer_request(args.term, self.current_term):
            self._become_follower(args.term, Rule.NEWER_TERM)
        self._tell(decisions.TimeoutNowDecided(args, rule is Rule.OBEYED, rule))
        if rule is Rule.OBEYED:
            self._become_candidate(Rule.TOLD_TO)
        return TimeoutNowReply(self.current_term, rule is Rule.OBEYED)

    # ---- what the algorithm calls

    @property
    def _vote_request(self) -> type[RequestVoteArgs]:
        """Return the type of its requests: one that a leader asked for may disrupt it (thesis §4.2.3)."""
        is_told = self._candidacy is not None and self._candidacy.rule == Rule.TOLD_TO
        return DisruptiveVoteArgs if is_told else RequestVoteArgs

    def _hand_over(self, leadership: Leadership) -> None:
        """Send TimeoutNow, once, if the target of the transfer has the whole log."""
        transfer = leadership.transfer
        if transfer is None or transfer.sent:
            return
        if self.rules.may_hand_over(leadership.progress[transfer.target].match, self.log.last_index):
            transfer.sent = leadership.has_handed_over = True
            self._calls.append((transfer.target, TimeoutNowArgs(self.current_term, self.id)))

    def _transfer_timed_out(self, leadership: Leadership) -> None:
        """Abort the transfer if it has taken too long."""
        if leadership.transfer and self.rules.is_transfer_over(self._now, leadership.transfer.until):
            self._end_transfer(leadership, Rule.TOO_LATE)

    def _end_transfer(self, leadership: Leadership, rule: Rule) -> None:
        transfer, leadership.transfer = leadership.transfer, None
        if transfer is not None:
            self._tell(decisions.TransferAborted(transfer.target, rule, self.lease_until))

    def _timeout_now_answered(self, _peer_id: int, _args: TimeoutNowArgs, _reply: TimeoutNowReply) -> None:
        """Do nothing: one that obeyed replies with a higher term; one that refused leaves the wait as it is."""

    # ---- what the algorithm does

    def _become_candidate(self, rule: str) -> None:
        raise NotImplementedError

    def _become_follower(self, term: int, rule: str) -> None:
        raise NotImplementedError
