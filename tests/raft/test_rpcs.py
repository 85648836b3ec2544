"""Tests the kinds of RPCs: every message has a row, and everything that treats messages alike takes each kind."""

from collections.abc import Callable
from typing import get_args

import pytest
from msgspec.structs import fields, replace

from raftplay.backends import wire
from raftplay.raft.consensus import ConsensusModule
from raftplay.raft.messages import Args, Reply, RPCReply, RPCRequest
from raftplay.raft.rpcs import OF, RPC, RPCS
from raftplay.raft.storage import MapStorage
from raftplay.raft.values import named_args
from raftplay.tui.model.glyphs import Glyphs
from raftplay.tui.model.timeline import style_of, words_of
from raftplay.tui.stage import words
from raftplay.tui.stage.scene import Moving
from raftplay.tui.stage.telling.messages import message_text
from raftplay.watch import narrator
from raftplay.why.words.rpcs import request_text

EACH = pytest.mark.parametrize("rpc", RPCS, ids=lambda rpc: rpc.method)


def request_of(rpc: RPC, sender: int = 1, term: int = 3) -> Args:
    """Return a request of this kind."""
    of_their_kind = {"entries": (), "data": b"x", "done": True}
    values = {field.name: of_their_kind.get(field.name, 0) for field in fields(rpc.request) if field.required}
    create: Callable[..., Args] = rpc.request
    return create(**{**values, rpc.sender: sender, "term": term})


def reply_of(rpc: RPC, *, yes: bool = True) -> Reply:
    """Return a reply of this kind."""
    create: Callable[..., Reply] = rpc.reply
    return create(**{"term": 3, **({rpc.answer: yes} if rpc.answer else {})})


def test_every_message_has_a_row() -> None:
    assert {*get_args(Args), *get_args(Reply)} == set(OF)


@EACH
def test_a_request_knows_its_sender_and_a_reply_its_answer(rpc: RPC) -> None:
    request = request_of(rpc, 4)
    assert isinstance(request, RPCRequest)
    assert not isinstance(request, RPCReply)
    assert request.sender == 4
    assert named_args(request, lambda id: id + 3).sender == 7
    assert reply_of(rpc).yes is True
    assert not rpc.answer or reply_of(rpc, yes=False).yes is False


@EACH
def test_the_wire_carries_it(rpc: RPC) -> None:
    for frame in (wire.Call(1, request_of(rpc)), wire.Answered(1, reply_of(rpc))):
        assert wire.FrameReader().feed(wire.encode(frame)) == [frame]


@EACH
def test_a_node_replies_to_it_and_handles_its_reply(rpc: RPC) -> None:
    node = ConsensusModule(0, (1, 2), MapStorage())
    node.start(0.0)
    reply = node.request_received(request_of(rpc), 0.0)
    assert type(reply) is rpc.reply
    assert reply.term >= 3
    node.reply_received(1, request_of(rpc, 0, reply.term), reply, 0.0)
    node.reply_received(1, request_of(rpc, 0, reply.term), replace(reply, term=9), 0.0)
    assert node.current_term == 9
    node.stop()
    assert node.request_received(request_of(rpc), 0.0).term == 0


@EACH
def test_every_screen_has_words_for_it(rpc: RPC) -> None:
    glyphs = Glyphs()
    for message in (request_of(rpc), reply_of(rpc), reply_of(rpc, yes=False)):
        moving = Moving((1, False), 1, 0, message, 0.0)
        assert all(words.words_of(moving, glyphs).texts)
        assert all(words_of(message))
        assert style_of(message)
        assert "n1" in message_text(1, 0, message)
        assert "n1" in narrator.message_text(1, 0, message)
    assert request_text(request_of(rpc)).endswith("term 3")
