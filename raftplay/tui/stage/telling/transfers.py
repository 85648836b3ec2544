"""Transfers of leadership for newcomers: who hands over to whom, who takes over, and what comes between."""

from typing import assert_never

from raftplay.raft import decisions
from raftplay.raft.rule_names import Rule
from raftplay.tui.stage.moment import name
from raftplay.tui.stage.telling.text import Told, rule_text
from raftplay.watch.facts import Record


def transfer(event: decisions.TransferDecision, record: Record) -> Told:
    """Tell of a step of a transfer."""
    n = name(record.node)
    match event:
        case decisions.TransferStarted(target=target, last_index=last, match_index=match):
            if match == last:
                why = f"{name(target)} has its whole log: TimeoutNow asks it to start an election (thesis §3.10)."
            else:
                why = f"First {name(target)} must have its whole log, up to index {last} (thesis §3.10)."
            return Told(f"{n} hands over to {name(target)}: it takes no commands now.", why)
        case decisions.TransferAborted(target=target, rule=Rule.TOO_LATE):
            why = f"{name(target)} did not take over within an election timeout (thesis §3.10)."
            return Told(f"{n} stays leader: it takes commands again.", why)
        case decisions.TransferAborted(target=target, rule=rule):
            return Told(f"{n} no longer hands over to {name(target)}.", rule_text(rule))
        case decisions.TimeoutNowDecided(args=args, obeyed=True):
            why = "It needs no timeout and no pre-votes: the leader itself asked for it (thesis §3.10)."
            return Told(f"{n} is told by {name(args.leader_id)} to start an election.", why)
        case decisions.TimeoutNowDecided(args=args, rule=rule):
            return Told(f"{n} refuses {name(args.leader_id)}'s TimeoutNow.", rule_text(rule))
        case _:
            assert_never(event)
