"""The port between a search and what runs its chunks: processes of this machine, this process, other machines.

A search knows only the protocol `Workers`. Its tasks are lines of JSON, and so are its answers: an implementation
calls `raftplay.explore.search.chunk.run_chunk` with the one wherever it likes, and brings back the other. It need
not understand either.

What an implementation must do
  * `submit` returns at once, with a handle of its own that is new. Chunks may run in any order, several at a time.
  * `completed` waits until at least one chunk that was submitted and not cancelled is over, at most `timeout`
    seconds, and returns all that are over, each once, in any order; an empty list when time ran out.
  * A chunk whose process or machine went away, or whose call raised, is over too: its answer is a `LostChunk` with
    the reason, never a made-up tally. The search submits it once more, and then counts it as lost; workers do not
    retry by themselves. They go on: a process that died is replaced.
  * If nobody is left to run chunks, and nobody will come, `completed` raises `NobodyLeft`: the search ends, and
    what was submitted counts as lost.
  * `cancel` says that the answer of a chunk is no longer wanted. It should not start; if it has started it may run
    to its end; `completed` does not return it. The search cancels no chunk that `completed` has returned.
  * `window` is how many chunks the search should keep submitted: about twice the number that run at the same time,
    so that none of them waits for the search. It may change while a search runs.
  * `close` ends everything, at once and without an answer, also in the middle of a chunk. It may be called twice.
  * Ctrl-C reaches only the process of the search: `completed` may raise KeyboardInterrupt, the chunks do not.

What it need not do: keep seeds in order, stop at a finding, count, or know what a finding is. The search
(`raftplay.explore.search.sweep`) gives the same answer over any implementation.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Protocol

Handle = Hashable
"""The handle by which an implementation knows a submitted chunk."""


@dataclass(frozen=True, slots=True)
class LostChunk:
    """The end of a chunk without an answer."""

    reason: str


class NobodyLeft(Exception):
    """Raised when there are no workers left; its text says why."""


Completed = tuple[Handle, str | LostChunk]
"""A chunk that is over: its handle, and its tally as JSON, or why it has none."""


class Workers(Protocol):
    """Runs chunks; the docstring of this module says what an implementation must do."""

    @property
    def window(self) -> int:
        """Return how many chunks to keep submitted."""

    def submit(self, chunk: str) -> Handle:
        """Queue a chunk, and return its handle."""

    def cancel(self, handle: Handle) -> None:
        """Drop a chunk whose answer is no longer wanted."""

    def completed(self, timeout: float) -> Sequence[Completed]:
        """Wait for the end of at least one chunk, at most `timeout` seconds; return those that are over."""

    def close(self) -> None:
        """End all chunks and all processes."""
