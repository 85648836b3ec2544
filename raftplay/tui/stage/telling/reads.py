"""Reads without the log for newcomers: who vouches for a read, and who answers it (thesis §6.4)."""

from typing import assert_never

from raftplay.raft import decisions
from raftplay.raft.rule_names import Rule
from raftplay.tui.stage.moment import name
from raftplay.tui.stage.telling.text import Told, rule_text
from raftplay.watch.facts import Record


def read(event: decisions.ReadDecision, record: Record) -> Told | None:
    """Tell of a step of a read; None for the rounds, whose messages are seen."""
    n = name(record.node)
    match event:
        case decisions.ReadStarted(leader=leader) if leader == record.node:
            why = "It must be sure that nobody has replaced it: a majority, or a lease, tells it (thesis §6.4)."
            return Told(f"A client wants to read at {n}, which believes that it leads.", why)
        case decisions.ReadStarted(leader=leader):
            why = "The leader knows what is committed, and makes sure that it still leads (thesis §6.4)."
            return Told(f"A client wants to read at {n}: it asks {name(leader)} up to where it must apply.", why)
        case decisions.ReadIndexDecided(args=args, success=True, index=index, round=round):
            why = f"{name(args.node_id)} may answer once round {round} is confirmed (thesis §6.4)."
            why = why if round else "Its lease holds, so it leads for certain (thesis §6.4.1)."
            return Told(f"{n} lets {name(args.node_id)} read at index {index}.", why)
        case decisions.ReadIndexDecided(args=args, rule=rule):
            return Told(f"{n} gives {name(args.node_id)} no index to read at.", rule_text(rule))
        case decisions.ReadAnswered(index=index, rule=rule):
            words = f"{n} answers the read from its own state, after index {index}."
            return Told(words, rule_text(rule))
        case decisions.ReadRefused(rule=rule):
            return Told(f"{n} cannot answer the read.", rule_text(rule))
        case decisions.ConfirmDecided(args=args, success=False):
            return Told(f"{n} tells {name(args.leader_id)} that it no longer leads.", rule_text(Rule.STALE_TERM))
        case decisions.RoundStarted() | decisions.RoundConfirmed() | decisions.ConfirmDecided():
            return None
        case _:
            assert_never(event)
