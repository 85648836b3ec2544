"""Locates the files that raftplay keeps for a user: history, progress, the theme of the screen."""

import os
from collections.abc import Mapping
from pathlib import Path


def state_file(name: str, environ: Mapping[str, str] = os.environ) -> Path | None:
    """Return the path of the file `name` in the user's state folder; None if the user has no home folder.

    The state folder is $XDG_STATE_HOME, or ~/.local/state; the caller creates it before writing.
    """
    state = environ.get("XDG_STATE_HOME", "")
    if not os.path.isabs(state):
        home = os.path.expanduser("~")
        if not os.path.isabs(home):
            return None
        state = os.path.join(home, ".local", "state")
    return Path(state) / "raftplay" / name
