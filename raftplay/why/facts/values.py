"""The fate of a value: which nodes had it, when, on how many at once, and what replaced it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from raftplay.cluster.snapshot import NodeSnapshot
from raftplay.past.index import EventIndex
from raftplay.raft import decisions
from raftplay.raft.commands import holds_command, same_command
from raftplay.raft.messages import NONE, CompactedEntry, Entry
from raftplay.watch import facts
from raftplay.watch.facts import Record
from raftplay.why.facts.entries import ForgottenEntry, IndexFacts, entries_at, index_facts

ValueFate = Literal["committed", "was committed", "pending", "on disk only", "gone", "not taken", "unknown"]
"""The fate of a value, the best that became of any entry with it."""

Loss = Literal["replaced", "snapshot", "not written", "wiped", "unknown"]
"""The way in which a node lost an entry."""

LogPlace = tuple[int, int]
"""An entry in the whole cluster: its index and its term."""


@dataclass(frozen=True, slots=True)
class LostEntry:
    """An entry that `node` lost at `time`: to the entries of the leader `by`, -1 if that is not known.

    `other` is the entry that is there instead.
    """

    node: int
    time: float
    how: Loss
    by: int = NONE
    other: Entry | None = None


@dataclass(slots=True)
class EntryFacts:
    """One entry with the value. `term` is -1 where only a snapshot has it.

    `taken`: the leader that appended it, and when; None if the history does not have that. `holders` are the nodes
    that have it, `alive` if one of them is up; `most` is the highest number of nodes that had it at once.
    `majority` are the nodes that were the first majority, and when. `committed` is who committed it first, and
    when.
    """

    index: int
    term: int
    taken: tuple[int, float] | None = None
    holders: tuple[int, ...] = ()
    most: int = 0
    majority: tuple[tuple[int, ...], float] | None = None
    committed: tuple[int, float] | None = None
    committed_on: tuple[int, ...] = ()
    alive: bool = False
    lost: tuple[LostEntry, ...] = ()

    @property
    def fate(self) -> ValueFate:
        """Return what became of it."""
        if self.committed_on:
            return "committed"
        if self.committed is not None:
            return "was committed"
        if self.alive:
            return "pending"
        return "on disk only" if self.holders else "gone"


@dataclass(frozen=True, slots=True)
class ValueFacts:
    """The facts about a value. `entries`: those with it, the one with the best fate first.

    `refused`: the nodes that were given it and did not take it, when, and the node to which each was handing its
    leadership over. `similar` is a value that was submitted and is written alike, such as the number 2 for the
    text 2; None if there is none. `index` are the facts about the place of the first entry. `needed` nodes are a
    majority.
    """

    value: object
    fate: ValueFate
    entries: tuple[EntryFacts, ...]
    refused: tuple[tuple[int, float, int], ...]
    similar: object
    index: IndexFacts | None
    needed: int
    kept_from: float | None


ORDER: tuple[ValueFate, ...] = ("committed", "was committed", "pending", "on disk only", "gone")


def value_facts(events: EventIndex, value: object) -> ValueFacts:
    """Return what became of `value`."""
    copies = _Copies(value, events.needed, len(events.snapshot.nodes))
    for record in events.view.records:
        copies.read(record)
    for place in _places_now(events.snapshot.nodes, value, set(copies.entries)):
        copies.entry(place)
    for entry in copies.entries.values():
        _look_now(events, value, entry)
    found = list(copies.entries.values())
    found.sort(key=lambda entry: (ORDER.index(entry.fate), -entry.term, -entry.index))
    submitted = events.of_kind(facts.Submitted)
    refused = tuple(
        (record.node, record.time, event.successor)
        for record, event in submitted
        if event.index == NONE and same_command(event.command, value)
    )
    alike = (event.command for _, event in submitted if str(event.command) == str(value))
    similar = next((other for other in alike if not same_command(other, value)), None)
    fate: ValueFate = found[0].fate if found else "not taken" if refused else "unknown"
    index = index_facts(events, found[0].index) if found and fate != "gone" else None
    return ValueFacts(value, fate, tuple(found), refused, similar, index, events.needed, events.kept_from)


def _places_now(nodes: Sequence[NodeSnapshot], value: object, known: set[LogPlace]) -> Iterable[LogPlace]:
    """Yield the entries with `value` that nodes have now; for a compacted one its term, if that is known."""
    indices = {index for index, _ in known}
    for node in nodes:
        for index, entry in enumerate(node.log):
            if not isinstance(entry, CompactedEntry) and holds_command(entry, value):
                indices.add(index)
                yield index, entry.term
    for node in nodes:
        for applied in node.commits:
            if applied.index <= node.base_index and applied.index not in indices and holds_command(applied, value):
                yield applied.index, NONE


def _look_now(events: EventIndex, value: object, story: EntryFacts) -> None:
    """Add what nodes have now to what the events tell of an entry."""
    nodes, index = events.snapshot.nodes, story.index
    holders = tuple(
        node.id
        for node, entry in zip(nodes, entries_at(nodes, index), strict=True)
        if (story.committed is not None and isinstance(entry, ForgottenEntry))
        or (entry is not None and entry.term in (story.term, NONE) and same_command(entry.command, value))
    )
    gone = sorted({*story.holders} - {*holders})
    story.lost += tuple(LostEntry(node, events.snapshot.time, "unknown") for node in gone)
    story.holders, story.most = holders, max(story.most, len(holders))
    story.alive = any(nodes[id].alive for id in holders)
    story.committed_on = tuple(id for id in holders if nodes[id].alive and nodes[id].commit_index >= index)


class _Copies:
    """Follows the entries with one value through the logs and the disks of all nodes, event by event."""

    def __init__(self, value: object, needed: int, nodes: int) -> None:
        self.entries: dict[LogPlace, EntryFacts] = {}
        self._value, self._needed = value, needed
        self._logs: list[dict[int, int]] = [{} for _ in range(nodes)]  # index → term, of entries with the value
        self._disks: list[dict[int, int]] = [{} for _ in range(nodes)]
        self._life = [0] * nodes
        self._alive = [True] * nodes
        self._wiped = [False] * nodes  # what a crashed process still writes is lost, too
        self._leader = [NONE] * nodes

    def entry(self, place: LogPlace) -> EntryFacts:
        """Return what is known of the entry at `place`, nothing at first."""
        return self.entries.setdefault(place, EntryFacts(*place))

    def read(self, record: Record) -> None:
        """Read one event."""
        node = record.node
        if (
            node < 0
            or record.event.group == "wire"
            or (record.after is not None and record.incarnation < self._life[node])
        ):
            return
        self._life[node] = record.incarnation
        event: object = record.event
        match event:
            case decisions.AppendDecided(args=args):
                self._leader[node] = args.leader_id
            case decisions.ChunkReceived(leader=leader):
                self._leader[node] = leader
            case decisions.EntryAppended(index=index, entry=entry):
                if self._fits(entry):
                    self.entry((index, entry.term)).taken = (node, record.time)
                self._change(record, self._logs, self._put(self._logs[node], index, (entry,)))
            case decisions.EntriesStored(index=index, entries=entries):
                self._note_others(node, record.time, index, entries)
                self._change(record, self._logs, self._put(self._logs[node], index, entries))
            case decisions.LogTruncated(index=index):
                self._change(record, self._logs, _before(self._logs[node], index))
            case decisions.CommitAdvanced(index=index):
                for place in self._logs[node].items():
                    if place[0] <= index and self.entry(place).committed is None:
                        self.entry(place).committed = (node, record.time)
            case decisions.Persisted(start=start, entries=entries) if not self._wiped[node]:
                disk = self._put(_before(self._disks[node], start), start, entries)
                self._change(record, self._disks, disk)
            case decisions.SnapshotInstalled(index=index, keeps=keeps):
                self._change(record, self._logs, self._under(self._logs[node], index, keeps=keeps), "snapshot")
            case decisions.LogCompacted(index=index, keeps=keeps) if not self._wiped[node]:
                self._change(record, self._disks, self._under(self._disks[node], index, keeps=keeps))
            case decisions.Started(entries=entries, base_index=base):
                kept = self._under(self._disks[node], base, keeps=False)
                self._alive[node], self._wiped[node] = True, False
                self._disks[node] = self._put(kept, base + 1, entries)
                self._change(record, self._logs, dict(self._disks[node]))
            case facts.OnDisk(entries=entries, base_index=base):
                kept = self._under(self._disks[node], base, keeps=False)
                self._change(record, self._disks, self._put(kept, base + 1, entries), "not written")
            case facts.Crashed() | decisions.Stopped():
                self._goes_down(record)
            case facts.Wiped():
                self._wiped[node] = True
                self._change(record, self._disks, {}, "wiped")
            case facts.Restarted(empty=True):
                self._change(record, self._disks, {}, "wiped")

    def _fits(self, entry: Entry) -> bool:
        return holds_command(entry, self._value)

    def _put(self, log: dict[int, int], start: int, entries: Iterable[Entry]) -> dict[int, int]:
        """Return the log with `entries` from `start` on instead of what it has there."""
        changed = dict(log)
        for index, entry in enumerate(entries, start):
            changed.pop(index, None)
            if self._fits(entry):
                changed[index] = entry.term
        return changed

    def _under(self, log: dict[int, int], base: int, *, keeps: bool) -> dict[int, int]:
        """Return the log over a snapshot that ends at `base`, with what was committed up to there."""
        inside = {index: term for (index, term), one in self.entries.items() if one.committed and index <= base}
        return {**{index: term for index, term in log.items() if keeps and index > base}, **inside}

    def _goes_down(self, record: Record) -> None:
        """Keep of a node what its disk has."""
        node = record.node
        if self._alive[node]:
            before, self._alive[node] = self._logs[node], False
            self._logs[node] = {}
            self._compare(record, before, self._disks[node], "not written")

    def _change(
        self, record: Record, where: list[dict[int, int]], after: dict[int, int], how: Loss = "replaced"
    ) -> None:
        """Replace what the log or the disk of the node has, and note what changes for the cluster."""
        node = record.node
        before, where[node] = where[node], after
        if where is (self._logs if self._alive[node] else self._disks):
            self._compare(record, before, after, how)

    def _compare(self, record: Record, before: dict[int, int], after: dict[int, int], how: Loss) -> None:
        for place in before.items() - after.items():
            entry = self.entry(place)
            entry.holders = tuple(node for node in entry.holders if node != record.node)
            by = self._leader[record.node] if how in ("replaced", "snapshot") else NONE
            entry.lost += (LostEntry(record.node, record.time, how, by),)
        for place in after.items():
            entry = self.entry(place)
            entry.holders = tuple(sorted({*entry.holders, record.node}))
            entry.most = max(entry.most, len(entry.holders))
            if len(entry.holders) >= self._needed and entry.majority is None:
                entry.majority = (entry.holders, record.time)

    def _note_others(self, node: int, time: float, start: int, entries: Sequence[Entry]) -> None:
        """Note which entries replace those that the node has just dropped."""
        for (index, _), entry in self.entries.items():
            if start <= index < start + len(entries):
                other = entries[index - start]
                entry.lost = tuple(
                    replace(lost, other=lost.other or other)
                    if (lost.node, lost.time, lost.how) == (node, time, "replaced")
                    else lost
                    for lost in entry.lost
                )


def _before(log: dict[int, int], index: int) -> dict[int, int]:
    return {at: term for at, term in log.items() if at < index}
