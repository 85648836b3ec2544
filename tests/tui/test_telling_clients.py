"""The words on the screen for what clients are told."""

from raftplay.tui.stage.telling.clients import client
from raftplay.watch import client_facts
from raftplay.watch.facts import Record


def why_told(request: dict[str, object]) -> str:
    """Why the client is told so, when the request is answered."""
    event = client_facts.ClientTold(1, "bob", request, "ok", value=1, found=True)
    told = client(event, Record(1, 0.1, -1, 0, event))
    assert told is not None
    return told.why


def test_a_read_is_not_told_of_as_an_entry_that_is_committed() -> None:
    assert why_told({"kv": "put", "key": "x", "value": 1}).startswith(
        "The node answers once the entry is committed"
    )
    assert why_told({"kv": "get", "key": "x"}).startswith("It is what a node's store holds; `set reads` decides")
