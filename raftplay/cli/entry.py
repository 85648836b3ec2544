"""The entry point: every failure becomes one sentence and an exit status."""

import gc
import math
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import NoReturn

import typer

from raftplay.backends.interrupts import resend_lost_interrupts
from raftplay.cli.app import application
from raftplay.errors import UsageError
from raftplay.output import be_silent, complain, prepare_streams
from raftplay.session.shown import quoted
from raftplay.session.status import Status
from raftplay.session.units import read_long_integers
from raftplay.signals import end, handled

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


def typed_words(complete: str, environ: Mapping[str, str] = os.environ) -> list[str]:
    """Return the words after ``raftplay``: the arguments, or what a shell that requests completions passes."""
    if complete != COMPLETE:
        return sys.argv[1:]
    return (environ.get("COMP_WORDS") or environ.get("_TYPER_COMPLETE_ARGS", "")).split()[1:]


def run() -> NoReturn:
    """Run the command line; report every failure as one sentence and an exit status."""
    complete = complete_variable()
    app = application(typed_words(complete))
    gc.freeze()  # what was imported stays
    gc.enable()
    status: int = Status.HELD
    try:
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        prepare_streams()
        read_long_integers()
        resend_lost_interrupts()
        with handled(end):
            status = app(prog_name="raftplay", standalone_mode=False, complete_var=complete) or status
    except KeyboardInterrupt:
        status = Status.INTERRUPTED
    except Exception as error:
        status = report(error)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is printed; another Ctrl-C must not interrupt the exit
    sys.exit(status)


def report(error: Exception) -> Status:
    """Report a failure in a sentence; return the exit status. Raises `error` if it is a defect."""
    from raftplay.backends.base import NodeFailed  # noqa: PLC0415 - these modules are imported if all goes well
    from raftplay.raft.storage import StorageError  # noqa: PLC0415
    from raftplay.run.script import ScriptRefused  # noqa: PLC0415

    match error:
        case ScriptRefused():
            complain(*str(error).split("\n"))
        case StorageError() | UsageError():
            complain(f"raftplay: error: {error}", *getattr(error, "lines", ()))
        case NodeFailed():  # it failed before there was a transcript
            complain(*f"raftplay: {error}".split("\n"))
            return Status.FAILED
        case typer.TyperException():
            complain(f"raftplay: error: {call_text(error)}")
        case OSError():
            be_silent()
            complain(f"raftplay: error: {error.strerror or error}")
        case _:
            raise error
    return Status.MISUSED
