"""The entry point: every failure becomes one sentence and an exit status."""

import math
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import NoReturn

import typer

from raftplay.backends.base import NodeFailed
from raftplay.backends.interrupts import resend_lost_interrupts
from raftplay.cli.app import app
from raftplay.docstrings import restore
from raftplay.errors import UsageError
from raftplay.language.values import read_long_integers
from raftplay.output import be_silent, complain, prepare_streams
from raftplay.raft.storage import StorageError
from raftplay.run.runner import Status
from raftplay.run.script import ScriptRefused
from raftplay.session.shown import quoted
from raftplay.signals import end, handled

# --help lists the commands in this order.
# isort: off
from raftplay.cli import playing
from raftplay.cli import learning
from raftplay.cli import listing
from raftplay.cli import searching
# isort: on

_COMMANDS = (playing, learning, listing, searching)  # importing them registers the commands

for _module in _COMMANDS:
    restore(_module)  # typer makes help texts from their docstrings

COMPLETE = "_RAFTPLAY_COMPLETE"
"""The environment variable by which a shell requests completions."""

SHELLS = ("bash", "zsh", "fish", "powershell", "pwsh")


def call_text(error: typer.TyperException) -> str:
    """Return one sentence: what is wrong with the arguments, and where to read more."""
    text = error.format_message().removesuffix(".")
    if (word := _not_a_number(error.__cause__)) is not None:  # which is neither too large nor too small
        text = f"{text.partition(': ')[0]}: {quoted(word)} is not a number"
    context = getattr(error, "ctx", None)
    see = "" if context is None else f"; see: {context.command_path} --help"
    return f"{text[:1].lower()}{text[1:]}{see}"


def _not_a_number(cause: BaseException | None) -> str | None:
    """Return the word of the command line that reads as "not a number", if that is why a value was not taken."""
    errors: list[dict[str, object]] = getattr(cause, "errors", list)()
    word = errors[0].get("input") if errors else None
    with suppress(ValueError):
        if isinstance(word, str) and math.isnan(float(word)):
            return word
    return None


def complete_variable(environ: Mapping[str, str] = os.environ) -> str:
    """Return the variable that typer completes from; "=", never set, if no shell requests it.

    With any other value typer would print it raw, or fail because the shell's words are missing.
    """
    action, _, shell = environ.get(COMPLETE, "").partition("_")
    words = environ.get("COMP_CWORD", "").isdecimal() and "COMP_WORDS" in environ
    asks = shell in SHELLS and (action == "source" or words or "_TYPER_COMPLETE_ARGS" in environ)
    return COMPLETE if asks else "="


def run() -> NoReturn:
    """Run the command line; report every failure as one sentence and an exit status."""
    status: int = Status.HELD
    try:
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        prepare_streams()
        read_long_integers()
        resend_lost_interrupts()
        with handled(end):
            status = app(prog_name="raftplay", standalone_mode=False, complete_var=complete_variable()) or status
    except ScriptRefused as refusal:
        complain(*str(refusal).split("\n"))
        status = Status.MISUSED
    except (StorageError, UsageError) as error:
        complain(f"raftplay: error: {error}")
        status = Status.MISUSED
    except NodeFailed as failed:  # it failed before there was a transcript
        complain(*f"raftplay: {failed}".split("\n"))
        status = Status.FAILED
    except typer.TyperException as error:
        complain(f"raftplay: error: {call_text(error)}")
        status = Status.MISUSED
    except OSError as error:
        be_silent()
        complain(f"raftplay: error: {error.strerror or error}")
        status = Status.MISUSED
    except KeyboardInterrupt:
        status = Status.INTERRUPTED
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is printed; another Ctrl-C must not interrupt the exit
    sys.exit(status)
