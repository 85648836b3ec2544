"""Reads and writes the standard streams; text that a stream cannot encode is replaced, not an error."""

import codecs
import contextlib
import io
import os
import sys

from raftplay.errors import UsageError
from raftplay.session.shown import columns
from raftplay.watch.text import visible

LONGEST_LINE = 1 << 17
"""The longest line of standard input in bytes; the rest of a longer line is read as the next line."""


SIGNS = str.maketrans(
    {
        **{"→": "->", "←": "<-", "↔": "<->", "↑": "^", "↓": "v", "§": "S", "…": "~", "·": ".", "−": "-"},
        **{"≤": "<=", "≥": ">=", "≠": "!=", "≪": "<<", "×": "x", "±": "+-", "µ": "u", "✓": "+", "✗": "x"},
        **{"—": "-", "–": "-", "─": "-", "│": "|", "“": '"', "”": '"', "‘": "'", "’": "'", "‹": "<", "›": ">"},
        **{"├": "|", "┤": "|", "╌": "-"},
        **{"»": ">", "«": "<", "●": "o"},
    }
)
"""The signs that raftplay prints, and their replacements in ASCII."""

_LIKES = {sign: like for sign, like in SIGNS.items() if len(like) == 1} | str.maketrans(
    {
        **{"→": ">", "←": "<", "↔": "-", "≤": "<", "≥": ">", "≠": "!", "≪": "<", "±": "~"},
        "↵": ";",
        **dict.fromkeys("─━╌▔▁", "-"),
        **dict.fromkeys("═", "="),
        **dict.fromkeys("│┃║▏▎▍▌▐▕▊", "|"),
        **dict.fromkeys("╭╮╰╯╔╗╚╝┌┐└┘├┤┬┴┼", "+"),
        **dict.fromkeys("▀▄█", "#"),
    }
)
"""The signs of raftplay, and the characters of frames and scroll bars, with replacements of one column."""


ERRORS = "raftplay-ascii"
"""The name under which `in_place_of` is known as a handler of encoding errors."""


def in_place_of(error: UnicodeError) -> tuple[str, int]:
    """Return the ASCII text for characters that a stream cannot encode: a sign, or question marks as wide."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end].translate(SIGNS)
    return "".join(char if char.isascii() else "?" * columns(char) for char in text), error.end


codecs.register_error(ERRORS, in_place_of)


def forced(text: str) -> str:
    """Return `text` in ASCII with the same width; characters without a replacement become question marks."""
    if text.isascii():
        return text
    return "".join(char if char.isascii() else "?" * columns(char) for char in text.translate(_LIKES))


class Output:
    """Standard output; when the pipe's reader closes it, the run continues without output."""

    def write(self, text: str, looks: str = "") -> None:
        """Print lines, with invisible characters escaped. Raises `UsageError` if they cannot be written.

        `looks` are the numbers of an SGR sequence, for a terminal: "1;32" is bold and green.
        """
        shown = "\n".join(map(visible, text.split("\n")))
        try:
            sys.stdout.write(f"\x1b[{looks}m{shown}\x1b[0m\n" if looks else f"{shown}\n")
            sys.stdout.flush()
        except BrokenPipeError:
            be_silent()
        except OSError as error:
            be_silent()
            raise UsageError(f"standard output cannot be written: {error.strerror}") from None


class PipedLines:
    """Reads lines from a standard input that is not a terminal; each is printed after its prompt."""

    def __init__(self, output: Output, *, echoes: bool = True) -> None:
        self._output = output
        self._echoes = echoes

    def read(self, prompt: str, _: object = None) -> str:
        """Return the next line, without its line end. Raises EOFError at the end of input."""
        line = b""
        if sys.stdin is not None:
            with contextlib.suppress(OSError, ValueError):  # standard input is closed
                line = sys.stdin.buffer.readline(LONGEST_LINE)
        text = line.decode("utf-8", "backslashreplace").rstrip("\r\n")
        self._output.write(f"{prompt}{text}" if self._echoes else prompt)
        if not line:
            raise EOFError
        return text


def knows_unicode(encoding: str | None) -> bool:
    """Return whether a stream of this encoding can print all signs of raftplay."""
    return "utf" in (encoding or "").lower()


def be_silent() -> None:
    """Discard all further output; otherwise Python fails at exit when it flushes standard output."""
    sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115


def prepare_streams() -> None:
    """Print UTF-8 into files and pipes, whatever the locale, unless PYTHONIOENCODING names another encoding.

    Characters that an encoding lacks are replaced by ASCII signs. Output to a closed stream is discarded.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            keeps = stream.isatty() or "PYTHONIOENCODING" in os.environ
            stream.reconfigure(encoding=None if keeps else "utf-8", errors=ERRORS)


def complain(*lines: str) -> None:
    """Print error messages to standard error, with invisible characters escaped."""
    try:
        print("\n".join(map(visible, lines)), file=sys.stderr, flush=True)
    except OSError:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
