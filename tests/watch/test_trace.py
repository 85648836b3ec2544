"""A trace says all that happened, can be read again, and makes the watchers see the same."""

import errno
import json
import os
import re
import types
import typing
from enum import EnumType
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.churn import Churn
from support.session import perform

from raftplay import AppendEntriesArgs, Config, Harness, LogEntry, RaftConfig, UsageError
from raftplay.cluster.checks import InvariantBroken
from raftplay.commands.looking import help_text
from raftplay.commands.setup import Setup
from raftplay.files import Target
from raftplay.raft import decisions
from raftplay.raft.messages import (
    AppendEntriesReply,
    CMState,
    CommitEntry,
    ConfirmArgs,
    ConfirmReply,
    DisruptiveVoteArgs,
    InstallSnapshotArgs,
    InstallSnapshotReply,
    InternalEntry,
    ReadIndexArgs,
    ReadIndexReply,
    RequestVoteArgs,
    RequestVoteReply,
    TimeoutNowArgs,
    TimeoutNowReply,
)
from raftplay.raft.rule_names import Rule
from raftplay.run.runner import opened
from raftplay.watch import trace as traces
from raftplay.watch.client_facts import ClientFact
from raftplay.watch.fact_base import FactBase, FaultBase
from raftplay.watch.facts import Record
from raftplay.watch.invariants import Invariants
from raftplay.watch.replay import replay_text
from raftplay.watch.stream import ReaderFailed
from raftplay.watch.trace import EVENTS, Header, TraceWriter, header_of, read_trace, replay, traced
from raftplay.watch.trace_schema import ARRAYS, LINES, fields_text, type_text

HEADER = Header(traces.SCHEMA, "0.1.0", 3, 7, "sim", {}, ())


def _write(path: Path, *records: Record) -> Path:
    writer = TraceWriter(path, HEADER)
    for record in records:
        writer(record)
    writer.close()
    return path


def _with_lines(path: Path, *lines: str) -> Path:
    """The trace with more lines before its end mark."""
    *before, end = path.read_text().splitlines()
    count = json.loads(end)["end"] + len(lines)
    path.write_text("\n".join([*before, *lines, json.dumps({"end": count}, separators=(",", ":"))]) + "\n")
    return path


def test_a_run_in_sim_is_read_as_it_was(tmp_path: Path) -> None:
    told: list[Record] = []
    with Harness(4, backend="sim", seed=5) as h, traced(h, tmp_path / "run"):
        h.stream.attach(told.append)
        Churn(h, 5, Churn.MIXES[-1]).run(5)
        h.stream.detach(told.append)
    assert len(told) > 500
    first, *others = read_trace(tmp_path / "run").records
    assert type(first.event) is decisions.Started
    assert others[3:] == told


def test_a_run_over_sockets_is_read_as_it_was(tmp_path: Path) -> None:
    told: list[Record] = []
    with Harness(3) as h, traced(h, tmp_path / "run"):
        h.stream.attach(told.append)
        leader, _ = h.check_single_leader()
        h.submit_to_server(leader, {"deep": [1, 2.5, None, "ü"]})
        assert h.wait_until(lambda: all(len(commits) == 1 for commits in h.commits))
    read = list(read_trace(tmp_path / "run").records)[3:]
    assert read == told[: len(read)]
    assert {"Submitted", "Applied", "CallSent"} <= {type(record.event).__name__ for record in read}


@pytest.mark.parametrize("seed", range(3))
def test_watching_a_trace_finds_exactly_what_watching_the_run_found(tmp_path: Path, seed: int) -> None:
    config = Config(bugs=("heartbeat-unchecked",))
    with Harness(5, backend="sim", seed=seed, config=config, watch=False) as h, traced(h, tmp_path / "run"):
        live = Invariants(5)
        h.stream.attach(live)
        Churn(h, seed, Churn.MIXES[-1]).run(10)
    again = Invariants(5)
    header = replay(tmp_path / "run", [again])
    assert header.bugs == ("heartbeat-unchecked",)
    assert live.breaches
    assert again.breaches == live.breaches


def test_the_first_line_says_what_ran(tmp_path: Path) -> None:
    config = Config(raft=RaftConfig(prevote=True), delay_max=0.02)
    with Harness(3, backend="sim", seed=11, config=config) as h, traced(h, tmp_path / "run"):
        assert header_of(h) == read_header(tmp_path, h)
    first = json.loads((tmp_path / "run").read_text().splitlines()[0])
    assert list(first) == ["schema", "version", "nodes", "seed", "backend", "configuration", "bugs"]
    assert (first["schema"], first["nodes"], first["seed"]) == ("raftplay.trace/2", 3, 11)
    assert first["configuration"]["raft"]["prevote"] is True
    assert first["configuration"]["delay_max"] == 0.02


def read_header(tmp_path: Path, h: Harness) -> Header:
    with traced(h, tmp_path / "other"):
        pass
    return read_trace(tmp_path / "other").header


def test_a_line_has_order_time_node_event_fields_and_the_state_after(tmp_path: Path) -> None:
    after = decisions.NodeState(CMState.CANDIDATE, 4, 2, -1, -1, -1, -1)
    path = _write(tmp_path / "run", Record(1, 0.25, 2, 1, decisions.ElectionStarted(4), after))
    assert json.loads(path.read_text().splitlines()[1]) == {
        "seq": 1,
        "time": 0.25,
        "node": 2,
        "incarnation": 1,
        "event": "ElectionStarted",
        "fields": {"term": 4, "rule": "timeout"},
        "after": {
            "state": "Candidate",
            "current_term": 4,
            "voted_for": 2,
            "last_log_index": -1,
            "last_log_term": -1,
            "commit_index": -1,
            "last_applied": -1,
        },
    }


# ---- every kind of event

SAMPLES: dict[Any, Any] = {
    int: 2,
    bool: True,
    str: "newer-term",
    float: 0.5,
    object: {"any": [1, -(2**80), 2.5, None, "ü"]},
    LogEntry: LogEntry("x", 3),
    InternalEntry: InternalEntry(3, "no-op"),
    CommitEntry: CommitEntry([1], 3, 4),
    RequestVoteArgs: RequestVoteArgs(3, 1, 4, 2),
    DisruptiveVoteArgs: DisruptiveVoteArgs(3, 1, 4, 2),
    AppendEntriesArgs: AppendEntriesArgs(3, 1, 4, 2, (LogEntry("x", 3),), 0),
    RequestVoteReply: RequestVoteReply(3, True),
    AppendEntriesReply: AppendEntriesReply(3, False, 2, 1),
    TimeoutNowArgs: TimeoutNowArgs(3, 1),
    TimeoutNowReply: TimeoutNowReply(4, True),
    InstallSnapshotArgs: InstallSnapshotArgs(3, 1, 4, 2, 5, b"\xff", True),
    InstallSnapshotReply: InstallSnapshotReply(3, 6, True),
    ConfirmArgs: ConfirmArgs(3, 1, 7, 6),
    ConfirmReply: ConfirmReply(3, True),
    ReadIndexArgs: ReadIndexArgs(3, 2, 5),
    ReadIndexReply: ReadIndexReply(3, True, 4, 7),
}


def _samples(kind: Any) -> list[Any]:
    """Values of a field of type `kind`."""
    if isinstance(kind, EnumType):
        return list(kind)
    if kind in SAMPLES:
        return [SAMPLES[kind]]
    if isinstance(kind, types.UnionType) or typing.get_origin(kind) is typing.Union:
        return [value for each in typing.get_args(kind) for value in _samples(each)]
    if kind is types.NoneType:
        return [None]
    assert typing.get_origin(kind) is tuple, kind
    of = typing.get_args(kind)
    if of[-1] is Ellipsis:
        return [(), tuple(_samples(of[0]))]
    return [tuple(_samples(each)[0] for each in of)]


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_every_kind_of_event_comes_back_as_it_was(tmp_path: Path, name: str) -> None:
    hints = typing.get_type_hints(EVENTS[name])
    choices = [_samples(kind) for kind in hints.values()]
    count = max((len(values) for values in choices), default=1)
    events = [EVENTS[name](*(values[at % len(values)] for values in choices)) for at in range(count)]
    records = [Record(at + 1, 0.5, -1, 0, event) for at, event in enumerate(events)]
    assert list(read_trace(_write(tmp_path / "run", *records)).records) == records


def test_every_kind_of_event_has_a_name_in_traces() -> None:
    bases = (decisions.DecisionBase, FactBase, FaultBase, ClientFact)
    known = {kind for base in bases for kind in base.__subclasses__()}
    assert set(EVENTS.values()) == known - {decisions.CustomDecision, FaultBase, ClientFact}


# ---- what is no trace

GOOD = '{"seq":1,"time":0.5,"node":0,"incarnation":0,"event":"PreVoteStarted","fields":{"term":1}}'


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("", "this is not a line of a trace"),
        ("{", "this is not a line of a trace"),
        ("[]", "this is not a line of a trace: Expected `object`, got `array`"),
        (GOOD.replace("0.5", '"0.5"'), "Expected `float`, got `str`"),
        (GOOD.replace('"seq":1', '"seq":true'), "Expected `int`, got `bool`"),
        (GOOD.replace("}}", '},"more":1}'), "unknown field `more`"),
        (GOOD.replace("1}", '1,"more":1}'), "unknown field `more`"),
        (GOOD.replace('"term":1', ""), "missing required field `term`"),
        (GOOD.replace("PreVoteStarted", "Elected"), "unknown event 'Elected'"),
        (GOOD.replace('"node":0', '"node":3'), "there is no node 3; the nodes are 0 to 2"),
        (GOOD.replace('"node":0', '"node":-2'), "Expected `int` >= -1"),
        (GOOD.replace('"seq":1', '"seq":0'), "not later than the one before"),
        (GOOD.replace("0.5", "-0.5"), "not later than the one before"),
        (GOOD.replace('{"term":1}', "[" * 5000 + "]" * 5000), "this is not a line of a trace"),
        (GOOD[:-5], "this is not a line of a trace"),
        ('{"seq":1,"time":0,"node":0,"incarnation":0,"event":"MatchAdvanced",'
         '"fields":{"peer":9,"match_index":0}}', "there is no node 9"),
    ],
)  # fmt: skip
def test_a_bad_line_is_named_in_one_sentence(tmp_path: Path, line: str, says: str) -> None:
    path = _write(tmp_path / "run", Record(1, 0.25, 0, 0, decisions.PreVoteStarted(1)))
    good = GOOD.replace('"seq":1', '"seq":2')
    _with_lines(path, good, line.replace('"seq":1', '"seq":3'))
    with pytest.raises(UsageError) as failure:
        list(read_trace(path).records)
    assert str(failure.value).startswith(f"{path}:4: ")
    assert says in str(failure.value)
    assert "\n" not in str(failure.value)


@pytest.mark.parametrize(
    ("first", "says"),
    [
        ("", "the file is empty, not a trace"),
        ("nonsense", "this is not a line of a trace"),
        (
            '{"schema":"raftplay.trace/3"}',
            "the schema is 'raftplay.trace/3'; this version reads 'raftplay.trace/2'",
        ),
        ('{"schema":"raftplay.trace/2"}', "missing required field `version`"),
    ],
)
def test_a_bad_first_line_is_named_at_once(tmp_path: Path, first: str, says: str) -> None:
    path = tmp_path / "run"
    path.write_text(first)
    with pytest.raises(UsageError) as failure:
        read_trace(path)
    assert str(failure.value).startswith(f"{path}:1: ")
    assert says in str(failure.value)


@pytest.mark.parametrize("nodes", [0, 26])
def test_a_trace_of_no_nodes_or_too_many_is_refused(tmp_path: Path, nodes: int) -> None:
    path = _write(tmp_path / "run")
    path.write_text(path.read_text().replace('"nodes":3', f'"nodes":{nodes}'))
    with pytest.raises(UsageError, match="nodes"):
        read_trace(path)


def test_a_line_without_end_is_not_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _write(tmp_path / "run", Record(1, 0.25, 0, 0, decisions.PreVoteStarted(1)))
    monkeypatch.setattr(traces, "MAX_LINE_BYTES", 200)
    _with_lines(path, "x" * 300)
    with pytest.raises(UsageError, match=r"run:3: the line is longer than 200 bytes"):
        list(read_trace(path).records)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"the trace .*nowhere cannot be read: No such file"):
        read_trace(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="cannot be written"):
        TraceWriter(tmp_path / "nowhere" / "run", HEADER)


def test_a_trace_that_could_not_be_written_to_its_end_says_so_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    writer = TraceWriter(tmp_path / "run", HEADER)
    with pytest.raises(UsageError, match="run' cannot be written: No space left on device"):
        writer.close()
    assert os.listdir(tmp_path) == []


def test_a_trace_for_which_there_is_no_room_is_said_once() -> None:
    with pytest.raises(ReaderFailed, match=r"^'/dev/full' cannot be written: No space left on device$"):  # noqa: PT012 - in any wait
        setup = Setup(nodes=3, backend="sim", seed=1)
        with opened(setup, Path("/dev/full")) as session, session:
            while True:
                session.harness.sleep_ms(100)


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["\n"], "this is not a line of a trace"),
        ([json.dumps(msgspec.to_builtins(HEADER), separators=(",", ":"))], "unknown field `schema`"),
        (['{"branch":"b","parent":"main","since":1}'] * 2, "no event since the branch mark before this one"),
        (['{"branch":"main"}'] * 2, "no event since the branch mark before this one"),
    ],
)
def test_a_line_that_the_writer_does_not_write_is_no_event(tmp_path: Path, lines: list[str], says: str) -> None:
    path = _write(tmp_path / "run", Record(1, 0.25, 0, 0, decisions.PreVoteStarted(1)))
    before, end = path.read_text().splitlines()[:-1], path.read_text().splitlines()[-1]
    path.write_text("\n".join([*before, *(line.strip("\n") for line in lines), end]) + "\n")
    with pytest.raises(UsageError, match=f"run:{2 + len(lines)}: .*{re.escape(says)}"):
        read_trace(path)


# ---- what is missing, and what is there already


def _events(count: int) -> list[Record]:
    return [Record(at + 1, 0.5, 0, 0, decisions.PreVoteStarted(at)) for at in range(count)]


@pytest.mark.parametrize("gone", range(1, 8))
def test_a_line_that_is_missing_is_noticed_whichever_it_is(tmp_path: Path, gone: int) -> None:
    path = _write(tmp_path / "run", *_events(6))
    lines = path.read_text().splitlines(keepends=True)
    assert len(lines) == 8
    path.write_text("".join(lines[:gone] + lines[gone + 1 :]))
    with pytest.raises(UsageError, match="is not complete"):
        read_trace(path)
    if gone < 7:  # the end mark counts with it
        path.write_text(path.read_text().replace('{"end":6}', '{"end":5}'))
        if gone == 6:
            assert len(list(read_trace(path).records)) == 5  # which no reader could know
            return
        with pytest.raises(UsageError, match=f"run:{gone + 1}: event {gone} is missing before event {gone + 1}"):
            list(read_trace(path).records)


@pytest.mark.parametrize("cut", [1, 5, 20, 100, 300])
def test_a_trace_that_is_cut_off_anywhere_is_noticed(tmp_path: Path, cut: int) -> None:
    path = _write(tmp_path / "run", *_events(6))
    path.write_bytes(path.read_bytes()[:-cut] if cut > 1 else path.read_bytes() + b"x")
    with pytest.raises(UsageError):
        list(read_trace(path).records)


def test_a_trace_of_the_schema_before_is_read_without_an_end_mark(tmp_path: Path) -> None:
    path = _write(tmp_path / "run", *_events(3))
    *lines, _ = path.read_text().replace("raftplay.trace/2", "raftplay.trace/1").splitlines(keepends=True)
    path.write_text("".join(lines))
    assert list(read_trace(path).records) == _events(3)


def test_a_trace_is_there_when_it_is_complete_and_never_in_place_of_another_file(tmp_path: Path) -> None:
    path = tmp_path / "run"
    with Harness(3, backend="sim", seed=1) as h:
        with traced(h, path):
            assert not path.exists()
        kept = path.read_bytes()
        with pytest.raises(UsageError, match=r"there is a file .*run' already"), traced(h, path):
            pass
        assert (path.read_bytes(), os.listdir(tmp_path)) == (kept, ["run"])
        with traced(h, path, force=True):
            h.sleep_ms(400)
            assert path.read_bytes() == kept
        assert path.read_bytes() != kept
    assert os.listdir(tmp_path) == ["run"]


# ---- where it begins


@pytest.mark.parametrize("watch", [True, False])
@pytest.mark.parametrize("backend", ["sim", "tcp"])
def test_a_trace_begins_with_the_start_of_every_node_also_over_a_data_directory(
    tmp_path: Path, watch: bool, backend: str
) -> None:
    with Harness(3, backend="sim", seed=1, data_dir=tmp_path / "data") as h:
        for command in range(5):
            h.submit_to_server(h.check_single_leader()[0], command)
        h.sleep_ms(300)
    with (
        Harness(3, backend=backend, seed=2, watch=watch, data_dir=tmp_path / "data") as h,
        traced(h, tmp_path / "run"),
    ):
        h.submit_to_server(h.check_single_leader()[0], "x")
        assert h.wait_until(lambda: all(len(commits) == 6 for commits in h.commits))
    header, runs = read_trace(tmp_path / "run")
    begins = list(runs[0].records)[:3]
    assert [record.seq for record in begins] == [1, 2, 3]
    assert header.first == 1
    assert [len(record.event.entries) for record in begins if isinstance(record.event, decisions.Started)] == [
        5,
        5,
        5,
    ]
    assert replay_text(tmp_path / "run")[0]


def test_a_trace_that_begins_later_than_its_cluster_says_so(tmp_path: Path) -> None:
    with Harness(3, backend="sim", seed=1) as h:
        h.check_single_leader()
        with traced(h, tmp_path / "run"):
            h.sleep_ms(100)
    assert read_trace(tmp_path / "run").header.first > 1
    assert "earlier events were not checked" in replay_text(tmp_path / "run")[1]
    list(read_trace(tmp_path / "run").records)


# ---- branches


def _traced_session(path: Path, *lines: str, bugs: tuple[str, ...] = ()) -> dict[str, list[Record]]:
    """Do lines in a session with a trace; what happened in each branch, as played again."""
    told: dict[str, list[Record]] = {}
    with opened(Setup(nodes=3, backend="sim", seed=5, bugs=list(bugs)), Target(path)) as session, session:
        perform(session, *lines)
        for name, branch in session.branches.items():
            told[name] = list(branch.history.records())
    return told


def test_a_trace_goes_on_with_its_branches_and_each_is_a_run(tmp_path: Path) -> None:
    told = _traced_session(
        tmp_path / "run", "wait leader; submit a; wait committed a; back 9", "submit b; wait committed b; back 4",
        "restart 0", "crash 0", "switch main", "submit c; sleep 50ms", "switch b2", "restart 0", "switch b1; sleep 1ms",
    )  # fmt: skip
    runs = read_trace(tmp_path / "run").runs
    assert [(run.branch, run.parent) for run in runs] == [("main", ""), ("b1", "main"), ("b2", "b1")]
    for run in runs:
        records = list(run.records)
        assert records[: len(told[run.branch])] == told[run.branch]
        assert all(isinstance(r.event, decisions.Stopped | FactBase) for r in records[len(told[run.branch]) :])
    held, text = replay_text(tmp_path / "run")
    assert held
    assert [line for line in text.splitlines() if "branch b2 (from b1 at event " in line]


def test_a_name_that_a_branch_had_which_came_to_nothing_can_be_another_ones(tmp_path: Path) -> None:
    told = _traced_session(tmp_path / "run", "wait leader; submit a; back", "restart 0", "restart 1", "crash 0")
    runs = read_trace(tmp_path / "run").runs
    assert runs[-1].branch == "b1"
    records = list(runs[-1].records)
    assert records[: len(told["b1"])] == told["b1"]
    assert replay_text(tmp_path / "run")[0]


def test_a_branch_in_which_an_invariant_broke_is_told_from_the_others(tmp_path: Path) -> None:
    with pytest.raises(InvariantBroken):
        _traced_session(
            tmp_path / "run", "timeout 0; wait leader is 0; disconnect 2; submit 1; wait committed 1 on 2; sleep 20ms",
            "back 2", "crash 0; reconnect 2; timeout 2; sleep 150ms", bugs=("no-log-check",),
        )  # fmt: skip
    held, text = replay_text(tmp_path / "run")
    assert not held
    _, branch, *breaches = text.splitlines()
    assert "branch b1 (from main" in branch
    assert breaches
    assert all("broke" in line for line in breaches)


@pytest.mark.parametrize("mark", ['{"branch":"b1"}', '{"branch":"b1","parent":"b7","since":1}', '{"branch":7}'])
def test_a_mark_of_no_branch_is_named_with_its_line(tmp_path: Path, mark: str) -> None:
    path = _write(tmp_path / "run", *_events(2))
    path.write_text(path.read_text().replace('{"end"', mark + '\n{"end"'))
    with pytest.raises(UsageError, match="run:4: "):
        read_trace(path)


# ---- the schema in words


def test_help_describes_every_line_event_field_and_rule() -> None:
    text = " ".join(help_text("trace").split())
    for name, kind in EVENTS.items():
        fields = ", ".join(
            f"{field.name}{'' if field.required else '?'}: {type_text(typing.get_type_hints(kind)[field.name])}"
            for field in msgspec.structs.fields(kind)
        )
        about = " ".join(kind.__doc__.replace("`", "").split()) if kind.__doc__ else ""
        assert about
        assert f" {name}{f' ({fields})' if fields else ''}: {about}" in text
    for kind in (
        Header,
        traces.EventLine,
        decisions.NodeState,
        traces.BranchMark,
        traces.EndMark,
        AppendEntriesArgs,
        RequestVoteReply,
    ):
        assert fields_text(kind) in text
    for rule in Rule:
        assert f" {rule}: " in text


def test_every_type_of_a_field_is_described() -> None:
    described = {*LINES, *(kind.__name__ for kind in ARRAYS)}
    for kind in (*EVENTS.values(), *ARRAYS, *LINES.values()):
        for word in re.findall(r"\b[A-Z]\w+", fields_text(kind).replace("JSON", "")):
            assert word in described, (kind, word)


@pytest.mark.parametrize("width", [60, 100])
def test_the_schema_fits_its_width(width: int) -> None:
    assert all(len(line) <= width for line in help_text("trace", width).split("\n"))
