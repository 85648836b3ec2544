"""Scripts as nobody should write them, from which tests draw: wrong words, wrong places, strange characters."""

import re
from random import Random

from hypothesis import strategies as st

from raftplay.language.table import TABLE
from raftplay.run.script import ScriptRefused, parse_script

NAMES = [*TABLE, "crush", "CRASH", "", "'", "\\"]
WORDS = """
to after within for of is not on off one no leader follower followers candidate dead all alive crashed agree
committed commit term log index = != < <= > >= | ; # $x $y x 0 1 2 n3 4 0,2 0,1,2,3,4 -1 9 25 1->3 0<->1
leader->followers all->0 loss=20% loss=1 dup=100% delay=1..5ms delay=0ms clear 1ms 20ms 300ms 1s 0ms 2m 5
150..300ms election=10..20ms heartbeat=5ms prevote noop sim tcp forget-vote zombie conditions wait 0.1 100 42
999999999999999999999 1e3 ٣ 漢字
"""
STRANGE = ["'two words'", '"a # b"', "\x1b[2J", "\u202e", "\u00a0", "\x0b", "\u2028", "\x00", "''", "\U0001f600"]
SCRAPS = [*WORDS.split(), *STRANGE, "'", '"', "\\", "$", ",", "|", "->", "=", "\t", "\r"]
EXAMPLES = [*(row.example for row in TABLE.values()), "let x = 1", "wait leader", "timeout 0", "restart crashed"]


def random_line(dice: Random) -> str:
    """A command with words that may or may not suit it."""
    spaces = dice.choices([" ", "  ", "\t", "", "\u3000"], [20, 2, 2, 2, 1], k=5)
    return dice.choice(NAMES) + "".join(space + dice.choice(SCRAPS) for space in spaces[: dice.randrange(6)])


def mutated_line(dice: Random) -> str:
    """A valid command in which something was cut out, put in or doubled."""
    line = dice.choice(EXAMPLES)
    for _ in range(dice.randrange(4)):
        start = dice.randrange(len(line) + 1)
        end = min(len(line), start + dice.randrange(7))
        line = line[:start] + dice.choice(["", line[start:end] * 2, dice.choice(SCRAPS)]) + line[end:]
    return line


DICE = Random(20)
POOL = [make(DICE) for make in (random_line, mutated_line) for _ in range(4000)]
"""Hypothesis draws whole lines from here: drawing them word by word would take most of the time."""

pool = st.sampled_from(POOL)
examples = st.sampled_from(EXAMPLES)
blocks = st.sampled_from(["----", "----", "", "  ", "failed: x", "---", "---- \r", "# x"])
scripts = st.lists(st.one_of(pool, pool, blocks, st.text(max_size=20)), max_size=8).map("\n".join)

SHORT = re.compile(r"\d+m\b|[0-9.]{3,}s|10000|99+")


def readable(text: str) -> list[str]:
    """The lines of `text` that a script may hold, without those that would take long."""
    kept: list[str] = []
    for line in text.split("\n"):
        if not SHORT.search(line):
            try:
                parse_script("s", "\n".join([*kept, line]))
            except ScriptRefused:
                continue
            kept.append(line)
    return kept
