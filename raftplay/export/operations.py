"""The operations of clients in raftplay's own notation of a history: one on a line.

`raftplay check` reads it. Times are numbers of events, as two moments of cluster time may be one.
"""

from raftplay.errors import UsageError
from raftplay.export.recording import Recording
from raftplay.linearizability.readers import own_line
from raftplay.past.calls import calls_of, history_of


def written(recording: Recording) -> bytes:
    """Return the file of a recording. Raises `UsageError` if no client called anything."""
    operations = history_of(calls_of(recording.records))
    if not operations:
        raise UsageError(f"{recording.name} has no operations of clients (raftplay help clients)")
    return "".join(f"{own_line(operation)}\n" for operation in operations).encode()
