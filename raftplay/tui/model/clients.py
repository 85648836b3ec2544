"""The clients: how fast they are answered, what they called and were told, and whether one order explains it."""

from raftplay.kv.load import summary
from raftplay.linearizability.report import report
from raftplay.linearizability.search import Linearizability, check
from raftplay.past.calls import ClientCall, calls_of, history_of
from raftplay.past.view import View
from raftplay.tui.model.context import Context
from raftplay.tui.model.glyphs import Glyphs, plain
from raftplay.tui.model.lines import Piece, Pieces, Window, fit, windowed, wrapped
from raftplay.tui.model.pane import Pane
from raftplay.watch.text import command_text
from raftplay.watch.words import told_text

STATES = 20_000
"""The states of one key that the search for an order may visit: a screen must not wait for it."""

WORDS, LEAST_TIME = 40, 8
"""The columns of a picture of operations that are left for their words, and the fewest for time."""

STYLES = {"ok": "text", "no": "text", "unknown": "warn", "refused": "dim", "": "bold text"}
"""The style of an operation, by its ending."""


class ClientsPane(Pane):
    """The operations of clients, the last one first; above them a violation of linearizability, if any."""

    name = "clients"
    key = "U"
    help = "show the clients: operations per second, latencies, and what they were told"

    def __init__(self) -> None:
        self._seen: tuple[object, ...] = ()
        self._calls: list[ClientCall] = []
        self._checked = -1
        self._report: tuple[Linearizability, list[str]] = ("linearizable", [])

    def window(self, view: View, context: Context) -> Window:
        """Return the lines in sight."""
        return windowed(self._lines(view, context), context.height, context.scroll)

    def _lines(self, view: View, context: Context) -> list[Pieces]:
        calls, width, now = self._calls_of(view), context.width, view.snapshot.time
        if not calls:
            return [fit((Piece(" no client has called: put x 1 (help clients)", "dim"),), width)]
        lines = [fit((Piece(f" {row}", "text"),), width) for row in wrapped(summary(calls, now), width - 2)]
        if view.forgotten:
            lines.append(fit((Piece(" earlier ones are not kept; history shows all", "dim"),), width))
        else:
            lines += self._verdict(calls, context)
        for is_over in (False, True):
            lines += [
                _row(call, now, width, context.glyphs) for call in reversed(calls) if call.is_over is is_over
            ]
        return lines

    def _calls_of(self, view: View) -> list[ClientCall]:
        seen = (len(view.records), view.records[-1].seq if view.records else 0, view.branch)
        if seen != self._seen:
            self._seen, self._calls = seen, calls_of(view.records)
        return self._calls

    def _verdict(self, calls: list[ClientCall], context: Context) -> list[Pieces]:
        """Return the verdict on what clients were told, with the smallest part that no order explains.

        It is looked for again when there are some more answers, as a search takes time.
        """
        over, glyphs = sum(call.is_over for call in calls), context.glyphs
        if not self._checked <= over <= self._checked + over // 20:
            told = history_of(calls)
            verdict = check(told, states=STATES)
            room = max(LEAST_TIME, context.width - WORDS)
            self._checked, self._report = over, (verdict.outcome, report(told, verdict, width=room))
        outcome, rows = self._report
        if outcome == "violated":
            rows = [f"{glyphs.bad} {rows[0]}", *rows[1:], ""]
        else:
            rows = [f"{glyphs.ok if outcome == 'linearizable' else '?'} {outcome}"]
        styles = {"linearizable": "ok", "undecided": "warn", "violated": "bad bold"}
        rows = [
            part for row in rows for part in ([row] if row.startswith("  ") else wrapped(row, context.width - 2))
        ]
        shown = [plain(row) if glyphs.ascii else row for row in rows]
        return [
            fit((Piece(f" {row}", styles[outcome] if at == 0 else "text"),), context.width)
            for at, row in enumerate(shown)
        ]


def _row(call: ClientCall, now: float, width: int, glyphs: Glyphs) -> Pieces:
    """Return an operation: when it began, who called what, and what it was told or what it waits for."""
    arrow = "->" if glyphs.ascii else "→"
    if call.told is not None:
        took = f"{arrow} {told_text(call.told[1])}  {(call.ended - call.began) * 1000:.0f} ms"
    else:
        took = f"{arrow} {waits_text(call)}  {(now - call.began) * 1000:.0f} ms so far"
    words = f"{call.client} {command_text(call.request, 30)} {took}"
    return fit(
        (
            Piece(f"{call.began:8.3f} ", "dim"),
            Piece(plain(words) if glyphs.ascii else words, STYLES.get(call.ending, "text")),
        ),
        width,
    )


def waits_text(call: ClientCall) -> str:
    """Return what an operation waits for: "entry 7 of n0"."""
    if call.entries:
        _, last = call.entries[-1]
        return f"entry {last.index} of n{last.dst}"
    return "its session" if call.opened else "a leader"
