"""The invariants of pre-votes and leases, told by hand: each is violated when it should be, and never with its option off."""

import pytest
from support.stories import Story

from raftplay import RequestVoteArgs
from raftplay.raft import decisions
from raftplay.raft.messages import (
    AppendEntriesReply,
    ConfirmReply,
    DisruptiveVoteArgs,
    InstallSnapshotReply,
    Reply,
)
from raftplay.raft.rule_names import Rule
from raftplay.watch import facts

SHORTEST = 0.15
"""The shortest election timeout of every node, in seconds."""

ON_OFF = pytest.mark.parametrize("on", [True, False])


def led(*, prevote: bool = False, checkquorum: bool = False, sticky: bool = False) -> Story:
    """Node 0 of three leads term 1 with these options, and the others have its entry."""
    story = Story(3)
    for node in range(3):
        story.tell(node, decisions.Configured(SHORTEST, prevote, checkquorum, sticky))
    story.elect(0, 1, (1,))
    story.append(0, "a")
    for peer in (1, 2):
        story.replicate(0, peer, 0)
    return story


def beat(story: Story, *peers: int) -> None:
    """The leader's heartbeat gets to `peers`, and their replies to it."""
    for peer in peers:
        call, args = story.send(0, peer, len(story.log[0]))
        story.accept(peer, call, args)
        story.answer(0, peer, call)


def asked(story: Story, voter: int, args: RequestVoteArgs) -> RequestVoteArgs:
    """A request for a vote or a pre-vote gets to `voter`."""
    call = story.call_id()
    story.tell(args.candidate_id, facts.CallSent(call, args.candidate_id, voter, args))
    story.tell(voter, facts.CallDelivered(call, args.candidate_id, voter, args))
    return args


def broken(story: Story, name: str) -> list[str]:
    """Return the facts of the breaches of one invariant."""
    return [fact for breach in story.watcher.breaches if breach.invariant == name for fact in breach.facts]


# ---- Pre-Vote Purity


@ON_OFF
def test_pre_vote_purity_is_violated_when_a_pre_vote_moves_the_voters_term(on: bool) -> None:
    story = led(prevote=True)
    args = asked(story, 1, RequestVoteArgs(2, 2, 0, 1, pre_vote=True))
    if on:
        story.enter(1, 2)
    story.tell(1, decisions.VoteDecided(args, False, "leader-alive"))
    wanted = [
        "n1 is asked for a pre-vote for term 2, and goes to term 2",
        "it was in term 1, and a pre-vote changes nothing",
    ]
    assert broken(story, "Pre-Vote Purity") == (wanted if on else [])


@ON_OFF
def test_pre_vote_purity_is_violated_when_who_asks_has_begun_the_term(on: bool) -> None:
    story = led(prevote=True)
    story.tell(2, decisions.PreVoteStarted(3 if on else 2))
    assert broken(story, "Pre-Vote Purity")[:1] == (["n2 asks for pre-votes for term 3"] if on else [])


@ON_OFF
def test_pre_vote_purity_is_violated_when_a_pre_vote_reaches_the_disk(on: bool) -> None:
    story = led(prevote=True)
    story.tell(2, decisions.PreVoteStarted(2))
    story.tell(2, decisions.Persisted(1, 2 if on else -1, 1, ()))
    wanted = ["n2 writes term 1 and vote 2 to its disk after a pre-vote"] if on else []
    assert broken(story, "Pre-Vote Purity")[:1] == wanted


def test_pre_vote_purity_lets_the_election_after_it_write_its_term() -> None:
    story = led(prevote=True)
    story.later += 1.0
    story.tell(2, decisions.PreVoteStarted(2))
    story.stand(2, 2)
    assert story.broken == []


# ---- No Vote In Lease


@ON_OFF
def test_no_vote_in_lease_is_violated_when_a_vote_is_granted_soon_after_the_leaders_message(on: bool) -> None:
    story = led(sticky=on)
    beat(story, 1)
    story.stand(2, 2)
    story.grant(1, 2, 2)
    found = broken(story, "No Vote In Lease")
    assert found[:1] == (["n1 grants n2 its vote for term 2"] if on else [])
    assert not on or found[1].endswith("within the shortest election timeout of 150 ms")


@ON_OFF
def test_no_vote_in_lease_is_violated_for_pre_votes_and_for_the_leader_itself(on: bool) -> None:
    story = led(prevote=True, sticky=on)
    args = asked(story, 0, RequestVoteArgs(2, 2, 0, 1, pre_vote=True))
    story.tell(0, decisions.VoteDecided(args, True, "pre-granted"))
    wanted = ["n0 grants n2 its pre-vote for term 2", "it leads, within the shortest election timeout of 150 ms"]
    assert broken(story, "No Vote In Lease") == (wanted if on else [])


def test_no_vote_in_lease_holds_once_the_shortest_election_timeout_has_passed() -> None:
    story = led(sticky=True)
    story.later += SHORTEST
    story.stand(2, 2)
    story.grant(1, 2, 2)
    assert story.broken == []


def test_no_vote_in_lease_holds_for_a_candidate_with_the_permission_to_disrupt() -> None:
    story = led(sticky=True)
    args = asked(story, 1, DisruptiveVoteArgs(2, 2, 0, 1))
    story.enter(1, 2)
    story.tell(1, decisions.VoteDecided(args, True, "granted"))
    assert broken(story, "No Vote In Lease") == []


# ---- Step-Down Bound


@ON_OFF
def test_step_down_bound_is_violated_when_a_leader_beats_on_without_hearing_from_a_majority(on: bool) -> None:
    story = led(checkquorum=on)
    story.later += 2 * SHORTEST
    story.tell(0, decisions.HeartbeatDue())
    found = broken(story, "Step-Down Bound")
    assert found[:1] == (["n0 still leads term 1"] if on else [])
    assert not on or "longer than two election timeouts" in found[1]


def test_step_down_bound_holds_while_one_of_two_followers_replies() -> None:
    story = led(checkquorum=True)
    for _ in range(6):
        story.later += SHORTEST
        beat(story, 2)
        story.tell(0, decisions.HeartbeatDue())
    assert story.broken == []


@pytest.mark.parametrize(
    "reply", [AppendEntriesReply(1, True), ConfirmReply(1, True), InstallSnapshotReply(1, 0, True)]
)
def test_step_down_bound_counts_every_reply_by_which_a_leader_hears_of_a_follower(reply: Reply) -> None:
    story = led(checkquorum=True)
    for _ in range(6):
        story.later += SHORTEST
        story.tell(0, facts.ReplyDelivered(story.call_id(), 2, 0, reply))
        story.tell(0, decisions.HeartbeatDue())
    assert broken(story, "Step-Down Bound") == []


def test_step_down_bound_begins_anew_when_the_option_is_switched_on() -> None:
    story = led()
    story.later += 10.0
    story.tell(0, decisions.Configured(SHORTEST, False, True, False))
    story.tell(0, decisions.HeartbeatDue())
    assert story.broken == []
    story.later += 2 * SHORTEST
    story.tell(0, decisions.HeartbeatDue())
    assert story.broken == ["Step-Down Bound"]


# ---- No Needless Election


def stands_beside_a_leader(story: Story, *, peers: tuple[int, ...] = (1,)) -> None:
    """Node 2 asks for pre-votes and starts term 2, while the leader's heartbeats get to `peers` all the time."""
    story.later += 0.2
    beat(story, *peers)
    story.tell(2, decisions.PreVoteStarted(2))
    for _ in range(3):
        story.later += 0.05
        beat(story, *peers)
    story.stand(2, 2)


@ON_OFF
@pytest.mark.parametrize("option", ["prevote", "sticky"])
def test_no_needless_election_is_violated_when_a_term_begins_beside_a_leader_that_is_heard(
    option: str, on: bool
) -> None:
    story = led(**{"prevote": True, "sticky": True, option: on})
    stands_beside_a_leader(story)
    wanted = ["n2 starts term 2", "n0 leads term 1, and a majority has heard from it all the time: n0 n1"]
    assert broken(story, "No Needless Election") == (wanted if on else [])


def test_no_needless_election_holds_where_nobody_hears_the_leader_or_it_is_down() -> None:
    story = led(prevote=True, sticky=True)
    stands_beside_a_leader(story, peers=())
    assert story.broken == []
    story = led(prevote=True, sticky=True)
    story.crash(0)
    story.tell(2, decisions.PreVoteStarted(2))
    story.stand(2, 2)
    assert story.broken == []


def test_no_needless_election_holds_for_a_node_that_the_leader_told_to_stand() -> None:
    story = led(prevote=True, sticky=True)
    story.later += 0.2
    beat(story, 1)
    story.tell(2, decisions.ElectionStarted(2, Rule.TOLD_TO))
    assert broken(story, "No Needless Election") == []
