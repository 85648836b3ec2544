"""The data of the replay page: what each event changes, folded again, is the cluster as the screen shows it."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from support.command_line import raftplay

from raftplay import scenarios
from raftplay.cluster.harness import Harness
from raftplay.commands.setup import Setup
from raftplay.errors import UsageError
from raftplay.export import export
from raftplay.export.html import page
from raftplay.export.recording import Recording, of_harness, of_script, of_trace, of_view, recording_of
from raftplay.export.replay import replay_data
from raftplay.past.history import History
from raftplay.past.view import View
from raftplay.run.script import parse_script
from raftplay.tui.stage.scene import scene_of
from raftplay.tui.stage.sentence import sentence
from raftplay.watch.text import command_text

STORIES = (
    "leader-failover",
    "split-brain",
    "figure-8",
    "deaf-leader",
    "bugs/double-count-vote",
    "transfer-too-late",
)


@cache
def recorded(name: str, seed: int = 1) -> Recording:
    return of_script(parse_script(name, scenarios.text_of(name), Setup(backend="sim", seed=seed)))


def folded(data: dict[str, Any], event: int) -> list[dict[str, Any]]:
    """The states of all nodes after an event, as the page folds them."""
    nodes: list[dict[str, Any]] = [{"log": []} for _ in range(data["nodes"])]
    for at, node, changed in data["states"]:
        if at > event:
            break
        log = nodes[node]["log"]
        nodes[node].update(changed)
        keep, *added = changed.get("log", [len(log)])
        nodes[node]["log"] = log[:keep] + added
    return nodes


@pytest.mark.parametrize("name", STORIES)
def test_the_folded_states_are_those_of_the_history_at_every_event(name: str):
    recording = recorded(name)
    data = json.loads(json.dumps(replay_data(recording)))
    texts = data["texts"]
    for at, record in enumerate(recording.records, 1):
        if at % 7:
            continue  # every seventh will do
        for seen, state in zip(
            recording.history.view(record.seq, recording.now).snapshot.nodes, folded(data, at), strict=True
        ):
            entries = [[entry.term, command_text(entry.command, 60)] for entry in seen.log]
            assert [[term, texts[text]] for term, text in state["log"]] == entries
            assert (state["term"], state["vote"], state["commit"]) == (
                seen.current_term,
                seen.voted_for,
                seen.commit_index,
            )
            assert (bool(state["up"]), sorted(state["votes"])) == (seen.alive, sorted(seen.votes))
            assert {peer: (index, match) for peer, index, match in state["peers"]} == {
                peer: (index, dict(seen.match_index)[peer]) for peer, index in seen.next_index
            }


@pytest.mark.parametrize("name", STORIES)
def test_what_is_told_is_what_the_screen_tells(name: str):
    recording = recorded(name)
    data = replay_data(recording)
    texts, told = data["texts"], {row[0]: row[1:] for row in data["told"]}
    assert len(told) > 8
    for at, record in enumerate(recording.records, 1):
        if at in told:
            said = sentence(scene_of(recording.history.view(record.seq, recording.now, breach=recording.breach)))
            assert (texts[told[at][0]], texts[told[at][1]]) == (said.now, said.why)


@pytest.mark.parametrize("name", STORIES)
def test_each_message_ends_after_it_was_sent_and_each_event_of_one_names_it(name: str):
    data = replay_data(recorded(name))
    for src, dst, _term, sent, end, fate, *_ in data["messages"]:
        assert src != dst
        assert (fate in (0, 3)) == (end == 0)
        assert not end or sent <= end
    for kind, words in zip(data["kinds"], data["words"], strict=True):
        assert 0 <= words < len(data["messages"] if kind in "sax" else data["texts"])


def test_a_violation_and_the_captions_stand_where_they_belong():
    recording = recorded("bugs/double-count-vote")
    data = replay_data(recording)
    assert recording.breach is not None
    assert recording.records[data["breach"] - 1].seq == recording.breach.seq
    assert "violated" in data["texts"][next(row for row in data["told"] if row[0] == data["breach"])[1]]
    other = replay_data(recorded("leader-failover"))
    captions = [other["texts"][row[1]] for row in other["captions"]]
    assert any("leader crashes" in caption for caption in captions)


def test_the_end_of_a_run_is_no_event_of_it(tmp_path: Path):
    """The nodes stop when a script is over: a replay does not end with a cluster that is down."""
    assert all(node["up"] for node in folded(replay_data(recorded("leader-failover")), 10**6))
    trace = tmp_path / "run.jsonl"
    script = parse_script("x", "backend sim\nseed 1\nwait leader\ncrash leader\nwait leader\n")
    from raftplay.run.runner import opened  # noqa: PLC0415

    with opened(script.setup, trace) as session, session:
        for step in script.steps:
            session.perform(step.bound).result()
    data = replay_data(of_trace(trace))
    assert sorted(node["up"] for node in folded(data, 10**6)) == [0, 1, 1, 1, 1]
    same = replay_data(of_script(script))
    assert data["messages"] == same["messages"]
    assert data["states"] == same["states"]


def test_a_harness_is_exported_with_its_history_and_not_without(tmp_path: Path):
    history = History()
    with Harness(3, backend="sim", seed=1, readers=[history]) as h:
        h.wait_until(lambda: h.snapshot().leader is not None, 5)
        export(h, tmp_path / "run.html")
        seen = len(history)
        recording = of_harness(h)
        h.wait_until(lambda: False, 1)
        assert len(recording.records) == seen < len(history)
        assert recording_of(View(h.snapshot(), history.records())).now.nodes == h.snapshot().nodes
        assert len(of_view(View(h.snapshot(), history.records())).records) == len(history)
        with pytest.raises(UsageError, match="the first 5 events are forgotten"):
            of_view(View(h.snapshot(), history.records(), forgotten=5))
    with (
        Harness(3, backend="sim", seed=1) as h,
        pytest.raises(UsageError, match="the events of this cluster are not kept"),
    ):
        export(h, tmp_path / "other.html")
    assert not (tmp_path / "other.html").exists()


def test_equal_seeds_make_equal_bytes_and_others_do_not(tmp_path: Path):
    script = scenarios.text_of("leader-failover")
    files = []
    for number, seed in enumerate((7, 7, 8)):
        parsed = parse_script("leader-failover", script, Setup(backend="sim", seed=seed))
        files.append(export(parsed, tmp_path / f"{number}.html").read_bytes())
    assert files[0] == files[1] != files[2]


def test_ten_thousand_events_take_at_most_two_megabytes():
    text = (
        "backend sim\nseed 3\nset prevote on\nwait leader\nlink all loss=10%\n"
        + "repeat 9\nsubmit 64-letters-of-a-command-that-somebody-has-typed-for-a-reason-\nsleep 150ms\nend\n" * 3
    )
    recording = of_script(parse_script("long", text))
    assert len(recording.records) > 3_000  # of which each 10,000 would take as much, but for texts that come again
    size = len(page(replay_data(recording)).encode()) / len(recording.records) * 10_000
    assert size < 2_000_000, f"{size:,.0f} bytes"


BRANCHES = """
backend sim
seed 3
nodes 3
wait leader
# The first end.
submit a
sleep 300ms
goto 0.35s
# Another end.
crash leader
wait leader
submit b
sleep 100ms
switch main
# Again in the first.
submit c
sleep 50ms
switch b1
"""


def beside(data: dict[str, Any], rows: str) -> list[str]:
    return [data["texts"][row[1]] for row in data[rows]]


def test_each_branch_has_its_own_events_captions_and_commands():
    data = replay_data(of_script(parse_script("branches", BRANCHES)))
    [other] = data["others"]
    assert (data["branch"], data["parent"], data["since"]) == ("b1", "main", 350_000)
    assert (other["branch"], other["parent"]) == ("main", "")
    assert "others" not in other
    assert beside(data, "captions") == ["The first end.", "Another end."]
    assert beside(other, "captions") == ["The first end.", "Again in the first."]
    assert beside(data, "commands") == [
        *("wait leader", "submit a", "sleep 300ms", "crash leader"),
        *("wait leader", "submit b", "sleep 100ms"),
    ]
    assert beside(other, "commands") == ["wait leader", "submit a", "sleep 300ms", "submit c", "sleep 50ms"]
    common = [row for row in other["told"] if row[0] < data["captions"][1][0]]
    assert [data["texts"][row[1]] for row in data["told"][: len(common)]] == [
        other["texts"][row[1]] for row in common
    ]


def test_a_trace_brings_all_its_branches(tmp_path: Path):
    script, trace = tmp_path / "branches.txt", tmp_path / "branches.jsonl"
    script.write_text(BRANCHES)
    assert raftplay("run", str(script), "--trace", str(trace)).status == 0
    ran, read = of_script(parse_script("branches", BRANCHES)), of_trace(trace)
    assert (ran.branches, read.branches) == (["b1", "main"], ["main", "b1"])
    for name in ran.branches:
        assert read.of_branch(name).records == ran.of_branch(name).records
        assert read.of_branch(name).branches[0] == name
    with pytest.raises(UsageError, match="there is no branch 'b2'; the branches are main, b1"):
        read.of_branch("b2")
    with pytest.raises(UsageError, match="there is no branch 'b1'; the run has only one"):
        recorded("figure-8").of_branch("b1")
