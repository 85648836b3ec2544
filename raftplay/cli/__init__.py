"""The command line: options into calls, failures into exit statuses; nothing is decided here.

Exit statuses: 0 all held, 1 an expectation failed or an invariant broke, 2 the script or an option is wrong,
130 interrupted.
"""

from raftplay.cli.entry import main

__all__ = ["main"]
