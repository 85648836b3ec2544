"""The words for requests, their responses, and where they are."""

from raftplay.past.story import Cause, Ignored
from raftplay.raft.messages import AppendEntriesArgs, Args, RequestVoteArgs
from raftplay.raft.rpcs import OF
from raftplay.watch.narrator import rule_text
from raftplay.why.facts.rpcs import CallStage, Journey
from raftplay.why.words.network import past_obstacle_text, waiting_text
from raftplay.why.words.text import at


def request_text(args: Args) -> str:
    """Return a request in words."""
    match args:
        case RequestVoteArgs():
            return f"{'pre-vote' if args.pre_vote else 'vote'} request for term {args.term}"
        case AppendEntriesArgs(entries=()):
            return f"heartbeat of term {args.term}"
        case AppendEntriesArgs():
            pass
        case _:
            return f"{OF[type(args)].noun} of term {args.term}"
    first, last = args.prev_log_index + 1, args.prev_log_index + len(args.entries)
    where = f"entry {first}" if first == last else f"entries {first}..{last}"
    return f"AppendEntries of term {args.term} with {where}"


def step_text(rule: str, cause: Cause | None, terms: str = "") -> str:
    """Return the rule of a change of role or term, the `terms`, and the message that made the node do it."""
    text = f"{rule_text(rule)}{terms}"
    if cause is None:
        return text
    if cause.reply is None and cause.args is not None:
        return f"{text}: node {cause.peer}'s {request_text(cause.args)}"
    return f"{text}: {answer_text(cause.peer, cause.args)}"


def answer_text(peer: int, args: Args | None) -> str:
    """Return in words the response of `peer` to a node's request."""
    return f"the response of node {peer} to its {request_text(args) if args is not None else 'request'}"


def journey_text(journey: Journey, what: str, answer: str) -> str:
    """Return where a request and its response are; `what` names the request, `answer` the response."""
    src, dst = journey.src, journey.dst
    when = "on its link until" if journey.on_link else "due at"
    due = "" if journey.due is None else f", {when} {at(journey.due)}"
    gap = journey.obstacle
    stayed = f"never left{f': {past_obstacle_text(gap)}' if gap is not None else ''}"
    if journey.for_disk:
        stayed = f"leaves once the disk of node {src} has written"
    gone = "has not arrived, and is not on its way any more"
    texts = {
        CallStage.NOT_SENT: f"{what} {stayed}",
        CallStage.CALL_UNDER_WAY: f"{what} is on its way{due}",
        CallStage.CALL_HELD: f"{what} is held on {src}->{dst}",
        CallStage.CALL_WAITS: f"{what} waits until {_end_of_wait(journey, dst)}",
        CallStage.WRITES: f"{what} arrived, and node {dst} responds once it has written{_write_text(journey)}",
        CallStage.CALL_LOST: f"{what} was lost ({journey.reason})",
        CallStage.CALL_GONE: f"{what} {gone}",
        CallStage.UNANSWERED: f"{what} arrived, and node {dst} crashed before it responded",
        CallStage.IGNORED: f"{what} arrived, and node {dst} sends no response",
        CallStage.REPLY_UNDER_WAY: f"{answer} is on its way{due}",
        CallStage.REPLY_HELD: f"{answer} is held on {dst}->{src}",
        CallStage.REPLY_WAITS: f"{answer} waits until {_end_of_wait(journey, src)}",
        CallStage.REPLY_LOST: f"{answer} was lost ({journey.reason})",
        CallStage.REPLY_GONE: f"{answer} {gone}",
        CallStage.ANSWERED: f"{answer} arrived",
    }
    return texts[journey.stage] + ("; another copy of the request is on its way" if journey.again else "")


def _end_of_wait(journey: Journey, node: int) -> str:
    return f"the disk of node {node} has written" if journey.for_disk else f"node {node} is thawed"


def _write_text(journey: Journey) -> str:
    """Return what a node writes before it responds, and since when."""
    write = journey.write
    if write is None:
        return ""
    return f" {waiting_text(write)}: its disk write has been waiting since {at(write.time)}"


def ignored_lines(ignored: Ignored | None) -> list[str]:
    """Return a line about the last response that a node ignored, if there was one."""
    if ignored is None:
        return []
    answer = answer_text(ignored.peer, ignored.args)
    return [f"at {at(ignored.time)} it ignored {answer}: {rule_text(ignored.rule)}"]
