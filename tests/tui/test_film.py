"""The moving picture of the README: an election of which each part can be read, in a file that is always the same."""

import re

import pytest
from support.places import ROOT
from support.svg import film_of as frames_of

from raftplay.tui.film import Film, film_of
from raftplay.tui.gallery import FILM

LIMIT = 2_000_000
"""The size of the file in bytes that a page bears."""

PARTS = {"candidate": "CANDIDATE", "requests": "vote?", "votes": '"yes"', "leader": "LEADER"}
"""The parts of an election, and what shows each."""


@pytest.fixture(scope="module")
def text() -> str:
    return film_of(Film())


def test_the_file_is_the_one_that_the_command_makes(text: str) -> None:
    assert text == (ROOT / "screenshots" / f"{FILM}.svg").read_text("utf-8"), "python -m raftplay.tui.gallery"
    assert len(text) < LIMIT


def test_each_part_of_an_election_is_shown_for_more_than_a_second(text: str) -> None:
    frames, _ = frames_of(text)
    seen = {
        part: sum(seconds for seconds, lines in frames if any(sign in line for line in lines))
        for part, sign in PARTS.items()
    }
    assert {part: seen[part] for part in PARTS if seen[part] < 1.5} == {}
    assert 10 < sum(seconds for seconds, _ in frames) < 25


def test_it_begins_with_followers_and_rests_on_a_leader_that_all_follow(text: str) -> None:
    frames, _ = frames_of(text)
    first, last = "\n".join(frames[0][1]), "\n".join(frames[-1][1])
    assert first.count("follower") == 5
    assert (last.count("LEADER"), last.count("follower"), last.count("vote?")) == (1, 4, 0)
    assert frames[-1][0] >= 3


def test_where_motion_is_not_wanted_it_shows_the_candidate_and_its_requests(text: str) -> None:
    frames, resting = frames_of(text)
    assert text.count("@media (prefers-reduced-motion:reduce){.strip{animation:none}}") == 1
    shown = "\n".join(frames[resting][1])
    assert "CANDIDATE" in shown
    assert shown.count("vote?") >= 3


def test_it_needs_neither_a_script_nor_another_file(text: str) -> None:
    assert re.findall(r"https?:[^\"]*", text) == ["http://www.w3.org/2000/svg"]
    for word in ("<script", "<animate", "@font-face", "@import", "<image", "\u2800"):
        assert word not in text


def test_another_seed_is_another_film() -> None:
    one, other = (Film(seed=seed, nodes=3, flight=0.4, frames=2, rest=1.0) for seed in (2, 3))
    assert film_of(one) == film_of(one)
    assert film_of(one) != film_of(other)
