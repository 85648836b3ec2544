"""Input that nobody would write: mutated frames for a live cluster, generated scripts for the language."""
