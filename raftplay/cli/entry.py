"""Where the command line begins and ends: every failure is a sentence and an exit status."""

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
from raftplay.commands.runner import Status
from raftplay.commands.script import ScriptRefused
from raftplay.commands.shown import quoted
from raftplay.commands.values import read_long_integers
from raftplay.docstrings import restore
from raftplay.errors import UsageError
from raftplay.output import be_silent, complain, prepare_streams
from raftplay.raft.storage import StorageError
from raftplay.signals import end, handled

# In this order --help lists what they hold.
# isort: off
from raftplay.cli import playing
from raftplay.cli import learning
from raftplay.cli import listing
from raftplay.cli import searching
# isort: on

_COMMANDS = (playing, learning, listing, searching)  # importing them fills the app

for _module in _COMMANDS:
    restore(_module)  # typer makes the help texts of these

COMPLETE = "_RAFTPLAY_COMPLETE"
"""The variable by which a shell asks what may be typed next."""

SHELLS = ("bash", "zsh", "fish", "powershell", "pwsh")


def call_text(error: typer.TyperException) -> str:
    """What is wrong with options or arguments, in one sentence, and where to read more."""
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
    """Return the variable that typer may complete from: one that cannot be set where it is no shell that asks.

    Typer would show any other value raw, and not do without the words that a shell hands over.
    """
    action, _, shell = environ.get(COMPLETE, "").partition("_")
    words = environ.get("COMP_CWORD", "").isdecimal() and "COMP_WORDS" in environ
    asks = shell in SHELLS and (action == "source" or words or "_TYPER_COMPLETE_ARGS" in environ)
    return COMPLETE if asks else "="


def run() -> NoReturn:
    """Run the command line; every failure is a sentence and an exit status."""
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
    except NodeFailed as failed:  # before there is a transcript to say so
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
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is said; one more Ctrl-C cannot stop it sooner
    sys.exit(status)
