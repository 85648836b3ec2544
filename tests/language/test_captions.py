"""Captions, chapters and speaker notes of a script, and that a run shows notes to nobody."""

import json

import pytest

from raftplay.commands.setup import Setup
from raftplay.run.captions import caption_at, captions_of, chapters_of, parts_of
from raftplay.run.runner import JsonTranscript, TextTranscript, run_script
from raftplay.run.script import Script, parse_script

TALK = """#!/usr/bin/env -S raftplay run
# A talk, told in
# two lines.
#! Welcome them.
#! Then wait,
#!   until it is quiet.

#! Ask who knows Raft.
## The start
nodes 3
wait leader
#! Point at the leader.
submit x
#   0.300 n1 committed x
## A crash
# The leader crashes.
crash leader  #! say so
expect no leader  # it is gone
# ! no note
# #1 is no chapter
####
"""


def script_of(text: str) -> Script:
    return parse_script("talk.txt", text, Setup(seed=7, backend="sim"))


def test_a_caption_has_the_comments_before_a_step_and_the_notes_up_to_the_next() -> None:
    captions = captions_of(parts_of(script_of(TALK)))
    assert [caption.paragraphs for caption in captions] == [
        ("A talk, told in two lines.",),
        ("The leader crashes.",),
        ("it is gone",),
        ("! no note #1 is no chapter ###",),
    ]
    assert captions[0].notes == (
        "Welcome them.",
        "Then wait, until it is quiet.",
        "Ask who knows Raft.",
        "Point at the leader.",
    )
    assert captions[0].lines == ("A talk, told in", "two lines.")
    assert [caption.part for caption in captions] == [0, 2, 3, 4]
    assert [caption_at(captions, part) for part in range(5)] == [0, 0, 1, 2, 3]


def test_chapters_begin_at_lines_with_two_signs() -> None:
    captions = captions_of(parts_of(script_of(TALK)))
    assert [(chapter.title, chapter.caption) for chapter in chapters_of(captions)] == [
        ("The start", 0),
        ("A crash", 1),
    ]


def test_an_indented_comment_tells_what_the_step_above_it_did() -> None:
    parts = parts_of(script_of(TALK))
    assert parts[1].effects == ("0.300 n1 committed x",)
    assert not any("0.300" in line for part in parts for line in part.comments)


def test_a_script_without_comments_has_one_empty_caption() -> None:
    (caption,) = captions_of(parts_of(script_of("wait leader\n")))
    assert (caption.lines, caption.notes, caption.part) == ((), (), 0)
    assert captions_of(parts_of(script_of("")))


@pytest.mark.parametrize("as_json", [False, True])
def test_no_transcript_shows_a_note(as_json: bool) -> None:
    lines: list[str] = []
    transcript = (JsonTranscript if as_json else TextTranscript)(lines.append)
    assert run_script(script_of(TALK), transcript) == 0
    text = "\n".join(lines)
    for hidden in ("Welcome", "Ask who", "Point at", "say so", "/usr/bin/env"):
        assert hidden not in text
    assert "! no note" in text
    comments = [json.loads(line)["text"] for line in lines if '"comment"' in line] if as_json else lines
    assert ("# The start" if as_json else "## The start") in comments
