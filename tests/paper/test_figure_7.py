"""Figure 7: what the logs may look like when a leader comes to power, and how it brings them to its own."""

import pytest
from hypothesis import given
from support.paper import (
    ByHand,
    appends_to,
    disk,
    diverging_logs,
    entries,
    follower,
    leader,
    settle,
    terms_of,
    thorough,
)

from raftplay.raft.messages import CMState, LogEntry

LEADER = (1, 1, 1, 4, 4, 5, 5, 6, 6, 6)
"""The leader of term 8, at the top of the figure."""

FOLLOWERS = {
    "a": (1, 1, 1, 4, 4, 5, 5, 6, 6),
    "b": (1, 1, 1, 4),
    "c": (1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6),
    "d": (1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7),
    "e": (1, 1, 1, 4, 4, 4, 4),
    "f": (1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3),
}

REFUSALS = {"a": 1, "b": 1, "c": 0, "d": 0, "e": 2, "f": 2}
"""How often each refuses before the logs are found to agree; one entry at a time it would be 1 6 0 0 5 7."""


def talk(cm, peer_id, peer, calls):
    """Let the leader and one follower talk until the leader has nothing more to say; the refused calls."""
    refused = []
    while calls:
        args = calls.pop(0)
        reply = peer.append_entries(args)
        settle(peer)
        if not reply.success:
            refused.append(args)
        cm.reply_received(peer_id, args, reply, 1.0)
        calls += appends_to(settle(cm), peer_id)
    return refused


def heartbeat(cm, peer_id):
    cm.wake(cm.deadline)
    return appends_to(settle(cm), peer_id)


@pytest.mark.parametrize("name", FOLLOWERS)
def test_each_follower_of_figure_7_ends_with_the_leaders_log(name):
    cm = leader(term=8, log=LEADER)
    peer = follower(term=7, log=FOLLOWERS[name], id=1)
    refused = talk(cm, 1, peer, heartbeat(cm, 1))
    assert len(refused) == REFUSALS[name]
    assert terms_of(peer)[: len(LEADER)] == LEADER
    assert cm.match_index[1] == len(LEADER) - 1
    cm.submit("x")  # what (c) and (d) have beyond the leader's log goes when it has an entry there
    assert talk(cm, 1, peer, appends_to(settle(cm), 1)) == []
    assert peer.log == cm.log == [*entries(LEADER), LogEntry("x", 8)]


@pytest.mark.parametrize("name", FOLLOWERS)
def test_no_follower_of_figure_7_commits_more_than_the_leader_says(name):
    cm = leader(term=8, log=LEADER)
    peer = follower(term=7, log=FOLLOWERS[name], id=1)
    talk(cm, 1, peer, heartbeat(cm, 1))
    assert peer.commit_index == -1
    cm.submit("x")
    talk(cm, 1, peer, appends_to(settle(cm), 1))
    assert (cm.commit_index, peer.commit_index) == (10, 10)


def test_the_probes_of_follower_f_skip_a_whole_term_each():
    cm = leader(term=8, log=LEADER)
    peer = follower(term=7, log=FOLLOWERS["f"], id=1)
    refused = talk(cm, 1, peer, heartbeat(cm, 1))
    assert [args.prev_log_index for args in refused] == [9, 5]


def test_the_probes_of_follower_e_go_behind_the_leaders_last_entry_of_the_conflicting_term():
    cm = leader(term=8, log=LEADER)
    peer = follower(term=7, log=FOLLOWERS["e"], id=1)
    refused = talk(cm, 1, peer, heartbeat(cm, 1))
    assert [args.prev_log_index for args in refused] == [9, 6]
    assert peer.log == cm.log


def test_all_seven_nodes_of_figure_7_agree_after_one_command():
    cluster = ByHand([disk(7, log) for log in (LEADER, *FOLLOWERS.values())])
    cluster.elect(0, 1, 2, 5, 6)  # (a), (b), (e) and (f) vote for it; the logs of (c) and (d) are longer
    cluster.time_out(0)
    cluster.exchange(*range(7))
    cluster.submit(0, "x")
    cluster.exchange(*range(7))
    assert all(cm.log == [*entries(LEADER), LogEntry("x", 8)] for cm in cluster.nodes)
    assert all(cm.commit_index == 10 for cm in cluster.nodes)


def test_followers_c_and_d_of_figure_7_refuse_their_vote():
    cluster = ByHand([disk(7, log) for log in (LEADER, FOLLOWERS["c"], FOLLOWERS["d"])])
    assert not cluster.campaign(0, 1, 2)
    assert cluster.nodes[0].state is CMState.CANDIDATE
    assert [cm.current_term for cm in cluster.nodes] == [8, 8, 8]


@thorough
@given(diverging_logs())
def test_any_follower_is_brought_to_any_leaders_log_within_one_probe_per_term(logs):
    leaders, own, agreed = logs
    cm = leader(term=20, log=leaders)
    peer = follower(term=19, log=own, id=1)
    refused = talk(cm, 1, peer, heartbeat(cm, 1))
    assert len(refused) <= 1 + len(set(own[agreed:]))
    probes = [args.prev_log_index for args in refused]
    assert probes == sorted(set(probes), reverse=True)
    cm.submit("x")
    assert talk(cm, 1, peer, appends_to(settle(cm), 1)) == []
    assert peer.log == cm.log


@thorough
@given(diverging_logs())
def test_probing_ends_even_where_refusals_give_no_hint(logs):
    leaders, own, _ = logs
    cm = leader(term=20, log=leaders)
    peer = follower(term=19, log=own, id=1)
    calls = heartbeat(cm, 1)
    for _ in range(3 + len(leaders)):
        for args in calls:
            reply = peer.append_entries(args)
            blunt = reply if reply.success else type(reply)(reply.term, False, args.prev_log_index, -1)
            cm.reply_received(1, args, blunt, 1.0)
        calls = appends_to(settle(cm), 1)
    assert calls == []
    assert cm.match_index[1] == len(leaders) - 1
