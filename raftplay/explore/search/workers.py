"""Workers on this machine: this process itself, or processes that it starts."""

import multiprocessing
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from multiprocessing import connection, resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from types import ModuleType

from raftplay.backends.interrupts import interrupts_held_back
from raftplay.explore.search.chunk import run_chunk
from raftplay.explore.search.port import Completed, Handle, LostChunk, Workers

END_WITHIN = 5.0
"""Seconds of wall time that a process has to end before it is killed."""


class ThisProcess:
    """Runs each chunk when its answer is asked for, in this process; what it raises is raised."""

    window = 1

    def __init__(self) -> None:
        self._numbers = count()
        self._waiting: dict[Handle, str] = {}

    def submit(self, chunk: str) -> Handle:
        """Keep a chunk until `completed`."""
        handle = next(self._numbers)
        self._waiting[handle] = chunk
        return handle

    def cancel(self, handle: Handle) -> None:
        """Drop a chunk."""
        self._waiting.pop(handle, None)

    def completed(self, timeout: float) -> list[Completed]:
        """Run the oldest chunk; it takes the time it takes."""
        for handle in self._waiting:
            return [(handle, run_chunk(self._waiting.pop(handle)))]
        return []

    def close(self) -> None:
        """Drop all chunks."""
        self._waiting.clear()


@dataclass(slots=True)
class _Worker:
    """A process, the pipe to it, and the chunk that it runs; None if it runs none."""

    process: SpawnProcess
    pipe: "Connection[str, str | LostChunk]"
    handle: Handle | None = None


class Processes:
    """Runs chunks in `jobs` processes, one at a time in each; a process that died is replaced."""

    def __init__(self, jobs: int) -> None:
        self.window = 2 * jobs
        self._numbers = count()
        self._waiting: dict[Handle, str] = {}
        self._cancelled: set[Handle] = set()
        self._context = multiprocessing.get_context("spawn")
        resource_tracker.ensure_running()  # if it started with the processes, it would receive Ctrl-C
        self._workers: list[_Worker] = []
        for _ in range(jobs):
            self._workers.append(self._started())

    @property
    def pids(self) -> list[int | None]:
        """Return the process ids of its processes."""
        return [worker.process.pid for worker in self._workers]

    def submit(self, chunk: str) -> Handle:
        """Queue a chunk for the next process that is free."""
        handle = next(self._numbers)
        self._waiting[handle] = chunk
        self._hand_out()
        return handle

    def cancel(self, handle: Handle) -> None:
        """Drop a chunk; one that has started runs to its end, for nobody."""
        if self._waiting.pop(handle, None) is None:
            self._cancelled.add(handle)

    def completed(self, timeout: float) -> list[Completed]:
        """Wait for the end of at least one chunk, at most `timeout` seconds."""
        ready = connection.wait([worker.pipe for worker in self._workers if worker.handle is not None], timeout)
        done = [self._over(worker) for worker in self._workers if worker.pipe in ready]
        self._hand_out()
        wanted = [(handle, answer) for handle, answer in done if handle not in self._cancelled]
        self._cancelled.difference_update(handle for handle, _ in done)
        return wanted

    def close(self) -> None:
        """End the processes."""
        workers, self._workers = self._workers, []
        for worker in workers:
            worker.process.terminate()
            worker.pipe.close()
        for worker in workers:
            worker.process.join(END_WITHIN)
            if worker.process.exitcode is None:
                worker.process.kill()
                worker.process.join()
            worker.process.close()

    def _hand_out(self) -> None:
        """Give the oldest chunks to the processes that are free."""
        for worker in self._workers:
            if worker.handle is None and self._waiting:
                worker.handle = next(iter(self._waiting))
                with suppress(
                    BrokenPipeError, ConnectionError
                ):  # it died: its pipe ends, and `completed` sees that
                    worker.pipe.send(self._waiting.pop(worker.handle))

    def _over(self, worker: _Worker) -> Completed:
        """Take the answer of a process; replace the process if it died."""
        handle, worker.handle = worker.handle, None
        try:
            answer: str | LostChunk = worker.pipe.recv()
            return handle, answer
        except (EOFError, ConnectionError):
            worker.process.join()
            reason = f"its process ended with exit status {worker.process.exitcode}"
            worker.pipe.close()
            self._workers[self._workers.index(worker)] = self._started()
            return handle, LostChunk(reason)

    def _started(self) -> _Worker:
        mine, its = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(its,), daemon=True)
        with interrupts_held_back(), _main_hidden():  # it must ignore Ctrl-C from the start
            process.start()
        its.close()
        return _Worker(process, mine)


@contextmanager
def _main_hidden() -> Iterator[None]:
    """Hide the main module, which a new process would run again: a script that searches would search in each."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _serve(pipe: "Connection[str | LostChunk, str]") -> None:
    """Run chunks from a pipe until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(EOFError, ConnectionError):
        while True:
            chunk = pipe.recv()
            try:
                answer: str | LostChunk = run_chunk(chunk)
            except Exception as error:
                answer = LostChunk(f"it raised {error!r}")
            pipe.send(answer)


@contextmanager
def local_workers(jobs: int) -> Iterator[Workers]:
    """Yield workers on this machine: this process if `jobs` is 1."""
    workers: Workers = ThisProcess() if jobs == 1 else Processes(jobs)
    try:
        yield workers
    finally:
        workers.close()
