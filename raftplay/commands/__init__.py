"""The commands: each is a row of the table, which is filled here, in one order whatever is imported first."""

from raftplay.commands import (
    acting,
    clients,
    hardware,
    keeping,
    looking,
    messages,
    new,
    repeating,
    rewinding,
    setup_lines,
    timing,
    why,
)

__all__ = [
    "acting",
    "clients",
    "hardware",
    "keeping",
    "looking",
    "messages",
    "new",
    "repeating",
    "rewinding",
    "setup_lines",
    "timing",
    "why",
]
