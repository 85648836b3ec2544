"""The app: composes the boxes, places them, paints what the deck makes of a view, and routes keys."""

import asyncio
import gc
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.command import Provider
from textual.screen import Screen
from textual.widgets import Input

from raftplay.errors import UsageError
from raftplay.language.completion import Completion
from raftplay.language.lexer import Mistake
from raftplay.language.table import bind
from raftplay.past.view import View
from raftplay.session.branches import Branch
from raftplay.session.outcome import Outcome
from raftplay.tui import comparing, keys, last, menu, picture
from raftplay.tui.boxes import Box
from raftplay.tui.driver import SessionLike
from raftplay.tui.elsewhere import Elsewhere
from raftplay.tui.first import COMMAND, FirstRun
from raftplay.tui.help import HelpSheet
from raftplay.tui.model import diagram
from raftplay.tui.model.key import Key
from raftplay.tui.model.lines import Target
from raftplay.tui.model.pane import RowAction
from raftplay.tui.model.panes import NAMES
from raftplay.tui.palette import Commands, CommandSearch
from raftplay.tui.play import Player
from raftplay.tui.playhead import FLIGHT, FLIGHTS, Playhead
from raftplay.tui.present import Presentation, chapter_sheet
from raftplay.tui.prompt import Prompt, PromptHistory, completed, for_screen, hinted, lines_of
from raftplay.tui.reel import Reel
from raftplay.tui.settings import Settings
from raftplay.tui.sheet import Leaving, Sheet, text_sheet
from raftplay.tui.stage.scene import Scene, scene_of, without_motion
from raftplay.tui.state import ScreenState
from raftplay.tui.terminal import InAscii, TerminalApp
from raftplay.tui.theme import PALETTES, theme_name
from raftplay.watch.invariants import INVARIANTS

PAINTS = 12
"""Paints of the screen per second."""

SELDOM = 4
"""On a slow line, only one of so many paints is made."""

MOST_SLOTS = 6

TWICE, TWO_DIGITS = 2.0, 1.0
"""The time in which a key is pressed twice, and in which a node's two digits are typed, in seconds."""

REAL_SPEED = 0.1
"""The speed in pace `real`: a person cannot follow an election of 150 ms."""

FIRST_MINUTES = 300.0
"""The seconds in which the screen stops by itself at what is seen for the first time."""

MILESTONES = {
    "candidate": "first candidate: it asks for votes",
    "leader": "first leader: a majority voted for it",
    "commit": "first commit: a majority has the entry",
}
"""The texts of the moments at which the screen stops by itself."""

SEEN_KEYS = {"full_stop": 1, "right": 1, "left": -1, "shift+left": -20}
"""The keys that move by events, and how far: from what is shown, where that is not the present."""

FLIGHT_KEYS = {"left_square_bracket": 1, "right_square_bracket": -1}
"""The keys that change the time of a flight, to a longer or a shorter one; in pace `real` the speed."""

PRIORITY = ("prompt", "suspend")
"""The actions whose keys do not go to what has the focus first."""


class Main(Screen[None], inherit_bindings=False):
    """The one screen on which everything stands; it has no keys of its own."""

    AUTO_FOCUS = ""


class RaftApp(TerminalApp, inherit_bindings=False):
    """The screen of a session. `player` plays a script in it; `settings` remembers the theme.

    `greets`: it is the first start, so the card is shown over a cluster that the caller has paused.
    """

    has_guide = True
    """True if it has a first run, stories and lessons: a lesson is such a screen without them."""

    TITLE = "raftplay"
    CSS = """
    Main { layout: vertical; overflow: hidden; }
    Box { position: absolute; }
    #prompt { position: absolute; border: none; height: 1; padding: 0 1; background: $surface; }
    CommandPalette SearchIcon { display: none; }
    Sheet { align: center middle; background: $background 60%; }
    Sheet Box { position: relative; border: round $primary; background: $background; padding: 0 1; }
    """
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {Commands}
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(k.key, k.action or f"key('{k.key}')", k.help, show=False, priority=k.action in PRIORITY)
            for k in keys.KEYS
            if k.action != "command_palette"
        ),
        *(Binding(str(digit), f"select({digit})", show=False) for digit in range(10)),
    ]

    def __init__(
        self,
        driver: SessionLike,
        deck: ScreenState,
        *,
        settings: Settings | None = None,
        player: Player | None = None,
        colours: bool = True,
        news: list[str] | None = None,
        watches: bool = False,
        greets: bool = False,
        presents: bool = False,
    ) -> None:
        super().__init__()
        self.watches = watches
        """True at a pace that a person can follow (watch), False if the screen shows the present (real)."""

        self.stops = watches
        """True if it stops by itself at the first candidate, leader and commit."""

        self.flight = FLIGHT
        self.playhead: Playhead | None = None
        self._met: set[str] = set()
        self._began = time.monotonic()
        self.driver = driver
        self.deck = deck
        self.player = player
        self.settings = settings or Settings()
        self.first = FirstRun(self, greets=greets)
        self.elsewhere = Elsewhere(self)
        self.colours = colours
        self.history = PromptHistory()
        self.seen: View = driver.view()
        self.shown = scene_of(self.seen)
        self.stillness = menu.Stillness()
        self.loop: asyncio.AbstractEventLoop | None = None
        self._pending: list[tuple[Future[list[Outcome]], bool]] = []  # each with whether it was typed
        self._news = news if news is not None else []
        self._breach_shown = False
        self._branch: Branch | None = None
        self._interrupted_at = 0.0
        self._left_at = 0.0
        self._digit = (0, -TWO_DIGITS)  # the last digit, and when it was typed
        self._will_paint = False
        self._ticks = 0
        self._hinted = ("", 0)
        self._boxes: dict[str, Box] = {}
        self.reel = Reel(self)
        self.presents = presents
        """True if it begins in presenter mode."""

        self.prompt = Prompt(self.history, self.complete)
        if deck.glyphs.ascii:
            self._filters.append(InAscii())
        for palette in PALETTES.values():
            self.register_theme(palette.textual())
        self.theme = theme_name(light=self.settings.light, few=False)

    def continue_from(self, before: "RaftApp") -> None:
        """Go on where another screen of the same session was left."""
        self.history, self.flight, self.stops = before.history, before.flight, before.stops
        self.prompt = Prompt(self.history, self.complete)
        self._met, self._began, self._pending = before._met, before._began, before._pending

    def finish(self, patience: float) -> None:
        """Wait at most `patience` seconds for the commands that were given, then interrupt them."""
        wait([future for future, _ in self._pending], patience)
        self.driver.cancel()

    # ---- composing

    def get_default_screen(self) -> Screen[None]:
        """The screen with all the boxes."""
        return Main()

    def compose(self) -> ComposeResult:
        """Every box there can be; `arrange` shows those that have a place."""
        titles = (f"title{at}" for at in range(MOST_SLOTS))
        drawers = ("side0", "side1", *titles, *NAMES)
        names = (
            "status",
            "rule0",
            "stage",
            "rule1",
            "sentence",
            "tape",
            *drawers,
            "caption",
            "answer",
            "keys",
            "coach",
        )
        fills = ("status", "keys", "caption", "coach")
        self._boxes = {name: Box(name, fills="bar" if name in fills else "") for name in names}
        yield from self._boxes.values()
        yield self.prompt

    def on_mount(self) -> None:
        """Paint for the first time, then at a steady pace."""
        self.put_colours()
        self.fit(*self.size)
        self.arrange()
        self.paint()
        self.set_interval(1 / PAINTS, self.tick)
        sys.setswitchinterval(0.0005)  # the cluster's thread must not wait for a paint
        self.loop = asyncio.get_running_loop()
        self.app_resume_signal.subscribe(self.screen, self.repaint)
        if self.presents:
            self.action_presenter()
        self.first.begin()
        self.call_after_refresh(_settle)

    def put_colours(self) -> None:
        """Take the colours that were chosen, as far as the terminal has them."""
        few = self.console.color_system == "standard" and not self.is_headless
        self.theme = theme_name(light=self.settings.light, few=few)

    def on_resize(self, event: events.Resize) -> None:
        """Everything moves to its new place."""
        self.fit(*event.size)
        self.arrange()
        self.paint()

    def fit(self, width: int, height: int) -> None:
        """Give the deck its room on a screen of that size: all of it."""
        self.deck.width, self.deck.height = width, height

    def arrange(self) -> None:
        """Give every box its place."""
        deck = self.deck
        prompt = self.prompt
        prompt.display = deck.fits
        if not deck.fits:
            for name, box in self._boxes.items():
                box.place((0, 0, self.size.width, 1 if name == "status" else 0))
            return
        places, where = deck.boxes(), deck.layout().prompt
        for name, box in self._boxes.items():
            box.place(places.get(name, (0, 0, 0, 0)))
        prompt.styles.offset = (where.x, where.y)
        prompt.styles.width = where.width
        if self.first.line:
            prompt.styles.width = COMMAND
            self._boxes["coach"].place((where.x + COMMAND, where.y, where.width - COMMAND, 1))

    # ---- painting

    def tick(self) -> None:
        """Paint at a steady pace; seldom on a slow line, but what is shown moves on all the same."""
        self._ticks += 1
        if self.line.is_slow and self._ticks % SELDOM and self.is_running:
            self.scene()
        else:
            self.paint()

    def paint(self) -> None:
        """Show the cluster as it is now."""
        if not self._boxes or not self.screen_stack or not self.is_running:
            return  # it begins, or ends
        deck = self.deck
        self.player = self.elsewhere.player() or self.player
        self.stillness.keep(self)
        deck.is_menu = isinstance(self.screen, menu.MenuScreen)
        if self.player is not None and not self.stillness.is_wanted:
            self._play(self.player)
        busy = None if self.player is not None and not self.player.ended else self.driver.busy
        if busy != deck.busy:
            deck.busy, deck.is_answered = busy, False
        self._take_outcomes()
        deck.waiting = self.driver.waiting
        deck.is_typing, self._will_paint = self.focused is self.prompt, False
        if (typed := (self.prompt.value, self.prompt.cursor_position)) != self._hinted:
            deck.hint, self._hinted = hinted(*typed, self.driver.session), typed
        while self._news:
            self.say("", self._news.pop(0))
        self.shown = scene = self.scene()
        self.seen = view = scene.view
        if view.breach is not None and not self._breach_shown:
            self._show_breach(view)
        if self.first.look():
            self.arrange()
        self._boxes["coach"].put((self.first.line,))
        if self.line.is_slow:
            scene = without_motion(scene)
        if isinstance(self.screen, Presentation):
            self.screen.show(scene)
            return
        for name, lines in deck.frame(scene).items():
            self._boxes[name].put(lines)

    def _play(self, player: Player) -> None:
        """Let a script go on, and show what it says."""
        deck, is_current = self.deck, self.playhead is None or self.playhead.is_current
        if self.playhead is not None:
            self.playhead.rushes = player.hurries
        is_held = self.reel.is_past or (self.playhead is not None and self.playhead.held)
        is_changed = not is_held and player.tick(time.monotonic(), is_shown=is_current)
        deck.playing = player.note
        deck.chapters = self.reel.chapter_marks()
        self.reel.announce()
        if is_changed:
            if player.outcome is not None:
                deck.outcome = player.outcome
            deck.comments, deck.place = player.comments, player.place
            deck.plays = not player.ended
            self.arrange()

    def scene(self) -> Scene:
        """Return what is to be seen now: the present, the past, or where the playhead is."""
        branch, selected = self.driver.session.branch, self.deck.selected
        view = self.driver.view()
        self._read_tapes(view)
        self._enter(branch)
        if not self.watches or view.rewound or self.driver.session.branch is not branch:
            self.deck.pace, self.deck.pace_note = "", ""
            return scene_of(view, selected)
        if self.playhead is None or self.playhead.branch is not branch:
            self.leave_pace()
            self.playhead = Playhead(branch, self.flight)
        self.deck.pace, self.deck.pace_note = "pace watch", f"flight {self.flight:g} s"
        self.playhead.awaits = self.is_busy
        scene = self.playhead.tick(time.monotonic(), view, selected)
        self._stop_at_milestones(self.playhead)
        return scene

    def _enter(self, branch: Branch) -> None:
        """Show the breaches of the branch that is seen, and what is watched there, when it is another one."""
        if branch is not self._branch:
            self._branch, self._breach_shown = branch, False
            self.arrange()  # the tape has a row for each branch
            if branch.blueprint is not None:
                self.deck.watched = branch.blueprint.watched or tuple(i.name for i in INVARIANTS)

    def _stop_at_milestones(self, playhead: Playhead) -> None:
        """Stand still at the first candidate, leader and commit that are seen."""
        playhead.tells_all = self.first.is_touring
        if self.first.is_touring and self._pending:
            return  # what lets the cluster go on must not come after what stops it
        for milestone in playhead.milestones:
            is_first = milestone.what not in self._met
            self._met.add(milestone.what)
            if self.first.is_touring:
                if not self.is_busy:
                    playhead.stop()
                    self.first.stand(milestone.what)
                continue
            is_early = time.monotonic() - self._began < FIRST_MINUTES
            if is_first and is_early and self.stops and self.settings.stops and not self.is_busy:
                playhead.stop()
                self.say("", f"{MILESTONES[milestone.what]}. space goes on; A stops this")
        playhead.milestones.clear()

    def _read_tapes(self, view: View) -> None:
        """Name the branches; read on those tapes that another look does not read."""
        session, deck = self.driver.session, self.deck
        deck.earliest = session.history.earliest
        deck.branches = {b.name: b.since.seq for b in session.branches.values()} if view.branch else {}
        for name, branch in session.branches.items() if view.rewound or view.branch else ():
            if (name if view.branch else "") != view.branch or view.rewound:
                tape = deck.tape(name if view.branch else "")
                if tape.last_seq < branch.history.last_seq:
                    with branch.harness.lock:
                        tape.read(branch.history.records())

    def leave_pace(self) -> None:
        """Return the clock to the pace of the cluster."""
        if self.playhead is not None:
            self.playhead.close()
            self.playhead = None

    def _take_outcomes(self) -> None:
        done = [pair for pair in self._pending if pair[0].done()]
        self._pending = [pair for pair in self._pending if pair not in done]
        for future, typed in done:
            outcomes = future.result()
            for outcome in outcomes:
                self.first.note(outcome)
            if outcomes:
                self.deck.outcome = replace(outcomes[-1], answer=for_screen(outcomes[-1].answer))
                self.deck.is_answered = True
                long = outcomes[-1].answer.count("\n") >= self.deck.layout().answer.height
                if long and typed and isinstance(self.screen, Main):
                    self.action_answer()

    def _show_breach(self, view: View) -> None:
        """The world stopped at the guilty event: show it in its place, and why."""
        assert view.breach is not None
        self._breach_shown = True
        deck = self.deck
        deck.select(view.breach.node)
        deck.rows["events"] = ("event", view.breach.seq)
        deck.show("why")
        self.arrange()
        if deck.outcome is None or deck.outcome.held:
            self.say("", f"{view.breach.invariant} is broken; time stands still")

    # ---- doing

    def do(self, line: str, *, typed: bool = False) -> None:
        """Run a line of the command language; its answer comes when it comes. What is not typed is a key's."""
        if typed and (names := comparing.named_in(line, self.driver.session)):
            comparing.compare(self, names)
            return
        if self.playhead is not None:
            if line == "pause":
                self.playhead.held = True
            elif not self._only_looks(line):
                self.playhead.go_on()
        self.tell(self.driver.run(line, by_key=not typed), typed=typed)

    def tell(self, future: Future[list[Outcome]], *, typed: bool = False) -> None:
        """Tell the outcomes of a line once it is done."""
        self._pending.append((future, typed))
        self.call_later(self.paint)

    def _only_looks(self, line: str) -> bool:
        """Return whether a line changes nothing, so that what stands still may go on doing so."""
        try:
            return all(bound.effect == "looks" for bound in bind(line, self.driver.session))
        except Mistake:
            return True

    def complete(self, text: str, cursor: int) -> list[Completion]:
        """Return what may stand at the cursor."""
        return completed(text, cursor, self.driver.session)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Another character: say soon what may follow, once for all that come together."""
        if not self._will_paint:
            self._will_paint = True
            self.call_later(self.paint)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """A line was typed, or a block of lines pasted: it is run, and keys are keys again."""
        self.prompt.put("")
        self.set_focus(None)
        for line in lines_of(event.value):
            self.history.add(line)
            if line == "quit":
                self.exit()
                break
            if line and not self.elsewhere.run(line):
                self.do(line, typed=True)

    def on_paste(self, event: events.Paste) -> None:
        """Put what is pasted beside the prompt into it."""
        if isinstance(self.screen, Main):
            self.set_focus(self.prompt)
            self.prompt.insert_block(event.text)

    def on_leaving_chosen(self, event: Leaving.Chosen) -> None:
        """Do what was chosen after `q` asked."""
        if event.saves:
            self.ask("save ")
        else:
            self.exit()

    def on_prompt_left(self) -> None:
        """Esc in the prompt."""
        self.set_focus(None)

    def on_box_clicked(self, event: Box.Clicked) -> None:
        """A node, an entry, a message, an event or a pane's name was clicked."""
        name, deck = event.box.id or "", self.deck
        if name in NAMES:
            deck.show(name)
        self.set_focus(None)
        if not menu.opened_by_mouse(self, event):
            self.follow(event.target)
        self.arrange()
        self.paint()

    def on_menu_screen_chosen(self, event: menu.MenuScreen.Chosen) -> None:
        """Do what was chosen in a menu."""
        does = event.item.does
        if isinstance(does, str):
            self.do(does)
        else:
            self.follow(does)
        self._changed(lambda: None)

    def box(self, name: str) -> Box:
        """Return a box by its name."""
        return self._boxes[name]

    def follow(self, target: Target) -> None:
        """Select what `target` means, and do what else a click on it does."""
        match target:
            case ("node", id):
                self.deck.select(id)
            case ("pane", at):
                self.deck.show(NAMES[at])
            case ("tape", seq):
                self.go_to(seq)
            case ("sentence", _):
                self.deck.show("why")
            case (branch, _) if branch.startswith("tape "):
                self.do(f"switch {branch.removeprefix('tape ')}")
            case ("key", at):
                self.press(keys.KEYS[at])
            case ("letter", code):
                self.press(keys.KEY[chr(code)])
            case _:
                self.act(self.deck.click(self.seen, target))
                if target is not None and target[0] == "message":
                    self._tell_message()

    def _tell_message(self) -> None:
        """Say what the selected message is, where the drawer that says so is closed."""
        arrow = diagram.selected_arrow(self.seen, self.deck.context("messages"))
        if arrow is not None and "messages" not in self.deck.places():
            does = ", ".join(f"{key.shown} {key.word}" for key in diagram.MESSAGE_KEYS if arrow.id >= 0)
            self.say("", f"{diagram.message_words(arrow)}{f'; {does}' if does else ''}")

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
            case (about, text):
                self.say(about, text)

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

    def on_box_scrolled(self, event: Box.Scrolled) -> None:
        """The wheel was turned."""
        if (name := event.box.id or "") in NAMES:
            self.deck.scroll(name, event.lines)
            self.paint()

    # ---- keys

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

    def action_presenter(self) -> None:
        """Show the stage and the captions only, for an audience."""
        if isinstance(self.screen, Main):
            self.set_focus(None)
            self.push_screen(Presentation(self))

    def start_presenting(self) -> None:
        """Let each caption of a script wait until the speaker goes on."""
        if self.player is not None:
            self.player.by_caption, self.player.step_by_step = True, False

    def stop_presenting(self) -> None:
        """Let a script stand still where it is."""
        if self.player is not None:
            self.player.step_by_step = True

    def action_chapters(self) -> None:
        """List the chapters of the script that is played."""
        if self.reel.chapters:
            self.push_screen(chapter_sheet(self))
        else:
            self.toast("the script has no chapters" if self.player else "no script is played", severity="warning")

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

    def action_open(self) -> None:
        """Do what Enter does on the selected row; where none is selected, open a menu."""
        if self.first.goes_on():
            return
        if self.deck.has_row:
            self.act(self.deck.open(self.seen))
        else:
            menu.open_by_key(self)

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
        self.set_focus(self.prompt)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Return whether a key does something now; in the prompt and over a sheet, its key is a character."""
        return action != "prompt" or (isinstance(self.screen, Main) and self.focused is not self.prompt)

    def action_compare(self) -> None:
        """Compare this branch with another one."""
        if pairs := comparing.pairs_of(self.driver.session):
            comparing.compare(self, pairs[0])
        else:
            self.toast("there is no other branch of so many nodes; a command in the past begins one (sim)")

    def action_submit_to(self) -> None:
        """Type what the selected node gets."""
        self.ask(f"submit  to {self.deck.selected}", len("submit "))

    def ask(self, text: str, cursor: int | None = None) -> None:
        """Put a command into the prompt, to be completed."""
        self.prompt.put(text)
        if cursor is not None:
            self.prompt.cursor_position = cursor
        self.set_focus(self.prompt)

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

    def action_command_palette(self) -> None:
        """Every command and every key, to search in."""
        if not isinstance(self.screen, CommandSearch):
            self.push_screen(CommandSearch())  # without an id: the one before may not be gone yet

    def action_help(self) -> None:
        """Every key and every sign."""
        self.push_screen(HelpSheet(self.deck.glyphs))

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

    def action_picture(self) -> None:
        """Save the screen as an SVG picture."""
        try:
            path = picture.save(self, Path.cwd(), self.shown_time)
        except OSError as error:
            self.toast(f"the picture cannot be written: {error.strerror or error}", severity="error")
        except UsageError as error:
            self.toast(str(error), severity="error")
        else:
            self.toast(f"picture: {path}")

    @property
    def shown_time(self) -> float:
        """Return the moment that is shown, in seconds of cluster time."""
        shown = [screen for screen in self.screen_stack if isinstance(screen, comparing.Comparing)]
        return shown[0].pair.step.time if shown else self.seen.snapshot.time

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

    async def action_quit(self) -> None:
        """Quit; ask before, if anything was done."""
        if count := self.deeds():
            self.push_screen(Leaving(count, is_kept=last.place() is not None))
        else:
            self.exit()

    def deeds(self) -> int:
        """Return how many commands would be lost."""
        return last.deeds(self.driver.session)

    def _changed(self, change: Callable[[], object]) -> None:
        change()
        self.arrange()
        self.paint()


def _settle() -> None:
    """Collect garbage now, and from now on, after the first frame.

    What there is stays, such as the graph of widgets: walking it again and again would stall the cluster. What a
    screen before this one left, such as that of a lesson, goes.
    """
    gc.enable()
    gc.unfreeze()
    gc.collect()
    gc.freeze()
