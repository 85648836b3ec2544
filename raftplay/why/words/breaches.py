"""The words for a violated invariant, and for the bugs that are on.

The rule of this module: only here does `why` read a bug, and only its texts.
"""

from raftplay.raft.bugs import BUGS
from raftplay.watch.invariants import INVARIANTS, Breach
from raftplay.why.words.text import at


def breach_words(breach: Breach, bugs: tuple[str, ...]) -> tuple[str, list[str]]:
    """Return the answer in one sentence, and the reasons; `bugs` are those that are on."""
    broken = next(known for known in INVARIANTS if known.name == breach.invariant)
    one, other = breach.facts
    lines = [
        f"{breach.invariant}: {broken.statement} ({broken.section})",
        f"it broke with event {breach.seq}: {breach.who}{breach.event}",
    ]
    known = [BUGS[name] for name in bugs if name in BUGS]
    broken_by = [bug.name for bug in known if breach.invariant in bug.violates or breach.invariant in bug.sooner]
    lines += [f"the bug {name}, which is on, is known to break it" for name in broken_by]
    return f"{breach.invariant} broke at {at(breach.time)}: {one}, but {other}", lines


def bug_note(name: str) -> str:
    """Return a note about a bug that is on; one that must not be named has another name."""
    if name not in BUGS:
        return "a bug is on, yet to be found"
    return f"bug on: {name} ({BUGS[name].mechanism}; {BUGS[name].section})"
