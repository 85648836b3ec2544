"""Where the command line begins and ends: every failure is a sentence and an exit status."""

import signal
import sys
from typing import NoReturn

import typer

from raftplay.backends.base import NodeFailed
from raftplay.backends.interrupts import resend_lost_interrupts
from raftplay.cli.app import app
from raftplay.commands.runner import Status
from raftplay.commands.script import ScriptRefused
from raftplay.output import be_silent, complain, prepare_streams
from raftplay.raft.messages import UsageError
from raftplay.raft.storage import StorageError

# In this order --help lists what they hold.
# isort: off
from raftplay.cli import playing
from raftplay.cli import learning
from raftplay.cli import listing
from raftplay.cli import searching
# isort: on

_COMMANDS = (playing, learning, listing, searching)  # importing them fills the app


def call_text(error: typer.TyperException) -> str:
    """What is wrong with options or arguments, in one sentence, and where to read more."""
    text = error.format_message().removesuffix(".")
    context = getattr(error, "ctx", None)
    see = "" if context is None else f"; see: {context.command_path} --help"
    return f"{text[:1].lower()}{text[1:]}{see}"


def main() -> NoReturn:
    """Run the command line; every failure is a sentence and an exit status."""
    prepare_streams()
    resend_lost_interrupts()
    try:
        # no variable of this name can be set: typer would complete from it, and show it raw
        status: int = app(prog_name="raftplay", standalone_mode=False, complete_var="=") or Status.HELD
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
