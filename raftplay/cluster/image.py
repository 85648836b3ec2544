"""The image of a node's state in a snapshot: the commits that led to it, and that of its state machine.

Without a state machine of the user's, the list of commits is the state; with one, both are in the image, so that
the cluster's list of commits goes on after a snapshot. Commits that are forgotten (commits.py) are one row, with
their number.
"""

import hashlib
from collections.abc import Sequence

import msgspec

from raftplay.cluster.commits import FORGOTTEN, forgotten
from raftplay.raft.commands import CommandRefused, check_command
from raftplay.raft.messages import CommitEntry, EntryKind, Term
from raftplay.raft.storage import StorageError


class Contents(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """An image: (command, term, kind) of each commit in order, and what `StateMachine.snapshot` returned."""

    commits: tuple[tuple[object, Term, EntryKind], ...]
    machine: bytes | None = None


_decoder = msgspec.json.Decoder(Contents)


def encoded(commits: Sequence[CommitEntry], machine: bytes | None) -> bytes:
    """Return an image as bytes."""
    gone = forgotten(commits)
    rows = tuple((commit.command, commit.term, commit.kind) for commit in commits[gone:])
    if gone:
        rows = ((gone, FORGOTTEN.term, FORGOTTEN.kind), *rows)
    return msgspec.json.encode(Contents(rows, machine))


def decoded(data: bytes, index: int) -> tuple[list[CommitEntry], bytes | None]:
    """Return the commits and the machine's part of an image of the state after entry `index`.

    Raises `StorageError` if it is no image of that state.
    """
    try:
        contents = _decoder.decode(data)
        for command, _, _ in contents.commits:
            check_command(command)
    except (TypeError, ValueError, RecursionError, CommandRefused) as error:
        raise StorageError(f"the image in the snapshot cannot be read: {error}") from None
    rows = contents.commits
    gone: object = 0
    if rows and rows[0][2] == FORGOTTEN.kind:
        gone, rows = rows[0][0], rows[1:]
    if not isinstance(gone, int) or gone + len(rows) != index + 1:
        raise StorageError(f"the image in the snapshot is not of the state after entry {index}")
    kept = [CommitEntry(command, at, term, kind) for at, (command, term, kind) in enumerate(rows, gone)]
    return [FORGOTTEN] * gone + kept, contents.machine


def is_image(data: bytes, index: int) -> bool:
    """Tell whether `data` is an image of the state after entry `index`."""
    try:
        decoded(data, index)
    except StorageError:
        return False
    return True


def digest_of(machine: bytes | None) -> str:
    """Return a hash of a state machine's image; "" if there is none."""
    return "" if machine is None else hashlib.sha256(machine).hexdigest()[:16]
