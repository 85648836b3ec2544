"""Lessons: predict what a cluster will do, see it happen, and have it explained."""
