"""The keys: what each of them does to the session, and to what the screen shows of it."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import assert_never

from textual import events
from textual.actions import ActionParseResult
from textual.dom import DOMNode

from raftplay.language.table import refusal
from raftplay.past.view import View
from raftplay.session.outcome import Outcome
from raftplay.tui import keys
from raftplay.tui.boxes import Box
from raftplay.tui.driver import SessionLike
from raftplay.tui.elsewhere import Elsewhere
from raftplay.tui.help import HelpSheet
from raftplay.tui.model import diagram
from raftplay.tui.model.key import Key
from raftplay.tui.model.pane import RowAction, Shows
from raftplay.tui.model.panes import NAMES
from raftplay.tui.palette import CommandSearch
from raftplay.tui.placed import Main, PlacedApp
from raftplay.tui.play import Player
from raftplay.tui.playhead import FLIGHTS, Playhead
from raftplay.tui.prompt import Prompt
from raftplay.tui.sheet import Leaving, Sheet, text_sheet

TWICE, TWO_DIGITS = 2.0, 1.0
"""The time in which a key is pressed twice, and in which a node's two digits are typed, in seconds."""

REAL_SPEED = 0.1
"""The speed in pace `real`: a person cannot follow an election of 150 ms."""

SEEN_KEYS = {"full_stop": 1, "right": 1, "left": -1, "shift+left": -20}
"""The keys that move by events, and how far: from what is shown, where that is not the present."""

FLIGHT_KEYS = {"left_square_bracket": 1, "right_square_bracket": -1}
"""The keys that change the time of a flight, to a longer or a shorter one; in pace `real` the speed."""


class KeyApp(PlacedApp, inherit_bindings=False):
    """An app with the actions of keys that need no other screen than sheets."""

    driver: SessionLike
    elsewhere: Elsewhere
    player: Player | None
    playhead: Playhead | None
    seen: View
    watches: bool
    flight: float

    def __init__(self) -> None:
        super().__init__()
        self._interrupted_at = 0.0
        self._left_at = 0.0
        self._digit = (0, -TWO_DIGITS)  # the last digit, and when it was typed

    async def run_action(
        self,
        action: "str | ActionParseResult",
        default_namespace: DOMNode | None = None,
        namespaces: Mapping[str, DOMNode] | None = None,
    ) -> bool:
        """Do what a key is for, unless it touches what is barred."""
        key = keys.TOUCHING.get(action) if isinstance(action, str) else None
        refused = refusal(key.shown, key.touches, self.driver.session.barred) if key is not None else ""
        if refused:
            self.toast(refused, severity="warning")
            return False
        return await super().run_action(action, default_namespace, namespaces)

    def do(self, line: str, *, typed: bool = False) -> None:
        """Run a line of the command language; its answer comes when it comes. What is not typed is a key's."""
        raise NotImplementedError

    def leave_pace(self) -> None:
        """Return the clock to the pace of the cluster."""
        raise NotImplementedError

    def change_flight(self, by: int) -> None:
        """Take the next longer or shorter time of a flight."""
        at = min(range(len(FLIGHTS)), key=lambda at: abs(FLIGHTS[at] - self.flight))
        self.flight = FLIGHTS[max(0, min(len(FLIGHTS) - 1, at + by))]
        if self.playhead is not None:
            self.playhead.flight = self.flight
        self.say("", f"a message takes {self.flight:g} s on its way")

    def move_seen(self, playhead: Playhead, by: int) -> None:
        """Go on to what is not shown yet, or back from what is shown."""
        if by > 0:
            playhead.step()
        else:
            self.go_to(playhead.seq + by)

    @property
    def may_move_seen(self) -> bool:
        """Return whether keys move by events that are not shown yet; else they act on the cluster."""
        is_behind = self.playhead is not None and self.playhead.is_behind
        return is_behind and not self.seen.rewound and not self.is_busy

    @property
    def is_busy(self) -> bool:
        """Return whether a script plays or a command is under way, which must not be stopped."""
        return (self.player is not None and not self.player.ended) or self.driver.busy is not None

    def start_presenting(self) -> None:
        """Hold each caption of a script until the speaker goes on."""
        if self.player is not None:
            self.player.by_caption, self.player.step_by_step = True, False

    def stop_presenting(self) -> None:
        """Hold a script where it is."""
        if self.player is not None:
            self.player.step_by_step = True

    def action_stops(self) -> None:
        """Stop by itself at what is seen for the first time, or do so no more; remembered."""
        self.settings.stops = not self.settings.stops
        self.settings.save()
        stops = (
            "stops at the first candidate, leader and commit" if self.settings.stops else "stops no more by itself"
        )
        self.toast(f"the screen {stops}")

    def action_pace(self) -> None:
        """Go at a pace that a person can follow, or as the clock of the cluster goes."""
        self.watches = not self.watches
        if not self.watches:
            self.leave_pace()
        self.do("speed 1" if self.watches else f"speed {REAL_SPEED:g}")

    def forget_digit(self) -> None:
        """Take the next digit as the first of a node: another key has come between."""
        self._digit = (0, -TWO_DIGITS)

    def action_select(self, digit: int) -> None:
        """Select a node by its number; of two digits where there are so many."""
        now = time.monotonic()
        first, typed_at = self._digit
        both = first * 10 + digit
        is_second = now - typed_at < TWO_DIGITS and both < self.deck.nodes
        self._digit = (digit, -TWO_DIGITS if is_second else now)
        self._changed(partial(self.deck.select, both if is_second else digit))

    def action_select_by(self, by: int) -> None:
        """Select the next node, or the node before."""
        self._changed(partial(self.deck.select, (self.deck.selected + by) % self.deck.nodes))

    def action_show(self, pane: str) -> None:
        """Bring a pane to the front."""
        self._changed(partial(self.deck.toggle, pane))

    def action_next_pane(self, by: int) -> None:
        """Go to the next pane, or to the pane before."""
        self._changed(partial(self.deck.next_pane, by))

    def action_zoom(self) -> None:
        """Give the pane the whole screen, or give it back."""
        self.deck.zoomed = not self.deck.zoomed
        self._changed(lambda: None)

    def action_move(self, by: int) -> None:
        """Select what is above or below."""
        self._changed(partial(self.deck.move, self.seen, by))

    def action_page(self, by: int) -> None:
        """Scroll by a page."""
        pane = self.deck.pane
        height = self.deck.tops.get(pane, (0, 10, 0))[1]
        self._changed(partial(self.deck.scroll, pane, by * max(1, height - 1)))

    def action_first(self) -> None:
        """Scroll to the beginning."""
        self._changed(partial(self.deck.scroll, self.deck.pane, -1_000_000))

    def action_filter_kind(self) -> None:
        """List the next kind of events."""
        self.deck.show("events")
        self._changed(self.deck.filter_kind)

    def action_filter_node(self) -> None:
        """List events of one node, or of all."""
        self.deck.show("events")
        self._changed(self.deck.filter_node)

    def action_message(self, what: str) -> None:
        """Deliver, lose, duplicate or hold the selected message; of one that has landed only its link is held."""
        arrow = diagram.selected_arrow(self.seen, self.deck.context("messages"))
        line = None if arrow is None else diagram.message_line(what, arrow, self.seen)
        if line is None:
            self.toast("select a message in flight first: m, then up and down", severity="warning")
        else:
            self.do(line)

    def action_prompt(self) -> None:
        """Type a command. What is typed at once behind the key is part of it: the focus must not come later."""
        self.open_prompt()

    def open_prompt(self) -> Prompt:
        """Return the line to type in, which takes the keys from now on."""
        self.set_focus(self.prompt)
        return self.prompt

    def action_submit_to(self) -> None:
        """Type what the selected node gets."""
        self.ask(f"submit  to {self.deck.selected}", len("submit "))

    def ask(self, text: str, cursor: int | None = None) -> None:
        """Put a command into the prompt, to be completed."""
        prompt = self.open_prompt()
        prompt.put(text)
        if cursor is not None:
            prompt.cursor_position = cursor

    def action_mark(self, by: int) -> None:
        """Go to the mark before on the tape, or to the one behind."""
        tape = self.deck.tape(self.seen.branch)
        seq = self.seen.records[-1].seq if self.seen.records else 0
        self.go_to(tape.previous(seq) if by < 0 else tape.next(seq))

    def action_present(self) -> None:
        """Back to now: of the cluster, and of what is scrolled."""
        if self.seen.rewound:
            self.deck.scrolls[self.deck.pane] = 0
            self.do("live")
        else:
            self._changed(partial(self.deck.scroll, self.deck.pane, 1_000_000))

    def action_choose(self, command: str) -> None:
        """Choose what to `play`, or a `lesson`."""
        self.elsewhere.choose(command)

    def action_welcome(self) -> None:
        """Show the card of the first start again."""
        self.first.show_card()

    def action_go_on(self) -> None:
        """A script: do its next step; without one, choose a story."""
        if self.player is None or self.player.ended:
            self.action_choose("play")
        else:
            if self.seen.rewound:
                self.do("live")
            if self.playhead is not None:
                self.playhead.go_on()
            self.player.go_on()

    def action_leave(self) -> None:
        """Leave a selection or a drawer; then, pressed once more, the past."""
        if self.deck.leave() or self.first.leave():
            pass
        elif self.seen.rewound:
            if time.monotonic() - self._left_at < TWICE:
                self.do("live")
            else:
                self._left_at = time.monotonic()
                self.say("", "Esc once more, or End: back to the present")
        self._changed(lambda: None)

    def action_light(self) -> None:
        """Light or dark; remembered."""
        self.settings.light = not self.settings.light
        self.put_colours()
        self.settings.save()
        self.refresh_all()

    def action_answer(self) -> None:
        """The whole of the last answer."""
        outcome = self.deck.outcome
        if outcome is not None:
            self.push_screen(text_sheet(outcome.text, outcome.answer))

    def action_copy(self) -> None:
        """Copy the selected row, or else what the pane shows, to the clipboard."""
        self.copy(self.deck.copied_text(self.seen))

    def on_sheet_copied(self, event: Sheet.Copied) -> None:
        """Copy all of a sheet."""
        self.copy(event.text)

    def action_help(self) -> None:
        """Every key and every sign."""
        self.push_screen(HelpSheet(self.deck.glyphs))

    def _changed(self, change: Callable[[], object]) -> None:
        change()
        self.arrange()
        self.paint()

    def action_key(self, name: str) -> None:
        """A key that is a command."""
        if name == "space" and self.player is not None and not self.player.ended and not self.seen.rewound:
            waits = self.player.hold()
            if self.playhead is not None:
                self.playhead.hold(waits)
            self.toast("the script waits: g for its next step, space to go on" if waits else "the script goes on")
        elif name in FLIGHT_KEYS and self.watches:
            self.change_flight(FLIGHT_KEYS[name])
        elif self.may_move_seen and self.playhead is not None and name in SEEN_KEYS:
            self.move_seen(self.playhead, SEEN_KEYS[name])
        else:
            self.do(keys.line_of(keys.KEY[name], self.seen, self.deck.selected))

    def say(self, about: str, text: str) -> None:
        """An answer that no command gave."""
        self.deck.outcome = Outcome(about, self.seen.snapshot.time, text)

    def go_to(self, seq: int) -> None:
        """Look at the moment of the event `seq`."""
        position = self.driver.session.position
        moment = position.moment
        here = position.branch.history.last_seq if moment is None else moment.seq
        if seq < here:
            self.do(f"back {min(10_000, here - seq)}")
        elif seq > here:
            self.do(f"forward {min(10_000, seq - here)}")

    def action_interrupt(self) -> None:
        """End the command under way; quit if there is none, or the second time."""
        now = time.monotonic()
        if self.driver.cancel():
            self._interrupted_at = now
        elif now - self._interrupted_at < TWICE:
            self.exit()
        else:
            self._interrupted_at = now
            self.toast("Ctrl+C once more to quit")

    def action_command_palette(self) -> None:
        """Every command and every key, to search in."""
        if not isinstance(self.screen, CommandSearch):
            self.push_screen(CommandSearch())  # without an id: the one before may not be gone yet

    def press(self, key: Key) -> None:
        """Do what a key does."""
        if key.action:
            self.call_later(self.run_action, key.action)
        else:
            self.action_key(key.key)

    def act(self, action: RowAction) -> None:
        """Do what a row of a pane is for."""
        match action:
            case int(seq):
                self.go_to(seq)
            case str(line):
                self.do(line)
            case Shows(pane):
                self.deck.show(pane)
            case None:
                pass
            case _:
                assert_never(action)

    def on_leaving_quit_confirmed(self, event: Leaving.QuitConfirmed) -> None:
        """Do what was chosen after `q` asked."""
        if event.saves:
            self.ask("save ")
        else:
            self.exit()

    def on_paste(self, event: events.Paste) -> None:
        """Put what is pasted beside the prompt into it."""
        if isinstance(self.screen, Main):
            self.set_focus(self.prompt)
            self.prompt.insert_block(event.text)

    def on_box_scrolled(self, event: Box.Scrolled) -> None:
        """The wheel was turned."""
        if (name := event.box.id or "") in NAMES:
            self.deck.scroll(name, event.lines)
            self.paint()
