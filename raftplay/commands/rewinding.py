"""Commands that look at the past, and commands for branches that begin there."""

from itertools import zip_longest
from typing import Annotated

from raftplay.cluster.snapshot import NOT_KEPT, NodeSnapshot, Snapshot
from raftplay.errors import UsageError
from raftplay.language import kinds
from raftplay.language.table import command
from raftplay.session.branches import FIRST, Branch, Mark
from raftplay.session.session import Session
from raftplay.watch.facts import Record
from raftplay.watch.narrator import describe
from raftplay.watch.text import count, or_dash, visible

GROUP = "Looking back"


@command(GROUP, "back 10")
def back(session: Session, count: Annotated[int, kinds.COUNT] = 1) -> str:
    """Look at the cluster as it was N events ago; cluster time pauses meanwhile."""
    seq = _here(session).seq - count
    with session.harness.lock:
        first = session.history.earliest
        at = max(seq, first)
        moment = Mark(at, session.history.time_of(at))
    session.look_at(moment)
    return _edge(session, seq < first) + moment_text(session)


@command(GROUP, "forward 10")
def forward(session: Session, count: Annotated[int, kinds.COUNT] = 1) -> str:
    """Move N events towards the present, while looking at the past."""
    if session.moment is None:
        raise UsageError("this is the present; back goes to the past")
    seq = session.moment.seq + count
    if seq >= session.history.last_seq:
        return live(session)
    session.look_at(Mark(seq, session.history.time_of(seq)))
    return moment_text(session)


@command(GROUP, "goto 1.25s")
def goto(session: Session, time: Annotated[float | Mark, kinds.MOMENT]) -> str:
    """Look at the cluster as it was at TIME, or at a mark; if TIME is in the future, wait until then."""
    if isinstance(time, Mark):
        return _go_to_mark(session, time)
    now = session.harness.now
    if time >= now:
        if session.moment is not None:
            raise UsageError(f"{time:g} s is in the future (it is {now:.3f} s); live brings you to the present")
        session.harness.pass_to(time)
        return ""
    session.settle()
    with session.harness.lock:
        first = session.history.earliest
        begins = session.history.time_of(first)
        at = max(time, begins)
        moment = Mark(first if time < begins else session.history.seq_at(at), at)
    session.look_at(moment)
    return _edge(session, time < begins) + moment_text(session)


def _go_to_mark(session: Session, moment: Mark) -> str:
    session.settle()
    if moment == session.branch.mark():
        return live(session)
    with session.harness.lock:
        if moment.seq < session.history.earliest:
            kept = count(session.history.limit, "event")
            raise UsageError(f"the events until {moment.time:.3f} s are not kept (only the last {kept})")
    session.look_at(moment)
    return moment_text(session)


@command(GROUP, "mark before")
def mark(session: Session, name: Annotated[str, kinds.NEW_MARK] = "") -> str:
    """Name the moment that is looked at, for goto NAME; without NAME list the marks of this branch."""
    marks = session.branch.marks
    if not name:
        by_time = sorted(marks.items(), key=lambda one: one[1].seq)
        return "\n".join(f"{name} is {at.time:.3f} s" for name, at in by_time) or "there are no marks"
    before = marks.get(name)
    moment = session.name_moment(name)
    was = "" if before in (None, moment) else f" (it was {before.time:.3f} s)"
    return f"{name} is {moment.time:.3f} s{was}"


@command(GROUP, "live")
def live(session: Session) -> str:
    """Return to the present; cluster time resumes if it ran before."""
    if session.moment is None:
        return "this is the present"
    session.look_at_the_present()
    return f"the present, {session.harness.now:.3f} s"


@command(GROUP, "branches")
def branches(session: Session) -> str:
    """List the branches of this cluster. In sim, a command given in the past begins a new branch there, after
    all events of that instant.
    """
    lines = []
    for branch in session.branches.values():
        mark = branch.mark()
        origin = f"from {branch.parent} at {branch.since.time:.3f} s" if branch.parent else "from the start"
        if not branch.parent and branch.name != FIRST:
            origin = f"another cluster ({session.about(branch)})"
        here = "*" if branch is session.branch else " "
        commands, events = count(branch.count, "command"), count(mark.seq, "event")
        lines.append(f"{here} {branch.name:<5} {origin}, now {mark.time:.3f} s, {commands}, {events}")
    return "\n".join(lines)


@command(GROUP, "switch main")
def switch(session: Session, name: Annotated[str, kinds.BRANCH]) -> str:
    """Continue in another branch, where it was left."""
    branch = session.switch(name)
    return f"branch {branch.name}, at {branch.harness.now:.3f} s"


@command(GROUP, "diff main b1")
def diff(session: Session, one: Annotated[str, kinds.BRANCH], other: Annotated[str, kinds.BRANCH] = "") -> str:
    """Show the first event at which two branches, or this one and another, differ, and how their ends differ."""
    if not other:
        one, other = session.branch.name, one
    branches = (session.named(one), session.named(other))
    if branches[0] is branches[1]:
        return f"{one} is {other}"
    if branches[0].harness.n != branches[1].harness.n:
        raise UsageError(f"{one} and {other} are clusters of different sizes")
    parting = _parting(session, *branches)
    ends = [branch.harness.snapshot() for branch in branches]
    return "\n".join([parting, *_end_lines(one, other, *ends)])


def moment_text(session: Session) -> str:
    """Return in words the moment in the past that the session looks at."""
    moment = session.moment
    assert moment is not None
    record = session.history.record(moment.seq)
    what = f"event {moment.seq}: {record_text(record)}" if record is not None else "before the first event"
    ago = session.history.last_seq - moment.seq
    return f"the past, {moment.time:.3f} s, {count(ago, 'event')} ago: {what}"


def record_text(record: Record) -> str:
    """Return an event with its node in words: "n2 becomes leader …"."""
    return (f"n{record.node} " if record.node >= 0 else "") + describe(record)


def _here(session: Session) -> Mark:
    return session.branch.mark() if session.moment is None else session.moment


def _edge(session: Session, is_beyond: bool) -> str:
    if not is_beyond:
        return ""
    if session.history.forgotten:
        return f"what was before is not kept (only the last {count(session.history.limit, 'event')})\n"
    return "there is nothing before\n"


def _parting(session: Session, one: Branch, other: Branch) -> str:
    """Return in words the first event at which two branches differ, after a replay of both."""
    runs: list[list[Record]] = []
    for branch in (one, other):
        seen: list[Record] = []
        again = session.played_again(branch, branch.mark(), [seen.append])
        runs.append(list(seen))  # without the events of the shutdown
        again.harness.shutdown()
    for mine, theirs in zip_longest(*runs):
        if mine != theirs:
            when = min(record.time for record in (mine, theirs) if record is not None)
            return f"they part at {when:.3f} s\n" + "\n".join(
                f"  {branch.name}: {_event_text(branch, record)}"
                for branch, record in ((one, mine), (other, theirs))
            )
    return "nothing differs in what happened"


def _event_text(branch: Branch, record: Record | None) -> str:
    """Return an event in words, with the command that caused it if one did."""
    if record is None:
        return "ends there"
    command = next(
        (
            entry.text
            for entry in branch.journal
            if entry.start.seq < record.seq <= entry.end.seq and entry.bound is not None and not entry.takes_time
        ),
        None,
    )
    by = f" (by: {visible(command)})" if command is not None else ""
    return f"event {record.seq} at {record.time:.3f} s, {record_text(record)}{by}"


def _end_lines(one: str, other: str, mine: Snapshot, theirs: Snapshot) -> list[str]:
    head = f"{one} ends at {mine.time:.3f} s, {other} at {theirs.time:.3f} s"
    lines = []
    for a, b in zip(mine.nodes, theirs.nodes, strict=True):
        if (left := _node_text(a)) != (right := _node_text(b)):
            lines.append(f"  n{a.id}: {left}  |  {right}")
        elif a.log != b.log:
            at = next(i for i, pair in enumerate(zip_longest(a.log, b.log)) if pair[0] != pair[1])
            lines.append(f"  n{a.id}: {left}, but the logs differ from index {at} on")
    return [head if lines else f"{head}, with all nodes alike", *lines]


def _node_text(node: NodeSnapshot) -> str:
    kept = f"log of {len(node.log)}"
    if not node.alive:
        return f"down, on disk: term {node.current_term}, {kept}; commit {NOT_KEPT}"
    words = [f"{node.state} of term {node.current_term}", kept, f"commit {or_dash(node.commit_index)}"]
    return ", ".join(words + node.marks)
