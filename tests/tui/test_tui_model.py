"""What each pane shows, as a pure function of a view."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.tui import context, done, still, texts, view_after

from raftplay import scenarios
from raftplay.output import forced
from raftplay.past.links import Reachability
from raftplay.raft.decisions import VoteDecided
from raftplay.raft.messages import LogEntry
from raftplay.run.script import parse_script
from raftplay.session.shown import columns
from raftplay.tui.model import diagram, events, matrix, network, node, status, why
from raftplay.tui.model.context import KINDS, Filter
from raftplay.tui.model.glyphs import ASCII, UNICODE, Glyphs, plain
from raftplay.tui.model.help import help_lines
from raftplay.tui.model.layout import LEAST_STAGE, layout
from raftplay.tui.model.lines import Piece, cut, fit, pad, spread, text_of, width_of, wrapped
from raftplay.tui.model.timeline import timeline
from raftplay.tui.sheet import answer_sheet
from raftplay.tui.stage.roles import role_of as stage_role_of
from raftplay.tui.stage.scene import Scene
from raftplay.tui.stage.stage import paint
from raftplay.watch.narrator import describe
from raftplay.watch.text import visible

DEPOSED = (
    "wait leader; submit 1; wait committed 1 on 5; disconnect leader; submit 2 to 0; submit 3 to 0",
    "wait leader is not 0; submit 4; wait committed 4 on 4",
)

# ---- lines


@given(st.text(), st.integers(0, 30))
def test_text_is_cut_and_padded_to_columns_of_a_terminal(text: str, width: int) -> None:
    text = visible(text)
    assert columns(cut(text, width)) <= width
    assert columns(pad(text, width)) == width
    assert width_of(fit((Piece(text), Piece("x")), width)) == width


@pytest.mark.parametrize("width", [-20, -1, 0, 1])
def test_words_are_wrapped_where_there_is_no_room_at_all(width: int) -> None:
    assert wrapped("ab 漢", width) == wrapped("ab 漢", 2) == ["ab", "漢"]


@pytest.mark.parametrize("width", range(1, 30))
def test_the_help_has_lines_at_any_width(width: int) -> None:
    assert all(columns(text_of(line)) <= width for line in help_lines(width, UNICODE))


@given(st.text(alphabet="ab 漢é\u202e\x1b[/]@"), st.integers(2, 12))
def test_wrapped_lines_lose_nothing_but_spaces_and_are_never_too_long(text: str, width: int) -> None:
    text = visible(text)
    lines = wrapped(text, width)
    assert all(columns(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_what_stands_right_gives_way_where_there_is_no_room_for_both() -> None:
    assert text_of(spread((Piece("left"),), (Piece("right"),), 12)) == "left   right"
    assert text_of(spread((Piece("left"),), (Piece("right"),), 9)) == "left     "


@given(st.text())
def test_ascii_is_ascii_and_as_wide(text: str) -> None:
    text = visible(text)
    assert forced(text).isascii()
    assert columns(forced(text)) == columns(text)
    assert plain(text).isascii()


def test_every_sign_of_both_sets_takes_one_column_and_no_sign_stands_for_two_roles() -> None:
    for glyphs in (UNICODE, ASCII):
        signs = [glyphs.leader, glyphs.candidate, glyphs.follower, glyphs.down, glyphs.frozen, glyphs.cut_off]
        assert len(set(signs)) == len(signs)
        assert len({glyphs.committed, glyphs.appended, glyphs.conflicting, glyphs.absent}) == 4
        for name in glyphs.__slots__:
            sign = getattr(glyphs, name)
            if isinstance(sign, str):
                assert columns(sign) == len(sign)


# ---- status


def test_the_status_line_says_who_leads_what_is_wrong_and_whether_time_goes_by() -> None:
    view = view_after("wait leader; crash 1; cut 0->2; pause", setup="bug commit-old-term\n")
    line = text_of(status.status_line(view, context(140)))
    for words in (
        "PAUSED",
        "TERM 1",
        "n0 leads",
        "2 faults",
        "bug commit-old-term",
        "sim seed 7",
        "safe",
        "speed 1",
    ):
        assert words in line


@pytest.mark.parametrize("width", range(20, 200, 7))
def test_the_status_line_keeps_what_matters_most_in_any_width(width: int) -> None:
    view = view_after("wait leader; back")
    line = status.status_line(view, context(width))
    assert width_of(line) == width
    if width > 32:
        assert "REWOUND" in text_of(line)


# ---- nodes


def test_a_candidates_votes_are_counted_as_they_come() -> None:
    view = view_after("timeout 2; wait 2 is candidate")
    line = text_of(node.votes_line(view, view.snapshot.nodes[2], UNICODE))
    assert line == "●○○ 1 of 3"
    shown = "\n".join(texts(node.inspector(view, context(40, 10, selected=2)).lines))
    assert "n2 ◐ candidate" in shown
    assert "votes ●○○ 1 of 3" in shown


def test_a_leader_shows_next_and_match_of_each_peer() -> None:
    view = view_after("wait leader; crash 4; submit 1; submit 2; wait committed 2 on 4; sleep 60ms")
    rows = texts(node.peer_lines(view.snapshot.nodes[0], 30))
    assert rows[0].split() == ["peer", "n1", "n2", "n3", "n4"]
    assert rows[1].split() == ["next", "2", "2", "2", "0"]
    assert rows[2].split() == ["match", "1", "1", "1", "-"]


def test_a_leader_that_reads_by_a_lease_shows_how_long() -> None:
    def shown(script: str) -> str:
        view = view_after("set checkquorum on; set sticky on; set reads lease; wait leader; sleep 60ms" + script)
        return "\n".join(texts(node.inspector(view, context(34, 12, selected=view.snapshot.leader.id)).lines))

    assert re.search(r"reads by lease for 1?\d\d ms more", shown(""))
    assert "reads by lease ended" in shown("; cut others->leader; sleep 145ms")
    assert "lease" not in "\n".join(texts(node.inspector(view_after("wait leader"), context(34, 12)).lines))


def test_long_logs_show_how_far_peers_are_behind() -> None:
    view = view_after("wait leader; submit 1; wait committed 1 on 5")
    leader = view.snapshot.nodes[0]
    entries = tuple(LogEntry(n, 1) for n in range(12_000))
    leader = replace(
        leader,
        log=entries,
        match_index=tuple((p, 11_990) for p in (1, 2, 3, 4)),
        next_index=tuple((p, 12_000) for p in (1, 2, 3, 4)),
    )
    rows = texts(node.peer_lines(leader, 22))
    assert all(columns(row) <= 22 for row in rows)
    assert rows == ["in step 0 of 4 peers", "behind  n1 by 9, n2 by", "        9, n3 by 9, n4", "        by 9"]
    all_there = replace(leader, match_index=tuple((p, 11_999) for p in (1, 2, 3, 4)))
    assert texts(node.peer_lines(all_there, 22)) == ["in step 4 of 4 peers"]


def test_the_inspector_uses_words_that_a_beginner_understands() -> None:
    view = view_after("wait leader; submit a; sleep 60ms; crash 4; restart 4; sleep 60ms")
    for width in (28, 34, 60):
        for id in range(5):
            shown = "\n".join(texts(node.inspector(view, context(width, 20, selected=id)).lines))
            assert not re.search(r"±|\blag\b|\bport\b|\blife\b", shown)
    shown = texts(node.inspector(view, context(60, 20, selected=4)).lines)
    assert shown[0].rstrip().endswith("restarted 1 time")


def test_the_timer_counts_down_and_stands_still_on_a_frozen_node() -> None:
    with still("wait leader") as driver:
        before = driver.view().snapshot
        done(driver, "sleep 20ms")
        after = driver.view().snapshot
        bar = text_of(node.timer_bar(before.nodes[2], before.time, 10, UNICODE))
        later = text_of(node.timer_bar(after.nodes[2], before.time + 0.05, 10, UNICODE))
        assert bar.count("━") > later.count("━")
        done(driver, "freeze 2")
        frozen = driver.view().snapshot
        assert "frozen" in text_of(node.timer_bar(frozen.nodes[2], frozen.time, 10, UNICODE))


def test_the_log_tail_is_solid_up_to_the_commit_index() -> None:
    view = view_after(*DEPOSED)
    pieces = node.log_tail(view.snapshot.nodes[0], 20, UNICODE)
    assert [(piece.text, piece.style) for piece in pieces if piece.text.strip()] == [
        ("1:1", "t1 solid"),
        ("1:2", "t1 hollow"),
        ("1:3", "t1 hollow"),
    ]
    assert text_of(node.log_tail(view.snapshot.nodes[0], 9, UNICODE)).split() == ["…", "1:3"]


# ---- log matrix


def test_committed_appended_absent_and_conflicting_differ_in_their_signs() -> None:
    view = view_after(*DEPOSED)
    rows = texts(matrix.matrix(view, context(60, 10)).lines)
    assert rows[1].split() == ["0", *["■1:1"] * 5]
    assert rows[2].split() == ["1", "≠1:2", *["■2:4"] * 4]
    assert rows[3].split() == ["2", "□1:3", "·", "·", "·", "·"]


def test_terms_of_several_digits_are_whole_and_hidden_columns_are_counted() -> None:
    view = view_after(*["timeout 0; sleep 60ms", "timeout 1; sleep 60ms"] * 6, "submit x; sleep 90ms")
    term = view.snapshot.nodes[1].current_term
    assert term >= 10
    assert f"■{term}:x" in texts(matrix.matrix(view, context(60, 10)).lines)[1]
    assert f"{term}:x" in text_of(node.log_tail(view.snapshot.nodes[1], 30, UNICODE))
    many = view_after("wait leader; submit x; sleep 60ms", nodes=25)
    heading = texts(matrix.matrix(many, context(60, 10)).lines)[0]
    shown = len(re.findall(r"\d+", heading.split("+")[0]))
    assert re.search(rf"\+{25 - shown} hidden$", heading)
    assert "hidden" not in texts(matrix.matrix(many, context(120, 10)).lines)[0]


def test_what_a_node_applied_before_its_crash_is_seen_where_an_invariant_is_violated() -> None:
    """Figure 8 without its rule: n0 applied x and crashed, and the others applied y at the same index."""
    text = scenarios.text_of("bugs/commit-old-term")
    steps = [step.bound.text for step in parse_script("bug", text).steps]
    setup = "\n".join(line for line in text.split("\n") if line.startswith(("bug", "watch", "timing")))
    view = view_after(*steps[: steps.index("wait committed z on 4") + 1], setup=setup)
    assert view.breach is not None
    row = texts(matrix.matrix(view, context(60, 10)).lines)[2]
    assert re.findall(r"[■□≠✗]\d:[xy]", row)[0] == "✗2:x"
    assert "✗3:y" in row


def test_without_a_leader_all_that_differ_conflict_and_what_is_alike_does_not() -> None:
    view = view_after(*DEPOSED, "crash alive")
    assert matrix.conflicts(view, 0) == set()
    assert matrix.conflicts(view, 1) == {0, 1, 2, 3, 4}


def test_an_entry_is_told_with_its_holders() -> None:
    view = view_after(*DEPOSED)
    assert matrix.entry_text(view, 1) == [
        "index 1: 2, term 1, on n0; not committed",
        "index 1: 4, term 2, on n1 n2 n3 n4; committed on n1 n2 n3 n4",
    ]
    assert matrix.entry_text(view, 9) == ["index 9: no node has an entry there"]


# ---- what is compacted


COMPACTED = (
    "timeout 0; wait leader is 0; submit a; submit b; wait committed b on 5; snapshot 0,1",
    "submit c to 0",
)


def test_compacted_entries_stand_as_one_sign_in_a_nodes_log() -> None:
    nodes = view_after(*COMPACTED).snapshot.nodes
    assert text_of(node.log_tail(nodes[0], 20, UNICODE)).split() == ["[..1]", "1:c"]
    assert text_of(node.log_tail(nodes[0], 6, UNICODE)).split() == ["…", "1:c"]
    assert text_of(node.log_tail(nodes[1], 20, UNICODE)).split() == ["[..1]"]
    assert text_of(node.log_tail(nodes[2], 20, UNICODE)).split() == ["1:a", "1:b"]


def test_a_compacted_entry_is_told_by_its_holders() -> None:
    assert matrix.entry_text(view_after(*COMPACTED), 1) == [
        "index 1: b, term 1, on n0 n1 n2 n3 n4; committed on n0 n1 n2 n3 n4",
    ]
    everywhere = view_after(*COMPACTED, "wait committed c on 5; snapshot")
    assert matrix.entry_text(everywhere, 1) == [
        "index 1: compacted, on n0 n1 n2 n3 n4; committed on n0 n1 n2 n3 n4",
    ]


@pytest.mark.parametrize(("width", "height"), [(60, 16), (80, 24), (120, 40), (200, 50)])
def test_the_stage_shows_what_is_compacted(width: int, height: int) -> None:
    everywhere = view_after(*COMPACTED, "wait committed c on 5; snapshot", "timeout 1; wait leader is 1; submit d")
    shown = "\n".join(text_of(line) for line in paint(Scene(everywhere), width, height))
    assert shown.count("[..2]") == 5
    assert "null" not in shown
    assert "[..2] □2:d" in shown or "[..2] □d" in shown


# ---- messages


def test_what_arrived_what_is_lost_what_is_held_and_what_flies_are_told_apart() -> None:
    view = view_after("wait leader; cut 0->1; hold 0->3; sleep 51ms")
    last = {(a.src, a.dst): a for a in timeline(view, view.records, UNICODE).arrows}
    assert last[0, 1].end == "lost"
    assert last[0, 1].reason == "cut"
    assert last[0, 3].end == "held"
    assert last[0, 2].end == "flying"
    assert 0.0 < last[0, 2].way < 1.0
    shown = "\n".join(texts(diagram.diagram(view, context(72, 30)).lines))
    assert "✗" in shown
    assert "◉" in shown
    assert "n0 ✗ n1 cut" in shown


def test_a_message_in_flight_comes_nearer_as_time_goes_by() -> None:
    ways = []
    with still("wait leader; link 0->4 delay=40ms; sleep 52ms") as driver:
        for _ in range(4):
            view = driver.view()
            arrow = [a for a in timeline(view, view.records, UNICODE).arrows if (a.src, a.dst) == (0, 4)][-1]
            ways.append(arrow.way)
            done(driver, "sleep 8ms")
    assert ways == sorted(set(ways))


def test_no_message_arrives_in_the_row_in_which_it_was_sent() -> None:
    view = view_after("wait leader; submit 1; sleep 100ms")
    told = timeline(view, view.records, UNICODE)
    assert told.arrows
    assert all(arrow.sent is None or arrow.sent < arrow.row for arrow in told.arrows if arrow.end != "flying")
    assert [row.time for row in told.rows] == sorted(row.time for row in told.rows)


def test_lanes_show_what_each_node_was_at_the_time() -> None:
    view = view_after("timeout 2; wait 2 is leader; sleep 9ms; crash 2; sleep 1ms")
    roles = [row.roles[2] for row in timeline(view, view.records, UNICODE).rows]
    changes = [role for at, role in enumerate(roles) if at == 0 or roles[at - 1] != role]
    assert changes[-3:] == ["candidate", "leader", "down"]


def test_the_selected_message_is_read_at_the_foot_of_the_pane() -> None:
    view = view_after("wait leader; hold 0->3; sleep 60ms")
    held = next(m for m in view.messages if m.due is None)
    shown = texts(diagram.diagram(view, context(90, 20, row=("message", held.call_id * 2))).lines)
    assert f"message {held.id}, held" in " ".join(shown[-3:])
    assert "v deliver" in shown[-1]


def test_a_message_of_the_past_has_no_id_in_the_box() -> None:
    view = view_after("wait leader; hold 0->3; sleep 60ms; back 1")
    held = next(m for m in view.messages if m.due is None)
    shown = " ".join(texts(diagram.diagram(view, context(90, 20, row=("message", held.call_id * 2))).lines)[-3:])
    assert "(held)" in shown
    assert "-1" not in shown


# ---- events


def test_the_sieve_looks_at_each_record_once_and_forgets_what_history_forgets() -> None:
    sieve = events.EventFilterCache()
    with still("wait leader") as driver:
        for _ in range(5):
            view = driver.view()
            for kind in KINDS:
                wanted = Filter(kind)
                expected = [r for r in view.records if wanted.passes(r)]
                assert list(sieve(view, wanted)) == expected
                shorter = replace(view, records=view.records[7:])
                assert list(sieve(shorter, wanted)) == [r for r in expected if r.seq >= shorter.records[0].seq]
            done(driver, "submit 1; sleep 30ms")
        done(driver, "back 40")
        view = driver.view()
        assert list(sieve(view, Filter("wire"))) == [r for r in view.records if Filter("wire").passes(r)]


def test_events_are_filtered_by_node_and_kind() -> None:
    view = view_after("wait leader; crash 3; sleep 100ms")
    shown = texts(events.events(view, context(80, 50, filter=Filter("faults", 3))).lines)
    assert len(shown) == 1
    assert shown[0].endswith("n3  crashes")


# ---- why


def test_why_names_the_rule_that_made_a_leader() -> None:
    view = view_after("wait leader")
    shown = " ".join(texts(why.why(view, context(80, 20)).lines))
    assert "node 0 is leader of term 1" in shown
    assert "it counted the votes of nodes 0 2 4" in shown
    assert "§5.2" in shown


# ---- hostile text


@pytest.mark.parametrize(
    "value", ["[/b]", "[@click=app.quit]x[/]", "\\x1b[31m", "漢字漢字漢字", "\u202eabc", "x" * 3000, "'"]
)
def test_text_of_users_breaks_no_line(value: str) -> None:
    with still("wait leader") as driver:
        driver.session.harness.submit_to_server(0, value)
        done(driver, "sleep 20ms")
        view = driver.view()
    for glyphs in (UNICODE, ASCII):
        where = context(70, 20, glyphs=glyphs)
        for window in (matrix.matrix(view, where), diagram.diagram(view, where), events.events(view, where)):
            assert all(width_of(line) in (0, 70) for line in window.lines)
            assert "\x1b" not in "".join(texts(window.lines))


@pytest.mark.parametrize("nodes", [3, 5, 7, 9, 25])
@pytest.mark.parametrize("width", [34, 40, 54, 60, 80, 120, 300])
def test_words_stand_beside_the_arrows_at_every_size_and_hidden_lanes_are_counted(nodes: int, width: int) -> None:
    view = view_after("wait leader; submit a; sleep 3ms", nodes=nodes)
    heading, *rows = texts(diagram.diagram(view, context(width, 40, selected=nodes - 1)).lines)
    said = "\n".join(rows)
    assert len(re.findall(r'n\d+ ?→ ?n\d+ (vote\?|"yes"|"no"|entry|ok)', said)) >= 3
    hidden = re.search(r"\+(\d+) hidden", heading)
    seen = len(re.findall(r"\d+", heading.split("+")[0]))
    assert seen + (int(hidden[1]) if hidden else 0) == nodes
    assert str((nodes - 1) % 10) in heading  # the selected node has a lane


def test_rounds_of_heartbeats_that_tell_nothing_new_are_one_row() -> None:
    view = view_after("wait leader; submit a; sleep 1s")
    rows = texts(diagram.diagram(view, context(80, 60)).lines)
    assert any(re.search(r"n0 heartbeats ×\d\d$", row) for row in rows)
    assert sum("heartbeat" in row for row in rows) <= 6  # the first of the term, and those with a new commit index


def test_the_diagram_uses_no_sign_that_common_fonts_lack() -> None:
    view = view_after("wait leader; submit a; cut 0->1; sleep 60ms", nodes=9)
    shown = "".join(texts(diagram.diagram(view, context(120, 60)).lines))
    assert not re.search("[\u2800-\u28ff\u23ba-\u23bd]", shown)


def test_a_selected_event_is_whole_and_marked_in_the_diagram() -> None:
    view = view_after("wait leader; submit a; sleep 60ms")
    record = next(r for r in view.records if isinstance(r.event, VoteDecided))
    row = ("event", record.seq)
    shown = texts(events.events(view, context(40, 12, row=row)).lines)
    assert len(shown) == 12
    assert " ".join(" ".join(shown[-4:]).split()).endswith(f"n{record.node} {describe(record)}")
    lines = texts(diagram.diagram(view, context(80, 60, event=record.seq)).lines)
    assert [line[:9] for line in lines if "▸" in line] == [f"{record.time:8.3f}▸"]


@pytest.mark.parametrize("width", [40, 80])
def test_in_full_screen_all_events_are_whole_and_all_can_be_reached(width: int) -> None:
    view = view_after("wait leader; submit a; submit b; sleep 60ms")
    all_of_them = replace(context(width, 10), is_whole=True, filter=Filter("all"))
    seen: set[int] = set()
    scroll, rows = 0, 0
    while True:
        window = events.events(view, replace(all_of_them, scroll=scroll))
        assert len(window.lines) <= 10
        for at, line in enumerate(window.lines):
            assert width_of(line) == width
            assert line[0].target is not None
            seen.add(line[0].target[1])
            if at:
                assert line[0].target[1] >= (window.lines[at - 1][0].target or ("", 0))[1]
        words = " ".join(" ".join(texts(window.lines)).split())
        last = next(r for r in view.records if ("event", r.seq) == window.lines[-1][0].target)
        assert words.endswith(" ".join(describe(last).split()))
        rows = window.rows
        if scroll >= window.total - rows:
            break
        scroll += 1
    assert seen == {record.seq for record in view.records}


def test_in_full_screen_the_selected_event_is_in_sight() -> None:
    view = view_after("wait leader; submit a; submit b; sleep 60ms")
    listed = list(view.records)
    for record in listed[-10:]:
        shown = replace(context(40, 10, row=("event", record.seq)), is_whole=True, filter=Filter("all"))
        targets = [line[0].target for line in events.events(view, shown).lines]
        assert ("event", record.seq) in targets


@pytest.mark.parametrize(
    "line", ["partition leader", "partition leader; sleep 2s", "sleep 10ms", "crash leader; sleep 70ms"]
)
@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
def test_the_drawers_give_each_node_the_sign_that_it_has_on_the_stage(line: str, glyphs: Glyphs) -> None:
    view = view_after("wait leader", line, setup="set prevote on")
    links = Reachability(view.snapshot)
    signs = {n.id: stage_role_of(n, view.snapshot, links, glyphs).sign for n in view.snapshot.nodes}
    drawers = (matrix.LogPane(), network.NetworkPane(), diagram.MessagesPane(), node.NodePane())
    for pane in drawers:
        lines = texts(pane.window(view, context(120, 20, glyphs=glyphs, selected=2)).lines)
        heading = "\n".join(lines[1:6]) if pane.name == "network" else lines[0]
        shown = {int(id): sign for id, sign in re.findall(r"\bn(\d) {0,3}([^\s\d])", heading)}
        assert shown == (signs if pane.name != "node" else {2: signs[2]}), (pane.name, lines)


def test_the_log_matrix_has_a_column_for_each_of_25_nodes_on_a_wide_screen() -> None:
    view = view_after("wait leader", "submit x", nodes=25)
    for width, height in ((300, 90), (280, 70)):
        slots = layout(width, height, 25, is_open=True).slots
        log = next(slot.region for slot in slots if slot.panes[0] == "log")
        assert "hidden" not in texts(matrix.matrix(view, context(log.width, log.height)).lines)[0]
        assert layout(width, height, 25, is_open=True).stage.width >= LEAST_STAGE


# ---- answers on a sheet


def test_a_table_keeps_its_columns_on_a_sheet_and_a_folded_sentence_is_folded_once() -> None:
    table = "index  node 0  node 1\n    9  [..]    1:x*\n   10  [..10]  1:x"
    assert "\n".join(map(text_of, answer_sheet(table, 60))) == table
    whole = "index 3 is not committed: 1 of 3 nodes has it, and 2 are needed\n      (§5.3)\n    now"
    reasons = "index 3\n  " + " ".join(["word"] * 19) + "\n      and more words of it\n  the next one"
    for width in range(20, 100):
        rows = list(map(text_of, answer_sheet(reasons, width)))
        assert all(columns(row) <= width for row in rows)
        assert " ".join(" ".join(rows).split()) == " ".join(reasons.split())
        assert rows[-1] == "  the next one"
    assert list(map(text_of, answer_sheet(reasons, 40))) == [
        "index 3",
        "  word word word word word word word",
        "  word word word word word word word",
        "  word word word word word and more",
        "  words of it",
        "  the next one",
    ]
    assert "\n".join(map(text_of, answer_sheet(whole, 80))) == whole
