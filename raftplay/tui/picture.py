"""Pictures of the screen: SVG files, and frames of plain text for tests."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from raftplay.raft.messages import UsageError

if TYPE_CHECKING:
    from raftplay.tui.app import RaftApp


def save(app: "RaftApp", folder: Path, time: float) -> Path:
    """Write the screen as a new SVG file in `folder`; its path. Raises `OSError`."""
    text = app.export_screenshot(title="raftplay")
    for at in range(1000):
        path = folder / f"raftplay-{time:.3f}s{f'-{at}' if at else ''}.svg"
        try:
            with open(path, "x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            continue
        return path
    raise FileExistsError(17, "there are a thousand such pictures already")


def frame(app: "RaftApp") -> list[str]:
    """The lines of the screen as plain text."""
    strips = app.screen._compositor.render_strips()
    return ["".join(segment.text for segment in strip).rstrip() for strip in strips]


async def take(app: "RaftApp", size: tuple[int, int], after: str) -> str:
    """The screen as SVG, `size` columns and lines, once the commands `after` were done. Raises `UsageError`."""
    async with app.run_test(size=size, notifications=True) as pilot:
        for line in after.split("\n"):
            outcomes = app.driver.run(line).result() if line.strip() else []
            if outcomes:
                app.deck.outcome = outcomes[-1]
                if outcomes[-1].status in ("mistake", "failed"):
                    raise UsageError(f"--after: {outcomes[-1].text}: {outcomes[-1].answer}")
        app.paint()
        await pilot.pause()
        app.paint()
        await pilot.pause()
        return app.export_screenshot(title="raftplay")


def write(path: Path, text: str) -> None:
    """Write a picture. Raises `UsageError`."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{os.fspath(path)!r} cannot be written: {error.strerror or error}") from None
