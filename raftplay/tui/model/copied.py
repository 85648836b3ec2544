"""The text that is copied from a pane: of its selected row, or of all that it shows."""

from collections.abc import Sequence

from raftplay.past.view import View
from raftplay.tui.model.context import Context
from raftplay.tui.model.diagram import message_words, selected_arrow
from raftplay.tui.model.lines import Line, text_of
from raftplay.tui.model.matrix import entry_text
from raftplay.tui.model.why import answers_on
from raftplay.watch.narrator import describe


def copied_text(pane: str, view: View, context: Context, lines: Sequence[Line]) -> str:
    """Return the selected message, event or entry in full, else what `pane` shows; `lines` are its lines."""
    match context.row:
        case ("message", _) if pane == "messages" and (arrow := selected_arrow(view, context)) is not None:
            return message_words(arrow)
        case ("event", seq) if pane == "events":
            found = next((record for record in view.records if record.seq == seq), None)
            if found is not None:
                who = f"n{found.node} " if found.node >= 0 else ""
                return f"{found.time:.3f} {who}{describe(found)}"
        case ("entry", index) if pane == "log":
            return "\n".join(entry_text(view, index))
    if pane == "why":
        answers = answers_on(view, context.selected)
        return "\n".join(line for answer in answers for line in (answer.head, *(f"- {r}" for r in answer.reasons)))
    return "\n".join(text_of(line).rstrip() for line in lines).rstrip()
