"""The words for the last rejections."""

from raftplay.watch.text import count
from raftplay.why.refusals import RefusalFacts
from raftplay.why.verdicts import Verdict
from raftplay.why.words import at, request_text, ruling_text


def refusal_words(facts: RefusalFacts, forgotten: int) -> tuple[str, list[str]]:
    """Return the answer in one sentence, and the reasons."""
    node, by, of = facts.node, facts.by, facts.of
    lines = []
    since = "" if facts.kept_from is None else f" since {at(facts.kept_from)}"
    if by is not None:
        head = refusal_text(by)
        if of is not None:
            when = "since then, " if of.seq > by.seq else "before that, "
            lines.append(f"{when}{refusal_text(of)}")
    elif of is not None:
        head = f"node {node} has rejected nothing{since}; but {refusal_text(of)}"
    else:
        head = f"node {node} has rejected nothing{since}, and none of its requests was rejected"
    if facts.kept_from is not None:
        lines.append(
            f"the history no longer has what was before {at(facts.kept_from)}: {count(forgotten, 'event')}"
        )
    return head, lines


def refusal_text(ruling: Verdict) -> str:
    """Return who rejected what, when, and why."""
    return (
        f"node {ruling.node} rejected node {ruling.asker}'s {request_text(ruling.args)} at {at(ruling.time)}: "
        f"{ruling_text(ruling)}"
    )
