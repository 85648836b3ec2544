"""The stage as lines: boxes on a ring or in bands, torn lines, and messages; a grid where boxes do not fit."""

from raftplay.past.links import Reachability
from raftplay.tui.model.glyphs import UNICODE, Glyphs
from raftplay.tui.model.lines import Pieces, link_target
from raftplay.tui.stage.boxes import draw_box, painter_of
from raftplay.tui.stage.canvas import SOLID, TEAR, Canvas
from raftplay.tui.stage.grid import grid
from raftplay.tui.stage.paths import path_of
from raftplay.tui.stage.places import Places, places_of
from raftplay.tui.stage.roles import Sides, role_of, side_names, sides_of
from raftplay.tui.stage.scene import Scene
from raftplay.tui.stage.signs import signs_of
from raftplay.tui.stage.stored import has_stores
from raftplay.tui.stage.wires import draw_cut, draw_messages, draw_pulse

CUT = ("cut", 0)
"""The target of a click on a torn line."""

ROOM_FOR_NAMES = 100
"""The columns from which on a torn line has room for what both of its sides can do."""


def paint(scene: Scene, width: int, height: int, glyphs: Glyphs = UNICODE) -> tuple[Pieces, ...]:
    """Return `height` lines of `width` columns that show `scene`."""
    snapshot = scene.view.snapshot
    sides = sides_of(snapshot)
    places = places_of(len(snapshot.nodes), width, height, sides, stores=has_stores(snapshot))
    if places is None:
        return grid(scene, width, height, glyphs)
    canvas = Canvas(width, height)
    links = Reachability(snapshot)
    _draw_sides(canvas, scene, sides, places, glyphs)
    painter = painter_of(scene, glyphs)
    for node, box in zip(snapshot.nodes, places.boxes, strict=True):
        draw_box(canvas, box, node, role_of(node, snapshot, links, glyphs), painter)
    _draw_network(canvas, scene, places, links, glyphs)
    draw_messages(canvas, scene.moving, places, glyphs, scene.spotlight)
    if scene.skip:
        _say(canvas, f"{signs_of(glyphs).skip} skipping idle time")
    return canvas.lines()


def _draw_sides(canvas: Canvas, scene: Scene, sides: Sides, places: Places, glyphs: Glyphs) -> None:
    """Draw torn lines between the sides of a partition, and what each side can do."""
    if len(sides) < 2:
        return
    signs, width = signs_of(glyphs), canvas.width
    names = side_names(sides, scene.view.snapshot)
    has_majority = any(name.startswith("majority") for name in names)
    cut = " cut " if has_majority else " cut: no majority anywhere "
    for at, row in enumerate(places.torn):
        canvas.put(0, row, f" {signs.torn}" * (width // 2), "bad", CUT, TEAR)
        if places.names or not has_majority:
            canvas.put((width - len(cut)) // 2, row, cut, "bad bold", CUT, SOLID)
            continue
        above, below = (name.split(":")[0] if width < ROOM_FOR_NAMES else name for name in names[at : at + 2])
        canvas.put(2, row, f" {signs.up} {above} ", "text bold", CUT, SOLID)
        below = f" {signs.down} {below} "
        canvas.put(width - 2 - len(below), row, below, "text bold", CUT, SOLID)
    for name, row in zip(names, places.names, strict=False):
        edge = signs.gone * max(0, min(12, (width - len(name)) // 2 - 1))
        text = f"{edge} {name} {edge}"
        canvas.put((width - len(text)) // 2, row, text, "dim", None, SOLID)


def _draw_network(canvas: Canvas, scene: Scene, places: Places, links: Reachability, glyphs: Glyphs) -> None:
    """Draw a mark on each link that is cut by itself, and the pulse of leaders."""
    signs = signs_of(glyphs)
    for (src, dst), faults in scene.view.snapshot.faulty_links:
        if faults.cut:
            draw_cut(canvas, path_of(src, dst, places), signs, link_target(src, dst))
    for leader in scene.pulse:
        for peer in range(len(places.boxes)):
            if peer != leader and links.obstacle(leader, peer) is None:
                draw_pulse(canvas, path_of(leader, peer, places), signs, link_target(leader, peer))


def _say(canvas: Canvas, text: str) -> None:
    """Write `text` in the middle, or where else there is room."""
    middle = (canvas.width - len(text)) // 2
    for x, y in ((middle, canvas.height // 2), (1, canvas.height - 1), (1, 0), (middle, canvas.height - 1)):
        if canvas.is_free(x, y, len(text)):
            canvas.put(x, y, text, "dim")
            return
