"""The description of a key."""

from collections.abc import Callable
from typing import NamedTuple

from raftplay.past.view import View

WATCH, PAST, NODE, NETWORK, CLIENTS, LEARN, CLOSER, PRESENT, LEAVE = GROUPS = (
    "Watch",
    "Go back in time",
    "Act on a node",
    "Break the network",
    "Be a client",
    "Learn",
    "Look closer",
    "Present",
    "Leave",
)
"""The purposes of keys, in the order in which the help names them."""


class Key(NamedTuple):
    """A key: as textual calls it, as it is shown, what it does in a word and in a sentence.

    `command` is the line that it runs, {node} standing for the selected node, or what makes it of a view and that
    node; `action` is the app's own part otherwise. `rank`: the lower, the sooner it is named at the foot of the
    screen; 9 is never. `group` is its purpose, under which the help names it. `touches` is what its action
    touches besides the cluster, in the words of the table of commands.
    """

    key: str
    shown: str
    word: str
    help: str
    command: Callable[[View, int], str] | str = ""
    action: str = ""
    rank: int = 9
    group: str = CLOSER
    touches: str = ""
