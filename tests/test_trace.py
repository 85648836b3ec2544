"""A trace says all that happened, can be read again, and makes the watchers see the same."""

import io
import json
import types
import typing
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from churn import Churn

from raftplay import AppendEntriesArgs, Config, Harness, LogEntry, RaftConfig, UsageError
from raftplay.raft import events as dec
from raftplay.raft.messages import AppendEntriesReply, CommitEntry, RequestVoteArgs, RequestVoteReply
from raftplay.watch import trace as traces
from raftplay.watch.events import Fact, Record
from raftplay.watch.invariants import Invariants
from raftplay.watch.trace import EVENTS, Header, TraceWriter, header_of, read_trace, replay, traced

HEADER = Header(traces.SCHEMA, "0.1.0", 3, 7, "sim", {}, ())


def _write(path: Path, *records: Record) -> Path:
    writer = TraceWriter(path, HEADER)
    for record in records:
        writer(record)
    writer.close()
    return path


def test_a_run_in_sim_is_read_as_it_was(tmp_path: Path) -> None:
    told: list[Record] = []
    with Harness(4, backend="sim", seed=5) as h, traced(h, tmp_path / "run"):
        h.stream.attach(told.append)
        Churn(h, 5, Churn.MIXES[-1]).run(5)
        h.stream.detach(told.append)
    assert len(told) > 500
    assert list(read_trace(tmp_path / "run").records) == told


def test_a_run_over_sockets_is_read_as_it_was(tmp_path: Path) -> None:
    told: list[Record] = []
    with Harness(3) as h, traced(h, tmp_path / "run"):
        h.stream.attach(told.append)
        leader, _ = h.check_single_leader()
        h.submit_to_server(leader, {"deep": [1, 2.5, None, "ü"]})
        assert h.wait_until(lambda: all(len(commits) == 1 for commits in h.commits))
    read = list(read_trace(tmp_path / "run").records)
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
    assert (first["schema"], first["nodes"], first["seed"]) == ("raftplay.trace/1", 3, 11)
    assert first["configuration"]["raft"]["prevote"] is True
    assert first["configuration"]["delay_max"] == 0.02


def read_header(tmp_path: Path, h: Harness) -> Header:
    with traced(h, tmp_path / "other"):
        pass
    return read_trace(tmp_path / "other").header


def test_a_line_has_order_time_node_event_fields_and_the_state_after(tmp_path: Path) -> None:
    after = dec.NodeState("Candidate", 4, 2, -1, -1, -1, -1)
    path = _write(tmp_path / "run", Record(1, 0.25, 2, 1, dec.ElectionStarted(4), after))
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
    CommitEntry: CommitEntry([1], 3, 4),
    RequestVoteArgs: RequestVoteArgs(3, 1, 4, 2),
    AppendEntriesArgs: AppendEntriesArgs(3, 1, 4, 2, (LogEntry("x", 3),), 0),
    RequestVoteReply: RequestVoteReply(3, True),
    AppendEntriesReply: AppendEntriesReply(3, False, 2, 1),
}


def _samples(kind: Any) -> list[Any]:
    """Values of a field of type `kind`."""
    if kind in SAMPLES:
        return [SAMPLES[kind]]
    if isinstance(kind, types.UnionType) or typing.get_origin(kind) is typing.Union:
        return [value for each in typing.get_args(kind) for value in _samples(each)]
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
    assert set(EVENTS.values()) == {*dec.Decision.__subclasses__(), *Fact.__subclasses__()}


# ---- what is no trace

GOOD = '{"seq":1,"time":0.5,"node":0,"incarnation":0,"event":"PreVoteStarted","fields":{"term":1}}'


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("", "this is no line of a trace"),
        ("{", "this is no line of a trace"),
        ("[]", "this is no line of a trace: Expected `object`, got `array`"),
        (GOOD.replace("0.5", '"0.5"'), "Expected `float`, got `str`"),
        (GOOD.replace('"seq":1', '"seq":true'), "Expected `int`, got `bool`"),
        (GOOD.replace("}}", '},"more":1}'), "unknown field `more`"),
        (GOOD.replace("1}", '1,"more":1}'), "unknown field `more`"),
        (GOOD.replace('"term":1', ""), "missing required field `term`"),
        (GOOD.replace("PreVoteStarted", "Elected"), "there is no event 'Elected'"),
        (GOOD.replace('"node":0', '"node":3'), "there is no node 3; the nodes are 0 to 2"),
        (GOOD.replace('"node":0', '"node":-2'), "Expected `int` >= -1"),
        (GOOD.replace('"seq":1', '"seq":0'), "not later than the one before"),
        (GOOD.replace("0.5", "-0.5"), "not later than the one before"),
        (GOOD.replace('{"term":1}', "[" * 5000 + "]" * 5000), "this is no line of a trace"),
        (GOOD[:-5], "this is no line of a trace"),
        ('{"seq":1,"time":0,"node":0,"incarnation":0,"event":"MatchAdvanced",'
         '"fields":{"peer":9,"match_index":0}}', "there is no node 9"),
    ],
)  # fmt: skip
def test_a_bad_line_is_named_in_one_sentence(tmp_path: Path, line: str, says: str) -> None:
    path = _write(tmp_path / "run", Record(1, 0.25, 0, 0, dec.PreVoteStarted(1)))
    good = GOOD.replace('"seq":1', '"seq":2')
    path.write_text(path.read_text() + good + "\n" + line.replace('"seq":1', '"seq":3') + "\n")
    trace = read_trace(path)
    with pytest.raises(UsageError) as failure:
        list(trace.records)
    assert str(failure.value).startswith(f"{path}:4: ")
    assert says in str(failure.value)
    assert "\n" not in str(failure.value)


@pytest.mark.parametrize(
    ("first", "says"),
    [
        ("", "the file is empty, and no trace"),
        ("nonsense", "this is no line of a trace"),
        (
            '{"schema":"raftplay.trace/2"}',
            "the schema is 'raftplay.trace/2'; 'raftplay.trace/1' is what can be read",
        ),
        ('{"schema":"raftplay.trace/1"}', "missing required field `version`"),
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
    path = _write(tmp_path / "run", Record(1, 0.25, 0, 0, dec.PreVoteStarted(1)))
    monkeypatch.setattr(traces, "MAX_LINE_BYTES", 200)
    path.write_text(path.read_text() + "x" * 300)
    with pytest.raises(UsageError, match=r"run:3: the line is longer than 200 bytes"):
        list(read_trace(path).records)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"the trace .*nowhere cannot be read: No such file"):
        read_trace(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="cannot be written"):
        TraceWriter(tmp_path / "nowhere" / "run", HEADER)


class _Full(io.BytesIO):
    """A file on a disk that is full when it is closed."""

    def close(self) -> None:
        raise OSError(28, "No space left on device")


def test_a_trace_that_could_not_be_written_to_its_end_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def open_full(*_: object) -> BinaryIO:
        return _Full()

    monkeypatch.setattr(traces, "open", open_full, raising=False)
    writer = TraceWriter("run", HEADER)
    monkeypatch.undo()
    with pytest.raises(UsageError, match="the trace run is not complete: No space left on device"):
        writer.close()
