"""Every invariant is violated when it should be, and never else."""

import gc
import sys
from types import FunctionType, ModuleType

import pytest
from support.amount import several
from support.churn import Churn
from support.stories import Story, led

from raftplay import AppendEntriesArgs, AppendEntriesReply, CommitEntry, Config, Harness, LogEntry, RaftConfig
from raftplay.raft import decisions
from raftplay.raft.messages import CMState, RequestVoteArgs, RequestVoteReply
from raftplay.watch import facts
from raftplay.watch.invariants import INVARIANTS, Breach, Invariants, logs
from raftplay.watch.invariants import model as kept

NAMES = [invariant.name for invariant in INVARIANTS]


def test_each_invariant_has_a_name_a_statement_and_a_section_of_its_own() -> None:
    assert len(NAMES) == len(set(NAMES)) >= 42
    assert len({invariant.statement for invariant in INVARIANTS}) == len(NAMES)
    assert all("§" in invariant.section or "Figure" in invariant.section for invariant in INVARIANTS)


def test_a_sound_life_with_elections_conflicts_and_restarts_breaks_nothing() -> None:
    story = led(3, "a", "b")
    story.commit_to(0, 1)
    story.append(0, "lost")
    story.crash(1)
    story.restart(1)
    story.elect(1, 2, (2,))
    story.append(1, "c")
    story.replicate(1, 2, 2)
    story.commit_to(1, 2)
    story.replicate(1, 0, 2)
    assert story.log[0] == story.log[1]
    assert story.broken == []


# ---- elections


def test_election_safety_is_violated_when_two_nodes_lead_one_term() -> None:
    story = Story(4)
    for candidate, voter in ((0, 1), (2, 3)):
        story.stand(candidate, 1)
        story.grant(voter, candidate, 1)
    story.watcher = _only("Election Safety", story)
    story.win(0, 1, (0, 1))
    assert story.broken == []
    story.win(2, 1, (2, 3))
    assert story.broken == ["Election Safety"]


def test_election_safety_holds_for_leaders_of_different_terms_at_one_time() -> None:
    story = led(5)
    story.elect(4, 2, (3, 2))
    assert story.broken == []


def test_election_safety_remembers_the_term_of_a_candidate_that_slept_for_thousands_of_terms() -> None:
    story = Story(5)
    story.elect(0, 1, (1, 2))
    story.stand(3, 1)
    for term in range(2, 3000):
        story.elect(0, term, (1, 2))
    assert story.broken == []
    story.win(3, 1, (3, 1, 2))
    assert story.broken == ["Election Safety", "Vote Quorum"]


def test_leader_append_only_is_violated_when_a_leader_cuts_its_log() -> None:
    story = Story(3)
    story.elect(0, 1, (1,))
    story.append(0, "a", "b")
    story.tell(0, decisions.LogTruncated(1, 1))
    assert story.broken == ["Leader Append-Only"]


def test_leader_append_only_is_violated_when_a_leaders_log_is_shorter_than_what_it_did_to_it() -> None:
    story = Story(3)
    story.elect(0, 1, (1,))
    story.append(0, "a", "b")
    story.tell(0, decisions.BackedUp(1, 0, 0, -1), decisions.NodeState(CMState.LEADER, 1, 0, 1, 1, -1, -1))
    assert story.broken == []
    story.tell(0, decisions.BackedUp(1, 0, 0, -1), decisions.NodeState(CMState.LEADER, 1, 0, 0, 1, -1, -1))
    assert story.broken == ["Leader Append-Only"]


def test_leader_append_only_is_violated_when_a_leader_overwrites_its_log() -> None:
    story = Story(3)
    story.elect(0, 1, (1,))
    story.append(0, "a", "b")
    story.watcher = _only("Leader Append-Only", story)
    story.tell(0, decisions.EntryAppended(1, LogEntry("c", 1)))
    assert [breach.invariant for breach in story.watcher.breaches] == ["Leader Append-Only"]
    assert "the leader, overwrites its log at index 1" in str(story.watcher.breaches[0])


def test_leader_append_only_says_nothing_of_a_follower_that_overwrites_its_log() -> None:
    story = led(3, "a", "b")
    story.watcher = _only("Leader Append-Only", story)
    story.tell(1, decisions.EntriesStored(1, (LogEntry("c", 1),)))
    assert story.broken == []


def test_leader_append_only_holds_when_a_deposed_leader_cuts_its_log() -> None:
    story = led(3, "a")
    story.append(0, "lost")
    story.elect(1, 2, (2,))
    story.append(1, "kept")
    story.replicate(1, 0, 1)
    assert [entry.command for entry in story.log[0]] == ["a", "kept"]
    assert story.broken == []


def test_vote_quorum_is_violated_when_a_vote_counts_twice() -> None:
    story = Story(5)
    story.stand(0, 1)
    story.grant(1, 0, 1)
    story.win(0, 1, (0, 1, 1))
    assert story.broken == ["Vote Quorum"]


def test_vote_quorum_is_violated_when_a_vote_is_of_an_earlier_election() -> None:
    story = Story(3)
    story.stand(0, 1)
    story.grant(1, 0, 1)
    story.stand(0, 2)
    story.win(0, 2, (0, 1))
    assert story.broken == ["Vote Quorum"]


def test_vote_quorum_is_violated_when_a_grant_of_an_earlier_election_was_sent_during_the_later_one() -> None:
    story = Story(3)
    story.stand(0, 1)
    args = RequestVoteArgs(1, 0, -1, -1)
    story.tell(0, facts.CallSent(1, 0, 1, args))
    story.stand(0, 2)
    story.tell(1, facts.CallDelivered(1, 0, 1, args))
    story.enter(1, 1)
    story.tell(1, decisions.VoteDecided(args, True, "granted"))
    story.vote[1] = 0
    story.persist(1)
    story.tell(1, facts.ReplySent(1, 1, 0, RequestVoteReply(1, True)))
    assert story.broken == []
    story.win(0, 2, (0, 1))
    assert story.broken == ["Vote Quorum"]


def test_vote_quorum_names_each_vote_that_a_leader_of_no_candidacy_does_not_have() -> None:
    story = Story(3)
    story.stand(0, 1)
    story.grant(1, 0, 1)
    story.win(0, 2, (0, 1))
    assert [breach.facts[1] for breach in story.watcher.breaches] == [
        "its own vote is not on its disk",
        "n1 has sent it no vote of that term that was on its disk",
    ]


def test_vote_quorum_is_violated_when_the_own_vote_is_not_on_disk() -> None:
    story = Story(1)
    story.tell(0, decisions.ElectionStarted(1))
    story.win(0, 1, (0,))
    assert story.broken == ["Vote Quorum"]


def test_vote_quorum_holds_in_a_cluster_of_one_and_for_a_voter_that_has_moved_on() -> None:
    alone = Story(1)
    alone.elect(0, 1, ())
    assert alone.broken == []
    story = Story(3)
    story.stand(0, 1)
    story.grant(1, 0, 1)
    story.enter(1, 2)
    story.persist(1)
    story.crash(1)
    story.win(0, 1, (0, 1))
    assert story.broken == []


def test_one_vote_per_term_is_violated_when_a_restarted_node_votes_again() -> None:
    story = Story(3)
    story.stand(0, 1)
    story.grant(1, 0, 1)
    story.crash(1)
    story.vote[1] = -1
    story.restart(1)
    story.tell(1, decisions.VoteDecided(RequestVoteArgs(1, 2, -1, -1), True, "granted"))
    assert story.broken == ["One Vote Per Term"]


def test_one_vote_per_term_is_violated_when_a_node_votes_again_that_voted_in_a_life_before_all_that_was_seen() -> (
    None
):
    story = Story(0)
    story.watcher, story.incarnation = Invariants(3), [0] * 3
    for id in range(3):
        story.tell(id, decisions.Started(1, 0, ()))
    story.tell(1, decisions.VoteDecided(RequestVoteArgs(1, 0, -1, -1), True, "granted"))
    assert story.broken == []
    story.tell(1, decisions.VoteDecided(RequestVoteArgs(1, 2, -1, -1), True, "granted"))
    assert story.broken == ["One Vote Per Term"]


def test_one_vote_per_term_is_violated_when_a_voter_becomes_candidate_of_the_same_term() -> None:
    story = Story(3)
    story.stand(0, 1)
    story.grant(1, 0, 1)
    story.stand(1, 1)
    assert story.broken == ["One Vote Per Term"]


def test_one_vote_per_term_holds_for_the_same_candidate_again_and_for_pre_votes() -> None:
    story = Story(3)
    story.stand(0, 1)
    story.grant(1, 0, 1)
    story.grant(1, 0, 1)
    story.tell(1, decisions.VoteDecided(RequestVoteArgs(2, 2, -1, -1, True), True, "pre-granted"))
    story.tell(1, decisions.VoteDecided(RequestVoteArgs(2, 0, -1, -1, True), True, "pre-granted"))
    assert story.broken == []


def test_one_vote_per_term_holds_when_the_first_vote_was_lost_with_a_torn_write_and_nobody_heard_of_it() -> None:
    story = Story(3)
    story.tell(1, decisions.VoteDecided(RequestVoteArgs(1, 0, -1, -1), True, "granted"))
    story.crash(1)
    story.restart(1)
    story.stand(2, 1)
    story.grant(1, 2, 1)
    assert story.broken == []


def test_monotonic_term_is_violated_when_a_node_starts_in_a_term_below_one_that_it_was_in() -> None:
    story = Story(3)
    story.stand(0, 3)
    story.crash(0)
    story.term[0] = 2
    story.restart(0)
    assert story.broken == ["Monotonic Term"]


def test_monotonic_term_is_violated_when_a_disk_goes_back() -> None:
    story = Story(3)
    story.stand(0, 3)
    story.tell(0, decisions.Persisted(2, -1, 0, ()))
    assert story.broken == ["Monotonic Term"]


def test_monotonic_term_is_violated_when_a_running_node_goes_back() -> None:
    story = Story(3)
    story.stand(0, 3)
    story.tell(0, decisions.BecameFollower(2, CMState.CANDIDATE, 3, "newer-term"))
    assert story.broken == ["Monotonic Term"]


def test_monotonic_term_holds_when_a_term_that_nobody_heard_of_was_lost_with_a_torn_write() -> None:
    story = Story(3)
    story.tell(0, decisions.ElectionStarted(1))
    story.crash(0)
    story.restart(0)
    assert story.broken == []


def test_leader_completeness_is_violated_when_a_leader_of_a_later_term_lacks_a_committed_entry() -> None:
    story = Story(3)
    story.elect(0, 1, (1,))
    story.append(0, "a")
    story.replicate(0, 1, 0)
    story.commit_to(0, 0)
    story.elect(2, 2, (1,))
    assert story.broken == ["Leader Completeness"]


def test_leader_completeness_holds_for_a_late_leader_of_an_older_term() -> None:
    story = Story(5)
    story.stand(4, 1)
    for voter in (2, 3):
        story.grant(voter, 4, 1)
    story.elect(0, 2, (1, 2))
    story.append(0, "a")
    for peer in (1, 2):
        story.replicate(0, peer, 0)
    story.commit_to(0, 0)
    story.win(4, 1, (4, 2, 3))
    assert story.broken == []


def test_leader_completeness_is_violated_when_an_older_leader_learns_late_that_it_committed() -> None:
    story = led(5, "a")
    story.append(0, "late")
    for peer in (1, 2):
        call, args = story.send(0, peer, 1)
        story.accept(peer, call, args)
    story.elect(4, 2, (3, 2))
    assert story.broken == []
    story.tell(0, decisions.CommitAdvanced(1, "majority"))
    assert story.broken == ["Leader Completeness"]


def test_leader_completeness_holds_when_an_older_leader_learns_late_and_the_newer_one_has_the_entry() -> None:
    story = led(5, "a")
    story.append(0, "late")
    for peer in (1, 2):
        call, args = story.send(0, peer, 1)
        story.accept(peer, call, args)
    story.elect(2, 2, (3, 4))
    story.append(2, "newer")
    for peer in (1, 2):
        story.tell(0, decisions.MatchAdvanced(peer, 1))
    story.commit_to(0, 1)
    assert story.broken == []


# ---- logs


def test_log_matching_is_violated_when_one_index_and_term_hold_different_commands() -> None:
    story = led(3, "a")
    story.append(0, "b")
    call, args = story.send(0, 1, 1)
    forged = AppendEntriesArgs(1, 0, 0, 1, (LogEntry("other", 1),), -1)
    story.accept(1, call, args)
    assert story.broken == []
    story.accept(2, call, forged)
    assert story.broken == ["Log Matching"]


def test_log_matching_is_violated_when_what_comes_before_differs() -> None:
    story = Story(3)
    story.elect(0, 1, (1,))
    story.append(0, "a")
    story.elect(1, 2, (2,))
    story.append(1, "b")
    story.elect(0, 3, (2,))
    story.append(0, "c")
    story.enter(1, 3)
    story.tell(
        1, decisions.AppendDecided(AppendEntriesArgs(3, 0, 0, 1, tuple(story.log[0][1:]), -1), True, "matches")
    )
    story.tell(1, decisions.EntriesStored(1, tuple(story.log[0][1:])))
    assert story.broken == ["Log Matching"]


def test_log_matching_is_violated_when_entries_are_kept_behind_an_overwritten_one() -> None:
    story = led(3, "a", "b", "c")
    story.elect(2, 2, (1,))
    story.watcher = _only("Log Matching", story)
    story.tell(1, decisions.EntriesStored(1, (LogEntry("x", 2),)))
    assert story.broken == ["Log Matching"]


@pytest.mark.parametrize(("one", "other"), [(1, True), (1, 1.0), (-1, -2), ("1", 1), ([1, 2], [2, 1]), (None, "")])
def test_log_matching_tells_commands_apart_that_python_takes_for_alike(one: object, other: object) -> None:
    story = led(3, one)
    story.enter(2, 1)
    story.crash(2)
    story.log[2] = [LogEntry(other, 1)]
    story.restart(2)
    assert story.broken == ["Log Matching"]


def test_log_matching_holds_for_different_entries_of_one_term_at_different_indices() -> None:
    story = led(3, "a", "a", "a")
    story.crash(1)
    story.restart(1)
    assert story.broken == []


def test_no_committed_truncation_is_violated_when_committed_entries_are_cut_off() -> None:
    story = led(3, "a", "b")
    story.commit_to(0, 1)
    story.replicate(0, 1, 2)
    assert story.commit[1] == 1
    conflict = AppendEntriesArgs(2, 2, 0, 1, (LogEntry("x", 2),), -1)
    story.enter(1, 2)
    story.tell(1, decisions.AppendDecided(conflict, True, "matches"))
    story.tell(1, decisions.LogTruncated(1, 1))
    assert story.broken == ["No Committed Truncation"]
    assert story.watcher.breaches[0].facts == ("n1 cuts its log at index 1", "it has committed up to index 1")


@pytest.mark.parametrize(("index", "why"), [(1, "same term"), (2, "not spoken of")])
def test_no_committed_truncation_is_violated_without_a_conflict_of_terms(index: int, why: str) -> None:
    story = led(3, "a", "b", "c")
    call, args = story.send(0, 1, 1, 2)
    story.accept(1, call, args)
    assert story.broken == [], why
    story.tell(1, decisions.LogTruncated(index, 3 - index))
    assert story.broken == ["No Committed Truncation"]


def test_no_committed_truncation_holds_when_an_uncommitted_entry_conflicts() -> None:
    story = led(3, "a")
    story.commit_to(0, 0)
    story.append(0, "lost", "lost too")
    story.elect(1, 2, (2,))
    story.append(1, "kept")
    story.replicate(1, 0, 1)
    assert any(isinstance(record.event, decisions.LogTruncated) for record in story.records)
    assert story.broken == []


def test_well_formed_is_violated_when_entries_leave_a_gap() -> None:
    story = Story(3)
    story.elect(0, 1, (1,))
    story.tell(0, decisions.EntryAppended(1, LogEntry("a", 1)))
    assert story.broken == ["Well-Formed"]


@pytest.mark.parametrize("term", [1, 3])
def test_well_formed_is_violated_when_terms_fall_or_exceed_the_nodes(term: int) -> None:
    story = Story(3)
    story.elect(0, 2, (1,))
    story.append(0, "a")
    story.tell(0, decisions.EntryAppended(1, LogEntry("b", 2)))
    assert story.broken == []
    story.tell(0, decisions.EntryAppended(2, LogEntry("c", term)))
    assert story.broken == ["Well-Formed"]


def test_well_formed_is_violated_when_a_leader_tells_of_more_commits_than_it_has() -> None:
    story = led(3, "a")
    story.commit[0] = 0
    story.send(0, 1, 1)
    assert story.broken == ["Well-Formed", "Request Truth"]


def test_well_formed_is_violated_when_a_call_misstates_the_entry_before() -> None:
    story = led(3, "a")
    story.tell(0, facts.CallSent(99, 0, 1, AppendEntriesArgs(1, 0, 0, 0, (), -1)))
    assert story.broken == ["Well-Formed", "Request Truth"]


@pytest.mark.parametrize(
    ("terms", "is_violated"), [((1, 2, 3), False), ((1, 3, 2), True), ((3, 1, 3), True), ((1, 2, 4), True)]
)
def test_well_formed_is_violated_when_the_entries_of_a_request_are_out_of_order(
    terms: tuple[int, ...], is_violated: bool
) -> None:
    story = led(3, "a")
    story.enter(0, 3)
    story.watcher = _only("Well-Formed", story)
    entries = tuple(LogEntry("x", term) for term in terms)
    story.tell(0, facts.CallSent(99, 0, 1, AppendEntriesArgs(3, 0, 0, 1, entries, -1)))
    assert [breach.invariant for breach in story.watcher.breaches] == ["Well-Formed"] * is_violated


@pytest.mark.parametrize(("start", "is_violated"), [(1, False), (2, True)])
def test_well_formed_is_violated_when_a_write_leaves_a_hole_on_the_disk(start: int, is_violated: bool) -> None:
    story = led(3, "a")
    story.watcher = _only("Well-Formed", story)
    story.tell(1, decisions.Persisted(1, 0, start, (LogEntry("b", 1),)))
    assert [breach.invariant for breach in story.watcher.breaches] == ["Well-Formed"] * is_violated
    if is_violated:
        assert "its disk has none from index 1 on" in str(story.watcher.breaches[0])


def test_well_formed_is_violated_when_a_disk_gives_back_entries_of_terms_above_its_own() -> None:
    story = led(3, "a")
    story.crash(1)
    story.watcher = _only("Well-Formed", story)
    story.term[1] = 0
    story.restart(1)
    assert story.broken == ["Well-Formed"]


def test_well_formed_is_violated_when_a_log_changes_without_a_word() -> None:
    story = led(3, "a")
    story.tell(1, decisions.PreVoteStarted(2), decisions.NodeState(CMState.FOLLOWER, 1, 0, 0, 1, -1, -1))
    assert story.broken == []
    story.tell(1, decisions.PreVoteStarted(2), decisions.NodeState(CMState.FOLLOWER, 1, 0, 1, 1, -1, -1))
    assert story.broken == ["Well-Formed"]


def test_well_formed_says_nothing_of_calls_that_a_user_makes() -> None:
    story = led(3, "a")
    story.tell(0, facts.CallSent(99, 0, 1, AppendEntriesArgs(7, 0, 5, 6, (), 4), by_user=True))
    assert story.broken == []


# ---- commits


def test_quorum_log_is_violated_when_a_minority_of_disks_holds_the_entry() -> None:
    story = Story(5)
    story.elect(0, 1, (1, 2))
    story.append(0, "a")
    story.replicate(0, 1, 0)
    story.tell(0, decisions.CommitAdvanced(0, "majority"))
    assert story.broken == ["Quorum Log"]


def test_quorum_log_is_violated_when_the_other_disks_hold_another_entry() -> None:
    story = Story(3)
    story.elect(0, 1, (1,))
    story.append(0, "a")
    story.replicate(0, 1, 0)
    story.enter(2, 1)
    story.elect(2, 2, (1,))
    story.append(2, "b")
    story.tell(2, decisions.CommitAdvanced(0, "majority"))
    assert story.broken == ["Quorum Log"]


def test_quorum_log_counts_the_disk_of_a_crashed_node_and_not_what_a_node_has_not_written() -> None:
    story = Story(3)
    story.elect(0, 1, (1,))
    story.append(0, "a")
    story.replicate(0, 1, 0)
    story.crash(1)
    story.commit_to(0, 0)
    assert story.broken == []
    story.log[0].append(LogEntry("b", 1))
    story.tell(0, decisions.EntryAppended(1, LogEntry("b", 1)))
    story.restart(1)
    call, args = 50, AppendEntriesArgs(1, 0, 0, 1, (LogEntry("b", 1),), 0)
    story.accept(1, call, args)
    story.tell(0, decisions.CommitAdvanced(1, "majority"))
    assert story.broken == ["Quorum Log"]


def test_quorum_log_counts_what_a_lost_disk_held_for_its_node_never_comes_back() -> None:
    story = Story(3)
    story.elect(0, 1, (1,))
    story.append(0, "a")
    story.replicate(0, 1, 0)
    story.crash(1)
    story.tell(1, facts.Wiped())
    story.commit_to(0, 0)
    assert story.broken == []


def test_quorum_log_speaks_of_leaders_only() -> None:
    story = led(5, "a")
    story.commit_to(0, 0)
    story.append(0, "b")
    for peer in (1, 2):
        story.replicate(0, peer, 1)
    story.commit_to(0, 1)
    call, args = story.send(0, 3, 1)
    story.tell(3, facts.CallDelivered(call, 0, 3, args))
    story.tell(3, decisions.AppendDecided(args, True, "matches"))
    story.tell(3, decisions.EntriesStored(1, args.entries))
    story.log[3].append(args.entries[0])
    story.commit_to(3, 1, "told")  # its own disk has it only then
    story.persist(3, 1)
    assert story.broken == []


def test_current_term_commit_is_violated_when_an_entry_of_an_older_term_is_committed_by_counting() -> None:
    story = led(3, "a")
    story.elect(1, 2, (2,))
    story.replicate(1, 2, 1)
    story.tell(1, decisions.CommitAdvanced(0, "majority"))
    assert story.broken == ["Current-Term Commit"]


def test_current_term_commit_holds_when_an_entry_of_the_own_term_takes_older_ones_along() -> None:
    story = led(3, "a")
    story.elect(1, 2, (2,))
    story.append(1, "b")
    story.replicate(1, 2, 1)
    story.commit_to(1, 1)
    story.replicate(1, 0, 1)
    story.replicate(1, 2, 2)
    assert story.commit[2] == 1
    assert story.broken == []


def test_monotonic_commit_is_violated_when_a_commit_index_goes_back() -> None:
    story = led(3, "a", "b")
    story.commit_to(0, 1)
    story.tell(0, decisions.CommitAdvanced(0, "majority"))
    assert story.broken == ["Monotonic Commit"]


def test_monotonic_commit_is_violated_when_more_is_committed_than_there_is() -> None:
    story = led(3, "a")
    story.tell(1, decisions.CommitAdvanced(1, "told"))
    assert story.broken == ["Monotonic Commit", "Follower Commit"]


def test_monotonic_commit_is_violated_when_more_is_applied_than_is_committed() -> None:
    story = led(3, "a")
    story.tell(1, decisions.Applied(CommitEntry("a", 0, 1)))
    assert story.broken == ["Monotonic Commit"]


def test_monotonic_commit_begins_anew_with_a_life() -> None:
    story = led(3, "a")
    story.commit_to(0, 0)
    story.crash(0)
    story.restart(0)
    story.tell(0, decisions.PreVoteStarted(2), decisions.NodeState(CMState.FOLLOWER, 1, 0, 0, 1, -1, -1))
    assert story.broken == []
    story.commit_to(0, 0, "told")
    story.tell(0, decisions.PreVoteStarted(2), decisions.NodeState(CMState.FOLLOWER, 1, 0, 0, 1, -1, -1))
    assert story.broken == ["Monotonic Commit"]


def test_state_machine_safety_is_violated_when_two_nodes_apply_different_commands() -> None:
    story = led(3, "a", "b")
    story.commit_to(0, 1)
    _accepts_heartbeat(story, 1)
    story.tell(1, decisions.CommitAdvanced(1, "told"))
    story.tell(1, decisions.Applied(CommitEntry("a", 0, 1)))
    assert story.broken == []
    story.tell(1, decisions.Applied(CommitEntry("x", 1, 1)))
    assert story.broken == ["State Machine Safety"]
    (breach,) = story.watcher.breaches
    assert breach.facts == ("n1 applies x at index 1", "n0 applied b there")


def test_state_machine_safety_holds_when_a_node_applies_everything_again_after_a_restart() -> None:
    story = led(3, "a", "b")
    story.commit_to(0, 1)
    story.crash(0)
    story.restart(0)
    story.commit_to(0, 1, "told")
    assert story.broken == []


def test_state_machine_safety_sees_a_difference_below_the_window_when_the_node_gets_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kept, "WINDOW", 10)
    story = led(3, *range(100))
    story.commit_to(0, 99)
    _accepts_heartbeat(story, 1)
    story.tell(1, decisions.CommitAdvanced(99, "told"))
    for at in range(100):
        story.tell(1, decisions.Applied(CommitEntry(at if at != 7 else "x", at, 1)))
    assert story.broken == ["State Machine Safety"]
    assert story.watcher.breaches[0].seq > 7


@pytest.mark.parametrize("index", [0, 2])
def test_ordered_apply_is_violated_on_a_gap_and_on_a_second_time(index: int) -> None:
    story = led(3, "a", "b", "c")
    story.tell(0, decisions.CommitAdvanced(2, "majority"))
    story.tell(0, decisions.Applied(CommitEntry("a", 0, 1)))
    assert story.broken == []
    story.tell(0, decisions.Applied(CommitEntry("abc"[index], index, 1)))
    assert story.broken == ["Ordered Apply"]


# ---- what leaders believe


def test_match_truth_is_violated_when_the_peer_does_not_have_the_entry() -> None:
    story = led(3, "a")
    story.append(0, "b")
    story.tell(0, decisions.MatchAdvanced(1, 1))
    assert story.broken == ["Match Truth"]


def test_match_truth_is_violated_when_the_peer_has_another_entry_there() -> None:
    story = led(5, "a")
    story.append(0, "b")
    call, args = story.send(0, 1, 1)
    story.accept(1, call, args)
    story.elect(2, 2, (3, 4))
    story.append(2, "c")
    story.enter(1, 2)
    story.tell(2, decisions.MatchAdvanced(1, 1))
    assert story.broken == ["Match Truth"]


def test_match_truth_holds_for_an_ack_that_a_newer_leader_has_overtaken() -> None:
    story = led(5, "a")
    story.append(0, "b")
    call, args = story.send(0, 1, 1)
    story.accept(1, call, args)
    story.elect(2, 2, (3, 4))
    story.append(2, "c")
    story.replicate(2, 1, 1)
    story.tell(0, decisions.MatchAdvanced(1, 1))
    assert story.broken == []


def test_match_truth_is_violated_when_a_new_leader_keeps_what_it_believed_and_it_is_false() -> None:
    story = Story(3)
    story.elect(0, 1, (1,))
    story.append(0, "a")
    story.tell(0, decisions.PeersReset(((1, 1), (2, 1)), ((1, -1), (2, 0))))
    assert story.broken == ["Match Truth", "Match Monotonic"]


def test_match_monotonic_is_violated_when_a_match_index_falls() -> None:
    story = led(3, "a", "b")
    story.tell(0, decisions.MatchAdvanced(1, 0))
    assert story.broken == ["Match Monotonic"]


def test_match_monotonic_is_violated_when_a_new_leadership_takes_something_for_granted() -> None:
    story = led(3, "a")
    story.tell(0, decisions.PeersReset(((1, 1), (2, 1)), ((1, 0), (2, -1))))
    assert story.broken == ["Match Monotonic"]


def test_match_monotonic_begins_anew_with_a_leadership() -> None:
    story = led(3, "a", "b")
    story.elect(1, 2, (2,))
    story.elect(0, 3, (2,))
    story.tell(0, decisions.MatchAdvanced(1, 0))
    assert story.broken == []


# ---- messages and disks


def test_persist_before_send_is_violated_when_a_vote_leaves_that_is_not_on_disk() -> None:
    story = Story(3)
    story.stand(0, 1)
    story.enter(1, 1)
    story.persist(1)
    story.grant(1, 0, 1, persist=False)
    assert story.broken == ["Persist Before Send"]


def test_persist_before_send_is_violated_when_a_term_leaves_that_is_not_on_disk() -> None:
    story = Story(3)
    story.stand(0, 1)
    args = RequestVoteArgs(1, 0, -1, -1)
    story.tell(0, facts.CallSent(1, 0, 1, args))
    story.tell(1, facts.CallDelivered(1, 0, 1, args))
    story.enter(1, 1)
    assert story.broken == []
    story.tell(1, facts.ReplySent(1, 1, 0, RequestVoteReply(1, False)))
    assert story.broken == ["Persist Before Send"]


def test_persist_before_send_is_violated_when_a_candidate_asks_before_its_term_is_on_disk() -> None:
    story = Story(3)
    story.tell(0, decisions.ElectionStarted(1))
    story.tell(0, facts.CallSent(1, 0, 1, RequestVoteArgs(1, 0, -1, -1)))
    assert story.broken == ["Persist Before Send"]


def test_persist_before_send_lets_a_pre_vote_ask_for_the_next_term() -> None:
    story = Story(3)
    story.tell(0, decisions.PreVoteStarted(1))
    story.tell(0, facts.CallSent(1, 0, 1, RequestVoteArgs(1, 0, -1, -1, True)))
    assert story.broken == []
    story.tell(0, facts.CallSent(1, 0, 1, RequestVoteArgs(2, 0, -1, -1, True)))
    assert story.broken == ["Persist Before Send"]


def test_persist_before_send_is_violated_when_an_entry_is_acknowledged_that_is_not_on_disk() -> None:
    story = led(3, "a")
    story.append(0, "b")
    call, args = story.send(0, 1, 1)
    story.tell(1, facts.CallDelivered(call, 0, 1, args))
    story.tell(1, decisions.AppendDecided(args, True, "matches"))
    story.tell(1, decisions.EntriesStored(1, args.entries))
    assert story.broken == []
    story.tell(1, facts.ReplySent(call, 1, 0, AppendEntriesReply(1, True)))
    assert story.broken == ["Persist Before Send"]


def test_persist_before_send_is_violated_when_a_leader_sends_an_entry_that_is_not_on_its_disk() -> None:
    story = led(3, "a")
    entry = LogEntry("b", 1)
    story.tell(0, decisions.EntryAppended(1, entry))
    story.log[0].append(entry)
    story.send(0, 1, 1)
    assert story.broken == ["Persist Before Send"]


def test_dead_is_dead_is_violated_when_a_crashed_node_acts() -> None:
    story = led(3, "a")
    story.crash(0)
    story.tell(0, decisions.MatchAdvanced(1, 0))
    assert story.broken == ["Dead Is Dead"]


@pytest.mark.parametrize(
    "event",
    [
        decisions.Persisted(1, 0, 1, ()),
        facts.CallSent(9, 0, 1, AppendEntriesArgs(1, 0, 0, 1, (), -1)),
        facts.ReplySent(9, 0, 1, AppendEntriesReply(1, True)),
        decisions.BecameFollower(2, CMState.LEADER, 1, "newer-term"),
    ],
)
def test_dead_is_dead_is_violated_when_an_earlier_life_acts_beside_the_later_one(
    event: decisions.Decision | facts.Fact,
) -> None:
    story = led(3, "a")
    story.crash(0)
    story.restart(0)
    story.tell(0, event, life=0)
    assert story.broken == ["Dead Is Dead"]


def test_dead_is_dead_says_nothing_of_messages_that_a_crash_overtook() -> None:
    story = led(3, "a")
    call, args = story.send(0, 1, 1)
    story.crash(0)
    story.tell(0, facts.CallLost(call, 0, 1, args, "crash"))
    story.restart(0)
    story.tell(0, facts.CallLost(call, 0, 1, args, "crash"), life=0)
    story.tell(1, facts.CallDelivered(call, 0, 1, args))
    assert story.broken == []


# ---- what a node does at once


def _accepts_heartbeat(story: Story, peer: int) -> tuple[int, AppendEntriesArgs]:
    """Node 0 leads; its heartbeat arrives at `peer`, which accepts it and has not committed yet."""
    call, args = story.send(0, peer, len(story.log[0]))
    story.tell(peer, facts.CallDelivered(call, 0, peer, args))
    story.tell(peer, decisions.AppendDecided(args, True, "matches"))
    return call, args


def test_term_adopted_is_violated_when_a_leader_goes_on_in_its_term_after_a_reply_of_a_higher_one() -> None:
    story = led(3, "a")
    call, _ = story.send(0, 1, 1)
    story.tell(0, facts.ReplyDelivered(call, 1, 0, AppendEntriesReply(4, False)))
    assert story.broken == []
    story.send(0, 2, 1)
    assert story.broken == ["Term Adopted"]


def test_term_adopted_is_violated_when_a_node_replies_in_a_lower_term_than_the_request() -> None:
    story = led(3, "a")
    args = RequestVoteArgs(5, 2, 0, 1)
    story.tell(1, facts.CallDelivered(90, 2, 1, args))
    story.tell(1, decisions.VoteDecided(args, False, "own-rule"))
    assert story.broken == []
    story.tell(1, facts.ReplySent(90, 1, 2, RequestVoteReply(1, False)))
    assert story.broken == ["Term Adopted"]


def test_term_adopted_holds_when_the_node_steps_down_first() -> None:
    story = led(3, "a")
    call, _ = story.send(0, 1, 1)
    story.tell(0, facts.ReplyDelivered(call, 1, 0, AppendEntriesReply(4, False)))
    story.enter(0, 4)
    story.stand(0, 5)
    story.tell(0, facts.CallSent(91, 0, 1, RequestVoteArgs(5, 0, 0, 1)))
    assert story.broken == []


def test_term_adopted_lets_a_pre_vote_ask_for_a_term_that_nobody_is_in() -> None:
    story = led(3, "a")
    args = RequestVoteArgs(2, 2, 0, 1, True)
    story.tell(1, facts.CallDelivered(90, 2, 1, args))
    story.tell(1, decisions.VoteDecided(args, True, "pre-granted"))
    story.tell(1, facts.ReplySent(90, 1, 2, RequestVoteReply(1, True)))
    assert story.broken == []


def test_term_adopted_says_nothing_of_a_reply_to_a_request_that_a_user_made() -> None:
    story = led(3, "a")
    story.tell(0, facts.CallSent(95, 0, 1, RequestVoteArgs(9, 0, 0, 1), by_user=True))
    story.tell(0, facts.ReplyDelivered(95, 1, 0, RequestVoteReply(9, False)))
    story.send(0, 2, 1)
    assert story.broken == []


def test_term_adopted_holds_for_a_term_that_was_lost_with_a_torn_write() -> None:
    story = led(3, "a")
    args = RequestVoteArgs(5, 2, 0, 1)
    story.tell(1, facts.CallDelivered(90, 2, 1, args))
    story.tell(1, decisions.BecameFollower(5, CMState.FOLLOWER, 1, "newer-term"))
    story.crash(1)
    story.restart(1)
    story.replicate(0, 1, 1)
    assert story.broken == []


@pytest.mark.parametrize("learned", [decisions.MatchAdvanced(1, 0), decisions.BackedUp(1, 0, 0, -1)])
def test_reply_of_its_term_is_violated_when_a_leader_learns_from_a_reply_to_its_earlier_leadership(
    learned: decisions.Decision,
) -> None:
    story = led(3, "a")
    call, args = story.send(0, 1, 0)
    story.accept(1, call, args)
    story.elect(0, 2, (2,))
    later, _ = story.send(0, 1, 1)
    story.tell(0, facts.ReplyDelivered(call, 1, 0, AppendEntriesReply(1, True)))
    assert story.broken == []
    story.tell(0, learned)
    assert story.broken == ["Reply Of Its Term"]
    story.tell(0, facts.ReplyDelivered(later, 1, 0, AppendEntriesReply(2, True)))
    story.tell(0, learned)
    assert len(story.watcher.breaches) == 1


def test_reply_of_its_term_is_violated_when_the_leader_has_not_asked_in_its_term_yet() -> None:
    story = led(3, "a")
    call, args = story.send(0, 1, 0)
    story.accept(1, call, args)
    story.elect(0, 2, (2,))
    story.answer(0, 1, call)
    story.tell(0, decisions.MatchAdvanced(1, 0))
    assert story.broken == ["Reply Of Its Term"]


def test_reply_of_its_term_holds_when_an_old_reply_is_ignored() -> None:
    story = led(3, "a")
    call, args = story.send(0, 1, 0)
    story.accept(1, call, args)
    story.elect(0, 2, (2,))
    reply = AppendEntriesReply(1, True)
    story.tell(0, facts.ReplyDelivered(call, 1, 0, reply))
    story.tell(0, decisions.ReplyIgnored(1, args, reply, "old-call"))
    story.replicate(0, 1, 0)
    assert story.broken == []


def _at(story: Story, node: int, deadline: float | None, role: CMState = CMState.FOLLOWER) -> decisions.NodeState:
    """The state of a node whose timer fires at `deadline`."""
    log = story.log[node]
    last_term = log[-1].term if log else -1
    commit = story.commit[node]
    return decisions.NodeState(
        role, story.term[node], story.vote[node], len(log) - 1, last_term, commit, commit, deadline
    )


def _timed(node: int = 1) -> Story:
    """A cluster that node 0 leads; the timer of `node` fires at 1 s."""
    story = led(3, "a")
    story.tell(node, decisions.TimerSet(1.0), _at(story, node, 1.0))
    return story


STALE = AppendEntriesArgs(0, 2, 0, 1, (), -1)
VOTE = RequestVoteArgs(1, 2, -1, -1)
PRE_VOTE = RequestVoteArgs(2, 2, 0, 1, True)


@pytest.mark.parametrize(
    "event",
    [
        decisions.VoteDecided(VOTE, False, "log-shorter"),
        decisions.VoteDecided(PRE_VOTE, True, "pre-granted"),
        decisions.AppendDecided(STALE, False, "stale-term"),
        decisions.BecameFollower(1, CMState.CANDIDATE, 1, "newer-term"),
        decisions.ReplyIgnored(2, VOTE, RequestVoteReply(1, True), "old-call"),
    ],
)
def test_timer_rules_is_violated_when_a_timer_restarts_without_a_cause(event: decisions.Decision) -> None:
    story = _timed()
    story.tell(1, event, _at(story, 1, 1.0))
    assert story.broken == []
    story.tell(1, event, _at(story, 1, 1.25))
    assert story.broken == ["Timer Rules"]
    assert story.watcher.breaches[0].facts[0] == (
        "the election timer of n1 restarts: it fires at 1.2500 s, not at 1.0000 s"
    )


@pytest.mark.parametrize(
    "event",
    [
        decisions.VoteDecided(RequestVoteArgs(1, 0, 0, 1), True, "granted"),
        decisions.AppendDecided(AppendEntriesArgs(1, 0, 0, 1, (), -1), True, "matches"),
        decisions.AppendDecided(AppendEntriesArgs(1, 0, 5, 1, (), -1), False, "log-too-short"),
        decisions.BecameFollower(1, CMState.LEADER, 1, "newer-term"),
        decisions.TimerSet(1.25),
        decisions.PreVoteStarted(2),
    ],
)
def test_timer_rules_holds_for_each_cause_of_a_restart(event: decisions.Decision) -> None:
    story = _timed()
    story.tell(1, event, _at(story, 1, 1.25))
    assert story.broken == []


def test_timer_rules_holds_for_elections_heartbeats_and_restarts() -> None:
    story = _timed(2)
    story.tell(0, decisions.HeartbeatDue(), _at(story, 0, 1.05, CMState.LEADER))
    story.tell(0, decisions.HeartbeatDue(), _at(story, 0, 1.10, CMState.LEADER))
    story.term[2] = 2
    story.tell(2, decisions.ElectionStarted(2), _at(story, 2, 1.5, CMState.CANDIDATE))
    story.crash(2)
    story.incarnation[2] += 1
    story.tell(2, decisions.Started(2, -1, tuple(story.log[2])), _at(story, 2, 9.0))
    assert story.broken == []


def test_timer_rules_waits_for_the_cause_after_an_event_that_a_custom_node_defines() -> None:
    story = _timed()
    story.tell(1, decisions.CustomDecision(), _at(story, 1, 1.25))
    assert story.broken == []
    story.tell(1, decisions.VoteDecided(VOTE, False, "log-shorter"), _at(story, 1, 1.25))
    assert story.broken == ["Timer Rules"]


def test_timer_rules_says_nothing_of_a_node_whose_timer_is_for_delayed_writes_too() -> None:
    story = _timed()
    story.tell(1, decisions.WriteDelayed("vote", True, 0.5), _at(story, 1, 0.5))
    story.tell(1, decisions.Persisted(1, 0, 1, ()), _at(story, 1, 1.0))
    assert story.broken == []


@pytest.mark.parametrize("index", [0, 2])
def test_follower_commit_is_violated_when_a_follower_commits_less_or_more_than_it_was_told(index: int) -> None:
    story = led(3, "a", "b", "c")
    story.commit_to(0, 1)
    _accepts_heartbeat(story, 1)
    story.tell(1, decisions.CommitAdvanced(index, "told"))
    assert story.broken == ["Follower Commit"]


def test_follower_commit_is_violated_when_more_is_committed_than_the_request_vouches_for() -> None:
    story = led(3, "a", "b", "c")
    story.commit_to(0, 2)
    call, args = story.send(0, 1, 0, 1)
    story.tell(1, facts.CallDelivered(call, 0, 1, args))
    story.tell(1, decisions.AppendDecided(args, True, "matches"))
    story.tell(1, decisions.CommitAdvanced(2, "told"))
    assert story.broken == ["Follower Commit"]


def test_follower_commit_is_violated_when_an_accepted_request_commits_nothing() -> None:
    story = led(3, "a")
    story.commit_to(0, 0)
    call, _ = _accepts_heartbeat(story, 1)
    assert story.broken == []
    story.tell(1, facts.ReplySent(call, 1, 0, AppendEntriesReply(1, True)))
    assert story.broken == ["Follower Commit"]


def test_follower_commit_holds_when_an_older_request_tells_less() -> None:
    story = led(3, "a", "b")
    old = story.send(0, 1, 2)
    story.commit_to(0, 1)
    story.replicate(0, 1, 2)
    assert story.commit[1] == 1
    story.accept(1, *old)
    assert story.broken == []


def test_request_truth_is_violated_when_a_leader_tells_of_less_than_it_has_committed() -> None:
    story = led(3, "a", "b")
    story.commit_to(0, 1)
    story.send(0, 1, 2)
    assert story.broken == []
    story.commit[0] = 0
    story.send(0, 1, 2)
    assert story.broken == ["Request Truth"]


@pytest.mark.parametrize(("last_index", "last_term"), [(-1, -1), (0, 2), (1, 1)])
def test_request_truth_is_violated_when_a_candidate_misstates_the_end_of_its_log(
    last_index: int, last_term: int
) -> None:
    story = led(3, "a")
    story.stand(0, 2)
    story.tell(0, facts.CallSent(90, 0, 1, RequestVoteArgs(2, 0, 0, 1)))
    assert story.broken == []
    story.tell(0, facts.CallSent(91, 0, 1, RequestVoteArgs(2, 0, last_index, last_term)))
    assert story.broken == ["Request Truth"]


def test_request_truth_is_violated_when_a_reply_tells_another_term_than_that_of_its_sender() -> None:
    story = led(3)
    story.enter(1, 2)
    call, args = story.send(0, 1, 0)
    story.tell(1, facts.CallDelivered(call, 0, 1, args))
    story.tell(1, facts.ReplySent(call, 1, 0, AppendEntriesReply(2, False)))
    assert story.broken == ["Persist Before Send"], "the term is the right one; it is not on disk yet"
    story.tell(1, facts.ReplySent(call, 1, 0, AppendEntriesReply(1, False)))
    assert story.broken == ["Persist Before Send", "Request Truth"]


def test_vote_kept_is_violated_when_a_node_denies_the_vote_that_it_has_given() -> None:
    story = led(3)
    story.tell(1, decisions.VoteDecided(RequestVoteArgs(1, 2, -1, -1), False, "voted-for-other"))
    story.tell(1, decisions.VoteDecided(RequestVoteArgs(1, 0, -1, -1), True, "granted"))
    assert story.broken == []
    story.tell(1, decisions.VoteDecided(RequestVoteArgs(1, 0, -1, -1), False, "voted-for-other"))
    assert story.broken == ["Vote Kept"]


def test_vote_kept_says_nothing_of_an_old_request_of_a_lower_term_or_of_a_shorter_log() -> None:
    story = led(3, "a")
    story.tell(1, decisions.VoteDecided(RequestVoteArgs(1, 0, -1, -1), False, "log-older-term"))
    story.enter(1, 2)
    story.tell(1, decisions.VoteDecided(RequestVoteArgs(1, 0, 0, 1), False, "stale-term"))
    assert story.broken == []


def test_vote_kept_is_violated_when_a_vote_leaves_the_disk_within_its_term() -> None:
    story = led(3)
    story.enter(2, 2)
    story.persist(2)
    assert story.broken == [], "a new term begins without a vote"
    story.tell(1, decisions.Persisted(1, -1, 0, ()))
    assert story.broken == ["Vote Kept"]


@pytest.mark.parametrize(
    ("term", "last_index", "last_term", "is_true"),
    [(2, 0, 1, True), (2, 1, 1, True), (2, 0, 2, True), (1, 0, 1, False), (2, -1, -1, False), (9, 5, 0, False)],
)
def test_pre_vote_truth_is_violated_when_a_pre_vote_is_granted_that_would_be_no_vote(
    term: int, last_index: int, last_term: int, is_true: bool
) -> None:
    story = led(3, "a")
    args = RequestVoteArgs(term, 2, last_index, last_term, pre_vote=True)
    story.tell(1, decisions.VoteDecided(args, False, "leader-alive"))
    assert story.broken == []
    story.tell(1, decisions.VoteDecided(args, True, "pre-granted"))
    assert story.broken == ([] if is_true else ["Pre-Vote Truth"])


# ---- the watcher itself


def test_a_breach_says_which_facts_contradict_each_other_and_when() -> None:
    story = led(3, "a")
    heard: list[Breach] = []
    watcher = Invariants(3, on_breach=heard.append)
    for record in story.records:
        watcher(record)
    watcher(facts.Record(1000, 1.5, 0, 0, decisions.MatchAdvanced(1, -1)))
    assert heard == watcher.breaches
    (breach,) = heard
    assert (breach.invariant, breach.seq, breach.time, breach.node) == ("Match Monotonic", 1000, 1.5, 0)
    assert str(breach) == (
        "Match Monotonic broke at 1.500 s: n0 sets match index -1 for n1, but it has set 0 in this term "
        "(event 1000: n0 knows that n1 has its log up to -1)"
    )


def test_only_the_named_invariants_are_watched() -> None:
    story = led(3, "a")
    watcher = Invariants(3, names=("Ordered Apply",))
    for record in story.records:
        watcher(record)
    watcher(facts.Record(1000, 1.5, 0, 0, decisions.MatchAdvanced(1, -1)))
    assert watcher.breaches == []


def test_breaches_are_bounded_but_the_first_of_each_invariant_is_kept() -> None:
    story = led(3, "a", "b")
    for _ in range(500):
        story.tell(0, decisions.MatchAdvanced(1, 0))
        story.tell(0, decisions.MatchAdvanced(1, 1))
    story.tell(0, decisions.LogTruncated(0, 2))
    assert len(story.watcher.breaches) == kept.MAX_BREACHES + 1
    assert story.broken == ["Match Monotonic", "Leader Append-Only"]


def _only(name: str, story: Story) -> Invariants:
    """A watcher of one invariant that has seen what happened so far."""
    watcher = Invariants(story.n, names=(name,))
    for record in story.records:
        watcher(record)
    return watcher


# ---- the sound algorithm


@pytest.mark.parametrize("kinds", Churn.MIXES)
def test_the_sound_algorithm_breaks_nothing_whatever_happens_to_it(kinds: tuple[str, ...]) -> None:
    for seed in range(several(30)):
        n = 2 + seed % 6
        config = Config(raft=RaftConfig(prevote=seed % 5 == 0, noop=seed % 7 == 0))
        with Harness(n, backend="sim", seed=seed, config=config) as h:
            Churn(h, seed, kinds).run(5)
            assert h.invariants is not None
            assert h.invariants.breaches == [], f"seed {seed}"
            assert h.stream.failures == []


@pytest.mark.parametrize("kinds", [Churn.HARDWARE, Churn.OTHER_HALF, Churn.ALL])
def test_the_whole_algorithm_breaks_nothing_on_slow_disks_either(kinds: tuple[str, ...]) -> None:
    for seed in range(several(20, least=7)):
        raft = RaftConfig(
            prevote=seed % 2 == 0, checkquorum=seed % 3 == 0, sticky=seed % 5 == 0, snapshot=seed % 4
        )
        with Harness(2 + seed % 6, backend="sim", seed=seed, config=Config(raft)) as h:
            Churn(h, seed, kinds).run(5)
            assert h.invariants is not None
            assert h.invariants.breaches == [], f"seed {seed}"
            assert h.stream.failures == []


@pytest.mark.parametrize(
    ("kinds", "raft"),
    [
        (Churn.LEADERS + Churn.LINKS + Churn.STALLS, RaftConfig()),
        (("delay", "delay", "hold", "release", *Churn.DISKS, *Churn.CALM), RaftConfig(prevote=True, noop=True)),
    ],
)
def test_the_sound_algorithm_breaks_nothing_over_sockets_either(kinds: tuple[str, ...], raft: RaftConfig) -> None:
    with Harness(5, seed=1, config=Config(raft=raft)) as h:
        Churn(h, 1, kinds).run(3)
        assert h.invariants is not None
        assert h.invariants.breaches == []
        assert h.stream.failures == []


def test_the_watcher_keeps_bounded_memory_however_long_the_cluster_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "WINDOW", 200)
    monkeypatch.setattr(logs, "MAX_RUNS", 100)
    story = Story(3)
    sizes = []
    for term in range(1, 3001):
        leader, other, third = term % 3, (term + 1) % 3, (term + 2) % 3
        story.elect(leader, term, (other,))
        story.append(leader, f"of term {term}")
        for peer in (other, third):
            story.replicate(leader, peer, term - 1)
        story.commit_to(leader, term - 1)
        if term % 500 == 0:
            sizes.append(_size_of(story.watcher))
    assert story.broken == []
    assert max(sizes[2:]) <= 1.2 * max(sizes[:2]), sizes


def _size_of(root: object) -> int:
    """The bytes of `root` and of all that hangs on it, but for code."""
    seen: set[int] = set()
    todo, total = [root], 0
    while todo:
        value = todo.pop()
        if id(value) not in seen and not isinstance(value, type | ModuleType | FunctionType):
            seen.add(id(value))
            total += sys.getsizeof(value)
            todo.extend(gc.get_referents(value))
    return total
