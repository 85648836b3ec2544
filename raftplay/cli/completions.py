"""Completions for Tab in a system shell: names of scenarios, bugs, lessons and topics, and files.

``raftplay --install-completion`` installs them. Each function returns the candidates for an incomplete word.

The rule of this module: what a function offers is imported when Tab is pressed.
"""

import glob
import os
from collections.abc import Iterable

MOST = 500
"""The highest number of files offered."""


def files(incomplete: str) -> list[str]:
    """Offer files and directories."""
    found = sorted(glob.glob(f"{glob.escape(os.path.expanduser(incomplete))}*"))[:MOST]
    return [f"{path}{os.sep}" if os.path.isdir(path) else path for path in found]


def scripts(incomplete: str) -> list[str]:
    """Offer scenarios and files; after ``b``, also those of bugs, after ``i``, incidents."""
    from raftplay import scenarios as shipped  # noqa: PLC0415

    group = {"b": shipped.bug_names, "i": shipped.incident_names}.get(incomplete[:1], list)
    return [*_that_begin([*shipped.names(), *group()], incomplete), *files(incomplete)]


def lessons(incomplete: str) -> list[str]:
    """Offer lessons by name and by number, and files."""
    from raftplay.lessons import catalogue  # noqa: PLC0415

    names = catalogue.names()
    numbers = map(str, range(1, len(names) + 1))
    return [*_that_begin([*names, *numbers], incomplete), *files(incomplete)]


def bugs(incomplete: str) -> list[str]:
    """Offer bug switches."""
    from raftplay.raft.bugs import BUGS  # noqa: PLC0415

    return _that_begin(BUGS, incomplete)


def formats(incomplete: str) -> list[str]:
    """Offer the formats of exports."""
    from raftplay.export import FORMATS  # noqa: PLC0415

    return _that_begin([row.name for row in FORMATS], incomplete)


def mixes(incomplete: str) -> list[str]:
    """Offer fault mixes."""
    from raftplay.explore.search.mixes import MIXES  # noqa: PLC0415

    return _that_begin(MIXES, incomplete)


def engines(incomplete: str) -> list[str]:
    """Offer the engines of the search."""
    from raftplay.explore.search.walked import ENGINES  # noqa: PLC0415

    return _that_begin(ENGINES, incomplete)


def dask_addresses(incomplete: str) -> list[str]:
    """Offer how an address of a Dask cluster begins."""
    return _that_begin(["local:2", "local:4", "tcp://", "tls://"], incomplete)


def help_names(incomplete: str) -> list[str]:
    """Offer the names that ``raftplay help`` explains."""
    import raftplay.run.script  # noqa: F401, PLC0415 - it imports the modules that fill the table
    from raftplay.language.table import TABLE, TOPICS  # noqa: PLC0415

    return _that_begin((*TABLE, *TOPICS), incomplete)


def backends(incomplete: str) -> list[str]:
    """Offer the backends."""
    return _that_begin(("sim", "tcp"), incomplete)


def _that_begin(names: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
