"""The settings that the screen remembers. Where no file can be kept, none is."""

from pathlib import Path

import msgspec

from raftplay.places import state_file


class Settings(msgspec.Struct):
    """The settings; `path` is where they are kept, None for nowhere.

    `stops`: the screen stops by itself at the first candidate, leader and commit.
    """

    light: bool = False
    stops: bool = True
    path: str | None = None

    def save(self) -> None:
        """Keep them; a home that cannot be written to is no failure."""
        if self.path is None:
            return
        try:
            file = Path(self.path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(msgspec.json.encode({"light": self.light, "stops": self.stops}))
        except OSError:
            pass


def load() -> Settings:
    """The settings of this user; the usual ones where none can be read."""
    file = state_file("screen.json")
    if file is None:
        return Settings()
    try:
        kept = msgspec.json.decode(file.read_bytes(), type=dict[str, bool])
    except (OSError, msgspec.MsgspecError):
        kept = {}
    return Settings(light=kept.get("light", False), stops=kept.get("stops", True), path=str(file))
