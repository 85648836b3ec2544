"""The scripts that ship with raftplay, by name; each begins with a comment that says in a line what it shows."""

from importlib import resources

from raftplay.errors import UsageError
from raftplay.session.shown import did_you_mean

SUFFIX = ".txt"


def names() -> list[str]:
    """The names of all scenarios, in the order in which one should see them."""
    found = [f.name.removesuffix(SUFFIX) for f in resources.files(__name__).iterdir() if f.name.endswith(SUFFIX)]
    return sorted(found, key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name))


def bug_names() -> list[str]:
    """The names of the scenarios that provoke a bug: ``bugs/commit-old-term`` …, in the order of `BUGS`."""
    from raftplay.raft.bugs import BUGS  # noqa: PLC0415 - a list of the scenarios does not need the algorithm

    folder = resources.files(__name__).joinpath("bugs")
    return [f"bugs/{name}" for name in BUGS if folder.joinpath(name + SUFFIX).is_file()]


def incident_names() -> list[str]:
    """Return the names of the scenarios that replay public incidents: ``incidents/cloudflare-2020`` …"""
    folder = resources.files(__name__).joinpath("incidents")
    return sorted(f"incidents/{file.name.removesuffix(SUFFIX)}" for file in folder.iterdir())


def all_names() -> list[str]:
    """Return the names of all that one can run: scenarios, incidents, and the scenarios of bugs."""
    return names() + incident_names() + bug_names()


def text_of(name: str) -> str:
    """The script of a scenario. Raises `UsageError` when there is none of this name."""
    known = all_names()
    if name not in known:
        raise UsageError(f"there is no scenario {name!r}{did_you_mean(name, known)}; see: raftplay scenarios")
    return _read(name)


def summary_of(name: str) -> str:
    """Return the line that says what a scenario shows: its first comment."""
    return _read(name).split("\n", 1)[0].lstrip("# ").strip()


def _read(name: str) -> str:
    return resources.files(__name__).joinpath(name + SUFFIX).read_text("utf-8")


ORDER = (
    "first-election",
    "split-vote",
    "leader-failover",
    "lost-entry",
    "split-brain",
    "no-quorum",
    "four-nodes",
    "log-repair",
    "figure-7",
    "figure-8",
    "figure-8-disks",
    "crash-of-all",
    "noop",
    "frozen-leader",
    "slow-disk",
    "disk-stall",
    "deaf-leader",
    "disturbing-node",
    "prevote",
    "checkquorum",
    "sticky-alone",
    "stuck-node",
    "trio-together",
    "transfer-under-load",
    "transfer-cut-off",
    "transfer-too-late",
    "unreliable-network",
    "impatient-node",
    "left-behind",
    "same-id-blank-disk",
    "stale-read",
    "lost-answer",
    "read-before-noop",
    "lease-and-pause",
    "slow-clock",
)
"""From the first thing to see to the last."""
