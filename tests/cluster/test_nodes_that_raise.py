"""A node of one's own that raises goes down and is named, with the lines that its author wrote; the others live on."""

import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
from support.backends import KINDS, elect, nothing_left_over, take_loop
from support.nodes import OWN, take

import raftplay
from raftplay import (
    AppendEntriesReply,
    Config,
    ConsensusModule,
    Harness,
    NodeFailed,
    RaftConfig,
    RequestVoteReply,
    UsageError,
)
from raftplay.cluster import stuck
from raftplay.cluster.raised import NodeRaised
from raftplay.explore.search.command import case_of
from raftplay.explore.search.counterexample import script_of
from raftplay.explore.search.shrink import Shrinker
from raftplay.explore.search.sweep import Search, sweep
from raftplay.explore.search.trial import TrialPlan, rerun
from raftplay.raft.decisions import CustomDecision, VoteDecided
from raftplay.raft.rules import Rules
from raftplay.run.live import Live
from raftplay.run.runner import JsonTranscript, Status, TextTranscript, run_script
from raftplay.run.script import parse_script
from raftplay.session.session import Session
from raftplay.watch.facts import CallDelivered, CallSent, Crashed, Record, ReplySent
from raftplay.watch.narrator import describe
from raftplay.watch.trace import read_trace, traced

HERE = __file__


def failing(method: str, *, node: int = 1, after: int = 0) -> type[ConsensusModule]:
    """A class whose `method` raises on one node, once it was used `after` times on it."""

    def raises(self, *args, **options):
        self.used = getattr(self, "used", 0) + 1
        if self.id == node and self.used > after:
            return 1 + "one"
        return getattr(ConsensusModule, method)(self, *args, **options)

    return type("Failing", (ConsensusModule,), {method: raises})


METHODS = (
    "start", "wake", "time_out", "request_vote", "append_entries", "reply_received", "persist", "take_calls",
    "take_commits", "submit", "call_failed",
)  # fmt: skip


@pytest.fixture(params=KINDS)
def make(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Harness]]:
    """Makes a cluster of three nodes of a class; nothing of it is left over."""
    take_loop(request.param, monkeypatch)
    backend = "sim" if request.param == "sim" else "tcp"
    with nothing_left_over():
        usual = RaftConfig()
        yield lambda node, raft=usual, **more: Harness(
            3, backend=backend, seed=1, config=Config(raft, node=node), **more
        )


def provoke(h: Harness) -> None:
    """Do what makes node 1 use each of its methods: it leads, follows, and calls who is not there."""
    h.sleep_ms(20)
    h.time_out_peer(1)
    h.sleep_ms(200)
    h.submit_to_server(1, "a")
    h.sleep_ms(200)
    h.disconnect_peer(2)
    h.sleep_ms(200)
    h.time_out_peer(0)
    h.sleep_ms(1000)
    h.time_out_peer(0)
    h.sleep_ms(1000)


@pytest.mark.parametrize("method", METHODS)
def test_whatever_method_raises_the_node_goes_down_and_is_named_and_the_others_live_on(
    method: str, make: Callable[..., Harness]
):
    seen: list[Record] = []
    with make(failing(method), readers=[seen.append]) as h:
        with pytest.raises(NodeFailed) as caught:
            provoke(h)
        failure = caught.value
        assert isinstance(failure, NodeRaised)
        assert (failure.node, failure.raised, failure.method) == (1, "TypeError", method)
        first, *lines = str(failure).split("\n")
        message = f" ({failure.message})" if failure.message else ""
        assert first == f"node 1 raised TypeError in {method} at {failure.time:.3f} s{message}"
        assert lines[0].startswith(f'  File "{HERE}", line ')
        assert lines[0].endswith(", in raises")
        assert lines[1:] == [
            '    return 1 + "one"',
            "TypeError: unsupported operand type(s) for +: 'int' and 'str'",
        ]
        assert isinstance(failure.__cause__, TypeError)
        assert h.alive == [True, False, True]
        (crashed,) = [record for record in seen if isinstance(record.event, Crashed)]
        assert crashed.node == 1
        assert crashed.time >= failure.time
        assert describe(crashed).startswith(f"crashes: its code raised TypeError in {method}")
        assert h.snapshot().nodes[1].crash_cause == crashed.event.cause
        h.reconnect_peer(2)
        leader, _ = h.check_single_leader()
        assert h.submit_to_server(leader, "b") >= 0
        assert h.wait_until(lambda: all(h.commits[id] and h.commits[id][-1].command == "b" for id in (0, 2)))


def test_the_message_that_a_node_handled_is_the_one_that_was_delivered(make: Callable[..., Harness]):
    with make(failing("request_vote"), raft=RaftConfig(election_min=20, election_max=40)) as h:
        h.hold(0, 1)
        h.time_out_peer(0)  # no other election comes of itself
        (flight,) = [flight for flight in h.messages() if flight.dst == 1]
        message = rf"\(RequestVote, message {flight.id} from node 0\)"
        with pytest.raises(NodeFailed, match=rf"in request_vote at 0\.\d+ s {message}\n"):  # noqa: PT012
            h.deliver(flight.id)
            h.sleep_ms(100)


@pytest.mark.parametrize("method", ["request_vote", "append_entries"])
def test_nothing_of_what_a_node_was_doing_leaves_it(method: str, make: Callable[..., Harness]):
    seen: list[Record] = []
    with make(failing(method, after=0), readers=[seen.append]) as h:
        with pytest.raises(NodeFailed):
            provoke(h)
        at = next(i for i, record in enumerate(seen) if isinstance(record.event, Crashed))
        last = [r.event for r in seen[:at] if isinstance(r.event, CallDelivered) and r.node == 1][-1]
        h.sleep_ms(300)
        assert last.call_id not in [r.event.call_id for r in seen if isinstance(r.event, ReplySent)]
        assert not [r for r in seen[at:] if isinstance(r.event, ReplySent | CallSent) and r.node == 1]


def test_a_node_that_failed_can_be_restarted(make: Callable[..., Harness]):
    with make(failing("append_entries", after=2)) as h:
        elect(h)
        with pytest.raises(NodeFailed):
            h.sleep_ms(1000)
        h.restart_peer(1)
        assert h.alive == [True] * 3
        assert h.snapshot().nodes[1].crash_cause == ""
        with pytest.raises(NodeFailed):
            h.sleep_ms(1000)


def test_a_class_that_cannot_be_made_is_named_at_once(make: Callable[..., Harness]):
    class Unmade(ConsensusModule):
        def __init__(self, id, peer_ids, storage, **more):
            super().__init__(id, peer_ids, storage, **more)
            if self.id == 2:
                raise KeyError("state")

    with pytest.raises(NodeFailed, match=r"^node 2 raised KeyError in __init__ at 0\.\d+ s\n") as caught:
        make(Unmade)
    assert str(caught.value).endswith("KeyError: 'state'")


def test_a_node_that_raises_in_stop_is_down_all_the_same(make: Callable[..., Harness]):
    with make(failing("stop")) as h:
        elect(h)
        with pytest.raises(NodeFailed, match=r"^node 1 raised TypeError in stop at "):
            h.crash_peer(1)
        assert h.alive == [True, False, True]
        h.sleep_ms(100)
        h.restart_peer(1)
        with pytest.raises(NodeFailed, match=r"^node 1 raised TypeError in stop at "):
            h.shutdown()
        h.shutdown()


@pytest.mark.parametrize("reply", [None, True, RequestVoteReply(1, True), AppendEntriesReply(1, True)])
def test_what_is_no_reply_is_said(reply: object, make: Callable[..., Harness]):
    class Odd(ConsensusModule):
        def request_vote(self, args, now=None):
            super().request_vote(args, now)
            return reply

        def append_entries(self, args, now=None):
            super().append_entries(args, now)
            return reply

    with pytest.raises(NodeFailed) as caught, make(Odd) as h:  # noqa: PT012 - in either call
        h.time_out_peer(0)
        h.sleep_ms(1000)
    kind = "a RequestVoteReply" if caught.value.method == "request_vote" else "an AppendEntriesReply"
    assert str(caught.value).endswith(f"\nTypeError: {reply!r} was returned, not {kind}")


REPLIES = (
    (RequestVoteReply(True, True), "term is no integer from 0 to 2**62"),
    (RequestVoteReply(1, "yes"), "vote_granted is neither True nor False"),
    (RequestVoteReply(10**30, True), "term is no integer from 0 to 2**62"),
    (RequestVoteReply(-1, False), "term is no integer from 0 to 2**62"),
    (AppendEntriesReply(1.0, True), "term is no integer from 0 to 2**62"),
    (AppendEntriesReply(1, 1), "success is neither True nor False"),
    (AppendEntriesReply(1, False, None), "conflict_index is no integer from -1 to 2**62"),
    (AppendEntriesReply(1, False, 0, -2), "conflict_term is no integer from -1 to 2**62"),
)


@pytest.mark.parametrize(("reply", "words"), REPLIES, ids=str)
def test_a_reply_with_fields_of_another_kind_is_said(
    reply: RequestVoteReply | AppendEntriesReply, words: str, make: Callable[..., Harness]
):
    method = "request_vote" if isinstance(reply, RequestVoteReply) else "append_entries"

    def odd(self, args, now=None):
        usual = getattr(ConsensusModule, method)(self, args, now)
        return usual if self.id == 0 else reply

    with make(type("Odd", (ConsensusModule,), {method: odd})) as h:
        with pytest.raises(NodeFailed) as caught:  # noqa: PT012 - in either call
            h.time_out_peer(0)
            h.sleep_ms(1000)
        assert caught.value.method == method
        assert str(caught.value).endswith(f"\nTypeError: {reply!r} was returned, whose {words}")
        with suppress(NodeFailed):
            h.sleep_ms(100)


@pytest.mark.parametrize("index", [None, "0", True, 0.0, -2, 10**30])
def test_what_is_no_index_of_a_command_is_said(index: object, make: Callable[..., Harness]):
    class Odd(ConsensusModule):
        def submit(self, command, now=None):
            super().submit(command, now)
            return index

    with make(Odd) as h:
        elect(h)
        with pytest.raises(NodeFailed, match=r"^node \d raised TypeError in submit at ") as caught:
            h.submit_to_server(h.check_single_leader()[0], "a")
        assert str(caught.value).endswith(f"\nTypeError: {index!r} was returned, not a log index or -1")


class BadStr(Exception):
    def __str__(self):
        raise RuntimeError("no text")


class NoStr(Exception):
    def __str__(self):
        return 5  # noqa: PLE0307 - so it is


@pytest.mark.parametrize(("kind", "failed"), [(BadStr, "RuntimeError"), (NoStr, "TypeError")])
def test_an_exception_without_a_text_is_told_by_its_name(
    kind: type[Exception], failed: str, make: Callable[..., Harness]
):
    class Failing(ConsensusModule):
        def wake(self, now):
            if self.id == 1:
                raise kind
            super().wake(now)

    with make(Failing) as h, pytest.raises(NodeFailed) as caught:  # noqa: PT012 - in any call
        h.sleep_ms(1000)
        h.disconnect_peer(0)
        h.sleep_ms(1000)
    assert str(caught.value).startswith(f"node 1 raised {kind.__name__} in wake at ")
    text = f"its text cannot be shown, as its __str__ raised {failed}"
    assert str(caught.value).endswith(f"\n{kind.__name__}: {text}")


def test_a_deadline_that_is_no_time_is_said(make: Callable[..., Harness]):
    class Timeless(ConsensusModule):
        def _restart_election_timer(self):
            self.deadline = None

    with pytest.raises(NodeFailed, match=r"^node 0 raised TypeError in start at "), make(Timeless) as h:
        h.sleep_ms(100)


def test_a_failure_that_nobody_heard_of_is_raised_at_the_end(make: Callable[..., Harness]):
    h = make(failing("start"))
    with pytest.raises(NodeFailed, match=r"^node 1 raised TypeError in start at 0\."):
        h.shutdown()
    h.shutdown()


def test_a_test_that_dies_of_one_node_is_not_told_of_the_next(make: Callable[..., Harness]):
    class All(ConsensusModule):
        def start(self, now):
            raise RuntimeError("all of them")

    with pytest.raises(NodeFailed, match=r"^node 0 raised RuntimeError in start") as caught, make(All) as h:
        h.sleep_ms(10)
    assert isinstance(caught.value.__cause__, RuntimeError)
    assert not isinstance(caught.value.__context__, NodeFailed)


def test_a_command_that_is_refused_is_no_failure(make: Callable[..., Harness]):
    with make(type("Own", (ConsensusModule,), {})) as h:
        elect(h)
        with pytest.raises(raftplay.CommandRefused):
            h.submit_to_server(0, object())
        assert h.alive == [True] * 3


def test_deep_recursion_of_a_node_is_its_failure():
    class Deep(ConsensusModule):
        def wake(self, now):
            self.wake(now)

    with Harness(3, backend="sim", seed=1, config=Config(node=Deep)) as h:
        with pytest.raises(NodeFailed, match="raised RecursionError in wake") as caught:
            h.sleep_ms(1000)
        assert len(str(caught.value).split("\n")) < 30


def test_in_virtual_time_a_failure_is_the_same_each_time():
    def told() -> str:
        with (
            pytest.raises(NodeFailed) as caught,
            Harness(5, backend="sim", seed=7, config=Config(node=failing("append_entries", after=3))) as h,
        ):
            h.sleep_ms(3000)
        return str(caught.value)

    assert told() == told()


def test_a_failure_can_be_pickled():
    with (
        pytest.raises(NodeFailed) as caught,
        Harness(3, backend="sim", seed=1, config=Config(node=failing("start"))) as h,
    ):
        h.sleep_ms(1000)
    again = pickle.loads(pickle.dumps(caught.value))
    assert type(again) is NodeRaised
    assert str(again) == str(caught.value)
    assert again.kind == "TypeError in start"


# ---- classes of one's own


def test_the_class_of_the_nodes_is_a_part_of_the_configuration():
    class Own(ConsensusModule):
        pass

    with Harness(3, backend="sim", seed=1, config=Config(node=Own)) as h:
        assert {type(server.cm) for server in h.cluster} == {Own}
    with Harness(3, backend="sim", seed=1, config=Config(node=Own, bugs=("forget-vote", "zombie"))) as h:
        kinds = type(h.cluster[0].cm).__mro__
        assert kinds.index(Own) > kinds.index(raftplay.raft.bugs.BUGS["zombie"].node)
    rule = type("Rule", (Rules,), {})
    with Harness(3, backend="sim", seed=1, config=Config(node=rule)) as h:
        assert {type(server.cm.rules) for server in h.cluster} == {rule}
    for wrong in (None, 3, "Own", Own.__init__, dict):
        with pytest.raises(UsageError, match="node must be a subclass of ConsensusModule or of Rules, not "):
            Config(node=wrong)


def test_a_node_of_ones_own_that_changes_nothing_gives_the_same_run():
    def story(config: Config) -> list[Record]:
        seen: list[Record] = []
        with Harness(3, backend="sim", seed=4, config=config, readers=[seen.append]) as h:
            leader, _ = h.check_single_leader()
            h.submit_to_server(leader, "a")
            h.sleep_ms(500)
        return seen

    assert story(Config()) == story(Config(node=type("Own", (ConsensusModule,), {})))


class Remark(CustomDecision, frozen=True):
    """An event of one's own."""

    words: str


class Talks(ConsensusModule):
    """Tells rules and events of its own."""

    def _tell(self, decision):
        if isinstance(decision, VoteDecided) and not decision.granted:
            decision = msgspec.structs.replace(decision, rule="not today")
        super()._tell(decision)

    def _become_follower(self, term, rule):
        self._tell(Remark("stepping\x1b[2J down"))
        super()._become_follower(term, "because")


TALK = f"""nodes 3
backend sim
seed 3
bug {OWN}
timeout 0
wait leader is 0
timeout 1
sleep 100ms
timeout 2
sleep 300ms
submit a to leader
sleep 100ms
events all
why 0
why 1
why 2
why 0 rejected
why 1 rejected
why 2 rejected
why no leader
status
"""


def test_rules_and_events_that_a_node_made_up_are_told_as_they_are(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    take(Talks, monkeypatch)
    said: list[str] = []
    text = TALK.replace("events all", "events 500")
    lines = [line for line in text.split("\n") if not line.startswith("why")]
    assert run_script(parse_script("talk.txt", "\n".join(lines)), TextTranscript(said.append)) is Status.HELD
    told = "\n".join(said)
    assert "because (a custom rule)" in told
    assert "Remark(words='stepping\\x1b[2J down')" in told
    for line in text.split("\n"):
        if line.startswith("why"):
            script = parse_script("why.txt", "\n".join([*lines, line]))
            assert run_script(script, TextTranscript(said.append)) in (Status.HELD, Status.MISUSED, Status.FAILED)
    report = sweep(Search(range(3, 4), bugs=(OWN,), seeds=3, seconds=1.0, jobs=1, stops_at_finding=False))
    assert report.rules["BecameFollower because"] > 0
    assert report.rules["Remark"] > 0
    trace = tmp_path / "trace.jsonl"
    with Harness(3, backend="sim", seed=3, config=Config(node=Talks)) as h, traced(h, trace):
        elect(h)
        elect(h, 1)
    with pytest.raises(UsageError, match="Remark"):
        list(read_trace(trace).records)


# ---- where people see it

SCRIPT = f"nodes 3\nbackend sim\nseed 1\nbug {OWN}\nsleep 1s\nstatus\n"


def test_run_names_the_node_and_ends_with_status_1(monkeypatch: pytest.MonkeyPatch):
    take(failing("append_entries"), monkeypatch)
    said: list[str] = []
    assert run_script(parse_script("mine.txt", SCRIPT), TextTranscript(said.append)) is Status.FAILED
    text = "\n".join(said)
    assert "mine.txt:5: sleep 1s: node 1 raised TypeError in append_entries at 0." in text
    assert f'\n  File "{HERE}", line ' in text
    assert '\n    return 1 + "one"\nTypeError: unsupported' in text
    assert "server.py" not in text
    assert "; crashed: its code raised TypeError in append_entries (AppendEntries, message " in text
    assert "\nagain: raftplay run mine.txt --nodes 3 --backend sim --seed 1 --bug own\n" in text
    assert text.split("\n")[-1].startswith("mine.txt: failed after 0 steps, at 0.")


@pytest.mark.parametrize(
    "name", ["state", "current_term", "voted_for", "log", "commit_index", "last_applied", "_candidacy", "_leadership",
             "leader_id", "deadline", "config", "peer_ids", "_rng", "_calls", "_commits"]
)  # fmt: skip
@pytest.mark.parametrize("raises", [True, False])
def test_a_node_that_spoils_its_own_state_is_shown_all_the_same(
    name: str, raises: bool, monkeypatch: pytest.MonkeyPatch
):
    class Spoils(ConsensusModule):
        def append_entries(self, args, now=None):
            reply = super().append_entries(args, now)
            if self.id == 1 and len(self.log):
                setattr(self, name, None)
                if raises:
                    raise ValueError(name)
            return reply

    take(Spoils, monkeypatch)
    said: list[str] = []
    text = SCRIPT.replace(
        "sleep 1s", "wait leader\nsubmit a to leader\nsleep 1s\nstatus\nwhy 1\nlog 1\nevents\nfail"
    )
    text = text.replace("seed 1", "seed 4").replace("\nfail", "\nexpect term > 99")
    assert run_script(parse_script("mine.txt", text), TextTranscript(said.append)) is Status.FAILED
    assert not raises or any(": node 1 raised ValueError in append_entries at 0." in line for line in said)


OWN_CODE = """
import sys
from raftplay import ConsensusModule
from raftplay.cli import main
from raftplay.raft.bugs import BUGS, Bug

class Unmade(ConsensusModule):
    def __init__(self, id, peers, storage, **more):
        super().__init__(id, peers, storage, **more)
        if id == 2:
            raise KeyError("state")

class Raises(ConsensusModule):
    def request_vote(self, args, now=None):
        return args.nothing

class Still(ConsensusModule):
    def wake(self, now):
        pass

BUGS["own"] = Bug("own", "a node of one's own", globals()[sys.argv[1]], "§5", (), ())
sys.argv = ["raftplay", "run", "-", "--bug", "own", "--backend", "sim", "--seed", "1", "--nodes", "3"]
main()
"""


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("Unmade", "raftplay: node 2 raised KeyError in __init__ at 0.000 s\n"),
        ("Raises", ": sleep 1s: node 2 raised AttributeError in request_vote at 0."),
        ("Still", ": sleep 1s: time stands still: 9,000 events at 0."),
    ],
)
def test_the_command_line_ends_with_status_1_and_no_line_of_raftplay(what: str, said: str):
    done = subprocess.run(
        [sys.executable, "-c", OWN_CODE, what],
        input="sleep 1s\n",
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_run_tells_programs_too(monkeypatch: pytest.MonkeyPatch):
    take(failing("append_entries"), monkeypatch)
    said: list[str] = []
    assert run_script(parse_script("mine.txt", SCRIPT), JsonTranscript(said.append)) is Status.FAILED
    step = next(line for line in map(msgspec.json.decode, said) if line["kind"] == "step")
    assert step["status"] == "failed"
    assert step["reason"].startswith("node 1 raised TypeError in append_entries at 0.")
    assert step["again"].startswith("raftplay run mine.txt")
    assert [node["alive"] for node in step["state"]["nodes"]] == [True, False, True]


def test_what_fails_when_the_cluster_ends_is_told(monkeypatch: pytest.MonkeyPatch):
    take(failing("stop", node=0), monkeypatch)
    said: list[str] = []
    assert run_script(parse_script("mine.txt", SCRIPT), TextTranscript(said.append)) is Status.FAILED
    assert any(line.startswith("mine.txt:6: status: node 0 raised TypeError in stop at ") for line in said)


def test_a_session_lives_on_without_the_node():
    news: list[str] = []
    config = Config(node=failing("append_entries", after=3))
    live = Live(Session(Harness(3, backend="sim", seed=1, config=config, readers=[])), news.append)
    try:
        live.session.harness.set_speed(50)
        (outcome,) = live.run("wait 1 is dead within 60s").result(timeout=60)
        (outcome,) = live.run("status").result(timeout=60)
        assert outcome.held
        assert "down, its code failed" in outcome.answer
        (outcome,) = live.run("why 1").result(timeout=60)
        assert "its code raised TypeError in append_entries" in outcome.answer
        assert "its disk failed" not in outcome.answer
        (outcome,) = live.run("restart 1").result(timeout=60)
        assert outcome.held
    finally:
        live.close()


def test_explore_finds_it_and_shrinks_it_to_a_script_that_repeats_it(monkeypatch: pytest.MonkeyPatch):
    take(failing("append_entries", after=5), monkeypatch)
    report = sweep(Search(range(3, 6), bugs=(OWN,), seeds=5, jobs=1))
    assert report.first is not None
    case = case_of(report.first)
    assert case.finding.name == "TypeError in append_entries"
    small = Shrinker(case, limit=20).shrink()
    assert len(small.commands) <= 3
    text = script_of(small)
    assert text.startswith("# TypeError in append_entries, with own switched on.\n# node 1 raised TypeError in ")
    assert "\n# FAILED: node 1 raised TypeError in append_entries at " in text
    said: list[str] = []
    assert run_script(parse_script("found.txt", text), TextTranscript(said.append)) is Status.FAILED


def test_explore_finds_a_node_that_cannot_be_made(monkeypatch: pytest.MonkeyPatch):
    take(failing("__init__", node=0), monkeypatch)
    result = rerun(TrialPlan(1, 3, bugs=(OWN,)), ["sleep 1s"], measured=False)
    assert result.finding is not None
    assert result.finding.name == "AttributeError in __init__"  # it has no id yet


def test_a_node_that_does_not_return_is_named(monkeypatch: pytest.MonkeyPatch):
    class Thinks(ConsensusModule):
        def request_vote(self, args, now=None):
            while True:
                pass

    take(Thinks, monkeypatch)
    monkeypatch.setattr(stuck, "LOOK_EVERY", 0.1)
    result = rerun(TrialPlan(1, 3, bugs=(OWN,)), ["sleep 1s"], measured=False)
    assert result.finding is not None
    assert result.finding.name == "no return from request_vote"
    first, *lines = result.finding.text.split("\n")
    assert " did not return from request_vote at 0." in first
    assert lines[-1] == "DidNotReturn: nothing happened for 0.2 s of wall time"
