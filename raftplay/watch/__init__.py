"""The stream of events, and its readers."""
