"""Commands for messages in flight, one by one."""

from collections import Counter
from collections.abc import Callable
from typing import Annotated

from raftplay.cluster.flight import NotInFlight
from raftplay.cluster.holding import fits
from raftplay.commands.acting import GROUP, links_text, released_text
from raftplay.language import link_kinds
from raftplay.language.table import command
from raftplay.past.flying import FlightKey, key_of
from raftplay.past.links import Reachability
from raftplay.session.session import Session
from raftplay.session.units import duration_text
from raftplay.watch.narrator import message_text
from raftplay.watch.text import count
from raftplay.why.words.network import obstacle_text

MOST_LISTED, MOST_LINKS = 100, 10
"""The maximum number of messages in one answer; and of links that it names for those left out."""


@command("Looking", "messages")
def messages(session: Session) -> str:
    """List the first 100 RPC requests and responses in flight, each with its ID and when it arrives."""
    view = session.view()
    now = view.snapshot.time
    lines = []
    known: dict[FlightKey, list[int]] = {}  # what was in flight then and still is
    if view.rewound:
        for flight in session.harness.messages():
            known.setdefault(key_of(flight.call_id, flight.message), []).append(flight.id)
    waits = "still under way in the present" if view.rewound else "held"
    for seen in view.messages[:MOST_LISTED]:
        when = waits if seen.due is None else _when(seen.due - now, seen.on_link)
        ids = known.get(key_of(seen.call_id, seen.message)) if seen.due is None else None
        name = str(seen.id) if seen.id >= 0 else str(ids.pop(0)) if ids else "-"
        lines.append(f"{name:>5}  {message_text(seen.src, seen.dst, seen.message)} ({when})")
    if more := Counter((flight.src, flight.dst) for flight in view.messages[MOST_LISTED:]):
        where = ", ".join(f"{number} on {src}->{dst}" for (src, dst), number in more.most_common(MOST_LINKS))
        lines.append(f"{count(more.total(), 'message')} left out: {where}{' …' if len(more) > MOST_LINKS else ''}")
    return "\n".join(lines) or "nothing is in flight"


def _when(seconds: float, on_link: bool) -> str:
    left = duration_text(round(max(0.0, seconds), 4))
    return f"on its link, {left} more" if on_link else f"in {left}"


@command(GROUP, "deliver 17")
def deliver(session: Session, picked: link_kinds.Messages) -> str:
    """Deliver messages in flight now: the one with this ID, or all on a link."""
    arrived, lost = _each(picked, session.harness.deliver)
    if not arrived and not lost:
        return f"no message delivered: {_nothing_there(session, picked)}"
    return "; ".join([f"{_messages(arrived)} delivered", *lost] if arrived else lost)


@command(GROUP, "lose 1->3")
def lose(session: Session, picked: link_kinds.Messages) -> str:
    """Lose messages in flight: the one with this ID, or all on a link."""
    done, _ = _each(picked, session.harness.lose)
    return f"{_messages(done)} lost" if done else f"no message lost: {_nothing_there(session, picked)}"


@command(GROUP, "duplicate 17")
def duplicate(session: Session, picked: link_kinds.Messages) -> str:
    """Deliver copies of messages in flight now; the originals stay in flight."""
    arrived, lost = _each(picked, session.harness.duplicate)
    if not arrived and not lost:
        return f"no copy delivered: {_nothing_there(session, picked)}"
    lost = [f"a copy of {text}" for text in lost]
    return "; ".join([f"a copy of {_messages(arrived)} delivered", *lost] if arrived else lost)


@command(GROUP, "hold 1->3")
def hold(session: Session, what: Annotated[link_kinds.Picked | link_kinds.LinksOfKind, link_kinds.TO_HOLD]) -> str:
    """Hold the message with this ID, or what is sent on a link from now on, all or of one kind, until released."""
    if isinstance(what, link_kinds.Picked):
        for id in what.ids:
            session.harness.hold_message(id)
        return f"{_messages(list(what.ids))} held"
    for src, dst in what.links:
        session.harness.hold(src, dst, what.kind)
    return f"{links_text(what.links)}{f': {what.kind}' if what.kind else ''} held"


@command(GROUP, "release 1->3")
def release(session: Session, what: Annotated[link_kinds.Picked | link_kinds.LinksOfKind, link_kinds.HELD]) -> str:
    """Deliver the held message with this ID; or stop holding a link, or a kind, and deliver what it held."""
    if isinstance(what, link_kinds.Picked):
        arrived, lost = _each(what, session.harness.release_message)
        return "; ".join([f"{_messages(arrived)} released", *lost] if arrived else lost)
    kind = what.kind
    links = [link for link in what.links if _holds(session, link, kind)]
    if not links:
        return f"{links_text(what.links)}: {f'no {kind} are' if kind else 'nothing is'} held"
    return released_text(session, links, lambda: session.harness.release_links(links, kind), kind)


def _holds(session: Session, link: tuple[int, int], kind: str) -> bool:
    """Return whether a link holds messages of a kind, now or when they come."""
    kinds_held = session.harness.flights.holding.kinds_of.get(link, frozenset())
    if kind in kinds_held or (not kind and kinds_held):
        return True
    held = (flight for flight in session.harness.messages() if flight.due is None)
    return any((flight.src, flight.dst) == link and fits(kind, flight.message) for flight in held)


def _nothing_there(session: Session, picked: link_kinds.Picked) -> str:
    """Return the answer for `picked` links without messages, and what keeps messages off them."""
    links = Reachability(session.harness.snapshot())
    gaps = [gap for link in picked.links if (gap := links.obstacle(*link)) is not None and gap.kind != "held"]
    across = [(gap.src, gap.dst) for gap in gaps if gap.kind == "partition"]
    why = list(dict.fromkeys(obstacle_text(gap) for gap in gaps if gap.kind != "partition"))
    if across:
        why.append(f"the partition lies between the ends of {links_text(across)}")
    more = " …" if len(why) > MOST_LINKS else ""
    nothing = "nothing of that kind" if picked.of_kind else "nothing"
    return "; ".join([f"{nothing} is in flight on {links_text(picked.links)}", *why[:MOST_LINKS]]) + more


def _each(picked: link_kinds.Picked, act: Callable[[int], str | None]) -> tuple[list[int], list[str]]:
    """Do `act` to each message; return the numbers of those that arrive, and why the others are lost."""
    arrived, lost = [], []
    for id in picked.ids:
        try:
            reason = act(id)
        except NotInFlight:
            if picked.by_id:
                raise
            continue  # it arrived just now, or an earlier delivery removed it
        if reason is None:
            arrived.append(id)
        else:
            lost.append(f"message {id} is lost ({reason})")
    return arrived, lost


def _messages(ids: list[int]) -> str:
    return (
        ("message " if len(ids) == 1 else "messages ")
        + " ".join(map(str, ids[:8]))
        + (" …" if len(ids) > 8 else "")
    )
