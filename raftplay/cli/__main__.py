"""``python -m raftplay.cli``."""

from raftplay.cli import main

if __name__ == "__main__":
    main()
