"""The panes beside the stage: each is declared in its module and listed here, and all else follows from that."""

from raftplay.tui.model.clients import ClientsPane
from raftplay.tui.model.diagram import MessagesPane
from raftplay.tui.model.events import EventsPane
from raftplay.tui.model.invariants import InvariantsPane
from raftplay.tui.model.matrix import LogPane
from raftplay.tui.model.network import NetworkPane
from raftplay.tui.model.node import NodePane
from raftplay.tui.model.pane import Pane
from raftplay.tui.model.stores import StoresPane
from raftplay.tui.model.why import WhyPane

PANES: tuple[type[Pane], ...] = (
    LogPane,
    MessagesPane,
    EventsPane,
    NodePane,
    WhyPane,
    InvariantsPane,
    NetworkPane,
    StoresPane,
    ClientsPane,
)
"""All panes, in the order of the keys that show them."""

NAMES = tuple(pane.name for pane in PANES)
