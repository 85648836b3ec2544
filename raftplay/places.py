"""Where raftplay keeps what it remembers of a user: history, progress, the theme of the screen."""

import os
from collections.abc import Mapping
from pathlib import Path


def state_file(name: str, environ: Mapping[str, str] = os.environ) -> Path | None:
    """The file of that name in the user's folder for what programs remember; None where there is no home.

    The folder is $XDG_STATE_HOME, or ~/.local/state; whoever writes to it makes it.
    """
    state = environ.get("XDG_STATE_HOME", "")
    if not os.path.isabs(state):
        home = os.path.expanduser("~")
        if not os.path.isabs(home):
            return None
        state = os.path.join(home, ".local", "state")
    return Path(state) / "raftplay" / name
