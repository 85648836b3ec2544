"""The options that a trial draws from its seed: one line of `OPTIONS` each.

An option changes the `Setting` of a trial: the configuration of its cluster, or what stays wrong while liveness
is measured. To add one, add a line; the report and the counterexample then name it.
"""

import random
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace

from raftplay.cluster.config import Config
from raftplay.commands.setup import Setup
from raftplay.explore.search.mixes import HARDWARE, LEASES
from raftplay.raft.config import RaftConfig

TIMINGS = (
    ((0.300, 0.600), 0.100, (0.001, 0.005)),
    ((0.100, 0.300), 0.030, (0.000, 0.002)),
    ((0.150, 0.300), 0.050, (0.000, 0.000)),
    ((0.150, 0.400), 0.040, (0.000, 0.020)),
)
"""Timings to draw from, in seconds: the election timeout, the heartbeat interval, and the delay of every RPC."""


@dataclass(frozen=True, slots=True)
class Setting:
    """The options of one trial, by default none.

    `drawn` are their names. `minority` is "down" or "mute" if some nodes stay so while liveness is measured;
    `asks`: at the end, a node that cannot win asks for votes all the time, and a leader must emerge.
    """

    drawn: tuple[str, ...] = ()
    raft: RaftConfig = field(default_factory=RaftConfig)
    delay: tuple[float, float] = (0.001, 0.005)
    unreliable: bool = False
    minority: str = ""
    asks: bool = False
    clients: bool = False
    """True if clients use the store meanwhile, and what they were told is checked."""

    reads: str = "log"
    """The way in which clients read."""

    acts: tuple[tuple[str, float], ...] = ()
    """Acts that the fault profile has besides its own, with their weights."""


Switches = tuple[tuple[str, bool | int], ...]
"""Options that are on, or off, or a number, in every trial and walk, by their names in a script."""

SettingChange = Callable[[Setting, random.Random], Setting]


def _in_raft(**changes: bool) -> SettingChange:
    return lambda setting, _: replace(setting, raft=replace(setting.raft, **changes))


def _in_setting(**changes: bool | str) -> SettingChange:
    return lambda setting, _: replace(setting, **changes)  # type: ignore[arg-type]


def _late_answers(setting: Setting, _: random.Random) -> Setting:
    return replace(setting, acts=(*setting.acts, ("late answers", 2.0)))


def _transfers(setting: Setting, _: random.Random) -> Setting:
    return replace(setting, acts=(*setting.acts, ("transfer", 4.0)))


def _snapshots(setting: Setting, dice: random.Random) -> Setting:
    raft = replace(setting.raft, snapshot=dice.choice((0, 1, 2, 3, 5, 10)))
    return replace(setting, raft=raft, acts=(*setting.acts, ("snapshot", 4.0), ("overtaken", 2.0)))


def _hardware(setting: Setting, _: random.Random) -> Setting:
    return replace(setting, acts=(*setting.acts, *HARDWARE))


def _by_index(setting: Setting, _: random.Random) -> Setting:
    return replace(setting, clients=True, reads="index")


def _by_lease(setting: Setting, _: random.Random) -> Setting:
    raft = replace(setting.raft, checkquorum=True, sticky=True)
    acts = tuple(act for act in setting.acts if act[0] != "clock")  # a wrong clock is promised nothing
    return replace(setting, raft=raft, acts=(*acts, *LEASES), clients=True, reads="lease")


def _timings(setting: Setting, dice: random.Random) -> Setting:
    (low, high), heartbeat, delay = dice.choice(TIMINGS)
    raft = replace(setting.raft, election_min=low, election_max=high, heartbeat=heartbeat)
    return replace(setting, raft=raft, delay=delay)


OPTIONS: dict[str, tuple[float, SettingChange]] = {
    "prevote": (0.3, _in_raft(prevote=True)),
    "noop": (0.3, _in_raft(noop=True)),
    "more-reelection": (0.2, _in_raft(force_more_reelection=True)),
    "unreliable": (0.1, _in_setting(unreliable=True)),
    "timings": (0.2, _timings),
    "minority down": (0.2, _in_setting(minority="down")),
    "minority mute": (0.2, _in_setting(minority="mute")),
    "late answers": (0.2, _late_answers),
    "asker": (0.2, _in_setting(asks=True)),
    "checkquorum": (0.15, _in_raft(checkquorum=True)),
    "sticky": (0.15, _in_raft(checkquorum=True, sticky=True)),
    "hardware": (0.15, _hardware),
    "transfers": (0.15, _transfers),
    "clients": (0.15, _in_setting(clients=True)),
    "snapshots": (0.15, _snapshots),
    "reads by index": (0.05, _by_index),
    "reads by lease": (0.05, _by_lease),
}
"""The chance of each option, and what it changes; of two that change the same, the later one counts.

`sticky` comes with `checkquorum`: alone, it promises no progress.
"""


IN_VIRTUAL_TIME = frozenset(
    {"more-reelection", "timings", "minority mute", "late answers", "asker", "hardware", "clients"}
    | {"reads by index", "reads by lease"}
)
"""The options that are not drawn on sockets: a busy machine, or two events at once, could break their promises."""

ON_SOCKETS = OPTIONS.keys() - IN_VIRTUAL_TIME


def draw_setting(seed: int, needed: Collection[str] = (), *, on_sockets: bool = False) -> Setting:
    """Draw the options of the trial with this seed; those that are `needed` are on."""
    dice = random.Random(f"options {seed}")
    setting, drawn = Setting(), []
    for name, (chance, change) in OPTIONS.items():
        if on_sockets and name not in ON_SOCKETS:
            continue
        if dice.random() < chance or name in needed:
            setting = change(setting, dice)
            drawn.append(name)
    return replace(setting, drawn=tuple(drawn))


def switched(setting: Setting, switches: Switches) -> Setting:
    """Return the setting with some options on or off."""
    if not switches:
        return setting
    config = Setup(switches=dict(switches)).config(Config(setting.raft, unreliable=setting.unreliable or None))
    return replace(setting, raft=config.raft, unreliable=bool(config.unreliable))


def switched_raft(raft: RaftConfig, switches: Switches) -> RaftConfig:
    """Return the options of the algorithm with some of them on or off."""
    return switched(Setting(raft=raft), switches).raft
