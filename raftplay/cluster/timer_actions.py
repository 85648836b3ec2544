"""The actions on election timers: fire one, or set all of them."""

from raftplay.backends.base import check_duration
from raftplay.cluster import arguments
from raftplay.cluster.server import Server
from raftplay.cluster.servers import Servers
from raftplay.watch import facts


class TimerActions(Servers):
    """The actions on election timers."""

    def time_out_peer(self, id: int) -> None:
        """Fire the election timer of node `id` now; a leader has none, and that of a frozen node cannot fire."""
        server = self.running(id)
        if not server.is_leader() and not server.frozen:
            self.tell(facts.TimedOut(), server.id)
            server.time_out()

    def align_timers(self, seconds: float | None = None) -> dict[int, float]:
        """Set all election timers to fire together, `seconds` from now: the votes are split.

        By default, they fire when the first of them would. Leaders have none; nodes that are down or frozen are
        left out; a heartbeat sets a timer anew, as always. Return when each fires, in cluster time.
        """
        return self._set_timers(seconds, 0.0)

    def spread_timers(self, seconds: float | None = None) -> dict[int, float]:
        """Set the election timers to fire well apart, the first of them `seconds` from now: that node wins.

        By default, it fires when it would anyway. They are as far apart as the election timeouts allow, at least
        twice the longest delay. Returns and leaves out as `align_timers` does.
        """
        raft, others = self.config.raft, max(len(self._awaiting()) - 1, 1)
        return self._set_timers(
            seconds, max((raft.election_max - raft.election_min) / others, 2 * self.config.delay_max)
        )

    def _set_timers(self, seconds: float | None, apart: float) -> dict[int, float]:
        """Set the election timers to fire in their present order, each `apart` after the one before."""
        servers = self._awaiting()
        if seconds is not None:
            first = self.backend.now() + check_duration(arguments.number(seconds, "seconds must be a number"))
        else:
            first = min((server.cm.deadline for server in servers), default=0.0)
        deadlines = {server.id: first + apart * place for place, server in enumerate(servers)}
        for server in servers:
            server.set_timer(deadlines[server.id])
        return deadlines

    def _awaiting(self) -> list[Server]:
        """Return the servers whose election timers run, the one whose timer fires first at the front."""
        running = [s for s in self.servers if not (s.stopped or s.frozen or s.is_leader())]
        return sorted(running, key=lambda server: server.cm.deadline)
