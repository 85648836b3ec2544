"""Servers, the network between them, and the Harness that a person or a test holds."""
