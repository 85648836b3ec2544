"""The words for the last rejections."""

from raftplay.watch.text import count
from raftplay.why.facts.rejections import RejectionFacts
from raftplay.why.facts.verdicts import NodeVerdict
from raftplay.why.words.rpcs import request_text
from raftplay.why.words.snapshots import ignored_snapshot_lines
from raftplay.why.words.text import at
from raftplay.why.words.transfers import told_lines
from raftplay.why.words.verdicts import verdict_text


def rejection_words(facts: RejectionFacts, forgotten: int) -> tuple[str, list[str]]:
    """Return the answer in one sentence, and the reasons."""
    node, by, of = facts.node, facts.by, facts.of
    lines = []
    since = "" if facts.kept_from is None else f" since {at(facts.kept_from)}"
    if by is not None:
        head = rejection_text(by)
        if of is not None:
            when = "since then, " if of.seq > by.seq else "before that, "
            lines.append(f"{when}{rejection_text(of)}")
    elif of is not None:
        head = f"node {node} has rejected nothing{since}; but {rejection_text(of)}"
    else:
        head = f"node {node} has rejected nothing{since}, and none of its requests was rejected"
    lines += told_lines(facts.told, f"node {node}")
    lines += ignored_snapshot_lines(facts.snapshot, f"node {node}")
    if facts.kept_from is not None:
        lines.append(
            f"the history no longer has what was before {at(facts.kept_from)}: {count(forgotten, 'event')}"
        )
    return head, lines


def rejection_text(verdict: NodeVerdict) -> str:
    """Return who rejected what, when, and why."""
    what = f"node {verdict.asker}'s {request_text(verdict.args)}"
    verb = "ignored" if verdict.is_ignored else "rejected"
    return f"node {verdict.node} {verb} {what} at {at(verdict.time)}: {verdict_text(verdict)}"
