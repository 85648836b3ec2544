"""What one may choose about the algorithm; the defaults are the reference's timings."""

from dataclasses import dataclass

from raftplay.raft.messages import UsageError


@dataclass(frozen=True, slots=True)
class RaftConfig:
    """Timings (seconds of cluster time) and options of a node.

    Every wait for a leader is drawn anew from `election_min` … `election_max` (§5.2), or, for one wait in
    three with `force_more_reelection`, is exactly `election_min`. A leader sends heartbeats every `heartbeat`.
    `prevote`: ask before starting a term (thesis §9.6). `noop`: a new leader appends an entry whose command is
    None, so that entries of older terms are committed without waiting for a client (§8).
    """

    election_min: float = 0.150
    election_max: float = 0.300
    heartbeat: float = 0.050
    force_more_reelection: bool = False
    prevote: bool = False
    noop: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.election_min <= self.election_max:
            raise UsageError(
                f"the election timeout must lie in a range above 0, not {self.election_min}..{self.election_max} s"
            )
        if self.heartbeat <= 0:
            raise UsageError(f"the heartbeat interval must be above 0, not {self.heartbeat} s")
