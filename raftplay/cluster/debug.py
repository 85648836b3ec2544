"""The debug log of the Go reference: DEBUG_CM, logger `raftplay`, one line ``[id] message`` per decision."""

import logging
import sys

from raftplay.raft.decisions import DecisionBase
from raftplay.watch.facts import Record
from raftplay.watch.narrator import describe
from raftplay.watch.stream import Stream

logger = logging.getLogger("raftplay")


def refresh(stream: Stream) -> None:
    """Log decisions exactly while `raftplay.DEBUG_CM` is set and the logger accepts debug lines."""
    package = sys.modules["raftplay"]  # read each time: users set it there while clusters run
    wanted = package.DEBUG_CM > 0 and logger.isEnabledFor(logging.DEBUG)
    if wanted != stream.reads(log_decision):
        if wanted:
            stream.attach(log_decision)
        else:
            stream.detach(log_decision)


def log_decision(record: Record) -> None:
    """Log a record that is a node's decision."""
    if isinstance(record.event, DecisionBase):
        logger.debug("[%d] %s", record.node, describe(record))
