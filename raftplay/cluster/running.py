"""The parts of a running cluster: its backend, its stream of events, its servers, its waits, its invariants.

The rule of this module: a `Harness` only acts through these parts, so that one Harness can show several clusters.
"""

import os
from collections.abc import Collection, Iterable, Sequence

from raftplay.backends.base import Backend
from raftplay.backends.sim import SimBackend
from raftplay.backends.tcp import TcpBackend
from raftplay.cluster.cluster import Cluster
from raftplay.cluster.config import Config
from raftplay.cluster.machine import MachineFactory
from raftplay.cluster.waits import Waits
from raftplay.errors import UsageError
from raftplay.raft.storage import Storage
from raftplay.watch.invariants import Invariants
from raftplay.watch.stream import Reader, Stream


class Running:
    """A cluster of `n` nodes that runs from now on until `close`; its arguments are those of `Harness`, checked.

    `invariants` is None if nothing is watched. Raises `UsageError` and `StorageError`.
    """

    def __init__(
        self,
        n: int,
        backend: str,
        *,
        seed: int,
        config: Config,
        watch: bool | Collection[str],
        readers: Iterable[Reader],
        data_dir: str | os.PathLike[str] | None,
        storage: Sequence[Storage] | None,
        state_machine: MachineFactory | None,
        begins: bool,
    ) -> None:
        self.n = n
        self.seed = seed
        self.data_dir = data_dir
        self.is_shut_down = False
        self.backend = _make_backend(backend)
        self.backend.run(lambda: self.backend.steer(0.0))  # what follows may take long on a busy machine
        self.stream = Stream(self.backend.now)
        try:
            self.members = Cluster(
                n,
                self.backend,
                self.stream,
                config=config,
                seed=seed,
                storage=storage,
                data_dir=data_dir,
                state_machine=state_machine,
            )
        except BaseException:
            self.backend.close()
            raise
        self.waits = Waits(self.backend, self.members)
        names = None if isinstance(watch, bool) else watch
        on_breach = self.members.failures.add_breach
        self.invariants = Invariants(n, on_breach=on_breach, names=names) if watch else None
        if self.invariants is not None:
            self.stream.attach(self.invariants)
        for reader in readers:
            self.stream.attach(reader)
        self.stream.switched = self.members.watch
        try:
            self.backend.run(lambda: self._begin(passes=begins))
        except BaseException:
            self.close()
            raise

    def _begin(self, *, passes: bool) -> None:
        """Start the nodes at time 0, and then the clock if time `passes`."""
        self.members.begin()
        if passes:
            self.backend.steer(1.0)

    def close(self) -> None:
        """Stop all servers and close everything. Raises what failed inside the cluster and was not raised yet."""
        self.is_shut_down = True
        self.backend.close(self.members.stop_all)
        self.waits.raise_failure()


def _make_backend(name: str) -> Backend:
    match name:
        case "tcp":
            return TcpBackend()
        case "sim":
            return SimBackend()
    raise UsageError(f'the backend must be "tcp" or "sim", not {name!r}')
