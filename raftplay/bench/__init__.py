"""What raftplay costs on this machine: every figure next to the least that the same work can cost here."""
