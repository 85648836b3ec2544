"""The effort of a function, counted in steps of the interpreter: the same on an idle machine and on a busy one."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import TypeAlias

_Trace: TypeAlias = "Callable[[FrameType, str, object], _Trace | None]"


def effort(function: Callable[[], object]) -> int:
    """Call `function` and return how many steps of the interpreter this took; what is written in C counts one."""
    steps = 0

    def trace(frame: FrameType, event: str, _: object) -> _Trace:
        nonlocal steps
        frame.f_trace_opcodes = True
        steps += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function()
    finally:
        sys.settrace(before)
    return steps
