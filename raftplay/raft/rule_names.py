"""Names the rules by which a node decides, with their sections and words."""

from enum import StrEnum
from typing import Self


class Rule(StrEnum):
    """A rule of Raft by which a node decides: its name in traces, its section, and its words.

    A custom node may decide by a rule without a name here: the field `rule` of its decision is then the words.
    """

    section: str
    words: str

    def __new__(cls, name: str, section: str, words: str) -> Self:
        """Make a member whose value is `name`."""
        rule = str.__new__(cls, name)
        rule._value_ = name
        rule.section, rule.words = section, words
        return rule

    GRANTED = "granted", "§5.2", "not yet voted for another in this term, and the candidate's log is up to date"
    PRE_GRANTED = "pre-granted", "thesis §9.6", "no leader heard of lately, and the candidate's log is up to date"
    STALE_TERM = "stale-term", "§5.1", "the request has a lower term"
    TERM_BEGUN = "term-begun", "§5.1, thesis §9.6", "the request is about a term that has begun already"
    VOTED_FOR_OTHER = "voted-for-other", "§5.2", "already voted for another candidate in this term"
    LEADS = "leads", "§5.2", "leads this term itself"
    LOG_OLDER_TERM = "log-older-term", "§5.4.1", "the candidate's last entry has a lower term"
    LOG_SHORTER = "log-shorter", "§5.4.1", "the candidate's log is shorter, its last term the same"
    LEADER_ALIVE = "leader-alive", "thesis §9.6", "a leader was heard of within the shortest election timeout"
    IN_LEASE = (
        "in-lease",
        "thesis §4.2.3",
        "a leader was heard of within the shortest election timeout, so it does not reply",
    )
    MATCHES = "matches", "§5.3", "the log has the entry before the new ones, with the same term"
    LOG_TOO_SHORT = "log-too-short", "§5.3", "the log ends before the entry that should precede the new ones"
    TERM_CONFLICT = "term-conflict", "§5.3", "the entry before the new ones is of another term"
    NEWER_TERM = "newer-term", "§5.1", "a message carried a higher term"
    LEADER_HEARD = "leader-heard", "§5.2", "the leader of this term was heard of"
    NO_QUORUM = "no-quorum", "thesis §6.2", "no majority has replied within the shortest election timeout"
    OLD_CALL = "old-call", "§5.2", "the reply is to a request of another term or role"
    OUTDATED = "outdated", "§5.3", "the rejection is older than a later success"
    PROBED = "probed", "§5.3", "a request that tries further back is already in flight"
    MAJORITY = "majority", "§5.3, §5.4.2", "a majority has the entry, and it is of the leader's own term"
    TOLD = "told", "§5.3", "the leader has committed that far"
    OLDER_ENTRY = "older-entry", "§5.4.2", "a majority has the entry, but it has a lower term"
    COVERED = "covered", "§7", "the node has committed all that the snapshot covers"
    TIMEOUT = "timeout", "§5.2", "the election timeout passed without word from a leader"
    TOLD_TO = "told-to", "thesis §3.10", "the leader told it to start an election at once"
    OBEYED = "obeyed", "thesis §3.10", "the leader of this term hands its leadership over"
    OTHER_TERM = "other-term", "thesis §3.10", "the request is of another term"
    NOT_FOLLOWER = "not-follower", "thesis §3.10", "the node is no follower"
    TOO_LATE = "too-late", "thesis §3.10", "the target has not taken over within an election timeout"
    REPLACED = "replaced", "thesis §3.10", "another target was named"
    FOLLOWS = "follows", "thesis §6.4", "it follows the leader of this term"
    AT_COMMIT = "at-commit", "thesis §6.4", "it leads, and has committed an entry of its own term"
    NO_OWN_COMMIT = "no-own-commit", "thesis §6.4", "it has committed no entry of its own term yet"
    NO_LEADER = "no-leader", "thesis §6.4", "the node that was to vouch for it does not lead this term"
    LEADER_REFUSED = "leader-refused", "thesis §6.4", "the leader gave no index to read at"
    NO_ANSWER = "no-answer", "thesis §6.4", "the leader has not confirmed it within an election timeout"
    ROUND = "round", "thesis §6.4", "a majority has answered a round that began after the read"
    LEASE = "lease", "thesis §6.4.1", "the leader had a lease when the read began"
    BY_HAND = "by-hand", "§5.2", "its election timer was fired by hand"
    OWN_RULE = "own-rule", "not in Figure 2", "its own rule says so"


def rule_words(rule: str) -> tuple[str, str]:
    """Return the section and the words of a rule; a rule that a custom node defines is its own words."""
    known = Rule._value2member_map_.get(rule)
    return (known.section, known.words) if isinstance(known, Rule) else ("a custom rule", rule)
