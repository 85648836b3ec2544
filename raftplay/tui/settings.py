"""The settings that the screen remembers. Where no file can be kept, none is."""

from pathlib import Path

import msgspec

from raftplay.places import state_file

KEPT = {"light": bool, "stops": bool, "greeted": bool, "demo": bool, "marks": int}
"""The settings in the file, and the types of their values."""


class Settings(msgspec.Struct):
    """The settings; `path` is where they are kept, None for nowhere.

    `stops`: the screen stops by itself at the first candidate, leader and commit. `greeted`: the card of the first
    start was answered. `demo`: the demo begins by itself where nobody touches a key. `marks`: the number of coach
    marks that were done or dismissed.
    """

    light: bool = False
    stops: bool = True
    greeted: bool = False
    demo: bool = True
    marks: int = 0
    path: str | None = None

    def save(self) -> str:
        """Keep them; return why they are not kept, "" if they are. No failure ends the screen."""
        if self.path is None:
            return "there is no home folder"
        try:
            file = Path(self.path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(msgspec.json.encode({name: getattr(self, name) for name in KEPT}))
        except OSError as error:
            return error.strerror or str(error)
        return ""


class Unkept(Settings):
    """The settings of one who keeps no files."""

    def save(self) -> str:
        """Keep nothing, which is no failure."""
        return ""


def load() -> Settings:
    """Return the settings of this user; the usual ones where none can be read."""
    file = state_file("screen.json")
    if file is None:
        return Settings()
    try:
        kept = msgspec.json.decode(file.read_bytes(), type=dict[str, object])
    except (OSError, ValueError, RecursionError):  # msgspec raises subclasses of ValueError
        kept = {}
    settings = Settings(path=str(file))
    for name, kind in KEPT.items():
        if type(kept.get(name)) is kind:
            setattr(settings, name, kept[name])
    return settings
