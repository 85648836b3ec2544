"""Why: what broke, and the selected entry or node explained, in the words of `why`."""

from raftplay import why as asking
from raftplay.past.view import View
from raftplay.tui.model.context import Context
from raftplay.tui.model.glyphs import plain, role_of
from raftplay.tui.model.lines import Piece, Pieces, Window, fit, windowed, wrapped
from raftplay.tui.model.pane import Pane
from raftplay.why.words.text import Explanation


def why(view: View, context: Context, told: tuple[Explanation, ...] | None = None) -> Window:
    """The answers on what is selected; `told` are they, where they are known."""
    answers = answers_on(view, context.selected, context.entry) if told is None else told
    style = f"{role_of(view.snapshot.nodes[context.selected], context.glyphs).style} bold"
    lines: list[Pieces] = []
    for answer in answers:
        is_breach = view.breach is not None and answer is answers[0]
        lines += _wrapped(answer.head, "", context, "bad bold" if is_breach else style)
        for reason in answer.reasons:
            lines += _wrapped(reason, f"{context.glyphs.dot} ", context, "text")
    return windowed(lines, context.height, context.scroll)


def answers_on(view: View, node: int, entry: int | None = None) -> tuple[Explanation, ...]:
    """Why an invariant broke, if one did, and why `entry` is committed or not, or why `node` is what it is."""
    broken = (asking.why_broken(view),) if view.breach is not None else ()
    return (*broken, asking.why_node(view, node) if entry is None else asking.why_not_committed(view, entry))


class WhyCache:
    """Answers kept for some looks: they cost a few milliseconds, and nobody reads faster than they change."""

    EVERY = 4
    """The number of looks for which they are kept."""

    def __init__(self) -> None:
        self._about: object = None
        self._answers: tuple[Explanation, ...] = ()
        self._looks = 0

    def __call__(self, view: View, node: int, entry: int | None = None) -> tuple[Explanation, ...]:
        """The answers, at most `EVERY` looks old; new ones at once when something else is asked."""
        snapshot = view.snapshot
        still = snapshot.time if snapshot.paused or view.rewound else None
        about = (node, entry, still, view.rewound, view.branch, view.breach)
        self._looks += 1
        if about != self._about or self._looks >= self.EVERY:
            self._about, self._looks = about, 0
            self._answers = answers_on(view, node, entry)
        return self._answers


def _wrapped(text: str, bullet: str, context: Context, style: str) -> list[Pieces]:
    text = plain(text) if context.glyphs.ascii else text
    rows = wrapped(text, context.width - len(bullet))
    return [
        fit((Piece(bullet if at == 0 else " " * len(bullet), "dim"), Piece(row, style)), context.width)
        for at, row in enumerate(rows)
    ]


class WhyPane(Pane):
    """The selected entry or node, explained."""

    name = "why"
    key = "w"
    help = "show why the selected node or log entry is what it is"

    def __init__(self) -> None:
        self._told = WhyCache()

    def window(self, view: View, context: Context) -> Window:
        """Return the answers in sight."""
        return why(view, context, self._told(view, context.selected, context.entry))

    def notes(self, context: Context) -> list[str]:
        """Return the name of the node, or of the entry."""
        return [f"n{context.selected}" if context.entry is None else f"entry {context.entry}"]

    def copied(self, view: View, context: Context) -> str:
        """Return all answers, in whole lines."""
        answers = answers_on(view, context.selected, context.entry)
        return "\n".join(line for answer in answers for line in (answer.head, *(f"- {r}" for r in answer.reasons)))
