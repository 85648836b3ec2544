"""Pictures for notebooks: the stage as it is on the screen, and a replay to step in.

The rule of this module: a picture is a file inside the page, so nothing in it meets what else is there.
"""

from base64 import b64encode
from collections.abc import Sequence
from html import escape

from rich.segment import Segment

from raftplay.cluster.snapshot import Snapshot
from raftplay.commands.looking import LOG_ROWS, log_cell
from raftplay.export.html import page
from raftplay.export.recording import recording_of
from raftplay.export.replay import replay_data
from raftplay.html import page_part, preformatted, table, text
from raftplay.kv.clients import OperationCall, operation_of, outcome_text
from raftplay.linearizability.timeline import call_text
from raftplay.past.view import View
from raftplay.session.session import Session
from raftplay.tui import svg
from raftplay.tui.stage.scene import scene_of
from raftplay.tui.stage.stage import paint
from raftplay.tui.theme import DARK, LIGHT, Palette, style_of

STAGE = (80, 24)
"""The columns and rows of a picture of the stage; more than 7 nodes get `WIDE`."""

WIDE = (120, 40)


def stage(view: View) -> str:
    """Return the stage as a picture, light or dark as the reader's browser asks; its text is the cluster."""
    dark, light = (_address(stage_svg(view, palette)) for palette in (DARK, LIGHT))
    words = escape(str(view.snapshot), quote=True).replace("\n", "&#10;")
    return (
        f'<picture><source media="(prefers-color-scheme: dark)" srcset="{dark}">'
        f'<img src="{light}" alt="{words}" style="max-width:100%"></picture>'
    )


def stage_svg(view: View, palette: Palette) -> str:
    """Return the stage as SVG, in the colours of a palette."""
    width, height = STAGE if len(view.snapshot.nodes) <= 7 else WIDE
    rows = [
        [Segment(piece.text, style_of(piece.style, palette.name, True)) for piece in line]
        for line in paint(scene_of(view, selected=-1), width, height)
    ]
    return svg.still(rows, "raftplay: the cluster", palette.ground)


def _address(picture: str) -> str:
    return f"data:image/svg+xml;base64,{b64encode(picture.encode()).decode()}"


def cluster(view: View, about: str) -> str:
    """Return a cluster as a notebook shows it: what it is, the stage, and a table of its nodes."""
    return page_part(f"<p>{text(about)}</p>{stage(view)}") + nodes(view.snapshot)


def nodes(snapshot: Snapshot) -> str:
    """Return the table of the nodes, and what is wrong with the links."""
    return snapshot._repr_html_()


def logs(snapshot: Snapshot, ids: Sequence[int]) -> str:
    """Return the logs of nodes side by side, the last rows of them; a star marks what is committed."""
    chosen = [snapshot.nodes[id] for id in ids]
    length = max((len(node.log) for node in chosen), default=0)
    rows = [(at, *(log_cell(node, at) for node in chosen)) for at in range(max(0, length - LOG_ROWS), length)]
    return table(("index", *(f"node {id}" for id in ids)), rows, numbers=(0,), caption="term:command, * committed")


def calls(of_clients: Sequence[OperationCall], said: str) -> str:
    """Return what clients called and were told as a table; below it what `said` says of all of it."""
    rows = [
        (
            *(f"{call.began:.3f}", f"{call.ended:.3f}" if call.is_over else "…", call.client),
            *(call_text(operation_of(call)), outcome_text(call)),
        )
        for call in of_clients
    ]
    below = "\n".join(said.split("\n")[len(rows) :])
    heads = ("from (s)", "to (s)", "client", "called", "was told")
    return (table(heads, rows, numbers=(0, 1)) if rows else "") + preformatted(below)


class Replay:
    """A replay in the cell of a notebook: `h.show()`. It stands in a frame of its own, `height` pixels high."""

    def __init__(self, session: Session, height: int) -> None:
        self.page = page(replay_data(recording_of(session)))
        self.height = height

    def __repr__(self) -> str:
        return f"<replay, {len(self.page)} characters of HTML; a notebook shows it, and h.export writes it>"

    def _repr_html_(self) -> str:
        inside = escape(self.page, quote=True)
        return (
            f'<iframe title="raftplay: a replay" sandbox="allow-scripts" srcdoc="{inside}" '
            f'style="width:100%;height:{self.height}px;border:0"></iframe>'
        )
