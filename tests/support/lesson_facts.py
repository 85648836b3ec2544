"""What a lesson says, sentence by sentence, beside the cluster that it says it of."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar

from raftplay.cluster.checks import InvariantBroken
from raftplay.language.table import bind
from raftplay.lessons.course import AnswerVerdict, Do, Free, Look, Paragraph, Predict, open_lesson, play_step
from raftplay.lessons.steps import Lesson
from raftplay.raft import decisions
from raftplay.raft.config import RaftConfig
from raftplay.session.session import Session
from raftplay.watch.facts import CallDelivered, Record

E = TypeVar("E")


@dataclass
class Scene:
    """The cluster at the moment of a sentence, and the answers of the commands shown so far, by their text."""

    session: Session
    lesson: Lesson
    answers: dict[str, str] = field(default_factory=dict)

    @property
    def timing(self) -> RaftConfig:
        return self.session.harness.config.raft

    def node(self, id: int):
        return self.session.harness.snapshot().nodes[id]

    def nodes(self, *ids: int):
        """These nodes, or all."""
        found = self.session.harness.snapshot().nodes
        return [n for n in found if n.id in ids] if ids else list(found)

    def roles(self) -> str:
        """A letter for each node: L, C, F, or D for one that is down."""
        return "".join(str(n.state)[0] if n.alive else "D" for n in self.nodes())

    def leader(self):
        """The leader of the highest term."""
        return max((n for n in self.nodes() if n.alive and str(n.state) == "Leader"), key=lambda n: n.current_term)

    def variable(self, name: str) -> int:
        return self.session.variable(name)

    def logs(self) -> list[str]:
        """The log of each node as `term:command …`, by its disk where it is down."""
        return [" ".join(f"{e.term}:{e.command}" for e in n.log) for n in self.nodes()]

    def committed(self, *commands: str) -> list[tuple[int, ...]]:
        """For each command, which nodes have it committed."""
        return [
            tuple(n.id for n in self.nodes() if any(c.command == command for c in n.commits))
            for command in commands
        ]

    def ask(self, *lines: str) -> str:
        """The answers of commands, which may change a cluster that is not needed any more."""
        answers = []
        for line in lines:
            with suppress(InvariantBroken):
                answers += [self.session.perform(bound).result() for bound in bind(line, self.session)]
        return "\n".join(answers)

    def leader_since(self) -> float:
        """When the leader of the highest term won."""
        return max(r.time for r, e in self.happened(decisions.BecameLeader))

    def records(self) -> list[Record]:
        return list(self.session.view().records)

    def happened(self, kind: type[E], *, node: int | None = None) -> list[tuple[Record, E]]:
        """The events of a kind since the cluster began, with their records."""
        return [
            (r, r.event) for r in self.records() if isinstance(r.event, kind) and (node is None or r.node == node)
        ]

    def votes(self, candidate: int, term: int) -> dict[int, bool]:
        """How each node answered the vote request of `candidate` in `term`."""
        return {
            r.node: e.granted
            for r, e in self.happened(decisions.VoteDecided)
            if (e.args.candidate_id, e.args.term) == (candidate, term)
        }

    def candidates(self, term: int) -> list[int]:
        return [r.node for r, e in self.happened(decisions.ElectionStarted) if e.term == term]

    def delivered(self, src: int, dst: int, since: float = -1.0) -> int:
        """How many requests reached `dst` from `src`."""
        return sum((e.src, e.dst) == (src, dst) and r.time >= since for r, e in self.happened(CallDelivered))

    def reaches(self, src: int) -> set[int]:
        """The nodes that a message from `src` reaches now."""
        harness, snapshot = self.session.harness, self.session.harness.snapshot().nodes
        up = {n.id for n in snapshot if n.alive and n.connected}
        return {id for id in up - {src} if src in up and harness.network.blocked(src, id) is None}


Fact = Callable[[Scene], bool]


def sentences(text: str) -> list[str]:
    """The sentences of a paragraph."""
    return [s for s in re.split(r"(?<=[.?])\s+", " ".join(text.split())) if s]


def said(source: str) -> Iterator[str]:
    """Every sentence behind `say` and `wrong` in the source of a lesson, with its holes."""
    paragraph = ""
    for line in [*source.split("\n"), ""]:
        word, _, rest = line.strip().partition(" ")
        if word == "say" and rest:
            paragraph += f" {rest}"
            continue
        yield from sentences(paragraph)
        paragraph = ""
        if word == "wrong":
            yield from sentences(rest)


def visit(
    lesson: Lesson, seed: int, facts: Mapping[str, Fact], truths: dict[int, str], *, wrong: bool
) -> set[str]:
    """Play `lesson` and check each fact where its words are said: the words that were met. Asserts every fact."""
    met: set[str] = set()
    session = open_lesson(lesson, seed)
    scene = Scene(session, lesson)

    def hear(text: str) -> None:
        for sentence in sentences(text):
            for words, holds in facts.items():
                if words in sentence:
                    assert holds(scene), f"seed {seed}: {sentence}"
                    met.add(words)

    def serve(request: object) -> object:
        match request:
            case Paragraph() | Free():
                hear(request.text)
            case Do():
                with suppress(InvariantBroken):
                    scene.answers[request.bound.text] = session.perform(request.bound).result()
            case Look():
                return request.read(session)
            case Predict(question=question, line=line):
                others = question.others(truths[line], session.harness.n)
                return others[seed % len(others)] if wrong else truths[line]
            case AnswerVerdict():
                hear(request.more)
        return None

    try:
        for step in lesson.steps:
            steps = play_step(step, session.harness.n)
            answer: object = None
            with suppress(StopIteration):
                while True:
                    answer = serve(steps.send(answer))
    finally:
        with suppress(InvariantBroken):
            session.close()
    return met
