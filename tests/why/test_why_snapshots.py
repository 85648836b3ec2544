"""Why a snapshot is sent, what a follower waits for, and that a leader is heard through InstallSnapshot (§7)."""

from support.why_stories import lines_of, view_after

from raftplay.why import why_node, why_not_committed

LED = "timing election=600ms..1200ms\ntimeout 0; wait leader is 0; submit a; wait committed a on 3\n"
BEHIND = LED + "disconnect 2; submit b; submit c; wait committed c on 2; snapshot 0\n"
HELD = BEHIND + "hold 0->2; reconnect 2; sleep 200ms\n"
CAUGHT_UP = BEHIND + "reconnect 2; wait committed c on 3\n"
WHY = "entry 1 comes next there, and the leader's log begins at index 3 (§7)"


def told(script: str, node: int) -> list[str]:
    return lines_of(why_node(view_after(script, nodes=3), node))


def about(lines: list[str], *words: str) -> list[str]:
    return [line for line in lines if any(word in line for word in words)]


def test_a_leader_tells_why_it_must_send_its_snapshot() -> None:
    kept, sends = about(told(BEHIND, 0), "snapshot")
    assert kept.startswith("entries 0 to 2 are in its snapshot, which it took at 0.")
    assert kept.endswith("its log begins at index 3 (§7)")
    assert sends == f"it has to send node 2 its snapshot up to entry 2: {WHY}"


def test_a_leader_tells_how_far_its_snapshot_is() -> None:
    _, sends = about(told(HELD, 0), "snapshot")
    assert sends.startswith("it sends node 2 its snapshot up to entry 2, since 0.")
    assert sends.endswith(f": {WHY}; 0 bytes of 96 bytes arrived; the last part is held on 0->2")


def test_an_entry_comes_only_after_the_snapshot() -> None:
    script = HELD + "submit d; wait committed d on 2\n"
    (line,) = about(lines_of(why_not_committed(view_after(script, nodes=3), 3)), "snapshot")
    assert line.startswith(
        "node 2 lacks it: what goes over 0->2 is held; its log ends at index 0; the leader must"
    )
    assert "must first send a snapshot up to entry 2, since 0." in line
    assert line.endswith(f"{WHY}; 0 bytes of 96 bytes arrived; the last part is held on 0->2")


def test_a_follower_tells_that_it_installed_a_snapshot_and_heard_from_its_leader_with_it() -> None:
    lines = told(CAUGHT_UP, 2)
    heard, kept = about(lines, "snapshot")
    assert heard.startswith("it last heard of node 0 at 0.")
    assert heard.endswith("took a part of its snapshot up to entry 2 (Figure 13): 96 bytes of it had arrived")
    assert kept.startswith("entries 0 to 2 are in its snapshot, which its leader sent at 0.")


def test_a_follower_waits_for_the_rest_of_a_snapshot() -> None:
    long = "\n".join(f"submit {letter * 60_000}" for letter in "abcde")
    script = (
        f"timing election=20s..40s delay=0ms\ntimeout 0; wait leader is 0; disconnect 2\n{long}\n"
        "wait commit of 0 = 4; snapshot 0; hold 0->2; reconnect 2; sleep 300ms; deliver 0->2; sleep 5ms\n"
    )
    (line,) = about(told(script, 2), "waits for the rest")
    assert (
        line == "it waits for the rest of node 0's snapshot up to entry 4: so far it has 262144 bytes (Figure 13)"
    )
    (sends,) = about(told(script, 0), "sends node 2")
    assert "; 262144 bytes of 30" in sends


def test_an_election_tells_that_a_snapshot_had_restarted_its_timer() -> None:
    script = (
        "timing election=300ms..301ms delay=0ms\ntimeout 0; wait leader is 0; disconnect 2; submit a\n"
        "wait committed a on 2; snapshot 0; reconnect 2; wait committed a on 3; crash 0; wait leader\n"
    )
    lines = told(script, 2) + told(script, 1)
    assert any("had heard of node 0, the leader of term 1" in line for line in lines)
