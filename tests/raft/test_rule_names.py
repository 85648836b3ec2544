"""A rule of the algorithm is a member of `Rule`; a custom node's rule is its own words."""

import msgspec
import pytest

from raftplay.raft.decisions import PreVoteStarted
from raftplay.raft.rule_names import Rule, rule_words


@pytest.mark.parametrize("rule", Rule)
def test_a_rule_is_its_name_and_has_a_section_and_words(rule: Rule) -> None:
    assert rule == rule.value == str(rule) == f"{rule}" == rule.name.lower().replace("_", "-")
    assert rule_words(rule) == rule_words(str(rule)) == (rule.section, rule.words)
    assert rule.section.startswith(("§", "thesis §")) or rule is Rule.OWN_RULE


def test_a_custom_rule_is_its_own_words() -> None:
    assert rule_words("not today") == ("a custom rule", "not today")


@pytest.mark.parametrize("rule", [Rule.BY_HAND, "not today"])
def test_a_rule_is_written_as_its_name(rule: str) -> None:
    text = msgspec.json.encode(PreVoteStarted(3, rule))
    assert text == b'{"term":3,"rule":"%s"}' % rule.encode()
    assert msgspec.json.decode(text, type=PreVoteStarted) == PreVoteStarted(3, rule)
