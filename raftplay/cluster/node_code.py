"""NodeCode: the code of one node, which may be a user's: its consensus module and its state machine.

The rule of this module: nothing else calls them, and each call either returns what the cluster can use, or raises
`NodeRaised`. `StorageError`, `TornWrite`, `DiskBusy` and `CommandRefused` are no failures of the code, and pass.
"""

from collections.abc import Callable, Sequence

from raftplay.cluster.image import decoded, digest_of, encoded, is_image
from raftplay.cluster.machine import MachineFactory, StateMachine, is_machine
from raftplay.cluster.own_methods import check_results, handler, has_foreign_code
from raftplay.cluster.raised import OWN_FAILURES, NodeRaised, node_raised
from raftplay.cluster.results import (
    check_created,
    check_reply,
    check_state,
    checked_calls,
    checked_commits,
    checked_deadline,
    checked_index,
    checked_number,
    checked_reads,
)
from raftplay.cluster.rpc import Request, Response
from raftplay.cluster.storage.disk import DiskBusy, TornWrite
from raftplay.kv.machine import KeyValueStore, may_concern_stores
from raftplay.raft.commands import CommandRefused
from raftplay.raft.consensus import ConsensusModule
from raftplay.raft.messages import NONE, Args, CMState, CommitEntry, Reply
from raftplay.raft.rpcs import OF
from raftplay.raft.storage import StorageError

TellTime = Callable[[], float]


class NodeCode:
    """The ConsensusModule `cm` and the state machine `machine` of node `id`.

    `is_own`: its class is a user's, so what it returns is checked; `is_checked`: some of its methods are not
    raftplay's, so its decisions and its deadline are checked too.
    """

    def __init__(
        self,
        id: int,
        kind: type[ConsensusModule],
        create: Callable[[], ConsensusModule],
        create_machine: MachineFactory | None,
        *,
        is_own: bool,
        now: TellTime,
    ) -> None:
        self.id = id
        self._now = now
        self._kind: type = kind
        self.is_own = is_own
        self._applied: int | None = None  # the index of the last commit
        self.is_checked = has_foreign_code(kind)
        if is_own:
            check_results(kind.rules)
        try:
            self.cm = create()
            if self.is_checked:
                check_created(self.cm)
        except StorageError:
            raise
        except OWN_FAILURES as error:
            raise self._raised(error, "__init__") from error
        if self.cm.snapshot is not None:
            decoded(self.cm.snapshot.data, self.cm.snapshot.index)  # raises `StorageError`
        self.cm.accepts_image = is_image
        self.machine = self._new_machine(create_machine)
        self.results: list[object] = []
        """The results of the state machine for the last commits; empty without one."""

        self.digest = ""
        """The hash of the state machine's image in the last snapshot that it took; "" without one."""

    # ---- inputs

    def input(self, name: str, method: Callable[[float], object], now: float) -> None:
        """Call `method` of the node, which is called `name`, with the time."""
        try:
            method(now)
            if self.is_checked:
                check_state(self.cm)
        except OWN_FAILURES as error:
            raise self._raised(error, name) from error

    def submit(self, command: object) -> int:
        """Submit `command`; return its log index, or -1."""
        try:
            index = self.cm.submit(command)
            if self.is_checked:
                check_state(self.cm)
            return checked_index(index, self.cm.log.last_index) if self.is_own else index
        except CommandRefused:
            raise
        except OWN_FAILURES as error:
            raise self._raised(error, "submit") from error

    def handle(self, request: Request, now: float) -> Reply:
        """Hand `request` to the method for RPCs of its type; return the reply."""
        args = request.message
        try:
            reply = self.cm.request_received(args, now)
            if self.is_own:
                check_reply(reply, OF[type(args)].reply)
            if self.is_checked:
                check_state(self.cm)
        except OWN_FAILURES as error:
            method = handler(self._kind, OF[type(args)].method)
            raise self._raised(error, method, str(request)) from error
        return reply

    def handle_reply(self, request: Request, response: Response, now: float) -> None:
        """Hand `response`, which answers `request`, to the node."""
        try:
            self.cm.reply_received(response.src, request.message, response.message, now)
            if self.is_checked:
                check_state(self.cm)
        except OWN_FAILURES as error:
            raise self._raised(error, "reply_received", str(response)) from error

    def call_failed(self, peer_id: int, args: Args, now: float) -> None:
        """Tell the node that the request `args` could not be sent."""
        try:
            self.cm.call_failed(peer_id, args, now)
            if self.is_checked:
                check_state(self.cm)
        except OWN_FAILURES as error:
            raise self._raised(error, "call_failed") from error

    def read(self, now: float) -> int:
        """Begin a read; return its number, or -1."""
        number = self.cm.read(now)
        return checked_number(number) if self.is_own else number

    def stop(self) -> None:
        """Stop the node; it is Dead, whatever its code does."""
        try:
            self.cm.stop()
        except OWN_FAILURES as error:
            self.cm.state = CMState.DEAD
            raise self._raised(error, "stop") from error

    # ---- outputs

    def persist(self, now: float) -> bool:
        """Write the changes to storage; return whether there were any."""
        try:
            return self.cm.persist(now)
        except (StorageError, TornWrite, DiskBusy):
            raise
        except OWN_FAILURES as error:
            raise self._raised(error, "persist") from error

    def take_commits(self) -> list[CommitEntry]:
        """Return what is committed, once the state machine has applied it."""
        try:
            commits = self.cm.take_commits()
            if self.is_own:
                commits = checked_commits(commits, self._applied)
                self._applied = commits[-1].index if commits else self._applied
        except OWN_FAILURES as error:
            raise self._raised(error, "take_commits") from error
        if commits and self.machine is not None:
            self._apply(self.machine, commits)
        return commits

    def restore(self) -> tuple[list[CommitEntry], str] | None:
        """Restore the state machine if the node has installed a snapshot, or started from one.

        Return the commits that led to its state, and a hash of the user's state machine.
        """
        try:
            image = self.cm.take_image()
        except OWN_FAILURES as error:
            raise self._raised(error, "take_image") from error
        if image is None:
            return None
        self._applied = image.index
        commits, machine = decoded(image.data, image.index)
        if self.machine is None or machine is None:
            return commits, ""
        try:
            self.machine.restore(machine)
        except OWN_FAILURES as error:
            raise node_raised(self.id, error, "restore", self._now(), "", type(self.machine)) from error
        return commits, digest_of(self._machine_image())

    @property
    def snapshot_due(self) -> bool:
        """Tell whether the node must take a snapshot now."""
        try:
            return bool(self.cm.config.snapshot) and self.cm.snapshot_due
        except OWN_FAILURES as error:
            raise self._raised(error, "wants_snapshot") from error

    def take_snapshot(self, commits: Sequence[CommitEntry], now: float) -> int:
        """Hand the node an image of its state, which `commits` led to; return the last index in it, or -1."""
        if not self.cm.can_take_snapshot:
            return NONE
        machine = self._machine_image()
        data, self.digest = encoded(commits, machine), digest_of(machine)
        try:
            return self.cm.take_snapshot(data, now)
        except OWN_FAILURES as error:
            raise self._raised(error, "take_snapshot") from error

    def _machine_image(self) -> bytes | None:
        """Return the image of the user's state machine; None without one."""
        if self.machine is None:
            return None
        try:
            data = self.machine.snapshot()
            if not isinstance(data, bytes):
                raise TypeError(f"{type(data).__name__} was returned, not bytes")
        except OWN_FAILURES as error:
            raise node_raised(self.id, error, "snapshot", self._now(), "", type(self.machine)) from error
        return data

    def take_calls(self) -> list[tuple[int, Args]]:
        """Return the requests to send now, as (peer_id, args)."""
        try:
            calls = self.cm.take_calls()
            return checked_calls(calls, self.cm.peer_ids) if self.is_own else calls
        except OWN_FAILURES as error:
            raise self._raised(error, "take_calls") from error

    def take_reads(self, now: float) -> list[tuple[int, int]]:
        """Return the reads that are over, as (number, index); -1: the node cannot answer."""
        try:
            reads = self.cm.take_reads(now)
            return checked_reads(reads) if self.is_own else reads
        except OWN_FAILURES as error:
            raise self._raised(error, "take_reads") from error

    def deadline_before(self, at: float) -> float | None:
        """Return the node's deadline if it is before `at`."""
        try:
            deadline = checked_deadline(self.cm.deadline) if self.is_checked else self.cm.deadline
            return None if at <= deadline else deadline
        except TypeError as error:
            raise self._raised(error, "deadline") from error

    # ---- its state machine

    def _new_machine(self, create: MachineFactory | None) -> StateMachine | None:
        if create is None:
            return None
        try:
            machine = create()
            if not is_machine(type(machine)) and not isinstance(machine, StateMachine):
                raise TypeError(f"{machine!r} is no state machine: it must have apply, snapshot and restore")
        except OWN_FAILURES as error:
            raise node_raised(self.id, error, "state_machine", self._now()) from error
        return machine

    def _apply(self, machine: StateMachine, commits: list[CommitEntry]) -> None:
        if type(machine) is KeyValueStore and not may_concern_stores(commits):
            self.results = [None] * len(commits)
            return
        apply, results = machine.apply, list[object]()
        try:
            for entry in commits:
                results.append(apply(entry))
        except OWN_FAILURES as error:
            about = f"entry {commits[len(results)].index}"
            raise node_raised(self.id, error, "apply", self._now(), about, type(machine)) from error
        self.results = results

    def _raised(self, error: BaseException, method: str, about: str = "") -> NodeRaised:
        return node_raised(self.id, error, method, self._now(), about, self._kind)
