"""Pictures of the screen: SVG files, and frames of plain text for tests."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from textual._context import visible_screen_stack

from raftplay.errors import UsageError
from raftplay.files import Target
from raftplay.session.shown import quoted
from raftplay.session.status import Status

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from raftplay.tui.app import RaftApp


def save(app: "RaftApp", folder: Path, time: float) -> Path:
    """Write the screen as a new SVG file in `folder`; its path. Raises `UsageError`."""
    text = drawn(app)
    for at in range(1000):
        path = folder / f"raftplay-{time:.3f}s{f'-{at}' if at else ''}.svg"
        try:
            Target(path).write(text.encode())
        except UsageError:
            if os.path.lexists(path):
                continue
            raise
        return path
    raise UsageError("there are a thousand such pictures already")


def drawn(app: "RaftApp") -> str:
    """The screen as SVG, with what stands over it. Time stands still in a picture, so it is not said to pass."""
    from raftplay.tui import svg  # noqa: PLC0415 - the first frame does not need it

    before = visible_screen_stack.set(app._background_screens)
    app.deck.is_picture = True
    try:
        app.paint()
        return svg.still([list(strip) for strip in app.screen._compositor.render_strips()], "raftplay")
    finally:
        app.deck.is_picture = False
        visible_screen_stack.reset(before)


def frame(app: "RaftApp") -> list[str]:
    """The lines of the screen as plain text."""
    strips = app.screen._compositor.render_strips()
    return ["".join(segment.text for segment in strip).rstrip() for strip in strips]


async def take(
    app: "RaftApp", size: tuple[int, int], steps: Sequence[str], after: str, keys: Sequence[str] = ()
) -> str:
    """The screen as SVG, of `size`, once `steps` and the lines of `after` were done and `keys` pressed.

    The steps end where one does not hold. Raises `UsageError` when a line of `after` is wrong or does not hold.
    """
    async with app.run_test(size=size, notifications=True) as pilot:
        for step in steps:
            app.deck.outcome = app.driver.run(step).result()[-1]
            if not app.deck.outcome.held:
                break
        for line in filter(str.strip, after.split("\n")):
            for outcome in app.driver.run(line).result():
                app.deck.outcome = outcome
                if outcome.breach is None and outcome.status in (Status.FAILED, Status.MISUSED):
                    raise UsageError(f"--after: {outcome.text}: {outcome.answer}")
        await settled(app, pilot)
        await pilot.press(*keys)
        await settled(app, pilot)
        return drawn(app)


async def settled(app: "RaftApp", pilot: "Pilot[None]") -> None:
    """Paint until the screen shows the present state."""
    app.paint()
    await pilot.pause()
    app.paint()  # what was shown for the first time has its size only now
    await pilot.pause()


def check_name(path: Path) -> None:
    """Raise `UsageError` for the name of a picture that ends as one of another format does."""
    if path.suffix and path.suffix.lower() != ".svg":
        raise UsageError(
            f"a picture is an SVG file: {quoted(path.name)} must end in .svg, not in {quoted(path.suffix)}"
        )
