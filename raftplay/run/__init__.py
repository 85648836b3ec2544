"""Running scripts and lines: parsing them, running them one after another, and their transcripts."""

from raftplay.called import make_callable

make_callable(__name__, "raftplay.python.scripts:run")
