"""Fault profiles (nemeses): faults chosen at run time, as commands that a script can repeat, and their ends."""

from collections.abc import Callable

from raftplay.cluster.harness import Harness
from raftplay.explore.search.chooser import ChooseAct, FaultChooser, WeightedAct
from raftplay.explore.search.lease_acts import late_timeout_now, paused_leader, slow_replies


def submit(driver: FaultChooser) -> WeightedAct:
    """Submit to the leader, or to any running node."""
    target = driver.leader()
    if target is None or driver.rng.random() < 0.15:
        target = driver.any_of(driver.alive())
    driver.submitted += 1
    pause = driver.rng.uniform(0.5, 40)
    return pause, f"submit {driver.submitted} to {target if target is not None else 0}"


def _idle(driver: FaultChooser) -> WeightedAct:
    return driver.rng.uniform(50, 400), "now"


def _crash(driver: FaultChooser) -> WeightedAct:
    return driver.rng.uniform(1, 150), _on(driver, "crash", driver.alive())


def _kill_leader(driver: FaultChooser) -> WeightedAct:
    """Crash the leader soon after it was elected (2–60 ms), or later."""
    leader = driver.leader()
    if leader is None:
        return driver.rng.uniform(2, 60), "now"
    return driver.rng.uniform(2, 60), f"crash {leader}"


def _restart(driver: FaultChooser) -> WeightedAct:
    return driver.rng.uniform(0, 60), _on(driver, "restart", driver.down())


def _bounce(driver: FaultChooser) -> WeightedAct:
    """Restart a crashed node if there is one, else crash one."""
    down = driver.down()
    return (driver.rng.uniform(0, 20), _on(driver, "restart", down)) if down else _crash(driver)


def _timeout(driver: FaultChooser) -> WeightedAct:
    return driver.rng.uniform(0, 30), _on(driver, "timeout", driver.alive())


def _cut_off(driver: FaultChooser) -> WeightedAct:
    leader = driver.leader()
    ids = driver.alive() if leader is None or driver.rng.random() < 0.5 else [leader]
    return driver.rng.uniform(1, 100), _on(
        driver, "disconnect", [id for id in ids if driver.harness.connected[id]]
    )


def _reconnect(driver: FaultChooser) -> WeightedAct:
    ids = [id for id in driver.alive() if not driver.harness.connected[id]]
    return driver.rng.uniform(1, 200), _on(driver, "reconnect", ids)


def _partition(driver: FaultChooser) -> WeightedAct:
    ids = list(range(driver.harness.n))
    driver.rng.shuffle(ids)
    at = driver.rng.randint(1, max(1, len(ids) - 1))
    left, right = sorted(ids[:at]), sorted(ids[at:])
    if not right:
        return 1.0, None
    return driver.rng.uniform(1, 200), f"partition {','.join(map(str, left))} | {','.join(map(str, right))}"


def _minority(driver: FaultChooser) -> WeightedAct:
    """Put the leader in a minority: entries it appends there are replaced later."""
    leader, ids = driver.leader(), list(range(driver.harness.n))
    if leader is None or len(ids) < 3:
        return 1.0, None
    ids.remove(leader)
    driver.rng.shuffle(ids)
    at = driver.rng.randint(0, (driver.harness.n - 1) // 2 - 1)
    left, right = sorted([leader, *ids[:at]]), sorted(ids[at:])
    return driver.rng.uniform(0, 30), f"partition {','.join(map(str, left))} | {','.join(map(str, right))}"


def _depose(driver: FaultChooser) -> WeightedAct:
    """Make another node that can reach most nodes start an election."""
    ids = [id for id in driver.group_of_most() if id != driver.leader()]
    return driver.rng.uniform(0, 30), _on(driver, "timeout", ids)


def _reinstate(driver: FaultChooser) -> WeightedAct:
    """Make the previous leader start an election if it can reach most nodes."""
    able = driver.group_of_most()
    ids = [id for id in driver.led if id in able and id != driver.leader()]
    return driver.rng.uniform(0, 30), _on(driver, "timeout", ids[-1:])


def _late_answers(driver: FaultChooser) -> WeightedAct:
    """Hold the answers of a node, deaf meanwhile, while the leader is deposed and returns; then release them."""
    leader, n, dice = driver.leader(), driver.harness.n, driver.rng
    if leader is None or n < 3:
        return 1.0, None
    late, other = dice.sample([id for id in range(n) if id != leader], 2)
    first = driver.submitted + 1
    driver.submitted += 2
    steps = (
        (1, 10, f"submit {first} to {leader}"),
        (15, 40, f"cut all->{late}"),
        (5, 30, f"timeout {other}"),
        (20, 60, f"submit {first + 1} to {other}"),
        (20, 60, f"timeout {leader}"),
        (20, 60, f"release {late}->{leader}"),
        (1, 30, f"join all->{late}"),
    )
    driver.next = [(round(dice.uniform(low, high), 1), command) for low, high, command in steps]
    return dice.uniform(0, 30), f"hold {late}->{leader}"


def _transfer(driver: FaultChooser) -> WeightedAct:
    """Hand leadership over: at once, to a node that is cut off, or with TimeoutNow late; submit meanwhile."""
    leader, n, dice = driver.leader(), driver.harness.n, driver.rng
    if leader is None or n == 1:
        return 1.0, None
    others = [id for id in range(n) if id != leader]
    target, other = dice.choice(others), dice.choice(others)
    before, after = dice.choice(
        (
            ("now", "now"),
            (f"disconnect {target}", f"reconnect {target}"),
            (f"hold {leader}->{target}", f"release {leader}->{target}"),
        )
    )
    driver.submitted += 2
    steps: list[tuple[float, float, str]] = [
        (0, 20, f"transfer from {leader} to {target}"),
        (0, 100, f"submit {driver.submitted} to {leader}"),
        (5, 400, after),
    ]
    if not before.startswith("hold"):  # else TimeoutNow would wait for the entry
        steps.insert(0, (1, 20, f"submit {driver.submitted - 1} to {leader}"))
    elif other != target:
        steps.insert(2, (5, 60, f"timeout {other}"))
    driver.next = [(round(dice.uniform(low, high), 1), command) for low, high, command in steps]
    return dice.uniform(0, 30), before


def _snapshot(driver: FaultChooser) -> WeightedAct:
    ids = [id for id in driver.alive() if not driver.harness.cluster[id].frozen]
    return driver.rng.uniform(0, 60), _on(driver, "snapshot", ids)


def _overtaken(driver: FaultChooser) -> WeightedAct:
    """Make a heartbeat overtake two entries, of which the leader compacts the first away meanwhile."""
    leader, n, dice = driver.leader(), driver.harness.n, driver.rng
    if leader is None or n < 3:
        return 1.0, None
    late, *others = dice.sample([id for id in range(n) if id != leader], n - 1)
    rest = ",".join(map(str, sorted(others)))
    first = driver.submitted + 1
    driver.submitted += 2
    heartbeat = driver.harness.config.raft.heartbeat * 1000
    steps = (
        (0, 1, f"hold {rest}->{leader}"),
        (0, 10, f"submit {first} to {leader}"),
        (5, 15, f"cut {leader}->{rest}"),
        (0, 10, f"submit {first + 1} to {leader}"),
        (0, 5, f"cut {leader}->{late}"),
        (0, 5, f"release {rest}->{leader}"),  # their acknowledgements of the first entry, which commit it
        (5, 20, f"snapshot {leader}"),
        (0, 5, f"join {leader}->{late}"),
        (heartbeat, 1.5 * heartbeat, f"deliver {leader}->{late} heartbeats"),
        (10, 30, f"release {leader}->{late}"),
        (5, 30, "heal"),
    )
    driver.next = [(round(dice.uniform(low, high), 1), command) for low, high, command in steps]
    return dice.uniform(0, 30), f"hold {leader}->{late}"


def _heal(driver: FaultChooser) -> WeightedAct:
    return driver.rng.uniform(50, 300), "heal"


def _cut(driver: FaultChooser) -> WeightedAct:
    return driver.rng.uniform(1, 100), f"cut {driver.link()}" if driver.harness.n > 1 else None


def _join(driver: FaultChooser) -> WeightedAct:
    cut = [link for link, faults in driver.harness.network.faulty_links.items() if faults.cut]
    if not cut:
        return 1.0, None
    src, dst = driver.rng.choice(sorted(cut))
    return driver.rng.uniform(1, 100), f"join {src}->{dst}"


def _lossy(driver: FaultChooser) -> WeightedAct:
    if driver.harness.n == 1:
        return 1.0, None
    rng = driver.rng
    faults = rng.choice(
        ("loss=30%", "dup=30%", "delay=5..60ms", "delay=40..120ms", "loss=10% dup=20% delay=1..30ms")
    )
    link = "all" if rng.random() < 0.3 else driver.link()
    return rng.uniform(1, 100), f"link {link} {faults}"


def _hold(driver: FaultChooser) -> WeightedAct:
    if driver.harness.n == 1:
        return 1.0, None
    leader = driver.leader()
    link = driver.link()
    if leader is not None and driver.rng.random() < 0.7 and (near := driver.group_of(leader)):
        other = driver.rng.choice(near)
        link = f"{leader}->{other}" if driver.rng.random() < 0.4 else f"{other}->{leader}"
    return driver.rng.uniform(0, 40), f"hold {link}"


def _release(driver: FaultChooser) -> WeightedAct:
    """Release held messages, preferably those to the leader; soon or late."""
    held = driver.harness.flights.held_links
    if not held:
        return 1.0, None
    leader = driver.leader()
    to_leader = [link for link in held if link[1] == leader]
    src, dst = driver.rng.choice(to_leader if to_leader and driver.rng.random() < 0.7 else held)
    pause = driver.rng.uniform(0, 10) if driver.rng.random() < 0.5 else driver.rng.uniform(5, 250)
    return pause, f"release {src}->{dst}"


def _duplicate(driver: FaultChooser) -> WeightedAct:
    return driver.rng.uniform(0, 10), f"duplicate {driver.link()}" if driver.harness.n > 1 else None


def _is_frozen(harness: Harness, id: int) -> bool:
    return harness.cluster[id].frozen


def _freeze(driver: FaultChooser) -> WeightedAct:
    ids = [id for id in driver.alive() if not _is_frozen(driver.harness, id)]
    return driver.rng.uniform(1, 100), _on(driver, "freeze", ids)


def _thaw(driver: FaultChooser) -> WeightedAct:
    ids = [id for id in driver.alive() if _is_frozen(driver.harness, id)]
    return driver.rng.uniform(20, 300), _on(driver, "thaw", ids)


def _drop(driver: FaultChooser) -> WeightedAct:
    choice = driver.any_of(driver.alive())
    if choice is None:
        return 1.0, None
    return driver.rng.uniform(1, 50), f"drop {choice} after {driver.rng.randint(0, 6)}"


def _drops(harness: Harness, id: int) -> bool:
    return harness.cluster[id].proxy.calls_left >= 0


def _undrop(driver: FaultChooser) -> WeightedAct:
    ids = [id for id in driver.alive() if _drops(driver.harness, id)]
    return driver.rng.uniform(1, 100), _on(driver, "undrop", ids)


def _tear(driver: FaultChooser) -> WeightedAct:
    choice = driver.any_of(driver.alive())
    if choice is None:
        return 1.0, None
    return driver.rng.uniform(1, 50), f"tear {choice} after {driver.rng.randint(0, 4)}"


def _wipe(driver: FaultChooser) -> WeightedAct:
    """Wipe a disk only while a majority keeps theirs: with fewer, Raft promises no progress."""
    harness = driver.harness
    if sum(harness.wiped) + 1 > (harness.n - 1) // 2 or driver.rng.random() < 0.7:
        return 1.0, None
    return driver.rng.uniform(1, 50), _on(driver, "wipe", [id for id in range(harness.n) if not harness.wiped[id]])


def _slow_disk(driver: FaultChooser) -> WeightedAct:
    delay = driver.rng.choice(("5..20ms", "20..80ms", "100ms", "100..500ms"))
    return driver.rng.uniform(1, 60), f"disk {driver.rng.randrange(driver.harness.n)} delay={delay}"


def _stalled_disk(driver: FaultChooser) -> WeightedAct:
    """Stall a disk, preferably the leader's."""
    leader = driver.leader()
    id = leader if leader is not None and driver.rng.random() < 0.5 else driver.any_of(driver.alive())
    return driver.rng.uniform(1, 200), None if id is None else f"disk {id} stall"


def _has_bad_disk(harness: Harness, id: int) -> bool:
    return harness.hardware[id].has_bad_disk


def _good_disk(driver: FaultChooser) -> WeightedAct:
    choice = driver.any_of([id for id in range(driver.harness.n) if _has_bad_disk(driver.harness, id)])
    return driver.rng.uniform(0, 60), None if choice is None else f"disk {choice} clear"


def _failing_write(driver: FaultChooser) -> WeightedAct:
    choice = driver.any_of(driver.alive())
    return driver.rng.uniform(1, 60), None if choice is None else f"disk {choice} fail"


def _clock(driver: FaultChooser) -> WeightedAct:
    rate = driver.rng.choice((0.1, 0.3, 0.7, 1, 1, 1.4, 3, 10))
    return driver.rng.uniform(1, 60), f"clock {driver.rng.randrange(driver.harness.n)} rate={rate:g}"


def _has_wrong_clock(harness: Harness, id: int) -> bool:
    return harness.hardware[id].rate != 1


def _on(driver: FaultChooser, verb: str, ids: list[int]) -> str | None:
    id = driver.any_of(ids)
    return None if id is None else f"{verb} {id}"


Ends = tuple[tuple[str, Callable[[Harness, int], bool]], ...]
"""Commands, each with the fault of a node that it ends, and that may be in force or not."""

HARDWARE_ENDS: Ends = (("disk {id} clear", _has_bad_disk), ("clock {id} rate=1", _has_wrong_clock))
"""The ends of the faults that a node has also while it is down."""

PROCESS_ENDS: Ends = (("thaw {id}", _is_frozen), ("undrop {id}", _drops))
"""The ends of the faults that only a running node has."""

ACTS: dict[str, ChooseAct] = {
    "submit": submit,
    "idle": _idle,
    "crash": _crash,
    "kill leader": _kill_leader,
    "restart": _restart,
    "bounce": _bounce,
    "timeout": _timeout,
    "cut off": _cut_off,
    "reconnect": _reconnect,
    "partition": _partition,
    "minority": _minority,
    "depose": _depose,
    "reinstate": _reinstate,
    "late answers": _late_answers,
    "transfer": _transfer,
    "snapshot": _snapshot,
    "overtaken": _overtaken,
    "heal": _heal,
    "cut": _cut,
    "join": _join,
    "lossy link": _lossy,
    "hold": _hold,
    "release": _release,
    "duplicate": _duplicate,
    "freeze": _freeze,
    "thaw": _thaw,
    "drop": _drop,
    "undrop": _undrop,
    "tear": _tear,
    "wipe": _wipe,
    "slow disk": _slow_disk,
    "stalled disk": _stalled_disk,
    "good disk": _good_disk,
    "failing write": _failing_write,
    "clock": _clock,
    "slow replies": slow_replies,
    "late TimeoutNow": late_timeout_now,
    "paused leader": paused_leader,
}

LEASES = (("slow replies", 2.0), ("late TimeoutNow", 2.0), ("paused leader", 1.0))
"""The acts of clusters whose leaders read by their leases, and their weights; no others have them."""

HARDWARE = (
    ("slow disk", 1.5),
    ("stalled disk", 0.7),
    ("good disk", 2.0),
    ("failing write", 0.5),
    ("clock", 1.0),
    ("restart", 1.0),
)
"""The acts of the option hardware, and their weights; no fault profile has them otherwise."""

_DRAWN = {"late answers", "transfer", "snapshot", "overtaken", *(name for name, _ in (*HARDWARE, *LEASES))} - {
    "restart"
}
"""The acts that only an option draws."""

MIXES: dict[str, dict[str, float]] = {
    "calm": {"submit": 10, "idle": 4, "crash": 0.5, "restart": 1, "cut off": 0.5, "reconnect": 1},
    "churn": {"submit": 8, "kill leader": 4, "bounce": 3, "restart": 3, "timeout": 2, "idle": 0.5},
    "delay": {
        "submit": 8,
        "lossy link": 3,
        "hold": 3,
        "release": 3,
        "duplicate": 3,
        "timeout": 2,
        "heal": 0.4,
        "cut off": 1,
        "reconnect": 1.5,
        "crash": 0.5,
        "restart": 1,
    },
    "partial": {
        "submit": 8,
        "cut": 3,
        "join": 2,
        "partition": 1.5,
        "heal": 1,
        "cut off": 2,
        "reconnect": 2.5,
        "freeze": 1,
        "thaw": 1.5,
        "drop": 1,
        "undrop": 1.5,
        "timeout": 1,
    },
    "turnover": {
        "submit": 8,
        "hold": 3,
        "release": 1.5,
        "minority": 2,
        "depose": 2,
        "reinstate": 3,
        "heal": 2,
        "idle": 2,
    },
    "storage": {
        "submit": 10,
        "tear": 3,
        "restart": 4,
        "crash": 1.5,
        "wipe": 0.5,
        "timeout": 1.5,
        "cut off": 1,
        "reconnect": 1.5,
        "kill leader": 0.5,
    },
    "everything": {name: 1.0 for name in ACTS if name not in ("submit", "wipe", "idle", *_DRAWN)}
    | {"submit": 8, "wipe": 0.1},
}
"""The weight of each act, by fault profile; one profile is drawn per seed."""
