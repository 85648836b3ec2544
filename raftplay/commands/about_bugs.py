"""The bug switches in words."""

import textwrap

from raftplay.raft.bugs import BUGS

WIDTH = 100


def bug_list() -> str:
    """Return one line for each bug switch."""
    width = max(map(len, BUGS))
    return "\n".join(f"{bug.name:<{width}}  {bug.mechanism}" for bug in BUGS.values())


def bug_text(name: str) -> str:
    """Return a bug's mechanism, its explanation, section, violated invariants, and who had it."""
    bug = BUGS[name]
    return "\n".join(
        (
            f"{bug.name}: {bug.mechanism}",
            "",
            *textwrap.wrap(bug.explanation, WIDTH),
            "",
            f"section  {bug.section}",
            f"violates {', '.join(bug.falls)}",
            f"seen in  {', '.join(bug.seen_in)}",
            f"see it   raftplay run bugs/{bug.name}     and without: raftplay run bugs/{bug.name} --without-bugs",
        )
    )
