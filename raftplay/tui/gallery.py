"""The pictures of the README and the pages, from seeded runs; ``python -m raftplay.tui.gallery`` writes them."""

import argparse
import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path

from raftplay import scenarios
from raftplay.commands.setup import Setup
from raftplay.errors import UsageError
from raftplay.files import Target
from raftplay.output import Output, complain, prepare_streams
from raftplay.run.runner import opened
from raftplay.run.script import parse_script
from raftplay.session.status import Status
from raftplay.tui import picture
from raftplay.tui.app import RaftApp
from raftplay.tui.command import Wanted, deck_of
from raftplay.tui.driver import Still
from raftplay.tui.film import Film, film_of
from raftplay.tui.settings import Settings


@dataclass(frozen=True)
class Picture:
    """One picture: a script, or one's beginning up to the line `until`; then `after`, then keys."""

    name: str
    script: str = ""
    until: str = ""
    after: str = ""
    keys: tuple[str, ...] = ()
    size: tuple[int, int] = (120, 40)
    light: bool = False
    seed: int = 7


TWO_LEADERS = (
    "wait leader; submit 1; submit 2; wait committed 2 on 5; partition 0,1 | 2,3,4; submit 3 to 0; submit 4 to 0\n"
    "wait leader is not 0; submit 5; wait committed 5 on 3"
)

WAITING = (
    "wait leader; put x 1 as alice; append list abc as bob; let old = leader; disconnect $old\n"
    "put x 2 as alice to $old; put list new as bob"
)

PICTURES = (
    Picture("election", after="goto 0.2005s; pause", keys=("0",), seed=5),
    Picture("partition", after=TWO_LEADERS, keys=("3", "N")),
    Picture("log-repair", "log-repair", "expect log of 6 = 11", keys=("l", "o")),
    Picture("figure-8", "bugs/commit-old-term"),
    Picture(
        "80x24", after="wait leader; submit 1; wait committed 1 on 5; crash leader; sleep 170ms", size=(80, 24)
    ),
    Picture("light", after=TWO_LEADERS, keys=("3",), size=(200, 50), light=True),
    Picture("stores", after=WAITING, keys=("K",), seed=3),
    Picture("presenter", after=TWO_LEADERS, keys=("f5",)),
    Picture("past", after="wait leader; submit 1; sleep 20ms; back 60"),
)


FILM = "election-moving"
"""The name of the moving picture."""


async def svg_of(wanted: Picture) -> str:
    """A picture as SVG; the same every time."""
    text = scenarios.text_of(wanted.script) if wanted.script else ""
    script = parse_script(wanted.name, text, Setup(seed=wanted.seed, backend="sim"))
    steps = [step.bound.text for step in script.steps]
    if wanted.until:
        steps = steps[: steps.index(wanted.until) + 1]
    with opened(script.setup) as session:
        driver = Still(session)
        app = RaftApp(driver, deck_of(Wanted(script)), settings=Settings(light=wanted.light))
        try:
            return await picture.take(app, wanted.size, steps, wanted.after, wanted.keys)
        finally:
            driver.close()


def _write(file: Path, text: str) -> None:
    Target(file, force=True).write(text.encode())
    Output().write(str(file))


def main() -> None:
    """Write all pictures to the folder that the command line names."""
    parser = argparse.ArgumentParser(
        prog="python -m raftplay.tui.gallery",
        description="Write the pictures of the README and the pages as SVG files.",
    )
    parser.add_argument("folder", nargs="?", default="screenshots", type=Path, help="default: screenshots")
    folder: Path = parser.parse_args().folder
    prepare_streams()
    try:
        folder.mkdir(exist_ok=True)
        for wanted in PICTURES:
            _write(folder / f"{wanted.name}.svg", asyncio.run(svg_of(wanted)))
        _write(folder / f"{FILM}.svg", film_of(Film()))
    except (OSError, UsageError) as error:
        complain(f"raftplay: error: {error}")
        sys.exit(Status.MISUSED)


if __name__ == "__main__":
    main()
