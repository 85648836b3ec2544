"""A replicated key-value store: what Raft is for, seen from its clients (thesis chapter 6)."""
