"""The report of an exception that a node's code raised: one sentence, and only the lines of the code's author."""

import inspect
import linecache
import os.path
import sysconfig
import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from raftplay.backends.base import NodeFailed
from raftplay.cluster.stuck import DidNotReturn
from raftplay.raft.consensus import ConsensusModule
from raftplay.raft.messages import NONE
from raftplay.watch.facts import ITS_CODE
from raftplay.watch.text import error_text, visible

FAILURES = (Exception, DidNotReturn)
"""The exceptions with which a node's code may end."""

OWN_FAILURES = (*FAILURES, SystemExit)
"""The exceptions with which one call of a node's code may end: it may try to end the process, too."""

LONGEST_TEXT = 500
"""The number of characters of an exception's text that are shown."""

MOST_FRAMES = 4
"""The number of the user's calls that are shown from the first on, and also up to the last."""

_OURS = f"{Path(__file__).resolve().parent.parent}{os.path.sep}"
_LIBRARY = f"{sysconfig.get_path('stdlib')}{os.path.sep}"
_INSTALLED = f"{sysconfig.get_path('purelib')}{os.path.sep}"


class NodeRaised(NodeFailed):
    """Raised when the code of node `node` raises in `method` of its ConsensusModule, or does not return from it.

    `raised` is the name of the exception's class ("" if it did not return), `time` the cluster time in seconds,
    `message` says what the node handled, such as "RequestVote, message 12 from node 0" ("" for nothing), `lines`
    are the lines of the traceback that are neither raftplay's nor Python's. The node has crashed; it has sent
    nothing of what the method was doing. The exception itself is the `__cause__` of this one, except in another
    process.
    """

    def __init__(
        self, node: int, raised: str, method: str, time: float, message: str, lines: tuple[str, ...]
    ) -> None:
        super().__init__(node, raised, method, time, message, lines)
        self.node = node
        self.raised = raised
        self.method = method
        self.time = time
        self.message = message
        self.lines = lines

    @property
    def kind(self) -> str:
        """Return the kind of failure: "TypeError in request_vote"."""
        return f"{self.raised} in {self.method}" if self.raised else f"no return from {self.method}"

    @property
    def cause(self) -> str:
        """Return what happened, without node and time: "its code raised TypeError in request_vote"."""
        return f"{ITS_CODE}{self._did}{self._handled}"

    @property
    def _did(self) -> str:
        return f"raised {self.raised} in {self.method}" if self.raised else f"did not return from {self.method}"

    @property
    def _handled(self) -> str:
        return f" ({self.message})" if self.message else ""

    def __str__(self) -> str:
        first = f"node {self.node} {self._did} at {self.time:.3f} s{self._handled}"
        return "\n".join((first, *self.lines))


class WrongResult(TypeError):
    """Raised when `method`, a rule of the user's that begins at `place`, returns what is of the wrong kind."""

    def __init__(self, text: str, method: str = "", place: tuple[str, ...] = ()) -> None:
        super().__init__(text)
        self.method = method
        self.place = place


def node_raised(
    node: int, error: BaseException, method: str, time: float, message: str = "", kind: type | None = None
) -> NodeRaised:
    """Return the exception, caused by `error`, to raise when the code of `node` raised `error` in `method`.

    `kind` is the class of the node: its definition is named if no line of the user's raised. Raises `error` itself
    if it is the end of the process that a signal asked for.
    """
    if isinstance(error, SystemExit) and _is_foreign(traceback.extract_tb(error.__traceback__)[-1].filename):
        raise error
    raised = "" if isinstance(error, DidNotReturn) else _name(error)
    place = definition(kind, method)
    if isinstance(error, WrongResult):
        method, place = error.method, error.place
    lines = own_lines(error, place)
    failure = NodeRaised(node, raised, method, time, message, lines)
    failure.__cause__ = error
    return failure


def own_lines(error: BaseException, instead: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return the user's lines of the traceback (without any, `instead`), and the exception's text.

    Without both, the last three frames.
    """
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not _is_foreign(frame.filename)]
    if isinstance(error, SyntaxError):
        text = "".join(traceback.format_exception_only(error)).rstrip()
        return (*_frame_lines(own), *map(visible, text.split("\n")))
    lines = _frame_lines(own) or instead or _frame_lines(frames[-3:])
    text = error_text(error)[:LONGEST_TEXT]
    return (*lines, f"{_name(error)}: {text}" if text else _name(error))


def running_code(error: BaseException) -> str:
    """Return the user's method that Ctrl-C has ended, "in append_entries of node 1 (my.py:6)"; "" if none ran."""
    node, method, place, trace = NONE, "", "", error.__traceback__
    while trace is not None:
        frame, code = trace.tb_frame, trace.tb_frame.f_code
        if not _is_foreign(code.co_filename):
            method, place = method or code.co_name, f"{os.path.basename(code.co_filename)}:{trace.tb_lineno}"
        elif method:
            break  # raftplay's own code, which the method has called
        else:
            caller = frame.f_locals.get("self")
            cm = getattr(caller, "cm", caller)
            node = cm.id if isinstance(cm, ConsensusModule) else node
        trace = trace.tb_next
    return f"in {method} of node {node} ({visible(place)})" if method and node != NONE else ""


def _name(error: BaseException) -> str:
    return TypeError.__name__ if isinstance(error, WrongResult) else type(error).__name__


def _frame_lines(frames: Sequence[traceback.FrameSummary]) -> tuple[str, ...]:
    left_out = len(frames) - 2 * MOST_FRAMES
    lines: list[str] = []
    for at, frame in enumerate(frames):
        if 0 <= at - MOST_FRAMES < left_out:
            if at == MOST_FRAMES:
                lines.append(f"  … {left_out} more calls …")
            continue
        lines += place_lines(frame.filename, frame.lineno or 0, frame.name)
    return tuple(lines)


def place_lines(file: str, line: int, name: str) -> tuple[str, ...]:
    """Return a place in a file as a traceback shows it, with its text if there is any."""
    text = linecache.getline(file, line).strip()
    return (f'  File "{visible(file)}", line {line}, in {name}', *([f"    {visible(text)}"] if text else []))


def definition(kind: type | None, method: str) -> tuple[str, ...]:
    """Return where the user's own `method` of the class `kind` begins, or that class; () if it is raftplay's."""
    for base in kind.__mro__ if kind is not None else ():
        code = getattr(vars(base).get(method), "__code__", None)
        if code is not None and not _is_foreign(code.co_filename):
            return place_lines(code.co_filename, code.co_firstlineno, method)
    for base in kind.__mro__ if kind is not None else ():
        with suppress(OSError, TypeError):
            file = inspect.getsourcefile(base) or ""
            if file and not _is_foreign(file):
                return place_lines(file, inspect.getsourcelines(base)[1], base.__name__)
    return ()


def _is_foreign(file: str) -> bool:
    if file.startswith("<frozen "):
        return True
    file = os.path.realpath(file)
    return file.startswith(_OURS) or (file.startswith(_LIBRARY) and not file.startswith(_INSTALLED))
