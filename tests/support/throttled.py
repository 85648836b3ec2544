"""The screen on a slow line: a pseudo-terminal whose reader takes so many bytes per second, and what is measured.

`python tests/support/throttled.py --help` prints the figures of the screen as it is.
"""

import argparse
import os
import pty
import re
import resource
import signal
import struct
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from fcntl import ioctl
from tempfile import TemporaryDirectory

import pyte

STEP = 0.01
"""The seconds between two reads."""

FOREIGN = re.compile(r"\x1b\[[<>=?]?[0-9;]*[upq]|\x1b\[\?[0-9;]*\$p")
"""The sequences that pyte would print."""

PATIENCE = 30.0


class SlowLine:
    """`raftplay tui` on a line of `rate` bytes per second; None: as fast as it comes."""

    def __init__(self, *arguments: str, rate: float | None = None, size: tuple[int, int] = (120, 40)) -> None:
        self.rate = rate
        self.reads: list[tuple[float, int]] = []
        """Each read: when, and how many bytes."""

        self.raw = b""
        self.screen = pyte.Screen(*size)
        self._stream = pyte.Stream(self.screen)
        self._rest = b""
        self._lock = threading.Lock()
        self._ends = False
        self._home = TemporaryDirectory()
        self.begin = time.monotonic()
        self.pid, self.file = pty.fork()
        if self.pid == 0:  # the child
            kept = {k: v for k, v in os.environ.items() if k not in ("LINES", "COLUMNS", "NO_COLOR")}
            home = self._home.name
            changes = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "HOME": home, "LC_ALL": "C.UTF-8"}
            command = [sys.executable, "-m", "raftplay.cli", "tui", *arguments]
            ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
            os.execve(sys.executable, command, {**kept, **changes})
        ioctl(self.file, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def close(self) -> None:
        """End it."""
        self._ends = True
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        self._reader.join()
        os.waitpid(self.pid, 0)
        os.close(self.file)
        self._home.cleanup()

    def _read(self) -> None:
        allowed, before = 0.0, time.monotonic()
        while not self._ends:
            now = time.monotonic()
            if self.rate is not None:
                allowed = min(allowed + self.rate * (now - before), max(1.0, self.rate * 5 * STEP))
            before = now
            size = 1 << 16 if self.rate is None else int(allowed)
            if size:
                try:
                    data = os.read(self.file, size)
                except OSError:
                    return
                allowed -= len(data)
                with self._lock:
                    self._take(data)
            if self.rate is not None:
                time.sleep(STEP)

    def _take(self, data: bytes) -> None:
        self.reads.append((time.monotonic(), len(data)))
        self.raw += data
        whole = self._rest + data
        cut = len(whole)
        if (at := whole.rfind(b"\x1b")) >= 0 and len(whole) - at < 24:
            cut = at  # a sequence may be cut in two
        while cut and whole[cut - 1 : cut] >= b"\x80":
            cut -= 1  # so may a character
        self._rest = whole[cut:]
        self._stream.feed(FOREIGN.sub("", whole[:cut].decode("utf-8", "replace")))

    # ---- using it

    def send(self, text: str) -> None:
        """Type."""
        os.write(self.file, text.encode())

    @property
    def text(self) -> str:
        """The screen."""
        with self._lock:
            return "\n".join(self.screen.display)

    def until(self, pattern: str | Callable[[], object]) -> float:
        """Wait until the screen shows `pattern`; return the seconds."""
        begin = time.monotonic()
        while not (pattern() if callable(pattern) else re.search(pattern, self.text)):
            assert time.monotonic() < begin + PATIENCE, f"waited in vain for {pattern}\n{self.text}"
            time.sleep(0.002)
        return time.monotonic() - begin

    def bytes_between(self, begin: float, end: float) -> int:
        """Return how many bytes were read between two times."""
        return sum(size for at, size in self.reads if begin <= at < end)

    def cpu(self) -> float:
        """Return the CPU seconds that the program has used."""
        with open(f"/proc/{self.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> float:
        """Return the resident memory, in MB."""
        with open(f"/proc/{self.pid}/statm") as file:
            return int(file.read().split()[1]) * resource.getpagesize() / 1e6


@contextmanager
def slow_line(*arguments: str, rate: float | None = None, size: tuple[int, int] = (120, 40)) -> Iterator[SlowLine]:
    """Run the screen on a slow line."""
    line = SlowLine(*arguments, rate=rate, size=size)
    try:
        yield line
    finally:
        line.close()


def measured(line: SlowLine, seconds: float) -> tuple[float, float]:
    """Return the bytes, and the CPU seconds, per second over the next `seconds`."""
    begin, cpu = time.monotonic(), line.cpu()
    time.sleep(seconds)
    end = time.monotonic()
    return line.bytes_between(begin, end) / (end - begin), (line.cpu() - cpu) / (end - begin)


KEYS: tuple[tuple[str, str, bool], ...] = (
    ("2", "▸ ?n2", True),
    ("?", "stop time, or let", True),
    ("\x1b", "stop time, or let", False),
    ("m", "m ", True),
    ("3", "▸ ?n3", True),
    ("e", "EVENTS|events", True),
    ("4", "▸ ?n4", True),
)
"""Keys in a row, each with what the screen shows then, or no longer."""


def echoes(line: SlowLine, count: int) -> list[float]:
    """Return the seconds after which each of so many characters typed into the prompt shows."""
    line.send(":")
    line.until("Run|run")
    time.sleep(1.0)
    found = []
    for at in range(count):
        char = "abcdefghijklmnopqrstuvwxyz"[at % 26]
        typed = "".join("abcdefghijklmnopqrstuvwxyz"[i % 26] for i in range(at % 26 + 1))
        line.send(char)
        time.sleep(0)
        found.append(line.until(typed + r"\s"))
        if at % 26 == 25:
            line.send("\x15")
            line.until(lambda typed=typed: typed not in line.text)
        time.sleep(0.13 + 0.017 * (at % 7))
    line.send("\x15\x1b")
    return sorted(found)


def report(arguments: Sequence[str], size: tuple[int, int], rate: float | None, seconds: float) -> None:
    """Print the figures of one screen on one line."""
    where = f"{size[0]}x{size[1]} {'no limit' if rate is None else f'{rate / 1000:g} KB/s'} {' '.join(arguments)}"
    print(where)
    with slow_line(*arguments, rate=rate, size=size) as line:
        line.until("n0 .*follower|follower.*n0|n0")
        print(f"  first frame after {time.monotonic() - line.begin:.2f} s, {line.cpu():.2f} s of CPU")
        line.send("A")
        begin, cpu = time.monotonic(), line.cpu()
        line.until(r"n\d leads")
        took = time.monotonic() - begin
        sent = line.bytes_between(begin, begin + took)
        print(
            f"  election: {sent / took / 1000:.1f} KB/s, {(line.cpu() - cpu) / took:.1%} of a core, {took:.1f} s"
        )
        time.sleep(4)
        sent_idle, cpu_idle = measured(line, seconds)
        print(f"  idle: {sent_idle / 1000:.1f} KB/s, {cpu_idle:.1%} of a core")
        found = echoes(line, 40)
        print(
            f"  characters: median {found[20] * 1000:.0f} ms, p95 {found[37] * 1000:.0f} ms, most {found[-1] * 1000:.0f} ms"
        )
        time.sleep(1)
        shown = []
        for key, pattern, there in KEYS:
            line.send(key)
            took = line.until(lambda there=there, pattern=pattern: bool(re.search(pattern, line.text)) == there)
            shown.append(f"{key.encode('unicode_escape').decode()} {took * 1000:.0f}")
            time.sleep(0.7)
        print(f"  keys: {', '.join(shown)} ms")
        line.send("C")
        sent, used = measured(line, 8)
        print(f"  crash and election: {sent / 1000:.1f} KB/s, {used:.1%} of a core; {line.memory():.0f} MB")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, help="KB per second that the terminal takes")
    parser.add_argument("--size", default="120x40")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("rest", nargs="*", help="options of raftplay tui, behind --")
    given = parser.parse_args()
    width, height = given.size.split("x")
    rate = None if given.rate is None else given.rate * 1000
    report(given.rest, (int(width), int(height)), rate, given.seconds)


if __name__ == "__main__":
    main()
