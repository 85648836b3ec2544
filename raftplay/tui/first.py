"""The first run: a card over the paused stage, the tour through the first election, and the marks after it.

The rule of this module: it decides when a newcomer is spoken to. What the card and the marks lead to is done by
the app, with the commands and keys that everybody uses.
"""

from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.binding import Binding

from raftplay.cluster.snapshot import Snapshot
from raftplay.session.outcome import Outcome
from raftplay.tui.boxes import Box, box_of
from raftplay.tui.coach import Coach
from raftplay.tui.demo import Demo
from raftplay.tui.keys import KEY
from raftplay.tui.model.lines import Piece, Pieces, fit, wrapped
from raftplay.tui.prompt import BUSY, REST
from raftplay.tui.sheet import Sheet

if TYPE_CHECKING:
    from raftplay.tui.app import RaftApp

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")

COMMAND, SHORT = 12, ": command"
"""The columns that the prompt keeps beside a mark, and what it says there."""

CHOICES = (
    ("Enter", "watch", "watch the first election step by step (1 min)", "watch"),
    ("1", "lesson", "lesson: predict who wins (7 min)", "lesson"),
    ("2", "stories", "stories: split brain, Figure 7, Figure 8 …", "stories"),
    ("3", "alone", "leave me alone", "leave"),
    ("d", "demo", "just watch: a demo that goes on without a key", "demo"),
)
"""The key, the meaning, the text, and the word where there is little room, of each choice on the card."""

ROOM_FOR_BLANKS, ROOM_FOR_LINES = 14, 9
"""The heights of the screen from which on the card has blank lines, and a line for each choice."""


class Card(Sheet, inherit_bindings=False):
    """The card of the first start. `first` is told what is chosen."""

    widest = 64
    BINDINGS: ClassVar = [
        Binding("enter", "choose('watch')", show=False),
        Binding("1", "choose('lesson')", show=False),
        Binding("2", "choose('stories')", show=False),
        Binding("d", "choose('demo')", show=False),
        Binding("3,escape", "choose('alone')", show=False),
    ]
    KEYS = ("enter", "1", "2", "d", "3", "escape")

    def __init__(self, first: "FirstRun") -> None:
        super().__init__(self._lines)
        self._first = first

    def _lines(self, width: int) -> list[Pieces]:
        return card_lines(len(self._first.app.seen.snapshot.nodes), width, self.size.height)

    def paint(self) -> None:
        """Show the card."""
        super().paint()
        if (box := box_of(self)) is not None:
            box.border_subtitle = "F2 shows this again"

    def action_choose(self, what: str) -> None:
        """Do what was chosen."""
        if self.is_current:
            self._first.choose(what, self)

    def on_box_clicked(self, event: Box.Clicked) -> None:
        """A line was clicked."""
        event.stop()
        if event.target is not None:
            self.action_choose(CHOICES[event.target[1]][1])

    def on_key(self, event: events.Key) -> None:
        """Put the card away for another key of the screen, which then does what it always does."""
        if event.key in self.KEYS:
            return
        if not self.is_current:
            self.app.post_message(event)  # it was typed right behind the key that closed the card
        elif event.key in KEY:
            event.stop()
            self._first.make_room(event.key, self)


def card_lines(nodes: int, width: int, height: int) -> list[Pieces]:
    """Return the lines of the card on a screen of `height` lines; the fewer there are, the shorter it is."""
    if height < ROOM_FOR_LINES:
        short: list[Piece] = []
        for at, (key, _, _, word) in enumerate(CHOICES):
            short += [Piece(key, "key bold", ("card", at)), Piece(f" {word}  ", "text", ("card", at))]
        return [fit(short, width)]
    many = NUMBERS[nodes].capitalize() if nodes < len(NUMBERS) else str(nodes)
    words = f"{many} servers must agree on one list. None leads yet."
    lines: list[Pieces] = [(Piece(row, "text bold"),) for row in wrapped(words, width)]
    if height >= ROOM_FOR_BLANKS:
        lines.append(())
    for at, (key, _, text, _) in enumerate(CHOICES):
        lines.append((Piece(f"{key:<7}", "key bold", ("card", at)), Piece(text, "text", ("card", at))))
    return lines


class FirstRun:
    """The card and the marks for a newcomer. `greets`: this is the first start, so the card is shown."""

    def __init__(self, app: "RaftApp", *, greets: bool = False) -> None:
        self.app = app
        self.greets = greets
        self.coach = Coach(done=app.settings.marks)
        self.line: Pieces = ()
        """The line of the coach, as it was painted last."""

    @property
    def is_touring(self) -> bool:
        """Return whether the first election is being watched step by step."""
        return self.coach.is_touring

    # ---- the card

    def begin(self) -> None:
        """Show the card, if this is the first start."""
        if self.greets and self.app.has_guide:
            self.app.push_screen(Card(self))

    def show_card(self) -> None:
        """Show the card again, over a cluster that stands still."""
        app = self.app
        if app.is_busy:
            app.toast("first let the script or the command end, or press Ctrl+C", severity="warning")
            return
        if not app.seen.snapshot.paused:
            app.do("pause")
        self.greets = True
        self.begin()

    def choose(self, what: str, card: Card) -> None:
        """Do what was chosen on the card; for the lists it stays below them."""
        if what == "stories":
            self.app.elsewhere.choose("play")
            return
        if what == "alone":
            self.coach.dismiss()
        if what in ("alone", "demo"):
            self.app.settings.demo = what == "demo"
        self.close(card)
        match what:
            case "watch":
                self._watch()
            case "lesson":
                self.greets = True  # the lesson leads back to the card
                self.app.elsewhere.open_lesson("1")
            case "demo":
                self._begin_demo()
            case "alone":
                self.app.do("resume")

    def close(self, card: Card | None = None) -> None:
        """Close the card, which has been answered."""
        self.greets = False
        self.app.settings.greeted = True
        self._keep()
        if card is not None:
            card.dismiss()

    def put_away(self) -> None:
        """Close the card, if it is shown: something was chosen elsewhere."""
        for screen in self.app.screen_stack:
            if isinstance(screen, Card):
                self.close(screen)

    def make_room(self, key: str, card: Card) -> None:
        """Close the card for now, and press a key of the screen."""
        self.greets = False
        card.dismiss()
        if KEY[key].action not in ("quit", "interrupt", "welcome"):
            self.app.do("resume")
        if key != "space":  # its cluster goes on already
            self.app.press(KEY[key])

    def _keep(self) -> None:
        self.app.settings.marks = self.coach.done
        if failure := self.app.settings.save():
            self.app.toast(f"this cannot be remembered: {failure}", severity="warning")

    def _begin_demo(self) -> None:
        app = self.app
        if app.driver.session.directory:
            app.toast("a demo crashes nodes; it leaves a data directory alone", severity="warning")
            return
        if not app.watches:
            app.action_pace()
        app.demo = Demo()
        app.do("resume")

    # ---- the tour

    def _watch(self) -> None:
        app = self.app
        if not app.watches:
            app.action_pace()
        if has_begun(app.seen.snapshot) and not app.driver.session.directory:
            app.do("new")
        self.coach.begin_tour()
        app.do("resume")

    def stand(self, what: str) -> None:
        """Tell that the tour stands still."""
        self.coach.stand(what)

    def goes_on(self) -> bool:
        """Continue the tour, if it is paused; return whether there is a tour."""
        if not self.is_touring:
            return False
        if self.coach.stop:
            self.app.do("resume")
        return True

    # ---- the marks

    def note(self, outcome: Outcome) -> None:
        """Note a command that was done."""
        settings = self.app.settings
        if settings.greeted and self.app.has_guide and outcome.held and self.coach.note(outcome.text):
            settings.marks = self.coach.done
            settings.save()

    def leave(self) -> bool:
        """End the tour, or dismiss the marks for good; return whether any were shown."""
        if not self.line:
            return False
        was_touring = self.is_touring
        self.coach.dismiss()
        if was_touring:
            self.app.do("resume")
        else:
            self._keep()
            self.app.toast("no more hints; F2 shows the first card again")
        return True

    def look(self) -> bool:
        """Make the line of this moment; return whether it takes another room than before."""
        app, coach = self.app, self.coach
        if coach.stop and not (app.playhead is not None and app.playhead.held):
            coach.go_on()
        if coach.asks_why and app.deck.pane == "why" and app.deck.is_active:
            coach.asks_why = False
        before, self.line = self.line, self._line()
        if self.line:
            app.prompt.placeholder = SHORT
        elif app.prompt.placeholder == SHORT:
            app.prompt.placeholder = BUSY if app.deck.is_typing else REST
        return bool(before) is not bool(self.line)

    def _line(self) -> Pieces:
        app = self.app
        if app.unattended.line:
            return app.unattended.line
        is_plain = app.has_guide and not (
            app.is_busy or app.seen.rewound or app.deck.is_typing or app.prompt.value
        )
        if not is_plain or not app.settings.greeted or not app.deck.fits:
            return ()
        return self.coach.line(app.deck.width - COMMAND, app.deck.glyphs, has_leader=self._has_leader())

    def _has_leader(self) -> bool:
        """Return whether a leader is seen, and leads at present too."""
        if self.app.seen.snapshot.leader is None or self.coach.mark is None:
            return False
        harness = self.app.driver.session.harness
        with harness.lock:
            return harness.snapshot().leader is not None


def has_begun(snapshot: Snapshot) -> bool:
    """Return whether an election has begun."""
    return any(node.current_term > 0 for node in snapshot.nodes)
