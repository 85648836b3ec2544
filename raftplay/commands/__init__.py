"""The commands: each is a row of the table, which is filled here, in one order whatever is imported first."""

from raftplay.commands import (
    acting,
    clients,
    hardware,
    keeping,
    looking,
    messages,
    repeating,
    rewinding,
    setup,
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
    "repeating",
    "rewinding",
    "setup",
    "timing",
    "why",
]
