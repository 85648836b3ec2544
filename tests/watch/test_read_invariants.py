"""The invariants of reads without the log: each is violated when it should be, and never else (thesis §6.4, thesis §6.4.1)."""

from support.stories import Story, led

from raftplay.raft import decisions
from raftplay.raft.messages import ConfirmArgs, ConfirmReply
from raftplay.watch import facts

LATER = 1e9
"""A time after all events of a `Story`."""


def committed() -> Story:
    """Node 0 leads term 1 and has committed and applied an entry, as node 1 has."""
    story = led(3, "a")
    story.commit_to(0, 0)
    story.replicate(0, 1, 1)
    return story


def ask(story: Story, peer: int, *, term: int = 1) -> int:
    """Let node 0 ask a peer whether it still leads; return the number of the call."""
    call = story.call_id()
    story.tell(0, facts.CallSent(call, 0, peer, ConfirmArgs(term, 0, call, 0)))
    return call


def confirm(story: Story, peer: int, call: int, *, yes: bool = True, term: int = 1) -> None:
    story.tell(0, facts.ReplyDelivered(call, peer, 0, ConfirmReply(term, yes)))


def read(story: Story, node: int = 0, index: int = 0, rule: str = "round", number: int = 1) -> None:
    """Let a node answer a read that began before."""
    story.tell(node, decisions.ReadAnswered(number, index, rule))


def begin(story: Story, node: int = 0, leader: int = 0, number: int = 1) -> None:
    story.tell(node, decisions.ReadStarted(number, leader))


def test_a_read_after_a_round_breaks_nothing() -> None:
    story = committed()
    begin(story)
    confirm(story, 2, ask(story, 2))
    read(story)
    assert story.broken == []


def test_nor_does_one_of_a_follower_that_its_leader_vouches_for() -> None:
    story = committed()
    begin(story, 1, 0)
    confirm(story, 2, ask(story, 2))
    read(story, 1)
    assert story.broken == []


# ---- Read Freshness


def test_a_read_that_misses_what_was_committed_before_it_breaks_read_freshness() -> None:
    story = committed()
    story.append(0, "b")
    story.replicate(0, 1, 1)
    story.commit_to(0, 1)
    begin(story, 1, 0)
    confirm(story, 1, ask(story, 1))
    read(story, 1, 0)
    assert story.broken == ["Read Freshness"]
    assert story.watcher.breaches[0].facts == (
        "n1 answers a read from its state after index 0",
        "n0 had committed up to index 1 before the read began",
    )


def test_what_is_committed_while_a_read_waits_need_not_be_seen() -> None:
    story = committed()
    begin(story, 1, 0)
    story.append(0, "b")
    story.replicate(0, 1, 1)
    story.commit_to(0, 1)
    confirm(story, 1, ask(story, 1))
    read(story, 1, 0)
    assert story.broken == []


# ---- Read After Apply


def test_an_answer_from_a_state_that_is_not_there_yet_breaks_read_after_apply() -> None:
    story = committed()
    begin(story, 2, 0)
    confirm(story, 1, ask(story, 1))
    read(story, 2, 0)
    assert story.broken == ["Read After Apply"]
    assert story.watcher.breaches[0].facts[1] == "it has applied up to index -1"


# ---- Read Confirmed


def test_an_answer_without_a_round_breaks_read_confirmed() -> None:
    story = committed()
    begin(story)
    read(story)
    assert story.broken == ["Read Confirmed"]
    assert story.watcher.breaches[0].facts[1] == (
        "of what n0 asked after the read began, no other node has confirmed it"
    )


def test_so_does_one_after_a_reply_to_an_earlier_question() -> None:
    story = committed()
    call = ask(story, 1)
    begin(story)
    confirm(story, 1, call)
    read(story)
    assert story.broken == ["Read Confirmed"]


def test_so_does_one_after_a_refusal_and_one_after_too_few_replies() -> None:
    story = committed()
    begin(story)
    confirm(story, 1, ask(story, 1), yes=False)
    read(story)
    assert story.broken == ["Read Confirmed"]
    story = Story(4)
    story.elect(0, 1, (1, 2))
    story.append(0, "a")
    for peer in (1, 2):
        story.replicate(0, peer, 0)
    story.commit_to(0, 0)
    begin(story)
    confirm(story, 1, ask(story, 1))
    read(story)
    assert story.broken == ["Read Confirmed"]


def test_a_read_that_is_refused_or_that_a_crash_ends_is_forgotten() -> None:
    story = committed()
    begin(story)
    story.tell(0, decisions.ReadRefused(1, "no-leader"))
    read(story)
    begin(story, number=2)
    story.crash(0)
    story.restart(0)
    read(story, number=2)
    assert story.broken == []


# ---- Lease Exclusion


def commits_in_term_2(story: Story) -> None:
    """Let node 1 be elected and commit an entry of term 2."""
    story.elect(1, 2, (2,))
    story.append(1, "b")
    story.replicate(1, 2, 1)
    story.commit_to(1, 1)


def test_a_commit_of_a_later_term_during_a_lease_breaks_lease_exclusion() -> None:
    story = committed()
    story.tell(0, decisions.RoundConfirmed(1, (0, 1), LATER))
    commits_in_term_2(story)
    assert story.broken == ["Lease Exclusion"]
    assert story.watcher.breaches[0].facts[0] == "n1 commits an entry of term 2"


def test_a_lease_that_is_over_or_given_up_excludes_nobody() -> None:
    for ends in (
        [decisions.RoundConfirmed(2, (0, 1), 0.001)],
        [decisions.TransferStarted(1, 0, 0, LATER)],
        [decisions.Stopped(), facts.Crashed()],
    ):
        story = committed()
        story.tell(0, decisions.RoundConfirmed(1, (0, 1), LATER))
        for event in ends:
            story.tell(0, event)
        commits_in_term_2(story)
        assert story.broken == []
    story = committed()
    story.tell(0, decisions.RoundConfirmed(1, (0, 1), LATER))
    story.enter(0, 2)
    commits_in_term_2(story)
    assert story.broken == []


def test_a_read_by_a_lease_after_a_later_leader_has_committed_breaks_it_too() -> None:
    story = committed()
    commits_in_term_2(story)
    begin(story)
    read(story, rule="lease")
    assert story.broken == ["Lease Exclusion", "Read Freshness"]


def test_a_read_that_began_before_that_does_not() -> None:
    story = committed()
    begin(story)
    commits_in_term_2(story)
    read(story, rule="lease")
    assert story.broken == []
