"""The facts of the answers: what a view tells of nodes, elections, entries and requests, without words."""
