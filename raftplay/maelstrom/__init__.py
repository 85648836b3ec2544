"""A node of raftplay's key-value store that speaks Maelstrom's protocol on standard input and output."""
