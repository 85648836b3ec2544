"""The commands that only a shell has, on a terminal and in a pipe."""

from collections.abc import Mapping

from raftplay.language.lexer import Mistake, Statement, split_line
from raftplay.run.answers import is_rule, read_block

EXTRA: Mapping[str, str] = {
    "clear": "Clear the screen.",
    "exit": "Leave; so does Ctrl-D.",
    "quit": "Leave; so does Ctrl-D.",
}
"""The commands that only a shell has."""

LEAVING = ("exit", "quit")


def own_parts(text: str) -> list[str]:
    """Split a line at the commands that only a shell has; blanks before each part keep its columns."""
    parts, begin = [], 0
    for statement in _own_statements(text):
        word = statement.words[0]
        end = word.column - 1 + word.length
        parts += [_after(text[: word.column - 1].rstrip(" \t;"), begin), statement.text]
        begin = end
    return [part for part in (*parts, _after(text, begin)) if part.strip()]


def piped_script(text: str) -> str:
    """Turn piped input into a script: cut it at the first `exit` or `quit`, and remove `clear`."""
    lines = text.split("\n")
    kept: list[str] = []
    at = 0
    while at < len(lines):
        if is_rule(lines[at]):
            try:
                stop = read_block(lines, at).stop
            except Mistake:  # the parser will reject the script for it
                return text
            kept += lines[at:stop]
            at = stop
            continue
        line = lines[at]
        for statement in _own_statements(line.removesuffix("\r")):
            begin = statement.words[0].column - 1
            if statement.text in LEAVING:
                return "\n".join([*kept, line[:begin]])
            line = f"{line[:begin]}{' ' * len(statement.text)}{line[begin + len(statement.text) :]}"
        kept.append(line)
        at += 1
    return "\n".join(kept)


def _own_statements(line: str) -> list[Statement]:
    """Return the statements of a line that only a shell has; none if the line is invalid."""
    try:
        return [statement for statement in split_line(line)[0] if statement.text in EXTRA]
    except Mistake:
        return []


def _after(text: str, begin: int) -> str:
    rest = text[begin:]
    return " " * (len(text) - len(rest.lstrip(" \t;"))) + rest.lstrip(" \t;")
