"""The scripts that ship with raftplay, by name; each begins with a comment that says in a line what it shows."""

from importlib import resources

from raftplay.commands.cursor import did_you_mean
from raftplay.raft.messages import UsageError

SUFFIX = ".txt"


def names() -> list[str]:
    """The names of all scenarios, in the order in which one should see them."""
    found = [f.name.removesuffix(SUFFIX) for f in resources.files(__name__).iterdir() if f.name.endswith(SUFFIX)]
    return sorted(found, key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name))


def text_of(name: str) -> str:
    """The script of a scenario. Raises `UsageError` when there is none of this name."""
    if name not in names():
        raise UsageError(f"there is no scenario {name!r}{did_you_mean(name, names())}; see: raftplay scenarios")
    return resources.files(__name__).joinpath(name + SUFFIX).read_text("utf-8")


def summary_of(name: str) -> str:
    """The line that says what a scenario shows: its first comment."""
    return text_of(name).split("\n", 1)[0].lstrip("# ").strip()


ORDER = (
    "first-election",
    "leader-failover",
    "split-brain",
    "no-quorum",
    "log-repair",
    "lost-entry",
    "crash-of-all",
    "unreliable-network",
)
"""From the first thing to see to the last."""
