"""The trace of etcd's raft: its events, a JSON object a line, as its TLA+ specification is checked against.

The names and fields are those of etcd's `state_trace.go`. There nodes and indices count from 1, and 0 is none.
etcd begins with the entries of its configuration, raftplay has none; what raftplay decides and etcd does not, such
as a commit index that waits, has no line.
"""

import json
from collections.abc import Iterator

from raftplay.export.mail import ARRIVED, MailedMessage, mail_of
from raftplay.export.recording import Recording
from raftplay.raft import decisions
from raftplay.raft.decisions import NodeState
from raftplay.raft.messages import (
    AppendEntriesArgs,
    AppendEntriesReply,
    CMState,
    RequestVoteArgs,
    RequestVoteReply,
)
from raftplay.watch import facts
from raftplay.watch.facts import Record

ROLES = {
    CMState.FOLLOWER: "StateFollower",
    CMState.PRE_CANDIDATE: "StatePreCandidate",
    CMState.CANDIDATE: "StateCandidate",
    CMState.LEADER: "StateLeader",
}

NAMES: dict[type, str] = {
    decisions.Started: "InitState",
    decisions.ElectionStarted: "BecomeCandidate",
    decisions.BecameFollower: "BecomeFollower",
    decisions.BecameLeader: "BecomeLeader",
    decisions.EntryAppended: "Replicate",
    decisions.CommitAdvanced: "Commit",
}
"""The events of a node, by the decisions that they are."""

JsonLine = dict[str, object]


def written(recording: Recording) -> bytes:
    """Return the file of a recording."""
    return "".join(f"{json.dumps(line, separators=(',', ':'))}\n" for line in _lines(recording)).encode()


def _lines(recording: Recording) -> Iterator[JsonLine]:
    """Yield a line for each event that etcd has too."""
    records = recording.records
    messages, told = mail_of(records)
    voters = [[str(id + 1) for id in range(recording.size)], []]
    states: dict[int, NodeState] = {}
    for at, record in enumerate(records, 1):
        if record.after is not None and record.node >= 0:
            states[record.node] = record.after
        name, message = NAMES.get(type(record.event)), None
        node = record.node
        if at in told:
            message = messages[told[at]]
            name, node = _name_of(message, at, record), message.src if message.sent == at else message.dst
        state = states.get(node)
        if name is not None and state is not None and state.state in ROLES:
            yield _line(record, name, node, state, voters, message)


def _line(
    record: Record, name: str, node: int, state: NodeState, voters: list[list[str]], message: MailedMessage | None
) -> JsonLine:
    event: JsonLine = {
        "name": name,
        "nid": str(node + 1),
        "state": {
            "term": state.current_term,
            "vote": str(state.voted_for + 1),
            "commit": state.commit_index + 1,
        },
        "role": ROLES[state.state],
        "log": state.last_log_index + 1,
        "conf": voters,
        "applied": state.last_applied + 1,
    }
    if message is not None:
        event["msg"] = _message(message)
    return {"level": "debug", "ts": round(record.time, 6), "msg": "trace", "tag": "trace", "event": event}


def _name_of(message: MailedMessage, at: int, record: Record) -> str | None:
    """Return the name of the event of a message; None if etcd has none, as for a loss."""
    if isinstance(record.event, facts.CallSent | facts.ReplySent):
        verb = "Send"
    elif message.fate == ARRIVED and message.end == at:
        verb = "Receive"
    else:
        return None
    match message.content:
        case RequestVoteArgs(pre_vote=False):
            return f"{verb}RequestVoteRequest"
        case RequestVoteReply():
            return f"{verb}RequestVoteResponse"
        case AppendEntriesArgs():
            return f"{verb}AppendEntriesRequest"
        case AppendEntriesReply():
            return f"{verb}AppendEntriesResponse"
        case _:
            return None


def _message(message: MailedMessage) -> JsonLine:
    content = message.content
    line: JsonLine = {
        "type": "MsgApp",
        "term": content.term,
        "from": str(message.src + 1),
        "to": str(message.dst + 1),
        "entries": 0,
        "logTerm": 0,
        "index": 0,
        "commit": 0,
        "vote": "0",
        "reject": False,
        "rejectHint": 0,
    }
    match content:
        case RequestVoteArgs(last_log_index=index, last_log_term=term):
            line |= {"type": "MsgVote", "logTerm": max(0, term), "index": index + 1}
        case RequestVoteReply(vote_granted=granted):
            line |= {"type": "MsgVoteResp", "reject": not granted}
        case AppendEntriesArgs(prev_log_index=index, prev_log_term=term, entries=entries, leader_commit=commit):
            line |= {"entries": len(entries), "logTerm": max(0, term), "index": index + 1, "commit": commit + 1}
        case AppendEntriesReply(success=success, conflict_index=hint):
            line |= {
                "type": "MsgAppResp",
                "index": message.index + 1,
                "reject": not success,
                "rejectHint": max(0, hint),
            }
    return line
