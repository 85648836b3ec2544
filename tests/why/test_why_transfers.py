"""Why a transfer of leadership waits, and why a command or a TimeoutNow was refused (thesis §3.10)."""

from support.why_stories import lines_of, view_after

from raftplay.why import why_node, why_rejected

LED = "timing election=600ms..1200ms\ntimeout 0; wait leader is 0; submit a; wait committed a on 3\n"
STUCK = LED + "disconnect 2; submit b; submit c; transfer to 2; submit d\n"


def told(script: str, node: int) -> list[str]:
    return lines_of(why_node(view_after(script, nodes=3), node))


def about(lines: list[str], *words: str) -> list[str]:
    return [line for line in lines if any(word in line for word in words)]


def test_a_transfer_waits_for_the_entries_that_its_target_lacks() -> None:
    lines = about(told(STUCK, 0), "hands", "take over")
    assert [line.split(" 0.")[0] for line in lines] == [
        "it hands its leadership over to node 2 since",
        "if node 2 does not take over by",
        "it refused d at",
    ]
    assert lines[0].endswith("and waits for entries 1 to 2 to reach node 2 (thesis §3.10)")
    assert lines[1].endswith("it gives up, and leads on")
    assert lines[2].endswith("a leader takes no commands while it hands over to node 2 (thesis §3.10)")


def test_one_entry_is_named_alone() -> None:
    (line,) = about(told(LED + "disconnect 2; submit b; transfer to 2\n", 0), "waits for")
    assert line.endswith("waits for entry 1 to reach node 2 (thesis §3.10)")


def test_a_transfer_waits_for_the_election_of_a_target_that_has_the_whole_log() -> None:
    (line,) = about(told(LED + "hold 0->2; transfer to 2\n", 0), "waits for")
    assert "waits for node 2 to win: it was told to start an election at 0." in line


def test_a_leader_that_gave_up_says_so_and_why_it_refused() -> None:
    lines = about(told(STUCK + "wait no transfer\n", 0), "handing", "refused")
    assert [line.split(" 0.")[0] for line in lines] == ["it refused d at", "at"]
    assert lines[1].endswith(
        "it gave up handing over to node 2: the target has not taken over within an election timeout (thesis §3.10)"
    )


def test_a_next_leadership_knows_nothing_of_it() -> None:
    script = STUCK + "wait no transfer; reconnect 2; timeout 1; wait leader is 1; timeout 0; wait leader is 0\n"
    assert about(told(script, 0), "handing", "hands", "refused") == []


def test_the_target_leads_because_it_was_told_to_start() -> None:
    (line,) = about(told(LED + "transfer to 2; wait leader is 2\n", 2), "told it")
    assert line.startswith("at 0.")
    assert line.endswith(
        "the leader told it to start an election at once (thesis §3.10): it obeyed node 0, "
        "since the leader of this term hands its leadership over (thesis §3.10)"
    )


def test_a_refused_timeout_now_names_both_terms() -> None:
    late = (
        LED
        + "hold 0->2; transfer to 2; timeout 1; wait leader is 1; wait term of 2 = 2; release 0->2; sleep 20ms\n"
    )
    why = "the request is of another term (thesis §3.10), 1 and not 2"
    for who, lines in (("it", told(late, 2)), ("node 2", lines_of(why_rejected(view_after(late, nodes=3), 2)))):
        (line,) = about(lines, "TimeoutNow")
        assert line.startswith(f"{who} refused node 0's TimeoutNow of term 1 at 0.")
        assert line.endswith(why)
