"""A session: a cluster, the variables that were set, and what commands answer."""

from dataclasses import dataclass

from raftplay.cluster.harness import Harness
from raftplay.commands.cursor import Scope
from raftplay.commands.errors import Failed
from raftplay.past.view import InFlight, View
from raftplay.watch.history import History


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one command: its text, cluster time when it ended, its answer, whether it held."""

    text: str
    time: float
    answer: str
    held: bool = True


class Session:
    """Commands act on `harness`; `variables` keeps what `let` set; `history` is one of the harness's readers."""

    def __init__(self, harness: Harness, history: History | None = None) -> None:
        self.harness = harness
        self.variables: dict[str, int] = {}
        self.history = History() if history is None else history  # an empty one is falsy
        self._last_index: int | None = None

    def view(self) -> View:
        """The cluster as it is now, with its events and the messages in flight."""
        with self.harness.lock:
            return View(
                self.harness.snapshot(),
                self.history.records(),
                self.history.forgotten,
                tuple(InFlight(f.id, f.call_id, f.src, f.dst, f.message, f.due) for f in self.harness.messages()),
                breach=self.harness.breach,
            )

    def scope(self) -> Scope:
        """What a command line may refer to now."""
        return Scope(self.harness.n, set(self.variables))

    def variable(self, name: str) -> int:
        """The value of ``$name``. Raises `Failed` when the `let` that sets it has not run."""
        if name not in self.variables:
            raise Failed(f"${name} was not set")
        return self.variables[name]

    def last_index(self) -> int:
        """The log index that the last `submit` got. Raises `Failed` when there is none."""
        if self._last_index is None:
            raise Failed("nothing has been submitted to a leader yet, so there is no index")
        return self._last_index

    def note_index(self, index: int) -> None:
        """Keep the index that a submit got."""
        self._last_index = index
