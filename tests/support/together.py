"""Play several scripts on sockets side by side: each waits most of its time, so that eight take as long as one."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")

AT_ONCE = 8


class Together(Generic[T]):
    """What `play` gives for each of `names`; while a test waits for one of them, those after it are played too."""

    def __init__(self, names: Sequence[str], play: Callable[[str], T]) -> None:
        self._names = list(names)
        self._play = play
        self._pool = ThreadPoolExecutor(AT_ONCE)
        self._results: dict[str, Future[T]] = {}

    def __getitem__(self, name: str) -> T:
        """Return what `play(name)` gives, or raise what it raises."""
        at = self._names.index(name)
        for other in self._names[at : at + AT_ONCE]:
            if other not in self._results:
                self._results[other] = self._pool.submit(self._play, other)
        return self._results[name].result()
