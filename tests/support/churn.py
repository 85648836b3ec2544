"""Random faults for a cluster in sim: what the invariants must hold under, whatever the schedule."""

import random
from collections import Counter
from collections.abc import Callable

from raftplay import CMState, Harness

Action = Callable[[], object]


class Churn:
    """Breaks and mends `h` at random; `seed` decides how. `counts` says what was done how often.

    `kinds` are names of the methods below that do one thing each; every one of them can be done at any time.
    """

    CALM = ("submit", "submit", "crash", "restart")
    LEADERS = ("submit", "submit", "kill_young_leader", "restart", "restart")
    LINKS = ("submit", "disconnect", "reconnect", "partition", "heal", "cut", "cut", "join", "join", "isolate")
    DELAYS = ("submit", "delay", "delay", "heal", "time_out", "hold", "release", "duplicate", "deliver", "lose")
    STALLS = ("submit", "freeze", "thaw", "thaw", "time_out", "drop", "undrop")
    DISKS = ("submit", "submit", "tear", "tear", "restart", "restart", "restart", "wipe")
    HARDWARE = (
        "submit",
        "submit",
        "slow_disk",
        "stall",
        "mend",
        "mend",
        "clock",
        "timing",
        "fail",
        "restart",
        "time_out",
    )
    OTHER_HALF = (
        "submit",
        "submit",
        "submit",
        "option",
        "transfer",
        "transfer",
        "compact",
        "compact",
        "join",
        "cut",
    )
    MIXES = (CALM, LEADERS, LINKS, DELAYS, STALLS, DISKS, CALM + LEADERS + LINKS + DELAYS + STALLS + DISKS)
    ALL = (*MIXES[-1], *HARDWARE, *OTHER_HALF)
    OPTIONS = ("prevote", "checkquorum", "sticky", "noop", "more-reelection", "unreliable")

    def __init__(self, h: Harness, seed: int, kinds: tuple[str, ...] | None = None) -> None:
        self.h = h
        self.rng = random.Random(f"churn {seed}")
        self.kinds = kinds or self.rng.choice(self.MIXES)
        self.counts: Counter[str] = Counter()
        self._command = 0

    def run(self, seconds: float) -> None:
        end = self.h.now + seconds
        while self.h.now < end:
            kind = self.rng.choice(self.kinds)
            if getattr(self, f"do_{kind}")() is not False:
                self.counts[kind] += 1
            self.h.sleep_ms(self.rng.choice((0, 1, 5, 20, 60, 150, 400)) * self.rng.random())

    # ---- one thing each; False when it cannot be done now

    def do_submit(self) -> bool | None:
        leaders = [id for id in self._alive() if self.h.cluster[id].cm.state is CMState.LEADER]
        if not leaders:
            return False
        for _ in range(self.rng.choice((1, 1, 1, 3, 20))):
            self._command += 1
            self.h.submit_to_server(self.rng.choice(leaders), self._command)
        return None

    def do_crash(self) -> bool | None:
        return self._to_one(self._alive(), self.h.crash_peer)

    def do_restart(self) -> bool | None:
        down = [id for id in range(self.h.n) if not self.h.alive[id] and not self.h.wiped[id]]
        return self._to_one(down, self.h.restart_peer)

    def do_kill_young_leader(self) -> bool | None:
        if not self.h.wait_until(lambda: self._leader() is not None, 1.0):
            return False
        self.h.sleep_ms(self.rng.uniform(0, 60))
        leader = self._leader()
        return False if leader is None else self.h.crash_peer(leader)

    def do_disconnect(self) -> bool | None:
        return self._to_one([id for id in self._alive() if self.h.connected[id]], self.h.disconnect_peer)

    def do_reconnect(self) -> bool | None:
        return self._to_one([id for id in self._alive() if not self.h.connected[id]], self.h.reconnect_peer)

    def do_partition(self) -> None:
        self.h.partition(self.rng.sample(range(self.h.n), self.rng.randrange(1, self.h.n + 1)))

    def do_heal(self) -> None:
        self.h.heal()

    def do_cut(self) -> None:
        self.h.cut(*self._link())

    def do_join(self) -> None:
        self.h.join(*self._link())

    def do_isolate(self) -> None:
        """The leader hears nothing more, but still speaks; or the other way round."""
        leader, deaf = self._leader() or 0, self.rng.random() < 0.5
        for peer in range(self.h.n):
            if peer != leader:
                self.h.cut(*((peer, leader) if deaf else (leader, peer)))

    def do_delay(self) -> None:
        low = self.rng.choice((0.0, 0.05, 0.3))
        loss, dup = self.rng.choice((0.0, 0.2)), self.rng.choice((0.0, 0.3))
        self.h.set_link(*self._link(), loss=loss, dup=dup, delay=(low, low + self.rng.choice((0.01, 0.5, 2.0))))

    def do_hold(self) -> None:
        self.h.hold(*self._link())

    def do_release(self) -> None:
        self.h.release(*self._link())

    def do_duplicate(self) -> bool | None:
        return self._to_one([flight.id for flight in self.h.messages()], self.h.duplicate)

    def do_deliver(self) -> bool | None:
        return self._to_one([flight.id for flight in self.h.messages()], self.h.deliver)

    def do_lose(self) -> bool | None:
        return self._to_one([flight.id for flight in self.h.messages()], self.h.lose)

    def do_freeze(self) -> bool | None:
        return self._to_one(self._alive(), self.h.freeze_peer)

    def do_thaw(self) -> bool | None:
        return self._to_one(self._alive(), self.h.thaw_peer)

    def do_time_out(self) -> bool | None:
        return self._to_one(self._alive(), self.h.time_out_peer)

    def do_drop(self) -> bool | None:
        return self._to_one(self._alive(), lambda id: self.h.peer_drop_calls_after_n(id, self.rng.randrange(20)))

    def do_undrop(self) -> bool | None:
        return self._to_one(self._alive(), self.h.peer_dont_drop_calls)

    def do_tear(self) -> bool | None:
        return self._to_one(self._alive(), lambda id: self.h.tear_peer(id, self.rng.randrange(5)))

    def do_wipe(self) -> bool | None:
        """A disk is lost, and its node with it; a majority stays."""
        if self.rng.random() < 0.9 or sum(self.h.wiped) >= (self.h.n - 1) // 2:
            return False
        return self._to_one(list(range(self.h.n)), self.h.wipe_peer)

    def do_slow_disk(self) -> None:
        low = self.rng.choice((0.001, 0.02, 0.2))
        self.h.set_disk(self._any(), delay=(low, low * self.rng.choice((1, 3))))

    def do_stall(self) -> None:
        leader = self._leader()
        self.h.set_disk(self._any() if leader is None or self.rng.random() < 0.5 else leader, stall=True)

    def do_mend(self) -> bool | None:
        return self._to_one([id for id in range(self.h.n) if self.h.hardware[id].has_bad_disk], self.h.clear_disk)

    def do_fail(self) -> bool | None:
        return self._to_one(self._alive(), lambda id: self.h.set_disk(id, fail=True))

    def do_clock(self) -> None:
        self.h.set_clock(self._any(), self.rng.choice((0.5, 1.0, 1.0, 1.5, 4.0)))

    def do_timing(self) -> None:
        low = self.rng.choice((0.1, 0.15, 0.4))
        self.h.set_timing(self._any(), election=(low, 2 * low), heartbeat=self.rng.choice((None, 0.02, 0.05)))

    def do_option(self) -> None:
        self.h.set_option(self.rng.choice(self.OPTIONS), self.rng.random() < 0.5)

    def do_transfer(self) -> bool | None:
        leader = self._leader()
        if leader is None:
            return False
        return self.h.transfer_leadership(leader, self.rng.choice((None, self._any()))) != -1

    def do_compact(self) -> bool | None:
        return self._to_one(self._alive(), self.h.compact_peer)

    # ---- whom

    def _any(self) -> int:
        return self.rng.randrange(self.h.n)

    def _alive(self) -> list[int]:
        return [id for id in range(self.h.n) if self.h.alive[id]]

    def _leader(self) -> int | None:
        leaders = [id for id in self._alive() if self.h.cluster[id].cm.state is CMState.LEADER]
        return max(leaders, key=lambda id: self.h.cluster[id].cm.current_term, default=None)

    def _link(self) -> tuple[int, int]:
        src, dst = self.rng.sample(range(self.h.n), 2)
        return src, dst

    def _to_one(self, of: list[int], action: Callable[[int], object]) -> bool | None:
        if not of:
            return False
        action(self.rng.choice(of))
        return None
