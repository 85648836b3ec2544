"""The command language: one table of commands for scripts, the shell and the TUI."""
