"""Tuning: the options of a node's algorithm as its hardware makes them, and their changes while it runs."""

import random
from functools import cached_property, partial

from raftplay.cluster.hardware import Hardware
from raftplay.cluster.node_code import NodeCode
from raftplay.raft.config import RaftConfig
from raftplay.raft.messages import LEADER


class Tuning:
    """The `options` of the cluster, and the hardware of the node of `code`, which turns them into its own."""

    def __init__(self, code: NodeCode, options: RaftConfig, hardware: Hardware, seed: str) -> None:
        self._code = code
        self._options = options
        self._hardware = hardware
        self._seed = seed

    @cached_property
    def dice(self) -> random.Random:
        """Return the source of what the hardware draws at random."""
        return random.Random(self._seed)

    def equip(self, hardware: Hardware, now: float) -> None:
        """Give the node another disk, clock or timing: what is left of its timer is left by the new clock."""
        cm = self._code.cm
        old, self._hardware = self._hardware, hardware
        config = hardware.timings(self._options)
        if config != cm.config:
            self._code.input("retime", partial(cm.retime, config, old.rate / hardware.rate), now)
        if hardware.election != old.election and cm.state is not LEADER:
            deadline = now + config.election_timeout(self.dice)
            self._code.input("set_timer", partial(cm.set_timer, deadline), now)

    def configure(self, options: RaftConfig, now: float) -> None:
        """Give the node other options."""
        cm, self._options = self._code.cm, options
        config = self._hardware.timings(options)
        if config != cm.config:
            self._code.input("configure", partial(cm.configure, config), now)
