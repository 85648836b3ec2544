"""The words for events, by kind: `told` in told.py chooses among the other modules."""
