"""The two ways to run a cluster: real sockets on loopback, and virtual time."""
