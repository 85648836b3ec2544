"""Exhaustive search at a small scope: every reachable state of a few bare consensus modules, breadth first."""
