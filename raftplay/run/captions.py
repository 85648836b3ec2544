"""Captions: the comments of a script as an audience reads them, its chapters, and its notes for the speaker.

A caption narrates the steps that follow it. A comment that is indented by two spaces or more tells what the step
above it did, as in the scripts that `explore` writes. A line `## TITLE` begins a chapter, `#! TEXT` is a note.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from raftplay.run.script import Comment, Script, Step

INDENT = "  "
"""The beginning of a comment that tells what the step above it did."""


@dataclass(slots=True)
class Part:
    """A step of a script (None at its end), the comments before it, the notes there, and what it did."""

    comments: tuple[str, ...]
    step: Step | None
    notes: tuple[str, ...] = ()
    chapter: str = ""
    effects: tuple[str, ...] = ()
    paragraphs: tuple[str, ...] = ()
    """The comments with their lines joined, as far as these stand one below the other."""

    @property
    def begins_caption(self) -> bool:
        """Return whether another caption is shown from here on."""
        return bool(self.comments or self.chapter)


@dataclass(frozen=True, slots=True)
class Caption:
    """A caption: its comments as `lines` and as `paragraphs`, and the chapter in which it stands.

    `notes` are for the speaker. `part` is the number of the first part that it narrates.
    """

    lines: tuple[str, ...]
    paragraphs: tuple[str, ...]
    notes: tuple[str, ...]
    chapter: str
    part: int


@dataclass(frozen=True, slots=True)
class Chapter:
    """A chapter: its title, and the number of its first caption."""

    title: str
    caption: int


def parts_of(script: Script) -> list[Part]:
    """Return the steps of a script, each with the comments before it and behind it on its line."""
    parts: list[Part] = []
    block = _Block()
    for item in script.items:
        if isinstance(item, Step):
            parts.append(block.part(item))
            block = _Block()
        elif item.is_note:
            if not (item.line == 1 and item.text.startswith("!/")):
                block.note(item)
        elif item.behind and parts:
            text = item.text.strip()
            parts[-1] = replace(
                parts[-1],
                comments=(*parts[-1].comments, text),
                paragraphs=(*parts[-1].paragraphs, text),
            )
        elif item.text.startswith(INDENT) and parts and not block.lines:
            parts[-1].effects += (item.text.strip(),)
        else:
            block.add(item)
    if block.is_there:
        parts.append(block.part(None))
    return parts


def captions_of(parts: Sequence[Part]) -> list[Caption]:
    """Return the captions of the parts; there is at least one, empty if the first step has no comment."""
    captions: list[Caption] = []
    chapter = ""
    for at, part in enumerate(parts):
        chapter = part.chapter or chapter
        if part.begins_caption or not captions:
            captions.append(Caption(part.comments, part.paragraphs, part.notes, chapter, at))
        elif part.notes:
            captions[-1] = replace(captions[-1], notes=(*captions[-1].notes, *part.notes))
    return captions or [Caption((), (), (), "", 0)]


def chapters_of(captions: Sequence[Caption]) -> list[Chapter]:
    """Return the chapters, in order; none if the script has no line that begins one."""
    chapters: list[Chapter] = []
    for at, caption in enumerate(captions):
        if caption.chapter and (not chapters or chapters[-1].title != caption.chapter):
            chapters.append(Chapter(caption.chapter, at))
    return chapters


def caption_at(captions: Sequence[Caption], part: int) -> int:
    """Return the number of the caption that narrates a part."""
    return max((at for at, caption in enumerate(captions) if caption.part <= part), default=0)


@dataclass(slots=True)
class _Block:
    """The comments between two steps."""

    lines: list[str] = field(default_factory=list)
    paragraphs: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    chapter: str = ""
    last: int = -1  # the line of the comment before

    @property
    def is_there(self) -> bool:
        return bool(self.lines or self.notes or self.chapter)

    def add(self, comment: Comment) -> None:
        """Add a comment, or the title of a chapter."""
        text = comment.text.strip()
        if comment.is_chapter:
            self.chapter = text.lstrip("#").strip()
            return
        if comment.line == self.last + 1 and text and self.lines[-1]:
            self.paragraphs[-1] = f"{self.paragraphs[-1]} {text}"
        elif text:
            self.paragraphs.append(text)
        self.lines.append(text)
        self.last = comment.line

    def note(self, comment: Comment) -> None:
        """Add a note; an indented line goes on with the note above it."""
        text = comment.text.removeprefix("!")
        if text.startswith(INDENT) and self.notes:
            self.notes[-1] = f"{self.notes[-1]} {text.strip()}"
        else:
            self.notes.append(text.strip())

    def part(self, step: Step | None) -> Part:
        """Return the part that these comments stand before."""
        notes = tuple(text for text in self.notes if text)
        return Part(tuple(self.lines), step, notes, self.chapter, paragraphs=tuple(self.paragraphs))
