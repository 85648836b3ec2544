"""A session on a cluster: its branches, its journal, and the moment that is looked at. It parses nothing."""
