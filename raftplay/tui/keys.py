"""The keys: which there are, what they say of themselves, and which command each of them is.

The rule of this module: whatever a key does to the cluster is a command, as one would type it.
"""

from raftplay.past.view import View
from raftplay.tui.model.diagram import MESSAGE_KEYS
from raftplay.tui.model.key import CLIENTS, GROUPS, LEARN, LEAVE, NETWORK, NODE, PAST, PRESENT, WATCH, Key
from raftplay.tui.model.pane import Pane
from raftplay.tui.model.panes import PANES

SPEEDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""The speeds that `[` and `]` go through."""


def speed_after(view: View, by: int) -> str:
    """The command for the next speed up or down."""
    speed = view.snapshot.speed
    if by > 0:
        chosen = next((s for s in SPEEDS if s > speed * 1.001), SPEEDS[-1])
    else:
        chosen = next((s for s in reversed(SPEEDS) if s < speed * 0.999), SPEEDS[0])
    return f"speed {chosen:g}"


def next_value(view: View) -> int:
    """The number that `s` submits: one more than the highest number in any log."""
    highest = 0
    for node in view.snapshot.nodes:
        for entry in node.log[-50:]:
            if type(entry.command) is int:
                highest = max(highest, entry.command)
    return highest + 1


def _toggle_connection(view: View, node: int) -> str:
    return f"disconnect {node}" if view.snapshot.nodes[node].connected else f"reconnect {node}"


def _toggle_frozen(view: View, node: int) -> str:
    return f"thaw {node}" if view.snapshot.nodes[node].frozen else f"freeze {node}"


def _toggle_pause(view: View, _: int) -> str:
    if view.rewound:
        return "live"
    return "resume" if view.snapshot.paused else "pause"


def _submit_to_leader(view: View, _: int) -> str:
    return f"submit {next_value(view)}"


def partition_of(view: View, node: int) -> str:
    """The next split: the leader without a majority, then with one, then none; without a leader, of `node`."""
    snapshot = view.snapshot
    n, leader = len(snapshot.nodes), snapshot.leader
    first = node if leader is None else leader.id
    majority = snapshot.majority
    size = max(1, (n - 1) // 2)
    if snapshot.groups:
        size = majority
        if majority == n or any(first in group and len(group) >= majority for group in snapshot.groups):
            return "heal"
    here = [(first + at) % n for at in range(size)]
    rest = [id for id in range(n) if id not in here]
    return f"partition {','.join(map(str, sorted(here)))} | {','.join(map(str, rest))}"


def _slower(view: View, _: int) -> str:
    return speed_after(view, -1)


def _faster(view: View, _: int) -> str:
    return speed_after(view, 1)


def _rank_of(pane: type[Pane]) -> int:
    """Return the rank of the key of a pane: those that a beginner looks at first are named."""
    return {"messages": 2, "log": 2, "why": 5}.get(pane.name, 9)


KEYS: tuple[Key, ...] = (
    Key(
        "space",
        "space",
        "pause",
        "stop time, or let it go on; in the past: back to the present; while a script plays: hold it, or go on",
        _toggle_pause,
        rank=1,
        group=WATCH,
    ),
    Key(
        "full_stop", ".", "step", "go on to the next timer or message, then stop time", "step", rank=1, group=WATCH
    ),
    Key(
        "left_square_bracket",
        "[",
        "slower",
        "messages take longer on their way; in pace real: a lower speed",
        _slower,
        rank=6,
        group=WATCH,
    ),
    Key(
        "right_square_bracket",
        "]",
        "faster",
        "messages take less time on their way; in pace real: a higher speed",
        _faster,
        rank=6,
        group=WATCH,
    ),
    Key(
        "P",
        "P",
        "pace",
        "pace watch, which a person can follow, or pace real, that of the clock",
        action="pace",
        rank=5,
        group=WATCH,
    ),
    Key(
        "enter",
        "Enter",
        "menu",
        "the menu of the selected node (if none was selected: of the leader or candidate), or of the selected "
        "message; in a pane, on an event or a message: go to that moment; on a log entry: why it is, or is not, "
        "committed; on a link: its menu",
        action="open",
        rank=1,
        group=NODE,
    ),
    Key("c", "c", "crash", "crash the selected node", "crash {node}", rank=6, group=NODE),
    Key(
        "A",
        "A",
        "stops",
        "stop by itself at the first candidate, leader and commit, or not; kept",
        action="stops",
        group=WATCH,
    ),
    Key("C", "C", "crash leader", "crash the leader", "crash leader", rank=3, group=NODE),
    Key("r", "r", "restart", "restart the selected node", "restart {node}", rank=6, group=NODE),
    Key(
        "d",
        "d",
        "disconnect",
        "cut the selected node off, or connect it again",
        _toggle_connection,
        rank=6,
        group=NETWORK,
    ),
    Key(
        "z",
        "z",
        "freeze",
        "freeze the process of the selected node, or thaw it",
        _toggle_frozen,
        rank=6,
        group=NODE,
    ),
    Key("t", "t", "time out", "fire the selected node's election timer now", "timeout {node}", rank=6, group=NODE),
    Key("s", "s", "submit", "submit the next number to the leader", _submit_to_leader, rank=2, group=CLIENTS),
    Key(
        "S",
        "S",
        "submit to",
        "submit to the selected node: complete the command",
        action="submit_to",
        group=CLIENTS,
    ),
    Key(
        "p",
        "p",
        "partition",
        "split the cluster: the leader without a majority; again: with one; again: heal",
        partition_of,
        rank=3,
        group=NETWORK,
    ),
    Key(
        "V",
        "V",
        "split vote",
        "align all election timers: while no node leads, all ask for votes at once and split them",
        "timers align",
        rank=7,
        group=NODE,
    ),
    Key(
        "T",
        "T",
        "spread timers",
        "spread the election timers well apart: the first to fire wins",
        "timers spread",
        rank=7,
        group=NODE,
    ),
    Key("h", "h", "heal", "restore all links", "heal", rank=5, group=NETWORK),
    Key("left", "←", "back", "look back by one event", "back", rank=4, group=PAST),
    Key("right", "→", "forward", "go forward by one event", "forward", group=PAST),
    Key("shift+left", "shift+←", "back 20", "look back by twenty events", "back 20", group=PAST),
    Key("shift+right", "shift+→", "forward 20", "go forward by twenty events", "forward 20", group=PAST),
    Key(
        "D",
        "D",
        "compare",
        "compare this branch with another one: two stages on one tape",
        action="compare",
        rank=4,
        group=PAST,
    ),
    Key(
        "ctrl+left", "Ctrl+←", "mark before", "back to the mark before on the tape", action="mark(-1)", group=PAST
    ),
    Key("ctrl+right", "Ctrl+→", "next mark", "forward to the next mark on the tape", action="mark(1)", group=PAST),
    Key(
        "end", "End", "now", "back to the present; there: scroll the pane to its end", action="present", group=PAST
    ),
    Key("colon", ":", "command", "type a command, or paste several", action="prompt", rank=4, group=CLIENTS),
    Key("slash", "/", "command", "type a command, as with the colon", action="prompt", group=CLIENTS),
    Key(
        "j",
        "j",
        "next node",
        "select the next node",
        action="select_by(1)",
        group=NODE,
    ),
    Key("k", "k", "node before", "select the node before", action="select_by(-1)", group=NODE),
    *(
        Key(pane.key, pane.key, pane.name, pane.help, action=f"show('{pane.name}')", rank=_rank_of(pane))
        for pane in PANES
    ),
    Key("tab", "Tab", "next pane", "go to the next pane", action="next_pane(1)"),
    Key("shift+tab", "shift+Tab", "pane before", "go to the pane before", action="next_pane(-1)"),
    Key("o", "o", "only", "give the pane the whole screen, or give it back", action="zoom", rank=6),
    Key(
        "up",
        "↑",
        "up",
        "in a pane: select the row above, or scroll",
        action="move(-1)",
    ),
    Key("down", "↓", "down", "in a pane: select the row below, or scroll", action="move(1)"),
    Key("pageup", "PgUp", "page up", "in a pane: scroll towards the beginning", action="page(-1)"),
    Key("pagedown", "PgDn", "page down", "in a pane: scroll towards the end", action="page(1)"),
    Key("home", "Home", "begin", "in a pane: scroll to the beginning", action="first"),
    Key("f", "f", "filter", "events: list the next kind", action="filter_kind", rank=6),
    Key("F", "F", "filter node", "events: list those of the selected node, or of all nodes", action="filter_node"),
    *MESSAGE_KEYS,
    Key("a", "a", "answer", "show the whole of the last answer", action="answer", group=LEARN),
    Key(
        "y",
        "y",
        "copy",
        "copy the selected message, event or entry, else what the pane or the box shows, to the clipboard",
        action="copy",
        group=PRESENT,
    ),
    Key(
        "M",
        "M",
        "mouse",
        "leave the mouse to the terminal, to select text with it; or take it back",
        action="mouse",
        group=PRESENT,
    ),
    Key(
        "g",
        "g",
        "go on",
        "a script: do its next step; without one: choose a story",
        action="go_on",
        rank=8,
        group=PRESENT,
    ),
    Key(
        "f1",
        "F1",
        "lessons",
        "choose a lesson: predict, watch, read why; it leads back here",
        action="choose('lesson')",
        group=LEARN,
    ),
    Key(
        "f2",
        "F2",
        "first card",
        "the card of the first start: first election, lessons, stories",
        action="welcome",
        group=LEARN,
    ),
    Key(
        "f5",
        "F5",
        "present",
        "presenter mode: the stage, a pane and the caption in large letters. PgDn, → or Enter: next caption; PgUp "
        "or ←: the one before; b or .: black screen; z: the pane alone; 1 to 9: chapters; j, k or a click: a node "
        "in the spotlight, 0: none; `:`: a command; F5 or Esc: leave",
        action="presenter",
        rank=7,
        group=PRESENT,
    ),
    Key(
        "number_sign",
        "#",
        "chapters",
        "a script: list its chapters; a digit goes to one",
        action="chapters",
        group=PRESENT,
    ),
    Key("L", "L", "light", "light theme, or dark; remembered", action="light", group=PRESENT),
    Key("question_mark", "?", "help", "this help", action="help", rank=0, group=LEARN),
    Key(
        "ctrl+p",
        "Ctrl+P",
        "palette",
        "every command, to search in",
        action="command_palette",
        rank=5,
        group=CLIENTS,
    ),
    Key(
        "ctrl+s",
        "Ctrl+S",
        "picture",
        "save the screen here as an SVG picture",
        action="picture",
        group=PRESENT,
        touches="files",
    ),
    Key(
        "escape",
        "Esc",
        "leave",
        "leave, in this order: the prompt, a selection or what is scrolled, a full-screen pane, a pane over the "
        "stage; twice: the past",
        action="leave",
        group=LEAVE,
    ),
    Key(
        "ctrl+c",
        "Ctrl+C",
        "interrupt",
        "interrupt the command under way and drop what waits behind it; twice: quit",
        action="interrupt",
        group=LEAVE,
    ),
    Key(
        "ctrl+z",
        "Ctrl+Z",
        "suspend",
        "go back to the shell; `fg` there comes back here",
        action="suspend",
        group=LEAVE,
        touches="terminal",
    ),
    Key("q", "q", "quit", "quit; asks if anything was done", action="quit", rank=4, group=LEAVE),
)

COMPARE_KEYS: tuple[Key, ...] = (
    Key("left", "←", "back", "back by one event of either branch", action="move(-1)", rank=1),
    Key("right", "→", "forward", "forward by one event of either branch", action="move(1)", rank=1),
    Key("shift+left", "shift+←", "back 20", "back by twenty events", action="move(-20)"),
    Key("shift+right", "shift+→", "forward 20", "forward by twenty events", action="move(20)"),
    Key("ctrl+left", "Ctrl+←", "mark before", "back to the mark before on either tape", action="mark(-1)"),
    Key("ctrl+right", "Ctrl+→", "next mark", "forward to the next mark on either tape", action="mark(1)", rank=4),
    Key("home", "Home", "parting", "to the moment at which the two part", action="part", rank=2),
    Key("end", "End", "end", "to the end of the longer branch", action="end", rank=3),
    Key("tab", "Tab", "other side", "where one stage is shown: the other branch's", action="turn", rank=1),
    Key("D", "D", "next branch", "compare with the next branch", action="next", rank=3),
    Key("a", "a", "as text", "how they differ, as `diff` says it", action="text", rank=5),
    Key("question_mark", "?", "help", "these keys", action="help", rank=5),
    Key("escape", "Esc", "leave", "back to where one was", action="dismiss", rank=0),
)
"""The keys while two branches are compared."""

PROMPT_KEYS: tuple[Key, ...] = (
    Key(
        "enter",
        "Enter",
        "run",
        "run the command, or all lines of a pasted block, and leave the prompt; the answer stands above",
    ),
    Key("tab", "Tab", "complete", "complete; again: the next that fits; shift+Tab: the one before"),
    Key("up", "Up", "before", "the command before that begins with what is typed"),
    Key("down", "Down", "after", "the command after that begins with what is typed", rank=10),
    Key(
        "ctrl+r",
        "Ctrl+R",
        "search",
        "search back for a command that contains what is typed; again: go on",
    ),
    Key("escape", "Esc", "leave", "leave the prompt; what is typed stays"),
)
"""The keys of the prompt; those of rank 10 are not named at the foot."""

MENU_KEYS: tuple[Key, ...] = (
    Key("up", "↑", "up", "the line above"),
    Key("down", "↓", "down", "the line below"),
    Key(
        "enter",
        "Enter",
        "do it",
        "do what the marked line says; the letter of a line does so at once, and a click",
    ),
    Key("escape", "Esc", "close", "close the menu"),
)
"""The keys of a menu."""

DIGITS = Key("", "0-9", "select", "select a node by its number, of two digits where there are so many", group=NODE)
"""The digits, which select nodes."""

KEY = {key.key: key for key in KEYS}
"""The same by what textual calls them."""

TOUCHING = {key.action: key for key in KEYS if key.touches}
"""The keys whose actions touch more than the cluster, by their actions."""


def of_group(group: str) -> list[Key]:
    """Return the keys of one purpose, the digits among them."""
    return [key for key in (*KEYS, DIGITS) if key.group == group]


def line_of(key: Key, view: View, node: int) -> str:
    """The line that a key runs."""
    return key.command(view, node) if callable(key.command) else key.command.format(node=node)


def word_of(key: Key, view: View, node: int) -> str:
    """Return in a word what a key does now: a command that takes turns with another is named itself."""
    return line_of(key, view, node).split()[0] if key.command in TAKES_TURNS else key.word


TAKES_TURNS = (_toggle_pause, _toggle_connection, _toggle_frozen, partition_of)
"""The makers of commands that undo one another."""


def markdown_table() -> str:
    """Return all keys in Markdown, as docs/screen.md shows them."""
    rows = [f"| `{key.shown}` | {key.help} |" for group in GROUPS for key in of_group(group)]
    return "\n".join(["| key | does |", "|---|---|", *rows]) + "\n"
