"""Workers of a Dask cluster behind the port of a search. This is the only module that imports Dask.

Dask pickles what it sends, so its cluster must be one that is trusted, or speak TLS. A search gives it nothing but
two functions by their names, `run_chunk` and `identity`, and lines of text.

A chunk goes only to workers that were found to run what this process runs. Dask gives a chunk whose worker died to
another by itself, as often as its scheduler is configured (`distributed.scheduler.allowed-failures`).
"""

import logging
import os
import queue
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import count
from multiprocessing import resource_tracker
from typing import Protocol

import msgspec

from raftplay.backends.interrupts import interrupts_held_back
from raftplay.cluster.own_node import OwnNode
from raftplay.errors import UsageError
from raftplay.explore.search.chunk import run_chunk
from raftplay.explore.search.identity import Identity, check_fleet, difference, identity
from raftplay.explore.search.port import Completed, Handle, LostChunk, NobodyLeft
from raftplay.session.shown import quoted
from raftplay.watch.text import count as counted
from raftplay.watch.text import visible

CONNECT_WITHIN = 10.0
"""Seconds of wall time within which the scheduler must answer, and have a worker."""

ALONE_FOR = 60.0
"""Seconds of wall time that a search waits for a worker when the last one went away."""

LOOK_EVERY = 1.0
"""Seconds of wall time between two looks at which workers there are."""

LOCAL = "local:"
"""The beginning of an address of a cluster of processes on this machine."""

MOST_LOCAL = 256
"""The highest number of processes of a local cluster."""


class _Future(Protocol):
    status: str

    def result(self, timeout: float) -> str: ...
    def exception(self, timeout: float) -> BaseException | None: ...
    def add_done_callback(self, call: Callable[[object], None]) -> None: ...


class _DaskClient(Protocol):
    status: str

    def submit(self, function: Callable[[str], str], text: str, **options: object) -> _Future: ...
    def cancel(self, futures: list[_Future]) -> None: ...
    def run(
        self, function: Callable[[str], str], text: str, *, workers: list[str], on_error: str
    ) -> Mapping[str, str | Exception]: ...
    def scheduler_info(self, n_workers: int) -> Mapping[str, Mapping[str, Mapping[str, int]]]: ...
    def close(self, timeout: float) -> None: ...


class DaskWorkers:
    """Runs chunks on the workers of a Dask cluster. Raises `UsageError` for a fleet of mixed versions.

    `tell` hears of workers that come and go.
    """

    def __init__(
        self, client: _DaskClient, address: str, node: OwnNode | None, tell: Callable[[str], None]
    ) -> None:
        self._client, self._address, self._tell = client, address, tell
        self._node = _file_of(node)
        self._mine = msgspec.json.decode(identity(self._node), type=Identity)
        self._threads: dict[str, int] = {}  # of each worker that runs what this process runs
        self._refused: set[str] = set()
        self._numbers = count()
        self._run = f"raftplay-{os.getpid()}-{time.time_ns()}"
        self._waiting: dict[Handle, str] = {}  # while there is no worker
        self._sent: dict[Handle, tuple[_Future, frozenset[str]]] = {}  # with the workers that may run it
        self._over: queue.SimpleQueue[Handle] = queue.SimpleQueue()
        self._looked = self._seen = time.monotonic()
        self._first_look()

    @property
    def window(self) -> int:
        """Return twice the number of threads of all workers."""
        return max(1, 2 * sum(self._threads.values()))

    @property
    def crew(self) -> str:
        """Return how many workers there are, in words."""
        return counted(len(self._threads), "worker")

    def submit(self, chunk: str) -> Handle:
        """Send a chunk to the cluster."""
        handle = next(self._numbers)
        self._waiting[handle] = chunk
        self._send()
        return handle

    def cancel(self, handle: Handle) -> None:
        """Drop a chunk; one that has started runs to its end, for nobody."""
        self._waiting.pop(handle, None)
        if handle in self._sent:
            self._client.cancel([self._sent.pop(handle)[0]])

    def completed(self, timeout: float) -> list[Completed]:
        """Wait for the end of at least one chunk, at most `timeout` seconds. Raises `NobodyLeft`."""
        lost = self._look() if time.monotonic() - self._looked >= LOOK_EVERY else []
        handles: list[Handle] = []
        try:
            handles.append(self._over.get(timeout=0 if lost else timeout))
            while True:
                handles.append(self._over.get_nowait())
        except queue.Empty:
            pass
        return lost + [(handle, answer) for handle in handles if (answer := self._answer(handle)) is not None]

    def close(self) -> None:
        """Cancel all chunks."""
        self._waiting.clear()
        sent, self._sent = self._sent, {}
        if sent and self._client.status == "running":
            self._client.cancel([future for future, _ in sent.values()])

    def _send(self) -> None:
        """Send what waits, if there is a worker."""
        while self._threads and self._waiting:
            handle = next(iter(self._waiting))
            future = self._client.submit(
                run_chunk,
                self._waiting.pop(handle),
                key=f"{self._run}-{handle}",
                pure=False,
                workers=list(self._threads),
                allow_other_workers=False,
            )
            self._sent[handle] = future, frozenset(self._threads)
            future.add_done_callback(partial(self._is_over, handle))

    def _is_over(self, handle: Handle, _: object) -> None:
        self._over.put(handle)

    def _answer(self, handle: Handle) -> str | LostChunk | None:
        """Return the answer of a chunk that is over; None if nobody wants it."""
        if handle not in self._sent:
            return None
        future, _ = self._sent.pop(handle)
        try:
            return future.result(CONNECT_WITHIN)
        except Exception as error:
            return LostChunk(_reason(error))

    def _first_look(self) -> None:
        """Wait for workers, and refuse a fleet of mixed versions."""
        deadline = time.monotonic() + CONNECT_WITHIN
        while not (threads := self._present()):
            if time.monotonic() > deadline:
                raise UsageError(
                    f"the Dask scheduler at {self._address} has no worker after {CONNECT_WITHIN:g} s; "
                    f"start some with `dask worker {self._address} --nthreads 1`"
                )
            time.sleep(0.05)
        check_fleet(self._identities(list(threads)), self._mine)
        self._threads = threads

    def _look(self) -> list[Completed]:
        """Note which workers came and went; return the chunks that nobody is left to run. Raises `NobodyLeft`."""
        present = self._present()
        came = [worker for worker in present if worker not in self._threads and worker not in self._refused]
        for worker, answer in self._identities(came).items():
            if named := difference(answer, self._mine):
                self._refused.add(worker)
                self._tell(f"left out: the worker {visible(worker)} has {named}")
        went = self._threads.keys() - present.keys()
        kept = {worker: number for worker, number in present.items() if worker not in self._refused}
        if went or len(kept) > len(self._threads):
            self._threads = kept
            self._tell(f"{f'{len(went)} went away: ' if went else ''}{self.crew} now")
        self._looked = time.monotonic()
        if kept:
            self._seen = self._looked
        elif self._looked - self._seen > ALONE_FOR:
            raise NobodyLeft(f"the Dask scheduler at {self._address} had no worker for {ALONE_FOR:g} s")
        lost = [handle for handle, (_, allowed) in self._sent.items() if not allowed & kept.keys()]
        for handle in lost:
            self.cancel(handle)
        self._send()
        return [(handle, LostChunk("all workers that could run it went away")) for handle in lost]

    def _present(self) -> dict[str, int]:
        """Return the threads of each worker that the scheduler has. Raises `NobodyLeft`."""
        try:
            workers = self._client.scheduler_info(n_workers=-1)["workers"]
        except Exception as error:
            raise NobodyLeft(f"the Dask scheduler at {self._address} went away: {_line(error)}") from error
        return {worker: facts["nthreads"] for worker, facts in workers.items()}

    def _identities(self, workers: list[str]) -> Mapping[str, str | Exception]:
        return self._client.run(identity, self._node, workers=workers, on_error="return") if workers else {}


def check_dask(address: str | None, others: Mapping[str, bool]) -> None:
    """Raise `UsageError` for an address of no cluster, or together with an option of `others` that is set."""
    if address is not None:
        _local_jobs(address)
        for other, is_set in others.items():
            if is_set:
                raise UsageError(f"{other} and --dask do not go together: leave one of them out")


@contextmanager
def dask_workers(address: str, node: OwnNode | None, tell: Callable[[str], None]) -> Iterator[DaskWorkers]:
    """Yield the workers of the Dask cluster at `address`, or of a new one on this machine. Raises `UsageError`."""
    jobs = _local_jobs(address)
    try:
        import distributed  # noqa: F401, PLC0415
    except ImportError as error:
        raise UsageError(f"--dask needs Dask ({error}): pip install 'raftplay[dask]'") from error
    _hush()
    with ExitStack() as stack:
        target = stack.enter_context(_local_cluster(jobs)) if jobs else address
        client = _connected(target, address)
        stack.callback(client.close, timeout=2)
        try:
            workers = DaskWorkers(client, address, node, tell)
        except NobodyLeft as gone:
            raise UsageError(str(gone)) from gone
        stack.callback(workers.close)
        yield workers


def _hush() -> None:
    """Leave it to raftplay to tell what happens to workers."""
    for name in ("distributed", *logging.root.manager.loggerDict):
        if name.partition(".")[0] == "distributed":
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def _connected(target: object, address: str) -> _DaskClient:
    """Return a client of the cluster at `address`. Raises `UsageError`."""
    from distributed import Client  # noqa: PLC0415

    client = Client.__new__(Client)
    try:
        client.__init__(target, timeout=CONNECT_WITHIN, set_as_default=False)
    except (OSError, ValueError, TypeError, RuntimeError, ImportError) as error:
        client.status = "closed"  # otherwise it waits when it is collected, and prints a traceback
        raise UsageError(f"--dask {quoted(address)}: no Dask scheduler answers there: {_line(error)}") from error
    found: _DaskClient = client
    return found


@contextmanager
def _local_cluster(jobs: int) -> Iterator[object]:
    """Yield a Dask cluster of `jobs` processes on this machine."""
    import dask  # noqa: PLC0415
    from distributed import LocalCluster  # noqa: PLC0415

    with dask.config.set({"distributed.scheduler.allowed-failures": 0}):
        resource_tracker.ensure_running()  # if it started below, it would let Ctrl-C through again
        with interrupts_held_back():  # its thread, and the processes which that starts, must never see Ctrl-C
            cluster = LocalCluster(
                n_workers=jobs,
                threads_per_worker=1,
                host="127.0.0.1",
                dashboard_address=None,
                memory_limit=0,
                silence_logs=logging.CRITICAL,
            )
        with cluster:
            yield cluster


def _local_jobs(address: str) -> int:
    """Return the number in ``local:4``, 0 for another address. Raises `UsageError`."""
    if address != LOCAL[:-1] and not address.startswith(LOCAL):
        return 0
    number = address[len(LOCAL) :]
    if number.isascii() and number.isdecimal() and len(number) < 4 and 1 <= int(number) <= MOST_LOCAL:
        return int(number)
    raise UsageError(f"--dask {quoted(address)}: a local cluster is {LOCAL}N, with 1 to {MOST_LOCAL} processes")


def _file_of(node: OwnNode | None) -> str:
    """Return the path of the file that defines a class of nodes; "" if there is none."""
    if node is None:
        return ""
    path = os.path.join(os.path.abspath(node.folder), node.text.rpartition(":")[0] or node.text)
    return path if os.path.isfile(path) else ""


def _reason(error: Exception) -> str:
    """Say why a chunk has no answer."""
    if type(error).__name__ == "KilledWorker":
        return "its worker went away"
    return f"its call ended with {_line(error)}"


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {visible(' '.join(str(error).split()))}"
