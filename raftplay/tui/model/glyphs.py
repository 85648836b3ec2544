"""The signs on the screen and what they mean: one set for terminals with Unicode, one for those without."""

from typing import NamedTuple, assert_never

from raftplay.cluster.snapshot import NodeSnapshot
from raftplay.output import SIGNS
from raftplay.raft.messages import CMState


class Glyphs(NamedTuple):
    """Signs of one column each."""

    leader: str = "★"
    candidate: str = "◐"
    follower: str = "●"
    down: str = "✖"
    frozen: str = "❄"
    cut_off: str = "⊘"
    committed: str = "■"
    appended: str = "□"
    conflicting: str = "≠"
    absent: str = "·"
    full: str = "━"
    empty: str = "─"
    voted: str = "●"
    open: str = "○"
    marker: str = "▸"
    held: str = "◉"
    lost: str = "✗"
    right: str = "▶"
    left: str = "◀"
    lane: str = "│"
    lane_leader: str = "┃"
    lane_candidate: str = "┆"
    lane_down: str = " "
    ok: str = "✓"
    bad: str = "✗"
    whole: str = "●"
    faulty: str = "◍"
    rule: str = "─"
    bar: str = "│"
    top_left: str = "╭"
    top_right: str = "╮"
    bottom_left: str = "╰"
    bottom_right: str = "╯"
    thumb: str = "█"
    track: str = "│"
    more: str = "…"
    arrow: str = "→"
    running: str = "▶"
    paused: str = "‖"
    past: str = "◀"
    thick: str = "═"
    thick_bar: str = "║"
    thick_corners: str = "╔╗╚╝"
    joints: str = "┬┴"
    dot: str = "·"
    timer: str = "◔"
    ascii: bool = False


UNICODE = Glyphs()

ASCII = Glyphs(
    leader="*",
    candidate="?",
    follower="o",
    down="x",
    frozen="#",
    cut_off="/",
    committed="#",
    appended="+",
    conflicting="!",
    absent=".",
    full="=",
    empty="-",
    voted="x",
    open=".",
    marker=">",
    held="@",
    lost="x",
    right=">",
    left="<",
    lane="|",
    lane_leader="#",
    lane_candidate=":",
    lane_down=" ",
    ok="+",
    bad="x",
    whole="o",
    faulty="~",
    rule="-",
    bar="|",
    top_left="+",
    top_right="+",
    bottom_left="+",
    bottom_right="+",
    thumb="#",
    track="|",
    more="~",
    arrow=">",
    running=">",
    paused="=",
    past="<",
    thick="=",
    thick_bar="#",
    thick_corners="++++",
    joints="++",
    dot="-",
    timer="@",
    ascii=True,
)


def plain(text: str) -> str:
    """Return `text` in ASCII: our own signs by their likes, whatever else by its escape."""
    if text.isascii():
        return text
    return text.translate(SIGNS).encode("ascii", "backslashreplace").decode("ascii")


def plain_keys(text: str, glyphs: Glyphs) -> str:
    """Return a text that names keys, with words for arrows where they cannot be shown."""
    if not glyphs.ascii:
        return text
    return text.replace("←", "left").replace("→", "right").replace("↑", "up").replace("↓", "down")


class RoleGlyph(NamedTuple):
    """The role of a node on the screen: its sign, its word, its style."""

    glyph: str
    word: str
    style: str


def role_of(node: NodeSnapshot, glyphs: Glyphs) -> RoleGlyph:
    """A node's role, or what keeps it from having one."""
    if not node.alive:
        return RoleGlyph(glyphs.down, "down", "down")
    match node.state:
        case CMState.LEADER:
            return RoleGlyph(glyphs.leader, "leader", "leader")
        case CMState.CANDIDATE:
            return RoleGlyph(glyphs.candidate, "candidate", "candidate")
        case CMState.PRE_CANDIDATE:
            return RoleGlyph(glyphs.follower, "pre-candidate", "candidate")
        case CMState.FOLLOWER | CMState.DEAD:  # dead, but up: its code has damaged it
            return RoleGlyph(glyphs.follower, "follower", "follower")
        case _:
            assert_never(node.state)


def mark_of(node: NodeSnapshot, glyphs: Glyphs) -> tuple[str, str]:
    """(sign, words) of what was done to a living node; empty where nothing was."""
    if node.alive and node.frozen:
        return glyphs.frozen, "frozen"
    if node.alive and not node.connected:
        return glyphs.cut_off, "cut off"
    if node.tearing:
        return glyphs.cut_off, "torn write"
    if node.alive and node.calls_left >= 0:
        return glyphs.cut_off, "drops RPCs"
    return (glyphs.cut_off, hardware_mark(node)) if node.alive and hardware_mark(node) else ("", "")


def hardware_mark(node: NodeSnapshot) -> str:
    """Return in two words what is unusual about a node's disk, clock or timings; "" if nothing is."""
    hardware = node.hardware
    marks = (
        ("write fails", hardware.fails),
        ("disk stalled", hardware.stalls),
        ("write waits", node.writing_since is not None),
        ("slow disk", hardware.is_slow),
        ("fast clock", hardware.rate > 1),
        ("slow clock", hardware.rate < 1),
        ("own timing", hardware.election is not None or hardware.heartbeat is not None),
    )
    return next((words for words, holds in marks if holds), "")


def legend(glyphs: Glyphs) -> tuple[tuple[str, str, str], ...]:
    """Return (sign, style, meaning) of every sign of the drawers that the stage does not have."""
    return (
        (glyphs.committed, "t1 solid", "an entry that its node knows to be committed"),
        (glyphs.appended, "t1 hollow", "an entry appended, not known to be committed"),
        (glyphs.conflicting, "t1", "an entry that conflicts with the committed one, or the leader's; it will go"),
        (glyphs.bad, "bad badge", "two different entries are committed at one index: what must never be"),
        (glyphs.absent, "dim", "no entry here"),
        ("3:x", "t3 bold", "an entry of term 3 with the command x; its color is that of its term"),
        ("-", "dim", "none, as in `commit -`: no entry is committed; indexes count from 0"),
        (glyphs.ok + " safe", "ok", "no invariant of Raft is violated"),
        ("beat", "dim", "heartbeat: at a leader's timer, the time until it sends the next one"),
        (glyphs.full * 3 + glyphs.empty * 2, "timer", "time left until the election timer fires"),
        (glyphs.lane_leader, "leader", "messages: lane of a node while it leads"),
        (glyphs.lane_candidate, "candidate", "lane of a node while it is a candidate"),
        (glyphs.lane, "dim", "lane of a follower"),
        (glyphs.right, "text", "a message arrives"),
        (glyphs.lost, "bad", "a message is lost"),
        (glyphs.held, "warn", "a message is held"),
        (glyphs.timer, "candidate", "the election timer fires"),
        (glyphs.whole, "ok", "network: the link from row to column is whole"),
        (glyphs.faulty, "warn", "network: the link loses, delays or doubles"),
        (glyphs.lost, "bad", "network: nothing gets through"),
    )
