"""Lessons: predict what a cluster will do, watch it, and read the explanation."""
