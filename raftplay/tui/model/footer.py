"""The footer: the keys that help in the state of the screen, as many as there is room for; each can be clicked."""

from typing import NamedTuple

from raftplay.past.view import View
from raftplay.raft.messages import CMState
from raftplay.tui.keys import KEY, KEYS, MENU_KEYS, PROMPT_KEYS, word_of
from raftplay.tui.model.context import Context
from raftplay.tui.model.glyphs import plain_keys
from raftplay.tui.model.key import Key
from raftplay.tui.model.lines import ClickTarget, Piece, Pieces, columns, fit

MOST_RANK = 8
"""The rank below which the footer names a key where no other state asks for it."""


class Situation(NamedTuple):
    """The state of the screen on which the footer depends.

    `about`: what Enter opens the menu of. `pane`: the pane on which keys act, "" for none; `has_row`: a row of it
    is selected. `plays`: a script is played; `waits`: it waits for a key.
    """

    about: str = ""
    pane: str = ""
    has_row: bool = False
    plays: bool = False
    waits: bool = False
    is_typing: bool = False
    is_menu: bool = False


PLAYING = ("g", "space", "question_mark", "enter", "m", "l", "left", "q", "escape")
IN_THE_PAST = ("space", "left", "right", "end", "enter", "question_mark", "ctrl+left", "ctrl+right", "m", "l", "q")
LEADERLESS = ("space", "full_stop", "enter", "m", "l", "V", "question_mark", "T", "t", "colon", "q", "w")
PAUSED = ("space", "full_stop", "enter", "m", "l", "question_mark", "left", "s", "C", "p", "w", "colon", "q", "P")
BROKEN = ("space", "full_stop", "enter", "h", "m", "l", "question_mark", "s", "p", "C", "w", "colon", "q", "left")
IN_A_PANE = ("escape", "enter", "up", "down", "space", "question_mark", "tab", "o", "m", "l", "colon", "q")
ON_EVENTS = ("escape", "enter", "up", "down", "f", "F", "space", "question_mark", "tab", "o", "colon", "q")
ON_A_MESSAGE = ("v", "x", "u", "H", "escape", "enter", "up", "down", "question_mark", "space", "colon", "q")
ON_A_PAST_MESSAGE = ("H", "escape", "enter", "up", "down", "end", "left", "right", "question_mark", "q")

OPENED = {"events": "go there", "messages": "go there", "log": "why?", "network": "link menu"}
"""The action of Enter on a row of a pane."""


def footer(view: View, context: Context, situation: Situation) -> Pieces:
    """Return the line of keys."""
    if situation.is_typing:
        return _line([(key, key.word, None) for key in PROMPT_KEYS if key.rank < 10], context)
    if situation.is_menu:
        return _line([(key, key.word, ("menu key", at)) for at, key in enumerate(MENU_KEYS)], context)
    chosen: list[tuple[Key, str, ClickTarget]] = []
    room = context.width
    for key in wanted(view, situation):
        word = _word(key, view, context, situation)
        taken = columns(plain_keys(key.shown, context.glyphs)) + columns(word) + 4
        if taken <= room:
            chosen.append((key, word, ("key", KEYS.index(key))))
            room -= taken
    return _line(sorted(chosen, key=lambda one: KEYS.index(one[0])), context)


def wanted(view: View, situation: Situation) -> list[Key]:
    """Return the keys that help now, the most useful first."""
    names: tuple[str, ...] = ()
    if situation.plays:
        names = PLAYING
    elif situation.pane == "messages" and situation.has_row:
        names = ON_A_PAST_MESSAGE if view.rewound else ON_A_MESSAGE
    elif view.rewound:
        names = IN_THE_PAST
    elif situation.pane:
        names = ON_EVENTS if situation.pane == "events" else IN_A_PANE
    elif not any(n.alive and n.state is CMState.LEADER for n in view.snapshot.nodes):
        names = LEADERLESS
    elif (
        view.snapshot.groups or view.snapshot.faulty_links or view.snapshot.held_links or view.snapshot.held_kinds
    ):
        names = BROKEN
    elif view.snapshot.paused:
        names = PAUSED
    found = [KEY[name] for name in names]
    if not names:
        found = sorted((key for key in KEYS if key.rank < MOST_RANK and key.key != "D"), key=lambda key: key.rank)
    if view.branch and not situation.plays and not situation.pane:  # there is another one to compare with
        found.insert(3, KEY["D"])
    return found


def _word(key: Key, view: View, context: Context, situation: Situation) -> str:
    """Return what a key does now, in a word or two."""
    if key.key == "space" and situation.plays and not view.rewound:
        return "go on" if situation.waits else "pause"
    if key.key == "g" and situation.waits:
        return "next step"
    if key.key == "enter":
        return OPENED.get(situation.pane, "open") if situation.has_row else f"{situation.about} menu"
    if key.key == "escape" and situation.pane:
        return "deselect" if situation.has_row else "close"
    return word_of(key, view, context.selected)


def _line(chosen: list[tuple[Key, str, ClickTarget]], context: Context) -> Pieces:
    pieces: list[Piece] = []
    for key, word, target in chosen:
        shown = plain_keys(key.shown, context.glyphs)
        pieces += [Piece(f" [{shown}]", "key bold bar", target), Piece(f" {word}", "dim bar", target)]
    return fit(pieces, context.width, "bar")
