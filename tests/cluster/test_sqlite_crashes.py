"""The file of a SqliteStorage after a crash at any moment, and after damage: what it had, or a refusal."""

import os
import random
from collections import Counter
from pathlib import Path

import pytest
from support.amount import several
from support.disks import WHOSE, Crash, State, contents, flipped, pages, read, refused, save, written
from support.paper import entries, loaded

from raftplay import SqliteStorage, StorageError
from raftplay.cluster.storage.sqlite_file import DiskOwner
from raftplay.raft.messages import NONE
from raftplay.raft.storage import PersistentState

MANY = int(os.environ.get("RAFTPLAY_DAMAGES", "0"))
"""How many places of each kind are damaged in a long run: RAFTPLAY_DAMAGES=1000000 pytest tests/cluster/test_sqlite_crashes.py"""

pytestmark = [pytest.mark.timeout(0)] if MANY else []

TERMS = tuple(range(1, 400))


def crash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Crash, State, State]:
    """A transaction that touches several pages, what the node was before and after it, and a copy of its disk."""
    with SqliteStorage(tmp_path / "disk", WHOSE) as storage:
        save(storage, 500, TERMS, 1)
        state = PersistentState(storage)
        term, vote, log = state.load()
        before = (term, vote, log.frozen())
        log.truncate(100)
        log.extend(entries(tuple(range(450, 750)), start=100))
        seen = Crash(storage, monkeypatch)
        with seen.watching():
            state.save(800, NONE, log)
        after = loaded(storage)
    assert before != after
    assert sum(a != b for a, b in zip(pages(seen.before), pages(seen.after), strict=False)) >= 3
    return seen, before, after


def left(path: Path, database: bytes, journal: bytes | None) -> Path:
    """What a crash left: a database, and a journal beside it."""
    path.write_bytes(database)
    if journal is not None:
        Path(f"{path}-journal").write_bytes(journal)
    return path


# ---- crashes, the disk keeping its promises


def test_a_crash_while_the_journal_is_written_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    seen, before, _ = crash(tmp_path, monkeypatch)
    for length in [0, 1, 511, 512, 516, *range(600, len(seen.unsynced), 1777), len(seen.unsynced)]:
        path = left(tmp_path / "disk", seen.before, seen.unsynced[:length])
        assert read(path) == before
        assert list(contents(tmp_path)) == ["disk"]


@pytest.mark.parametrize("length", range(13))
def test_a_crash_while_the_journal_is_made_valid_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: int
):
    seen, before, _ = crash(tmp_path, monkeypatch)
    torn = seen.journal[:length] + seen.unsynced[length:]
    assert read(left(tmp_path / "disk", seen.before, torn)) == before


def test_a_crash_while_the_database_is_written_is_undone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    seen, before, _ = crash(tmp_path, monkeypatch)
    changed = list(range(0, len(seen.after) + 4096, 4096))
    for end in changed:  # page after page, as SQLite writes them
        database = seen.after[:end] + seen.before[end:]
        assert read(left(tmp_path / "disk", database, seen.journal)) == before
    rng = random.Random(1)
    for _ in range(several(40)):  # any sector of it, for nothing of it is synced yet
        assert read(left(tmp_path / "disk", seen.torn(rng), seen.journal)) == before
        assert list(contents(tmp_path)) == ["disk"]


def test_a_crash_after_the_journal_is_cut_off_changes_nothing_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    seen, _, after = crash(tmp_path, monkeypatch)
    assert read(left(tmp_path / "disk", seen.after, b"")) == after
    assert read(left(tmp_path / "disk", seen.after, None)) == after


def test_what_a_crash_left_is_mended_once_and_for_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    seen, before, _ = crash(tmp_path, monkeypatch)
    path = left(tmp_path / "disk", seen.after, seen.journal)
    for _ in range(2):
        assert read(path) == before
        assert path.read_bytes()[: len(seen.before)] == seen.before


# ---- a disk that breaks its promises


def outcome(path: Path, *had: State) -> str:
    """What becomes of it: refused and left alone, or one of these states and no other."""
    before = contents(path.parent)
    try:
        state = read(path)
    except StorageError:
        assert contents(path.parent) == before
        return "refused"
    assert state in had
    return f"state {had.index(state)}"


def test_a_lost_journal_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    seen, before, after = crash(tmp_path, monkeypatch)
    rng = random.Random(2)
    mixed = Counter(outcome(left(tmp_path / "disk", seen.torn(rng), None), before, after) for _ in range(60))
    assert mixed["refused"] >= 55


def test_a_lost_page_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    seen, before, after = crash(tmp_path, monkeypatch)
    old, new = pages(seen.before), pages(seen.after)
    for at, page in enumerate(old):
        if page == new[at]:
            continue
        database = b"".join([*new[:at], page, *new[at + 1 :]])
        path = left(tmp_path / "disk", database, None)
        with refused(tmp_path, "damaged"):
            read(path)
    assert outcome(left(tmp_path / "disk", seen.after, None), before, after) == "state 1"


def sample(count: int, most: int, rng: random.Random) -> list[int]:
    """`most` of the numbers below `count`, or all of them."""
    most = max(most, MANY)
    return list(range(count)) if most >= count else sorted(rng.sample(range(count), most))


def test_a_file_that_is_cut_short_anywhere_is_refused(tmp_path: Path):
    state = written(tmp_path / "disk", 500, TERMS)
    data = (tmp_path / "disk").read_bytes()
    assert outcome(left(tmp_path / "disk", data, None), state) == "state 0"
    for length in {*sample(len(data), several(150), random.Random(3)), *range(0, len(data), 512)}:
        assert outcome(left(tmp_path / "disk", data[:length], None), state) == "refused", length


def test_one_bit_turned_anywhere_is_refused_or_does_no_harm(tmp_path: Path):
    state = written(tmp_path / "disk", 500, TERMS)
    data = (tmp_path / "disk").read_bytes()
    used = len(data) - data.count(0)
    assert used > 4000
    seen: Counter[str] = Counter()
    rng = random.Random(4)
    for at in sample(len(data) * 8, several(500, least=200), rng):
        seen[outcome(left(tmp_path / "disk", flipped(data, at // 8, at % 8), None), state)] += 1
    for at in range(100):
        seen[outcome(left(tmp_path / "disk", flipped(data, at, rng.randrange(8)), None), state)] += 1
    assert seen["refused"] > 100
    assert set(seen) == {"refused", "state 0"}


def test_no_byte_of_a_stored_value_can_change_unnoticed(tmp_path: Path):
    state = written(tmp_path / "disk", 200, TERMS[:20])
    data = (tmp_path / "disk").read_bytes()
    for value in (b"[200,1]", b'["0@1",1]', b'["19@20",20]', b"log/7", b"length", WHOSE.cluster.encode()):
        start = data.index(value)
        for at in range(start, start + len(value)):
            assert outcome(left(tmp_path / "disk", flipped(data, at, at % 8), None), state) == "refused"


def test_a_damaged_journal_is_refused_or_does_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    seen, before, after = crash(tmp_path, monkeypatch)
    rng = random.Random(5)
    found: Counter[str] = Counter()
    half = seen.after[: 2 * 4096] + seen.before[2 * 4096 :]
    for database in (seen.before, half, seen.after):
        for at in [*range(0, 30 * 8, 17), *sample(len(seen.journal) * 8, several(25), rng)]:
            journal = flipped(seen.journal, at // 8, at % 8)
            found[outcome(left(tmp_path / "disk", database, journal), before, after)] += 1
            Path(f"{tmp_path / 'disk'}-journal").unlink(missing_ok=True)
        for length in sample(len(seen.journal), several(12), rng):
            found[outcome(left(tmp_path / "disk", database, seen.journal[:length]), before, after)] += 1
            Path(f"{tmp_path / 'disk'}-journal").unlink(missing_ok=True)
    assert found["refused"] > 20
    assert found["state 0"] > 10


def test_an_old_copy_of_another_nodes_journal_is_not_played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    seen, _, _ = crash(tmp_path, monkeypatch)
    (tmp_path / "other").mkdir()
    with SqliteStorage(tmp_path / "other" / "disk", DiskOwner("d" * 32, 2, 3)) as storage:
        save(storage, 9, (1, 2, 3))
    path = left(tmp_path / "disk", (tmp_path / "other" / "disk").read_bytes(), seen.journal)
    with refused(tmp_path, "damaged|belongs to"):
        read(path)
