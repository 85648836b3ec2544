"""``python -m raftplay``."""

from raftplay.cli import main

main()
