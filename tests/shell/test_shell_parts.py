"""The parts of the shell, without a terminal: what stands below the line, the feed of events, answers, history."""

import os
import re
import stat
import threading
from pathlib import Path

import pytest
from support.session import blueprint, do, live, perform, session_of

from raftplay import Config, RaftConfig
from raftplay.cluster.checks import InvariantBroken
from raftplay.language.completion import hint_of
from raftplay.past.view import View
from raftplay.session.shown import columns
from raftplay.shell.answers import outcome_lines
from raftplay.shell.feed import LINES_A_SECOND, ShellFeed
from raftplay.shell.look import STYLE, TERMS, Text, cut, fault_line, hint_line, node_lines, status_line
from raftplay.shell.own import own_parts, piped_script
from raftplay.shell.typed import LONGEST, MOST, PastLines, usual_place
from raftplay.tui.theme import DARK
from raftplay.watch.invariants import INVARIANTS


def words(line: Text) -> str:
    return "".join(text for _, text in line)


def view_after(*lines: str, nodes: int = 5) -> View:
    with session_of(blueprint(nodes)) as session:
        perform(session, "timeout 0; wait leader is 0", *lines)
        return session.view()


# ---- below the line


def test_hues_mean_terms_as_on_the_screen() -> None:
    assert DARK.terms == TERMS
    [line, *_] = node_lines(view_after("submit 1; wait committed 1"), 5, 100)
    hues = [text for style, text in line if "class:term" in style]
    assert hues == ["1", "1:1*"]
    grounds = {name for name, style in STYLE.items() if "bg:" in style and "noreverse" not in style}
    assert grounds == {"bad", "warn", *(f"term{at}" for at in range(7))}


def test_the_status_says_all_where_there_is_room_and_the_most_important_where_not():
    view = view_after("submit 1; wait committed 1", "sleep 200ms", "speed 0.5")
    assert words(status_line(view, len(INVARIANTS), 90)).rstrip() == (
        f" RUNNING 0.2 s | n0 leads term 1 | commit 0 | {len(INVARIANTS)} ok | x0.5 | sim seed 7 | 5 nodes"
    )
    assert words(status_line(view, len(INVARIANTS), 80)).rstrip().endswith("x0.5 | sim seed 7")
    assert words(status_line(view, len(INVARIANTS), 40)).rstrip() == " RUNNING 0.2 s | n0 leads term 1"
    for width in range(0, 120):
        assert columns(words(status_line(view, len(INVARIANTS), width))) == width


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("pause", " PAUSED 0.0"),
        ("crash all", "no leader, term 0"),
        ("sleep 10ms; back 3", " REWOUND to 0.00"),
    ],
)
def test_the_status_says_how_it_stands(line: str, shown: str) -> None:
    assert shown in words(status_line(view_after(line), len(INVARIANTS), 100))


def test_a_broken_invariant_takes_the_place_of_the_number_of_those_that_hold():
    with session_of(blueprint(4, bugs=("half-is-majority",))) as session:
        with pytest.raises(InvariantBroken):
            perform(session, "partition 0,1 | 2,3", "timeout 0", "sleep 50ms")
        view = session.view()
        assert "Vote Quorum BROKEN" in words(status_line(view, len(INVARIANTS), 100))
        assert words(fault_line(view, 100)) == " bugs on: half-is-majority  faults: partition 0 1 | 2 3"


def test_faults_in_force_are_named():
    line = fault_line(view_after("crash 1", "freeze 2", "cut 0->3", "link 3->0 loss=5%", "hold 0->4"), 200)
    assert words(line) == " faults: n1 down, n2 frozen, 0->3 cut, 3->0 loss 5%, 0->4 held"
    assert fault_line(view_after(), 200) == []


@pytest.mark.parametrize("nodes", [1, 5, 7, 25])
@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_all_nodes_are_shown_in_the_lines_that_there_are(nodes: int, width: int) -> None:
    lines = [words(line) for line in node_lines(view_after("submit 'wide 語語語語'", nodes=nodes), 5, width)]
    assert len(lines) <= 5
    assert all(columns(line) <= width for line in lines)
    if width >= 40:
        assert all(re.search(rf" (n{id} |{id}[LFCD])", "".join(lines)) for id in range(nodes))


def test_what_is_compacted_is_shown_by_its_last_index() -> None:
    with session_of(blueprint(3)) as session:
        perform(session, "timeout 0; wait leader is 0", "submit x; submit y; wait committed y on 3", "snapshot 0")
        perform(session, "submit z; wait committed z on 3")
        ends = [words(line).split("commit 2")[1].split() for line in node_lines(session.view(), 5, 80)]
        assert ends == [["[..1]", "1:z*"], ["1:x*", "1:y*", "1:z*"], ["1:x*", "1:y*", "1:z*"]]
        perform(session, "snapshot")
        ends = [words(line).split("commit 2")[1].split() for line in node_lines(session.view(), 5, 80)]
        assert ends == [["[..2]"]] * 3
        assert all(columns(words(line)) <= 45 for line in node_lines(session.view(), 5, 45))


def test_a_node_shows_its_role_term_log_and_faults():
    with session_of(blueprint(3)) as session:
        perform(
            session,
            "timeout 0; wait leader is 0",
            "submit x; wait committed x on 3; sleep 60ms",
            "crash 1",
            "freeze 2",
        )
        lines = [words(line).rstrip() for line in node_lines(session.view(), 5, 80)]
    assert lines == [
        " n0  Leader    term 1    log 1    commit 0   1:x*",
        " n1  Down      term 1    log 1    commit -   on disk 1:x",
        " n2  Follower  term 1    log 1    commit 0   frozen 1:x*",
    ]


def test_what_is_cut_says_so_and_no_column_is_lost():
    assert words(cut([("", "語語語"), ("", "ab")], 8)) == "語語語ab"
    assert words(cut([("", "語語語"), ("", "ab")], 7)) == "語語語…"
    assert words(cut([("", "語語語"), ("", "ab")], 6)) == "語語…"
    assert words(cut([("", "abc")], 0)) == ""


def test_the_hint_marks_what_is_next():
    line = hint_line(hint_of("submit 5 ", 9), "idle", 100)
    assert ("class:now", "[to NODE]") in line
    assert ("class:now", "VALUE") not in line
    assert words(hint_line(None, "idle", 100)) == " idle"
    assert hint_line(hint_of("crash 99 ", 9), "", 100)[0] == (
        "class:bad",
        " there is no node 99; the nodes are 0 to 24",
    )


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("now", ["now"]),
        ("", []),
        ("clear", ["clear"]),
        ("now; clear; status", ["now", "clear", " " * 12 + "status"]),
        ("exit;", ["exit"]),
        ("submit exit", ["submit exit"]),
        ("submit 'a;exit'; exit # bye", ["submit 'a;exit'", "exit", "                      # bye"]),
        ("submit 'open; exit", ["submit 'open; exit"]),
    ],
)
def test_commands_that_only_a_shell_has_cut_a_line_and_every_part_keeps_its_columns(
    line: str, parts: list[str]
) -> None:
    assert own_parts(line) == parts


@pytest.mark.parametrize(
    ("piped", "script"),
    [
        ("now\nexit\nbogus", "now\n"),
        ("now; quit; bogus", "now; "),
        ("clear; now\r\nexit\r\n", "     ; now\r\n"),
        ("submit exit\nsubmit 'a;exit'\n# exit\n", "submit exit\nsubmit 'a;exit'\n# exit\n"),
        ("status\n----\nexit\n\nexit\nnow", "status\n----\nexit\n\n"),
        ("submit 'open; exit\nexit", "submit 'open; exit\n"),
        ("now\n----\n----\nexit", "now\n----\n----\nexit"),
        ("", ""),
    ],
)
def test_what_is_piped_into_a_shell_ends_where_one_leaves(piped: str, script: str) -> None:
    assert piped_script(piped) == script


# ---- events


class Clock:
    """A wall clock for the feed."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_elections_are_told_and_heartbeats_never():
    with session_of(blueprint(3)) as session:
        feed = ShellFeed(session, Clock())
        perform(session, "timeout 0; wait leader is 0; submit 1; sleep 500ms")
        told = [words(line) for line in feed.lines()]
        assert [line.split(maxsplit=1)[1] for line in told] == [
            "n0  becomes candidate in term 1: its election timer was fired by hand (§5.2)",
            "n0  becomes leader of term 1 (votes n0 n1)",
        ]
        perform(session, "sleep 10s")
        assert list(feed.lines()) == []


def test_watch_on_tells_more_but_no_heartbeats_and_watch_off_nothing():
    with session_of(blueprint(3)) as session:
        clock = Clock()
        feed = ShellFeed(session, clock)
        perform(session, "timeout 0; wait leader is 0; sleep 100ms", "watch on")
        feed.skip()
        perform(session, "sleep 1s")
        assert list(feed.lines()) == []
        perform(session, "submit seen; wait committed seen")
        told = "\n".join(words(line) for line in feed.lines())
        assert "appends seen at index 0" in told
        assert "commits up to 0" in told
        clock.now += 10
        assert "more events" in words(next(feed.lines()))
        perform(session, "watch off", "crash leader", "sleep 2s")
        clock.now += 10
        assert list(feed.lines()) == []


def test_a_flood_is_counted_and_not_told():
    with session_of(blueprint(5)) as session:
        clock = Clock()
        feed = ShellFeed(session, clock)
        perform(
            session, "watch on", "timeout 0; wait leader is 0", *[f"submit {n}" for n in range(50)], "sleep 1s"
        )
        assert len(list(feed.lines())) == LINES_A_SECOND
        perform(session, "sleep 100ms")
        clock.now += 0.2
        assert "more events" in words(next(feed.lines()))


def test_a_node_that_stands_again_and_again_is_told_of_a_few_times():
    with session_of(blueprint(3)) as session:
        clock = Clock()
        feed = ShellFeed(session, clock)
        perform(session, "timeout 0; wait leader is 0", "disconnect 1")
        feed.skip()
        perform(session, "sleep 20s")
        told = [words(line) for line in feed.lines()]
        assert len(told) == 3
        assert "starts elections again and again from term" in told[-1]
        perform(session, "reconnect 1", "sleep 2s")
        clock.now += 10
        assert any("becomes leader" in words(line) for line in feed.lines())


@pytest.mark.parametrize("mode", ["elections", "on"])
def test_a_candidate_that_asks_first_again_and_again_is_told_of_a_few_times(mode: str):
    """Its pre-votes pass, its requests for votes are lost: it goes from candidate to follower each time."""
    with session_of(blueprint(3, config=Config(RaftConfig(20.0, 40.0, prevote=True)))) as session:
        clock = Clock()
        feed = ShellFeed(session, clock)
        perform(session, f"watch {mode}")
        told: list[str] = []
        for _ in range(8):
            perform(session, "drop 0 after 2; timeout 0; wait 0 is candidate")
            clock.now += 10
            told += [words(line) for line in feed.lines()]
        assert sum("asks whether it could win" in line for line in told) == 1
        assert sum("starts elections again and again from term" in line for line in told) == 1
        assert sum("is follower now" in line for line in told) <= (mode == "on")


def test_in_another_branch_only_what_happens_there_is_told():
    with session_of(blueprint(3)) as session:
        feed = ShellFeed(session, Clock())
        perform(session, "wait leader", "sleep 1s")
        assert len(list(feed.lines())) >= 2
        perform(session, "back 5", "submit other")
        assert session.branch.name == "b1"
        assert list(feed.lines()) == []
        perform(session, "switch main")
        assert list(feed.lines()) == []


# ---- answers


def test_answers_carry_their_time_and_long_ones_go_on_below_it():
    with live(5) as lively:
        do(lively, "timeout 0; wait leader is 0")
        outcome = do(lively, "submit some; wait committed some")
        lines = [words(line) for line in outcome_lines(outcome, 10, 50, is_alone=True)]
        assert len(lines) > 1
        assert lines[0].startswith(f"{outcome.time:9.3f}  some is committed at index 0")
        assert all(line.startswith(" " * 11) and columns(line) <= 50 for line in lines[1:])
        table = outcome_lines(do(lively, "status"), 10, 80, is_alone=True)
        assert words(table[0]).startswith("node  state")
        together = lively.run("now; now").result(60)
        assert words(outcome_lines(together[0], 10, 80, is_alone=False)[0]).endswith("  now")


def test_a_mistake_stands_under_its_place_in_the_line():
    with live(3) as lively:
        caret, text = outcome_lines(do(lively, "crash 0; crash 77"), 10, 80, is_alone=True)
        assert words(caret) == " " * (10 + 15) + "^~"
        assert words(text) == "there is no node 77; the nodes are 0 to 2"
        caret, _ = outcome_lines(do(lively, "submit '語\u202e'; crash 7"), 10, 80, is_alone=True)
        assert words(caret) == " " * (10 + columns("submit '語\\u{202e}'; crash ")) + "^"
        lines = outcome_lines(do(lively, f"submit {'x' * 90}; crash 7"), 10, 80, is_alone=True)
        assert words(lines[-1]).endswith("^")
        assert "there is no node 7" in words(lines[0])


# ---- the lines that were typed


def loaded(file: Path | None) -> list[str]:
    return list(PastLines(file).load_history_strings())


def test_what_was_typed_is_there_in_the_next_shell_newest_first(tmp_path: Path):
    file = tmp_path / "deep" / "below" / "history"
    past = PastLines(file)
    past.store_string("first")
    past.store_string("second\nthird")
    past.store_string("  ")
    past.store_string("x" * (LONGEST + 1))
    past.store_string("a\u202eb \udc80")
    assert loaded(file) == ["a\u202eb ?", "third", "second", "first"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_a_history_that_others_could_read_is_made_private(tmp_path: Path):
    file = tmp_path / "history"
    file.write_text("secret\n")
    file.chmod(0o644)
    assert loaded(file) == ["secret"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_history_does_not_grow_without_end(tmp_path: Path):
    file = tmp_path / "history"
    file.write_text("".join(f"{n}\n" for n in range(2 * MOST)))
    assert loaded(file) == [str(n) for n in range(2 * MOST - 1, MOST - 1, -1)]
    assert len(file.read_text().splitlines()) == MOST
    assert len(loaded(file)) == MOST


def test_several_shells_add_to_one_history(tmp_path: Path):
    file = tmp_path / "history"

    def shell(name: str) -> None:
        past = PastLines(file)
        for n in range(100):
            past.store_string(f"{name} {n}")

    threads = [threading.Thread(target=shell, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(loaded(file)) == sorted(f"{name} {n}" for name in "abcd" for n in range(100))


def test_a_place_that_cannot_be_had_is_no_failure(tmp_path: Path):
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "file")
    os.mkfifo(tmp_path / "pipe")
    for place in (
        None,
        tmp_path / "file" / "history",
        tmp_path / "link",
        tmp_path / "pipe",
        tmp_path,
        Path("/proc/x/y"),
        Path("a\0b"),
    ):
        PastLines(place).store_string("line")
        assert loaded(place) == []
    assert (tmp_path / "file").read_text() == ""


@pytest.mark.parametrize(
    ("state", "home", "place"),
    [
        ("/state", "/home/me", "/state/raftplay/history"),
        ("", "/home/me", "/home/me/.local/state/raftplay/history"),
        ("relative", "/home/me", "/home/me/.local/state/raftplay/history"),
        ("", "relative", None),
    ],
)
def test_where_the_history_is(monkeypatch: pytest.MonkeyPatch, state: str, home: str, place: str | None) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", state)
    monkeypatch.setenv("HOME", home)
    assert usual_place() == (None if place is None else Path(place))


# ---- scripts in a living session


def test_the_lines_of_a_script_take_no_time_in_between():
    with live(3, speed=1.0) as lively:
        times: list[float] = []
        done = threading.Event()
        lines = ["wait leader", *[f"submit {n}" for n in range(20)]]

        def go_on(at: int) -> None:
            if at == len(lines):
                done.set()
                return
            future = lively.run(lines[at], is_script=True)
            future.add_done_callback(lambda f: (times.append(f.result()[-1].time), go_on(at + 1)))

        go_on(0)
        assert done.wait(30)
        assert len(set(times)) == 1
