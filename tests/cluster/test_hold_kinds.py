"""Links hold messages of one kind: the others pass, the past knows it, and a release lets only those go."""

import pytest
from support.churn import Churn
from support.language import held, mistake
from support.past import Compared
from support.session import blueprint, perform, session_of

from raftplay import Harness
from raftplay.cluster.holding import Holding
from raftplay.errors import UsageError
from raftplay.language.completion import complete
from raftplay.raft.message_kinds import MESSAGE_KINDS
from raftplay.raft.messages import AppendEntriesArgs, AppendEntriesReply

LED = "timing election=20s..40s delay=2ms\ntimeout 0; wait leader is 0; sleep 9ms\n"
BEAT = AppendEntriesArgs(term=1, leader_id=0, prev_log_index=-1, prev_log_term=-1, entries=(), leader_commit=-1)
REPLY = AppendEntriesReply(term=1, success=True)


def test_a_kind_is_held_and_the_others_pass() -> None:
    run = held(LED + "hold 0->1 appends; submit a; wait committed a on 4; sleep 60ms; messages; log 1", nodes=5)
    assert run.answer("hold 0->1 appends") == "0->1: appends held"
    flying = run.answer("messages").splitlines()
    assert flying
    assert all("entry 0 [a]" in line and line.endswith("(held)") for line in flying)
    assert run.answer("log 1") == "every log is empty"


def test_release_lets_one_kind_go_and_the_link_goes_on_holding_the_other() -> None:
    run = held(
        LED
        + "hold 0->1 appends; hold 0->1 heartbeats; submit a; sleep 60ms; release 0->1 appends; status; messages\n"
        "release 0->1; messages; release 0->1 votes; release 0->1",
        nodes=3,
    )
    assert run.answer("release 0->1 appends").startswith("0->1: appends released: ")
    assert run.answer("status").endswith("link 0->1: heartbeats held")
    assert "heartbeat of term 1" in run.answers[-5]
    assert "entry 0" not in run.answers[-5]
    assert run.answer("release 0->1 votes") == "0->1: no votes are held"
    assert run.answers[-1] == "0->1: nothing is held"


def test_a_link_that_holds_everything_may_let_one_kind_go() -> None:
    run = held(LED + "hold 0->1; submit a; sleep 60ms; release 0->1 appends; log 1; status", nodes=3)
    assert "1:a" in run.answer("log 1")
    assert run.answer("status").endswith("link 0->1: held")


def test_heal_releases_kinds_too() -> None:
    run = held(LED + "hold all heartbeats; sleep 60ms; heal; status", nodes=3)
    assert run.answer("heal").startswith("all links are whole; 0->1 0->2 1->0 1->2 2->0 2->1 released: 2 messages")
    assert "held" not in run.answer("status")


@pytest.mark.parametrize("kind", MESSAGE_KINDS)
def test_the_folded_past_holds_what_the_cluster_holds(kind: str) -> None:
    for seed in range(2):
        with Compared(4, backend="sim", seed=seed) as h:
            for link in ((0, 1), (2, 1), (3, 0)):
                h.hold(*link, kind)
            Churn(h, seed, ("submit", "hold", "release", "cut", "join", "time_out")).run(0.7)
            h.compare()
            h.release(0, 1, kind)
            h.compare()
            h.heal()
            h.compare()
            assert not h.flights.holding


def test_the_past_shows_what_was_held_by_kind() -> None:
    with session_of(blueprint(3)) as session:
        perform(
            session,
            "timeout 0; wait leader is 0; hold 0->1 appends; submit a; sleep 50ms; release 0->1; sleep 9ms",
        )
        answers = perform(session, "goto 30ms", "status")
        assert answers[1].endswith("link 0->1: appends held")


def test_transfers_and_snapshots_are_kinds() -> None:
    run = held(
        LED + "hold all transfers; transfer to 1; sleep 9ms; messages; release all transfers; wait leader is 1",
        nodes=3,
    )
    assert "TimeoutNow" in run.answer("messages")
    run = held(
        LED + "crash 2; submit a; wait committed a on 2; snapshot 0; hold 0->2 snapshots; restart 2; sleep 60ms\n"
        "messages; lose 0->2 heartbeats; release 0->2 snapshots; wait log of 2 = 1",
        nodes=3,
    )  # fmt: skip
    assert "snapshot" in run.answer("messages").lower()


def test_what_is_no_kind_is_told() -> None:
    assert mistake("hold 0->1 vote") == (11, "unknown kind of messages 'vote'; did you mean 'votes'?")
    assert mistake("release all x")[1] == f"unknown kind of messages 'x'; use {', '.join(MESSAGE_KINDS)}"
    assert mistake("hold 3 votes")[1].startswith("unexpected argument 'votes'")
    with Harness(3, backend="sim", seed=1) as h:
        for call in (h.hold, h.release):
            with pytest.raises(UsageError, match="there is no kind of messages 'x'; use votes"):
                call(0, 1, "x")


def test_kinds_are_offered_behind_a_link_and_held_links_behind_release() -> None:
    with session_of(blueprint(3)) as session:
        perform(session, "hold 0->1 votes")
        assert [one.text for one in complete("hold 0->1 ", 10, session)] == list(MESSAGE_KINDS)
        assert "0->1" in [one.text for one in complete("release ", 8, session)]


def test_a_saved_script_holds_the_same_kinds() -> None:
    with session_of(blueprint(3)) as session:
        perform(session, "hold 0->1 votes")
        assert "hold 0->1 votes" in session.script_text().splitlines()


def test_a_holding_is_a_value() -> None:
    empty = Holding()
    assert not empty
    one = empty.changed(0, 1, "heartbeats", held=True)
    assert (one.links, one.kinds) == ((), ((0, 1, "heartbeats"),))
    assert one.holds(0, 1, BEAT)
    assert not one.holds(0, 1, REPLY)
    assert not one.holds(0, 1)
    assert one.changed(0, 1, "heartbeats", held=False) == empty
    every = one.changed(0, 1, "", held=True)
    assert every.holds(0, 1)
    assert Holding.of(every.links, every.kinds) == every
