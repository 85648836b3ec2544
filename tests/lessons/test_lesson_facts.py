"""What the shipped lessons say of a cluster is true of it, at that moment, with 20 seeds and whatever is answered."""

import math
import re
from itertools import pairwise

import pytest
from support.amount import several
from support.lesson_facts import Fact, Scene, said, visit
from support.lessons import lesson_of, session_of

from raftplay.errors import UsageError
from raftplay.language.table import bind
from raftplay.lessons import catalogue
from raftplay.lessons.check import SEEDS, play
from raftplay.raft import decisions
from raftplay.raft.messages import CMState
from raftplay.session.errors import Failed
from raftplay.watch.facts import CallSent


def timers_are_apart(s: Scene) -> bool:
    """Every election timer was set to a random time within the range that lesson 1 names, in ms."""
    due = [n.deadline * 1000 for n in s.nodes()]
    return all(150 <= ms <= 300 for ms in due) and len(set(due)) == len(due)


def first_candidate_waited(s: Scene) -> bool:
    """The first candidate after the crash stood one election timeout after it last accepted a heartbeat."""
    began, _ = next(found for found in s.happened(decisions.ElectionStarted) if found[1].term > s.variable("now"))
    heard = max(r.time for r, e in s.happened(decisions.AppendDecided, node=began.node) if r.time < began.time)
    return s.timing.election_min <= began.time - heard <= s.timing.election_max + 1e-9


def split_votes_between(s: Scene) -> bool:
    """Each term from `$before` to the present one had several candidates and no leader."""
    led = {e.term for _, e in s.happened(decisions.BecameLeader)}
    between = range(s.variable("before") + 1, max(n.current_term for n in s.nodes()))
    return all(len(s.candidates(term)) > 1 and term not in led for term in between)


def leader_was_first_to_commit(s: Scene) -> bool:
    record, event = s.happened(decisions.CommitAdvanced)[0]
    acknowledged = [e for r, e in s.happened(decisions.MatchAdvanced) if r.seq < record.seq]
    return record.node == s.leader().id and len(event.replicas) == 3 and len(acknowledged) == 2


def node_4_disrupts(s: Scene) -> bool:
    """Whether each election of node 4 in a higher term ended a leadership, and none in the leader's own term did."""
    led, term = "", 0
    higher = ended = 0
    for record in s.records():
        match record.event:
            case decisions.BecameLeader(term=term):
                led = f"n{record.node}"
            case decisions.BecameFollower(was=CMState.LEADER, rule=rule):
                if not higher or rule != "newer-term":
                    return False
                led, higher, ended = "", 0, ended + 1
            case decisions.ElectionStarted(term=stood) if record.node == 4 and led and stood > term:
                higher = stood
    return ended > 0


def terms_rise_by_one(s: Scene, node: int) -> bool:
    terms = [e.term for _, e in s.happened(decisions.ElectionStarted, node=node)]
    return all(later == earlier + 1 for earlier, later in pairwise(terms))


def one_rejection(s: Scene) -> bool:
    """Node 3 rejected the new leader once, hinted at index 2, and the next request to it carried all eight entries."""
    won = s.happened(decisions.PeersReset)[-1][0].seq
    rejected = [(r, e) for r, e in s.happened(decisions.AppendDecided, node=3) if not e.success and r.seq > won]
    if [e.conflict_index for _, e in rejected] != [2]:
        return False
    sent = [e.args for r, e in s.happened(CallSent) if e.dst == 3 and r.seq > rejected[0][0].seq]
    return sent[0].prev_log_index == 1 and len(sent[0].entries) == 8


def starts_at_its_own_end(s: Scene) -> bool:
    node, (_, reset) = s.leader(), s.happened(decisions.PeersReset)[-1]
    return len(node.log) == 10 and all(index == 10 for _, index in reset.next_index)


def broken_names_x_and_y(s: Scene) -> bool:
    text = str(s.session.harness.invariants.breaches[0])
    return bool(re.search(r"n(\d) applies y at index 1, but n(?!\1)\d applied x there", text))


def is_majority(count: int, of: int) -> bool:
    return 2 * count > of


FACTS: dict[str, dict[str, Fact]] = {
    "a-leader-is-elected": {
        "Here are five nodes": lambda s: len(s.nodes()) == 5,
        "each of them is a follower": lambda s: s.roles() == "FFFFF" and s.session.harness.snapshot().time == 0,
        "In term 0 there has been no election yet": lambda s: {n.current_term for n in s.nodes()} == {0},
        "between 150 and 300 milliseconds": timers_are_apart,
        "why 0 tells when the timer of node 0 fires": lambda s: all(
            f"its election timer fires at {s.node(id).deadline:.3f} s" in s.ask(f"why {id}") for id in range(5)
        ),
        "The node whose timer fires first": lambda s: s.roles().count("C") == 1,
        "A majority of the nodes voted for node": lambda s: is_majority(
            sum(s.votes(s.leader().id, s.leader().current_term).values()) + 1, 5
        ),
        "Here all logs are empty": lambda s: set(s.logs()) == {""},
        "Node 0 can reach only node 1": lambda s: s.reaches(0) == {1},
        "but fire it by hand": lambda s: s.session.harness.snapshot().time == 0 and s.roles() == "FFFFF",
        "Two of five are not more than half": lambda s: s.reaches(0) == {1} and len(s.node(0).votes) == 2,
        "Three of five are a majority": lambda s: s.reaches(0) == {1, 2} and len(s.node(0).votes) == 3,
        "Node 0 can reach node 2 as well": lambda s: s.reaches(0) == {1, 2} and s.node(0).current_term == 1,
        "Node 0 does not need the votes of the other two": lambda s: s.roles() == "LFFFF",
        "Three of five are enough, and two are not": lambda s: s.node(0).current_term == 2 and s.roles()[0] == "L",
        "All links are restored": lambda s: all(len(s.reaches(id)) == 4 for id in range(5)),
        "to every peer every 50 milliseconds": lambda s: (
            math.isclose(s.timing.heartbeat, 0.05)
            and all(s.delivered(0, id, since=s.session.harness.snapshot().time - 0.06) for id in range(1, 5))
        ),
        "The shortest timer runs for 150 milliseconds": lambda s: s.timing.election_min == 0.15,
        "The cluster keeps one leader and one term": lambda s: (
            s.roles() == "LFFFF" and s.node(0).current_term == s.variable("now")
        ),
    },
    "a-split-vote": {
        "node 0 reaches only node 2, and node 1 reaches only node 3": lambda s: len(s.nodes()) == 4,
        "A majority of four is three": lambda s: (
            (s.reaches(0), s.reaches(1)) == ({2}, {3}) and s.candidates(1) == [0, 1]
        ),
        "Every node has voted in term 1": lambda s: (
            [n.voted_for for n in s.nodes()] == [0, 1, 0, 1] and {n.current_term for n in s.nodes()} == {1}
        ),
        "So term 1 has no leader": lambda s: not s.happened(decisions.BecameLeader),
        "Every node had an election timer running": lambda s: all(
            math.isfinite(n.deadline) for n in s.nodes() if n.id != s.leader().id
        ),
        "The first timer to fire started an election in term 2": lambda s: (
            s.happened(decisions.ElectionStarted)[2][1].term == 2
        ),
        "won term": lambda s: (
            (s.leader().id, s.leader().current_term)
            == (
                s.happened(decisions.BecameLeader)[-1][0].node,
                s.happened(decisions.BecameLeader)[-1][1].term,
            )
        ),
        "Here the timeouts are spread over 150 milliseconds": lambda s: math.isclose(
            s.timing.election_max - s.timing.election_min, 0.15
        ),
        "The cluster went from term": lambda s: (
            max(n.current_term for n in s.nodes()) > s.variable("before") and s.roles().count("L") == 1
        ),
        "Each term between these two": split_votes_between,
    },
    "replication-and-commit": {
        "leads term": lambda s: s.roles().count("L") == 1,
        "so only the leader has x": lambda s: s.logs().count("1:x") == 1 and s.leader().log != (),
        "One of five is no majority": lambda s: s.logs().count("1:x") == 1,
        "could be overwritten": lambda s: s.committed("x") == [()] and s.answers["messages"].count("[x]") == 4,
        "Now one of the requests arrives": lambda s: s.ask("messages").count("(held)") == 4,
        "The others are still held": lambda s: s.logs().count("1:x") == 1,
        "Two of five are no majority": lambda s: s.logs().count("1:x") == 2,
        "One more copy makes a majority": lambda s: (
            s.answers[r"deliver leader->$f"].startswith("message ") and is_majority(s.logs().count("1:x") + 1, 5)
        ),
        "committed x when the second acknowledgement arrived": leader_was_first_to_commit,
        "with its own copy, three nodes had x": lambda s: (
            f"node {s.leader().id} committed it at" in s.answers["why not committed 0"]
        ),
        "The star behind an entry": lambda s: s.answers["log"].count("1:x*") == 5,
        "did not wait for node": lambda s: s.variable("f") not in s.committed("y")[0] != (),
        "Four nodes are left": lambda s: s.committed("y") == [tuple(sorted({0, 1, 2, 3, 4} - {s.variable("f")}))],
        "So a lost RPC loses no command": lambda s: s.committed("x", "y") == [(0, 1, 2, 3, 4)] * 2,
    },
    "the-leader-dies": {
        'the entry "first" is committed on all five nodes': lambda s: s.committed("first") == [(0, 1, 2, 3, 4)],
        "A follower only waits for its election timer": lambda s: s.roles().count("F") == 4,
        "So nothing happens until a timer fires": lambda s: s.roles().count("F") == 4,
        "The first timer to fire starts the election": lambda s: s.roles().count("C") == 1,
        "leads term": lambda s: s.roles().count("L") == 1,
        "The first candidate waited for one election timeout": first_candidate_waited,
        "All nodes had it": lambda s: set(s.logs()) == {"1:first"},
        "the two other live nodes deny theirs": lambda s: (
            sorted(s.votes(s.variable("behind"), s.node(s.variable("behind")).current_term).values())
            == [False, False]
        ),
        "the others commit": lambda s: s.roles().count("D") == 1,
        "Only the two nodes that have it can win": lambda s: (
            s.leader().id not in (s.variable("behind"), s.variable("left"), s.variable("old"))
        ),
        "The two nodes that crashed come back": lambda s: s.roles().count("D") == 2,
        "Nothing was lost": lambda s: s.committed("first", "second") == [(0, 1, 2, 3, 4)] * 2,
    },
    "a-split-that-is-no-split-brain": {
        'Node 0 leads, and "before" is committed on all nodes': lambda s: (
            s.roles() == "LFFFF" and s.committed("before") == [(0, 1, 2, 3, 4)]
        ),
        "Nodes 0 and 1 are on one side": lambda s: [s.reaches(id) for id in range(3)] == [{1}, {0}, {3, 4}],
        "The leader is on the smaller side": lambda s: s.leader().id == 0,
        "They hear no heartbeats any more": lambda s: (
            [s.reaches(id) for id in range(5)] == [{1}, {0}, {3, 4}, {2, 4}, {2, 3}] and s.leader().id > 1
        ),
        "it still leads term 1": lambda s: s.roles()[0] == "L" and s.node(0).current_term == 1,
        "There are two leaders, but not in one term": lambda s: (
            s.roles().count("L") == 2 and s.leader().current_term > s.node(0).current_term == 1
        ),
        "Its leader reaches three of five nodes": lambda s: len(s.reaches(s.leader().id)) + 1 == 3,
        "Node 0 reaches two of five nodes": lambda s: len(s.reaches(0)) + 1 == 2,
        "only one of them can commit any": lambda s: s.committed("lost", "kept") == [(), (2, 3, 4)],
        "node 0 cannot know": lambda s: s.delivered(s.leader().id, 0, since=s.leader_since()) == 0,
        "The client of node 0 gets no answer": lambda s: s.logs()[:2] == ["1:before 1:lost"] * 2,
        "A node that hears of a higher term becomes a follower": lambda s: (
            s.node(0).current_term == s.leader().current_term and s.roles()[0] == "F"
        ),
        "There is one entry at an index": lambda s: len(set(s.logs())) == 1 and s.logs()[0].endswith(":kept"),
    },
    "log-repair": {
        'Node 0 leads term 1, and "a" is on all nodes': lambda s: (
            s.roles() == "LFFFF" and set(s.logs()) == {"1:a"}
        ),
        "From now on no request of node 0 is sent": lambda s: s.node(0).calls_left == 0,
        "Node 4 is cut off": lambda s: s.reaches(4) == set() and "b" not in s.logs()[4],
        'Node 1 is leader of term 2 and has committed "b"': lambda s: (
            s.leader().id == 1 and s.leader().current_term == 2 and s.committed("b") == [(1, 2, 3)]
        ),
        "No request left node 0": lambda s: s.logs()[0] == "1:a 1:lost-1 1:lost-2 1:lost-3",
        "But node 0 had written it to its disk": lambda s: s.logs()[0].count("1:lost") == 3,
        "In this table 1:a is an entry of term 1": lambda s: "1:a*" in s.answers["log"],
        "Node 0 has three entries that no other node has": lambda s: (
            s.logs() == ["1:a 1:lost-1 1:lost-2 1:lost-3", *["1:a 2:b"] * 3, "1:a"]
            and s.roles()[1] == "L"
            and s.node(1).current_term == 2
            and s.committed("b") == [(1, 2, 3)]
        ),
        "4 lack the entry b of the leader": lambda s: (
            ["2:b" in log for log in s.logs()] == [False, *[True] * 3, False]
        ),
        "The three entries are gone": lambda s: s.happened(decisions.LogTruncated)[-1][1].removed == 3,
        "The leader's own log did not change": lambda s: s.logs()[:2] == ["1:a 2:b"] * 2,
        "A leader makes every log like its own": lambda s: set(s.logs()) == {"1:a 2:b"},
        "the others committed eight more entries": lambda s: (
            [len(n.log) for n in s.nodes()] == [10, 10, 10, 2, 10] and s.committed("x8") == [(0, 1, 2, 4)]
        ),
        "Then node 2 became leader": lambda s: s.leader().id == 2,
        "nextIndex is 10 for every peer": starts_at_its_own_end,
        "the next request carried all eight entries": one_rejection,
        "Its hint was index 2": lambda s: "it ends at index 1" in s.answers["why 3 rejected"],
        "Node 1 becomes leader, its requests are stopped": lambda s: s.leader().id == 2 and "D" not in s.roles(),
        "Node 1 is down, with 12 entries on its disk": lambda s: (
            [len(n.log) for n in s.nodes()] == [10, 12, 10, 10, 10]
            and s.roles()[1] == "D"
            and re.search(r":gone-1 \d:gone-2$", s.logs()[1]) is not None
        ),
    },
    "figure-8": {
        "Nodes 0 to 4 are the servers S1 to S5": lambda s: len(s.nodes()) == 5,
        "(a) Node 0 leads term 2": lambda s: s.leader().id == 0 and s.leader().current_term == 2,
        "Its entry x is on node 1 as well": lambda s: s.logs() == ["1:base 2:x"] * 2 + ["1:base"] * 3,
        "(b) Node 0 is down": lambda s: s.roles()[0] == "D",
        "Node 4 won term 3": lambda s: (
            (3, (4, 2, 3))
            in {(e.term, (e.votes[0], *sorted(e.votes[1:]))) for _, e in s.happened(decisions.BecameLeader)}
            and s.logs()[2:] == ["1:base", "1:base", "1:base 3:y"]
            and s.roles()[4] == "D"
        ),
        "(c) Node 0 is back": lambda s: s.roles()[0] == "L",
        "replicates x to node 2": lambda s: s.logs()[2] == "1:base 2:x",
        "Look at the row of index 1": lambda s: sum("2:x" in log for log in s.logs()) == 3,
        "x is of term 2, and node 0 leads term": lambda s: s.node(0).current_term == 4 and s.roles()[0] == "L",
        "(d) Node 0 is down again": lambda s: s.roles()[0] == "D" and s.reaches(4) == {1, 2, 3},
        "Node 4 is back, with y from its disk": lambda s: s.logs()[4] == "1:base 3:y",
        "Its last entry is y, of term 3": lambda s: s.happened(decisions.BecameLeader)[-1][1].term == 5,
        "The last entries of the other logs are of lower terms": lambda s: (
            {
                r.node: (e.args.last_log_index, e.args.last_log_term)
                for r, e in s.happened(decisions.VoteDecided)
                if e.granted and e.args.term == 5
            }
            == dict.fromkeys((1, 2, 3), (1, 3))
        ),
        "That x was on three nodes did not save it": lambda s: s.committed("y") == [(1, 2, 3, 4)],
        "Nodes 1 and 2 had x, and have y now": lambda s: s.logs()[1:3] == ["1:base 3:y 5:z"] * 2,
        "Node 0 still has x on its disk": lambda s: s.logs()[0] == "1:base 2:x" and s.roles()[0] == "D",
        "No client was told that x was committed": lambda s: (
            {e.entry.command for _, e in s.happened(decisions.Applied)} == {"base", "y", "z"}
        ),
        "Had node 0 counted the copies of x": lambda s: (
            [(r.node, e.term) for r, e in s.happened(decisions.CommitHeld) if r.node == 0] == [(0, 2)]
        ),
        "With the bug it counts them": lambda s: s.happened(decisions.CommitAdvanced)[-1][1].index == 1,
        "Node 0 has applied x": lambda s: 0 in s.committed("x")[0],
        "Nothing changed for the voters": lambda s: s.leader().id == 4 and s.logs()[4].startswith("1:base 3:y"),
        "The line BROKEN names two nodes": broken_names_x_and_y,
        "In both runs y replaces x": lambda s: (
            "3:y*" in s.answers["log 0,2,4"] and s.logs()[4].startswith("1:base 3:y")
        ),
        "Node 0 led term 1": lambda s: s.roles() == "DFFFF" and s.logs() == ["1:old"] * 2 + [""] * 3,
        "Node 1 leads now": lambda s: s.leader().id == 1 and s.logs()[1:] == ["1:old"] * 4,
        "It is not of its leader's term": lambda s: (
            s.logs()[1:] == ["1:old"] * 4 and s.roles() == "DLFFF" and s.happened(decisions.CommitHeld) != []
        ),
        '"new" is of the leader\'s own term': lambda s: s.logs()[1] == "1:old 2:new",
        "Earlier entries are committed with them": lambda s: s.committed("old", "new") == [(1, 2, 3, 4)] * 2,
    },
    "what-must-be-on-disk": {
        "Node 0 won term 1 with its own vote and the vote of node 1": lambda s: (
            s.happened(decisions.BecameLeader)[-1][1].votes == (0, 1) and s.leader().id == 0
        ),
        "Node 2 was cut off and has heard nothing": lambda s: not s.happened(decisions.VoteDecided, node=2),
        "Now node 1 crashes and comes back": lambda s: s.roles() == "LFF",
        "Node 1 can reach node 2 now": lambda s: s.reaches(1) == {2},
        "Node 1 wrote its term to its disk before it voted": lambda s: s.node(1).current_term == 1,
        "Node 2 is still in term 0": lambda s: s.node(2).current_term == 0 and s.reaches(1) == {2},
        "It starts an election in term 1, the term that node 0 leads": lambda s: s.node(0).current_term == 1,
        "Its disk says that it voted for node 0": lambda s: (
            s.node(1).voted_for == 0 and s.votes(2, 1) == {1: False}
        ),
        "Again node 0 won term 1": lambda s: (
            s.happened(decisions.BecameLeader)[-1][1].votes == (0, 1)
            and s.roles() == "LFF"
            and s.reaches(1) == {2}
        ),
        "The disk of node 1 says that it is in term 1": lambda s: (
            s.session.harness.cluster[1].cm.durable_vote.voted_for == -1 and s.votes(2, 1) == {1: True}
        ),
        "Node 0 has heard nothing of this": lambda s: s.delivered(2, 0) == 0 and s.roles() == "LFL",
        "Each of the two got two votes of three": lambda s: (
            [e.votes for _, e in s.happened(decisions.BecameLeader)] == [(0, 1), (2, 1)]
        ),
        "Two leaders in one term": lambda s: s.roles() == "LFL" and {n.current_term for n in s.nodes()} == {1},
        "Each of them can now append a different entry of term 1 at index 0": lambda s: (
            s.ask("submit left to 0", "submit right to 2") and (s.logs()[0], s.logs()[2]) == ("1:left", "1:right")
        ),
        "Before the reply leaves": lambda s: s.session.harness.cluster[1].cm.durable_vote.voted_for == -1,
    },
    "four-are-no-better-than-three": {
        "Here are four nodes, and node 0 leads": lambda s: s.roles() == "LFFF",
        "We crash node 3": lambda s: s.roles() == "LFFF",
        "Three of four are more than half": lambda s: s.committed("two") == [(0, 1, 2)],
        "More than half of four is three": lambda s: s.roles() == "LFDD" and s.committed("three") == [()],
        "It stays leader, but can commit nothing": lambda s: s.roles()[0] == "L" and s.reaches(0) == {1},
        "All four are up again": lambda s: "D" not in s.roles(),
        "Neither half has three nodes": lambda s: (
            [s.reaches(id) for id in range(4)] == [{1}, {0}, {3}, {2}]
            and s.roles()[0] == "L"
            and "L" not in s.roles()[1:]
            and s.committed("four") == [()]
        ),
    },
    "one-way-cuts": {
        "Every node receives what node 4 sends": lambda s: (
            s.reaches(4) == {0, 1, 2, 3} and all(4 not in s.reaches(id) for id in range(4))
        ),
        "Node 0 leads term": lambda s: s.node(0).current_term == 1,
        "It cannot know that only its own links are cut": lambda s: s.roles()[4] == "C",
        "replies do not reach node 4 either": lambda s: (
            sum(s.votes(4, 2).values()) >= 3 and s.node(4).votes == (4,)
        ),
        "the other nodes received the RequestVote RPC of node 4": lambda s: set(s.votes(4, 2)) == {0, 1, 2, 3},
        "so it moved to that term and stepped down": lambda s: (
            [e.was for _, e in s.happened(decisions.BecameFollower, node=0)][-1] == CMState.LEADER
        ),
        "Node 4 does not hear from that one either": lambda s: all(4 not in s.reaches(id) for id in range(4)),
        "Node 4 starts an election whenever its timer fires": node_4_disrupts,
        "Each election raises the term of node 4 by one": lambda s: (
            terms_rise_by_one(s, 4) and len(s.happened(decisions.ElectionStarted, node=4)) > 3
        ),
        "does not end its leadership": node_4_disrupts,
        "from term": lambda s: max(n.current_term for n in s.nodes()) > s.variable("now") + 3,
        "Here we simply restored the links of node 4": lambda s: all(4 in s.reaches(id) for id in range(4)),
        "Node 0 leads again": lambda s: s.leader().id == 0 and all(0 not in s.reaches(id) for id in range(1, 5)),
        "Node 4 started elections only because it heard from no leader": lambda s: (
            max(e.term for _, e in s.happened(decisions.ElectionStarted)) == s.variable("calm")
        ),
        "Now it does, or leads itself": lambda s: s.reaches(s.leader().id) == {0, 1, 2, 3, 4} - {s.leader().id},
        "The entry reaches every node": lambda s: (
            all(log.endswith(":unheard") for log in s.logs()) and s.committed("unheard") == [()]
        ),
        "every node follows a leader that can commit nothing": lambda s: (
            s.roles() == "LFFFF" and s.reaches(1) == {2, 3, 4}
        ),
    },
    "find-the-bug": {
        "This cluster of four has a bug": lambda s: (
            len(s.nodes()) == 4 and len(s.session.harness.config.bugs) == 1
        ),
        "It is one of these seven": lambda s: (
            len(s.lesson.mystery) == 7 and s.session.harness.config.bugs[0] in s.lesson.mystery
        ),
        "Eight invariants are checked": lambda s: len(s.lesson.setup.watched) == 8,
        "two to four seconds": lambda s: all(2 <= n.deadline <= 4 for n in s.nodes()),
    },
    "it-cannot-be-done": {
        "x is on a majority: nodes 0, 1 and 2": lambda s: (
            ["1:x" in log for log in s.logs()] == [True] * 3 + [False] * 2
        ),
        "Node 0 is down, and node 3, which lacks x": lambda s: s.roles() == "DFFFF",
        "It needs three votes and gets two": lambda s: (
            s.votes(3, 2) == {1: False, 2: False, 4: True} and s.node(3).votes == (3, 4)
        ),
        "Nodes 1 and 2 have x and deny their votes": lambda s: s.roles() == "DFFCF",
        "So let node 3 start more elections": lambda s: s.node(3).current_term == 2,
        "x is on three of five nodes": lambda s: sum("1:x" in log for log in s.logs()) == 3,
        "The candidate's own term": lambda s: (
            s.node(3).current_term > 3 and s.votes(3, s.node(3).current_term)[1] is False
        ),
        "No node leads at this moment": lambda s: "L" not in s.roles(),
        "Node 1, which has x": lambda s: "1:x" in s.logs()[1],
        "No node has a reason to deny its vote": lambda s: (
            s.roles()[1] == "L" and all(s.votes(1, s.node(1).current_term).values())
        ),
        "Node 0 is down and commits x when it comes back": lambda s: s.committed("x") == [(1, 2, 3, 4)],
    },
}
"""What the sentences of each lesson say, by words of theirs, and what must hold when they are read."""

CLAIM = re.compile(r"\b[Nn]odes? \d|\{|\b(term|index) \d")
"""A sentence like this speaks of this very cluster."""


@pytest.mark.parametrize("name", catalogue.names())
def test_what_a_lesson_says_is_true_of_its_cluster(name: str) -> None:
    lesson, facts = catalogue.shipped(name).lesson(), FACTS.get(name, {})
    for seed in range(several(SEEDS)):
        truths = play(lesson, seed, {}).truths
        met = visit(lesson, seed, facts, truths, wrong=False) | visit(lesson, seed, facts, truths, wrong=True)
        assert met == set(facts), set(facts) - met


@pytest.mark.parametrize("name", catalogue.names())
def test_every_sentence_about_this_cluster_has_its_fact(name: str) -> None:
    unproved = [
        sentence
        for sentence in said(catalogue.shipped(name).source)
        if CLAIM.search(sentence) and not any(words in sentence for words in FACTS.get(name, ()))
    ]
    assert unproved == []


OTHER = "# Another\nnodes 6\ntiming election=20s..40s heartbeat=7s\n"
"""The head of a lesson whose cluster is none of theirs."""

STORIES = {
    "before anything happens": "",
    "with a leader": "timeout 5; wait leader; submit other; wait committed other on 6; disconnect 5; timeout 4; sleep 9s",
    "two elections under way": "partition 0 | 1 | 2,3,4,5; timeout 0; timeout 1; sleep 1s",
    "one candidate again and again": "disconnect 5; timeout 5; timeout 5; timeout 5; reconnect 5",
    "all down": "crash all",
}


@pytest.mark.parametrize(("name", "words"), [(name, words) for name, facts in FACTS.items() for words in facts])
def test_a_fact_can_be_false(name: str, words: str) -> None:
    lesson = lesson_of("step S\nlet now = 9\nlet before = 9\nlet calm = 9\nlet f = 0\nplay P", OTHER)
    held = []
    for story in STORIES.values():
        with session_of(lesson) as session:
            for line in ["let now = 9", "let before = 1", "let calm = 9", "let f = 0", story]:
                for bound in bind(line, session) if line else []:
                    session.perform(bound).result()
            try:
                held.append(FACTS[name][words](Scene(session, lesson)))
            except (AssertionError, LookupError, AttributeError, ValueError, StopIteration, UsageError, Failed):
                held.append(False)
    assert not all(held)
