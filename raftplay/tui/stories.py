"""Playing a story in a screen that is open: on a cluster of its own, beside which the one before is kept."""

from concurrent.futures import Future

from raftplay.cluster.arguments import new_seed
from raftplay.cluster.config import Config
from raftplay.commands.setup import TIMINGS, Setup
from raftplay.errors import UsageError
from raftplay.run.script import Script, parse_script
from raftplay.session.branches import Blueprint
from raftplay.session.outcome import Outcome
from raftplay.session.units import range_text
from raftplay.tui.driver import SessionLike
from raftplay.tui.play import Player
from raftplay.tui.screen_commands import story_of


def story(name: str, backend: str) -> Script:
    """Return a story, to be played on a backend. Raises `UsageError`."""
    return parse_script(name, story_of(name), Setup(backend=backend))


def new_line(setup: Setup, plan: Blueprint | None) -> str:
    """Return the command that begins the cluster of `setup`, whatever differs from it in the one of `plan`."""
    config = setup.config(Config())
    words = [f"nodes={setup.nodes}", f"seed={new_seed() if setup.seed is None else setup.seed}"]
    ranges = {
        "election": (config.raft.election_min, config.raft.election_max),
        "heartbeat": (config.raft.heartbeat, config.raft.heartbeat),
        "delay": (config.delay_min, config.delay_max),
    }
    words += [f"{name}={range_text(*ranges[name])}" for name in TIMINGS]
    words += [f"{name}={'on' if on else 'off'}" for name, on in config.switches.items()]
    words += [f"snapshot={config.raft.snapshot or 'off'}", f"drift={config.raft.drift:g}"]
    words += [f"sessions={'on' if config.clients.sessions else 'off'}", f"reads={config.clients.reads}"]
    words += [f"bug={bug}" for bug in config.bugs] or ["bug=none"]
    if setup.watched:
        words += [f"watch='{', '.join(setup.watched)}'"]
    elif plan is not None and plan.watched:
        words.append("watch=all")
    return " ".join(["new", *words])


class Stories:
    """Begins stories on the session of `driver`, one at a time."""

    def __init__(self, driver: SessionLike) -> None:
        self._driver = driver
        self._begun: tuple[Future[list[Outcome]], Script] | None = None

    def begin(self, name: str) -> "Future[list[Outcome]]":
        """Begin the cluster of a story in place of what is under way. Raises `UsageError`."""
        driver = self._driver
        if driver.session.directory:
            raise UsageError(f"a data directory keeps one cluster; leave, and type: raftplay tui {name}")
        plan = driver.session.blueprint
        script = story(name, "tcp" if plan is None else plan.backend)
        driver.cancel()
        begun = driver.run(f"pause; {new_line(script.setup, plan)}")
        self._begun = begun, script
        return begun

    def tick(self) -> Player | None:
        """Return the player of a story whose cluster has just begun."""
        if self._begun is None or not self._begun[0].done():
            return None
        (begun, script), self._begun = self._begun, None
        outcomes = begun.result()
        return Player(script, self._driver) if outcomes and outcomes[-1].held else None
