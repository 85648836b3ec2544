"""Commands for messages in flight, one by one."""

from typing import TYPE_CHECKING, Annotated

from raftplay.commands import kinds
from raftplay.commands.acting import GROUP, links_text
from raftplay.commands.table import command
from raftplay.commands.values import duration_text
from raftplay.watch.narrator import message_text

if TYPE_CHECKING:
    from raftplay.commands.session import Session


@command("Looking", "messages")
def messages(session: "Session") -> str:
    """List the calls and replies in flight, each with its ID and when it arrives."""
    view = session.view()
    now = view.snapshot.time
    lines = []
    waits = "still under way in the present" if view.rewound else "held"
    for flight in view.messages:
        when = waits if flight.due is None else f"in {duration_text(round(max(0.0, flight.due - now), 4))}"
        name = str(flight.id) if flight.id >= 0 else ""
        lines.append(f"{name:>5}  {message_text(flight.src, flight.dst, flight.message)} ({when})")
    return "\n".join(lines) or "nothing is in flight"


@command(GROUP, "deliver 17")
def deliver(session: "Session", ids: kinds.Messages) -> str:
    """Let messages in flight arrive now: the one with this ID, or all on a link."""
    for id in ids:
        session.harness.deliver(id)
    return f"{_messages(ids)} delivered"


@command(GROUP, "lose 1->3")
def lose(session: "Session", ids: kinds.Messages) -> str:
    """Let messages in flight never arrive: the one with this ID, or all on a link."""
    for id in ids:
        session.harness.lose(id)
    return f"{_messages(ids)} lost"


@command(GROUP, "duplicate 17")
def duplicate(session: "Session", ids: kinds.Messages) -> str:
    """Let copies of messages in flight arrive now; they themselves stay in flight."""
    for id in ids:
        session.harness.duplicate(id)
    return f"a copy of {_messages(ids)} delivered"


@command(GROUP, "hold 1->3")
def hold(session: "Session", links: Annotated[kinds.Links, kinds.LINK]) -> str:
    """Keep what leaves on a link from now on, calls and replies, in flight until it is released."""
    for src, dst in links:
        session.harness.hold(src, dst)
    return f"{links_text(links)} held"


@command(GROUP, "release 1->3")
def release(session: "Session", links: Annotated[kinds.Links, kinds.LINK]) -> str:
    """Hold a link no more, and deliver what was held, in order."""
    count = sum(session.harness.release(src, dst) for src, dst in links)
    return f"{links_text(links)} released: {count} message{'' if count == 1 else 's'} delivered"


def _messages(ids: list[int]) -> str:
    if not ids:
        return "no message"
    return (
        ("message " if len(ids) == 1 else "messages ")
        + " ".join(map(str, ids[:8]))
        + (" …" if len(ids) > 8 else "")
    )
