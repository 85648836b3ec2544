"""Histories of other programs, and what is wrong with a file."""

import math

import pytest

from raftplay.errors import UsageError
from raftplay.linearizability.operations import ClientAnswer, Operation
from raftplay.linearizability.readers import own_line, read_history
from raftplay.linearizability.search import check

LOG = """\
INFO  jepsen.core - Worker 0 starting
INFO  jepsen.util - 0\t:invoke\t:read\tnil
INFO  jepsen.util - 0\t:ok\t:read\tnil
INFO  jepsen.util - 0\t:invoke\t:write\t3
INFO  jepsen.util - 1\t:invoke\t:cas\t[3 4]
INFO  jepsen.util - 0\t:info\t:write\t:timed-out
INFO  jepsen.util - 1\t:ok\t:cas\t[3 4]
INFO  jepsen.util - :nemesis\t:info\t:start\t"Cut off"
INFO  jepsen.util - 2\t:invoke\t:read\tnil
INFO  jepsen.util - 2\t:fail\t:read\t:timed-out
INFO  jepsen.util - 2\t:invoke\t:cas\t[9 1]
INFO  jepsen.util - 2\t:fail\t:cas\t[9 1]
"""


def outcome(text: str) -> str:
    history = read_history(text)
    return check(history.operations, initial=history.initial).outcome


def test_a_log_of_jepsen_is_read_as_one_register() -> None:
    history = read_history(LOG)
    assert [(o.kind, o.argument, o.expected, o.answer, o.end) for o in history.operations] == [
        ("get", None, None, ClientAnswer(None), 3),
        ("put", "3", None, None, math.inf),
        ("cas", "4", "3", ClientAnswer(), 7),
        ("cas", "1", "9", ClientAnswer(done=False), 12),
    ]
    assert outcome(LOG) == "linearizable"


def test_a_cas_that_fails_although_its_value_was_there_is_a_violation_in_a_log() -> None:
    assert outcome(LOG.replace("[9 1]", "[4 1]")) == "violated"


@pytest.mark.parametrize(("value", "expected"), [("ab", "linearizable"), ("ba", "violated"), ("", "violated")])
def test_maps_with_keys_are_stores_whose_keys_begin_empty(value: str, expected: str) -> None:
    text = "".join(
        f'{{:process {process}, :type {kind}, :f {f}, :key "7", :value {shown}}}\n'
        for process, f, called, told in (
            (0, ":get", "nil", '""'),
            (0, ":append", '"a"', '"a"'),
            (1, ":append", '"b"', '"b"'),
            (2, ":get", "nil", f'"{value}"'),
        )
        for kind, shown in ((":invoke", called), (":ok", told))
    )
    assert outcome(text) == expected
    assert {o.key for o in read_history(text).operations} == {"7"}


REGISTER = """\
[{:type :invoke, :f :write, :value 1, :process 0, :time 10, :index 0}
 {:type :ok, :f :write, :value 1, :process 0, :time 20, :index 1} ; a comment
 {:type :invoke, :f :cas, :value [1 2], :process 1}
 {:type :fail, :f :cas, :value [1 2], :process 1, :error [:not-leader "try later"]}
 {:type :info, :f :kill, :process :nemesis, :value #{:n1}}
 {:type :invoke, :f :read, :value nil, :process 0}
 {:type :ok, :f :read, :value 1, :process 0}]
"""


def test_a_failed_operation_of_an_edn_history_never_took_effect() -> None:
    assert outcome(REGISTER) == "linearizable"
    assert (
        outcome(REGISTER.replace(":fail", ":info").replace(":read, :value 1", ":read, :value 2")) == "linearizable"
    )
    assert outcome(REGISTER.replace(":read, :value 1", ":read, :value 2")) == "violated"


def test_tuples_of_key_and_value_are_separate_registers() -> None:
    text = """\
{:process 0 :type :invoke :f :write :value [1 5]} {:process 0 :type :ok :f :write :value [1 5]}
{:process 0 :type :invoke :f :read :value [2 nil]} {:process 0 :type :ok :f :read :value [2 nil]}
{:process 0 :type :invoke :f :cas :value [1 [5 6]]} {:process 0 :type :ok :f :cas :value [1 [5 6]]}
{:process 0 :type :invoke :f :read :value #jepsen.independent/tuple [1 nil]}
{:process 0 :type :ok :f :read :value #jepsen.independent/tuple [1 6]}
"""
    assert {o.key for o in read_history(text).operations} == {"1", "2"}
    assert outcome(text) == "linearizable"
    assert outcome(text.replace("tuple [1 6]", "tuple [1 5]")) == "violated"


def test_own_lines_are_read_back_as_they_were() -> None:
    operations = (
        Operation("a", "x", "put", '"1"', None, 0.5, 0.75, ClientAnswer(), "#1"),
        Operation("a", "x", "get", None, None, 1.0, 2.0, ClientAnswer('{"k":[1,true]}'), "#2"),
        Operation("b", "x", "cas", "true", "1", 1.0, 2.5, ClientAnswer(done=False, tells=True, before="2"), "#3"),
        Operation("b", "y", "append", '"z"', None, 3.0, math.inf, None, "#4"),
        Operation("b", "y", "get", None, None, 4.0, 5.0, ClientAnswer(None), "#5"),
        Operation("b", "y", "put", "1", None, 6.0, 7.0, ClientAnswer(tells=True, before=None), "#6"),
    )
    text = "\n".join(map(own_line, operations))
    assert read_history(text).operations == operations


@pytest.mark.parametrize(
    "value",
    ["99999999999999999999999", ":word", "##NaN", "{:a 1}", "{nil 1, 2 3}", "{[1 2] 3}", "#{1 2}", '"\\ud800"',
     "1/2", '#inst "2020-01-01"', "#_ 7 8", '"\\ud83d\\ude00"', "9" * 5000],
)  # fmt: skip
def test_any_value_of_edn_may_be_written_and_read(value: str) -> None:
    text = (
        f"{{:process 0 :type :invoke :f :write :value {value}}} #_ {{:a 1}}\r\n"
        "{:process 0 :type :ok :f :write}\r\n\r\n{:process 1,,:type :invoke\t:f :read}\r\n"
        f"{{:process 1 :type :ok :f :read :value {value} :more {{[1] 2}}}}"
    )
    assert outcome("\ufeff" + text) == "linearizable"
    assert outcome(text.replace(":f :read :value", ":f :read :value -1 :v")) == "violated"


def test_operations_may_be_vectors_and_lines_of_a_log_may_begin_with_their_time() -> None:
    vectors = "[70 :invoke :write 1]\n[70 :ok :write 1]\n[:nemesis :info :start nil]\n[7 :invoke :read nil]\n"
    assert outcome(f"{vectors}[7 :ok :read 1]") == "linearizable"
    assert outcome(f"{vectors}[7 :ok :read nil]") == "violated"
    timed = LOG.replace(
        "INFO  jepsen.util - ", "2020-01-01 00:00:00,1{GMT}\tINFO\t[jepsen worker 3] jepsen.util: "
    )
    assert outcome("\ufeff" + timed) == "linearizable"
    assert outcome(timed.replace("[9 1]", "[4 1]")) == "violated"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "there is no operation in it"),
        ("hello\n", "line 1: 'hello' is no operation in EDN, in JSON, or in a log of Jepsen"),
        ("{:type :ok", "line 1: a value ends too soon"),
        ('{:type :ok "', "line 1: this is no EDN"),
        ("{:type :ok]", "line 1: ']' stands where '}' must"),
        ("[1 2", "line 1: a value ends too soon"),
        ("{:a 1}", "operation 1 is no map with a :type"),
        ("{:process 0 :type :ok :f :read :value 1}", "line 1: process 0 has nothing under way"),
        (
            "{:process 0 :type :invoke :f :enqueue}",
            "line 1: operation 1 has the :f enqueue, which is no operation on a key",
        ),
        (
            "{:process 0 :type :odd :f :read}",
            "line 1: operation 1 has the :type odd; it must be :invoke, :ok, :fail or :info",
        ),
        ("{:process 0 :type :invoke :f :cas :value 3}", "line 1: a cas has the value [OLD NEW]"),
        ("{:a 1} #_", "line 1: a value ends too soon"),
        ("\n\n{:process 0 :type :ok :f :read}", "line 3: process 0 has nothing under way"),
        ("#_" * 5000, "line 1: values are nested deeper than 100"),
        (LOG + "INFO  jepsen.util - 1 :invoke :write [", "line 13: a value ends too soon"),
        (LOG + "INFO  jepsen.util - 1 :invoke :cas 1", "line 13: a cas has the value [OLD NEW]"),
        ('[{"client":"a"}]', "line 1: a JSON array; write one operation on each line"),
        (
            '{"client":"a","op":"put","key":"x","call":1,"argument":' + "[" * 3000 + "]" * 3000 + "}",
            "line 1: its values are nested too deeply",
        ),
        ("[" * 500, "line 1: values are nested deeper than 100"),
        ('{"client":"a"}', "line 1: Object missing required field `op`"),
        ('{"client":"a","op":"put","key":"x","call":1}', "line 1: a put has an argument"),
        ('{"client":"a","op":"get","key":"x","call":2,"end":1}', "line 1: it ends at 1, before its call at 2"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_in_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(UsageError) as error:
        read_history(text)
    assert str(error.value) == sentence
