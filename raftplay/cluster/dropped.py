"""The end of a cluster whose Harness was dropped without `shutdown`, as in a notebook whose cell runs again.

The rule of this module: nothing inside a cluster refers to its Harness, or the Harness would never be collected.
"""

import os
import warnings
import weakref
from typing import TYPE_CHECKING

from raftplay.backends.base import Backend
from raftplay.cluster.cluster import Cluster

if TYPE_CHECKING:
    from raftplay.cluster.harness import Harness


def end_when_dropped(harness: "Harness", backend: Backend, members: Cluster) -> "weakref.finalize[..., Harness]":
    """End the cluster once `harness` is collected; until then, `detach` of the returned finalizer undoes this."""
    text = (
        f"a Harness of {harness.n} nodes ({harness.backend}, seed {harness.seed}) was dropped without shutdown(), "
        "and its cluster ends now; write `with Harness(…) as h:`, or call shutdown()"
    )
    finalizer = weakref.finalize(harness, _end, backend, members, text, os.getpid())
    finalizer.atexit = False  # the process ends, and everything with it
    return finalizer


def _end(backend: Backend, members: Cluster, text: str, process: int) -> None:
    """End the cluster from the thread that collects garbage, without waiting for the cluster's own thread."""
    if os.getpid() != process:  # forked: the cluster belongs to the other process
        return
    if backend.concurrent:
        backend.abandon(members.stop_all)
    elif members.holds_files:
        members.close_files()
    else:
        return  # it holds only memory, and publishes no stop of its nodes
    warnings.warn(text, ResourceWarning, stacklevel=1)
