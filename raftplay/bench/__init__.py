"""The cost of raftplay on this machine: every figure next to a lower bound for the same work."""
