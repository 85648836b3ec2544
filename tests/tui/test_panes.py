"""A pane is declared in its module and in one list; layout, keys, help, titles, clicks and copies follow from that."""

import subprocess
import sys

import pytest
from support.places import ROOT
from support.tui import view_after

from raftplay.tui.model import pane, panes
from raftplay.tui.model.context import Context

ADDED = """
from raftplay.tui.model import pane, panes
from raftplay.tui.model.lines import Piece, Window

class CommitsPane(pane.Pane):
    name, key, help, row = "commits", "b", "show the commits", "commit"

    def window(self, view, context):
        return Window((((Piece("how many are committed", "", ("commit", 7))),),), 0, 1)

    def neighbour(self, view, context, by):
        return pane.Row(("commit", 7 + by))

    def opened(self, view, context):
        return "log 7"

panes.PANES += (CommitsPane,)
panes.NAMES += ("commits",)

from support.tui import view_after
from raftplay.tui.keys import KEY
from raftplay.tui.model.glyphs import UNICODE
from raftplay.tui.model.help import help_lines
from raftplay.tui.model.lines import text_of
from raftplay.tui.state import ScreenState

assert KEY["b"].action == "show('commits')"
assert any("show the commits" in text_of(line) for line in help_lines(80, UNICODE))
for size in (200, 50), (120, 40), (80, 24), (60, 16):
    deck, view = ScreenState(*size), view_after("wait leader")
    deck.show("commits")
    frame = deck.frame(view)
    assert text_of(frame["commits"][0]) == "how many are committed"
    assert any(" commits " in text_of(line) for name, lines in frame.items() if "title" in name for line in lines)
    assert deck.copied_text(view) == "how many are committed"
    assert deck.click(view, ("commit", 7)) is None
    deck.move(view, 1)
    assert (deck.rows["commits"], deck.open(view)) == (("commit", 8), "log 7")
"""


def test_a_pane_that_is_added_to_the_list_is_on_the_screen_with_its_key_its_help_and_its_rows():
    done = subprocess.run(
        [sys.executable, "-c", ADDED],
        cwd=ROOT / "tests",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("made", panes.PANES, ids=panes.NAMES)
def test_what_is_copied_from_a_pane_without_a_selected_row_is_what_it_says(made: type[pane.Pane]):
    view, context = view_after("wait leader; submit 1; wait committed 1 on 5"), Context(100, 20)
    assert made().copied(view, context).strip()
    assert made().neighbour(view, context, 0) is None or made.row


def test_panes_have_names_keys_and_kinds_of_rows_of_their_own():
    for values in (panes.NAMES, [p.key for p in panes.PANES], [p.row for p in panes.PANES if p.row]):
        assert len(set(values)) == len(values)
