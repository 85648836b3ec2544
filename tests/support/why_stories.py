"""Short stories in virtual time at whose end one asks why."""

from collections.abc import Callable
from contextlib import suppress

from raftplay import Harness
from raftplay.cluster.checks import InvariantBroken
from raftplay.cluster.timings import told_elsewhere
from raftplay.commands.setup import Setup
from raftplay.past.history import History
from raftplay.past.view import View
from raftplay.run.script import parse_script
from raftplay.session.session import Session
from raftplay.why import Explanation

Ask = Callable[[View], Explanation]

STILL = "timing election=20s..40s delay=2ms\n"
"""Nobody stands unless told to, and every call takes 2 ms."""

LED = STILL + "timeout 0; wait leader is 0; sleep 5ms\n"
"""Node 0 leads term 1, and everyone has heard of it."""


def view_after(script: str, *, nodes: int = 3, seed: int = 7, history: History | None = None) -> View:
    """What there is to see when the commands of `script` are done, a breach notwithstanding."""
    parsed = parse_script("story", script, Setup(backend="sim", nodes=nodes, seed=seed))
    setup = parsed.setup
    history = History() if history is None else history
    with told_elsewhere():
        h = Harness(
            nodes, backend="sim", seed=seed, config=setup.config(), watch=setup.watched or True, readers=[history]
        )
    with h:
        session = Session(h, history)
        with suppress(InvariantBroken):
            for step in parsed.steps:
                step.bound.run(session)
        return session.view()


def lines_of(answer: Explanation) -> list[str]:
    """The answer's sentences, none of them folded."""
    return [answer.head, *(reason.strip() for reason in answer.reasons)]
