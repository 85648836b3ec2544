"""The transfers of a node's leadership: what it began, sent, gave up and refused (thesis §3.10)."""

from dataclasses import dataclass, replace

from raftplay.raft import decisions
from raftplay.raft.messages import NONE
from raftplay.raft.rule_names import Rule
from raftplay.watch import facts
from raftplay.watch.facts import Record


@dataclass(frozen=True, slots=True)
class PastTransfer:
    """A transfer to `target`; its times are None where they are forgotten, or have not come.

    `until`: when the leader gives up. `sent`: when TimeoutNow left. `ended`: when the leader gave up, by which
    `rule`. `refused`: the last command that it refused because of the transfer, and when. `replaced`: the target
    that it had before, -1 if none.
    """

    target: int
    since: float | None = None
    until: float | None = None
    sent: float | None = None
    ended: float | None = None
    rule: str = ""
    refused: tuple[object, float] | None = None
    replaced: int = NONE


def transfer_after(transfer: PastTransfer | None, record: Record, event: object) -> PastTransfer | None:
    """Return the last transfer of a leadership after an event about it, a TimeoutNow that is sent included."""
    match event:
        case decisions.TransferStarted(target=target, until=until):
            is_replaced = transfer is not None and transfer.rule == Rule.REPLACED
            before = transfer.target if is_replaced and transfer is not None else NONE
            return PastTransfer(target, record.time, until, replaced=before)
        case decisions.TransferAborted(target=target, rule=rule):
            known = transfer if transfer is not None and transfer.target == target else PastTransfer(target)
            return replace(known, ended=record.time, rule=rule)
        case facts.CallSent(dst=target):
            return replace(transfer or PastTransfer(target), sent=record.time)
        case facts.Submitted(command=command, successor=target) if target != NONE:
            return replace(transfer or PastTransfer(target), refused=(command, record.time))
    return transfer
