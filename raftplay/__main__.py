"""``python -m raftplay``."""

from raftplay.cli import main

if __name__ == "__main__":
    main()
