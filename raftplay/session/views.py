"""Views of a branch: its present, or a moment of its past."""

from dataclasses import replace

from raftplay.cluster.snapshot import Snapshot
from raftplay.past.view import InFlight, View
from raftplay.session.branches import Branch, Mark


def present(branch: Branch, name: str, *, hides_bugs: bool) -> View:
    """Return the present of a branch, called `name`, with its events and the messages in flight."""
    harness, history = branch.harness, branch.history
    with harness.lock:
        return View(
            _snapshot(branch, hides_bugs=hides_bugs),
            history.records(),
            history.forgotten,
            tuple(
                InFlight(f.id, f.call_id, f.src, f.dst, f.message, f.due, f.on_link)
                for f in harness.flights.everything()
            ),
            branch=name,
            breach=harness.breach,
        )


def past(branch: Branch, moment: Mark, *, hides_bugs: bool) -> View:
    """Return a branch at a moment of its past."""
    harness = branch.harness
    with harness.lock:
        now = _snapshot(branch, hides_bugs=hides_bugs)
        view = branch.history.view(moment.seq, now, moment.time, breach=harness.breach)
    return replace(view, branch=branch.name)


def _snapshot(branch: Branch, *, hides_bugs: bool) -> Snapshot:
    """Return the present state of a branch, without the names of bugs that the user is to find."""
    now = branch.harness.snapshot()
    return replace(now, bugs=("unnamed",)) if hides_bugs and now.bugs else now
