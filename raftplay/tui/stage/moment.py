"""A moment as the sentences need it: its nodes, its last events, and names of nodes and entries."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from raftplay.cluster.snapshot import NodeSnapshot, Snapshot
from raftplay.past.links import Reachability
from raftplay.raft.messages import Args, CMState, Entry, Reply
from raftplay.tui.stage.scene import Moving
from raftplay.watch import facts
from raftplay.watch.facts import Record
from raftplay.watch.text import command_text, count

LONGEST_COMMAND = 16
"""The most characters of a command in a sentence."""


@dataclass(frozen=True)
class Moment:
    """A moment: the cluster, the events up to it, the messages that move, the reach of the nodes."""

    snapshot: Snapshot
    records: Sequence[Record]
    moving: tuple[Moving, ...]
    links: Reachability

    @property
    def nodes(self) -> tuple[NodeSnapshot, ...]:
        """Return all nodes."""
        return self.snapshot.nodes

    @property
    def size(self) -> int:
        """Return the number of nodes."""
        return len(self.snapshot.nodes)

    @cached_property
    def majority(self) -> int:
        """Return how many nodes are a majority, by the rules that the nodes ask."""
        return self.snapshot.majority

    @property
    def live(self) -> list[NodeSnapshot]:
        """Return the nodes that are up."""
        return [node for node in self.nodes if node.alive]

    @property
    def leaders(self) -> list[NodeSnapshot]:
        """Return the live nodes that lead, or believe so, the highest term first."""
        found = [node for node in self.live if node.state is CMState.LEADER]
        return sorted(found, key=lambda node: -node.current_term)

    @cached_property
    def handled(self) -> list[tuple[int, int, Args | Reply]]:
        """Return the messages (from, to, message) that have arrived at this very moment, and are being handled."""
        found: list[tuple[int, int, Args | Reply]] = []
        answered = set()
        for record in islice(reversed(self.records), 12):
            event: object = record.event
            match event:
                case facts.ReplySent(call_id=id) | facts.CallLost(call_id=id) | facts.ReplyLost(call_id=id):
                    answered.add(id)
                case facts.CallDelivered(id, src, dst, args):
                    if id not in answered:
                        found.append((src, dst, args))
                case facts.ReplyDelivered(_, src, dst, reply) if record is self.records[-1]:
                    found.append((src, dst, reply))
        return found

    def before(self, record: Record, most: int = 60) -> Iterator[Record]:
        """Return at most `most` events before `record`, the last one first."""
        earlier = (other for other in reversed(self.records) if other.seq < record.seq)
        return islice(earlier, most)

    def entry(self, node: int, index: int) -> str:
        """Return the command at `index` in the log of `node`; its place where the log no longer has it."""
        log = self.nodes[node].log if 0 <= node < self.size else ()
        return entry_text(log[index]) if 0 <= index < len(log) else f"entry {index}"

    def holders(self, leader: NodeSnapshot, index: int) -> int:
        """Return how many nodes have `index`, as far as `leader` knows."""
        return 1 + sum(match >= index for _, match in leader.match_index)

    def others(self, nodes: Sequence[int]) -> str:
        """Return the names of `nodes`, or that they are all but one."""
        return "all others" if self.size > 2 and len(nodes) == self.size - 1 else names(nodes)

    def reached(self, node: int) -> int:
        """Return how many nodes `node` can exchange messages with, itself included."""
        return 1 + len(self.links.around(node)[0])


def name(node: int) -> str:
    """Return the name of a node."""
    return f"n{node}" if node >= 0 else "the cluster"


def names(nodes: Iterable[int]) -> str:
    """Return the names of some nodes: "n0", "n0 and n1", "n0, n1 and n2"; "nobody" for none."""
    known = [name(node) for node in nodes]
    if len(known) > 5:
        return count(len(known), "node")
    return " and ".join(filter(None, (", ".join(known[:-1]), known[-1]))) if known else "nobody"


def entry_text(entry: Entry) -> str:
    """Return the command of an entry, or its kind if no client submitted it."""
    if entry.kind != "command":
        return f"the {entry.kind}"
    return value_text(entry.command)


def value_text(command: object) -> str:
    """Return a command in a sentence: a word stands in quotes, as it might be read as one of the sentence."""
    text = command_text(command, LONGEST_COMMAND)
    return f'"{text}"' if isinstance(command, str) and len(command) > 1 and command.isalpha() else text


def entries_text(entries: Sequence[Entry]) -> str:
    """Return some entries in words: "x", "x and y", "4 entries"."""
    if len(entries) > 2:
        return f"{len(entries)} entries ({entry_text(entries[0])} … {entry_text(entries[-1])})"
    return " and ".join(map(entry_text, entries)) or "no entry"


def span(seconds: float) -> str:
    """Return a duration in words, rounded so that it does not change at every paint."""
    ms = max(0.0, seconds * 1000)
    if ms >= 995:
        return f"{ms / 1000:.1f} s"
    return f"{ms:.0f} ms" if ms < 20 else f"{round(ms, -1):.0f} ms"


def more(number: int, thing: str) -> str:
    """Return how many more are needed: "one more yes", "2 more votes"."""
    return f"one more {thing}" if number == 1 else f"{number} more {thing}s"


def upper(text: str) -> str:
    """Return `text` with a capital at its beginning."""
    return text[:1].upper() + text[1:]
