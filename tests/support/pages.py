"""The generated parts of the README and of the reference pages.

    python tests/support/pages.py

writes all of them again. A part stands between `<!-- NAME -->` and `<!-- /NAME -->`, as code or as a table.
"""

import inspect
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import raftplay.run.script  # noqa: F401 - it fills the table of commands
from raftplay.cluster.own_methods import methods_of
from raftplay.commands import looking
from raftplay.export import FORMATS
from raftplay.raft.consensus import ConsensusModule
from raftplay.raft.rules import Rules
from raftplay.run import answers
from raftplay.tui import keys

ROOT = Path(__file__).parent.parent.parent
README = ROOT / "README.md"
DOCS = ROOT / "raftplay" / "docs"

TEXTS = [README, *sorted(DOCS.glob("*.md"))]
"""Every file in Markdown."""


def part(path: Path, name: str) -> str:
    """Return the part `name` of a page, without the fence around code."""
    text = path.read_text("utf-8").split(f"<!-- {name} -->\n")[1].split(f"<!-- /{name} -->")[0]
    return text.removeprefix("```\n").removesuffix("```\n") if text.startswith("```") else text


def printed(*args: str, script: str = "", name: str = "", reader: str = "") -> str:
    """Return what `raftplay` prints, in a new folder that holds `script` as the file `name`."""
    with tempfile.TemporaryDirectory() as folder:
        if name:
            Path(folder, name).write_text(script, "utf-8")
        environ = os.environ | {"PYTHONPATH": str(ROOT), "XDG_STATE_HOME": folder, "COLUMNS": "80"}
        command = [sys.executable, "-m", "raftplay", *args]
        done = subprocess.run(
            command, cwd=folder, env=environ, input=reader.encode(), capture_output=True, check=False, timeout=60
        )
    return done.stdout.decode("utf-8")


def run_of(name: str, *args: str, reader: str = "", **files: str) -> str:
    """Return what `raftplay` prints in a folder that holds parts of the page node as files, by stem."""
    with tempfile.TemporaryDirectory() as folder:
        for file, text in files.items():
            Path(folder, f"{file}.py").write_text(part(DOCS / "node.md", text), "utf-8")
        command = [sys.executable, "-m", "raftplay", "run", name, *args]
        environ = os.environ | {"PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            command, cwd=folder, env=environ, input=reader.encode(), capture_output=True, check=False
        )
    return done.stdout.decode("utf-8").replace(os.path.realpath(folder), "/home/you")


def _methods(base: type[ConsensusModule] | type[Rules], first: str, second: str) -> str:
    """Return a table of the methods that one's own class may override, from their docstrings."""
    rows = [f"| {first} | {second} |", "|---|---|"]
    for name, method in methods_of(base).items():
        names = ", ".join(list(inspect.signature(method).parameters)[1:])
        about = (inspect.getdoc(method) or "").split("\n\n")[0].replace("\n", " ").replace("|", "\\|")
        rows.append(f"| `{name}({names})` | {about} |")
    return "\n".join(rows) + "\n"


def _formats() -> str:
    """Return a table of the formats of exports."""
    rows = ["| ending | `--format` | what it is |", "|---|---|---|"]
    for row in FORMATS:
        panes = f"; `--only` {', '.join(row.panes)}" if row.panes else ""
        rows.append(f"| `{row.suffix}` | {row.name} | {row.words}{panes} |")
    return "\n".join(rows) + "\n"


def _transcript(path: Path, script: str, name: str, *options: str) -> str:
    return printed("run", name, *options, script=part(path, script), name=name)


def _first_step() -> str:
    """Return the first step of lesson 2, whose reader says 1."""
    shown = printed("lesson", "2", "--seed", "7", reader="1\nquit\n")
    begin = shown.index("── Step 1 of 4")
    return shown[begin : shown.index("\n\n", shown.index("✗"))] + "\n"


def _two_leaders() -> str:
    """Return what scenario split-brain prints while there are two leaders."""
    shown = printed("run", "split-brain", "--backend", "sim", "--seed", "7").split("\n")
    last = next(at for at, line in enumerate(shown) if "1:lost " in line)
    return "\n".join(shown[last - 3 : last + 1]) + "\n"


def _own_node() -> str:
    """Return what the README's node with a mistake prints."""
    block = README.read_text("utf-8").split("```python\n")[1].split("```")[0]
    environ = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", block], env=environ, capture_output=True, check=False, timeout=60)
    return done.stdout.decode("utf-8")


GENERATED: dict[tuple[Path, str], Callable[[], str]] = {
    (README, "transcript"): lambda: _transcript(README, "script", "story.txt", "--backend", "sim", "--seed", "7"),
    (README, "learn"): lambda: _first_step()[_first_step().index("? Each") :],
    (README, "teach"): _two_leaders,
    (README, "debug"): _own_node,
    (DOCS / "language.md", "commands"): lambda: looking.markdown_table().rstrip() + "\n",
    (DOCS / "language.md", "rewind"): lambda: _transcript(DOCS / "language.md", "rewind script", "rewind.txt"),
    (DOCS / "screen.md", "keys"): keys.markdown_table,
    (DOCS / "lessons.md", "lesson"): _first_step,
    (DOCS / "clients.md", "verdict"): lambda: printed(
        "check", "history.edn", script=part(DOCS / "clients.md", "history"), name="history.edn"
    ),
    (DOCS / "export.md", "formats"): _formats,
    (DOCS / "node.md", "rule run"): lambda: run_of(
        "bugs/no-log-check", "--without-bugs", "--node=my.py:AnyLog", "-q", "--backend=sim", "--seed=7", my="rule"
    ),
    (DOCS / "node.md", "node run"): lambda: run_of(
        "-", "-q", reader=part(DOCS / "node.md", "node script"), generous="node"
    ),
    (DOCS / "node.md", "failure run"): lambda: run_of(
        "leader-failover", "--node=careless.py", "-q", "--backend=sim", "--seed=7", careless="failure"
    ),
    (DOCS / "node.md", "rules"): lambda: _methods(Rules, "rule", "what it decides"),
    (DOCS / "node.md", "inputs"): lambda: _methods(ConsensusModule, "method", "what it does"),
    (DOCS / "transcripts.md", "blocks"): lambda: answers.HELP + "\n",
}
"""Every generated part, by page and name, and what gives it."""


def write_all() -> None:
    """Write every generated part again."""
    for (path, name), text_of in GENERATED.items():
        old, new = part(path, name), text_of()
        if old != new:
            begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
            before, rest = path.read_text("utf-8").split(begin)
            _, after = rest.split(end)
            fence = "```\n" if rest.startswith("```") else ""
            path.write_text(f"{before}{begin}{fence}{new}{fence}{end}{after}", "utf-8")
            print(f"{path.relative_to(ROOT)}: {name}")


if __name__ == "__main__":
    write_all()
