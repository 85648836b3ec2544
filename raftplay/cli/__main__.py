"""``python -m raftplay.cli``."""

from raftplay.cli import main

main()
