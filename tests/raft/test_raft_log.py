"""RaftLog: the log of one node, and what it knows about its terms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.paper import entries, entry, thorough

from raftplay.raft.log import RaftLog
from raftplay.raft.messages import NONE, LogEntry

logs = st.lists(st.integers(1, 9), max_size=20).map(sorted)


def test_an_empty_log_has_no_last_entry():
    log = RaftLog()
    assert (len(log), log.last_index, log.last_term, log.frozen()) == (0, NONE, NONE, ())


def test_indices_count_from_0():
    log = RaftLog()
    assert [log.append(e) for e in entries((1, 1, 3))] == [0, 1, 2]
    assert (log.last_index, log.last_term) == (2, 3)
    assert log[0] == entry(0, 1)
    assert (log[0].command, log[0].term) == ("0@1", 1)
    assert log[-1] == entry(2, 3)
    assert log[1:] == list(entries((1, 3), start=1))
    assert list(log) == list(entries((1, 1, 3)))


@pytest.mark.parametrize(("index", "term"), [(-2, NONE), (-1, NONE), (0, 1), (1, 4), (2, NONE), (99, NONE)])
def test_term_at_knows_no_term_outside_the_log(index, term):
    assert RaftLog(entries((1, 4))).term_at(index) == term


@thorough
@given(logs, st.integers(0, 10))
def test_first_and_last_index_of_a_term_are_what_a_plain_search_finds(terms, term):
    log = RaftLog(entries(terms))
    found = [index for index, t in enumerate(terms) if t == term]
    assert log.first_index_of(term) == (found[0] if found else NONE)
    assert log.last_index_of(term) == (found[-1] if found else NONE)


@thorough
@given(logs, st.integers(0, 25))
def test_truncate_drops_the_entry_and_all_that_follow_it(terms, index):
    log = RaftLog(entries(terms))
    log.truncate(index)
    assert log == entries(terms[:index])


def test_logs_equal_what_holds_the_same_entries():
    log = RaftLog(entries((1, 2)))
    assert log == RaftLog(entries((1, 2)))
    assert log == list(entries((1, 2)))
    assert log == entries((1, 2))
    assert log != entries((1,))
    assert log != entries((1, 3))
    assert log != "log"
    assert repr(RaftLog([LogEntry("x", 1)])) == "RaftLog([LogEntry(command='x', term=1)])"
    with pytest.raises(TypeError):
        hash(log)


def test_frozen_is_a_value_of_its_own_and_made_anew_only_after_a_change():
    log = RaftLog(entries((1, 2)))
    before = log.frozen()
    assert log.frozen() is before
    for change in (lambda: log.append(entry(2, 3)), lambda: log.truncate(1), lambda: log.extend([entry(1, 3)])):
        was = log.frozen()
        change()
        assert log.frozen() == tuple(log) != was
    assert before == entries((1, 2))


CHANGES = st.one_of(
    st.tuples(st.just("append"), st.integers(1, 9)),
    st.tuples(st.just("extend"), st.lists(st.integers(1, 9), max_size=3)),
    st.tuples(st.just("truncate"), st.integers(0, 12)),
    st.tuples(st.just("persisted"), st.none()),
)


@thorough
@given(logs, st.lists(CHANGES, max_size=12))
def test_changed_from_is_never_above_the_first_entry_that_differs_from_what_was_persisted(terms, changes):
    log = RaftLog(entries(terms))
    persisted = list(log)
    assert log.changed_from is None
    for kind, argument in changes:
        match kind:
            case "append":
                log.append(LogEntry("new", argument))
            case "extend":
                log.extend(LogEntry("new", term) for term in argument)
            case "truncate":
                log.truncate(argument)
            case "persisted":
                persisted, log.changed_from = list(log), None
        if log.changed_from is None:
            assert log == persisted
        else:
            assert log[: log.changed_from] == persisted[: log.changed_from]
            assert log.changed_from <= min(len(log), len(persisted))
