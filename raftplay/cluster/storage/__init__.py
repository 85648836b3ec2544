"""Storage of nodes: a file of SQLite per node, the directory that holds the files, and faults of disks."""
