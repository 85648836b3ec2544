"""The invariants of leadership transfer: each is violated when it should be, and never else (thesis §3.10)."""

from support.stories import Story, led

from raftplay import LogEntry, RequestVoteArgs
from raftplay.raft import decisions
from raftplay.raft.messages import DisruptiveVoteArgs, TimeoutNowArgs
from raftplay.watch import facts

LONG_AGO, SOON = 0.0, 1e9
"""Times by which a transfer must be over; an event of a `Story` comes in between."""


def handing_over(until: float = SOON, *commands: object) -> Story:
    """Node 0 leads term 1 and hands its leadership over to node 2."""
    story = led(3, "a", *commands)
    story.tell(0, decisions.TransferStarted(2, 0, 0, until))
    return story


def tell_to_stand(story: Story, src: int = 0, dst: int = 2, term: int = 1) -> None:
    args, call = TimeoutNowArgs(term, src), story.call_id()
    story.tell(src, facts.CallSent(call, src, dst, args))
    story.tell(dst, facts.CallDelivered(call, src, dst, args))
    story.tell(dst, decisions.TimeoutNowDecided(args, True, "obeyed"))


def ask_with_permission(story: Story, node: int = 2, term: int = 2) -> None:
    story.stand(node, term)
    last = story.log[node][-1].term
    args = DisruptiveVoteArgs(term, node, len(story.log[node]) - 1, last)
    story.tell(node, facts.CallSent(story.call_id(), node, 0, args))


def test_a_transfer_that_succeeds_breaks_nothing() -> None:
    story = handing_over()
    tell_to_stand(story)
    ask_with_permission(story)
    story.grant(1, 2, 2)
    story.win(2, 2, (2, 1))
    story.append(2, "b")
    assert story.broken == []


# ---- Quiet While Transferring


def test_a_command_that_is_appended_meanwhile_breaks_quiet_while_transferring() -> None:
    story = handing_over()
    story.append(0, "late")
    assert story.broken == ["Quiet While Transferring"]
    assert story.watcher.breaches[0].facts == (
        "n0 appends late at index 1",
        "it hands its leadership over to n2",
    )


def test_a_command_after_the_end_of_the_transfer_is_none_of_it() -> None:
    story = handing_over()
    story.tell(0, decisions.TransferAborted(2, "too-late"))
    story.append(0, "b")
    story.elect(1, 2, (2,))
    story.enter(0, 2)
    story.elect(0, 3, (1,))
    story.append(0, "c")
    assert story.broken == []


def test_a_transfer_ends_with_its_leadership_and_with_a_crash() -> None:
    for end in ("higher term", "crash"):
        story = handing_over()
        if end == "crash":
            story.crash(0)
            story.restart(0)
        else:
            story.enter(0, 2)
        story.elect(0, 3, (1,))
        story.append(0, "b")
        assert story.broken == [], end


# ---- Transfer Ends


def test_a_transfer_that_goes_on_after_its_time_breaks_transfer_ends() -> None:
    story = handing_over(LONG_AGO)
    story.tell(0, decisions.HeartbeatDue())
    assert story.broken == [], "this heartbeat may have begun before"
    story.tell(0, decisions.HeartbeatDue())
    assert story.broken == ["Transfer Ends"]


def test_a_transfer_that_is_given_up_replaced_or_has_time_left_breaks_nothing() -> None:
    story = handing_over(SOON)
    for _ in range(3):
        story.tell(0, decisions.HeartbeatDue())
    story = handing_over(LONG_AGO)
    story.tell(0, decisions.HeartbeatDue())
    story.tell(0, decisions.TransferAborted(2, "replaced"))
    story.tell(0, decisions.TransferStarted(1, 0, 0, SOON))
    for _ in range(3):
        story.tell(0, decisions.HeartbeatDue())
    assert story.broken == []


# ---- TimeoutNow Is Earned


def test_a_target_that_lacks_an_entry_breaks_timeout_now_is_earned() -> None:
    story = led(3, "a")
    story.append(0, "b")
    story.replicate(0, 1, 1)
    tell_to_stand(story, dst=1)
    assert story.broken == []
    story = led(3, "a")
    story.append(0, "b")
    tell_to_stand(story)
    assert story.broken == ["TimeoutNow Is Earned"]
    assert story.watcher.breaches[0].facts == (
        "n0 sends n2 a TimeoutNow",
        "its log ends at index 1, and it knows that n2 has it up to index 0",
    )


# ---- Forced Vote Only


def test_a_timeout_now_of_an_older_term_breaks_forced_vote_only() -> None:
    story = led(3, "a")
    args = TimeoutNowArgs(1, 0)
    story.tell(0, facts.CallSent(90, 0, 2, args))
    story.elect(1, 2, (2,))
    story.tell(2, facts.CallDelivered(90, 0, 2, args))
    story.tell(2, decisions.TimeoutNowDecided(args, False, "other-term"))
    assert story.broken == []
    story.tell(2, decisions.TimeoutNowDecided(args, True, "obeyed"))
    assert story.broken == ["Forced Vote Only"]


def test_a_timeout_now_that_nobody_sent_breaks_forced_vote_only() -> None:
    story = led(3, "a")
    args = TimeoutNowArgs(1, 1)
    story.tell(2, facts.CallDelivered(90, 1, 2, args))
    story.tell(2, decisions.TimeoutNowDecided(args, True, "obeyed"))
    assert story.broken == ["Forced Vote Only"]


def test_a_timeout_now_of_a_users_own_is_obeyed() -> None:
    story = led(3, "a")
    args = TimeoutNowArgs(1, 1)
    story.tell(1, facts.CallSent(90, 1, 2, args, by_user=True))
    story.tell(2, facts.CallDelivered(90, 1, 2, args))
    story.tell(2, decisions.TimeoutNowDecided(args, True, "obeyed"))
    ask_with_permission(story)
    assert story.broken == []


def test_a_request_that_may_disrupt_without_a_leaders_word_breaks_forced_vote_only() -> None:
    story = led(3, "a")
    ask_with_permission(story)
    assert story.broken == ["Forced Vote Only"]


def test_the_permission_is_for_one_term_and_gone_after_a_crash() -> None:
    for forgets in ("term", "crash"):
        story = handing_over()
        tell_to_stand(story)
        ask_with_permission(story)
        assert story.broken == []
        if forgets == "crash":
            story.crash(2)
            story.restart(2)
            args: RequestVoteArgs = DisruptiveVoteArgs(2, 2, 0, 1)
            story.tell(2, facts.CallSent(story.call_id(), 2, 1, args))
        else:
            ask_with_permission(story, term=3)
        assert story.broken == ["Forced Vote Only"], forgets


def test_an_entry_of_a_follower_is_no_matter_of_transfers() -> None:
    story = handing_over()
    story.tell(1, decisions.EntriesStored(1, (LogEntry("b", 1),)))
    assert "Quiet While Transferring" not in story.broken
