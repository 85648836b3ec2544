"""Reads the commands that only the screen has, typed or chosen from a list: play, lesson, viewers, quit."""

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from raftplay import scenarios
from raftplay.errors import UsageError
from raftplay.language.completion import Completion, Hint
from raftplay.session.shown import did_you_mean, quoted
from raftplay.watch.text import visible

if TYPE_CHECKING:
    from raftplay.lessons.catalogue import LessonText

EXTRA = {
    "quit": "Leave the screen.",
    "play": "Play a story on a cluster of its own.",
    "lesson": "Open a lesson, and come back here at its end.",
    "viewers": "Tell how many look on, and where (--serve).",
}
"""The commands with their help."""

EXAMPLES = {"play": "split-brain", "lesson": "1"}


class Own(NamedTuple):
    """One of these commands as it was typed; `argument` is "" where none was given."""

    name: str
    argument: str


class CommandChoice(NamedTuple):
    """Something that may be chosen: what is typed for it, and a line about it."""

    name: str
    about: str


def own_command(line: str) -> Own | None:
    """Return the command that only the screen has; None if `line` is another one. Raises `UsageError`."""
    name, *arguments = line.split() or [""]
    if name not in EXTRA:
        return None
    if name not in EXAMPLES and arguments:
        raise UsageError(f"{name} stands alone")
    if len(arguments) > 1 or any(argument.endswith(";") for argument in arguments):
        raise UsageError(f"{name} takes one name and stands alone in its line: {name} {EXAMPLES[name]}")
    return Own(name, arguments[0].strip("'\"") if arguments else "")


def stories() -> list[CommandChoice]:
    """Return the stories that `play` takes, those of bugs last."""
    return [CommandChoice(name, scenarios.summary_of(name).rstrip(".")) for name in scenarios.all_names()]


def lessons() -> list[CommandChoice]:
    """Return the lessons by number."""
    from raftplay.lessons import catalogue  # noqa: PLC0415 - the first frame does not need it

    return [
        CommandChoice(str(number), catalogue.shipped(name).source.split("\n", 1)[0].partition(": ")[2])
        for number, name in enumerate(catalogue.names(), start=1)
    ]


def lesson_of(which: str) -> "LessonText":
    """Return the lesson of that number or name. Raises `UsageError`."""
    from raftplay.lessons import catalogue  # noqa: PLC0415

    numbers, names = [choice.name for choice in lessons()], catalogue.names()
    if which in names:
        return catalogue.shipped(which)
    if which in numbers:
        return catalogue.shipped(names[int(which) - 1])
    hint = did_you_mean(which, names) or f"; the lessons are 1 to {len(names)}"
    raise UsageError(f"there is no lesson {quoted(which)}{hint}")


def story_of(name: str) -> str:
    """Return the script of a story. Raises `UsageError`."""
    known = [choice.name for choice in stories()]
    if name not in known:
        hint = did_you_mean(name, known) or "; play alone lists the stories"
        raise UsageError(f"there is no story {quoted(name)}{hint}")
    return scenarios.text_of(name)


def offers(line: str, cursor: int) -> list[Completion] | None:
    """Return what may follow `play` and `lesson` at the cursor; None if the line is another command's."""
    head, space, typed = line[:cursor].partition(" ")
    if not space or head not in EXAMPLES:
        return None
    start = cursor - len(typed.lstrip())
    given = typed.strip()
    choices = stories() if head == "play" else lessons()
    fits = [choice for choice in choices if choice.name.startswith(given) and choice.name != given]
    return [Completion(choice.name, start, choice.name, choice.about) for choice in fits]


def hint(line: str, cursor: int) -> Hint | None:
    """Return the hint for `play` and `lesson`; None if the line is another one."""
    found = offers(line, cursor)
    if found is None:
        return None
    name, _, typed = line.partition(" ")
    explained = Hint((name, "NAME" if name == "play" else "N"), 1, EXTRA[name])
    if found or not typed.strip():
        return explained
    try:
        own = own_command(line)
        assert own is not None
        known = {choice.name: choice.about for choice in (stories() if name == "play" else lessons())}
        (story_of if name == "play" else lesson_of)(own.argument)
    except UsageError as error:
        return replace(explained, mistake=visible(str(error)))
    return replace(explained, help=known.get(own.argument, explained.help))
