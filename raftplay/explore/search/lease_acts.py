"""Acts for clusters whose leaders read by their leases: what makes a leader lead on, in its own eyes, too long.

Each act takes longer than a lease, so its steps follow one another without other acts in between. The pauses come
from the timings of the cluster.
"""

from raftplay.explore.search.chooser import FaultChooser, WeightedAct

PausedCommand = tuple[float, float, str]
"""A step of an act: the shortest and the longest pause before it, in ms, and its command."""


def slow_replies(driver: FaultChooser) -> WeightedAct:
    """Delay what goes to the leader; then let nobody hear it, so that the others elect another one."""
    dice, (leader, *others) = driver.rng, _leader_first(driver)
    if not others:
        return 1.0, None
    low, high = _timeouts(driver)
    delay = dice.uniform(0.3, 0.9) * low
    return _begun(
        driver,
        (0, 20, f"link all->{leader} delay={delay:.0f}ms"),
        (delay, delay + 50, f"cut {leader}->all"),
        (low, high, f"timeout {others[0]}"),
        (10, 30, _submit(driver, others[0])),
        (20, 60, "heal"),
    )


def late_timeout_now(driver: FaultChooser) -> WeightedAct:
    """Hand leadership over by a TimeoutNow that arrives when the leader has given the transfer up."""
    leader, *others = _leader_first(driver)
    if not others:
        return 1.0, None
    (low, _), target = _timeouts(driver), others[0]
    heartbeat = driver.harness.config.raft.heartbeat * 1000
    return _begun(
        driver,
        (10, 60, f"hold {leader}->{target}"),
        (0, 0, f"transfer from {leader} to {target}"),
        (low, low + 1.5 * heartbeat, f"cut all->{leader}"),
        (0, 1, f"release {leader}->{target}"),
        (5, 30, _submit(driver, target)),
        (20, 60, "heal"),
    )


def paused_leader(driver: FaultChooser) -> WeightedAct:
    """Pause the process of the leader until the others have elected another one, and that has committed more."""
    leader, *others = _leader_first(driver)
    if not others:
        return 1.0, None
    low, high = _timeouts(driver)
    return _begun(
        driver,
        (0, 20, f"freeze {leader}"),
        (low, high, f"timeout {others[0]}"),
        (10, 60, _submit(driver, others[0])),
        (10, 60, f"thaw {leader}"),
    )


def _leader_first(driver: FaultChooser) -> list[int]:
    """Return the leader, and the other running nodes in any order; of no leader, -1 alone."""
    leader = driver.leader()
    if leader is None:
        return [-1]
    others = [id for id in driver.alive() if id != leader]
    driver.rng.shuffle(others)
    return [leader, *others]


def _timeouts(driver: FaultChooser) -> tuple[float, float]:
    """Return the shortest and the longest election timeout in ms."""
    raft = driver.harness.config.raft
    return raft.election_min * 1000, raft.election_max * 1000


def _submit(driver: FaultChooser, id: int) -> str:
    driver.submitted += 1
    return f"submit {driver.submitted} to {id}"


def _begun(driver: FaultChooser, *steps: PausedCommand) -> tuple[float, str]:
    """Begin with healthy links; the steps come next."""
    driver.next = [(round(driver.rng.uniform(low, high), 1), command) for low, high, command in steps]
    return driver.rng.uniform(0, 30), "heal"
