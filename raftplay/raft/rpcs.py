"""The kinds of RPCs: a row for each, which says what handles it, and its words.

Whatever treats all requests alike reads the rows. Where votes and entries have words of their own, an RPC that has
none there is shown by those of its row.
"""

from typing import NamedTuple

from raftplay.raft.messages import (
    AppendEntriesArgs,
    AppendEntriesReply,
    Args,
    ConfirmArgs,
    ConfirmReply,
    DisruptiveVoteArgs,
    InstallSnapshotArgs,
    InstallSnapshotReply,
    ReadIndexArgs,
    ReadIndexReply,
    Reply,
    RequestVoteArgs,
    RequestVoteReply,
    TimeoutNowArgs,
    TimeoutNowReply,
)


class RPC(NamedTuple):
    """A kind of RPC.

    `method` of `ConsensusModule` handles a request, `answered` its reply; `sender` is the field of the request
    that names its sender, `answer` that of the reply that says yes or no ("" if the receiver cannot refuse).
    `noun` is the request in a sentence, `plural` the word for its kind in commands, `brief` its shortest word;
    `loss` is what follows from the loss of a request, `reply_loss` from that of a reply. `variants` are subclasses
    of the request that travel as messages of their own.
    """

    request: type[Args]
    reply: type[Reply]
    method: str
    answered: str
    sender: str
    answer: str
    noun: str
    plural: str
    brief: str
    loss: str
    reply_loss: str
    variants: tuple[type[Args], ...] = ()

    @property
    def name(self) -> str:
        """Return the name of the RPC, as in the paper: "RequestVote"."""
        return self.request.__name__.removesuffix("Args")


RPCS = (
    RPC(
        RequestVoteArgs,
        RequestVoteReply,
        "request_vote",
        "_vote_received",
        sender="candidate_id",
        answer="vote_granted",
        noun="vote request",
        plural="votes",
        brief="vote?",
        loss="A candidate asks each node once in a term.",
        reply_loss="A vote counts when it arrives (§5.2).",
        variants=(DisruptiveVoteArgs,),
    ),
    RPC(
        AppendEntriesArgs,
        AppendEntriesReply,
        "append_entries",
        "_append_answered",
        sender="leader_id",
        answer="success",
        noun="AppendEntries",
        plural="appends",
        brief="append",
        loss="The leader sends it again (§5.3).",
        reply_loss="The leader sends it again (§5.3).",
    ),
    RPC(
        TimeoutNowArgs,
        TimeoutNowReply,
        "timeout_now",
        "_timeout_now_answered",
        sender="leader_id",
        answer="success",
        noun="TimeoutNow",
        plural="transfers",
        brief="go!",
        loss="The leader sends it once; the transfer ends after an election timeout (thesis §3.10).",
        reply_loss="The new leader's messages tell the same (§5.1).",
    ),
    RPC(
        InstallSnapshotArgs,
        InstallSnapshotReply,
        "install_snapshot",
        "_snapshot_answered",
        sender="leader_id",
        answer="",
        noun="InstallSnapshot",
        plural="snapshots",
        brief="snapshot",
        loss="The leader asks how much has arrived, and goes on from there (§7).",
        reply_loss="The leader asks how much has arrived, and goes on from there (§7).",
    ),
    RPC(
        ConfirmArgs,
        ConfirmReply,
        "confirm",
        "_confirm_answered",
        sender="leader_id",
        answer="success",
        noun="Confirm",
        plural="confirms",
        brief="lead?",
        loss="The leader asks again, in a new round, with its next heartbeat (thesis §6.4).",
        reply_loss="The leader asks again, in a new round, with its next heartbeat (thesis §6.4).",
    ),
    RPC(
        ReadIndexArgs,
        ReadIndexReply,
        "read_index",
        "_read_index_answered",
        sender="node_id",
        answer="success",
        noun="ReadIndex",
        plural="reads",
        brief="read?",
        loss="The follower gives up after an election timeout; its client asks again (thesis §6.4).",
        reply_loss="The follower gives up after an election timeout; its client asks again (thesis §6.4).",
    ),
)
"""All kinds of RPCs."""

OF: dict[type, RPC] = {kind: rpc for rpc in RPCS for kind in (rpc.request, *rpc.variants, rpc.reply)}
"""The kind of an RPC, by the type of its request or of its reply."""
