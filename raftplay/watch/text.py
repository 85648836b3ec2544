"""Makes users' text safe for a terminal: escapes characters that move the cursor, hide or reverse text."""

import unicodedata

import msgspec

_SHOWN_AS_ESCAPE = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))


def visible(text: str) -> str:
    """Return `text` with control, bidi and other invisible characters written as escapes."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if unicodedata.category(c) not in _SHOWN_AS_ESCAPE else _escape(c) for c in text)


def command_text(command: object, width: int = 60) -> str:
    """Return a command as one line of at most `width` characters: JSON, but plain words without quotes.

    A command of the key-value store is written as users type it.
    """
    if isinstance(command, dict) and (request := _request_text(command, width)):
        text = request
    elif (
        isinstance(command, str) and command.isascii() and command.isprintable() and " " not in command and command
    ):
        text = command
    else:
        text = visible(msgspec.json.encode(command).decode())
    return text if len(text) <= width else text[: width - 1] + "…"


_OF_STORE = frozenset(("kv", "key", "value", "expected", "client", "session", "seq", "acked"))
"""The members of a command of the key-value store."""


def _request_text(command: dict[str, object], width: int) -> str:
    """Return a command of the key-value store as users type it: "put x 1"; "" for another command."""
    kind = command.get("kv")
    if not isinstance(kind, str) or not _OF_STORE.issuperset(command):
        return ""
    if kind == "open":
        return visible(f"open session of {command.get('client')}")
    values = [command_text(command[name], width) for name in ("expected", "value") if name in command]
    return visible(" ".join([kind, str(command.get("key")), *values]))


def brief_text(command: object, width: int) -> str:
    """Return a command where room is short: "x=1" for put x 1, "x+a" for append x a, "x?" for get x."""
    if not isinstance(command, dict) or not _request_text(command, width):
        return command_text(command, width)
    key, value = visible(str(command.get("key"))), command_text(command.get("value"), width)
    match command["kv"]:
        case "put":
            text = f"{key}={value}"
        case "append":
            text = f"{key}+{value}"
        case "cas":
            text = f"{key}:{command_text(command.get('expected'), width)}>{value}"
        case "get":
            text = f"{key}?"
        case _:
            text = "open"
    return text if len(text) <= width else text[: width - 1] + "…"


def count(number: int, thing: str) -> str:
    """Return a number with its noun: "1 node", "2 nodes", "0 entries"."""
    if number == 1:
        return f"1 {thing}"
    return f"{number} {thing[:-1]}ies" if thing.endswith("ry") else f"{number} {thing}s"


def size_text(size: int) -> str:
    """Return a number of bytes as text: "1 byte", "900 bytes", "1.5 MB"."""
    return f"{size / 1e6:.1f} MB" if size >= 1_000_000 else count(size, "byte")


def or_dash(number: int) -> str:
    """Return an index, term or node id as text; a dash for -1, which means none."""
    return str(number) if number >= 0 else "-"


def _escape(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{{{code:x}}}"


def error_text(error: BaseException) -> str:
    """Return the text of an exception in one line; its class may be a user's own, whose `__str__` raises."""
    try:
        text = str(error)
    except Exception as failure:
        return f"its text cannot be shown, as its __str__ raised {type(failure).__name__}"
    return visible(" ".join(text.split()))
