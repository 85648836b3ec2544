"""The app: paints what the deck makes of a view, runs commands, and follows the mouse."""

import asyncio
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.command import Provider
from textual.widget import Widget
from textual.widgets import Input

from raftplay.errors import UsageError
from raftplay.language.completion import Completion
from raftplay.language.lexer import Mistake
from raftplay.language.table import bind
from raftplay.past.view import View
from raftplay.session.branches import Branch
from raftplay.session.outcome import Outcome
from raftplay.tui import comparing, keys, last, menu, picture
from raftplay.tui.acting import KeyApp
from raftplay.tui.asking import Asking
from raftplay.tui.boxes import Box
from raftplay.tui.demo import Demo
from raftplay.tui.driver import SessionLike
from raftplay.tui.elsewhere import Elsewhere
from raftplay.tui.first import FirstRun
from raftplay.tui.hovering import hover_words
from raftplay.tui.milestones import Milestones
from raftplay.tui.model import diagram
from raftplay.tui.model.lines import ClickTarget
from raftplay.tui.model.panes import NAMES
from raftplay.tui.palette import Commands
from raftplay.tui.placed import Main
from raftplay.tui.play import Player
from raftplay.tui.playhead import FLIGHT, Playhead
from raftplay.tui.present import Presentation, chapter_sheet
from raftplay.tui.prompt import Prompt, PromptHistory, completed, for_screen, hinted, lines_of
from raftplay.tui.reel import Reel
from raftplay.tui.settings import Settings
from raftplay.tui.sheet import Leaving, room
from raftplay.tui.stage.scene import Scene, scene_of, without_motion
from raftplay.tui.state import ScreenState
from raftplay.tui.terminal import InAscii, settle
from raftplay.tui.theme import PALETTES, theme_name
from raftplay.tui.unattended import Unattended
from raftplay.watch.invariants import INVARIANTS

PAINTS = 12
"""Paints of the screen per second."""

SELDOM = 4
"""On a slow line, only one of so many paints is made."""

PRIORITY = ("prompt", "suspend")
"""The actions whose keys do not go to what has the focus first."""


class RaftApp(KeyApp, inherit_bindings=False):
    """The screen of a session. `player` plays a script in it; `settings` remembers the theme.

    `greets`: it is the first start, so the card is shown over a cluster that the caller has paused.
    """

    has_guide = True
    """True if it has a first run, stories and lessons: a lesson is such a screen without them."""

    TITLE = "raftplay"
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
        self.milestones = Milestones()
        self.driver = driver
        self.deck = deck
        self.player = player
        self.settings = settings or Settings()
        self.first = FirstRun(self, greets=greets)
        self.elsewhere = Elsewhere(self)
        self.demo: Demo | None = None
        """The demo, while it runs."""

        self.unattended = Unattended(self)
        self.colours = colours
        self.history = PromptHistory()
        self.seen: View = driver.view()
        self.shown = scene_of(self.seen)
        self.stillness = menu.Stillness()
        self.loop: asyncio.AbstractEventLoop | None = None
        self.ends_at_once = False
        """True if a signal has come before the loop runs."""

        self._pending: list[tuple[Future[list[Outcome]], bool]] = []  # each with whether it was typed
        self._news = news if news is not None else []
        self._breach_shown = False
        self._branch: Branch | None = None
        self._will_paint = False
        self._ticks = 0
        self._hinted = ("", 0)
        self.reel = Reel(self)
        self.presents = presents
        """True if it begins in presenter mode."""

        self.prompt = Prompt(self.history, self.complete, self.submit)
        if deck.glyphs.ascii:
            self._filters.append(InAscii())
        for palette in PALETTES.values():
            self.register_theme(palette.textual())
        self.theme = theme_name(light=self.settings.light, few=False)

    def continue_from(self, before: "RaftApp") -> None:
        """Go on where another screen of the same session was left."""
        self.history, self.flight, self.stops = before.history, before.flight, before.stops
        self.prompt = Prompt(self.history, self.complete, self.submit)
        self.milestones, self._pending = before.milestones, before._pending
        self.elsewhere.stories, self.elsewhere.viewers = before.elsewhere.stories, before.elsewhere.viewers

    def finish(self, patience: float) -> None:
        """Wait at most `patience` seconds for the commands that were given, then interrupt them."""
        wait([future for future, _ in self._pending], patience)
        self.driver.cancel()

    # ---- composing

    def on_mount(self) -> None:
        """Paint for the first time, then at a steady pace."""
        self.put_colours()
        self.fit(*self.size)
        self.arrange()
        self.paint()
        self.set_interval(1 / PAINTS, self.tick)
        for box in self._boxes.values():
            box.hover = lambda target: hover_words(target, self.seen, self.deck.context("messages"))
        sys.setswitchinterval(0.0005)  # the cluster's thread must not wait for a paint
        self.loop = asyncio.get_running_loop()
        if self.ends_at_once:
            self.exit()
        self.app_resume_signal.subscribe(self.screen, self.repaint)
        if self.presents:
            self.action_presenter()
        self.first.begin()
        self.call_after_refresh(settle)

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
            self.reel.play(self.player)
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
        self.unattended.look(time.monotonic(), scene)
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

    @property
    def must_not_stop(self) -> bool:
        """Return whether a command is given that may let the cluster go on: that must not come after a stop."""
        return any(not typed or self.driver.busy is None for _, typed in self._pending)

    @property
    def awaits_answers(self) -> bool:
        """Return whether a command was given whose answer was not told yet."""
        return bool(self._pending)

    def scene(self) -> Scene:
        """Return what is to be seen now: the present, the past, or where the playhead is."""
        branch, selected = self.driver.session.branch, self.deck.selected
        view = self.driver.view()
        self.deck.read_tapes(self.driver.session, view)
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
        self.milestones.stop_at(self.playhead, self)
        return scene

    def _enter(self, branch: Branch) -> None:
        """Show the breaches of the branch that is seen, and what is watched there, when it is another one."""
        if branch is not self._branch:
            self._branch, self._breach_shown = branch, False
            self.arrange()  # the tape has a row for each branch
            if branch.blueprint is not None:
                self.deck.watched = branch.blueprint.watched or tuple(i.name for i in INVARIANTS)

    def leave_pace(self) -> None:
        """Return the clock to the pace of the cluster."""
        if self.playhead is not None:
            self.playhead.close()
            self.playhead = None

    def _take_outcomes(self) -> None:
        done = [pair for pair in self._pending if pair[0].done() and self._is_shown(pair[0].result())]
        self._pending = [pair for pair in self._pending if pair not in done]
        for future, typed in done:
            outcomes = future.result()
            for outcome in outcomes:
                self.first.note(outcome)
            if outcomes:
                self.deck.outcome = replace(outcomes[-1], answer=for_screen(outcomes[-1].answer))
                self.deck.is_answered = True
                long = outcomes[-1].answer.count("\n") >= self.deck.layout().answer.height
                if long and typed and isinstance(self.screen, Main | Presentation):
                    self.action_answer()
                elif typed and isinstance(self.screen, Presentation):
                    self.toast(outcomes[-1].answer, severity="information" if outcomes[-1].held else "warning")

    def _is_shown(self, outcomes: list[Outcome]) -> bool:
        """Return whether the stage has shown what was waited for, so that the answer may say that it came."""
        waited = any(outcome.held and outcome.text.startswith("wait ") for outcome in outcomes)
        playhead = self.playhead
        return not waited or playhead is None or playhead.is_shown or self.seen.rewound

    def _show_breach(self, view: View) -> None:
        """The world stopped at the guilty event: show it in its place, and why."""
        assert view.breach is not None
        self._breach_shown = True
        deck = self.deck
        deck.select(max(0, view.breach.node))
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
        shown, self.driver.session.width = None, room(self.size.width)
        if self.playhead is not None:
            if line == "pause":
                self.playhead.held = True
            elif self._only_looks(line):
                shown = self.playhead.shown
            else:
                self.playhead.go_on()
        self.tell(self.driver.run(line, by_key=not typed, shown=shown), typed=typed)

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

    async def on_event(self, event: events.Event) -> None:
        """Give the prompt its keys and pastes at once: those behind Enter are for what is there then.

        Whatever a person does ends the demo.
        """
        is_new = isinstance(event, events.Key | events.Paste | events.MouseDown) and not event.is_forwarded
        if self.unattended.takes(event, is_new=is_new):
            return
        if is_new and not (isinstance(event, events.Key) and event.key.isdecimal()):
            self.forget_digit()
        prompt = self.typed_in if is_new and self.screen_stack else None
        if not isinstance(prompt, Prompt):
            await super().on_event(event)
        elif isinstance(event, events.Paste):
            prompt.insert_block(event.text)
        elif isinstance(event, events.Key):
            if await self._check_bindings(event.key, priority=True) or prompt.take(event):
                return
            await self._check_bindings(event.key)

    @property
    def typed_in(self) -> Widget | None:
        """Return what takes the keys, also if it is not painted yet."""
        return self.screen.prompt if isinstance(self.screen, Asking) else self.focused

    def submit(self, text: str) -> None:
        """Run the lines that were typed or pasted; keys are keys again."""
        self.set_focus(None)
        for line in lines_of(text):
            self.history.add(line)
            if line == "quit":
                self.exit()
                break
            if line and not self.elsewhere.run(line):
                self.do(line, typed=True)

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

    def on_menu_screen_item_chosen(self, event: menu.MenuScreen.ItemChosen) -> None:
        """Do what was chosen in a menu."""
        does = event.item.does
        if isinstance(does, str):
            self.do(does)
        else:
            self.follow(does)
        self._changed(lambda: None)

    def follow(self, target: ClickTarget) -> None:
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

    # ---- keys

    def action_presenter(self) -> None:
        """Show the stage and the captions only, for an audience."""
        if isinstance(self.screen, Main):
            self.set_focus(None)
            self.push_screen(Presentation(self))

    def action_chapters(self) -> None:
        """List the chapters of the script that is played."""
        if self.reel.chapters:
            self.push_screen(chapter_sheet(self))
        else:
            self.toast("the script has no chapters" if self.player else "no script is played", severity="warning")

    def action_open(self) -> None:
        """Do what Enter does on the selected row; where it does nothing or none is selected, open a menu."""
        if self.first.goes_on():
            return
        action = self.deck.open(self.seen) if self.deck.has_row else None
        if action is None:
            menu.open_by_key(self)
        else:
            self.act(action)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Return whether a key does something now; in the prompt and over a sheet, its key is a character."""
        can_type = isinstance(self.screen, Main | Presentation) and self.focused is not self.prompt
        return action != "prompt" or can_type

    def open_prompt(self) -> Prompt:
        """Return the line to type in; in presenter mode, one over its screen."""
        if not isinstance(self.screen, Presentation):
            return super().open_prompt()
        asking = Asking(self.history, self.complete, self.submit)
        self.push_screen(asking)
        return asking.prompt

    def action_compare(self) -> None:
        """Compare this branch with another one."""
        if pairs := comparing.pairs_of(self.driver.session):
            comparing.compare(self, pairs[0])
        else:
            self.toast("there is no other branch of so many nodes; a command in the past begins one (sim)")

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

    async def action_quit(self) -> None:
        """Quit; ask before, if anything was done."""
        if count := self.deeds():
            may_save = "files" not in self.driver.session.barred
            self.push_screen(Leaving(count, is_kept=may_save and last.place() is not None, may_save=may_save))
        else:
            self.exit()

    def deeds(self) -> int:
        """Return how many commands would be lost."""
        return last.deeds(self.driver.session)
