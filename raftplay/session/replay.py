"""Play a journal again: repeat its commands on another cluster, each at its moment.

The rule of this module: a command fails or holds as it did in the first run, so nothing is reported twice.
"""

from contextlib import suppress

from raftplay.backends.base import NodeFailed
from raftplay.cluster.checks import InvariantBroken
from raftplay.errors import UsageError
from raftplay.session.branches import Branch, JournalEntry, Mark, split
from raftplay.session.deeds import Acting, steps
from raftplay.session.errors import Failed


def play_again(branch: Branch, cut: Mark, session: Acting) -> None:
    """Repeat in `session`, whose cluster is new, what was done in `branch` up to `cut`."""
    done, cut_short = split(branch.journal, cut)
    for entry in done:
        _advance(session.branch, entry.start)
        _redo(entry, session)
    if cut_short is not None and cut_short.bound is not None and cut_short.bound.name == "step":
        _step_again(cut, session.branch)
    _advance(session.branch, cut)


def _redo(entry: JournalEntry, session: Acting) -> None:
    branch = session.branch
    with suppress(Failed, UsageError, InvariantBroken, NodeFailed):  # as in the first run
        if entry.bound is None:
            branch.harness.settle()
        elif entry.takes_time and not entry.can_be_done_again:
            _advance(branch, entry.end)
        else:
            entry.bound.run(session)
    session.branch.journal.append(entry)


def _step_again(cut: Mark, branch: Branch) -> None:
    """Repeat the steps that lead up to `cut`."""
    start, count = branch.mark(), 0
    while branch.history.last_seq < cut.seq and branch.harness.step() is not None:
        count += 1
    if count:
        branch.journal.append(JournalEntry(steps(count), start, branch.mark()))


def _advance(branch: Branch, mark: Mark) -> None:
    """Pass time until `mark`; if it is that time already, run what is due then."""
    now, harness = branch.mark(), branch.harness
    if not harness.paused and (now.time < mark.time or (now.time == mark.time and now.seq < mark.seq)):
        with suppress(InvariantBroken, NodeFailed):  # as in the first run
            harness.pass_to(mark.time)
