"""What a node's own code raised, in words that its author can act on: a sentence, and the author's lines alone."""

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
"""What a node's code may end in besides its result."""

LONGEST_TEXT = 500
"""Characters of an exception's text that are shown."""

MOST_FRAMES = 4
"""How many calls of a user's own are shown from the first on, and how many up to the last."""

_OURS = f"{Path(__file__).resolve().parent.parent}{os.path.sep}"
_LIBRARY = f"{sysconfig.get_path('stdlib')}{os.path.sep}"
_INSTALLED = f"{sysconfig.get_path('purelib')}{os.path.sep}"


class NodeRaised(NodeFailed):
    """The code of node `node` raised in `method`, a method of its ConsensusModule, or did not return from it.

    `raised` is the name of the exception's class ("" where it did not return), `time` the cluster time in seconds,
    `message` says what the node handled, such as "message 12" ("" for nothing), `lines` are the lines of the
    traceback that are neither raftplay's nor Python's. The node is down, as after a crash; nothing of what the
    method was doing has left it. The exception itself is the `__cause__` of this one, except in another process.
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
        """Name this kind of failure: "TypeError in request_vote"."""
        return f"{self.raised} in {self.method}" if self.raised else f"no return from {self.method}"

    @property
    def cause(self) -> str:
        """Say what happened without the node and the time: "its code raised TypeError in request_vote"."""
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
    """Return what to raise for `error`, which the code of `node` raised in `method`; it is its cause."""
    raised = "" if isinstance(error, DidNotReturn) else type(error).__name__
    failure = NodeRaised(node, raised, method, time, message, _own_lines(error))
    failure.__cause__ = error
    return failure


def _own_lines(error: BaseException) -> tuple[str, ...]:
    """Return the lines of the traceback that are a user's own (all, if none is), and what was raised."""
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
