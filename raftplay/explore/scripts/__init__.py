"""Scripts of one's own: run with many seeds (seeds.py), and minimized if they fail (shrink.py)."""
