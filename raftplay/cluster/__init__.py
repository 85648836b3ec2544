"""The servers, the network between them, and the Harness that a person or a test uses."""
