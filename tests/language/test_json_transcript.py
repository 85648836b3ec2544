"""The transcript for programs: its schema, as the docstring of `raftplay.run.transcript` documents it."""

import json
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
from support.language import ran

from raftplay import scenarios
from raftplay.commands.setup import Setup
from raftplay.run import transcript
from raftplay.run.golden import rewrite_script, verify_script
from raftplay.run.runner import JsonTranscript, run_script
from raftplay.run.script import parse_script


class Node(msgspec.Struct, forbid_unknown_fields=True):
    id: int
    state: Literal["Follower", "Pre-candidate", "Candidate", "Leader", "Dead"]
    term: int
    vote: int
    log: list[tuple[int, Any]]
    commit: int
    alive: bool
    connected: bool
    frozen: bool
    tearing: bool


class State(msgspec.Struct, forbid_unknown_fields=True):
    nodes: list[Node]
    network: list[str]


class Begin(msgspec.Struct, tag_field="kind", tag="begin", forbid_unknown_fields=True):
    script: str
    nodes: int
    backend: Literal["sim", "tcp"]
    seed: int
    node: str
    bugs: list[str]
    election: tuple[float, float]
    heartbeat: float
    delay: tuple[float, float]
    prevote: bool
    noop: bool
    unreliable: bool
    more_reelection: bool
    data_dir: str | None
    checkquorum: Literal[True] | msgspec.UnsetType = msgspec.UNSET
    sticky: Literal[True] | msgspec.UnsetType = msgspec.UNSET
    snapshot: int | msgspec.UnsetType = msgspec.UNSET
    sessions: Literal[False] | msgspec.UnsetType = msgspec.UNSET
    reads: Literal["index", "lease", "local"] | msgspec.UnsetType = msgspec.UNSET
    drift: int | msgspec.UnsetType = msgspec.UNSET


class Comment(msgspec.Struct, tag_field="kind", tag="comment", forbid_unknown_fields=True):
    line: int
    text: str


class Step(msgspec.Struct, tag_field="kind", tag="step", forbid_unknown_fields=True):
    line: int | None
    column: int | None
    command: str
    time: float
    status: Literal["held", "failed", "broken", "error"]
    answer: str | msgspec.UnsetType = msgspec.UNSET
    reason: str | msgspec.UnsetType = msgspec.UNSET
    state: State | msgspec.UnsetType = msgspec.UNSET
    again: str | msgspec.UnsetType = msgspec.UNSET

    def __post_init__(self) -> None:
        given = {
            name for name in ("answer", "reason", "state", "again") if getattr(self, name) is not msgspec.UNSET
        }
        assert (
            given
            == {
                "held": {"answer"},
                "failed": {"reason", "state"},
                "broken": {"reason", "state", "again"},
                "error": {"reason"},
            }[self.status]
        )


class Difference(msgspec.Struct, tag_field="kind", tag="difference", forbid_unknown_fields=True):
    line: int
    commands: str
    time: float
    expected: list[str]
    got: list[str]


class End(msgspec.Struct, tag_field="kind", tag="end", forbid_unknown_fields=True):
    status: Literal["held", "failed", "misused", "interrupted"]
    time: float
    steps: int
    compared: int | msgspec.UnsetType = msgspec.UNSET
    differences: int | msgspec.UnsetType = msgspec.UNSET


class File(msgspec.Struct, tag_field="kind", tag="file", forbid_unknown_fields=True):
    path: str
    changed: bool
    added: int
    updated: int


class Clients(msgspec.Struct, tag_field="kind", tag="clients", forbid_unknown_fields=True):
    outcome: Literal["linearizable", "violated", "undecided"]
    report: list[str]
    time: float


KINDS = (Begin, Comment, Step, Difference, Clients, End, File)

decoder = msgspec.json.Decoder(Begin | Comment | Step | Difference | Clients | End | File)


def lines_of(text: str, *, name: str = "s", quiet: bool = False, **overrides: Any) -> list[str]:
    lines: list[str] = []
    script = parse_script(name, text, Setup(**{"backend": "sim", "seed": 7, **overrides}))
    run_script(script, JsonTranscript(lines.append, quiet=quiet))
    return lines


@pytest.mark.parametrize("name", [*scenarios.names(), "bugs/forget-vote"])
def test_every_line_is_an_object_of_the_schema(name: str) -> None:
    lines = lines_of(scenarios.text_of(name), name=name)
    objects = [decoder.decode(line) for line in lines]
    assert isinstance(objects[0], Begin)
    assert isinstance(objects[-1], End)
    assert {type(o) for o in objects[1:-1]} <= {Comment, Step, Clients}
    assert all(line.isascii() and "\n" not in line and line.isprintable() for line in lines)


@pytest.mark.parametrize(
    ("text", "step", "end"),
    [
        ("now", "held", "held"),
        ("expect leader", "failed", "failed"),
        ("restart 1", "error", "misused"),
        (scenarios.text_of("bugs/half-is-majority"), "broken", "failed"),
    ],
)
def test_each_end_of_a_step_has_the_keys_that_are_documented(text: str, step: str, end: str) -> None:
    *_, last, closing = (decoder.decode(line) for line in lines_of(text))
    assert (last.status, closing.status) == (step, end)


def test_the_documentation_names_every_key() -> None:
    assert transcript.__doc__ is not None
    keys = {field.name for kind in (*KINDS, State, Node) for field in msgspec.structs.fields(kind)}
    keys |= {kind.__struct_config__.tag for kind in KINDS}
    assert [key for key in keys if key not in transcript.__doc__] == []


def test_a_step_knows_its_place_and_its_command_as_written() -> None:
    (step,) = ran("nodes 3\n\n  submit  'a  b'   to 1 # c\n").steps
    assert (step["line"], step["column"], step["command"]) == (3, 3, "submit  'a  b'   to 1")


def test_the_state_holds_logs_of_any_value_and_what_is_wrong_between_the_nodes() -> None:
    run = ran(
        "timeout 0; wait leader is 0; submit 'a\"b'; submit -5; cut 0->1; disconnect 4; crash 3; expect no leader"
    )
    state = run.last["state"]
    assert state["nodes"][0]["log"] == [[1, 'a"b'], [1, -5]]
    assert [node["connected"] for node in state["nodes"]] == [True, True, True, False, False]
    assert [node["alive"] for node in state["nodes"]] == [True, True, True, False, True]
    assert state["network"] == ["link 0->1: cut"]


def test_hostile_text_stays_text() -> None:
    hostile = "\x1b[2J\u202e\x7f\x9b\U0001f600"
    lines = lines_of(
        f"# {hostile}\ntimeout 0; wait leader is 0; submit '{hostile}'; expect no leader", name=hostile
    )
    objects = [json.loads(line) for line in lines]
    assert all(line.isascii() and line.isprintable() for line in lines)
    assert objects[0]["script"] == hostile
    assert objects[1]["text"] == hostile
    assert objects[-2]["state"]["nodes"][0]["log"] == [[1, hostile]]


def test_a_name_that_is_no_text_is_still_a_line_of_json() -> None:
    begin = lines_of("", name="\udcff")[0]
    assert json.loads(begin)["script"] == "\udcff"
    assert begin.isascii()


def test_a_quiet_transcript_holds_what_did_not_hold_and_the_end() -> None:
    assert [decoder.decode(line) for line in lines_of("# c\nnow", quiet=True)] == [End("held", 0.0, 1)]
    step, _ = (decoder.decode(line) for line in lines_of("# c\nnow\nexpect leader", quiet=True))
    assert (step.status, step.line) == ("failed", 3)


def test_a_quiet_transcript_tells_of_clients_whose_answers_no_order_explains() -> None:
    story = "set reads local\nwait leader; put x 1; put x 2\n"
    stale = "let old = leader; disconnect $old; wait leader; put x 3 to leader; get x as bob to $old"
    assert [json.loads(line)["kind"] for line in lines_of(story, quiet=True)] == ["end"]
    clients, end = [json.loads(line) for line in lines_of(story + stale, quiet=True)]
    assert (clients["kind"], clients["outcome"], end["status"]) == ("clients", "violated", "failed")


def test_the_begin_says_what_is_set_of_snapshots_and_clients() -> None:
    begin = msgspec.json.decode(
        lines_of("set snapshot 5\nset sessions off\nset reads local\nset drift 20")[0], type=Begin
    )
    assert (begin.snapshot, begin.sessions, begin.reads, begin.drift) == (5, False, "local", 20)


def test_what_verify_and_rewrite_have_to_say_are_objects_of_the_schema(tmp_path: Path) -> None:
    file = tmp_path / "s.txt"
    file.write_text("now\n----\n\x1b[2J\n\nlog\n")
    lines: list[str] = []
    same = Setup(backend="sim", seed=7)
    verify_script(parse_script("s", file.read_text(), same), JsonTranscript(lines.append))
    rewrite_script(str(file), file.read_bytes(), same, JsonTranscript(lines.append))
    objects = [decoder.decode(line) for line in lines]
    assert [type(o) for o in objects] == [Begin, Step, Difference, Step, End, Begin, Step, Step, End, File]
    assert objects[2] == Difference(1, "now", 0.0, ["\x1b[2J"], ["0.000 s"])
    assert objects[4] == End("failed", 0.0, 2, compared=1, differences=1)
    assert objects[-1] == File(str(file), True, 1, 1)
    assert all(line.isascii() and line.isprintable() for line in lines)
