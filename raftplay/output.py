"""The standard streams, whatever they are connected to: what cannot be printed is no reason to fall over."""

import codecs
import contextlib
import io
import os
import sys

from raftplay.commands.shown import columns
from raftplay.errors import UsageError
from raftplay.watch.text import visible

LONGEST_LINE = 1 << 17
"""Of a longer line on standard input the rest is another line, in bytes."""


SIGNS = str.maketrans(
    {
        **{"→": "->", "←": "<-", "↔": "<->", "↑": "^", "↓": "v", "§": "S", "…": "~", "·": ".", "−": "-"},
        **{"≤": "<=", "≥": ">=", "≠": "!=", "≪": "<<", "×": "x", "±": "+-", "µ": "u", "✓": "+", "✗": "x"},
        **{"—": "-", "–": "-", "─": "-", "│": "|", "“": '"', "”": '"', "‘": "'", "’": "'", "‹": "<", "›": ">"},
        **{"»": ">", "«": "<", "●": "o"},
    }
)
"""Our own signs, and what stands for them where there is no Unicode."""

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
"""Our signs, and what frames and scroll bars are drawn with, by characters of one column."""


ERRORS = "raftplay-ascii"
"""The name under which `in_place_of` is known as a handler of encoding errors."""


def in_place_of(error: UnicodeError) -> tuple[str, int]:
    """Return what is printed for characters that a stream cannot express: a sign, or question marks as wide."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end].translate(SIGNS)
    return "".join(char if char.isascii() else "?" * columns(char) for char in text), error.end


codecs.register_error(ERRORS, in_place_of)


def forced(text: str) -> str:
    """Return `text` in ASCII and as wide as before: what has no like becomes question marks."""
    if text.isascii():
        return text
    return "".join(char if char.isascii() else "?" * columns(char) for char in text.translate(_LIKES))


class Output:
    """Standard output that outlives its reader: when the pipe closes, the run goes on unheard."""

    def write(self, text: str, looks: str = "") -> None:
        """Print lines, with nothing invisible in them. Raises `UsageError` when there is no room for them.

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
    """Lines from standard input where it is no terminal: each is printed behind what it answers."""

    def __init__(self, output: Output, *, echoes: bool = True) -> None:
        self._output = output
        self._echoes = echoes

    def read(self, prompt: str, _: object = None) -> str:
        """The next line, without its end. Raises EOFError where there is none."""
        line = b""
        if sys.stdin is not None:
            with contextlib.suppress(OSError, ValueError):  # it is closed
                line = sys.stdin.buffer.readline(LONGEST_LINE)
        text = line.decode("utf-8", "backslashreplace").rstrip("\r\n")
        self._output.write(f"{prompt}{text}" if self._echoes else prompt)
        if not line:
            raise EOFError
        return text


def knows_unicode(encoding: str | None) -> bool:
    """Tell whether a stream of this encoding can print all our signs."""
    return "utf" in (encoding or "").lower()


def be_silent() -> None:
    """Nothing is printed from now on; Python could not flush what failed when it ends."""
    sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115


def prepare_streams() -> None:
    """Print UTF-8 into files and pipes, whatever the locale, unless PYTHONIOENCODING names another encoding.

    In place of what an encoding cannot express, signs are printed that it has. A closed stream swallows all.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            keeps = stream.isatty() or "PYTHONIOENCODING" in os.environ
            stream.reconfigure(encoding=None if keeps else "utf-8", errors=ERRORS)


def complain(*lines: str) -> None:
    """Say on standard error what was wrong, with nothing invisible in it."""
    try:
        print("\n".join(map(visible, lines)), file=sys.stderr, flush=True)
    except OSError:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
