"""Random keys, clicks and commands on the screen: `python tests/support/random_keys.py --backend tcp --seconds 600`.

Each seed gives one sequence of deeds. Where the screen crashes, the deeds that led to it are printed.
"""

import argparse
import asyncio
import faulthandler
import os
import random
import resource
import sys
import time
import traceback
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[1]))

from textual.errors import NoWidget
from textual.pilot import OutOfBounds, Pilot

from raftplay.cluster.harness import Harness
from raftplay.past.history import History
from raftplay.run.live import Live
from raftplay.session.session import Session
from raftplay.tui import keys
from raftplay.tui.app import RaftApp
from support.tui import app_of, session_of

NODES = 5

LEAVE = ("q", "ctrl+c", "ctrl+z", "ctrl+s")
"""The keys that end the screen, or write files: pressed seldom."""

COMMANDS = (
    "submit {value}", "submit {value} to {node}", "crash {node}", "restart {node}", "crash leader", "restart all",
    "disconnect {node}", "reconnect {node}", "reconnect all", "partition {node}", "partition {node} {other}", "heal",
    "freeze {node}", "thaw {node}", "timeout {node}", "hold {node} {other}", "release all", "lose {value}",
    "deliver {value}", "duplicate {value}", "link {node} {other} loss=50%", "status", "log", "messages", "events",
    "why {node}", "why not committed {value}", "branches", "switch b1", "switch main", "diff", "diff b1",
    "back {value}", "forward {value}", "live", "step", "pause", "run", "speed 0.5", "speed 3", "sleep 100ms",
    "wait leader within 300ms", "wait committed {value} within 200ms", "watch on", "help submit", "timers align",
    "timers spread", "new nodes={some} seed={value}", "new", "play elections", "lesson 1", "present", "notes",
    "nonsense {value}", "submit [@click=app.quit]x[/]", "", "a" * 300, "submit {value}; submit {value}; step",
    "spotlight {node}", "compare", "compare b1", "check", "invariants", "put x {value}", "get x as alice",
    "append x {value}", "cas x {value} {other}", "load clients=3 rate=50/s keys=2 for 300ms", "history", "why put x",
    "mark here", "mark", "goto here", "goto 100ms", "why {value}", "transfer to {node}", "snapshot all",
    "set reads index", "set checkquorum on", "set prevote on", "set snapshot 3", "repeat 2; submit x; end",
    "tear {node} after 1", "wipe {node}", "disk {node} stall", "disk all clear", "clock {node} rate=1.5",
    "cut {node}->{other}", "hold {node}->{other} appends", "drop {node} after 2", "undrop {node}", "play figure-8",
    "restart {node} empty", "timing {node} election=50..60ms", "why put x", "why alice", "switch b2",
)  # fmt: skip


class Deeds:
    """Random deeds on an app; `done` has them all."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.done: list[str] = []
        self.keys = [key.key for key in keys.KEYS if key.key not in LEAVE] + list("0123456789")
        self.keys += [
            "enter",
            "escape",
            "tab",
            "up",
            "down",
            "pageup",
            "pagedown",
            "backspace",
            "f1",
            "f5",
            "left",
        ]

    async def do(self, pilot: Pilot[None]) -> None:
        """Do one."""
        chance = self.chance
        kind = chance.random()
        if kind < 0.55:
            await self._press(pilot, chance.choice(self.keys))
        elif kind < 0.75:
            await self._type(pilot)
        elif kind < 0.97:
            await self._point(pilot)
        elif kind < 0.98:
            await self._press(pilot, chance.choice(LEAVE[:3]))
            await self._press(pilot, "escape")
        else:
            width, height = chance.choice([(120, 40), (80, 24), (60, 16), (200, 50), (100, 30), (50, 10)])
            self.done.append(f"resize {width}x{height}")
            await pilot.resize_terminal(width, height)

    async def _press(self, pilot: Pilot[None], key: str) -> None:
        self.done.append(f"press {key}")
        await pilot.press(key)

    async def _type(self, pilot: Pilot[None]) -> None:
        chance = self.chance
        node, other = chance.sample(range(NODES), 2)
        values = {
            "node": node,
            "other": other,
            "value": chance.randrange(12),
            "some": chance.choice([1, 3, 5, 7, 25]),
        }
        line = chance.choice(COMMANDS).format(**values)
        self.done.append(f"type {line}")
        app = pilot.app
        assert isinstance(app, RaftApp)
        if app.screen is app.screen_stack[0] and chance.random() < 0.9:
            app.set_focus(app.prompt)
            app.prompt.put(line)
            await pilot.press("enter")
        else:
            await pilot.press(":", *[("space" if char == " " else char) for char in line[:20]], "enter")

    async def _point(self, pilot: Pilot[None]) -> None:
        chance = self.chance
        width, height = pilot.app.size
        at = chance.randrange(width), chance.randrange(height)
        what = chance.choice(["click", "click", "right", "down", "up", "hover", "wheel"])
        self.done.append(f"{what} {at}")
        try:
            if what == "click":
                await pilot.click(offset=at)
            elif what == "right":
                await pilot.click(offset=at, button=3)
            elif what == "down":
                await pilot.mouse_down(offset=at)
            elif what == "up":
                await pilot.mouse_up(offset=at)
            elif what == "hover":
                await pilot.hover(offset=at)
            else:
                await pilot.press(chance.choice(["pagedown", "pageup"]))
        except (OutOfBounds, NoWidget):
            pass  # it was resized meanwhile, or its widgets have no place yet


def session_on(backend: str, seed: int) -> Session:
    """A session of five nodes."""
    if backend == "sim":
        return session_of(NODES, seed)
    history = History()
    return Session(Harness(NODES, backend="tcp", seed=seed, readers=(history,)), history)


class Crashed(Exception):
    """The screen crashed; the deeds that led to it are in the text."""


def run(
    backend: str,
    seed: int,
    goes_on: Callable[[int], bool],
    *,
    watches: bool = True,
    after: Callable[[int], None] = id,
) -> int:
    """Do random deeds on a screen while `goes_on`, called with the number of deeds; return that number.

    A screen that was left is followed by another one. `after` is called after each deed. Raises `Crashed`.
    """
    deeds = Deeds(seed)

    async def play(app: RaftApp) -> None:
        async with app.run_test(size=(120, 40), notifications=True) as pilot:
            while app.is_running and app.screen_stack and goes_on(len(deeds.done)):
                await deeds.do(pilot)
                after(len(deeds.done))

    while goes_on(len(deeds.done)):
        deeds.done.append("start")
        live = Live(session_on(backend, seed))
        app = app_of(live)
        app.watches = app.stops = watches
        try:
            asyncio.run(play(app))
            if app.failure is not None:
                raise app.failure
        except Exception as error:
            raise Crashed(_told(backend, seed, deeds, repr(error))) from error
        finally:
            app.leave_pace()
            try:
                live.close()
            except TimeoutError as error:
                faulthandler.dump_traceback()
                raise Crashed(_told(backend, seed, deeds, f"{live.busy!r} does not end")) from error
    return len(deeds.done)


def _told(backend: str, seed: int, deeds: Deeds, what: str) -> str:
    last = "\n".join(deeds.done[-60:])
    return f"{backend}, seed {seed}, after {len(deeds.done)} deeds:\n{last}\n{what}"


def memory() -> float:
    """Return the resident memory, in MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


def main() -> None:
    """Run as the command line says, and print a line per minute; with --trace also what grew."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backend", default="sim", choices=("sim", "tcp"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--pace", default="watch", choices=("watch", "real"))
    parser.add_argument("--trace", action="store_true", help="tell where memory grew")
    given = parser.parse_args()
    begin = time.monotonic()
    minute, before = [0], [None]
    if given.trace:
        tracemalloc.start(8)

    def tell(count: int) -> None:
        now = time.monotonic() - begin
        if now < 60 * (minute[0] + 1):
            return
        minute[0] += 1
        print(f"{now:.0f} s, {count} deeds, {memory():.0f} MB", flush=True)
        if given.trace:
            taken = tracemalloc.take_snapshot()
            for line in taken.compare_to(before[0], "lineno")[:12] if before[0] else ():
                print("   ", line)
            before[0] = taken

    with TemporaryDirectory() as home:
        os.environ["XDG_STATE_HOME"] = os.environ["XDG_CONFIG_HOME"] = home
        os.chdir(home)
        try:
            count = run(
                given.backend, given.seed, lambda _: time.monotonic() - begin < given.seconds,
                watches=given.pace == "watch", after=tell,
            )  # fmt: skip
        except Crashed as crash:
            traceback.print_exception(crash.__cause__)
            print(crash)
            sys.exit(1)
    print(f"{given.backend}, seed {given.seed}: {count} deeds in {given.seconds:g} s, no crash; {memory():.0f} MB")


if __name__ == "__main__":
    main()
