"""Whatever is typed: a script is refused or runs to a documented end, and nothing of it reaches a terminal raw."""

import re
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.amount import several
from support.hostile import RAW
from support.language import transcript
from support.strange_scripts import examples, pool, readable, scripts

from raftplay.commands.setup import Setup
from raftplay.language.lexer import Mistake
from raftplay.run.runner import JsonTranscript, Status, TextTranscript, run_script
from raftplay.run.script import ScriptRefused, decode, parse_script

HOSTILE = "\x1b[31m\x9b2J\x07\x08\x7f\u202egnp.exe\u2066\u200b\u200d\ufeff\x00\u0085"


LED = "timeout 0; wait leader is 0; "


# ---- nothing raw


@pytest.mark.parametrize(
    "line",
    [
        HOSTILE,
        f"submit {HOSTILE} to",
        f"'{HOSTILE}",
        f"crash {HOSTILE}",
        f"submit ${HOSTILE}",
        f"let {HOSTILE} = 1",
        f"let x = {HOSTILE}",
        f"sleep {HOSTILE}",
        f"wait {HOSTILE}",
        f"wait term {HOSTILE}",
        f"wait 1 is {HOSTILE}",
        f"cut {HOSTILE}->1",
        f"cut 0->{HOSTILE}",
        f"link 0->1 {HOSTILE}=1",
        f"link 0->1 loss={HOSTILE}",
        f"partition {HOSTILE} | 1",
        f"backend {HOSTILE}",
        f"timing {HOSTILE}=1ms",
        f"set {HOSTILE} on",
        f"bug {HOSTILE}",
        f"watch {HOSTILE}",
        f"help {HOSTILE}",
        f"deliver {HOSTILE}",
        f"speed {HOSTILE}",
    ],
)
def test_no_message_shows_text_of_users_raw(line: str) -> None:
    quoted = re.sub("[\u0085\x1c-\x1f]", "", line)
    for text in (line, quoted):
        with pytest.raises(ScriptRefused) as refusal:
            parse_script(HOSTILE, text)
        assert not RAW.search(str(refusal.value))
        for found in refusal.value.mistakes:
            assert "\n" not in found.message
            assert len(found.message) < 400


@pytest.mark.parametrize(
    "text",
    [
        f"# {HOSTILE}\nnow # {HOSTILE}",
        f"{LED}submit '{HOSTILE}'; wait committed '{HOSTILE}'; log; events 99; messages; step 9",
        f"{LED}submit '{HOSTILE}'; expect committed '{HOSTILE}'",
        f"submit '{HOSTILE}' to 0; cut leader->'0'; now",
        "let x = 9; crash '$x'",
    ],
)
def test_no_transcript_shows_text_of_users_raw(text: str) -> None:
    lines = transcript(text, name=HOSTILE)
    assert not RAW.search("\n".join(lines))
    assert any("\\x1b" in line for line in lines)


def test_a_mistake_of_64_kib_makes_a_short_message() -> None:
    with pytest.raises(ScriptRefused) as refusal:
        parse_script("s", "crash " + "x" * 60_000 + "\nlet " + "漢" * 20_000 + " = 1\n'" + "\u202e" * 20_000)
    assert len(str(refusal.value)) < 4000


# ---- whatever is typed


def refusal_of(read: Callable[[], object]) -> ScriptRefused | None:
    """What a script is refused with, if it is; nothing else may be raised."""
    try:
        read()
    except ScriptRefused as refusal:
        return refusal
    return None


@settings(max_examples=several(2000), suppress_health_check=list(HealthCheck))
@given(scripts)
def test_whatever_is_typed_a_script_is_read_or_refused(text: str) -> None:
    refusal = refusal_of(lambda: parse_script("s", text))
    if refusal is not None:
        for found in refusal.mistakes:
            assert type(found) is Mistake
            assert 1 <= found.line <= text.count("\n") + 1
            assert 1 <= found.column <= len(found.source) + 1
        assert not RAW.search(str(refusal))


@settings(max_examples=several(300), suppress_health_check=list(HealthCheck))
@given(st.binary(max_size=60))
def test_whatever_bytes_a_file_holds_they_are_text_or_refused(data: bytes) -> None:
    refusal = refusal_of(lambda: decode("s", data))
    assert (refusal is None) == (data.decode(errors="replace").encode() == data)
    if refusal is not None:
        assert not RAW.search(str(refusal))


@settings(max_examples=several(300), suppress_health_check=list(HealthCheck))
@given(st.lists(st.one_of(pool, examples), min_size=3, max_size=12).map("\n".join), st.integers(0, 9))
def test_whatever_can_be_read_runs_to_a_documented_end(text: str, seed: int) -> None:
    script = "\n".join(readable("let x = 1\ntimeout 0\nwait leader\n" + text))
    heard: list[str] = []
    for kind in (TextTranscript, JsonTranscript):
        parsed = parse_script(HOSTILE, script, Setup(backend="sim", seed=seed, bugs=[], without_bugs=True))
        status = run_script(parsed, kind(heard.append))
        assert status in (Status.HELD, Status.FAILED, Status.MISUSED)
    assert not RAW.search("\n".join(heard))
