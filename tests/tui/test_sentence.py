"""NOW, WHY and NEXT: words for every kind of event, always all three, and five stories as they were read last.

The stories are in `sentences/`; RAFTPLAY_FRAMES=write pytest tests/tui/test_sentence.py writes them anew, to be read
aloud in the difference.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.amount import several
from support.churn import Churn
from support.effort import effort
from support.tui import still, view_after

from raftplay import CMState, Config, ConsensusModule, Harness, RaftConfig
from raftplay.past.history import History
from raftplay.past.links import Reachability
from raftplay.past.view import View
from raftplay.raft import decisions
from raftplay.raft.bugs import BUGS
from raftplay.raft.decisions import CustomDecision, Decision, NodeState
from raftplay.raft.messages import (
    NONE,
    ConfirmArgs,
    ReadIndexArgs,
    RequestVoteArgs,
    RequestVoteReply,
    TimeoutNowArgs,
)
from raftplay.tui.model.glyphs import ASCII, UNICODE
from raftplay.tui.model.lines import text_of, width_of
from raftplay.tui.stage.moment import Moment
from raftplay.tui.stage.scene import Scene, scene_of
from raftplay.tui.stage.sentence import LABEL, Sentence, lines, sentence
from raftplay.tui.stage.telling.told import ROUTINE, told
from raftplay.watch import client_facts, facts
from raftplay.watch.facts import Event, Fact, Record
from raftplay.watch.invariants import Breach
from raftplay.watch.text import visible

FOLDER = Path(__file__).parent / "sentences"

STORY = "wait leader; submit a; wait committed a on 5; crash leader; wait leader; submit b; sleep 60ms"
SPLIT = (
    "wait leader; submit a; wait committed a on 5; partition 0,1 | 2,3,4; submit x; sleep 10ms; sleep 300ms; "
    "submit y; sleep 30ms; heal; sleep 120ms"
)

STORIES = {
    "seed-1": (STORY, 1, ""),
    "seed-3": (STORY, 3, ""),
    "seed-4": (STORY, 4, ""),
    "seed-7": (STORY, 7, ""),
    "seed-12": (STORY, 12, ""),
    "split-brain": (SPLIT, 7, ""),
    "pre-vote": ("wait leader; disconnect leader; sleep 400ms; heal; sleep 60ms", 3, "set prevote on"),
}


def told_at(view: View) -> Sentence:
    return sentence(scene_of(view))


def story_of(lines: str, seed: int, setup: str = "", nodes: int = 5) -> str:
    """Everything that is said from the first event to the last, each change once."""
    out: list[str] = []
    with still(lines, seed=seed, setup=setup, nodes=nodes) as driver:
        history, now = driver.session.history, driver.view().snapshot
        last = Sentence("", "", "")
        for record in history.records():
            said = told_at(history.view(record.seq, now))
            if said[:2] != last[:2]:
                out += [f"{record.time:.3f}  {said.now}", f"       {said.why}"]
            if said.next != last.next:
                out.append(f"         next: {said.next}")
            last = said
    return "\n".join(out) + "\n"


@pytest.mark.parametrize("name", STORIES)
def test_a_story_is_told_as_it_was_read_last(name: str) -> None:
    text = story_of(*STORIES[name])
    file = FOLDER / f"{name}.txt"
    if os.environ.get("RAFTPLAY_FRAMES") == "write":
        FOLDER.mkdir(exist_ok=True)
        file.write_text(text, "utf-8")
    assert text == file.read_text("utf-8")


@pytest.mark.parametrize("name", STORIES)
def test_nothing_of_a_story_is_cut_on_a_screen_of_80_columns(name: str) -> None:
    text = (FOLDER / f"{name}.txt").read_text("utf-8")
    said = [re.sub(r"^(\d+\.\d+)? *(next: )?", "", line) for line in text.splitlines()]
    assert [line for line in said if len(line) > 80 - LABEL - 1] == []


def test_no_story_is_left_over() -> None:
    assert {file.stem for file in FOLDER.glob("*.txt")} == set(STORIES)


# ---- every kind of event


@cache
def views() -> tuple[View, ...]:
    """Moments of clusters to which all that can be done was done."""
    found = []
    for seed, raft in ((1, RaftConfig()), (2, RaftConfig(prevote=True))):
        history = History(limit=100_000)
        with Harness(5, backend="sim", seed=seed, readers=(history,), config=Config(raft=raft)) as h:
            churn = Churn(h, seed, Churn.MIXES[-1])
            for _ in range(25):
                churn.run(0.5)
            now = h.snapshot()
            step = max(1, history.last_seq // 400)
            found += [history.view(seq, now) for seq in range(0, history.last_seq, step)]
    return tuple(found)


def well_said(said: Sentence, where: object = "") -> None:
    for text in said:
        assert re.fullmatch(r"\S.*[.!]", text), (said, where)
        assert not re.search(r"\.\.$|\.\. |  |N\d|-1\b", text), (said, where)


def test_all_three_are_said_at_every_moment() -> None:
    for view in views():
        well_said(told_at(view), view.records[-1] if view.records else "")


KINDS = [kind for kind in (*get_args(Decision), *get_args(Fact)) if kind is not CustomDecision]


@cache
def met() -> dict[type, Record]:
    found = {}
    for view in views():
        for record in view.records[-400:]:
            found[type(record.event)] = record
    return found


VOTE = RequestVoteArgs(2, 1, NONE, NONE)
PUT = {"kv": "put", "key": "x", "value": 1, "session": 0, "seq": 1, "acked": 1}
BY_HAND: dict[type, Event] = {
    decisions.WriteDelayed: decisions.WriteDelayed("vote", waits=True),
    decisions.CommitHeld: decisions.CommitHeld(0, 1),
    decisions.TimerSet: decisions.TimerSet(0.5),
    decisions.Configured: decisions.Configured(0.15, prevote=True, checkquorum=True, sticky=False),
    facts.OptionChanged: facts.OptionChanged("prevote", on=True),
    facts.MessageHeld: facts.MessageHeld(1, 1, 0, VOTE),
    facts.LinkHeld: facts.LinkHeld(0, 1, held=True),
    facts.Wiped: facts.Wiped(),
    facts.DiskChanged: facts.DiskChanged((0.0, 0.2), stalls=False, fails=False),
    facts.WriteWaits: facts.WriteWaits(waits=True, start=3, entries=1, vote=False),
    facts.ClockChanged: facts.ClockChanged(1.5),
    facts.TimingChanged: facts.TimingChanged((0.05, 0.06), None),
    facts.OnDisk: facts.OnDisk(1, NONE, ()),
    decisions.SnapshotTaken: decisions.SnapshotTaken(4, 1, 300),
    decisions.SnapshotSent: decisions.SnapshotSent(2, 1, 4, 1, 300),
    decisions.ChunkReceived: decisions.ChunkReceived(0, 4, 1, 300, 200),
    decisions.SnapshotInstalled: decisions.SnapshotInstalled(4, 1, 300, keeps=True),
    decisions.SnapshotIgnored: decisions.SnapshotIgnored(0, 4, 1, "covered"),
    decisions.LogCompacted: decisions.LogCompacted(4, 1, keeps=True),
    facts.StateRestored: facts.StateRestored(4, ()),
    facts.StateImaged: facts.StateImaged(4, "0f"),
    client_facts.ClientCalled: client_facts.ClientCalled(1, "alice", PUT),
    client_facts.ClientAsked: client_facts.ClientAsked(1, "alice", 0, PUT, 3),
    client_facts.ClientTold: client_facts.ClientTold(1, "alice", PUT, "ok"),
    client_facts.RequestApplied: client_facts.RequestApplied(3, PUT, "ok", again=True),
    client_facts.StoreRestored: client_facts.StoreRestored((("x", 1),)),
    decisions.TransferStarted: decisions.TransferStarted(2, 4, 1, 0.5),
    decisions.TransferAborted: decisions.TransferAborted(2, "too-late"),
    decisions.TimeoutNowDecided: decisions.TimeoutNowDecided(TimeoutNowArgs(1, 0), False, "other-term"),
    decisions.ReadStarted: decisions.ReadStarted(3, 1),
    decisions.RoundStarted: decisions.RoundStarted(4),
    decisions.ConfirmDecided: decisions.ConfirmDecided(ConfirmArgs(1, 1, 4, 3), False, "stale-term"),
    decisions.RoundConfirmed: decisions.RoundConfirmed(4, (0, 1, 2), 0.4),
    decisions.ReadIndexDecided: decisions.ReadIndexDecided(ReadIndexArgs(1, 2, 3), True, "at-commit", 0, 4),
    decisions.ReadAnswered: decisions.ReadAnswered(3, 0, "round"),
    decisions.ReadRefused: decisions.ReadRefused(3, "no-leader"),
    decisions.ReplyIgnored: decisions.ReplyIgnored(1, VOTE, RequestVoteReply(2, True), "old-call"),
}


def of_kind(kind: type) -> tuple[Record, View]:
    """A record of a kind, as it happened where it did, and a view in which it is the last event."""
    view = view_after("wait leader; submit a; sleep 20ms")
    record = met().get(kind)
    if record is None:
        event = BY_HAND[kind] if kind in BY_HAND else kind()
        record = Record(view.records[-1].seq + 1, view.snapshot.time, 0, 0, event)
    else:
        record = Record(view.records[-1].seq + 1, view.snapshot.time, record.node, 0, record.event, record.after)
    return record, replace(view, records=[*view.records, record])


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_kind_of_event_has_its_words(kind: type) -> None:
    record, view = of_kind(kind)
    words = told(record, Moment(view.snapshot, view.records, (), Reachability(view.snapshot)))
    if kind in ROUTINE:
        assert words is None
    elif words is not None:
        well_said(Sentence(*words, "Next."))
    well_said(told_at(view))


def test_routine_events_never_hide_what_matters() -> None:
    view = view_after("wait leader; submit a; sleep 300ms")
    assert told_at(view).now == "Followers learn that a is committed: 5 of 5 know it."


# ---- states


@pytest.mark.parametrize(
    ("lines", "now", "why", "next"),
    [
        ("", "5 nodes have started, with empty logs. None leads yet.", "random length", "then it starts an election"),
        (
            "wait leader; submit a; wait committed a on 5; disconnect 3; submit b; transfer to 3",
            "n0 hands over to n3: it takes no commands now.",
            "First n3 must have its whole log, up to index 1",
            "n3 needs n0's log up to index 1, then TimeoutNow; else n0 gives up after an election timeout.",
        ),
        (
            "wait leader; submit a; wait committed a on 5; sleep 60ms; hold 0->3; transfer to 3",
            "n0 hands over to n3: it takes no commands now.",
            "TimeoutNow asks it to start an election",
            "n3 starts an election once TimeoutNow arrives; else n0 gives up after an election timeout.",
        ),
        ("wait leader; crash 0,1,2", "only 2 of 5 nodes are up", "needs 3 of 5", "Restart one more node (r)"),
        ("crash 0,1,2,3,4", "no node is up", "needs 3 of 5", "Restart 3 more nodes (r)"),
        ("wait leader; sleep 20s", "leads term 1. Only heartbeats pass.", "sets a timer back", "Submit a command: s"),
        ("wait leader; freeze leader", "freezes", "The others go on", "starts an election"),
        ("wait leader; disconnect leader", "The leader n0 is cut off", "The others go on", "cannot commit meanwhile"),
        ("wait leader; partition 0 | 1,2 | 3,4", "splits: n0 | n1 n2 | n3 n4", "No side has 3", "until the network heals"),
        ("wait leader; submit before", 'n0 appends "before" to its log', "Only a leader", '"before" needs 2 more nodes'),
        ("wait leader; submit x to 1", "n1 rejects x: it does not lead.", "n0 leads.", "n0's message tells all others"),
        ("wait leader; sleep 60ms; crash 4; sleep 20s", "n0 leads", "", "The cluster can lose one more node. Restart n4 (r)"),
    ],
)  # fmt: skip
def test_a_state_is_told(lines: str, now: str, why: str, next: str) -> None:
    said = told_at(view_after(*filter(None, [lines]), seed=7))
    assert now in said.now
    assert why in said.why
    assert next in said.next


def test_what_votes_are_needed_is_told() -> None:
    with still("wait leader", seed=3) as driver:
        history, now = driver.session.history, driver.view().snapshot
        seqs = [r.seq for r in history.records() if isinstance(r.event, decisions.VoteCounted)]
        said = told_at(history.view(seqs[1], now))
    assert said.now == "n1 has 2 of 5 votes: n2 said yes."
    assert said.next.startswith("One more yes makes n1 leader; ")


def test_a_split_vote_says_whose_timer_ends_it() -> None:
    view = view_after("timeout 0; timeout 1; sleep 20ms", seed=3, nodes=2)
    said = told_at(view)
    assert "n0 and n1 share the votes. n" in said.next
    assert re.search(r"starts a new term (in about \d+ ms|soon)\.", said.next)


@pytest.mark.parametrize("bug", BUGS)
def test_all_three_are_said_with_a_bug(bug: str) -> None:
    history = History()
    with Harness(4, backend="sim", seed=1, readers=(history,), config=Config(bugs=(bug,)), watch=False) as h:
        churn = Churn(h, 5, Churn.MIXES[-1])
        churn.run(2.5)
        now = h.snapshot()
        step = max(1, len(history) // 60)
        for seq in range(history.earliest, history.last_seq, step):
            well_said(told_at(history.view(seq, now)), bug)


def test_a_vote_that_a_bug_grants_is_called_so() -> None:
    view = view_after("wait leader; submit a; sleep 20ms", setup="bug no-log-check")
    after = NodeState(CMState.FOLLOWER, 2, 1, 0, 1, 0, 0)
    vote = decisions.VoteDecided(RequestVoteArgs(2, 1, NONE, NONE), granted=True, rule="granted")
    record = Record(view.records[-1].seq + 1, view.snapshot.time, 0, 0, vote, after)
    said = told_at(replace(view, records=[*view.records, record]))
    assert said.now == "n0 votes for n1."
    assert said.why == (
        "A bug: the correct algorithm says no, as the candidate's last entry has a lower term (§5.4.1)."
    )


def test_a_violation_is_what_is_told() -> None:
    view = view_after("wait leader; submit a; sleep 20ms")
    breach = Breach(
        "Election Safety", ("n0 leads term 1", "n1 leads it too"), view.records[-1].seq, 0.1, 1, "leads"
    )
    said = told_at(replace(view, breach=breach))
    assert said.now == "Election Safety is violated: n0 leads term 1, but n1 leads it too."
    assert "at most one leader per term, ever (§5.2, Figure 3)" in said.why
    well_said(said)
    assert told_at(replace(view, breach=replace_seq(breach, 3))).now != said.now  # much happened since


def replace_seq(breach: Breach, seq: int) -> Breach:
    return Breach(breach.invariant, breach.facts, seq, breach.time, breach.node, breach.event)


class Said(CustomDecision, frozen=True, gc=False):
    """An event of a node of one's own."""

    what: str


class Own(ConsensusModule):
    """A node that tells an event of its own, and decides by a rule of its own."""

    def request_vote(self, args: RequestVoteArgs, now: float | None = None) -> RequestVoteReply:
        self._tell(Said("mine\n\x1b[2J"))
        return super().request_vote(args, now)


def test_events_of_a_custom_node_are_told_and_cannot_harm_the_screen() -> None:
    history = History()
    with Harness(3, backend="sim", seed=1, readers=(history,), node=Own) as h:
        h.wait_until(lambda: any(h.cluster[i].cm.state is CMState.LEADER for i in range(3)), 2.0)
        now = h.snapshot()
    seq = next(r.seq for r in history.records() if isinstance(r.event, Said))
    said = told_at(history.view(seq, now))
    assert "Said(what='mine" in said.now
    assert "\x1b" not in said.now
    well_said(said)


# ---- lines


SIZES = [(1, 3), (6, 3), (7, 3), (20, 3), (60, 1), (60, 2), (60, 3), (80, 3), (80, 5), (120, 3), (200, 7)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
def test_lines_fill_their_place_exactly(size: tuple[int, int], glyphs: object) -> None:
    for view in views()[::60]:
        painted = lines(told_at(view), *size, ASCII if glyphs is ASCII else UNICODE)
        assert [width_of(line) for line in painted] == [size[0]] * size[1]
        assert glyphs is not ASCII or all(text_of(line).isascii() for line in painted)


def test_the_reason_gives_way_first_and_more_lines_hold_more() -> None:
    said = Sentence(
        "It happened.", "There is a rule for it, which takes many more words than fit.", "This follows."
    )
    two = [text_of(line).split() for line in lines(said, 40, 2)]
    assert [words[0] for words in two] == ["NOW", "NEXT"]
    three = [text_of(line).rstrip() for line in lines(said, 40, 3)]
    assert re.fullmatch(" WHY  There is a rule.*…", three[1])
    four = [text_of(line).rstrip() for line in lines(said, 40, 4)]
    assert four[1:3] == [" WHY  There is a rule for it, which", "      takes many more words than fit."]


@settings(max_examples=several(60))
@given(st.integers(0, 300), st.integers(0, 12), st.text(max_size=80))
def test_lines_of_any_text_have_the_size_that_was_asked_for(width: int, height: int, text: str) -> None:
    painted = lines(Sentence(visible(text) or ".", "why", visible(text) or "."), width, height)
    assert [width_of(line) for line in painted] == [width] * height


# ---- speed


def _idle_scenes() -> Iterator[Scene]:
    for nodes in (5, 25):
        with still("wait leader; sleep 70s" if nodes == 5 else "wait leader; sleep 12s", nodes=nodes) as driver:
            yield scene_of(driver.view())


def test_a_sentence_takes_no_time_of_a_paint() -> None:
    """Its effort is that of a look at each node, not at each of the 20,000 events: three tenths of that at most."""
    for scene in _idle_scenes():
        assert len(scene.view.records) == 20_000
        assert effort(partial(sentence, scene)) < 400_000, "the first look at them"
        assert effort(partial(sentence, scene)) < 6_000 * len(scene.view.snapshot.nodes)


def test_what_was_found_before_is_found_again() -> None:
    """The search remembers, and says the same as one that does not."""
    with still(SPLIT, seed=7) as driver:
        history, now = driver.session.history, driver.view().snapshot
        forward = [told_at(history.view(seq, now)) for seq in range(1, history.last_seq, 3)]
        back = [told_at(history.view(seq, now)) for seq in reversed(range(1, history.last_seq, 3))]
    assert back[::-1] == forward
