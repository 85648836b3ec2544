"""`raftplay.run`: a whole script from Python, which gives the Harness at its end."""

from pathlib import Path

from raftplay import scenarios
from raftplay.cluster import checks
from raftplay.cluster.arguments import new_seed
from raftplay.commands.setup import Setup
from raftplay.errors import UsageError
from raftplay.linearizability.report import report
from raftplay.past.history import History
from raftplay.python.harness import Harness
from raftplay.run.script import Script, decode, parse_script
from raftplay.session.branches import Blueprint
from raftplay.session.session import Session

__tracebackhide__ = checks.__tracebackhide__


def run(
    text: str | Path, *, nodes: int | None = None, backend: str | None = None, seed: int | None = None
) -> Harness:
    """Run a script of the language on a new cluster; return the `Harness` at its end, which runs on.

    `text` is the script itself, the name of a scenario ("figure-8"), or the `Path` of a file. The arguments
    override its set-up lines, as the options of `raftplay run` do. Raises `CheckFailed` at the first command that
    does not hold, and `UsageError` for a mistake, before anything runs::

        with raftplay.run("nodes 5; backend sim; seed 7; wait leader") as h:
            print(h.status())
    """
    setup = Setup(nodes=nodes, backend=backend, seed=seed)
    script = parse_script(*_source(text), setup)
    harness = begun(script)
    try:
        _play(script, harness)
    except BaseException:
        harness.session.close()
        raise
    return harness


def _source(text: str | Path) -> tuple[str, str]:
    """Return the name and the text of a script. Raises `UsageError` if its file cannot be read."""
    if isinstance(text, Path):
        try:
            return str(text), decode(str(text), text.read_bytes())
        except OSError as error:
            raise UsageError(f"{text}: {error.strerror or error}") from None
    if text in scenarios.all_names():
        return text, scenarios.text_of(text)
    return "run", text


def begun(script: Script) -> Harness:
    """Return a Harness with the cluster that a script sets up, at its start."""
    setup = script.setup
    seed = new_seed() if setup.seed is None else setup.seed
    assert setup.nodes is not None
    assert setup.backend is not None
    config = setup.config().settled()
    watched, given = tuple(setup.watched), tuple(setup.given)
    blueprint = Blueprint(setup.nodes, setup.backend, seed, config, watched, given=given)
    history = History()
    return Harness.of(Session(blueprint.build((history,)), history, blueprint=blueprint))


def _play(script: Script, harness: Harness) -> None:
    """Run all steps. Raises `CheckFailed` if one does not hold, or if what clients saw has no order."""
    for step in script.steps:
        block = script.blocks.get(step.line)
        harness.perform(step.bound, may_fail=block is not None and block.expects_failure)
    clients = harness.clients
    if clients.is_unchecked:
        told, verdict = clients.history(), clients.verdict()
        if verdict.outcome != "linearizable":
            raise checks.fail(harness, "\n".join(report(told, verdict)))
