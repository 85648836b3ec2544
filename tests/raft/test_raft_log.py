"""RaftLog: the log of one node, and what it knows about its terms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.paper import entries, entry, thorough

from raftplay.raft.log import RaftLog
from raftplay.raft.messages import NONE, LogEntry
from raftplay.raft.prefix import LogView, kept_of
from raftplay.raft.storage import MapStorage, PersistentState

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


# ---- a log that lost its beginning to a snapshot (§7)


def test_a_log_keeps_its_indices_and_one_term_when_its_beginning_is_compacted():
    log = RaftLog(entries((1, 1, 3, 4)))
    before = log.view()
    log.compact(2)
    assert (log.base_index, log.base_term, len(log), log.last_index, log.last_term) == (2, 3, 4, 3, 4)
    assert (list(log), log.frozen()) == ([entry(3, 4)], (entry(3, 4),))
    assert log.view() == log.whole() == LogView((entry(3, 4),), 2, 3)
    assert [log.term_at(index) for index in range(-2, 5)] == [NONE, NONE, NONE, NONE, 3, 4, NONE]
    assert before == entries((1, 1, 3, 4))
    log.compact(3)
    assert (list(log), log.last_index, log.last_term, log[4:], log[:]) == ([], 3, 4, [], [])
    assert log.append(entry(4, 5)) == 4
    assert log[4] == log[-1] == entry(4, 5)
    assert repr(log) == f"RaftLog([{entry(4, 5)!r}], 3, 4)"
    assert log == RaftLog([entry(4, 5)], 3, 4) != RaftLog([entry(4, 5)])


@pytest.mark.parametrize("index", [0, 2, -2, -4, slice(0, None), slice(2, 4), slice(-2, None)])
def test_a_compacted_entry_is_never_taken_for_another_one(index):
    log = RaftLog(entries((1, 1, 3, 4)))
    log.compact(2)
    with pytest.raises(IndexError, match="compacted"):
        log[index]


def test_only_what_is_there_and_on_disk_is_compacted_and_nothing_of_it_is_cut_off():
    log = RaftLog(entries((1, 1, 3, 4)))
    log.append(entry(4, 4))
    for refused in (lambda: log.compact(4), lambda: log.compact(5)):
        with pytest.raises(AssertionError):
            refused()
    log.compact(2)
    log.compact(1)
    with pytest.raises(AssertionError):
        log.truncate(2)
    assert (log.base_index, log.changed_from, len(log)) == (2, 4, 5)


def test_a_compacted_log_is_stored_under_the_same_indices():
    storage = MapStorage()
    state = PersistentState(storage)
    _, _, log = state.load()
    log.extend(entries((1, 1, 3, 3)))
    state.save(3, NONE, log)
    log.compact(1)
    assert not state.save(3, NONE, log)
    log.truncate(3)
    log.append(LogEntry("new", 4))
    assert state.save(4, NONE, log)
    assert PersistentState(storage).load() == (4, NONE, RaftLog([*entries((1, 1, 3)), LogEntry("new", 4)]))


WITH_COMPACT = st.one_of(*CHANGES.original_strategies, st.tuples(st.just("compact"), st.integers(0, 12)))


@thorough
@given(logs, st.lists(WITH_COMPACT, max_size=20), st.integers(-13, 13), st.integers(-13, 13))
def test_a_log_is_a_list_whose_beginning_may_be_unknown(terms, changes, start, stop):
    log, model, base = RaftLog(entries(terms)), list(entries(terms)), NONE
    for kind, argument in changes:
        match kind:
            case "append":
                new = LogEntry("new", max(argument, log.last_term))
                assert log.append(new) == len(model)
                model.append(new)
            case "extend":
                new = [LogEntry("new", max(term, log.last_term)) for term in sorted(argument)]
                log.extend(new)
                model += new
            case "truncate" if argument > base:
                log.truncate(argument)
                del model[argument:]
            case "persisted":
                log.changed_from = None
            case "compact" if argument < (len(model) if log.changed_from is None else log.changed_from):
                log.compact(argument)
                base = max(base, argument)
    model_terms = [e.term for e in model]
    assert (log.base_index, log.base_term) == (base, model_terms[base] if base != NONE else NONE)
    assert (len(log), log.last_index) == (len(model), len(model) - 1)
    assert log.last_term == (model_terms[-1] if model else NONE)
    assert list(log) == list(log.frozen()) == list(kept_of(log.view())) == log[:] == model[base + 1 :]
    assert (len(log.view()), list(log.view())[base + 1 :]) == (len(model), model[base + 1 :])
    for index in range(-2, len(model) + 2):
        known = max(base, 0) <= index < len(model)
        assert log.term_at(index) == (model_terms[index] if known else NONE)
    for term in range(1, 10):
        found = [index for index in range(max(base, 0), len(model)) if model_terms[index] == term]
        assert log.first_index_of(term) == (found[0] if found else NONE)
        assert log.last_index_of(term) == (found[-1] if found else NONE)
    wanted = range(len(model))[start:stop]
    if wanted and wanted[0] <= base:
        with pytest.raises(IndexError):
            log[start:stop]
    else:
        assert log[start:stop] == model[start:stop]
