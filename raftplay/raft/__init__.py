"""The algorithm of the Raft paper, without I/O; it is independent of the rest of raftplay."""
