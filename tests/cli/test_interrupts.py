"""Ctrl-C is heeded wherever it comes."""

import subprocess
import sys

import pytest

LOSES_AN_INTERRUPT = """
import os, signal, sys, threading, weakref
from raftplay.backends.interrupts import resend_lost_interrupts

class Thing:
    pass

if sys.argv[1] == "resend":
    resend_lost_interrupts()
thing = Thing()
# SIGINT comes while Python clears up after an object
gone = weakref.ref(thing, lambda _: os.kill(os.getpid(), signal.SIGINT))
try:
    del thing
    threading.Event().wait(float(sys.argv[2]))
    print("lost")
except KeyboardInterrupt:
    print("heeded")
"""


@pytest.mark.parametrize(("how", "seconds", "said"), [("resend", "20", "heeded\n"), ("leave", "0.1", "lost\n")])
def test_no_ctrl_c_is_lost_where_python_clears_up(how: str, seconds: str, said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOSES_AN_INTERRUPT, how, seconds],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout == said
    assert ("Traceback" in done.stderr) == (how == "leave")
