"""The help over the stage: every key by its purpose, and the signs of the stage as they are painted now."""

from raftplay.tui.model.glyphs import Glyphs
from raftplay.tui.model.help import help_lines
from raftplay.tui.sheet import HoldsTime, Sheet


class HelpSheet(Sheet, HoldsTime):
    """The help; time stands still while it is read."""

    widest = 140

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__(lambda width: help_lines(width, glyphs))
