"""The version of raftplay, and of what it runs on; every module may import it."""

import sys

__version__ = "0.1.0"


def made_by() -> str:
    """Return the versions that a run depends on: "raftplay 0.1.0, Python 3.12.1"."""
    return f"raftplay {__version__}, Python {'.'.join(map(str, sys.version_info[:3]))}"
