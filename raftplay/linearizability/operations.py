"""The operations of clients on a key-value store, and what each of them does to one key.

Values are JSON texts, so that they are hashable and `1`, `1.0` and `true` differ; None stands for "no value".
"""

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import msgspec

OperationKind: TypeAlias = Literal["get", "put", "append", "cas"]

KeyState: TypeAlias = str | None
"""The value of one key as JSON text; None if it has none."""


@dataclass(frozen=True, slots=True)
class ClientAnswer:
    """The answer to a client: for `get` the `value`; for `cas` whether it was `done`.

    `before` is the value that a `put`, `append` or `cas` replaced or met, where the store tells it (`tells`).
    """

    value: KeyState = None
    done: bool = True
    tells: bool = False
    before: KeyState = None


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a client on one key, called at `call` and answered at `end`.

    Times are in any one unit; `end` is infinite and `answer` None if the client never learned what became of it:
    then it may take effect at any time after `call`, or never.
    """

    client: str
    key: str
    kind: OperationKind
    argument: KeyState = None
    expected: KeyState = None
    call: float = 0.0
    end: float = math.inf
    answer: ClientAnswer | None = None
    name: str = ""
    """Its name in reports, such as `#3` for the third of a file."""

    @property
    def is_known(self) -> bool:
        """Return whether the client learned the outcome."""
        return self.answer is not None

    def step(self, state: KeyState) -> tuple[bool, KeyState]:
        """Return whether the answer is right where the key has the value `state`, and the value after it."""
        answer = self.answer
        match self.kind:
            case "get":
                return answer is None or answer.value == state, state
            case "put":
                after = self.argument
            case "append":
                after = appended(state, self.argument)
                if (after is None) if answer is None else answer.done is (after is None):
                    return answer is None, state
                if after is None:
                    after = state
            case "cas":
                done = state == self.expected
                if answer is not None and answer.done is not done:
                    return False, state
                after = self.argument if done else state
        return answer is None or not answer.tells or answer.before == state, after

    @property
    def is_idle(self) -> bool:
        """Return whether it changes no value, whichever it meets."""
        if self.kind == "cas" and self.argument == self.expected:
            return True
        return self.kind == "get" or (self.answer is not None and not self.answer.done)

    @property
    def must_meet(self) -> tuple[KeyState, ...]:
        """Return the values that it must meet to be right: none or one, or two that contradict each other."""
        answer = self.answer
        if answer is None:
            return ()
        if self.kind == "get":
            return (answer.value,)
        before = (answer.before,) if answer.tells else ()
        return (*before, self.expected) if self.kind == "cas" and answer.done else before

    @property
    def depends(self) -> bool:
        """Return whether the value before it matters to its answer or to the value after it."""
        return self.kind != "put" or (self.answer is not None and self.answer.tells)


def json_of(value: object) -> str:
    """Return a value as canonical JSON text."""
    return msgspec.json.encode(value, order="sorted").decode()


def appended(state: KeyState, value: KeyState) -> KeyState:
    """Return `state` with `value` at its end: a text after a text, an element in a list; None if it is neither.

    A key without a value gets `value`.
    """
    if state is None or value is None:
        return value if state is None else None
    if state.startswith('"') and value.startswith('"'):
        return state[:-1] + value[1:]
    if state.startswith("["):
        return f"[{value}]" if state == "[]" else f"{state[:-1]},{value}]"
    return None
