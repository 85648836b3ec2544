"""The report of an exception that a node's code raised: one sentence, and only the lines of the code's author."""

import linecache
import os.path
import sysconfig
import traceback
from pathlib import Path

from raftplay.backends.base import NodeFailed
from raftplay.cluster.stuck import DidNotReturn
from raftplay.watch.facts import ITS_CODE
from raftplay.watch.text import error_text, visible

FAILURES = (Exception, DidNotReturn)
"""The exceptions with which a node's code may end."""

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
    `message` says what the node handled, such as "message 12" ("" for nothing), `lines` are the lines of the
    traceback that are neither raftplay's nor Python's. The node has crashed; it has sent nothing of what the
    method was doing. The exception itself is the `__cause__` of this one, except in another process.
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


def node_raised(node: int, error: BaseException, method: str, time: float, message: str = "") -> NodeRaised:
    """Return the exception, caused by `error`, to raise when the code of `node` raised `error` in `method`."""
    raised = "" if isinstance(error, DidNotReturn) else type(error).__name__
    failure = NodeRaised(node, raised, method, time, message, _own_lines(error))
    failure.__cause__ = error
    return failure


def _own_lines(error: BaseException) -> tuple[str, ...]:
    """Return the user's lines of the traceback (without any, the last three frames), and the exception's text."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not _is_foreign(frame.filename)]
    own = own or list(frames[-3:])
    left_out = len(own) - 2 * MOST_FRAMES
    lines = []
    for at, frame in enumerate(own):
        if 0 <= at - MOST_FRAMES < left_out:
            if at == MOST_FRAMES:
                lines.append(f"  … {left_out} more calls …")
            continue
        lines.append(f'  File "{visible(frame.filename)}", line {frame.lineno}, in {frame.name}')
        if frame.lineno is not None and (text := linecache.getline(frame.filename, frame.lineno).strip()):
            lines.append(f"    {visible(text)}")
    text = error_text(error)[:LONGEST_TEXT]
    return (*lines, f"{type(error).__name__}: {text}" if text else type(error).__name__)


def _is_foreign(file: str) -> bool:
    if file.startswith("<frozen "):
        return True
    file = os.path.realpath(file)
    return file.startswith(_OURS) or (file.startswith(_LIBRARY) and not file.startswith(_INSTALLED))
