"""NOW, WHY and NEXT: what just happened, the rule behind it, and what is expected, in one line each.

The rule of this module: all three are there at every moment, and only the last events are looked at.
"""

from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from raftplay.past.links import Reachability
from raftplay.past.view import View
from raftplay.raft.bugs import BUGS
from raftplay.tui.model.glyphs import UNICODE, Glyphs, plain
from raftplay.tui.model.lines import Piece, Pieces, cut, fit, wrapped
from raftplay.tui.stage.expecting import expected
from raftplay.tui.stage.moment import Moment, name, names
from raftplay.tui.stage.scene import Scene
from raftplay.tui.stage.telling.text import Told
from raftplay.tui.stage.telling.told import ROUTINE, is_accepted, told
from raftplay.watch.facts import Record
from raftplay.watch.invariants import INVARIANTS, Breach
from raftplay.watch.invariants.names import SECTIONS
from raftplay.watch.text import count

LOOK_BACK = 1000
"""The events per node among which the last important one is searched; a cluster with older ones is idle."""

MOST = 5000
"""The most events that are searched."""

RECENT = 3.0
"""The seconds of cluster time for which the last event is told while only heartbeats pass."""

LABEL = 6
"""The columns of a label."""


class Sentence(NamedTuple):
    """The three lines: the last event, the reason for it, and the next one to expect."""

    now: str
    why: str
    next: str


def sentence(scene: Scene) -> Sentence:
    """Return the sentences of a moment."""
    view = scene.view
    moment = Moment(view.snapshot, view.records, scene.moving, Reachability(view.snapshot))
    seq, found = _last_told(moment)
    last = found or _state(moment)
    if found is not None and _is_past(seq, moment):
        last = _state(moment)
    if view.breach is not None and view.breach.seq >= seq:
        return _broken(view.breach, view)
    return Sentence(last.now, last.why, expected(moment))


def lines(text: Sentence, width: int, height: int, glyphs: Glyphs = UNICODE) -> tuple[Pieces, ...]:
    """Return `height` lines of `width` columns: NOW first, then NEXT, then WHY; more lines hold longer texts.

    WHY stands between the two where there is room for all three.
    """
    rows = [("NOW", text.now, "text bold"), ("WHY", text.why, "text"), ("NEXT", text.next, "dim")]
    if height < 3:
        del rows[1]
    room = max(0, width - LABEL - 1)
    spare, found = max(0, height - len(rows)), []
    for label, words, style in rows[:height]:
        folded = wrapped(plain(words) if glyphs.ascii else words, room)
        shown = folded[: 1 + spare] if room else [""]
        if len(folded) > len(shown):
            shown[-1] = cut(" ".join(folded[len(shown) - 1 :]), room, glyphs.more)
        spare -= len(shown) - 1
        for at, part in enumerate(shown):
            head = Piece(f" {label if not at else '':<{LABEL - 1}}"[:width], "title bold", ("sentence", 0))
            found.append(fit((head, Piece(part, style, ("sentence", 0))), width))
    found += [fit((), width)] * (height - len(found))
    return tuple(found)


def _is_past(seq: int, moment: Moment) -> bool:
    """Return whether the event `seq` was so long ago that the state it led to is told instead."""
    if not any(moment.reached(leader.id) >= moment.majority for leader in moment.leaders):
        return False
    return moment.snapshot.time - moment.records[seq - moment.records[0].seq].time > RECENT


class _SentenceSearch:
    """Finds the last event that has words, and looks at each event once as long as the same stream goes on."""

    def __init__(self) -> None:
        self._newest: Record | None = None
        self._found: Record | None = None

    def __call__(self, moment: Moment) -> tuple[int, Told | None]:
        """Return the number of that event, and its words; None if it is long ago."""
        newest = moment.records[-1] if moment.records else None
        most = min(MOST, LOOK_BACK * moment.size)
        words = None
        for record in islice(reversed(moment.records), most):
            if record is self._newest:
                words = None if self._found is None else told(self._found, moment)
                break
            if type(record.event) not in ROUTINE and not is_accepted(record.event):
                words = told(record, moment)
                if words is not None:
                    self._found = record
                    break
        else:
            self._found = None
        self._newest = newest
        if newest is None or self._found is None or words is None or self._found.seq <= newest.seq - most:
            return 0, None
        return self._found.seq, words


_last_told = _SentenceSearch()


def _state(moment: Moment) -> Told:
    """Tell how things are, where nothing has happened for a while."""
    live, leaders = moment.live, moment.leaders
    if not live:
        return Told("All nodes are down.", "Terms, votes and logs stay on their disks (Figure 2).")
    able = [leader for leader in leaders if moment.reached(leader.id) >= moment.majority]
    if able:
        top = able[0]
        n, term = name(top.id), top.current_term
        also = f"; {names(x.id for x in leaders if x is not top)} cannot commit" if len(leaders) > 1 else ""
        why = "Each heartbeat sets a timer back, so no election starts (§5.2)."
        if moment.size == 1:
            return Told(f"{n} leads term {term}.", "One node is a majority of one (§5.2).")
        return Told(f"{n} leads term {term}{also}. Only heartbeats pass.", why)
    if leaders:
        n, reached = name(leaders[0].id), moment.reached(leaders[0].id)
        why = f"It needs {moment.majority} of {moment.size} nodes, and reaches {reached} (§5.3)."
        return Told(f"{n} leads term {leaders[0].current_term}, but cannot commit.", why)
    up = f"{count(len(live), 'node')} of {moment.size} {'is' if len(live) == 1 else 'are'} up"
    why = f"A leader needs the votes of {moment.majority} of {moment.size} nodes (§5.2)."
    return Told(f"No node leads; {up}.", why)


@lru_cache(maxsize=32)
def _statement(invariant: str) -> str:
    return next((known.statement for known in INVARIANTS if known.name == invariant), "an invariant of Raft")


def _broken(breach: Breach, view: View) -> Sentence:
    """Tell of a violated invariant."""
    one, other = breach.facts
    section = SECTIONS.get(breach.invariant, "")
    bugs = [bug for bug in view.snapshot.bugs if bug in BUGS]
    cause = f" Bug on: {', '.join(bugs)}." if bugs else ""
    return Sentence(
        f"{breach.invariant} is violated: {one}, but {other}.",
        f"It must always hold: {_statement(breach.invariant)} ({section}).{cause}",
        "Nothing after this can be trusted. Go back (←) to see how it came; w asks why.",
    )
