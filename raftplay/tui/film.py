"""A film: the stage at pace watch during an election, as a moving picture.

The rule of this module: its wall clock goes on by one frame at a time, so equal seeds make equal files.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from rich.segment import Segment

from raftplay.commands.setup import Setup
from raftplay.raft.messages import CMState, RequestVoteArgs
from raftplay.run.runner import opened
from raftplay.session.session import Session
from raftplay.tui import svg
from raftplay.tui.model.lines import EMPTY, Pieces
from raftplay.tui.playhead import Playhead
from raftplay.tui.stage.scene import Scene
from raftplay.tui.state import ScreenState
from raftplay.tui.theme import DARK, style_of
from raftplay.watch.invariants import INVARIANTS

LEAST = 1e-9
"""The shortest rest of a frame in which cluster time passes, in seconds."""


@dataclass(frozen=True)
class Film:
    """The first election of a cluster in virtual time; times are in seconds of the wall clock.

    `flight` is the time of a message on its way, `frames` the frames per second, and `rest` the time for which the
    last frame stays: every node follows the new leader there.
    """

    seed: int = 5
    nodes: int = 5
    size: tuple[int, int] = (80, 33)
    flight: float = 1.6
    frames: int = 8
    rest: float = 3.0


class _Steered(Playhead):
    """A playhead that only notes how fast the cluster is to go."""

    pace = 1.0

    def has_changed(self, pace: float) -> bool:
        """Return whether the cluster is to go at another pace."""
        return self.pace != pace

    def _steer(self, pace: float) -> None:
        self.pace = pace


def film_of(film: Film) -> str:
    """Return a film as SVG. Where motion is not wanted, it shows the candidate with its requests."""
    deck = ScreenState(*film.size, watched=tuple(i.name for i in INVARIANTS), nodes=film.nodes)
    deck.drawers, deck.pace, deck.selected = False, "pace watch", -1
    moments: list[svg.SvgFrame] = []
    resting, most = 0, 0.0
    with opened(Setup(nodes=film.nodes, seed=film.seed, backend="sim")) as session:
        for scene in _scenes(film, session):
            rows = rows_of(deck, scene)
            if moments and moments[-1].rows == rows:
                moments[-1] = svg.SvgFrame(rows, moments[-1].seconds + 1 / film.frames)
            else:
                moments.append(svg.SvgFrame(rows, 1 / film.frames))
            if (shown := _requests(scene)) > most:
                resting, most = len(moments) - 1, shown
    moments[-1] = svg.SvgFrame(moments[-1].rows, moments[-1].seconds + film.rest)
    return svg.moving(moments, "raftplay: an election", resting)


def _scenes(film: Film, session: Session) -> Iterator[Scene]:
    """Return what is seen in each frame, until all nodes follow a leader and nothing more is on its way."""
    playhead = _Steered(session.branch, film.flight)
    wall, is_over = 0.0, False
    while not is_over:
        scene = playhead.tick(wall, session.view(), -1)
        yield scene
        is_over = not scene.moving and all(node.leader_id >= 0 for node in scene.view.snapshot.nodes)
        _pass(session, playhead, 1 / film.frames)
        wall += 1 / film.frames


def _pass(session: Session, playhead: _Steered, seconds: float) -> None:
    """Run the cluster while so much time passes on the wall; an event may hold it."""
    harness = session.harness
    while seconds > LEAST and playhead.pace:
        pace, begin = playhead.pace, harness.now
        harness.wait_until(partial(playhead.has_changed, pace), seconds * pace)
        seconds -= (harness.now - begin) / pace


def _requests(scene: Scene) -> float:
    """Return how far the requests of a candidate have come in all, without those that are about to arrive."""
    if not any(node.state is CMState.CANDIDATE for node in scene.view.snapshot.nodes):
        return 0.0
    ways = (moving.way for moving in scene.moving if isinstance(moving.message, RequestVoteArgs))
    return sum(way for way in ways if way < 0.8)


def rows_of(deck: ScreenState, scene: Scene) -> tuple[svg.SegmentRow, ...]:
    """Return the rows of the screen down to the tape, without what a person types and is told."""
    lines, where = deck.frame(scene), deck.boxes()
    tape = where["tape"]
    rows: list[list[Pieces]] = [[] for _ in range(tape.y + tape.height)]
    for name, (_, y, _, height) in where.items():
        for at, line in enumerate(lines.get(name, ())[:height]):
            if y + at < len(rows):
                rows[y + at].append(line)
    return tuple(map(_row, rows))


def _row(parts: list[Pieces]) -> svg.SegmentRow:
    assert len(parts) <= 1, "no drawers are open, so nothing stands beside anything"
    line = parts[0] if parts else EMPTY
    return tuple(Segment(piece.text, style_of(piece.style, DARK.name, True)) for piece in line)
