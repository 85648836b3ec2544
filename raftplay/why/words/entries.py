"""The words for why an entry is not committed."""

from raftplay.cluster.snapshot import NodeSnapshot, Snapshot
from raftplay.raft.messages import CompactedEntry, Entry
from raftplay.raft.rule_names import Rule
from raftplay.watch.narrator import rule_text
from raftplay.watch.text import command_text, count
from raftplay.watch.words import nodes_text, verb
from raftplay.why.facts.entries import Commit, ForgottenEntry, IndexFacts, PeerProgress
from raftplay.why.facts.rpcs import MOVING, CallStage
from raftplay.why.words.network import obstacle_text, pretenders
from raftplay.why.words.rpcs import journey_text, request_text
from raftplay.why.words.snapshots import sending_text
from raftplay.why.words.text import at, grouped
from raftplay.why.words.verdicts import verdict_text


def index_words(facts: IndexFacts, snapshot: Snapshot, nobody_leads: str) -> tuple[str, list[str]]:
    """Return the answer in one sentence, and the reasons; `nobody_leads` says why there is no leader."""
    head = f"index {facts.index} {_head(facts, snapshot, nobody_leads)}"
    lines = _commit_lines(facts)
    lines += _holder_lines(facts, snapshot)
    lines += _other_entries(facts)
    lines += _lacking_lines(facts, snapshot)
    lines += _share_lines(facts, snapshot)
    return head, lines + _pretender_lines(snapshot)


def _head(facts: IndexFacts, snapshot: Snapshot, nobody_leads: str) -> str:
    node = snapshot.leader or snapshot.nodes[0]  # without a leader no sentence is about it
    leader, term, writing = node.id, node.current_term, node.writing_since
    match facts.outcome:
        case "committed" if facts.disagree:
            on = nodes_text(facts.committed_on)
            return f"is committed on {on}, but not the same entry: State Machine Safety is violated (§5.4.3)"
        case "committed":
            what = "" if facts.entry is None else f" ({_entry_text(facts.entry)})"
            return f"is committed on {nodes_text(facts.committed_on)}{what}"
        case "was committed":
            return "was committed, and no live node knows that now: a commit index is not kept on disk (Figure 2)"
        case "nowhere":
            return f"is not committed: no log has it, as {_longest(snapshot)}"
        case "no leader":
            return f"is not committed: no connected node leads, and only a leader commits (§5.3); {nobody_leads}"
        case "not the leader's":
            end = f"its log ends at index {node.last_index}" if node.log else "its log is empty"
            return f"is not committed: node {leader}, the leader of term {term}, has no entry there; {end}"
        case "older term":
            assert facts.entry is not None
            return (
                f"is not committed: its entry is of term {facts.entry.term}, the leader, node {leader}, is in "
                f"term {term}, and by counting replicas it commits only entries of its own term (§5.4.2)"
            )
        case "not written" if writing is not None:
            return (
                f"is not committed: node {leader}, the leader, took it, and its disk write has been waiting since "
                f"{at(writing)}: the entry does not leave before"
            )
        case "not written":
            return (
                f"is not committed: node {leader}, the leader, took it just now, and is about to write and send it"
            )
        case "too few" | "not acknowledged":
            return f"is not committed: {_counted_text(facts, leader, term)}"


def _entry_text(entry: Entry) -> str:
    if isinstance(entry, ForgottenEntry):
        return "compacted, and its command is not kept"
    of = "compacted" if isinstance(entry, CompactedEntry) else f"of term {entry.term}"
    return f"{command_text(entry.command, 24)}, {of}"


def _longest(snapshot: Snapshot) -> str:
    longest = max(snapshot.nodes, key=lambda node: len(node.log))
    if not longest.log:
        return "every log is empty"
    return f"the longest, that of node {longest.id}, ends at index {longest.last_index}"


def _counted_text(facts: IndexFacts, leader: int, term: int) -> str:
    having, total = 1 + sum(share.has for share in facts.shares), len(facts.entries)
    what, start = "it", ""
    if facts.decider != facts.index:
        assert facts.entry is not None
        what = f"index {facts.decider}"
        start = (
            f"its entry is of term {facts.entry.term}, the leader is in term {term}, so it is committed with "
            f"{what}, the first of the leader's own term (§5.4.2); "
        )
    have = f"{start}{having} of {count(total, 'node')} {verb(having, 'has', 'have')} {what}"
    if facts.outcome == "too few":
        return f"{have}, and {facts.needed} are needed (§5.3)"
    known = 1 + sum(share.counted for share in facts.shares)
    return f"{have}, but node {leader}, the leader, knows of {known} only, and {facts.needed} are needed (§5.3)"


# ---- how it was committed


def _commit_lines(facts: IndexFacts) -> list[str]:
    commit = facts.commit
    if commit is None:
        return ["how it was committed: the history no longer has it"] if facts.outcome == "committed" else []
    line = f"node {commit.record.node} committed it at {at(commit.record.time)}: {_commit_rule(commit)}"
    if commit.applied is not None and facts.entry is not None and not commit.is_of(facts.entry):
        line += f"; what it committed there was {command_text(commit.applied.command, 24)}"
    return [line]


def _commit_rule(commit: Commit) -> str:
    event, after = commit.event, commit.record.after
    if not event.replicas or after is None:
        return rule_text(event.rule)
    by, term = f"it counted {nodes_text(sorted(event.replicas))} for index {event.index}", after.current_term
    if -1 < commit.entry_term < term:
        waits = f"the correct algorithm waits here: {rule_text(Rule.OLDER_ENTRY)}"
        return f"{by}, of term {commit.entry_term}, in term {term}; {waits}"
    return f"{rule_text(event.rule)}; {by}, term {term}"


# ---- which nodes have it


def _holder_lines(facts: IndexFacts, snapshot: Snapshot) -> list[str]:
    entry = facts.entry
    if entry is None:
        return []
    total, holders = count(len(facts.entries), "node"), [snapshot.nodes[id] for id in facts.holders]
    have = f"{len(facts.holders)} of {total} {verb(len(facts.holders), 'has', 'have')}"
    lines = [f"{have} the entry ({_entry_text(entry)}): {nodes_text(facts.holders)}"]
    inside = [node.id for node in holders if facts.index <= node.base_index]
    if inside:
        lines[0] += f" ({nodes_text(inside)} in a snapshot: the log no longer has it, §7)"
    down = [node.id for node in holders if not node.alive]
    if down:
        lines[0] += f" ({nodes_text(down)} on disk only, being down)"
    if facts.outcome == "older term":
        if len(facts.holders) >= facts.needed:
            lines.append(rule_text(Rule.OLDER_ENTRY))
        lines.append("it can be committed only with a later entry, of the leader's own term: submit one")
    if facts.outcome == "not the leader's":
        lines.append(
            "an entry that the leader puts there replaces what other logs have there, wherever it arrives (§5.3)"
        )
    return lines


def _other_entries(facts: IndexFacts) -> list[str]:
    """Return a line for each node with another entry at the index."""
    return [
        f"node {id} has another entry there: {_entry_text(entry)}"
        + ", and has committed it" * (id in facts.committed_on)
        for id, entry in enumerate(facts.entries)
        if entry is not None and entry != facts.entry
    ]


def _lacking_lines(facts: IndexFacts, snapshot: Snapshot) -> list[str]:
    """Return lines for the nodes without an entry, grouped by log length; none where `shares` compare them."""
    if facts.shares or facts.entry is None:
        return []
    lengths = grouped((len(node.log), node.id) for node in snapshot.nodes if facts.entries[node.id] is None)
    return [
        f"{nodes_text(nodes)} {verb(len(nodes), 'lacks', 'lack')} it: "
        + (f"the log there ends at index {length - 1}" if length else "the log there is empty")
        for length, nodes in sorted(lengths.items(), reverse=True)
    ]


# ---- the leader and the others


def _share_lines(facts: IndexFacts, snapshot: Snapshot) -> list[str]:
    """Return a line for each follower, those with the same reason together."""
    if snapshot.leader is not None and facts.entries[snapshot.leader.id] != facts.entry:
        return []  # the committed entry is not the leader's; other lines say so
    alike = grouped((_share_words(facts, share, snapshot.nodes[share.node]), share.node) for share in facts.shares)
    return [f"{nodes_text(nodes)} {_inflected(words, len(nodes))}" for words, nodes in alike.items() if words]


def _inflected(words: str, count: int) -> str:
    """Return words about one node, which begin with a verb, as words about `count` of them."""
    if count == 1:
        return words
    does, rest = words.split(" ", 1)
    for one, several in _PLURALS:
        rest = rest.replace(one, several)
    return f"{_VERBS[does]} {rest}"


_VERBS = {"has": "have", "lacks": "lack", "is": "are"}
_PLURALS = (
    ("its log ends", "their logs end"),
    ("its log is", "their logs are"),
    ("its log conflicts", "their logs conflict"),
    ("its entry is", "their entry is"),
    ("does not know yet", "do not know yet"),
)


def _share_words(facts: IndexFacts, share: PeerProgress, node: NodeSnapshot) -> str | None:
    """Return what a follower has and why not more."""
    what = "it" if facts.decider == facts.index else f"index {facts.decider}"
    if share.counted and not share.has:
        return f"is counted by the leader for {what}, without having it (any more)"
    if not share.has:
        return f"lacks {what}: {'; '.join(_lacks(facts, share))}"
    if facts.outcome == "committed":
        if node.id in facts.committed_on or not node.alive:
            return None
        gap = f"; now {obstacle_text(share.obstacle)}" if share.obstacle is not None else ""
        return f"has it, and does not know yet that it is committed: a leader tells with AppendEntries (§5.3){gap}"
    if share.counted:
        return f"has {what}, and the leader knows"
    return f"has {what}, and the leader does not know: {'; '.join(_unknown(share))}"


def _lacks(facts: IndexFacts, share: PeerProgress) -> list[str]:
    """Return why a node lacks the leader's entry."""
    journey, gap = share.journey, share.gap
    is_held = journey is not None and journey.stage in (CallStage.CALL_HELD, CallStage.REPLY_HELD)
    in_the_way = share.obstacle is not None and not (share.obstacle.kind == "held" and is_held)
    reasons = [obstacle_text(share.obstacle)] if share.obstacle is not None and in_the_way else []
    if gap.kind == "conflict" and gap.at <= facts.decider:
        terms = f"its entry is of term {gap.own_term}, the leader's of term {gap.leader_term}"
        reasons.append(f"its log conflicts at {gap.at}: {terms} (§5.3)")
    elif gap.kind == "behind":
        reasons.append(f"its log ends at index {gap.at - 1}" if gap.at else "its log is empty")
    if share.sending is not None:
        reasons.append(f"the leader must first send a snapshot {sending_text(share.sending)}")
    elif share.obstacle is None or share.obstacle.kind == "held":
        reasons += _last_call(share)
    return reasons


def _last_call(share: PeerProgress) -> list[str]:
    journey = share.journey
    if journey is None:
        return [] if share.counted else ["it has not been sent there yet"]
    assert journey.args is not None
    request = f"the {request_text(journey.args)}"
    if journey.verdict is not None and not journey.verdict.yes:
        return [f"it rejected {request}: {verdict_text(journey.verdict)}"]
    if journey.stage is CallStage.ANSWERED:
        return []
    return [journey_text(journey, request, f"its response to {request}")]


def _unknown(share: PeerProgress) -> list[str]:
    """Return why the leader does not know that a node has its entry."""
    journey = share.journey
    reasons = []
    if journey is None:
        reasons.append("no request to it in this term has asked for that yet")
    elif journey.stage in MOVING or share.obstacle is None:
        reasons += _last_call(share)
    if share.obstacle is not None:
        reasons.append(obstacle_text(share.obstacle))
    return reasons or ["its response was not counted"]


def _pretender_lines(snapshot: Snapshot) -> list[str]:
    too = " too" if snapshot.leader is not None else ""
    return [
        f"node {node.id} believes that it leads{too}, in term {node.current_term}"
        + ("" if node.connected else ", cut off from all others")
        for node in pretenders(snapshot)
    ]
