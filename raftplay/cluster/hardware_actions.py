"""The actions on the hardware of a node: its disk, its clock, and the timings that are its own."""

from dataclasses import replace

from raftplay.cluster import arguments
from raftplay.cluster.hardware import FASTEST, SLOWEST, Hardware, Range
from raftplay.cluster.server import Server
from raftplay.cluster.servers import Servers
from raftplay.errors import UsageError
from raftplay.raft.config import SHORTEST, check_range, check_seconds
from raftplay.watch import facts


class HardwareActions(Servers):
    """The actions on the disk, the clock and the timings of a node."""

    def set_disk(
        self, id: int, *, delay: float | Range | None = None, stall: bool = False, fail: bool = False
    ) -> None:
        """Make each write of node `id` take `delay` (s, or a range), or never end, or make the next one fail.

        What depends on a write leaves the node after it. A write that waits already ends as the new disk says.
        """
        server = self.running(id) if fail else self.server(id)
        old = self.hardware[server.id]
        if fail:
            self._change(server, replace(old, fails=True), disk=True)
            return
        low, high = delay if isinstance(delay, tuple | list) else (delay or 0.0, delay or 0.0)
        check_range("delay", low, "the longest delay", high)
        self._change(server, replace(old, delay=(low, high), stalls=bool(stall), fails=False), disk=True)

    def clear_disk(self, id: int) -> None:
        """Give node `id` a good disk: a write that waits is done now."""
        self.set_disk(id)

    def set_clock(self, id: int, rate: float) -> None:
        """Make the clock of node `id` run at `rate`, from 0.1 to 10: at 2, its timeouts take half the time."""
        server, rate = self.server(id), arguments.number(rate, "rate must be a number")
        if not SLOWEST <= rate <= FASTEST:
            raise UsageError(f"the rate of a clock is from {SLOWEST:g} to {FASTEST:g}, not {rate:g}")
        self.tell(facts.ClockChanged(float(rate)), server.id)
        self._change(server, replace(self.hardware[server.id], rate=float(rate)))

    def set_timing(self, id: int, *, election: Range | None = None, heartbeat: float | None = None) -> None:
        """Give node `id` its own election timeouts and heartbeat interval (s); None leaves one as it is.

        A new range of election timeouts restarts its election timer.
        """
        server = self.server(id)
        old = self.hardware[server.id]
        own = replace(old, election=election or old.election, heartbeat=heartbeat or old.heartbeat)
        own.timings(self.config.raft)
        if own.election is not None:
            check_range("election_min", own.election[0], "election_max", own.election[1], SHORTEST)
        if own.heartbeat is not None:
            check_seconds("heartbeat", own.heartbeat, SHORTEST)
        self.tell(facts.TimingChanged(own.election, own.heartbeat), server.id)
        self._change(server, own)

    def _change(self, server: Server, hardware: Hardware, *, disk: bool = False) -> None:
        self.hardware[server.id] = hardware
        if disk:
            self.tell(facts.DiskChanged(hardware.delay, hardware.stalls, hardware.fails), server.id)
        server.change(hardware)
