"""The Harness of `import raftplay`: a cluster to act on by methods or by commands, and to look back at."""

import os
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Self

from raftplay.cluster import harness
from raftplay.cluster.config import Config
from raftplay.cluster.machine import MachineFactory
from raftplay.past.history import History
from raftplay.python.playing import Playing
from raftplay.raft.bugs import NodeOrRules
from raftplay.raft.storage import Storage
from raftplay.session.branches import Blueprint
from raftplay.session.session import Session
from raftplay.watch.stream import Reader

MOST_LINES = 10_000
"""The most lines of a transcript that are kept."""


class Harness(Playing):
    """A cluster of `n` servers (1 to 25), connected to each other and running.

    ::

        with Harness(5, backend="sim", seed=7) as h:
            h.wait("leader")
            h.submit("x")
            h.expect("committed x on 5", within=2)
            h.run("crash leader; wait leader")
            print(h.why())
            h.save("story.txt")

    `backend` is "tcp" (real sockets on 127.0.0.1) or "sim" (virtual time). `seed` decides every random choice
    (in sim: the whole run); None draws one. `config` holds timings and options. `node` is the class of the nodes,
    one of yours, as `Config.node` (raftplay help node). A context manager.
    `watch` checks every invariant (or those that it names) on every event; the first method call after a
    violation, or the wait in which it happened, raises `InvariantBroken`, once.
    `readers` are attached to the stream of events before its first event. Warns (`TimingWarning`) of timings
    with which the cluster cannot keep a leader (§5.6).

    With `data_dir`, every node keeps its disk in a file in that directory (a `SqliteStorage`). After a shutdown,
    or after the process died, a new Harness over the same directory continues that cluster: terms, votes and logs
    stay, and each wiped node stays down. Cluster time begins at 0 again; the seed and the contents of the
    directory at the start decide a run in sim. Entries that were committed in an earlier term are committed again
    with the first entry of the new term (§5.4.2). `storage` gives each node a storage of yours; you close it.
    `state_machine` creates the `StateMachine` of a node, `h.cluster[id].machine`; by default, a `KeyValueStore`,
    for `h.client()`. Commits are collected in `h.commits` too.

    A Harness that is dropped without `shutdown` ends its cluster when it is garbage-collected, with a
    `ResourceWarning` if it held sockets, a thread or files. A forked process cannot use its parent's tcp cluster:
    every method raises `UsageError` there.

    Raises `UsageError` for invalid arguments, and `StorageError` when a storage cannot be used, whatever it
    raises itself: here, in `restart_peer`, and, when a running node cannot write its disk, in the wait in which
    that happens or at the end of the next method call. That node has crashed then; the others continue.
    `NodeFailed` is raised likewise, when a node of your class (`node`) raises.

    `run` takes commands of the language, and the usual ones are methods too: `h.crash("leader")`,
    `h.why("no leader")`. What methods do is kept as what commands do: `h.back(10)`, `h.goto(0.332)` and `h.live()`
    move through the past, in which (in virtual time) whatever acts begins a new branch, and `h.save("story.txt")`
    writes all of it as a script. In the past, `snapshot()` shows that moment; `cluster`, `commits` and the like
    show the end of the branch. With `watch=False` no event is kept, and so there is no past.
    """

    def __init__(
        self,
        n: int,
        *,
        backend: str = "tcp",
        seed: int | None = None,
        config: Config | None = None,
        node: NodeOrRules | None = None,
        watch: bool | Collection[str] = True,
        readers: Iterable[Reader] = (),
        data_dir: str | os.PathLike[str] | None = None,
        storage: Sequence[Storage] | None = None,
        state_machine: MachineFactory | None = None,
    ) -> None:
        history = History()
        plain = harness.Harness(
            n,
            backend=backend,
            seed=seed,
            config=config,
            node=node,
            watch=watch,
            readers=readers,
            data_dir=data_dir,
            storage=storage,
            state_machine=state_machine,
            ahead=[history] if watch else [],
            stacklevel=2,
        )
        watched = () if isinstance(watch, bool) else tuple(watch)
        folder = None if data_dir is None else Path(data_dir)
        blueprint = Blueprint(n, backend, plain.seed, plain.config, watched, folder, state_machine=state_machine)
        self.session = Session(plain, history, blueprint=blueprint if storage is None else None)
        self._told = deque(maxlen=MOST_LINES)

    @classmethod
    def of(cls, session: Session) -> Self:
        """Return a Harness that acts on the cluster of `session`, which it ends."""
        self = cls.__new__(cls)
        self.session = session
        self._told = deque(maxlen=MOST_LINES)
        return self
