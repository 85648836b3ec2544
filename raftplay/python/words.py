"""Calls of a Harness's methods as commands of the language, so that they can be saved in a script.

The rule of this module: a text that is returned does what the call did; None says that no command does.
"""

from collections.abc import Collection, Iterable, Mapping

from raftplay.cluster.hardware import Range
from raftplay.kv.clients import ClientOptions
from raftplay.kv.commands import Append, Cas, Get, KeyRequest, Put
from raftplay.language.lexer import Mistake, split_line
from raftplay.session.units import exact_text, range_text


def submit(id: int, command: object) -> str | None:
    """Return `submit 42 to 0`."""
    value = value_word(command)
    return None if value is None else f"submit {value} to {id}"


def submit_many(id: int, commands: Iterable[object]) -> str | None:
    """Return `submit 1 to 0; submit 2 to 0`."""
    texts = [submit(id, command) for command in commands]
    known = [text for text in texts if text is not None]
    return "; ".join(known) if known and len(known) == len(texts) else None


def value_word(value: object) -> str | None:
    """Return a value as a word: an integer as it is, a text in quotes; None for what the language cannot write."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        return None
    word = "'" + value.replace("'", "'\\''") + "'"
    try:
        statements, comment = split_line(word)
    except Mistake:
        return None
    is_one = len(statements) == 1 and comment is None and len(statements[0].words) == 1
    return word if is_one and statements[0].words[0].text == value and value.isprintable() else None


def restart(id: int, *, empty: bool = False) -> str:
    """Return `restart 0 empty`."""
    return f"restart {id} empty" if empty else f"restart {id}"


def drop(id: int, n: int) -> str:
    """Return `drop 0 after 2`; -1 lets all RPCs pass."""
    return f"undrop {id}" if n < 0 else f"drop {id} after {n}"


def transfer(id: int, target: int | None = None) -> str:
    """Return `transfer from 0 to 2`."""
    return f"transfer from {id}" if target is None else f"transfer from {id} to {target}"


def option(name: str, on: bool | int) -> str:
    """Return `set prevote on`, or `set snapshot 3`."""
    if name == "drift":
        return f"set drift {on}"
    return f"set {name} {'off' if not on else 'on' if on is True else on}"


def client_options(options: ClientOptions) -> str:
    """Return `set sessions on; set reads log`."""
    return f"set sessions {'on' if options.sessions else 'off'}; set reads {options.reads}"


def partition(*groups: Collection[int]) -> str | None:
    """Return `partition 0,1 | 2,3`."""
    if not groups or not all(groups):
        return None
    return f"partition {' | '.join(','.join(map(str, group)) for group in groups)}"


def link(
    src: int,
    dst: int,
    *,
    loss: float | None = None,
    delay: float | Range | None = None,
    dup: float | None = None,
) -> str | None:
    """Return `link 0->1 loss=0.2 delay=50..80ms dup=0.05`."""
    changes = [f"loss={loss}"] if loss is not None else []
    changes += [f"delay={_range(delay)}"] if delay is not None else []
    changes += [f"dup={dup}"] if dup is not None else []
    return f"link {src}->{dst} {' '.join(changes)}" if changes else None


def release_links(links: Collection[tuple[int, int]]) -> str | None:
    """Return `release 0->1`, for one link."""
    return "release {}->{}".format(*next(iter(links))) if len(links) == 1 else None


def disk(id: int, *, delay: float | Range | None = None, stall: bool = False, fail: bool = False) -> str | None:
    """Return `disk 2 delay=200ms`, or with stall, fail or clear; several at once are no command."""
    changes = [f"delay={_range(delay)}"] if delay is not None else []
    changes += [word for word, on in (("stall", stall), ("fail", fail)) if on]
    return f"disk {id} {changes[0] if changes else 'clear'}" if len(changes) < 2 else None


def timing(id: int, *, election: Range | None = None, heartbeat: float | None = None) -> str | None:
    """Return `timing 2 election=50..60ms heartbeat=10ms`."""
    changes = [f"election={range_text(*election)}"] if election is not None else []
    changes += [f"heartbeat={exact_text(heartbeat)}"] if heartbeat is not None else []
    return f"timing {id} {' '.join(changes)}" if changes else None


def timers(how: str, seconds: float | None = None) -> str:
    """Return `timers align at 100ms`."""
    return f"timers {how}" if seconds is None else f"timers {how} at {exact_text(seconds)}"


def ask(client: str, request: KeyRequest, to: int | None = None) -> str | None:
    """Return `put 'x' 1 as alice to 0`."""
    values: tuple[object, ...]
    match request:
        case Get():
            name, values = "get", ()
        case Put():
            name, values = "put", (request.value,)
        case Append():
            name, values = "append", (request.value,)
        case Cas():
            name, values = "cas", (request.expected, request.value)
    words = [value_word(value) for value in (request.key, *values)]
    if not client.isidentifier() or not client.isascii() or None in words:
        return None
    where = "" if to is None else f" to {to}"
    return f"{name} {' '.join(filter(None, words))} as {client}{where}"


def call_text(name: str, args: tuple[object, ...], kwargs: Mapping[str, object]) -> str:
    """Return a call as Python writes it, `crash_peer(0)`, short and on one line."""
    words = [repr(value) for value in args] + [f"{key}={value!r}" for key, value in kwargs.items()]
    text = ", ".join(words).replace("\n", " ")
    return f"{name}({text if len(text) <= 200 else f'{text[:199]}…'})"


def _range(value: float | Range) -> str:
    return range_text(*value) if isinstance(value, tuple) else exact_text(value)
