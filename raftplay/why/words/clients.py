"""The words for what became of an operation of a client."""

from raftplay.past.calls import ClientCall
from raftplay.watch.text import command_text, count
from raftplay.watch.words import told_text, verb
from raftplay.why.facts.clients import Asks, CallFacts
from raftplay.why.words.reads import read_lines, waiting_words
from raftplay.why.words.text import at, span

LONGEST = 40

MOST = 4
"""The most nodes that were asked that are told one by one."""


def call_words(facts: CallFacts, fate: tuple[str, list[str]] | None) -> tuple[str, list[str]]:
    """Return the answer in one sentence, and the reasons; `fate` tells what became of its copies in logs."""
    call, head = facts.call, _head(facts)
    lines = [*(read_lines(facts.reads) if facts.reads else _asked_lines(call)), *_done_lines(facts)]
    lines = [line for line in lines if not head.endswith(line)]  # it is said once
    if fate is not None:
        lines += [fate[0], *fate[1]]
    if call.ending == "unknown":
        lines.append(_meaning(facts))
    if facts.others:
        fit = verb(facts.others, "fits", "fit")
        lines.append(f"{count(facts.others, 'earlier operation')} {fit} the question too; see: history")
    return head, lines


def nothing_words(asks: Asks) -> str:
    """Return the answer where no operation fits."""
    if not asks.kind:
        return f"client {asks.client} has called nothing"
    who = "no client" if asks.client is None else f"client {asks.client}"
    has = "has" if asks.client is None else "has not"
    values = "".join(f" {command_text(value, LONGEST)}" for value in asks.values)
    return f"{who} {has} called {asks.kind} {asks.key}{values}"


def _name(call: ClientCall) -> str:
    return f"{command_text(call.request, LONGEST)} of client {call.client}"


def _head(facts: CallFacts) -> str:
    call = facts.call
    if call.told is not None:
        record, told = call.told
        took = span(record.time - call.began)
        match told.ending:
            case "unknown":
                return f"{_name(call)} is unknown since {at(record.time)}: {told.why}"
            case "refused":
                why = f"{told.why}, and it is in no log" if facts.fate is None else told.why
                return f"{_name(call)} was refused at {at(record.time)}: {why}"
        return f"{_name(call)} was answered at {at(record.time)}, after {took}: {told_text(told)}"
    waits = f"{_name(call)} waits for {span(facts.now - call.began)} so far"
    if call.entries:
        _, asked = call.entries[-1]
        if facts.done:
            return f"{waits}: a store has done it, and its answer is on the way"
        return f"{waits}: it is entry {asked.index} of node {asked.dst}, which node {asked.dst} has not applied"
    if call.opened and call.opened[-1][1].index >= 0:
        _, asked = call.opened[-1]
        return f"{waits}: its session is entry {asked.index} of node {asked.dst}, which is not committed"
    if facts.reads and facts.reads[-1].ended is None:
        return f"{waits}: {waiting_words(facts.reads[-1])}"
    whom = "no node leads" if facts.leader is None else f"it has not found the leader, node {facts.leader}"
    return f"{waits}: {whom}"


def _asked_lines(call: ClientCall) -> list[str]:
    """Return whom the client asked, one after another."""
    asked = [(record.time, event, "a session") for record, event in call.opened]
    asked += [(record.time, event, "it") for record, event in call.asked]
    if not asked:
        return [] if call.told is None or call.ending == "refused" else ["a store was read; it is in no log"]
    asked.sort(key=lambda one: one[0])
    told = []
    for time, event, what in asked[-MOST:]:
        where = f"entry {event.index}" if event.index >= 0 else "refused: not the leader (§5.1)"
        told.append(f"node {event.dst} for {what} at {at(time)} ({where})")
    before = f"{len(asked) - MOST} times before, then " if len(asked) > MOST else ""
    return [f"the client asked {before}{', '.join(told)}"]


def _done_lines(facts: CallFacts) -> list[str]:
    """Return what stores did with each copy of the request."""
    lines = []
    for record, done in facts.done:
        first = f"node {record.node} was the first to apply entry {done.index}, at {at(record.time)}"
        if done.again:
            lines.append(f"{first}: it answered it from memory, as the request was done before (§8)")
        elif done.outcome == "expired":
            lines.append(f"{first}: the session had expired, so it was not done (thesis §6.3)")
        elif done.outcome == "no":
            lines.append(f"{first}: the value was not as it should be, so nothing changed")
        else:
            lines.append(f"{first}: every store that applies this entry does the request")
    return lines


def _meaning(facts: CallFacts) -> str:
    """Return what an unknown outcome has come to mean."""
    if any(done.outcome == "ok" and not done.again for _, done in facts.done):
        return "so it was done, though its client was not told"
    if any(done.outcome in ("no", "expired") for _, done in facts.done):
        return "so it was not done, though its client was not told"
    fates = {entry.fate for entry in facts.fate.entries} if facts.fate is not None else set()
    if fates & {"pending", "on disk only", "committed", "was committed"}:
        return "so it may still be done: an entry that is in a log may be committed later (§5.4.2)"
    return "so it has not been done: no log has it any more"
