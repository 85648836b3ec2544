"""Each format is read back by what its users open it with, where it can be had, else by its documented schema."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from raftplay import scenarios
from raftplay.commands.setup import Setup
from raftplay.errors import UsageError
from raftplay.export import FORMATS, export, shiviz
from raftplay.export.mermaid import MOST_MESSAGES, plain
from raftplay.export.recording import Recording, of_script
from raftplay.run.script import parse_script

STORIES = ("leader-failover", "split-brain", "prevote")
TEXT_FORMATS = ("mermaid", "shiviz", "perfetto", "itf", "etcd")


@pytest.fixture(scope="module", params=STORIES)
def recording(request: pytest.FixtureRequest) -> Recording:
    script = parse_script(request.param, scenarios.text_of(request.param), Setup(backend="sim", seed=1))
    return of_script(script)


@pytest.fixture
def written(recording: Recording, tmp_path: Path):
    def read(name: str) -> str:
        return export(recording, tmp_path / "file", format=name).read_text("utf-8")

    return read


@pytest.mark.parametrize("name", TEXT_FORMATS)
def test_equal_recordings_make_equal_files(recording: Recording, name: str, tmp_path: Path):
    files = [export(recording, tmp_path / f"{number}", format=name).read_bytes() for number in (1, 2)]
    assert files[0] == files[1]


# ---- Mermaid

LINE = re.compile(r"sequenceDiagram|    (participant n\d+|Note over n\d+(,n\d+)?: .+|n\d+-?-(>>|x)n\d+: .+)")


def test_a_mermaid_diagram_has_lines_of_its_grammar_with_plain_texts(written):
    lines = written("mermaid").rstrip("\n").split("\n")
    assert lines[0] == "sequenceDiagram"
    assert [line for line in lines if not LINE.fullmatch(line)] == []
    texts = [re.sub(r"#\d+;", "", line.partition(": ")[2]) for line in lines[1:]]
    assert not re.search(r"[;#<>{}\"%]", "".join(texts))
    assert any("leads" in text for text in texts)
    assert any("heartbeats ×" in line for line in lines)


def test_a_mermaid_diagram_has_at_most_two_hundred_messages(tmp_path: Path):
    text = "backend sim\nseed 1\nwait leader\nrepeat 60\nsubmit x\nsleep 20ms\nend\n"
    file = export(parse_script("long", text), tmp_path / "long.mmd").read_text("utf-8")
    assert len(re.findall(r"n\d--?(?:>>|x)n\d", file)) == MOST_MESSAGES
    assert re.search(r"\d+ more messages are left out", file)


def test_text_of_users_means_nothing_in_a_diagram():
    assert plain('a;b #1 <i> "x" end\n%%') == "a#59;b #35;1 #60;i#62; #34;x#34; end#10;#37;#37;"


# ---- ShiViz


def test_a_shiviz_log_matches_its_expression_and_its_clocks_count(written):
    log = written("shiviz")
    events = [match.groupdict() for match in re.finditer(shiviz.PATTERN, log)]
    assert sum(len(match.group()) + 1 for match in re.finditer(shiviz.PATTERN, log)) == len(log)
    seen: dict[str, int] = {}
    for event in events:
        clock = json.loads(event["clock"])
        seen[event["host"]] = seen.get(event["host"], 0) + 1
        assert clock[event["host"]] == seen[event["host"]]
        assert all(count <= seen.get(host, 0) for host, count in clock.items()), "nothing of the future"
    assert any(len(json.loads(event["clock"])) > 3 for event in events), "clocks are passed on"


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ('n0 {"n0":1}\nstarts\nnonsense\n', "line 3"),
        ('n0 {"n0":2}\nstarts\n', "does not count on"),
        ('n0 {"n0":1,"n1":1}\nstarts\n', "knows of what comes later"),
    ],
)
def test_a_log_that_shiviz_would_reject_is_not_written(log: str, words: str):
    with pytest.raises(UsageError, match=words):
        shiviz.check(log)


# ---- Perfetto


def test_a_perfetto_trace_is_of_the_documented_trace_events(written):
    value = json.loads(written("perfetto"))
    assert value["displayTimeUnit"] == "ms"
    flows: dict[int, list[str]] = {}
    for event in value["traceEvents"]:
        assert {"name", "ph", "ts", "pid", "tid"} <= event.keys()
        assert isinstance(event["ts"], int)
        assert event["ph"] in "MXisfC"
        assert (event["ph"] == "X") == ("dur" in event)
        assert event["ph"] != "i" or event["s"] in "tp"
        if event["ph"] in "sf":
            flows.setdefault(event["id"], []).append(event["ph"])
    assert set(map(tuple, flows.values())) == {("s", "f")}, "each arrow begins and ends"
    roles = [event["name"] for event in value["traceEvents"] if event.get("cat") == "role"]
    assert "leader, term 1" in roles


# ---- ITF


def plain_value(value: Any) -> Any:
    """A value of ITF as the format's description reads it."""
    if isinstance(value, dict):
        if "#bigint" in value:
            return int(value["#bigint"])
        if "#map" in value:
            return {plain_value(key): plain_value(item) for key, item in value["#map"]}
        if "#set" in value:
            return frozenset(map(plain_value, value["#set"]))
        return {key: plain_value(item) for key, item in value.items() if key != "#meta"}
    return [plain_value(item) for item in value] if isinstance(value, list) else value


def test_an_itf_trace_ends_in_the_state_of_the_cluster(written, recording: Recording):
    value = json.loads(written("itf"))
    assert value["#meta"]["format"] == "ITF"
    assert [state["#meta"]["index"] for state in value["states"]] == list(range(len(value["states"])))
    assert all(set(state) - {"#meta"} == set(value["vars"]) for state in value["states"])
    last = plain_value(value["states"][-1])
    nodes = recording.now.nodes
    assert last["currentTerm"] == {node.id: node.current_term for node in nodes}
    assert last["votedFor"] == {node.id: node.voted_for for node in nodes}
    assert {id: len(log) for id, log in last["log"].items()} == {node.id: len(node.log) for node in nodes}


def test_an_itf_trace_is_read_by_its_library(written):
    itf_py = pytest.importorskip("itf_py", reason="itf-py, which reads the format, is not installed")
    trace = itf_py.trace_from_json(json.loads(written("itf")))
    assert len(trace.states) > 10
    assert "currentTerm" in trace.vars


# ---- etcd

NAMES = {
    "InitState", "BecomeCandidate", "BecomeFollower", "BecomeLeader", "Commit", "Replicate",
    *(f"{verb}{kind}{way}" for verb in ("Send", "Receive") for kind in ("AppendEntries", "RequestVote") for way in ("Request", "Response")),
}  # fmt: skip


def test_an_etcd_trace_has_the_events_and_fields_of_its_writer(written, recording: Recording):
    lines = [json.loads(line) for line in written("etcd").splitlines()]
    assert {line["tag"] for line in lines} == {"trace"}
    for line in lines:
        event = line["event"]
        assert event["name"] in NAMES
        assert event["role"] in ("StateFollower", "StateCandidate", "StatePreCandidate", "StateLeader")
        assert int(event["nid"]) >= 1
        assert set(event["state"]) == {"term", "vote", "commit"}
        assert event["state"]["commit"] <= event["log"]
        assert type(event["log"]) is type(event["applied"]) is int
        assert event["applied"] <= event["state"]["commit"]
        assert event["conf"] == [[str(id + 1) for id in range(recording.size)], []]
        message = event.get("msg")
        assert (message is not None) == event["name"].startswith(("Send", "Receive"))
        if message is not None:
            assert message["type"] in ("MsgApp", "MsgAppResp", "MsgVote", "MsgVoteResp")
            assert {field: type(value) for field, value in message.items()} == {
                **dict.fromkeys(("type", "from", "to", "vote"), str),
                **dict.fromkeys(("term", "entries", "logTerm", "index", "commit", "rejectHint"), int),
                "reject": bool,
            }
            assert event["nid"] == message["from" if event["name"].startswith("Send") else "to"]
    leads = [line["event"] for line in lines if line["event"]["name"] == "BecomeLeader"]
    assert leads
    assert all(event["role"] == "StateLeader" and event["state"]["vote"] == event["nid"] for event in leads)


def test_every_format_has_a_test_here_or_in_a_file_of_its_own():
    tests = "".join(file.read_text("utf-8") for file in Path(__file__).parent.glob("test_*.py"))
    assert [row.name for row in FORMATS if f'"{row.name}"' not in tests and f".{row.name}" not in tests] == []
