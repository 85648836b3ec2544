"""The version of raftplay; every module may import it."""

__version__ = "0.1.0"
