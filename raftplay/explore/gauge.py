"""Resources of a process, read at rest and compared: a leak shows in a long run."""

import gc
import os
import sys
import threading
import time
from dataclasses import dataclass, field
from statistics import median

from raftplay.cluster.harness import Harness

MEMORY_ROOM = 16 << 20
"""Bytes of memory that a process may use more at the end: caches fill, and pages are not given back."""

BLOCKS_ROOM = 20_000
"""Blocks of Python's allocator that a process may use more at the end."""

SHARE_ROOM = 0.05
"""Additional growth allowed in both, as a share of the first value."""

PATIENCE = 10.0
"""Seconds of wall time within which connections and tasks must end; it takes milliseconds."""

WARM_UP = 2
"""The number of first readings that do not count: caches fill, and one-time objects are made."""


@dataclass(frozen=True, slots=True)
class ResourceUse:
    """The resources of the process: bytes of memory (0 if unknown), Python's blocks, open files, threads."""

    memory: int
    blocks: int
    files: int
    threads: int

    def __str__(self) -> str:
        return (
            f"{self.memory / (1 << 20):.1f} MiB of memory, {self.blocks:,} blocks, "
            f"{self.files} files, {self.threads} threads"
        )


def read() -> ResourceUse:
    """Collect garbage, and read the resources of the process."""
    gc.collect()
    return ResourceUse(_resident(), sys.getallocatedblocks(), _open_files(), threading.active_count())


@dataclass(slots=True)
class Gauge:
    """Readings in order, all taken at the same point of a repeating run."""

    readings: list[ResourceUse] = field(default_factory=list)

    def read(self) -> None:
        """Take one more reading."""
        self.readings.append(read())

    @property
    def counted(self) -> list[ResourceUse]:
        """Return the readings after the warm-up; all of them if the run is too short for one."""
        return self.readings[WARM_UP:] or self.readings

    def growth(self) -> str | None:
        """Describe what grew; None if nothing did. Files and threads may not grow at all."""
        if not self.readings:
            return None
        counted = self.counted
        first, last = counted[0], counted[-1]
        grown = [
            f"{name} {before} → {after}"
            for name, before, after in (
                ("open files", first.files, last.files),
                ("threads", first.threads, last.threads),
            )
            if after > before
        ]
        quarter = max(1, len(counted) // 4)
        for name, room in (("memory", MEMORY_ROOM), ("blocks", BLOCKS_ROOM)):
            early = median(getattr(reading, name) for reading in counted[:quarter])
            late = median(getattr(reading, name) for reading in counted[-quarter:])
            if late > early * (1 + SHARE_ROOM) + room:
                grown.append(f"{name} {early:,.0f} → {late:,.0f}")
        return ", ".join(grown) or None

    def text(self) -> str:
        """Return the first and the last counted reading in words, and what grew."""
        counted = self.counted
        growth = self.growth()
        return (
            f"held at first: {counted[0]}\nheld at last:  {counted[-1]}\n"
            + (f"GROWTH: {growth}" if growth else "nothing grew")
        )  # fmt: skip


def left_over(harness: Harness) -> str | None:
    """Describe tasks and connections of a cluster on sockets, at rest, that it does not need; None if none."""
    deadline = time.monotonic() + PATIENCE
    while True:
        nodes = sum(alive and on for alive, on in zip(harness.alive, harness.connected, strict=True))
        needed = 2 * nodes * (nodes - 1)  # each connection has two ends
        tasks, connections = harness.open_work
        if tasks == 0 and connections == needed:
            return None
        if time.monotonic() > deadline:
            return f"{tasks} tasks run and {connections} ends of connections are open; expected 0 and {needed}"
        time.sleep(0.01)


def _resident() -> int:
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0


def _open_files() -> int:
    for directory in ("/proc/self/fd", "/dev/fd"):
        try:
            return len(os.listdir(directory))
        except OSError:
            continue
    return 0
