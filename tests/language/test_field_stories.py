"""Bug reports, questions and incidents of real Raft implementations, retold as scripts that must hold with any seed.

Each story names where it comes from. What a story needs beyond the command language of today is left out of it.
"""

import pytest
from support.language import held, ran

from raftplay.run.runner import Status

SEEDS = range(1, 6)

QUIET = "timing election=20s..40s"
"""No node starts an election unless it is told to."""

STORIES = {
    # Reports of libraries: two nodes of a pre-vote cluster, one with the higher term, the other with the longer log.
    "pre-vote: the node with the longer log learns the higher term": """
        nodes 3; set prevote on; timing election=2s..4s
        crash 0
        # node 2 gets pre-votes from node 1, but never the votes: its term rises while its log stays empty
        drop 1 after 0; drop 2 after 1; timeout 2; wait term of 2 = 1
        undrop 2; drop 2 after 1; timeout 2; wait term of 2 = 2
        disconnect 2; undrop 1; undrop 2
        expect term of 1 = 0
        # meanwhile node 0 leads term 1, and commits with node 1
        restart 0; timeout 0; wait leader is 0; expect term = 1
        submit x; wait committed x on 2
        crash 0; reconnect 2
        expect log of 2 = 0; expect term of 2 > 1; expect term of 1 = 1
        # neither may lead at once: node 2 lacks the entry, node 1 lags in terms; only node 1 can win in the end
        never leader is 2 for 1s
        wait leader is 1 within 60s; expect term > 2
        submit y; wait committed y on 2; expect committed x on 2
    """,
    # A follower that hears the leader of a term must not forget whom it voted for in that term.
    "a vote lasts as long as its term, though the leader is known": f"""
        nodes 3; {QUIET}
        cut 1<->2; hold 2->0
        timeout 2; timeout 1
        wait leader is 1; wait 0 is follower; sleep 20ms
        deliver 2->0; release 2->0; sleep 50ms
        expect 2 is candidate; expect one leader; expect leader is 1; expect term = 1
        join 1<->2; wait 2 is follower; expect leader is 1
    """,
    # One member that acknowledges the same entry before and after a restart counts once.
    "two acknowledgements of one member are one": """
        nodes 4
        timeout 0; wait leader is 0
        crash 2,3
        submit 4 to 0; wait log of 1 = 1; expect not committed 4
        crash 1; restart 1; sleep 500ms
        expect log of 1 = 1; expect not committed 4; expect commit of 0 = -1
        never committed 4 on 1 for 1s
        restart 2; wait committed 4 on 3
    """,
    # A refusal that comes late must not take next_index below what the follower is known to hold.
    "a late refusal takes a leader no further back than it knows": f"""
        nodes 3; {QUIET} heartbeat=200ms delay=1ms
        timeout 0; wait leader is 0
        disconnect 2
        submit a; submit b; submit c; wait commit of 1 = 2
        timeout 1; wait leader is 1
        submit d; wait commit of 1 = 3
        hold 2->1; reconnect 2; wait term of 2 = 2; sleep 20ms
        duplicate 2->1; wait log of 2 = 4; duplicate 2->1; sleep 20ms
        cut 1->2; submit e to 1; sleep 10ms; join 1->2
        release 2->1
        wait log of 2 = 5; wait agree; expect committed e on 3
    """,
    # A leader that steps down keeps the entries that it has not committed: a majority may hold them.
    "a leader that steps down keeps its log": f"""
        nodes 3; {QUIET}
        timeout 0; wait leader is 0
        submit base; wait committed base on 3
        cut 0->2; hold 1->0
        submit late to 0; wait log of 1 = 2
        cut 2->1; timeout 2; wait 0 is follower
        expect log of 0 = 2; expect log of 1 = 2; expect log of 2 = 1
        heal; release 1->0
        timeout 0; wait leader is 0
        submit next; wait committed late on 3; wait committed next on 3
    """,
    # A rolling upgrade hands leadership over on purpose: to a node that is up to date, and in vain to one that lags.
    "leadership goes to a node that is up to date, and to none that lags": """
        nodes 3
        timeout 0; wait leader is 0
        submit a; wait committed a on 3
        timeout 1; wait leader is 1
        disconnect 2; submit b; wait committed b on 2; reconnect 2
        timeout 2; never leader is 2 for 100ms
        wait leader within 2s; submit c; wait committed c on 3; expect committed b on 3
    """,
    # A forced timeout of one follower is refused by the others while they hear a leader, if pre-vote is on.
    "with pre-vote a forced timeout unseats nobody": """
        nodes 3; set prevote on
        timeout 0; wait leader is 0; sleep 100ms
        let t = term
        timeout 1; never leader is not 0 for 1s; expect term = $t; expect 1 is follower
    """,
    # Ctrl-Z on a leader's process: when it comes back, what nobody else has is replaced.
    "a stopped leader comes back, and what it alone had is replaced": """
        nodes 3
        timeout 0; wait leader is 0
        submit 1; wait committed 1 on 3
        hold 0->1,2; submit lost to 0; freeze 0
        wait leader is not 0
        let new = leader
        expect log of 0 = 2; expect 0 is leader
        submit 2 to $new; wait committed 2 on 2
        lose 0->1,2; release 0->1,2; thaw 0
        wait 0 is follower; wait committed 2 on 3
        expect not committed lost; expect log of 0 = 2
    """,
    # tikv, consul: a paused leader still believes that it leads, and its state is behind that of the new leader.
    "a paused leader believes that it leads until it hears of the newer term": """
        nodes 3
        wait leader; submit old; wait committed old on 3
        let paused = leader
        freeze $paused
        wait leader is not $paused
        submit new; wait committed new on 2
        expect $paused is leader; expect commit of $paused = 0
        thaw $paused
        wait $paused is follower; wait committed new on 3
    """,
    # Figure 2 has no check of the quorum: a leader without followers leads on, and commits nothing.
    "a leader without a majority leads on and commits nothing": """
        nodes 3
        timeout 0; wait leader is 0
        submit 1; wait committed 1 on 3
        crash 1,2; sleep 3s
        expect leader is 0
        submit 2; never committed 2 for 5s
        expect commit of 0 = 0
        restart 1; wait committed 2 on 2
    """,
    # kafka: a leader that a partition leaves with one follower leads on; the majority elects another.
    "a leader in the minority leads on beside the one of the majority": """
        nodes 5
        wait leader
        let old = leader
        let f = follower
        partition $old,$f
        submit lost to $old
        sleep 10s
        expect $old is leader; expect not committed lost
        wait leader is not $old
        heal; wait $old is follower; wait one leader
        submit kept; wait committed kept on 5; expect not committed lost
    """,
    # Cloudflare 2020: one node cannot talk to the leader, but both talk to the third; leadership flaps.
    "leadership flaps while one link is down": """
        nodes 3
        timeout 2; wait leader is 2
        submit before; wait committed before on 3
        cut 0<->2; sleep 3s
        expect term > 5
        join 0<->2; sleep 500ms; wait one leader
        submit after; wait committed after on 3
    """,
    # The same with pre-vote: the leader stays, and the node behind the link gets nothing until it is repaired.
    "with pre-vote leadership stays while one link is down": """
        nodes 3; set prevote on
        timeout 2; wait leader is 2
        submit before; wait committed before on 3
        let calm = term
        cut 0<->2; never term > $calm for 3s
        submit during; wait committed during on 2
        expect log of 0 = 1; expect leader is 2
        join 0<->2; wait committed during on 3; expect term = $calm
    """,
    # etcd: a member that was cut off comes back with a higher term, and the leader steps down.
    "a member that comes back with a higher term unseats the leader": """
        nodes 3
        wait leader
        let old = leader
        let before = term
        let away = follower
        disconnect $away; sleep 2s
        expect term of $away > $before; expect leader is $old; expect term of $old = $before
        reconnect $away
        wait term of $old > $before; wait one leader
        submit x; wait committed x on 3
    """,
    # etcd, consul: a slow network of the leader (as a slow disk would) makes others start elections.
    "a leader whose messages take longer than the timeouts is replaced": """
        nodes 3
        wait leader
        let old = leader
        link $old->all delay=350..500ms
        wait leader is not $old within 5s
        link all clear; wait one leader; submit x; wait committed x on 3
    """,
    # hashicorp/raft: a leader that hears no answer sends heartbeats on; nobody is elected, nothing is committed.
    "a leader that hears nothing keeps the others quiet": """
        nodes 3
        wait leader
        let old = leader
        submit before; wait committed before on 3
        cut all->$old
        submit stuck to $old
        never committed stuck on 1 for 3s; never leader is not $old for 1s
        join all->$old; wait committed stuck on 3
    """,
    # kafka, pre-vote: a node that still believes in the leader refuses the first pre-vote; a leader is found all the same.
    "with pre-vote the others agree on a new leader though they do not give up at once": """
        nodes 3; set prevote on
        wait leader
        let a = leader
        sleep 60ms
        disconnect $a
        wait leader is not $a within 2s
        expect term > 1; submit x; wait committed x on 2
    """,
    # redpanda, hashicorp/raft: a node that comes back and hears no heartbeat for a while starts elections.
    "a node that hears no heartbeat after its restart unseats the leader": """
        nodes 3
        wait leader
        let old = leader
        let f = follower
        let before = term
        crash $f; sleep 1s
        cut $old->$f; restart $f; sleep 800ms; join $old->$f
        wait term > $before; wait one leader
        submit x; wait committed x on 3
    """,
    # A question: can one node have other timeouts than the rest?
    "one impatient node leads first, and the patient ones when it is gone": """
        nodes 3
        timing election=400..500ms
        timing 2 election=50..60ms
        wait leader within 2s
        expect leader is 2
        expect elections = 1
        submit a
        wait committed a on 3
        crash 2
        wait leader is not 2
        submit b
        wait committed b on 2
    """,
    # A disk of a VM is slow: the node that asks for votes must write its own vote first.
    "a vote that waits for a slow disk comes late, and no heartbeat waits": """
        nodes 3
        timing election=20s..40s delay=2ms
        timeout 0
        wait leader is 0
        sleep 9ms
        disk 2 delay=200ms
        cut 1->2
        crash 1
        timeout 2
        never leader is 2 for 150ms
        disk 2 clear
        restart 1
        wait leader within 90s
    """,
    # etcd: a network card flaps; leadership moves, and what was committed stays.
    "a flapping network card loses nothing": """
        nodes 5
        wait leader; submit s; wait committed s on 5
        let nic = leader
        disconnect $nic; sleep 400ms; reconnect $nic; sleep 400ms
        disconnect $nic; sleep 400ms; reconnect $nic; sleep 400ms
        disconnect $nic; sleep 400ms; reconnect $nic; sleep 400ms
        expect term > 1
        wait one leader; wait agree; expect committed s on 5
    """,
}


def script_of(story: str) -> str:
    return "\n".join(line.strip() for line in story.strip().split("\n"))


@pytest.mark.parametrize("name", STORIES)
def test_a_story_holds_with_every_seed_and_no_invariant_breaks(name: str) -> None:
    for seed in SEEDS:
        held(script_of(STORIES[name]), seed=seed)


def test_two_of_three_that_start_elections_together_are_warned_of_and_explained() -> None:
    """nats-streaming: one of three is down, and the timeouts of the others differ by less than a round trip."""
    script = "nodes 3\ntiming election=150..160ms delay=20..40ms\nwait leader within 20s; crash leader; sleep 2s\nwhy no leader"
    terms = 0
    for seed in SEEDS:
        run = held(script, seed=seed)
        assert "timeouts that differ by 10 ms at most" in run.objects[0]["warning"]
        answer = " ".join(run.answer("why").split())
        assert "elections in " in answer
        assert "round trips of up to 40 ms, timeouts that differ by 10 ms at most" in answer
        terms = max(terms, ran(script + "\nexpect term >= 8", seed=seed).status is Status.HELD)
    assert terms


def test_a_round_trip_as_long_as_the_timeout_is_warned_of_and_explained() -> None:
    for seed in SEEDS:
        run = held("nodes 3\ntiming delay=200..300ms\nsleep 3s\nwhy no leader", seed=seed)
        assert "round trips of up to 300 ms, timeouts from 150 ms" in run.objects[0]["warning"]
        answer = " ".join(run.answer("why").split())
        assert "elections in 3 s: round trips of up to 300 ms, timeouts from 150 ms" in answer


def test_the_node_with_the_latest_entry_need_not_win() -> None:
    """A belief of test authors: an entry on two of five is not committed, so three nodes without it may elect one."""
    script = """
        nodes 5
        timeout 0; wait leader is 0; submit base; wait committed base on 5
        cut 0->2,3,4; submit extra to 0; wait log of 1 = 2
        crash 0; heal; wait leader; let new = leader; submit last; wait committed last on 4; expect committed base on 4
    """
    runs = [held(script_of(script), seed=seed) for seed in range(1, 16)]
    winners = {run.answer("let new") for run in runs}
    kept = [ran(script_of(script) + "\nexpect committed extra on 4", seed=seed).status for seed in range(1, 16)]
    assert winners - {"$new = 1"}, "node 1 always won"
    for run, status in zip(runs, kept, strict=True):
        assert (status is Status.HELD) == (run.answer("let new") == "$new = 1")


def test_a_node_that_forgets_its_vote_makes_two_leaders_of_one_term() -> None:
    """camunda, cornerstone: a vote that is not on disk when the node restarts is given again."""
    script = f"""
        nodes 3; {QUIET}; bug forget-vote
        watch Election Safety
        partition 0,1 | 2; timeout 0; wait leader is 0
        crash 1; partition 0 | 1,2; restart 1
        timeout 2; wait leader is 2
    """
    for seed in SEEDS:
        run = ran(script_of(script), seed=seed)
        assert (run.status, run.last["status"]) == (Status.FAILED, "broken")
        assert run.last["reason"].startswith("Election Safety broke")
        sound = (
            script_of(script)
            .replace("; bug forget-vote", "")
            .replace("wait leader is 2", "never leader is 2 for 1s")
        )
        held(sound, seed=seed)


def test_writes_acknowledged_before_they_are_durable_are_lost_when_all_lose_power() -> None:
    """jepsen on NATS: with every node down at once, what was acknowledged and not yet written is gone."""
    script = """
        nodes 3; set noop on; bug ack-before-durable
        watch State Machine Safety, Leader Completeness
        wait leader; submit acked; wait committed acked on 3
        crash all; restart all; wait leader
    """
    lost = 0
    for seed in range(1, 11):
        run = ran(script_of(script) + "\nsleep 1s\nexpect committed acked", seed=seed)
        lost += run.status is Status.FAILED
        held(script_of(script).replace("; bug ack-before-durable", "") + "\nwait committed acked on 3", seed=seed)
    assert lost > 0
