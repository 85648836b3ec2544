"""The two backends of a cluster: real sockets on loopback, and virtual time."""
