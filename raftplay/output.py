"""The standard streams, whatever they are connected to: what cannot be printed is no reason to fall over."""

import io
import os
import sys

from raftplay.raft.messages import UsageError
from raftplay.watch.text import visible


class Output:
    """Standard output that outlives its reader: when the pipe closes, the run goes on unheard."""

    def write(self, text: str) -> None:
        """Print lines, with nothing invisible in them. Raises `UsageError` when there is no room for them."""
        try:
            sys.stdout.write("\n".join(map(visible, text.split("\n"))) + "\n")
            sys.stdout.flush()
        except BrokenPipeError:
            be_silent()
        except OSError as error:
            be_silent()
            raise UsageError(f"standard output cannot be written: {error.strerror}") from None


def be_silent() -> None:
    """Nothing is printed from now on; Python could not flush what failed when it ends."""
    sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115


def prepare_streams() -> None:
    """Print what the encoding of the terminal cannot express as escapes; stay calm where a stream is closed."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def complain(*lines: str) -> None:
    """Say on standard error what was wrong, with nothing invisible in it."""
    try:
        print("\n".join(map(visible, lines)), file=sys.stderr, flush=True)
    except OSError:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
