"""The algorithm of the Raft paper, without I/O; it imports nothing of the rest of raftplay."""
