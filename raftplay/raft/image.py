"""A snapshot as a node keeps it (§7), and as far as it has arrived in chunks (Figure 13, rules 2 to 4)."""

import msgspec

from raftplay.raft.messages import InstallSnapshotArgs


class Image(msgspec.Struct, frozen=True, gc=False):
    """A snapshot (§7): the state of the state machine after the entry at `index`, of `term`, as bytes."""

    index: int
    term: int
    data: bytes


class Incoming(msgspec.Struct, frozen=True, gc=False):
    """The part of a snapshot that a node has received; leaders of two terms may send different bytes."""

    leader_term: int
    index: int
    term: int
    data: bytes = b""

    def with_chunk(self, args: InstallSnapshotArgs) -> "Incoming":
        """Return what the node has after one more chunk: a repeated one, or one after a gap, changes nothing."""
        mine = self
        if (args.term, args.last_index, args.last_term) != (self.leader_term, self.index, self.term):
            mine = Incoming(args.term, args.last_index, args.last_term)
        if args.offset != len(mine.data):
            return mine
        return Incoming(mine.leader_term, mine.index, mine.term, mine.data + args.data)

    def is_whole(self, args: InstallSnapshotArgs) -> bool:
        """Return whether `args` was the last chunk, and none is missing."""
        return args.done and args.offset + len(args.data) == len(self.data)
