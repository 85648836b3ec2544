"""`raftplay serve`: a cluster of their own, in the browser, for each who comes (textual-serve, an extra)."""
