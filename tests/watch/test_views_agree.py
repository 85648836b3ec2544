"""Every view of one fact says the same: a disk, a link, a write that will be torn, and what is none."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from support.churn import Churn
from support.language import held, ran
from support.past import Compared
from support.tui import context, texts
from support.why_stories import LED, STILL, view_after
from support.why_witness import disk

import raftplay
from raftplay import CheckFailed, Config, Harness, RaftConfig, why
from raftplay.commands.looking import LOG_ROWS, log_text, status_text
from raftplay.commands.rewinding import _node_text
from raftplay.past.history import History
from raftplay.past.view import InFlight, View
from raftplay.raft import decisions
from raftplay.raft.storage import StorageError
from raftplay.run.script import parse_script
from raftplay.session.session import Session
from raftplay.shell.look import fault_line, node_lines
from raftplay.tui.model import matrix, network, node, status
from raftplay.tui.model import why as why_pane
from raftplay.tui.stage.scene import scene_of
from raftplay.tui.stage.stage import paint
from raftplay.watch.facts import Record
from raftplay.watch.narrator import describe, message_text
from raftplay.watch.text import count

DOWN = {
    "crashed": "submit a; sleep 20ms; crash 1",
    "torn whole": "tear 1 after 0; submit a; wait 1 is dead",
    "torn in its middle": "submit a; sleep 20ms; tear 1 after 1; submit b; wait 1 is dead",
    "torn vote": "tear 1 after 0; timeout 1",
    "leader torn": "tear 0 after 0; submit a; sleep 1ms",
    "wiped": "submit a; sleep 20ms; wipe 1",
    "not written yet": "submit a; sleep 20ms; submit b; sleep 3ms; crash 1",
}
"""How a node comes down, with node 0 leading three."""


def perform(h: Harness, history: History, text: str) -> Session:
    session = Session(h, history)
    for step in parse_script("s", text).steps:
        step.bound.run(session)
    return session


def screen(view: View) -> str:
    """Everything that the TUI shows of nodes, logs, links and why, in several sizes."""
    lines = []
    for width, height in ((120, 12), (80, 12), (60, 8)):
        looks = context(width=width, height=height)
        for pane in (matrix.matrix, network.network, why_pane.why):
            lines += texts(pane(view, looks).lines)
        for id in range(len(view.snapshot.nodes)):
            lines += texts(node.inspector(view, replace(looks, selected=id)).lines)
        lines += texts(paint(scene_of(view), width, height))
        lines += texts([status.status_line(view, looks)])
    return "\n".join(lines)


def shown(view: View) -> str:
    """Everything that is shown of a view, by whatever shows it."""
    parts = [status_text(view.snapshot), log_text(list(view.snapshot.nodes)), str(view.snapshot), screen(view)]
    parts += ["".join(text for _, text in line) for rows in (1, 5) for line in node_lines(view, rows, 100)]
    parts += [_node_text(node) for node in view.snapshot.nodes]
    parts += [describe(record) for record in view.records]
    parts += [message_text(m.src, m.dst, m.message) for m in view.messages]
    parts += [why.why(view).text, why.why_no_leader(view).text, why.why_not_committed(view, 0).text]
    parts += [why.why_node(view, node.id).text for node in view.snapshot.nodes]
    parts += [why.why_rejected(view, node.id).text for node in view.snapshot.nodes]
    return "\n".join(parts)


# ---- a disk


@pytest.mark.parametrize("bug", ["", "ack-before-durable", "forget-vote", "torn-vote"])
@pytest.mark.parametrize("how", DOWN)
def test_every_view_of_a_node_that_is_down_shows_its_disk(how: str, bug: str) -> None:
    history = History()
    config = Config(RaftConfig(election_min=20, election_max=40), bugs=(bug,) if bug else ())
    with Harness(3, backend="sim", seed=7, watch=False, readers=[history], config=config) as h:
        session = perform(h, history, f"timeout 0; wait leader is 0; sleep 50ms; {DOWN[how]}")
        id = h.alive.index(False)
        term, vote, log = disk(h, id)
        node = session.view().snapshot.nodes[id]
        row = status_text(session.view().snapshot).split("\n")[id + 1].split()
        assert row[2:7] == [str(term), str(vote) if vote >= 0 else "-", str(len(log)), "-", "-"]
        assert row[-2:] == ["on", "disk"]
        assert str(node).startswith(f"node {id}: Dead, on disk: term {term}, ")
        assert f"log of {len(log)} [" in str(node)
        assert str(node).endswith("commit not kept on disk")
        assert _node_text(node) == f"down, on disk: term {term}, log of {len(log)}; commit not kept on disk"
        facts = why.why_node(session.view(), id).facts.disk
        assert (facts.current_term, facts.voted_for, list(facts.log)) == (term, vote, log)
        perform(
            h,
            history,
            f"expect term of {id} = {term}; expect log of {id} = {len(log)}; expect commit of {id} = -1",
        )
        past = history.view(history.last_seq, h.snapshot()).snapshot.nodes[id]
        assert (past.current_term, past.voted_for, list(past.log), past.commit_index) == (term, vote, log, -1)
        h.check()


def test_the_logs_and_the_cards_say_that_they_show_a_disk() -> None:
    view = view_after(LED + "tear 1 after 0; submit a; sleep 5ms")
    head, first, label = log_text(list(view.snapshot.nodes)).split("\n")
    assert (head, label) == ("index  node 0  node 1  node 2", "on disk: node 1")
    assert first.split() == ["0", "1:a*", "·", "1:a*"]
    cards = ["".join(text for _, text in line).rstrip() for line in node_lines(view, 5, 80)]
    assert cards[1] == " n1  Down      term 1    log 0    commit -   on disk"
    short = ["".join(text for _, text in line).rstrip() for line in node_lines(view, 1, 100)]
    assert "n1 Down t1 0/- on disk" in short[0]
    assert texts(matrix.matrix(view, context(width=80, height=5)).lines)[0].split() == [
        "idx",
        "n0★",
        "n1✖",
        "on",
        "disk",
        "n2●",
    ]
    assert "n1 ✖ down on disk" in texts(node.inspector(view, context(width=80, height=8, selected=1)).lines)[0]
    assert matrix.entry_text(view, 0) == ["index 0: a, term 1, on n0 n2; committed on n0 n2"]
    wiped = view_after(LED + "submit a; sleep 20ms; crash 2")
    assert matrix.entry_text(wiped, 0) == ["index 0: a, term 1, on n0 n1 n2 (on disk); committed on n0 n1"]
    assert log_text([view.snapshot.nodes[1]]) == "every log is empty\non disk: node 1"


def test_a_condition_that_does_not_hold_says_that_it_saw_a_disk() -> None:
    down = LED + "submit a; wait committed a on 3; crash 2; "
    assert ran(down + "expect log of 2 = 2").last["reason"] == "the log length of node 2 is 1 on disk (it is down)"
    assert ran(down + "expect term of 2 = 2").last["reason"] == "the term of node 2 is 1 on disk (it is down)"
    assert ran(down + "expect commit of 2 = 0").last["reason"] == (
        "the commit index of node 2 is -1 (it is down: not kept on disk)"
    )


def test_a_restart_gives_back_what_was_shown_of_the_disk() -> None:
    restarts = 0
    for seed in range(8):
        started: dict[int, decisions.Started] = {}

        def note(record: Record, started: dict[int, decisions.Started] = started) -> None:
            if isinstance(record.event, decisions.Started):
                started[record.node] = record.event

        with Harness(3, backend="sim", seed=seed, readers=[note]) as h:
            Churn(h, seed, Churn.DISKS).run(1.5)
            for node in h.snapshot().nodes:
                if not node.alive and not h.wiped[node.id]:
                    h.restart_peer(node.id)
                    restarts += 1
                    back = started[node.id]
                    assert (back.current_term, back.voted_for, back.entries) == (
                        node.current_term,
                        node.voted_for,
                        node.log,
                    )
    assert restarts > 5


def test_a_disk_in_a_file_is_shown_as_one_in_memory(tmp_path: Path) -> None:
    with Compared(3, backend="sim", seed=5, data_dir=tmp_path) as h:
        Churn(h, 5, Churn.DISKS).run(1.5)
        for id in range(2):
            h.wipe_peer(id)
        assert [node.log for node in h.snapshot().nodes[:2]] == [(), ()]
        seen = h.snapshot().nodes
    with Harness(3, backend="sim", seed=6, data_dir=tmp_path) as h:
        again = h.snapshot().nodes
        assert [(n.alive, n.current_term, n.voted_for, n.log) for n in again[:2]] == [
            (False, n.current_term, n.voted_for, n.log) for n in seen[:2]
        ]


class Unreadable:
    """A storage that fails in a write, and cannot be read after that."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.broken = False

    def set(self, key: str, value: bytes) -> None:
        if self.broken:
            raise StorageError("the disk is full")
        self.values[key] = value

    def get(self, key: str) -> bytes | None:
        if self.broken:
            raise StorageError("the disk is gone")
        return self.values.get(key)

    def has_data(self) -> bool:
        return bool(self.values)


def test_a_disk_that_cannot_be_read_stops_no_view() -> None:
    disks = [Unreadable() for _ in range(3)]
    with Harness(3, backend="sim", seed=1, storage=disks) as h:
        h.check_single_leader()
        disks[1].broken = True
        with pytest.raises(StorageError):
            h.time_out_peer(1)
        assert not h.alive[1]
        assert h.snapshot().nodes[1].log == ()
        assert "on disk" in str(h.snapshot().nodes[1])


# ---- links that are held, and a write that will be torn


def test_held_links_and_a_torn_write_to_come_are_in_every_view() -> None:
    view = view_after(LED + "hold 0->1; tear 2 after 1; submit a; sleep 1ms")
    status_lines = status_text(view.snapshot).split("\n")
    assert status_lines[3].endswith("next write torn")
    assert status_lines[-1] == "link 0->1: held"
    report = str(view.snapshot).split("\n")
    assert report[3].endswith(", next write torn")
    assert report[-1] == "  link 0->1: held"
    faults = "".join(text for _, text in fault_line(view, 100))
    assert faults == " faults: n2 next write torn, 0->1 held"
    panes = texts(network.network(view, context(width=80, height=20)).lines)
    assert " link 0->1: held" in [row.rstrip() for row in panes]
    assert " n2 next write torn" in [row.rstrip() for row in panes]
    for lines in (node.inspector(view, context(selected=2)).lines, paint(scene_of(view), 80, 12)):
        assert "torn write" in "\n".join(texts(lines))
    assert "next write torn" in "".join(text for line in node_lines(view, 5, 100) for _, text in line)
    assert "its next write will be torn" in " ".join(why.why_node(view, 2).reasons)
    assert "held on 0->1" in " ".join(why.why_not_committed(view, 0).reasons)


def test_all_links_held_are_one_line_and_a_failed_check_names_the_links() -> None:
    with Harness(3, backend="sim", seed=1) as h:
        for src in range(3):
            for dst in range(3):
                if src != dst:
                    h.hold(src, dst)
        h.partition([0], [1, 2])
        with pytest.raises(CheckFailed) as failed:
            h.check_committed(1)
        assert str(failed.value).split("\n")[-3:-1] == ["  partition: 0 | 1 2", "  every link: held"]


def test_the_past_knows_of_a_write_that_will_be_torn() -> None:
    with Compared(3, backend="sim", seed=1) as h:
        h.tear_peer(1, 2)
        assert h.world.snapshot(h.snapshot()).nodes[1].tearing
        h.crash_peer(1)
        assert not h.world.snapshot(h.snapshot()).nodes[1].tearing
        h.restart_peer(1)
        assert not h.snapshot().nodes[1].tearing


# ---- healing


def test_heal_delivers_what_was_held_in_order_and_says_so() -> None:
    run = held(LED + "hold all; submit a; submit b; sleep 5ms; cut 0->2; heal; status; wait committed b on 5")
    assert run.answer("heal") == "all links are whole; 20 directions of links released: 4 messages delivered"
    assert "held" not in run.answer("status")
    assert held(LED + "cut 0->1; heal").answer("heal") == "all links are whole"


def test_what_a_cut_would_have_lost_is_delivered_as_heal_lifts_the_cut_first() -> None:
    run = held(LED + "hold 0->1; submit a; sleep 5ms; cut 0->1; heal; wait log of 1 = 1")
    assert run.answer("heal") == "all links are whole; 0->1 released: 2 messages delivered"


@pytest.mark.parametrize("backend", ["sim", "tcp"])
def test_after_heal_nothing_is_held(backend: str) -> None:
    with Harness(3, backend=backend, seed=1) as h:
        h.check_single_leader()
        h.hold(0, 1)
        h.hold(1, 0)
        assert h.wait_until(lambda: any(flight.due is None for flight in h.messages()))  # held, not delayed
        assert h.heal() >= 1
        assert h.snapshot().held_links == ()
        assert all(flight.due is not None for flight in h.messages())


def test_the_past_of_heal_is_what_was() -> None:
    for seed in range(10):
        with Compared(4, backend="sim", seed=seed) as h:
            Churn(h, seed, ("submit", "hold", "hold", "hold", "heal", "cut", "partition", "delay")).run(2.0)
            h.heal()
            assert h.world.snapshot(h.snapshot()).held_links == ()


# ---- what stands in the way is named


def test_deliver_on_a_link_with_nothing_on_it_says_why() -> None:
    run = held(
        LED + "cut 0->1; submit a; sleep 3ms; deliver 0->1; lose 0->1; duplicate 0->1; crash 2; deliver 0->2"
    )
    assert run.answers[-5:-2] == [
        "no message delivered: nothing is in flight on 0->1; the link 0->1 is cut",
        "no message lost: nothing is in flight on 0->1; the link 0->1 is cut",
        "no copy delivered: nothing is in flight on 0->1; the link 0->1 is cut",
    ]
    assert run.answers[-1] == "no message delivered: nothing is in flight on 0->2; node 2 is down"
    run = held(LED + "partition 0 | 1,2; deliver 0->1")
    assert run.answer("deliver") == (
        "no message delivered: nothing is in flight on 0->1; the partition lies between the ends of 0->1"
    )


@pytest.mark.parametrize(("down", "up"), [("crash", "restart"), ("disconnect", "reconnect")])
def test_who_comes_back_hears_what_still_keeps_it_apart(down: str, up: str) -> None:
    run = held(LED + f"{down} 1; cut 0->1; hold 1->2; cut 0->2; {up} 1")
    assert run.answers[-1].endswith("; still in force: link 0->1: cut, link 1->2: held")
    run = held(LED + f"{down} 1; partition 0; {up} 1")
    assert run.answers[-1].endswith("; still in force: partition: 0 | 1 2 3 4")
    assert "in force" not in held(LED + f"{down} 1; cut 0->2; {up} 1").answers[-1]


# ---- an election by hand


@pytest.mark.parametrize("setup", ["", "set prevote on\n"])
def test_an_election_that_was_forced_is_told_as_forced(setup: str) -> None:
    view = view_after(setup + STILL + "timeout 1; wait leader is 1; sleep 5ms")
    own = [describe(record) for record in view.records if record.node == 1]
    told = [text for text in own if "becomes candidate" in text or "asks whether" in text]
    assert len(told) == 1 + bool(setup)
    assert all(text.endswith(": its election timer was fired by hand (§5.2)") for text in told)
    assert "at 0.000 s its election timer was fired by hand (§5.2)" in " ".join(why.why_node(view, 1).reasons)


def test_an_election_of_its_own_accord_is_told_as_that() -> None:
    view = view_after("timing delay=2ms\nwait leader; sleep 5ms")
    assert not any("by hand" in describe(record) for record in view.records)
    view = view_after("timing delay=2ms\ntimeout 0; wait leader is 0; crash 0; wait leader is not 0")
    last = [describe(r) for r in view.records if "becomes candidate" in describe(r)][-1]
    assert "the election timeout passed" in last


# ---- what is none


@pytest.mark.parametrize("seed", range(6))
def test_none_is_a_dash_wherever_people_read_it(seed: int) -> None:
    history = History()
    with Harness(
        4, backend="sim", seed=seed, readers=[history], config=Config(RaftConfig(prevote=seed % 2 == 1))
    ) as h:
        session = Session(h, history)
        assert _nones(shown(session.view())) == []
        h.sleep_ms(200)
        assert _nones(shown(session.view())) == []
        Churn(h, seed).run(1.0)
        assert _nones(shown(session.view())) == []
        for seq in range(history.first_seq, history.last_seq, 97):
            view = history.view(seq, h.snapshot())
            assert _nones(status_text(view.snapshot) + str(view.snapshot)) == []


def _nones(text: str) -> list[str]:
    """Where -1 stands for none, and the words that once did."""
    lines = [line for line in text.split("\n") if "lag" not in line]  # a lag counts backwards
    return [line for line in lines if re.search(r"(?<![\w.\-])-1\b|\bunknown\b|\bNone\b", line)]


def test_conditions_take_minus_one_and_help_says_so() -> None:
    held("expect commit of 0 = -1")
    assert "-1 in conditions" in held("help conditions").answers[0]


# ---- one and many


def test_one_of_a_thing_is_no_plural() -> None:
    assert [count(n, "entry") for n in (0, 1, 2)] == ["0 entries", "1 entry", "2 entries"]
    assert [count(n, "node") for n in (0, 1, 2)] == ["0 nodes", "1 node", "2 nodes"]


def test_nobody_puts_numbers_and_things_together_but_count() -> None:
    """An s that hangs on a number of its own is written in one place."""
    hangs = re.compile(r"""\{'(s|)' if [^}]*else '(s|)'\}""")
    package = Path(raftplay.__file__).parent
    found = [
        f"{file.relative_to(package)}: {line.strip()}"
        for file in sorted(package.rglob("*.py"))
        for line in file.read_text("utf-8").split("\n")
        if hangs.search(line) and "differ{" not in line and "node{'' if len(known)" not in line
    ]
    assert found == []


@pytest.mark.parametrize("nodes", [1, 2, 3])
def test_no_view_speaks_of_one_things(nodes: int) -> None:
    history = History()
    with Harness(nodes, backend="sim", seed=nodes, readers=[history]) as h:
        session = perform(h, history, "wait leader; submit 1; wait committed 1; expect agree; tear 0 after 1")
        answers = [
            parse_script("s", text).steps[0].bound.run(session)
            for text in ("expect agree", "why not committed 0", "why no leader", "events 200", "now")
        ]
        text = shown(session.view()) + "\n".join(answers)
        assert (
            re.findall(r"(?<![\d.,:-])1 [a-z]*(?:entries|nodes|commands|votes|parts|messages|events)\b", text)
            == []
        )


# ---- answers that would never end


def test_a_long_log_is_bounded_and_says_how_to_see_the_rest() -> None:
    with Harness(3, backend="sim", seed=1) as h:
        leader, _ = h.check_single_leader()
        h.submit_many(leader, list(range(250)))
        h.sleep_ms(100)
        history = History()
        session = Session(h, history)

        def answer(text: str) -> list[str]:
            return parse_script("s", text).steps[0].bound.run(session).split("\n")

        lines = answer("log")
        assert len(lines) == LOG_ROWS + 2
        assert lines[1].split()[0] == "150"
        assert lines[-2].split()[0] == "249"
        assert lines[-1] == "150 rows left out; to see them: log from INDEX"
        first = answer("log from 0")
        assert (first[1].split()[0], first[-2].split()[0]) == ("0", "99")
        one = answer("log 0,2 from 240")
        assert one[0].split() == ["index", "node", "0", "node", "2"]
        assert [line.split()[0] for line in one[1:]] == [str(index) for index in range(240, 250)]
        assert answer("log from 250") == ["no log has an entry at index 250; the last index is 249"]


def test_a_long_list_of_messages_is_bounded_and_says_where_the_others_are() -> None:
    view = view_after(LED + "hold 0->1")
    message = InFlight(1, 1, 0, 1, next(r.event.args for r in view.records if hasattr(r.event, "args")), None)
    with Harness(3, backend="sim", seed=1) as h:
        session = Session(h, History())
        many = View(view.snapshot, view.records, messages=tuple([message] * 350))
        session.view = lambda: many  # type: ignore[method-assign]
        lines = parse_script("s", "messages").steps[0].bound.run(session).split("\n")
    assert len(lines) == 101
    assert lines[-1] == "250 messages left out: 250 on 0->1"


def test_a_failure_report_shows_no_command_at_its_full_length() -> None:
    view = view_after(LED + f"submit {'x' * 5000}; sleep 5ms")
    assert all(len(line) < 200 for line in str(view.snapshot).split("\n"))


def test_heal_delivers_single_messages_that_are_held() -> None:
    with Harness(3, backend="sim", seed=1) as h:
        h.submit_to_server(h.check_single_leader()[0], "x")
        h.settle()
        held = [flight.id for flight in h.messages()]
        assert held
        for id in held:
            h.hold_message(id)
        assert h.heal() == len(held)
        assert not any(flight.due is None for flight in h.messages())
