"""Cases that nobody thought of: schedules of faults (search/), frames and scripts (fuzz/)."""

from raftplay.called import make_callable

make_callable(__name__, "raftplay.python.search:explore")
