"""Bug switches of leadership transfer: when a leader hands its place over, and for how long (thesis §3.10)."""

from raftplay.raft.bugs.about import Bug
from raftplay.raft.rules import Rules


class TransferFlagStuck(Rules):
    """A leader that hands its leadership over takes no commands, and notes that in a flag. Its target is cut off,
    so it never takes over, and nothing clears the flag: the leader waits for ever. It sends heartbeats all the
    time, so no follower's election timer fires, and everything looks healthy; but no client can write anything. A
    leader whose target has not taken over within an election timeout must give up, and take commands again.
    """

    def is_transfer_over(self, now: float, until: float) -> bool:
        """Find that there is still time."""
        return False


TRANSFER_FLAG_STUCK = Bug(
    "transfer-flag-stuck",
    "a leader whose target never takes over refuses commands for ever",
    TransferFlagStuck,
    options=("transfers",),
    section="thesis §3.10",
    violates=("Transfer Ends",),
    seen_in=("hashicorp/raft #696", "databendlabs/openraft #1747"),
)


class WritesDuringTransfer(Rules):
    """A leader goes on taking commands while it hands its leadership over. Each new entry moves the end of the
    log that its target must reach, so under load the target never gets there. And what the leader appends after
    it has sent TimeoutNow, the target does not have: the leader and others that have got it deny the target their
    votes, or, if the target wins all the same, the entry is lost. A leader must refuse commands until the transfer
    is over.
    """

    def accepts_commands(self, transferring: bool) -> bool:
        """Accept them in any case."""
        return True


WRITES_DURING_TRANSFER = Bug(
    "writes-during-transfer",
    "a leader takes commands while it hands its leadership over",
    WritesDuringTransfer,
    options=("transfers",),
    section="thesis §3.10",
    violates=("Quiet While Transferring",),
    seen_in=("hashicorp/raft #487", "hashicorp/raft #581"),
)


class TimeoutNowEarly(Rules):
    """A leader sends TimeoutNow at once, although its target lacks the end of the log. The target starts a term,
    so the leader steps down. But those who have more of the log deny the target their votes (§5.4.1): it loses,
    and nobody leads until some election timer fires. So the transfer costs just what it should save. A leader
    must wait until its target has the whole log, by the leader's match index.
    """

    def may_hand_over(self, match: int, last_index: int) -> bool:
        """Find that the target has enough."""
        return True


TIMEOUT_NOW_EARLY = Bug(
    "timeout-now-early",
    "a leader sends TimeoutNow before its target has the whole log",
    TimeoutNowEarly,
    options=("transfers",),
    section="thesis §3.10",
    violates=("TimeoutNow Is Earned",),
    seen_in=("redpanda-data/redpanda #2606",),
)


class StaleTimeoutNow(Rules):
    """A node obeys every TimeoutNow, also one of a lower term. Such a message has been on its way for long: its
    sender has been replaced, and nobody hands anything over any more. The node starts a term even so, without
    asking for pre-votes, and its requests carry the permission to disrupt, so that sticky nodes grant it their
    votes. A healthy leader, which knows nothing of this, steps down. A node must obey the leader of its own term
    only.
    """

    def is_current_timeout_now(self, term: int, current_term: int) -> bool:
        """Accept a lower term too."""
        return term <= current_term


STALE_TIMEOUT_NOW = Bug(
    "stale-timeout-now",
    "a node obeys a TimeoutNow of a lower term",
    StaleTimeoutNow,
    options=("transfers",),
    section="thesis §3.10, thesis §4.2.3",
    violates=("Forced Vote Only",),
    seen_in=("tikv/tikv #19922",),
)
