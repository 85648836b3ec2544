"""Completion and usage: what is offered is what the parser would take, read off the table, with no terminal."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.amount import several
from support.session import blueprint, perform, session_of

from raftplay.language.completion import Completion, complete, hint_of
from raftplay.language.offers import word_of
from raftplay.language.table import TABLE, bind
from raftplay.raft.bugs import BUGS
from raftplay.session.session import Session

HOSTILE = "\x1b[31m\u202egnp.exe\u200b"
RAW = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


def usage_of(line: str, cursor: int, session: Session | None = None) -> str:
    """Return the usage of the command being typed, the next parameter between ‹ ›, and help; or the mistake."""
    hint = hint_of(line, cursor, session)
    if hint is None or hint.mistake:
        return "" if hint is None else hint.mistake
    usage = " ".join(f"‹{part}›" if at == hint.at else part for at, part in enumerate(hint.parts))
    return f"{usage}: {hint.about or hint.help}"


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    """Five nodes, 0 leads term 1; 3 is down, 4 frozen, 1 cut off; some links have faults."""
    with session_of(blueprint(5)) as session:
        perform(session, "timeout 0; wait leader is 0", "let old = leader", "let where = 99")
        perform(session, "submit apple", "submit 42", "submit '42'", "submit 'two words'", 'submit "it\'s"')
        perform(session, f"submit '{HOSTILE}'", "wait committed apple on 5", "sleep 100ms")
        perform(session, "crash 3", "freeze 4", "disconnect 1", "cut 0->2", "link 2->0 loss=20%")
        perform(session, "hold 2->0", "submit flying", "sleep 1ms", "pause")
        yield session


def offered(line: str, session: Session | None) -> list[str]:
    return [found.text for found in complete(line, len(line), session)]


def helps(line: str, session: Session) -> dict[str, str]:
    return {found.text: found.help for found in complete(line, len(line), session)}


@pytest.mark.parametrize(
    ("line", "texts"),
    [
        ("st", ["status", "step"]),
        ("now; st", ["status", "step"]),
        ("status", []),
        ("crash ", ["leader", "follower", "followers", "alive", "0", "1", "2", "4", "$old"]),
        ("crash 0,", ["leader", "follower", "followers", "alive", "1", "2", "4", "$old"]),
        ("crash n", ["n0", "n1", "n2", "n4"]),
        ("partition 0 | others ", ["|"]),
        ("restart ", ["crashed", "3"]),
        ("thaw ", ["4"]),
        ("reconnect ", ["1"]),
        ("undrop ", []),
        ("timeout ", ["follower", "1", "2"]),
        ("crash $", ["$old"]),
        ("let x = 1; expect log of 0 > $", ["$old", "$where", "$x"]),
        ("submit 4", ["'42'", "42"]),
        ("submit a", ["apple"]),
        ("submit two", ["'two words'"]),
        ("submit 'two", ["'two words'"]),
        ("submit it", ['"it\'s"']),
        ("submit apple ", ["to"]),
        ("submit apple to fo", ["follower"]),
        (
            "wait n",
            [
                "no leader",
                "no transfer",
                "next of",
                "not committed",
                "not linearizable",
                "n0",
                "n1",
                "n2",
                "n3",
                "n4",
            ],
        ),
        ("wait no ", ["transfer", "leader"]),
        ("wait leader ", ["is", "within"]),
        (
            "wait leader is ",
            ["follower", "pre-candidate", "candidate", "leader", "dead", "not", "0", "1", "2", "3", "4", "$old"],
        ),
        ("wait 0 ", ["or", "leads", "is"]),
        ("wait 0 or ", ["leader", "follower", "followers", "all", "alive", "crashed", *"01234", "$old"]),
        ("wait 0 or 1 ", ["or", "leads"]),
        ("wait match of 1 ", ["at"]),
        ("wait elections ", ["=", "!=", "<", "<=", ">", ">="]),
        ("wait 0 is d", ["dead"]),
        ("wait term ", ["of", "=", "!=", "<", "<=", ">", ">="]),
        ("wait committed ap", ["apple"]),
        ("wait committed apple ", ["on", "within"]),
        ("wait committed apple on ", ["5", "4", "3", "2", "1", "index", "$old", "$where"]),
        ("wait committed apple on 5 w", ["within"]),
        ("wait leader within 25", ["25ms", "25s", "25m"]),
        ("never no leader f", ["for"]),
        ("sleep 1.5", ["1.5ms", "1.5s", "1.5m"]),
        ("let y ", ["="]),
        ("let y = l", ["leader"]),
        ("let y=l", ["leader"]),
        ("drop 0 ", ["after"]),
        ("cut 0", ["0->"]),
        ("cut 0->", ["0->1", "0->2", "0->3", "0->4"]),
        ("cut 0<->1", []),
        ("join ", ["0->2"]),
        ("release ", ["2->0"]),
        ("link 0->1 ", ["clear", "loss=", "delay=", "dup="]),
        ("link 0->1 loss=5% ", ["delay=", "dup="]),
        ("link 0->1 loss=3", ["loss=3%"]),
        ("partition 0,1 ", ["2", "3", "4", "|"]),
        ("partition 0,1 | 2,", ["3", "4"]),
        ("switch ", ["main"]),
        ("new no", ["nodes=", "node=", "noop="]),
        ("new nodes=7 no", ["node=", "noop="]),
        ("new backend=", ["backend=sim", "backend=tcp"]),
        ("new bug=reset", ["bug=reset-vote"]),
        ("new bug=reset-vote bu", ["bug="]),
        ("new prevote=o", ["prevote=on", "prevote=off"]),
        ("new watch=Log", []),
        ("new watch=al", ["watch=all"]),
        ("timers ", ["align", "spread"]),
        ("timers align ", ["at"]),
        ("timers align at 25", ["25ms", "25s", "25m"]),
        ("help cond", ["conditions"]),
        ("why app", ["apple"]),
        ("why val", ["value"]),
        ("why value 4", ["'42'", "42"]),
        ("why no ", ["leader"]),
        ("why not committed ", ["index", "$old", "$where", "6"]),
        ("why 2 ", ["rejected"]),
        ("watch ", ["on", "off", "elections"]),
        ("nodes", []),
        ("crash leader ", []),
        ("crash 9 ", []),
        ("nonsense ", []),
        ("# cra", []),
        ("now # cra", []),
    ],
)
def test_what_fits_is_offered_and_nothing_else(session: Session, line: str, texts: list[str]) -> None:
    assert offered(line, session) == texts


def test_all_commands_that_a_session_takes_are_offered_with_their_help(session: Session):
    assert helps("", session) == {row.name: row.help for row in TABLE.values() if row.in_session}
    assert "nodes" not in helps("", session)
    assert offered("no", None) == ["node", "nodes", "now"]  # a script takes set-up lines


def test_only_what_the_caller_has_besides_is_offered_besides(session: Session):
    found = complete("ex", 2, session, {"exit": "Leave."})
    assert [(c.text, c.help) for c in found] == [("exit", "Leave."), ("expect", TABLE["expect"].help)]


def test_nodes_carry_their_roles_and_selectors_what_they_select(session: Session):
    found = helps("log ", session)
    assert found["0"] == "Leader, term 1"
    assert found["1"] == "Follower, term 1, cut off"
    assert found["3"] == "down, term 1 on disk"
    assert found["4"].endswith("frozen")
    assert (found["leader"], found["crashed"], found["$old"]) == ("n0", "n3", "n0")


def test_values_say_where_they_stand_and_the_newest_come_first(session: Session):
    found = helps("wait committed ", session)
    assert next(iter(found)) == "flying"
    assert found["apple"] == "index 0, term 1, committed"
    assert found["flying"] == "index 6, term 1"
    assert found["'42'"] == "index 2, term 1, committed"


def test_messages_in_flight_are_offered_with_their_words(session: Session):
    flying = session.view().messages
    found = helps("deliver ", session)
    assert flying
    assert {str(m.id) for m in flying} <= set(found)
    assert any("flying" in help for help in found.values())
    assert {"0->", "all"} <= set(found)


def test_links_say_what_is_wrong_with_them(session: Session):
    assert helps("cut 2->", session)["2->0"] == "loss 20%"
    assert helps("cut 0->", session)["0->2"] == "cut"


def test_files_are_offered_for_what_is_written(session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "story.txt").touch()
    (tmp_path / "with space.txt").touch()
    (tmp_path / "below").mkdir()
    (tmp_path / ".hidden").touch()
    (tmp_path / "below" / "deep.txt").touch()
    assert helps("save ", session) == {
        "story1.txt": "a new file",
        "below/": "directory",
        "story.txt": "is there already",
        "'with space.txt'": "is there already",
    }
    assert offered("record below/d", session) == ["below/deep.txt"]
    assert offered("save .h", session) == [".hidden"]
    assert offered("save /nowhere/at/all/", session) == ["/nowhere/at/all/story.txt"]


def test_branches_are_offered_by_name():
    with session_of(blueprint(3)) as session:
        perform(session, "wait leader", "sleep 100ms", "back 5", "submit other")
        assert helps("switch ", session)["b1"].endswith("from main, played now")
        assert offered("diff main ", session) == ["main", "b1"]


def test_set_up_lines_are_completed_where_a_script_is_written():
    assert offered("bug forget-", None) == ["forget-vote", "forget-term"]
    assert len(offered("bug ", None)) == len(BUGS)
    assert offered("watch elec", None) == ["Election Safety"]
    assert offered("watch Election Safety, log m", None) == ["Log Matching"]
    assert offered("watch State Ma", None) == ["State Machine Safety"]
    assert offered("backend ", None) == ["sim", "tcp"]
    assert offered("set prevote ", None) == ["on", "off"]
    assert offered("timing h", None) == ["heartbeat="]


def test_a_completion_stands_in_place_of_what_was_typed(session: Session):
    line = "now; watch ELEC"
    assert complete(line, len(line), session) == [
        Completion("elections", 11, "elections", "elections are printed as they happen")
    ]
    line = "crash 0,al"
    assert [(c.text, c.start) for c in complete(line, len(line), session)] == [("alive", 8)]
    assert [c.text for c in complete("crash lea behind", 9, session)] == ["leader"]


def test_hostile_values_are_shown_visibly_and_typed_as_they_are(session: Session):
    (found,) = [c for c in complete("submit ", 7, session) if HOSTILE in c.text]
    assert found.display == "'\\x1b[31m\\u{202e}gnp.exe\\u{200b}'"
    assert not RAW.search(found.display)
    assert bind(f"submit {found.text}", session)[0].arguments[0][1](session) == HOSTILE


@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40).filter(
        lambda text: (
            text.splitlines() in ([text], [])
            and text != "-"
            and not text.startswith("~")
            and not text.endswith("/")
        )
    )
)
def test_any_text_can_be_typed_as_one_word(text: str):
    with session_of(blueprint(1)) as session:
        bound = bind(f"save {word_of(text)}", session)[0] if text and "\0" not in text else None
        assert bound is None or str(bound.arguments[0][1](session)) == str(Path(text))


@pytest.mark.parametrize("name", sorted(TABLE))
def test_no_example_of_the_table_has_a_mistake_on_its_way(name: str):
    example = TABLE[name].example
    for cursor in range(len(example) + 1):
        hint = hint_of(example[:cursor], cursor, None)
        assert hint is None or not hint.mistake or not example[:cursor].endswith(" "), (example[:cursor], hint)


@pytest.mark.parametrize(
    ("line", "usage"),
    [
        (
            "submit ",
            "submit ‹VALUE› [to NODE]: an integer such as 42, or text; quotes keep spaces and make 42 text: '42'",
        ),
        ("submit 5 ", "submit VALUE ‹[to NODE]›: 2 or n2, leader, follower, or a variable such as $old"),
        (
            "heal",
            "heal: Restore all links: remove groups, cuts, loss, delays and duplicates; deliver held messages.",
        ),
        ("wait leader wi", "wait ‹CONDITION› [within D]: "),
        ("wait leader within ", "wait CONDITION ‹[within D]›: 250ms, 1.5s or 2m, at most 1440m"),
        ("crash 9", "there is no node 9; the nodes are 0 to 4"),
        ("crash 9 ", "there is no node 9; the nodes are 0 to 4"),
        ("crash $nobody ", "$nobody was not set before; set it with: let nobody = …"),
        ("sleep 5 ", "invalid duration '5': add a unit (250ms, 1.5s, 2m)"),
        ("crush 1", "there is no command 'crush'; did you mean 'crash'?"),
        ("crus", "there is no command 'crus'; did you mean 'crash'?"),
        ("heal now ", "unexpected argument 'now'; usage: heal"),
        ("wait leader wihtin ", "unexpected argument 'wihtin'; did you mean 'within'?"),
        ("cra", ""),
        ("", ""),
        ("# heal", ""),
    ],
)
def test_the_usage_marks_what_is_next_or_says_what_is_wrong(session: Session, line: str, usage: str) -> None:
    said = usage_of(line, len(line), session)
    assert said == usage if not usage or usage[-1] != " " else said.startswith(usage), said


def test_what_is_unfinished_is_no_mistake(session: Session):
    for line in (
        "submit 'two wor",
        "sleep 2",
        "crash ",
        "link 0->1 loss=",
        "let x",
        "partition 0,1 | ",
        "wait term >= ",
    ):
        hint = hint_of(line, len(line), session)
        assert hint is None or not hint.mistake, (line, hint)


WORDS = [
    *sorted(TABLE),
    "leader",
    "is",
    "not",
    "committed",
    "0",
    "$old",
    "0->1",
    "|",
    "loss=",
    "=",
    "'",
    '"',
    ";",
    "within",
    "5",
]


@settings(max_examples=several(300))
@given(
    st.one_of(
        st.text(max_size=60), st.lists(st.sampled_from(WORDS) | st.text(max_size=5), max_size=9).map(" ".join)
    ),
    st.integers(0, 80),
)
def test_no_text_breaks_it_and_nothing_raw_is_shown(session: Session, line: str, cursor: int):
    for within in (session, None):
        for found in complete(line, cursor, within):
            assert not RAW.search(found.display + found.help)
            assert 0 <= found.start <= max(cursor, 0)
        assert not RAW.search(usage_of(line, cursor, within))


@settings(max_examples=several(100))
@given(st.lists(st.integers(0, 1_000), min_size=1, max_size=7), st.sampled_from(sorted(TABLE)))
@example([0, 6], "transfer")
@example([0, 0, 0, 3], "put")
def test_what_is_offered_is_what_is_understood(session: Session, choices: list[int], name: str):
    """From word to word, whatever is chosen: no choice is ever called a mistake."""
    line = f"{name} "
    for choice in choices:
        found = [c for c in complete(line, len(line), session) if c.text[-1:] not in "=>/"]
        if not found:
            break
        chosen = found[choice % len(found)]
        line = f"{line[: chosen.start]}{chosen.text} "
        hint = hint_of(line, len(line), session)
        assert hint is None or not hint.mistake, (line, hint)


@pytest.mark.parametrize("line", ["transfer from ", "put x 1 as ", "put x 1 to ", "timers align at "])
def test_behind_a_word_that_wants_a_value_nothing_else_is_offered(session: Session, line: str):
    assert {c.text for c in complete(line, len(line), session)}.isdisjoint({"from", "to", "as", "at"})


@pytest.mark.parametrize("line", ["submit " + "x" * 20_000, "c" * 20_000, "'" + "x" * 20_000, "status;" * 3_000])
def test_of_a_very_long_line_nothing_is_read_at_every_key(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def reads(source: str) -> None:
        raise AssertionError(f"{len(source)} characters were read")

    monkeypatch.setattr("raftplay.language.completion.split_typed", reads)
    monkeypatch.setattr("raftplay.language.completion.split_line", reads)
    assert complete(line, len(line)) == []
    assert hint_of(line, len(line)) is None
