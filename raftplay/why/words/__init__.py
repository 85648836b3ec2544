"""The words of the answers, by module of `raftplay.why.facts`."""
