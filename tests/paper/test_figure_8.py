"""Figure 8: why a leader cannot decide by counting that an entry of an older term is committed (§5.4.2).

S1 to S5 of the figure are nodes 0 to 4; its index 2 is index 1 here.
"""

import pytest
from support.paper import ByHand, disk

from raftplay.raft.messages import CMState, LogEntry

S1, S2, S3, S4, S5 = range(5)


def log_terms(cluster):
    return [tuple(e.term for e in cm.log) for cm in cluster.nodes]


def until_a():
    """(a) S1 leads term 2 and brings its entry to S2 only."""
    cluster = ByHand([disk(1, (1,)) for _ in range(5)])
    cluster.elect(S1, S2, S3, S4, S5)
    cluster.submit(S1, "two")
    cluster.exchange(S1, S2)
    assert log_terms(cluster) == [(1, 2), (1, 2), (1,), (1,), (1,)]
    return cluster


def until_b():
    """(b) S1 crashes; S5 leads term 3 and has an entry of its own."""
    cluster = until_a()
    cluster.crash(S1)
    cluster.elect(S5, S3, S4)
    cluster.submit(S5, "three")
    cluster.messages.clear()
    assert log_terms(cluster) == [(1, 2), (1, 2), (1,), (1,), (1, 3)]
    assert cluster.nodes[S5].current_term == 3
    return cluster


def until_c(**options):
    """(c) S5 crashes; S1 restarts, leads term 4, and brings its entry of term 2 to S3 as well."""
    cluster = until_b()
    cluster.crash(S5)
    cluster.options = options
    cluster.restart(S1)
    cluster.elect(S1, S2, S3)
    assert cluster.nodes[S1].current_term == 4
    cluster.time_out(S1)
    cluster.exchange(S1, S2, S3)
    return cluster


def test_b_needs_the_votes_of_s3_and_s4_since_s2_refuses_its_own():
    cluster = until_a()
    cluster.crash(S1)
    assert not any(cluster.campaign(S5, S2, S3) for _ in range(5))
    assert cluster.campaign(S5, S3, S4)


def test_c_an_entry_of_an_older_term_on_a_majority_is_not_committed():
    cluster = until_c()
    assert log_terms(cluster) == [(1, 2), (1, 2), (1, 2), (1,), (1, 3)]
    assert [cluster.nodes[id].commit_index for id in (S1, S2, S3)] == [-1, -1, -1]
    assert cluster.nodes[S1].match_index == {S2: 1, S3: 1, S4: -1, S5: -1}


def test_d_so_that_s5_may_overwrite_it():
    cluster = until_c()
    cluster.crash(S1)
    cluster.restart(S5)
    cluster.elect(S5, S2, S3, S4)
    cluster.time_out(S5)
    cluster.exchange(S2, S3, S4, S5)
    cluster.restart(S1)
    cluster.time_out(S5)
    cluster.exchange(S1, S2, S3, S4, S5)
    assert log_terms(cluster) == [(1, 3)] * 5
    cluster.submit(S5, "after")
    cluster.exchange(S1, S2, S3, S4, S5)
    for commits in cluster.commits:
        assert [(c.index, c.command) for c in commits] == [(0, "0@1"), (1, "three"), (2, "after")]


def test_e_an_entry_of_the_leaders_own_term_on_a_majority_commits_both_for_good():
    cluster = until_c()
    cluster.submit(S1, "four")
    cluster.exchange(S1, S2, S3)
    for id in (S1, S2, S3):
        assert [(c.index, c.command) for c in cluster.commits[id]] == [(0, "0@1"), (1, "two"), (2, "four")]
    cluster.crash(S1)
    cluster.restart(S5)
    for _ in range(5):
        assert not cluster.campaign(S5, S2, S3, S4)
    cluster.elect(S2, S3, S4, S5)
    cluster.time_out(S2)
    cluster.exchange(S2, S3, S4, S5)
    assert log_terms(cluster)[1:] == [(1, 2, 4)] * 4
    assert cluster.nodes[S5].log[1] == LogEntry("two", 2)


def test_with_a_noop_case_d_cannot_arise_from_case_c():
    cluster = until_c(noop=True)
    assert [cluster.nodes[id].commit_index for id in (S1, S2, S3)] == [2, 2, 2]
    assert log_terms(cluster)[:3] == [(1, 2, 4)] * 3
    cluster.crash(S1)
    cluster.restart(S5)
    assert not any(cluster.campaign(S5, S2, S3, S4) for _ in range(5))


@pytest.mark.parametrize("voters", [(S2, S3), (S3, S4), (S2, S4), (S2, S3, S4)])
def test_d_needs_only_a_majority_of_those_with_older_entries(voters):
    cluster = until_c()
    cluster.crash(S1)
    cluster.restart(S5)
    cluster.elect(S5, *voters)
    assert cluster.nodes[S5].state is CMState.LEADER
