"""Mutated frames and generated scripts, by the thousand; and that whoever throws them sees what goes wrong."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import get_args

import pytest
from support.amount import THOROUGH, several
from support.backends import elect, nothing_left_over, take_loop
from support.command_line import raftplay
from support.strangers import Client, secret_of

from raftplay import Harness, UsageError
from raftplay.backends import sockets, wire
from raftplay.explore import gauge
from raftplay.explore.fuzz import frames, scripts
from raftplay.explore.fuzz.command import fuzz
from raftplay.explore.fuzz.frames import fuzz_frames
from raftplay.explore.fuzz.mutate import Mutator
from raftplay.explore.fuzz.scripts import fuzz_scripts
from raftplay.explore.gauge import Gauge, ResourceUse, left_over
from raftplay.language.cursor import Cursor, Scope
from raftplay.language.lexer import split_line
from raftplay.language.repeats import END, REPEAT
from raftplay.language.table import TABLE
from raftplay.raft.messages import Args, Reply
from raftplay.run.script import ScriptRefused, parse_script
from raftplay.session.status import Status


def thrown(what: str, count: int, out: Path = Path("unwritten"), seed: int = 1) -> tuple[Status, str]:
    """Throw some; the status, and what is said."""
    heard: list[str] = []
    status = fuzz(what, count, seed, heard.append, out=out, watch=lambda _: None)
    return status, "\n".join(heard)


# ---- frames


@pytest.mark.parametrize(
    ("kind", "count"), [("uvloop", 20_000 if THOROUGH else 2_000), ("asyncio", several(2_000))]
)
def test_mutated_frames_stop_no_cluster_and_leave_nothing(
    kind: str, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some of them; a million: raftplay fuzz frames."""
    take_loop(kind, monkeypatch)
    with nothing_left_over():
        report = fuzz_frames(count, seed=1)
    assert report.sent == count
    assert report.fates["closed the connection"] > count // 2
    assert report.fates["answered"] > count // 100
    assert report.fates["never ended"] > count // 100
    assert report.gauge.growth() is None
    assert report.terms > 1 or count < 1000  # some were votes that a peer may ask for


def test_every_kind_of_message_is_among_what_is_mutated() -> None:
    calls = {type(frame.args) for frame in frames._corpus(2) if isinstance(frame, wire.Call)}
    replies = {type(frame.reply) for frame in frames._corpus(2) if isinstance(frame, wire.Answered)}
    assert calls == set(get_args(Args))
    assert replies == set(get_args(Reply))
    for frame in frames._corpus(2):
        assert wire.decode(wire.encode(frame)[wire.LENGTH_BYTES :]) == frame
        kind = "call" if isinstance(frame, wire.Call) else "reply"
        assert frames._belongs(frame, 2, kind)
        assert not frames._deceives(frame, kind)


def test_every_frame_comes_from_the_seed() -> None:
    corpus = [wire.encode(frame)[wire.LENGTH_BYTES :] for frame in frames._corpus(1)]
    mutator, again = Mutator(corpus, Random(3)), Mutator(corpus, Random(3))
    texts = [mutator.text() for _ in range(3000)]
    assert texts == [again.text() for _ in range(3000)]
    assert len(set(texts)) > 2500
    assert max(map(len, texts)) > 20_000


def test_an_exception_that_escapes_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("inside")

    monkeypatch.setattr(sockets.Accepted, "_answer", fail)
    monkeypatch.setattr(frames, "PATIENCE", 1.0)
    status, said = thrown("frames", 2000)
    assert status is Status.FAILED
    assert "ZeroDivisionError" in said


def test_a_node_that_bears_with_bad_frames_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire.FrameReader, "feed", forgiving(wire.FrameReader.feed))
    monkeypatch.setattr(frames, "PATIENCE", 0.3)
    status, said = thrown("frames", 200)
    assert status is Status.FAILED
    assert "a node neither answers nor closes the connection" in said


def forgiving(
    feed: Callable[[wire.FrameReader, bytes], list[wire.Frame]],
) -> Callable[[wire.FrameReader, bytes], list[wire.Frame]]:
    def bears_with(reader: wire.FrameReader, data: bytes) -> list[wire.Frame]:
        try:
            return feed(reader, data)
        except wire.BadFrame:
            return []

    return bears_with


# ---- scripts


def test_generated_scripts_are_refused_in_place_or_run_to_a_documented_end() -> None:
    """Some of them; 100,000: raftplay fuzz scripts."""
    count = several(2_000)
    report = fuzz_scripts(count, seed=1)
    assert report.failure is None, (report.failed, report.failure)
    assert report.done == count
    for fate, least in (("refused", 0.15), ("held", 0.1), ("failed", 0.025), ("misused", 0.025)):
        assert report.fates[fate] > least * count


KINDS = {(row.name, p.name): p.kind for row in TABLE.values() for p in row.parameters}


@pytest.mark.parametrize(("name", "parameter"), KINDS)
def test_every_kind_gives_examples_that_it_reads(name: str, parameter: str) -> None:
    kind = KINDS[name, parameter]
    assert len(set(kind.examples)) == len(kind.examples) > 0
    for example in kind.examples:
        cursor = Cursor(split_line(f"{name} {example}")[0][0], Scope(3, {"x"}))
        kind.read(cursor)
        assert cursor.is_at_end


@pytest.mark.parametrize("name", [name for name in TABLE if name not in (REPEAT, END)])
def test_the_grammar_makes_every_command_as_it_should_be(name: str) -> None:
    grammar, row = scripts.Grammar(Random(1)), TABLE[name]
    before = "" if row.setup else "nodes 3\nlet x = 1\n"
    good = 0
    for _ in range(20):
        with suppress(ScriptRefused):
            parse_script("s", before + grammar._written(row))
            good += 1
    assert good


def test_scripts_are_made_of_every_command_and_come_from_the_seed() -> None:
    grammar, again = scripts.Grammar(Random(1)), scripts.Grammar(Random(1))
    texts = [grammar.script() for _ in range(500)]
    assert texts == [again.script() for _ in range(500)]
    for name in TABLE:
        assert any(name.encode() in text for text in texts)


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ("parse_script", "ZeroDivisionError: inside"),
        ("run_script", "ZeroDivisionError: inside"),
    ],
)
def test_a_script_that_fails_is_kept(
    broken: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("inside")

    monkeypatch.setattr(scripts, broken, fail)
    status, said = thrown("scripts", 50, tmp_path / "failed.txt")
    assert status is Status.FAILED
    assert says in said
    assert "Traceback" in said
    failed = (tmp_path / "failed.txt").read_bytes()
    with pytest.raises(ZeroDivisionError):
        scripts.judge(failed, 0)


@pytest.mark.parametrize(
    "text",
    [
        "crash 7",
        "link 0->1 loss",
        "timing election",
        "'",
        "deliver x",
        "crash " + "x" * 60_000,
        "\x00",
        "a\rb",
        "#",
    ],
)
def test_what_is_judged_is_what_is_told(text: str) -> None:
    assert scripts.judge(text.encode(), 1) == ("held" if text == "#" else "refused")


def test_what_is_shown_raw_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("raftplay.run.transcript.visible", lambda text: text)
    with pytest.raises(scripts.Misjudged, match="shown raw"):
        scripts.judge(b"# \x1b[2J", 1)


# ---- what a process holds


def reading(**more: int) -> ResourceUse:
    held = {"memory": 100 << 20, "blocks": 1_000_000, "files": 10, "threads": 1}
    return ResourceUse(**(held | more))


@pytest.mark.parametrize(
    ("name", "each", "says"),
    [
        ("files", 1, "open files 12 → 19"),
        ("threads", 1, "threads 3 → 10"),
        ("memory", 5 << 20, "memory 117,964,800 → 149,422,080"),
        ("blocks", 20_000, "blocks 1,050,000 → 1,170,000"),
    ],
)
def test_what_grows_is_told(name: str, each: int, says: str) -> None:
    steady = Gauge([reading() for _ in range(10)])
    assert steady.growth() is None
    assert steady.text().endswith("nothing grew")
    before = getattr(reading(), name)
    growing = Gauge([reading(**{name: before + at * each}) for at in range(10)])
    assert growing.growth() == says
    assert growing.text().endswith(f"GROWTH: {says}")


def test_what_is_used_before_it_counts_is_no_growth() -> None:
    assert Gauge([reading(files=1), reading(files=2), *[reading(files=9)] * 5]).growth() is None
    assert Gauge([]).growth() is None
    assert Gauge([reading(memory=(100 << 20) + at % 3) for at in range(40)]).growth() is None


def test_a_connection_too_many_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gauge, "PATIENCE", 0.2)
    with Harness(3) as h:
        elect(h)
        assert left_over(h) is None
        with Client(h.cluster[0].listen_addr) as client:
            assert client.prove(secret_of(h), 1, 0)
            assert left_over(h) == "0 tasks run and 13 ends of connections are open; expected 0 and 12"
        h.crash_peer(2)
        h.disconnect_peer(1)
        assert left_over(h) is None


# ---- the command line


def test_frames_and_scripts_are_thrown_from_the_command_line(tmp_path: Path) -> None:
    done = raftplay("fuzz", "frames", "--count", "200")
    assert (done.status, done.err) == (0, "")
    assert "sent 200 mutated frames" in done.out
    done = raftplay("fuzz", "scripts", "--count", "60", "--seed", "3", "--out", str(tmp_path / "failed.txt"))
    assert (done.status, done.err) == (0, "")
    assert "read and ran 60 scripts" in done.out


def test_only_what_there_is_can_be_thrown() -> None:
    with pytest.raises(UsageError, match="'frame' cannot be fuzzed; did you mean 'frames'"):
        thrown("frame", 1)
    assert raftplay("fuzz", "stones").err == (
        "raftplay: error: 'stones' cannot be fuzzed; it is frames or scripts\n"
    )


def test_a_script_that_ctrl_c_ends_is_no_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scripts, "run_script", lambda *_: Status.INTERRUPTED)
    report = scripts.fuzz_scripts(5, 1, lambda _: None)
    assert report.interrupted
    assert report.failure is None
    assert report.failed is None


def test_a_cluster_goes_on_also_where_an_entry_of_an_earlier_term_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "PATIENCE", 2.0)
    monkeypatch.setattr(frames, "left_over", lambda _: None)  # it counts what sockets have
    with Harness(3, backend="sim", seed=7) as h:
        leader, _ = h.check_single_leader()
        other = (leader + 1) % 3
        h.crash_peer(other)
        h.disconnect_peer(leader)
        h.submit_to_server(leader, 8)
        h.crash_peer(leader)
        h.restart_peer(leader)
        h.check_until(lambda: h.check_single_leader()[0] == leader)
        h.restart_peer(other)
        frames._goes_on(h, frames.FrameReport(sent=8))
        assert {log[-1].command for log in h.commits} == {8}
