"""The commands: each is a row of the table."""
